//! Download of known data sets over HTTP: resumable, and verified by SHA-256.
//!
//! A file is written to `NAME.gz.part`, which remains if the connection ends and is continued by
//! the next download. It or its decompressed content must have the known SHA-256; then it is renamed
//! to `NAME.gz`, otherwise deleted. Of an archive, the files of the data set remain.

use super::archived::{ARCHIVED, Archived, GZIP};
use super::registered::{self, FILES, Registered};
use super::source::{Source, hex};
use crate::error::{Error, Result};
use crate::files::create_folder;
use crate::progress::{Observer, Reporter};
use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};
use std::fs::OpenOptions;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Number of bytes read from the connection at once.
const CHUNK: usize = 1 << 16;

/// A compressed file is never much longer than its content; a download that exceeds it by more than
/// this is the wrong file.
const SLACK: u64 = 1 << 16;

/// Data set, source and target of a download.
#[derive(Clone, Debug)]
pub struct Fetch {
    /// Name of the data set.
    pub dataset: String,
    /// Folder for data sets, each in a subfolder with its name; `None` for the user's own folder.
    pub data_dir: Option<PathBuf>,
    /// Address of a folder with the `.gz` files, or the archive, to use instead of the known ones.
    pub mirror: Option<String>,
    /// Time without data after which a server counts as unavailable, above 0.
    pub timeout: Duration,
    /// `true` if files with the same name and other content should be replaced.
    pub force: bool,
}

/// Result of a download.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Folder with the files.
    pub folder: PathBuf,
    /// Paths of the downloaded files; the others existed already.
    pub fetched: Vec<PathBuf>,
}

/// Downloads the missing files of a data set.
///
/// # Errors
/// [`Error::Parameter`] if the name is unknown or there is no folder for it; [`Error::Fetch`]
/// naming the address if a server cannot be reached, refuses, is silent for too long, ends early,
/// or sends something else, tried at every known address; [`Error::Input`] if a file with that name
/// has other content; [`Error::Write`]; [`Error::Interrupted`].
pub fn fetch(fetch: &Fetch, reporter: &dyn Reporter) -> Result<Fetched> {
    if let Some(set) = registered::REGISTERED.iter().find(|set| set.name == fetch.dataset) {
        return fetch_four(set, fetch, reporter);
    }
    if let Some(set) = ARCHIVED.iter().find(|set| set.is_called(&fetch.dataset)) {
        return fetch_archive(set, fetch, reporter);
    }
    let archived = ARCHIVED.iter().map(|set| set.name);
    let names = registered::REGISTERED.iter().map(|set| set.name).chain(archived);
    let names = names.collect::<Vec<_>>().join(", ");
    Err(Error::parameter("dataset", &fetch.dataset, format!("must be one of {names}")))
}

/// Folder for the files of the data set called `name`.
fn folder(name: &str, fetch: &Fetch) -> Result<PathBuf> {
    registered::own_folder(name, fetch.data_dir.as_deref()).ok_or_else(|| {
        let expected = "needed: this system has no folder for a user's data";
        Error::parameter("data_dir", "none", expected)
    })
}

fn fetch_archive(set: &Archived, fetch: &Fetch, reporter: &dyn Reporter) -> Result<Fetched> {
    let folder = folder(set.name, fetch)?;
    if !fetch.force && set.is_in(&folder) {
        return Ok(Fetched { folder, fetched: Vec::new() });
    }
    create_folder(&folder)?;
    let path = folder.join(set.file);
    let file = Wanted { most: set.bytes, magic: set.form.magic(), known: &[set.sha256] };
    // It remains if it could not be unpacked.
    if !path.exists() || stranger(&path, file.known)?.is_some() {
        from_any(set.urls, fetch, &agent(fetch.timeout), set.file, &file, &path, reporter)?;
    }
    let fetched = set.extract(&path, &folder, fetch.force, reporter)?;
    std::fs::remove_file(&path).map_err(|error| Error::write(&path, error))?;
    Ok(Fetched { folder, fetched })
}

fn fetch_four(set: &Registered, fetch: &Fetch, reporter: &dyn Reporter) -> Result<Fetched> {
    let folder = folder(set.name, fetch)?;
    let agent = agent(fetch.timeout);
    let mut fetched = Vec::new();
    for (name, file) in FILES.iter().zip(&set.files) {
        if let Some(path) = registered::locate(&folder, name)
            .map_err(|error| Error::input(&folder, error.to_string()))?
        {
            if stranger(&path, file.known)?.is_none() {
                continue;
            }
            if !fetch.force {
                let message = format!(
                    "is there, but is not the file of {}; `Fetch::force` replaces it",
                    set.title
                );
                return Err(Error::input(path, message));
            }
        }
        create_folder(&folder)?;
        let zipped = format!("{name}.gz");
        let path = folder.join(&zipped);
        let wanted = Wanted { most: file.bytes + SLACK, magic: GZIP, known: file.known };
        from_any(set.urls, fetch, &agent, &zipped, &wanted, &path, reporter)?;
        // An older uncompressed file would be found first.
        let plain = folder.join(name);
        if plain.exists() {
            std::fs::remove_file(&plain).map_err(|error| Error::write(&plain, error))?;
        }
        fetched.push(path);
    }
    Ok(Fetched { folder, fetched })
}

/// Tries one address after the other.
fn from_any(
    folders: &[&str],
    fetch: &Fetch,
    agent: &ureq::Agent,
    name: &str,
    file: &Wanted<'_>,
    path: &Path,
    reporter: &dyn Reporter,
) -> Result<()> {
    let known: Vec<&str> = fetch.mirror.as_deref().map_or(folders.to_vec(), |mirror| vec![mirror]);
    let mut last = None;
    for base in known {
        let url = format!("{}/{name}", base.trim_end_matches('/'));
        let observer = reporter.stage(name);
        let download = Download { agent, url: &url, file, path };
        match download.run(observer.as_ref()) {
            Err(error @ Error::Fetch { .. }) => {
                drop(observer);
                if let Some(before) = last.replace(error) {
                    reporter.note(&before.to_string());
                }
            }
            other => return other,
        }
    }
    last.map_or(Ok(()), Err)
}

fn agent(timeout: Duration) -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_connect(Some(timeout))
        .timeout_per_read(Some(timeout))
        .user_agent(concat!("layerlens/", env!("CARGO_PKG_VERSION")));
    config.build().into()
}

/// What is known of a file before it comes.
struct Wanted<'a> {
    /// Maximum size in bytes.
    most: u64,
    /// First bytes.
    magic: &'static [u8],
    /// Possible SHA-256 of the file or its decompressed content.
    known: &'a [&'a str],
}

/// Download of one file from one address.
struct Download<'a> {
    agent: &'a ureq::Agent,
    url: &'a str,
    file: &'a Wanted<'a>,
    path: &'a Path,
}

impl Download<'_> {
    fn run(&self, observer: &dyn Observer) -> Result<()> {
        let part = self.part();
        let here = std::fs::metadata(&part).map_or(0, |metadata| metadata.len());
        let mut response = self.ask(here)?;
        let mut start = match response.status().as_u16() {
            // The part may be complete already.
            416 if here > 0 => {
                if self.verify().is_ok() {
                    return self.keep();
                }
                self.discard()?;
                response = self.ask(0)?;
                0
            }
            206 => here,
            _ => 0,
        };
        let status = response.status().as_u16();
        if status != 200 && status != 206 {
            return Err(self.error(format!("the server answered {}", response.status())));
        }
        let header = |name: &str| {
            response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
        };
        if status == 206
            && !header("content-range")
                .is_some_and(|range| range.starts_with(&format!("bytes {start}-")))
        {
            // A part other than the requested one would be stored at the wrong position.
            self.discard()?;
            response = self.ask(0)?;
            start = 0;
            if response.status().as_u16() != 200 {
                return Err(self.error(format!("the server answered {}", response.status())));
            }
        }
        let announced = response
            .headers()
            .get("content-length")
            .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        self.receive(&mut response.body_mut().as_reader(), start, announced, observer)?;
        self.verify().inspect_err(|_| drop(self.discard()))?;
        self.keep()
    }

    /// Requests everything from byte `start` on.
    fn ask(&self, start: u64) -> Result<ureq::http::Response<ureq::Body>> {
        let mut request = self.agent.get(self.url);
        if start > 0 {
            request = request.header("range", format!("bytes={start}-"));
        }
        request.call().map_err(|error| self.error(self.worded(&error)))
    }

    /// Appends the received bytes to the temporary file, which already holds those up to `start`.
    fn receive(
        &self,
        body: &mut dyn Read,
        start: u64,
        announced: Option<u64>,
        observer: &dyn Observer,
    ) -> Result<()> {
        let part = self.part();
        let failed = |error: io::Error| Error::write(&part, error);
        let most = self.file.most;
        if let Some(length) = announced.filter(|length| start.saturating_add(*length) > most) {
            return Err(self.error(format!(
                "the server announces {length} bytes; the file has at most {most}"
            )));
        }
        let mut out = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&part)
            .map_err(failed)?;
        out.set_len(start).map_err(failed)?;
        io::Seek::seek(&mut out, io::SeekFrom::Start(start)).map_err(failed)?;
        let total = announced.map_or(most, |length| start + length);
        let mut chunk = vec![0; CHUNK];
        let mut done = start;
        loop {
            observer.step(done, total, &[])?;
            let n = match body.read(&mut chunk) {
                Ok(0) => break,
                Ok(n) => n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    return Err(self.broken_off(
                        done,
                        total,
                        announced.is_some(),
                        &self.worded(&ureq::Error::from(error)),
                    ));
                }
            };
            if let Some(what) = self.other_content(&chunk[..n]).filter(|_| done == 0) {
                drop(out);
                self.discard()?;
                return Err(self.error(format!("the server sent {what} instead of the file")));
            }
            out.write_all(&chunk[..n]).map_err(failed)?;
            done += n as u64;
            if done > most {
                drop(out);
                self.discard()?;
                return Err(self.error(format!(
                    "the server sent more than the {most} bytes that the file can have"
                )));
            }
        }
        if announced.is_some() && done < total {
            return Err(self.broken_off(done, total, true, "the server closed the connection"));
        }
        Ok(())
    }

    /// Name of the content that begins so; `None` if it may be the file.
    fn other_content(&self, start: &[u8]) -> Option<&'static str> {
        let magic = self.file.magic;
        if start.starts_with(magic) || magic.starts_with(start) {
            return None;
        }
        let is_text = start.trim_ascii_start().first() == Some(&b'<');
        Some(match magic == GZIP {
            _ if is_text => "a web page",
            true => "something that is not gzip-compressed",
            false => "something that is no archive",
        })
    }

    fn broken_off(&self, done: u64, total: u64, known: bool, why: &str) -> Error {
        let of = if known { format!(" of {total}") } else { String::new() };
        self.error(format!("{why} after {done}{of} bytes; the next fetch goes on from there"))
    }

    /// Compares the received file, or else its content, with the known SHA-256.
    fn verify(&self) -> Result<()> {
        let found = stranger(&self.part(), self.file.known).map_err(|error| match error {
            Error::Input { message, .. } => {
                self.error(format!("what was received {message}; it was deleted"))
            }
            other => other,
        })?;
        found.map_or(Ok(()), |found| {
            let expected = self.file.known[0];
            Err(self.error(format!("wrong checksum: {found}, expected {expected}; it was deleted")))
        })
    }

    fn keep(&self) -> Result<()> {
        std::fs::rename(self.part(), self.path).map_err(|error| Error::write(self.path, error))
    }

    fn discard(&self) -> Result<()> {
        let part = self.part();
        match std::fs::remove_file(&part) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::write(part, error)),
            _ => Ok(()),
        }
    }

    fn part(&self) -> PathBuf {
        self.path.with_added_extension("part")
    }

    /// Reason in words for a user.
    fn worded(&self, error: &ureq::Error) -> String {
        match error {
            ureq::Error::Timeout(_) => {
                "the server was silent for too long (`Fetch::timeout`)".into()
            }
            ureq::Error::HostNotFound => "there is no such host, or no network".into(),
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::TimedOut => {
                "the server was silent for too long (`Fetch::timeout`)".into()
            }
            ureq::Error::Io(error) => format!("the connection failed: {error}"),
            other => other.to_string(),
        }
    }

    fn error(&self, message: String) -> Error {
        Error::Fetch { url: self.url.into(), message }
    }
}

/// Description of a file by its SHA-256, if neither that nor that of its decompressed content is
/// known.
fn stranger(path: &Path, known: &[&str]) -> Result<Option<String>> {
    let stored = Source::of_file(path)?.sha256;
    if known.contains(&stored.as_str()) {
        return Ok(None);
    }
    let content = content_hash(path)?;
    let is_known = known.contains(&content.as_str());
    Ok((!is_known).then(|| format!("the file has the SHA-256 {stored} and its content {content}")))
}

/// SHA-256 of a file's content, decompressed if it is compressed.
fn content_hash(path: &Path) -> Result<String> {
    let unreadable = |error: io::Error| Error::input(path, format!("cannot be read: {error}"));
    let mut magic = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(2).read_to_end(&mut magic))
        .map_err(unreadable)?;
    let file = BufReader::with_capacity(CHUNK, std::fs::File::open(path).map_err(unreadable)?);
    let mut reader: Box<dyn Read> =
        if magic == GZIP { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
    let mut hash = Sha256::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        match reader
            .read(&mut chunk)
            .map_err(|error| Error::input(path, format!("is truncated or damaged: {error}")))?
        {
            0 => return Ok(hex(hash.finalize())),
            n => hash.update(&chunk[..n]),
        }
    }
}
