//! End of the program: its exit code and its last message, also after panics and signals.
//!
//! A fault of the program is reported as one, asks for a bug report, and leaves nothing
//! half-written: a panic unwinds, so that every unfinished file is removed on the way; where
//! nothing can unwind, for example when memory has run out, they are removed in the end.

use super::console::console;
use super::naming::{self, Elsewhere};
use super::{json, print_result, say};
use anyhow::Result;
use layerlens::Error;
use layerlens::format::quoted;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::{Mutex, PoisonError};

/// The exit code of errors outside the library: 1, as of a failure.
const FAILURE: u8 = 1;

/// The first panic of any thread.
static PANIC: Mutex<Option<Panic>> = Mutex::new(None);

/// Details of a panic.
#[derive(Clone, Debug)]
struct Panic {
    message: String,
    /// File, line and thread.
    place: String,
}

/// Does the work and returns 0, or the exit code of its error, which is printed.
pub fn end(work: impl FnOnce() -> Result<()>) -> u8 {
    std::panic::set_hook(Box::new(note));
    aborts::watch();
    let outcome = catch_unwind(AssertUnwindSafe(work));
    // Also one of a thread that nobody waited for: what it should have done is not done.
    let panic = PANIC.lock().unwrap_or_else(PoisonError::into_inner).take();
    let (words, kind, code) = match (outcome, panic) {
        (Ok(Ok(())), None) => return 0,
        (Ok(Err(error)), panic) => match (error.downcast_ref::<Error>(), panic) {
            (Some(Error::Fault { message, place }), None) => {
                (report(message, place), "fault", FAILURE)
            }
            (Some(Error::Fault { .. }), Some(panic)) => (panic.report(), "fault", FAILURE),
            // The library's messages are whole; those of others need their causes.
            (Some(ours), _) => {
                let elsewhere = error.downcast_ref().copied().unwrap_or(Elsewhere("another --out"));
                (naming::error(ours, elsewhere), json::kind(ours), naming::exit_code(ours))
            }
            (None, _) => (format!("{error:#}"), "other", FAILURE),
        },
        (_, Some(panic)) => (panic.report(), "fault", FAILURE),
        (Err(_), None) => (report("no message", "unknown"), "fault", FAILURE),
    };
    say(&format!("error: {words}"));
    if console().json {
        print_result(&json::failure(kind, code, &words));
    }
    code
}

/// Keeps the first panic; it is reported in the end, when everything that it stopped has been
/// tidied up.
fn note(info: &PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let at = info.location().map_or_else(|| "unknown".into(), ToString::to_string);
    let panic = Panic {
        message: info.payload_as_str().unwrap_or("no message").to_owned(),
        place: format!("{at}, thread {}", thread.name().unwrap_or("without a name")),
    };
    PANIC.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(panic);
}

impl Panic {
    fn report(&self) -> String {
        report(&self.message, &self.place)
    }
}

/// The last words of a program that has a fault: what happened, and what to send.
fn report(message: &str, place: &str) -> String {
    let command = super::argv().iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    format!(
        "this is a fault of the program: {message}\nNothing half-written was left. Please \
         report it, with these lines and the files that were read, if you may:\n  version: \
         layerlens {}, {os} {arch}\n  command: {command}\n  message: {message}\n  place:   \
         {place}",
        env!("CARGO_PKG_VERSION")
    )
}

/// Memory that was refused, for the last words.
pub mod memory {
    use std::alloc::{GlobalAlloc, Layout, System};
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Size of the block that was refused last.
    pub static REFUSED: AtomicUsize = AtomicUsize::new(0);

    /// The system's memory.
    pub struct Memory;

    fn noted(block: *mut u8, size: usize) -> *mut u8 {
        if block.is_null() {
            REFUSED.store(size, Ordering::Relaxed);
        }
        block
    }

    // SAFETY: every call goes to the system's allocator as it came.
    unsafe impl GlobalAlloc for Memory {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            // SAFETY: the caller's.
            noted(unsafe { System.alloc(layout) }, layout.size())
        }

        unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
            // SAFETY: the caller's.
            noted(unsafe { System.alloc_zeroed(layout) }, layout.size())
        }

        unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
            // SAFETY: the caller's.
            noted(unsafe { System.realloc(block, layout, size) }, size)
        }

        unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
            // SAFETY: the caller's.
            unsafe { System.dealloc(block, layout) }
        }
    }
}

/// Ends that do not unwind: no memory, no stack, a panic during a panic, an assertion of a driver.
#[cfg(unix)]
mod aborts {
    use super::memory::REFUSED;
    use std::sync::atomic::Ordering;

    /// Has the system call [`aborted`] where the process would be aborted.
    pub fn watch() {
        let handler: extern "C" fn(libc::c_int) = aborted;
        // SAFETY: the handler only writes, removes files and ends the process.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = handler as *const () as usize;
            action.sa_flags = libc::SA_ONSTACK | libc::SA_RESETHAND;
            libc::sigaction(libc::SIGABRT, &action, std::ptr::null_mut());
        }
    }

    /// The words ask for no memory, as there may be none. Removing files may ask for some; where it
    /// gets none, they stay.
    extern "C" fn aborted(_: libc::c_int) {
        match REFUSED.load(Ordering::Relaxed) {
            0 => write(concat!(
                "error: the program was aborted by a fault of it or of a driver\nPlease report it, \
                 with the line above, the command line and:\n  version: layerlens ",
                env!("CARGO_PKG_VERSION"),
                "\n"
            )),
            size => {
                write("error: there is not enough memory: a block of ");
                write_number(size);
                write(" bytes was refused; take fewer points, or raise the limit (ulimit -v)\n");
            }
        }
        layerlens::files::remove_unfinished();
        // SAFETY: ends the process without running anything of it.
        unsafe { libc::_exit(1) }
    }

    fn write(text: &str) {
        // SAFETY: the bytes are those of the text; where stderr cannot be written nothing is to be
        // done.
        let _ = unsafe { libc::write(2, text.as_ptr().cast(), text.len()) };
    }

    fn write_number(mut number: usize) {
        let mut digits = [b'0'; 20];
        let mut first = 20;
        while number > 0 && first > 0 {
            first -= 1;
            digits[first] = b'0' + (number % 10) as u8;
            number /= 10;
        }
        write(std::str::from_utf8(&digits[first..]).unwrap_or_default());
    }
}

#[cfg(not(unix))]
mod aborts {
    pub fn watch() {}
}

/// The release binary has no way into a fault that is not one, so the tests start themselves: a
/// child process ends by the very functions that the program ends by, with a fault of our choice in
/// the work.
#[cfg(test)]
mod tests {
    use layerlens::compute::{Description, Device};
    use layerlens::dataset::{Dataset, Samples};
    use layerlens::embedding::first_shown;
    use layerlens::files::write_atomic;
    use layerlens::matrix::Matrix;
    use layerlens::neighbors::Search;
    use layerlens::progress::{Observer, Reporter};
    use layerlens::recipe::Blueprint;
    use layerlens::record::Destination;
    use layerlens::run::{Embed, Labelled, MethodChoice, Shown, embed};
    use layerlens::training::{Job, Training};
    use rayon::prelude::*;
    use std::path::{Path, PathBuf};
    use std::process::{Command, Stdio};

    const FAULT: &str = "LAYERLENS_TEST_FAULT";

    struct Ended {
        code: Option<i32>,
        stderr: String,
        left: Vec<PathBuf>,
    }

    /// Starts the child in `folder`.
    fn start(fault: &str, folder: &Path, stderr: impl Into<Stdio>) -> Ended {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["cli::ending::tests::child", "--exact", "--nocapture"]).env(FAULT, fault);
        let output =
            command.current_dir(folder).stdin(Stdio::null()).stderr(stderr).output().unwrap();
        let mut left: Vec<PathBuf> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        left.sort();
        Ended {
            code: output.status.code(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            left,
        }
    }

    /// Not a test: what [`start`] starts.
    #[test]
    fn child() {
        let Ok(fault) = std::env::var(FAULT) else { return };
        std::process::exit(super::end(|| work(&fault)).into());
    }

    fn work(fault: &str) -> anyhow::Result<()> {
        match fault {
            "main" => panic!("seven is not {}", 8),
            "worker" => (0..1000).into_par_iter().for_each(|at| assert!(at != 777, "in a worker")),
            "alone" => drop(std::thread::spawn(alone).join()),
            "writing" => write_atomic(Path::new("file"), |out| {
                out.write_all(&vec![1_u8; 1 << 21])?;
                panic!("in the middle of a file")
            })?,
            "training" => drop(train(&Panics)?),
            "training worker" => drop(train(&WorkerPanics)?),
            "run" => drop(embed(&job(), &Device::cpu(), &description(), &Panics)?),
            "abort" => write_atomic(Path::new("file"), |out| {
                out.write_all(&vec![1_u8; 1 << 21])?;
                std::process::abort()
            })?,
            "memory" => write_atomic(Path::new("file"), |out| {
                out.write_all(&vec![1_u8; 1 << 21])?;
                out.write_all(&vec![1_u8; 1 << 60])
            })?,
            other => unreachable!("{other}"),
        }
        Ok(())
    }

    fn alone() {
        panic!("nobody waits for this");
    }

    /// Fails at the first step of whatever it watches.
    struct Panics;

    impl Observer for Panics {
        fn progress(&self, _: u64, _: u64, _: &[(&str, f64)]) {
            panic!("at a step");
        }
    }

    impl Reporter for Panics {
        fn stage(&self, _: &str) -> Box<dyn Observer + '_> {
            Box::new(Self)
        }
    }

    /// The same in another thread.
    struct WorkerPanics;

    impl Observer for WorkerPanics {
        fn progress(&self, _: u64, _: u64, _: &[(&str, f64)]) {
            (0..1000).into_par_iter().for_each(|at| assert!(at != 777, "in a worker"));
        }
    }

    fn train(observer: &dyn Observer) -> layerlens::Result<()> {
        let data = Dataset::load("fashion-mnist-sample", None)?;
        let rows: Vec<usize> = (0..256).collect();
        let samples: Samples = data.train.select(&rows);
        let architecture = Blueprint::mlp(&[4]).build([28, 28, 1], 10)?;
        Training { epochs: 1, ..Training::default() }
            .train(&Device::cpu(), &Job::new(&architecture, &samples, &samples), observer)
            .map(drop)
    }

    fn job() -> Embed {
        let values = (0..200 * 3).map(|at| (at * at % 101) as f32).collect();
        Embed {
            title: "points".into(),
            class_names: Vec::new(),
            warnings: Vec::new(),
            fitted: Labelled { x: Matrix::new(values, 200, 3).unwrap(), labels: None },
            drawn: None,
            new: None,
            new_file: None,
            shown: Shown::default(),
            method: MethodChoice {
                name: first_shown().name.into(),
                parameters: Default::default(),
            },
            search: Search::default(),
            neighbors: None,
            inputs: Vec::new(),
            to: Destination { out: Some("run".into()), force: true, ..Destination::default() },
            seed: 1,
        }
    }

    fn description() -> Description {
        let (_, description) =
            Device::open(layerlens::compute::DeviceChoice::Cpu, &Default::default()).unwrap();
        description
    }

    #[test]
    fn a_panic_anywhere_ends_with_a_report_and_nothing_half_written() {
        let faults = [
            ("main", "seven is not 8"),
            ("worker", "in a worker"),
            ("alone", "nobody waits for this"),
            ("writing", "in the middle of a file"),
            ("training", "at a step"),
            ("training worker", "in a worker"),
        ];
        for (fault, message) in faults {
            let folder = tempfile::tempdir().unwrap();
            let Ended { code, stderr, left } = start(fault, folder.path(), Stdio::piped());
            assert_eq!((code, left), (Some(1), Vec::new()), "{fault}: {stderr}");
            assert!(
                stderr.starts_with(&format!("error: this is a fault of the program: {message}\n")),
                "{fault}: {stderr}"
            );
            let version = format!("version: layerlens {}", env!("CARGO_PKG_VERSION"));
            for part in [
                "Please report it",
                &version,
                "command: ",
                &format!("message: {message}"),
                "place:   src/cli/ending.rs:",
            ] {
                assert!(stderr.contains(part), "{fault}: {part} is not in {stderr}");
            }
            assert!(!stderr.contains("panicked"), "{stderr}");
        }
    }

    /// Nothing can be unwound, yet the unfinished file goes.
    #[cfg(unix)]
    #[test]
    fn an_abort_ends_with_a_message_and_nothing_half_written() {
        for (fault, parts) in [
            ("abort", ["aborted by a fault", "Please report it"]),
            ("memory", ["not enough memory", "a block of 1152921504606846976 bytes"]),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let Ended { code, stderr, left } = start(fault, folder.path(), Stdio::piped());
            assert_eq!((code, left), (Some(1), Vec::new()), "{fault}: {stderr}");
            assert!(parts.iter().all(|part| stderr.contains(part)), "{stderr}");
        }
    }

    #[test]
    fn a_run_that_ends_by_a_panic_says_so_and_gives_back_what_it_replaces() {
        let folder = tempfile::tempdir().unwrap();
        let ended = start("run", folder.path(), Stdio::piped());
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        let manifest = std::fs::read(folder.path().join("run/manifest.json")).unwrap();
        let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
        assert_eq!(
            (&manifest["status"], &manifest["error"]),
            (&"failed".into(), &"ended by a fault of the program".into())
        );
        assert_eq!(ended.left, [folder.path().join("run")]);
        // The one before comes back: of the new one no stage was finished.
        std::fs::write(folder.path().join("run/mine"), "").unwrap();
        let ended = start("run", folder.path(), Stdio::piped());
        assert_eq!(
            (ended.code, ended.left),
            (Some(1), vec![folder.path().join("run")]),
            "{}",
            ended.stderr
        );
        assert!(folder.path().join("run/mine").exists());
    }

    /// Where nothing can be printed, the exit code is still right.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_stderr_changes_nothing() {
        for fault in ["main", "worker", "training", "abort"] {
            let folder = tempfile::tempdir().unwrap();
            let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
            let ended = start(fault, folder.path(), full);
            assert_eq!((ended.code, ended.left), (Some(1), Vec::new()), "{fault}");
        }
    }
}
