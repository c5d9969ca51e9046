//! Folders of images: decoding, splits, and what is wrong with them.

use super::{input_error, put};
use image::{ExtendedColorType, ImageEncoder, codecs::jpeg::JpegEncoder, codecs::png::PngEncoder};
use layerlens::dataset::{Colour, Dataset, Images, Request};
use layerlens::error::Error;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

pub fn png(pixels: &[u8], width: u32, height: u32, color: ExtendedColorType) -> Vec<u8> {
    let mut bytes = Vec::new();
    PngEncoder::new(&mut bytes).write_image(pixels, width, height, color).unwrap();
    bytes
}

/// 28 x 28 pixels of one grey value.
pub fn grey(value: u8) -> Vec<u8> {
    png(&[value; 784], 28, 28, ExtendedColorType::L8)
}

/// Writes a file below the folder, and the folders on the way.
pub fn file(folder: &TempDir, name: &str, bytes: &[u8]) {
    fs::create_dir_all(folder.path().join(name).parent().unwrap()).unwrap();
    put(folder, name, bytes);
}

pub fn open(folder: &Path) -> Result<Dataset, Error> {
    Dataset::open(&Request::new(folder.to_str().unwrap()))
}

pub fn two_classes() -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, value) in
        [("train/cat/b", 20), ("train/cat/a", 10), ("train/dog/x", 30), ("test/dog/y", 40)]
    {
        file(&folder, &format!("{name}.png"), &grey(value));
    }
    folder
}

#[test]
fn folders_are_classes_and_grey_images_of_the_size_stay_as_they_are() {
    let folder = two_classes();
    file(&folder, "train/cat/.hidden", b"no image");
    let data = open(folder.path()).unwrap();
    assert_eq!(data.class_names, ["cat", "dog"]);
    assert_eq!((data.train.labels, data.test.labels), (vec![0, 0, 1], vec![1]));
    for (row, value) in [10, 20, 30].into_iter().enumerate() {
        assert_eq!(data.train.images.image(row), [value; 784]);
    }
    assert!(data.warnings.is_empty(), "{:?}", data.warnings);
    assert_eq!(data.sources.len(), 2);
    let size: u64 = ["a", "b"]
        .iter()
        .map(|name| {
            fs::metadata(folder.path().join(format!("train/cat/{name}.png"))).unwrap().len()
        })
        .sum();
    assert!(data.sources[0].bytes > size);
}

#[test]
fn jpeg_images_are_read_whatever_the_case_of_their_ending() {
    let folder = two_classes();
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, 95)
        .write_image(&[180; 784], 28, 28, ExtendedColorType::L8)
        .unwrap();
    file(&folder, "test/cat/9.JPG", &jpeg);
    let data = open(folder.path()).unwrap();
    assert!(data.test.images.image(0).iter().all(|pixel| pixel.abs_diff(180) <= 2));
}

#[test]
fn without_test_images_a_sixth_of_every_class_is_put_aside() {
    let folder = TempDir::new().unwrap();
    for (class, n) in [("a", 13), ("b", 2)] {
        for at in 0..n {
            file(&folder, &format!("{class}/{at:02}.png"), &grey(at));
        }
    }
    let data = open(folder.path()).unwrap();
    let of = |labels: &[u16], class| labels.iter().filter(|&&label| label == class).count();
    assert_eq!((of(&data.train.labels, 0), of(&data.test.labels, 0)), (11, 2));
    assert_eq!((of(&data.train.labels, 1), of(&data.test.labels, 1)), (1, 1));
    let mut values: Vec<u16> = [&data.train, &data.test]
        .iter()
        .flat_map(|part| {
            (0..part.len()).map(|row| u16::from(part.images.image(row)[0]) + 100 * part.labels[row])
        })
        .collect();
    values.sort_unstable();
    assert_eq!(values, (0..13).chain(100..102).collect::<Vec<_>>());
    assert!(
        data.warnings[0].contains("one image in 6") && data.warnings[0].contains("3 of 15"),
        "{:?}",
        data.warnings
    );
    assert_eq!(open(folder.path()).unwrap().test, data.test);
}

#[test]
fn what_is_wrong_is_named_by_its_path() {
    let at = |folder: &TempDir, name: &str| folder.path().join(name);
    let folder = two_classes();
    let whole = grey(9);
    file(&folder, "train/cat/torn.png", &whole[..whole.len() / 2]);
    let message = input_error(open(folder.path()), &at(&folder, "train/cat/torn.png"));
    assert!(message.starts_with("is no PNG or JPEG image, or a damaged one"), "{message}");
    let folder = two_classes();
    file(&folder, "train/dog/z.jpg", b"<html>");
    assert!(input_error(open(folder.path()), &at(&folder, "train/dog/z.jpg")).contains("damaged"));
    let folder = two_classes();
    file(&folder, "train/dog/notes.txt", b"");
    assert!(
        input_error(open(folder.path()), &at(&folder, "train/dog/notes.txt"))
            .starts_with("is no .png, .jpg or .jpeg")
    );
    let folder = two_classes();
    file(&folder, "test/bird/a.png", &grey(1));
    let message = input_error(open(folder.path()), &at(&folder, "test/bird"));
    assert_eq!(message, "is no class of the training images, which are cat, dog");
    let folder = two_classes();
    fs::create_dir(at(&folder, "train/eel")).unwrap();
    assert!(
        input_error(open(folder.path()), &at(&folder, "train/eel")).starts_with("holds no images")
    );
    let folder = two_classes();
    fs::remove_dir_all(at(&folder, "test")).unwrap();
    assert!(
        input_error(open(folder.path()), folder.path())
            .starts_with("has only one of the folders `train` and `test`")
    );
    let folder = TempDir::new().unwrap();
    file(&folder, "cat/a.png", &grey(1));
    file(&folder, "cat/b.png", &grey(1));
    assert!(input_error(open(folder.path()), folder.path()).starts_with("has one class, `cat`"));
    file(&folder, "dog/a.png", &grey(1));
    assert!(
        input_error(open(folder.path()), &at(&folder, "dog"))
            .starts_with("holds one image; expected two")
    );
}

/// A file of a few bytes can announce any number of pixels: it is refused by its name before memory
/// is taken for them.
#[test]
fn images_that_announce_too_many_pixels_are_refused() {
    let mut jpeg = Vec::new();
    JpegEncoder::new(&mut jpeg).write_image(&[180; 64], 8, 8, ExtendedColorType::L8).unwrap();
    // Height and width follow the length and the precision of the frame's header.
    let sizes = jpeg.windows(2).position(|bytes| bytes == [0xff, 0xc0]).unwrap() + 5;
    jpeg[sizes..sizes + 4]
        .copy_from_slice(&[65_000_u16.to_be_bytes(), 65_000_u16.to_be_bytes()].concat());
    let mut png = Vec::new();
    let mut encoder = png::Encoder::new(&mut png, 20_000, 10_000);
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header().unwrap().write_chunk(png::chunk::IDAT, &[0]).unwrap();
    for (name, bytes, expected) in [
        (
            "a.jpg",
            jpeg,
            "is an image of 65000 x 65000 pixels, which take 4030 MiB: expected at most 512 MiB",
        ),
        (
            "a.png",
            png,
            "is an image of 20000 x 10000 pixels, which take 573 MiB: expected at most 512 MiB",
        ),
    ] {
        let folder = two_classes();
        file(&folder, &format!("train/cat/{name}"), &bytes);
        assert_eq!(
            input_error(open(folder.path()), &folder.path().join("train/cat").join(name)),
            expected
        );
        let pictures = folder.path().join("train/cat");
        assert_eq!(
            input_error(Images::read(&pictures, Colour::default()), &pictures.join(name)),
            expected
        );
    }
}

/// Data in EXIF that say how an image lies.
pub fn exif(orientation: u8) -> Vec<u8> {
    [&b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0"[..], &[orientation, 0, 0, 0], &[0; 4]]
        .concat()
}

/// A picture of 2 rows and 3 columns of grey blocks, as it lies in a file for each way of lying:
/// what the standard (CIPA DC-008, tag 274) says of where row 0 and column 0 are.
fn lying(orientation: u8, side: usize) -> (Vec<u8>, u32, u32) {
    let upright = [[10, 60, 110], [160, 210, 250]];
    let (rows, columns) = if orientation < 5 { (2, 3) } else { (3, 2) };
    // The block of the upright picture that is at a place of the file.
    let block = |row: usize, column: usize| match orientation {
        1 => upright[row][column],
        2 => upright[row][2 - column],
        3 => upright[1 - row][2 - column],
        4 => upright[1 - row][column],
        5 => upright[column][row],
        6 => upright[column][2 - row],
        7 => upright[1 - column][2 - row],
        _ => upright[1 - column][row],
    };
    let pixels = (0..rows * side)
        .flat_map(|y| (0..columns * side).map(move |x| block(y / side, x / side)))
        .collect();
    (pixels, (columns * side) as u32, (rows * side) as u32)
}

/// PNG and JPEG, for classes and for a report: every way of lying gives the picture that lies
/// upright.
#[test]
fn images_are_turned_as_their_exif_data_say() {
    let folder = two_classes();
    let pictures = TempDir::new().unwrap();
    for orientation in 1..=8 {
        let (pixels, width, height) = lying(orientation, 16);
        let mut bytes = Vec::new();
        let mut encoder = PngEncoder::new(&mut bytes);
        encoder.set_exif_metadata(exif(orientation)).unwrap();
        encoder.write_image(&pixels, width, height, ExtendedColorType::L8).unwrap();
        file(&folder, &format!("test/cat/{orientation}.png"), &bytes);
        put(&pictures, &format!("{orientation}.png"), &bytes);
        let mut bytes = Vec::new();
        let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 100);
        encoder.set_exif_metadata(exif(orientation)).unwrap();
        encoder.write_image(&pixels, width, height, ExtendedColorType::L8).unwrap();
        file(&folder, &format!("test/cat/{}.jpg", orientation + 10), &bytes);
        put(&pictures, &format!("{}.jpg", orientation + 10), &bytes);
    }
    let data = open(folder.path()).unwrap();
    // The others are 28 x 28: 48 x 32 pixels fill 48 x 32 of 48 x 48, from row 8 on.
    assert_eq!(data.test.images.shape(), [48, 48, 1]);
    let expected = [vec![255; 8 * 48], lying(1, 16).0, vec![255; 8 * 48]].concat();
    for row in 0..16 {
        let found = data.test.images.image(row);
        assert!(
            found.iter().zip(&expected).all(|(a, b)| a.abs_diff(*b) <= 3),
            "image {row} lies otherwise"
        );
    }
    let said = data.warnings.iter().find(|said| said.contains("EXIF")).unwrap();
    assert!(said.contains("turned as their EXIF data say (14), scaled"), "{said}");
    let (pictures, note) = Images::read(pictures.path(), Colour::default()).unwrap();
    assert_eq!(
        (pictures.n(), pictures.width(), pictures.height(), pictures.channels()),
        (16, 48, 32, 1)
    );
    let expected = lying(1, 16).0;
    for at in 0..16 {
        assert!(
            pictures.image(at).iter().zip(&expected).all(|(a, b)| a.abs_diff(*b) <= 3),
            "picture {at} lies otherwise"
        );
    }
    assert!(note.unwrap().contains("turned as their EXIF data say, 14 of them"));
}

/// Black ink on a transparent ground, in every form in which PNG has transparency: black on white
/// for both readers.
#[test]
fn ink_on_a_transparent_ground_is_seen() {
    let folder = two_classes();
    let pictures = TempDir::new().unwrap();
    let opacity: Vec<u8> = (0..784).map(|at| if at % 28 < 10 { 255 } else { 0 }).collect();
    let grey: Vec<u8> = opacity.iter().flat_map(|&a| [0, a]).collect();
    let colours: Vec<u8> = opacity.iter().flat_map(|&a| [0, 0, 0, a]).collect();
    let wide: Vec<u8> = opacity.iter().flat_map(|&a| [0, 0, 0, 0, 0, 0, a, a]).collect();
    let forms = [
        (grey, ExtendedColorType::La8),
        (colours, ExtendedColorType::Rgba8),
        (wide, ExtendedColorType::Rgba16),
    ];
    for (at, (pixels, color)) in forms.iter().enumerate() {
        let bytes = png(pixels, 28, 28, *color);
        file(&folder, &format!("test/cat/{at}.png"), &bytes);
        put(&pictures, &format!("{at}.png"), &bytes);
    }
    let mut palette = Vec::new();
    let mut encoder = png::Encoder::new(&mut palette, 28, 28);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_palette(vec![0, 0, 0, 0, 0, 0]);
    encoder.set_trns(vec![255, 0]);
    let places: Vec<u8> = opacity.iter().map(|&a| u8::from(a == 0)).collect();
    encoder.write_header().unwrap().write_image_data(&places).unwrap();
    file(&folder, "test/cat/3.png", &palette);
    put(&pictures, "3.png", &palette);
    let expected: Vec<u8> = opacity.iter().map(|&a| 255 - a).collect();
    let data = open(folder.path()).unwrap();
    let (pictures, note) = Images::read(pictures.path(), Colour::default()).unwrap();
    for row in 0..4 {
        assert_eq!(data.test.images.image(row), expected, "{row}");
        let of_picture: Vec<u8> =
            pictures.image(row).chunks(pictures.channels()).map(|pixel| pixel[0]).collect();
        assert_eq!(of_picture, expected, "{row}");
    }
    assert!(note.unwrap().contains("transparent in places, 4 of them: they lie over white"));
    // Over black there is nothing to see, which is no data to train on.
    let all = TempDir::new().unwrap();
    for class in ["train/a", "train/b", "test/a"] {
        file(&all, &format!("{class}/x.png"), &png(&forms[0].0, 28, 28, ExtendedColorType::La8));
    }
    let over_black = Dataset::open(&Request {
        background: "black".parse().ok(),
        ..Request::new(all.path().to_str().unwrap())
    });
    assert!(input_error(over_black, all.path()).contains("all alike"));
}
