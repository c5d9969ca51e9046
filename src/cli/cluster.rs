//! `layerlens cluster`: the clusters of any matrix.

use super::cluster_flags::{ClusterFlags, cluster_names};
use super::labels::LabelArgs;
use super::output::Output;
use super::shown_args::read_images;
use super::{Global, json, print, say, stem};
use anyhow::Result;
use clap::Args;
use layerlens::Error;
use layerlens::dataset::{Colour, Source, npy};
use layerlens::matrix::Matrix;
use layerlens::range;
use layerlens::report::cluster_table;
use layerlens::run::{self, Cluster, ClusterSummary};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Options of `cluster`.
#[derive(Clone, Debug, Args)]
pub struct ClusterArgs {
    /// Points: a .npy matrix, n_samples x n_features
    #[arg(value_name = "FILE")]
    input: PathBuf,
    /// Their classes, numbers or names: .npy, or .csv, .tsv or .txt with one a line or in one of
    /// its columns
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    #[command(flatten)]
    reading: LabelArgs,
    /// A map to draw the clusters in: .npy, n_samples x 2; may be given more than once [default:
    /// two principal components]
    #[arg(long = "map", value_name = "FILE")]
    maps: Vec<PathBuf>,
    /// The points as images, for a gallery of the clusters: a folder of .png and .jpg files, which
    /// in natural order are the rows; an IDX file, plain or .gz; or .npy, n x height x width (x 3)
    #[arg(long, value_name = "DIR|FILE")]
    images: Option<PathBuf>,
    /// Methods, with commas between
    #[arg(long, value_parser = cluster_names(), value_delimiter = ',', default_value = "k-means")]
    method: Vec<String>,
    #[command(flatten)]
    flags: ClusterFlags,
    #[command(flatten)]
    output: Output,
}

/// A map with its file's name as its title.
fn read_map(path: &Path, points: (&Path, &Matrix)) -> Result<(String, Matrix), Error> {
    let map = npy::read_matrix(path)?;
    let (rows, columns, n) = (map.n_samples(), map.n_features(), points.1.n_samples());
    if rows != n {
        return Err(Error::input(
            path,
            format!("has {rows} rows, {} has {n}: each point has one row", points.0.display()),
        ));
    }
    if columns != 2 {
        return Err(Error::input(path, format!("has {columns} columns, a map has 2")));
    }
    Ok((stem(path), map))
}

/// Finds clusters, prints what they are, and says where everything is.
pub fn cluster(global: &Global, args: &ClusterArgs) -> Result<()> {
    let methods = args.flags.methods(&args.method, global.seed)?;
    let x = npy::read_matrix(&args.input)?;
    range::check(&x).map_err(|error| Error::input(&args.input, error.to_string()))?;
    let points = (args.input.as_path(), &x);
    let mut read = args.reading.read(&[(&args.input, x.n_samples(), args.labels.as_deref())])?;
    let maps = args.maps.iter().map(|path| read_map(path, points)).collect::<Result<_, _>>()?;
    let of_points = (points.0, x.n_samples());
    let images = args.images.as_ref().map(|path| read_images(path, Colour::default(), of_points));
    let images = images.transpose()?;
    let (images, note) = images.map_or((None, None), |(images, note)| (Some(images), note));
    read.warnings.extend(note);
    let image_file = args.images.as_ref().filter(|path| path.is_file());
    let files = [Some(&args.input), args.labels.as_ref(), image_file]
        .into_iter()
        .flatten()
        .chain(&args.maps);
    let job = Cluster {
        title: stem(&args.input),
        maps,
        images,
        methods,
        inputs: files
            .map(PathBuf::as_path)
            .chain(args.reading.files())
            .map(Source::of_file)
            .collect::<Result<_, _>>()?,
        x,
        labels: read.labels.remove(0),
        class_names: read.class_names,
        warnings: read.warnings,
        to: args.output.destination(),
        seed: global.seed,
    };
    let (device, description) = global.open()?;
    let ClusterSummary { path, found, warnings } =
        run::cluster(&job, &device, &description, &global.terminal())
            .map_err(|error| error.of_file(&args.input))?;
    json::keep(|| {
        json!({
            "path": json::path(&path),
            "class_names": job.class_names,
            "clusters": json::written(&found),
            "warnings": warnings,
        })
    });
    for warning in &warnings {
        say(&format!("warning: {warning}"));
    }
    let tables: Vec<String> = found.iter().map(cluster_table::text).collect();
    let path = path.display();
    print(&format!(
        "\n{}\nwritten to {path}:\n  clusters/     the cluster of every point (.npy, .csv), \
         agreement, contingency (.csv)\n  figures/      maps by cluster and by class, contingency, \
         k-distance, galleries (.png and .svg)\n  manifest.json configuration, device, times, \
         results\n",
        tables.join("\n"),
    ));
    Ok(())
}
