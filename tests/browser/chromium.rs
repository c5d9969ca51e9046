//! Chromium, driven over its debugging pipe: it reads commands from file descriptor 3 and writes
//! answers and events to 4, each a JSON text that a zero byte ends.

use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// Set to 1 where a missing browser must fail the tests instead of skipping them.
pub const REQUIRE_BROWSER: &str = "LAYERLENS_REQUIRE_BROWSER";
/// Names the browser to take.
const BROWSER: &str = "LAYERLENS_BROWSER";
/// How long anything may take: far longer than it does on a slow machine with other work.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Quiet, without a sandbox (tests may run as root), and WebGL on the CPU.
const FLAGS: [&str; 13] = [
    "--headless",
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
    "--disable-dev-shm-usage",
    "--force-color-profile=srgb",
    "--remote-debugging-pipe",
];
const SOFTWARE_GL: [&str; 2] = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader"];
/// The browser reads until this process has ended, however it ends; then it ends itself, and its
/// folder is removed.
const SCRIPT: &str = r#"folder=$1; shift; "$0" --user-data-dir="$folder" "$@" 3<&0 4>&1 </dev/null >/dev/null 2>"$folder/stderr"; rm -rf "$folder""#;

/// A started browser.
pub struct Chromium {
    commands: Mutex<ChildStdin>,
    last: AtomicU64,
    inbox: Mutex<Inbox>,
    arrived: Condvar,
    folder: PathBuf,
}

/// What has come and nobody has fetched.
#[derive(Default)]
struct Inbox {
    answers: HashMap<u64, Value>,
    /// By session.
    events: HashMap<String, Vec<Value>>,
    closed: bool,
}

/// The browser that the tests share, or none if this machine has none.
///
/// # Panics
/// If there is none and `LAYERLENS_REQUIRE_BROWSER` is 1, or it does not start.
pub fn browser() -> Option<&'static Chromium> {
    static STARTED: OnceLock<Option<&'static Chromium>> = OnceLock::new();
    *STARTED.get_or_init(|| Some(Chromium::start(&program()?, &SOFTWARE_GL)))
}

/// One without WebGL.
pub fn browser_without_webgl() -> Option<&'static Chromium> {
    static STARTED: OnceLock<Option<&'static Chromium>> = OnceLock::new();
    *STARTED.get_or_init(|| Some(Chromium::start(&program()?, &["--disable-3d-apis"])))
}

fn program() -> Option<PathBuf> {
    let named = std::env::var_os(BROWSER).map(PathBuf::from);
    let search = std::env::var_os("PATH").unwrap_or_default();
    let folders = || std::env::split_paths(&search);
    let usual = ["chromium", "chromium-browser", "google-chrome"];
    let found = named.or_else(|| {
        usual
            .iter()
            .find_map(|name| folders().map(|folder| folder.join(name)).find(|path| path.is_file()))
    });
    if found.is_none() {
        let reason = "no chromium, chromium-browser or google-chrome in PATH";
        assert!(
            std::env::var(REQUIRE_BROWSER).as_deref() != Ok("1"),
            "{REQUIRE_BROWSER} is 1, and there is {reason}"
        );
        // Past the capture of the test harness, which takes the print macros only.
        let line = format!(
            "SKIPPED, the tests in a browser: {reason}; {REQUIRE_BROWSER}=1 makes this a failure"
        );
        writeln!(std::io::stderr(), "{line}").expect("standard error can be written");
    }
    found
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Chromium {
    fn start(program: &PathBuf, flags: &[&str]) -> &'static Self {
        let folder = tempfile::tempdir().unwrap().keep();
        let mut command = Command::new("sh");
        command
            .args(["-c", SCRIPT])
            .arg(program)
            .arg(&folder)
            .args(FLAGS)
            .args(flags)
            .arg("about:blank");
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (commands, answers) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let started = Self {
            commands: Mutex::new(commands),
            last: AtomicU64::new(0),
            inbox: Mutex::default(),
            arrived: Condvar::new(),
            folder,
        };
        // Until the end of this process.
        let started: &'static Self = Box::leak(Box::new(started));
        std::thread::spawn(move || {
            started.listen(answers);
            let _ = child.wait();
        });
        started.call(None, "Browser.getVersion", json!({}));
        started
    }

    fn listen(&self, answers: ChildStdout) {
        for message in BufReader::new(answers).split(0).map_while(Result::ok) {
            let message: Value = serde_json::from_slice(&message).expect("the browser writes JSON");
            let mut inbox = locked(&self.inbox);
            if let Some(id) = message["id"].as_u64() {
                inbox.answers.insert(id, message);
            } else if let Some(session) = message["sessionId"].as_str() {
                // A page with an open dialog answers nothing.
                if message["method"] == "Page.javascriptDialogOpening" {
                    let _ = self.send(
                        Some(session),
                        "Page.handleJavaScriptDialog",
                        &json!({"accept": false}),
                    );
                }
                let session = session.to_owned();
                inbox.events.entry(session).or_default().push(message);
            }
            self.arrived.notify_all();
        }
        locked(&self.inbox).closed = true;
        self.arrived.notify_all();
    }

    /// Sends a command and waits for its result.
    #[track_caller]
    pub fn call(&self, session: Option<&str>, method: &str, params: Value) -> Value {
        match self.answer(session, method, params) {
            Ok(result) => result,
            Err(error) => panic!("{method}: {error}"),
        }
    }

    /// The same, with what went wrong.
    pub fn answer(
        &self,
        session: Option<&str>,
        method: &str,
        params: Value,
    ) -> Result<Value, String> {
        let id = self.send(session, method, &params)?;
        let end = Instant::now() + PATIENCE;
        let mut inbox = locked(&self.inbox);
        loop {
            if let Some(mut message) = inbox.answers.remove(&id) {
                let error = &message["error"];
                return if error.is_null() {
                    Ok(message["result"].take())
                } else {
                    Err(error.to_string())
                };
            }
            let left = end.saturating_duration_since(Instant::now());
            if inbox.closed || left.is_zero() {
                let what = if inbox.closed { "the browser has ended" } else { "no answer in time" };
                return Err(format!("{what}; it said: {}", self.last_words()));
            }
            inbox =
                self.arrived.wait_timeout(inbox, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Sends a command; its number.
    fn send(&self, session: Option<&str>, method: &str, params: &Value) -> Result<u64, String> {
        let id = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let mut message = json!({"id": id, "method": method, "params": params});
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        let sent = locked(&self.commands).write_all(format!("{message}\0").as_bytes());
        sent.map_err(|error| format!("{error}; the browser said: {}", self.last_words()))?;
        Ok(id)
    }

    /// The events of a session so far whose method is `method`: their parameters.
    pub fn events(&self, session: &str, method: &str) -> Vec<Value> {
        let inbox = locked(&self.inbox);
        let events = inbox.events.get(session).into_iter().flatten();
        events
            .filter(|event| event["method"] == method)
            .map(|event| event["params"].clone())
            .collect()
    }

    fn last_words(&self) -> String {
        std::fs::read_to_string(self.folder.join("stderr")).unwrap_or_default()
    }
}
