//! Fits of the embeddings with their neighbours at hand: CPU against GPU.

use crate::support;
use layerlens::compute::Device;
use layerlens::embedding::{Pca, Space, Tsne};
use layerlens::neighbors::nearest_neighbors;
use layerlens::progress::Silent;

pub fn run(devices: &[Device], sizes: &[usize]) {
    for device in devices {
        for &n in sizes {
            let x = support::images(n, 784);
            support::time(device, &format!("PCA of {n} x 784"), 3, |device| {
                Pca::default().fit(device, &x).expect("axes");
            });
            let neighbors = nearest_neighbors(device, &x, 90, &Silent).expect("neighbours");
            let space = Space { x: &x, neighbors: Some(&neighbors), pca: None };
            let tsne = Tsne { max_iter: 100, ..Tsne::default() };
            support::time(device, &format!("t-SNE of {n}, 100 iterations, exact repulsion"), 3, |device| {
                tsne.fit_space(device, &space, &Silent).expect("map");
            });
        }
    }
}
