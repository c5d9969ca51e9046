//! UMAP: embeds the points so that a fuzzy graph of neighbours in the embedding resembles the one
//! in the space.
//!
//! Reference: L. McInnes, J. Healy and J. Melville, "UMAP: uniform manifold approximation and
//! projection", 2018; names, defaults and graph after umap-learn. The layout differs: instead of
//! moving the ends of one edge after the other it moves all points at once ([`fuzzy_layout`]), from
//! the principal components smoothed along the edges ([`low_pass`]). O(n k) for the graph and
//! O(edges) an epoch, some 20 edges a point. Widths, smoothing and epochs run on the device;
//! symmetrising the graph and sums over all points run on the CPU. New points are placed by
//! [`placement`](super::placement) or, with `placement = optimise`, then moved by UMAP's own
//! forces.

mod curve;
#[doc(hidden)]
pub mod fuzzy_graph;
#[doc(hidden)]
pub mod fuzzy_layout;
mod lanes;
#[doc(hidden)]
pub mod low_pass;
mod start;

pub use curve::find_ab_params;
pub use fuzzy_graph::{FuzzyGraph, Memberships};

use super::collapse;
use super::descent::{self, recentred};
use super::init::{self, Init};
use super::placement::Placement;
use super::{Embedding, Fitted, FittedMap, Method, NeighborEmbedding, NewPoints, Space, fit_alone};
use crate::compute::{Buffer, Device};
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::neighbors::{MAX_NEIGHBORS, NeighborGraph};
use crate::parameters::{Auto, Parameter, check, from_table, parameter};
use crate::progress::{Observer, Silent};
use crate::random::lowbias32;
use crate::range::scaled_rows;
use fuzzy_layout::{Edges, Epoch, Forces, Settling};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The registry's entry.
pub const METHOD: Method = Method {
    name: "umap",
    title: "UMAP",
    caution: "UMAP keeps near neighbours together: the distances between clusters, and how dense they look, mean little.",
    display_rank: 3,
    is_linear: false,
    gives_components: false,
    kernels: &[fuzzy_graph::KERNELS, fuzzy_layout::KERNELS, low_pass::KERNELS],
    parameters: PARAMETERS,
    build: |table| Ok(Box::new(from_table::<Umap>(table)?)),
    defaults: || toml::Table::try_from(Umap::default()),
    restore: FittedMap::<Umap>::restore,
};

const PARAMETERS: &[Parameter] = &[
    parameter!(Umap.n_neighbors, "Neighbours of each point, itself counted")
        .between(2.0, (MAX_NEIGHBORS + 1) as f64)
        .note("below n_samples"),
    parameter!(Umap.n_components, "Dimensions of the map").one_of(&["2", "3"]),
    parameter!(Umap.spread, "Scale of the map").above(0.0),
    parameter!(Umap.min_dist, "Minimum distance of points in the map")
        .up_to_field(0.0, "spread", 0.0),
    parameter!(Umap.n_epochs, "Epochs")
        .at_least(1.0)
        .or_auto("1000 up to 10,000 points, 400 beyond"),
    parameter!(Umap.learning_rate, "Step size relative to the usual one").above(0.0),
    parameter!(Umap.negative_sample_rate, "Random points that push for each neighbour that pulls")
        .between(1.0, 100.0),
    parameter!(Umap.repulsion_strength, "Factor of the pushes").at_least(0.0),
    parameter!(Umap.local_connectivity, "Nearest neighbours with full membership").up_to_field(
        0.0,
        "n_neighbors",
        1.0,
    ),
    parameter!(Umap.set_op_mix_ratio, "Mix of fuzzy union and intersection of edges")
        .between(0.0, 1.0)
        .note("1: neighbours in either direction, 0: only in both"),
    parameter!(Umap.init, "Start").one_of(&["pca", "spectral", "random", init::FILE]),
    parameter!(
        Umap.placement,
        "New points: mode of their neighbours' coordinates, or optimise, as umap-learn"
    ),
    parameter!(Umap.random_state, "Seed of the random numbers"),
];

const ADVICE: collapse::MethodAdvice = collapse::MethodAdvice {
    method: METHOD.title,
    advice: "try a larger `Umap::repulsion_strength`, more `Umap::n_neighbors` or `Umap::init` random",
};

/// Minimum number of points.
const FEWEST: usize = 4;
/// Minimum number of neighbours for the scale of the placement, besides the method's own.
const SCALE_NEIGHBORS: usize = 12;
/// Step of the first epoch at a learning rate of 1: twice that of umap-learn, whose steps move both
/// ends of an edge, and twice again, since the step is divided by 1 + the stiffness of the edges.
const STEP: f32 = 4.0;
/// Share of its last velocity that a point keeps.
const MOMENTUM: f32 = 0.8;
/// Maximum step length of a point in an epoch, in units of the embedding.
const MAX_STEP_NORM: f32 = 4.0;
/// Step of the first epoch of placing new points; without momentum, so shorter than that of the
/// fit.
const SETTLE_STEP: f32 = 1.0;
/// Number of epochs of placing new points, however many there are.
const SETTLE_EPOCHS: usize = 100;
/// Number of epochs between two progress reports.
const REPORT_EVERY: usize = 10;

/// Parameters of UMAP, with umap-learn's names and defaults.
///
/// ```
/// use layerlens::compute::Device;
/// use layerlens::embedding::Umap;
/// use layerlens::matrix::Matrix;
///
/// let x = Matrix::new((0..200).map(|i| (i % 7) as f32 + (i / 100) as f32 * 50.0).collect(), 100, 2)?;
/// let fitted = Umap { n_neighbors: 10, ..Umap::default() }.fit(&Device::cpu(), &x)?;
/// assert_eq!(fitted.embedding().n_samples(), 100);
/// # Ok::<(), layerlens::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Umap {
    /// Number of neighbours of each point, including the point itself as in umap-learn: 15 are the
    /// point and 14 others. Between 2 and 505, or 504 if new points are placed by the method's own
    /// objective, and below n_samples. Default 15.
    pub n_neighbors: usize,
    /// Dimensions of the embedding, 2 or 3. Default 2.
    pub n_components: usize,
    /// Distance in the embedding below which points count as together, between 0 and `spread`.
    /// Default 0.1.
    pub min_dist: f32,
    /// Distance in the embedding over which the membership strength falls, above 0. Default 1.
    pub spread: f32,
    /// Number of epochs, at least 1; auto, the default, stands for the choice of [`Umap::epochs`]
    /// by n_samples.
    pub n_epochs: Auto<usize>,
    /// Step size, above 0. Default 1: a first step of 4 times the force over 1 + the stiffness of a
    /// point's edges, which falls as the square of the remaining share of the epochs.
    pub learning_rate: f32,
    /// Number of random points that push for each neighbour that pulls, between 1 and 100. Default
    /// 5.
    pub negative_sample_rate: usize,
    /// Factor of the pushes, at least 0. Default 1.
    pub repulsion_strength: f32,
    /// Number of nearest neighbours with full membership, between 0 and `n_neighbors` less 1;
    /// fractions interpolate their distance. Default 1.
    pub local_connectivity: f32,
    /// Mix of fuzzy union and intersection of both directions of an edge, between 0 and 1: 1 (the
    /// default) union, 0 intersection.
    pub set_op_mix_ratio: f32,
    /// Initialisation: pca, spectral, random or a .npy FILE of coordinates. Default PCA, smoothed
    /// along the edges of the graph.
    pub init: Init,
    /// Way in which new points are placed. Default by the coordinates of their neighbours.
    pub placement: Placement,
    /// Seed of the random numbers. Default 42.
    pub random_state: u64,
}

impl Default for Umap {
    fn default() -> Self {
        Self {
            n_neighbors: 15,
            n_components: 2,
            min_dist: 0.1,
            spread: 1.0,
            n_epochs: Auto::Auto,
            learning_rate: 1.0,
            negative_sample_rate: 5,
            repulsion_strength: 1.0,
            local_connectivity: 1.0,
            set_op_mix_ratio: 1.0,
            init: Init::Pca,
            placement: Placement::Mode,
            random_state: 42,
        }
    }
}

/// A fitted embedding. [`FittedMap::result`] has `n_edges`, the number of edges of the fuzzy graph
/// that the layout used, counted once a pair, and `n_epochs`.
pub type FittedUmap = FittedMap<Umap>;

impl Umap {
    /// Finds the neighbours of `x` and fits the embedding.
    ///
    /// # Errors
    /// Those of [`Embedding::fit_boxed`].
    pub fn fit(&self, device: &Device, x: &Matrix) -> Result<FittedUmap> {
        fit_alone(self, device, x, |space| self.fit_space(device, space, &Silent))
    }

    /// Fits the embedding to points whose neighbours are known. With [`Space::start`] it runs only
    /// the second half of the epochs, with their smaller steps.
    ///
    /// # Errors
    /// Those of [`Embedding::fit_boxed`].
    pub fn fit_space(
        &self,
        device: &Device,
        space: &Space<'_>,
        observer: &dyn Observer,
    ) -> Result<FittedUmap> {
        self.validate(space.x.n_samples(), space.x.n_features())?;
        let neighbors = self.neighbors_of(space)?;
        let n = space.x.n_samples();
        let n_epochs = self.epochs(space.x.n_samples());
        let graph = self
            .fuzzy_graph(device, &neighbors.truncated(self.n_neighbors - 1))?
            .normalised(n_epochs);
        let edges = Edges::new(device, &graph)?;
        let (start, first) = match space.start {
            Some(places) => (
                init::given(places, n, self.n_components, self.random_state)?.into_vec(),
                n_epochs / 2,
            ),
            None => (start::start(self, device, space, &graph, &edges)?, 0),
        };
        let n_edges = graph.columns.len() / 2;
        drop(graph);
        let (places, n_epochs) =
            self.optimise(device, &edges, &start, first..n_epochs, observer)?;
        let embedding = Matrix::new(recentred(places, self.n_components), n, self.n_components)
            .map_err(|error| {
                Error::Data(format!("UMAP diverged: {error}; try a smaller `Umap::learning_rate`"))
            })?;
        let embedding = collapse::resolved(&ADVICE, space.x, embedding, self.random_state)?;
        let results = [("n_edges", n_edges as f64), ("n_epochs", n_epochs as f64)];
        Ok(FittedMap::new(self.clone(), embedding, neighbors).with_results(&results, Vec::new()))
    }

    /// The fuzzy graph of n_samples x (n_neighbors - 1) neighbours, as umap-learn's
    /// `fuzzy_simplicial_set`.
    ///
    /// # Errors
    /// Any error of the device.
    pub fn fuzzy_graph(&self, device: &Device, neighbors: &NeighborGraph) -> Result<FuzzyGraph> {
        let memberships = Memberships::new(device, neighbors, self.local_connectivity)?;
        Ok(FuzzyGraph::new(
            neighbors.indices(),
            &memberships.values,
            neighbors.n_samples(),
            self.set_op_mix_ratio,
        ))
    }

    /// Number of epochs of a fit to `n` points: `n_epochs`, or 1,000 up to 10,000 points and 400
    /// beyond.
    ///
    /// Measured on Fashion-MNIST and its activations: from 400 to 1,000 epochs trustworthiness (k =
    /// 12) grows by up to 0.0007 and 5-NN accuracy by up to 0.005 at n = 500 to 10,000, by nothing
    /// and 0.003 at 20,000; from 200 to 400 they grow by 0.001 and 0.005 at 50,000. Beyond 100,000
    /// points more epochs buy large structure: at 200,000 trustworthiness on a sample is 0.971,
    /// 0.990 and 0.996 after 200, 400 and 1,000.
    pub fn epochs(&self, n: usize) -> usize {
        self.n_epochs.value_or(if n <= 10_000 { 1000 } else { 400 })
    }

    fn neighbors_of<'a>(&self, space: &Space<'a>) -> Result<&'a NeighborGraph> {
        let n = space.x.n_samples();
        let k = self.n_neighbors - 1;
        match space.neighbors {
            Some(graph) if graph.n_neighbors() >= k && graph.n_samples() == n => Ok(graph),
            Some(graph) => {
                let (found, rows) = (graph.n_neighbors(), graph.n_samples());
                Err(Error::Data(format!(
                    "UMAP needs {k} neighbours of each of {n} points; there are {found} of {rows}"
                )))
            }
            None => Err(Error::Data("UMAP needs the neighbours of the points".into())),
        }
    }

    fn forces(&self) -> Forces {
        let (a, b) = find_ab_params(self.spread, self.min_dist);
        Forces {
            n_components: self.n_components,
            a,
            b,
            repulsion_strength: self.repulsion_strength,
            negative_sample_rate: self.negative_sample_rate as f32,
        }
    }

    /// Runs the epochs of the range `epochs` on the device; earlier ones count as done. Returns the
    /// coordinates and the number of epochs that are done.
    fn optimise(
        &self,
        device: &Device,
        edges: &Edges,
        start: &[f32],
        epochs: Range<usize>,
        observer: &dyn Observer,
    ) -> Result<(Vec<f32>, usize)> {
        let forces = self.forces();
        let mut places = Buffer::from_slice(device, "map", start)?;
        let mut moved = Buffer::new(device, "map of the next epoch", start.len())?;
        let mut velocities = Buffer::zeros(device, "velocities", start.len())?;
        let (first, n_epochs) = (epochs.start, epochs.end);
        for epoch in epochs {
            let remaining = 1.0 - epoch as f32 / n_epochs as f32;
            let how = Epoch {
                momentum: MOMENTUM,
                step: STEP * self.learning_rate * remaining * remaining,
                max_step_norm: MAX_STEP_NORM,
                key: key(self.random_state, epoch as u32),
            };
            fuzzy_layout::advance(
                device,
                edges,
                forces,
                how,
                &places,
                &mut velocities,
                &mut moved,
            )?;
            std::mem::swap(&mut places, &mut moved);
            let done = epoch + 1;
            if observer.wants_embedding((done - first) as u64) {
                let seen = recentred(places.read(device)?, self.n_components);
                descent::show(observer, done - first, None, seen, self.n_components)?;
            }
            if observer.is_satisfied() {
                return Ok((places.read(device)?, done));
            }
            if done.is_multiple_of(REPORT_EVERY) || done == n_epochs {
                observer.step((done - first) as u64, (n_epochs - first) as u64, &[])?;
            }
        }
        Ok((places.read(device)?, n_epochs))
    }
}

impl Embedding for Umap {
    fn n_neighbors(&self) -> usize {
        self.n_neighbors.saturating_sub(1).max(SCALE_NEIGHBORS)
    }

    fn n_components(&self) -> usize {
        self.n_components
    }

    fn memory_bytes(&self, n_samples: usize) -> u64 {
        // Memberships and their transpose, two copies of the symmetric graph, coordinates, updates
        // and the start.
        (n_samples * (Embedding::n_neighbors(self) * 60 + 100)) as u64
    }

    fn validate(&self, n: usize, _: usize) -> Result<()> {
        check(self, PARAMETERS)?;
        // A new point does not count itself, so placing it needs one neighbour more than fitting.
        if self.placement == Placement::Optimise && self.n_neighbors > MAX_NEIGHBORS {
            let expected = format!("between 2 and {MAX_NEIGHBORS} with `Umap::placement` optimise");
            return Err(Error::parameter("n_neighbors", self.n_neighbors, expected));
        }
        if n < FEWEST {
            return Err(Error::Data(format!("UMAP needs at least {FEWEST} points, there are {n}")));
        }
        if self.n_neighbors >= n {
            return Err(Error::Data(format!(
                "UMAP with n_neighbors {} needs at least {} points, there are {n}; the largest \
                 n_neighbors for {n} is {}",
                self.n_neighbors,
                self.n_neighbors + 1,
                n - 1
            )));
        }
        self.init.check(n, self.n_components)
    }

    fn fit_boxed(
        &self,
        device: &Device,
        space: &Space<'_>,
        observer: &dyn Observer,
    ) -> Result<Box<dyn Fitted>> {
        Ok(Box::new(self.fit_space(device, space, observer)?))
    }
}

impl NeighborEmbedding for Umap {
    const NAME: &'static str = METHOD.name;

    fn placement(&self) -> Placement {
        self.placement
    }

    fn n_neighbors_to_optimise(&self) -> usize {
        self.n_neighbors
    }

    /// Like umap-learn's `transform`, but no row depends on others: always 100 epochs, memberships
    /// relative to the row's own largest, random points drawn by the ids of the neighbours; and, as
    /// in the fit, with all edges weighted.
    fn optimise_places(
        &self,
        device: &Device,
        map: &FittedUmap,
        new: &NewPoints<'_>,
        start: Matrix,
    ) -> Result<Matrix> {
        let (n, c) = (start.n_samples(), start.n_features());
        let graph = new.neighbors.truncated(self.n_neighbors.min(new.neighbors.n_neighbors()));
        let k = graph.n_neighbors();
        let mut settled = Buffer::from_slice(device, "new coordinates", start.as_slice())?;
        let new_points = fuzzy_layout::NewPoints {
            fitted: &Buffer::from_slice(device, "map", map.embedding().as_slice())?,
            neighbors: &Buffer::from_slice(device, "neighbours of new points", graph.indices())?,
            distances: &Buffer::from_slice(
                device,
                "their distances",
                &scaled_rows(graph.distances(), k),
            )?,
            shape: (n, k),
            target_sum: (k as f32).log2(),
        };
        let step = SETTLE_STEP * self.learning_rate;
        let how = Settling { step, seed: key(self.random_state, 0), n_epochs: SETTLE_EPOCHS };
        fuzzy_layout::settle(device, &new_points, self.forces(), how, &mut settled)?;
        Matrix::new(settled.read(device)?, n, c)
    }
}

/// Key of the random numbers of an epoch.
fn key(seed: u64, epoch: u32) -> u32 {
    let seed = lowbias32(seed as u32 ^ lowbias32((seed >> 32) as u32));
    lowbias32(seed.wrapping_mul(0x9e37_79b9).wrapping_add(epoch)).wrapping_mul(0x9e37_79b1)
}
