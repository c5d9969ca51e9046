//! `layerlens compare`: two finished runs side by side.

use super::output::Output;
use super::{Global, json, print, say};
use anyhow::Result;
use clap::Args;
use layerlens::compute::{Device, DeviceChoice};
use layerlens::evaluation::Bootstrap;
use layerlens::record::N_COMPONENTS;
use layerlens::report::{compare_table, profile_table};
use layerlens::run::{self, Compare};
use serde_json::json;
use std::path::PathBuf;

/// Options of `compare`.
#[derive(Clone, Debug, Args)]
pub struct CompareArgs {
    /// Folder of a finished run
    #[arg(value_name = "RUN_A")]
    a: PathBuf,
    /// Folder of another: other data, another model, or layers of another program
    #[arg(value_name = "RUN_B")]
    b: PathBuf,
    /// Names of the two runs in tables, figures and on the page [default: those of their folders]
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    names: Vec<String>,
    /// Replicates of the bootstrap
    #[arg(long, default_value_t = Bootstrap::default().n_replicates, allow_negative_numbers = true)]
    replicates: usize,
    #[command(flatten)]
    output: Output,
}

/// Compares, prints the differences, and says where everything is.
pub fn compare(global: &Global, args: &CompareArgs) -> Result<()> {
    let job = Compare {
        runs: [args.a.clone(), args.b.clone()],
        names: args.names.clone(),
        bootstrap: Bootstrap {
            n_replicates: args.replicates,
            random_state: global.seed,
            ..Bootstrap::default()
        },
        to: args.output.destination(),
    };
    // Counting is the CPU's work, whatever the device.
    let (_, description) = Device::open(DeviceChoice::Cpu, &global.gpu_options())?;
    let summary = run::compare(&job, &description, &global.terminal())?;
    json::keep(|| {
        json!({
            "path": json::path(&summary.path),
            "comparison": json::written(&summary.comparison),
            "layer_similarity": json::written(&summary.layers),
            "warnings": summary.warnings,
        })
    });
    for warning in &summary.warnings {
        say(&format!("warning: {warning}"));
    }
    let path = summary.path.display();
    let layers = summary
        .layers
        .as_ref()
        .map_or(String::new(), |layers| format!("\n{}", profile_table::cross_text(layers)));
    let only_paired = match (&summary.comparison.agreement, &summary.layers) {
        (Some(_), Some(_)) => ", answers.csv, layer_similarity.csv",
        (Some(_), None) => ", answers.csv",
        (None, _) => "",
    };
    print(&format!(
        "{}{layers}\nwritten to {path}:\n  scores/       accuracy.csv, gains.csv, confused_pairs.csv, \
         measures.csv{only_paired}\n  figures/      the same as figures, and the maps side by side\nopen \
         {path}/report.html\n",
        compare_table::text(&summary.comparison, N_COMPONENTS),
    ));
    Ok(())
}
