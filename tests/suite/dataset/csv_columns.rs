//! CSV files of labels and pixels: which column holds the labels, and which shape the images have.

use super::csv::{PIXELS, pixels, study};
use super::{input_error, put};
use layerlens::dataset::{
    Dataset, FORMATS, Images, LabelColumn, LabelFile, Request, Samples, Values, convert,
};
use layerlens::error::Error;
use layerlens::progress::Silent;
use tempfile::TempDir;

/// A folder with `train.csv` and `test.csv`.
pub fn together(train: &str, test: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    put(&folder, "train.csv", train.as_bytes());
    put(&folder, "test.csv", test.as_bytes());
    folder
}

fn with_column(folder: &TempDir, label_column: Option<&str>) -> Result<Dataset, Error> {
    let label_column = label_column.map(|column| column.parse::<LabelColumn>().unwrap());
    Dataset::open(&Request { label_column, ..Request::new(folder.path().to_str().unwrap()) })
}

/// The rows of [`PIXELS`] with their labels in a column, under a header.
pub fn labelled(header: &str, column: usize) -> String {
    let row = |(pixels, label): (&[u8; 4], &str)| {
        let mut fields: Vec<String> = pixels.iter().map(u8::to_string).collect();
        fields.insert(column, label.into());
        fields.join(",") + "\n"
    };
    format!("{header}{}", PIXELS.iter().zip(["0", "1", "0"]).map(row).collect::<String>())
}

#[test]
fn the_header_says_which_column_holds_the_labels() {
    let expected: Vec<_> = PIXELS.iter().map(|row| row.to_vec()).collect();
    for (header, column) in [
        ("label,a,b,c,d\n", 0),
        ("a,b,Label,c,d\n", 2),
        ("a,b,c,d,labels\n", 4),
        ("p0,p1,p2,p3,digit\n", 4),
        ("p0,\"TARGET\",p1,p2,p3\n", 1),
        ("0,1,2,class,3\n", 3),
        ("1x1,1x2,y,2x1,2x2\n", 2),
        ("pixel1,pixel2,pixel3,pixel4,kind of thing\n", 4),
    ] {
        let text = labelled(header, column);
        let data = with_column(&together(&text, &text), None)
            .unwrap_or_else(|error| panic!("{header}: {error}"));
        assert_eq!(
            (pixels(&data), &data.train.labels[..]),
            (expected.clone(), &[0, 1, 0][..]),
            "{header}"
        );
        assert_eq!(data.test.labels, [0, 1, 0]);
        let flaw = text.replacen("0,10", "0,300", 1).replacen("0,0,10", "0,0,300", 1);
        let folder = together(&text, &flaw);
        if flaw != text {
            let message = input_error(with_column(&folder, None), &folder.path().join("test.csv"));
            assert!(message.contains("`300`, expected a pixel: "), "{message}");
        }
    }
    // What the training file says holds for a test file that says nothing.
    let folder = together(&labelled("a,b,label,c,d\n", 2), &labelled("", 2));
    assert_eq!(with_column(&folder, None).unwrap().test.labels, [0, 1, 0]);
    let folder = together(&labelled("label,a,b,class,d\n", 0), "");
    let message = input_error(with_column(&folder, None), &folder.path().join("train.csv"));
    assert!(
        message.starts_with(
            "several columns could hold the labels, `label`, `class`: pass `Request::label_column`"
        ),
        "{message}"
    );
}

#[test]
fn a_flag_says_it_where_the_header_does_not() {
    let expected: Vec<_> = PIXELS.iter().map(|row| row.to_vec()).collect();
    for (header, column, flag) in [
        ("", 0, "first"),
        ("", 4, "last"),
        ("", 2, "3"),
        ("a,b,c,d,e\n", 4, "last"),
        ("a,b,c,d,e\n", 2, "C"),
        ("label,a,b,c,class\n", 4, "class"),
        ("label,a,b,c,d\n", 4, "5"),
    ] {
        let text = labelled(header, column);
        let data = with_column(&together(&text, &text), Some(flag))
            .unwrap_or_else(|error| panic!("{flag}: {error}"));
        assert_eq!(
            (pixels(&data), data.train.labels, data.test.labels),
            (expected.clone(), vec![0, 1, 0], vec![0, 1, 0]),
            "{flag}"
        );
    }
    let folder = together(&labelled("a,b,c,d,e\n", 4), &labelled("", 4));
    let refused = |flag: &str| with_column(&folder, Some(flag)).unwrap_err().to_string();
    assert!(
        refused("z").starts_with("label_column = z: a name in the header of"),
        "{}",
        refused("z")
    );
    assert!(refused("6").starts_with("label_column = 6: a column from 1 to 5"), "{}", refused("6"));
    assert!(refused("none").starts_with("label_column = none: a column: "), "{}", refused("none"));
    let folder = together(&labelled("", 4), &labelled("", 4));
    assert!(with_column(&folder, Some("z")).unwrap_err().to_string().contains("has no header"));
}

#[test]
fn labels_without_a_header_are_told_by_their_values() {
    let rows = |column: usize| -> String {
        let row = |row: usize| {
            let mut fields = [usize::from(row == 9), row * 5 % 256, 200, row % 7 * 30]
                .map(|value| value.to_string())
                .to_vec();
            fields.insert(column, (row % 5).to_string());
            fields.join(",") + "\n"
        };
        (0..50).map(row).collect()
    };
    for (column, said) in [(0, "first column"), (4, "last column")] {
        let data = with_column(&together(&rows(column), &rows(column)), None).unwrap();
        assert_eq!(
            (data.train.labels[..6].to_vec(), pixels(&data)[9].clone()),
            (vec![0, 1, 2, 3, 4, 0], vec![1, 45, 200, 60])
        );
        assert!(data.warnings.iter().any(|warning| warning.contains(said)), "{:?}", data.warnings);
    }
    // A test file of one row tells nothing by itself.
    let data = with_column(&together(&rows(4), "9,9,9,9,2\n"), None).unwrap();
    assert_eq!((data.test.labels, data.test.images.image(0).to_vec()), (vec![2], vec![9; 4]));
    let both = "0,5,6,7,1\n1,8,8,8,0\n2,9,8,8,2\n";
    let folder = together(both, both);
    let message = input_error(with_column(&folder, None), &folder.path().join("train.csv"));
    assert!(
        message.contains("pass `Request::label_column` first, last, or its number"),
        "{message}"
    );
}

/// As pandas writes images without labels: the numbers of the rows count from 0, as classes do.
#[test]
fn numbers_of_rows_are_no_labels() {
    let rows = |n: usize, last: fn(usize) -> usize| -> String {
        (0..n)
            .map(|row| format!("{row},{},200,{},{}\n", row * 5 % 256, row * 11 % 251, last(row)))
            .collect()
    };
    let pixel: fn(usize) -> usize = |row| row * 7 % 256;
    // Twenty rows are told by their values, five by their name alone.
    for (header, n) in [
        (",p1,p2,p3,p4\n", 256),
        (",p1,p2,p3,p4\n", 5),
        ("Unnamed: 0,a,b,c,d\n", 5),
        ("ID,p1,p2,p3,p4\n", 5),
        ("image_id,p1,p2,p3,p4\n", 20),
        ("a,b,c,d,e\n", 20),
        ("", 20),
    ] {
        for last in [pixel, |row| row % 2] {
            let text = format!("{header}{}", rows(n, last));
            let folder = together(&text, &text);
            let message = input_error(with_column(&folder, None), &folder.path().join("train.csv"));
            let name = header
                .split(',')
                .next()
                .filter(|name| !name.is_empty())
                .map_or(String::new(), |name| format!(", `{name}`,"));
            assert!(
                message.starts_with(&format!("column 1{name} numbers the rows")),
                "{header}: {message}"
            );
            assert!(
                message.contains("pass `Request::label_column`") && message.contains("index=False"),
                "{message}"
            );
        }
    }
    // In the last column, from 1.
    let last: String =
        (0..20).map(|row| format!("{},0,1,2,{}\n", row * 5 % 256, row + 1)).collect();
    let folder = together(&last, &last);
    assert!(
        input_error(with_column(&folder, None), &folder.path().join("train.csv"))
            .starts_with("column 5 numbers the rows")
    );
    // Whoever names a column means it.
    let named = format!("label,a,b,c,d\n{}", rows(20, pixel));
    assert_eq!(
        with_column(&together(&named, &named), None).unwrap().train.labels,
        (0..20).collect::<Vec<u16>>()
    );
    let text = rows(20, pixel);
    assert_eq!(
        with_column(&together(&text, &text), Some("first")).unwrap().train.labels,
        (0..20).collect::<Vec<u16>>()
    );
}

/// A header that does not tell is not called missing.
#[test]
fn what_is_said_of_the_header_is_so() {
    let rows: String = (0..50)
        .map(|row| format!("{},{},200,7,{}\n", row % 5, row * 5 % 256, usize::from(row == 9)))
        .collect();
    for (header, said) in [
        (
            "",
            "there is no header that says which column holds the labels; they were taken from the \
             first column",
        ),
        (
            "a,b,c,d,e\n",
            "the header does not say which column holds the labels; they were taken from the first \
             column",
        ),
    ] {
        let text = format!("{header}{rows}");
        let data = with_column(&together(&text, &text), None).unwrap();
        assert!(data.warnings.iter().any(|it| it.contains(said)), "{:?}", data.warnings);
        let both = format!("{header}0,5,6,7,1\n1,8,8,8,0\n2,9,8,8,2\n");
        let folder = together(&both, &both);
        let message = input_error(with_column(&folder, None), &folder.path().join("train.csv"));
        assert!(message.starts_with(said.split(';').next().unwrap()), "{message}");
    }
}

/// One list of names, for images and for tables of labels.
#[test]
fn a_column_is_called_like_labels_in_every_reader() {
    let folder = TempDir::new().unwrap();
    for name in [
        "label", "Labels", "class", "classes", "target", "targets", "digit", "digits", "category",
        "y",
    ] {
        let text = format!("cell,{name},batch\n5,3,9\n6,4,9\n");
        let labels =
            LabelFile::read(&put(&folder, "l.csv", text.as_bytes()), None, Some(2)).unwrap();
        assert_eq!(labels.values, Values::Numbers(vec![3, 4]), "{name}");
        let text = labelled(&format!("a,b,{name},c,d\n"), 2);
        assert_eq!(
            with_column(&together(&text, &text), None).unwrap().train.labels,
            [0, 1, 0],
            "{name}"
        );
    }
}

#[test]
fn labels_among_pixels_that_have_a_file_of_labels_are_refused() {
    let folder = study(|texts| texts[0] = labelled("label,a,b,c,d\n", 0));
    let path = folder.path().join("x_train.csv");
    assert!(
        input_error(with_column(&folder, None), &path)
            .starts_with("column 1 is called `label`, but the labels are in")
    );
    let folder = study(|texts| {
        for at in [0, 2] {
            texts[at] = texts[at].replacen("0,1,2,3", "a,b,c,y", 1);
        }
    });
    assert!(with_column(&folder, None).is_err());
    assert_eq!(pixels(&with_column(&folder, Some("none")).unwrap()), PIXELS);
    let error = with_column(&folder, Some("last")).unwrap_err().to_string();
    assert!(
        error.starts_with("label_column = last: none, as the labels are in a file of their own"),
        "{error}"
    );
}

/// Rows whose number of pixels is a square number among them: 2 x 8 must not come back as 4 x 4.
#[test]
fn images_that_are_not_square_come_back_as_they_were() {
    let labels = vec![0_u16, 1, 0];
    for (height, width) in [(2, 8), (8, 2), (3, 5), (1, 4), (28, 20), (4, 4)] {
        let pixels = (0..3 * height * width).map(|at| (at * 7 % 256) as u8).collect();
        let part =
            Samples::new(Images::new(pixels, height, width).unwrap(), labels.clone()).unwrap();
        let sample = Dataset::load("fashion-mnist-sample", None).unwrap();
        let data = Dataset {
            train: part.clone(),
            test: part,
            class_names: vec!["0".into(), "1".into()],
            ..sample
        };
        for format in FORMATS.iter().filter(|format| format.written().is_some()) {
            let folder = TempDir::new().unwrap();
            let out = folder.path().join("a.npz");
            convert(&data, &out, format, format.name == "csv", false, &Silent).unwrap();
            let read = Dataset::open(&Request::new(out.to_str().unwrap())).unwrap();
            assert!(
                read.train == data.train && read.test == data.test,
                "{} {height} x {width}",
                format.name
            );
        }
    }
    // A shape that is asked for, with a header and without.
    for text in
        ["a,b,c,d,e,f\n1,2,3,4,5,6\n6,5,4,3,2,1\n", "1,2,3,4,5,6\n6,5,4,3,2,1\n9,9,9,9,9,9\n"]
    {
        let n = text.lines().count() - usize::from(text.starts_with('a'));
        let folder = study(|texts| {
            (texts[0], texts[2]) = (text.into(), text.into());
            (texts[1], texts[3]) = ("1\n0\n1\n"[..2 * n].into(), "1\n0\n1\n"[..2 * n].into());
        });
        let with = |shape: &str| {
            Dataset::open(&Request {
                image_shape: shape.parse().ok(),
                ..Request::new(folder.path().to_str().unwrap())
            })
        };
        let images = with("2x3").unwrap().train.images;
        assert_eq!(
            (images.height(), images.width(), images.image(0)),
            (2, 3, &[1, 2, 3, 4, 5, 6][..])
        );
        let error = with("2x2").unwrap_err().to_string();
        assert!(
            error.starts_with("image_shape = 2x2: height x width = 6, the columns of pixels in"),
            "{error}"
        );
    }
    let text = "label,1x1,1x2,1x3,2x1,2x2,2x3\n0,1,2,3,4,5,6\n1,6,5,4,3,2,1\n";
    let folder = together(text, text);
    let request = Request {
        image_shape: "3x2".parse().ok(),
        ..Request::new(folder.path().to_str().unwrap())
    };
    let message = input_error(Dataset::open(&request), &folder.path().join("train.csv"));
    assert!(
        message.starts_with("the header tells of images of 2x3, `Request::image_shape` of 3x2"),
        "{message}"
    );
}
