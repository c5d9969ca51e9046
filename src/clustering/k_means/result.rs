//! Result of k-means, and prediction for new points.

use super::centred;
use super::points::Points;
use crate::compute::Device;
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::range::{Range, too_far_apart};

/// Result of k-means.
#[derive(Clone, Debug)]
pub struct KMeansResult {
    /// Cluster of each point: that of the nearest centre, the first one if several are equal.
    pub labels: Vec<i32>,
    /// Mean of each cluster, n_clusters x n_features; fewer than requested if the points have fewer
    /// distinct rows.
    pub cluster_centers: Matrix,
    /// Sum of the squared distances of the points from their centres.
    pub inertia: f64,
    /// Number of iterations of the start that was kept.
    pub n_iter: usize,
    /// Unit and centre in which distances are computed, and the cluster centres in these.
    pub(super) range: Range,
    pub(super) centred_centers: Vec<f32>,
}

impl KMeansResult {
    /// Nearest centre of each row of `x`; it does not depend on the other rows.
    ///
    /// # Errors
    /// [`Error::Data`] if `x` has another number of features; any error of the device.
    pub fn predict(&self, device: &Device, x: &Matrix) -> Result<Vec<i32>> {
        let found = x.n_features();
        let expected = self.cluster_centers.n_features();
        if found != expected {
            return Err(Error::Data(format!(
                "the new points have {found} features, the fitted ones {expected}"
            )));
        }
        x.check_offsets(&self.cluster_centers)?;
        let k = self.cluster_centers.n_samples();
        let points = Points::new(device, &centred(&self.range, x)?, expected, k)?;
        let (labels, distances) = points.assign(device, &self.centred_centers, k)?;
        if distances.iter().any(|distance| !distance.is_finite()) {
            return Err(too_far_apart());
        }
        Ok(labels.into_iter().map(|label| label as i32).collect())
    }
}
