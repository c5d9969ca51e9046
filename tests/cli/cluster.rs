//! `layerlens cluster`: what it prints and writes, and what it refuses.

use crate::support::{Place, assert_outputs_are_whole, files_below, idx, manifest, points};
use layerlens::dataset::npy;
use layerlens::matrix::Matrix;
use std::path::Path;

/// 120 points in three groups, and two that are far from all.
fn with_noise(place: &Place) {
    let x = points(120, 5);
    let far = [[90.0_f32; 5], [-90.0; 5]].concat();
    let x = Matrix::new([x.as_slice(), &far].concat(), 122, 5).unwrap();
    npy::write_matrix(place.path("x.npy"), &x).unwrap();
    let labels: Vec<u32> = (0..120).map(|row| row % 3).chain([0, 0]).collect();
    place.labels("labels.npy", &labels);
}

fn clusters(path: &Path) -> Vec<i32> {
    npyz::NpyFile::new(&std::fs::read(path).unwrap()[..]).unwrap().into_vec().unwrap()
}

fn text(place: &Place, name: &str) -> String {
    std::fs::read_to_string(place.path("out").join(name)).unwrap()
}

#[test]
fn every_method_finds_the_groups_and_writes_what_it_found() {
    let place = Place::new();
    with_noise(&place);
    let images: Vec<u8> = (0..122 * 6).map(|at| (at % 251) as u8).collect();
    std::fs::write(place.path("images"), idx(&[0x803, 122, 2, 3], &images)).unwrap();
    place.points("map.npy", 122, 2);
    let args = "cluster x.npy --labels labels.npy --class-names Bag,Coat,Dress --method k-means,dbscan,hdbscan --n-clusters 5 \
                --map map.npy --images images --device cpu --out out";
    let outcome = place.succeed(args);
    for part in [
        "k-means of x: 122 points, 5 features",
        "ARI",
        "suggested eps",
        "3 clusters, 2 noise points (1.6 %)",
        "Coat 100 %",
    ] {
        assert!(outcome.stdout.contains(part), "`{part}` is not said:\n{}", outcome.stdout);
    }
    let out = place.path("out");
    assert_outputs_are_whole(&out);
    let manifest = manifest(&out);
    assert_eq!(manifest["status"], "complete");
    assert_eq!(manifest["config"]["methods"][1]["eps"], "auto");
    for (method, title) in [("k-means", "k-means"), ("dbscan", "DBSCAN"), ("hdbscan", "HDBSCAN")] {
        let found = manifest["results"]["clusters"].as_array().unwrap();
        let results = found.iter().find(|found| found["method"] == title).unwrap();
        assert!(results["ari"].as_f64().unwrap() > 0.95, "{method}: {results}");
        let labels = clusters(&out.join(format!("clusters/input_{method}_labels.npy")));
        assert_eq!(labels.len(), 122);
        // Rows 0, 3, 6, ... are of one group.
        assert!((0..120).all(|row| labels[row] == labels[row % 3]), "{method}");
        let csv = text(&place, &format!("clusters/input_{method}_labels.csv"));
        assert_eq!(
            csv.lines().nth(2),
            Some(format!("1,{},1,Coat", labels[1]).as_str()),
            "{method}"
        );
        let figures = ["maps", "contingency", "gallery"]
            .map(|name| format!("figures/input_{method}_{name}.svg"));
        assert!(figures.iter().all(|figure| out.join(figure).exists()), "{method}");
    }
    assert_eq!(clusters(&out.join("clusters/input_dbscan_labels.npy"))[118..], [1, 2, -1, -1]);
    let contingency = text(&place, "clusters/input_dbscan_contingency.csv");
    assert_eq!(contingency, "class,noise,0,1,2\nBag,2,40,0,0\nCoat,0,0,40,0\nDress,0,0,0,40\n");
    let classes = text(&place, "clusters/input_dbscan_classes.csv");
    assert!(classes.contains("Bag,42,") && classes.contains(",2,1,0,40,0.95"), "{classes}");
    let svg = text(&place, "figures/input_dbscan_maps.svg");
    assert!(
        svg.contains("noise (2)")
            && svg.contains("map, by cluster")
            && svg.contains("map, by class")
            && svg.contains(">Dress<")
    );
    assert!(
        out.join("figures/input_k_distance.png").exists()
            && out.join("figures/input_examples.png").exists()
    );
}

#[test]
fn clusters_are_the_same_every_time_and_at_any_number_of_threads() {
    let place = Place::with_points();
    let args = "cluster x.npy --method k-means,dbscan --eps 3.5 --device cpu";
    place.succeed(&format!("{args} --threads 1 --out a"));
    place.succeed(&format!("{args} --threads 4 --out b"));
    let files = files_below(&place.path("a"));
    assert_eq!(files, files_below(&place.path("b")));
    let compared = files
        .iter()
        .filter(|file| place.path("a").join(file).is_file() && !file.ends_with("manifest.json"));
    for file in compared {
        let read = |run: &str| std::fs::read(place.path(run).join(file)).unwrap();
        assert!(read("a") == read("b"), "{}", file.display());
    }
}

#[test]
fn without_labels_there_is_nothing_to_agree_with() {
    let place = Place::with_points();
    let outcome = place.succeed("cluster x.npy --n-clusters 3 --device cpu --out out");
    assert!(
        outcome.stdout.contains("3 clusters, 0 noise points") && !outcome.stdout.contains("ARI"),
        "{}",
        outcome.stdout
    );
    let svg = text(&place, "figures/input_k-means_maps.svg");
    assert!(svg.contains("PCA, by cluster") && !svg.contains("by class"));
    place.refuse(1, "cluster x.npy --device cpu --out out", &["out", "exists already"]);
}

#[test]
fn what_cannot_be_clustered_is_refused_before_anything_is_written() {
    let place = Place::with_points();
    place.labels("short.npy", &[0, 1, 2]);
    place.points("narrow.npy", 120, 3);
    place.points("few.npy", 7, 2);
    std::fs::write(place.path("images"), idx(&[0x803, 2, 2, 3], &[0; 12])).unwrap();
    for (code, args, parts) in [
        (3, "--n-clusters 121", vec!["121 clusters", "120 points"]),
        (2, "--n-clusters 0", vec!["--n-clusters", "0", "at least 1"]),
        (2, "--n-init 0", vec!["--n-init", "at least 1"]),
        (2, "--tol -1", vec!["--tol", "-1"]),
        (2, "--method dbscan --eps 0", vec!["--eps", "above 0"]),
        (2, "--method dbscan --eps -2", vec!["--eps", "-2", "above 0"]),
        (2, "--method dbscan --eps wide", vec!["--eps", "wide", "auto"]),
        (2, "--method dbscan --eps 1 --min-samples 0", vec!["--min-samples", "at least 1"]),
        (2, "--method dbscan --min-samples 1", vec!["--min-samples", "--eps auto"]),
        (3, "--method dbscan --min-samples 121", vec!["no 121-th point"]),
        (2, "--method hdbscan --min-cluster-size 1", vec!["--min-cluster-size", "at least 2"]),
        (3, "--method hdbscan --min-samples 121", vec!["at least 121 points"]),
        (3, "--labels short.npy", vec!["short.npy", "3 labels", "120 rows"]),
        (
            3,
            "--labels labels.npy --class-names Bag,Coat",
            vec!["labels.npy", "row 2 is `2`", "2 class names", "from 0 to 1"],
        ),
        (3, "--map narrow.npy", vec!["narrow.npy", "3 columns"]),
        (3, "--map few.npy", vec!["few.npy", "7 rows", "120"]),
        (3, "--images images", vec!["images", "2 images", "120"]),
        (3, "--images labels.npy", vec!["labels.npy"]),
        (3, "--map missing.npy", vec!["missing.npy", "No such file"]),
    ] {
        place.refuse(code, &format!("cluster x.npy {args} --device cpu --out out"), &parts);
    }
    assert_eq!(
        place.start("cluster x.npy --class-names a,b --out out").code,
        Some(2),
        "names without labels"
    );
    assert_eq!(place.start("cluster x.npy --method means --out out").code, Some(2));
}
