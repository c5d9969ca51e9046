//! The data sets and the file formats they are read from: every error with its words, and every format against bytes that
//! were put together by hand.

use flate2::{Compression, write::GzEncoder};
use layerlens::dataset::{DATASETS, Dataset, Images, Samples, idx, npy, split};
use layerlens::error::Error;
use layerlens::matrix::Matrix;
use sha2::{Digest, Sha256};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const FULL: &str = "/usr/share/datasets/fashion-mnist";
const NAMES: [&str; 4] =
    ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"];

/// An IDX file: magic number, sizes, body.
fn idx_bytes(magic: u32, sizes: &[u32], body: &[u8]) -> Vec<u8> {
    let header = std::iter::once(&magic).chain(sizes).flat_map(|number| number.to_be_bytes());
    header.chain(body.iter().copied()).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// An NPY file of version 1.0 as NumPy writes it: the header padded with spaces to a multiple of 64 bytes.
fn npy_bytes(descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let order = if fortran { "True" } else { "False" };
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}");
    let padding = 64 - (10 + text.len() + 1) % 64;
    text.push_str(&" ".repeat(padding % 64));
    text.push('\n');
    [b"\x93NUMPY\x01\x00", &(text.len() as u16).to_le_bytes()[..], text.as_bytes(), data].concat()
}

fn put(folder: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    path
}

/// What is said about a file that cannot be opened, in the words of this operating system.
fn unreadable(path: &Path) -> String {
    format!("cannot be read: {}", fs::read(path).unwrap_err())
}

/// The message of an [`Error::Input`] that must be about `path`.
#[track_caller]
fn input_error<T: std::fmt::Debug>(result: Result<T, Error>, path: &Path) -> String {
    match result.unwrap_err() {
        Error::Input { path: found, message } => {
            assert_eq!(found, path);
            message
        }
        other => panic!("not an input error: {other:?}"),
    }
}

#[track_caller]
fn image_error(bytes: &[u8]) -> String {
    input_error(idx::parse_images(bytes, "x"), Path::new("x"))
}

#[test]
fn idx_files_are_read_plain_and_compressed_whatever_their_name() {
    let folder = TempDir::new().unwrap();
    let images = idx_bytes(0x803, &[2, 1, 3], &[1, 2, 3, 4, 5, 6]);
    let labels = idx_bytes(0x801, &[3], &[7, 8, 9]);
    // A gzip file may consist of several members.
    let members = [gzip(&images[..9]), gzip(&images[9..])].concat();
    for (name, bytes) in [("a", images.clone()), ("b.gz", images.clone()), ("c", gzip(&images)), ("d", members)] {
        let read = idx::read_images(put(&folder, name, &bytes)).unwrap();
        assert_eq!((read.n(), read.height(), read.width(), read.n_pixels()), (2, 1, 3, 3));
        assert_eq!((read.image(0), read.image(1)), (&[1, 2, 3][..], &[4, 5, 6][..]));
    }
    for bytes in [labels.clone(), gzip(&labels)] {
        assert_eq!(idx::read_labels(put(&folder, "labels", &bytes)).unwrap(), [7, 8, 9]);
    }
}

#[test]
fn idx_errors_say_what_was_found_and_expected() {
    let absent = Path::new("/nowhere/at-all");
    assert_eq!(input_error(idx::read_images(absent), absent), unreadable(absent));
    assert_eq!(input_error(idx::read_labels(absent), absent), unreadable(absent));
    let good = idx_bytes(0x803, &[2, 1, 3], &[1, 2, 3, 4, 5, 6]);
    assert_eq!(
        image_error(&idx_bytes(0x801, &[2], &[1, 2])),
        "magic number 0x00000801 found, 0x00000803 expected (images: unsigned bytes, 3 dimensions)"
    );
    assert_eq!(
        input_error(idx::parse_labels(&good, "x"), Path::new("x")),
        "magic number 0x00000803 found, 0x00000801 expected (labels: unsigned bytes, 1 dimension)"
    );
    assert_eq!(image_error(&[]), "has 0 bytes, too few for a magic number of 4");
    assert_eq!(image_error(&good[..15]), "the header is truncated: 15 bytes found, 16 expected");
    assert_eq!(image_error(&good[..21]), "the body is truncated: 5 bytes found, 6 expected (2 x 1 x 3)");
    let long = [&good[..], &[0]].concat();
    assert_eq!(image_error(&long), "bytes follow after the 6 bytes that the header announces (2 x 1 x 3)");
    assert_eq!(image_error(&gzip(&long)), "bytes follow after the 6 bytes that the header announces (2 x 1 x 3)");
    for sizes in [[0, 1, 3], [2, 0, 3], [2, 1, 0]] {
        let [a, b, c] = sizes;
        let expected = format!("the header says {a} x {b} x {c}: no dimension may be zero");
        assert_eq!(image_error(&idx_bytes(0x803, &sizes, &[])), expected);
    }
}

#[test]
fn idx_sizes_are_not_believed() {
    assert_eq!(
        image_error(&idx_bytes(0x803, &[u32::MAX; 3], &[1, 2])),
        "the header says 4294967295 x 4294967295 x 4294967295: more bytes than memory can address"
    );
    // 2^62 bytes: an attempt to allocate them would abort.
    for bytes in [idx_bytes(0x803, &[1 << 31, 1 << 31, 1], &[1, 2]), gzip(&idx_bytes(0x803, &[1 << 31, 1 << 31, 1], &[1, 2]))] {
        let expected = "the body is truncated: 2 bytes found, 4611686018427387904 expected (2147483648 x 2147483648 x 1)";
        assert_eq!(image_error(&bytes), expected);
    }
}

#[test]
fn damaged_gzip_is_told_from_truncated_gzip() {
    let body: Vec<u8> = (0..6000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let packed = gzip(&idx_bytes(0x803, &[60, 10, 10], &body));
    let message = image_error(&packed[..packed.len() / 2]);
    assert!(message.starts_with("the gzip data are truncated after "), "{message}");
    // Only the trailer is missing: all of the content is there, but its checksum is not.
    assert!(image_error(&packed[..packed.len() - 4]).starts_with("the gzip data are truncated after "));
    assert_eq!(image_error(&packed[..2]), "the gzip data are truncated after 0 decompressed bytes");
    let mut damaged = packed.clone();
    let checksum = damaged.len() - 8;
    damaged[checksum] ^= 1;
    let message = image_error(&damaged);
    assert!(message.starts_with("the gzip data are damaged after ") && message.contains("checksum"), "{message}");
    let followed = [&packed[..], b"garbage garbage"].concat();
    assert!(image_error(&followed).starts_with("the gzip data are damaged after "));
}

/// 0 1 2 / 3 4 5 in C order.
const MATRIX: [u8; 6] = [0, 1, 2, 3, 4, 5];

#[track_caller]
fn reads_the_matrix(descr: &str, fortran: bool, data: &[u8]) {
    let folder = TempDir::new().unwrap();
    let read = npy::read_matrix(put(&folder, "m.npy", &npy_bytes(descr, fortran, "(2, 3)", data))).unwrap();
    assert_eq!(read, Matrix::new(MATRIX.map(f32::from).to_vec(), 2, 3).unwrap(), "{descr}");
}

#[test]
fn matrices_of_every_type_and_order_are_read() {
    macro_rules! both_byte_orders {
        ($($kind:ident $code:literal),*) => {$(
            let values = MATRIX.map(|value| value as $kind);
            reads_the_matrix(concat!("<", $code), false, &values.map(|value| value.to_le_bytes()).concat());
            reads_the_matrix(concat!(">", $code), false, &values.map(|value| value.to_be_bytes()).concat());
        )*};
    }
    both_byte_orders!(f32 "f4", f64 "f8", i16 "i2", i32 "i4", i64 "i8", u16 "u2", u32 "u4", u64 "u8");
    reads_the_matrix("|u1", false, &MATRIX);
    reads_the_matrix("|i1", false, &MATRIX);
    reads_the_matrix("|u1", true, &[0, 3, 1, 4, 2, 5]);
    reads_the_matrix(">f4", true, &[0.0_f32, 3.0, 1.0, 4.0, 2.0, 5.0].map(f32::to_be_bytes).concat());
}

#[track_caller]
fn matrix_error(bytes: &[u8]) -> String {
    let folder = TempDir::new().unwrap();
    let path = put(&folder, "m.npy", bytes);
    input_error(npy::read_matrix(&path), &path)
}

#[test]
fn matrix_errors_say_what_was_found_and_expected() {
    let absent = Path::new("/nowhere/m.npy");
    assert_eq!(input_error(npy::read_matrix(absent), absent), unreadable(absent));
    let folder = TempDir::new().unwrap();
    assert_eq!(input_error(npy::read_matrix(folder.path()), folder.path()), "cannot be read: not a regular file");
    let found = |shape, data: &[u8]| matrix_error(&npy_bytes("|u1", false, shape, data));
    assert_eq!(found("(1, 2, 3)", &MATRIX), "has shape (1, 2, 3), expected n_samples x n_features");
    assert_eq!(found("(6,)", &MATRIX), "has shape (6,), expected n_samples x n_features");
    assert_eq!(found("()", &[1]), "has shape (), expected n_samples x n_features");
    assert_eq!(found("(0, 3)", &[]), "has shape (0, 3), expected at least one row and one column");
    assert_eq!(found("(3, 0)", &[]), "has shape (3, 0), expected at least one row and one column");
    assert_eq!(
        matrix_error(&npy_bytes("<f2", false, "(1, 1)", &[0, 0])),
        "holds values of type '<f2', expected f4, f8 or integers of 1, 2, 4 or 8 bytes"
    );
    assert_eq!(
        matrix_error(&npy_bytes("<f4", false, "(2, 3)", &[0; 23])),
        "is truncated: 23 bytes of data found, 24 expected for shape (2, 3) of '<f4'"
    );
    assert_eq!(
        matrix_error(&npy_bytes("<f4", false, "(2, 3)", &[0; 25])),
        "has trailing bytes: 25 bytes of data found, 24 expected for shape (2, 3) of '<f4'"
    );
    // 2^62 values of 4 bytes, 2^122 and 2^40: none of them may be allocated.
    assert_eq!(
        matrix_error(&npy_bytes("<f4", false, "(2305843009213693952, 2)", &[0; 8])),
        "is truncated: 8 bytes of data found, 2^64 or more expected for shape (2305843009213693952, 2) of '<f4'"
    );
    let message = matrix_error(&npy_bytes("<f4", true, "(2305843009213693952, 2305843009213693952)", &[0; 8]));
    assert!(message.starts_with("has an impossible shape in its header: "), "{message}");
    assert_eq!(
        matrix_error(&npy_bytes("<f4", false, "(1048576, 1048576)", &[0; 8])),
        "is truncated: 8 bytes of data found, 4398046511104 expected for shape (1048576, 1048576) of '<f4'"
    );
}

#[test]
fn malformed_npy_headers_are_refused() {
    assert_eq!(
        matrix_error(b"PK\x03\x04 an archive"),
        "is not an NPY file: its first bytes are [50, 4b, 03, 04, 20, 61], expected [93, 4e, 55, 4d, 50, 59]"
    );
    assert_eq!(matrix_error(b""), "is not an NPY file: its first bytes are [], expected [93, 4e, 55, 4d, 50, 59]");
    let good = npy_bytes("|u1", false, "(2, 3)", &MATRIX);
    assert_eq!(matrix_error(&good[..60]), "is truncated within its header: 60 bytes found, 128 expected");
    assert_eq!(matrix_error(&good[..7]), "is truncated within its header: 7 bytes found, at least 10 expected");
    let huge = b"\x93NUMPY\x02\x00\xff\xff\xff\xff{}";
    assert_eq!(matrix_error(huge), "has a header of 4294967295 bytes, expected at most 10000");
    let mut version = good.clone();
    version[6] = 9;
    assert_eq!(matrix_error(&version), "has NPY version 9.0, expected 1.0, 2.0 or 3.0");
    let text = b"\x93NUMPY\x01\x00\x06\x00nonsns";
    assert!(matrix_error(text).starts_with("has a malformed header: "));
    let deep = [&b"\x93NUMPY\x01\x00\x10\x27"[..], &[b'['; 10_000]].concat();
    assert_eq!(matrix_error(&deep), "has a header with 10000 opening brackets, expected a plain array of numbers");
}

#[test]
fn values_that_are_not_finite_are_named() {
    let mut values = [0.0_f64, 1.0, 2.0, 3.0, 4.0, 5.0];
    let mut error = |at: usize, value: f64, fortran| {
        values[at] = value;
        let message = matrix_error(&npy_bytes("<f8", fortran, "(2, 3)", &values.map(f64::to_le_bytes).concat()));
        values[at] = 0.0;
        message
    };
    assert_eq!(error(4, f64::NAN, false), "row 1, column 1 is NaN: every value must be finite in 32-bit floats");
    assert_eq!(error(4, f64::NAN, true), "row 0, column 2 is NaN: every value must be finite in 32-bit floats");
    assert_eq!(error(2, f64::NEG_INFINITY, false), "row 0, column 2 is -inf: every value must be finite in 32-bit floats");
    assert_eq!(error(5, 1e300, false), "row 1, column 2 is 1e300: every value must be finite in 32-bit floats");
    let single = [0.0, f32::INFINITY].map(f32::to_le_bytes).concat();
    let expected = "row 1, column 0 is inf: every value must be finite in 32-bit floats";
    assert_eq!(matrix_error(&npy_bytes("<f4", false, "(2, 1)", &single)), expected);
}

#[test]
fn labels_are_read_from_arrays_and_text() {
    let folder = TempDir::new().unwrap();
    let read = |name: &str, bytes: &[u8]| npy::read_labels(put(&folder, name, bytes));
    for shape in ["(3,)", "(3, 1)"] {
        assert_eq!(read("l.npy", &npy_bytes("|u1", false, shape, &[1, 0, 255])).unwrap(), [1, 0, 255]);
        let wide = [1_i64, 0, 4_294_967_295].map(i64::to_be_bytes).concat();
        assert_eq!(read("l.npy", &npy_bytes(">i8", false, shape, &wide)).unwrap(), [1, 0, u32::MAX]);
    }
    assert_eq!(read("l.csv", b"label\n1\n0\n7\n").unwrap(), [1, 0, 7]);
    assert_eq!(read("l.TXT", b"1\n0\n7").unwrap(), [1, 0, 7]);
}

#[test]
fn label_errors_name_the_row() {
    let folder = TempDir::new().unwrap();
    let error = |name: &str, bytes: &[u8]| {
        let path = put(&folder, name, bytes);
        input_error(npy::read_labels(&path), &path)
    };
    let negative = npy_bytes("<i4", false, "(3,)", &[1_i32, -7, -8].map(i32::to_le_bytes).concat());
    assert_eq!(error("l.npy", &negative), "row 1 is -7: labels must be from 0 to 4294967295");
    let large = npy_bytes("<u8", false, "(2,)", &[1_u64, 1 << 32].map(u64::to_le_bytes).concat());
    assert_eq!(error("l.npy", &large), "row 1 is 4294967296: labels must be from 0 to 4294967295");
    assert_eq!(error("l.npy", &npy_bytes("|u1", false, "(3, 2)", &MATRIX)), "has shape (3, 2), expected (n,) or (n, 1)");
    let floats = npy_bytes("<f4", false, "(1,)", &[0; 4]);
    assert_eq!(error("l.npy", &floats), "holds values of type '<f4', expected integers of 1, 2, 4 or 8 bytes");
    assert_eq!(error("l.npy", &npy_bytes("|u1", false, "(0,)", &[])), "holds no labels, expected at least one");
    assert_eq!(error("l.csv", b"label\n"), "holds no labels, expected at least one");
    assert_eq!(error("l.csv", b"label\n1\nx\n"), "line 3 is `x`, expected one integer");
    assert_eq!(error("l.txt", b"1\n-2\n"), "line 2 is -2: labels must be from 0 to 4294967295");
    assert!(error("l.txt", b"1\n\xff\n").starts_with("cannot be read: "));
    assert!(error("l.dat", b"1\n2\n").starts_with("is not an NPY file: "));
}

#[test]
fn arrays_are_written_that_numpy_can_read() {
    // The comma after the last size is npyz's; Python's tuples allow it.
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.npy");
    let written = |result: Result<(), Error>| {
        result.unwrap();
        fs::read(&path).unwrap()
    };
    let values = [0.0_f32, -1.5, 2.0, 3.25, 4.0, f32::MIN_POSITIVE];
    let data = values.map(f32::to_le_bytes).concat();
    let matrix = Matrix::new(values.to_vec(), 2, 3).unwrap();
    assert_eq!(written(npy::write_matrix(&path, &matrix)), npy_bytes("<f4", false, "(2, 3, )", &data));
    assert_eq!(npy::read_matrix(&path).unwrap(), matrix);
    assert_eq!(written(npy::write_f32(&path, &values, &[6])), npy_bytes("<f4", false, "(6, )", &data));
    assert_eq!(written(npy::write_f32(&path, &values, &[1, 3, 2])), npy_bytes("<f4", false, "(1, 3, 2, )", &data));
    let labels = [3, 0, 2_147_483_647];
    let data = labels.map(u32::to_le_bytes).concat();
    assert_eq!(written(npy::write_labels(&path, &labels)), npy_bytes("<i4", false, "(3, )", &data));
    assert_eq!(npy::read_labels(&path).unwrap(), labels);
    assert_eq!(written(npy::write_indices(&path, &labels, 1, 3)), npy_bytes("<i4", false, "(1, 3, )", &data));
}

#[test]
fn what_cannot_be_written_leaves_the_old_file() {
    let folder = TempDir::new().unwrap();
    let path = put(&folder, "a.npy", b"old");
    let error = |result: Result<(), Error>| result.unwrap_err().to_string();
    let name = path.display();
    let too_large = format!("{name}: value 1 is 2147483648, expected at most 2147483647");
    assert_eq!(error(npy::write_labels(&path, &[0, 1 << 31])), too_large);
    assert_eq!(error(npy::write_indices(&path, &[0, 1 << 31], 1, 2)), too_large);
    assert_eq!(error(npy::write_indices(&path, &[0; 5], 2, 3)), format!("{name}: 5 values do not fill the shape [2, 3]"));
    let shape = [1 << 40, 1 << 40];
    assert_eq!(error(npy::write_f32(&path, &[0.0], &shape)), format!("{name}: 1 values do not fill the shape {shape:?}"));
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    assert!(matches!(npy::write_labels("/nowhere/a.npy", &[0]), Err(Error::Write { .. })));
}

/// The four files of a data set of 3 training and 2 test images, changed by `change`, in a folder.
fn small(change: impl Fn(&mut [Vec<u8>; 4])) -> TempDir {
    let folder = TempDir::new().unwrap();
    let mut files = [
        idx_bytes(0x803, &[3, 1, 2], &[1, 2, 3, 4, 5, 6]),
        gzip(&idx_bytes(0x801, &[3], &[9, 0, 1])),
        gzip(&idx_bytes(0x803, &[2, 1, 2], &[7, 8, 9, 10])),
        idx_bytes(0x801, &[2], &[1, 2]),
    ];
    change(&mut files);
    for ((name, bytes), suffix) in NAMES.iter().zip(&files).zip(["", ".gz", ".gz", ""]) {
        put(&folder, &format!("{name}{suffix}"), bytes);
    }
    folder
}

#[test]
fn own_data_in_the_same_layout_are_loaded_but_not_verified() {
    let folder = small(|_| {});
    let data = Dataset::load("fashion-mnist", Some(folder.path())).unwrap();
    assert_eq!((data.name.as_str(), data.train.len(), data.test.len()), ("fashion-mnist", 3, 2));
    assert_eq!((data.train.labels, data.test.labels), (vec![9, 0, 1], vec![1, 2]));
    assert_eq!(data.test.images.image(1), [9, 10]);
    assert_eq!(data.class_names.len(), 10);
    // Other data have other classes: numbers, not the names of clothes.
    assert_eq!((data.class_names[0].as_str(), data.class_names[9].as_str()), ("0", "9"));
    for (source, name) in data.sources.iter().zip([NAMES[0], &format!("{}.gz", NAMES[1]), &format!("{}.gz", NAMES[2]), NAMES[3]])
    {
        let path = folder.path().join(name);
        let bytes = fs::read(&path).unwrap();
        assert_eq!((source.name.as_str(), source.bytes), (path.to_str().unwrap(), bytes.len() as u64));
        assert_eq!(source.sha256, format!("{:02x?}", &Sha256::digest(&bytes)[..]).replace(['[', ']', ',', ' '], ""));
        assert!(!source.verified);
    }
    let outer = TempDir::new().unwrap();
    fs::rename(folder.path(), outer.path().join("fashion-mnist")).unwrap();
    assert_eq!(Dataset::load("fashion-mnist", Some(outer.path())).unwrap().train.len(), 3);
}

#[test]
fn files_that_do_not_fit_together_are_refused() {
    let load = |folder: &TempDir| Dataset::load("fashion-mnist", Some(folder.path()));
    let at = |folder: &TempDir, name: &str| folder.path().join(name);
    let folder = small(|files| files[1] = idx_bytes(0x801, &[2], &[9, 0]));
    let expected = format!("2 labels for 3 images in {}", at(&folder, NAMES[0]).display());
    assert_eq!(input_error(load(&folder), &at(&folder, "train-labels-idx1-ubyte.gz")), expected);
    let folder = small(|files| files[3] = idx_bytes(0x801, &[2], &[9, 10]));
    assert_eq!(input_error(load(&folder), &at(&folder, NAMES[3])), "row 1 is 10: labels must be 0 to 9");
    let folder = small(|files| files[2] = idx_bytes(0x803, &[2, 2, 1], &[7, 8, 9, 10]));
    let expected = format!("the images are 2 x 1, but those of {} are 1 x 2", at(&folder, NAMES[0]).display());
    assert_eq!(input_error(load(&folder), &at(&folder, "t10k-images-idx3-ubyte.gz")), expected);
    let folder = small(|files| files[3] = idx_bytes(0x801, &[0], &[]));
    assert_eq!(input_error(load(&folder), &at(&folder, NAMES[3])), "the header says 0: no dimension may be zero");
    let folder = small(|_| {});
    fs::remove_file(at(&folder, NAMES[3])).unwrap();
    let expected = "1 of the four Fashion-MNIST files missing: t10k-labels-idx1-ubyte[.gz]";
    assert_eq!(input_error(load(&folder), folder.path()), expected);
    let images = Images::new(vec![0; 6], 1, 2).unwrap();
    assert_eq!(Samples::new(images, vec![0; 2]).unwrap_err().to_string(), "2 labels for 3 images");
}

#[test]
fn a_missing_data_set_lists_where_it_was_looked_for_and_what_to_do() {
    let folder = TempDir::new().unwrap();
    let message = input_error(Dataset::load("fashion-mnist", Some(folder.path())), folder.path());
    let inner = folder.path().join("fashion-mnist");
    let looked = format!("looked in {}, {}. Install the Debian package", folder.path().display(), inner.display());
    assert!(message.contains(&looked) && message.contains("--data-dir"), "{message}");
    assert!(NAMES.iter().all(|name| message.contains(name)), "{message}");
    assert!(!message.contains(FULL), "a folder that is given is the only one: {message}");
    let file = put(&folder, "file", b"");
    assert!(input_error(Dataset::load("fashion-mnist", Some(&file)), &file).contains("looked in"));
}

#[test]
fn unknown_data_sets_are_refused_with_the_known_ones() {
    let error = Dataset::load("mnist", None).unwrap_err();
    assert_eq!(error.to_string(), "--dataset = mnist: must be one of fashion-mnist, fashion-mnist-sample");
    assert_eq!(error.exit_code(), 2);
    assert!(DATASETS.iter().all(|entry| !entry.summary.is_empty()));
}

/// Loads from the folder that a test in another process put into the environment.
#[test]
fn the_environment_names_a_folder() {
    const CHILD: &str = "LAYERLENS_TEST_CHILD";
    if std::env::var_os(CHILD).is_some() {
        assert_eq!(Dataset::load("fashion-mnist", None).unwrap().train.len(), 3);
        return;
    }
    let folder = small(|_| {});
    let outer = TempDir::new().unwrap();
    fs::create_dir(outer.path().join("layerlens")).unwrap();
    for name in fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()) {
        fs::copy(folder.path().join(&name), outer.path().join("layerlens").join(&name)).unwrap();
    }
    for (variable, value) in [("LAYERLENS_DATA_DIR", folder.path()), ("XDG_DATA_HOME", outer.path())] {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "dataset::the_environment_names_a_folder"]).env(CHILD, "1").env_remove("LAYERLENS_DATA_DIR");
        let output = child.env(variable, value).output().unwrap();
        assert!(output.status.success(), "{variable}: {}", String::from_utf8_lossy(&output.stdout));
        assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
    }
}

#[test]
fn the_embedded_sample_is_balanced_and_verified() {
    let data = Dataset::load("fashion-mnist-sample", None).unwrap();
    assert_eq!(data.name, "fashion-mnist-sample");
    for (samples, n_per_class) in [(&data.train, 1000), (&data.test, 200)] {
        assert_eq!((samples.len(), samples.images.n()), (10 * n_per_class, 10 * n_per_class));
        assert_eq!((samples.images.height(), samples.images.width()), (28, 28));
        for class in 0..10 {
            assert_eq!(samples.labels.iter().filter(|&&label| label == class).count(), n_per_class);
        }
    }
    let readme = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/README.md"));
    for (source, name) in data.sources.iter().zip(NAMES) {
        assert!(source.verified, "{}", source.name);
        assert_eq!(source.name, format!("embedded:fashion-mnist-sample/{name}.gz"));
        assert!(readme.contains(&source.sha256));
    }
    let features = data.test.images.features();
    assert_eq!((features.n_samples(), features.n_features()), (2000, 784));
    assert!(features.as_slice().iter().all(|value| (0.0..=1.0).contains(value)));
    assert_eq!(features.row(7)[400], f32::from(data.test.images.image(7)[400]) / 255.0);
}

#[test]
fn the_sample_is_the_first_rows_of_each_class_of_the_whole() {
    if !Path::new(FULL).exists() {
        eprintln!("skipped: {FULL} is not there (Debian package dataset-fashion-mnist)");
        return;
    }
    let full = Dataset::load("fashion-mnist", Some(Path::new(FULL))).unwrap();
    let sample = Dataset::load("fashion-mnist-sample", None).unwrap();
    assert_eq!((full.train.len(), full.test.len()), (60_000, 10_000));
    assert!(full.sources.iter().all(|source| source.verified), "{:?}", full.sources);
    assert_eq!(full.class_names, sample.class_names);
    for (whole, part, n_per_class) in [(&full.train, &sample.train, 1000), (&full.test, &sample.test, 200)] {
        let mut taken = [0; 10];
        let rows: Vec<usize> = (0..whole.len())
            .filter(|&row| {
                let class = &mut taken[usize::from(whole.labels[row])];
                *class += 1;
                *class <= n_per_class
            })
            .collect();
        // Not assert_eq: it would print millions of pixels.
        assert!(whole.select(&rows) == *part);
    }
    // Decompressed copies are known as well.
    let folder = TempDir::new().unwrap();
    for name in NAMES {
        let mut plain = Vec::new();
        let packed = fs::read(Path::new(FULL).join(format!("{name}.gz"))).unwrap();
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&packed[..]), &mut plain).unwrap();
        put(&folder, name, &plain);
    }
    let plain = Dataset::load("fashion-mnist", Some(folder.path())).unwrap();
    assert!(plain.sources.iter().all(|source| source.verified));
    assert!(plain.train == full.train && plain.test == full.test);
}

#[test]
fn splits_are_disjoint_complete_and_depend_on_the_seed_alone() {
    for (n, n_train, n_validation) in [(60_000, 50_000, 10_000), (10_000, 8_334, 1_666), (5, 5, 0)] {
        let (train, validation) = split(n, 42);
        assert_eq!((train.len(), validation.len()), (n_train, n_validation));
        assert!(train.is_sorted() && validation.is_sorted());
        let mut seen = vec![0_u8; n];
        train.iter().chain(&validation).for_each(|&row| seen[row] += 1);
        assert!(seen.iter().all(|&count| count == 1));
        assert_eq!(split(n, 42), (train, validation));
    }
    let (_, first) = split(60_000, 42);
    assert_ne!(first, split(60_000, 43).1);
    // A random sixth: the mean row is 30,000 with a standard deviation of 17,320 / sqrt(10,000) * sqrt(5 / 6) = 158.
    let mean = first.iter().sum::<usize>() / first.len();
    assert!(mean.abs_diff(30_000) < 5 * 158, "{mean}");
}
