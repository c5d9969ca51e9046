//! The user's own data: reading the format of a path, and determining the classes.

use super::classes::{self, ClassSources, Named};
use super::formats::{FORMATS, Format, Layout, Read, formats_text};
use super::request::Request;
use super::{Dataset, Images, Samples, Source, image_folder, layout, names};
use crate::error::{Error, Result};
use std::path::{Path, PathBuf};

/// Reads the folder or file `path`. If a folder has several sets of files, the set whose names
/// begin with `prefix` is read; an empty prefix means the set without a prefix.
pub(super) fn read(path: &Path, prefix: Option<&str>, request: &Request) -> Result<Dataset> {
    let read =
        if path.is_dir() { read_folder(path, prefix, request)? } else { read_file(path, request)? };
    let Read { mut train, test, mut sources, mut warnings, names, settled } = read;
    let names = match request.class_names.is_empty() {
        true => names,
        false if settled.is_some() => {
            let expected = format!(
                "no names, as the folders of {} are called like the classes",
                path.display()
            );
            return Err(Error::parameter("class_names", request.class_names.join(","), expected));
        }
        false => {
            let given = names::parse_names("class_names", &request.class_names)?;
            Some(Named::InOrder("`Request::class_names`".into(), given))
        }
    };
    let named_by: Vec<PathBuf> = match &names {
        Some(Named::InOrder(path, _) | Named::Numbered(path, _)) if path.is_file() => {
            vec![path.clone()]
        }
        _ => request.class_names.iter().map(PathBuf::from).filter(|path| path.is_file()).collect(),
    };
    let test_labels = sources.last().map_or(PathBuf::new(), |source| PathBuf::from(&source.name));
    let known = ClassSources {
        path,
        test_labels: &test_labels,
        names,
        grouped: request.label_groups.is_some(),
    };
    let (class_names, train, test) = match (settled, test) {
        (Some(class_names), Some(test)) => (class_names, train, test),
        (_, Some(mut test)) => {
            (classes::settle(known, &mut train, &mut test, &mut warnings)?, train, test)
        }
        (_, None) => {
            let mut none = train.select(&[]);
            let class_names = classes::settle(known, &mut train, &mut none, &mut warnings)?;
            let (train, test) = put_aside(path, &train, &class_names, &mut warnings)?;
            (class_names, train, test)
        }
    };
    for file in named_by {
        sources.push(Source::of_file(file)?);
    }
    Ok(Dataset {
        name: name(path, prefix),
        class_names,
        train,
        test,
        sources,
        original: None,
        warnings,
    })
}

/// Images of the folder or file `path`, as [`read`] finds them, whatever their labels: those for
/// testing and `true`, or all if they have no such part; the files that were read, and warnings.
pub(super) fn read_images(
    path: &Path,
    prefix: Option<&str>,
    request: &Request,
) -> Result<(Images, bool, Vec<Source>, Vec<String>)> {
    let read =
        if path.is_dir() { read_folder(path, prefix, request)? } else { read_file(path, request)? };
    let is_test = read.test.is_some();
    Ok((read.test.unwrap_or(read.train).images, is_test, read.sources, read.warnings))
}

/// Splits the images into training and test images if one file holds both.
fn put_aside(
    path: &Path,
    all: &Samples,
    class_names: &[String],
    warnings: &mut Vec<String>,
) -> Result<(Samples, Samples)> {
    let (train, test) = image_folder::divide(&all.labels).map_err(|class| {
        let name = &class_names[usize::from(class)];
        Error::input(
            path,
            format!(
                "has one image of class `{name}`; expected at least two, one of them for the test"
            ),
        )
    })?;
    warnings.push(image_folder::put_aside(path, &test, all));
    Ok((all.select(&train), all.select(&test)))
}

/// Last part of the path without its extension, or the prefix of the files.
fn name(path: &Path, prefix: Option<&str>) -> String {
    if let Some(prefix) = prefix.filter(|prefix| !prefix.is_empty()) {
        return prefix.to_owned();
    }
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let part = if whole.is_dir() { whole.file_name() } else { whole.file_stem() };
    part.map_or("data".into(), |name| name.to_string_lossy().into_owned())
}

/// Options that apply to some formats only, and the common name of these formats.
const OPTIONS: [(&str, &str); 6] = [
    ("label_column", "CSV, Parquet and CIFAR files"),
    ("background", "image files"),
    ("size", "image files"),
    ("channels", "image files"),
    ("train_part", "data with parts that have names"),
    ("test_part", "data with parts that have names"),
];

/// Refuses an option that does not apply to the data.
fn check_options(path: &Path, format: &Format, request: &Request) -> Result<()> {
    let given = [
        request.label_column.as_ref().map(ToString::to_string),
        request.background.map(|colour| colour.to_string()),
        request.size.map(|size| size.to_string()),
        request.channels.map(|channels| channels.to_string()),
        request.train_part.clone(),
        request.test_part.clone(),
    ];
    for ((option, meant_for), value) in OPTIONS.into_iter().zip(given) {
        if let Some(value) = value.filter(|_| !format.options.contains(&option)) {
            let expected = format!("only for {meant_for}, and {} holds none", path.display());
            return Err(Error::parameter(option, value, expected));
        }
    }
    Ok(())
}

fn read_file(path: &Path, request: &Request) -> Result<Read> {
    let lower = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let files = || FORMATS.iter().filter_map(|format| Some((format, format.file.as_ref()?)));
    let Some((format, file)) = files().find(|(_, file)| (file.is_called)(&lower)) else {
        let titles: Vec<String> = files().map(|(_, file)| format!("no {}", file.title)).collect();
        let message = format!(
            "is a file that is {}; expected a folder of {}",
            titles.join(", and "),
            formats_text()
        );
        return Err(Error::input(path, message));
    };
    check_options(path, format, request)?;
    (file.read)(path, request)
}

fn read_folder(folder: &Path, prefix: Option<&str>, request: &Request) -> Result<Read> {
    let layout::Content { format, layout, passed_over, class_names } =
        layout::find(folder, prefix, request)?;
    check_options(folder, format, request)?;
    let Layout { notes, read, .. } = layout;
    let mut read = read(request)?;
    read.warnings.splice(0..0, notes);
    read.warnings.extend(passed_over);
    if let Some(path) = class_names.filter(|_| read.settled.is_none()) {
        let given = names::read_names(&path)?;
        read.names = Some(Named::InOrder(path, given));
    }
    Ok(read)
}
