//! Maps that are turned onto each other, so that points move from space to space instead of jumping.

use crate::embedding;
use crate::embedding::procrustes::Motion;
use crate::error::Result;
use crate::matrix::Matrix;

/// A map: the selected points, and all fitted points if their file exists.
pub(super) struct AlignedMap {
    pub(super) shown: Matrix,
    pub(super) fitted: Option<Matrix>,
}

impl AlignedMap {
    /// The motion onto the map `before`, both of the method of that name.
    pub(super) fn motion_onto(&self, before: &Self, method: &str) -> Result<Motion> {
        let (map, reference) = match (&self.fitted, &before.fitted) {
            (Some(fitted), Some(reference)) => (fitted, reference),
            _ => (&self.shown, &before.shown),
        };
        match embedding::method(method) {
            Ok(method) => method.motion(map, reference),
            Err(_) => Motion::between(map, reference),
        }
    }

    pub(super) fn moved(self, motion: &Motion) -> Result<Self> {
        let fitted = self.fitted.map(|fitted| motion.apply(&fitted)).transpose()?;
        Ok(Self { shown: motion.apply(&self.shown)?, fitted })
    }
}

/// Frames side by side, n x 2F, all moved alike.
pub(super) fn moved_frames(coordinates: &Matrix, motion: &Motion) -> Result<Matrix> {
    let (n, width) = (coordinates.n_samples(), coordinates.n_features());
    let frames = Matrix::new(coordinates.as_slice().to_vec(), n * width / 2, 2)?;
    Matrix::new(motion.apply(&frames)?.into_vec(), n, width)
}
