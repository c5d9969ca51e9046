//! `layerlens activations`: the layers of a network of another program as a folder.

use super::data_args::{DataArgs, strangers_help};
use super::network_flags::{HEADING, NetworkFlags};
use super::output::RunOutput;
use super::{Global, json, print, say};
use anyhow::Result;
use clap::Args;
use layerlens::run::{self, Activations};
use std::path::PathBuf;

/// Options of `activations`.
#[derive(Clone, Debug, Args)]
pub struct ActivationsArgs {
    /// The network: an .onnx file, as torch.onnx.export or tf2onnx writes it
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    network: NetworkFlags,
    /// Images of each part that are taken, at most, drawn by the seed [default: all]
    #[arg(long, value_name = "N", allow_negative_numbers = true, help_heading = HEADING)]
    sample: Option<usize>,
    #[arg(long, value_name = "DIR|FILE|NAME", help = strangers_help())]
    strangers: Option<String>,
    #[command(flatten)]
    output: RunOutput,
}

/// Takes the activations, and says where they are.
pub fn activations(global: &Global, args: &ActivationsArgs) -> Result<()> {
    let job = Activations {
        data: args.data.request(),
        network: args.network.network(args.model.clone(), args.sample),
        strangers: args.strangers.clone(),
        seed: global.seed,
        to: args.output.destination(),
    };
    let (device, description) = global.open()?;
    let summary = run::activations(&job, &device, &description, &global.terminal())?;
    let path = summary.path.display();
    json::keep(|| json::of_run(&summary));
    for warning in &summary.warnings {
        say(&format!("warning: {warning}"));
    }
    let test = summary.results.test.map_or(String::new(), |test| {
        format!("test accuracy {:.4}, test loss {:.4}\n", test.accuracy, test.loss)
    });
    print(&format!(
        "{test}{}written to {path}:\n{}next: layerlens run --from-activations {path}/activations\n",
        super::times(&summary),
        super::written(&summary.path),
    ));
    Ok(())
}
