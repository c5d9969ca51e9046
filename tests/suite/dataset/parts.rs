//! Parts of data sets: a validation part is tested on or named, whatever the format.

use super::images::{file, grey};
use super::{input_error, npy_bytes, put};
use layerlens::dataset::{Dataset, Request};
use layerlens::error::Error;
use std::path::Path;
use tempfile::TempDir;

fn open(path: &Path, train: Option<&str>, test: Option<&str>) -> Result<Dataset, Error> {
    let mut request = Request::new(path.to_str().unwrap());
    request.train_part = train.map(str::to_owned);
    request.test_part = test.map(str::to_owned);
    Dataset::open(&request)
}

/// Pixel values of images of 2 x 2 of a part, and its labels.
const PARTS: [(&str, [u8; 2]); 3] = [("train", [10, 20]), ("test", [30, 40]), ("val", [50, 60])];

fn image_folders(parts: &[(&str, [u8; 2])]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (part, values) in parts {
        for (class, value) in ["cat", "dog"].iter().zip(values) {
            file(&folder, &format!("{part}/{class}/a.png"), &grey(*value));
        }
    }
    folder
}

fn csv_files(parts: &[(&str, [u8; 2])]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (part, [a, b]) in parts {
        put(&folder, &format!("x_{part}.csv"), format!("{a},1,2,3\n{b},1,2,3\n").as_bytes());
        put(&folder, &format!("y_{part}.csv"), b"0\n1\n");
    }
    folder
}

fn csv_with_labels(parts: &[(&str, [u8; 2])]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (part, [a, b]) in parts {
        let text = format!("label,a,b,c,d\n0,{a},1,2,3\n1,{b},1,2,3\n");
        put(&folder, &format!("{part}.csv"), text.as_bytes());
    }
    folder
}

fn npy_files(parts: &[(&str, [u8; 2])]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (part, [a, b]) in parts {
        let pixels = [*a, 1, 2, 3, *b, 1, 2, 3];
        let name = |what: &str| format!("{part}_{what}.npy");
        put(&folder, &name("images"), &npy_bytes("|u1", false, "(2, 2, 2)", &pixels));
        put(&folder, &name("labels"), &npy_bytes("|u1", false, "(2,)", &[0, 1]));
    }
    folder
}

type Maker = fn(&[(&str, [u8; 2])]) -> TempDir;
const FORMATS: [(&str, Maker); 4] = [
    ("images", image_folders),
    ("CSV", csv_files),
    ("CSV with labels", csv_with_labels),
    ("NPY", npy_files),
];

/// First pixel of the first image of the two parts.
fn first(data: &Dataset) -> [u8; 2] {
    [&data.train, &data.test].map(|part| part.images.image(0)[0])
}

#[test]
fn a_third_part_is_named_and_can_be_chosen() {
    for (format, make) in FORMATS {
        let folder = make(&PARTS);
        let data = open(folder.path(), None, None).unwrap();
        assert_eq!(first(&data), [10, 30], "{format}");
        let named: Vec<_> = data.warnings.iter().filter(|it| it.contains("val")).collect();
        assert_eq!(named.len(), 1, "{format}: {:?}", data.warnings);
        assert!(named[0].contains("the part `val` of"), "{format}: {named:?}");
        let data = open(folder.path(), None, Some("VAL")).unwrap();
        assert_eq!(first(&data), [10, 50], "{format}");
        assert!(data.warnings.iter().any(|it| it.starts_with("the part `test` of")), "{format}");
        let data = open(folder.path(), Some("val"), None).unwrap();
        assert_eq!(first(&data), [50, 30], "{format}");
        let data = open(folder.path(), Some("test"), None).unwrap();
        assert_eq!(first(&data), [30, 50], "{format}: {:?}", data.warnings);
    }
}

#[test]
fn a_validation_part_is_the_test_part_where_there_is_no_other() {
    for (format, make) in FORMATS {
        let folder = make(&[PARTS[0], PARTS[2]]);
        let data = open(folder.path(), None, None).unwrap();
        assert_eq!(first(&data), [10, 50], "{format}");
        let said = "has no part `test`: its part `val` is the test part";
        assert!(data.warnings.iter().any(|it| it.ends_with(said)), "{format}: {:?}", data.warnings);
    }
}

#[test]
fn a_part_that_is_not_there_is_refused_with_those_that_are() {
    for (format, make) in FORMATS {
        let folder = make(&PARTS[..2]);
        let refused = |train, test| open(folder.path(), train, test).unwrap_err().to_string();
        let said = refused(None, Some("val"));
        assert!(said.starts_with("test_part = val") && said.contains("test"), "{format}: {said}");
        let said = refused(Some("test"), Some("test"));
        assert!(said.contains("another part than the one to train on"), "{format}: {said}");
    }
    let named = Dataset::open(&Request {
        test_part: Some("val".into()),
        ..Request::new("fashion-mnist-sample")
    });
    assert!(named.unwrap_err().to_string().contains("is a known data set"));
    let folder = image_folders(&PARTS[1..2]);
    let message = input_error(open(folder.path(), None, None), folder.path());
    assert!(message.starts_with("has only one of the folders `train` and `test`"), "{message}");
}

/// Files of other formats that have no such part do not stand in the way.
#[test]
fn other_files_beside_the_data_have_no_say_about_parts() {
    let folder = image_folders(&PARTS);
    put(&folder, "labels.csv", b"a,b\n1,2\n");
    put(&folder, "notes.mat", b"");
    let data = open(folder.path(), None, Some("val")).unwrap();
    assert_eq!(first(&data), [10, 50]);
    let folder = csv_files(&PARTS);
    put(&folder, "train_32x32.mat", b"");
    assert_eq!(first(&open(folder.path(), None, Some("val")).unwrap()), [10, 50]);
}

/// Folders of classes may be called like parts.
#[test]
fn classes_that_are_called_like_parts_stay_classes() {
    let folder = TempDir::new().unwrap();
    for (class, value) in [("extra", 10), ("val", 20)] {
        for name in ["a", "b"] {
            file(&folder, &format!("{class}/{name}.png"), &grey(value + name.len() as u8));
        }
        file(&folder, &format!("{class}/c.png"), &grey(value));
    }
    assert_eq!(open(folder.path(), None, None).unwrap().class_names, ["extra", "val"]);
}
