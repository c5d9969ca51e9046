//! Fitted points that were drawn from the rows of files, and the place of all other rows.

use crate::dataset::rows::PointFiles;
use crate::embedding::SavedMap;
use crate::error::Result;
use crate::format::thousands;
use crate::matrix::Matrix;
use crate::neighbors::{Metric, check_directions};
use crate::progress::Quiet;
use crate::range::Range;
use crate::record::{Artifact, Stage};
use crate::run::session::Session;
use std::borrow::Cow;

/// Where the points of a job come from.
#[derive(Clone, Debug)]
pub struct Drawn {
    /// The files.
    pub points: PointFiles,
    /// Rows of the fitted points, ascending.
    pub fitted: Vec<usize>,
    /// Rows of the new points, ascending.
    pub new: Vec<usize>,
    /// `true` if as many rows of each class were drawn as there are.
    pub balanced: bool,
}

impl Drawn {
    /// Refuses rows that have no neighbours among the `fitted` ones by the metric.
    ///
    /// # Errors
    /// [`crate::Error::Input`] naming the file and the row.
    pub(super) fn check(&self, metric: Metric, fitted: &Matrix) -> Result<()> {
        let each = |check: &dyn Fn(&Matrix, usize) -> Result<()>| {
            self.points.each(fitted.offsets(), |_, row, batch| check(&batch, row))
        };
        match metric {
            Metric::Euclidean => {
                let range = Range::unless_far(fitted).map_err(|outlier| {
                    let (path, row) = self.points.place(self.fitted[outlier.row]);
                    outlier.error(row).of_file(path)
                })?;
                each(&|batch, row| range.check_new(batch, row))
            }
            Metric::Cosine => each(&check_directions),
        }
    }

    /// Places all rows but the fitted ones in the map of the `fitted` points, and writes the
    /// coordinates of all rows: what `layerlens transform` would write of the files, with the
    /// `embedding` in the place of the fitted ones.
    pub(super) fn place_all(
        &self,
        session: &mut Session<'_>,
        fitted: &Matrix,
        embedding: &Matrix,
    ) -> Result<()> {
        session.new_stage(Stage::OtherRows, |session, observer| {
            let saved = SavedMap::load(&session.record.below(Artifact::OnlyFittedMap)?)?;
            let references = saved.references(Some(Cow::Borrowed(fitted)))?;
            let (n, c) = (self.points.n_samples(), embedding.n_features());
            let mut all = vec![0.0; n * c];
            self.points.each(saved.offsets(), |first, _, batch| {
                observer.step(first as u64, n as u64, &[])?;
                let end = first + batch.n_samples();
                let others: Vec<usize> = (first..end)
                    .filter(|row| self.fitted.binary_search(row).is_err())
                    .map(|row| row - first)
                    .collect();
                if others.is_empty() {
                    return Ok(());
                }
                let (device, references) = (session.device, references.as_ref());
                let rows = batch.select(&others);
                let placed = saved.place(device, references, &rows, &Quiet(observer))?;
                put(&mut all[first * c..], placed.rows().zip(others));
                Ok(())
            })?;
            put(&mut all, embedding.rows().zip(self.fitted.iter().copied()));
            let record = &mut *session.record;
            record.write_matrix(Artifact::AllEmbedding, &Matrix::new(all, n, c)?)?;
            record.write_matrix(Artifact::FittedPoints, fitted)?;
            for (part, rows) in [("fitted", &self.fitted), ("new", &self.new)] {
                let rows: Vec<u32> = rows.iter().map(|&row| row as u32).collect();
                record.write_numbers(Artifact::DrawnRows(part), &rows)?;
            }
            record.warn(self.words());
            Ok(())
        })
    }

    /// What was fitted and what was placed.
    fn words(&self) -> String {
        let [n, fitted, new] = [self.points.n_samples(), self.fitted.len(), self.new.len()];
        let drawn = if self.balanced { "as many of each class as there are" } else { "at random" };
        format!(
            "the map was fitted to {} of the {} rows, drawn {drawn}; the other {} were placed in it, \
             and {} of these are the new points of scores and figures",
            thousands(fitted),
            thousands(n),
            thousands(n - fitted),
            thousands(new)
        )
    }
}

/// Puts coordinates into the rows of a table of as many columns.
fn put<'a>(table: &mut [f32], rows: impl Iterator<Item = (&'a [f32], usize)>) {
    for (place, row) in rows {
        table[row * place.len()..][..place.len()].copy_from_slice(place);
    }
}
