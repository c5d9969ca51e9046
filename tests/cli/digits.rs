//! Numbers of more digits than 32-bit floats have, in every command that reads points: the right
//! answer, said, or a refusal.

use crate::support::{Place, groups, manifest};
use layerlens::clustering::adjusted_rand_score;
use layerlens::dataset::npy;
use layerlens::random::Random;
use std::fs;

/// Two columns of 1.7e9 + {0, 40} + uniform(0, 4), times in seconds for example.
fn times() -> (Vec<f64>, Vec<u32>) {
    let random = Random::new(11, 0);
    let values = (0..400).map(|at| {
        1.7e9 + f64::from(at / 2 % 2) * 40.0 + 4.0 * f64::from(random.uniform(at as u64))
    });
    (
        values.map(|value: f64| (value * 1024.0).round() / 1024.0).collect(),
        (0..200).map(|row| row % 2).collect(),
    )
}

/// The points of `Place::points` with so much added to every value, on a grid that 64-bit floats
/// hold.
fn shifted(n: usize, d: usize, by: f64) -> Vec<f64> {
    let points = crate::support::points(n, d);
    points
        .as_slice()
        .iter()
        .map(|&value| (f64::from(value) * 1024.0).round() / 1024.0 + by)
        .collect()
}

fn put(place: &Place, name: &str, descr: &str, columns: usize, bytes: &[u8], n: usize) {
    let header =
        format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({n}, {columns}), }}");
    let padded = format!("{header:<117}\n");
    let head = [&b"\x93NUMPY\x01\x00"[..], &(padded.len() as u16).to_le_bytes(), padded.as_bytes()]
        .concat();
    fs::write(place.path(name), [&head[..], bytes].concat()).unwrap();
}

fn put_f64(place: &Place, name: &str, columns: usize, values: &[f64]) {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    put(place, name, "<f8", columns, &bytes, values.len() / columns);
}

fn labels(place: &Place, name: &str) -> Vec<i32> {
    npy::read_matrix(place.path(name)).map_or_else(
        |_| {
            let bytes = fs::read(place.path(name)).unwrap();
            bytes[128..]
                .chunks_exact(4)
                .map(|four| i32::from_le_bytes(four.try_into().unwrap()))
                .collect()
        },
        |matrix| matrix.as_slice().iter().map(|&label| label as i32).collect(),
    )
}

fn says_subtracted(place: &Place, stderr: &str) {
    let warnings = manifest(&place.path("out"))["warnings"].to_string();
    assert!(
        warnings.contains("subtracted 17000000") && warnings.contains("from column 0"),
        "{warnings}"
    );
    assert!(stderr.contains("subtracted 17000000"), "{stderr}");
}

#[test]
fn clusters_of_large_numbers_are_found() {
    let (values, classes) = times();
    let expected: Vec<i32> = classes.iter().map(|&class| class as i32).collect();
    for method in ["k-means --n-clusters 2", "dbscan --eps 3", "hdbscan --min-cluster-size 20"] {
        let place = Place::new();
        put_f64(&place, "x.npy", 2, &values);
        let outcome =
            place.succeed(&format!("cluster x.npy --method {method} --device cpu --out out"));
        says_subtracted(&place, &outcome.stderr);
        let name = method.split(' ').next().unwrap();
        let found = labels(&place, &format!("out/clusters/input_{name}_labels.npy"));
        assert_eq!(adjusted_rand_score(&expected, &found).unwrap(), 1.0, "{method}");
    }
}

#[test]
fn centres_are_written_as_the_values_that_they_are() {
    let place = Place::new();
    put_f64(&place, "x.npy", 2, &times().0);
    place.succeed("cluster x.npy --n-clusters 2 --device cpu --out out");
    let bytes = fs::read(place.path("out/clusters/input_k-means_centers.npy")).unwrap();
    let mut centres: Vec<f64> = bytes[bytes.len() - 32..]
        .chunks_exact(8)
        .map(|eight| f64::from_le_bytes(eight.try_into().unwrap()))
        .collect();
    centres.sort_by(f64::total_cmp);
    for (centre, expected) in centres.iter().zip([2.0, 2.0, 42.0, 42.0]) {
        assert!((centre - 1.7e9 - expected).abs() < 0.5, "{centres:?}");
    }
    let outputs = manifest(&place.path("out"))["outputs"].to_string();
    assert!(outputs.contains("float64"), "{outputs}");
}

#[test]
fn ids_stay_different() {
    let place = Place::new();
    let ids: Vec<u8> = (0..120_i64).flat_map(|i| (1_000_000_000 + i).to_le_bytes()).collect();
    put(&place, "x.npy", "<i8", 1, &ids, 120);
    place.succeed("cluster x.npy --n-clusters 120 --n-init 1 --device cpu --out out");
    let mut found = labels(&place, "out/clusters/input_k-means_labels.npy");
    found.sort_unstable();
    assert_eq!(found, (0..120).collect::<Vec<i32>>());
}

#[test]
fn fewer_different_rows_than_clusters_are_said() {
    let place = Place::new();
    put_f64(&place, "x.npy", 1, &[1.0, 5.0, 9.0, 5.0, 1.0, 9.0, 9.0, 1.0]);
    let outcome = place.succeed("cluster x.npy --n-clusters 7 --device cpu --out out");
    assert!(
        outcome.stderr.contains(
            "3 clusters, not the 7 that were asked for: the points have 3 different rows"
        )
    );
    let found = labels(&place, "out/clusters/input_k-means_labels.npy");
    assert_eq!(found.iter().copied().max(), Some(2), "{found:?}");
    assert_eq!(manifest(&place.path("out"))["results"]["clusters"][0]["n_clusters"], 3);
}

/// The same points with and without 1.7e9 have the same map, the same scores, and new points come
/// to the same places, together and from the file of the map.
#[test]
fn maps_and_new_places_do_not_depend_on_what_is_added() {
    for method in ["pca", "umap --n-epochs 50"] {
        let place = Place::with_points();
        for (name, by) in [("plain", 0.0), ("large", 1.7e9)] {
            put_f64(&place, &format!("{name}.npy"), 5, &shifted(120, 5, by));
            put_f64(&place, &format!("{name}_new.npy"), 5, &shifted(150, 5, by)[120 * 5..]);
            let files = format!("{name}.npy --labels labels.npy --new {name}_new.npy");
            place.succeed(&format!("embed {files} --method {method} --device cpu --out {name}"));
        }
        let warnings = manifest(&place.path("large"))["warnings"].to_string();
        assert!(
            warnings.contains("subtracted 17000000") && warnings.contains("from column 4"),
            "{warnings}"
        );
        assert_eq!(manifest(&place.path("plain"))["warnings"], serde_json::json!([]));
        if method == "pca" {
            for file in ["embedding", "new"] {
                let read = |name: &str| {
                    npy::read_matrix(place.path(format!("{name}/embeddings/{file}.npy"))).unwrap()
                };
                for (a, b) in read("large").as_slice().iter().zip(read("plain").as_slice()) {
                    assert!((a - b).abs() < 1e-3, "{file}: {a} and {b}");
                }
            }
        }
        let knn = |name: &str| manifest(&place.path(name))["results"]["knn"][0]["knn"].clone();
        assert_eq!(knn("large"), knn("plain"));
        let outcome = place.succeed(
            "transform large/map.safetensors --new large_new.npy --train large.npy \
            --device cpu --places p.npy",
        );
        assert!(outcome.stderr.contains("the points: subtracted"), "{}", outcome.stderr);
        let together = fs::read(place.path("large/embeddings/new.npy")).unwrap();
        assert_eq!(fs::read(place.path("p.npy")).unwrap(), together, "{method}");
    }
}

#[test]
fn layers_of_another_program_keep_their_digits_in_both_parts() {
    let place = Place::new();
    for (name, by) in [("plain", 0.0), ("large", 1.7e9)] {
        fs::create_dir(place.path(name)).unwrap();
        let values = shifted(150, 4, by);
        put_f64(&place, &format!("{name}/hidden_train.npy"), 4, &values[..480]);
        put_f64(&place, &format!("{name}/hidden_test.npy"), 4, &values[480..]);
        place.labels(&format!("{name}/labels_train.npy"), &groups(120));
        place.labels(&format!("{name}/labels_test.npy"), &groups(30));
        place.succeed(&format!("run --from-activations {name} --methods pca --clusters k-means --device cpu --out {name}_out"));
    }
    let warnings = manifest(&place.path("large_out"))["warnings"].to_string();
    assert!(warnings.contains("hidden: subtracted 17000000"), "{warnings}");
    let results = |name: &str| manifest(&place.path(format!("{name}_out")))["results"].clone();
    assert_eq!(results("large")["knn"], results("plain")["knn"]);
    for part in ["train", "test"] {
        let read = |name: &str| {
            npy::read_matrix(place.path(format!("{name}_out/embeddings/pca_hidden_{part}.npy")))
                .unwrap()
        };
        for (a, b) in read("large").as_slice().iter().zip(read("plain").as_slice()) {
            assert!((a - b).abs() < 1e-3, "{part}: {a} and {b}");
        }
    }
    // The copy in the folder holds the values themselves.
    let copy = fs::read(place.path("large_out/activations/hidden_test.npy")).unwrap();
    assert_eq!(copy[128..], fs::read(place.path("large/hidden_test.npy")).unwrap()[128..]);
    place.succeed("report large_out --force --device cpu");
}

#[test]
fn maps_are_judged_and_scored_by_all_digits() {
    let place = Place::with_points();
    for (name, by) in [("plain", 0.0), ("large", 1.7e9)] {
        put_f64(&place, &format!("{name}.npy"), 5, &shifted(120, 5, by));
        put_f64(&place, &format!("{name}_new.npy"), 5, &shifted(150, 5, by)[120 * 5..]);
    }
    place.labels("new_labels.npy", &groups(30));
    let tables = |name: &str| {
        let space = format!(
            "evaluate {name}.npy --labels labels.npy --new {name}_new.npy --new-labels \
             new_labels.npy"
        );
        let judged = format!("{space} --space {name}.npy --new-space {name}_new.npy --device cpu");
        let outcome = place.succeed(&judged);
        assert_eq!(
            outcome.stderr.contains("note: the points: subtracted 17000000"),
            name == "large",
            "{}",
            outcome.stderr
        );
        outcome.stdout
    };
    assert_eq!(tables("large"), tables("plain"));
}

#[test]
fn digits_that_cannot_be_kept_are_refused_with_the_column() {
    let place = Place::new();
    let random = Random::new(5, 0);
    let value =
        |at: u64| if at.is_multiple_of(3) { 1e9 * (at / 3 % 2) as f64 } else { 0.0 } + 4.0 * f64::from(random.uniform(at));
    put_f64(&place, "x.npy", 3, &(0..600).map(value).collect::<Vec<f64>>());
    let parts = ["x.npy", "column 0 needs more digits", "different values"];
    place.refuse(3, "embed x.npy --method pca --device cpu --out out", &parts);
    place.refuse(3, "cluster x.npy --device cpu --out out", &parts);
    put_f64(&place, "tiny.npy", 2, &(0..60).map(|at| 1e-60 * f64::from(at)).collect::<Vec<f64>>());
    place.refuse(
        3,
        "cluster tiny.npy --device cpu --out out",
        &["tiny.npy", "column 0", "30 different values 29"],
    );
}

/// Angles about the origin do not outlive a subtraction.
#[test]
fn cosine_distances_of_large_numbers_are_refused() {
    let place = Place::new();
    put_f64(&place, "x.npy", 5, &shifted(120, 5, 1.7e9));
    let embed = "embed x.npy --method umap --metric cosine --device cpu --out out";
    place.refuse(3, embed, &["x.npy", "column 0 has about 17000000", "Euclidean"]);
}

#[test]
fn a_bad_row_of_the_new_points_is_named_before_anything_is_fitted() {
    let place = Place::with_points();
    let with = |name: &str, row: usize, value: f64| {
        let mut values = shifted(9, 5, 0.0);
        values[row * 5..][..5].fill(value);
        put_f64(&place, name, 5, &values);
    };
    let embed = "embed x.npy --new new.npy --method umap --device cpu --out out";
    for (value, said) in [
        (f64::NAN, "row 7, column 0 is NaN"),
        (f64::INFINITY, "row 7, column 0 is inf"),
        (1e300, "row 7, column 0 is 1e300"),
    ] {
        with("new.npy", 7, value);
        place.refuse(3, embed, &["new.npy", said]);
    }
    with("new.npy", 7, 1e25);
    place.refuse(3, embed, &["new.npy", "row 7 is 2.2", "from the middle of the fitted points"]);
    with("new.npy", 4, 0.0);
    place.refuse(3, &format!("{embed} --metric cosine"), &["new.npy", "row 4 is all zeros"]);
    place.succeed("embed x.npy --method umap --n-epochs 20 --device cpu --out fitted");
    with("new.npy", 2, -1e25);
    let transform = "transform fitted/map.safetensors --train x.npy --new new.npy --device cpu";
    place.refuse(3, transform, &["new.npy", "row 2 is 2.2"]);
    // The neighbours of the fitted points alone are in a file.
    let given = format!("{embed} --neighbors fitted/neighbors/input.safetensors");
    place.refuse(3, &given, &["new.npy: row 2 is 2.2"]);
    with("new.npy", 4, 0.0);
    place.succeed(
        "embed x.npy --method umap --metric cosine --n-epochs 20 --device cpu --out angles",
    );
    place.refuse(3, &given.replace("fitted", "angles"), &["new.npy: row 4 is all zeros"]);
}

#[test]
fn halves_are_read_as_the_numbers_that_they_are() {
    let place = Place::new();
    // 1 + i / 1024 for i below 1,024 are the halves 0x3c00 + i.
    let halves: Vec<u8> =
        (0..240_u16).flat_map(|at| (0x3c00 + at * 7 % 1024).to_le_bytes()).collect();
    put(&place, "half.npy", "<f2", 4, &halves, 60);
    let values: Vec<f64> = (0..240).map(|at| 1.0 + f64::from(at * 7 % 1024) / 1024.0).collect();
    put_f64(&place, "double.npy", 4, &values);
    assert_same_maps(
        &place,
        [("half", "half.npy --method pca"), ("double", "double.npy --method pca")],
    );
}

/// Embeds twice, each with the name of its folder, and compares the bytes of the maps.
fn assert_same_maps(place: &Place, both: [(&str, &str); 2]) {
    let [a, b] = both.map(|(out, args)| {
        place.succeed(&format!("embed {args} --device cpu --out {out}"));
        fs::read(place.path(out).join("embeddings/embedding.npy")).unwrap()
    });
    assert_eq!(a, b, "{both:?}");
}

#[test]
fn booleans_are_read_as_numbers() {
    let place = Place::new();
    let bits: Vec<u8> = (0..240_u32).map(|at| u8::from(at * at % 7 < 3)).collect();
    for (name, kind) in [("bool", "|b1"), ("byte", "|u1")] {
        put(&place, &format!("{name}.npy"), kind, 4, &bits, 60);
    }
    assert_same_maps(
        &place,
        [("bool", "bool.npy --method pca"), ("byte", "byte.npy --method pca")],
    );
}

#[test]
fn a_few_rows_far_out_do_not_lose_their_distances_in_silence() {
    let place = Place::new();
    let mut values = shifted(600, 2, 0.0);
    (0..3).for_each(|row| values[2 * row] = 1e9 + row as f64 / 4.0);
    put_f64(&place, "x.npy", 2, &values);
    for command in ["cluster x.npy --method dbscan --eps 1.5", "embed x.npy --method umap"] {
        place.refuse(
            3,
            &format!("{command} --device cpu --out out"),
            &["x.npy", "column 0", "2 would become equal"],
        );
    }
}

#[test]
fn points_that_are_all_equal_are_refused() {
    let place = Place::new();
    put_f64(&place, "x.npy", 3, &[2.5; 300]);
    for method in ["pca", "tsne", "umap", "trimap"] {
        place.refuse(
            3,
            &format!("embed x.npy --method {method} --device cpu --out out"),
            &["x.npy", "all 100 rows are equal"],
        );
    }
}

#[test]
fn numbers_may_begin_or_end_with_their_point() {
    let place = Place::with_points();
    let embed = "x.npy --method umap --n-epochs 20 --min-dist";
    assert_same_maps(
        &place,
        [("point", &format!("{embed} .5")), ("whole", &format!("{embed} 0.5"))],
    );
}
