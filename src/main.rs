//! The `layerlens` command.

mod cli;

use std::process::ExitCode;

#[global_allocator]
static MEMORY: cli::ending::memory::Memory = cli::ending::memory::Memory;

fn main() -> ExitCode {
    keep_large_blocks();
    quiet_device_selection();
    report_full_disks();
    ExitCode::from(cli::ending::end(cli::run))
}

/// Has a write beyond a limit on file sizes fail like one on a full disk, with a message; by
/// default the system kills.
fn report_full_disks() {
    #[cfg(unix)]
    // SAFETY: ignoring a signal runs no code of ours, and no other thread runs yet.
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
    }
}

/// Has glibc reuse large blocks instead of returning each to the system: every operation of
/// training allocates, and fresh pages cost 10 to 35 % of its time.
fn keep_large_blocks() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: mallopt only sets thresholds, and no other thread runs yet.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 1 << 30);
        libc::mallopt(libc::M_TRIM_THRESHOLD, i32::MAX);
        libc::mallopt(libc::M_TOP_PAD, 64 << 20);
    }
}

/// Keeps Mesa's layer that orders Vulkan devices by the desktop session from printing an error
/// where there is no session, on a server for example. Which device is taken is decided by
/// `--device` and `--adapter` alone.
fn quiet_device_selection() {
    #[cfg(target_os = "linux")]
    if !std::env::var_os("XDG_RUNTIME_DIR")
        .is_some_and(|folder| std::path::Path::new(&folder).is_dir())
    {
        // SAFETY: no other thread runs yet that could read the environment.
        unsafe { std::env::set_var("NODEVICE_SELECT", "1") };
    }
}
