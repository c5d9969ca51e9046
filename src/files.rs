//! Writing files whole or not at all.

use crate::error::{Error, Result};
use std::io::{BufWriter, Write};
use std::path::Path;

/// Beginning of the names of unfinished files.
pub const TEMPORARY: &str = ".layerlens-";

/// Writes `path` through a temporary file beside it, renamed when it is complete: a failure leaves neither a torn file
/// nor the temporary one, and an older file of that name stays as it was.
///
/// # Errors
/// [`Error::Write`] naming `path` if the folder is not writable or the disk is full; whatever `fill` returns.
pub fn write_atomic(path: &Path, fill: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<()> {
    let failed = |source| Error::write(path, source);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // The crate's default is private to the owner; results are ordinary files, under the user's umask.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut temporary = builder.tempfile_in(folder).map_err(failed)?;
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
