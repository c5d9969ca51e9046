//! Overfitting of a model, judged by its learning curves.
//!
//! A model over-fits from the epoch on where the loss of rows that it does not learn from is least
//! (L. Prechelt, "Early stopping - but when?", 1998): what it still learns after that holds for its
//! own rows alone. Since the loss of single epochs scatters, a rise counts from [`LEAST_RISE`] on.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A validation loss that ends above its least value by less than this share of it is called level.
pub const LEAST_RISE: f64 = 0.05;

/// Judgement by the learning curves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    /// The validation loss was least in the last epoch: more epochs may bring more.
    StillLearning,
    /// It ends at most [`LEAST_RISE`] above its least value.
    Level,
    /// It ends higher than that.
    OverFits,
}

/// The judgement and the values that it is based on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OverFitting {
    /// Judgement by the learning curves.
    pub fit: Fit,
    /// Epoch of least validation loss, from 1 on; the first of several.
    pub best_epoch: usize,
    /// Epochs in all.
    pub n_epochs: usize,
    /// Last validation loss over the least one, less 1: 0 or above.
    pub loss_rise: f64,
    /// Training accuracy less validation accuracy after the last epoch, -1 to 1.
    pub accuracy_gap: f64,
}

impl OverFitting {
    /// Reads curves of one value an epoch.
    ///
    /// # Errors
    /// [`Error::Data`] if there is no epoch, or the curves differ in length.
    pub fn of(
        validation_loss: &[f32],
        train_accuracy: &[f32],
        validation_accuracy: &[f32],
    ) -> Result<Self> {
        let n_epochs = validation_loss.len();
        let (Some(&last), Some(&train), Some(&validation)) =
            (validation_loss.last(), train_accuracy.last(), validation_accuracy.last())
        else {
            return Err(Error::Data("over-fitting needs at least one epoch, there is none".into()));
        };
        if [train_accuracy.len(), validation_accuracy.len()] != [n_epochs; 2] {
            let found = [n_epochs, train_accuracy.len(), validation_accuracy.len()];
            return Err(Error::Data(format!(
                "curves of {found:?} epochs; they must be of one training"
            )));
        }
        let best = (0..n_epochs)
            .min_by(|&a, &b| validation_loss[a].total_cmp(&validation_loss[b]))
            .unwrap_or(0);
        let least = f64::from(validation_loss[best]).max(f64::from(f32::MIN_POSITIVE));
        let loss_rise = f64::from(last) / least - 1.0;
        let fit = if loss_rise > LEAST_RISE {
            Fit::OverFits
        } else if best + 1 == n_epochs {
            Fit::StillLearning
        } else {
            Fit::Level
        };
        let accuracy_gap = f64::from(train) - f64::from(validation);
        Ok(Self { fit, best_epoch: best + 1, n_epochs, loss_rise, accuracy_gap })
    }
}

impl fmt::Display for OverFitting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { best_epoch, n_epochs, .. } = self;
        let (rise, gap) = (100.0 * self.loss_rise, 100.0 * self.accuracy_gap);
        match self.fit {
            Fit::StillLearning => {
                write!(f, "still learning: validation loss is least in the last epoch, {n_epochs}")
            }
            Fit::Level => {
                write!(
                    f,
                    "level: validation loss least in epoch {best_epoch} of {n_epochs}, {rise:.1} % \
                     above it at the end"
                )
            }
            Fit::OverFits => write!(
                f,
                "over-fits after epoch {best_epoch} of {n_epochs}: validation loss {rise:.0} % \
                 above its least at the end, training accuracy {gap:.1} points above validation's"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_are_judged_by_where_their_loss_is_least() {
        let judge = |loss: &[f32]| {
            OverFitting::of(loss, &vec![0.75; loss.len()], &vec![0.5; loss.len()]).unwrap()
        };
        let falling = judge(&[0.5, 0.4, 0.3]);
        assert_eq!(
            (falling.fit, falling.best_epoch, falling.loss_rise),
            (Fit::StillLearning, 3, 0.0)
        );
        let level = judge(&[0.5, 0.4, 0.4, 0.41]);
        assert_eq!((level.fit, level.best_epoch), (Fit::Level, 2));
        let rising = judge(&[0.5, 0.25, 0.5]);
        assert_eq!(
            (rising.fit, rising.best_epoch, rising.loss_rise, rising.accuracy_gap),
            (Fit::OverFits, 2, 1.0, 0.25)
        );
        assert!(rising.to_string().contains("after epoch 2 of 3: validation loss 100 % above"));
        assert!(
            OverFitting::of(&[], &[], &[]).is_err()
                && OverFitting::of(&[1.0], &[0.5; 2], &[0.5]).is_err()
        );
    }
}
