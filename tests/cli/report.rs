//! The explorable page: of a run, of a run again, of a run of which parts are gone, and of any
//! embedding.

use crate::pipeline::shared_run;
use crate::support::{N_TEST, N_TRAIN, Outcome, Place, files_below, finished, groups, idx};
use serde_json::Value;
use std::fs;
use std::path::Path;

const NASTY: &str = "</script><img src=x onerror=alert(1)> \"q\" 'q' {{data}} \u{202e}עברית 😀";

/// The page's JSON.
pub fn data(path: &Path) -> Value {
    let html = fs::read_to_string(path).unwrap();
    let start = html.split_once("id=\"page-data\">").unwrap().1;
    serde_json::from_str(start.split_once("</script>").unwrap().0).unwrap()
}

/// Names of the classes of a page.
pub fn class_names(page: &Value) -> Vec<&str> {
    let classes = page["classes"].as_array().unwrap().iter();
    classes.map(|class| class["name"].as_str().unwrap()).collect()
}

/// The static part.
pub fn tables(path: &Path) -> String {
    let html = fs::read_to_string(path).unwrap();
    html.split_once("<section id=\"report\"")
        .unwrap()
        .1
        .split_once("<dialog id=\"help\"")
        .unwrap()
        .0
        .to_owned()
}

/// The shared run in `run`, without the files whose names hold one of `without`.
fn copy_run(place: &Place, without: &[&str]) {
    let from = shared_run();
    for path in files_below(&from).into_iter().filter(|path| from.join(path).is_file()) {
        if !without.iter().any(|part| path.to_str().unwrap().contains(part)) {
            let target = place.path("run").join(&path);
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            fs::copy(from.join(&path), target).unwrap();
        }
    }
}

fn start(place: &Place, args: &[&str]) -> Outcome {
    finished(&mut place.command(args))
}

#[test]
fn a_page_that_is_made_again_is_the_page_that_the_run_left() {
    let place = Place::new();
    let run = shared_run();
    let stdout =
        place.succeed(&format!("report {} --device cpu --out again.html", run.display())).stdout;
    assert!(
        stdout.contains("120 of 454 points: the test points") && stdout.contains("open again.html"),
        "{stdout}"
    );
    assert!(
        fs::read(place.path("again.html")).unwrap() == fs::read(run.join("report.html")).unwrap()
    );
    let page = data(&place.path("again.html"));
    assert_eq!(
        (page["maps"].as_array().unwrap().len(), page["spaces"].as_array().unwrap().len()),
        (12, 3)
    );
    assert_eq!((page["k"].as_u64(), page["images"]["kind"].as_str()), (Some(10), Some("gray4")));
    assert_eq!(
        (&page["missing"], &page["points"]["rows"]),
        (&Value::Array(Vec::new()), &Value::Null)
    );
    let tables = tables(&place.path("again.html"));
    for words in [
        "trained",
        "k-NN accuracy on 120 test points",
        "Confusion of the network",
        "SHA-256",
        "Adjusted Rand index",
        "--hidden 32,16",
    ] {
        assert!(tables.contains(words) || words == "trained", "{words}");
    }
}

#[test]
fn the_points_of_a_page_can_be_chosen() {
    let place = Place::new();
    let all = N_TRAIN + N_TEST;
    for (choice, n, parts) in
        [("train", N_TRAIN, 1), ("all", all, 2), ("50", 50, 2), ("9999", all, 2)]
    {
        place.succeed(&format!(
            "report {} --device cpu --report-points {choice} --out page.html --force",
            shared_run().display()
        ));
        let points = data(&place.path("page.html"))["points"].clone();
        assert_eq!(
            (points["n"].as_u64(), points["of"].as_u64()),
            (Some(n as u64), Some(all as u64)),
            "{choice}"
        );
        assert_eq!(points["parts"].as_array().unwrap().len(), parts, "{choice}");
        assert_eq!(points["rows"].is_null(), choice != "50", "{choice}");
    }
    let again = format!("report {} --report-points 0 --out new.html", shared_run().display());
    place.refuse(2, &again, &["--report-points", "at least 1"]);
    place.refuse(
        1,
        &format!("report {} --device cpu --out page.html", shared_run().display()),
        &["page.html", "--force"],
    );
}

#[test]
fn what_is_gone_from_a_run_is_told_and_the_rest_is_shown() {
    for (without, sentences, maps, what) in [
        (
            "embeddings/tsne_layer_1_test",
            &["the map of layer 1 by t-SNE: embeddings/tsne_layer_1_test.npy"][..],
            11,
            "map",
        ),
        (
            "embeddings/",
            &["the map of raw input by PCA", "the map of layer 2 by TriMAP"],
            0,
            "maps",
        ),
        ("softmax", &["the predictions of the network"], 12, "softmax"),
        ("activations/raw", &["neighbours in raw input"], 12, "raw"),
        ("activations/images", &["images: activations/images_test.npy"], 12, "images"),
        (
            "activations/",
            &["the names of the classes", "the classes of the points", "neighbours in layer 2"],
            12,
            "activations",
        ),
        ("scores/", &["the table of confusions of k-NN in layer 1"], 12, "scores"),
        ("clusters/", &["the classes in the clusters of raw input, test points"], 12, "clusters"),
    ] {
        let place = Place::new();
        copy_run(&place, &[without, "report.html"]);
        let stderr = place.succeed("report run --device cpu").stderr;
        let page = data(&place.path("run/report.html"));
        let missing = page["missing"].as_array().unwrap();
        for sentence in sentences {
            assert!(
                missing.iter().any(|found| found.as_str().unwrap().contains(sentence)),
                "{sentence}: {missing:?}"
            );
            assert!(stderr.contains(sentence), "{sentence}: {stderr}");
        }
        assert_eq!(page["maps"].as_array().unwrap().len(), maps, "{without}");
        assert_eq!(page["points"]["labels"].is_null(), what == "activations");
        assert_eq!(
            page["points"]["confidence"].is_null(),
            ["activations", "softmax"].contains(&what)
        );
        assert_eq!(page["images"].is_null(), ["activations", "images"].contains(&what));
        assert_eq!(
            page["spaces"][0]["neighbors"].is_null(),
            ["activations", "raw"].contains(&what)
        );
        assert!(tables(&place.path("run/report.html")).contains("What is missing"));
    }
}

#[test]
fn folders_that_are_no_finished_runs_of_this_layout_are_refused() {
    let place = Place::new();
    copy_run(&place, &["figures"]);
    let path = place.path("run/manifest.json");
    let whole = fs::read_to_string(&path).unwrap();
    for (from, to, parts) in [
        (
            "\"schema_version\": 3",
            "\"schema_version\": 99",
            &["run/manifest.json", "layout 99", "newer version"][..],
        ),
        (
            "\"status\": \"complete\"",
            "\"status\": \"running\"",
            &["run", "not finished", "--resume"],
        ),
        ("\"knn\": [", "\"other\": [", &["run", "not a run of layers", "--embedding"]),
    ] {
        assert!(whole.contains(from));
        fs::write(&path, whole.replacen(from, to, 1)).unwrap();
        place.refuse(3, "report run --device cpu", parts);
    }
    fs::remove_file(&path).unwrap();
    place.refuse(3, "report run --device cpu", &["run", "not a run folder", "manifest.json"]);
    place.refuse(3, "report absent --device cpu", &["absent", "no such folder"]);
    place.refuse(3, "report absent --out page.html --device cpu", &["absent", "no such folder"]);
    place.refuse(2, "report", &["RUN", "--embedding"]);
}

/// A page in the folder of its run is noted in the manifest: what another process is about to write
/// there must not be lost.
#[test]
fn a_run_is_read_for_its_own_page_only_when_nobody_works_in_it() {
    let place = Place::new();
    copy_run(&place, &["figures"]);
    let path = place.path("run/manifest.json");
    let running = fs::read_to_string(&path).unwrap().replacen(
        "\"status\": \"complete\"",
        "\"status\": \"running\"",
        1,
    );
    fs::write(&path, running).unwrap();
    let lock = fs::File::create(place.path(".layerlens-lock-run")).unwrap();
    lock.lock().unwrap();
    place.refuse(1, "report run --device cpu", &["run", "another process works in this folder"]);
    place.refuse(3, "report run --device cpu --out page.html", &["run", "not finished"]);
    drop(lock);
    place.start("report run --device cpu").assert_error(3, "report run", &["run", "not finished"]);
    assert!(!place.path(".layerlens-lock-run").exists());
}

/// 120 points with labels, images and their space.
fn place_with_embedding() -> Place {
    let place = Place::with_points();
    place.points("map.npy", 120, 2);
    let lines: String = groups(120)
        .iter()
        .map(|group| format!("{}\n", ["zebra", "ant", "owl"][*group as usize]))
        .collect();
    fs::write(place.path("names.csv"), format!("species\n{lines}")).unwrap();
    fs::write(place.path("images"), idx(&[0x803, 120, 4, 3], &[7; 1440])).unwrap();
    place
}

#[test]
fn any_embedding_makes_a_page() {
    let place = place_with_embedding();
    place.succeed(
        "report --embedding map.npy --labels names.csv --images images --space x.npy \
        --name birds --device cpu",
    );
    let page = data(&place.path("report.html"));
    assert_eq!((page["name"].as_str(), page["points"]["n"].as_u64()), (Some("birds"), Some(120)));
    assert_eq!(class_names(&page), ["ant", "owl", "zebra"]);
    assert_eq!(
        (page["spaces"][0]["n_features"].as_u64(), page["images"]["width"].as_u64()),
        (Some(5), Some(3))
    );
    assert!(page["spaces"][0]["neighbors"].is_object());
    let metrics: Vec<&str> = page["maps"][0]["metrics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|metric| metric[0].as_str().unwrap())
        .collect();
    assert_eq!(
        metrics,
        ["trustworthiness", "continuity", "neighbour recall, k = 10", "k-NN accuracy, k = 5"]
    );
    // Columns of metadata, in the page as in its tables.
    let rows = (0..120).map(|row| format!("{},{}.25,\n", ["n", "s"][row % 2], row));
    fs::write(place.path("table.csv"), "side,depth,\n".to_owned() + &rows.collect::<String>())
        .unwrap();
    place.succeed(
        "report --embedding map.npy --metadata table.csv --device cpu --out metadata.html",
    );
    let page = data(&place.path("metadata.html"));
    let columns = page["points"]["columns"].as_array().unwrap();
    let named = |at: usize| (columns[at]["name"].as_str(), columns[at]["kind"].as_str());
    assert_eq!(named(0), (Some("side"), Some("category")));
    assert_eq!(named(1), (Some("depth"), Some("number")));
    assert_eq!(named(2), (Some("column 3"), Some("category")));
    assert_eq!(columns[0]["colors"].as_array().unwrap().len(), 2);
    let tables = tables(&place.path("metadata.html"));
    for words in ["Columns of the metadata", "0.25 to 119.25", "table.csv"] {
        assert!(tables.contains(words), "{words}");
    }
    // Numbers as labels, and nothing else.
    place.succeed("report --embedding map.npy --labels labels.npy --device cpu --out numbers.html");
    let page = data(&place.path("numbers.html"));
    assert_eq!(
        (page["classes"][2]["name"].as_str(), &page["spaces"][0]["neighbors"]),
        (Some("2"), &Value::Null)
    );
    fs::write(place.path("four_names"), "a\n\"b, c\"\nd\ne\n").unwrap();
    let args = "report --embedding map.npy --labels labels.npy --class-names four_names --device cpu --out four.html";
    let outcome = place.succeed(args);
    assert!(outcome.stderr.contains("no point has: 3 (`e`)"), "{}", outcome.stderr);
    assert_eq!(data(&place.path("four.html"))["classes"][1]["name"].as_str(), Some("b, c"));
    // Two columns of text are an embedding too.
    fs::write(place.path("map.csv"), "x,y\n0,1\n2.5,-1e3\n").unwrap();
    place.succeed("report --embedding map.csv --device cpu --out text.html");
    assert_eq!(data(&place.path("text.html"))["points"]["n"], 2);
    place.refuse(1, "report --embedding map.npy --device cpu", &["report.html", "--force"]);
}

#[test]
fn a_folder_of_pictures_is_read_in_natural_order() {
    let place = Place::new();
    place.points("map.npy", 11, 2);
    fs::create_dir(place.path("pictures")).unwrap();
    for i in 0..11_u8 {
        image::RgbImage::from_pixel(5, 4, image::Rgb([i, 20 * i, 255 - i]))
            .save(place.path(format!("pictures/p {i}.png")))
            .unwrap();
    }
    place.succeed("report --embedding map.npy --images pictures --device cpu");
    let html = fs::read_to_string(place.path("report.html")).unwrap();
    let tile = html
        .split_once("id=\"block-tile-0\" data-encoding=\"raw\">")
        .unwrap()
        .1
        .split_once('<')
        .unwrap()
        .0;
    let tile = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, tile).unwrap();
    let tile = image::load_from_memory(&tile).unwrap().to_rgb8();
    assert_eq!(
        [0, 2, 10].map(|i| tile.get_pixel(5 * i, 0).0),
        [[0, 0, 255], [2, 40, 253], [10, 200, 245]]
    );
}

#[test]
fn embeddings_that_do_not_fit_are_refused() {
    let place = place_with_embedding();
    place.points("short.npy", 119, 5);
    place.labels("short_labels.npy", &groups(119));
    place.points("three.npy", 120, 3);
    fs::write(place.path("short_images"), idx(&[0x803, 3, 2, 2], &[0; 12])).unwrap();
    fs::write(place.path("nan.csv"), "x,y\n0,1\n2,nan\n").unwrap();
    fs::write(place.path("na.csv"), "NA,NA\n2,3\n").unwrap();
    fs::write(place.path("gap.csv"), "x,y\n0,1\n\n2,3\n").unwrap();
    fs::write(place.path("gap_first.csv"), "\n0,1\n2,3\n").unwrap();
    fs::write(place.path("blank.csv"), "label\na\n\nb\n").unwrap();
    fs::write(place.path("torn.csv"), "owl\nant,owl\n").unwrap();
    fs::write(place.path("three_names"), "a\nb\nc\n").unwrap();
    fs::write(place.path("table.csv"), "a,b\n".to_owned() + &"1,2\n".repeat(119)).unwrap();
    fs::write(place.path("twice.csv"), "a,b,a\n".to_owned() + &"1,2,3\n".repeat(120)).unwrap();
    fs::write(place.path("ragged.csv"), "a,b\n1,2\n1,2,3\n").unwrap();
    let wide: Vec<String> = (0..65).map(|at| at.to_string()).collect();
    fs::write(place.path("wide.csv"), wide.join(",")).unwrap();
    fs::write(place.path("none.csv"), "").unwrap();
    let mut values = vec![0.5; 240];
    values[2 * 17 + 1] = f32::NAN;
    layerlens::dataset::npy::write_f32(place.path("nan.npy"), &values, &[120, 2]).unwrap();
    for (args, parts) in [
        (
            "map.npy --labels short_labels.npy",
            &["short_labels.npy", "119 labels for the 120 rows of map.npy"][..],
        ),
        ("map.npy --images short_images", &["short_images", "3 images", "map.npy has 120 rows"]),
        ("map.npy --space short.npy", &["short.npy", "119 rows", "map.npy has 120 rows"]),
        ("nan.npy", &["nan.npy", "row 17, column 1", "NaN"]),
        ("nan.csv", &["nan.csv", "line 3, column 1", "nan"]),
        ("na.csv", &["na.csv", "line 1, column 0", "NA"]),
        ("gap.csv", &["gap.csv", "line 3 is empty, expected two numbers"]),
        ("gap_first.csv", &["gap_first.csv", "line 1 is empty, expected two numbers"]),
        ("map.npy --labels blank.csv", &["blank.csv", "line 3 is empty"]),
        ("three.npy", &["three.npy", "3 columns", "expected two", "layerlens embed"]),
        ("map.npy --labels torn.csv", &["torn.csv", "line 2 has 2 columns"]),
        (
            "map.npy --labels names.csv --class-names three_names",
            &["names.csv", "line 2 is `zebra`", "3 class names"],
        ),
        ("map.npy --metadata table.csv", &["table.csv", "119 rows", "120 points"]),
        ("map.npy --metadata twice.csv", &["twice.csv", "two columns called `a`"]),
        ("map.npy --metadata ragged.csv", &["ragged.csv", "line 3 has 3 columns", "first has 2"]),
        ("map.npy --metadata wide.csv", &["wide.csv", "65 columns", "64 at most"]),
        ("map.npy --metadata none.csv", &["none.csv", "empty"]),
        ("map.npy --metadata absent.csv", &["absent.csv", "cannot be read"]),
        ("absent.npy", &["absent.npy"]),
        ("map.npy --images absent", &["absent"]),
    ] {
        place.refuse(3, &format!("report --device cpu --embedding {args}"), parts);
    }
    place.refuse(2, "report run --embedding map.npy", &["--embedding"]);
    place.refuse(2, "report run --labels names.csv", &["--embedding"]);
}

/// Each way in for text of users: none of it becomes markup.
#[test]
fn names_of_every_kind_are_text() {
    let place = place_with_embedding();
    let plain = place
        .succeed("report --embedding map.npy --labels names.csv --device cpu --out plain.html");
    assert_eq!(plain.code, Some(0));
    let count = |name: &str, word: &str| {
        fs::read_to_string(place.path(name)).unwrap().to_lowercase().matches(word).count()
    };
    let file = "it's a \"map\" <b>&amp; $(x).npy";
    fs::copy(place.path("map.npy"), place.path(file)).unwrap();
    let quoted = format!("\"{}\"\n", NASTY.replace('"', "\"\""));
    let labels: String =
        (0..120).map(|row| if row % 2 == 0 { quoted.clone() } else { "b\n".into() }).collect();
    fs::write(place.path("nasty labels.csv"), labels).unwrap();
    fs::write(place.path("nasty names"), format!("a\n{NASTY}\nc\n")).unwrap();
    for (args, expected) in [
        (&["--embedding", "map.npy", "--labels", "nasty labels.csv"][..], NASTY),
        (
            &["--embedding", "map.npy", "--labels", "labels.npy", "--class-names", "nasty names"],
            NASTY,
        ),
        (&["--embedding", "map.npy", "--labels", "names.csv", "--name", NASTY], NASTY),
        (&["--embedding", file, "--labels", "names.csv"], file.trim_end_matches(".npy")),
    ] {
        let outcome = start(
            &place,
            &[&["report", "--device", "cpu", "--out", "page.html", "--force"], args].concat(),
        );
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        let page = data(&place.path("page.html"));
        let names = page["classes"].as_array().unwrap().iter().map(|class| &class["name"]);
        let mut texts = names.chain([&page["name"]]);
        assert!(texts.any(|text| text == expected), "{args:?}");
        for word in ["<script", "</script", "<img", "<b>"] {
            assert_eq!(count("page.html", word), count("plain.html", word), "{args:?}: {word}");
        }
        // The command that made the page is quoted for a shell, as text.
        let command = tables(&place.path("page.html"));
        assert!(
            command.contains("layerlens report --device cpu --out page.html --force"),
            "{args:?}"
        );
        assert!(
            !command.contains("$(x).npy")
                || command.contains("&#39;it&#39;\\&#39;&#39;s a &quot;map&quot;"),
            "{command}"
        );
    }
}

#[test]
fn a_browser_that_is_not_there_is_a_warning() {
    let place = place_with_embedding();
    let mut command =
        place.command(&["report", "--embedding", "map.npy", "--device", "cpu", "--open"]);
    let outcome = finished(command.env("PATH", place.path("nowhere")));
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("warning: the page was not opened"), "{}", outcome.stderr);
    assert!(place.path("report.html").is_file());
}

#[test]
fn epochs_are_shown_of_the_points_that_they_were_made_of() {
    let place = Place::with_images();
    let run = "run --dataset fashion-mnist --data-dir data --hidden 16 --epochs 2 --methods pca --clusters k-means --device cpu --out run";
    place.succeed(&format!("{run} --epochs-to-embed all"));
    let page = data(&place.path("run/report.html"));
    let entry = &page["epochs"][0];
    assert_eq!((entry["space"].as_str(), entry["method"].as_str()), (Some("layer_1"), Some("pca")));
    assert_eq!(
        (&entry["epochs"], entry["coordinates"]["frames"].as_u64()),
        (&serde_json::json!([0, 1, 2]), Some(3))
    );
    assert_eq!(entry["coordinates"]["n"].as_u64(), Some(3 * 2 * N_TEST as u64));
    assert_eq!(entry["metrics"][0][1].as_array().unwrap().len(), 3);
    // All points are more than those of the epochs.
    let stderr = place.succeed("report run --device cpu --report-points all --out all.html").stderr;
    assert!(
        stderr.contains("the maps of epochs are of other points: --report-points test shows them"),
        "{stderr}"
    );
    assert_eq!(data(&place.path("all.html"))["epochs"], serde_json::json!([]));
}
