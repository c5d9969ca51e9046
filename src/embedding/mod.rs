//! Methods that map a space of many dimensions to two, behind one trait and one registry.
//!
//! A method is one file here, one shader and one entry in [`METHODS`]: the command line, its help,
//! the run and the tests walk the registry. Fitted maps place new points too
//! ([`Fitted::transform`]), each point by itself: a row's place does not depend on which rows are
//! placed with it.

mod collapse;
mod descent;
mod far;
mod fitted;
pub mod init;
pub mod model_file;
pub mod pca;
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

use crate::compute::{Device, Kernel};
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::neighbors::{Metric, NeighborGraph};
use crate::parameters::Parameter;
use crate::progress::Observer;

/// All methods, in the order in which they are listed.
pub static METHODS: &[&Method] = &[&pca::METHOD, &tsne::METHOD, &umap::METHOD, &trimap::METHOD];

/// One entry of the registry.
#[derive(Debug)]
pub struct Method {
    /// As users and file names call it.
    pub name: &'static str,
    /// As in headings.
    pub title: &'static str,
    /// What to beware of in its maps: one sentence, for readers of a report.
    pub caution: &'static str,
    /// Of several maps that of the smallest rank is shown first: what says most of a space.
    pub display_rank: usize,
    /// Whether its maps are projections on axes: such a method needs no neighbours, starts nowhere,
    /// and places a new point without the fitted ones.
    pub is_linear: bool,
    /// Whether its maps are the first principal components, which others may start from
    /// ([`Space::pca`]).
    pub gives_components: bool,
    /// Kernels of its own, file by file.
    pub kernels: &'static [&'static [&'static Kernel]],
    /// What can be set, in the order of the help.
    pub parameters: &'static [Parameter],
    /// Makes the method from the parameters that the user has set.
    pub build: fn(&toml::Table) -> Result<Box<dyn Embedding>>,
    /// All parameters with their default values.
    pub defaults: fn() -> Result<toml::Table, toml::ser::Error>,
    /// A fitted map from what its file holds.
    pub restore: fn(model_file::State) -> Result<Box<dyn Fitted>>,
}

/// What a method is fitted to.
#[derive(Clone, Copy, Debug)]
pub struct Space<'a> {
    /// The points, n_samples x n_features.
    pub x: &'a Matrix,
    /// At least [`Embedding::n_neighbors`] neighbours of each; may be absent if that is 0.
    pub neighbors: Option<&'a NeighborGraph>,
    /// The first principal components of the points, if they are at hand: n_samples x 2 or more.
    pub pca: Option<&'a Matrix>,
    /// Places to start from instead of the method's own start, n_samples x n_components: a map of
    /// nearly the same points, that of the training epoch before for example. They are taken at
    /// their own scale, and the fit leaves out what would only bring order into a start, so that a
    /// point moves as far as its neighbours have changed; which part that is, the methods'
    /// `fit_space` says. A method that starts nowhere, PCA, takes no notice.
    pub start: Option<&'a Matrix>,
}

/// What is placed in a fitted map.
#[derive(Clone, Copy, Debug)]
pub struct NewPoints<'a> {
    /// The points, m x n_features.
    pub x: &'a Matrix,
    /// Their nearest fitted points, at least [`Fitted::n_neighbors_to_place`] each.
    pub neighbors: &'a NeighborGraph,
}

/// A method with its parameters.
pub trait Embedding: Send + Sync + std::fmt::Debug {
    /// Neighbours that [`Embedding::fit`] needs of each point; 0 for none.
    fn n_neighbors(&self) -> usize;

    /// Dimensions of the map.
    fn n_components(&self) -> usize {
        2
    }

    /// Bytes of main memory that fitting `n_samples` points takes at most on the CPU, beside the
    /// points themselves and their neighbours: an estimate, to refuse what cannot be done before it
    /// is begun.
    fn memory_bytes(&self, n_samples: usize) -> u64;

    /// Checks the parameters against the data, before anything is computed.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a value out of its range, [`Error::Data`] if `n_samples` points are
    /// too few, [`Error::Input`] for a file of starting places that does not fit.
    fn validate(&self, n_samples: usize, n_features: usize) -> Result<()>;

    /// Fits a map.
    ///
    /// # Errors
    /// As [`Embedding::validate`]; any error of the device; [`Error::Interrupted`].
    fn fit(
        &self,
        device: &Device,
        space: &Space<'_>,
        observer: &dyn Observer,
    ) -> Result<Box<dyn Fitted>>;
}

/// A fitted map.
pub trait Fitted: Send + Sync + std::fmt::Debug {
    /// Places of the fitted points, n_samples x n_components.
    fn embedding(&self) -> &Matrix;

    /// Nearest fitted points of each new one that [`Fitted::transform`] needs; 0 for none.
    fn n_neighbors_to_place(&self) -> usize;

    /// By which those are found: the metric of the fitted points' own neighbours.
    fn metric(&self) -> Metric {
        Metric::Euclidean
    }

    /// Places of new points, m x n_components; each depends on its own row alone.
    ///
    /// # Errors
    /// [`Error::Data`] if the points do not fit the map, any error of the device.
    fn transform(&self, device: &Device, new: &NewPoints<'_>) -> Result<Matrix>;

    /// Figures that the method reports of itself: its divergence, the variance it explains.
    fn results(&self) -> &[(String, f64)];

    /// The divergence or loss on the way: (iterations, value), empty for methods without
    /// iterations.
    fn course(&self) -> &[(usize, f64)] {
        &[]
    }

    /// What a reader of the map should know, if the fit found anything.
    fn warnings(&self) -> &[String] {
        &[]
    }

    /// Everything that [`save`] writes.
    fn state(&self) -> model_file::State;
}

/// The registry's entry of that name.
///
/// # Errors
/// [`Error::Parameter`] listing the names there are.
pub fn method(name: &str) -> Result<&'static Method> {
    METHODS.iter().copied().find(|method| method.name == name).ok_or_else(|| {
        let names: Vec<_> = METHODS.iter().map(|method| method.name).collect();
        Error::parameter("methods", name, format!("the methods are {}", names.join(", ")))
    })
}

/// The method whose maps are shown before those of all others.
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
