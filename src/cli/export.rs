//! `layerlens export`: a finished run for other programs.

use super::naming::value;
use super::{Global, json, print, say};
use anyhow::Result;
use clap::{Args, ValueEnum};
use layerlens::compute::Device;
use layerlens::embedding::METHODS;
use layerlens::format::quoted;
use layerlens::record::ReportPoints;
use layerlens::run::{self, Export, ExportFormat, ExportSummary};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Options of `export`.
#[derive(Clone, Debug, Args)]
pub struct ExportArgs {
    /// Folder of a finished run
    run: PathBuf,
    /// For which programs; --out is the folder of tensorboard, the file of parquet, or the folder
    /// of both [default place: RUN/export]
    #[arg(long, value_enum, value_delimiter = ',', default_value = "tensorboard,parquet")]
    format: Vec<ExportFormat>,
    /// Points of the run: test, train, all, or so many of all, drawn by the seed [default: as the
    /// run was asked to show]
    #[arg(long, value_name = "test|train|all|N", value_parser = value::<ReportPoints>, allow_negative_numbers = true)]
    report_points: Option<ReportPoints>,
    /// Address under which the folder of tensorboard will be found, for projector.tensorflow.org,
    /// which finds nothing without it
    #[arg(long)]
    url: Option<String>,
    /// The projector's folder, or the table's file; of several formats the folder of both [default:
    /// export in the folder of the run]
    #[arg(long, value_name = "DIR|FILE", help_heading = "Output")]
    out: Option<PathBuf>,
    /// Replace an earlier export there
    #[arg(long, help_heading = "Output")]
    force: bool,
}

/// Exports, and says what opens it.
pub fn export(global: &Global, args: &ExportArgs) -> Result<()> {
    let job = Export {
        run: args.run.clone(),
        formats: args.format.clone(),
        points: args.report_points,
        url: args.url.clone(),
        out: args.out.clone(),
        force: args.force,
    };
    // Only the neighbours of the table are searched for.
    let summary = match args.format.contains(&ExportFormat::Parquet) {
        true => global.compute(|device| run::export(&job, device, &global.terminal()))?,
        false => run::export(&job, &Device::cpu(), &global.terminal())?,
    };
    let written = summary.written.iter().map(|(format, path)| {
        let format = format.to_possible_value();
        json!({ "format": format.map(|format| format.get_name().to_owned()), "path": json::path(path) })
    });
    json::keep(|| {
        json!({
            "n_points": summary.n_points,
            "of": summary.of,
            "which": summary.which,
            "written": written.collect::<Vec<_>>(),
            "columns": summary.columns,
            "tensors": summary.tensors,
            "warnings": summary.warnings,
        })
    });
    for warning in &summary.warnings {
        say(&format!("warning: {warning}"));
    }
    let opened: String = summary
        .written
        .iter()
        .map(|(format, path)| opened_by(*format, path, &summary, args))
        .collect();
    print(&format!("{} of {} points: {}\n{opened}", summary.n_points, summary.of, summary.which));
    Ok(())
}

/// Message with the files that were written, and the command that shows them.
fn opened_by(
    format: ExportFormat,
    path: &Path,
    summary: &ExportSummary,
    args: &ExportArgs,
) -> String {
    let place = quoted(&path.display().to_string());
    match format {
        ExportFormat::Tensorboard => {
            let n = summary.tensors.len();
            let alone = match &args.url {
                Some(url) => {
                    format!(
                        "  https://projector.tensorflow.org/?config={}/projector_config.json\n",
                        url.trim_end_matches('/')
                    )
                }
                None => String::new(),
            };
            format!(
                "written to {place}: {n} spaces and maps; look at them by\n  tensorboard --logdir \
                 {place}\n{alone}"
            )
        }
        ExportFormat::Parquet => {
            let n = summary.columns.len();
            format!(
                "written {place}: {n} columns; look at it by\n  embedding-atlas {place}{}\n",
                atlas_flags(&summary.columns)
            )
        }
    }
}

/// The columns that are passed to Embedding Atlas: the last map by the method that is shown first.
fn atlas_flags(columns: &[String]) -> String {
    let maps: Vec<&str> = columns.iter().filter_map(|name| name.strip_suffix("_x")).collect();
    let rank = |map: &&&str| {
        let own = METHODS.iter().find(|method| map.starts_with(&format!("{}_", method.name)));
        own.map_or(usize::MAX, |method| method.display_rank)
    };
    let map = maps.iter().rev().min_by_key(rank);
    let axes = map.map_or(String::new(), |map| {
        format!(" --x {} --y {}", quoted(&format!("{map}_x")), quoted(&format!("{map}_y")))
    });
    let flags = [("text", "label"), ("image", "image"), ("neighbors", "neighbors")].into_iter();
    let there = flags.filter(|(_, column)| columns.iter().any(|name| name == column));
    axes + &there.map(|(flag, column)| format!(" --{flag} {column}")).collect::<String>()
}
