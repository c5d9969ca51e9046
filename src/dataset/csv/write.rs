//! Writing CSV files of pixels and labels, with a header.

use crate::dataset::Images;
use std::io::{self, Write};

/// Writes the names of the columns, then the pixels of one image a line. The names are the numbers
/// of the columns, as pandas writes them for an array without names; for images that are not
/// square, whose shape must not be lost, they are row x column.
pub(crate) fn write_pixels(out: &mut dyn Write, images: &Images) -> io::Result<()> {
    let names = names(images, |column| column.to_string());
    writeln!(out, "{}", names.join(","))?;
    let mut line = Vec::new();
    (0..images.n()).try_for_each(|row| {
        line.clear();
        push_numbers(&mut line, images.image(row));
        out.write_all(&line)
    })
}

/// Writes `0`, then one label a line.
pub(crate) fn write_labels(out: &mut dyn Write, labels: &[u16]) -> io::Result<()> {
    writeln!(out, "0")?;
    labels.iter().try_for_each(|label| writeln!(out, "{label}"))
}

/// Writes `label,pixel1,...`, or names as in [`write_pixels`], then the label and the pixels of one
/// image a line.
pub(crate) fn write_together(
    out: &mut dyn Write,
    images: &Images,
    labels: &[u16],
) -> io::Result<()> {
    let names = names(images, |column| format!("pixel{}", column + 1));
    writeln!(out, "label,{}", names.join(","))?;
    let mut line = Vec::new();
    labels.iter().enumerate().try_for_each(|(row, &label)| {
        line.clear();
        line.extend_from_slice(format!("{label},").as_bytes());
        push_numbers(&mut line, images.image(row));
        out.write_all(&line)
    })
}

/// Names of the columns of pixels: the usual ones, or row and column.
fn names(images: &Images, usual: impl Fn(usize) -> String) -> Vec<String> {
    let width = images.width();
    let name = |column: usize| match images.height() == width {
        true => usual(column),
        false => format!("{}x{}", column / width + 1, column % width + 1),
    };
    (0..images.n_values()).map(name).collect()
}

/// Appends the numbers separated by commas, and a line feed.
fn push_numbers(line: &mut Vec<u8>, numbers: &[u8]) {
    for &number in numbers {
        if number >= 100 {
            line.push(b'0' + number / 100);
        }
        if number >= 10 {
            line.push(b'0' + number / 10 % 10);
        }
        line.extend_from_slice(&[b'0' + number % 10, b',']);
    }
    line.pop();
    line.push(b'\n');
}
