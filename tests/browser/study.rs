//! The report that most tests look at: a whole run on a small data set, with an embedding of every
//! epoch, and what is known of its points without the page.

use crate::page::{Opening, Page};
use crate::program::{N_TEST, Place, small_images, write_images};
use layerlens::dataset::npy;
use layerlens::matrix::Matrix;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Both ways to draw.
pub const RENDERERS: [&str; 2] = ["canvas", "webgl"];
/// Spaces of the report, in its order, and their titles in the notes that the page lacks something.
pub const SPACES: [&str; 3] = ["raw", "layer_1", "layer_2"];
/// Methods of the report.
pub const METHODS: [&str; 2] = ["pca", "tsne"];
/// Epochs trained.
pub const EPOCHS: usize = 3;
/// Switches are immediate.
pub const STILL: [(&str, &str); 1] = [("prefers-reduced-motion", "reduce")];

/// The run, whose points are the test images.
pub struct Study {
    /// Of everything.
    pub place: PathBuf,
    pub page: PathBuf,
    pub classes: Vec<String>,
    pub labels: Vec<usize>,
    pub predictions: Vec<usize>,
}

/// Made once for all tests.
pub fn study() -> &'static Study {
    static MADE: OnceLock<Study> = OnceLock::new();
    MADE.get_or_init(|| {
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser");
        let _ = std::fs::remove_dir_all(&place);
        write_images(&place.join("data"), small_images());
        let (data, out) = (place.join("data"), place.join("out"));
        let methods = METHODS.join(",");
        Place::new().succeed(&format!(
            "run --dataset fashion-mnist --data-dir {} --hidden 32,16 --epochs {EPOCHS} --methods {methods} --max-iter 350 \
             --epochs-to-embed all --device cpu --out {}",
            data.display(),
            out.display()
        ));
        let softmax = npy::read_matrix(out.join("activations/softmax_test.npy")).unwrap();
        // The first of the largest.
        let best = |row: &[f32]| (0..row.len()).rev().max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap();
        let names = std::fs::read_to_string(out.join("activations/class_names.txt")).unwrap();
        Study {
            page: out.join("report.html"),
            place,
            classes: names.lines().map(str::to_owned).collect(),
            labels: small_images()[1].labels.iter().map(|&label| label.into()).collect(),
            predictions: softmax.rows().map(best).collect(),
        }
    })
}

/// A page of the study, and the study; none without a browser. Its switches are immediate.
#[track_caller]
pub fn opened(suffix: &str) -> Option<(Page, &'static Study)> {
    let opening = Opening::usual(suffix)?;
    Some((Opening { media: &STILL, ..opening }.open(&study().page), study()))
}

impl Study {
    pub fn out(&self) -> PathBuf {
        self.place.join("out")
    }

    pub fn is_wrong(&self, row: usize) -> bool {
        self.labels[row] != self.predictions[row]
    }

    pub fn of_class(&self, class: usize) -> Vec<usize> {
        (0..N_TEST).filter(|&row| self.labels[row] == class).collect()
    }

    /// The pixels of a point's image.
    pub fn image(&self, row: usize) -> &'static [u8] {
        small_images()[1].images.image(row)
    }

    pub fn space(&self, space: &str) -> Matrix {
        npy::read_matrix(self.out().join(format!("activations/{space}_test.npy"))).unwrap()
    }

    pub fn map(&self, space: &str, method: &str) -> Matrix {
        npy::read_matrix(self.out().join(format!("embeddings/{method}_{space}_test.npy"))).unwrap()
    }

    /// The nearest other points of a point in a space, nearest first, by brute force in double
    /// precision.
    pub fn neighbors(&self, space: &str, row: usize, k: usize) -> Vec<usize> {
        let points = self.space(space);
        let squared = |other: usize| {
            let pairs = points.row(row).iter().zip(points.row(other));
            pairs.map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum::<f64>()
        };
        let mut others: Vec<usize> = (0..N_TEST).filter(|&other| other != row).collect();
        others.sort_by(|&a, &b| squared(a).total_cmp(&squared(b)));
        others.truncate(k);
        others
    }
}

/// The name of a point in the page.
pub fn id(row: usize) -> String {
    format!("test:{row}")
}
