//! The stages of a run, CPU against GPU: `cargo bench [-- STAGE] [N ...]`, where STAGE is `neighbors`, `embedding` or `training`
//! and each N a further number of images. Every time is the median of repeats after one that is not counted; upload and
//! read-back are in it.

mod embedding;
mod neighbors;
mod support;
mod training;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let extra = words.iter().filter_map(|word| word.parse().ok());
    let sizes: Vec<usize> = [1000, 3000].into_iter().chain(extra).collect();
    let stages: Vec<&String> = words.iter().filter(|word| word.parse::<usize>().is_err()).collect();
    let wanted = |stage: &str| stages.is_empty() || stages.iter().any(|word| *word == stage);
    let devices = support::devices();
    if wanted("neighbors") {
        neighbors::run(&devices, &sizes);
    }
    if wanted("embedding") {
        embedding::run(&devices, &sizes);
    }
    if wanted("training") {
        training::run(&devices);
    }
}
