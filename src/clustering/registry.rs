//! Registry of the clustering methods, and a method with the parameters that were set.

use super::{KDistance, METHODS};
use crate::compute::{Device, Kernel};
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::parameters::Parameter;
use crate::progress::Observer;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use std::fmt::Debug;
use std::sync::Arc;

/// One entry of the registry.
#[derive(Debug)]
pub struct Method {
    /// Name for users and in file names.
    pub name: &'static str,
    /// Other names that users may enter.
    pub aliases: &'static [&'static str],
    /// Name in headings.
    pub title: &'static str,
    /// One line of help that describes the method.
    pub summary: &'static str,
    /// Kernels of its own, file by file.
    pub kernels: &'static [&'static [&'static Kernel]],
    /// Parameters, in the order of the help.
    pub parameters: &'static [Parameter],
    /// Builds the method from the parameters that the user has set.
    pub build: fn(&toml::Table) -> Result<Arc<dyn Clustering>>,
    /// All parameters with their default values.
    pub defaults: fn() -> Result<toml::Table, toml::ser::Error>,
}

/// A method with its parameters.
pub trait Clustering: Send + Sync + Debug {
    /// Refuses parameters that are invalid for any data, or for `n_samples` points of `n_features`.
    /// If the points have `n_classes`, this number may replace a parameter that is `auto`.
    ///
    /// # Errors
    /// [`Error::Parameter`], [`Error::Data`].
    fn validate(&self, n_samples: usize, n_features: usize, n_classes: Option<usize>)
    -> Result<()>;

    /// Finds clusters of the rows of `x`.
    ///
    /// # Errors
    /// Those of [`Clustering::validate`]; any error of the device; [`Error::Interrupted`].
    fn find(
        &self,
        device: &Device,
        x: &Matrix,
        n_classes: Option<usize>,
        observer: &dyn Observer,
    ) -> Result<Found>;
}

/// Result of a method.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Cluster of each point, from 0, or [`NOISE`](super::NOISE).
    pub labels: Vec<i32>,
    /// Chosen parameters and results, by name.
    pub facts: Vec<(String, f64)>,
    /// Centre of each cluster, n_clusters x n_features, if the method has any.
    pub cluster_centers: Option<Matrix>,
    /// Curve from which a radius can be read, and the radius that was used, if the method has one.
    pub k_distance: Option<(KDistance, f64)>,
    /// Warnings for the user.
    pub warnings: Vec<String>,
}

/// A method of the registry and the parameters that were set for it.
#[derive(Clone, Debug)]
pub struct ClusterMethod {
    method: &'static Method,
    parameters: toml::Table,
    built: Arc<dyn Clustering>,
}

impl ClusterMethod {
    /// The method of that name; parameters that are not set keep their defaults.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a name that the registry does not have, and for a parameter that
    /// the method does not.
    pub fn new(name: &str, parameters: toml::Table) -> Result<Self> {
        let method = method(name)?;
        Ok(Self { method, built: (method.build)(&parameters)?, parameters })
    }

    /// Name for users and in file names.
    pub fn name(&self) -> &'static str {
        self.method.name
    }

    /// Name in headings.
    pub fn title(&self) -> &'static str {
        self.method.title
    }

    /// Checks the parameters: see [`Clustering::validate`].
    ///
    /// # Errors
    /// Those of [`Clustering::validate`].
    pub fn validate(
        &self,
        n_samples: usize,
        n_features: usize,
        n_classes: Option<usize>,
    ) -> Result<()> {
        self.built.validate(n_samples, n_features, n_classes)
    }

    /// Finds the clusters: see [`Clustering::find`].
    ///
    /// # Errors
    /// Those of [`Clustering::find`].
    pub fn find(
        &self,
        device: &Device,
        x: &Matrix,
        n_classes: Option<usize>,
        observer: &dyn Observer,
    ) -> Result<Found> {
        self.built.find(device, x, n_classes, observer)
    }
}

impl Serialize for ClusterMethod {
    /// Serialises the name as `method`, then all parameters.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut all = (self.method.defaults)().map_err(serde::ser::Error::custom)?;
        all.extend(self.parameters.clone());
        let mut map = serializer.serialize_map(Some(1 + all.len()))?;
        map.serialize_entry("method", self.name())?;
        all.iter().try_for_each(|(name, value)| map.serialize_entry(name, value))?;
        map.end()
    }
}

/// The registry's entry with that name or alias.
///
/// # Errors
/// [`Error::Parameter`] listing the known names.
pub fn method(name: &str) -> Result<&'static Method> {
    let is_called = |method: &&Method| method.name == name || method.aliases.contains(&name);
    METHODS.iter().copied().find(is_called).ok_or_else(|| {
        let names: Vec<_> = METHODS.iter().map(|method| method.name).collect();
        Error::parameter("clusters", name, format!("the methods are {}", names.join(", ")))
    })
}

/// A result with its name.
pub(super) fn fact(name: &str, value: f64) -> (String, f64) {
    (name.to_owned(), value)
}
