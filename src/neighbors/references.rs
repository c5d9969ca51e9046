//! Rows among which neighbours of others are sought, prepared once for many searches.

use super::brute::Task;
use super::distinct::Groups;
use super::filter::{FoundNeighbors, Index};
use super::found::{MANY_PAIRS, SPARE, check_number, graph, lengths, losing, radius, replaced};
use super::metric::{Metric, check_directions, order_by_cosine, unit_rows};
use super::points::Points;
use super::{MAX_NEIGHBORS, NeighborGraph};
use crate::compute::Device;
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::middle::{FAR, Middle};
use crate::progress::Observer;
use crate::range::Range;
use std::borrow::Cow;
use std::sync::OnceLock;

/// Rows among which the nearest of other rows are sought; made by
/// [`Search::references`](super::Search::references). The first
/// search of many pairs on the CPU groups them into blocks, O(n d), which later ones use again.
#[derive(Debug)]
pub struct References<'a> {
    metric: Metric,
    /// Bytes of points that may stay on a GPU during a search.
    resident_bytes: u64,
    x: Cow<'a, Matrix>,
    n_neighbors: usize,
    /// The unit of lengths, for the Euclidean metric.
    range: Option<Range>,
    rows: Rows,
}

/// The rows that are searched: scaled, or of unit length, each once.
#[derive(Debug)]
struct Rows {
    /// The scaled rows, if they differ from the given ones.
    scaled: Option<Matrix>,
    /// Groups of equal rows, and one row of each, if there are equal ones.
    distinct: Option<(Groups, Matrix)>,
    mean: Vec<f32>,
    /// No row is farther from the mean.
    radius: f32,
    /// Neighbours that are sought among them.
    k: usize,
    index: OnceLock<Index>,
}

impl<'a> References<'a> {
    pub(super) fn new(
        metric: Metric,
        resident_bytes: u64,
        x: Cow<'a, Matrix>,
        n_neighbors: usize,
    ) -> Result<Self> {
        let n = x.n_samples();
        if n_neighbors > n {
            return Err(Error::Data(format!(
                "{n_neighbors} neighbours were asked for among {n} points"
            )));
        }
        check_number(n_neighbors)?;
        let (range, rows) = match metric {
            Metric::Euclidean => {
                let range = Range::of(&x)?;
                let scaled = match range.scaled(&x)? {
                    Cow::Owned(scaled) => Some(scaled),
                    Cow::Borrowed(_) => None,
                };
                (Some(range), Rows::new(&x, scaled, n_neighbors))
            }
            Metric::Cosine => {
                let k = (n_neighbors + SPARE).min(n).min(MAX_NEIGHBORS);
                (None, Rows::new(&x, Some(unit_rows(&x)?), k))
            }
        };
        Ok(Self { metric, resident_bytes, x, n_neighbors, range, rows })
    }

    /// Refuses queries that a search would refuse, without searching; the first of them has the
    /// number `first_row` in messages.
    ///
    /// # Errors
    /// [`Error::Data`] naming a row that is too far away, or has no direction and the metric is the
    /// cosine.
    pub fn check(&self, queries: &Matrix, first_row: usize) -> Result<()> {
        match &self.range {
            Some(range) => range.check_new(queries, first_row),
            None => check_directions(queries, first_row),
        }
    }

    /// The nearest rows of every query; the result for one does not depend on the others.
    ///
    /// # Errors
    /// [`Error::Data`] if the widths differ, if a query is too far away, or if it has no direction
    /// and the metric is the cosine; any error of the device, [`Error::Interrupted`].
    pub fn nearest(
        &self,
        device: &Device,
        queries: &Matrix,
        observer: &dyn Observer,
    ) -> Result<NeighborGraph> {
        let k = self.n_neighbors;
        if queries.n_features() != self.x.n_features() {
            let (found, expected) = (queries.n_features(), self.x.n_features());
            return Err(Error::Data(format!(
                "the new points have {found} features, the fitted ones {expected}"
            )));
        }
        queries.check_offsets(&self.x)?;
        let found = match &self.range {
            Some(range) => self.by_length(device, queries, range, observer)?,
            None => {
                let units = unit_rows(queries)?;
                let found =
                    self.rows.nearest(self.resident_bytes, device, &self.x, &units, observer)?;
                order_by_cosine(queries, &self.x, &found, self.rows.k, k)
            }
        };
        observer.step(queries.n_samples() as u64, queries.n_samples() as u64, &[])?;
        graph(found, k, self.metric)
    }

    fn by_length(
        &self,
        device: &Device,
        queries: &Matrix,
        range: &Range,
        observer: &dyn Observer,
    ) -> Result<FoundNeighbors> {
        let k = self.n_neighbors;
        let from = range.scaled(queries)?;
        let found = self.rows.nearest(self.resident_bytes, device, &self.x, &from, observer)?;
        let again = losing(&found, k, &from, self.rows.scaled(&self.x));
        let found = lengths(found, range);
        let Some(finer) = (if again.is_empty() { None } else { range.finer(&self.x) }) else {
            return Ok(found);
        };
        // Only those queries, which lie next to a reference: the result for one must not depend on
        // the others.
        let queries = queries.select(&again);
        let from = finer.scaled(&queries)?;
        let to = finer.scaled(&self.x)?;
        let rows = Rows::new(&to, None, k);
        let better =
            lengths(rows.nearest(self.resident_bytes, device, &to, &from, observer)?, &finer);
        Ok(replaced(found, &again, &better, k))
    }
}

impl Rows {
    fn new(x: &Matrix, scaled: Option<Matrix>, k: usize) -> Self {
        let given = scaled.as_ref().unwrap_or(x);
        let distinct = Groups::of(given).map(|groups| {
            let rows = given.select(&groups.first_rows());
            (groups, rows)
        });
        let searched = distinct.as_ref().map_or(given, |(_, rows)| rows);
        let mean = Middle::of(searched, FAR).mean;
        let radius = radius(searched, &mean);
        Self { scaled, distinct, mean, radius, k, index: OnceLock::new() }
    }

    /// The scaled rows of the given ones, `x`.
    fn scaled<'b>(&'b self, x: &'b Matrix) -> &'b Matrix {
        self.scaled.as_ref().unwrap_or(x)
    }

    /// Nearest rows of queries in the same unit.
    fn nearest(
        &self,
        resident_bytes: u64,
        device: &Device,
        x: &Matrix,
        queries: &Matrix,
        observer: &dyn Observer,
    ) -> Result<FoundNeighbors> {
        let Some((groups, rows)) = &self.distinct else {
            return self.among(resident_bytes, device, self.scaled(x), queries, self.k, observer);
        };
        let k = self.k.min(groups.len());
        let found = self.among(resident_bytes, device, rows, queries, k, observer)?;
        Ok(groups.expand(&found, k, self.k))
    }

    fn among(
        &self,
        resident_bytes: u64,
        device: &Device,
        rows: &Matrix,
        queries: &Matrix,
        k: usize,
        observer: &dyn Observer,
    ) -> Result<FoundNeighbors> {
        let pairs = queries.n_samples().saturating_mul(rows.n_samples());
        match device {
            Device::Cpu(_) if pairs >= MANY_PAIRS => {
                let index = match self.index.get() {
                    Some(index) => index,
                    None => {
                        let index = Index::new(rows, self.mean.clone(), self.radius, k)?;
                        self.index.get_or_init(|| index)
                    }
                };
                index.nearest(queries, k, observer)
            }
            _ => {
                let points = |x| Points::new(device, x, &self.mean, resident_bytes / 2);
                let (queries, references) = (&points(queries)?, &points(rows)?);
                let radius = self.radius;
                Task { device, queries, references, radius, exclude_self: false, k, observer }.run()
            }
        }
    }
}
