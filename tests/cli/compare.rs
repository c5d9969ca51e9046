//! Two runs side by side.

use crate::insights::table;
use crate::pipeline::{SPACES, shared, shared_arguments, shared_run};
use crate::support::{N_TEST, Place, assert_outputs_are_whole, groups, manifest};
use layerlens::dataset::npy;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A second run on the images of the shared one, trained with another seed, without t-SNE.
fn other_run() -> &'static PathBuf {
    static OTHER: OnceLock<PathBuf> = OnceLock::new();
    OTHER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli-other");
        let _ = fs::remove_dir_all(&folder);
        let args =
            shared_arguments(&shared().0.join("data")).replace("--epochs 2", "--epochs 6 --seed 9");
        let args = args.replace("--max-iter 100", "--methods umap,pca");
        Place::new().succeed(&format!("{args} --out {}", folder.display()));
        folder
    })
}

fn number(record: &BTreeMap<String, String>, column: &str) -> f64 {
    record[column].parse().unwrap_or_else(|_| panic!("{column} of {record:?}"))
}

/// Which of the test points 5-NN found the class of, 1 or 0.
fn right(run: &Path, space: &str) -> Vec<f64> {
    let truth = npy::read_labels(run.join("activations/labels_test.npy")).unwrap();
    let found = npy::read_matrix(run.join(format!("scores/predictions/{space}.npy"))).unwrap();
    truth
        .iter()
        .zip(found.rows())
        .map(|(&truth, row)| f64::from(u8::from(row[1] == truth as f32)))
        .collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Standard error of the mean of `values`.
fn error_of_mean(values: &[f64]) -> f64 {
    let middle = mean(values);
    (values.iter().map(|value| (value - middle).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
        / (values.len() as f64).sqrt()
}

#[test]
fn differences_of_paired_runs_lie_in_the_intervals_of_the_normal_law() {
    let place = Place::new();
    let (a, b) = (shared_run(), other_run());
    let stdout =
        place.succeed(&format!("compare {} {} --out both", a.display(), b.display())).stdout;
    let out = place.path("both");
    assert_outputs_are_whole(&out);
    assert!(
        stdout.contains(&format!("k-NN of 5 neighbours on the same {N_TEST} test points, paired")),
        "{stdout}"
    );
    let rows = table(&out, "accuracy.csv");
    // The classifier, and three spaces themselves and in two maps.
    assert_eq!(rows.len(), 1 + 3 * 3);
    for (space, _) in SPACES {
        let [of_a, of_b] = [&a, b].map(|run| right(run, space));
        let difference: Vec<f64> = of_a.iter().zip(&of_b).map(|(a, b)| a - b).collect();
        let row =
            rows.iter().find(|row| row["space"] == space && row["method"].is_empty()).unwrap();
        for (column, values) in [("a", &of_a), ("b", &of_b), ("difference", &difference)] {
            assert!(
                (number(row, column) - mean(values)).abs() < 1e-12,
                "{space} {column}: {row:?}"
            );
            // The ends of a thousand replicates are off by 8 % of the width, those of so few points
            // by half a point.
            let half = 1.96 * error_of_mean(values);
            let air = 0.35 * error_of_mean(values) + 0.5 / N_TEST as f64;
            for (end, sign) in [("low", -1.0), ("high", 1.0)] {
                let found = number(row, &format!("{column}_{end}"));
                let expected = mean(values) + sign * half;
                assert!(
                    (found - expected).abs() <= air,
                    "{space} {column} {end}: {found}, expected {expected}"
                );
            }
        }
    }
    for name in ["accuracy", "gains", "confused_pairs", "measures", "maps_pca", "maps_umap"] {
        let image = image::open(out.join(format!("figures/{name}.png"))).unwrap();
        assert!(image.width() > 300 && image.height() > 200, "{name}");
    }
    assert!(!out.join("figures/maps_tsne.png").exists());
    let pairs = fs::read_to_string(out.join("figures/confused_pairs.svg")).unwrap();
    assert!(pairs.contains("Which pairs are confused: share of the points of both classes"));
    // Gains are those of the two runs.
    let gains = table(&out, "gains.csv");
    for (run, column) in [(&a, "a"), (b, "b")] {
        for row in table(run, "gains.csv")
            .iter()
            .filter(|row| row["method"].is_empty() && row["space"] == "layer_2")
        {
            let found = gains.iter().find(|other| other["class"] == row["class"]).unwrap();
            assert!(
                (number(found, column) - number(row, "gain")).abs() < 1e-12,
                "{found:?} {row:?}"
            );
        }
    }
}

#[test]
fn a_run_does_not_differ_from_itself_and_a_comparison_can_be_repeated() {
    let place = Place::new();
    let run = shared_run().display().to_string();
    place.succeed(&format!("compare {run} {run} --out one"));
    for name in ["accuracy", "gains", "confused_pairs"] {
        for row in table(&place.path("one"), &format!("{name}.csv")) {
            for column in ["difference", "difference_low", "difference_high"] {
                assert_eq!(number(&row, column), 0.0, "{row:?}");
            }
            assert!(
                number(&row, "a_low") <= number(&row, "a")
                    && number(&row, "a") <= number(&row, "a_high"),
                "{row:?}"
            );
        }
    }
    place.succeed(&format!("compare {run} {run} --threads 1 --out again"));
    for name in [
        "scores/accuracy.csv",
        "scores/gains.csv",
        "scores/confused_pairs.csv",
        "figures/accuracy.png",
        "figures/maps_tsne.svg",
    ] {
        assert!(
            fs::read(place.path("one").join(name)).unwrap()
                == fs::read(place.path("again").join(name)).unwrap(),
            "{name}"
        );
    }
}

/// Layers of another program, of other classes and points.
fn given(place: &Place, name: &str, layer: &str, n_test: usize, names: &str) {
    let folder = format!("layers_{name}");
    fs::create_dir(place.path(&folder)).unwrap();
    for (part, n) in [("train", 90), ("test", n_test)] {
        place.points(&format!("{folder}/{layer}_{part}.npy"), n, 4);
        place.labels(&format!("{folder}/labels_{part}.npy"), &groups(n as u32));
    }
    fs::write(place.path(format!("{folder}/class_names.txt")), names).unwrap();
    place.succeed(&format!(
        "run --from-activations {folder} --methods pca --device cpu --out {name}"
    ));
}

#[test]
fn runs_of_other_points_and_classes_are_compared_apart() {
    let place = Place::new();
    given(&place, "digits", "dense", 30, "one\ntwo\nthree\n");
    given(&place, "clothes", "dense", 45, "Coat\ntwo\nBag\n");
    let stdout = place.succeed("compare digits clothes --out both").stdout;
    assert!(stdout.contains("30 test points against 45 test points, drawn apart"), "{stdout}");
    assert!(stdout.starts_with("a: digits\nb: clothes\n"), "{stdout}");
    let gains = table(&place.path("both"), "gains.csv");
    let known: Vec<_> = gains
        .iter()
        .map(|row| (row["class"].as_str(), !row["a"].is_empty(), !row["b"].is_empty()))
        .collect();
    let expected = [
        ("one", true, false),
        ("two", true, true),
        ("three", true, false),
        ("Coat", false, true),
        ("Bag", false, true),
    ];
    assert_eq!(known, expected);
    let accuracy = table(&place.path("both"), "accuracy.csv");
    assert!(
        accuracy.iter().all(|row| number(row, "a") == 1.0 && number(row, "b_low") == 1.0),
        "{accuracy:?}"
    );
    let svg = fs::read_to_string(place.path("both/figures/maps_pca.svg")).unwrap();
    assert!(["one", "two", "three", "Coat", "Bag"].iter().all(|name| svg.contains(name)));
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let place = Place::with_points();
    let run = shared_run().display().to_string();
    place.refuse(3, &format!("compare {run} nowhere --out both"), &["nowhere", "no such folder"]);
    fs::create_dir(place.path("empty")).unwrap();
    place.refuse(
        3,
        &format!("compare empty {run} --out both"),
        &["empty", "not a run folder", "manifest.json"],
    );
    place.succeed("embed x.npy --method pca --device cpu --out map");
    place.refuse(3, &format!("compare {run} map --out both"), &["map", "not a run of layers"]);
    place.refuse(2, &format!("compare {run}"), &["<RUN_B>"]);
    place.refuse(
        2,
        &format!("compare {run} {run} --replicates 10 --out both"),
        &["--replicates = 10", "at least 100"],
    );
    given(&place, "other", "dense", 30, "a\nb\nc\n");
    place.refuse(
        3,
        &format!("compare {run} other --out both"),
        &["other", "dense", "raw, layer_1, layer_2", "none is common"],
    );
    let rewrite = |key: &str, value: serde_json::Value| {
        let mut changed = manifest(&place.path("other"));
        changed[key] = value;
        fs::write(place.path("other/manifest.json"), changed.to_string()).unwrap();
    };
    rewrite("status", "interrupted".into());
    place.refuse(
        3,
        &format!("compare {run} other --out both"),
        &["other", "not finished", "interrupted", "--resume --out other"],
    );
    rewrite("schema_version", 4.into());
    place.refuse(
        3,
        &format!("compare {run} other --out both"),
        &["other/manifest.json", "layout 4", "newer version"],
    );
}
