//! `layerlens bench`: times, kernels, and whether two runs agree.

use crate::support::{Place, gpu};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

#[test]
fn every_stage_is_measured() {
    let place = Place::new();
    let args = "bench --n 200,400 --d 8 --repeats 1 --methods pca,tsne --max-iter 20 --device cpu --out out";
    let stdout = place.succeed(args).stdout;
    let mut reader = csv::Reader::from_path(place.path("out/bench.csv")).unwrap();
    let header: Vec<_> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    assert_eq!(
        header,
        ["stage", "device", "n", "d", "first", "seconds", "least", "most", "repeats"]
    );
    let rows: Vec<Vec<String>> =
        reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect();
    let stages = [
        ("90 neighbours", "8"),
        ("pca", "8"),
        ("k-means, 1 start", "8"),
        ("silhouettes", "8"),
        ("tsne layout", "0"),
        ("tsne fit", "8"),
        ("tsne transform of 1000", "0"),
        ("quality of a map", "8"),
    ];
    // And the training of a network once.
    assert_eq!(rows.len(), 2 * stages.len() + 1, "{rows:?}");
    assert!(rows.last().is_some_and(|row| row[0] == "an epoch of the mlp"), "{rows:?}");
    for n in ["200", "400"] {
        for (stage, d) in stages {
            let found: Vec<_> =
                rows.iter().filter(|row| row[0] == stage && row[2] == n && row[3] == d).collect();
            let [row] = found[..] else { panic!("{stage} of {n}: {rows:?}") };
            assert!(row[1].starts_with("CPU, "), "{row:?}");
            let [first, seconds, least, most] =
                [4, 5, 6, 7].map(|column| row[column].parse::<f64>().unwrap());
            assert!(
                0.0 < first && 0.0 < least && least <= seconds && seconds <= most && row[8] == "1",
                "{row:?}"
            );
            let line = |line: &&str| {
                line.starts_with(stage) && line.split_whitespace().any(|word| word == n)
            };
            assert_eq!(stdout.lines().filter(line).count(), 1, "{stage} of {n}: {stdout}");
        }
        let seconds = |stage: &str| -> f64 {
            rows.iter().find(|row| row[0] == stage && row[2] == n).unwrap()[5].parse().unwrap()
        };
        let whole = seconds("90 neighbours") + seconds("tsne layout");
        assert!(
            (seconds("tsne fit") - whole).abs() < 1e-9,
            "a fit is its neighbours and its layout"
        );
    }
    let exponents = stdout.split("time ~ n^p").nth(1).unwrap();
    let json: Value =
        serde_json::from_slice(&fs::read(place.path("out/bench.json")).unwrap()).unwrap();
    assert_eq!(json["devices"][0]["timings"].as_array().unwrap().len(), rows.len());
    for (stage, _) in stages {
        let line = exponents
            .lines()
            .find(|line| line.trim().starts_with(&format!("{stage}, CPU")))
            .unwrap();
        let p: f64 = line.split("p = ").nth(1).unwrap().parse().unwrap();
        assert!(p.is_finite(), "{line}");
    }
    let image = image::open(place.path("out/bench.png")).unwrap().to_rgb8();
    let colors: BTreeSet<[u8; 3]> = image.pixels().map(|pixel| pixel.0).collect();
    assert!(image.width() > 300 && colors.len() > 10, "blank");
    assert!(
        fs::read_to_string(place.path("out/bench.svg")).unwrap().trim_end().ends_with("</svg>")
    );
    place.refuse(1, args, &["bench.csv", "exists already", "--force"]);
    place.succeed("bench --n 200 --d 8 --repeats 1 --methods pca --device cpu --out out --force");
    assert!(
        !place.path("out/bench.png").exists(),
        "one size makes no figure, and an older one is not left beside it"
    );
}

#[test]
fn kernels_are_profiled_and_two_runs_compared() {
    if gpu().is_none() {
        return;
    }
    let place = Place::new();
    let sizes = "--n 300 --d 8 --repeats 1 --methods pca,umap --n-epochs 10";
    let stdout = place.succeed(&format!("bench {sizes} --profile --device gpu --out out")).stdout;
    assert!(stdout.contains("measured peaks: "), "{stdout}");
    assert_eq!(
        stdout.matches("two runs: the same bytes").count(),
        4,
        "neighbours, two methods, a network: {stdout}"
    );
    assert!(stdout.contains("recall against the CPU 1.00000"), "{stdout}");
    let mut reader = csv::Reader::from_path(place.path("out/kernels.csv")).unwrap();
    let rows: Vec<BTreeMap<String, String>> = reader.deserialize().map(Result::unwrap).collect();
    let advance = rows
        .iter()
        .find(|row| row["stage"] == "umap layout" && row["kernel"] == "fuzzy_layout/advance")
        .unwrap();
    let number = |name: &str| advance[name].parse::<f64>().unwrap();
    assert!(
        number("calls") >= 10.0
            && number("gpu_ms") >= number("longest_ms")
            && number("longest_ms") > 0.0,
        "{advance:?}"
    );
    assert!(number("gflop_s") > 0.0 && number("percent_of_peak_bytes") > 0.0, "{advance:?}");
    let json: Value =
        serde_json::from_slice(&fs::read(place.path("out/bench.json")).unwrap()).unwrap();
    let gpu = &json["devices"][1];
    assert!(
        gpu["peaks"]["gflop_s"].as_f64().unwrap() > 0.1
            && gpu["ratios"].as_array().unwrap().len() > 5,
        "{json}"
    );
    let layout = gpu["profiles"]
        .as_array()
        .unwrap()
        .iter()
        .find(|profile| profile["stage"] == "umap layout")
        .unwrap();
    let share = layout["gpu_seconds"].as_f64().unwrap() / layout["seconds"].as_f64().unwrap();
    assert!((0.0..=1.0).contains(&share) && layout["submits"].as_u64().unwrap() > 0, "{layout}");
}

#[test]
fn measurements_that_cannot_be_are_refused() {
    let place = Place::new();
    let bench = "bench --methods pca --device cpu --out out";
    place.refuse(2, &format!("{bench} --n 5"), &["--n = 5", "at least 100 points"]);
    place.refuse(2, &format!("{bench} --n 200,x"), &["--n", "x"]);
    place.refuse(2, &format!("{bench} --d 0"), &["--d = 0", "at least 1 feature"]);
    place.refuse(2, &format!("{bench} --repeats 0"), &["--repeats = 0", "at least 1"]);
    place.refuse(2, "bench --methods nosuch --device cpu", &["nosuch", "pca, tsne, umap, trimap"]);
    place.refuse(4, &format!("{bench} --n 200 --adapters nosuch"), &["no usable GPU"]);
    place.refuse(4, "bench --check --device cpu", &["nothing to compare with the CPU"]);
    place.refuse(2, "bench --check --quick", &["--check", "--quick"]);
}
