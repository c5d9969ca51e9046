//! Finds clusters of digits, in all dimensions and in a map, and compares them with the classes.
//!
//!     cargo run --release --no-default-features --example cluster

use layerlens::clustering::{
    Hdbscan, KMeans, NOISE, adjusted_rand_score, n_clusters, silhouette_score,
};
use layerlens::dataset::Dataset;
use layerlens::progress::Silent;
use layerlens::{Device, Result, Umap};

fn main() -> Result<()> {
    let device = Device::cpu();
    let digits = Dataset::load("digits", None)?.train;
    let x = digits.images.features();
    let classes: Vec<i32> = digits.labels.iter().map(|&label| label.into()).collect();

    // A given number of clusters, in all 64 dimensions.
    let k_means = KMeans { n_clusters: 10.into(), ..KMeans::default() };
    let found = k_means.fit(&device, &x, &Silent)?;
    println!("k-means: inertia {:.0} after {} iterations", found.inertia, found.n_iter);
    println!("  agreement with the classes {:.3}", adjusted_rand_score(&classes, &found.labels)?);
    println!("  silhouette {:.3}", silhouette_score(&device, &x, &found.labels, &Silent)?);

    // As many as the density shows. Points that lie close together are a map's strength.
    let map = Umap { min_dist: 0.0, ..Umap::default() }.fit(&device, &x)?;
    let labels = Hdbscan { min_cluster_size: 30, ..Hdbscan::default() }.fit(map.embedding())?;
    let n_noise = labels.iter().filter(|&&label| label == NOISE).count();
    println!("HDBSCAN in a UMAP map: {} clusters, {n_noise} points of noise", n_clusters(&labels));
    println!("  agreement with the classes {:.3}", adjusted_rand_score(&classes, &labels)?);
    Ok(())
}
