//! Files for other programs, read back by other readers: Parquet by its crate, images by theirs,
//! the rest as text and bytes.

use layerlens::Error;
use layerlens::dataset::Images;
use layerlens::matrix::Matrix;
use layerlens::neighbors::NeighborGraph;
use layerlens::report::parquet::{Column, write_table};
use layerlens::report::pictures::{png_files, sheet};
use layerlens::report::projector::Projector;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use serde_json::Value;
use std::fs;
use std::path::Path;

fn rows(path: &Path) -> Vec<Row> {
    let reader = SerializedFileReader::new(fs::File::open(path).unwrap()).unwrap();
    reader.get_row_iter(None).unwrap().map(Result::unwrap).collect()
}

fn text(text: &str) -> Field {
    Field::Str(text.into())
}

/// The fields of a group, by name.
fn fields(field: &Field) -> Vec<(String, Field)> {
    let Field::Group(group) = field else { panic!("{field:?} is no group") };
    group.get_column_iter().map(|(name, field)| (name.clone(), field.clone())).collect()
}

fn list(field: &Field) -> Vec<Field> {
    let Field::ListInternal(list) = field else { panic!("{field:?} is no list") };
    list.elements().to_vec()
}

#[test]
fn a_table_is_read_back_whole() {
    let place = tempfile::TempDir::new().unwrap();
    let path = place.path().join("points.parquet");
    let graph =
        NeighborGraph::new(vec![1, 2, 0, 2, 1, 0], vec![0.5, 1.5, 0.5, 2.0, 2.0, 2.5], 2).unwrap();
    let files = vec![vec![1, 2, 3], vec![], vec![255, 0]];
    let columns = [
        ("name, with \"odd\" letters.é".to_owned(), Column::Texts(vec!["a", "ß\tb", ""])),
        ("yes".into(), Column::Flags(vec![true, false, true])),
        ("x".into(), Column::Floats(vec![0.1, -2.5, f32::MIN_POSITIVE])),
        ("neighbors".into(), Column::Neighbors(&graph)),
        (
            "image".into(),
            Column::Images(files.clone(), vec!["0.png".into(), "1.png".into(), "2.png".into()]),
        ),
    ];
    write_table(&path, &columns).unwrap();
    let rows = rows(&path);
    assert_eq!(rows.len(), 3);
    for (at, row) in rows.iter().enumerate() {
        let [(name, label), (_, flag), (_, x), (_, near), (_, image)] =
            &row.get_column_iter().collect::<Vec<_>>()[..]
        else {
            panic!("{row:?}")
        };
        assert_eq!(name.as_str(), columns[0].0);
        assert_eq!(**label, text(["a", "ß\tb", ""][at]));
        assert_eq!(**flag, Field::Bool(at != 1));
        assert_eq!(**x, Field::Float([0.1, -2.5, f32::MIN_POSITIVE][at]));
        let near = fields(near);
        assert_eq!([near[0].0.as_str(), near[1].0.as_str()], ["ids", "distances"]);
        assert_eq!(
            list(&near[0].1),
            graph.neighbors(at).iter().map(|&id| Field::Int(id as i32)).collect::<Vec<_>>()
        );
        assert_eq!(
            list(&near[1].1),
            graph.distances()[2 * at..][..2].iter().map(|&d| Field::Float(d)).collect::<Vec<_>>()
        );
        let image = fields(image);
        assert_eq!(
            image,
            [
                ("bytes".into(), Field::Bytes(files[at].clone().into())),
                ("path".into(), text(&format!("{at}.png")))
            ]
        );
    }
    let uneven =
        [("a".to_owned(), Column::Flags(vec![true])), ("b".into(), Column::Floats(vec![1.0, 2.0]))];
    let error = write_table(&path, &uneven).unwrap_err();
    assert!(
        matches!(&error, Error::Data(message) if message.contains("column b has 2 rows")),
        "{error}"
    );
}

/// Pictures whose every value is known: picture i, row y, column x, channel c.
fn pictures(n: usize, height: usize, width: usize, channels: usize) -> Images {
    let pixels = (0..n * height * width * channels).map(|at| (at * 7 % 251) as u8).collect();
    Images::with_channels(pixels, height, width, channels).unwrap()
}

#[test]
fn a_sheet_has_its_pictures_row_by_row() {
    for (n, columns) in [(1, 1), (4, 2), (5, 3), (9, 3)] {
        let (height, width) = (2, 3);
        for channels in [1, 3] {
            let pictures = pictures(n, height, width, channels);
            let made = sheet(&pictures, 100).unwrap();
            assert_eq!(made.size, (width, height));
            let image = image::load_from_memory(&made.png).unwrap();
            assert_eq!(
                (image.width(), image.height()),
                ((columns * width) as u32, (columns * height) as u32)
            );
            let pixels = if channels == 1 {
                image.to_luma8().into_raw()
            } else {
                image.to_rgb8().into_raw()
            };
            let line = columns * width * channels;
            for at in 0..columns * columns {
                for y in 0..height {
                    let start =
                        (at / columns * height + y) * line + at % columns * width * channels;
                    let found = &pixels[start..][..width * channels];
                    let row = y * width * channels..(y + 1) * width * channels;
                    let expected = if at < n {
                        pictures.image(at)[row].to_vec()
                    } else {
                        vec![0; width * channels]
                    };
                    assert_eq!(found, expected, "picture {at} of {n}, row {y}");
                }
            }
            let alone = png_files(&pictures).unwrap();
            let alone = image::load_from_memory(&alone[n - 1]).unwrap();
            let alone = if channels == 1 {
                alone.to_luma8().into_raw()
            } else {
                alone.to_rgb8().into_raw()
            };
            assert_eq!(alone, pictures.image(n - 1));
        }
    }
}

#[test]
fn pictures_are_scaled_down_to_what_a_sheet_may_have() {
    // Five pictures stand three by three: of 100 pixels each has 33, and the shorter side keeps its
    // share.
    let grey = Images::with_channels(vec![80; 5 * 40 * 20], 40, 20, 1).unwrap();
    let made = sheet(&grey, 100).unwrap();
    assert_eq!(made.size, (16, 33));
    let image = image::load_from_memory(&made.png).unwrap().to_luma8();
    assert_eq!(image.dimensions(), (48, 99));
    assert_eq!((image.get_pixel(20, 50).0, image.get_pixel(40, 50).0), ([80], [0]));
    assert_eq!(sheet(&pictures(5, 2, 2, 1), 6).unwrap().size, (2, 2));
    let error = sheet(&pictures(5, 2, 2, 1), 2).unwrap_err();
    assert!(error.to_string().contains("5 pictures do not fit on a sheet of 2 x 2"), "{error}");
}

#[test]
fn a_projector_folder_says_what_is_in_it() {
    let place = tempfile::TempDir::new().unwrap();
    let values = Matrix::new(vec![0.2, -1.5, 3.0, 1e-20, 0.0, 7.25], 3, 2).unwrap();
    let dead = Matrix::new(vec![0.0; 6], 3, 2).unwrap();
    let mut projector = Projector::new(place.path());
    projector.add_tensor("conv \"1\" #é", &values).unwrap();
    projector.add_tensor("dead", &dead).unwrap();
    let labels = ["tab\there", "line\nbreak", "plain"].map(str::to_owned).to_vec();
    let ids = ["0", "1", "2"].map(str::to_owned).to_vec();
    projector.write_metadata(&[("label", labels), ("id", ids)]).unwrap();
    assert_eq!(projector.write_sprite(&pictures(3, 4, 5, 3)).unwrap(), (5, 4));
    projector.finish(Some("https://example.org/points/")).unwrap();
    let read = |name: &str| fs::read(place.path().join(name)).unwrap();
    // The projector draws three dimensions or none.
    let bytes: Vec<u8> =
        values.rows().flat_map(|row| [row[0], row[1], 0.0]).flat_map(f32::to_le_bytes).collect();
    assert_eq!(read("tensors/conv \"1\" #é.bytes"), bytes);
    // TensorBoard takes zeros for text: what is read as text is text.
    assert_eq!(read("tensors/dead.tsv"), b"0\t0\t0\n0\t0\t0\n0\t0\t0\n");
    assert_eq!(read("metadata.tsv"), b"label\tid\ntab\\there\t0\nline\\nbreak\t1\nplain\t2\n");
    let config = String::from_utf8(read("projector_config.pbtxt")).unwrap();
    assert_eq!(config.matches("embeddings {").count(), 2);
    for line in [
        r#"tensor_name: "conv \"1\" #é""#,
        r#"tensor_path: "tensors/conv \"1\" #é.bytes""#,
        r#"tensor_path: "tensors/dead.tsv""#,
        "tensor_shape: 3\n  tensor_shape: 3\n",
        r#"metadata_path: "metadata.tsv""#,
        "image_path: \"sprite.png\"\n    single_image_dim: 5\n    single_image_dim: 4\n",
    ] {
        assert!(config.contains(line), "{line}\n{config}");
    }
    let json: Value = serde_json::from_slice(&read("projector_config.json")).unwrap();
    let first = &json["embeddings"][0];
    assert_eq!(
        first["tensorPath"],
        "https://example.org/points/tensors/conv%20%221%22%20%23%C3%A9.bytes"
    );
    assert_eq!(
        (&first["tensorName"], &first["tensorShape"]),
        (&"conv \"1\" #é".into(), &serde_json::json!([3, 3]))
    );
    assert_eq!(first["sprite"]["singleImageDim"], serde_json::json!([5, 4]));
}

#[test]
fn a_lone_column_has_no_name() {
    let place = tempfile::TempDir::new().unwrap();
    let mut projector = Projector::new(place.path());
    projector.write_metadata(&[("label", vec!["a".into(), "b".into()])]).unwrap();
    projector.finish(None).unwrap();
    assert_eq!(fs::read_to_string(place.path().join("metadata.tsv")).unwrap(), "a\nb\n");
}
