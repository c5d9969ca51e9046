//! The layer profile of runs, and `layerlens profile`: the same numbers, planted truths that the
//! list of points names, and data that allow little.

use crate::pipeline::shared_run;
use crate::support::{Place, Row, assert_outputs_are_whole, groups, manifest, table};
use layerlens::dataset::npy;
use layerlens::matrix::Matrix;
use layerlens::profile::MEASURES;
use std::fs;
use std::path::Path;

/// Every measure of every layer is a number, or has a reason.
fn assert_complete(layers: &[Row]) {
    for row in layers {
        for measure in MEASURES {
            let (value, key) = (&row[measure.key], measure.key);
            match value.is_empty() {
                true => {
                    let reason = format!("{key}: ");
                    assert!(row["not_computed"].contains(&reason), "{}: {key}", row["space"]);
                }
                false => assert!(value.parse::<f64>().unwrap().is_finite(), "{key}: {value}"),
            }
        }
    }
}

#[test]
fn the_profile_alone_has_the_numbers_of_the_run() {
    let run = shared_run();
    let place = Place::new();
    let given = run.join("activations");
    let outcome = place.succeed(&format!("profile {} --device cpu --out out", given.display()));
    let out = place.path("out");
    assert_outputs_are_whole(&out);
    for file in ["layers.csv", "layer_similarity.csv", "prediction_depth.csv", "look_at.csv"] {
        let read = |folder: &Path| fs::read_to_string(folder.join("scores").join(file)).unwrap();
        assert_eq!(read(&out), read(&run), "{file}");
    }
    let layers = table(&out.join("scores/layers.csv"));
    let spaces: Vec<&str> = layers.iter().map(|row| row["space"].as_str()).collect();
    assert_eq!(spaces, ["raw", "layer_1", "layer_2", "softmax"]);
    assert_complete(&layers);
    // The k-NN accuracy is that of the table of scores.
    let knn = table(&out.join("scores/knn.csv"));
    for row in &knn {
        if row["method"].is_empty() && row["n_neighbors"] == "5" {
            let layer = layers.iter().find(|layer| layer["space"] == row["space"]).unwrap();
            assert_eq!(layer["knn_accuracy"], row["accuracy"]);
        }
    }
    for part in ["layer profile", "linear probe", "softmax", "points to look at"] {
        assert!(outcome.stdout.contains(part), "{part} is not in {}", outcome.stdout);
    }
    let page = fs::read_to_string(run.join("report.html")).unwrap();
    for part in ["id=\"report-profile\"", "The layer profile", "A linear probe finds the class of"]
    {
        assert!(page.contains(part), "{part}");
    }
    let depth = table(&out.join("scores/prediction_depth.csv"));
    let points: usize = depth.iter().map(|row| row["n_points"].parse::<usize>().unwrap()).sum();
    assert_eq!((depth.len(), points), (5, 120));
    // Of a layer with itself 1, and so on the diagonal of the manifest.
    let manifest = manifest(&out);
    let pairs = &manifest["results"]["profile"]["similarities"]["known"]["pairs"];
    assert_eq!(pairs[1][1]["cka"], 1.0);
    assert_eq!(pairs[0][2], pairs[2][0]);
}

#[test]
fn the_output_layer_is_known_in_the_run_and_from_its_layers() {
    // The numbers of `the_profile_alone_has_the_numbers_of_the_run` are those of the run.
    let run = shared_run();
    let layers = table(&run.join("scores/layers.csv"));
    let of = |space: &str| layers.iter().find(|row| row["space"] == space).unwrap();
    let value = |key: &str| of("layer_2")[key].parse::<f64>().unwrap();
    assert!((0.0..4.0).contains(&value("nc3")) && (0.0..=1.0).contains(&value("nc4")));
    for space in ["raw", "layer_1", "softmax"] {
        let reason = "nc3: NC3 and NC4 describe the last hidden layer alone";
        assert!(of(space)["nc3"].is_empty() && of(space)["not_computed"].contains(reason));
    }
    // The kernel of the output layer, as the file of the weights has it.
    let weights = npy::read_values(run.join("activations/output_weights.npy")).unwrap();
    let (architecture, all) =
        layerlens::model::read_weights(&run.join("model/weights.safetensors")).unwrap();
    let steps = architecture.steps().unwrap();
    let kernel = &steps.last().unwrap().parameters[0];
    assert_eq!(kernel.shape, [weights.n_samples(), weights.n_features()]);
    assert_eq!(weights.as_slice(), all.get(&kernel.name, &kernel.shape).unwrap());
    // NC4 from the layers themselves.
    let read =
        |name: &str| npy::read_values(run.join(format!("activations/{name}_train.npy"))).unwrap();
    let labels = npy::read_labels(run.join("activations/labels_train.npy")).unwrap();
    let (x, softmax) = (read("layer_2"), read("softmax"));
    let mut means = vec![vec![0.0_f64; 16]; 10];
    for (class, mean) in means.iter_mut().enumerate() {
        let rows: Vec<usize> =
            (0..labels.len()).filter(|&row| labels[row] as usize == class).collect();
        for &row in &rows {
            mean.iter_mut().zip(x.row(row)).for_each(|(sum, &value)| *sum += f64::from(value));
        }
        mean.iter_mut().for_each(|sum| *sum /= rows.len() as f64);
    }
    let differs = |row: &usize| {
        let distance = |class: &usize| -> f64 {
            x.row(*row).iter().zip(&means[*class]).map(|(&a, b)| (f64::from(a) - b).powi(2)).sum()
        };
        let sure = |class: &usize| f64::from(softmax.row(*row)[*class]);
        let nearest = (0..10).min_by(|a, b| distance(a).total_cmp(&distance(b)));
        nearest != (0..10).rev().max_by(|a, b| sure(a).total_cmp(&sure(b)))
    };
    let n = labels.len();
    let share = (0..n).filter(differs).count() as f64 / n as f64;
    assert!((value("nc4") - share).abs() < 1e-12, "{share}");
}

#[test]
fn weights_of_an_output_layer_are_checked_and_kept() {
    let place = place_with_truth(&groups(90), &[]);
    let write = |rows: usize, columns: usize| {
        let values = (0..rows * columns).map(|at| (at % 5) as f32 - 2.0).collect();
        let matrix = Matrix::new(values, rows, columns).unwrap();
        npy::write_matrix(place.path("layers/output_weights.npy"), &matrix).unwrap();
    };
    write(6, 4);
    let parts = ["output_weights.npy", "6 x 4", "n_features x n_classes: 3 columns"];
    place.refuse(3, "profile layers --device cpu --out out", &parts);
    let reason = |out: &str| {
        let layers = table(&place.path(format!("{out}/scores/layers.csv")));
        assert_complete(&layers);
        (layers[1]["nc3"].clone(), layers[1]["not_computed"].clone())
    };
    // Of another layer, which is no error: the last layer here need not be the last.
    write(5, 3);
    place.succeed("profile layers --device cpu --out five");
    assert!(reason("five").1.contains("nc3: the output layer takes 5 values, this layer has 6"));
    write(6, 3);
    let outcome = place.succeed("profile layers --device cpu --out six");
    assert!(!outcome.stderr.contains("left out"), "{}", outcome.stderr);
    assert!(reason("six").0.parse::<f64>().is_ok());
    place.succeed("run --from-activations layers --methods pca --device cpu --out run");
    let read = |path: &str| fs::read(place.path(path)).unwrap();
    assert!(read("run/activations/output_weights.npy") == read("layers/output_weights.npy"));
    assert_eq!(reason("run").0, reason("six").0);
    fs::remove_file(place.path("layers/output_weights.npy")).unwrap();
    place.succeed("profile layers --device cpu --out none");
    assert!(reason("none").1.contains("nc3: no weights of an output layer that takes its values"));
    assert!(!reason("none").1.contains("nc4"));
}

#[test]
fn every_class_of_every_layer_has_a_line() {
    let run = shared_run();
    let rows = table(&run.join("scores/layers_per_class.csv"));
    assert_eq!(rows.len(), 4 * 10);
    let layers = table(&run.join("scores/layers.csv"));
    for layer in &layers {
        // As many test points of each class: the mean over the classes is that over the points.
        for key in ["probe_accuracy", "silhouette"] {
            let of_layer = rows.iter().filter(|row| row["space"] == layer["space"]);
            let values: Vec<f64> = of_layer.map(|row| row[key].parse::<f64>().unwrap()).collect();
            let mean = values.iter().sum::<f64>() / 10.0;
            let expected: f64 = layer[key].parse().unwrap();
            assert!((mean - expected).abs() < 1e-6, "{}: {mean} {expected}", layer["space"]);
        }
    }
}

#[test]
fn points_that_the_page_does_not_show_stay_text() {
    let place = Place::new();
    let (run, points) = (shared_run(), "class=\"points\"");
    let page = fs::read_to_string(run.join("report.html")).unwrap();
    assert!(page.contains(points) && page.contains("href=\"#pin=test:"));
    let html = place.path("train.html");
    let args = format!("report {} --report-points train --device cpu", run.display());
    place.succeed(&format!("{args} --out {}", html.display()));
    let page = fs::read_to_string(html).unwrap();
    assert!(page.contains(points) && !page.contains("href=\"#pin=test:"));
    // By class, the accuracy in every layer, folded away.
    assert!(page.contains("<details><summary>By class</summary>"));
    for title in ["raw input", "layer 1", "layer 2", "softmax"] {
        assert!(page.contains(&format!("{title}: silhouette")), "{title}");
    }
}

/// 300 training and 90 test points of three groups that a line separates, as `raw` and `layer_1`,
/// and a network's probabilities that know the groups.
fn place_with_truth(labels_test: &[u32], copied: &[(usize, usize)]) -> Place {
    let place = Place::new();
    fs::create_dir(place.path("layers")).unwrap();
    let x = crate::support::points(390, 6);
    let train: Vec<f32> = x.as_slice()[..300 * 6].to_vec();
    let mut test: Vec<f32> = x.as_slice()[300 * 6..].to_vec();
    for &(row, of) in copied {
        test[row * 6..][..6].copy_from_slice(&train[of * 6..][..6]);
    }
    let write = |name: &str, values: Vec<f32>, columns: usize| {
        let n = values.len() / columns;
        let path = place.path(format!("layers/{name}.npy"));
        npy::write_matrix(path, &Matrix::new(values, n, columns).unwrap()).unwrap();
    };
    let known = |n: usize| {
        let row = |at: usize| (0..3).map(move |class| if at % 3 == class { 0.9 } else { 0.05 });
        (0..n).flat_map(row).collect::<Vec<f32>>()
    };
    for layer in ["raw", "layer_1"] {
        write(&format!("{layer}_train"), train.clone(), 6);
        write(&format!("{layer}_test"), test.clone(), 6);
    }
    write("softmax_train", known(300), 3);
    write("softmax_test", known(90), 3);
    place.labels("layers/labels_train.npy", &groups(300));
    place.labels("layers/labels_test.npy", labels_test);
    place
}

#[test]
fn wrong_labels_and_duplicates_are_on_the_list() {
    let mut labels = groups(90);
    let wrong = [4, 31, 77];
    for row in wrong {
        labels[row] = (labels[row] + 1) % 3;
    }
    // Of their own groups, rows modulo 3.
    let place = place_with_truth(&labels, &[(12, 3), (31, 100)]);
    place.succeed("profile layers --device cpu --out out");
    let found = table(&place.path("out/scores/look_at.csv"));
    let test: Vec<&Row> = found.iter().filter(|row| row["part"] == "test").collect();
    let with = |reason: &str| -> Vec<usize> {
        let of = |row: &&&Row| row["reasons"].split(';').any(|found| found == reason);
        let mut rows: Vec<usize> =
            test.iter().filter(of).map(|row| row["row"].parse().unwrap()).collect();
        rows.sort_unstable();
        rows
    };
    assert_eq!(with("label"), wrong);
    assert_eq!(with("duplicate"), [12, 31]);
    // Two reasons come first; the suggestion is the group, and the duplicate's row is named.
    assert_eq!((found[0]["row"].as_str(), found[0]["rank"].as_str()), ("31", "1"));
    assert_eq!(found[0]["duplicate_of_train_row"], "100");
    assert_eq!(found[0]["suggested"], (31 % 3).to_string());
    assert_complete(&table(&place.path("out/scores/layers.csv")));
}

#[test]
fn what_cannot_be_computed_is_named() {
    let place = Place::new();
    fs::create_dir(place.path("layers")).unwrap();
    place.points("layers/layer_1_train.npy", 40, 5);
    let constant = Matrix::new(vec![2.0; 120], 40, 3).unwrap();
    npy::write_matrix(place.path("layers/layer_2_train.npy"), &constant).unwrap();
    place.labels("layers/labels_train.npy", &groups(40));
    let outcome = place.succeed("profile layers --device cpu --out out");
    assert!(outcome.stderr.contains("there is no test part"), "{}", outcome.stderr);
    let layers = table(&place.path("out/scores/layers.csv"));
    assert_complete(&layers);
    assert!(layers[1]["not_computed"].contains("all its rows are the same"), "{:?}", layers[1]);
    let profile = &manifest(&place.path("out"))["results"]["profile"];
    assert_eq!(profile["prediction_depth"]["unknown"], "the network's answers are not known");
    assert_eq!(profile["not_looked_at"][0], "near duplicates: there is no raw input");

    // One class: nothing can be probed, but layers have dimensions.
    place.labels("layers/labels_train.npy", &[0; 40]);
    fs::write(place.path("layers/class_names.txt"), "one\ntwo\n").unwrap();
    let outcome = place.succeed("profile layers --device cpu --out one");
    assert!(outcome.stderr.contains("at least two classes"), "{}", outcome.stderr);
    let layers = table(&place.path("one/scores/layers.csv"));
    assert_complete(&layers);
    assert!(layers[0]["probe_accuracy"].is_empty() && !layers[0]["effective_rank"].is_empty());

    // A class with one member.
    let mut labels = groups(40);
    labels[7] = 3;
    fs::remove_file(place.path("layers/class_names.txt")).unwrap();
    place.labels("layers/labels_train.npy", &labels);
    place.succeed("profile layers --device cpu --out single");
    assert_complete(&table(&place.path("single/scores/layers.csv")));

    // More columns than rows.
    place.points("layers/layer_2_train.npy", 40, 300);
    place.succeed("profile layers --device cpu --probe-control --out wide");
    let layers = table(&place.path("wide/scores/layers.csv"));
    assert_complete(&layers);
    assert!(layers.iter().all(|layer| !layer["probe_selectivity"].is_empty()));

    place.refuse(3, "profile nowhere --device cpu", &["nowhere"]);
    place.points("layers/layer_2_train.npy", 39, 4);
    place.refuse(3, "profile layers --device cpu --out rows", &["39 rows", "40 labels"]);
}
