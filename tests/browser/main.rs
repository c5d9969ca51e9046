//! The page as a person meets it: in a real browser, on reports that the program wrote. One binary, one browser; every test opens
//! pages of its own. A machine without Chromium skips them all and says so; set LAYERLENS_REQUIRE_BROWSER=1 to make that a failure.

mod chromium;
mod page;
mod trial;
