//! Writing data in the formats that can be read.

use super::formats::{Contents, FORMATS, Fill, Format, Writer};
use super::{Dataset, classes, names};
use crate::error::{Error, Result};
use crate::files::{TEMPORARY, Unfinished, create_folder};
use crate::progress::Observer;
use flate2::{Compression, GzBuilder};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Name of the file with the names of the classes, beside the others.
const CLASS_NAMES: &str = "class_names.txt";

impl<'a> Contents<'a> {
    fn new(data: &'a Dataset) -> Self {
        let numbers = classes::numbers(&data.class_names, &data.train.labels);
        let labels = |labels: &[u16]| match &numbers {
            Some(numbers) => labels.iter().map(|&label| numbers[usize::from(label)]).collect(),
            None => labels.to_vec(),
        };
        Self {
            parts: [&data.train, &data.test].map(|part| (&part.images, labels(&part.labels))),
            class_names: numbers.is_none().then_some(&data.class_names[..]),
        }
    }
}

/// Writes `data` to the folder `out`, or to the file `out` if the format is a single file, and
/// returns the written paths. Compressed if `gzip`. The labels are written as they are (grouped if
/// they were grouped) together with the names of the classes: in the archive, or in
/// `class_names.txt`. Names are omitted if they are the numbers in the files.
///
/// # Errors
/// [`Error::Parameter`] if the format cannot be written, or not with these data; [`Error::Exists`] if one of the files
/// exists already, compressed or not, unless `force`, which replaces both forms; [`Error::Write`]
/// and [`Error::Interrupted`], with nothing left behind.
pub fn convert(
    data: &Dataset,
    out: &Path,
    format: &Format,
    gzip: bool,
    force: bool,
    observer: &dyn Observer,
) -> Result<Vec<PathBuf>> {
    let contents = Contents::new(data);
    let Some(written) = &format.written else {
        return Err(Error::parameter("format", format.name, "one that can be written"));
    };
    check_width(data, &contents, format)?;
    let in_folder = matches!(written.writer, Writer::Folder(_));
    let (folder, files) = files(&contents, out, &written.writer, gzip);
    let named = folder.join(CLASS_NAMES);
    let paths: Vec<PathBuf> = files.iter().map(|(name, _)| folder.join(name)).collect();
    let gzip = gzip && in_folder;
    let others = if in_folder { others(&paths, &named, gzip) } else { Vec::new() };
    // An existing file with the same names is no obstacle.
    let same = |path: &Path| {
        *path == *named
            && contents.class_names.is_some_and(|names| is_text(path, &names::names_text(names)))
    };
    let taken = |path: &&PathBuf| path.symlink_metadata().is_ok() && !same(path);
    if let Some(path) = paths.iter().chain(&others).find(|path| !force && taken(path)) {
        return Err(Error::Exists(path.clone()));
    }
    let failed = |source: io::Error| {
        if observer.is_cancelled() { Error::Interrupted } else { Error::write(out, source) }
    };
    // A temporary folder beside it, from which all files move when they are complete: half a data
    // set is worse than none.
    let parent = first_that_exists(&folder);
    let mut builder = tempfile::Builder::new();
    let temporary = builder.prefix(TEMPORARY).tempdir_in(parent).map_err(failed)?;
    let _noted = Unfinished::new(temporary.path());
    for (at, (name, fill)) in files.into_iter().enumerate() {
        observer.step(at as u64, paths.len() as u64, &[])?;
        let path = temporary.path().join(&name);
        write_file(&path, fill, gzip && name != CLASS_NAMES, observer).map_err(failed)?;
    }
    observer.step(paths.len() as u64, paths.len() as u64, &[])?;
    if !folder.as_os_str().is_empty() {
        create_folder(&folder)?;
    }
    for path in &paths {
        let name = path.file_name().unwrap_or_default();
        std::fs::rename(temporary.path().join(name), path)
            .map_err(|error| Error::write(path, error))?;
    }
    for path in others.iter().filter(|path| path.symlink_metadata().is_ok()) {
        std::fs::remove_file(path).map_err(|error| Error::write(path, error))?;
    }
    Ok(paths)
}

/// Writes one file.
fn write_file(path: &Path, fill: Fill<'_>, gzip: bool, observer: &dyn Observer) -> io::Result<()> {
    let mut writer = BufWriter::with_capacity(1 << 20, std::fs::File::create(path)?);
    if gzip {
        // Without name and time, the bytes depend on the data alone.
        let mut encoder = GzBuilder::new().write(&mut writer, Compression::default());
        fill(&mut Watched { out: &mut encoder, observer })?;
        encoder.finish()?;
    } else {
        fill(&mut Watched { out: &mut writer, observer })?;
    }
    writer.flush()
}

/// Refuses images in colour, and many classes, for a format that holds bytes of grey images only.
fn check_width(data: &Dataset, contents: &Contents<'_>, format: &Format) -> Result<()> {
    let is_wide = |format: &Format| format.written.as_ref().is_some_and(|written| written.wide);
    if is_wide(format) {
        return Ok(());
    }
    let images = &data.train.images;
    let most = contents.parts.iter().flat_map(|(_, labels)| labels).max().copied().unwrap_or(0);
    let reason = match images.channels() {
        1 if most <= u16::from(u8::MAX) => return Ok(()),
        1 => format!("labels up to 255 only, and those of {} go to {most}", data.name),
        _ => format!("grey images only, and those of {} are {}", data.name, images.size_text()),
    };
    let others = FORMATS.iter().filter(|format| is_wide(format)).map(|format| format.name);
    let others = others.collect::<Vec<&str>>().join(" or ");
    Err(Error::parameter("format", format.name, format!("it holds {reason}: expected {others}")))
}

/// Files that must not remain beside the written ones: their other forms, and names of other data.
fn others(paths: &[PathBuf], named: &Path, gzip: bool) -> Vec<PathBuf> {
    let data = paths.iter().filter(|path| *path != named);
    let other = |path: &PathBuf| {
        if gzip { path.with_extension("") } else { path.with_added_extension("gz") }
    };
    let names = (!paths.iter().any(|path| path == named)).then(|| named.to_owned());
    data.map(other).chain(names).collect()
}

/// Writer that stops when the observer cancels.
struct Watched<'a> {
    out: &'a mut dyn Write,
    observer: &'a dyn Observer,
}

impl Write for Watched<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.observer.is_cancelled() {
            return Err(io::Error::other("interrupted"));
        }
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// `true` if a file has this text as its content.
fn is_text(path: &Path, text: &str) -> bool {
    std::fs::read(path).is_ok_and(|bytes| bytes == text.as_bytes())
}

/// Target folder, and each file with the function that writes its content.
fn files<'a>(
    contents: &'a Contents<'a>,
    out: &Path,
    writer: &Writer,
    gzip: bool,
) -> (PathBuf, Vec<(String, Fill<'a>)>) {
    match writer {
        Writer::File { ending, fill } => {
            let name = out.file_name().map(|name| name.to_string_lossy().into_owned());
            let name = name.unwrap_or_else(|| format!("data.{ending}"));
            let folder = out.parent().unwrap_or(Path::new("")).into();
            (folder, vec![(name, fill(contents, gzip))])
        }
        Writer::Folder(files) => {
            let mut files = files(contents);
            if gzip {
                files.iter_mut().for_each(|(name, _)| name.push_str(".gz"));
            }
            if let Some(names) = contents.class_names {
                let text = names::names_text(names);
                let fill: Fill = Box::new(move |out| out.write_all(text.as_bytes()));
                files.push((CLASS_NAMES.into(), fill));
            }
            (out.into(), files)
        }
    }
}

/// The folder, or its nearest parent that exists.
fn first_that_exists(folder: &Path) -> PathBuf {
    let above = folder.ancestors().find(|folder| folder.is_dir() && !folder.as_os_str().is_empty());
    above.unwrap_or(Path::new(".")).into()
}
