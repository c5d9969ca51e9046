//! CSV files, in both forms, and every way in which they can be wrong.

use super::csv_columns::{labelled, together};
use super::{gzip, input_error, put};
use layerlens::dataset::{Dataset, Header, Request};
use layerlens::error::Error;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// Images of 2 x 2 with a pixel of every length; their labels are 0, 1, 0.
pub const PIXELS: [[u8; 4]; 3] = [[0, 10, 200, 7], [255, 0, 99, 1], [3, 3, 3, 100]];

/// What is said of images that are not square.
pub const SQUARE: &str =
    "expected a square number, 784 for images of 28 x 28, or `Request::image_shape` HEIGHTxWIDTH";

pub fn lines(rows: &[[u8; 4]]) -> String {
    rows.iter().map(|row| row.map(|pixel| pixel.to_string()).join(",") + "\n").collect()
}

/// The four files with numbered headers, changed by `change`.
pub fn study(change: impl Fn(&mut [String; 4])) -> TempDir {
    let mut texts = [lines(&PIXELS), "0\n1\n0\n".into(), lines(&PIXELS[..2]), "1\n0\n".into()];
    for (text, header) in texts.iter_mut().zip(["0,1,2,3\n", "0\n", "0,1,2,3\n", "0\n"]) {
        text.insert_str(0, header);
    }
    change(&mut texts);
    let folder = TempDir::new().unwrap();
    for (name, text) in ["x_train", "y_train", "x_test", "y_test"].iter().zip(texts) {
        put(&folder, &format!("{name}.csv"), text.as_bytes());
    }
    folder
}

pub fn open(folder: &Path, header: Header) -> Result<Dataset, Error> {
    Dataset::open(&Request { header, ..Request::new(folder.to_str().unwrap()) })
}

pub fn pixels(data: &Dataset) -> Vec<Vec<u8>> {
    (0..data.train.len()).map(|row| data.train.images.image(row).to_vec()).collect()
}

/// What is said when the file at that place holds `text`.
#[track_caller]
fn refused(at: usize, text: &str) -> String {
    let folder = study(|texts| texts[at] = text.into());
    let name = ["x_train.csv", "y_train.csv", "x_test.csv", "y_test.csv"][at];
    input_error(open(folder.path(), Header::Auto), &folder.path().join(name))
}

/// What is done to the texts of the four files.
type Change<'a> = &'a dyn Fn(&mut [String; 4]);

#[test]
fn four_files_are_read_with_or_without_headers() {
    let headers = |texts: &mut [String; 4]| {
        texts.iter_mut().for_each(|text| *text = text.split_once('\n').unwrap().1.into())
    };
    let named = |texts: &mut [String; 4]| {
        headers(texts);
        texts.iter_mut().step_by(2).for_each(|text| text.insert_str(0, "a,b,c,d\n"));
        texts.iter_mut().skip(1).step_by(2).for_each(|text| text.insert_str(0, "label\n"));
    };
    let windows = |texts: &mut [String; 4]| {
        texts.iter_mut().for_each(|text| *text = format!("\u{feff}{}", text.replace('\n', "\r\n")));
    };
    let marked = |texts: &mut [String; 4]| {
        headers(texts);
        texts.iter_mut().for_each(|text| text.insert(0, '\u{feff}'));
    };
    let loose_end =
        |texts: &mut [String; 4]| texts.iter_mut().for_each(|text| text.truncate(text.len() - 1));
    let empty_lines =
        |texts: &mut [String; 4]| texts.iter_mut().for_each(|text| text.push_str("\r\n\n\n"));
    let variants: [(&str, Change); 7] = [
        ("numbered", &|_| {}),
        ("none", &headers),
        ("named", &named),
        ("BOM and CRLF", &windows),
        ("BOM over data", &marked),
        ("no last line feed", &loose_end),
        ("empty lines at the end", &empty_lines),
    ];
    for (what, change) in variants {
        let folder = study(change);
        let data =
            open(folder.path(), Header::Auto).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(pixels(&data), PIXELS, "{what}");
        assert_eq!(
            (&data.train.labels[..], &data.test.labels[..]),
            (&[0, 1, 0][..], &[1, 0][..]),
            "{what}"
        );
        assert_eq!((data.train.images.height(), data.train.images.width()), (2, 2), "{what}");
        assert_eq!(
            (data.class_names, data.sources.len()),
            (vec!["0".into(), "1".into()], 4),
            "{what}"
        );
    }
}

#[test]
fn compressed_files_are_read_whatever_their_name() {
    let folder = study(|_| {});
    for name in ["x_train.csv", "y_test.csv"] {
        let bytes = gzip(&fs::read(folder.path().join(name)).unwrap());
        fs::write(folder.path().join(name), &bytes).unwrap();
    }
    fs::rename(folder.path().join("x_train.csv"), folder.path().join("x_train.csv.gz")).unwrap();
    assert_eq!(pixels(&open(folder.path(), Header::Auto).unwrap()), PIXELS);
    let whole = fs::read(folder.path().join("x_train.csv.gz")).unwrap();
    let path = put(&folder, "x_train.csv.gz", &whole[..whole.len() - 9]);
    let message = input_error(open(folder.path(), Header::Auto), &path);
    assert!(message.starts_with("the gzip data are truncated or damaged"), "{message}");
}

#[test]
fn without_headers_every_line_is_data() {
    let folder = study(|_| {});
    let data = open(folder.path(), Header::None).unwrap();
    assert_eq!(pixels(&data)[0], [0, 1, 2, 3]);
    assert_eq!((data.train.len(), data.train.labels.clone()), (4, vec![0, 0, 1, 0]));
    let folder = study(|texts| texts[1] = "label\n0\n1\n0\n0\n".into());
    let message =
        input_error(open(folder.path(), Header::None), &folder.path().join("y_train.csv"));
    assert_eq!(
        message,
        "line 1, column 1 is `label`, expected a label: a whole number from 0 to 255"
    );
}

/// A count over the columns could be an image; the counts of lines decide, and what they cannot
/// decide is said.
#[test]
fn counts_of_lines_decide_what_content_cannot() {
    let folder = study(|texts| {
        texts[1] = "0\n1\n0\n".into();
        texts[3] = "1\n0\n".into();
    });
    let data = open(folder.path(), Header::Auto).unwrap();
    assert_eq!(
        (
            data.train.len(),
            data.warnings.iter().any(|warning| warning.contains("taken for a header"))
        ),
        (3, true)
    );
    // Names over pixels, and no header over labels of which the first is 0.
    let folder = study(|texts| {
        texts[0].replace_range(..8, "a,b,c,d\n");
        texts[1] = "0\n1\n0\n".into();
    });
    assert_eq!(open(folder.path(), Header::Auto).unwrap().train.labels, [0, 1, 0]);
    // An image that counts, under labels without a header.
    let folder = study(|texts| {
        texts[1] = "1\n1\n0\n1\n".into();
        texts[3] = "1\n0\n1\n".into();
    });
    assert_eq!(pixels(&open(folder.path(), Header::Auto).unwrap())[0], [0, 1, 2, 3]);
    // Counts beyond 255 are no pixels.
    let wide: String = (0..289).map(|column| column.to_string()).collect::<Vec<_>>().join(",");
    let row = vec!["9"; 289].join(",");
    let other = vec!["8"; 289].join(",");
    let folder = study(|texts| {
        texts[0] = format!("{wide}\n{row}\n{other}\n{row}\n");
        texts[2] = format!("{wide}\n{row}\n{row}\n");
    });
    let data = open(folder.path(), Header::Auto).unwrap();
    assert_eq!(
        (data.train.len(), data.train.images.width(), data.train.labels),
        (3, 17, vec![0, 1, 0])
    );
}

#[test]
fn counts_that_do_not_fit_are_refused() {
    // Headers over pixels and labels, and a label too many.
    assert!(refused(1, "0\n0\n1\n0\n1\n").starts_with("4 labels for the 3 images of"));
    // No header over the labels: 3 is none.
    assert!(refused(1, "3\n0\n1\n0\n1\n").starts_with("5 labels for the 3 images of"));
    assert!(refused(1, "0\n1\n").starts_with("1 labels for the 3 images of"));
    // Pixels without a header that are one short of the labels: no label is lost to that.
    let folder = study(|texts| {
        texts[0] = lines(&PIXELS[1..]);
        texts[1] = "0\n1\n0\n".into();
    });
    let message =
        input_error(open(folder.path(), Header::Auto), &folder.path().join("y_train.csv"));
    assert!(message.starts_with("3 labels for the 2 images of"), "{message}");
}

#[test]
fn files_with_the_label_first_are_read_by_any_name() {
    let row = |row: usize, label: u8| format!("{label},{}", lines(&PIXELS[row..row + 1]));
    let body = format!("{}{}{}", row(0, 0), row(1, 1), row(2, 0));
    let names = [("train.csv", "test.csv"), ("fashion-mnist_train.csv", "fashion-mnist_test.csv")];
    for ((train, test), header) in
        names.into_iter().zip(["label,pixel1,pixel2,pixel3,pixel4\n", ""])
    {
        let folder = TempDir::new().unwrap();
        put(&folder, train, format!("{header}{body}").as_bytes());
        put(&folder, test, format!("{header}{}", row(1, 1)).as_bytes());
        let data = open(folder.path(), Header::Auto).unwrap();
        let expected: Vec<_> = PIXELS.iter().map(|row| row.to_vec()).collect();
        assert_eq!(
            (pixels(&data), data.train.labels, data.test.labels),
            (expected, vec![0, 1, 0], vec![1])
        );
    }
    // The label at the end, where the header says so.
    let folder = TempDir::new().unwrap();
    for name in ["train.csv", "test.csv"] {
        put(&folder, name, b"p1,p2,p3,p4,class\n1,2,3,4,0\n5,6,7,8,1\n");
    }
    let data = open(folder.path(), Header::Auto).unwrap();
    assert_eq!(
        (pixels(&data), data.train.labels),
        (vec![vec![1, 2, 3, 4], vec![5, 6, 7, 8]], vec![0, 1])
    );
    let path = put(&folder, "test.csv", b"label,p1,p2,p3,p4\n-1,2,3,4,0\n");
    let message = input_error(open(folder.path(), Header::Auto), &path);
    assert_eq!(message, "line 2, column 1 is `-1`, expected a label: a whole number from 0 to 255");
    let path = put(&folder, "test.csv", b"label,p1,p2,p3\n1,2,3,4\n");
    let message = input_error(open(folder.path(), Header::Auto), &path);
    assert_eq!(message, format!("has 3 columns of pixels beside the label: {SQUARE}"));
}

#[test]
fn bad_values_are_named_by_line_and_column() {
    for bad in ["256", "-1", "abc", "1.5", " 7", "1e2", "NaN"] {
        let message = refused(0, &format!("0,1,2,3\n1,2,3,4\n5,{bad},6,7\n1,1,1,1\n"));
        assert_eq!(
            message,
            format!("line 3, column 2 is `{bad}`, expected a pixel: a whole number from 0 to 255")
        );
        let message = refused(3, &format!("0\n1\n{bad}\n0\n"));
        assert_eq!(
            message,
            format!("line 3, column 1 is `{bad}`, expected a label: a whole number from 0 to 255")
        );
    }
    let message = refused(0, "0,1,2,3\n1,2,,4\n");
    assert_eq!(message, "line 2, column 3 is ``, expected a pixel: a whole number from 0 to 255");
    // A flaw in the first line does not make it a header.
    let message = refused(0, "5,x,9,7\n1,2,3,4\n1,1,1,1\n");
    assert_eq!(message, "line 1, column 2 is `x`, expected a pixel: a whole number from 0 to 255");
    let message = refused(1, "-1\n1\n0\n");
    assert_eq!(message, "line 1, column 1 is `-1`, expected a label: a whole number from 0 to 255");
}

#[test]
fn wrong_shapes_are_named_by_line() {
    assert_eq!(refused(0, "0,1,2,3\n1,2,3,4\n5,6,7\n"), "line 3 has 3 columns, line 1 has 4");
    assert_eq!(refused(0, "0,1,2,3\n1,2,3,4\n5,6,7,8,9\n"), "line 3 has 5 columns, line 1 has 4");
    assert_eq!(refused(0, "0,1,2\n1,2,3,4\n"), "line 2 has 4 columns, line 1 has 3");
    assert_eq!(refused(0, "0,1,2,3\n1,2,3,4\n\n5,6,7,8\n"), "line 3 is empty, expected 4 columns");
    assert_eq!(refused(0, ""), "is empty, expected lines of whole numbers with commas between");
    assert_eq!(
        refused(0, "\u{feff}\r\n"),
        "is empty, expected lines of whole numbers with commas between"
    );
    assert_eq!(refused(0, "a,b,c,d\n"), "has a header and no rows, expected at least one");
    assert_eq!(refused(1, "label\n"), "has a header and no rows, expected at least one");
    assert_eq!(refused(1, "0,1\n1,1\n"), "has 2 columns, expected 1: a label a line");
    assert_eq!(refused(0, "0,1,2\n1,2,3\n"), format!("has 3 columns of pixels: {SQUARE}"));
    let wider = refused(2, "a,b,c,d,e,f,g,h,i\n1,2,3,4,5,6,7,8,9\n1,2,3,4,5,6,7,8,9\n");
    assert!(wider.starts_with("the images are 3 x 3, but those of"), "{wider}");
}

#[test]
fn labels_that_training_does_not_know_are_refused() {
    let message = refused(3, "0\n1\n5\n");
    assert_eq!(message, "test image 1 has the label 5, but the training labels are 0 to 1");
}

#[test]
fn one_row_is_read() {
    let folder = study(|texts| {
        texts[0] = "9,8,7,6\n".into();
        texts[1] = "1".into();
        texts[3] = "1\n1\n".into();
    });
    assert_eq!(pixels(&open(folder.path(), Header::Auto).unwrap()), [[9, 8, 7, 6]]);
}

/// Several blocks and many parts of each: every value arrives at its place, and a line is counted
/// right in any of them.
#[test]
fn long_files_are_read_in_blocks() {
    let n = 6_000;
    let value = |row: usize, column: usize| ((row * 31 + column * 7) % 256) as u8;
    let mut text = String::new();
    for row in 0..n {
        let row: Vec<_> = (0..400).map(|column| value(row, column).to_string()).collect();
        text.push_str(&row.join(","));
        text.push('\n');
    }
    assert!(text.len() > 8_000_000, "{} bytes are too few blocks", text.len());
    let folder = study(|texts| {
        texts[0] = text.clone();
        texts[1] = "1\n".repeat(n);
        texts[2] = text.lines().next().unwrap().into();
        texts[3] = "1\n".into();
    });
    let data = open(folder.path(), Header::Auto).unwrap();
    assert_eq!((data.train.len(), data.test.len()), (n, 1));
    let expected: Vec<u8> =
        (0..n).flat_map(|row| (0..400).map(move |column| value(row, column))).collect();
    assert!(data.train.images.pixels() == expected);
    for line in [2, 3_000, 5_765, n] {
        let mut lines: Vec<&str> = text.lines().collect();
        lines[line - 1] = "1,2,3";
        let path = put(&folder, "x_train.csv", lines.join("\n").as_bytes());
        let message = input_error(open(folder.path(), Header::Auto), &path);
        assert_eq!(message, format!("line {line} has 3 columns, line 1 has 400"));
    }
}

#[test]
fn missing_and_doubled_files_are_named() {
    let folder = study(|_| {});
    fs::remove_file(folder.path().join("y_test.csv")).unwrap();
    let message = input_error(open(folder.path(), Header::Auto), folder.path());
    assert_eq!(
        message,
        "1 of the four files missing: y_test.csv[.gz]; found x_train.csv, y_train.csv, x_test.csv"
    );
    let folder = study(|_| {});
    put(&folder, "x_train.npy", b"");
    let warnings = open(folder.path(), Header::Auto).unwrap().warnings;
    assert!(
        warnings.iter().any(|it| it.ends_with("holds x_train.npy besides, which is not read")),
        "{warnings:?}"
    );
    for name in ["y_train.npy", "x_test.npy", "y_test.npy"] {
        put(&folder, name, b"");
    }
    let message = input_error(open(folder.path(), Header::Auto), folder.path());
    let both = "holds .npy files (x_train.npy) and CSV files of pixels and of labels (x_train.csv): which one is meant?";
    assert!(message.starts_with(both), "{message}");
    let empty = TempDir::new().unwrap();
    assert!(
        input_error(open(empty.path(), Header::Auto), empty.path())
            .starts_with("holds no data; expected four IDX files")
    );
}

#[test]
fn a_first_line_that_is_blank_is_refused() {
    for text in ["\n1\n", "\r\n1\n0\n", "\u{feff}\n1\n", "  \n1\n", ",\n1,2\n", "\n\n1,2,3,4\n"] {
        for at in 0..4 {
            let folder = study(|texts| texts[at] = text.into());
            for header in [Header::Auto, Header::None] {
                let path = folder
                    .path()
                    .join(["x_train.csv", "y_train.csv", "x_test.csv", "y_test.csv"][at]);
                let message = input_error(open(folder.path(), header), &path);
                assert_eq!(
                    message,
                    "line 1 is empty, expected a header, or whole numbers with commas between",
                    "{text:?}"
                );
            }
        }
        for name in ["train.csv", "test.csv"] {
            let folder = together(&labelled("label,a,b,c,d\n", 0), &labelled("label,a,b,c,d\n", 0));
            let path = put(&folder, name, text.as_bytes());
            assert!(
                input_error(open(folder.path(), Header::Auto), &path)
                    .starts_with("line 1 is empty"),
                "{text:?}"
            );
        }
    }
}

#[test]
fn whole_numbers_with_a_point_are_whole() {
    let pointed = |text: &str| {
        text.lines()
            .map(|line| {
                line.split(',').map(|it| it.to_owned() + ".0").collect::<Vec<_>>().join(",") + "\n"
            })
            .collect::<String>()
    };
    let folder = study(|texts| {
        texts[0] = format!("a,b,c,d\n{}", pointed(&lines(&PIXELS)));
        texts[1] = format!("label\n{}", pointed("0\n1\n0\n"));
        texts[2] = pointed(&lines(&PIXELS[..2]));
        texts[3] = "1.\n0.00\n".into();
    });
    let data = open(folder.path(), Header::Auto).unwrap();
    assert_eq!(
        (pixels(&data), data.train.labels, data.test.labels),
        (PIXELS.map(Vec::from).to_vec(), vec![0, 1, 0], vec![1, 0])
    );
    // A count in floats is data and no header.
    let folder = study(|texts| {
        texts[0] = format!("0.0,1.0,2.0,3.0\n{}", pointed(&lines(&PIXELS[..2])));
        texts[1] = "0\n1\n0\n".into();
    });
    assert_eq!(pixels(&open(folder.path(), Header::Auto).unwrap())[0], [0, 1, 2, 3]);
}

#[test]
fn a_header_and_a_label_too_many_are_said() {
    let folder = study(|texts| texts[1] = "label\n0\n1\n0\n1\n".into());
    let message =
        input_error(open(folder.path(), Header::Auto), &folder.path().join("y_train.csv"));
    assert!(
        message.starts_with("4 labels for the 3 images of")
            && message.contains("a header there and with one here"),
        "{message}"
    );
}
