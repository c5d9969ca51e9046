//! Fits a UMAP map, keeps it in a file, and places digits in it that it has never seen.
//!
//!     cargo run --release --no-default-features --example place_new_points

use layerlens::dataset::Dataset;
use layerlens::embedding::{SavedMap, save};
use layerlens::evaluation::knn_accuracy;
use layerlens::neighbors::nearest_references;
use layerlens::progress::Silent;
use layerlens::{Device, Result, Umap};

fn main() -> Result<()> {
    let device = Device::cpu();
    let digits = Dataset::load("digits", None)?;
    let x = digits.train.images.features();
    let new = digits.test.images.features();

    let fitted = Umap { n_neighbors: 15, ..Umap::default() }.fit(&device, &x)?;
    let path = std::env::temp_dir().join(format!("map_{}.safetensors", std::process::id()));
    save(&fitted, &x, &path)?;

    // Later, perhaps in another program: the file and the fitted points are all it takes.
    let map = SavedMap::load(&path)?;
    let placed = map.transform(&device, Some(&x), &new, &Silent)?;
    println!("{} new points in a map of {}", placed.n_samples(), x.n_samples());

    // A point is placed by itself: alone it lands where it lands among the others.
    let alone = map.transform(&device, Some(&x), &new.select(&[0]), &Silent)?;
    println!("alone in the same place: {}", alone.row(0) == placed.row(0));

    // The classes of the fitted points around a new one tell its own.
    let around = nearest_references(&device, &placed, fitted.embedding(), 5, &Silent)?;
    let scores = knn_accuracy(&around, &digits.train.labels, &digits.test.labels, &[5])?;
    println!("5-NN accuracy of the new points {:.3}", scores[0].accuracy);
    std::fs::remove_file(&path).map_err(|error| layerlens::Error::write(&path, error))
}
