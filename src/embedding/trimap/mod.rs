//! TriMAP: embeds the points so that of three points, the two that are near in the space are near
//! in the embedding.
//!
//! Reference: E. Amid and M. Warmuth, "TriMap: Large-scale dimensionality reduction using
//! triplets", 2019, and the authors' program (the paper writes the loss upside down). Every point
//! has triplets with its nearest neighbours and random outliers ([`triplets`],
//! [`triplet_weights`]); gradient descent with momentum and a gain for each coordinate minimises
//! their loss ([`triplet_layout`]): O(n) an iteration, all of it on the device. Unlike the authors'
//! program, outliers are drawn so that the forces on them can be gathered, the weights do not
//! depend on the smallest of all, and momentum 0.9 from iteration 100 on makes 300 iterations as
//! good as 400.
//!
//! New points are placed by the rule of [`placement`](super::placement), or by their own triplets
//! ([`triplet_placement`]).

mod blocks;
#[doc(hidden)]
pub mod triplet_forces;
#[doc(hidden)]
pub mod triplet_layout;
#[doc(hidden)]
pub mod triplet_placement;
#[doc(hidden)]
pub mod triplet_weights;
#[doc(hidden)]
pub mod triplets;

use super::collapse;
use super::descent;
use super::far::Drawn;
use super::init::{self, Init, Start};
use super::pca::rows::squares_about;
use super::placement::Placement;
use super::{
    Embedding, Fitted, FittedMap, Method, NeighborEmbedding, NewPoints, Pca, Space, fit_alone,
};
use crate::compute::{Buffer, Device};
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::neighbors::{NeighborGraph, ties};
use crate::parameters::{Parameter, check, from_table, parameter};
use crate::progress::{Observer, Silent};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use triplet_layout::{Layout, Step};
use triplets::Triplets;

/// The registry's entry.
pub const METHOD: Method = Method {
    name: "trimap",
    title: "TriMAP",
    caution: "TriMAP keeps the arrangement of the clusters better than the near neighbours within them: fine detail means little.",
    display_rank: 2,
    is_linear: false,
    gives_components: false,
    kernels: &[
        triplet_weights::KERNELS,
        triplet_forces::KERNELS,
        triplet_layout::KERNELS,
        triplet_placement::KERNELS,
    ],
    parameters: PARAMETERS,
    build: |table| Ok(Box::new(from_table::<Trimap>(table)?)),
    defaults: || toml::Table::try_from(Trimap::default()),
    restore: FittedMap::<Trimap>::restore,
};

const PARAMETERS: &[Parameter] = &[
    parameter!(Trimap.n_inliers, "Nearest neighbours in a point's triplets").between(1.0, 100.0),
    parameter!(Trimap.n_outliers, "Triplets with each of them").between(1.0, 50.0),
    parameter!(Trimap.n_random, "Random triplets of a point").between(0.0, 50.0),
    parameter!(Trimap.max_iter, "Iterations").at_least(1.0),
    parameter!(Trimap.learning_rate, "Step size").above(0.0),
    parameter!(Trimap.weight_temp, "Compression of large weights").between(0.0, 1.0),
    parameter!(Trimap.n_components, "Dimensions of the map").one_of(&["2", "3"]),
    parameter!(Trimap.init, "Start").one_of(&["pca", "random", init::FILE]),
    parameter!(
        Trimap.placement,
        "How new points are placed: mode, or optimise for triplets of their own"
    ),
    parameter!(Trimap.random_state, "Seed of the random numbers"),
];

const ADVICE: collapse::MethodAdvice = collapse::MethodAdvice {
    method: METHOD.title,
    advice: "try more `Trimap::n_inliers` or `Trimap::init` random",
};

/// Standard deviation of the first axis at the start; any value from 1e-4 to 1 leads to the same
/// embedding.
const START_STD: f32 = 0.01;
/// Momentum up to iteration [`LAST_EARLY`], and after it.
const MOMENTUM: [f32; 2] = [0.5, 0.9];
/// Last iteration, counted from 0, with the smaller momentum.
const LAST_EARLY: usize = 100;
/// Number of iterations between two evaluations of the loss.
const LOSS_EVERY: usize = 50;
/// Maximum number of principal components in which the distances of outliers are computed, as in
/// the authors' program.
const MOST_FEATURES: usize = 100;
/// Smallest share of the variance that these components may carry; otherwise the distances are
/// computed in all features. Distances of inliers always are, and compared with them shorter ones
/// would make every outlier nearer.
const LEAST_SHARE: f64 = 0.75;
/// Mean weight of a triplet below which inliers and outliers are not separated, for example if all
/// distances tie. All triplets of inliers then count alike; otherwise no force would move the
/// points from their start.
const LEAST_WEIGHT: f64 = 1e-3;
/// Minimum number of candidates for inliers: more change nothing.
const LEAST_CANDIDATES: usize = 20;
/// Minimum number of candidates beyond the inliers.
const SPARE_CANDIDATES: usize = 4;
/// Name of the result that [`triplet_placement`] reads.
const RMS_DISTANCE: &str = "rms_distance";

/// Parameters of TriMAP, with the names and defaults of its authors' program, except `max_iter`,
/// `n_components` (there `n_dims`) and 300 iterations instead of 400.
///
/// A small data set may have fewer points than requested: a point has at most n_samples - 2
/// inliers, and below some 110 points its outliers occur in more than one triplet.
///
/// ```
/// use layerlens::compute::Device;
/// use layerlens::embedding::Trimap;
/// use layerlens::matrix::Matrix;
///
/// let x = Matrix::new((0..200).map(|i| (i % 7) as f32 + (i / 100) as f32 * 50.0).collect(), 100, 2)?;
/// let fitted = Trimap::default().fit(&Device::cpu(), &x)?;
/// assert_eq!(fitted.embedding().n_samples(), 100);
/// # Ok::<(), layerlens::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Trimap {
    /// Number of nearest neighbours in a point's triplets, between 1 and 100. Default 12.
    pub n_inliers: usize,
    /// Number of triplets with each of them, between 1 and 50. Default 4.
    pub n_outliers: usize,
    /// Number of random triplets of a point, between 0 and 50. Default 3.
    pub n_random: usize,
    /// Number of iterations, at least 1. Default 300.
    pub max_iter: usize,
    /// Step size, above 0. Default 0.1.
    pub learning_rate: f32,
    /// Temperature t of the logarithm ((1 + u)^(1 - t) - 1) / (1 - t) that compresses large
    /// weights, between 0 and 1: 0 not at all, 1 by the natural logarithm. Default 0.5.
    pub weight_temp: f32,
    /// Dimensions of the embedding, 2 or 3. Default 2.
    pub n_components: usize,
    /// Initialisation: pca, random or a .npy FILE of coordinates. Default PCA.
    pub init: Init,
    /// Way in which new points are placed. Default mode.
    pub placement: Placement,
    /// Seed of the triplets and of random initialisations. Default 42.
    pub random_state: u64,
}

impl Default for Trimap {
    fn default() -> Self {
        Self {
            n_inliers: 12,
            n_outliers: 4,
            n_random: 3,
            max_iter: 300,
            learning_rate: 0.1,
            weight_temp: 0.5,
            n_components: 2,
            init: Init::Pca,
            placement: Placement::Mode,
            random_state: 42,
        }
    }
}

/// A fitted embedding. [`FittedMap::result`] has its `loss`, the mean over all triplets of w d_ij /
/// (d_ij + d_ik), and its `rms_distance`, the root mean square distance between two points of the
/// space. Its course is the loss after every 50th iteration. [`FittedMap::row_scales`] holds each
/// point's mean distance to its 3rd to 5th neighbour.
pub type FittedTrimap = FittedMap<Trimap>;

/// Result of the optimiser.
struct Optimised {
    /// Coordinates, n x n_components, in the caller's order.
    coordinates: Vec<f32>,
    /// Loss history: number of finished iterations, and the mean loss of a triplet after them.
    losses: Vec<(usize, f64)>,
}

impl Trimap {
    /// Finds the neighbours of `x` and fits the embedding.
    ///
    /// # Errors
    /// Those of [`Embedding::fit_boxed`].
    pub fn fit(&self, device: &Device, x: &Matrix) -> Result<FittedTrimap> {
        fit_alone(self, device, x, |space| self.fit_space(device, space, &Silent))
    }

    /// Fits the embedding to points whose neighbours are known. With [`Space::start`] it runs only
    /// the iterations of the larger momentum, or the second half of all iterations if those are
    /// fewer.
    ///
    /// # Errors
    /// Those of [`Embedding::fit_boxed`].
    pub fn fit_space(
        &self,
        device: &Device,
        space: &Space<'_>,
        observer: &dyn Observer,
    ) -> Result<FittedTrimap> {
        self.validate(space.x.n_samples(), space.x.n_features())?;
        let neighbors = self.neighbors_of(space)?;
        let drawn = Drawn::of(space.x)?;
        let warnings = drawn.iter().map(Drawn::warning).collect();
        let given = space.x;
        let space = &match &drawn {
            Some(drawn) => Space { x: &drawn.x, pca: None, ..*space },
            None => *space,
        };
        let neighbors = drawn
            .as_ref()
            .map_or(Cow::Borrowed(neighbors.as_ref()), |drawn| drawn.graph(&neighbors));
        let neighbors = ties::spread(&neighbors, space.x, self.random_state);
        let reduced = reduced(device, space)?;
        let triplets = Triplets::new(self, &neighbors);
        let components = if space.x.n_features() > reduced.n_features() {
            Some(reduced.as_ref())
        } else {
            space.pca
        };
        let start = self.start(device, &Space { pca: components, ..*space })?;
        let first = space.start.map_or(0, |_| self.first_if_warm());
        let mut layout =
            Layout::new(device, &triplets, &reduced, self.weight_temp, self.n_components)?;
        if layout.mean_weight(device)? < LEAST_WEIGHT {
            layout.level(device)?;
        }
        let Optimised { coordinates, losses: course } =
            self.optimise(device, &triplets, &mut layout, (&start, first), observer)?;
        let embedding =
            Matrix::new(coordinates, space.x.n_samples(), self.n_components).map_err(|error| {
                Error::Data(format!(
                    "TriMAP diverged: {error}; try a smaller `Trimap::learning_rate`"
                ))
            })?;
        let embedding = collapse::resolved(&ADVICE, given, embedding, self.random_state)?;
        let loss = course.last().map_or(f64::NAN, |last| last.1);
        let results = [("loss", loss), (RMS_DISTANCE, rms_distance(&reduced))];
        let mut scales = vec![0.0; triplets.n_samples()];
        for (&row, &scale) in triplets.order.iter().zip(&triplets.scales) {
            scales[row as usize] = scale;
        }
        let fitted = FittedMap::new(self.clone(), embedding, &neighbors).with_row_scales(scales);
        Ok(fitted.with_results(&results, course).with_warnings(warnings))
    }

    fn start(&self, device: &Device, space: &Space<'_>) -> Result<Matrix> {
        let (x, n_components, seed) = (space.x, self.n_components, self.random_state);
        if let Some(start) = space.start {
            return init::given(start, x.n_samples(), n_components, seed);
        }
        let (init, given, pca, std) = (&self.init, space.init, space.pca, START_STD);
        init::start(device, &Start { init, given, x, pca, n_components, std, seed })
    }

    /// Number of neighbours among which the inliers are chosen.
    fn n_candidates(&self) -> usize {
        LEAST_CANDIDATES.max(self.n_inliers + SPARE_CANDIDATES)
    }

    fn neighbors_of<'a>(&self, space: &Space<'a>) -> Result<Cow<'a, NeighborGraph>> {
        let n = space.x.n_samples();
        let k = self.n_candidates().min(n - 1);
        match space.neighbors {
            Some(graph) if graph.n_neighbors() == k && graph.n_samples() == n => {
                Ok(Cow::Borrowed(graph))
            }
            Some(graph) if graph.n_neighbors() > k && graph.n_samples() == n => {
                Ok(Cow::Owned(graph.truncated(k)))
            }
            Some(graph) => {
                let (found, rows) = (graph.n_neighbors(), graph.n_samples());
                Err(Error::Data(format!(
                    "TriMAP needs {k} neighbours of each of {n} points; there are {found} of {rows}"
                )))
            }
            None => Err(Error::Data("TriMAP needs the neighbours of the points".into())),
        }
    }

    /// Runs all iterations on the device.
    fn optimise(
        &self,
        device: &Device,
        triplets: &Triplets,
        layout: &mut Layout,
        (start, first): (&Matrix, usize),
        observer: &dyn Observer,
    ) -> Result<Optimised> {
        let n = start.n_samples();
        let c = self.n_components;
        let axis =
            |axis: usize| triplets.order.iter().map(move |&row| start.row(row as usize)[axis]);
        let begin: Vec<f32> = (0..c).flat_map(axis).collect();
        let mut places = Buffer::from_slice(device, "map", &begin)?;
        let mut ahead = Buffer::new(device, "map", c * n)?;
        let state = [begin, vec![0.0; c * n], vec![1.0; c * n]].concat();
        let mut states = Buffer::from_slice(device, "coordinates, velocities and gains", &state)?;
        let mut looks = Vec::new();
        let n_triplets = (triplets.per_point() * n) as f64;
        for iteration in first..self.max_iter {
            layout.step(device, &places, &mut states, &mut ahead, self.step_at(iteration))?;
            std::mem::swap(&mut places, &mut ahead);
            let done = iteration + 1 - first;
            let all = self.max_iter - first;
            if observer.wants_embedding(done as u64) {
                let mut total = Buffer::new(device, "loss", 1)?;
                layout.loss(device, &states, &mut total)?;
                let loss = f64::from(total.read(device)?[0]) / n_triplets;
                let seen = triplets.restored(&states.read(device)?, c);
                descent::show(observer, done, Some(loss), seen, c)?;
            }
            let all = if observer.is_satisfied() { done } else { all };
            if done.is_multiple_of(LOSS_EVERY) || done == all {
                let mut total = Buffer::new(device, "loss", 1)?;
                layout.loss(device, &states, &mut total)?;
                // Read at the end: a read-back here would stall the queue.
                looks.push((done, total));
            }
            observer.step(done as u64, all as u64, &[])?;
            if done == all {
                break;
            }
        }
        let losses: Result<Vec<_>> = looks
            .iter()
            .map(|(at, total)| Ok((*at, f64::from(total.read(device)?[0]) / n_triplets)))
            .collect();
        let coordinates = triplets.restored(&states.read(device)?, c);
        Ok(Optimised { coordinates, losses: losses? })
    }

    /// First iteration of a fit that starts from a finished embedding.
    fn first_if_warm(&self) -> usize {
        (LAST_EARLY + 1).min(self.max_iter / 2)
    }

    fn step_at(&self, iteration: usize) -> Step {
        let momentum = |iteration: usize| MOMENTUM[usize::from(iteration > LAST_EARLY)];
        Step {
            learning_rate: self.learning_rate,
            momentum: momentum(iteration),
            next_momentum: momentum(iteration + 1),
        }
    }
}

impl Embedding for Trimap {
    fn n_neighbors(&self) -> usize {
        self.n_candidates()
    }

    fn n_components(&self) -> usize {
        self.n_components
    }

    fn memory_bytes(&self, n_samples: usize) -> u64 {
        // Weights, coefficients and references of every triplet, and the points in few dimensions,
        // twice.
        let triplets = self.n_inliers * self.n_outliers + self.n_random;
        (n_samples * (triplets * 16 + self.n_inliers * 20 + MOST_FEATURES * 8 + 100)) as u64
    }

    fn validate(&self, n: usize, _: usize) -> Result<()> {
        check(self, PARAMETERS)?;
        let slots = self.n_inliers * self.n_outliers + 2 * self.n_random;
        let most = u32::MAX as usize / slots;
        if !(4..=most).contains(&n) {
            return Err(Error::Data(format!(
                "TriMAP with these parameters needs 4 to {most} points; there are {n}"
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

impl NeighborEmbedding for Trimap {
    const NAME: &'static str = METHOD.name;

    fn placement(&self) -> Placement {
        self.placement
    }

    fn n_neighbors_to_optimise(&self) -> usize {
        self.n_candidates().max(triplet_placement::N_NEIGHBORS)
    }

    fn optimise_places(
        &self,
        device: &Device,
        map: &FittedTrimap,
        new: &NewPoints<'_>,
        start: Matrix,
    ) -> Result<Matrix> {
        triplet_placement::optimise(device, map, new.neighbors, &start)
    }
}

/// The points in as many principal components as the distances of outliers are computed in. The
/// points themselves if they have no more features, or if the components carry too little of the
/// variance.
fn reduced<'a>(device: &Device, space: &Space<'a>) -> Result<Cow<'a, Matrix>> {
    let (n, d) = (space.x.n_samples(), space.x.n_features());
    let n_components = MOST_FEATURES.min(n);
    let components = match space.pca {
        _ if d <= MOST_FEATURES => return Ok(Cow::Borrowed(space.x)),
        Some(pca) if pca.n_features() == n_components && pca.n_samples() == n => Cow::Borrowed(pca),
        _ => Cow::Owned(
            Pca { n_components, ..Pca::default() }.fit(device, space.x)?.embedding().clone(),
        ),
    };
    let carried = squares_about(&components, &components.column_means());
    Ok(if carried < LEAST_SHARE * squares_about(space.x, &space.x.column_means()) {
        Cow::Borrowed(space.x)
    } else {
        components
    })
}

/// Root mean square distance between two different rows.
fn rms_distance(x: &Matrix) -> f64 {
    (2.0 * squares_about(x, &x.column_means()) / (x.n_samples() as f64 - 1.0)).sqrt()
}
