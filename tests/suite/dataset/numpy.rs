//! Data in NumPy arrays, and every layout written and read again.

use super::{FULL, NAMES, gzip, input_error, npy_bytes, put, written};
use layerlens::dataset::{Dataset, Request, convert};
use layerlens::error::Error;
use layerlens::progress::{Observer, Silent};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use tempfile::TempDir;

fn open(path: &Path) -> Result<Dataset, Error> {
    Dataset::open(&Request::new(path.to_str().unwrap()))
}

/// Four arrays: three training images of 2 x 2 and one test image.
fn arrays() -> [(&'static str, Vec<u8>); 4] {
    let pixels: Vec<u8> = (1..=12).collect();
    [
        ("x_train", npy_bytes("|u1", false, "(3, 2, 2)", &pixels)),
        ("y_train", npy_bytes("<i8", false, "(3,)", &[0_u64, 2, 1].map(u64::to_le_bytes).concat())),
        ("x_test", npy_bytes(">i2", false, "(1, 4)", &[0, 9, 0, 8, 0, 7, 0, 255])),
        ("y_test", npy_bytes("|u1", false, "(1, 1)", &[2])),
    ]
}

#[test]
fn npy_files_of_any_whole_numbers_are_read() {
    let folder = TempDir::new().unwrap();
    for (name, bytes) in arrays() {
        put(&folder, &format!("{name}.npy"), &bytes);
    }
    let data = open(folder.path()).unwrap();
    assert_eq!((data.train.labels.clone(), data.test.labels.clone()), (vec![0, 2, 1], vec![2]));
    assert_eq!(
        (data.train.images.pixels(), data.test.images.image(0)),
        (&(1..=12).collect::<Vec<u8>>()[..], &[9, 8, 7, 255][..])
    );
    // The same images in Fortran order: element (i, j, k) at i + 3 j + 6 k.
    let fortran: Vec<u8> =
        (0..12).map(|at| (at % 3 * 4 + at / 3 % 2 * 2 + at / 6 + 1) as u8).collect();
    put(&folder, "x_train.npy", &npy_bytes("|u1", true, "(3, 2, 2)", &fortran));
    assert_eq!(open(folder.path()).unwrap().train, data.train);
}

#[test]
fn arrays_that_are_no_images_are_refused() {
    let folder = TempDir::new().unwrap();
    let refused = |name: &str, bytes: &[u8]| {
        for (name, bytes) in arrays() {
            put(&folder, &format!("{name}.npy"), &bytes);
        }
        let path = put(&folder, &format!("{name}.npy"), bytes);
        input_error(open(folder.path()), &path)
    };
    let cases = [
        (
            "x_train",
            npy_bytes("<c8", false, "(3, 1)", &[0; 24]),
            "holds values of type '<c8', expected integers",
        ),
        (
            "x_train",
            npy_bytes("<f4", false, "(3, 1)", &[0.0_f32, 1.5, 3.0].map(f32::to_le_bytes).concat()),
            "value 1 of the array is 1.5, expected pixels: whole numbers from 0 to 255, or floats \
             that are all from 0 to 1",
        ),
        (
            "y_train",
            npy_bytes("<f4", false, "(3,)", &[0.0_f32, 0.5, 1.0].map(f32::to_le_bytes).concat()),
            "value 1 of the array is 0.5, expected a label: a whole number from 0 to 65535",
        ),
        (
            "x_train",
            npy_bytes("|u1", false, "(3, 5)", &[0; 15]),
            "has shape [3, 5], expected n x height x width",
        ),
        ("x_train", npy_bytes("|u1", false, "(3, 2, 2, 4)", &[0; 48]), "has shape [3, 2, 2, 4]"),
        (
            "x_train",
            npy_bytes("|u1", false, "(3, 3, 2, 2)", &[0; 36]),
            "has shape [3, 3, 2, 2], colours before the pixels; expected n x 2 x 2 x 3",
        ),
        (
            "x_test",
            npy_bytes("|u1", false, "(1, 2, 2, 3)", &[0; 12]),
            "the images are 2 x 2 x 3, but those of",
        ),
        (
            "x_train",
            npy_bytes("<i2", false, "(3, 1)", &[0, 0, 0, 1, 0, 0]),
            "value 1 of the array is 256, expected",
        ),
        (
            "x_train",
            npy_bytes("|i1", false, "(3, 1)", &[0, 0, 255]),
            "value 2 of the array is -1, expected",
        ),
        ("y_train", npy_bytes("|u1", false, "(2,)", &[0, 1]), "2 labels for 3 images in"),
        ("y_train", npy_bytes("|u1", false, "(3, 2)", &[0; 6]), "has shape [3, 2], expected (n,)"),
        (
            "y_test",
            npy_bytes("|u1", false, "(1,)", &[3]),
            "test image 0 has the label 3, but the training labels are 0 to 2",
        ),
        (
            "x_test",
            npy_bytes("|u1", false, "(1, 3, 3)", &[0; 9]),
            "the images are 3 x 3, but those of",
        ),
    ];
    for (name, bytes, expected) in cases {
        let message = refused(name, &bytes);
        assert!(message.starts_with(expected), "{message}");
    }
}

/// Shares of 255 in every size of float come back as the bytes they were; whole numbers stay.
/// Value of image i, row y, column x, channel c: 50 i + 20 y + 4 x + c, whichever axis NumPy stores
/// first.
#[test]
fn colours_are_read_in_either_order_and_written_as_they_were() {
    let value = |i: u8, y: u8, x: u8, c: u8| 50 * i + 20 * y + 4 * x + c;
    let (mut rows, mut columns) = (Vec::new(), Vec::new());
    for at in 0..3 * 2 * 4 * 3_u8 {
        rows.push(value(at / 24, at / 12 % 2, at / 3 % 4, at % 3));
        columns.push(value(at % 3, at / 3 % 2, at / 6 % 4, at / 24));
    }
    for (fortran, pixels) in [(false, &rows), (true, &columns)] {
        let folder = TempDir::new().unwrap();
        for part in ["train", "test"] {
            let images = npy_bytes("|u1", fortran, "(3, 2, 4, 3)", pixels);
            put(&folder, &format!("x_{part}.npy"), &images);
            put(&folder, &format!("y_{part}.npy"), &npy_bytes("|u1", false, "(3,)", &[0, 1, 0]));
        }
        let data = open(folder.path()).unwrap();
        assert_eq!(data.train.images.shape(), [2, 4, 3]);
        assert_eq!(data.train.images.pixels(), rows, "{fortran}");
        let path = folder.path().join("a.npz");
        convert(&data, &path, written("npz"), true, false, &Silent).unwrap();
        let read = open(&path).unwrap();
        assert!(read.train == data.train && read.test == data.test);
        let error =
            convert(&data, &folder.path().join("csv"), written("csv"), false, false, &Silent);
        let error = error.unwrap_err().to_string();
        assert!(
            error.starts_with("format = csv: it holds grey images only")
                && error.ends_with("are 2 x 4 x 3: expected npz"),
            "{error}"
        );
        assert!(!folder.path().join("csv").exists());
    }
}

/// Labels of two bytes where one is too few, and of one where it suffices; formats of bytes refuse
/// them.
#[test]
fn more_classes_than_a_byte_counts_survive_an_archive() {
    for (n, descr, refused) in [(256_u16, "'|u1'", false), (300, "'<u2'", true)] {
        let folder = TempDir::new().unwrap();
        let labels: Vec<u8> = (0..n).rev().flat_map(u16::to_le_bytes).collect();
        let pixels: Vec<u8> = (0..4 * usize::from(n)).map(|at| (at * 7) as u8).collect();
        for part in ["train", "test"] {
            let images = npy_bytes("|u1", false, &format!("({n}, 2, 2)"), &pixels);
            put(&folder, &format!("x_{part}.npy"), &images);
            let labels = npy_bytes("<u2", false, &format!("({n},)"), &labels);
            put(&folder, &format!("y_{part}.npy"), &labels);
        }
        let data = open(folder.path()).unwrap();
        assert_eq!(data.class_names.len(), usize::from(n));
        assert!(data.train.labels.iter().copied().eq((0..n).rev()));
        let path = folder.path().join("a.npz");
        convert(&data, &path, written("npz"), false, false, &Silent).unwrap();
        let bytes = fs::read(&path).unwrap();
        let begin = bytes.windows(11).position(|it| it == b"y_train.npy").unwrap();
        let header = String::from_utf8_lossy(&bytes[begin..begin + 60]).into_owned();
        assert!(header.contains(descr), "{header}");
        let read = open(&path).unwrap();
        assert!(read.train == data.train && read.test == data.test);
        for format in ["csv", "csv-label-first", "idx"] {
            let out = folder.path().join(format);
            let outcome = convert(&data, &out, written(format), false, false, &Silent);
            match outcome {
                Ok(_) => {
                    assert!(!refused, "{format}");
                    assert!(open(&out).unwrap().train == data.train, "{format}");
                }
                Err(error) => {
                    let error = error.to_string();
                    assert!(refused && !out.exists(), "{format}: {error}");
                    assert!(error.contains("labels up to 255 only"), "{error}");
                    assert!(error.ends_with("go to 299: expected npz"), "{error}");
                }
            }
        }
    }
}

#[test]
fn floats_of_every_size_are_pixels_and_labels() {
    // 0, 0.25, 0.5 and 1 are exact in 16 bits: 0x0000, 0x3400, 0x3800, 0x3c00; 255 is 0x5bf8, 2 is
    // 0x4000.
    let shares = [0.0_f64, 0.25, 0.5, 1.0];
    let halves: [u16; 4] = [0, 0x3400, 0x3800, 0x3c00];
    for (descr, bytes) in [
        ("<f2", halves.map(u16::to_le_bytes).concat()),
        (">f2", halves.map(u16::to_be_bytes).concat()),
        ("<f4", shares.map(|share| (share as f32).to_le_bytes()).concat()),
        (">f8", shares.map(f64::to_be_bytes).concat()),
    ] {
        let folder = TempDir::new().unwrap();
        let size = bytes.len() / 4;
        let images = [&bytes[3 * size..], &bytes[size..], &bytes].concat();
        put(&folder, "x_train.npy", &npy_bytes(descr, false, "(2, 2, 2)", &images));
        put(&folder, "X_TEST.npy", &npy_bytes(descr, false, "(1, 2, 2)", &bytes));
        put(
            &folder,
            "y_train.npy",
            &npy_bytes("<f2", false, "(2,)", &[0_u16, 0x4000].map(u16::to_le_bytes).concat()),
        );
        put(&folder, "y_test.npy", &npy_bytes("<f8", false, "(1, 1)", &2.0_f64.to_le_bytes()));
        let data = open(folder.path()).unwrap();
        assert_eq!(data.train.images.pixels(), [255, 64, 128, 255, 0, 64, 128, 255], "{descr}");
        assert_eq!(
            (data.train.labels, data.test.labels, data.class_names),
            (vec![0, 1], vec![1], vec!["0".into(), "2".into()])
        );
        assert!(
            data.warnings.iter().any(|it| it.contains("multiplied by 255 and rounded")),
            "{:?}",
            data.warnings
        );
    }
    let folder = TempDir::new().unwrap();
    for (name, bytes) in arrays() {
        put(&folder, &format!("{name}.npy"), &bytes);
    }
    // 255, 0, 2 and 7.
    let whole = [0x5bf8_u16, 0, 0x4000, 0x4700].map(u16::to_le_bytes).concat();
    put(&folder, "x_test.npy", &npy_bytes("<f2", false, "(1, 4)", &whole));
    assert_eq!(open(folder.path()).unwrap().test.images.pixels(), [255, 0, 2, 7]);
    put(
        &folder,
        "x_test.npy",
        &npy_bytes("<f2", false, "(1, 4)", &halves.map(u16::to_le_bytes).concat()),
    );
    assert!(
        input_error(open(folder.path()), &folder.path().join("x_test.npy"))
            .contains("expected one scale")
    );
}

/// A .npz file that Python wrote: `np.savez`, and MedMNIST's keys.
#[test]
fn the_keys_of_medmnist_are_known_and_names_are_read() {
    for name in ["medmnist.npz", "named.npz"] {
        let data = open(&crate::support::fixture(name)).unwrap();
        assert_eq!((data.train.labels, data.test.labels), (vec![0, 2, 1], vec![2]), "{name}");
        assert_eq!(data.train.images.pixels(), (0..12).collect::<Vec<u8>>());
        if name == "named.npz" {
            assert_eq!(data.class_names, ["Shirt, blue", "two\nlines", "\u{e9}\u{1f456}"]);
        } else {
            assert_eq!(data.class_names, ["0", "1", "2"]);
            let train_part = Some("val".to_owned());
            let path = crate::support::fixture(name);
            let request = Request { train_part, ..Request::new(path.to_str().unwrap()) };
            let of_val = Dataset::open(&request).unwrap();
            assert_eq!((of_val.train.len(), of_val.test.labels), (1, vec![0]));
            let said = "the part `val` of ";
            assert!(data.warnings.iter().any(|it| it.starts_with(said)), "{:?}", data.warnings);
        }
    }
}

/// A .npz file that Python wrote, `tests/fixtures/make_npz.py`: stored and deflated.
#[test]
fn archives_that_numpy_wrote_are_read() {
    for name in ["stored.npz", "deflated.npz"] {
        let data = open(&crate::support::fixture(name)).unwrap();
        assert_eq!(
            (
                data.train.len(),
                data.test.len(),
                data.train.images.height(),
                data.train.images.width()
            ),
            (5, 2, 3, 4)
        );
        let expected: Vec<u8> = (0..60).map(|at| (at * 4 % 256) as u8).collect();
        assert_eq!(data.train.images.pixels(), expected);
        assert_eq!((data.train.labels, data.test.labels), (vec![0, 1, 2, 0, 1], vec![2, 0]));
        assert_eq!(data.name, name.trim_end_matches(".npz"));
    }
}

#[test]
fn damaged_archives_are_refused() {
    let folder = TempDir::new().unwrap();
    let whole = fs::read(crate::support::fixture("deflated.npz")).unwrap();
    let path = put(&folder, "a.npz", &whole[..whole.len() / 2]);
    assert!(input_error(open(&path), &path).starts_with("is no .npz archive, or a damaged one"));
    let path = put(&folder, "a.npz", b"");
    assert!(input_error(open(&path), &path).starts_with("is no .npz archive"));
    // A flipped bit in the pixels is found by the checksum.
    let whole = fs::read(crate::support::fixture("stored.npz")).unwrap();
    let pixels: Vec<u8> = (0..60).map(|at| (at * 4 % 256) as u8).collect();
    let at = whole.windows(60).position(|window| window == pixels).unwrap();
    let mut torn = whole.clone();
    torn[at + 7] ^= 1;
    let path = put(&folder, "a.npz", &torn);
    assert!(input_error(open(&path), &path.join("x_train")).starts_with("cannot be read"));
    let renamed = String::from_utf8_lossy(b"x_tests.npy").into_owned();
    let mut lacking = whole;
    for at in (0..lacking.len() - 11)
        .filter(|&at| lacking[at..].starts_with(b"y_train.npy"))
        .collect::<Vec<_>>()
    {
        lacking[at..at + 11].copy_from_slice(renamed.as_bytes());
    }
    let path = put(&folder, "a.npz", &lacking);
    let message = input_error(open(&path), &path);
    assert_eq!(
        message,
        "1 of the four arrays missing: y_train; found x_train, x_test, y_test, x_tests.npy"
    );
}

/// What goes through every layout, compressed or not, comes back byte for byte.
#[test]
fn every_layout_gives_back_what_it_was_given() {
    let sample = Dataset::load("fashion-mnist-sample", None).unwrap();
    let rows: Vec<usize> = (0..120).collect();
    let data = Dataset {
        train: sample.train.select(&rows),
        test: sample.test.select(&rows[..60]),
        ..sample
    };
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    convert(&data, &at("idx"), written("idx"), false, false, &Silent).unwrap();
    let mut from = at("idx");
    for (name, format, gzip) in [
        ("csv", written("csv"), false),
        ("csv-gz", written("csv"), true),
        ("a.npz", written("npz"), false),
        ("first", written("csv-label-first"), false),
        ("b.npz", written("npz"), true),
        ("first-gz", written("csv-label-first"), true),
        ("idx-gz", written("idx"), true),
        ("again", written("idx"), false),
    ] {
        let read = open(&from).unwrap();
        assert!(read.train == data.train && read.test == data.test, "{}", from.display());
        convert(&read, &at(name), format, gzip, false, &Silent).unwrap();
        from = at(name);
    }
    for name in NAMES {
        let bytes = fs::read(at("idx").join(name)).unwrap();
        assert!(bytes == fs::read(at("again").join(name)).unwrap(), "{name}");
        assert!(
            fs::read(at("idx-gz").join(format!("{name}.gz"))).unwrap().len()
                < gzip(&bytes).len() * 11 / 10
        );
    }
    assert!(fs::read_to_string(at("csv").join("x_train.csv")).unwrap().starts_with("0,1,2,"));
    assert!(fs::read_to_string(at("csv").join("y_train.csv")).unwrap().starts_with("0\n"));
    assert!(
        fs::read_to_string(at("first").join("train.csv"))
            .unwrap()
            .starts_with("label,pixel1,pixel2,")
    );
    let error = convert(&data, &at("idx"), written("idx"), false, false, &Silent).unwrap_err();
    assert!(
        matches!(&error, Error::Exists(path) if path.ends_with("train-images-idx3-ubyte")),
        "{error}"
    );
    convert(&data, &at("idx"), written("idx"), false, true, &Silent).unwrap();
}

/// A compressed file beside an older plain one: reading must not take the older.
#[test]
fn no_file_is_left_in_two_forms() {
    let sample = Dataset::load("fashion-mnist-sample", None).unwrap();
    let part = |rows: std::ops::Range<usize>| {
        let rows: Vec<usize> = rows.collect();
        Dataset {
            train: sample.train.select(&rows),
            test: sample.test.select(&rows),
            ..sample.clone()
        }
    };
    let (older, newer) = (part(0..40), part(40..80));
    for (format, name) in [
        (written("idx"), "t10k-labels-idx1-ubyte"),
        (written("csv"), "y_test.csv"),
        (written("csv-label-first"), "test.csv"),
    ] {
        for gzip in [false, true] {
            let folder = TempDir::new().unwrap();
            let out = folder.path();
            convert(&older, out, format, gzip, false, &Silent).unwrap();
            let error = convert(&newer, out, format, !gzip, false, &Silent).unwrap_err();
            let ending = if gzip { ".gz" } else { "" };
            let there =
                |path: &Path| path.exists() && path.to_str().unwrap().ends_with(".gz") == gzip;
            assert!(matches!(&error, Error::Exists(path) if there(path)), "{error}");
            let kept = fs::read(out.join(format!("{name}{ending}"))).unwrap();
            convert(&newer, out, format, !gzip, true, &Silent).unwrap();
            assert!(open(out).unwrap().train == newer.train, "{name}");
            fs::write(out.join(format!("{name}{ending}")), kept).unwrap();
            let message = input_error(open(out), out);
            assert!(
                message.starts_with(&format!("holds {name} and {name}.gz: which one is meant?")),
                "{message}"
            );
        }
    }
    let folder = TempDir::new().unwrap();
    convert(&older, folder.path(), written("csv"), false, false, &Silent).unwrap();
    convert(&newer, folder.path(), written("csv-label-first"), true, false, &Silent).unwrap();
    let message = input_error(open(folder.path()), folder.path());
    assert!(message.contains("(x_train.csv)") && message.contains("(train.csv.gz)"), "{message}");
}

/// Wants an end after so many checks.
struct Impatient(AtomicUsize);

impl Observer for Impatient {
    fn is_cancelled(&self) -> bool {
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
            .is_err()
    }
}

#[test]
fn a_conversion_that_is_interrupted_leaves_nothing() {
    let data = Dataset::load("fashion-mnist-sample", None).unwrap();
    let folder = TempDir::new().unwrap();
    for (format, name) in [
        (written("idx"), "a"),
        (written("csv"), "b"),
        (written("csv-label-first"), "c"),
        (written("npz"), "d.npz"),
    ] {
        for (gzip, checks) in [(false, 0), (false, 2), (true, 2)] {
            let observer = Impatient(AtomicUsize::new(checks));
            let error = convert(&data, &folder.path().join(name), format, gzip, false, &observer)
                .unwrap_err();
            assert!(matches!(error, Error::Interrupted), "{name}: {error}");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{name}");
        }
    }
}

/// The classes of a known data set have their names whatever the files; groups of them do not.
#[test]
fn known_images_are_recognised_in_any_layout() {
    if !Path::new(FULL).exists() {
        eprintln!("skipped: {FULL} is not there (Debian package dataset-fashion-mnist)");
        return;
    }
    let data = Dataset::load("fashion-mnist", Some(Path::new(FULL))).unwrap();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("clothes.npz");
    convert(&data, &path, written("npz"), false, false, &Silent).unwrap();
    let read = open(&path).unwrap();
    assert_eq!((read.name.as_str(), &read.class_names), ("clothes", &data.class_names));
    assert!(read.warnings.is_empty());
    let grouped = Dataset::open(&Request {
        label_groups: Some("fashion-5".into()),
        data_dir: Some(FULL.into()),
        ..Request::new("fashion-mnist")
    });
    convert(&grouped.unwrap(), &path, written("npz"), false, true, &Silent).unwrap();
    let read = open(&path).unwrap();
    assert_eq!(
        (&read.class_names[4][..], read.class_names.len(), read.warnings.len()),
        ("Dress, Coat, Boot", 5, 0)
    );
    let named = Dataset::open(&Request {
        label_groups: Some("fashion-5-names".into()),
        ..Request::new(path.to_str().unwrap())
    });
    assert_eq!(named.unwrap().class_names[4], "Dress, Coat, Boot");
}
