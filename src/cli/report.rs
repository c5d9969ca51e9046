//! `layerlens report`: the explorable page of a finished run, or of any embedding.

use super::naming::value;
use super::{Global, argv, json, print, say};
use anyhow::Result;
use clap::{ArgGroup, Args};
use layerlens::dataset::{Colour, LabelColumn};
use layerlens::record::ReportPoints;
use layerlens::run::{self, EmbeddingReport, Report, ReportSummary};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Options of `report`.
#[derive(Clone, Debug, Args)]
#[command(group = ArgGroup::new("source").required(true).args(["run", "embedding"]))]
pub struct ReportArgs {
    /// Folder of a finished run
    #[arg(value_name = "RUN")]
    run: Option<PathBuf>,
    /// Points of the run to show: test, train, all, or so many of all, drawn by the seed [default:
    /// as the run was asked to]
    #[arg(long, value_name = "test|train|all|N", value_parser = value::<ReportPoints>, conflicts_with = "embedding", allow_negative_numbers = true)]
    report_points: Option<ReportPoints>,
    /// Any embedding to show instead of a run: .npy, n x 2, or .csv of two columns
    #[arg(long, value_name = "FILE", help_heading = "Any embedding")]
    embedding: Option<PathBuf>,
    /// Its labels, numbers or names: .npy, or .csv, .tsv or .txt with one a line or in one of its
    /// columns
    #[arg(
        long,
        value_name = "FILE",
        requires = "embedding",
        conflicts_with = "run",
        help_heading = "Any embedding"
    )]
    labels: Option<PathBuf>,
    /// The column of labels in a .csv, .tsv or .txt file of several: its name in the header, its
    /// number, from 1, first or last [default: the one called label, class, target, digit, y, ...]
    #[arg(
        long,
        value_name = "NAME|N",
        requires = "labels",
        conflicts_with = "run",
        help_heading = "Any embedding"
    )]
    label_column: Option<LabelColumn>,
    /// Its images: a folder of .png and .jpg files, which in natural order are the rows; an IDX
    /// file, plain or .gz; or .npy, n x height x width (x 3)
    #[arg(
        long,
        value_name = "DIR|FILE",
        requires = "embedding",
        conflicts_with = "run",
        help_heading = "Any embedding"
    )]
    images: Option<PathBuf>,
    /// Background of transparent pixels in image files: white, black or #rrggbb [default: white]
    #[arg(
        long,
        value_name = "COLOUR",
        requires = "images",
        conflicts_with = "run",
        help_heading = "Any embedding"
    )]
    background: Option<Colour>,
    /// Names of the classes, with commas between, in double quotes where a name holds one; or a
    /// file with one a line. Numbers as labels count them from 0, or are such names
    #[arg(
        long,
        value_name = "NAMES|FILE",
        requires = "labels",
        conflicts_with = "run",
        help_heading = "Any embedding"
    )]
    class_names: Vec<String>,
    /// Table of .csv, .tsv or .txt with a header and a row a point: its columns are shown on the
    /// card of a point, and the map is coloured and filtered by them. Whole numbers of at most 20
    /// values are categories, as other words are; other numbers are amounts
    #[arg(
        long,
        value_name = "FILE",
        requires = "embedding",
        conflicts_with = "run",
        help_heading = "Any embedding"
    )]
    metadata: Option<PathBuf>,
    /// The space that was embedded, .npy, n x d: neighbours are sought in it
    #[arg(
        long,
        value_name = "FILE",
        requires = "embedding",
        conflicts_with = "run",
        help_heading = "Any embedding"
    )]
    space: Option<PathBuf>,
    /// Name of the data [default: that of the embedding's file]
    #[arg(long, requires = "embedding", conflicts_with = "run", help_heading = "Any embedding")]
    name: Option<String>,
    /// The page's file [default: report.html in the folder of the run, or beside the embedding]
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    out: Option<PathBuf>,
    /// Replace a file that is there; the page in the folder of its run is replaced anyway
    #[arg(long, help_heading = "Output")]
    force: bool,
    /// Open the page with the system's browser
    #[arg(long)]
    open: bool,
}

/// Makes the page and says where it is.
pub fn report(global: &Global, args: &ReportArgs) -> Result<()> {
    let reporter = global.terminal();
    let made = global.compute(|device| match (&args.run, &args.embedding) {
        (Some(folder), _) => {
            let run = folder.clone();
            let out = args.out.clone();
            run::report(
                &Report { run, points: args.report_points, out, force: args.force },
                device,
                &reporter,
            )
        }
        (None, embedding) => {
            let job = EmbeddingReport {
                embedding: embedding.clone().unwrap_or_default(),
                labels: args.labels.clone(),
                label_column: args.label_column.clone(),
                images: args.images.clone(),
                background: args.background.unwrap_or_default(),
                class_names: args.class_names.clone(),
                metadata: args.metadata.clone(),
                space: args.space.clone(),
                name: args.name.clone(),
                out: args.out.clone(),
                force: args.force,
                seed: global.seed,
                argv: argv(),
            };
            // Distances are measured in the space, if it is given.
            let measured = job.space.as_ref().unwrap_or(&job.embedding);
            run::report_embedding(&job, device, &reporter).map_err(|error| error.of_file(measured))
        }
    })?;
    json::keep(|| {
        json!({
            "path": json::path(&made.path),
            "bytes": made.bytes,
            "n_points": made.n_points,
            "of": made.of,
            "which": made.which,
            "warnings": made.warnings,
            "missing": made.missing,
        })
    });
    let ReportSummary { path, bytes, n_points, of, which, warnings, missing } = made;
    for warning in warnings.iter().chain(&missing) {
        say(&format!("warning: {warning}"));
    }
    let shown = if n_points == of {
        format!("{n_points} points")
    } else {
        format!("{n_points} of {of} points: {which}")
    };
    let size = bytes as f64 / f64::from(1 << 20);
    print(&format!("{shown}, {size:.1} MiB\nopen {}\n", path.display()));
    if args.open {
        open(&path);
    }
    Ok(())
}

/// Hands the page to the system's browser; that there is none is no reason to fail.
fn open(path: &Path) {
    let (program, first): (&str, &[&str]) = match () {
        () if cfg!(target_os = "macos") => ("open", &[]),
        () if cfg!(windows) => ("cmd", &["/C", "start", ""]),
        () => ("xdg-open", &[]),
    };
    let mut command = Command::new(program);
    let started = command
        .args(first)
        .arg(path)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    // The browser itself may be what was started: it is not waited for longer than a failure takes
    // to show.
    let outcome = started.and_then(|mut child| {
        std::thread::sleep(Duration::from_millis(500));
        child.try_wait()
    });
    let problem = match outcome {
        Ok(Some(status)) if !status.success() => status.to_string(),
        Ok(_) => return,
        Err(error) => error.to_string(),
    };
    say(&format!("warning: the page was not opened: {program}: {problem}"));
}
