//! `layerlens profile`: the measures of the layers in a folder, without maps.

use super::output::RunOutput;
use super::{Global, json, print, say};
use anyhow::Result;
use clap::Args;
use layerlens::report::profile_table;
use layerlens::run::{self, ProfileLayers};
use std::path::PathBuf;

/// Options of `profile`.
#[derive(Clone, Debug, Args)]
pub struct ProfileArgs {
    /// Folder of layers, as `layerlens activations` and every run write it, or any program:
    /// <layer>_train.npy, <layer>_test.npy, labels_train.npy, labels_test.npy; optional
    /// softmax_*.npy or logits_*.npy, predictions_*.npy, output_weights.npy, class_names.txt,
    /// layers.txt, and layers, softmax, predictions and images of strangers, points of another
    /// kind without labels: <layer>_strangers.npy
    #[arg(value_name = "DIR")]
    activations: PathBuf,
    /// Fit a linear probe to shuffled labels of each layer too: what it learns of them, the layer
    /// did not tell
    #[arg(long)]
    probe_control: bool,
    #[command(flatten)]
    output: RunOutput,
}

/// Measures the layers, prints the profile, and says where everything is.
pub fn profile(global: &Global, args: &ProfileArgs) -> Result<()> {
    let job = ProfileLayers {
        activations: args.activations.clone(),
        probe_control: args.probe_control,
        seed: global.seed,
        to: args.output.destination(),
    };
    let (device, description) = global.open()?;
    let summary = run::profile(&job, &device, &description, &global.terminal())?;
    json::keep(|| json::of_run(&summary));
    for warning in &summary.warnings {
        say(&format!("warning: {warning}"));
    }
    let text = profile_table::text(&summary.results);
    print(&format!(
        "\n{text}\nwritten to {}:\n{}",
        summary.path.display(),
        super::written(&summary.path)
    ));
    Ok(())
}
