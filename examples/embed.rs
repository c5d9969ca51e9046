//! Embeds 1,000 handwritten digits by t-SNE, and measures how good the map is.
//!
//!     cargo run --release --no-default-features --example embed

use layerlens::compute::{Device, DeviceChoice, GpuOptions};
use layerlens::dataset::Dataset;
use layerlens::evaluation::{knn_accuracy, trustworthiness};
use layerlens::neighbors::nearest_neighbors;
use layerlens::progress::Silent;
use layerlens::{Result, Tsne};

fn main() -> Result<()> {
    // A real GPU if there is one, otherwise the CPU.
    let (device, description) = Device::open(DeviceChoice::Auto, &GpuOptions::default())?;
    println!("computed on {}", description.name);

    // Any matrix will do: `Matrix::new(values, n_samples, n_features)`. This one has 64 pixels a row.
    let digits = Dataset::load("digits", None)?.train;
    let x = digits.images.features();

    let fitted = Tsne { perplexity: 30.0.into(), ..Tsne::default() }.fit(&device, &x)?;
    let map = fitted.embedding();
    println!("{} points of {} features in a map", map.n_samples(), x.n_features());
    println!("KL divergence {:.3}", fitted.result("kl_divergence").unwrap_or(f64::NAN));

    // Are neighbours in the map neighbours in the data? And of the same class?
    let trust = trustworthiness(&device, &x, map, 5, &Silent)?;
    println!("trustworthiness {trust:.3}");
    let neighbors = nearest_neighbors(&device, map, 5, &Silent)?;
    let scores = knn_accuracy(&neighbors, &digits.labels, &digits.labels, &[5])?;
    println!("5-NN accuracy in the map {:.3}", scores[0].accuracy);

    println!("the first points:");
    for (row, label) in map.rows().zip(&digits.labels).take(3) {
        println!("  {:8.3} {:8.3}  digit {label}", row[0], row[1]);
    }
    Ok(())
}
