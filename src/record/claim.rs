//! The claim of one process on a run's folder, and what a process that was killed there left beside
//! it.
//!
//! Beside a folder `out` may lie, hidden: `.layerlens-lock-out`, locked while a process works in
//! `out`; `.layerlens-replaced-out`, the run that is replaced, until the new one is complete;
//! `.layerlens-deleted-out`, the same on its way out.

use super::artifact::Artifact;
use crate::error::{Error, Result};
use crate::files::{TEMPORARY, Unfinished, create_folder};
use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

const LOCK: &str = "lock";
const REPLACED: &str = "replaced";
const DELETED: &str = "deleted";

/// A folder that no other process of this program works in until this is dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    /// The folder without symbolic links.
    target: PathBuf,
    /// None where the system cannot lock, or lets nothing be written.
    lock: Option<Lock>,
}

#[derive(Debug)]
struct Lock {
    file: Option<File>,
    path: PathBuf,
    _noted: Unfinished,
}

impl Claim {
    /// Claims `path`, following symbolic links. A folder that is not there is made.
    ///
    /// # Errors
    /// [`Error::Write`] if another process has claimed it, or it cannot be made.
    pub(crate) fn of(path: &Path) -> Result<Self> {
        let mut target = path.to_owned();
        // As many as Linux follows.
        for _ in 0..40 {
            let Ok(next) = std::fs::read_link(&target) else { break };
            target = target.parent().unwrap_or(Path::new("")).join(next);
        }
        if std::fs::symlink_metadata(&target).is_err() {
            create_folder(&target)?;
        }
        let target = target.canonicalize().map_err(|error| Error::write(path, error))?;
        let mut claim = Self { target, lock: None };
        // Within the folder where nothing can be written beside it: then nothing can be replaced
        // there either.
        let places = [claim.beside(LOCK), claim.target.join(format!("{TEMPORARY}{LOCK}"))];
        for place in places {
            match Lock::of(&place) {
                Ok(lock) => {
                    claim.lock = Some(lock);
                    break;
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::write(
                        path,
                        io::Error::other("another process works in this folder at present"),
                    ));
                }
                Err(TryLockError::Error(_)) => {}
            }
        }
        Ok(claim)
    }

    /// The hidden neighbour of the folder.
    fn beside(&self, what: &str) -> PathBuf {
        let mut name = OsString::from(format!("{TEMPORARY}{what}-"));
        name.push(self.target.file_name().unwrap_or_default());
        self.target.with_file_name(name)
    }

    /// The folder itself.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// The run that waits beside the folder until the one in it is complete.
    pub(crate) fn replaced(&self) -> Option<PathBuf> {
        Some(self.beside(REPLACED)).filter(|path| Artifact::Manifest.of(path).is_file())
    }

    /// Puts the run in the folder aside in favour of a new one. If one waits there already, that in
    /// the folder was to replace it and is not complete: it goes.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub(crate) fn put_aside(&self) -> Result<()> {
        if self.replaced().is_some() {
            self.delete(&self.target)?;
        } else {
            let aside = self.beside(REPLACED);
            std::fs::rename(&self.target, &aside)
                .map_err(|error| Error::write(&self.target, error))?;
        }
        create_folder(&self.target)
    }

    /// Gives the run that waits beside it the folder back, in which there is nothing but unfinished
    /// files.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub(crate) fn put_back(&self) -> Result<()> {
        let Some(aside) = self.replaced() else { return Ok(()) };
        remove_torn_files(&self.target)?;
        let moved =
            std::fs::remove_dir(&self.target).and_then(|()| std::fs::rename(&aside, &self.target));
        moved.map_err(|error| Error::write(&self.target, error))
    }

    /// Deletes the run in the folder, which is no loss, and gives the one beside it the folder
    /// back.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub(crate) fn give_up(&self) -> Result<()> {
        if self.replaced().is_some() {
            self.delete(&self.target)?;
            create_folder(&self.target)?;
        }
        self.put_back()
    }

    /// Deletes the run beside the folder.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub(crate) fn delete_replaced(&self) -> Result<()> {
        self.replaced().map_or(Ok(()), |aside| self.delete(&aside))
    }

    /// Under another name first: half of a run must not be taken for one.
    fn delete(&self, folder: &Path) -> Result<()> {
        let failed = |error| Error::write(folder, error);
        let deleted = self.beside(DELETED);
        if deleted.exists() {
            std::fs::remove_dir_all(&deleted).map_err(failed)?;
        }
        std::fs::rename(folder, &deleted).map_err(failed)?;
        std::fs::remove_dir_all(&deleted).map_err(failed)
    }

    /// Puts right what a process left that was killed while it replaced the run in the folder, and
    /// says so in sentences. `complete` tells whether the run in a folder is complete, if there is
    /// one.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub(crate) fn recover(&self, complete: impl Fn(&Path) -> Option<bool>) -> Result<Vec<String>> {
        let mut said = Vec::new();
        let shown = self.target.display();
        let deleted = self.beside(DELETED);
        if deleted.is_dir() {
            std::fs::remove_dir_all(&deleted).map_err(|error| Error::write(&deleted, error))?;
            said.push(format!(
                "{shown}: a replaced run was deleted only in part; the rest is deleted now"
            ));
        }
        self.adopt_older(&complete);
        let Some(aside) = self.replaced() else { return Ok(said) };
        match complete(&self.target) {
            None if is_empty(&self.target) => {
                self.put_back()?;
                said.push(format!(
                    "{shown}: the run there was to be replaced by a process that ended before it \
                     began; it is back"
                ));
            }
            None => {}
            Some(true) => {
                while self.replaced().is_some() {
                    self.delete_replaced()?;
                    self.adopt_older(&complete);
                }
                said.push(format!(
                    "{shown}: the run that this one had replaced was left; it is deleted now"
                ));
            }
            Some(false) => {
                said.push(format!(
                    "the run that the one in {shown} is to replace is in {} until then",
                    aside.display()
                ));
            }
        }
        Ok(said)
    }

    /// Takes over what earlier versions left under names with the number of their process.
    fn adopt_older(&self, complete: &impl Fn(&Path) -> Option<bool>) {
        let mut prefix = OsString::from(".");
        prefix.push(self.target.file_name().unwrap_or_default());
        prefix.push("-replaced-");
        let is_older = |name: &OsStr| {
            let number = name.as_encoded_bytes().strip_prefix(prefix.as_encoded_bytes());
            number.is_some_and(|number| !number.is_empty() && number.iter().all(u8::is_ascii_digit))
        };
        let Some(Ok(beside)) = self.target.parent().map(std::fs::read_dir) else { return };
        let older =
            beside.flatten().filter(|entry| is_older(&entry.file_name())).map(|entry| entry.path());
        for path in older.filter(|path| complete(path).is_some()) {
            if self.replaced().is_none() {
                let _ = std::fs::rename(path, self.beside(REPLACED));
            }
        }
    }
}

impl Lock {
    fn of(path: &Path) -> std::result::Result<Self, TryLockError> {
        loop {
            let file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .open(path)
                .map_err(TryLockError::Error)?;
            file.try_lock()?;
            // Its last owner may have removed it in between: then another process can lock another
            // file of that name.
            if is_at(&file, path) {
                return Ok(Self {
                    file: Some(file),
                    path: path.to_owned(),
                    _noted: Unfinished::new(path),
                });
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // While it is locked, so that nobody removes that of another. Elsewhere a file that is open
        // stays.
        if cfg!(unix) {
            let _ = std::fs::remove_file(&self.path);
        }
        drop(self.file.take());
    }
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let same =
        |(a, b): (std::fs::Metadata, std::fs::Metadata)| (a.dev(), a.ino()) == (b.dev(), b.ino());
    file.metadata().and_then(|a| Ok((a, path.metadata()?))).is_ok_and(same)
}

#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}

/// `true` if a file of that name is left from an unfinished write.
fn is_torn(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.starts_with(TEMPORARY.as_bytes())
        && !name.starts_with(format!("{TEMPORARY}{LOCK}").as_bytes())
}

/// `true` if a folder holds nothing but what a killed process left unfinished.
pub(crate) fn is_empty(folder: &Path) -> bool {
    let unfinished = |entry: std::fs::DirEntry| {
        let ours = entry.file_name().as_encoded_bytes().starts_with(TEMPORARY.as_bytes());
        ours && entry.file_type().is_ok_and(|kind| kind.is_file())
    };
    std::fs::read_dir(folder).is_ok_and(|entries| entries.flatten().all(unfinished))
}

/// Removes the temporary files that a killed process left below `folder`.
///
/// # Errors
/// [`Error::Write`].
pub(crate) fn remove_torn_files(folder: &Path) -> Result<()> {
    let failed = |error| Error::write(folder, error);
    for entry in std::fs::read_dir(folder).map_err(failed)?.flatten() {
        let kind = entry.file_type().map_err(failed)?;
        if kind.is_dir() {
            remove_torn_files(&entry.path())?;
        } else if kind.is_file() && is_torn(&entry.file_name()) {
            std::fs::remove_file(entry.path()).map_err(failed)?;
        }
    }
    Ok(())
}
