//! Inputs and flags that must be refused: exit codes 2 and 3, messages that name the culprit, and
//! no file written.

use crate::support::{Place, groups, idx, points, small_images, small_mlp, words, write_images};
use flate2::{Compression, write::GzEncoder};
use layerlens::dataset::{Samples, npy};
use layerlens::matrix::Matrix;
use layerlens::model::{Weights, write_weights};
use std::io::Write;

/// A run of weights that are trained already.
const OF_WEIGHTS: &str =
    "run --dataset fashion-mnist --data-dir data --device cpu --out out --model m.safetensors";

const RUN: &str = "run --dataset fashion-mnist --data-dir data --epochs 1 --device cpu --out out";

/// `layerlens run` on the small data set with `name` replaced by `bytes`.
fn refuse_images(name: &str, bytes: &[u8], parts: &[&str]) {
    let place = Place::with_images();
    std::fs::write(place.path("data").join(name), bytes).unwrap();
    place.refuse(3, RUN, &[&[name], parts].concat());
    place.refuse(3, &RUN.replace("run", "train"), &[&[name], parts].concat());
}

#[test]
fn missing_files_are_named() {
    let place = Place::with_images();
    place.refuse(3, "embed x.npy --device cpu --out out", &["x.npy", "No such file"]);
    place.refuse(
        3,
        "evaluate x.npy --labels y.npy --device cpu --out out",
        &["x.npy", "No such file"],
    );
    place.refuse(3, OF_WEIGHTS, &["m.safetensors", "No such file"]);
    place.refuse(
        3,
        &RUN.replace("data ", "nowhere "),
        &["nowhere", "train-images-idx3-ubyte", "--data-dir"],
    );
    std::fs::remove_file(place.path("data/t10k-labels-idx1-ubyte")).unwrap();
    place.refuse(3, RUN, &["data", "1 of the four", "t10k-labels-idx1-ubyte"]);
}

#[test]
fn damaged_image_files_are_named() {
    let header = [0x803, 2, 28, 28];
    let whole = idx(&header, &[0; 2 * 784]);
    refuse_images(
        "train-images-idx3-ubyte",
        &whole[..1000],
        &["truncated", "984 bytes found", "1568 expected"],
    );
    refuse_images(
        "t10k-images-idx3-ubyte",
        &[whole, vec![0]].concat(),
        &["bytes follow after the 1568"],
    );
    refuse_images(
        "train-labels-idx1-ubyte",
        &idx(&[0x803, 1], &[0]),
        &["0x00000803 found", "0x00000801 expected"],
    );
    refuse_images("t10k-labels-idx1-ubyte", &[0, 0], &["2 bytes", "magic number"]);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&idx(&[0x801, 400], &[1; 400])).unwrap();
    let gzip = gzip.finish().unwrap();
    refuse_images("train-labels-idx1-ubyte", &gzip[..gzip.len() - 6], &["gzip", "truncated"]);
}

#[test]
fn labels_that_do_not_fit_their_images_are_named() {
    let train: Vec<u8> = small_images()[0].labels.iter().map(|&label| label as u8).collect();
    let short = idx(&[0x801, 399], &train[..399]);
    refuse_images(
        "train-labels-idx1-ubyte",
        &short,
        &["399 labels for 400 images", "train-images-idx3-ubyte"],
    );
    let mut beyond = train.clone();
    beyond[17] = 10;
    refuse_images(
        "train-labels-idx1-ubyte",
        &idx(&[0x801, 400], &beyond),
        &["row 17 is 10", "0 to 9"],
    );
    let small = idx(&[0x803, 120, 2, 3], &[0; 720]);
    refuse_images(
        "t10k-images-idx3-ubyte",
        &small,
        &["2 x 3", "28 x 28", "train-images-idx3-ubyte"],
    );
}

/// What would fail after the training is refused before it.
#[test]
fn data_that_cannot_be_scored_are_refused_before_training() {
    let place = Place::new();
    let [train, test] = small_images();
    let one_class = Samples::new(train.images.clone(), vec![3; 400]).unwrap();
    write_images(&place.path("data"), &[one_class, test.clone()]);
    place.refuse(3, RUN, &["at least two classes"]);
    write_images(&place.path("data"), &[train.select(&(0..12).collect::<Vec<_>>()), test.clone()]);
    place.refuse(3, &format!("{RUN} --methods pca"), &["10 images are left", "at least 11"]);
    write_images(&place.path("data"), &[train.select(&(0..24).collect::<Vec<_>>()), test.clone()]);
    place.refuse(
        3,
        RUN,
        &[
            "perplexity 30 needs at least 91 points, there are 20",
            "largest perplexity for 20 is 6.3",
        ],
    );
    write_images(&place.path("data"), &[train.select(&[0, 1, 2, 3, 4]), test.clone()]);
    place.refuse(
        3,
        &RUN.replace("run", "train"),
        &["5 training images leave none for validation", "6 are the fewest"],
    );
}

#[test]
fn weights_of_another_model_are_refused() {
    let place = Place::with_images();
    let run = OF_WEIGHTS;
    let path = place.path("m.safetensors");
    let write = |features: usize, classes: usize, weights_of: usize| {
        let weights = small_mlp(weights_of, classes).initial_weights(1);
        write_weights(&path, &small_mlp(features, classes), &weights).unwrap();
    };
    write(100, 10, 100);
    place.refuse(
        3,
        run,
        &[
            "m.safetensors",
            "does not fit fashion-mnist",
            "images are 28 x 28 x 1",
            "takes 1 x 100 x 1",
        ],
    );
    write(784, 5, 784);
    place.refuse(3, run, &["m.safetensors", "row", "has the label", "knows 0 to 4"]);
    write(784, 10, 100);
    place.refuse(3, run, &["m.safetensors", "`dense_1.weight`", "[100, 4]", "[784, 4]"]);
    let config = small_mlp(784, 10);
    let mut weights = config.initial_weights(1);
    weights.insert("dense_2.bias".into(), vec![10], [[0.0; 9].as_slice(), &[f32::NAN]].concat());
    write_weights(&path, &config, &weights).unwrap();
    place.refuse(3, run, &["m.safetensors", "`dense_2.bias`", "value 9 is NaN", "finite"]);
    let mut few = Weights::default();
    few.insert("dense_1.bias".into(), vec![4], vec![0.0; 4]);
    write_weights(&path, &config, &few).unwrap();
    place.refuse(3, run, &["m.safetensors", "hold 1 tensors", "has 4"]);
}

#[test]
fn corrupt_and_foreign_weights_are_refused() {
    let place = Place::with_images();
    let run = OF_WEIGHTS;
    let config = small_mlp(784, 10);
    write_weights(&place.path("m.safetensors"), &config, &config.initial_weights(1)).unwrap();
    let whole = std::fs::read(place.path("m.safetensors")).unwrap();
    let foreign = [2_u64.to_le_bytes().as_slice(), b"{}"].concat();
    for (bytes, part) in [
        (b"PK\x03\x04".as_slice(), "not a .safetensors file"),
        (&whole[..whole.len() - 9], ""),
        (&foreign, "`layerlens`"),
    ] {
        std::fs::write(place.path("m.safetensors"), bytes).unwrap();
        place.refuse(3, run, &["m.safetensors", part]);
    }
}

/// Writes `x.npy`, 120 x 5, with `value` in row 7, column 2.
fn write_spoilt(place: &Place, value: f32) {
    let mut data = points(120, 5).into_vec();
    data[7 * 5 + 2] = value;
    npy::write_f32(place.path("x.npy"), &data, &[120, 5]).unwrap();
}

#[test]
fn values_that_are_not_finite_are_named_by_row_and_column() {
    let place = Place::with_points();
    for (value, word) in [(f32::NAN, "NaN"), (f32::INFINITY, "inf"), (f32::NEG_INFINITY, "-inf")] {
        write_spoilt(&place, value);
        let parts = ["x.npy", "row 7, column 2", word, "finite"];
        place.refuse(3, "embed x.npy --device cpu --out out", &parts);
        place.refuse(3, "evaluate x.npy --labels labels.npy --device cpu --out out", &parts);
    }
}

#[test]
fn arrays_that_are_no_matrix_are_refused() {
    let place = Place::new();
    let embed = "embed x.npy --device cpu --out out";
    npy::write_f32(place.path("x.npy"), &[0.0; 24], &[2, 3, 4]).unwrap();
    place.refuse(3, embed, &["x.npy", "(2, 3, 4)", "expected n_samples x n_features"]);
    npy::write_f32(place.path("x.npy"), &[], &[0, 4]).unwrap();
    place.refuse(3, embed, &["x.npy", "(0, 4)", "at least one row"]);
    place.points("x.npy", 120, 5);
    let whole = std::fs::read(place.path("x.npy")).unwrap();
    std::fs::write(place.path("x.npy"), &whole[..whole.len() - 1]).unwrap();
    place.refuse(3, embed, &["x.npy", "truncated", "2399 bytes", "2400 expected"]);
    std::fs::write(place.path("x.npy"), b"1,2\n3,4\n").unwrap();
    place.refuse(3, embed, &["x.npy", "not an NPY file"]);
}

#[test]
fn labels_that_do_not_fit_their_rows_are_refused() {
    let place = Place::with_points();
    let commands = [
        "embed x.npy --labels y.npy --device cpu --out out",
        "evaluate x.npy --labels y.npy --device cpu --out out",
    ];
    let cases: [(&[u32], &[&str]); 2] = [
        (&groups(119), &["119 labels for the 120 rows of x.npy"]),
        (&[4; 120], &["every label is the same", "at least two classes"]),
    ];
    for (labels, parts) in cases {
        place.labels("y.npy", labels);
        for command in commands {
            place.refuse(3, command, &[&["y.npy"], parts].concat());
        }
    }
    for (text, part) in
        [("label\n1\nx\n", "2 labels for the 120 rows"), ("1\n-2.5\n", "line 2 is -2.5")]
    {
        std::fs::write(place.path("y.csv"), text).unwrap();
        place.refuse(3, &commands[0].replace("y.npy", "y.csv"), &["y.csv", part]);
    }
}

#[test]
fn too_few_points_are_told_what_they_allow() {
    let place = Place::new();
    place.points("x.npy", 50, 5);
    place.labels("y.npy", &groups(50));
    let embed = "embed x.npy --device cpu --out out";
    place.refuse(
        3,
        embed,
        &["perplexity 30", "at least 91 points, there are 50", "largest perplexity for 50 is 16.3"],
    );
    place.refuse(
        3,
        &format!("{embed} --perplexity 5,20"),
        &["perplexity 20", "at least 61 points, there are 50"],
    );
    place.refuse(
        3,
        &format!("{embed} --method pca --n-components 6"),
        &["50 points of 5 features", "at most 5", "6 were"],
    );
    let umap = format!("{embed} --method umap --n-neighbors 50");
    place.refuse(
        3,
        &umap,
        &["n_neighbors 50", "at least 51 points, there are 50", "largest n_neighbors for 50 is 49"],
    );
    place.points("three.npy", 3, 5);
    for method in ["umap", "trimap"] {
        let args = format!("embed three.npy --method {method} --device cpu --out out");
        place.refuse(3, &args, &["4", "points", "there are 3"]);
    }
    let evaluate = "evaluate x.npy --labels y.npy --device cpu --out out";
    place.refuse(
        3,
        &format!("{evaluate} --n-neighbors 3,50"),
        &["x.npy", "50 points", "--n-neighbors", "at most 49", "50 were"],
    );
    let with_new = format!("{evaluate} --new x.npy --new-labels y.npy");
    place.refuse(
        3,
        &format!("{with_new} --n-neighbors 51"),
        &["x.npy", "--n-neighbors", "at most 50", "51 were"],
    );
    place.succeed(&format!("{with_new} --n-neighbors 50"));
}

#[test]
fn new_points_of_another_width_are_refused() {
    let place = Place::with_points();
    place.points("new.npy", 9, 4);
    place.labels("new_labels.npy", &groups(9));
    place.refuse(
        3,
        "embed x.npy --new new.npy --device cpu --out out",
        &["new.npy", "4 columns", "x.npy has 5"],
    );
    let evaluate = "evaluate x.npy --labels labels.npy --new new.npy --new-labels new_labels.npy --device cpu --out out";
    place.refuse(3, evaluate, &["new.npy", "4 columns", "x.npy has 5"]);
}

#[test]
fn unknown_words_are_usage_errors() {
    let place = Place::with_points();
    place.refuse(2, "nosuch", &["nosuch"]);
    place.refuse(2, "run --nosuch 3", &["--nosuch"]);
    place.refuse(2, "embed x.npy --epochs 3", &["--epochs"]);
    place.refuse(2, "embed", &["<FILE>"]);
    place.refuse(2, "run --device tpu", &["--device", "tpu", "auto", "gpu", "cpu"]);
    place.refuse(
        2,
        "run --dataset nosuch --device cpu",
        &["--dataset", "nosuch", "fashion-mnist, fashion-mnist-sample"],
    );
    place.refuse(2, "run --methods pca,nosuch --device cpu", &["--methods = nosuch", "pca, tsne"]);
    place.refuse(2, "run --methods pca,pca --device cpu", &["--methods = pca", "once"]);
    place.refuse(
        2,
        "embed x.npy --method nosuch --device cpu",
        &["--method = nosuch", "pca, tsne"],
    );
    place.refuse(2, "embed x.npy --new-labels labels.npy", &["--new"]);
    place.refuse(2, "embed x.npy --new x.npy --new-labels labels.npy", &["--labels"]);
    place.refuse(2, "evaluate x.npy --labels labels.npy --new x.npy", &["--new-labels"]);
    place.refuse(2, "evaluate x.npy", &["--labels"]);
    place.refuse(
        2,
        "evaluate x.npy --labels labels.npy --new x.npy --new-space x.npy",
        &["--space"],
    );
}

#[test]
fn flags_of_methods_that_were_not_chosen_are_usage_errors() {
    let place = Place::with_points();
    place.refuse(
        2,
        "embed x.npy --method pca --perplexity 30 --device cpu",
        &["--perplexity", "pca"],
    );
    place.refuse(2, "embed x.npy --method tsne --whiten true --device cpu", &["--whiten", "tsne"]);
    place.refuse(
        2,
        "embed x.npy --method umap --max-iter 10 --device cpu",
        &["--max-iter", "umap"],
    );
    place.refuse(
        2,
        "embed x.npy --method trimap --umap-n-epochs 10 --device cpu",
        &["--umap-n-epochs", "trimap"],
    );
    place.refuse(2, "bench --methods pca --perplexity 10 --device cpu", &["--perplexity", "pca"]);
    place.refuse(
        2,
        "run --methods pca --tsne-learning-rate 5 --device cpu",
        &["--tsne-learning-rate", "pca"],
    );
}

#[test]
fn values_out_of_range_are_usage_errors() {
    let place = Place::with_images();
    place.points("x.npy", 120, 5);
    let embed = "embed x.npy --device cpu --out out";
    let cases = [
        ("--perplexity 0", "between 1 and 168"),
        ("--perplexity -1", "between 1 and 168"),
        ("--perplexity inf", "between 1 and 168"),
        ("--perplexity abc", "expected a number"),
        ("--max-iter 0", "at least 1"),
        ("--max-iter -5", "a whole number"),
        ("--max-iter 2.5", "a whole number"),
        ("--learning-rate -1", "above 0"),
        ("--final-momentum 1", "below 1"),
        ("--init umap", "expected `pca`, `spectral`, `random` or a .npy file"),
        ("--init spectral", "pca, random or a .npy FILE"),
        ("--placement mean", "expected `mode` or `optimise`"),
        ("--perplexity 10,x", "numbers with commas between"),
        ("--repulsion barnes-hut", "`auto`, `grid`, `exact`"),
        ("--accuracy high", "`fast` or `accurate`"),
        ("--n-components 4", "2 or 3"),
        ("--metric manhattan", "euclidean, cosine"),
        ("--neighbors-search some", "exact, approximate"),
        ("--threads 0", "1.."),
        ("--threads -1", "1.."),
        ("--seed -1", "--seed"),
        ("--seed 9223372036854775808", "9223372036854775807"),
    ];
    for (flag, expected) in cases {
        let [name, value] = words(flag)[..] else { panic!("{flag}") };
        place.refuse(2, &format!("{embed} {flag}"), &[name, value, expected]);
    }
    place.refuse(
        2,
        &format!("{embed} --perplexity 10,200"),
        &["--perplexity = 200", "between 1 and 168"],
    );
    let run = RUN.replace("--epochs 1 ", "");
    let cases = [
        ("--epochs 0", "at least 1"),
        ("--epochs -1", "-1"),
        ("--batch-size 0", "at least 1"),
        ("--batch-size -1", "-1"),
        ("--dropout 1", "below 1"),
        ("--dropout -0.1", "below 1"),
        ("--learning-rate 0", "above 0"),
        ("--learning-rate inf", "above 0"),
        ("--hidden 16,0", "at least 1 unit"),
    ];
    for (flag, expected) in cases {
        let name = words(flag)[0];
        place.refuse(2, &format!("{run} {flag}"), &[name, expected]);
        place.refuse(2, &format!("{} {flag}", run.replace("run", "train")), &[name, expected]);
    }
    place.refuse(2, &format!("{RUN} --n-components 3"), &["--n-components = 3", "2 dimensions"]);
    for k in ["0", "-1", "505"] {
        let args = format!("evaluate x.npy --labels x.npy --n-neighbors {k}");
        place.refuse(2, &args, &["--n-neighbors", k, "1..=504"]);
    }
}

#[test]
fn values_of_umap_and_trimap_out_of_range_are_usage_errors() {
    let place = Place::with_points();
    let cases = [
        ("umap", "--n-neighbors 1", "between 2 and 505"),
        ("umap", "--n-neighbors -3", "a whole number"),
        ("umap", "--min-dist 1.5", "between 0 and --spread, 1"),
        ("umap", "--spread 0", "above 0"),
        ("umap", "--n-epochs 0", "at least 1, or `auto`"),
        ("umap", "--n-components 1", "2 or 3"),
        ("umap", "--negative-sample-rate 0", "between 1 and 100"),
        ("umap", "--repulsion-strength -1", "at least 0"),
        ("umap", "--local-connectivity 15", "between 0 and --n-neighbors less 1, 14"),
        ("umap", "--set-op-mix-ratio 2", "between 0 and 1"),
        ("umap", "--init start.txt", "a .npy file of initial coordinates"),
        ("trimap", "--n-inliers 0", "between 1 and 100"),
        ("trimap", "--n-outliers 51", "between 1 and 50"),
        ("trimap", "--n-random 51", "between 0 and 50"),
        ("trimap", "--weight-temp 2", "between 0 and 1"),
        ("trimap", "--max-iter 0", "at least 1"),
        ("trimap", "--learning-rate 0", "above 0"),
        ("trimap", "--n-components 4", "2 or 3"),
        ("trimap", "--init spectral", "pca, random or a .npy FILE"),
    ];
    for (method, flag, expected) in cases {
        let [name, value] = words(flag)[..] else { panic!("{flag}") };
        place.refuse(
            2,
            &format!("embed x.npy --method {method} --device cpu --out out {flag}"),
            &[name, value, expected],
        );
    }
    let repulsion = "embed x.npy --repulsion grid --n-components 3 --device cpu --out out";
    place.refuse(2, repulsion, &["--repulsion = grid", "in 3 the repulsion is exact"]);
}

#[test]
fn the_environment_is_checked_like_flags() {
    let place = Place::with_images();
    for (name, value, flag) in
        [("EPOCHS", "many", "--epochs"), ("DEVICE", "tpu", "--device"), ("SEED", "x", "--seed")]
    {
        let mut command = place.command(&["run"]);
        let outcome = crate::support::finished(command.env(format!("LAYERLENS_{name}"), value));
        outcome.assert_error(2, name, &[value, flag]);
    }
}

/// Too large a step ends a training; what it left says that it failed, and why.
#[test]
fn a_failed_run_says_so_in_its_manifest() {
    let place = Place::with_images();
    let args = format!("{RUN} --learning-rate 1e30 --hidden 8");
    place.start(&args).assert_error(1, &args, &["loss became NaN", "--learning-rate"]);
    let manifest = crate::support::manifest(&place.path("out"));
    assert_eq!(manifest["status"], "failed");
    assert!(
        manifest["error"].as_str().unwrap().contains("loss became NaN"),
        "{}",
        manifest["error"]
    );
    place.assert_nothing_half_written();
}

#[test]
fn matrices_of_integers_are_read() {
    // Not an error: the counterpart of the refusals above.
    let place = Place::new();
    npy::write_indices(
        place.path("x.npy"),
        &(0..600).map(|at| at * at % 97).collect::<Vec<_>>(),
        120,
        5,
    )
    .unwrap();
    place.succeed("embed x.npy --method pca --device cpu --out out");
    let map: Matrix = npy::read_matrix(place.path("out/embeddings/embedding.npy")).unwrap();
    assert_eq!((map.n_samples(), map.n_features()), (120, 2));
}
