//! The page that `embed` writes: the fitted points, and the new ones in their map.

use crate::report::{class_names, data, tables};
use crate::support::{Place, groups, idx, manifest, table};
use base64::Engine;
use layerlens::dataset::npy;
use layerlens::neighbors::{nearest_neighbors, nearest_references};
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
        fs::write(place.path(format!("{name}.txt")), words).unwrap();
    }
    place
}

/// The bytes of an array of the page.
pub fn block(path: &Path, name: &str) -> Vec<u8> {
    let html = fs::read_to_string(path).unwrap();
    let start = format!("id=\"block-{name}\" data-encoding=\"");
    let (encoding, rest) = html.split_once(&start).unwrap().1.split_once("\">").unwrap();
    let text = rest.split_once('<').unwrap().0;
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).unwrap();
    if encoding != "deflate" {
        return bytes;
    }
    let mut content = Vec::new();
    flate2::read::ZlibDecoder::new(&bytes[..]).read_to_end(&mut content).unwrap();
    content
}

/// The neighbours of all points, which are written as their low bytes, then their high ones.
fn neighbors(path: &Path) -> Vec<u32> {
    let planes = block(path, "neighbors-0");
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
    let parts = serde_json::json!([{"name": "fitted", "n": 120}, {"name": "new", "n": 30}]);
    assert_eq!(page["points"]["parts"], parts);
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
    let rows = table(&place.path("map/scores/knn.csv"));
    let of_new = rows.iter().find(|row| {
        row["method"] == "umap" && row["scored_on"] == "test" && row["n_neighbors"] == "5"
    });
    assert_eq!(of_new.unwrap()["accuracy"].parse::<f64>().unwrap(), value("k-NN accuracy, k = 5"));
    // Fitted rows, then new ones: oak, elm, fir by turns, which in the order of names are 2, 0, 1.
    let labels: Vec<u8> = (0..150).map(|row| [2, 0, 1][row % 3]).collect();
    assert_eq!(block(&path, "labels"), labels);
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
    let new = npy::read_matrix(place.path("new.npy")).unwrap();
    let to_fitted = nearest_references(&Device::cpu(), &new, &x, 10, &Silent).unwrap();
    assert!(found[1200..] == *to_fitted.indices(), "of new points too: the fitted ones");
    // Nothing is coloured by classes that nobody gave.
    assert_eq!(page["classes"].as_array().unwrap().len(), 0);
}

#[test]
fn new_points_without_labels_have_a_class_of_their_own() {
    let place = place_with_names();
    place.succeed("embed x.npy --labels x.txt --new new.npy --method pca --device cpu --out map");
    let page = data(&place.path("map/report.html"));
    assert_eq!(class_names(&page), ["elm", "fir", "oak", "(no class)"]);
    assert_eq!(page["classes"][3]["color"], "#8a93a0", "grey");
    assert!(
        tables(&place.path("map/report.html")).contains("3 (elm, fir, oak)<"),
        "no fourth class"
    );
    // PCA searches for no neighbours, which the page says.
    assert!(page["missing"].to_string().contains("not searched for"), "{}", page["missing"]);
}

#[test]
fn images_and_metadata_of_fitted_and_new_points_are_on_the_page() {
    let place = place_with_names();
    for (name, n) in [("x", 120), ("new", 30)] {
        fs::write(
            place.path(format!("{name}.idx")),
            idx(&[0x803, n, 4, 3], &vec![7; 12 * n as usize]),
        )
        .unwrap();
        let rows = (0..n).map(|row| format!("{name}-{},{row}.5\n", row % 2));
        let table = "side,depth\n".to_owned() + &rows.collect::<String>();
        fs::write(place.path(format!("{name}.csv")), table).unwrap();
    }
    let codes = |out: &str, column: usize| {
        block(&place.path(format!("{out}/report.html")), &format!("column-{column}"))
    };
    let embed =
        "embed x.npy --new new.npy --method pca --device cpu --images x.idx --metadata x.csv";
    place.succeed(&format!("{embed} --new-images new.idx --new-metadata new.csv --out both"));
    let columns = |out: &str| {
        let page = data(&place.path(format!("{out}/report.html")));
        assert_eq!((&page["images"]["width"], &page["points"]["n"]), (&3.into(), &150.into()));
        let columns = page["points"]["columns"].clone();
        assert_eq!((&columns[0]["name"], &columns[1]["kind"]), (&"side".into(), &"number".into()));
        columns
    };
    assert_eq!(columns("both")[0]["colors"].as_array().unwrap().len(), 4);
    // Row by row: new-0 and new-1 stand before x-0 and x-1.
    let side: Vec<u8> = (0..150).map(|row| if row < 120 { 2 + row % 2 } else { row % 2 }).collect();
    assert_eq!(codes("both", 0), side);
    let depth: Vec<u8> = (0..120).chain(0..30).collect();
    assert_eq!(codes("both", 1), depth);
    let tables_of = |out: &str| tables(&place.path(format!("{out}/report.html")));
    for words in ["Columns of the metadata", "0.5 to 119.5", "new.idx", "new.csv"] {
        assert!(tables_of("both").contains(words), "{words}");
    }
    // New points without a table have no values.
    place.succeed(&format!("{embed} --new-images new.idx --out half"));
    assert_eq!(columns("half")[0]["colors"].as_array().unwrap().len(), 2);
    assert_eq!(codes("half", 1), (0..120).chain([120; 30]).collect::<Vec<u8>>());

    place.refuse(2, &format!("{embed} --out no"), &["--images = x.idx", "--new-images"]);
    let sampled = "embed x.npy --images x.idx --fit-sample 20 --device cpu --out no";
    place.refuse(2, sampled, &["--images", "--fit-sample"]);
    let refuse = |more: &str, parts: &[&str]| {
        place.refuse(3, &format!("{embed} {more} --out no"), parts);
        assert!(!place.path("no").exists());
    };
    refuse("--new-images x.idx", &["x.idx: has 120 images", "new.npy has 30 rows"]);
    fs::write(place.path("tall.idx"), idx(&[0x803, 30, 5, 3], &[7; 450])).unwrap();
    refuse("--new-images tall.idx", &["tall.idx", "5 x 3", "4 x 3"]);
    refuse("--new-images new.idx --new-metadata x.csv", &["x.csv", "120 rows", "30 points"]);
    fs::write(place.path("other.csv"), "side\n".to_owned() + &"a\n".repeat(30)).unwrap();
    refuse(
        "--new-images new.idx --new-metadata other.csv",
        &["other.csv: has the columns side, expected those of x.csv: side, depth"],
    );
    // One name with a comma is not two.
    fs::write(place.path("one.csv"), "\"side, depth\"\n".to_owned() + &"a\n".repeat(30)).unwrap();
    refuse("--new-images new.idx --new-metadata one.csv", &["one.csv: has the columns"]);
}

#[test]
fn a_page_of_a_fitted_sample_says_which_points_it_shows() {
    let place = place_with_names();
    place.succeed(
        "embed x.npy --labels x.txt --fit-sample 40 --method tsne --perplexity 2 --max-iter 50 \
         --device cpu --out map",
    );
    let page = data(&place.path("map/report.html"));
    let points = &page["points"];
    assert_eq!((&points["of"], &points["n"]), (&120.into(), &120.into()));
    assert_eq!((&points["which"], &page["name"]), (&"drawn at random".into(), &"x".into()));
    // A perplexity of 2 has six neighbours, which are shown.
    assert_eq!(page["k"], 6);
    let tables = tables(&place.path("map/report.html"));
    assert!(tables.contains("40 fitted, 80 others placed, 80 of them shown"), "{tables}");
    assert!(tables.contains("fitted points that vote") && !tables.contains("training points"));
}

#[test]
fn names_of_numbered_classes_are_on_the_page() {
    let place = place_with_names();
    place.labels("y.npy", &groups(120));
    let embed = "embed x.npy --labels y.npy --method pca --device cpu";
    place.succeed(&format!("{embed} --class-names oak,elm,fir --out map"));
    let page = data(&place.path("map/report.html"));
    assert_eq!(
        (&page["classes"][0]["name"], &page["classes"][2]["name"]),
        (&"oak".into(), &"fir".into())
    );
    place.succeed(
        "evaluate x.npy --labels y.npy --class-names oak,elm,fir --device cpu --out scores",
    );
    let classes = table(&place.path("scores/knn_per_class.csv"));
    assert!(classes.iter().any(|row| row.values().any(|cell| cell == "elm")), "{classes:?}");
}
