//! Options of a neighbour search, and the choice of the algorithm.

use super::brute::Task;
use super::choice;
use super::distinct::Groups;
use super::filter::{self, FoundNeighbors};
use super::found::{MANY_PAIRS, SPARE, check_number, graph, lengths, losing, radius};
use super::metric::{Metric, check_directions, order_by_cosine, unit_rows};
use super::points::Points;
use super::{MAX_NEIGHBORS, NeighborGraph, References};
use crate::compute::Device;
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::middle::{FAR, Middle};
use crate::progress::Observer;
use crate::random::Random;
use crate::range::{self, Range};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Number of rows on which [`recall_of`] measures.
pub(super) const RECALL_ROWS: usize = 1000;

/// Search method.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum SearchMethod {
    /// All neighbours, proven complete.
    #[default]
    Exact,
    /// Nearly all neighbours: the exact search with tighter bounds than can be proven. On 50,000
    /// Fashion-MNIST images and their layers it finds 98 % of 15 neighbours in half the time, on
    /// 200,000 points of 64 features more than 99 % in under 40 %; [`recall_of`] measures it on
    /// other data. It runs on the CPU, whatever the device, and gives the same bytes with any
    /// number of threads. Fewer than 5,793 points are searched exactly, and so are new points among
    /// fitted ones, since the result for one must not depend on the others.
    #[cfg_attr(
        feature = "cli",
        value(
            help = "Nearly all neighbours, on the CPU; fewer than 5,793 points are searched exactly"
        )
    )]
    Approximate,
}

/// Options of a search for neighbours.
///
/// ```
/// use layerlens::compute::Device;
/// use layerlens::matrix::Matrix;
/// use layerlens::neighbors::{Metric, Search};
/// use layerlens::progress::Silent;
///
/// // By angle, the second row is nearest to the first, however long it is.
/// let x = Matrix::new(vec![1.0, 0.0, 9.0, 1.0, 1.0, 1.0], 3, 2)?;
/// let search = Search { metric: Metric::Cosine, ..Search::default() };
/// let graph = search.nearest_neighbors(&Device::cpu(), &x, 1, &Silent)?;
/// assert_eq!(graph.neighbors(0), [1]);
/// # Ok::<(), layerlens::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Search {
    /// Distance metric. Default Euclidean.
    pub metric: Metric,
    /// Search method: exact, the default, or approximate.
    pub method: SearchMethod,
    /// Bytes of points and their centred copies that may stay on the device during an exact search;
    /// larger data are streamed to it in parts, repeatedly. The remaining budget holds the lists of
    /// all rows, so that a distance serves both of its rows. Default 2 GiB.
    pub resident_bytes: u64,
}

impl Default for Search {
    fn default() -> Self {
        Self { metric: Metric::Euclidean, method: SearchMethod::Exact, resident_bytes: 2 << 30 }
    }
}

impl Search {
    /// The `n_neighbors` nearest other rows of every row of `x`, 1 to [`MAX_NEIGHBORS`]. Duplicates
    /// of a row count as neighbours, the row itself does not. Cosine distances are exact for the
    /// rows scaled to unit length in single precision.
    ///
    /// # Errors
    /// [`Error::Data`] if there are not more than `n_neighbors` rows, if no power of two keeps
    /// squared distances in range, or if a row has no direction and the metric is the cosine;
    /// [`Error::Parameter`] beyond [`MAX_NEIGHBORS`], any error of the device,
    /// [`Error::Interrupted`].
    pub fn nearest_neighbors(
        &self,
        device: &Device,
        x: &Matrix,
        n_neighbors: usize,
        observer: &dyn Observer,
    ) -> Result<NeighborGraph> {
        let n = x.n_samples();
        if n_neighbors >= n {
            let most = n.saturating_sub(1);
            return Err(Error::Data(format!(
                "{n} points have at most {most} other points each; {n_neighbors} neighbours were \
                 asked for"
            )));
        }
        check_number(n_neighbors)?;
        let found = match self.metric {
            Metric::Euclidean => {
                let range = Range::of(x)?;
                let scaled = range.scaled(x)?;
                let found = self.within(device, &scaled, n_neighbors, observer)?;
                // Only a search that lost digits looks for a smaller unit, which takes a pass over
                // the points.
                let finer = if losing(&found, n_neighbors, &scaled, &scaled).is_empty() {
                    None
                } else {
                    range.finer(x)
                };
                match finer {
                    Some(finer) => lengths(
                        self.within(device, finer.scaled(x)?.as_ref(), n_neighbors, observer)?,
                        &finer,
                    ),
                    None => lengths(found, &range),
                }
            }
            Metric::Cosine => {
                let k = (n_neighbors + SPARE).min(n - 1).min(MAX_NEIGHBORS);
                let found = self.within(device, &unit_rows(x)?, k, observer)?;
                order_by_cosine(x, x, &found, k, n_neighbors)
            }
        };
        observer.step(n as u64, n as u64, &[])?;
        graph(found, n_neighbors, self.metric)
    }

    /// Refuses points, alone or as `new` ones among `fitted`, that a search would refuse, without
    /// searching.
    ///
    /// # Errors
    /// [`Error::Data`] naming the row: one of zeros has no cosine distance, one too far away has no
    /// squared distance in `f32`.
    pub fn check(&self, x: &Matrix, fitted: Option<&Matrix>) -> Result<()> {
        match (self.metric, fitted) {
            (Metric::Cosine, _) => check_directions(x, 0),
            (Metric::Euclidean, Some(fitted)) if fitted.n_features() == x.n_features() => {
                range::check_new(x, fitted)
            }
            (Metric::Euclidean, _) => range::check(x),
        }
    }

    /// The `n_neighbors` nearest rows of `references` for every row of `queries`, by an exact
    /// search whatever the method.
    ///
    /// # Errors
    /// [`Error::Data`] if there are fewer references or the widths differ, and as
    /// [`Search::nearest_neighbors`].
    pub fn nearest_references(
        &self,
        device: &Device,
        queries: &Matrix,
        references: &Matrix,
        n_neighbors: usize,
        observer: &dyn Observer,
    ) -> Result<NeighborGraph> {
        self.references(Cow::Borrowed(references), n_neighbors)?.nearest(device, queries, observer)
    }

    /// Rows among which the `n_neighbors` nearest of others are sought again and again: what depends
    /// on them alone is computed once. Each search gives what
    /// [`Search::nearest_references`] gives.
    ///
    /// # Errors
    /// [`Error::Data`] if there are fewer rows; of the rest as [`Search::nearest_neighbors`].
    pub fn references<'a>(&self, x: Cow<'a, Matrix>, n_neighbors: usize) -> Result<References<'a>> {
        References::new(self.metric, self.resident_bytes, x, n_neighbors)
    }

    /// Neighbours of rows among themselves: equal ones are searched once.
    fn within(
        &self,
        device: &Device,
        x: &Matrix,
        k: usize,
        observer: &dyn Observer,
    ) -> Result<FoundNeighbors> {
        let Some(groups) = Groups::of(x) else {
            return self.within_distinct(device, x, k, observer);
        };
        let k_found = k.min(groups.len() - 1);
        let found = match k_found {
            0 => (Vec::new(), Vec::new()),
            _ => {
                self.within_distinct(device, &x.select(&groups.first_rows()), k_found, observer)?
            }
        };
        Ok(groups.expand_within(&found, k_found, k))
    }

    fn within_distinct(
        &self,
        device: &Device,
        x: &Matrix,
        k: usize,
        observer: &dyn Observer,
    ) -> Result<FoundNeighbors> {
        let mean = Middle::of(x, FAR).mean;
        let radius = radius(x, &mean);
        let many = x.n_samples().saturating_mul(x.n_samples()) >= MANY_PAIRS;
        match (self.method, device) {
            (SearchMethod::Approximate, _) if many => {
                filter::approximate(x, mean, radius, k, observer)
            }
            (_, Device::Cpu(_)) if many => filter::nearest(x, mean, radius, k, observer),
            (_, Device::Gpu(gpu))
                if many && choice::on_cpu(self, (device, gpu), x, (&mean, radius), k)? =>
            {
                filter::nearest(x, mean, radius, k, observer)
            }
            _ => self.by_all_distances(device, x, (&mean, radius), k, observer),
        }
    }

    /// Neighbours of rows among themselves from all distances, about a centre; no row is further
    /// from it than `radius`.
    pub(super) fn by_all_distances(
        &self,
        device: &Device,
        x: &Matrix,
        (mean, radius): (&[f32], f32),
        k: usize,
        observer: &dyn Observer,
    ) -> Result<FoundNeighbors> {
        let points = Points::new(device, x, mean, self.resident_bytes)?;
        let (queries, references) = (&points, &points);
        Task { device, queries, references, radius, exclude_self: true, k, observer }.run()
    }
}

/// Share of the true neighbours that `graph` has, for 1,000 random rows of `x`, or all rows if
/// there are fewer, by an exact search with the graph's metric.
///
/// # Errors
/// [`Error::Data`] if the graph is of another number of points, and as
/// [`Search::nearest_references`].
pub fn recall_of(
    graph: &NeighborGraph,
    device: &Device,
    x: &Matrix,
    observer: &dyn Observer,
) -> Result<f64> {
    let (n, k) = (x.n_samples(), graph.n_neighbors());
    if graph.n_samples() != n {
        return Err(Error::Data(format!(
            "the neighbours are those of {} points, not of {n}",
            graph.n_samples()
        )));
    }
    let mut rows = Random::new(0, 0x7265_6361).permutation(n);
    rows.truncate(RECALL_ROWS);
    let search = Search { metric: graph.metric(), ..Search::default() };
    // One more than needed, since each row finds itself; among many duplicates it may not.
    let exact = search.nearest_references(
        device,
        &x.select(&rows),
        x,
        (k + 1).min(n).min(MAX_NEIGHBORS),
        observer,
    )?;
    let found: usize = (rows.iter().enumerate())
        .map(|(at, &row)| {
            let others = exact.neighbors(at).iter().filter(|&&id| id as usize != row).take(k);
            let expected: BTreeSet<u32> = others.copied().collect();
            graph.neighbors(row).iter().filter(|id| expected.contains(id)).count()
        })
        .sum();
    Ok(found as f64 / (rows.len() * k) as f64)
}
