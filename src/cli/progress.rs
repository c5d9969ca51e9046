//! Progress on stderr: a bar on a terminal, a line every few seconds elsewhere.

use super::console::is_lively;
use super::{interrupt, say};
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use layerlens::progress::{Observer, Reporter};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Form of the progress display.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProgressMode {
    /// A bar if stderr is a terminal and CI is not true, else lines
    Auto,
    /// A line every few seconds
    Plain,
    /// Nothing
    None,
}

/// Time between two lines.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Shows the stages of a run.
#[derive(Debug)]
pub struct Terminal {
    mode: ProgressMode,
    bars: bool,
}

impl Terminal {
    pub fn new(mode: ProgressMode) -> Self {
        Self { mode, bars: mode == ProgressMode::Auto && is_lively() }
    }
}

impl Reporter for Terminal {
    fn stage(&self, name: &str) -> Box<dyn Observer + '_> {
        let bar = ProgressBar::new(0);
        bar.set_draw_target(if self.bars {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        });
        let style = ProgressStyle::with_template(
            "{msg:<32} {wide_bar} {percent:>3} % {elapsed:>4}, {eta:>4} left {prefix}",
        );
        if let Ok(style) = style {
            bar.set_style(style);
        }
        bar.set_message(name.to_owned());
        let now = Instant::now();
        Box::new(Stage {
            name: name.to_owned(),
            mode: self.mode,
            bars: self.bars,
            bar,
            start: now,
            counting: Mutex::new(Counting { begun: now, done: 0, total: 0, last_line: now }),
        })
    }

    fn note(&self, text: &str) {
        if self.mode != ProgressMode::None {
            say(text);
        }
    }
}

struct Stage {
    name: String,
    mode: ProgressMode,
    bars: bool,
    bar: ProgressBar,
    start: Instant,
    counting: Mutex<Counting>,
}

/// A count that is under way: a stage may have several, one after another.
struct Counting {
    begun: Instant,
    done: u64,
    total: u64,
    last_line: Instant,
}

impl Observer for Stage {
    fn progress(&self, done: u64, total: u64, metrics: &[(&str, f64)]) {
        let metrics = metrics
            .iter()
            .map(|(name, value)| format!("{name} {value:.4}"))
            .collect::<Vec<_>>()
            .join(", ");
        if self.bars {
            self.bar.set_length(total);
            self.bar.set_position(done);
            self.bar.set_prefix(metrics);
        } else if self.mode != ProgressMode::None {
            let Ok(mut counting) = self.counting.lock() else { return };
            if total != counting.total || done < counting.done {
                counting.begun = Instant::now();
            }
            (counting.done, counting.total) = (done, total);
            if counting.last_line.elapsed() >= LINE_EVERY && done < total {
                counting.last_line = Instant::now();
                let elapsed = self.start.elapsed().as_secs_f64();
                let so_far = counting.begun.elapsed().as_secs_f64();
                // Of nothing yet, nothing can be estimated.
                let left = match done {
                    0 => String::new(),
                    _ => format!(", {:.0} s left", so_far / done as f64 * (total - done) as f64),
                };
                let metrics =
                    if metrics.is_empty() { String::new() } else { format!(", {metrics}") };
                say(&format!("{}: {done} of {total}, {elapsed:.0} s{left}{metrics}", self.name));
            }
        }
    }

    fn is_cancelled(&self) -> bool {
        interrupt::asked()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
        if self.mode != ProgressMode::None {
            say(&format!("{:<32} {:>7.1} s", self.name, self.start.elapsed().as_secs_f64()));
        }
    }
}
