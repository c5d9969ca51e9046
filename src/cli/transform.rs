//! `layerlens transform`: new points in a map that was fitted before.

use super::naming::Elsewhere;
use super::{Global, print, say};
use anyhow::{Context, Result};
use clap::Args;
use layerlens::Error;
use layerlens::dataset::npy;
use layerlens::embedding::SavedMap;
use layerlens::neighbors::Search;
use layerlens::progress::Reporter;
use std::path::PathBuf;

/// The points to place, and the map to place them in.
#[derive(Clone, Debug, Args)]
pub struct TransformArgs {
    /// The map: map.safetensors of `embed`, or a file in maps/ of `run`
    #[arg(value_name = "MAP")]
    map: PathBuf,
    /// Points to place: a .npy matrix with the features of the fitted points
    #[arg(long, value_name = "FILE")]
    new: PathBuf,
    /// The points that the map was fitted to; a map of PCA needs none
    #[arg(long, value_name = "FILE")]
    train: Option<PathBuf>,
    /// File for the coordinates of the points: a .npy matrix
    #[arg(long, value_name = "FILE", default_value = "places.npy")]
    places: PathBuf,
    /// Replace a file that is there
    #[arg(long, help_heading = "Output")]
    force: bool,
}

/// Places the points and writes their coordinates.
pub fn transform(global: &Global, args: &TransformArgs) -> Result<()> {
    let saved = SavedMap::load(&args.map)?;
    if saved.needs_the_fitted_points() && args.train.is_none() {
        let expected = "the .npy file of the points that this map was fitted to: the new points are placed by them";
        return Err(Error::parameter("train", "none", expected).into());
    }
    let new = npy::read_matrix_less(&args.new, saved.offsets())?;
    if new.n_features() != saved.n_features() {
        let (found, expected) = (new.n_features(), saved.n_features());
        return Err(Error::input(
            &args.new,
            format!("has {found} columns, the points of the map have {expected}"),
        )
        .into());
    }
    let train = args
        .train
        .as_ref()
        .map(|train| npy::read_matrix_less(train, saved.offsets()))
        .transpose()?;
    if let (Some(path), Some(train)) = (&args.train, &train) {
        saved.check_points(train).map_err(|error| Error::input(path, error.to_string()))?;
    }
    if let Some(train) = &train {
        let search = Search { metric: saved.fitted().metric(), ..Search::default() };
        search
            .check(&new, Some(train))
            .map_err(|error| Error::input(&args.new, error.to_string()))?;
    }
    if args.places.exists() && !args.force {
        return Err(Error::Exists(args.places.clone())).context(Elsewhere("other --places"));
    }
    if let Some(note) = new.offsets_note("the points") {
        say(&format!("note: {note}"));
    }
    let terminal = global.terminal();
    let embedding = global.compute(|device| {
        let observer = terminal.stage("placing new points");
        saved
            .transform(device, train.as_ref(), &new, observer.as_ref())
            .map_err(|error| error.of_file(&args.new))
    })?;
    npy::write_matrix(&args.places, &embedding)?;
    let (n, c) = (embedding.n_samples(), embedding.n_features());
    print(&format!("{n} points placed in {c} dimensions: {}\n", args.places.display()));
    Ok(())
}
