//! Images without labels: where they are found, and the form that they are brought to.

use super::images::{file, grey, png};
use super::{idx_bytes, input_error, npy_bytes};
use image::ExtendedColorType;
use layerlens::dataset::{Request, Unlabelled};
use layerlens::error::Error;
use std::path::Path;
use tempfile::TempDir;

const GREY: [usize; 3] = [28, 28, 1];

fn open(path: &Path, form: [usize; 3]) -> Result<Unlabelled, Error> {
    Unlabelled::open(&Request::new(path.to_str().unwrap()), form)
}

#[test]
fn image_files_are_read_from_a_folder_and_its_subfolders() {
    let folder = TempDir::new().unwrap();
    for (name, value) in [("10", 10), ("2", 20), ("more/deep/a", 30), ("train/cat/b", 40)] {
        file(&folder, &format!("{name}.png"), &grey(value));
    }
    file(&folder, ".hidden", b"no image");
    file(&folder, "more/notes.txt", b"no image");
    let found = open(folder.path(), GREY).unwrap();
    let files = found.files.clone().unwrap();
    assert_eq!(files, ["2.png", "10.png", "more/deep/a.png", "train/cat/b.png"]);
    for (row, value) in [20, 10, 30, 40].into_iter().enumerate() {
        assert_eq!(found.images.image(row), [value; 784]);
    }
    // One entry a folder, and what is left out is named.
    assert_eq!(found.sources.len(), 1);
    assert_eq!(found.warnings.len(), 1, "{:?}", found.warnings);
    assert!(found.warnings[0].contains("notes.txt besides"), "{:?}", found.warnings);
    let some = found.select(&[3, 0]);
    assert_eq!(some.files.unwrap(), ["train/cat/b.png", "2.png"]);
    assert_eq!(some.images.image(1), [20; 784]);
}

#[test]
fn image_files_take_size_and_channels_of_the_data() {
    let folder = TempDir::new().unwrap();
    // Red, twice as wide as high: white above and below, and 0.2126 of 255 in the middle.
    let red = [255, 0, 0].repeat(56 * 28);
    file(&folder, "red.png", &png(&red, 56, 28, ExtendedColorType::Rgb8));
    let found = open(folder.path(), GREY).unwrap();
    assert_eq!(found.images.shape(), GREY);
    let image = found.images.image(0);
    assert_eq!((image[0], image[14 * 28 + 14], image[27 * 28]), (255, 54, 255));
    let said = found.warnings.join("\n");
    assert!(said.contains("scaled to 28 x 28") && said.contains("0.2126 red"), "{said}");
    // Grey files among data in colour have three equal values.
    file(&folder, "red.png", &grey(7));
    let found = open(folder.path(), [14, 14, 3]).unwrap();
    assert_eq!((found.images.shape(), found.images.image(0)), ([14, 14, 3], &[7; 588][..]));
    let black = Request {
        background: Some("black".parse().unwrap()),
        ..Request::new(folder.path().to_str().unwrap())
    };
    let found = Unlabelled::open(&black, [28, 56, 1]).unwrap();
    assert_eq!((found.images.image(0)[0], found.images.image(0)[28]), (0, 7));
}

#[test]
fn arrays_and_data_sets_are_brought_to_the_same_form() {
    let folder = TempDir::new().unwrap();
    let pixels: Vec<u8> = (0..2 * 14 * 14).map(|at| if at < 196 { 9 } else { 200 }).collect();
    file(&folder, "a.npy", &npy_bytes("|u1", false, "(2, 14, 14)", &pixels));
    file(&folder, "b-idx3-ubyte", &idx_bytes(0x803, &[2, 14, 14], &pixels));
    for name in ["a.npy", "b-idx3-ubyte"] {
        let found = open(&folder.path().join(name), GREY).unwrap();
        assert_eq!((found.images.n(), found.images.shape()), (2, GREY), "{name}");
        assert_eq!((found.images.image(0)[400], found.images.image(1)[400]), (9, 200));
        assert!(found.files.is_none() && found.sources.len() == 1);
        assert!(found.warnings[0].contains("2 of the 2 images"), "{:?}", found.warnings);
        // Of their own form they stay as they are, and in colour they have three equal values.
        let same = open(&folder.path().join(name), [14, 14, 1]).unwrap();
        assert!(same.images.pixels() == pixels && same.warnings.is_empty());
        let colour = open(&folder.path().join(name), [14, 14, 3]).unwrap();
        assert_eq!(colour.images.image(1), [200; 588]);
    }
    // Red, green and blue become grey.
    let red = [255_u8, 0, 0].repeat(4);
    file(&folder, "red.npy", &npy_bytes("|u1", false, "(1, 2, 2, 3)", &red));
    let found = open(&folder.path().join("red.npy"), [2, 2, 1]).unwrap();
    assert_eq!(found.images.image(0), [54; 4]);
    // Of a data set the test images.
    let digits = Unlabelled::open(&Request::new("digits"), [8, 8, 1]).unwrap();
    assert_eq!(digits.images.n(), 797);
    assert!(digits.warnings.iter().any(|said| said.contains("797 test images")));
    let digits = Unlabelled::open(&Request::new("digits"), GREY).unwrap();
    assert_eq!((digits.images.n(), digits.images.shape()), (797, GREY));
}

#[test]
fn what_cannot_be_read_is_named() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    file(&folder, "photos/good.png", &grey(1));
    file(&folder, "photos/more/bad.png", b"no image");
    let message = input_error(open(&at("photos"), GREY), &at("photos/more/bad.png"));
    assert!(message.contains("no PNG or JPEG image"), "{message}");
    file(&folder, "notes/readme.txt", b"no image");
    let message = input_error(open(&at("notes"), GREY), &at("notes"));
    assert!(message.contains("holds no data"), "{message}");
    let message = input_error(open(&at("photos/good.png"), GREY), &at("photos/good.png"));
    assert!(message.contains("is one picture"), "{message}");
    let message = input_error(open(&at("gone"), GREY), &at("gone"));
    assert!(message.contains("no such file or folder"), "{message}");
    file(&folder, "flat.npy", &npy_bytes("|u1", false, "(2, 4)", &[0; 8]));
    let message = input_error(open(&at("flat.npy"), GREY), &at("flat.npy"));
    assert!(message.contains("n x height x width"), "{message}");
    let error = Unlabelled::open(&Request::new("digit"), GREY).unwrap_err();
    assert!(matches!(&error, Error::Parameter { name, .. } if name == "strangers"), "{error}");
}
