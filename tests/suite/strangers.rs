//! Strangers against scikit-learn 1.9.1 on its digits: the first 1,000 as training points, the others
//! as test points, and these once more with rows and columns of pixels exchanged as strangers. X are
//! the pixels, B = max(left half - right half, 0) a second layer. The numbers are those that
//! `tests/fixtures/make_strangers.py` prints.

use crate::support::{Variant, cpu, gpu};
use layerlens::compute::Device;
use layerlens::dataset::{Dataset, Images};
use layerlens::error::Error;
use layerlens::evaluation::ScoredOn;
use layerlens::matrix::Matrix;
use layerlens::profile::{Detection, Noticed, Outcome, StrangerScores, Strangers};
use layerlens::progress::Silent;

/// Training points, test points and strangers of one layer.
struct Layer {
    train: Matrix,
    test: Matrix,
    strangers: Matrix,
}

/// X and B.
fn layers() -> [Layer; 2] {
    let data = Dataset::load("digits", None).unwrap();
    let turned = data.test.images.transposed();
    let pixels = |images: &Images| -> Vec<f32> {
        images
            .pixels()
            .iter()
            .map(|&pixel| f32::from((u16::from(pixel) * 16 + 127) / 255))
            .collect()
    };
    let parts = [&data.train.images, &data.test.images, &turned].map(pixels);
    let of = |values: &[f32], d: usize| Matrix::new(values.to_vec(), values.len() / d, d).unwrap();
    let halves = |pixels: &Vec<f32>| {
        let rows = pixels.chunks_exact(64);
        let half = |row: &[f32]| (0..32).map(|at| (row[at] - row[at + 32]).max(0.0)).collect();
        of(&rows.map(half).collect::<Vec<Vec<f32>>>().concat(), 32)
    };
    let layer = |[train, test, strangers]: [Matrix; 3]| Layer { train, test, strangers };
    [layer(parts.each_ref().map(|values| of(values, 64))), layer(parts.each_ref().map(halves))]
}

fn devices() -> Vec<Device> {
    std::iter::once(cpu()).chain(gpu(Variant::Adapter)).collect()
}

#[track_caller]
fn close(what: &str, found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-6, "{what}: {found} instead of {expected}");
}

#[track_caller]
fn detects(what: &str, found: Detection, auroc: f64, fpr95: f64) {
    close(&format!("AUROC of {what}"), found.auroc, auroc);
    close(&format!("FPR of {what}"), found.fpr95, fpr95);
}

#[test]
fn areas_and_rates_are_those_of_scikit_learn_with_ties_and_without() {
    let of = |known: &[f64], strangers: &[f64]| Detection::of(known, strangers).unwrap();
    let known = [0.1, 0.4, 0.4, 0.8, 0.2, 0.4, 0.9, 0.3];
    detects("ties", of(&known, &[0.4, 0.8, 0.95, 0.4, 0.7]), 0.7375, 0.625);
    // Closed forms: all above, all below, all equal.
    detects("strangers above", of(&[1.0, 2.0], &[3.0, 4.0, 5.0]), 1.0, 0.0);
    detects("strangers below", of(&[3.0, 4.0], &[1.0, 2.0]), 0.0, 1.0);
    detects("equals", of(&[1.0; 4], &[1.0; 3]), 0.5, 1.0);
    // 19 of 20 strangers are 95 %: the threshold is the second smallest, which counts itself.
    let twenty: Vec<f64> = (1..=20).map(f64::from).collect();
    let found = of(&[0.5, 1.0, 1.5, 2.0, 10.0], &twenty);
    // Of 100 pairs the strangers win 20 + 19.5 + 19 + 18.5 + 10.5.
    detects("twenty strangers", found, 0.875, 0.4);
    // Of 21 strangers 20 are needed.
    let many: Vec<f64> = (0..=20).map(f64::from).collect();
    close("FPR of 21", of(&[0.5, 1.0, 1.5, 2.0, 10.0], &many).fpr95, 0.8);
    for (known, strangers) in [(&[][..], &[1.0][..]), (&[1.0], &[])] {
        assert!(matches!(Detection::of(known, strangers), Err(Error::Data(_))));
    }
}

#[test]
fn layers_notice_strangers_as_scikit_learn_does_on_every_device() {
    let [x, b] = layers();
    let first: Vec<usize> = (0..20).collect();
    for device in devices() {
        let of = |train: &Matrix, test: Option<&Matrix>, strangers: &Matrix| {
            StrangerScores::of(&device, train, test, strangers, &Silent).unwrap()
        };
        let found = of(&x.train, Some(&x.test), &x.strangers);
        assert_eq!((found.n_neighbors, found.known.len(), found.strangers.len()), (50, 797, 797));
        detects("X", found.detection().unwrap(), 0.999_995_277_145, 0.0);
        let scores = [1.078_454_3, 0.832_165_36, 0.981_241_81];
        for (found, expected) in found.strangers.iter().zip(scores) {
            close("a score in X", f64::from(*found), expected);
        }
        let found = of(&b.train, Some(&b.test), &b.strangers);
        detects("B", found.detection().unwrap(), 0.950_712_285_248, 0.190_715_181_932);
        // The shares of the test points that are farther, by their definition.
        for (at, share) in found.shares_farther().into_iter().enumerate().step_by(100) {
            let farther = found.known.iter().filter(|&&known| known > found.strangers[at]);
            close("share", share, farther.count() as f64 / 797.0);
        }
        // Twenty training points have no fiftieth.
        let found = of(&x.train.select(&first), Some(&x.test), &x.strangers);
        assert_eq!(found.n_neighbors, 20);
        detects("20 rows", found.detection().unwrap(), 0.996_336_638_807, 0.025_094_102_886);
        // Without test points the training points, each left out.
        let found = of(&b.train, None, &b.strangers);
        assert_eq!(found.known.len(), 1000);
        detects("left out", found.detection().unwrap(), 0.956_989_962_359, 0.189);
    }
}

#[test]
fn rows_of_zeros_and_offsets_have_scores() {
    let [x, _] = layers();
    let zeros = |of: &Matrix| {
        let mut values = of.as_slice()[..64 * 60].to_vec();
        values[64 * 3..64 * 4].fill(0.0);
        Matrix::new(values, 60, 64).unwrap()
    };
    let [train, test, strangers] = [&x.train, &x.test, &x.strangers].map(zeros);
    for device in devices() {
        for test in [Some(&test), None] {
            let found = StrangerScores::of(&device, &train, test, &strangers, &Silent).unwrap();
            let mut all = found.known.iter().chain(&found.strangers);
            assert!(all.all(|score| (0.0..=2.0).contains(score)), "{found:?}");
            // From zero to all rows of length 1.
            assert_eq!((found.known[3], found.strangers[3]), (1.0, 1.0));
        }
    }
    // What was subtracted from the columns when they were read belongs to the rows' directions.
    let less = |of: &Matrix| {
        let values = of.as_slice().iter().map(|value| value - 8.0).collect();
        let shifted = Matrix::new(values, of.n_samples(), 64).unwrap();
        shifted.with_offsets(vec![8.0; 64]).unwrap()
    };
    let of = |train: &Matrix, test: &Matrix, strangers: &Matrix| {
        StrangerScores::of(&cpu(), train, Some(test), strangers, &Silent).unwrap()
    };
    let plain = of(&train, &test, &strangers);
    assert_eq!(of(&less(&train), &less(&test), &less(&strangers)), plain);
}

#[test]
fn too_few_training_points_are_a_reason() {
    let rows = |n: usize| Matrix::new((0..2 * n).map(|at| at as f32).collect(), n, 2).unwrap();
    let (one, three) = (rows(1), rows(3));
    let error = StrangerScores::of(&cpu(), &one, None, &three, &Silent).unwrap_err();
    assert!(matches!(error, Error::Data(_)), "{error}");
    let found = StrangerScores::of(&cpu(), &one, Some(&three), &three, &Silent).unwrap();
    assert_eq!((found.n_neighbors, found.detection().unwrap().auroc), (1, 0.5));
    let wide = Matrix::new(vec![1.0; 6], 2, 3).unwrap();
    assert!(StrangerScores::of(&cpu(), &three, Some(&three), &wide, &Silent).is_err());
}

#[test]
fn the_first_of_equally_good_layers_is_the_best() {
    let noticed = |space: &str, auroc: Option<f64>| Noticed {
        space: space.into(),
        n_neighbors: auroc.map(|_| 50),
        detection: match auroc {
            Some(auroc) => Outcome::Known(Detection { auroc, fpr95: 0.5 }),
            None => Outcome::Unknown("too few".into()),
        },
    };
    let of = |spaces: Vec<Noticed>| Strangers {
        n_strangers: 3,
        scored_on: ScoredOn::Test,
        n_scored: 4,
        spaces,
        network: Outcome::Unknown("not known".into()),
    };
    let spaces = [("raw", Some(0.6)), ("a", Some(0.9)), ("b", Some(0.9)), ("softmax", None)];
    let found = of(spaces.map(|(space, auroc)| noticed(space, auroc)).to_vec());
    assert_eq!(found.best().unwrap().0.space, "a");
    assert!(of(vec![noticed("raw", None)]).best().is_none());
}
