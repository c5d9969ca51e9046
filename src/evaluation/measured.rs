//! The quality of several maps of one space, whose ranks are computed once.

use super::{MapQuality, SpaceRanks};
use crate::compute::Device;
use crate::error::Result;
use crate::matrix::Matrix;
use crate::neighbors::NeighborGraph;
use crate::progress::Observer;

/// Fitted points and new ones of a space, and the neighbours of the fitted ones.
#[derive(Clone, Copy, Debug)]
pub struct MeasuredSpace<'a> {
    /// Name of the space.
    pub space: &'a str,
    /// Fitted points, n_samples x n_features.
    pub x: &'a Matrix,
    /// New points, if there are any.
    pub new: Option<&'a Matrix>,
    /// Neighbours of the fitted points, if they are known.
    pub neighbors: Option<&'a NeighborGraph>,
}

/// A map to measure.
#[derive(Clone, Copy, Debug)]
pub struct MeasuredMap<'a> {
    /// Name of the method, if it is known.
    pub method: Option<&'a str>,
    /// Embedding of the fitted points.
    pub embedding: &'a Matrix,
    /// Embedding of the new points.
    pub new: Option<&'a Matrix>,
    /// Neighbours of the fitted points in the map, if they are known.
    pub neighbors: Option<&'a NeighborGraph>,
}

/// Measures maps, which all have the dimensions of the first, on samples drawn by `seed`.
///
/// # Errors
/// Those of [`SpaceRanks`].
pub fn measure(
    space: MeasuredSpace<'_>,
    maps: &[MeasuredMap<'_>],
    device: &Device,
    seed: u64,
    observer: &dyn Observer,
) -> Result<Vec<MapQuality>> {
    let MeasuredSpace { space, x, new, neighbors } = space;
    let Some(first) = maps.first() else { return Ok(Vec::new()) };
    let n_dimensions = first.embedding.n_features();
    let mut ranks = SpaceRanks::new(device, x, neighbors, n_dimensions, seed, observer)?;
    if let Some(new) = new {
        ranks = ranks.with_new(device, new, seed, observer)?;
    }
    let of_map = |map: &MeasuredMap<'_>| {
        let quality = ranks.quality(device, map.embedding, map.new, map.neighbors, observer)?;
        Ok(MapQuality {
            space: space.into(),
            method: map.method.map(str::to_owned),
            n_features: x.n_features(),
            n_dimensions,
            quality,
        })
    };
    maps.iter().map(of_map).collect()
}
