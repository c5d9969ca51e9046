//! Frames per second of the page while it zooms: `cargo bench --bench viewer [-- N ...]`. The
//! program makes a page for every number of points, without images; Chromium draws it in a window
//! of 1280 x 800, WebGL on the CPU, both renderers in turn. A machine with a GPU that the browser
//! may use draws faster.

#[path = "../tests/browser/chromium.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod chromium;
#[path = "../tests/browser/page.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod page;

use layerlens::dataset::npy;
use layerlens::matrix::Matrix;
use layerlens::random::Random;
use page::Opening;
use std::path::{Path, PathBuf};
use std::process::Command;

const SIZES: [usize; 3] = [10_000, 70_000, 1_000_000];
const CLASSES: usize = 10;
/// How long each is zoomed.
const SECONDS: usize = 3;

fn main() {
    let sizes: Vec<usize> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let sizes = if sizes.is_empty() { SIZES.to_vec() } else { sizes };
    println!("{:>9}  {:>8}  {:>9}  {:>9}", "points", "renderer", "frames/s", "page, MiB");
    for n in sizes {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("viewer-{n}"));
        let file = make(&folder, n);
        let size = file.metadata().expect("the page").len() as f64 / f64::from(1 << 20);
        for renderer in ["canvas", "webgl"] {
            let Some(opening) =
                Opening::usual(&format!("?renderer={renderer}")).map(|opening| opening.open(&file))
            else {
                return;
            };
            let rate = opening
                .number(&format!("layerlens.benchmark(0, {SECONDS}).then(result => result.fps)"));
            println!("{n:>9}  {renderer:>8}  {rate:>9.1}  {size:>9.1}");
        }
    }
}

/// A page of `n` points in as many groups as classes.
fn make(folder: &Path, n: usize) -> PathBuf {
    std::fs::create_dir_all(folder).expect("a folder");
    let random = Random::new(7, 0);
    // Sums of four are near enough to the bells that maps show.
    let bell =
        |at: usize| (0..4).map(|part| random.uniform((4 * at + part) as u64)).sum::<f32>() - 2.0;
    let place = |at: usize| {
        let turn = (at / 2 % CLASSES) as f32 * std::f32::consts::TAU / CLASSES as f32;
        10.0 * if at.is_multiple_of(2) { turn.cos() } else { turn.sin() } + 2.0 * bell(at)
    };
    let points = Matrix::new((0..2 * n).map(place).collect(), n, 2).expect("finite");
    npy::write_matrix(folder.join("points.npy"), &points).expect("points");
    npy::write_labels(
        folder.join("labels.npy"),
        &(0..n).map(|row| (row % CLASSES) as u32).collect::<Vec<_>>(),
    )
    .expect("labels");
    let out = folder.join("page.html");
    let mut command = Command::new(env!("CARGO_BIN_EXE_layerlens"));
    command
        .args(["report", "--force", "--device", "cpu", "--embedding"])
        .arg(folder.join("points.npy"));
    let made = command
        .arg("--labels")
        .arg(folder.join("labels.npy"))
        .arg("--out")
        .arg(&out)
        .output()
        .expect("the program starts");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    out
}
