//! Data of one's own: which files are taken, which classes they have, and how their names travel.

use super::{idx_bytes, input_error, npy_bytes, put, written};
use layerlens::dataset::{Dataset, LabelColumn, Request, convert};
use layerlens::error::Error;
use layerlens::progress::Silent;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

fn request(path: &Path) -> Request {
    Request::new(path.to_str().unwrap())
}

fn open(path: &Path) -> Result<Dataset, Error> {
    Dataset::open(&request(path))
}

/// The four IDX files: an image of 2 x 3 a label, image i beginning with i + 10.
fn idx_files(folder: &TempDir, names: [&str; 4], train: &[u8], test: &[u8]) {
    for (part, labels) in [train, test].into_iter().enumerate() {
        let pixels: Vec<u8> =
            (0..labels.len()).flat_map(|row| [row as u8 + 10, 2, 3, 4, 5, 6]).collect();
        put(folder, names[2 * part], &idx_bytes(0x803, &[labels.len() as u32, 2, 3], &pixels));
        put(folder, names[2 * part + 1], &idx_bytes(0x801, &[labels.len() as u32], labels));
    }
}

const USUAL: [&str; 4] = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
];

#[test]
fn classes_are_those_that_occur() {
    let folder = TempDir::new().unwrap();
    idx_files(&folder, USUAL, &[1, 2, 26, 1], &[26, 2]);
    let data = open(folder.path()).unwrap();
    assert_eq!(data.class_names, ["1", "2", "26"]);
    assert_eq!((data.train.labels, data.test.labels), (vec![0, 1, 2, 0], vec![2, 1]));
    // Groups call the classes by their numbers, and nobody has to know of a class 0.
    let groups = put(&folder, "g.csv", b"class,group\n1,low\n2,low\n26,high\n");
    let grouped = Dataset::open(&Request {
        label_groups: Some(groups.to_str().unwrap().into()),
        ..request(folder.path())
    });
    let grouped = grouped.unwrap();
    assert_eq!(
        (grouped.class_names, grouped.train.labels),
        (vec!["low".into(), "high".into()], vec![0, 0, 1, 0])
    );
    put(&folder, USUAL[3], &idx_bytes(0x801, &[2], &[3, 2]));
    let message = input_error(open(folder.path()), &folder.path().join(USUAL[3]));
    assert_eq!(message, "test image 0 has the label 3, but the training labels are 1 to 2, 26");
}

#[test]
fn names_beside_the_files_are_read_and_counted() {
    let folder = TempDir::new().unwrap();
    let named = |names: &str| {
        put(&folder, "class_names.txt", names.as_bytes());
        open(folder.path())
    };
    let path = folder.path().join("class_names.txt");
    idx_files(&folder, USUAL, &[1, 2, 3, 1], &[3, 2]);
    // As many names as labels that occur: in their order, which is said.
    let data = named("a\nb\nc\n").unwrap();
    assert_eq!(
        (data.class_names, data.train.labels),
        (vec!["a".into(), "b".into(), "c".into()], vec![0, 1, 2, 0])
    );
    assert!(
        data.warnings
            .iter()
            .any(|warning| warning.contains("the labels of") && warning.contains("are 1 to 3")),
        "{:?}",
        data.warnings
    );
    assert!(data.sources.iter().any(|source| source.name.ends_with("class_names.txt")));
    // A name for every number from 0: the labels are places, and a class without images is said.
    let data = named("N/A\na\nb\nc\n").unwrap();
    assert_eq!((data.class_names.len(), data.train.labels), (4, vec![1, 2, 3, 1]));
    assert!(data.warnings[0].contains("no training image has: 0 (`N/A`)"), "{:?}", data.warnings);
    let data = named("0\n1\n2\n3\nfour\n\"fi\\nve\"\n").unwrap();
    assert!(
        data.warnings[0].contains("0 (`0`), 4 (`four`), 5 (`\"fi\\nve\"`)"),
        "{:?}",
        data.warnings
    );
    assert!(
        input_error(named("a\nb\n"), &path).starts_with("names 2 classes, but the labels go to 3")
    );
    assert_eq!(input_error(named("a\n\nb\n"), &path), "line 2 is empty, expected a name");
    assert_eq!(input_error(named("a\nb\na\n"), &path), "line 3 is `a` again");
    assert!(
        input_error(named("a\nb\0c\nd\n"), &path)
            .starts_with("line 2 holds the control character U+0000")
    );
    // The command line goes first.
    put(&folder, "class_names.txt", b"a\nb\nc\n");
    let class_names = vec!["\"x, y\",z,w".into()];
    let data = Dataset::open(&Request { class_names, ..request(folder.path()) }).unwrap();
    assert_eq!(data.class_names, ["x, y", "z", "w"]);
}

/// Folders called 0 to 11, and names with everything that ends lines and columns: through every
/// layout and back.
#[test]
fn names_and_their_order_survive_every_conversion() {
    let folder = TempDir::new().unwrap();
    let numbers: Vec<String> = (0..12).map(|class| class.to_string()).collect();
    let numbers_from_one: Vec<String> = (1..12).map(|class| class.to_string()).collect();
    let words: Vec<String> =
        ["a\nb", "a,b", "\"q\"", " s ", "é 10", "é 9", "10 x", "9 x"].map(Into::into).into();
    for (at, names) in [numbers, numbers_from_one, words].into_iter().enumerate() {
        let root = folder.path().join(format!("images {at}"));
        for (class, name) in names.iter().enumerate() {
            for part in ["train", "test"] {
                let path = root.join(part).join(name);
                fs::create_dir_all(&path).unwrap();
                image::GrayImage::from_pixel(28, 28, image::Luma([20 * class as u8 + 3]))
                    .save(path.join("i.png"))
                    .unwrap();
            }
        }
        let data = open(&root).unwrap();
        let mut sorted = names.clone();
        if at == 2 {
            sorted = [" s ", "\"q\"", "9 x", "10 x", "a\nb", "a,b", "é 9", "é 10"]
                .map(Into::into)
                .into();
        }
        assert_eq!(data.class_names, sorted);
        let value = |class: usize| {
            20 * names.iter().position(|name| *name == sorted[class]).unwrap() as u8 + 3
        };
        for class in 0..names.len() {
            assert_eq!(
                (data.train.labels[class], data.train.images.image(class)[0]),
                (class as u16, value(class))
            );
        }
        let mut from = root;
        for (name, format) in [
            ("idx", written("idx")),
            ("csv", written("csv")),
            ("a.npz", written("npz")),
            ("first", written("csv-label-first")),
        ] {
            let out = folder.path().join(format!("{at}{name}"));
            convert(&open(&from).unwrap(), &out, format, false, false, &Silent).unwrap();
            let read = open(&out).unwrap();
            assert_eq!(read.class_names, data.class_names, "{name}");
            assert!(read.train == data.train && read.test == data.test, "{name}");
            from = out;
        }
    }
    // Names of other data do not stay behind.
    let two = TempDir::new().unwrap();
    idx_files(&two, USUAL, &[3, 5, 3], &[5]);
    let data = open(two.path()).unwrap();
    let out = folder.path().join("2idx");
    let error = convert(&data, &out, written("csv"), false, false, &Silent).unwrap_err();
    assert!(matches!(&error, Error::Exists(path) if path.ends_with("class_names.txt")), "{error}");
    convert(&data, &out, written("idx"), false, true, &Silent).unwrap();
    let read = open(&out).unwrap();
    assert_eq!(
        (read.class_names, fs::read(out.join(USUAL[1])).unwrap()[8..].to_vec()),
        (vec!["3".into(), "5".into()], vec![3, 5, 3])
    );
}

#[test]
fn idx_files_of_any_spelling_and_integers_are_found() {
    for names in [
        [
            "train-images.idx3-ubyte",
            "train-labels.idx1-ubyte",
            "t10k-images.idx3-ubyte",
            "t10k-labels.idx1-ubyte",
        ],
        [
            "Train-Images-idx3-ubyte",
            "Train-Labels-idx1-ubyte",
            "T10k-Images-idx3-ubyte",
            "T10k-Labels-idx1-ubyte",
        ],
        [
            "x-train-images-idx3-ubyte",
            "x-train-labels-idx1-ubyte",
            "x-test-images-idx3-ubyte",
            "x-test-labels-idx1-ubyte",
        ],
    ] {
        let folder = TempDir::new().unwrap();
        idx_files(&folder, names, &[1, 0, 1], &[0]);
        let data = open(folder.path()).unwrap();
        assert_eq!((data.train.labels, data.test.images.image(0)[0]), (vec![1, 0, 1], 10));
        fs::remove_file(folder.path().join(names[3])).unwrap();
        let message = input_error(open(folder.path()), folder.path());
        assert!(
            message.starts_with("1 of the four IDX files missing: ") && message.contains(names[1]),
            "{message}"
        );
    }
    let folder = TempDir::new().unwrap();
    idx_files(&folder, USUAL, &[1, 0, 1], &[0]);
    put(&folder, "train-labels.idx1-ubyte", b"");
    assert!(
        input_error(open(folder.path()), folder.path())
            .contains("train-labels-idx1-ubyte and train-labels.idx1-ubyte: which one")
    );
    fs::remove_file(folder.path().join("train-labels.idx1-ubyte")).unwrap();
    let labels = idx_bytes(0xc01, &[3], &[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7]);
    let path = put(&folder, USUAL[1], &labels);
    assert_eq!(open(folder.path()).unwrap().class_names, ["0", "1", "7"]);
    put(
        &folder,
        USUAL[1],
        &idx_bytes(0xc01, &[3], &[0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 7]),
    );
    assert_eq!(
        input_error(open(folder.path()), &path),
        "value 1 of the body is -1, expected a label: a whole number from 0 to 255"
    );
    // 16-bit pixels and labels, and floats from 0 to 1.
    put(&folder, USUAL[1], &idx_bytes(0xb01, &[3], &[0, 1, 0, 0, 0, 1]));
    let shares: Vec<u8> = (0..18).flat_map(|at| (at as f32 / 255.0).to_be_bytes()).collect();
    put(&folder, USUAL[0], &idx_bytes(0xd03, &[3, 2, 3], &shares));
    let path = folder.path().join(USUAL[2]);
    assert!(input_error(open(folder.path()), &path).contains("expected one scale"));
    put(&folder, USUAL[2], &idx_bytes(0xd03, &[1, 2, 3], &shares[..24]));
    let data = open(folder.path()).unwrap();
    assert_eq!(data.train.images.pixels(), (0..18).collect::<Vec<u8>>());
    assert!(
        data.warnings.iter().any(|warning| warning.contains("multiplied by 255")),
        "{:?}",
        data.warnings
    );
}

/// As EMNIST ships them: several sets in one folder, labels from 1, characters in a file, images
/// lying on their sides.
#[test]
fn sets_of_emnist_are_named_by_their_beginning() {
    let folder = TempDir::new().unwrap();
    for set in ["letters", "digits"] {
        let names =
            ["train-images-idx3", "train-labels-idx1", "test-images-idx3", "test-labels-idx1"];
        let names = names.map(|name| format!("emnist-{set}-{name}-ubyte"));
        idx_files(&folder, [0, 1, 2, 3].map(|at| names[at].as_str()), &[1, 2, 3, 1], &[3]);
    }
    let message = input_error(open(folder.path()), folder.path());
    let [digits, one] =
        ["digits", "letters"].map(|set| folder.path().join(format!("emnist-{set}")));
    let named = format!("which one is meant? Name it as {} or {}", digits.display(), one.display());
    assert!(message.ends_with(&named), "{message}");
    let data = open(&one).unwrap();
    assert_eq!(data.name, "emnist-letters");
    assert_eq!(data.class_names, ["A/a", "B/b", "C/c"]);
    let said = "rows and columns of the images of emnist-letters were exchanged";
    assert!(data.warnings.iter().any(|warning| warning.starts_with(said)), "{:?}", data.warnings);
    assert_eq!((data.train.images.height(), data.train.images.width()), (3, 2));
    assert_eq!(data.train.images.image(0), [10, 4, 2, 5, 3, 6]);
    // Names in a file come first.
    put(&folder, "emnist-letters-mapping.txt", b"1 66 98\n2 65 97\n3 67 99\n26 90 122\n");
    let named = open(&one).unwrap();
    assert_eq!(named.class_names, ["B/b", "A/a", "C/c"]);
    assert_eq!(named.train, data.train);
    let again = Dataset::open(&Request { transpose: true, ..request(&one) }).unwrap_err();
    assert!(again.to_string().contains("are turned upright already"), "{again}");
    let digits = open(&digits).unwrap();
    assert_eq!(digits.class_names, ["1", "2", "3"]);
    assert!(
        input_error(open(&folder.path().join("emnist-none")), &folder.path().join("emnist-none"))
            .contains("no such file")
    );
}

/// The set whose names begin with nothing has no beginning to be named by.
#[test]
fn of_several_sets_any_is_named_by_one_of_its_files() {
    let folder = TempDir::new().unwrap();
    let letters =
        ["train-images-idx3", "train-labels-idx1", "test-images-idx3", "test-labels-idx1"];
    let letters = letters.map(|name| format!("EMNIST-Letters-{name}-ubyte"));
    idx_files(&folder, USUAL, &[7, 9, 7], &[9]);
    idx_files(&folder, letters.each_ref().map(String::as_str), &[1, 2, 3, 1], &[3]);
    put(&folder, "EMNIST-Letters-mapping.txt", b"1 65 97\n2 66 98\n3 67 99\n");
    let message = input_error(open(folder.path()), folder.path());
    let [plain, one] = [USUAL[0], "emnist-letters"].map(|name| folder.path().join(name));
    assert!(
        message.ends_with(&format!("Name it as {} or {}", plain.display(), one.display())),
        "{message}"
    );
    for name in USUAL {
        let data = open(&folder.path().join(name)).unwrap();
        assert_eq!(
            (&data.class_names[..], &data.train.labels[..]),
            (&["7".into(), "9".into()][..], &[0, 1, 0][..]),
            "{name}"
        );
        assert!(folder.path().ends_with(&data.name), "{}", data.name);
    }
    for name in ["emnist-letters", "EMNIST-Letters", &letters[2]] {
        assert_eq!(
            open(&folder.path().join(name)).unwrap().class_names,
            ["A/a", "B/b", "C/c"],
            "{name}"
        );
    }
}

/// What lies beside whole data is said and does not stand against them.
#[test]
fn one_whole_layout_is_read_whatever_parts_of_others_there_are() {
    let labelled = "label,a,b,c,d\n0,1,2,3,4\n1,5,6,7,8\n0,9,9,9,9\n";
    let csv = ["a,b,c,d\n1,2,3,4\n5,6,7,8\n9,9,9,9\n", "0\n1\n0\n"];
    let npy = [
        npy_bytes("|u1", false, "(2, 4)", &[1, 2, 3, 4, 5, 6, 7, 8]),
        npy_bytes("|u1", false, "(2,)", &[0, 1]),
    ];
    let pixels =
        |folder: &TempDir| open(folder.path()).map(|data| data.train.images.image(1).to_vec());
    let said = |folder: &TempDir, what: &str| {
        let warnings = open(folder.path()).unwrap().warnings;
        assert!(
            warnings
                .iter()
                .any(|it| it.contains(&format!("holds {what} besides, which is not read"))),
            "{warnings:?}"
        );
    };
    for names in [
        ["train_images", "train_labels", "test_images", "test_labels"],
        ["train_x", "train_y", "test_x", "test_y"],
        ["x_train", "Train_Labels", "x_test", "test_y"],
    ] {
        let folder = TempDir::new().unwrap();
        for (at, name) in names.iter().enumerate() {
            put(&folder, &format!("{name}.csv"), csv[at % 2].as_bytes());
        }
        assert_eq!(pixels(&folder).unwrap(), [5, 6, 7, 8], "{names:?}");
        fs::remove_file(folder.path().join(format!("{}.csv", names[3]))).unwrap();
        let message = input_error(open(folder.path()), folder.path());
        assert!(
            message.starts_with("1 of the four files missing: y_test.csv[.gz]; found"),
            "{message}"
        );
    }
    // As Keras' CSVLogger and savefig leave them; `latest` holds the word `test`.
    let folder = TempDir::new().unwrap();
    for (at, name) in ["x_train", "y_train", "x_test", "y_test"].iter().enumerate() {
        put(&folder, &format!("{name}.npy"), &npy[at % 2]);
    }
    fs::create_dir(folder.path().join("plots")).unwrap();
    image::GrayImage::new(5, 5).save(folder.path().join("plots/loss.png")).unwrap();
    put(&folder, "training_log.csv", b"epoch,loss\n0,0.5\n");
    put(&folder, "latest.csv", b"epoch,loss\n0,0.5\n");
    assert_eq!(pixels(&folder).unwrap(), [5, 6, 7, 8]);
    said(&folder, "latest.csv, plots/, training_log.csv");
    // One file of four stands against nothing that is whole.
    let folder = TempDir::new().unwrap();
    for name in ["train.csv", "test.csv"] {
        put(&folder, name, labelled.as_bytes());
    }
    put(&folder, "x_train.npy", &npy[0]);
    put(&folder, "test_labels.csv", csv[1].as_bytes());
    assert_eq!(pixels(&folder).unwrap(), [5, 6, 7, 8]);
    said(&folder, "test_labels.csv, x_train.npy");
    let folder = TempDir::new().unwrap();
    for (class, value) in [("train/cat", 1), ("train/dog", 2), ("test/cat", 3)] {
        fs::create_dir_all(folder.path().join(class)).unwrap();
        image::GrayImage::from_pixel(28, 28, image::Luma([value]))
            .save(folder.path().join(class).join("a.png"))
            .unwrap();
    }
    put(&folder, "train_labels.csv", csv[1].as_bytes());
    assert_eq!(pixels(&folder).unwrap(), [2; 784]);
    said(&folder, "train_labels.csv");
    // Two that are whole are still two.
    for (at, name) in ["x_train", "y_train", "x_test", "y_test"].iter().enumerate() {
        put(&folder, &format!("{name}.npy"), &npy[at % 2]);
    }
    let message = input_error(open(folder.path()), folder.path());
    assert!(
        message.starts_with(
            "holds .npy files (x_train.npy) and folders of images: which one is meant?"
        ),
        "{message}"
    );
}

#[test]
fn what_systems_leave_in_folders_is_passed_over() {
    let folder = TempDir::new().unwrap();
    for (class, value) in [("Train/cat", 1), ("Train/dog", 2), ("TEST/cat", 3)] {
        let path = folder.path().join(class);
        fs::create_dir_all(&path).unwrap();
        image::GrayImage::from_pixel(28, 28, image::Luma([value]))
            .save(path.join("a.PNG"))
            .unwrap();
        for left in ["Thumbs.db", "desktop.ini", ".DS_Store", "._a.png"] {
            fs::write(path.join(left), b"\0").unwrap();
            fs::write(path.parent().unwrap().join(left), b"\0").unwrap();
        }
        fs::create_dir_all(path.parent().unwrap().join("__MACOSX")).unwrap();
    }
    let data = open(folder.path()).unwrap();
    assert_eq!(
        (data.class_names, data.train.labels),
        (vec!["cat".into(), "dog".into()], vec![0, 1])
    );
    // Other folders beside are said; a part alone is refused with what is there.
    fs::create_dir(folder.path().join("notes")).unwrap();
    assert!(open(folder.path()).unwrap().warnings[0].contains("notes/ besides, which is not read"));
    fs::remove_dir_all(folder.path().join("TEST")).unwrap();
    let message = input_error(open(folder.path()), folder.path());
    assert!(message.ends_with("expected both or neither; found Train/, notes/"), "{message}");
}

#[test]
fn files_that_are_there_are_listed_with_what_is_missing() {
    let rows = "label,1x1,1x2,2x1,2x2\n0,1,2,3,4\n1,5,6,7,8\n0,9,9,9,9\n1,8,8,8,8\n";
    let folder = TempDir::new().unwrap();
    put(&folder, "readme.txt", b"");
    fs::create_dir(folder.path().join("raw")).unwrap();
    let message = input_error(open(folder.path()), folder.path());
    assert!(
        message.starts_with("holds no data; found raw/, readme.txt; expected four IDX files"),
        "{message}"
    );
    put(&folder, "test.csv", rows.as_bytes());
    let message = input_error(open(folder.path()), folder.path());
    assert!(
        message.starts_with("holds test.csv, but no CSV file with `train` in its name"),
        "{message}"
    );
    // The names that fit best are taken, and the others are said.
    for name in ["Train.csv", "train_old.csv", "latest.csv"] {
        put(&folder, name, rows.as_bytes());
    }
    let data = open(folder.path()).unwrap();
    assert_eq!(data.train.labels, [0, 1, 0, 1]);
    assert!(
        data.warnings
            .iter()
            .any(|it| it.contains("holds latest.csv, train_old.csv besides, which is not read")),
        "{:?}",
        data.warnings
    );
    fs::rename(folder.path().join("Train.csv"), folder.path().join("train_new.csv")).unwrap();
    let message = input_error(open(folder.path()), folder.path());
    assert_eq!(
        message,
        "holds train_new.csv and train_old.csv: which one is meant? Keep one of them"
    );
    // Kaggle's test has no labels.
    fs::remove_file(folder.path().join("train_old.csv")).unwrap();
    let path = put(&folder, "test.csv", b"1x1,1x2,2x1,2x2\n1,2,3,4\n");
    assert!(input_error(open(folder.path()), &path).contains("it seems to hold no labels"));
}

#[test]
fn one_file_of_labels_and_pixels_is_split() {
    let folder = TempDir::new().unwrap();
    let rows: String = (0..24).map(|row| format!("{},{row},0,0,7\n", row % 3 + 4)).collect();
    let path = put(&folder, "train.csv", format!("label,a,b,c,d\n{rows}").as_bytes());
    let data = open(folder.path()).unwrap();
    assert_eq!(data.class_names, ["4", "5", "6"]);
    assert_eq!((data.train.len(), data.test.len()), (21, 3));
    assert!(
        data.warnings
            .iter()
            .any(|it| it.contains("one image in 6 was put aside") && it.contains("3 of 24")),
        "{:?}",
        data.warnings
    );
    for part in [&data.train, &data.test] {
        assert!(
            (0..part.len()).all(|row| u16::from(part.images.image(row)[0] % 3) == part.labels[row])
        );
    }
    let alone = open(&path).unwrap();
    assert!(alone.train == data.train && alone.test == data.test && alone.name == "train");
    put(&folder, "train.csv", format!("label,a,b,c,d\n{rows}9,1,1,1,1\n").as_bytes());
    assert!(
        input_error(open(&path), &path)
            .starts_with("has one image of class `9`; expected at least two")
    );
}

/// A name for 0, which no label is, as EMNIST's letters have it.
#[test]
fn a_name_that_no_image_has_is_no_class_to_spare_images_of() {
    let folder = TempDir::new().unwrap();
    let rows: String = (0..52).map(|row| format!("{},{row},0,0,7\n", row % 26 + 1)).collect();
    put(&folder, "train.csv", format!("label,a,b,c,d\n{rows}").as_bytes());
    put(
        &folder,
        "class_names.txt",
        format!("N/A\n{}", ('a'..='z').map(|letter| format!("{letter}\n")).collect::<String>())
            .as_bytes(),
    );
    let data = open(folder.path()).unwrap();
    assert_eq!((data.class_names.len(), data.train.len(), data.test.len()), (27, 26, 26));
    assert!(
        (0..26).all(
            |row| u16::from(data.train.images.image(row)[0] % 26) + 1 == data.train.labels[row]
        )
    );
    assert!(
        data.warnings.iter().any(|it| it.contains("no training image has: 0 (`N/A`)")),
        "{:?}",
        data.warnings
    );
}

#[test]
fn images_that_are_all_alike_are_refused_in_every_layout() {
    let same = "0,1,2,3,4\n1,1,2,3,4\n0,1,2,3,4\n";
    let folder = TempDir::new().unwrap();
    let refused = |folder: &TempDir| {
        let message = input_error(open(folder.path()), folder.path());
        assert!(message.contains("training images are all alike, pixel for pixel"), "{message}");
    };
    put(&folder, "train.csv", format!("label,a,b,c,d\n{same}").as_bytes());
    put(&folder, "test.csv", b"label,a,b,c,d\n0,1,2,3,4\n");
    refused(&folder);
    let folder = TempDir::new().unwrap();
    for (part, n) in [("train", 3), ("t10k", 1)] {
        put(
            &folder,
            &format!("{part}-images-idx3-ubyte"),
            &idx_bytes(0x803, &[n, 2, 2], &[5, 6, 7, 8].repeat(n as usize)),
        );
        put(
            &folder,
            &format!("{part}-labels-idx1-ubyte"),
            &idx_bytes(0x801, &[n], &[0, 1, 0][..n as usize]),
        );
    }
    refused(&folder);
    let folder = TempDir::new().unwrap();
    for (part, n) in [("train", 3), ("test", 1)] {
        put(
            &folder,
            &format!("x_{part}.npy"),
            &npy_bytes("|u1", false, &format!("({n}, 4)"), &[9].repeat(4 * n)),
        );
        put(
            &folder,
            &format!("y_{part}.npy"),
            &npy_bytes("|u1", false, &format!("({n},)"), &[0, 1, 0][..n]),
        );
    }
    refused(&folder);
    let folder = TempDir::new().unwrap();
    for class in ["train/a", "train/b", "test/a"] {
        fs::create_dir_all(folder.path().join(class)).unwrap();
        image::GrayImage::new(5, 5).save(folder.path().join(class).join("x.png")).unwrap();
    }
    refused(&folder);
}

#[test]
fn options_that_do_not_fit_the_data_are_refused() {
    let folder = TempDir::new().unwrap();
    idx_files(&folder, USUAL, &[1, 0, 1], &[0]);
    let with = |change: &dyn Fn(&mut Request)| {
        let mut request = request(folder.path());
        change(&mut request);
        Dataset::open(&request)
            .map(|data| data.train.images.height())
            .map_err(|error| error.to_string())
    };
    assert_eq!(with(&|it| it.image_shape = "2x3".parse().ok()), Ok(2));
    assert_eq!(with(&|it| (it.image_shape, it.transpose) = ("2x3".parse().ok(), true)), Ok(3));
    assert!(
        with(&|it| it.image_shape = "3x2".parse().ok())
            .unwrap_err()
            .starts_with("image_shape = 3x2: 2x3, as the images of")
    );
    assert!(
        with(&|it| it.label_column = Some(LabelColumn::Last))
            .unwrap_err()
            .starts_with("label_column = last: only for CSV, Parquet and CIFAR files")
    );
    assert!(
        with(&|it| it.background = "black".parse().ok())
            .unwrap_err()
            .starts_with("background = black: only for image files")
    );
    let error = Dataset::open(&Request {
        class_names: vec!["a,b".into()],
        ..Request::new("fashion-mnist-sample")
    })
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "class_names = a,b: is for files of one's own; fashion-mnist-sample is a known data set"
    );
}
