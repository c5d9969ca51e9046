//! Named data sets that come as one archive, which is verified by SHA-256.
//!
//! EMNIST: G. Cohen, S. Afshar, J. Tapson, A. van Schaik, "EMNIST: an extension of MNIST to
//! handwritten letters", 2017. CIFAR-10: A. Krizhevsky, "Learning Multiple Layers of Features from
//! Tiny Images", 2009. Checksums as in TensorFlow Datasets.

use super::registered::{FILES, folders};
use super::request::Request;
use super::{Dataset, folder};
use crate::archive::member;
use crate::error::{Error, Result};
use crate::files::write_atomic;
use crate::progress::Reporter;
use flate2::read::GzDecoder;
use rawzip::ZipArchive;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

/// First bytes of a gzip file.
pub(super) const GZIP: &[u8] = &[0x1f, 0x8b];

/// A named data set that comes as an archive, or several in one.
#[derive(Debug)]
pub(super) struct Archived {
    /// Name of the folder with its files; of the data set, if there is one.
    pub name: &'static str,
    pub title: &'static str,
    /// Folders below one for data, beside that with its name, where other programs keep it.
    also: &'static [&'static str],
    /// Addresses of folders with the archive, tried in order.
    pub urls: &'static [&'static str],
    /// Name of the archive.
    pub file: &'static str,
    pub form: ArchiveForm,
    /// Size of the archive.
    pub bytes: u64,
    pub sha256: &'static str,
    /// Names of its data sets.
    sets: &'static [&'static str],
    /// Function that returns the names of the files of one of them; on disk `.gz` may follow.
    needed: fn(&str) -> Vec<String>,
}

/// Form of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ArchiveForm {
    Zip,
    TarGz,
}

impl ArchiveForm {
    /// First bytes of such an archive.
    pub fn magic(self) -> &'static [u8] {
        match self {
            Self::Zip => b"PK",
            Self::TarGz => GZIP,
        }
    }
}

pub(super) static EMNIST: Archived = Archived {
    name: "emnist",
    title: "EMNIST",
    also: &["EMNIST/raw"],
    urls: &[
        "https://biometrics.nist.gov/cs_links/EMNIST",
        "https://www.itl.nist.gov/iaui/vip/cs_links/EMNIST",
    ],
    file: "gzip.zip",
    form: ArchiveForm::Zip,
    bytes: 561_753_746,
    sha256: "fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e",
    sets: &[
        "emnist-balanced",
        "emnist-letters",
        "emnist-digits",
        "emnist-mnist",
        "emnist-bymerge",
        "emnist-byclass",
    ],
    needed: |set| FILES.map(|name| format!("{set}-{}", name.replace("t10k", "test"))).into(),
};

pub(super) static CIFAR_10: Archived = Archived {
    name: "cifar-10",
    title: "CIFAR-10",
    also: &["cifar-10-batches-bin", "cifar-10/cifar-10-batches-bin"],
    urls: &["https://www.cs.toronto.edu/~kriz"],
    file: "cifar-10-binary.tar.gz",
    form: ArchiveForm::TarGz,
    bytes: 170_052_171,
    sha256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    sets: &["cifar-10"],
    needed: |_| {
        let batches = (1..=5).map(|number| format!("data_batch_{number}.bin"));
        batches.chain(["test_batch.bin".into(), "batches.meta.txt".into()]).collect()
    },
};

/// All data sets that come as archives.
pub(super) static ARCHIVED: [&Archived; 2] = [&EMNIST, &CIFAR_10];

impl Archived {
    /// `true` if it has this name, or has a data set with this name.
    pub fn is_called(&self, name: &str) -> bool {
        self.name == name || self.sets.contains(&name)
    }

    /// `true` if all files of all its data sets are in `folder`.
    pub fn is_in(&self, folder: &Path) -> bool {
        self.sets.iter().flat_map(|set| (self.needed)(set)).all(|name| has(folder, &name))
    }

    /// First folder with a file of the data set `name`.
    pub fn find(&self, name: &str, data_dir: Option<&Path>) -> Option<PathBuf> {
        let needed = (self.needed)(name);
        let mut folders = folders(self.name, self.also, data_dir).into_iter();
        folders.find(|folder| needed.iter().any(|name| has(folder, name)))
    }

    /// Reads the data set `name`.
    ///
    /// # Errors
    /// [`Error::Input`] if it is in none of the folders, or its files are incomplete or malformed.
    pub fn load(&self, name: &str, data_dir: Option<&Path>) -> Result<Dataset> {
        let Some(folder) = self.find(name, data_dir) else {
            let searched = folders(self.name, self.also, data_dir);
            let searched: Vec<String> =
                searched.iter().map(|folder| folder.display().to_string()).collect();
            let message = format!(
                "no {} files found; looked in {}. Run `layerlens data fetch {}`, or put {} into a \
                 folder and pass `Request::data_dir`",
                self.title,
                searched.join(", "),
                self.name,
                (self.needed)(name).join(", ")
            );
            return Err(Error::input(data_dir.unwrap_or(Path::new(name)), message));
        };
        // The files of several data sets begin with their names.
        let prefix = (self.sets.len() > 1).then_some(name);
        let data = folder::read(&folder, prefix, &Request::new(name))?;
        Ok(Dataset { name: name.into(), ..data })
    }

    /// Writes the files of the data sets from the archive at `path` into `folder`, and returns
    /// their paths. Files of that name are kept if they have that content, and replaced if `force`.
    ///
    /// # Errors
    /// [`Error::Input`] if the archive is damaged or a file of that name has other content,
    /// [`Error::Write`], [`Error::Interrupted`].
    pub fn extract(
        &self,
        path: &Path,
        folder: &Path,
        force: bool,
        reporter: &dyn Reporter,
    ) -> Result<Vec<PathBuf>> {
        let observer = reporter.stage(&format!("unpack {}", self.file));
        let mut written = Vec::new();
        let mut keep = |name: &str, content: &mut dyn Read| -> Result<()> {
            observer.step(written.len() as u64, written.len() as u64 + 1, &[])?;
            let target = folder.join(name);
            let damaged = |error: std::io::Error| {
                Error::input(path, format!("{name} is truncated or damaged: {error}"))
            };
            let mut read = Vec::new();
            content.read_to_end(&mut read).map_err(damaged)?;
            if std::fs::read(&target).is_ok_and(|there| there == read) {
                return Ok(());
            }
            // An uncompressed file would stand beside the compressed one.
            let plain = folder.join(name.strip_suffix(".gz").unwrap_or(name));
            let there = [&target, &plain].into_iter().find(|path| path.exists());
            if let Some(there) = there.filter(|_| !force) {
                let message = format!(
                    "is there, but is not the file of {}; `Fetch::force` replaces it",
                    self.title
                );
                return Err(Error::input(there, message));
            }
            write_atomic(&target, |out| out.write_all(&read))?;
            if plain != target && plain.exists() {
                std::fs::remove_file(&plain).map_err(|error| Error::write(&plain, error))?;
            }
            written.push(target);
            Ok(())
        };
        match self.form {
            ArchiveForm::Zip => self.unzip(path, &mut keep)?,
            ArchiveForm::TarGz => self.untar(path, &mut keep)?,
        }
        if self.is_in(folder) {
            return Ok(written);
        }
        Err(Error::input(path, format!("does not hold all files of {}", self.title)))
    }

    /// Name of the file of a member that is kept, the last part of its path: of a needed file, or of
    /// the names of the classes of EMNIST's sets.
    fn kept<'a>(&self, path: &'a str) -> Option<&'a str> {
        let name = path.rsplit('/').next().unwrap_or(path);
        let plain = name.strip_suffix(".gz").unwrap_or(name);
        let is_kept = |set: &&str| {
            (self.needed)(set).iter().any(|needed| needed == plain)
                || plain.strip_prefix(set) == Some("-mapping.txt")
        };
        self.sets.iter().any(is_kept).then_some(name)
    }

    fn unzip(&self, path: &Path, keep: Keep<'_>) -> Result<()> {
        let damaged = |error: rawzip::Error| Error::input(path, format!("is damaged: {error}"));
        let bytes = std::fs::read(path)
            .map_err(|error| Error::input(path, format!("cannot be read: {error}")))?;
        let archive = ZipArchive::from_slice(&bytes[..]).map_err(damaged)?;
        let mut entries = archive.entries();
        while let Some(entry) = entries.next_entry().map_err(damaged)? {
            let whole = String::from_utf8_lossy(entry.file_path().as_ref()).into_owned();
            if let Some(name) = self.kept(&whole) {
                keep(name, &mut member(&archive, &entry, &whole, &path.join(name), damaged)?)?;
            }
        }
        Ok(())
    }

    fn untar(&self, path: &Path, keep: Keep<'_>) -> Result<()> {
        let damaged = |error: std::io::Error| Error::input(path, format!("is damaged: {error}"));
        let file = std::fs::File::open(path).map_err(damaged)?;
        let mut archive = tar::Archive::new(GzDecoder::new(BufReader::new(file)));
        for entry in archive.entries().map_err(damaged)? {
            let mut entry = entry.map_err(damaged)?;
            let whole = entry.path().map_err(damaged)?.to_string_lossy().into_owned();
            if entry.header().entry_type().is_file()
                && let Some(name) = self.kept(&whole)
            {
                keep(name, &mut entry)?;
            }
        }
        Ok(())
    }
}

/// Function that writes a file, given its name and content.
type Keep<'a> = &'a mut dyn FnMut(&str, &mut dyn Read) -> Result<()>;

/// `true` if a folder has a file with this name, plain or compressed.
fn has(folder: &Path, name: &str) -> bool {
    [name.to_owned(), format!("{name}.gz")].iter().any(|name| folder.join(name).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Silent;
    use rawzip::ZipArchiveWriter;
    use std::io::Write;
    use tempfile::TempDir;

    /// Members of an archive of CIFAR-10, and another file.
    fn members() -> Vec<(String, Vec<u8>)> {
        let mut members: Vec<(String, Vec<u8>)> = (CIFAR_10.needed)(CIFAR_10.name)
            .into_iter()
            .map(|name| (format!("cifar-10-batches-bin/{name}"), name.into_bytes()))
            .collect();
        members.push(("cifar-10-batches-bin/readme.html".into(), b"other".to_vec()));
        members
    }

    fn tar_gz(members: &[(String, Vec<u8>)]) -> Vec<u8> {
        let compressed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let mut archive = tar::Builder::new(compressed);
        for (name, content) in members {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            archive.append_data(&mut header, name, &content[..]).unwrap();
        }
        archive.into_inner().unwrap().finish().unwrap()
    }

    fn zip(members: &[(String, Vec<u8>)]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut archive = ZipArchiveWriter::new(&mut out);
        for (name, content) in members {
            let (mut entry, config) = archive.new_file(name).start().unwrap();
            let mut writer = config.wrap(&mut entry);
            writer.write_all(content).unwrap();
            let (_, descriptor) = writer.finish().unwrap();
            entry.finish(descriptor).unwrap();
        }
        archive.finish().unwrap();
        out
    }

    #[test]
    fn the_files_of_an_archive_are_kept_and_others_are_not() {
        let folder = TempDir::new().unwrap();
        let archive = folder.path().join(CIFAR_10.file);
        std::fs::write(&archive, tar_gz(&members())).unwrap();
        assert!(!CIFAR_10.is_in(folder.path()));
        let written = CIFAR_10.extract(&archive, folder.path(), false, &Silent).unwrap();
        assert_eq!(written.len(), 7);
        assert!(CIFAR_10.is_in(folder.path()) && !folder.path().join("readme.html").exists());
        assert_eq!(std::fs::read(folder.path().join("test_batch.bin")).unwrap(), b"test_batch.bin");
        // Files of that content are kept, others are not replaced unless that is asked for.
        let other = folder.path().join("data_batch_2.bin");
        std::fs::write(&other, b"own").unwrap();
        let error = CIFAR_10.extract(&archive, folder.path(), false, &Silent).unwrap_err();
        assert!(matches!(&error, Error::Input { path, .. } if *path == other), "{error}");
        let written = CIFAR_10.extract(&archive, folder.path(), true, &Silent).unwrap();
        assert_eq!(written, [other]);
        // Without one of them the archive is another.
        let folder = TempDir::new().unwrap();
        std::fs::write(&archive, tar_gz(&members()[1..])).unwrap();
        let error = CIFAR_10.extract(&archive, folder.path(), false, &Silent).unwrap_err();
        assert!(error.to_string().contains("does not hold all files of CIFAR-10"), "{error}");
        let whole = tar_gz(&members());
        std::fs::write(&archive, &whole[..whole.len() / 2]).unwrap();
        let error = CIFAR_10.extract(&archive, folder.path(), false, &Silent).unwrap_err();
        assert!(error.to_string().contains("damaged"), "{error}");
    }

    #[test]
    fn all_sets_of_a_zip_archive_are_kept() {
        let folder = TempDir::new().unwrap();
        let archive = folder.path().join(EMNIST.file);
        let names = EMNIST.sets.iter().flat_map(|set| (EMNIST.needed)(set));
        let mut members: Vec<(String, Vec<u8>)> =
            names.map(|name| (format!("gzip/{name}.gz"), b"content".to_vec())).collect();
        members.push(("gzip/emnist-letters-mapping.txt".into(), b"1 65 97".to_vec()));
        members.push(("gzip/../emnistical.txt".into(), b"other".to_vec()));
        std::fs::write(&archive, zip(&members)).unwrap();
        let written = EMNIST.extract(&archive, folder.path(), false, &Silent).unwrap();
        assert_eq!(written.len(), 25);
        assert!(EMNIST.is_in(folder.path()));
        assert!(folder.path().join("emnist-letters-mapping.txt").exists());
        let found = EMNIST.find("emnist-letters", Some(folder.path()));
        assert_eq!(found.as_deref(), Some(folder.path()));
    }
}
