//! Two runs side by side.

use crate::embed_page::block;
use crate::insights::table;
use crate::pipeline::{SPACES, shared, shared_arguments, shared_run};
use crate::report::{class_names, data, tables};
use crate::support::{N_TEST, Place, assert_outputs_are_whole, groups, manifest};
use layerlens::Matrix;
use layerlens::dataset::npy;
use layerlens::embedding::procrustes::Motion;
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
fn the_page_shows_both_runs_and_which_is_right() {
    let place = Place::new();
    let (a, b) = (shared_run(), other_run());
    let stdout =
        place.succeed(&format!("compare {} {} --out both", a.display(), b.display())).stdout;
    assert!(stdout.contains("open both/report.html"), "{stdout}");
    let path = place.path("both/report.html");
    let page = data(&path);
    let names = [&a, b].map(|run| run.file_name().unwrap().to_string_lossy().into_owned());
    let spaces: Vec<(String, String)> = ["a", "b"]
        .iter()
        .zip(&names)
        .flat_map(|(side, name)| {
            let title = |space: &str| space.replace("layer_", "layer ").replace("raw", "raw input");
            SPACES
                .map(|(space, _)| (format!("{side}.{space}"), format!("{name}: {}", title(space))))
        })
        .collect();
    let found: Vec<(String, String)> = page["spaces"]
        .as_array()
        .unwrap()
        .iter()
        .map(|space| ["id", "title"].map(|key| space[key].as_str().unwrap().to_owned()).into())
        .collect();
    assert_eq!(found, spaces);
    // Four methods of the first run, two of the second.
    assert_eq!(page["maps"].as_array().unwrap().len(), 4 * 3 + 2 * 3);
    assert_eq!(page["first"], serde_json::json!([["a.layer_2", "umap"], ["b.layer_2", "umap"]]));
    // Which of the networks is right about each point, from their answers and the labels.
    let truth = npy::read_labels(a.join("activations/labels_test.npy")).unwrap();
    let right = [&a, b].map(|run| {
        let softmax = npy::read_matrix(run.join("activations/softmax_test.npy")).unwrap();
        let answer = |row: &[f32]| (0..row.len()).max_by(|&i, &j| row[i].total_cmp(&row[j]));
        let rows = softmax.rows().zip(&truth);
        rows.map(|(row, &label)| answer(row) == Some(label as usize)).collect::<Vec<bool>>()
    });
    let column = &page["points"]["columns"][0];
    assert_eq!((&column["name"], &column["kind"]), (&"who is right".into(), &"category".into()));
    let values: Vec<String> = serde_json::from_slice(&block(&path, "column-values-0")).unwrap();
    let codes = block(&path, "column-0");
    assert_eq!(codes.len(), N_TEST);
    let mut counts = BTreeMap::new();
    for (at, code) in codes.into_iter().enumerate() {
        let expected = match [right[0][at], right[1][at]] {
            [true, true] => "both".to_owned(),
            [true, false] => format!("only {}", names[0]),
            [false, true] => format!("only {}", names[1]),
            [false, false] => "neither".to_owned(),
        };
        assert_eq!(values[usize::from(code)], expected, "{at}");
        *counts.entry(expected).or_insert(0) += 1;
    }
    // Answers have the numbers and colours of the classes, though no network gave them all.
    let classes = serde_json::to_vec(&class_names(&page)).unwrap();
    for at in [1, 2] {
        assert_eq!(block(&path, &format!("column-values-{at}")), classes);
        assert_eq!(page["points"]["columns"][at]["colors"][3], page["classes"][3]["color"]);
    }
    let answers = table(&path.with_file_name(""), "answers.csv");
    assert_eq!(answers.len(), N_TEST);
    for (at, row) in answers.iter().enumerate() {
        let right = match [right[0][at], right[1][at]] {
            [true, true] => "both",
            [true, false] => "a",
            [false, true] => "b",
            [false, false] => "neither",
        };
        assert_eq!((row["right"].as_str(), row["row"].as_str()), (right, &*at.to_string()));
        assert_eq!(row["a"] == row["label"], right[..1] == *"a" || right == "both", "{row:?}");
    }
    assert!(stdout.contains(&format!("right: both {}, only a ", counts["both"])), "{stdout}");
    let both = format!("Of {N_TEST} test points both are right about {}", counts["both"]);
    let tables = tables(&path);
    assert!(tables.contains(&both), "{both}");
    for words in [
        "interval of the difference",
        "How to reproduce",
        "Accuracy in every space",
        "Pairs that are confused most",
        "<td>Flatten 784, Dense 32",
    ] {
        assert!(tables.contains(words), "{words}");
    }
    // What was asked for in one of the runs alone.
    let (_, differing) = tables.split_once("Settings that differ").unwrap();
    let differing = differing.split_once("</table>").unwrap().0;
    for words in ["training.epochs", ">2</td>", ">6</td>", "methods.tsne", ">yes</td>", ">no</td>"]
    {
        assert!(differing.contains(words), "{words} in {differing}");
    }
    for words in ["batch_size", "random_state"] {
        assert!(!differing.contains(words), "{words} in {differing}");
    }
    // Every measure of the methods is drawn.
    let drawn = fs::read_to_string(path.with_file_name("figures/measures.svg")).unwrap();
    for row in table(&path.with_file_name(""), "measures.csv") {
        let words = row["measure"].replace('_', " ").replace("knn", "k-NN");
        assert!(drawn.contains(&words), "{words}");
    }
    assert_eq!(page["points"]["columns"][1]["name"], format!("answer of {}", names[0]));
}

/// Coordinates of a map of the page.
fn places(path: &Path, page: &serde_json::Value, at: usize) -> Matrix {
    let coded = &page["maps"][at]["coordinates"];
    let planes = block(path, &format!("map-{at}"));
    let (low, high) = planes.split_at(planes.len() / 2);
    let step = |at: usize| f64::from(u16::from_le_bytes([low[at], high[at]])) / 65_535.0;
    let n = low.len() / 2;
    let half = coded["half"].as_f64().unwrap();
    let value = |at: usize| {
        let center = coded["center"][at % 2].as_f64().unwrap();
        (center + (2.0 * step(at / 2 + n * (at % 2)) - 1.0) * half) as f32
    };
    Matrix::new((0..2 * n).map(value).collect(), n, 2).unwrap()
}

#[test]
fn each_map_of_the_second_run_lies_on_that_of_the_first() {
    let place = Place::new();
    let runs = format!("{} {}", shared_run().display(), other_run().display());
    place.succeed(&format!("compare {runs} --out both"));
    let path = place.path("both/report.html");
    let page = data(&path);
    let maps = page["maps"].as_array().unwrap();
    let twins = maps.iter().enumerate().filter_map(|(at, map)| {
        let space = map["space"].as_str().unwrap().strip_prefix("b.")?;
        let same = |other: &serde_json::Value| {
            other["space"] == format!("a.{space}") && other["method"] == map["method"]
        };
        Some((maps.iter().position(same).unwrap(), at, map["method"] == "pca"))
    });
    let mut n_turned = 0;
    for (a, b, is_linear) in twins {
        let [a, b] = [a, b].map(|at| places(&path, &page, at));
        // No further motion brings them closer.
        let motion = match is_linear {
            true => Motion::mirroring(&b, &a).unwrap(),
            false => Motion::between(&b, &a).unwrap(),
        };
        let still = motion.turn.iter().zip([1.0, 0.0, 0.0, 1.0]);
        // The page has coordinates in steps of 1 / 65,535 of the map's width.
        assert!(still.into_iter().all(|(found, still)| (found - still).abs() < 1e-3), "{motion:?}");
        n_turned += 1;
    }
    assert_eq!(n_turned, 6);
}

#[test]
fn layers_of_other_names_are_compared_by_their_place() {
    let place = Place::new();
    for (run, layers) in [("a", ["dense", "dense_1"]), ("b", ["dense_2", "dense_3"])] {
        let folder = place.path(format!("layers_{run}"));
        fs::create_dir(&folder).unwrap();
        for (part, n) in [("train", 90), ("test", 30)] {
            for layer in ["raw"].iter().chain(&layers) {
                place.points(&format!("layers_{run}/{layer}_{part}.npy"), n, 4);
            }
            place.labels(&format!("layers_{run}/labels_{part}.npy"), &groups(n as u32));
        }
        place.succeed(&format!(
            "run --from-activations layers_{run} --methods pca --device cpu --out {run}"
        ));
    }
    let outcome = place.succeed("compare a b --out both");
    let said = "layers of different names are compared, by their place: dense / dense_2, dense_1 / dense_3";
    assert!(outcome.stderr.contains(said), "{}", outcome.stderr);
    let spaces: Vec<String> = table(&place.path("both"), "accuracy.csv")
        .iter()
        .filter(|row| row["method"].is_empty())
        .map(|row| row["space"].clone())
        .collect();
    assert_eq!(spaces, ["raw", "dense / dense_2", "dense_1 / dense_3"]);
    let page = data(&place.path("both/report.html"));
    assert_eq!(page["first"], serde_json::json!([["a.dense_1", "pca"], ["b.dense_3", "pca"]]));
}

#[test]
fn a_run_is_compared_with_itself_by_two_names() {
    let place = Place::new();
    let run = shared_run().display().to_string();
    let named = format!("compare {run} {run} --names before,after --out both");
    let told = place.succeed(&named);
    assert!(told.stdout.starts_with("a: before\nb: after\n"));
    assert!(told.stderr.contains("one run, which is compared with itself"), "{}", told.stderr);
    let path = place.path("both/report.html");
    assert_eq!(data(&path)["name"], "before and after");
    let n = data(&path)["maps"].as_array().unwrap().len();
    for at in 0..n / 2 {
        let [a, b] = [at, at + n / 2].map(|map| block(&path, &format!("map-{map}")));
        assert!(a == b, "map {at}");
    }
    assert!(tables(&path).contains("is as accurate in every space that is compared"));
    let unnamed = place.succeed(&format!("compare {run} {run} --out again")).stdout;
    assert!(unnamed.contains(" (first)\n") && unnamed.contains(" (second)\n"), "{unnamed}");
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
    given_as(place, name, layer, n_test, names, |class| class);
}

/// The same with classes that are numbered otherwise.
fn given_as(
    place: &Place,
    name: &str,
    layer: &str,
    n_test: usize,
    names: &str,
    number: fn(u32) -> u32,
) {
    let folder = format!("layers_{name}");
    fs::create_dir(place.path(&folder)).unwrap();
    for (part, n) in [("train", 90), ("test", n_test)] {
        place.points(&format!("{folder}/{layer}_{part}.npy"), n, 4);
        let labels: Vec<u32> = groups(n as u32).into_iter().map(number).collect();
        place.labels(&format!("{folder}/labels_{part}.npy"), &labels);
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
    // As many points of other classes are no more the same, and those of classes of the same names
    // are taken for it with a warning.
    given(&place, "shoes", "dense", 30, "Coat\ntwo\nBag\n");
    let apart = place.succeed("compare digits shoes --out apart");
    assert!(apart.stdout.contains("30 test points against 30 test points, drawn apart"));
    given(&place, "figures", "dense", 30, "one\ntwo\nthree\n");
    let assumed = place.succeed("compare digits figures --out assumed");
    assert!(assumed.stdout.contains("the same 30 test points, paired"), "{}", assumed.stdout);
    assert!(assumed.stderr.contains("because all labels agree"), "{}", assumed.stderr);
    // A class is its name, whatever its number in a run: all answers are right in both.
    given_as(&place, "turned", "dense", 30, "three\ntwo\none\n", |class| 2 - class);
    let turned = place.succeed("compare digits turned --out turned_both").stdout;
    assert!(turned.contains("right: both 30, only a 0, only b 0, neither 0"), "{turned}");
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
    // There are no points that both have, so the page is its tables and figures.
    let page = data(&place.path("both/report.html"));
    assert_eq!((&page["points"]["n"], &page["maps"]), (&0.into(), &serde_json::json!([])));
    assert!(tables(&place.path("both/report.html")).contains("30 test points against 45"));
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
    for names in ["one", "one,one", "one,", "a,b,c"] {
        let parts = [&format!("--names = {names}"), "two different names"];
        place.refuse(2, &format!("compare {run} {run} --names {names} --out both"), &parts);
    }
    place.refuse(
        2,
        &format!("compare {run} {run} --replicates 10 --out both"),
        &["--replicates = 10", "at least 100"],
    );
    given(&place, "other", "dense", 30, "a\nb\nc\n");
    given(&place, "pixels", "raw", 30, "a\nb\nc\n");
    place.refuse(
        3,
        "compare pixels other --out both",
        &["other", "dense", "pixels has raw", "none is common"],
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
