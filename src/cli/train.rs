//! `layerlens train`: a classifier and its weights.

use super::data_args::DataArgs;
use super::{Global, argv, print};
use anyhow::Result;
use clap::Args;
use layerlens::run::{self, TrainRun};
use layerlens::training::Training;

/// What to train and how.
#[derive(Clone, Debug, Args)]
pub struct TrainArgs {
    #[command(flatten)]
    pub data: DataArgs,
    /// Units of the hidden layers
    #[arg(long, value_name = "UNITS", value_delimiter = ',', default_value = "256,64", env = "LAYERLENS_HIDDEN")]
    pub hidden: Vec<usize>,
    /// Passes over the training images
    #[arg(long, default_value_t = Training::default().epochs, allow_negative_numbers = true, env = "LAYERLENS_EPOCHS")]
    pub epochs: usize,
    /// Images of one step
    #[arg(long, default_value_t = Training::default().batch_size, allow_negative_numbers = true)]
    pub batch_size: usize,
    /// Step size of Adam, above 0
    #[arg(long, alias = "lr", default_value_t = Training::default().learning_rate, allow_negative_numbers = true)]
    pub learning_rate: f64,
    /// Share of the hidden units dropped in training, from 0 to below 1
    #[arg(long, default_value_t = Training::default().dropout, allow_negative_numbers = true)]
    pub dropout: f32,
}

impl TrainArgs {
    /// The library's form of the flags.
    pub fn to_run(&self, global: &Global) -> TrainRun {
        TrainRun {
            data: self.data.request(),
            hidden: self.hidden.clone(),
            training: Training {
                epochs: self.epochs,
                batch_size: self.batch_size,
                learning_rate: self.learning_rate,
                dropout: self.dropout,
                random_state: global.seed,
            },
            out: global.out.clone(),
            force: global.force,
            argv: argv(),
        }
    }
}

/// Trains, and says how well.
pub fn train(global: &Global, args: &TrainArgs) -> Result<()> {
    let job = args.to_run(global);
    let (device, description) = global.open()?;
    let summary = run::train(&job, &device, &description, &global.terminal())?;
    let path = summary.path.display();
    print(&format!(
        "test accuracy {:.4}, test loss {:.4}\n\nwritten to {path}:\n  model/weights.safetensors, history.csv, figures/history.png\nnext: layerlens run {} --seed {} --model {path}/model/weights.safetensors\n",
        summary.test.accuracy,
        summary.test.loss,
        args.data.again(),
        global.seed,
    ));
    Ok(())
}
