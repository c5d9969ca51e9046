//! Writing data in the layouts in which they can be read.

use super::{Dataset, arrays, csv, idx, registered};
use crate::error::{Error, Result};
use crate::files::{TEMPORARY, create_folder};
use crate::progress::Observer;
use flate2::{Compression, GzBuilder};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// A layout of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Four IDX files, as MNIST and Fashion-MNIST come
    Idx,
    /// Four CSV files: x_train, y_train, x_test, y_test
    Csv,
    /// Two CSV files, train and test: label,pixel1,...
    CsvLabelFirst,
    /// One .npz file: x_train, y_train, x_test, y_test
    Npz,
}

type Fill<'a> = Box<dyn FnOnce(&mut dyn Write) -> io::Result<()> + 'a>;

/// Writes `data` to the folder `out`, or to the file `out` if that is what the format makes, and gives what was written.
/// Compressed if `gzip`. The labels are written as they are: grouped, if they were grouped.
///
/// # Errors
/// [`Error::Exists`] if one of the files is there already, compressed or not, unless `force`, which replaces both forms;
/// [`Error::Write`] and [`Error::Interrupted`], with nothing left behind.
pub fn convert(
    data: &Dataset,
    out: &Path,
    format: Format,
    gzip: bool,
    force: bool,
    observer: &dyn Observer,
) -> Result<Vec<PathBuf>> {
    let (folder, files) = files(data, out, format, gzip);
    let paths: Vec<PathBuf> = files.iter().map(|(name, _)| folder.join(name)).collect();
    let gzip = gzip && format != Format::Npz;
    let others: Vec<PathBuf> = match format {
        Format::Npz => Vec::new(),
        _ if gzip => paths.iter().map(|path| path.with_extension("")).collect(),
        _ => paths.iter().map(|path| path.with_added_extension("gz")).collect(),
    };
    if let Some(path) = paths.iter().chain(&others).find(|path| !force && path.symlink_metadata().is_ok()) {
        return Err(Error::Exists(path.clone()));
    }
    let failed = |source: io::Error| if observer.is_cancelled() { Error::Interrupted } else { Error::write(out, source) };
    // A folder beside, whose files move when all are whole: half a data set is worse than none.
    let parent = first_that_exists(&folder);
    let mut builder = tempfile::Builder::new();
    let temporary = builder.prefix(TEMPORARY).tempdir_in(parent).map_err(failed)?;
    for (at, (name, fill)) in files.into_iter().enumerate() {
        observer.step(at as u64, paths.len() as u64, &[])?;
        let file = std::fs::File::create(temporary.path().join(&name)).map_err(failed)?;
        let mut writer = BufWriter::with_capacity(1 << 20, file);
        if gzip {
            // No name and no time: the bytes depend on the data alone.
            let mut encoder = GzBuilder::new().write(&mut writer, Compression::default());
            let filled = fill(&mut Watched { out: &mut encoder, observer });
            filled.and_then(|()| encoder.finish().map(|_| ())).map_err(failed)?;
        } else {
            fill(&mut Watched { out: &mut writer, observer }).map_err(failed)?;
        }
        writer.flush().map_err(failed)?;
    }
    observer.step(paths.len() as u64, paths.len() as u64, &[])?;
    if !folder.as_os_str().is_empty() {
        create_folder(&folder)?;
    }
    for path in &paths {
        let name = path.file_name().unwrap_or_default();
        std::fs::rename(temporary.path().join(name), path).map_err(|error| Error::write(path, error))?;
    }
    for path in others.iter().filter(|path| path.symlink_metadata().is_ok()) {
        std::fs::remove_file(path).map_err(|error| Error::write(path, error))?;
    }
    Ok(paths)
}

/// Writes until the observer wants an end.
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

/// The folder that the files go to, and each file with what fills it.
fn files<'a>(data: &'a Dataset, out: &Path, format: Format, gzip: bool) -> (PathBuf, Vec<(String, Fill<'a>)>) {
    let (train, test) = (&data.train, &data.test);
    let ending = if gzip { ".gz" } else { "" };
    let mut files: Vec<(String, Fill)> = Vec::new();
    match format {
        Format::Idx => {
            for (at, part) in [train, test].into_iter().enumerate() {
                let [images, labels] = [0, 1].map(|file| format!("{}{ending}", registered::FILES[2 * at + file]));
                files.push((images, Box::new(|out| idx::write_images(out, &part.images))));
                files.push((labels, Box::new(|out| idx::write_labels(out, &part.labels))));
            }
        }
        Format::Csv => {
            for (name, part) in [("train", train), ("test", test)] {
                files.push((format!("x_{name}.csv{ending}"), Box::new(|out| csv::write_pixels(out, &part.images))));
                files.push((format!("y_{name}.csv{ending}"), Box::new(|out| csv::write_labels(out, &part.labels))));
            }
        }
        Format::CsvLabelFirst => {
            for (name, part) in [("train", train), ("test", test)] {
                files.push((format!("{name}.csv{ending}"), Box::new(|out| csv::write_together(out, part))));
            }
        }
        Format::Npz => {
            let name = out.file_name().map_or("data.npz".into(), |name| name.to_string_lossy().into_owned());
            files.push((name, Box::new(move |out| arrays::write_npz(out, train, test, gzip))));
            return (out.parent().unwrap_or(Path::new("")).into(), files);
        }
    }
    (out.into(), files)
}

/// The folder, or the nearest above it that exists.
fn first_that_exists(folder: &Path) -> PathBuf {
    let above = folder.ancestors().find(|folder| folder.is_dir() && !folder.as_os_str().is_empty());
    above.unwrap_or(Path::new(".")).into()
}
