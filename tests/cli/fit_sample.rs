//! `embed --fit-sample`: a map of some rows of files, in which all other rows are placed.

use crate::support::{Place, groups, manifest, points, table};
use layerlens::dataset::npy;
use layerlens::matrix::Matrix;
use std::fs;

const N: usize = 9000;
/// Features so many that the rows are read in two batches.
const WIDE: usize = 2000;
const N_FITTED: usize = 200;

fn read(place: &Place, name: &str) -> Matrix {
    npy::read_matrix(place.path(name)).unwrap()
}

/// Rows in a file of numbers of rows.
fn numbers(place: &Place, name: &str) -> Vec<usize> {
    npy::read_labels(place.path(name)).unwrap().into_iter().map(|row| row as usize).collect()
}

/// Three classes, of which the last two have 60 and 40 rows.
fn uneven() -> Vec<u32> {
    let class = |row: u32| match row {
        _ if row.is_multiple_of(150) => 1,
        _ if row % 225 == 1 => 2,
        _ => 0,
    };
    (0..N as u32).map(class).collect()
}

#[test]
fn every_row_has_its_place() {
    for (method, d) in [("pca", WIDE), ("umap --n-epochs 30", 5)] {
        let place = Place::new();
        place.points("x.npy", N, d);
        let embed = format!("--method {method} --fit-sample {N_FITTED} --device cpu");
        let outcome = place.succeed(&format!("embed x.npy {embed} --out map"));
        assert!(outcome.stderr.contains("200 of the 9,000 rows"), "{}", outcome.stderr);
        let all = read(&place, "map/embeddings/all.npy");
        assert_eq!((all.n_samples(), all.n_features()), (N, 2));
        let fitted = numbers(&place, "map/rows/fitted.npy");
        assert!(fitted.len() == N_FITTED && fitted.is_sorted());
        let x = read(&place, "x.npy");
        assert!(
            x.select(&fitted).as_slice() == read(&place, "map/rows/fitted_points.npy").as_slice()
        );
        let embedding = read(&place, "map/embeddings/embedding.npy");
        assert!(all.select(&fitted).as_slice() == embedding.as_slice(), "{method}");
        // The others are where `transform` places them; the folder holds the fitted points.
        place.succeed("transform map --new x.npy --places placed.npy --device cpu");
        let others: Vec<usize> = (0..N).filter(|row| !fitted.contains(row)).collect();
        let placed = read(&place, "placed.npy").select(&others);
        assert!(all.select(&others).as_slice() == placed.as_slice(), "{method}");
        let new = numbers(&place, "map/rows/new.npy");
        assert_eq!(new.len(), N - N_FITTED);
        // The files of a folder are its rows one after the other.
        fs::create_dir(place.path("parts")).unwrap();
        for (name, rows) in [("p2.npy", 0..4000), ("p10.npy", 4000..N)] {
            let rows: Vec<usize> = rows.collect();
            npy::write_matrix(place.path("parts").join(name), &x.select(&rows)).unwrap();
        }
        place.succeed(&format!("embed parts {embed} --out again"));
        let [a, b] = ["map", "again"].map(|run| place.path(run).join("embeddings/all.npy"));
        assert!(fs::read(a).unwrap() == fs::read(b).unwrap(), "{method}");
    }
}

#[test]
fn the_density_is_kept_or_the_classes_are_balanced() {
    let place = Place::new();
    place.points("x.npy", N, 5);
    place.labels("y.npy", &uneven());
    let classes = uneven();
    let count = |run: &str| {
        let fitted = numbers(&place, &format!("{run}/rows/fitted.npy"));
        [0, 1, 2].map(|class| fitted.iter().filter(|&&row| classes[row] == class).count())
    };
    let embed = "embed x.npy --labels y.npy --method pca --fit-sample 150 --device cpu";
    place.succeed(&format!("{embed} --balanced --out even"));
    assert_eq!(count("even"), [55, 55, 40]);
    place.succeed(&format!("{embed} --out same"));
    let [most, ..] = count("same");
    // Hypergeometric with mean 148.3 and standard deviation 1.3: five of them.
    assert!(most >= 142, "{most} of 150 are of a class of 98.9 %");
    // The others are scored as new points are.
    let scores = table(&place.path("even/scores/knn.csv"));
    assert!(scores.iter().any(|row| row["n_scored"] == (N - 150).to_string()), "{scores:?}");
    assert!(
        manifest(&place.path("even"))["warnings"].to_string().contains("as many of each class")
    );
}

/// Seconds since 1970, whose digits a 32-bit float would lose.
#[test]
fn digits_are_kept_as_those_of_a_whole_file() {
    let place = Place::new();
    let x = points(N, 3).with_offsets(vec![1.7e9, 0.0, -4e8]).unwrap();
    npy::write_matrix(place.path("x.npy"), &x).unwrap();
    place.succeed("embed x.npy --method pca --fit-sample 300 --device cpu --out map");
    place.succeed("embed x.npy --method pca --device cpu --out whole");
    let [a, b] =
        ["map/embeddings/all.npy", "whole/embeddings/embedding.npy"].map(|it| read(&place, it));
    let spread = b.as_slice().iter().fold(0.0_f32, |most, value| most.max(value.abs()));
    assert!(spread > 5.0, "{spread}");
    // The first axis runs through the middles of the groups; it may point the other way. That of 300
    // rows is known within 1 / sqrt(300) of the ratio of the deviations beside it and along it, 1 to
    // 14: the cosine is far above the bound, and so are the lengths.
    let [a, b] = [&a, &b].map(|map| map.rows().map(|row| f64::from(row[0])).collect::<Vec<_>>());
    let product: f64 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
    let [a, b] = [&a, &b].map(|values| values.iter().map(|value| value * value).sum::<f64>());
    assert!(product.abs() / (a * b).sqrt() > 0.99, "{product} of {a} and {b}");
    // Two columns of three would not have kept their digits.
    assert!((a / b - 1.0).abs() < 0.02, "{a} and {b}");
}

#[test]
fn samples_that_cannot_be_drawn_are_refused() {
    let place = Place::with_points();
    place.labels("y.npy", &groups(120));
    let embed = "embed x.npy --method pca --device cpu --out map --fit-sample";
    place.refuse(2, &format!("{embed} 120"), &["--fit-sample", "120", "fewer than the 120 rows"]);
    place.refuse(2, &format!("{embed} 0"), &["--fit-sample", "at least 1"]);
    place.refuse(2, &format!("{embed} 9 --balanced"), &["--labels"]);
    place.refuse(2, &format!("{embed} 9 --new x.npy"), &["--new", "--fit-sample"]);
    // Every row is looked at before anything is fitted.
    let mut values = points(120, 5).into_vec();
    values[5 * 77 + 3] = f32::INFINITY;
    npy::write_f32(place.path("x.npy"), &values, &[120, 5]).unwrap();
    place.refuse(3, &format!("{embed} 9"), &["x.npy", "row 77, column 3 is inf"]);
    fs::create_dir(place.path("parts")).unwrap();
    place.points("parts/a.npy", 50, 5);
    place.points("parts/b.npy", 50, 4);
    let folder = "embed parts --method pca --device cpu --out map --fit-sample 9";
    place.refuse(3, folder, &["b.npy", "4 columns", "a.npy has 5"]);
    // As are those that are too far away to be placed: one that is not drawn.
    let mut values = points(50, 5).into_vec();
    npy::write_f32(place.path("parts/b.npy"), &values, &[50, 5]).unwrap();
    let sought = folder.replace("pca", "umap").replace("sample 9", "sample 40");
    place.succeed(&sought.replace("out map", "out fine"));
    let drawn = numbers(&place, "fine/rows/fitted.npy");
    let row = (0..50).find(|row| !drawn.contains(&(50 + row))).unwrap();
    values[5 * row + 1] = 1e38;
    npy::write_f32(place.path("parts/b.npy"), &values, &[50, 5]).unwrap();
    let at = format!("row {row} is");
    place.refuse(3, &sought, &["b.npy", &at, "from the middle of the fitted points"]);
    fs::remove_file(place.path("parts/b.npy")).unwrap();
    fs::write(place.path("parts/notes.txt"), "no points").unwrap();
    place.refuse(3, folder, &["parts", "notes.txt"]);
    assert!(!place.path("map").exists());
}
