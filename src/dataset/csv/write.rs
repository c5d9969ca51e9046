//! Writing CSV files of pixels and labels, with a header.

use crate::dataset::{Images, Samples};
use std::io::{self, Write};

/// The numbers of the columns, then the pixels of an image a line: what pandas writes of an array without names.
pub(crate) fn write_pixels(out: &mut dyn Write, images: &Images) -> io::Result<()> {
    let names: Vec<_> = (0..images.n_pixels()).map(|column| column.to_string()).collect();
    writeln!(out, "{}", names.join(","))?;
    let mut line = Vec::new();
    (0..images.n()).try_for_each(|row| {
        line.clear();
        push_numbers(&mut line, images.image(row));
        out.write_all(&line)
    })
}

/// `0`, then a label a line.
pub(crate) fn write_labels(out: &mut dyn Write, labels: &[u8]) -> io::Result<()> {
    writeln!(out, "0")?;
    labels.iter().try_for_each(|label| writeln!(out, "{label}"))
}

/// `label,pixel1,...`, then the label and the pixels of an image a line.
pub(crate) fn write_together(out: &mut dyn Write, samples: &Samples) -> io::Result<()> {
    let names: Vec<_> = (1..=samples.images.n_pixels()).map(|column| format!(",pixel{column}")).collect();
    writeln!(out, "label{}", names.concat())?;
    let mut line = Vec::new();
    samples.labels.iter().enumerate().try_for_each(|(row, &label)| {
        line.clear();
        push_numbers(&mut line, &[label]);
        line.pop();
        line.push(b',');
        push_numbers(&mut line, samples.images.image(row));
        out.write_all(&line)
    })
}

/// The numbers with commas between, and a line feed.
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
