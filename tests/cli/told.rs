//! What is wrong is told with the name of the file that it is wrong with, and results with what
//! they are.

use crate::support::{Place, groups, manifest, points, small_mlp};
use layerlens::dataset::npy;
use layerlens::model::write_weights;
use std::fs;
use std::path::Path;

/// Points whose squared distances no 32-bit float holds.
fn write_far(path: &Path, n: usize, d: usize) {
    let mut values = points(n, d).into_vec();
    (values[d], values[3 * d]) = (2e37, -2e37);
    npy::write_f32(path, &values, &[n as u64, d as u64]).unwrap();
}

#[test]
fn points_that_are_too_far_apart_are_named_by_their_file() {
    let place = Place::with_points();
    write_far(&place.path("far.npy"), 120, 5);
    place.points("flat.npy", 120, 2);
    place.succeed("embed x.npy --method umap --n-epochs 20 --device cpu --out map");
    fs::create_dir(place.path("given")).unwrap();
    fs::copy(place.path("far.npy"), place.path("given/conv_train.npy")).unwrap();
    fs::copy(place.path("labels.npy"), place.path("given/labels_train.npy")).unwrap();
    let mut commands: Vec<String> = ["pca", "tsne", "umap", "trimap"]
        .map(|method| format!("embed far.npy --method {method} --out out"))
        .into();
    commands.extend(
        ["k-means", "dbscan --eps 1", "hdbscan"]
            .map(|method| format!("cluster far.npy --method {method} --out out")),
    );
    commands.push("evaluate far.npy --labels labels.npy".into());
    commands.push("evaluate flat.npy --space far.npy".into());
    commands.push("transform map/map.safetensors --new far.npy --train x.npy".into());
    commands.push("report --embedding flat.npy --space far.npy --out page.html".into());
    commands.push("run --from-activations given --methods tsne --out out".into());
    for command in commands {
        let file = if command.contains("given") { "given/conv_train.npy" } else { "far.npy" };
        let outcome = place.start(&format!("{command} --device cpu"));
        outcome.assert_error(3, &command, &[&format!("error: {file}: "), "32-bit floats"]);
        let _ = fs::remove_dir_all(place.path("out"));
    }
}

/// Every weight is a finite number, and the file is as it was written.
#[test]
fn finite_weights_whose_activations_are_not_are_told_with_their_file() {
    let place = Place::with_images();
    let config = small_mlp(784, 10);
    let mut weights = config.initial_weights(1);
    weights.insert("dense_1.weight".into(), vec![784, 4], vec![2e38; 784 * 4]);
    write_weights(&place.path("m.safetensors"), &config, &weights).unwrap();
    let run =
        "run --dataset fashion-mnist --data-dir data --device cpu --out out --model m.safetensors";
    let outcome = place.start(run);
    outcome.assert_error(
        3,
        run,
        &["error: m.safetensors: ", "loss of the network", "2e38, in `dense_1.weight`"],
    );
    assert!(
        !outcome.stderr.contains("training failed") && !outcome.stderr.contains("--learning-rate"),
        "{}",
        outcome.stderr
    );
    assert_eq!(manifest(&place.path("out"))["status"], "failed");
    place.assert_nothing_half_written();
}

/// A member of an archive is named twice, and both names count.
#[test]
fn a_name_in_an_archive_that_differs_from_the_other_is_refused() {
    let place = Place::new();
    let whole =
        fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/stored.npz")).unwrap();
    for name in ["x_train", "y_train", "x_test", "y_test"] {
        let at = whole.windows(name.len()).position(|bytes| bytes == name.as_bytes()).unwrap();
        let mut changed = whole.clone();
        changed[at] = b'z';
        fs::write(place.path("a.npz"), changed).unwrap();
        place.refuse(
            3,
            "data info a.npz",
            &[&format!("a.npz/{name}"), "directory", &format!("z{}", &name[1..]), "damaged"],
        );
    }
}

#[test]
fn a_group_that_is_called_as_a_missing_value_is_refused() {
    let place = Place::with_images();
    let info = "data info fashion-mnist --data-dir data --label-groups";
    for name in ["nan", "NaN", "null", "N/A"] {
        fs::write(place.path("g.csv"), format!("class,group\n0,first\n1,{name}\n")).unwrap();
        place.refuse(
            3,
            &format!("{info} g.csv"),
            &["g.csv", "group 1", &format!("`{name}`"), "missing"],
        );
        fs::write(place.path("g.toml"), format!("[[group]]\nname = \"{name}\"\nclasses = [0]\n"))
            .unwrap();
        place.refuse(
            3,
            &format!("{info} g.toml"),
            &["g.toml", "group 0", &format!("`{name}`"), "missing"],
        );
    }
}

/// What was taken for the header's syntax is told in one line.
#[test]
fn a_malformed_header_is_told_in_one_line() {
    let place = Place::with_points();
    let whole = fs::read(place.path("labels.npy")).unwrap();
    let text = String::from_utf8_lossy(&whole).into_owned();
    let at = text.find("False").unwrap();
    for (file, command) in [
        ("labels.npy", "evaluate x.npy --labels labels.npy"),
        ("x.npy", "embed x.npy --method pca --device cpu --out out"),
        ("x.npy", "evaluate x.npy --labels labels.npy"),
    ] {
        let bytes = fs::read(place.path(file)).unwrap();
        let mut changed = bytes.clone();
        let at = if file == "labels.npy" {
            at
        } else {
            changed.windows(5).position(|word| word == b"False").unwrap()
        };
        changed[at] = b'?';
        fs::write(place.path(file), changed).unwrap();
        place.refuse(3, command, &[file, "malformed header"]);
        assert_eq!(place.start(command).stderr.trim().lines().count(), 1);
        fs::write(place.path(file), bytes).unwrap();
    }
}

#[test]
fn one_picture_is_no_folder_of_pictures() {
    let place = Place::with_points();
    place.points("flat.npy", 120, 2);
    fs::write(place.path("a.png"), b"\x89PNG\r\n\x1a\n").unwrap();
    place.refuse(
        3,
        "report --embedding flat.npy --images a.png --device cpu",
        &["a.png", "folder"],
    );
}

#[test]
fn a_map_in_three_dimensions_is_called_so_and_says_why_there_is_no_figure() {
    let place = Place::with_points();
    place.labels("labels.npy", &groups(120));
    for method in
        ["pca", "tsne --perplexity 10 --max-iter 50", "umap --n-epochs 20", "trimap --max-iter 20"]
    {
        for (components, figure) in [(2, true), (3, false)] {
            let args = format!(
                "embed x.npy --labels labels.npy --method {method} --n-components {components} \
                 --device cpu --out out --force"
            );
            let outcome = place.succeed(&args);
            let is = format!("in {components}-D");
            let is_not = format!("in {}-D", 5 - components);
            assert!(
                outcome.stdout.matches(&is).count() >= 2 && !outcome.stdout.contains(&is_not),
                "{args}\n{}",
                outcome.stdout
            );
            assert_eq!(
                outcome.stderr.contains("warning: no figure and no page: the map has 3 dimensions"),
                !figure,
                "{}",
                outcome.stderr
            );
            assert_eq!(place.path("out/figures/map.png").exists(), figure);
        }
    }
}

/// Zero stands for `auto` in the library alone.
#[test]
fn a_learning_rate_of_zero_is_refused() {
    let place = Place::with_images();
    place.points("x.npy", 120, 5);
    for zero in ["0", "0.0", "-0.0", "0e0", "1e-50"] {
        for method in ["tsne", "umap", "trimap"] {
            let args = format!(
                "embed x.npy --method {method} --learning-rate {zero} --device cpu --out out"
            );
            place.refuse(2, &args, &["--learning-rate", "above 0"]);
            let args = format!(
                "run --dataset fashion-mnist --data-dir data --{method}-learning-rate {zero} \
                 --device cpu --out out"
            );
            place.refuse(2, &args, &["learning-rate", "above 0"]);
        }
    }
    place.succeed(
        "embed x.npy --learning-rate auto --perplexity 10 --max-iter 20 --device cpu --out out",
    );
    assert_eq!(manifest(&place.path("out"))["config"]["parameters"]["learning_rate"], "auto");
}
