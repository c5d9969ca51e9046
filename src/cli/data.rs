//! `layerlens data`: what data hold, other layouts for them, and fetching them.

use super::data_args::ReadingArgs;
use super::naming::{Elsewhere, spoken};
use super::{Global, json, print, say};
use anyhow::{Context, Result};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use layerlens::Error;
use layerlens::dataset::{
    self, DATASETS, Dataset, FORMATS, Fetch, Fetched, Format, Location, label_group_names,
};
use layerlens::progress::Reporter;
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Commands of `data`.
#[derive(Debug, Subcommand)]
pub enum DataCommand {
    /// Say what data hold: images, classes, files
    Info(InfoArgs),
    /// Write data in another layout
    Convert(ConvertArgs),
    /// Fetch the files of a known data set
    Fetch(FetchArgs),
    /// List the known data sets, and where their files are
    List(ListArgs),
}

/// Options of `data info`.
#[derive(Clone, Debug, Args)]
pub struct InfoArgs {
    /// Name of a known data set, or path of a folder or .npz file
    #[arg(value_name = "DATASET")]
    dataset: String,
    #[command(flatten)]
    reading: ReadingArgs,
}

/// Data to convert, and into what.
#[derive(Clone, Debug, Args)]
pub struct ConvertArgs {
    /// Name of a known data set, or path of a folder or .npz file
    #[arg(value_name = "DATASET")]
    dataset: String,
    /// Where it goes: a folder, or a file called *.npz
    #[arg(value_name = "TARGET")]
    target: PathBuf,
    /// Format to write [default: npz for a target of that name]
    #[arg(long, value_parser = written_format())]
    format: Option<&'static Format>,
    /// Compress what is written: .gz files, or the arrays in a .npz file
    #[arg(long)]
    gzip: bool,
    #[command(flatten)]
    reading: ReadingArgs,
    /// Replace what is there
    #[arg(long, help_heading = "Output")]
    force: bool,
}

/// Options of `data fetch`.
#[derive(Clone, Debug, Args)]
pub struct FetchArgs {
    /// Name of a known data set
    #[arg(value_name = "DATASET")]
    dataset: String,
    /// Folder for data sets, each in a subfolder of its name [default: LAYERLENS_DATA_DIR, the XDG
    /// data folder]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Web folder with the .gz files, or the archive, to take instead of the known ones
    #[arg(long, value_name = "URL")]
    mirror: Option<String>,
    /// Seconds that a server may be silent
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
    /// Replace what is there
    #[arg(long, help_heading = "Output")]
    force: bool,
}

/// Options of `data list`.
#[derive(Clone, Debug, Args)]
pub struct ListArgs {
    /// Folder to look in [default: LAYERLENS_DATA_DIR, the XDG data folder, /usr/share/datasets]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

/// Does what was asked for.
pub fn data(global: &Global, command: &DataCommand) -> Result<()> {
    match command {
        DataCommand::Info(args) => info(args),
        DataCommand::Convert(args) => convert(global, args),
        DataCommand::Fetch(args) => fetch(global, args),
        DataCommand::List(args) => list(args),
    }
}

fn info(args: &InfoArgs) -> Result<()> {
    let data = Dataset::open(&args.reading.request(&args.dataset))?;
    json::keep(|| facts(&data));
    print(&described(&data)?);
    Ok(())
}

/// The same facts as [`described`].
fn facts(data: &Dataset) -> Value {
    let images = &data.train.images;
    let count = |labels: &[u16], class: usize| {
        labels.iter().filter(|&&label| usize::from(label) == class).count()
    };
    let classes = data.class_names.iter().enumerate().map(|(class, name)| {
        let names = data.original.as_ref().map(|original| {
            let members = original.members(class).into_iter();
            members.map(|member| original.class_names[member].clone()).collect::<Vec<_>>()
        });
        json!({
            "name": name,
            "n_train": count(&data.train.labels, class),
            "n_test": count(&data.test.labels, class),
            "holds": names,
        })
    });
    json!({
        "name": data.name,
        "n_train": data.train.len(),
        "n_test": data.test.len(),
        "height": images.height(),
        "width": images.width(),
        "channels": images.channels(),
        "classes": classes.collect::<Vec<_>>(),
        "sources": data.sources,
        "warnings": data.warnings,
    })
}

/// Sizes, classes, files and what one should know, in lines.
fn described(data: &Dataset) -> Result<String> {
    let images = &data.train.images;
    let mut text = String::new();
    writeln!(
        text,
        "{}: {} training and {} test images of {}, {} classes\n",
        data.name,
        data.train.len(),
        data.test.len(),
        images.size_text(),
        data.class_names.len()
    )?;
    let width = data.class_names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(5);
    writeln!(
        text,
        "label  {:<width$}  {:>8}  {:>8}{}",
        "class",
        "train",
        "test",
        if data.original.is_some() { "  holds" } else { "" }
    )?;
    let count = |labels: &[u16], class: usize| {
        labels.iter().filter(|&&label| usize::from(label) == class).count()
    };
    for (class, name) in data.class_names.iter().enumerate() {
        let (train, test) = (count(&data.train.labels, class), count(&data.test.labels, class));
        let members = data.original.as_ref().map_or(String::new(), |original| {
            let names: Vec<_> = original
                .members(class)
                .into_iter()
                .map(|member| original.class_names[member].as_str())
                .collect();
            format!("  {}", names.join(", "))
        });
        writeln!(text, "{class:>5}  {name:<width$}  {train:>8}  {test:>8}{members}")?;
    }
    writeln!(text)?;
    for source in &data.sources {
        let known = if source.verified { "  known" } else { "" };
        writeln!(text, "{}  {:>11}  {}{known}", source.sha256, source.bytes, source.name)?;
    }
    for warning in &data.warnings {
        writeln!(text, "note: {}", spoken(warning))?;
    }
    Ok(text)
}

/// The formats that can be written, each with what that is.
fn written_format() -> impl TypedValueParser<Value = &'static Format> {
    let value = |format: &&'static Format| {
        format.written().map(|summary| PossibleValue::new(format.name).help(summary))
    };
    PossibleValuesParser::new(FORMATS.iter().filter_map(value))
        .map(|name| Format::named(&name).expect("one of the names"))
}

/// The format that is meant: the one that is asked for, or else the one that the target's name
/// ends with.
fn format_of(asked: Option<&'static Format>, target: &Path) -> Result<&'static Format, Error> {
    let ends_with =
        |ending: &str| target.extension().is_some_and(|found| found.eq_ignore_ascii_case(ending));
    if let Some(format) = asked {
        return match format.written_ending() {
            Some(ending) if !ends_with(ending) => Err(Error::parameter(
                "target",
                target.display(),
                format!("a file called *.{ending}, as --format {} writes one", format.name),
            )),
            _ => Ok(format),
        };
    }
    let is_named = |format: &&&Format| format.written_ending().is_some_and(ends_with);
    if let Some(format) = FORMATS.iter().find(is_named) {
        return Ok(format);
    }
    let written = || FORMATS.iter().filter(|format| format.written().is_some());
    let names: Vec<&str> = written().map(|format| format.name).collect();
    let endings: Vec<String> = written()
        .filter_map(|format| format.written_ending())
        .map(|ending| format!("*.{ending}"))
        .collect();
    let (last, others) = names.split_last().expect("formats that are written");
    let expected =
        format!("{} or {last}; only {} says it itself", others.join(", "), endings.join(", "));
    Err(Error::parameter("format", "none", expected))
}

fn convert(global: &Global, args: &ConvertArgs) -> Result<()> {
    let format = format_of(args.format, &args.target)?;
    let data = Dataset::open(&args.reading.request(&args.dataset))?;
    let terminal = global.terminal();
    let observer = terminal.stage("convert");
    let written =
        dataset::convert(&data, &args.target, format, args.gzip, args.force, observer.as_ref());
    drop(observer);
    let written = written.context(Elsewhere("another TARGET"))?;
    for warning in &data.warnings {
        say(&format!("note: {warning}"));
    }
    json::keep(|| {
        json!({
            "n_train": data.train.len(),
            "n_test": data.test.len(),
            "written": written.iter().map(|path| json::path(path)).collect::<Vec<_>>(),
            "warnings": data.warnings,
        })
    });
    let list: String = written.iter().map(|path| format!("  {}\n", path.display())).collect();
    print(&format!(
        "{} training and {} test images written:\n{list}",
        data.train.len(),
        data.test.len()
    ));
    Ok(())
}

fn fetch(global: &Global, args: &FetchArgs) -> Result<()> {
    let job = Fetch {
        dataset: args.dataset.clone(),
        data_dir: args.data_dir.clone(),
        mirror: args.mirror.clone(),
        timeout: Duration::from_secs(args.timeout),
        force: args.force,
    };
    let Fetched { folder, fetched } = dataset::fetch(&job, &global.terminal())?;
    json::keep(
        || json!({ "dataset": args.dataset, "folder": json::path(&folder), "fetched": fetched }),
    );
    let what = if fetched.is_empty() { "was there already" } else { "fetched and verified" };
    print(&format!("{}: {what}, in {}\n", args.dataset, folder.display()));
    Ok(())
}

fn list(args: &ListArgs) -> Result<()> {
    let mut text = String::new();
    let mut datasets = Vec::new();
    for entry in DATASETS {
        let location = entry.locate(args.data_dir.as_deref());
        let (state, folder) = match &location {
            Location::Embedded => ("embedded", None),
            Location::Folder(folder) => ("complete", Some(folder)),
            Location::Incomplete(folder, _) => ("incomplete", Some(folder)),
            Location::Missing(folder) => ("missing", folder.as_ref()),
        };
        datasets.push(json!({
            "name": entry.name, "summary": entry.summary, "state": state,
            "folder": folder.map(|folder| json::path(folder)),
        }));
        let location = match location {
            Location::Embedded => "embedded in the program".into(),
            Location::Folder(folder) => format!("in {}", folder.display()),
            Location::Incomplete(folder, missing) => {
                format!("incomplete in {}: lacks {}", folder.display(), missing.join(", "))
            }
            Location::Missing(folder) => {
                let folder = folder
                    .map_or(String::new(), |folder| format!(" puts it into {}", folder.display()));
                format!("not here; layerlens data fetch {}{folder}", entry.name)
            }
        };
        writeln!(text, "{}\n  {}\n  {location}", entry.name, entry.summary)?;
    }
    json::keep(|| json!({ "datasets": datasets, "label_groups": label_group_names() }));
    writeln!(text, "\nlabel groups: {}", label_group_names().join(", "))?;
    print(&text);
    Ok(())
}
