//! Data of one's own as they are found: labels in any column, shapes, names, transparency, from the
//! files to the results.

use crate::support::{Place, finished, manifest, small_images, write_images};
use layerlens::dataset::Samples;

/// A training set of 60 images of three classes by rows of labels and pixels, and a smaller test
/// set.
fn write_rows(
    place: &Place,
    folder: &str,
    labels: [&str; 3],
    header: &str,
    line: impl Fn(&str, &[u8; 6]) -> String,
) {
    std::fs::create_dir_all(place.path(folder)).unwrap();
    for (name, n) in [("train.csv", 60), ("test.csv", 12)] {
        let row = |row: usize| {
            let base = (row % 3 * 80) as u8;
            line(
                labels[row % 3],
                &[base, base + 20, base + (row % 20) as u8, 255 - base, 5, (row % 3 * 9) as u8],
            )
        };
        let rows: String = (0..n).map(row).collect();
        std::fs::write(place.path(folder).join(name), format!("{header}{rows}")).unwrap();
    }
}

fn pixels(pixels: &[u8; 6]) -> String {
    pixels.map(|pixel| pixel.to_string()).join(",")
}

/// The same data with their labels wherever they are, and of a shape that is no square, end alike.
#[test]
fn labels_are_found_wherever_they_are_and_shapes_are_kept() {
    let place = Place::new();
    let labels = ["4", "5", "9"];
    write_rows(&place, "first", labels, "label,a,b,c,d,e,f\n", |label, row| {
        format!("{label},{}\n", pixels(row))
    });
    write_rows(&place, "last", labels, "a,b,c,d,e,f,Digit\n", |label, row| {
        format!("{},{label}\n", pixels(row))
    });
    write_rows(&place, "plain", labels, "", |label, row| format!("{},{label}\n", pixels(row)));
    write_rows(&place, "middle", labels, "a,b,c,kind,d,e,f\n", |label, row| {
        let text = pixels(row);
        let fields: Vec<&str> = text.split(',').collect();
        format!("{},{label},{}\n", fields[..3].join(","), fields[3..].join(","))
    });
    let train = "--image-shape 2x3 --hidden 4 --epochs 2 --batch-size 8 --device cpu --out";
    let mut results = Vec::new();
    for (folder, flag) in [
        ("first", ""),
        ("last", ""),
        ("plain", "--label-column last"),
        ("middle", "--label-column Kind"),
    ] {
        let outcome =
            place.succeed(&format!("train --dataset {folder} {flag} {train} {folder}-run"));
        assert!(outcome.stdout.contains(&format!(
            "--dataset {folder}{}{flag} --image-shape 2x3",
            if flag.is_empty() { "" } else { " " }
        )));
        results.push(manifest(&place.path(format!("{folder}-run")))["results"]["test"].clone());
        place.succeed(&format!(
            "data convert {folder} {flag} --image-shape 2x3 {folder}-csv --format csv"
        ));
        let info = place.succeed(&format!("data info {folder}-csv")).stdout;
        assert!(
            info.starts_with(&format!(
                "{folder}-csv: 60 training and 12 test images of 2 x 3, 3 classes"
            )),
            "{info}"
        );
    }
    assert!(results.iter().all(|result| *result == results[0]), "{results:?}");
    place.refuse(
        3,
        "data info last",
        &["last/train.csv", "6 columns of pixels", "--image-shape HEIGHTxWIDTH"],
    );
    place.refuse(
        2,
        "data info last --image-shape 2x4",
        &["--image-shape = 2x4", "height x width = 6"],
    );
    place.refuse(2, "data info last --image-shape 6", &["--image-shape", "28x28"]);
    place.refuse(
        2,
        "data info last --label-column kind",
        &["--label-column = kind", "a name in the header"],
    );
}

#[test]
fn blank_first_lines_are_refused_and_nothing_panics() {
    let place = Place::new();
    let labels = ["0", "1", "2"];
    write_rows(&place, "d", labels, "label,1x1,1x2,1x3,2x1,2x2,2x3\n", |label, row| {
        format!("{label},{}\n", pixels(row))
    });
    place.succeed("data convert d p --format csv");
    for name in ["p/y_train.csv", "p/x_train.csv", "p/x_test.csv", "d/train.csv", "d/test.csv"] {
        let whole = std::fs::read(place.path(name)).unwrap();
        std::fs::write(place.path(name), "\n1\n").unwrap();
        let folder = name.split('/').next().unwrap();
        place.refuse(3, &format!("data info {folder}"), &[name, "line 1 is empty"]);
        place.refuse(
            3,
            &format!("train --dataset {folder} --device cpu"),
            &[name, "line 1 is empty"],
        );
        std::fs::write(place.path(name), whole).unwrap();
    }
}

/// Names with everything that ends lines and columns, from the folders of images to the tables of
/// the run.
#[cfg(unix)]
#[test]
fn awkward_names_reach_the_run_unharmed() {
    let place = Place::new();
    let names = ["a\nb", "c, \"d\"", "plain", "10", "9"];
    for (class, name) in names.iter().enumerate() {
        for (part, n) in [("Train", 14), ("Test", 4)] {
            let folder = place.path("images").join(part).join(name);
            std::fs::create_dir_all(&folder).unwrap();
            for at in 0..n {
                let value = image::Luma([(50 * class + 3 * at) as u8]);
                image::GrayImage::from_pixel(28, 28, value)
                    .save(folder.join(format!("{at}.png")))
                    .unwrap();
            }
            std::fs::write(folder.join("Thumbs.db"), b"").unwrap();
        }
    }
    place.succeed("data convert images a.npz");
    place.succeed("data convert images idx --format idx");
    let sorted = ["9", "10", "a\nb", "c, \"d\"", "plain"];
    for data in ["images", "a.npz", "idx"] {
        let out = format!("run-{}", data.replace('.', "-"));
        place.succeed(&format!(
            "run --dataset {data} --hidden 4 --epochs 1 --batch-size 8 --methods pca --clusters \
             none --device cpu --out {out}"
        ));
        let read =
            layerlens::dataset::read_names(place.path(&out).join("activations/class_names.txt"))
                .unwrap();
        assert_eq!(read, sorted, "{data}");
        let mut table =
            csv::Reader::from_path(place.path(&out).join("scores/knn_per_class.csv")).unwrap();
        let held: Vec<String> = table
            .records()
            .flat_map(|row| row.unwrap().iter().map(str::to_owned).collect::<Vec<_>>())
            .collect();
        assert!(
            sorted.iter().all(|name| held.iter().any(|field| field == name)),
            "{data}: {held:?}"
        );
    }
    let tests = ["images", "a-npz", "idx"]
        .map(|name| manifest(&place.path(format!("run-{name}")))["results"]["test"].clone());
    assert!(tests.iter().all(|test| *test == tests[0]), "{tests:?}");
}

#[test]
fn transparent_and_lying_images_are_read_alike_by_training_and_report() {
    let place = Place::new();
    for (class, width) in [("narrow", 6), ("wide", 20)] {
        let folder = place.path("images").join(class);
        std::fs::create_dir_all(&folder).unwrap();
        for at in 0..30 {
            let ink = |x: u32, y: u32| x < width + at % 3 && y > 3;
            let image = image::RgbaImage::from_fn(28, 28, |x, y| {
                image::Rgba([0, 0, 0, if ink(x, y) { 255 } else { 0 }])
            });
            image.save(folder.join(format!("{at}.png"))).unwrap();
        }
    }
    let train = "train --dataset images --hidden 8 --epochs 12 --batch-size 8 --device cpu --out";
    let outcome = place.succeed(&format!("{train} run"));
    let said = manifest(&place.path("run"))["warnings"].to_string();
    assert!(
        said.contains("transparency over white")
            && outcome.stderr.contains("transparency over white"),
        "{said}"
    );
    let accuracy = manifest(&place.path("run"))["results"]["test"]["accuracy"].as_f64().unwrap();
    assert!(accuracy > 0.95, "{accuracy}");
    place.refuse(
        3,
        &format!("{train} black --background black"),
        &["images", "all alike", "--background"],
    );
    place.refuse(2, &format!("{train} other --background grey"), &["--background", "#80c0ff"]);
    place.points("map.npy", 30, 2);
    let tile = |flags: &str, out: &str| {
        place.succeed(&format!(
            "report --embedding map.npy --images images/narrow {flags} --device cpu --out {out}"
        ));
        let html = std::fs::read_to_string(place.path(out)).unwrap();
        let tile = html
            .split_once("id=\"block-tile-0\" data-encoding=\"raw\">")
            .unwrap()
            .1
            .split_once('<')
            .unwrap()
            .0
            .to_owned();
        let tile =
            base64::Engine::decode(&base64::engine::general_purpose::STANDARD, tile).unwrap();
        let tile = image::load_from_memory(&tile).unwrap().to_rgb8();
        [tile.get_pixel(1, 10).0, tile.get_pixel(20, 10).0]
    };
    assert_eq!(tile("", "white.html"), [[0; 3], [255; 3]]);
    assert_eq!(tile("--background #ff8000", "orange.html"), [[0; 3], [255, 128, 0]]);
}

#[test]
fn names_of_clusters_are_parted_as_in_csv_and_counted() {
    let place = Place::with_points();
    std::fs::write(place.path("names.txt"), "\"Shirt, blue\"\nTop\nBag\n").unwrap();
    let mut command = place.command(&[
        "cluster",
        "x.npy",
        "--labels",
        "labels.npy",
        "--device",
        "cpu",
        "--out",
        "one",
    ]);
    let outcome = finished(command.args(["--class-names", "\"Shirt, blue\",Top,Bag,Hat"]));
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let warnings = manifest(&place.path("one"))["warnings"].to_string();
    assert!(
        warnings.contains("no point has: 3 (`Hat`)")
            && outcome.stderr.contains("no point has: 3 (`Hat`)"),
        "{warnings}"
    );
    let two = place.succeed(
        "cluster x.npy --labels labels.npy --class-names names.txt --device cpu --out two",
    );
    assert!(!two.stderr.contains("no point has"), "{}", two.stderr);
    for out in ["one", "two"] {
        let held = |entry: &std::path::PathBuf| {
            let path = place.path(out).join(entry);
            path.extension().is_some_and(|end| end == "csv")
                && std::fs::read_to_string(path).unwrap().contains("\"Shirt, blue\"")
        };
        assert!(crate::support::files_below(&place.path(out)).iter().any(held), "{out}");
    }
    place.refuse(
        2,
        "cluster x.npy --labels labels.npy --class-names a,,b --device cpu",
        &["--class-names", "name 2 is empty"],
    );
}

/// The classes are called by numbers that the places among them are not.
#[test]
fn a_run_on_labels_that_start_at_one_ends_though_the_network_answers_one_class_alone() {
    let place = Place::new();
    let [train, test] = small_images();
    let rows = |samples: &Samples, classes: &[u16]| {
        (0..samples.len())
            .filter(|&row| classes.contains(&samples.labels[row]))
            .collect::<Vec<usize>>()
    };
    // Trousers, and trousers beside bags; of the test trousers alone.
    let mut parts = [train.select(&rows(train, &[1, 8])), test.select(&rows(test, &[1]))];
    for part in &mut parts {
        part.labels.iter_mut().for_each(|label| *label = if *label == 1 { 1 } else { 2 });
    }
    write_images(&place.path("data"), &parts);
    place
        .succeed("run --dataset data --hidden 16 --epochs 12 --methods pca --device cpu --out out");
    let out = place.path("out");
    assert_eq!(std::fs::read_to_string(out.join("activations/class_names.txt")).unwrap(), "1\n2\n");
    let softmax =
        layerlens::dataset::npy::read_matrix(out.join("activations/softmax_test.npy")).unwrap();
    assert!(softmax.rows().all(|row| row[0] > row[1]), "bags are answered");
    assert_eq!(manifest(&out)["status"], "complete");
}
