//! A page in a window and a profile of its own, and what a person does with it.

use crate::chromium::{Chromium, PATIENCE, browser};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Modifier keys, as the browser numbers them.
pub const ALT: u32 = 1;
pub const SHIFT: u32 = 8;

/// An open page. When it is closed it must have been quiet: no console message, no exception, no
/// dialog, no request but its own.
pub struct Page {
    browser: &'static Chromium,
    context: String,
    session: String,
    url: String,
}

/// How a page is opened, for those that are not opened as usual.
pub struct Opening<'a> {
    pub browser: &'static Chromium,
    /// What follows the file's name: `?renderer=canvas#space=raw`.
    pub suffix: &'a str,
    pub size: (u32, u32),
    /// Pixels of the screen for one of the page.
    pub scale: f64,
    /// Media features, such as `prefers-color-scheme`.
    pub media: &'a [(&'a str, &'a str)],
    pub scripts: bool,
}

impl<'a> Opening<'a> {
    /// In the shared browser, 1280 x 800.
    pub fn usual(suffix: &'a str) -> Option<Self> {
        Some(Self {
            browser: browser()?,
            suffix,
            size: (1280, 800),
            scale: 1.0,
            media: &[],
            scripts: true,
        })
    }

    /// Opens the file and waits for its load event.
    #[track_caller]
    pub fn load(&self, file: &Path) -> Page {
        let browser = self.browser;
        let of = |value: Value, key: &str| value[key].as_str().unwrap().to_owned();
        let context =
            of(browser.call(None, "Target.createBrowserContext", json!({})), "browserContextId");
        let target = json!({"url": "about:blank", "browserContextId": context, "newWindow": true});
        let target = of(browser.call(None, "Target.createTarget", target), "targetId");
        let attach = json!({"targetId": target, "flatten": true});
        let session = of(browser.call(None, "Target.attachToTarget", attach), "sessionId");
        let url = format!("file://{}{}", file.display(), self.suffix).replace(' ', "%20");
        let page = Page { browser, context, session, url };
        for domain in ["Page", "Runtime", "Log", "Network"] {
            page.call(&format!("{domain}.enable"), json!({}));
        }
        page.call("Emulation.setFocusEmulationEnabled", json!({"enabled": true}));
        page.resize(self.size.0, self.size.1, self.scale);
        page.media(self.media);
        page.call("Emulation.setScriptExecutionDisabled", json!({"value": !self.scripts}));
        page.navigate();
        page
    }

    /// The same; waits for the first drawn frame too.
    #[track_caller]
    pub fn open(&self, file: &Path) -> Page {
        let page = self.load(file);
        page.until_ready();
        page
    }
}

impl Page {
    #[track_caller]
    pub fn call(&self, method: &str, params: Value) -> Value {
        self.browser.call(Some(&self.session), method, params)
    }

    #[track_caller]
    fn navigate(&self) {
        self.call("Page.navigate", json!({"url": self.url}));
        let end = Instant::now() + PATIENCE;
        // One of the blank page may be among them.
        let loaded = || self.call("Runtime.evaluate", json!({"expression": "0"}));
        while self.browser.events(&self.session, "Page.loadEventFired").is_empty() {
            assert!(Instant::now() < end, "{} was not loaded", self.url);
            loaded();
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[track_caller]
    pub fn until_ready(&self) {
        self.until("document.querySelector('#explorer')?.dataset.ready === 'true'");
    }

    /// The value of a JavaScript expression, awaited.
    #[track_caller]
    pub fn eval(&self, expression: &str) -> Value {
        self.try_eval(expression)
            .unwrap_or_else(|error| panic!("{expression}: {error}\nconsole: {:#?}", self.noise()))
    }

    fn try_eval(&self, expression: &str) -> Result<Value, String> {
        let params = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let mut result = self.browser.answer(Some(&self.session), "Runtime.evaluate", params)?;
        let exception = &result["exceptionDetails"];
        if exception.is_null() {
            return Ok(result["result"]["value"].take());
        }
        Err(exception["exception"]["description"]
            .as_str()
            .map_or_else(|| exception.to_string(), str::to_owned))
    }

    #[track_caller]
    pub fn number(&self, expression: &str) -> f64 {
        let value = self.eval(expression);
        value.as_f64().unwrap_or_else(|| panic!("{expression} is {value}"))
    }

    #[track_caller]
    pub fn string(&self, expression: &str) -> String {
        let value = self.eval(expression);
        value.as_str().unwrap_or_else(|| panic!("{expression} is {value}")).to_owned()
    }

    /// The text of an element, white space as single blanks.
    #[track_caller]
    pub fn text(&self, selector: &str) -> String {
        self.string(&format!(
            "document.querySelector({selector:?}).innerText.replace(/\\s+/g, ' ').trim()"
        ))
    }

    /// Waits until an expression is true.
    #[track_caller]
    pub fn until(&self, expression: &str) {
        let end = Instant::now() + PATIENCE / 3;
        loop {
            let value = self.try_eval(expression);
            if value.as_ref().is_ok_and(|value| value == true) {
                return;
            }
            assert!(
                Instant::now() < end,
                "never true: {expression}\nat last: {value:?}\nconsole: {:#?}",
                self.noise()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits for two drawn frames: what was asked for before is on the screen then.
    #[track_caller]
    pub fn frames(&self) {
        self.eval(
            "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => \
            done(0))))",
        );
    }

    pub fn mouse(&self, kind: &str, at: (f64, f64), buttons: u32, modifiers: u32, clicks: u32) {
        let button = if buttons == 0 && kind == "mouseMoved" { "none" } else { "left" };
        let params = json!({"type": kind, "x": at.0, "y": at.1, "button": button, "buttons": buttons, "modifiers": modifiers, "clickCount": clicks});
        self.call("Input.dispatchMouseEvent", params);
    }

    pub fn move_to(&self, at: (f64, f64)) {
        self.mouse("mouseMoved", at, 0, 0, 0);
    }

    /// Moves there and clicks `n` times.
    pub fn click_at(&self, at: (f64, f64), n: u32) {
        self.move_to(at);
        for click in 1..=n {
            self.mouse("mousePressed", at, 1, 0, click);
            self.mouse("mouseReleased", at, 0, 0, click);
        }
    }

    /// Scrolls to an element and clicks its middle `n` times.
    #[track_caller]
    pub fn click_times(&self, selector: &str, n: u32) {
        let middle = self.eval(&format!(
            "(() => {{ const e = document.querySelector({selector:?}); e.scrollIntoView({{block: 'nearest', behavior: 'instant'}});
            const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; }})()"
        ));
        self.click_at((middle[0].as_f64().unwrap(), middle[1].as_f64().unwrap()), n);
    }

    #[track_caller]
    pub fn click(&self, selector: &str) {
        self.click_times(selector, 1);
    }

    /// Presses the button at the first corner and releases it after the last.
    pub fn drag(&self, corners: &[(f64, f64)], modifiers: u32) {
        self.move_to(corners[0]);
        self.mouse("mousePressed", corners[0], 1, modifiers, 1);
        for corner in corners {
            self.mouse("mouseMoved", *corner, 1, modifiers, 0);
        }
        self.mouse("mouseReleased", corners[corners.len() - 1], 0, modifiers, 1);
    }

    /// Presses and releases a key: a character, or a name such as `ArrowLeft`.
    pub fn key(&self, key: &str, modifiers: u32) {
        let code = match key {
            "Tab" => 9,
            "Enter" => 13,
            "Escape" => 27,
            " " => 32,
            "ArrowLeft" => 37,
            "ArrowUp" => 38,
            "ArrowRight" => 39,
            "ArrowDown" => 40,
            _ => u32::from(key.as_bytes()[0].to_ascii_uppercase()),
        };
        let mut down = json!({"type": "keyDown", "key": key, "windowsVirtualKeyCode": code, "modifiers": modifiers});
        let text = if key == "Enter" { "\r" } else { key };
        if text.len() == 1 {
            down["text"] = text.into();
        }
        self.call("Input.dispatchKeyEvent", down);
        self.call(
            "Input.dispatchKeyEvent",
            json!({"type": "keyUp", "key": key, "windowsVirtualKeyCode": code, "modifiers": modifiers}),
        );
    }

    pub fn resize(&self, width: u32, height: u32, scale: f64) {
        let params =
            json!({"width": width, "height": height, "deviceScaleFactor": scale, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", params);
    }

    pub fn media(&self, features: &[(&str, &str)]) {
        let features: Vec<Value> =
            features.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
        self.call("Emulation.setEmulatedMedia", json!({"features": features}));
    }

    /// Where a point is drawn, in pixels of the window.
    #[track_caller]
    pub fn screen(&self, id: &str, pane: usize) -> (f64, f64) {
        let at = self.eval(&format!("(({{x, y}}) => [x, y])(layerlens.screen({id:?}, {pane}))"));
        (at[0].as_f64().unwrap(), at[1].as_f64().unwrap())
    }

    /// Clicks an element that saves a file, and returns the file's name and contents.
    #[track_caller]
    pub fn download(&self, selector: &str) -> (String, Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        let params = json!({"behavior": "allow", "browserContextId": self.context, "downloadPath": folder.path(), "eventsEnabled": true});
        self.call("Browser.setDownloadBehavior", params);
        self.click(selector);
        let end = Instant::now() + PATIENCE / 2;
        loop {
            let files =
                std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
            let whole = files
                .into_iter()
                .find(|path| path.extension().is_none_or(|extension| extension != "crdownload"));
            if let Some(path) =
                whole.filter(|path| path.metadata().is_ok_and(|metadata| metadata.len() > 0))
            {
                return (
                    path.file_name().unwrap().to_string_lossy().into_owned(),
                    std::fs::read(path).unwrap(),
                );
            }
            assert!(Instant::now() < end, "{selector} saved nothing\nconsole: {:#?}", self.noise());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The window as it is drawn.
    pub fn screenshot(&self) -> image::RgbImage {
        let shot = self.call("Page.captureScreenshot", json!({"format": "png"}));
        image::load_from_memory(&STANDARD.decode(shot["data"].as_str().unwrap()).unwrap())
            .unwrap()
            .to_rgb8()
    }

    /// Everything that a page should not do: messages, exceptions, dialogs, and requests other than
    /// for itself.
    pub fn noise(&self) -> Vec<String> {
        let events = |method: &str| self.browser.events(&self.session, method);
        let mut noise = Vec::new();
        for method in [
            "Runtime.consoleAPICalled",
            "Runtime.exceptionThrown",
            "Log.entryAdded",
            "Page.javascriptDialogOpening",
        ] {
            noise.extend(events(method).iter().map(|event| format!("{method}: {event}")));
        }
        let own = self.url.split(['?', '#']).next().unwrap();
        let urls = events("Network.requestWillBeSent")
            .into_iter()
            .map(|event| event["request"]["url"].as_str().unwrap().to_owned());
        // These never leave the page.
        let inner = |url: &str| {
            url.starts_with("data:")
                || url.starts_with("blob:")
                || url.split(['?', '#']).next() == Some(own)
        };
        noise.extend(urls.filter(|url| !inner(url)).map(|url| format!("request: {url}")));
        noise
    }

    /// Where a failed test leaves its screenshot.
    fn picture(&self) -> PathBuf {
        let name = std::thread::current().name().unwrap_or("test").replace("::", "_");
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.png"))
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let noise = self.noise();
        if std::thread::panicking() {
            let params = json!({"format": "png"});
            if let Ok(shot) =
                self.browser.answer(Some(&self.session), "Page.captureScreenshot", params)
            {
                let path = self.picture();
                let _ = std::fs::write(
                    &path,
                    STANDARD.decode(shot["data"].as_str().unwrap_or_default()).unwrap_or_default(),
                );
                eprintln!("the page as it was: {}", path.display());
            }
        }
        let _ = self.browser.answer(
            None,
            "Target.disposeBrowserContext",
            json!({"browserContextId": self.context}),
        );
        assert!(std::thread::panicking() || noise.is_empty(), "the page was not quiet: {noise:#?}");
    }
}
