use layerlens::compute::*;
use layerlens::embedding::*;
use layerlens::matrix::Matrix;
use layerlens::neighbors::*;
use layerlens::progress::Silent;
use std::time::Instant;
fn main() {
    let n: usize = std::env::args().nth(1).unwrap().parse().unwrap();
    let data = layerlens::dataset::Dataset::load(if n > 10000 { "fashion-mnist" } else { "fashion-mnist-sample" }, None).unwrap();
    let all = if n == 1000 { data.test.images.features() } else { data.train.images.features() };
    let x = if n == 1000 {
        layerlens::dataset::npy::read_matrix("/work/shared/reference/x_u8.npy").unwrap()
    } else {
        all.select(&(0..n).collect::<Vec<_>>())
    };
    let x = Matrix::new(x.as_slice().iter().map(|v| if n == 1000 { v / 255.0 } else { *v }).collect(), n, 784).unwrap();
    let gpu = std::env::args().nth(2).is_some();
    let device = if gpu {
        Device::gpu(&GpuOptions { poison: true, ..GpuOptions::from_env() }).unwrap()
    } else {
        Device::Cpu(Cpu { poison: true })
    };
    let t = Instant::now();
    let g = nearest_neighbors(&device, &x, 90, &Silent).unwrap();
    println!("knn {:?}", t.elapsed());
    if n == 1000 {
        let e = layerlens::dataset::npy::read_labels("/work/shared/reference/y.npy").unwrap();
        println!("{:?}", &e[..3]);
    }
    let t = Instant::now();
    let p = Pca::default().fit(&device, &x).unwrap();
    println!("pca {:?} {:?} {:?}", t.elapsed(), p.explained_variance(), p.embedding().row(0));
    let t = Instant::now();
    let f = Tsne::default().fit_space(&device, &Space { x: &x, neighbors: Some(&g), pca: None }, &Silent).unwrap();
    println!("tsne {:?} {:?}", t.elapsed(), f.divergences());
}
