//! Embeddings of the same points while their space changes, for example a layer from one training
//! epoch to the next. Points move in them only as far as they have moved in the space.
//!
//! Each embedding starts from the previous one ([`Space::start`]) and is then aligned with it
//! ([`procrustes`](super::procrustes)). Without the first step, chance would decide each time where
//! the clusters lie; without the second, PCA may mirror itself. Nothing is scaled, so distances
//! stay as the method computed them.

use super::procrustes::Motion;
use super::{Embedding, Space};
use crate::compute::Device;
use crate::error::Result;
use crate::matrix::Matrix;
use crate::progress::Observer;

/// Embeddings by one method, n_samples x 2 each.
#[derive(Debug)]
pub struct Sequence<'a> {
    method: &'a dyn Embedding,
    maps: Vec<Matrix>,
}

impl<'a> Sequence<'a> {
    /// A sequence without embeddings.
    pub fn new(method: &'a dyn Embedding) -> Self {
        Self { method, maps: Vec::new() }
    }

    /// Fits the next embedding and aligns it with the previous one. It starts from the previous
    /// one, if there is one, whatever the start of `space`.
    ///
    /// # Errors
    /// Those of [`Embedding::fit_boxed`]; [`Error::Data`](crate::Error::Data) if the number of points
    /// changes or an embedding does not have 2 dimensions.
    pub fn push(
        &mut self,
        device: &Device,
        space: &Space<'_>,
        observer: &dyn Observer,
    ) -> Result<&Matrix> {
        let last = self.maps.last();
        let fitted = self.method.fit_boxed(
            device,
            &Space { start: last.or(space.start), ..*space },
            observer,
        )?;
        let map = fitted.embedding();
        let turned =
            last.map_or_else(|| Ok(map.clone()), |last| Motion::between(map, last)?.apply(map))?;
        self.maps.push(turned);
        Ok(&self.maps[self.maps.len() - 1])
    }

    /// The embeddings, all moved in the same way so that the one at `at`, or the last if there is
    /// none, comes closest to `reference`, n_samples x 2.
    ///
    /// # Errors
    /// [`Error::Data`](crate::Error::Data) if the shapes differ.
    pub fn turned_onto(self, at: usize, reference: &Matrix) -> Result<Vec<Matrix>> {
        let Some(map) = self.maps.get(at).or(self.maps.last()) else { return Ok(self.maps) };
        let motion = Motion::between(map, reference)?;
        self.maps.iter().map(|map| motion.apply(map)).collect()
    }
}

/// Mean distance of the points of each embedding, n_samples x 2, from their coordinates in the
/// previous one, as a share of the longer side of the smallest rectangle around all embeddings; 0
/// for the first.
pub fn displacements(maps: &[Matrix]) -> Vec<f64> {
    let span = |axis: usize| {
        let values = maps.iter().flat_map(Matrix::rows).map(|row| f64::from(row[axis]));
        let (low, high) = values
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
        high - low
    };
    let longer = span(0).max(span(1));
    let moved = |pair: &[Matrix]| {
        let distance =
            |(a, b): (&[f32], &[f32])| f64::from(a[0] - b[0]).hypot(f64::from(a[1] - b[1]));
        let mean = pair[0].rows().zip(pair[1].rows()).map(distance).sum::<f64>()
            / pair[0].n_samples() as f64;
        if longer > 0.0 { mean / longer } else { 0.0 }
    };
    let first = maps.first().map(|_| 0.0);
    first.into_iter().chain(maps.windows(2).map(moved)).collect()
}
