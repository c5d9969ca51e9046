//! Long work: on a thread of its own, without the interpreter's lock, while the calling thread
//! answers signals and passes progress on.

use crate::errors::{python_names, raised};
use layerlens::Error;
use layerlens::compute::{Description, Device, DeviceChoice, DeviceKind, GpuOptions};
use layerlens::matrix::Matrix;
use layerlens::progress::{Observer, Reporter};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use rayon::ThreadPoolBuilder;
use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Time between two looks at the signals.
const SLICE: Duration = Duration::from_millis(50);
/// Time between two reports of progress.
const REPORT_EVERY: Duration = Duration::from_millis(100);

/// How work is done: on which device, with how many threads, and who is told.
#[pyclass(frozen, module = "layerlens._native")]
#[derive(Debug)]
pub struct How {
    device: DeviceChoice,
    n_jobs: usize,
    /// Called with (stage, done, total, figures).
    progress: Option<Py<PyAny>>,
    /// Called with (iteration, loss, embedding); `True` ends the work with what there is.
    callback: Option<Py<PyAny>>,
    /// Iterations from one call to the next.
    callback_every: u64,
    /// Called with each note.
    note: Option<Py<PyAny>>,
}

#[pymethods]
impl How {
    /// `n_jobs` is the number of threads, 0 for all.
    #[new]
    #[pyo3(signature = (device, n_jobs, *, progress=None, callback=None, callback_every=1, note=None))]
    fn new(
        device: &str,
        n_jobs: usize,
        progress: Option<Py<PyAny>>,
        callback: Option<Py<PyAny>>,
        callback_every: u64,
        note: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let device = choice(device)?;
        Ok(Self { device, n_jobs, progress, callback, callback_every, note })
    }
}

fn choice(device: &str) -> PyResult<DeviceChoice> {
    match device {
        "auto" => Ok(DeviceChoice::Auto),
        "cpu" => Ok(DeviceChoice::Cpu),
        "gpu" => Ok(DeviceChoice::Gpu),
        other => Err(PyValueError::new_err(format!(
            "device = '{other}': expected 'auto', 'cpu' or 'gpu'"
        ))),
    }
}

/// Name and kind of the device that a choice takes here, and the reason.
#[pyfunction]
pub fn describe_device(py: Python<'_>, device: &str) -> PyResult<(String, String, String)> {
    let choice = choice(device)?;
    let (_, Description { kind, name, reason, .. }) = py.detach(|| opened(choice))?;
    Ok((kind.to_string(), name, reason))
}

/// Devices that were opened before, by the choice that they are of.
#[derive(Default)]
struct Opened {
    /// The process that opened them.
    process: u32,
    devices: BTreeMap<u8, (Device, Description)>,
}

/// A GPU is opened once.
static OPENED: Mutex<Option<Opened>> = Mutex::new(None);

fn opened(choice: DeviceChoice) -> PyResult<(Device, Description)> {
    let options = GpuOptions {
        adapter: std::env::var("LAYERLENS_ADAPTER").ok().filter(|name| !name.is_empty()),
        ..GpuOptions::default()
    };
    if choice == DeviceChoice::Cpu {
        return Device::open(choice, &options).map_err(raised);
    }
    let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    let own = || Opened { process: std::process::id(), ..Opened::default() };
    let Opened { process, devices } = opened.get_or_insert_with(own);
    let found = match devices.get(&(choice as u8)) {
        Some(found) => found.clone(),
        None => {
            let found = Device::open(choice, &options).map_err(raised)?;
            devices.insert(choice as u8, found.clone());
            found
        }
    };
    if found.0.kind() == DeviceKind::Gpu && *process != std::process::id() {
        return Err(PyRuntimeError::new_err(
            "this process was forked from one that uses the GPU, which a fork cannot share: start \
             processes by 'spawn' or 'forkserver', or use device='cpu'",
        ));
    }
    Ok(found)
}

/// What the working thread tells the calling one.
enum Event {
    Progress { stage: String, done: u64, total: u64, figures: Vec<(String, f64)> },
    Embedding { done: u64, loss: Option<f64>, embedding: Matrix, answered: Sender<()> },
    Note(String),
    Done,
}

/// Flags that the calling thread sets and the working one reads.
#[derive(Default)]
struct Asked {
    to_cancel: AtomicBool,
    to_stop: AtomicBool,
}

/// Observer and reporter of the working thread.
pub struct Watcher<'a> {
    events: Sender<Event>,
    asked: &'a Asked,
    stage: String,
    started: Instant,
    reported: AtomicU64,
    wants_progress: bool,
    callback_every: Option<u64>,
}

impl<'a> Watcher<'a> {
    /// The same for another stage of the work.
    pub fn named(&self, stage: &str) -> Watcher<'a> {
        Watcher {
            events: self.events.clone(),
            asked: self.asked,
            stage: stage.to_owned(),
            started: Instant::now(),
            reported: AtomicU64::new(0),
            wants_progress: self.wants_progress,
            callback_every: self.callback_every,
        }
    }

    // The calling thread listens as long as the work goes on.
    fn tell(&self, event: Event) {
        let _ = self.events.send(event);
    }
}

impl Observer for Watcher<'_> {
    fn progress(&self, done: u64, total: u64, figures: &[(&str, f64)]) {
        if !self.wants_progress {
            return;
        }
        let now = self.started.elapsed().as_millis() as u64;
        let due = self.reported.load(Ordering::Relaxed);
        if now < due && done < total {
            return;
        }
        self.reported.store(now + REPORT_EVERY.as_millis() as u64, Ordering::Relaxed);
        let figures = figures.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
        self.tell(Event::Progress { stage: self.stage.clone(), done, total, figures });
    }

    fn is_cancelled(&self) -> bool {
        self.asked.to_cancel.load(Ordering::Relaxed)
    }

    fn is_satisfied(&self) -> bool {
        self.asked.to_stop.load(Ordering::Relaxed)
    }

    fn wants_embedding(&self, done: u64) -> bool {
        self.callback_every.is_some_and(|every| done.is_multiple_of(every))
    }

    fn embedding(&self, done: u64, loss: Option<f64>, embedding: &Matrix) {
        let (answered, answer) = channel();
        self.tell(Event::Embedding { done, loss, embedding: embedding.clone(), answered });
        // The answer may be that nobody listens any more.
        let _ = answer.recv();
    }
}

impl Reporter for Watcher<'_> {
    fn stage(&self, name: &str) -> Box<dyn Observer + '_> {
        Box::new(self.named(name))
    }

    fn note(&self, text: &str) {
        self.tell(Event::Note(python_names(text)));
    }
}

impl How {
    /// Does the work on the device that was chosen; if `auto` chose a GPU and that fails, on the
    /// CPU.
    pub fn run<T: Send>(
        &self,
        py: Python<'_>,
        work: impl Fn(&Device, &Description, &Watcher<'_>) -> Result<T, Error> + Sync,
    ) -> PyResult<T> {
        let (device, description) = py.detach(|| opened(self.device))?;
        let asked = Asked::default();
        let (events, told) = channel();
        let told = Mutex::new(told);
        let watcher = Watcher {
            events: events.clone(),
            asked: &asked,
            stage: String::new(),
            started: Instant::now(),
            reported: AtomicU64::new(0),
            wants_progress: self.progress.is_some(),
            callback_every: self.callback.as_ref().map(|_| self.callback_every.max(1)),
        };
        let work = || {
            let done = work(&device, &description, &watcher);
            match done {
                Err(error) => match Device::instead_of(&description, &error) {
                    Some((cpu, instead)) => {
                        watcher.note(&format!("{}; on the CPU instead", instead.reason));
                        work(&cpu, &instead, &watcher)
                    }
                    None => Err(error),
                },
                done => done,
            }
        };
        // A pool of its own for every call: threads of an earlier one would not survive a fork.
        let pool = ThreadPoolBuilder::new().num_threads(self.n_jobs).build();
        let pool = pool.map_err(|error| PyRuntimeError::new_err(error.to_string()))?;
        let outcome = std::thread::scope(|scope| {
            let worker = scope.spawn(|| {
                let outcome = catch_unwind(AssertUnwindSafe(|| pool.install(work)));
                let _ = events.send(Event::Done);
                outcome
            });
            let raised = self.listen(py, &told, &asked);
            (py.detach(|| worker.join()), raised)
        });
        match outcome {
            (_, Some(exception)) => Err(exception),
            (Ok(Ok(result)), None) => result.map_err(raised),
            (Ok(Err(panic)) | Err(panic), None) => Err(fault(&*panic)),
        }
    }

    /// Passes everything on that the working thread tells, until it is done. Returns what a
    /// callback or a signal raised; the work is cancelled then.
    fn listen(
        &self,
        py: Python<'_>,
        told: &Mutex<Receiver<Event>>,
        asked: &Asked,
    ) -> Option<PyErr> {
        let mut raised = None;
        loop {
            // Nobody else waits: the lock makes the channel one that a closure may borrow.
            let event = py
                .detach(|| told.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(SLICE));
            let outcome = match event {
                Ok(Event::Done) | Err(RecvTimeoutError::Disconnected) => return raised,
                // After an exception nothing is passed on.
                Ok(_) if raised.is_some() => Ok(()),
                Ok(event) => self.pass_on(py, event, asked),
                Err(RecvTimeoutError::Timeout) => Ok(()),
            };
            if let Err(exception) = outcome.and_then(|()| py.check_signals()) {
                asked.to_cancel.store(true, Ordering::Relaxed);
                raised.get_or_insert(exception);
            }
        }
    }

    fn pass_on(&self, py: Python<'_>, event: Event, asked: &Asked) -> PyResult<()> {
        match (event, &self.progress, &self.callback, &self.note) {
            (Event::Progress { stage, done, total, figures }, Some(progress), ..) => {
                progress.call1(py, (stage, done, total, figures)).map(drop)
            }
            (Event::Embedding { done, loss, embedding, answered }, _, Some(callback), _) => {
                let embedding = crate::arrays::array(py, embedding)?;
                let answer = callback.call1(py, (done, loss, embedding))?;
                if answer.is_truthy(py)? {
                    asked.to_stop.store(true, Ordering::Relaxed);
                }
                let _ = answered.send(());
                Ok(())
            }
            (Event::Note(text), .., Some(note)) => note.call1(py, (text,)).map(drop),
            _ => Ok(()),
        }
    }
}

fn fault(panic: &(dyn Any + Send)) -> PyErr {
    let message = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("it panicked");
    PyRuntimeError::new_err(format!("this is a fault of Layerlens: {message}"))
}
