//! The programs of `examples/`, as `cargo test` has built them: what they print is right.

use std::env::consts::EXE_SUFFIX;
use std::path::Path;
use std::process::Command;

/// Output of an example, which lies beside the folder of this test's own program.
fn output_of(name: &str) -> String {
    let this = std::env::current_exe().expect("the path of this test");
    let profile = this.ancestors().nth(2).expect("the folder of the profile");
    let program = profile.join("examples").join(format!("{name}{EXE_SUFFIX}"));
    assert!(
        program.is_file(),
        "{} is missing: `cargo test` builds it, `cargo test --test examples` does not",
        program.display()
    );
    let ended = Command::new(&program).output().expect("the example starts");
    let errors = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{name}: {}\n{errors}", ended.status);
    String::from_utf8(ended.stdout).expect("UTF-8")
}

/// The number behind `words`.
fn number(output: &str, words: &str) -> f64 {
    let Some((_, rest)) = output.split_once(words) else {
        panic!("no {words:?} in\n{output}");
    };
    let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-'));
    let digits = &rest[..end.unwrap_or(rest.len())];
    digits.parse().unwrap_or_else(|_| panic!("no number behind {words:?} in\n{output}"))
}

#[test]
fn embed_draws_digits_apart() {
    let output = output_of("embed");
    assert!(output.contains("1000 points of 64 features"), "{output}");
    assert!((0.3..1.5).contains(&number(&output, "KL divergence ")), "{output}");
    assert!(number(&output, "trustworthiness ") > 0.97, "{output}");
    assert!(number(&output, "5-NN accuracy in the map ") > 0.93, "{output}");
    assert_eq!(output.matches("  digit ").count(), 3, "{output}");
}

#[test]
fn new_points_are_placed_among_their_kind() {
    let output = output_of("place_new_points");
    assert!(output.contains("797 new points in a map of 1000"), "{output}");
    assert!(output.contains("alone in the same place: true"), "{output}");
    assert!(number(&output, "5-NN accuracy of the new points ") > 0.85, "{output}");
}

#[test]
fn clusters_agree_with_the_digits() {
    let output = output_of("cluster");
    let (k_means, hdbscan) = output.split_once("HDBSCAN").expect("two methods");
    assert!(number(k_means, "agreement with the classes ") > 0.5, "{output}");
    assert!((0.1..0.3).contains(&number(k_means, "silhouette ")), "{output}");
    assert!((7.0..15.0).contains(&number(hdbscan, "in a UMAP map: ")), "{output}");
    assert!(number(hdbscan, "agreement with the classes ") > 0.6, "{output}");
}

#[test]
#[cfg(feature = "train")]
fn a_trained_network_keeps_classes_apart() {
    let output = output_of("train_and_look");
    assert!(number(&output, "test accuracy after 30 epochs: ") > 0.9, "{output}");
    let rows: Vec<Vec<&str>> = output
        .lines()
        .map(|line| line.split_whitespace().collect())
        .filter(|row: &Vec<&str>| row.len() == 4 && row[0] != "layer")
        .collect();
    let value = |row: usize, column: usize| -> f64 { rows[row][column].parse().expect("a number") };
    assert_eq!(rows.len(), 4, "{output}");
    for row in 0..4 {
        assert_eq!(rows[row][1], ["64", "128", "32", "10"][row], "{output}");
        assert!(value(row, 2) > 0.9, "{output}");
        // Layer by layer the classes lie further apart.
        assert!(row == 0 || value(row, 3) > value(row - 1, 3), "{output}");
    }
    assert!(output.contains("in the map of layer_2: ["), "{output}");
}

#[test]
fn every_example_is_tried() {
    let tests = include_str!("examples.rs");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    for file in folder.read_dir().expect("the examples") {
        let path = file.expect("a file").path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.file_stem().and_then(|stem| stem.to_str()).expect("a name");
            assert!(tests.contains(&format!("output_of(\"{name}\")")), "{name} has no test");
        }
    }
}
