use layerlens::compute::*;
use layerlens::matrix::Matrix;
use layerlens::neighbors::*;
use layerlens::progress::Silent;
use std::time::Instant;
fn main() {
    let a: Vec<usize> = std::env::args().skip(1).map(|v| v.parse().unwrap()).collect();
    let (n, d, k) = (a[0], a[1], a[2]);
    let r = layerlens::random::Random::new(1, 2);
    let x = Matrix::new((0..n * d).map(|i| r.uniform(i as u64)).collect(), n, d).unwrap();
    let cpu = Device::cpu();
    let t = Instant::now();
    let g = nearest_neighbors(&cpu, &x, k, &Silent).unwrap();
    println!("cpu {:?}", t.elapsed());
    if a.len() > 3 {
        let gpu = Device::gpu(&GpuOptions { poison: true, ..GpuOptions::from_env() }).unwrap();
        println!("{gpu:?}");
        let t = Instant::now();
        let h = nearest_neighbors(&gpu, &x, k, &Silent).unwrap();
        println!("gpu {:?}", t.elapsed());
        let bad = g.indices().iter().zip(h.indices()).filter(|(a, b)| a != b).count();
        println!("{bad} differ of {}", g.indices().len());
    }
}
