//! Flags that say how a model is trained.

use clap::Args;
use layerlens::training::{Training, ValidationSplit};

/// Options of the training; the defaults are the model's own.
#[derive(Clone, Debug, Args)]
pub struct TrainingArgs {
    /// Passes over the training images [default: the model's; 20 of the mlp]
    #[arg(long, allow_negative_numbers = true, env = "LAYERLENS_EPOCHS")]
    pub epochs: Option<usize>,
    /// Images of one step [default: the model's; 128 of the mlp]
    #[arg(long, allow_negative_numbers = true)]
    pub batch_size: Option<usize>,
    /// Step size of Adam, above 0 [default: the model's; 0.001 of the mlp]
    #[arg(long, alias = "lr", allow_negative_numbers = true)]
    pub learning_rate: Option<f64>,
    /// Share of the training images kept for validation [default: the model's; a sixth of the mlp,
    /// 0.2 of the cnns]
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    pub validation: Option<f64>,
    /// Choice of these images [default: the model's; random of the mlp, last of the cnns]
    #[arg(long, value_enum)]
    pub validation_split: Option<ValidationSplit>,
    /// End after this many epochs without a new least validation loss
    #[arg(long, value_name = "EPOCHS", allow_negative_numbers = true)]
    pub patience: Option<usize>,
    /// Keep the weights of the epoch of least validation loss instead of the last
    #[arg(long)]
    pub keep_best: bool,
    /// Classify the test images after each epoch too, as the cnns do anyway
    #[arg(long)]
    pub test_every_epoch: bool,
}

impl TrainingArgs {
    /// Training parameters of the model, overridden by the flags.
    pub fn training(&self, of_model: &Training, seed: u64) -> Training {
        Training {
            epochs: self.epochs.unwrap_or(of_model.epochs),
            batch_size: self.batch_size.unwrap_or(of_model.batch_size),
            learning_rate: self.learning_rate.unwrap_or(of_model.learning_rate),
            validation: self.validation.unwrap_or(of_model.validation),
            validation_split: self.validation_split.unwrap_or(of_model.validation_split),
            patience: self.patience.or(of_model.patience),
            keep_best: self.keep_best || of_model.keep_best,
            test_every_epoch: self.test_every_epoch || of_model.test_every_epoch,
            random_state: seed,
        }
    }
}
