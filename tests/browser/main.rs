//! The page as a person meets it: in a real browser, on reports that the program wrote. One browser
//! for all; every test opens pages of its own. A machine without Chromium skips them all and says
//! so; set LAYERLENS_REQUIRE_BROWSER=1 to make that a failure.
#![allow(clippy::too_many_lines, reason = "a test is read as one story")]

mod accessibility;
mod chromium;
mod colors;
mod epochs;
mod explorer;
mod hover;
mod injection;
mod keyboard;
mod lasso;
mod legend;
mod metadata;
mod page;
mod pictures;
mod profile;
#[path = "../cli/support.rs"]
#[expect(dead_code, reason = "the tests of the command line use the rest")]
mod program;
mod saving;
mod side_by_side;
mod sizes;
mod start;
mod state;
mod study;
mod tables;
