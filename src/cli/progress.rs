//! Progress on stderr: a bar on a terminal, a line every few seconds elsewhere.

use super::{interrupt, say};
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use layerlens::progress::{Observer, Reporter};
use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Form of the progress display.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProgressMode {
    /// A bar if stderr is a terminal, lines if not
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
        Self { mode, bars: mode == ProgressMode::Auto && std::io::stderr().is_terminal() }
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
            last_line: Mutex::new(now),
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
    last_line: Mutex<Instant>,
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
            let Ok(mut last) = self.last_line.lock() else { return };
            if last.elapsed() >= LINE_EVERY && done < total {
                *last = Instant::now();
                let elapsed = self.start.elapsed().as_secs_f64();
                let left = elapsed / done.max(1) as f64 * (total - done) as f64;
                let metrics =
                    if metrics.is_empty() { String::new() } else { format!(", {metrics}") };
                say(&format!(
                    "{}: {done} of {total}, {elapsed:.0} s, {left:.0} s left{metrics}",
                    self.name
                ));
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
