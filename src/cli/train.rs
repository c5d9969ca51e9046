//! `layerlens train`: a classifier and its weights.

use super::data_args::DataArgs;
use super::output::RunOutput;
use super::training_args::TrainingArgs;
use super::{Global, config, json, print, say};
use anyhow::Result;
use clap::{Args, ValueEnum};
use layerlens::Error;
use layerlens::model::MAX_UNITS;
use layerlens::recipe::{Blueprint, PRESETS};
use layerlens::run::{self, TrainRun};
use layerlens::training::Training;
use std::path::PathBuf;

/// Options of `train`.
#[derive(Clone, Debug, Args)]
pub struct TrainArgs {
    #[command(flatten)]
    pub data: DataArgs,
    #[arg(long, alias = "arch", value_name = "NAME|FILE.toml", default_value = "mlp", help = architecture_help())]
    pub architecture: String,
    /// Units of the hidden layers of the mlp [default: 256,64]
    #[arg(long, value_name = "UNITS", value_delimiter = ',', env = "LAYERLENS_HIDDEN")]
    pub hidden: Option<Vec<usize>>,
    #[command(flatten)]
    pub training: TrainingArgs,
    /// Share of the values that dropout layers drop in training, from 0 to below 1 [default: the
    /// model's; 0.5 of the mlp]
    #[arg(long, allow_negative_numbers = true)]
    pub dropout: Option<f32>,
    /// Write a checkpoint after every so many epochs, below the run's folder
    #[arg(long, value_name = "EPOCHS", allow_negative_numbers = true)]
    pub checkpoint_every: Option<usize>,
    /// Model to train further instead of a new one, architecture and weights: the .safetensors file
    /// of an earlier run, or a .keras file
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["architecture", "hidden", "dropout", "resume_from"]
    )]
    pub pretrained: Option<PathBuf>,
    /// Go on with a training of the same model, data and settings
    #[arg(long, value_name = "CHECKPOINT")]
    pub resume_from: Option<PathBuf>,
    #[command(flatten)]
    pub output: RunOutput,
}

fn architecture_help() -> String {
    let presets = PRESETS
        .iter()
        .map(|preset| format!("{} ({})", preset.name, preset.summary))
        .collect::<Vec<_>>();
    format!(
        "Model: {}; or a .toml file that describes one, or the config.toml of a run",
        presets.join("; ")
    )
}

impl TrainArgs {
    /// The model that the flags name.
    fn blueprint(&self) -> Result<Blueprint, Error> {
        let named = match config::model(&self.architecture)? {
            Some(of_run) => of_run,
            None => Blueprint::open(&self.architecture)?,
        };
        let blueprint = match &self.hidden {
            None => named,
            Some(hidden) => {
                if let Some(width) = hidden.iter().find(|width| !(1..=MAX_UNITS).contains(*width)) {
                    let expected =
                        format!("at least 1 unit in every layer, and at most {MAX_UNITS}");
                    return Err(Error::parameter("hidden", width, expected));
                }
                if named.name != "mlp" || named.is_of_file() {
                    let units =
                        hidden.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
                    return Err(Error::parameter(
                        "hidden",
                        units,
                        format!("only of the mlp, not of {}", named.name),
                    ));
                }
                Blueprint::mlp(hidden)
            }
        };
        self.dropout.map_or(Ok(blueprint.clone()), |rate| blueprint.with_dropout(rate))
    }

    /// The library's form of the flags.
    ///
    /// # Errors
    /// As [`Blueprint::open`], and for flags that do not fit the model.
    pub fn to_run(&self, global: &Global) -> Result<TrainRun, Error> {
        let architecture = self.blueprint()?;
        Ok(TrainRun {
            training: self.training.training(&architecture.training, global.seed),
            checkpoint_every: self.checkpoint_every,
            pretrained: self.pretrained.clone(),
            resume_from: self.resume_from.clone(),
            architecture,
            data: self.data.request(),
            to: self.output.destination(),
        })
    }
}

/// Trains, and says how well.
pub fn train(global: &Global, args: &TrainArgs) -> Result<()> {
    let job = args.to_run(global)?;
    let (device, description) = global.open()?;
    let summary = run::train(&job, &device, &description, &global.terminal())?;
    let path = summary.path.display();
    json::keep(|| json::of_run(&summary));
    for warning in &summary.warnings {
        say(&format!("warning: {warning}"));
    }
    let Some(test) = summary.results.test else { return Ok(()) };
    // The rows that a later run trains on are those of this training, whatever the defaults of its
    // model.
    let training = &job.training;
    let default = Training::default();
    let split = if (training.validation, training.validation_split)
        == (default.validation, default.validation_split)
    {
        String::new()
    } else {
        let name = training
            .validation_split
            .to_possible_value()
            .map_or(String::new(), |value| value.get_name().to_owned());
        format!(" --validation {} --validation-split {name}", training.validation)
    };
    print(&format!(
        "test accuracy {:.4}, test loss {:.4}\n{}\nwritten to {path}:\n{}next: layerlens run \
         {}{split} --seed {} --model {path}/model/weights.safetensors\n",
        test.accuracy,
        test.loss,
        super::times(&summary),
        super::written(&summary.path),
        args.data.again(),
        global.seed,
    ));
    Ok(())
}
