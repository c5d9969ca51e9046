//! `layerlens train`: a classifier and its weights.

use super::{Global, argv, print};
use anyhow::Result;
use clap::Args;
use layerlens::dataset::DATASETS;
use layerlens::run::{self, TrainRun};
use layerlens::training::Training;
use std::path::PathBuf;

/// What to train and how.
#[derive(Clone, Debug, Args)]
pub struct TrainArgs {
    /// Data set
    #[arg(long, default_value = "fashion-mnist-sample", help = dataset_help())]
    pub dataset: String,
    /// Folder of the data set's files [default: LAYERLENS_DATA_DIR, the XDG data folder, /usr/share/datasets]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
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

fn dataset_help() -> String {
    let names = DATASETS.iter().map(|entry| format!("{} ({})", entry.name, entry.summary)).collect::<Vec<_>>();
    format!("Data set: {}", names.join("; "))
}

impl TrainArgs {
    /// The library's form of the flags.
    pub fn to_run(&self, global: &Global) -> TrainRun {
        TrainRun {
            dataset: self.dataset.clone(),
            data_dir: self.data_dir.clone(),
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
            resume: global.resume,
            argv: argv(),
        }
    }
}

impl TrainArgs {
    /// The flags by which a later run meets the same images, split alike.
    fn same_data(&self, global: &Global) -> String {
        let folder = self.data_dir.as_ref().map_or(String::new(), |folder| format!(" --data-dir {}", folder.display()));
        format!("{folder} --seed {}", global.seed)
    }
}

/// Trains, and says how well.
pub fn train(global: &Global, args: &TrainArgs) -> Result<()> {
    let job = args.to_run(global);
    let (device, description) = global.open()?;
    let summary = run::train(&job, &device, &description, &global.terminal())?;
    let path = summary.path.display();
    let Some(test) = summary.test else { return Ok(()) };
    print(&format!(
        "test accuracy {:.4}, test loss {:.4}\n\nwritten to {path}:\n  model/weights.safetensors, history.csv, figures/history.png\nnext: layerlens run --dataset {}{} --model {path}/model/weights.safetensors\n",
        test.accuracy,
        test.loss,
        args.dataset,
        args.same_data(global),
    ));
    Ok(())
}
