//! Ctrl-C: the first ends the work at the next step, with nothing half-written; the second ends the
//! process at once.

use super::say;
use anyhow::{Context, Result};
use std::sync::atomic::{AtomicBool, Ordering};

static ASKED: AtomicBool = AtomicBool::new(false);

/// Watches for Ctrl-C, SIGTERM and SIGHUP; what the caller ignores, as `nohup` does the last, stays
/// ignored.
pub fn watch() -> Result<()> {
    let ignored = ignored();
    ctrlc::set_handler(|| {
        if ASKED.swap(true, Ordering::SeqCst) {
            layerlens::files::remove_unfinished();
            std::process::exit(130);
        }
        say("\nstopping at the next step; once more to stop at once");
    })
    .context("cannot watch for Ctrl-C")?;
    ignore(&ignored);
    Ok(())
}

/// `true` if the user interrupted the program.
pub fn asked() -> bool {
    ASKED.load(Ordering::SeqCst)
}

/// Those of the watched signals that are ignored now.
#[cfg(unix)]
fn ignored() -> Vec<libc::c_int> {
    let is_ignored = |&signal: &libc::c_int| {
        // SAFETY: an all-zero sigaction is a valid value, and without a new action nothing but it
        // is written to.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            libc::sigaction(signal, std::ptr::null(), &mut action) == 0
                && action.sa_sigaction == libc::SIG_IGN
        }
    };
    [libc::SIGHUP, libc::SIGTERM].into_iter().filter(is_ignored).collect()
}

#[cfg(unix)]
fn ignore(signals: &[libc::c_int]) {
    for &signal in signals {
        // SAFETY: ignoring a signal runs no code of ours.
        unsafe {
            libc::signal(signal, libc::SIG_IGN);
        }
    }
}

#[cfg(not(unix))]
fn ignored() {}

#[cfg(not(unix))]
fn ignore((): &()) {}
