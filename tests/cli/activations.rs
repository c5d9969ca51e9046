//! Layers of any network from a folder: the same results as after a training here, and errors that
//! name the file.

use crate::pipeline::{METHODS_RUN, SPACES, shared, shared_run};
use crate::support::{
    N_TEST, N_TRAIN, Place, assert_outputs_are_whole, groups, manifest, small_images,
};
use layerlens::dataset::npy;
use std::fs;
use std::path::Path;

/// The warning of layers whose order nobody has told.
const ALPHABETICAL: &str = "the layers are taken in the order of their names";
const RUN: &str = "run --from-activations layers --methods pca --device cpu --out out";

/// A folder `layers` of two layers, 120 training points and 30 test points in three groups.
fn place_with_layers() -> Place {
    let place = Place::new();
    fs::create_dir(place.path("layers")).unwrap();
    for (name, d) in [("layer_10", 4), ("layer_2", 6)] {
        place.points(&format!("layers/{name}_train.npy"), 120, d);
        place.points(&format!("layers/{name}_test.npy"), 30, d);
    }
    place.labels("layers/labels_train.npy", &groups(120));
    place.labels("layers/labels_test.npy", &groups(30));
    place
}

fn layers_of(out: &Path) -> Vec<String> {
    let layers = manifest(out)["config"]["layers"].as_array().unwrap().clone();
    layers.iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_layers_of_a_run_give_that_run_again() {
    let place = Place::new();
    let trained = shared_run();
    let given = trained.join("activations");
    let methods = "--max-iter 100 --n-epochs 100";
    place.succeed(&format!(
        "run --from-activations {} {methods} --device cpu --out out",
        given.display()
    ));
    let out = place.path("out");
    assert_outputs_are_whole(&out);
    let same = |name: String| {
        assert!(
            fs::read(trained.join(&name)).unwrap() == fs::read(out.join(&name)).unwrap(),
            "{name} differs"
        );
    };
    for (space, _) in SPACES {
        for part in ["train", "test"] {
            METHODS_RUN
                .iter()
                .for_each(|method| same(format!("embeddings/{method}_{space}_{part}.npy")));
            same(format!("activations/{space}_{part}.npy"));
        }
        same(format!("neighbors/{space}.safetensors"));
        METHODS_RUN.iter().for_each(|method| same(format!("maps/{method}_{space}.safetensors")));
        same(format!("figures/confusion_{space}.png"));
    }
    for table in
        ["knn", "knn_per_class", "quality", "gains", "confusion", "confused_pairs", "verdicts"]
    {
        same(format!("scores/{table}.csv"));
    }
    // The network's classes are those of its softmax.
    same("figures/classifier_confusion.svg".into());
    let predicted = npy::read_labels(out.join("activations/predictions_test.npy")).unwrap();
    let softmax = npy::read_matrix(given.join("softmax_test.npy")).unwrap();
    for (row, &class) in softmax.rows().zip(&predicted) {
        assert!(row.iter().all(|&value| value <= row[class as usize]));
    }
    let manifest = manifest(&out);
    let expected = crate::support::manifest(&trained)["results"]["insights"].clone();
    assert_eq!(manifest["results"]["insights"], expected);
    let accuracy =
        crate::support::manifest(&trained)["results"]["test"]["accuracy"].as_f64().unwrap();
    let classifier = expected["confused_pairs"][0]["accuracy"].as_f64().unwrap();
    assert!((classifier - accuracy).abs() < 1e-6, "{classifier} {accuracy}");
    assert!(
        manifest["inputs"].as_array().unwrap().iter().all(|input| input["sha256"]
            .as_str()
            .unwrap()
            .len()
            == 64)
    );
    // And nothing was trained.
    assert!(!out.join("model").exists() && !out.join("history.csv").exists());
    // A trained run keeps its images, from which the examples are drawn too.
    assert!(out.join("figures/examples.png").exists());
}

#[test]
fn layers_come_in_natural_order_or_as_they_are_listed() {
    let place = place_with_layers();
    place.points("layers/raw_train.npy", 120, 3);
    place.points("layers/raw_test.npy", 30, 3);
    let stderr = place.succeed(RUN).stderr;
    assert!(!stderr.contains(ALPHABETICAL), "{stderr}");
    assert_eq!(layers_of(&place.path("out")), ["raw", "layer_2", "layer_10"]);
    assert_eq!(
        fs::read_to_string(place.path("out/activations/layers.txt")).unwrap(),
        "raw\nlayer_2\nlayer_10\n"
    );
    fs::write(place.path("layers/layers.txt"), "layer_10\nraw\n").unwrap();
    place.succeed(&RUN.replace("out out", "out listed"));
    assert_eq!(layers_of(&place.path("listed")), ["layer_10", "raw"]);
    assert!(!place.path("listed/embeddings/pca_layer_2_train.npy").exists());
}

#[test]
fn names_predictions_and_images_are_taken_where_they_are() {
    let place = place_with_layers();
    fs::write(place.path("layers/class_names.txt"), "Coat\r\nBag\r\nSneaker & Co\r\n").unwrap();
    // The first ten test points are all called bags.
    let predicted: Vec<u32> = groups(30)
        .iter()
        .enumerate()
        .map(|(row, &class)| if row < 10 { 1 } else { class })
        .collect();
    place.labels("layers/predictions_test.npy", &predicted);
    let pixels: Vec<f32> = (0..120 * 6 * 5).map(|at| (at % 251) as f32).collect();
    let header = b"\x93NUMPY\x01\x00\x46\x00{'descr': '|u1', 'fortran_order': False, 'shape': (120, 6, 5), }";
    let mut file = header.to_vec();
    file.resize(79, b' ');
    file.push(b'\n');
    file.extend(pixels.iter().map(|&pixel| pixel as u8));
    fs::write(place.path("layers/images_train.npy"), file).unwrap();
    let stdout = place.succeed(RUN).stdout;
    let out = place.path("out");
    assert!(
        out.join("figures/examples.png").exists()
            && out.join("figures/classifier_confusion.png").exists()
    );
    assert!(
        fs::read_to_string(out.join("figures/pca_layers.svg"))
            .unwrap()
            .contains("Sneaker &amp; Co")
    );
    // Of the first ten four are of class 0 and three of class 2.
    let pairs = fs::read_to_string(out.join("scores/confused_pairs.csv")).unwrap();
    assert!(pairs.contains(",,class taken for other,1,Coat,Bag,4,0.4\n"), "{pairs}");
    assert!(
        pairs.contains(",,both,1,Coat,Bag,4,0.2\n")
            && pairs.contains(",,both,2,Bag,Sneaker & Co,3,0.15\n"),
        "{pairs}"
    );
    assert!(
        stdout.contains("classifier   Coat and Bag 20.0 %, Bag and Sneaker & Co 15.0 %\n"),
        "{stdout}"
    );
}

#[test]
fn without_a_test_part_the_training_points_are_scored() {
    let place = place_with_layers();
    for name in ["layer_2", "layer_10", "labels"] {
        fs::remove_file(place.path(format!("layers/{name}_test.npy"))).unwrap();
    }
    let outcome = place.succeed(&RUN.replace("pca", "pca,umap --n-epochs 50"));
    assert!(
        outcome.stderr.contains("warning: there is no test part: nothing is placed in the maps"),
        "{}",
        outcome.stderr
    );
    assert!(
        outcome.stdout.contains("on 120 training points, each without its own vote"),
        "{}",
        outcome.stdout
    );
    let out = place.path("out");
    assert_outputs_are_whole(&out);
    let knn = manifest(&out)["results"]["knn"].as_array().unwrap().clone();
    assert_eq!(knn.len(), 6);
    assert!(
        knn.iter().all(|row| row["scored_on"] == "train_leave_one_out" && row["n_scored"] == 120)
    );
    assert!(knn.iter().all(|row| row["knn"][0]["accuracy"] == 1.0), "three groups, far apart");
    for name in ["knn_accuracy.png", "gains.png", "umap_layers.png", "confusion_layer_2.png"] {
        assert!(out.join("figures").join(name).exists(), "{name}");
    }
    assert!(!out.join("embeddings/umap_layer_2_test.npy").exists());
}

#[test]
fn what_does_not_fit_is_named() {
    let spoil = |change: &dyn Fn(&Place), parts: &[&str]| {
        let place = place_with_layers();
        change(&place);
        place.refuse(3, RUN, parts);
    };
    let remove =
        |name: &'static str| move |place: &Place| fs::remove_file(place.path(name)).unwrap();
    spoil(&remove("layers/labels_train.npy"), &["layers/labels_train.npy", "No such file"]);
    spoil(&remove("layers/labels_test.npy"), &["layers/labels_test.npy", "No such file"]);
    spoil(&remove("layers/layer_2_test.npy"), &["layers/layer_2_test.npy", "No such file"]);
    // Labels of a test of which nothing else is there, in whichever file they stand.
    for name in ["labels_test.npy", "labels_test.csv", "labels_test.tsv", "labels_test.txt"] {
        let only_labels = |place: &Place| {
            for name in ["layer_2_test.npy", "layer_10_test.npy"] {
                fs::remove_file(place.path("layers").join(name)).unwrap();
            }
            if !name.ends_with("npy") {
                fs::remove_file(place.path("layers/labels_test.npy")).unwrap();
                fs::write(place.path("layers").join(name), "0\n1\n2\n".repeat(10)).unwrap();
            }
        };
        spoil(&only_labels, &["layers/layer_2_test.npy", "No such file"]);
    }
    spoil(
        &remove("layers/layer_2_train.npy"),
        &["layers/layer_2_test.npy", "no layer_2_train.npy beside it"],
    );
    spoil(
        &|place| place.points("layers/layer_2_train.npy", 119, 6),
        &["layer_2_train.npy", "119 rows", "labels_train.npy has 120"],
    );
    spoil(
        &|place| place.points("layers/layer_2_test.npy", 30, 5),
        &["layer_2_test.npy", "5 columns", "layer_2_train.npy has 6"],
    );
    spoil(
        &|place| place.labels("layers/labels_test.npy", &groups(29)),
        &["layer_2_test.npy", "30 rows", "labels_test.npy has 29"],
    );
    spoil(
        &|place| place.labels("layers/predictions_test.npy", &[0; 31]),
        &["predictions_test.npy", "31 predictions", "has 30"],
    );
    let many: Vec<u32> = (0..120).chain(300..1280).collect();
    let of_many = |place: &Place| {
        for name in ["layer_2", "layer_10"] {
            place.points(&format!("layers/{name}_train.npy"), 1100, 6);
        }
        place.labels("layers/labels_train.npy", &many);
    };
    spoil(&of_many, &["labels_train.npy", "1100 classes", "at most 1024", "layerlens embed"]);
    spoil(&|place| place.labels("layers/labels_train.npy", &[2; 120]), &["at least two classes"]);
    let names = |text: &'static str| {
        move |place: &Place| fs::write(place.path("layers/class_names.txt"), text).unwrap()
    };
    spoil(
        &names("Coat\nBag\n"),
        &["labels_train.npy", "row 2 is 2", "class_names.txt names 0 to 1"],
    );
    spoil(&names("Coat\nBag\nCoat\n"), &["class_names.txt", "line 3 is `Coat` again"]);
    spoil(&names("Coat\n\nBag\n"), &["class_names.txt", "line 2 is empty"]);
    let listed =
        |place: &Place| fs::write(place.path("layers/layers.txt"), "layer_2\nlayer_3\n").unwrap();
    spoil(&listed, &["layers.txt", "line 2 is `layer_3`", "no layer_3_train.npy"]);
    let images = |place: &Place| place.points("layers/images_train.npy", 120, 9);
    spoil(
        &images,
        &[
            "images_train.npy",
            "value 0 of the array",
            "expected pixels: whole numbers from 0 to 255",
        ],
    );
    let spoilt = |place: &Place| {
        npy::write_f32(place.path("layers/layer_2_train.npy"), &[f32::NAN; 720], &[120, 6]).unwrap()
    };
    spoil(&spoilt, &["layer_2_train.npy", "row 0, column 0", "finite"]);

    let place = Place::with_images();
    place.refuse(3, RUN, &["layers", "no such folder"]);
    let run = shared_run();
    let run = run.display();
    let parts = ["is the folder of a run", "whose layers are in", "activations"];
    place.refuse(3, &format!("run --from-activations {run} --device cpu --out out"), &parts);
    place.refuse(
        3,
        &RUN.replace("layers", "data"),
        &["data", "holds no layer", "<layer>_train.npy"],
    );
    for flag in ["--epochs 3", "--dataset fashion-mnist", "--hidden 8", "--model m.safetensors"] {
        place.refuse(
            2,
            &format!("{RUN} {flag}"),
            &["--from-activations", flag.split(' ').next().unwrap()],
        );
    }
}

#[test]
fn a_run_of_given_layers_is_resumed_only_with_the_same_layers() {
    let place = place_with_layers();
    place.succeed(RUN);
    let before = fs::read(place.path("out/scores/knn.csv")).unwrap();
    let mut left = manifest(&place.path("out"));
    left["status"] = "failed".into();
    left["stages"].as_array_mut().unwrap().truncate(2);
    left["results"] = serde_json::json!({ "knn": [left["results"]["knn"][0].clone()] });
    left["outputs"].as_array_mut().unwrap().truncate(8);
    fs::write(place.path("out/manifest.json"), serde_json::to_vec_pretty(&left).unwrap()).unwrap();
    place.points("layers/layer_10_test.npy", 30, 5);
    place.points("layers/layer_10_train.npy", 120, 5);
    place.refuse(
        3,
        &format!("{RUN} --resume"),
        &["cannot be resumed", "layers/layer_10_train.npy"],
    );
    place.points("layers/layer_10_test.npy", 30, 4);
    place.points("layers/layer_10_train.npy", 120, 4);
    place.succeed(&format!("{RUN} --resume"));
    assert_eq!(fs::read(place.path("out/scores/knn.csv")).unwrap(), before);
}

#[test]
fn the_shared_run_has_what_the_layers_need() {
    let folder = shared().0.join("out/activations");
    let labels = npy::read_labels(folder.join("labels_test.npy")).unwrap();
    assert_eq!((labels.len(), small_images()[0].len() > N_TRAIN), (N_TEST, true));
    assert_eq!(fs::read_to_string(folder.join("layers.txt")).unwrap(), "raw\nlayer_1\nlayer_2\n");
    let names: Vec<String> = (0..10).map(|class| format!("{class}\n")).collect();
    assert_eq!(fs::read_to_string(folder.join("class_names.txt")).unwrap(), names.concat());
}

#[test]
fn layers_of_subfolders_are_read_and_what_is_left_out_is_named() {
    let place = place_with_layers();
    fs::create_dir_all(place.path("layers/block1/a")).unwrap();
    fs::create_dir(place.path("layers/other")).unwrap();
    for (part, n) in [("train", 120), ("test", 30)] {
        place.points(&format!("layers/block1/conv_{part}.npy"), n, 3);
        place.points(&format!("layers/block1/a/conv_{part}.npy"), n, 2);
        place.points(&format!("layers/other/conv_{part}.npy"), n, 2);
        place.labels(&format!("layers/other/labels_{part}.npy"), &groups(n as u32));
    }
    place.points("layers/layer_2_val.npy", 20, 6);
    place.points("layers/mean.npy", 20, 6);
    // Text that is not read: labels are there already, of the rest only arrays are taken.
    for name in ["labels_train.csv", "predictions_test.csv", "softmax_test.csv", "conv_train.csv"] {
        fs::write(place.path("layers").join(name), "1\n").unwrap();
    }
    let stderr = place.succeed(RUN).stderr;
    assert_eq!(
        layers_of(&place.path("out")),
        ["block1_a_conv", "block1_conv", "layer_2", "layer_10"]
    );
    assert!(place.path("out/embeddings/pca_block1_conv_test.npy").exists());
    let left_out = "left out: conv_train.csv, labels_train.csv, layer_2_val.npy, mean.npy, other/ (layers of its own, with labels), \
                    predictions_test.csv, softmax_test.csv; ";
    assert!(stderr.contains(left_out), "{stderr}");
    // Names that are not those of one kind with numbers say nothing about their order.
    let order = format!("{ALPHABETICAL}, block1_a_conv, block1_conv, layer_2, layer_10: ");
    assert!(stderr.contains(&order), "{stderr}");
    assert!(fs::read_to_string(place.path("out/report.html")).unwrap().contains(left_out));
    fs::write(place.path("layers/layers.txt"), "layer_2\nblock1/conv\n").unwrap();
    let stderr = place.succeed(&RUN.replace("out out", "out listed")).stderr;
    assert!(!stderr.contains(ALPHABETICAL), "{stderr}");
    assert_eq!(layers_of(&place.path("listed")), ["layer_2", "block1_conv"]);
    place.points("layers/block1_conv_train.npy", 120, 3);
    place.refuse(
        3,
        &RUN.replace("out out", "out no"),
        &["block1_conv_train.npy", "block1/conv_train.npy", "rename"],
    );
}

#[test]
fn a_layer_that_a_method_cannot_map_stops_no_other() {
    for device in ["cpu", "gpu"] {
        if device == "gpu" && crate::support::gpu().is_none() {
            continue;
        }
        let place = place_with_layers();
        for (part, n) in [("train", 120), ("test", 30)] {
            place.points(&format!("layers/one_{part}.npy"), n, 1);
            npy::write_f32(
                place.path(format!("layers/same_{part}.npy")),
                &vec![0.5; n * 3],
                &[n as u64, 3],
            )
            .unwrap();
        }
        let methods = "--methods pca,tsne,umap,trimap --perplexity 10 --max-iter 100 --n-epochs 50";
        let run = RUN
            .replace("--methods pca", methods)
            .replace("device cpu", &format!("device {device}"));
        let outcome = place.succeed(&run);
        let out = place.path("out");
        assert_outputs_are_whole(&out);
        for method in ["PCA", "t-SNE", "UMAP", "TriMAP"] {
            let said = format!("no map of same by {method}: all its rows are the same");
            assert!(outcome.stderr.contains(&said), "{}", outcome.stderr);
        }
        assert!(outcome.stderr.contains("no map of one by PCA: "), "{}", outcome.stderr);
        let manifest = manifest(&out);
        let maps = manifest["results"]["maps"].as_array().unwrap();
        let of = |space: &str| maps.iter().filter(|map| map["space"] == space).count();
        assert_eq!([of("layer_2"), of("layer_10"), of("same")], [4, 4, 0]);
        // Each method but PCA has its map of the one unit.
        assert_eq!(of("one"), 3, "{}", outcome.stderr);
        let knn = manifest["results"]["knn"].as_array().unwrap();
        assert!(knn.iter().any(|row| row["space"] == "one"
            && row["method"].is_null()
            && row["knn"][0]["accuracy"] == 1.0));
        assert!(
            fs::read_to_string(out.join("report.html")).unwrap().contains("no map of same by UMAP")
        );
        // Where it was left, it goes on, and says nothing twice.
        place.succeed(&format!("report out --device {device}"));
        assert_eq!(outcome.stderr.matches("no map of same by UMAP").count(), 1);
    }
}

#[test]
fn a_run_that_skipped_a_map_is_resumed() {
    let place = place_with_layers();
    for (part, n) in [("train", 120), ("test", 30)] {
        place.points(&format!("layers/one_{part}.npy"), n, 1);
    }
    place.succeed(RUN);
    let before = manifest(&place.path("out"));
    let mut left = before.clone();
    let stages = left["stages"].as_array_mut().unwrap();
    let last = stages.iter().position(|stage| stage["name"] == "what the layers did").unwrap();
    stages.truncate(last);
    left["status"] = "failed".into();
    fs::write(place.path("out/manifest.json"), serde_json::to_vec_pretty(&left).unwrap()).unwrap();
    place.succeed(&format!("{RUN} --resume"));
    let after = manifest(&place.path("out"));
    assert_eq!(after["warnings"], before["warnings"]);
    assert_eq!(after["results"]["skipped"], before["results"]["skipped"]);
    assert_eq!(before["results"]["skipped"][0]["space"], "one");
    assert_outputs_are_whole(&place.path("out"));
    // A single layer that no method can map is refused by its name.
    for name in ["layer_2", "layer_10"] {
        for part in ["train", "test"] {
            fs::remove_file(place.path(format!("layers/{name}_{part}.npy"))).unwrap();
        }
    }
    place.refuse(
        3,
        &RUN.replace("out out", "out no"),
        &["no method can map one", "at most 1 components"],
    );
}

#[test]
fn what_was_skipped_is_told_again_when_changed_files_are_made_again() {
    let place = place_with_layers();
    for (part, n) in [("train", 120), ("test", 30)] {
        npy::write_f32(
            place.path(format!("layers/layer_5_{part}.npy")),
            &vec![0.5; n * 3],
            &[n as u64, 3],
        )
        .unwrap();
    }
    place.succeed(RUN);
    let before = manifest(&place.path("out"));
    assert_eq!(before["results"]["skipped"][0]["space"], "layer_5");
    // Made before the map is skipped, right before it, and after it.
    for file in [
        "embeddings/pca_layer_2_train.npy",
        "scores/predictions/layer_5.npy",
        "embeddings/pca_layer_10_train.npy",
    ] {
        let path = place.path("out").join(file);
        let mut bytes = fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(path, bytes).unwrap();
        let stderr = place.succeed(&format!("{RUN} --resume")).stderr;
        assert!(stderr.contains(&format!("out: {file} is not as the run wrote it")), "{stderr}");
        let after = manifest(&place.path("out"));
        assert_eq!(
            (&after["warnings"], &after["results"]),
            (&before["warnings"], &before["results"]),
            "{file}"
        );
        assert_eq!(after["warnings"].to_string().matches("no map of layer_5 by PCA").count(), 1);
        assert!(
            fs::read_to_string(place.path("out/report.html"))
                .unwrap()
                .contains("no map of layer_5 by PCA")
        );
    }
}

/// 300 classes of two training and two test points each, of which 29 are taken for the next of
/// them: tables of all, figures of those that say most.
#[test]
fn a_run_takes_hundreds_of_classes() {
    let place = Place::new();
    fs::create_dir(place.path("layers")).unwrap();
    for part in ["train", "test"] {
        place.points(&format!("layers/layer_1_{part}.npy"), 600, 4);
        let labels: Vec<u32> = (0..600).map(|row| row % 300).collect();
        place.labels(&format!("layers/labels_{part}.npy"), &labels);
        let taken = |class: u32| match class {
            100..129 => 100 + (class - 99) % 29,
            _ => class,
        };
        let predicted: Vec<u32> = labels.iter().map(|&class| taken(class)).collect();
        place.labels(&format!("layers/predictions_{part}.npy"), &predicted);
    }
    place.succeed(&format!("{RUN} --clusters none"));
    let out = place.path("out");
    assert_outputs_are_whole(&out);
    let labels = npy::read_labels(out.join("activations/labels_test.npy")).unwrap();
    assert_eq!((labels[299], labels[300]), (299, 0));
    let svg = fs::read_to_string(out.join("figures/classifier_confusion.svg")).unwrap();
    // (600 - 2 * 29) / 600
    assert!(svg.contains("accuracy 0.9033, the 29 most confused of 300 classes"));
    assert!([">100<", ">128<", ">other<", ">542<"].iter().all(|words| svg.contains(words)));
    assert!([">99<", ">129<"].iter().all(|words| !svg.contains(words)));
    let confusion = fs::read_to_string(out.join("scores/confusion.csv")).unwrap();
    assert!(confusion.contains("\n,,128,100,2,1\n"), "128 is taken for 100");
    // Counts of 0 are left out; the others are all there.
    let counts = confusion.lines().skip(1).map(|line| line.split(',').nth(4).unwrap());
    assert!(counts.clone().all(|count| count != "0"));
    let of_network = confusion.lines().filter(|line| line.starts_with(",,"));
    let points: usize =
        of_network.map(|line| line.split(',').nth(4).unwrap().parse::<usize>().unwrap()).sum();
    assert_eq!(points, 600);
    let page = fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains("the 29 most confused of 300 classes"));
    // Files are named by their place in the folder, which may be a temporary one.
    assert!(page.contains(">labels_test.npy<") && page.contains(">layers<"));
}
