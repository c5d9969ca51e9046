//! CSV files of pixels and labels, plain or gzip-compressed, in the two usual layouts of image
//! data.
//!
//! Either four files: `x_train.csv` and `x_test.csv` with the pixels of one image a line,
//! `y_train.csv` and `y_test.csv` with one label a line. Or files whose lines hold the label and
//! the pixels. Values are integers from 0 to 255 separated by commas; a decimal point followed by
//! zeros is allowed; anything else is refused with its line and column.

mod header;
mod labels;
mod parse;
mod table;
mod write;

pub(super) use write::{write_labels, write_pixels, write_together};

use super::{Header, ImageShape, Images, LabelColumn, Samples, Source};
use crate::error::{Error, Result};
use header::{First, called_labels, is_index, shape_of};
use labels::{Place, place};
use std::path::Path;
use table::{Content, Table};

/// Options of reading.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Options<'a> {
    pub header: Header,
    pub label_column: Option<&'a LabelColumn>,
    pub image_shape: Option<ImageShape>,
}

/// Images with their labels, and the files that they come from.
pub(super) struct Read {
    pub samples: Samples,
    pub sources: Vec<Source>,
    /// Notes on decisions that could have been different.
    pub notes: Vec<String>,
    /// Column of the labels, if they were among the pixels.
    pub label_column: Option<Place>,
}

/// Reads pixels from one file and labels from another.
pub(super) fn read_pair(x: &Path, y: &Path, options: Options<'_>) -> Result<Read> {
    let mut pixels =
        Table::read(x, options.header, |first, _| no_labels(x, y, first, options.label_column))?;
    let shape = shape(x, &pixels, None, options.image_shape)?;
    let mut labels = Table::read(y, options.header, |_, _| Ok(Content::Labels))?;
    if labels.columns != 1 {
        return Err(Error::input(
            y,
            format!("has {} columns, expected 1: a label a line", labels.columns),
        ));
    }
    let note = settle_headers(&mut pixels, &mut labels);
    at_least_one(&pixels)?;
    at_least_one(&labels)?;
    if pixels.rows() != labels.rows() {
        let (found, expected) = (labels.rows(), pixels.rows());
        let headers = [&pixels, &labels].map(|table| {
            if matches!(table.first, First::Header(_) | First::Count(_)) {
                "with"
            } else {
                "without"
            }
        });
        let message = format!(
            "{found} labels for the {expected} images of {} (read {} a header there and {} one \
             here; `Header::None` reads every line as data)",
            x.display(),
            headers[0],
            headers[1]
        );
        return Err(Error::input(y, message));
    }
    let images = Images::new(pixels.values, shape.height, shape.width)
        .map_err(|error| Error::input(x, error.to_string()))?;
    let samples = Samples::new(images, wide(labels.values))
        .map_err(|error| Error::input(y, error.to_string()))?;
    let notes = note.into_iter().collect();
    Ok(Read { samples, sources: vec![pixels.source, labels.source], notes, label_column: None })
}

/// Refuses labels among the pixels if the labels are in a file of their own.
fn no_labels(x: &Path, y: &Path, first: &First, asked: Option<&LabelColumn>) -> Result<Content> {
    let y = y.display();
    match (asked, first) {
        (Some(LabelColumn::None), _) => Ok(Content::Pixels),
        (Some(other), _) => Err(Error::parameter(
            "label_column",
            other,
            format!("none, as the labels are in a file of their own, {y}"),
        )),
        (None, First::Header(names)) => match called_labels(names).first() {
            Some(&column) => {
                let name = &names[column];
                let message = format!(
                    "column {} is called `{name}`, but the labels are in {y}: take it out, or pass \
                     `Request::label_column` none if it holds pixels",
                    column + 1
                );
                Err(Error::input(x, message))
            }
            None => Ok(Content::Pixels),
        },
        (None, _) => Ok(Content::Pixels),
    }
}

/// Decides by the counts of rows about first lines that may be headers: both are headers or neither
/// if the files have equally many rows, one is a header if its file has one line more. A count over
/// labels is a header only if the pixels have one too: a label must not be lost to a file that
/// lacks an image.
fn settle_headers(pixels: &mut Table, labels: &mut Table) -> Option<String> {
    match (pixels.is_unsure(), labels.is_unsure()) {
        (false, false) => None,
        (false, true) => {
            let header = matches!(pixels.first, First::Header(_)) && labels.rows() == pixels.rows();
            if !header {
                labels.take_first();
            }
            None
        }
        (true, false) => {
            // Where the column of labels has a name, the pixels have a header too.
            if labels.rows() == pixels.rows() + 1 && !matches!(labels.first, First::Header(_)) {
                pixels.take_first();
                return Some(format!(
                    "the first line of {} was taken for an image, as there are labels for it, \
                     although it counts 0, 1, 2, ... as a header might",
                    pixels.path.display()
                ));
            }
            Some(noted(pixels))
        }
        (true, true) => {
            if labels.rows() + 1 == pixels.rows() {
                labels.take_first();
            }
            Some(noted(pixels))
        }
    }
}

/// Reads labels and pixels from one file. The column of labels is the one that was requested, that
/// the header names, that was found in the training file, or that the values suggest, in this
/// order.
pub(super) fn read_together(
    path: &Path,
    options: Options<'_>,
    trained: Option<(&Path, Place)>,
) -> Result<Read> {
    let known = trained.map(|(_, place)| place);
    let mut found = None;
    let mut table = Table::read(path, options.header, |first, columns| {
        if let Some((train, place)) = trained {
            check_columns(path, columns, first, train, place)?;
        }
        found = place(path, first, columns, options.label_column, known.map(|place| place.column))?;
        Ok(Content::Both(found))
    })?;
    if table.columns < 2 {
        return Err(Error::input(
            path,
            "has 1 column, expected a label and pixels with commas between",
        ));
    }
    let mut notes: Vec<String> = table.is_unsure().then(|| noted(&table)).into_iter().collect();
    at_least_one(&table)?;
    let columns = table.columns;
    let column = match found {
        Some(column) => {
            if options.label_column.is_none() && trained.is_none() {
                labels::check_no_index(&table, column)?;
            }
            column
        }
        None => {
            let column = labels::of_values(&table)?;
            let which = if column == 0 { "first" } else { "last" };
            let path = path.display();
            let why = labels::unsaid(&table.first);
            notes.push(format!(
                "{path}: {why}; they were taken from the {which} column, as the values tell \
                 (`Request::label_column` says another)"
            ));
            column
        }
    };
    let labels = table.take_column(column);
    let shape = shape(path, &table, Some(column), options.image_shape)?;
    let images = Images::new(table.values, shape.height, shape.width)
        .map_err(|error| Error::input(path, error.to_string()))?;
    let samples = Samples::new(images, wide(labels))
        .map_err(|error| Error::input(path, error.to_string()))?;
    Ok(Read {
        samples,
        sources: vec![table.source],
        notes,
        label_column: Some(Place { column, columns }),
    })
}

fn wide(labels: Vec<u8>) -> Vec<u16> {
    labels.into_iter().map(u16::from).collect()
}

/// Refuses test images without labels, as competitions publish them.
fn check_columns(
    path: &Path,
    columns: usize,
    first: &First,
    train: &Path,
    place: Place,
) -> Result<()> {
    let labelled = matches!(first, First::Header(names) if !called_labels(names).is_empty());
    if columns + 1 != place.columns || labelled {
        return Ok(());
    }
    let train = train.display();
    let expected = place.columns;
    let message = format!(
        "has {columns} columns, one fewer than {train} with {expected}: it seems to hold no \
         labels; without this file, images of {train} are put aside for the test"
    );
    Err(Error::input(path, message))
}

fn noted(table: &Table) -> String {
    format!(
        "the first line of {} was taken for a header; `Header::None` reads it as data",
        table.path.display()
    )
}

fn at_least_one(table: &Table) -> Result<()> {
    if table.rows() == 0 {
        return Err(Error::input(&table.path, "has a header and no rows, expected at least one"));
    }
    Ok(())
}

/// Refuses pixel columns whose numbers are not in order, for example sorted as text: `pixel10`
/// before `pixel2`.
fn check_order(path: &Path, names: &[&str]) -> Result<()> {
    let split = |name: &&str| {
        let stem = name.trim_end_matches(|letter: char| letter.is_ascii_digit());
        Some((stem.to_owned(), name[stem.len()..].parse::<u64>().ok()?))
    };
    let Some(numbered) = names.iter().map(split).collect::<Option<Vec<_>>>() else { return Ok(()) };
    let of_one_kind = numbered.windows(2).all(|pair| pair[0].0 == pair[1].0);
    match numbered.windows(2).position(|pair| pair[1].1 < pair[0].1).filter(|_| of_one_kind) {
        Some(at) => {
            let first = names[at];
            let second = names[at + 1];
            let message = format!(
                "column `{first}` stands before `{second}`: pixels must be in the order of their \
                 numbers"
            );
            Err(Error::input(path, message))
        }
        None => Ok(()),
    }
}

/// Height and width of the images with one image a line, without the column `label`: from the names
/// of the columns, as requested, or from the side of a square.
fn shape(
    path: &Path,
    table: &Table,
    label: Option<usize>,
    asked: Option<ImageShape>,
) -> Result<ImageShape> {
    let n = table.columns;
    let named = match &table.first {
        First::Header(names) => {
            let names: Vec<&str> = names
                .iter()
                .enumerate()
                .filter(|(at, _)| Some(*at) != label)
                .map(|(_, name)| name.as_str())
                .collect();
            check_order(path, &names)?;
            shape_of(&names)
        }
        _ => None,
    };
    match (named, asked) {
        (Some(named), Some(asked)) if named != asked => {
            let message = format!(
                "the header tells of images of {named}, `Request::image_shape` of {asked}: which \
                 one is meant?"
            );
            Err(Error::input(path, message))
        }
        (None, Some(asked)) if asked.n_pixels() != Some(n) => {
            let expected =
                format!("height x width = {n}, the columns of pixels in {}", path.display());
            Err(Error::parameter("image_shape", asked, expected))
        }
        (Some(shape), _) | (None, Some(shape)) => Ok(shape),
        (None, None) => {
            let side = n.isqrt();
            if side * side == n && side > 0 {
                return Ok(ImageShape { height: side, width: side });
            }
            let place = if label.is_some() { " beside the label" } else { "" };
            let index = match &table.first {
                First::Header(names) if is_index(&names[0]) => {
                    "; if the first column numbers the rows, write the file without it \
                     (index=False in pandas)"
                }
                _ => "",
            };
            let message = format!(
                "has {n} columns of pixels{place}: expected a square number, 784 for images of 28 \
                 x 28, or `Request::image_shape` HEIGHTxWIDTH{index}"
            );
            Err(Error::input(path, message))
        }
    }
}
