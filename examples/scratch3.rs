use layerlens::compute::*;
use layerlens::dataset::*;
use layerlens::model::*;
use layerlens::progress::Silent;
use layerlens::training::*;
use std::time::Instant;
fn main() {
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 1 << 30);
        libc::mallopt(libc::M_TRIM_THRESHOLD, i32::MAX);
        libc::mallopt(libc::M_TOP_PAD, 64 << 20);
    }
    let a: Vec<String> = std::env::args().collect();
    let data = Dataset::load(&a[1], None).unwrap();
    let epochs: usize = a[2].parse().unwrap();
    let seed: u64 = a[3].parse().unwrap();
    let (t, v) = split(data.train.len(), seed);
    let (t, v) = (data.train.select(&t), data.train.select(&v));
    let device = if a.len() > 4 { Device::gpu(&GpuOptions::from_env()).unwrap() } else { Device::cpu() };
    let config = MlpConfig::new(784, 10);
    let now = Instant::now();
    let (w, h) = Training { epochs, random_state: seed, ..Default::default() }.train(&device, &config, &t, &v, &Silent).unwrap();
    println!("{:?} {h:?}", now.elapsed());
    println!("{:?}", evaluate(&device, &config, &w, &data.test).unwrap());
}
