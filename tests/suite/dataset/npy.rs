//! NPY files: matrices and labels.

use super::{input_error, npy_bytes, put, unreadable};
use layerlens::dataset::npy;
use layerlens::error::Error;
use layerlens::matrix::Matrix;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// 0 1 2 / 3 4 5 in C order.
const MATRIX: [u8; 6] = [0, 1, 2, 3, 4, 5];

#[track_caller]
fn reads_the_matrix(descr: &str, fortran: bool, data: &[u8]) {
    let folder = TempDir::new().unwrap();
    let read = npy::read_matrix(put(&folder, "m.npy", &npy_bytes(descr, fortran, "(2, 3)", data)))
        .unwrap();
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
    reads_the_matrix(
        ">f4",
        true,
        &[0.0_f32, 3.0, 1.0, 4.0, 2.0, 5.0].map(f32::to_be_bytes).concat(),
    );
    // 0 to 5 in halves.
    let halves = [0x0000_u16, 0x3c00, 0x4000, 0x4200, 0x4400, 0x4500];
    reads_the_matrix("<f2", false, &halves.map(u16::to_le_bytes).concat());
    reads_the_matrix(">f2", false, &halves.map(u16::to_be_bytes).concat());
    reads_the_matrix(
        "<f2",
        true,
        &[0, 3, 1, 4, 2, 5].map(|at: usize| halves[at].to_le_bytes()).concat(),
    );
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
    assert_eq!(
        input_error(npy::read_matrix(folder.path()), folder.path()),
        "is a folder, expected a file"
    );
    let found = |shape, data: &[u8]| matrix_error(&npy_bytes("|u1", false, shape, data));
    assert_eq!(found("(1, 2, 3)", &MATRIX), "has shape (1, 2, 3), expected n_samples x n_features");
    assert_eq!(found("(6,)", &MATRIX), "has shape (6,), expected n_samples x n_features");
    assert_eq!(found("()", &[1]), "has shape (), expected n_samples x n_features");
    assert_eq!(found("(0, 3)", &[]), "has shape (0, 3), expected at least one row and one column");
    assert_eq!(found("(3, 0)", &[]), "has shape (3, 0), expected at least one row and one column");
    assert_eq!(
        matrix_error(&npy_bytes("<c8", false, "(1, 1)", &[0; 8])),
        "holds values of type '<c8', expected f2, f4, f8, integers of 1, 2, 4 or 8 bytes or \
         booleans"
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
        "is truncated: 8 bytes of data found, 2^64 or more expected for shape \
         (2305843009213693952, 2) of '<f4'"
    );
    let message = matrix_error(&npy_bytes(
        "<f4",
        true,
        "(2305843009213693952, 2305843009213693952)",
        &[0; 8],
    ));
    assert!(message.starts_with("has an impossible shape in its header: "), "{message}");
    assert_eq!(
        matrix_error(&npy_bytes("<f4", false, "(1048576, 1048576)", &[0; 8])),
        "is truncated: 8 bytes of data found, 4398046511104 expected for shape (1048576, 1048576) \
         of '<f4'"
    );
}

#[test]
fn malformed_npy_headers_are_refused() {
    assert_eq!(
        matrix_error(b"PK\x03\x04 an archive"),
        "is not an NPY file: its first bytes are [50, 4b, 03, 04, 20, 61], expected [93, 4e, 55, \
         4d, 50, 59]"
    );
    assert_eq!(
        matrix_error(b""),
        "is not an NPY file: its first bytes are [], expected [93, 4e, 55, 4d, 50, 59]"
    );
    let text = matrix_error(b"f0,f1\n0.5,2\n");
    assert!(text.contains("text, which begins with `f0,f1`: save"), "{text}");
    let good = npy_bytes("|u1", false, "(2, 3)", &MATRIX);
    assert_eq!(
        matrix_error(&good[..60]),
        "is truncated within its header: 60 bytes found, 128 expected"
    );
    assert_eq!(
        matrix_error(&good[..7]),
        "is truncated within its header: 7 bytes found, at least 10 expected"
    );
    let huge = b"\x93NUMPY\x02\x00\xff\xff\xff\xff{}";
    assert_eq!(matrix_error(huge), "has a header of 4294967295 bytes, expected at most 10000");
    let mut version = good.clone();
    version[6] = 9;
    assert_eq!(matrix_error(&version), "has NPY version 9.0, expected 1.0, 2.0 or 3.0");
    let text = b"\x93NUMPY\x01\x00\x06\x00nonsns";
    assert!(matrix_error(text).starts_with("has a malformed header: "));
    let deep = [&b"\x93NUMPY\x01\x00\x10\x27"[..], &[b'['; 10_000]].concat();
    assert_eq!(
        matrix_error(&deep),
        "has a header with 10000 opening brackets, expected a plain array of numbers"
    );
}

/// Columns of which 32-bit floats hold the digits stay as they are, beside one that is counted from
/// what it has in common.
#[test]
fn only_a_column_that_would_lose_digits_is_shifted() {
    let folder = TempDir::new().unwrap();
    let read = |fortran, values: &[[i64; 3]]| {
        let columns = |at: usize| values.iter().map(move |row| row[at]);
        let order: Vec<i64> = if fortran {
            (0..3).flat_map(columns).collect()
        } else {
            values.iter().flatten().copied().collect()
        };
        let bytes: Vec<u8> = order.iter().flat_map(|value| value.to_le_bytes()).collect();
        npy::read_matrix(put(
            &folder,
            "m.npy",
            &npy_bytes("<i8", fortran, &format!("({}, 3)", values.len()), &bytes),
        ))
        .unwrap()
    };
    // More rows than the sample from which suspicion is drawn; and ids near the end of the range.
    for n in [120, 9000] {
        let row = |i: i64| [i, i64::MAX - 7 * n + 7 * i, 1_000_000 * (i % 5)];
        let values: Vec<[i64; 3]> = (0..n).map(row).collect();
        for fortran in [false, true] {
            let x = read(fortran, &values);
            let offsets = x.offsets().unwrap();
            assert_eq!((offsets[0], offsets[2]), (0.0, 0.0));
            for (found, row) in x.rows().zip(&values) {
                assert_eq!((found[0], found[2]), (row[0] as f32, row[2] as f32));
                assert_eq!(i128::from(row[1]), found[1] as i128 + offsets[1] as i128, "{row:?}");
            }
        }
    }
    let exact = read(false, &[[1 << 40, 2, 3], [1 << 30, 5, 6]]);
    assert_eq!(exact.offsets(), None);
}

/// What is subtracted goes with the points: into the files that are written, and to points that are
/// held against them.
#[test]
fn offsets_are_added_where_values_are_written_and_subtracted_from_other_points() {
    let folder = TempDir::new().unwrap();
    let values: Vec<f64> = (0..400)
        .map(|i| if i % 2 == 0 { 1.7e9 + f64::from(i) / 8.0 } else { f64::from(i) })
        .collect();
    let put_values = |name: &str, values: &[f64]| {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        put(&folder, name, &npy_bytes("<f8", false, &format!("({}, 2)", values.len() / 2), &bytes))
    };
    let x = npy::read_matrix(put_values("x.npy", &values)).unwrap();
    let written = folder.path().join("again.npy");
    npy::write_matrix(&written, &x).unwrap();
    assert_eq!(
        fs::read(&written).unwrap()[128..],
        fs::read(folder.path().join("x.npy")).unwrap()[128..]
    );
    let new = put_values("new.npy", &[1.7e9 + 1000.0, 1.0, 3.0, 2.0]);
    let offset = x.offsets().unwrap()[0];
    let of_new = npy::read_matrix_like(&new, &x).unwrap();
    assert_eq!(
        of_new.as_slice(),
        [(1.7e9 + 1000.0 - offset) as f32, 1.0, (3.0 - offset) as f32, 2.0]
    );
    assert_eq!(of_new.offsets(), x.offsets());
    assert!(
        of_new.check_offsets(&x).is_ok()
            && npy::read_values(&new).unwrap().check_offsets(&x).is_err()
    );
    assert_eq!(npy::read_values(&new).unwrap().as_slice(), [1_700_001_000.0, 1.0, 3.0, 2.0]);
}

#[test]
fn a_column_whose_digits_cannot_be_kept_is_refused_with_the_loss() {
    let row =
        |i: u32| [f64::from(i), if i.is_multiple_of(2) { 0.0 } else { 1e9 } + f64::from(i) / 100.0];
    let values: Vec<f64> = (0..200).flat_map(row).collect();
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let message = matrix_error(&npy_bytes("<f8", false, "(200, 2)", &bytes));
    assert!(message.starts_with("column 1 needs more digits"), "{message}");
    assert!(
        message.contains("of its 200 different values 99 would become equal to another"),
        "{message}"
    );
}

#[test]
fn values_that_are_not_finite_are_named() {
    let mut values = [0.0_f64, 1.0, 2.0, 3.0, 4.0, 5.0];
    let mut error = |at: usize, value: f64, fortran| {
        values[at] = value;
        let message = matrix_error(&npy_bytes(
            "<f8",
            fortran,
            "(2, 3)",
            &values.map(f64::to_le_bytes).concat(),
        ));
        values[at] = 0.0;
        message
    };
    assert_eq!(
        error(4, f64::NAN, false),
        "row 1, column 1 is NaN: every value must be finite in 32-bit floats"
    );
    assert_eq!(
        error(4, f64::NAN, true),
        "row 0, column 2 is NaN: every value must be finite in 32-bit floats"
    );
    assert_eq!(
        error(2, f64::NEG_INFINITY, false),
        "row 0, column 2 is -inf: every value must be finite in 32-bit floats"
    );
    assert_eq!(
        error(5, 1e300, false),
        "row 1, column 2 is 1e300: every value must be finite in 32-bit floats"
    );
    let single = [0.0, f32::INFINITY].map(f32::to_le_bytes).concat();
    let expected = "row 1, column 0 is inf: every value must be finite in 32-bit floats";
    assert_eq!(matrix_error(&npy_bytes("<f4", false, "(2, 1)", &single)), expected);
}

#[test]
fn labels_are_read_from_arrays() {
    let folder = TempDir::new().unwrap();
    let read = |name: &str, bytes: &[u8]| npy::read_labels(put(&folder, name, bytes));
    for shape in ["(3,)", "(3, 1)"] {
        assert_eq!(
            read("l.npy", &npy_bytes("|u1", false, shape, &[1, 0, 255])).unwrap(),
            [1, 0, 255]
        );
        let wide = [1_i64, 0, 4_294_967_295].map(i64::to_be_bytes).concat();
        assert_eq!(
            read("l.npy", &npy_bytes(">i8", false, shape, &wide)).unwrap(),
            [1, 0, u32::MAX]
        );
    }
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
    assert_eq!(
        error("l.npy", &npy_bytes("|u1", false, "(3, 2)", &MATRIX)),
        "has shape (3, 2), expected (n,) or (n, 1)"
    );
    let floats = npy_bytes("<f4", false, "(1,)", &[0; 4]);
    assert_eq!(
        error("l.npy", &floats),
        "holds values of type '<f4', expected integers of 1, 2, 4 or 8 bytes"
    );
    assert_eq!(
        error("l.npy", &npy_bytes("|u1", false, "(0,)", &[])),
        "holds no labels, expected at least one"
    );
    assert!(error("l.csv", b"1\n2\n").starts_with("is not an NPY file but text"));
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
    assert_eq!(
        written(npy::write_matrix(&path, &matrix)),
        npy_bytes("<f4", false, "(2, 3, )", &data)
    );
    assert_eq!(npy::read_matrix(&path).unwrap(), matrix);
    assert_eq!(
        written(npy::write_f32(&path, &values, &[6])),
        npy_bytes("<f4", false, "(6, )", &data)
    );
    assert_eq!(
        written(npy::write_f32(&path, &values, &[1, 3, 2])),
        npy_bytes("<f4", false, "(1, 3, 2, )", &data)
    );
    let labels = [3, 0, 2_147_483_647];
    let data = labels.map(u32::to_le_bytes).concat();
    assert_eq!(written(npy::write_labels(&path, &labels)), npy_bytes("<i4", false, "(3, )", &data));
    assert_eq!(npy::read_labels(&path).unwrap(), labels);
    assert_eq!(
        written(npy::write_indices(&path, &labels, 1, 3)),
        npy_bytes("<i4", false, "(1, 3, )", &data)
    );
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
    assert_eq!(
        error(npy::write_indices(&path, &[0; 5], 2, 3)),
        format!("{name}: 5 values do not fill the shape [2, 3]")
    );
    let shape = [1 << 40, 1 << 40];
    assert_eq!(
        error(npy::write_f32(&path, &[0.0], &shape)),
        format!("{name}: 1 values do not fill the shape {shape:?}")
    );
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    assert!(matches!(npy::write_labels("/nowhere/a.npy", &[0]), Err(Error::Write { .. })));
}
