//! Formats of published data sets, against files that other programs wrote
//! (`tests/fixtures/make_data.py`) or that are put together as the publishers describe them.

use super::{gzip, idx_bytes, input_error, put};
use crate::support::fixture;
use layerlens::dataset::{Channels, Dataset, LabelColumn, Request};
use layerlens::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn request(path: &Path) -> Request {
    Request::new(path.to_str().unwrap())
}

fn open(path: &Path) -> Result<Dataset, Error> {
    Dataset::open(&request(path))
}

/// The images of `make_data.py` with these numbers.
fn expected(numbers: &[usize], height: usize, width: usize, channels: usize) -> Vec<u8> {
    let mut values = Vec::new();
    for i in numbers {
        for (row, column) in (0..height).flat_map(|row| (0..width).map(move |column| (row, column)))
        {
            let value = |colour: usize| ((7 * i + 5 * row + 3 * column + 40 * colour) % 256) as u8;
            values.extend((0..channels).map(value));
        }
    }
    values
}

/// A copy of files of the fixtures in a folder that may be changed.
fn copied(names: &[&str]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for name in names {
        let from = fixture(&format!("data/{name}"));
        fs::copy(&from, folder.path().join(from.file_name().unwrap())).unwrap();
    }
    folder
}

#[test]
fn splits_of_the_hub_are_read_from_all_their_files() {
    // The labels of the test part are withheld.
    let hub = fixture("data/hub");
    let error = open(&hub).unwrap_err().to_string();
    assert!(error.contains("test-00000-of-00001.parquet"), "{error}");
    assert!(error.contains("row 0 has the `label` -1, expected 0 to 65535"), "{error}");
    for path in [hub.clone(), hub.join("data")] {
        let asked = Request { test_part: Some("validation".into()), ..request(&path) };
        let data = Dataset::open(&asked).unwrap();
        assert_eq!(data.train.images.shape(), [4, 6, 3]);
        assert_eq!(data.train.images.pixels(), expected(&[0, 1, 2, 3, 4], 4, 6, 3));
        assert_eq!(data.test.images.pixels(), expected(&[9, 10], 4, 6, 3));
        assert_eq!((data.train.labels, data.test.labels), (vec![0, 1, 2, 0, 1], vec![0, 1]));
        assert_eq!(data.class_names, ["cat", "dog", "owl"]);
        assert_eq!(data.sources.len(), 3);
        assert!(data.warnings[0].starts_with("the part `test` of"), "{:?}", data.warnings);
    }
    let asked = Request {
        test_part: Some("validation".into()),
        channels: Some(Channels::Grey),
        size: Some("8x8".parse().unwrap()),
        ..request(&hub)
    };
    assert_eq!(Dataset::open(&asked).unwrap().train.images.shape(), [8, 8, 1]);
}

#[test]
fn missing_files_of_a_split_are_named() {
    let validation = "hub/data/validation-00000-of-00001.parquet";
    let folder = copied(&["hub/data/train-00001-of-00002.parquet", validation]);
    let message = input_error(open(folder.path()), folder.path());
    assert_eq!(message, "holds 1 of the 2 files of `train`: train-00001-of-00002.parquet");
    let folder = copied(&[validation]);
    let message = input_error(open(folder.path()), folder.path());
    assert_eq!(message, "has no part `train`; found validation-00000-of-00001.parquet");
    // A file of no part is named.
    let whole = [
        "hub/data/train-00000-of-00002.parquet",
        "hub/data/train-00001-of-00002.parquet",
        validation,
        "names.parquet",
    ];
    let data = open(copied(&whole).path()).unwrap();
    assert_eq!((data.train.len(), data.test.len()), (5, 2));
    let said = "holds names.parquet besides, which is not read";
    assert!(data.warnings.iter().any(|it| it.ends_with(said)), "{:?}", data.warnings);
    // Two configurations of a data set.
    let folder = TempDir::new().unwrap();
    for name in ["a", "b"] {
        fs::create_dir(folder.path().join(name)).unwrap();
        fs::copy(fixture("data/names.parquet"), folder.path().join(name).join("x.parquet"))
            .unwrap();
    }
    let message = input_error(open(folder.path()), folder.path());
    assert!(message.contains("which one is meant? Name it: "), "{message}");
    assert_eq!(open(&folder.path().join("a")).unwrap().class_names, ["a", "b"]);
}

#[test]
fn one_parquet_file_is_divided_and_its_labels_may_be_names() {
    let data = open(&fixture("data/names.parquet")).unwrap();
    assert_eq!(data.class_names, ["a", "b"]);
    assert_eq!((data.train.len(), data.test.len()), (2, 2));
    // `b`, `a`, `b`, `a`: an image's number is even for `b`.
    for part in [&data.train, &data.test] {
        for (row, &label) in part.labels.iter().enumerate() {
            let number = usize::from(part.images.image(row)[0] / 7);
            assert_eq!(part.images.image(row), expected(&[number], 4, 6, 3));
            assert_eq!(label, u16::from(number.is_multiple_of(2)));
        }
    }
}

#[test]
fn one_of_several_columns_of_labels_is_chosen() {
    let path = fixture("data/two_labels.parquet");
    let data = open(&path).unwrap();
    assert_eq!(data.class_names, ["apple", "bee"]);
    assert!(data.warnings[0].contains("takes another: coarse_label"), "{:?}", data.warnings);
    let column = |name: &str| Some(LabelColumn::Name(name.into()));
    let asked = Request { label_column: column("coarse_label"), ..request(&path) };
    assert_eq!(Dataset::open(&asked).unwrap().class_names, ["plant", "animal"]);
    let asked = Request { label_column: column("img"), ..request(&path) };
    let error = Dataset::open(&asked).unwrap_err().to_string();
    assert!(error.contains("fine_label, coarse_label"), "{error}");
}

#[test]
fn parquet_files_without_images_or_labels_and_damaged_ones_are_refused() {
    let folder = TempDir::new().unwrap();
    let whole = fs::read(fixture("data/names.parquet")).unwrap();
    let file = put(&folder, "cut.parquet", &whole[..whole.len() - 20]);
    assert!(input_error(open(&file), &file).starts_with("is no Parquet file, or a damaged one"));
    let file = put(&folder, "text.parquet", b"no table");
    assert!(input_error(open(&file), &file).starts_with("is no Parquet file, or a damaged one"));
    // A picture that is none.
    let mut broken = whole;
    for at in 0..broken.len() - 4 {
        if &broken[at..at + 4] == b"IHDR" {
            broken[at..at + 4].copy_from_slice(b"none");
        }
    }
    let file = put(&folder, "broken.parquet", &broken);
    let message = input_error(open(&file), &file.join("row 0"));
    assert!(message.starts_with("is no PNG or JPEG image, or a damaged one"), "{message}");
    // A table of the run's export has no column of files if it was made without images.
    let file = put(&folder, "table.parquet", &numbers_only());
    let message = input_error(open(&file), &file);
    assert!(message.starts_with("has no column of images"), "{message}");
}

/// A Parquet file with a column of numbers.
fn numbers_only() -> Vec<u8> {
    use layerlens::report::parquet::{Column, write_table};
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("x.parquet");
    write_table(&path, &[("label".into(), Column::Floats(vec![0.0, 1.0]))]).unwrap();
    fs::read(path).unwrap()
}

#[test]
fn svhn_is_read_upright_with_its_zeros() {
    let folder = fixture("data/svhn");
    let data = open(&folder).unwrap();
    assert_eq!(data.train.images.pixels(), expected(&[0, 1, 2, 3], 32, 32, 3));
    assert_eq!(data.test.images.pixels(), expected(&[4, 5], 32, 32, 3));
    assert_eq!(data.class_names, ["0", "1", "2"]);
    assert_eq!((data.train.labels, data.test.labels), (vec![0, 1, 2, 0], vec![2, 0]));
    let said = |what: &str| data.warnings.iter().any(|it| it.contains(what));
    assert!(said("the part `extra`") && said("is the digit 0"), "{:?}", data.warnings);
    let asked = Request { train_part: Some("extra".into()), ..request(&folder) };
    let error = Dataset::open(&asked).unwrap_err().to_string();
    assert!(error.contains("the training labels are 1"), "{error}");
    let data = open(&fixture("data/grey.mat")).unwrap();
    assert_eq!(data.train.images.shape(), [3, 5, 1]);
    for part in [&data.train, &data.test] {
        for (row, &label) in part.labels.iter().enumerate() {
            let number = usize::from(part.images.image(row)[0] / 7);
            assert_eq!(part.images.image(row), expected(&[number], 3, 5, 1));
            assert_eq!(label, u16::from(number == 1 || number == 2));
        }
    }
}

#[test]
fn other_versions_and_damaged_matlab_files_are_refused() {
    let folder = TempDir::new().unwrap();
    let whole = fs::read(fixture("data/svhn/test_32x32.mat")).unwrap();
    let message = |name: &str, bytes: &[u8]| {
        let file = put(&folder, name, bytes);
        input_error(open(&file), &file)
    };
    let hdf5 = [&b"MATLAB 7.3 MAT-file"[..], &[0; 600]].concat();
    assert!(message("new.mat", &hdf5).starts_with("is a MATLAB file of version 7.3"));
    assert!(message("text.mat", b"X = 1").starts_with("is no MATLAB file"));
    for cut in [whole.len() - 1, whole.len() / 2, 140] {
        let message = message("cut.mat", &whole[..cut]);
        assert!(message.contains("is truncated or damaged"), "{cut}: {message}");
    }
    assert!(message("header.mat", &whole[..128]).starts_with("has no array `X`; found none"));
    let grey = fs::read(fixture("data/grey.mat")).unwrap();
    let at = grey.windows(1).position(|one| one == b"y").unwrap();
    let mut renamed = grey.clone();
    renamed[at] = b'z';
    assert!(message("renamed.mat", &renamed).starts_with("has no array `y`; found X, z"));
    let mut turned = grey;
    turned[126..128].copy_from_slice(b"MI");
    assert!(message("turned.mat", &turned).contains("order of bytes"));
}

/// A record of CIFAR: the labels, then the planes of image `number`.
fn record(labels: &[u8], number: usize) -> Vec<u8> {
    let pixels = expected(&[number], 32, 32, 3);
    let plane = |colour: usize| pixels.iter().skip(colour).step_by(3).copied();
    let planes = (0..3).flat_map(plane);
    labels.iter().copied().chain(planes).collect()
}

fn cifar_10() -> TempDir {
    let folder = TempDir::new().unwrap();
    for batch in 1..=5 {
        let records = [record(&[batch], batch.into()), record(&[9], 20)].concat();
        put(&folder, &format!("data_batch_{batch}.bin"), &records);
    }
    put(&folder, "test_batch.bin", &record(&[2], 30));
    let names = "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n";
    put(&folder, "batches.meta.txt", names.as_bytes());
    put(&folder, "readme.html", b"<html>");
    folder
}

#[test]
fn the_batches_of_cifar_10_are_read_in_order() {
    let folder = cifar_10();
    let data = open(folder.path()).unwrap();
    assert_eq!(data.train.labels, [1, 9, 2, 9, 3, 9, 4, 9, 5, 9]);
    assert_eq!(data.train.images.image(2), expected(&[2], 32, 32, 3));
    assert_eq!((data.test.labels, &data.class_names[2][..]), (vec![2], "bird"));
    assert_eq!(data.test.images.image(0), expected(&[30], 32, 32, 3));
    // By its name, in a folder as other programs keep it.
    let outer = TempDir::new().unwrap();
    fs::rename(folder.path(), outer.path().join("cifar-10-batches-bin")).unwrap();
    let named = Dataset::load("cifar-10", Some(outer.path())).unwrap();
    assert_eq!((named.name.as_str(), named.train), ("cifar-10", data.train));
    let folder = cifar_10();
    fs::remove_file(folder.path().join("data_batch_3.bin")).unwrap();
    let data = open(folder.path()).unwrap();
    assert!(data.warnings[0].starts_with("4 of the 5 training files"), "{:?}", data.warnings);
}

#[test]
fn cifar_100_has_coarse_and_fine_labels() {
    let folder = TempDir::new().unwrap();
    put(&folder, "train.bin", &[record(&[3, 42], 1), record(&[19, 99], 2)].concat());
    put(&folder, "test.bin", &record(&[3, 42], 3));
    let fine: Vec<String> = (0..100).map(|class| format!("fine {class}\n")).collect();
    let coarse: Vec<String> = (0..20).map(|class| format!("coarse {class}\n")).collect();
    put(&folder, "fine_label_names.txt", fine.concat().as_bytes());
    put(&folder, "coarse_label_names.txt", coarse.concat().as_bytes());
    let data = open(folder.path()).unwrap();
    assert_eq!((data.train.labels, &data.class_names[42][..]), (vec![42, 99], "fine 42"));
    assert_eq!(data.train.images.image(1), expected(&[2], 32, 32, 3));
    let label_column = Some(LabelColumn::Name("coarse".into()));
    let asked = Request { label_column, ..request(folder.path()) };
    let data = Dataset::open(&asked).unwrap();
    assert_eq!((data.train.labels, &data.class_names[3][..]), (vec![3, 19], "coarse 3"));
    let label_column = Some(LabelColumn::Name("medium".into()));
    let error = Dataset::open(&Request { label_column, ..request(folder.path()) }).unwrap_err();
    assert!(error.to_string().contains("coarse, fine"), "{error}");
}

#[test]
fn damaged_cifar_files_and_pickles_are_refused() {
    let folder = cifar_10();
    let file = put(&folder, "data_batch_2.bin", &record(&[1], 1)[..3000]);
    assert!(input_error(open(folder.path()), &file).starts_with("has 3000 bytes, expected whole"));
    put(&folder, "data_batch_2.bin", &record(&[10], 1));
    assert_eq!(
        input_error(open(folder.path()), &file),
        "record 0 has the label 10, expected 0 to 9"
    );
    fs::remove_file(folder.path().join("test_batch.bin")).unwrap();
    let message = input_error(open(folder.path()), folder.path());
    assert!(message.starts_with("has no test_batch.bin; found data_batch_1.bin"), "{message}");
    let folder = TempDir::new().unwrap();
    let file = put(&folder, "data_batch_1", b"\x80\x02}q\x01");
    put(&folder, "batches.meta", b"\x80\x02}q\x01");
    let message = input_error(open(folder.path()), &file);
    assert!(message.contains("is a Python pickle") && message.contains("binary"), "{message}");
}

/// The sets of EMNIST by their names, in the folder of torchvision.
#[test]
fn letters_of_emnist_stand_upright_with_their_names() {
    let folder = TempDir::new().unwrap();
    let raw = folder.path().join("EMNIST/raw");
    fs::create_dir_all(&raw).unwrap();
    // A letter L of 4 x 3 pixels, as it is stored: rows and columns exchanged.
    let upright = [9, 0, 0, 9, 0, 0, 9, 0, 0, 9, 9, 9];
    let stored = [9, 9, 9, 9, 0, 0, 0, 9, 0, 0, 0, 9];
    let images = |n: u8| {
        let pixels: Vec<u8> = (0..n).flat_map(|at| stored.map(|value| value + at)).collect();
        idx_bytes(0x803, &[n.into(), 3, 4], &pixels)
    };
    let write = |set: &str, name: &str, bytes: &[u8]| {
        fs::write(raw.join(format!("emnist-{set}-{name}-ubyte.gz")), gzip(bytes)).unwrap();
    };
    for (set, labels) in
        [("balanced", [10, 46, 0]), ("letters", [12, 26, 1]), ("byclass", [61, 36, 9])]
    {
        write(set, "train-images-idx3", &images(3));
        write(set, "train-labels-idx1", &idx_bytes(0x801, &[3], &labels));
        write(set, "test-images-idx3", &images(1));
        write(set, "test-labels-idx1", &idx_bytes(0x801, &[1], &labels[..1]));
    }
    let load = |set: &str| Dataset::load(&format!("emnist-{set}"), Some(folder.path())).unwrap();
    let data = load("balanced");
    assert_eq!((data.train.images.height(), data.train.images.width()), (4, 3));
    assert_eq!(data.train.images.image(0), upright);
    assert_eq!(
        (data.name.as_str(), &data.class_names[..]),
        ("emnist-balanced", &["0", "A", "t"].map(String::from)[..])
    );
    assert_eq!(load("letters").class_names, ["A/a", "L/l", "Z/z"]);
    assert_eq!(load("byclass").class_names, ["9", "a", "z"]);
    let error = Dataset::load("emnist-mnist", Some(folder.path())).unwrap_err().to_string();
    assert!(error.contains("Run `layerlens data fetch emnist`"), "{error}");
    assert!(error.contains("emnist-mnist-train-images-idx3-ubyte"), "{error}");
}

#[test]
fn the_letters_of_kmnist_have_no_names_in_other_files() {
    let folder = TempDir::new().unwrap();
    let raw: PathBuf = folder.path().join("KMNIST/raw");
    fs::create_dir_all(&raw).unwrap();
    for (name, bytes) in super::NAMES.iter().zip([
        idx_bytes(0x803, &[2, 1, 2], &[1, 2, 3, 4]),
        idx_bytes(0x801, &[2], &[0, 9]),
        idx_bytes(0x803, &[1, 1, 2], &[5, 6]),
        idx_bytes(0x801, &[1], &[9]),
    ]) {
        fs::write(raw.join(name), bytes).unwrap();
    }
    let data = Dataset::load("kmnist", Some(folder.path())).unwrap();
    assert_eq!((data.train.labels, data.class_names[9].as_str()), (vec![0, 9], "9"));
    assert!(data.warnings[0].contains("is not a known file of kmnist"), "{:?}", data.warnings);
}

/// Whatever byte is damaged: an error or images, no panic and no endless memory.
#[test]
fn a_damaged_byte_is_an_error_or_other_images() {
    let folder = TempDir::new().unwrap();
    let mut refused = 0;
    for name in ["names.parquet", "grey.mat", "svhn/test_32x32.mat"] {
        let path = fixture(&format!("data/{name}"));
        let whole = fs::read(&path).unwrap();
        let file = folder.path().join(path.file_name().unwrap());
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0xff;
            fs::write(&file, &bytes).unwrap();
            refused += usize::from(open(&file).is_err());
        }
    }
    assert!(refused > 1000, "{refused} damaged files were refused");
}
