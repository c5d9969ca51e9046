//! The measured stages.

use super::{CLUSTERS, Measure, Timing, clusters};
use crate::clustering::{KMeans, silhouette_samples};
use crate::compute::Device;
use crate::dataset::Dataset;
use crate::embedding::{NewPoints, Pca, Space, pca};
use crate::error::Result;
use crate::evaluation::SpaceRanks;
use crate::matrix::Matrix;
use crate::model::Weights;
use crate::neighbors::{NeighborGraph, nearest_neighbors, nearest_references};
use crate::progress::Observer;
use crate::recipe::Blueprint;
use crate::training::{Job, Training};

/// Number of new points to place.
const NEW_POINTS: usize = 1000;
/// Number of points with silhouettes, each among all.
const SILHOUETTES: usize = 2000;
/// Number of images of the embedded sample on which a network is trained for one epoch.
pub(super) const N_IMAGES: usize = 8000;

impl Measure<'_> {
    /// Stages that depend on the number of features: neighbours, as many as each method needs,
    /// principal components, and clusters.
    pub(super) fn spaces(&mut self, x: &Matrix) -> Result<()> {
        let d = x.n_features();
        let mut numbers: Vec<usize> =
            self.benchmark.methods.iter().map(|(_, method)| method.n_neighbors()).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let device = self.device;
        let observer = self.observer;
        let n = self.n;
        let seed = self.benchmark.seed;
        for k in numbers.into_iter().filter(|&k| k > 0 && k < n) {
            self.time(&format!("{k} neighbours"), d, || {
                nearest_neighbors(device, x, k, observer).map(drop)
            })?;
        }
        self.time(pca::METHOD.name, d, || Pca::default().fit(device, x).map(drop))?;
        let k_means = KMeans {
            n_clusters: CLUSTERS.into(),
            n_init: 1,
            random_state: seed,
            ..KMeans::default()
        };
        let mut labels = Vec::new();
        self.time("k-means, 1 start", d, || {
            labels = k_means.fit(device, x, observer)?.labels;
            Ok(())
        })?;
        let sampled = Some((SILHOUETTES, seed));
        self.time("silhouettes", d, || {
            silhouette_samples(device, x, &labels, sampled, observer).map(drop)
        })
    }

    /// Stages that depend on the number of points alone: the layouts, placing new points, and the
    /// quality of the embeddings.
    pub(super) fn layouts(&mut self, x: &Matrix) -> Result<()> {
        let most = self
            .benchmark
            .methods
            .iter()
            .map(|(_, method)| method.n_neighbors())
            .max()
            .unwrap_or(0)
            .min(self.n - 1);
        if most == 0 {
            return Ok(());
        }
        let device = self.device;
        let observer = self.observer;
        let seed = self.benchmark.seed;
        let graph = nearest_neighbors(device, x, most, observer)?;
        let pca = Pca { n_components: 2.min(x.n_features()), ..Pca::default() }.fit(device, x)?;
        let space = Space { neighbors: Some(&graph), pca: Some(pca.embedding()), ..Space::new(x) };
        let fresh = clusters(NEW_POINTS, x.n_features(), seed + 1)?;
        for (name, method) in
            self.benchmark.methods.iter().filter(|(_, method)| method.n_neighbors() > 0)
        {
            if method.validate(self.n, x.n_features()).is_err() {
                continue;
            }
            let mut fitted = None;
            self.time(&format!("{name} layout"), 0, || {
                fitted = Some(method.fit_boxed(device, &space, observer)?);
                Ok(())
            })?;
            self.whole_fit(name, method.n_neighbors(), x.n_features());
            if let Some(fitted) = fitted {
                let voters = fitted.n_neighbors_to_place();
                let to_fitted: NeighborGraph =
                    nearest_references(device, &fresh, x, voters, observer)?;
                let new = NewPoints { x: &fresh, neighbors: &to_fitted };
                self.time(&format!("{name} transform of {NEW_POINTS}"), 0, || {
                    fitted.transform(device, &new).map(drop)
                })?;
            }
        }
        self.time("quality of a map", x.n_features(), || {
            let ranks = SpaceRanks::new(device, x, Some(&graph), 2, seed, observer)?;
            ranks.quality(device, pca.embedding(), None, None, observer).map(drop)
        })
    }

    /// One epoch of the first study's network on images of the embedded sample.
    pub(super) fn training(&mut self) -> Result<()> {
        let (device, observer) = (self.device, self.observer);
        self.time("an epoch of the mlp", 784, || trained(device, N_IMAGES, observer).map(drop))
    }

    /// Adds the row with the sum of neighbours and layout.
    fn whole_fit(&mut self, name: &str, k: usize, d: usize) {
        let (n, device) = (self.n, self.name);
        let of = |stage: &str, d: usize| {
            let wanted = |timing: &&Timing| {
                timing.stage == stage && timing.n == n && timing.d == d && timing.device == device
            };
            self.measured.timings.iter().find(wanted).cloned()
        };
        if let (Some(search), Some(layout)) =
            (of(&format!("{k} neighbours"), d), of(&format!("{name} layout"), 0))
        {
            let whole = Timing {
                stage: format!("{name} fit"),
                d,
                first: search.first + layout.first,
                seconds: search.seconds + layout.seconds,
                least: search.least + layout.least,
                most: search.most + layout.most,
                repeats: search.repeats.min(layout.repeats),
                ..layout
            };
            self.add(whole, None);
        }
    }
}

/// The weights of the first study's network after one epoch with `n` images of the embedded sample.
pub(super) fn trained(device: &Device, n: usize, observer: &dyn Observer) -> Result<Weights> {
    let data = Dataset::load("fashion-mnist-sample", None)?;
    let samples = data.train.select(&(0..n.min(data.train.len())).collect::<Vec<_>>());
    let network = Blueprint::mlp(&[256, 64]).build([28, 28, 1], data.class_names.len())?;
    let training = Training { epochs: 1, ..Training::default() };
    Ok(training.train(device, &Job::new(&network, &samples, &samples), observer)?.weights)
}
