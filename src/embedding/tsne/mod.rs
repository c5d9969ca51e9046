//! t-SNE: embeds the points so that neighbours stay neighbours, by gradient descent on the
//! divergence of two distributions.
//!
//! Reference: L. van der Maaten and G. Hinton, "Visualizing data using t-SNE", 2008; defaults after
//! D. Kobak and P. Berens, "The art of using t-SNE for single-cell transcriptomics", 2019 (PCA
//! start, learning rate n / exaggeration). Affinities over the 3 perplexity nearest neighbours, O(n
//! k); the repulsion comes from a [`grid`], O(n) an iteration, or from all pairs, O(n^2), as it
//! always does in three dimensions. Every iteration runs wholly on the device. New points are
//! placed by [`placement`](super::placement).

#[doc(hidden)]
pub mod affinity;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[doc(hidden)]
pub mod center;
mod course;
#[doc(hidden)]
pub mod fourier;
#[doc(hidden)]
pub mod gradient;
#[doc(hidden)]
pub mod grid;
#[doc(hidden)]
pub mod optimiser;
mod order;
mod perplexity;
#[doc(hidden)]
pub mod repulsion;
mod schedule;
#[doc(hidden)]
pub mod settling;
#[doc(hidden)]
pub mod spectrum;

pub use perplexity::Perplexity;

use super::collapse;
use super::descent::{self, recentred};
use super::init::{self, Init, Start};
use super::placement::Placement;
use super::{Embedding, Fitted, FittedMap, Method, NeighborEmbedding, NewPoints, Space, fit_alone};
use crate::compute::{Buffer, Device, ReadBack};
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::neighbors::{MAX_NEIGHBORS, NeighborGraph};
use crate::parameters::{Auto, Field, Parameter, check, from_table, parameter};
use crate::progress::{Observer, Silent};
use affinity::Affinities;
use gradient::{Forces, Graph};
use grid::Accuracy;
use optimiser::{Outline, State};
use repulsion::Repulsor;
use schedule::Schedule;
use serde::{Deserialize, Serialize};

/// The registry's entry.
pub const METHOD: Method = Method {
    name: "tsne",
    title: "t-SNE",
    caution: "t-SNE keeps near neighbours together: the sizes of clusters and the distances between them mean little.",
    display_rank: 1,
    is_linear: false,
    gives_components: false,
    kernels: &[
        affinity::KERNELS,
        fourier::KERNELS,
        grid::KERNELS,
        optimiser::KERNELS,
        repulsion::KERNELS,
        gradient::KERNELS,
        settling::KERNELS,
    ],
    parameters: PARAMETERS,
    build: |table| Ok(Box::new(from_table::<Tsne>(table)?)),
    defaults: || toml::Table::try_from(Tsne::default()),
    restore: FittedMap::<Tsne>::restore,
};

const PARAMETERS: &[Parameter] = &[
    parameter!(Tsne.perplexity, "Effective number of neighbours")
        .between(1.0, MAX_NEIGHBORS as f64 / 3.0)
        .note("or several, as in 10,100; 3 times as many are used"),
    parameter!(Tsne.n_components, "Dimensions of the map")
        .one_of(&["2", "3"])
        .note("in 3 the repulsion is exact"),
    parameter!(Tsne.max_iter, "Iterations in all, early exaggeration included").at_least(1.0),
    parameter!(Tsne.early_exaggeration, "Factor of the attraction during early exaggeration")
        .at_least(1.0),
    parameter!(
        Tsne.early_exaggeration_iter,
        "Iterations of early exaggeration, at most a third of all"
    ),
    parameter!(Tsne.exaggeration, "Factor of the attraction later").at_least(1.0),
    parameter!(Tsne.learning_rate, "Step size").above(0.0).or_auto("n / exaggeration"),
    parameter!(Tsne.initial_momentum, "Momentum during early exaggeration").half_open(0.0, 1.0),
    parameter!(Tsne.final_momentum, "Momentum later").half_open(0.0, 1.0),
    parameter!(Tsne.max_step_norm, "Longest step of one point").above(0.0),
    parameter!(Tsne.repulsion, "Repulsion: exact, grid, or auto: grid from 2,000 points on"),
    parameter!(
        Tsne.accuracy,
        "Accuracy of the grid: fast (2 to 3 % rms error of the forces) or accurate (0.4 %)"
    ),
    parameter!(Tsne.init, "Start").one_of(&["pca", "random", init::FILE]),
    parameter!(
        Tsne.placement,
        "New points: mode of their neighbours' coordinates, or optimise, as openTSNE"
    ),
    parameter!(Tsne.random_state, "Seed of the random numbers"),
];

const ADVICE: collapse::MethodAdvice = collapse::MethodAdvice {
    method: METHOD.title,
    advice: "try a smaller `Tsne::learning_rate` or a larger `Tsne::max_iter`",
};

/// Standard deviation of the first axis at the start: small, so that the first iterations can
/// rearrange everything.
const START_STD: f32 = 1e-4;
/// Smallest number of points from which the grid is faster than all pairs.
const GRID_FROM: usize = 2000;
/// Number of iterations between two evaluations of the divergence.
const DIVERGENCE_EVERY: usize = 50;

/// Method for the repulsive forces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Repulsion {
    /// On a grid from 2,000 points on, exactly below.
    #[default]
    Auto,
    /// On a grid, in time proportional to n.
    Grid,
    /// Over all pairs.
    Exact,
}

/// Parameters of t-SNE, with the names of openTSNE and scikit-learn and openTSNE's defaults, except
/// for scikit-learn's momentum.
///
/// ```
/// use layerlens::compute::Device;
/// use layerlens::embedding::Tsne;
/// use layerlens::matrix::Matrix;
///
/// let x = Matrix::new((0..200).map(|i| (i % 7) as f32 + (i / 100) as f32 * 50.0).collect(), 100, 2)?;
/// let fitted = Tsne { perplexity: 10.0.into(), ..Tsne::default() }.fit(&Device::cpu(), &x)?;
/// assert_eq!(fitted.embedding().n_samples(), 100);
/// # Ok::<(), layerlens::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tsne {
    /// Effective number of neighbours, between 1 and 168, and at most (n_samples - 1) / 3; or
    /// several, which are averaged. Default 30.
    pub perplexity: Perplexity,
    /// Dimensions of the embedding, 2 or 3; in three the repulsion is over all pairs, O(n^2).
    /// Default 2.
    pub n_components: usize,
    /// Total number of iterations, at least 1. Default 750.
    pub max_iter: usize,
    /// Factor of the attraction during early exaggeration, at least 1. Default 12.
    pub early_exaggeration: f32,
    /// Number of iterations of early exaggeration, at most a third of all. Default 250.
    pub early_exaggeration_iter: usize,
    /// Factor of the attraction afterwards, at least 1. Default 1.
    pub exaggeration: f32,
    /// Step size, above 0; auto, the default, stands for n_samples / exaggeration of the phase (A.
    /// Belkina et al., 2019), without their floor of 200, with which embeddings of fewer than 300
    /// points do not converge. Hubs, whose affinities sum to more than 10 times the mean, take
    /// shorter steps.
    pub learning_rate: Auto<f32>,
    /// Momentum during early exaggeration, from 0 to below 1. Default 0.5.
    pub initial_momentum: f32,
    /// Momentum afterwards, from 0 to below 1. Default 0.8.
    pub final_momentum: f32,
    /// Maximum step length of a point in an iteration, in units of the embedding, above 0. Default
    /// 5.
    pub max_step_norm: f32,
    /// Method for the repulsive forces. Default auto.
    pub repulsion: Repulsion,
    /// Fineness of the grid of the repulsion. Default fast.
    pub accuracy: Accuracy,
    /// Initialisation: pca, random or a .npy FILE of coordinates. Default PCA.
    pub init: Init,
    /// Way in which new points are placed. Default mode.
    pub placement: Placement,
    /// Seed of random initialisations. Default 42.
    pub random_state: u64,
}

impl Default for Tsne {
    fn default() -> Self {
        Self {
            perplexity: 30.0.into(),
            n_components: 2,
            max_iter: 750,
            early_exaggeration: 12.0,
            early_exaggeration_iter: 250,
            exaggeration: 1.0,
            learning_rate: Auto::Auto,
            initial_momentum: 0.5,
            final_momentum: 0.8,
            max_step_norm: 5.0,
            repulsion: Repulsion::Auto,
            accuracy: Accuracy::Fast,
            init: Init::Pca,
            placement: Placement::Mode,
            random_state: 42,
        }
    }
}

impl Field for Repulsion {}

/// A fitted embedding. [`FittedMap::result`] has its `kl_divergence`: KL(P
/// Q) of the final embedding, over the affinities of the nearest neighbours and the exact
/// normaliser. Its course is the divergence, without exaggeration, after every 50th iteration.
pub type FittedTsne = FittedMap<Tsne>;

/// Result of the optimiser.
struct Optimised {
    /// Coordinates, n x n_components.
    coordinates: Vec<f32>,
    /// Divergence history: number of finished iterations, and the divergence after them.
    divergences: Vec<(usize, f64)>,
    /// `true` if the embedding was larger than its grid for a while.
    outgrown: bool,
}

impl Tsne {
    /// Finds the neighbours of `x` and fits the embedding.
    ///
    /// # Errors
    /// Those of [`Embedding::fit_boxed`].
    pub fn fit(&self, device: &Device, x: &Matrix) -> Result<FittedTsne> {
        fit_alone(self, device, x, |space| self.fit_space(device, space, &Silent))
    }

    /// Fits the embedding to points whose neighbours are known. With [`Space::start`] it runs a
    /// fifth of `max_iter`, the first third of that with an exaggeration of 3.
    ///
    /// # Errors
    /// Those of [`Embedding::fit_boxed`].
    pub fn fit_space(
        &self,
        device: &Device,
        space: &Space<'_>,
        observer: &dyn Observer,
    ) -> Result<FittedTsne> {
        self.validate(space.x.n_samples(), space.x.n_features())?;
        let neighbors = self.neighbors_of(space)?;
        let start = self.start(device, space)?;
        let order = order::z_order(&start);
        let affinities =
            Affinities::new(device, &neighbors.renumbered(&order), self.perplexity.values())?;
        let start = start.select(&order.iter().map(|&row| row as usize).collect::<Vec<_>>());
        let schedule = self.schedule(space.start.is_some());
        let Optimised { coordinates, divergences, outgrown } =
            self.optimise(device, &affinities, (&start, &order), schedule, observer)?;
        let coordinates = order::restored(&coordinates, &order, self.n_components);
        let embedding = Matrix::new(
            recentred(coordinates, self.n_components),
            space.x.n_samples(),
            self.n_components,
        )
        .map_err(|error| {
            Error::Data(format!("t-SNE diverged: {error}; try a smaller `Tsne::learning_rate`"))
        })?;
        let embedding = collapse::resolved(&ADVICE, space.x, embedding, self.random_state)?;
        let kl_divergence = divergences.last().map_or(f64::NAN, |last| last.1);
        let single_point_divergence = course::single_point_divergence(&affinities);
        course::check(kl_divergence, single_point_divergence)?;
        let mut warnings =
            course::warnings(&divergences, single_point_divergence, schedule.early, outgrown);
        warnings.extend(self.shortened(schedule));
        let results = [("kl_divergence", kl_divergence)];
        Ok(FittedMap::new(self.clone(), embedding, &neighbors)
            .with_results(&results, divergences)
            .with_warnings(warnings))
    }

    fn neighbors_of(&self, space: &Space<'_>) -> Result<NeighborGraph> {
        let k = Embedding::n_neighbors(self);
        match space.neighbors {
            Some(graph) if graph.n_neighbors() >= k && graph.n_samples() == space.x.n_samples() => {
                Ok(graph.truncated(k))
            }
            Some(graph) => {
                let n = space.x.n_samples();
                let found = graph.n_neighbors();
                let rows = graph.n_samples();
                Err(Error::Data(format!(
                    "t-SNE needs {k} neighbours of each of {n} points; there are {found} of {rows}"
                )))
            }
            None => Err(Error::Data("t-SNE needs the neighbours of the points".into())),
        }
    }

    fn start(&self, device: &Device, space: &Space<'_>) -> Result<Matrix> {
        let (x, n_components, seed) = (space.x, self.n_components, self.random_state);
        if let Some(start) = space.start {
            return init::given(start, x.n_samples(), n_components, seed);
        }
        let (init, given, pca, std) = (&self.init, space.init, space.pca, START_STD);
        init::start(device, &Start { init, given, x, pca, n_components, std, seed })
    }

    /// Divergence KL(P|Q) of any map, n_samples x n_components, of points with these neighbours, at
    /// least [`Embedding::n_neighbors`] of each.
    ///
    /// # Errors
    /// Those of [`Embedding::validate`]; [`Error::Data`] if map and neighbours do not fit; any error
    /// of the device.
    pub fn divergence(
        &self,
        device: &Device,
        neighbors: &NeighborGraph,
        embedding: &Matrix,
    ) -> Result<f64> {
        let (n, c) = (embedding.n_samples(), embedding.n_features());
        let method = Self { n_components: c, ..self.clone() };
        method.validate(n, c)?;
        let space = Space { neighbors: Some(neighbors), ..Space::new(embedding) };
        let neighbors = method.neighbors_of(&space)?;
        let affinities = Affinities::new(device, &neighbors, self.perplexity.values())?;
        let graph = Graph::new(device, &affinities)?;
        let mut forces = Forces::new(device, n, c, method.repulsor(device, n)?)?;
        let y = Buffer::from_slice(device, "map", embedding.as_slice())?;
        let outline = Outline::new(device, &y, (n, c))?;
        forces.compute(device, &graph, &y, &outline)?;
        forces.divergence_now(device, &graph, &y)
    }

    /// The repulsion between `n` points.
    fn repulsor(&self, device: &Device, n: usize) -> Result<Repulsor> {
        let on_grid = match self.repulsion {
            Repulsion::Auto => n >= GRID_FROM && self.n_components == 2,
            Repulsion::Grid => true,
            Repulsion::Exact => false,
        };
        if on_grid { Ok(Repulsor::grid(n, self.accuracy)) } else { Repulsor::exact(device, n) }
    }

    /// Runs all iterations on the device.
    fn optimise(
        &self,
        device: &Device,
        affinities: &Affinities,
        (start, order): (&Matrix, &[u32]),
        schedule: Schedule,
        observer: &dyn Observer,
    ) -> Result<Optimised> {
        let n = start.n_samples();
        let graph = Graph::new(device, affinities)?;
        let mut forces = Forces::new(device, n, self.n_components, self.repulsor(device, n)?)?;
        let mut y = Buffer::from_slice(device, "map", start.as_slice())?;
        let mut state = State::new(device, y.len())?;
        let mut outline = Outline::new(device, &y, (n, self.n_components))?;
        let mut divergences: Vec<(usize, f64)> = Vec::new();
        // Checked later: waiting for it at once would stall a GPU's queue.
        let mut underway: Option<(usize, ReadBack<f32>)> = None;
        let mut arrive = |underway: &mut Option<(usize, ReadBack<f32>)>| -> Result<Option<f64>> {
            if let Some((at, look)) = underway.take() {
                divergences.push((at, f64::from(look.wait(device)?[0])));
            }
            Ok(divergences.last().map(|last| last.1))
        };
        for done in 0..=schedule.all {
            forces.compute(device, &graph, &y, &outline)?;
            if done > 0 && observer.wants_embedding(done as u64) {
                let c = self.n_components;
                let loss = forces.divergence_now(device, &graph, &y)?;
                let places = recentred(order::restored(&y.read(device)?, order, c), c);
                descent::show(observer, done, Some(loss), places, c)?;
            }
            let last = done == schedule.all || observer.is_satisfied();
            let mut seen = None;
            if done > 0 && done.is_multiple_of(DIVERGENCE_EVERY) || last {
                seen = arrive(&mut underway)?;
                let mut divergence = Buffer::new(device, "divergence", 1)?;
                forces.divergence(device, &graph, &y, &mut divergence)?;
                underway = Some((done, divergence.read_later(device)?));
            }
            let figures: &[(&str, f64)] =
                &seen.map(|value| ("kl_divergence", value)).into_iter().collect::<Vec<_>>();
            observer.step(done as u64, schedule.all as u64, figures)?;
            if last {
                break;
            }
            if done > 0 && done == schedule.early {
                y = center::with_start(device, &y, start)?;
                outline = Outline::new(device, &y, (n, self.n_components))?;
            }
            let step = self.step_at(done, schedule, n);
            let acting = forces.acting(&graph);
            optimiser::descend(device, acting, step, &mut outline, &mut state, &mut y)?;
        }
        arrive(&mut underway)?;
        let outgrown = forces.repulsor().has_outgrown_its_grid();
        Ok(Optimised { coordinates: y.read(device)?, divergences, outgrown })
    }
}

impl Embedding for Tsne {
    fn n_neighbors(&self) -> usize {
        (3.0 * self.perplexity.largest()) as usize
    }

    fn n_components(&self) -> usize {
        self.n_components
    }

    fn memory_bytes(&self, n_samples: usize) -> u64 {
        // Conditional probabilities, their transpose with columns, and two copies of the symmetric
        // rows, which are half as long again.
        (n_samples * Embedding::n_neighbors(self) * (4 + 8 + 2 * 12)) as u64
    }

    fn validate(&self, n: usize, _: usize) -> Result<()> {
        check(self, PARAMETERS)?;
        if self.repulsion == Repulsion::Grid && self.n_components == 3 {
            return Err(Error::parameter(
                "repulsion",
                "grid",
                "the grid has two dimensions; in 3 the repulsion is exact",
            ));
        }
        let perplexity = self.perplexity.largest();
        if 3.0 * perplexity > n.saturating_sub(1) as f32 {
            let needed = (3.0 * perplexity).ceil() as usize + 1;
            let largest = n.saturating_sub(1) as f32 / 3.0;
            let advice = if largest >= 1.0 {
                format!("the largest perplexity for {n} is {largest:.1}")
            } else {
                "4 are the fewest".into()
            };
            return Err(Error::Data(format!(
                "t-SNE with perplexity {perplexity} needs at least {needed} points, there are {n}; \
                 {advice}"
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

impl NeighborEmbedding for Tsne {
    const NAME: &'static str = METHOD.name;

    fn placement(&self) -> Placement {
        self.placement
    }

    fn n_neighbors_to_optimise(&self) -> usize {
        settling::N_NEIGHBORS
    }

    fn optimise_places(
        &self,
        device: &Device,
        map: &FittedTsne,
        new: &NewPoints<'_>,
        start: Matrix,
    ) -> Result<Matrix> {
        settling::optimise(device, map.embedding(), new.neighbors, &start)
    }
}
