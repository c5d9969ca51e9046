//! The page that `embed` writes: the fitted points, and the new ones in their map.

use crate::report::{data, tables};
use crate::support::{Place, groups, idx, manifest};
use base64::Engine;
use layerlens::dataset::npy;
use layerlens::neighbors::nearest_neighbors;
use layerlens::{Device, progress::Silent};
use std::fs;
use std::io::Read;
use std::path::Path;

/// `x.npy` and `new.npy` of 120 and 30 points with classes by name.
fn place_with_names() -> Place {
    let place = Place::new();
    for (name, n) in [("x", 120), ("new", 30)] {
        place.points(&format!("{name}.npy"), n as usize, 6);
        let words = groups(n).into_iter().map(|group| ["oak", "elm", "fir"][group as usize]);
        let words: String = words.map(|word| format!("{word}\n")).collect();
        fs::write(place.path(&format!("{name}.txt")), words).unwrap();
    }
    place
}

/// The neighbours of all points, which are written as their low bytes, then their high ones.
fn neighbors(path: &Path) -> Vec<u32> {
    let html = fs::read_to_string(path).unwrap();
    let start = "id=\"block-neighbors-0\" data-encoding=\"deflate\">";
    let text = html.split_once(start).unwrap().1.split_once('<').unwrap().0;
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).unwrap();
    let mut planes = Vec::new();
    flate2::read::ZlibDecoder::new(&bytes[..]).read_to_end(&mut planes).unwrap();
    let (low, high) = planes.split_at(planes.len() / 2);
    low.iter().zip(high).map(|(&low, &high)| u16::from_le_bytes([low, high]).into()).collect()
}

#[test]
fn fitted_and_new_points_are_on_one_page() {
    let place = place_with_names();
    let made = "embed x.npy --labels x.txt --new new.npy --new-labels new.txt --method umap --n-epochs 20 --device cpu";
    let outcome = place.succeed(&format!("{made} --out map"));
    assert!(outcome.stdout.contains("open map/report.html"), "{}", outcome.stdout);
    let path = place.path("map/report.html");
    let page = data(&path);
    assert_eq!(page["points"]["parts"], serde_json::json!([["fitted", 120], ["new", 30]]));
    assert_eq!((&page["points"]["of"], &page["k"]), (&150.into(), &10.into()));
    assert_eq!(page["name"], "x");
    let map = &page["maps"][0];
    assert_eq!(map["fitted"], "fitted on 120 points; new points placed");
    let metrics = map["metrics"].as_array().unwrap();
    let value = |name: &str| {
        let metric = metrics.iter().find(|metric| metric[0] == name);
        metric.unwrap_or_else(|| panic!("no {name}: {metrics:?}"))[1].as_f64().unwrap()
    };
    // Of the new points, as in the table.
    let knn = fs::read_to_string(place.path("map/scores/knn.csv")).unwrap();
    let of_new = knn.lines().find(|line| line.contains("umap") && line.contains("test"));
    let accuracy = format!("{:.4}", value("k-NN accuracy, k = 5"));
    assert!(of_new.unwrap().contains(accuracy.trim_end_matches('0')), "{accuracy}: {knn}");
    assert!(value("trustworthiness") > 0.8);
    let tables = tables(&path);
    for words in ["120 fitted, 30 new ones placed", "oak", "x.npy", "SHA-256", "--n-epochs 20"] {
        assert!(tables.contains(words), "{words}");
    }
    let outputs = manifest(&place.path("map"))["outputs"].clone();
    assert!(outputs.to_string().contains("report.html"), "{outputs}");
}

#[test]
fn neighbors_of_a_page_are_the_nearest_fitted_points() {
    let place = place_with_names();
    place.succeed("embed x.npy --new new.npy --method umap --n-epochs 20 --device cpu --out map");
    let page = data(&place.path("map/report.html"));
    let found = neighbors(&place.path("map/report.html"));
    let x = npy::read_matrix(place.path("x.npy")).unwrap();
    let among = nearest_neighbors(&Device::cpu(), &x, 10, &Silent).unwrap();
    assert_eq!(found.len(), 150 * 10);
    assert!(found[..1200] == *among.indices());
    assert!(found[1200..].iter().all(|&row| row < 120), "of new points too: the fitted ones");
    // Nothing is coloured by classes that nobody gave.
    assert_eq!(page["classes"].as_array().unwrap().len(), 0);
}

#[test]
fn new_points_without_labels_have_a_class_of_their_own() {
    let place = place_with_names();
    place.succeed("embed x.npy --labels x.txt --new new.npy --method pca --device cpu --out map");
    let page = data(&place.path("map/report.html"));
    let names: Vec<&str> = page["classes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|class| class["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["elm", "fir", "oak", "(no class)"]);
    // PCA searches for no neighbours, which the page says.
    assert!(page["missing"].to_string().contains("not searched for"), "{}", page["missing"]);
}

#[test]
fn images_and_metadata_of_fitted_and_new_points_are_on_the_page() {
    let place = place_with_names();
    for (name, n) in [("x", 120), ("new", 30)] {
        fs::write(
            place.path(&format!("{name}.idx")),
            idx(&[0x803, n, 4, 3], &vec![7; 12 * n as usize]),
        )
        .unwrap();
        let rows = (0..n).map(|row| format!("{name}-{},{row}.5\n", row % 2));
        let table = "side,depth\n".to_owned() + &rows.collect::<String>();
        fs::write(place.path(&format!("{name}.csv")), table).unwrap();
    }
    let embed =
        "embed x.npy --new new.npy --method pca --device cpu --images x.idx --metadata x.csv";
    place.succeed(&format!("{embed} --new-images new.idx --new-metadata new.csv --out both"));
    let columns = |out: &str| {
        let page = data(&place.path(&format!("{out}/report.html")));
        assert_eq!((&page["images"]["width"], &page["points"]["n"]), (&3.into(), &150.into()));
        let columns = page["points"]["columns"].clone();
        assert_eq!((&columns[0]["name"], &columns[1]["kind"]), (&"side".into(), &"number".into()));
        columns
    };
    assert_eq!(columns("both")[0]["colors"].as_array().unwrap().len(), 4);
    let tables_of = |out: &str| tables(&place.path(&format!("{out}/report.html")));
    for words in ["Columns of the metadata", "0.5 to 119.5", "new.idx", "new.csv"] {
        assert!(tables_of("both").contains(words), "{words}");
    }
    // New points without a table have no values.
    place.succeed(&format!("{embed} --new-images new.idx --out half"));
    assert_eq!(columns("half")[0]["colors"].as_array().unwrap().len(), 2);
    assert!(tables_of("half").contains("<td>30</td>") || tables_of("half").contains(">30<"));

    place.refuse(2, &format!("{embed} --out no"), &["--images = x.idx", "--new-images"]);
    place.refuse(2, &format!("{embed} --fit-sample 20"), &["--images", "--fit-sample"]);
    let refuse = |more: &str, parts: &[&str]| {
        place.refuse(3, &format!("{embed} {more} --out no"), parts);
        assert!(!place.path("no").exists());
    };
    refuse("--new-images x.idx", &["x.idx has 120 images", "new.npy has 30 rows"]);
    fs::write(place.path("tall.idx"), idx(&[0x803, 30, 5, 3], &[7; 450])).unwrap();
    refuse("--new-images tall.idx", &["tall.idx", "5 x 3", "4 x 3"]);
    refuse("--new-images new.idx --new-metadata x.csv", &["x.csv", "120 rows", "30 points"]);
    fs::write(place.path("other.csv"), "side\n".to_owned() + &"a\n".repeat(30)).unwrap();
    refuse(
        "--new-images new.idx --new-metadata other.csv",
        &["other.csv: has the columns side, expected those of x.csv: side, depth"],
    );
}
