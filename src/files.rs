//! Atomic file writing: a file appears complete or not at all.

use crate::error::{Error, Result};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, TryLockError};

/// Prefix of the names of unfinished files.
pub const TEMPORARY: &str = ".layerlens-";

/// The unfinished files and folders of this process.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Registers an unfinished file or folder until it is dropped.
#[derive(Debug)]
pub(crate) struct Unfinished(PathBuf);

impl Unfinished {
    pub(crate) fn new(path: &Path) -> Self {
        UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner).push(path.to_owned());
        Self(path.to_owned())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner).retain(|path| *path != self.0);
    }
}

/// Removes the unfinished files and folders of this process as far as possible. It is meant for
/// exits without unwinding; errors and panics clean up after themselves. It never waits for the
/// lock of the list, so a signal handler may call it even if the interrupted thread holds that
/// lock.
pub fn remove_unfinished() {
    let paths = match UNFINISHED.try_lock() {
        Ok(paths) => paths,
        Err(TryLockError::Poisoned(paths)) => paths.into_inner(),
        Err(TryLockError::WouldBlock) => return,
    };
    for path in paths.iter().filter(|path| std::fs::remove_file(path).is_err()) {
        let _ = std::fs::remove_dir_all(path);
    }
}

/// Writes `path` through a temporary file in the same folder, which is renamed when it is complete.
/// A failure leaves neither a partial nor a temporary file, and an existing file of that name stays
/// unchanged.
///
/// # Errors
/// [`Error::Write`] naming `path` if the folder is not writable or the disk is full; whatever
/// `fill` returns.
pub fn write_atomic(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
) -> Result<()> {
    let failed = |source| Error::write(path, source);
    let folder =
        path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // The crate's default is private to the owner; results are ordinary files under the umask.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut temporary = builder.tempfile_in(folder).map_err(failed)?;
    let _noted = Unfinished::new(temporary.path());
    let mut writer = BufWriter::with_capacity(1 << 20, temporary.as_file_mut());
    fill(&mut writer).and_then(|()| writer.flush()).map_err(failed)?;
    drop(writer);
    temporary.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Creates `folder` and its parents.
///
/// # Errors
/// [`Error::Write`] naming the folder.
pub fn create_folder(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|source| Error::write(folder, source))
}
