//! Distance metrics.

use super::filter::FoundNeighbors;
use super::key;
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// A distance metric between rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum Metric {
    /// Length of the difference of the rows.
    #[default]
    Euclidean,
    /// 1 - cos of the angle between the rows, 0 to 2. Undefined for rows of zeros.
    Cosine,
}

/// Refuses rows without a direction, and rows whose directions are lost because offsets were
/// subtracted from their columns. The first row has the number `first_row`.
///
/// # Errors
/// [`Error::Data`] naming a row of zeros, or the first such column.
pub(crate) fn check_directions(x: &Matrix, first_row: usize) -> Result<()> {
    if let Some(row) = x.rows().position(|row| row.iter().all(|&value| value == 0.0)) {
        let row = first_row + row;
        return Err(Error::Data(format!(
            "row {row} is all zeros: it has no direction, and no cosine distance from any other"
        )));
    }
    let first = x
        .offsets()
        .and_then(|offsets| offsets.iter().enumerate().find(|(_, offset)| **offset != 0.0));
    let Some((column, offset)) = first else { return Ok(()) };
    Err(Error::Data(format!(
        "column {column} has about {offset} in common, beside which 32-bit floats lose its digits: seen from the origin all rows \
         lie in one direction, and cosine distances tell nothing; subtract it, or take the Euclidean metric"
    )))
}

/// Rows of `x` scaled to unit length: half their squared distances are the cosine distances.
///
/// # Errors
/// Those of [`check_directions`].
pub(super) fn unit_rows(x: &Matrix) -> Result<Matrix> {
    check_directions(x, 0)?;
    let d = x.n_features();
    let mut units = vec![0.0; x.as_slice().len()];
    units.par_chunks_mut(d).zip(x.as_slice().par_chunks(d)).for_each(|(unit, row)| {
        let length = length(row);
        unit.iter_mut()
            .zip(row)
            .for_each(|(unit, &value)| *unit = (f64::from(value) / length) as f32);
    });
    Matrix::new(units, x.n_samples(), d)
}

/// Orders neighbours by cosine distances in double precision, ties by index, and keeps `k` of
/// `k_found`.
pub(super) fn order_by_cosine(
    queries: &Matrix,
    references: &Matrix,
    (ids, _): &FoundNeighbors,
    k_found: usize,
    k: usize,
) -> FoundNeighbors {
    let lengths: Vec<f64> =
        references.as_slice().par_chunks(references.n_features()).map(length).collect();
    let rows = ids.par_chunks(k_found).zip(queries.as_slice().par_chunks(queries.n_features()));
    let keys: Vec<Vec<u64>> = rows
        .map(|(ids, query)| {
            let query_length = length(query);
            let distance = |id: u32| {
                // Half the squared difference of unit vectors, because 1 - cos would cancel.
                let pairs = query.iter().zip(references.row(id as usize));
                let square = pairs
                    .map(|(&a, &b)| {
                        (f64::from(a) / query_length - f64::from(b) / lengths[id as usize]).powi(2)
                    })
                    .sum::<f64>();
                (0.5 * square) as f32
            };
            let mut keys: Vec<u64> = ids.iter().map(|&id| key(distance(id), id)).collect();
            keys.sort_unstable();
            keys.truncate(k);
            keys
        })
        .collect();
    keys.iter().flatten().map(|&key| (key as u32, f32::from_bits((key >> 32) as u32))).unzip()
}

fn length(row: &[f32]) -> f64 {
    row.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt()
}
