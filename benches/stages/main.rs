//! The stages of a run, CPU against GPU: `cargo bench [-- STAGE] [N ...]`, where STAGE is `spaces`
//! (neighbours, principal components, every method's layout, placing new points; as `layerlens
//! bench`) or `training`, and each N a further number of points. Every time is the median of
//! repeats after one that is not counted; upload and read-back are in it.

mod support;
mod training;

use layerlens::benchmark::{Benchmark, Timing, all_methods};
use layerlens::progress::Silent;

fn main() {
    let words: Vec<String> =
        std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let extra = words.iter().filter_map(|word| word.parse().ok());
    let sizes: Vec<usize> = [1000, 3000].into_iter().chain(extra).collect();
    let stages: Vec<&String> = words.iter().filter(|word| word.parse::<usize>().is_err()).collect();
    let wanted = |stage: &str| stages.is_empty() || stages.iter().any(|word| *word == stage);
    let devices = support::devices();
    if wanted("spaces") {
        let methods = all_methods().expect("a sound registry");
        let benchmark = Benchmark {
            sizes,
            features: vec![64, 784],
            methods,
            repeats: 3,
            profile: false,
            seed: 42,
        };
        for device in &devices {
            let name = device.describe(String::new()).name;
            benchmark
                .run(device, &name, &Silent, &|timing, _| println!("{}", line(timing)))
                .expect("timings");
        }
    }
    if wanted("training") {
        training::run(&devices);
    }
}

fn line(timing: &Timing) -> String {
    let Timing { stage, device, n, d, seconds, repeats, .. } = timing;
    let width = if *d == 0 { String::new() } else { format!(" x {d}") };
    format!(
        "{:<44} {device} {seconds:>9.4} s  (median of {repeats})",
        format!("{stage}, {n}{width}")
    )
}
