//! Data of one's own: reading the layout that a path holds, and what is known of the classes.

use super::classes::{self, Known, Named};
use super::layout::{self, IdxFiles, LAYOUTS, Layout};
use super::registered::{self, Input};
use super::request::Request;
use super::{Dataset, Samples, Source, arrays, check_sizes, csv, idx, image_folder, names};
use crate::error::{Error, Result};
use std::path::{Path, PathBuf};

/// Images, labels and what is known of them.
struct Read {
    train: Samples,
    test: Option<Samples>,
    sources: Vec<Source>,
    warnings: Vec<String>,
    names: Option<Named>,
    /// Names of which the labels are places already.
    settled: Option<Vec<String>>,
}

/// Reads the folder or file `path`; of several sets of IDX files in a folder the one whose names
/// begin with `prefix`, which is empty for the set whose names begin with nothing.
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
    let known =
        Known { path, test_labels: &test_labels, names, grouped: request.label_groups.is_some() };
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

/// Training and test images where there is one file of both.
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

/// The last part of the path without its ending, or the beginning of the names of the files.
fn name(path: &Path, prefix: Option<&str>) -> String {
    if let Some(prefix) = prefix.filter(|prefix| !prefix.is_empty()) {
        return prefix.to_owned();
    }
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let part = if whole.is_dir() { whole.file_name() } else { whole.file_stem() };
    part.map_or("data".into(), |name| name.to_string_lossy().into_owned())
}

fn read_file(path: &Path, request: &Request) -> Result<Read> {
    let lower = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let stem = lower.strip_suffix(".csv").or_else(|| lower.strip_suffix(".csv.gz"));
    if stem.is_some_and(|stem| arrays::slot(stem).is_none()) {
        return read_together(path, None, request);
    }
    if !lower.ends_with(".npz") {
        let message = format!(
            "is a file that is no .npz, and no .csv with labels and pixels; expected a folder of \
             {LAYOUTS}"
        );
        return Err(Error::input(path, message));
    }
    not_for("label_column", request.label_column.as_ref(), "CSV files", path)?;
    not_for("background", request.background.as_ref(), "folders of images", path)?;
    let read = arrays::read_npz(path, request.image_shape)?;
    check_sizes((&path.join("x_train"), &read.train), (&path.join("x_test"), &read.test))?;
    Ok(of_arrays(read))
}

fn of_arrays(read: arrays::Read) -> Read {
    let names = read.class_names.map(|(path, names)| Named::InOrder(path, names));
    Read {
        train: read.train,
        test: Some(read.test),
        sources: read.sources,
        warnings: read.warnings,
        names,
        settled: None,
    }
}

/// Refuses an option that has no meaning for the data.
fn not_for(field: &str, value: Option<&impl ToString>, meant_for: &str, path: &Path) -> Result<()> {
    let expected = || format!("only for {meant_for}, and {} holds none", path.display());
    value.map_or(Ok(()), |value| Err(Error::parameter(field, value.to_string(), expected())))
}

fn read_folder(folder: &Path, prefix: Option<&str>, request: &Request) -> Result<Read> {
    let layout::Found { layout, passed_over, class_names } = layout::find(folder, prefix)?;
    if !matches!(layout, Layout::Pairs(_) | Layout::Together(..)) {
        not_for("label_column", request.label_column.as_ref(), "CSV files", folder)?;
    }
    if !matches!(layout, Layout::Images) {
        not_for("background", request.background.as_ref(), "folders of images", folder)?;
    }
    let mut read = match layout {
        Layout::Idx(files) => read_idx(files, request.transpose)?,
        Layout::Pairs([x_train, y_train, x_test, y_test]) => {
            let options = options(request);
            let train = csv::read_pair(&x_train, &y_train, options)?;
            let test = csv::read_pair(&x_test, &y_test, options)?;
            both((&x_train, train), Some((&x_test, test)))?
        }
        Layout::Together(train, test) => read_together(&train, test.as_deref(), request)?,
        Layout::Npy(paths) => {
            let read = arrays::read_npy(&paths, request.image_shape)?;
            check_sizes((&paths[0], &read.train), (&paths[2], &read.test))?;
            of_arrays(read)
        }
        Layout::Images => {
            let read = image_folder::read(folder, request.background.unwrap_or_default())?;
            let image_folder::Read { class_names, train, test, sources, warnings } = read;
            Read {
                train,
                test: Some(test),
                sources,
                warnings,
                names: None,
                settled: Some(class_names),
            }
        }
    };
    read.warnings.extend(passed_over);
    if let Some(path) = class_names.filter(|_| read.settled.is_none()) {
        let given = names::read_names(&path)?;
        read.names = Some(Named::InOrder(path, given));
    }
    Ok(read)
}

fn options(request: &Request) -> csv::Options<'_> {
    csv::Options {
        header: request.header,
        label_column: request.label_column.as_ref(),
        image_shape: request.image_shape,
    }
}

/// Reads CSV files with labels and pixels, of which the one for the test may be missing.
fn read_together(train: &Path, test: Option<&Path>, request: &Request) -> Result<Read> {
    not_for("background", request.background.as_ref(), "folders of images", train)?;
    let options = options(request);
    let of_train = csv::read_together(train, options, None)?;
    let place = of_train.label_column;
    let of_test = |path| {
        Ok::<_, Error>((
            path,
            csv::read_together(path, options, place.map(|place| (train, place)))?,
        ))
    };
    both((train, of_train), test.map(of_test).transpose()?)
}

/// The parts that were read from CSV files.
fn both(train: (&Path, csv::Read), test: Option<(&Path, csv::Read)>) -> Result<Read> {
    if let Some((path, test)) = &test {
        check_sizes((train.0, &train.1.samples), (path, &test.samples))?;
    }
    let csv::Read { samples, mut sources, notes: mut warnings, .. } = train.1;
    let test = test.map(|(_, test)| {
        sources.extend(test.sources);
        warnings.extend(test.notes);
        test.samples
    });
    Ok(Read { train: samples, test, sources, warnings, names: None, settled: None })
}

fn read_idx(files: IdxFiles, transpose: bool) -> Result<Read> {
    let IdxFiles { paths, prefix, mapping } = files;
    let read = |path: PathBuf| Ok(Input { bytes: idx::read_file(&path)?.into(), path });
    let inputs: Vec<Input> = paths.into_iter().map(read).collect::<Result<_>>()?;
    let known = |at: usize| registered::REGISTERED.map(|set| set.files[at].known).concat();
    let described = inputs.iter().enumerate();
    let sources = described
        .map(|(at, input)| Source::of_idx(input.path.display(), &input.bytes, &known(at)))
        .collect();
    let (train, test, note) = registered::assemble(&inputs)?;
    let mut warnings: Vec<String> = note.into_iter().collect();
    let mut names = None;
    if prefix.starts_with("emnist") {
        if !transpose {
            warnings.push(format!(
                "the images of {prefix} are taken as they are stored, which is with rows and \
                 columns exchanged in the files of EMNIST: `Request::transpose` turns them upright"
            ));
        }
        if let Some(mapping) = mapping {
            let read = read_mapping(&mapping)?;
            names = Some(Named::Numbered(mapping, read));
        }
    }
    Ok(Read { train, test: Some(test), sources, warnings, names, settled: None })
}

/// The characters of each label, from a file of EMNIST: a label and then the codes of its
/// characters a line.
fn read_mapping(path: &Path) -> Result<Vec<(u8, String)>> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Error::input(path, format!("cannot be read: {error}")))?;
    let entry = |line: &str| {
        let mut words = line.split_whitespace();
        let label = words.next()?.parse().ok()?;
        let letters = words
            .map(|code| code.parse().ok().and_then(char::from_u32).map(String::from))
            .collect::<Option<Vec<_>>>()?;
        (!letters.is_empty()).then(|| (label, letters.join("/")))
    };
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(at, line)| {
            let expected = "expected a label and the codes of its characters";
            entry(line).ok_or_else(|| {
                Error::input(path, format!("line {} is `{line}`, {expected}", at + 1))
            })
        })
        .collect()
}
