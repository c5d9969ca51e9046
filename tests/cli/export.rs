//! `layerlens export`: what TensorBoard's projector and readers of Parquet get of a run is what the
//! run has.

use crate::pipeline::{METHODS_RUN, SPACES, shared_run};
use crate::resume::copy;
use crate::support::{N_TEST, N_TRAIN, Place, files_below, groups, manifest};
use layerlens::dataset::npy;
use layerlens::matrix::Matrix;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The columns of a table.
fn table(path: &Path) -> BTreeMap<String, Vec<Field>> {
    let reader = SerializedFileReader::new(fs::File::open(path).unwrap()).unwrap();
    let mut columns: BTreeMap<String, Vec<Field>> = BTreeMap::new();
    for row in reader.get_row_iter(None).unwrap() {
        for (name, field) in row.unwrap().get_column_iter() {
            columns.entry(name.clone()).or_default().push(field.clone());
        }
    }
    columns
}

fn fields(field: &Field) -> BTreeMap<String, Field> {
    let Field::Group(group) = field else { panic!("{field:?} is no group") };
    group.get_column_iter().map(|(name, field)| (name.clone(), field.clone())).collect()
}

fn names(run: &Path) -> Vec<String> {
    fs::read_to_string(run.join("activations/class_names.txt"))
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect()
}

fn matrix(run: &Path, name: &str) -> Matrix {
    npy::read_matrix(run.join(name)).unwrap()
}

#[test]
fn the_table_holds_what_the_run_knows_of_its_test_points() {
    let place = Place::new();
    let run = shared_run();
    let args = format!("export {} --format parquet --device cpu", run.display());
    let stdout = place.succeed(&format!("{args} --out points.parquet")).stdout;
    assert!(
        stdout.starts_with(&format!("{N_TEST} of {} points: the test points\n", N_TRAIN + N_TEST)),
        "{stdout}"
    );
    let flags =
        "--x tsne_layer_2_x --y tsne_layer_2_y --text label --image image --neighbors neighbors";
    assert!(stdout.contains(&format!("embedding-atlas points.parquet {flags}\n")), "{stdout}");
    let columns = table(&place.path("points.parquet"));
    let names = names(&run);
    let softmax = matrix(&run, "activations/softmax_test.npy");
    let labels = npy::read_labels(run.join("activations/labels_test.npy")).unwrap();
    let raw = matrix(&run, "activations/raw_test.npy");
    for row in 0..N_TEST {
        let is =
            |name: &str, field: Field| assert_eq!(columns[name][row], field, "{name}, row {row}");
        is("id", Field::Str(format!("test:{row}")));
        is("split", Field::Str("test".into()));
        is("label", Field::Str(names[labels[row] as usize].clone()));
        let probabilities = softmax.row(row);
        let best = (0..probabilities.len())
            .rev()
            .max_by(|&a, &b| probabilities[a].total_cmp(&probabilities[b]))
            .unwrap();
        is("prediction", Field::Str(names[best].clone()));
        is("correct", Field::Bool(best == labels[row] as usize));
        is("confidence", Field::Float(probabilities[best]));
        let image = fields(&columns["image"][row]);
        assert_eq!(image["path"], Field::Str(format!("test_{row}.png")));
        let Field::Bytes(file) = &image["bytes"] else { panic!("{image:?}") };
        let image = image::load_from_memory(file.data()).unwrap().to_luma8();
        assert_eq!(image.dimensions(), (28, 28));
        assert!(
            image
                .as_raw()
                .iter()
                .zip(raw.row(row))
                .all(|(pixel, value)| f32::from(*pixel) == (value * 255.0).round())
        );
    }
    for (space, _) in SPACES {
        for method in METHODS_RUN {
            let map = matrix(&run, &format!("embeddings/{method}_{space}_test.npy"));
            for (row, place) in map.rows().enumerate() {
                assert_eq!(columns[&format!("{method}_{space}_x")][row], Field::Float(place[0]));
                assert_eq!(columns[&format!("{method}_{space}_y")][row], Field::Float(place[1]));
            }
        }
    }
    place.succeed(&format!("{args} --out again.parquet --threads 1"));
    assert!(
        fs::read(place.path("points.parquet")).unwrap()
            == fs::read(place.path("again.parquet")).unwrap()
    );
}

#[test]
fn neighbours_are_those_of_the_input_among_the_exported_points() {
    let place = Place::new();
    let run = shared_run();
    place.succeed(&format!(
        "export {} --format parquet --report-points 90 --device cpu --out p.parquet",
        run.display()
    ));
    let columns = table(&place.path("p.parquet"));
    let parts =
        ["train", "test"].map(|part| (part, matrix(&run, &format!("activations/raw_{part}.npy"))));
    let input: Vec<Vec<f64>> = (columns["id"].iter())
        .map(|id| {
            let Field::Str(id) = id else { panic!("{id:?}") };
            let (part, row) = id.split_once(':').unwrap();
            let values = &parts.iter().find(|(name, _)| *name == part).unwrap().1;
            values.row(row.parse().unwrap()).iter().map(|&value| f64::from(value)).collect()
        })
        .collect();
    assert_eq!(input.len(), 90);
    assert!(
        ["train", "test"].iter().all(|part| columns["split"].contains(&Field::Str((*part).into())))
    );
    let distance = |a: usize, b: usize| {
        input[a].iter().zip(&input[b]).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
    };
    for (row, listed) in columns["neighbors"].iter().enumerate() {
        let mut nearest: Vec<(f64, usize)> = (0..90)
            .filter(|&other| other != row)
            .map(|other| (distance(row, other), other))
            .collect();
        nearest.sort_by(|a, b| a.0.total_cmp(&b.0));
        let found = fields(listed);
        let (Field::ListInternal(ids), Field::ListInternal(distances)) =
            (&found["ids"], &found["distances"])
        else {
            panic!("{found:?}")
        };
        assert_eq!((ids.len(), distances.len()), (10, 10));
        for (at, (expected, other)) in nearest.iter().take(10).enumerate() {
            assert_eq!(ids.elements()[at], Field::Int(*other as i32), "row {row}");
            let Field::Float(distance) = distances.elements()[at] else { panic!("{distances:?}") };
            assert!(
                (f64::from(distance) - expected).abs() < 1e-4 * expected,
                "{distance} for {expected}"
            );
        }
    }
}

#[test]
fn the_projector_gets_every_space_and_map() {
    let place = Place::new();
    let run = shared_run();
    let args = format!("export {} --format tensorboard --report-points all", run.display());
    let stdout = place.succeed(&format!("{args} --out board --url https://example.org/b")).stdout;
    assert!(
        stdout.starts_with(&format!(
            "{} of {} points: all points\n",
            N_TRAIN + N_TEST,
            N_TRAIN + N_TEST
        )),
        "{stdout}"
    );
    assert!(stdout.contains("tensorboard --logdir board\n"), "{stdout}");
    assert!(
        stdout.contains(
            "https://projector.tensorflow.org/?config=https://example.org/b/projector_config.json"
        ),
        "{stdout}"
    );
    let board = place.path("board");
    let config = fs::read_to_string(board.join("projector_config.pbtxt")).unwrap();
    let mut expected =
        SPACES.map(|(space, _)| (space.to_owned(), format!("activations/{space}"))).to_vec();
    for (space, _) in SPACES {
        expected.extend(
            METHODS_RUN.map(|method| {
                (format!("{method}_{space}"), format!("embeddings/{method}_{space}"))
            }),
        );
    }
    let listed: Vec<&str> =
        config.lines().filter_map(|line| line.trim().strip_prefix("tensor_name: ")).collect();
    assert_eq!(listed, expected.iter().map(|(name, _)| format!("\"{name}\"")).collect::<Vec<_>>());
    for (name, file) in &expected {
        let parts = ["train", "test"].map(|part| matrix(&run, &format!("{file}_{part}.npy")));
        // A map gets a third column of zeros: the projector draws three dimensions or none.
        let rows = parts
            .iter()
            .flat_map(Matrix::rows)
            .map(|row| if row.len() == 2 { vec![row[0], row[1], 0.0] } else { row.to_vec() });
        let bytes: Vec<u8> = rows.flatten().flat_map(f32::to_le_bytes).collect();
        assert!(fs::read(board.join(format!("tensors/{name}.bytes"))).unwrap() == bytes, "{name}");
    }
    let metadata = fs::read_to_string(board.join("metadata.tsv")).unwrap();
    let lines: Vec<Vec<&str>> = metadata.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(lines[0], ["label", "prediction", "correct", "confidence", "split", "id"]);
    assert_eq!(lines.len(), 1 + N_TRAIN + N_TEST);
    let names = names(&run);
    for (part, first, n) in [("train", 1, N_TRAIN), ("test", 1 + N_TRAIN, N_TEST)] {
        let labels = npy::read_labels(run.join(format!("activations/labels_{part}.npy"))).unwrap();
        for (row, line) in lines[first..][..n].iter().enumerate() {
            let label = &names[labels[row] as usize];
            let correct = if line[0] == line[1] { "yes" } else { "no" };
            assert_eq!(
                [line[0], line[2], line[4], line[5]],
                [label, correct, part, &format!("{part}:{row}")]
            );
        }
    }
    // 454 images are 22 by 22 of 28 pixels.
    let sprite = image::open(board.join("sprite.png")).unwrap().to_luma8();
    assert_eq!(sprite.dimensions(), (616, 616));
    let last = matrix(&run, "activations/raw_test.npy");
    let at = N_TRAIN + N_TEST - 1;
    let pixel = |place: usize| {
        f32::from(
            sprite
                .get_pixel((at % 22 * 28 + place % 28) as u32, (at / 22 * 28 + place / 28) as u32)
                .0[0],
        )
    };
    assert!((0..784).all(|place| pixel(place) == (last.row(N_TEST - 1)[place] * 255.0).round()));
    let before = files_below(&board);
    place.succeed(&format!("{args} --out board --force"));
    assert_eq!(files_below(&board), before);
    assert!(
        !fs::read_to_string(board.join("projector_config.json")).unwrap().contains("example.org")
    );
}

/// A run of layers that another program made, in `out`: no input, no predictions, no images.
fn given(place: &Place) {
    fs::create_dir(place.path("layers")).unwrap();
    for (part, n) in [("train", 60), ("test", 30)] {
        place.points(&format!("layers/my layer_{part}.npy"), n, 4);
        place.labels(&format!("layers/labels_{part}.npy"), &groups(n as u32));
    }
    place.succeed("run --from-activations layers --methods pca --device cpu --out out");
}

#[test]
fn what_a_run_does_not_know_is_left_out_and_said() {
    let place = Place::new();
    given(&place);
    let outcome = place.succeed("export out --device cpu");
    assert!(
        outcome
            .stderr
            .contains("does not hold these for its points: predictions, confidences, images"),
        "{}",
        outcome.stderr
    );
    let flags = "--x 'pca_my layer_x' --y 'pca_my layer_y' --text label --neighbors neighbors";
    assert!(
        outcome.stdout.contains(&format!("embedding-atlas out/export/points.parquet {flags}\n")),
        "{}",
        outcome.stdout
    );
    let columns: Vec<String> =
        table(&place.path("out/export/points.parquet")).into_keys().collect();
    assert_eq!(columns, ["id", "label", "neighbors", "pca_my layer_x", "pca_my layer_y", "split"]);
    assert!(!place.path("out/export/tensorboard/sprite.png").exists());
    assert!(
        fs::read_to_string(place.path("out/export/tensorboard/metadata.tsv"))
            .unwrap()
            .starts_with("label\tsplit\tid\n0\ttest\ttest:0\n")
    );
}

#[test]
fn parts_that_were_deleted_are_named_and_the_rest_is_exported() {
    let place = Place::new();
    copy(&shared_run(), &place.path("run"));
    for name in [
        "activations/raw_test.npy",
        "activations/images_test.npy",
        "activations/class_names.txt",
        "embeddings/tsne_layer_2_test.npy",
    ] {
        fs::remove_file(place.path("run").join(name)).unwrap();
    }
    let outcome = place.succeed("export run --device cpu --out both");
    for name in [
        "activations/raw_test.npy",
        "activations/images_test.npy",
        "class_names.txt",
        "embeddings/tsne_layer_2_test.npy",
    ] {
        assert_eq!(
            outcome.stderr.matches(&format!("{name} is not in the folder")).count().min(1),
            1,
            "{}",
            outcome.stderr
        );
    }
    let columns = table(&place.path("both/points.parquet"));
    assert!(
        ["image", "neighbors", "tsne_layer_2_x"].iter().all(|name| !columns.contains_key(*name))
    );
    assert!(
        columns.contains_key("tsne_layer_1_x") && columns["label"][0] != Field::Str(String::new())
    );
    assert!(place.path("both/tensorboard/tensors/layer_1.bytes").exists());
}

#[test]
fn nothing_but_an_earlier_export_is_replaced() {
    let place = Place::new();
    given(&place);
    let export = "export out --device cpu";
    place.succeed(export);
    place.refuse(1, export, &["out/export/tensorboard exists already", "--force"]);
    place.refuse(
        1,
        &format!("{export} --format parquet"),
        &["out/export/points.parquet exists already"],
    );
    place.succeed(&format!("{export} --force"));
    let kept = place.path("out/export/tensorboard/model.ckpt");
    fs::write(&kept, "of somebody else").unwrap();
    place.refuse(
        1,
        &format!("{export} --format tensorboard --force"),
        &["tensorboard", "is not an export folder"],
    );
    assert!(kept.exists());
    place.refuse(
        1,
        &format!("{export} --format tensorboard --out out --force"),
        &["out", "is not an export folder"],
    );
    let manifest = "--format parquet --out out/manifest.json";
    place.refuse(
        1,
        &format!("{export} {manifest} --force"),
        &["manifest.json", "not a Parquet file"],
    );
    place.refuse(
        1,
        &format!("{export} --format parquet --out layers --force"),
        &["layers", "not a Parquet file"],
    );
}

#[test]
fn what_cannot_be_exported_is_refused() {
    let place = Place::new();
    given(&place);
    place.refuse(3, "export nowhere --device cpu", &["nowhere", "no such folder"]);
    place.refuse(3, "export layers --device cpu", &["layers", "not a run folder"]);
    place.refuse(2, "export out --format arrow", &["arrow", "tensorboard, parquet"]);
    place.refuse(
        2,
        "export out --report-points none",
        &["--report-points", "`test`, `train`, `all`"],
    );
    place.refuse(
        2,
        "export out --device cpu --format parquet --url https://example.org",
        &["--url", "tensorboard"],
    );
    place.refuse(2, "export out --device cpu --url example", &["--url = example", "whole address"]);
    let rows = "export out --device cpu --out both";
    place.points("out/activations/my layer_test.npy", 29, 4);
    place.refuse(3, rows, &["my layer_test.npy", "SHA-256"]);
    let rewrite = |key: &str, value: serde_json::Value| {
        let mut changed = manifest(&place.path("out"));
        changed[key] = value;
        fs::write(place.path("out/manifest.json"), changed.to_string()).unwrap();
    };
    rewrite("status", "interrupted".into());
    place.refuse(3, rows, &["not finished", "interrupted"]);
    rewrite("schema_version", 9.into());
    place.refuse(3, rows, &["layout 9", "newer version"]);
}
