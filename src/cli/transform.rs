//! `layerlens transform`: new points in a map that was fitted before.

use super::naming::{Elsewhere, value};
use super::{Global, json, print};
use anyhow::Result;
use clap::Args;
use layerlens::Error;
use layerlens::run::{self, Shard, Transform};
use serde_json::json;
use std::cell::Cell;
use std::path::PathBuf;

/// The points to place, and the map to place them in.
#[derive(Clone, Debug, Args)]
pub struct TransformArgs {
    /// The map: the folder of `embed` or the map.safetensors in it, or a file in maps/ of `run`
    #[arg(value_name = "MAP")]
    map: PathBuf,
    /// Points to place, with the features of the fitted points: a .npy, .npz or .parquet file, or a
    /// folder of such files; read a few rows at a time
    #[arg(long, value_name = "FILE|DIR")]
    new: PathBuf,
    /// The points that the map was fitted to: a .npy matrix; a map of PCA needs none, and a folder
    /// of `embed --fit-sample` holds them
    #[arg(long, value_name = "FILE")]
    train: Option<PathBuf>,
    /// File for the coordinates of the points: a .npy matrix; for a folder of points a folder of
    /// them, a file each
    #[arg(long, value_name = "FILE|DIR", default_value = "places.npy")]
    places: PathBuf,
    /// Place one of N equal parts: so many rows of a file, so many files of a folder; the parts make
    /// up the bytes of one run
    #[arg(long, value_name = "I/N", default_value = "1/1", value_parser = value::<Shard>)]
    shard: Shard,
    /// Replace a file that is there
    #[arg(long, help_heading = "Output")]
    force: bool,
    /// Go on where an earlier run of the same map and points has ended
    #[arg(long, help_heading = "Output", conflicts_with = "force")]
    resume: bool,
}

/// Places the points and writes their coordinates.
pub fn transform(global: &Global, args: &TransformArgs) -> Result<()> {
    let job = Transform {
        map: args.map.clone(),
        train: args.train.clone(),
        new: args.new.clone(),
        places: args.places.clone(),
        shard: args.shard,
        force: args.force,
        resume: args.resume,
    };
    let terminal = global.terminal();
    // What a GPU has placed before it failed is placed again, so that one device places all. The
    // first attempt has refused files of others by then.
    let is_again = Cell::new(false);
    let placed = global.compute(|device| {
        let again = is_again.replace(true);
        let force = job.force || again;
        let job = Transform { force, resume: job.resume && !again, ..job.clone() };
        run::transform(&job, device, &terminal)
    });
    let summary = placed.map_err(|error| match error.downcast_ref() {
        Some(Error::Exists(_)) => error.context(Elsewhere("other --places, or --resume")),
        _ => error,
    })?;
    let file = |(path, n): &(PathBuf, usize)| json!({ "path": json::path(path), "n_points": n });
    json::keep(|| {
        json!({
            "files": summary.files.iter().map(file).collect::<Vec<_>>(),
            "n_components": summary.n_components,
            "n_resumed": summary.n_resumed,
        })
    });
    let n: usize = summary.files.iter().map(|(_, rows)| rows).sum();
    let before = match summary.n_resumed {
        0 => String::new(),
        rows => format!(", {rows} of them before"),
    };
    let to = match &summary.files[..] {
        [(file, _)] => file.display().to_string(),
        files => format!("{} files in {}", files.len(), args.places.display()),
    };
    let c = summary.n_components;
    print(&format!("{n} points placed in {c} dimensions{before}: {to}\n"));
    Ok(())
}
