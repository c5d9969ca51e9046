//! Description, for the manifest, of files from which data were read.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// A file from which data were read, or a folder of images.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Path of the file, or its name within the program if it is embedded.
    pub name: String,
    /// Size of the file as stored, compressed or not; for a folder, of all its images together.
    pub bytes: u64,
    /// SHA-256 of those bytes, 64 lower-case hexadecimal digits. For a folder: of the lines
    /// `<SHA-256> <path below the folder>`, as `sha256sum` prints them, of all its images in the
    /// order of their paths.
    pub sha256: String,
    /// `true` if that, or the SHA-256 of the decompressed content, is known for this file of this
    /// data set. `false` means other data, for example the user's own in the same layout, and is
    /// not an error.
    pub verified: bool,
}

impl Source {
    /// Description of a file on disk; `verified` is false, since its checksum is not known.
    ///
    /// # Errors
    /// [`Error::Input`] if it cannot be read.
    pub fn of_file(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let mut file = Hashed::open(path)?;
        io::copy(&mut file, &mut io::sink())
            .map_err(|error| Error::input(path, error.to_string()))?;
        Ok(file.source(path))
    }

    /// [`Source::new`] for an IDX file, whose content may also be known where its compression is
    /// not.
    pub(super) fn of_idx(name: impl ToString, bytes: &[u8], known: &[&str]) -> Self {
        let mut source = Self::new(name, bytes, known);
        let mut content = Vec::new();
        if !source.verified
            && flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut content).is_ok()
        {
            source.verified = Self::new("", &content, known).verified;
        }
        source
    }

    /// Description of `bytes`, verified if their SHA-256 is one of `known`.
    pub(super) fn new(name: impl ToString, bytes: &[u8], known: &[&str]) -> Self {
        let sha256 = hex(Sha256::digest(bytes));
        let verified = known.contains(&sha256.as_str());
        Self { name: name.to_string(), bytes: bytes.len() as u64, sha256, verified }
    }
}

/// A file whose SHA-256 is computed while it is read.
pub(super) struct Hashed {
    file: File,
    hash: Sha256,
    bytes: u64,
}

impl Hashed {
    /// # Errors
    /// [`Error::Input`] if it cannot be opened.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path)
            .map_err(|error| Error::input(path, format!("cannot be read: {error}")))?;
        Ok(Self { file, hash: Sha256::new(), bytes: 0 })
    }

    /// Description of the bytes that were read, which must be the whole file.
    pub(super) fn source(self, path: &Path) -> Source {
        let Self { hash, bytes, .. } = self;
        Source {
            name: path.display().to_string(),
            bytes,
            sha256: hex(hash.finalize()),
            verified: false,
        }
    }
}

impl Read for Hashed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(buffer)?;
        self.hash.update(&buffer[..n]);
        self.bytes += n as u64;
        Ok(n)
    }
}

/// A digest in lower-case hexadecimal digits.
pub(super) fn hex(digest: impl IntoIterator<Item = u8>) -> String {
    digest.into_iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_verified_by_its_hash() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let source = Source::new("abc", b"abc", &["0", abc]);
        assert_eq!((source.sha256.as_str(), source.bytes, source.verified), (abc, 3, true));
        assert!(!Source::new("abd", b"abd", &["0", abc]).verified);
    }
}
