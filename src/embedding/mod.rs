//! Dimensionality reduction methods behind one trait and one registry.
//!
//! A method is one file here, one shader and one entry in [`METHODS`]: the command line, its help,
//! the run and the tests read the registry. Fitted embeddings place new points too
//! ([`Fitted::transform`]), each independently: the coordinates of a row do not depend on which
//! rows are placed with it.

mod collapse;
mod descent;
mod far;
mod fitted;
pub mod init;
pub mod model_file;
pub mod pca;
#[doc(hidden)]
pub mod placement;
pub mod procrustes;
pub mod sequence;
pub mod trimap;
pub mod tsne;
pub mod umap;

pub use fitted::{FittedMap, NeighborEmbedding};
pub use model_file::{SavedMap, save};
pub use pca::{FittedPca, Pca, SvdSolver};
pub use sequence::Sequence;
pub use trimap::{FittedTrimap, Trimap};
pub use tsne::{FittedTsne, Tsne};
pub use umap::{FittedUmap, Umap};

use self::procrustes::Motion;
use crate::compute::{Device, Kernel};
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::neighbors::{Metric, NeighborGraph, nearest_neighbors};
use crate::parameters::Parameter;
use crate::progress::{Observer, Silent};

/// All methods, in the order in which they are listed.
pub static METHODS: &[&Method] = &[&pca::METHOD, &tsne::METHOD, &umap::METHOD, &trimap::METHOD];

/// One entry of the registry.
#[derive(Debug)]
pub struct Method {
    /// Name for users and in file names.
    pub name: &'static str,
    /// Name in headings.
    pub title: &'static str,
    /// Caution about its embeddings: one sentence, for readers of a report.
    pub caution: &'static str,
    /// Rank for display: of several embeddings the one with the smallest rank, which says most
    /// about a space, is shown first.
    pub display_rank: usize,
    /// `true` if its embeddings are projections onto axes: such a method needs no neighbours and no
    /// initialisation, and places a new point without the fitted ones.
    pub is_linear: bool,
    /// `true` if its embeddings are the first principal components, which others may start from
    /// ([`Space::pca`]).
    pub gives_components: bool,
    /// Kernels of its own, file by file.
    pub kernels: &'static [&'static [&'static Kernel]],
    /// Parameters, in the order of the help.
    pub parameters: &'static [Parameter],
    /// Builds the method from the parameters that the user has set.
    pub build: fn(&toml::Table) -> Result<Box<dyn Embedding>>,
    /// All parameters with their default values.
    pub defaults: fn() -> Result<toml::Table, toml::ser::Error>,
    /// Restores a fitted embedding from the content of its file.
    pub restore: fn(model_file::State) -> Result<Box<dyn Fitted>>,
}

impl Method {
    /// The motion that brings an embedding of this method closest to `reference`, both n x 2. A
    /// projection is only mirrored and shifted, because its axes have a meaning.
    ///
    /// # Errors
    /// [`Error::Data`] if the shapes differ, or are not n x 2 with n of at least 1.
    pub fn motion(&self, map: &Matrix, reference: &Matrix) -> Result<Motion> {
        if self.is_linear {
            Motion::mirroring(map, reference)
        } else {
            Motion::between(map, reference)
        }
    }
}

/// Input of a fit.
#[derive(Clone, Copy, Debug)]
pub struct Space<'a> {
    /// The points, n_samples x n_features.
    pub x: &'a Matrix,
    /// Neighbours of each point, at least [`Embedding::n_neighbors`]; may be absent if that is 0.
    pub neighbors: Option<&'a NeighborGraph>,
    /// First principal components of the points, if already computed: n_samples x 2 or more.
    pub pca: Option<&'a Matrix>,
    /// Initial coordinates instead of the method's own initialisation, n_samples x n_components: an
    /// embedding of nearly the same points, for example that of the previous training epoch. They
    /// are used at their own scale, and the fit skips the part that would only unfold a fresh
    /// initialisation, so that a point moves as far as its neighbours have changed; the methods'
    /// `fit_space` documents which part that is. PCA, which has no initialisation, ignores them.
    pub start: Option<&'a Matrix>,
    /// Initial coordinates of a whole fit, n_samples x n_components, scaled like those of a file
    /// ([`Init::File`](init::Init::File)), in place of the method's `init`. PCA ignores them.
    pub init: Option<&'a Matrix>,
}

impl<'a> Space<'a> {
    /// Points of which nothing else is known.
    pub fn new(x: &'a Matrix) -> Self {
        Self { x, neighbors: None, pca: None, start: None, init: None }
    }
}

/// Points to place in a fitted embedding.
#[derive(Clone, Copy, Debug)]
pub struct NewPoints<'a> {
    /// The points, m x n_features.
    pub x: &'a Matrix,
    /// Their nearest fitted points, at least [`Fitted::n_neighbors_to_place`] each.
    pub neighbors: &'a NeighborGraph,
}

/// A method with its parameters.
pub trait Embedding: Send + Sync + std::fmt::Debug {
    /// Number of neighbours of each point that [`Embedding::fit_boxed`] needs; 0 for none.
    fn n_neighbors(&self) -> usize;

    /// Dimensions of the embedding.
    fn n_components(&self) -> usize {
        2
    }

    /// Upper bound in bytes on the main memory for fitting `n_samples` points on the CPU, without
    /// the points themselves and their neighbours: an estimate, so that a fit that cannot succeed
    /// is refused before it starts.
    fn memory_bytes(&self, n_samples: usize) -> u64;

    /// Checks the parameters against the data, before any computation.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a value out of its range, [`Error::Data`] if `n_samples` points are
    /// too few, [`Error::Input`] for a file of initial coordinates that does not fit.
    fn validate(&self, n_samples: usize, n_features: usize) -> Result<()>;

    /// Fits an embedding.
    ///
    /// # Errors
    /// Those of [`Embedding::validate`]; any error of the device; [`Error::Interrupted`].
    fn fit_boxed(
        &self,
        device: &Device,
        space: &Space<'_>,
        observer: &dyn Observer,
    ) -> Result<Box<dyn Fitted>>;
}

/// A fitted embedding.
pub trait Fitted: Send + Sync + std::fmt::Debug {
    /// Coordinates of the fitted points, n_samples x n_components.
    fn embedding(&self) -> &Matrix;

    /// Number of nearest fitted points of each new one that [`Fitted::transform`] needs; 0 for
    /// none.
    fn n_neighbors_to_place(&self) -> usize;

    /// Metric used to find them: that of the fitted points' own neighbours.
    fn metric(&self) -> Metric {
        Metric::Euclidean
    }

    /// Coordinates of new points, m x n_components; each depends on its own row alone.
    ///
    /// # Errors
    /// [`Error::Data`] if the points do not fit the embedding, any error of the device.
    fn transform(&self, device: &Device, new: &NewPoints<'_>) -> Result<Matrix>;

    /// Results that the method reports, for example its divergence or the explained variance.
    fn results(&self) -> &[(String, f64)];

    /// Divergence or loss during the fit: (iterations, value); empty for methods without
    /// iterations.
    fn course(&self) -> &[(usize, f64)] {
        &[]
    }

    /// Warnings for readers of the embedding; empty if the fit has none.
    fn warnings(&self) -> &[String] {
        &[]
    }

    /// Content that [`save`] writes.
    fn state(&self) -> model_file::State;
}

/// Finds the neighbours of `x` that a method needs, and fits it to both.
///
/// # Errors
/// Those of [`Embedding::validate`] and of `fit`; any error of the device.
fn fit_alone<F>(
    method: &dyn Embedding,
    device: &Device,
    x: &Matrix,
    fit: impl FnOnce(&Space<'_>) -> Result<F>,
) -> Result<F> {
    method.validate(x.n_samples(), x.n_features())?;
    let k = method.n_neighbors().min(x.n_samples() - 1);
    let neighbors = nearest_neighbors(device, x, k, &Silent)?;
    fit(&Space { neighbors: Some(&neighbors), ..Space::new(x) })
}

/// Refuses points that are all equal.
///
/// # Errors
/// [`Error::Data`].
pub fn check_distinct(x: &Matrix) -> Result<()> {
    if x.n_samples() > 1 && x.rows().all(|row| row == x.row(0)) {
        let n = x.n_samples();
        return Err(Error::Data(format!("all {n} rows are equal: there is nothing to map")));
    }
    Ok(())
}

/// The registry's entry of that name.
///
/// # Errors
/// [`Error::Parameter`] listing the known names.
pub fn method(name: &str) -> Result<&'static Method> {
    METHODS.iter().copied().find(|method| method.name == name).ok_or_else(|| {
        let names: Vec<_> = METHODS.iter().map(|method| method.name).collect();
        Error::parameter("methods", name, format!("the methods are {}", names.join(", ")))
    })
}

/// The method whose embeddings are shown first.
pub fn first_shown() -> &'static Method {
    let shown_before = |a: &'static Method, b: &'static Method| {
        if b.display_rank < a.display_rank { b } else { a }
    };
    METHODS.iter().copied().fold(METHODS[0], shown_before)
}

/// [`Method::display_rank`] of a name; none if the registry has no such method.
pub fn display_rank(name: &str) -> Option<usize> {
    METHODS.iter().find(|method| method.name == name).map(|method| method.display_rank)
}
