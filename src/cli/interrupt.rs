//! Ctrl-C: the first ends the work at the next step, with nothing half-written; the second ends the process at once.

use anyhow::{Context, Result};
use std::sync::atomic::{AtomicBool, Ordering};

static ASKED: AtomicBool = AtomicBool::new(false);

/// Watches for Ctrl-C, SIGTERM and SIGHUP.
pub fn watch() -> Result<()> {
    ctrlc::set_handler(|| {
        if ASKED.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
        eprintln!("\nstopping at the next step; once more to stop at once");
    })
    .context("cannot watch for Ctrl-C")
}

/// Whether the user asked for an end.
pub fn asked() -> bool {
    ASKED.load(Ordering::SeqCst)
}
