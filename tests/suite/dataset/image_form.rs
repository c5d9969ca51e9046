//! The form of images from folders: their size, their colours, and what is said of a conversion.

use super::images::{file, grey, open, png, two_classes};
use super::input_error;
use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
use layerlens::dataset::{Channels, Dataset, ImageShape, Request};
use layerlens::error::Error;
use std::path::Path;
use tempfile::TempDir;

fn asked(folder: &Path, change: impl Fn(&mut Request)) -> Result<Dataset, Error> {
    let mut request = Request::new(folder.to_str().unwrap());
    change(&mut request);
    Dataset::open(&request)
}

/// One picture a class and part, each with these bytes.
fn four(pictures: [&[u8]; 4]) -> TempDir {
    let folder = TempDir::new().unwrap();
    let names = ["train/a", "train/b", "test/a", "test/b"];
    for (name, bytes) in names.iter().zip(pictures) {
        file(&folder, &format!("{name}/x.png"), bytes);
    }
    folder
}

fn one_colour(rgb: [u8; 3], width: u32, height: u32) -> Vec<u8> {
    png(&rgb.repeat((width * height) as usize), width, height, ExtendedColorType::Rgb8)
}

#[test]
fn images_of_one_size_keep_it_and_their_colours() {
    let values = |from: usize| (0..7 * 5 * 3).map(|at| (at * 31 + from) as u8).collect::<Vec<u8>>();
    let files = [3, 50, 90, 120].map(|from| png(&values(from), 7, 5, ExtendedColorType::Rgb8));
    let data = open(four(files.each_ref().map(|file| &file[..])).path()).unwrap();
    assert_eq!(data.train.images.shape(), [5, 7, 3]);
    for (images, row, from) in
        [(&data.train, 0, 3), (&data.train, 1, 50), (&data.test, 0, 90), (&data.test, 1, 120)]
    {
        assert_eq!(images.images.image(row), values(from));
        let features = images.images.features();
        assert_eq!(
            (features.n_features(), features.row(row)[4]),
            (105, f32::from(values(from)[4]) / 255.0)
        );
    }
    assert!(data.warnings.is_empty(), "{:?}", data.warnings);
    // Grey ones of any size stay as they are, too.
    let wide = png(&values(7)[..35], 7, 5, ExtendedColorType::L8);
    let other = png(&values(8)[..35], 7, 5, ExtendedColorType::L8);
    let data = open(four([&wide, &other, &wide, &other]).path()).unwrap();
    assert_eq!(
        (data.train.images.shape(), data.train.images.image(0)),
        ([5, 7, 1], &values(7)[..35])
    );
    assert!(data.warnings.is_empty(), "{:?}", data.warnings);
}

/// Against the arithmetic of the sizes: an image of 40 x 20 fills 64 x 32 of 64 x 64, from row 16
/// on.
#[test]
fn images_of_several_sizes_are_brought_to_one_with_their_proportions() {
    let (red, blue) = ([200, 10, 30], [20, 40, 220]);
    let (wide, square) = (one_colour(red, 40, 20), one_colour(blue, 100, 100));
    let folder = four([&wide, &square, &square, &wide]);
    let check =
        |data: &Dataset, size: [usize; 2], rows: std::ops::Range<usize>, ground: [u8; 3]| {
            let [height, width] = size;
            assert_eq!(data.train.images.shape(), [height, width, 3]);
            for (image, color, rows) in [
                (data.train.images.image(0), red, rows.clone()),
                (data.train.images.image(1), blue, 0..height),
                (data.test.images.image(1), red, rows),
            ] {
                for (at, pixel) in image.chunks(3).enumerate() {
                    let expected = if rows.contains(&(at / width)) { color } else { ground };
                    assert_eq!(pixel, expected, "row {} of {height}", at / width);
                }
            }
        };
    let data = open(folder.path()).unwrap();
    check(&data, [64, 64], 16..48, [255; 3]);
    let path = folder.path().display();
    assert_eq!(
        data.warnings,
        [
            format!(
                "2 of the 2 images in {} were converted: scaled to 64 x 64 with a triangle filter, \
             proportions kept, on white (2)",
                folder.path().join("train").display()
            ),
            format!(
                "2 of the 2 images in {} were converted: scaled to 64 x 64 with a triangle filter, \
             proportions kept, on white (2)",
                folder.path().join("test").display()
            ),
            format!(
                "the images in {path} have several sizes, 20 x 40 to 100 x 100: without \
             `Request::size` they become 64 x 64"
            ),
        ]
    );
    let data = asked(folder.path(), |it| {
        it.size = Some(ImageShape { height: 30, width: 30 });
        it.background = "#0a0b0c".parse().ok();
    })
    .unwrap();
    check(&data, [30, 30], 7..22, [10, 11, 12]);
    assert!(
        data.warnings.iter().all(|said| !said.contains("several sizes")),
        "{:?}",
        data.warnings
    );
    // Smaller ones than 64 become squares of their longest side.
    let (tall, small) = (one_colour(red, 10, 24), one_colour(blue, 5, 5));
    let data = open(four([&tall, &small, &small, &tall]).path()).unwrap();
    assert_eq!(data.train.images.shape(), [24, 24, 3]);
    let row: Vec<u8> = data.train.images.image(0)[..24 * 3].chunks(3).map(|it| it[0]).collect();
    assert_eq!(row, [vec![255; 7], vec![200; 10], vec![255; 7]].concat());
    assert_eq!(data.train.images.image(1), blue.repeat(576));
}

#[test]
fn images_are_grey_if_no_pixel_has_a_colour_or_as_asked() {
    let channels = |folder: &TempDir, channels: Channels| {
        asked(folder.path(), |it| it.channels = Some(channels)).unwrap()
    };
    // Grey values that a file keeps as three: nothing is lost, and nothing is said.
    let stored = |value: u8| one_colour([value; 3], 6, 6);
    let folder = four([&stored(9), &stored(60), &stored(130), &stored(200)]);
    for data in [open(folder.path()).unwrap(), channels(&folder, Channels::Grey)] {
        assert_eq!(data.train.images.shape(), [6, 6, 1]);
        assert_eq!(
            (data.train.images.image(1), data.test.images.image(1)),
            (&[60; 36][..], &[200; 36][..])
        );
        assert!(data.warnings.is_empty(), "{:?}", data.warnings);
    }
    let data = channels(&folder, Channels::Rgb);
    assert_eq!((data.train.images.shape(), data.train.images.image(0)), ([6, 6, 3], &[9; 108][..]));
    assert!(
        data.warnings[0].ends_with("grey as red, green and blue alike (2)"),
        "{:?}",
        data.warnings
    );
    // One coloured image among the test images gives all three values.
    let green = one_colour([20, 220, 40], 6, 6);
    let folder = four([&stored(9), &stored(60), &stored(130), &green]);
    let data = open(folder.path()).unwrap();
    assert_eq!(data.train.images.image(1), [60; 108]);
    assert_eq!(data.test.images.image(1), [20, 220, 40].repeat(36));
    let data = channels(&folder, Channels::Grey);
    // 0.2126 * 20 + 0.7152 * 220 + 0.0722 * 40 = 164.484
    assert_eq!(data.test.images.image(1), [164; 36]);
    assert!(
        data.warnings[0].ends_with("grey = 0.2126 red + 0.7152 green + 0.0722 blue (1)"),
        "{:?}",
        data.warnings
    );
}

/// Against the formula, pixel for pixel: a constant colour stays constant when it is scaled. An
/// image of 40 x 50 fills 22 of 28 columns, from the third on.
#[test]
fn colours_become_luma_over_the_background_and_that_is_said() {
    let folder = two_classes();
    let colour = |rgba: [u8; 4]| png(&rgba.repeat(40 * 50), 40, 50, ExtendedColorType::Rgba8);
    let luma = |[r, g, b]: [f64; 3]| 0.2126 * r + 0.7152 * g + 0.0722 * b;
    let colours = [
        [255, 0, 0, 255],
        [0, 255, 0, 255],
        [0, 0, 255, 255],
        [10, 200, 30, 128],
        [255, 255, 255, 0],
    ];
    for (at, &rgba) in colours.iter().enumerate() {
        file(&folder, &format!("test/cat/{at}.png"), &colour(rgba));
    }
    for (name, ground) in
        [("white", [255.0; 3]), ("black", [0.0; 3]), ("#80c0ff", [128.0, 192.0, 255.0])]
    {
        let data = asked(folder.path(), |it| {
            it.background = (name != "white").then(|| name.parse().unwrap());
            it.size = "28x28".parse().ok();
            it.channels = Some(Channels::Grey);
        })
        .unwrap();
        for (row, rgba) in colours.iter().enumerate() {
            let [r, g, b, a] = rgba.map(f64::from);
            let inside = luma([r, g, b]) * a / 255.0 + luma(ground) * (1.0 - a / 255.0);
            for (at, &pixel) in data.test.images.image(row).iter().enumerate() {
                let expected = if (3..25).contains(&(at % 28)) { inside } else { luma(ground) };
                // Rounding of 16-bit steps, then to a byte.
                assert!(
                    (f64::from(pixel) - expected).abs() < 0.6,
                    "{rgba:?} over {name}: {pixel} at {at}, expected {expected}"
                );
            }
        }
        // Over a colour every transparent image has one.
        let bleached = if name == "#80c0ff" { 5 } else { 4 };
        let said = format!(
            "5 of the 6 images in {} were converted: transparency over {name} (2), grey = 0.2126 \
             red + 0.7152 green + 0.0722 blue ({bleached}), scaled to 28 x 28",
            folder.path().join("test").display()
        );
        assert!(data.warnings[0].starts_with(&said), "{:?}", data.warnings);
    }
    // An average keeps the brightness of what is scaled: 56 x 56 with a bright half gives a bright
    // half.
    let halves: Vec<u8> = (0..56 * 56).map(|at| if at % 56 < 28 { 200 } else { 0 }).collect();
    file(&folder, "test/cat/99.png", &png(&halves, 56, 56, ExtendedColorType::L8));
    let data = asked(folder.path(), |it| {
        it.size = "28x28".parse().ok();
        it.channels = Some(Channels::Grey);
    })
    .unwrap();
    let image = data.test.images.image(5);
    let mean = image.iter().map(|&pixel| f64::from(pixel)).sum::<f64>() / 784.0;
    assert!((mean - 100.0).abs() < 0.5, "{mean}");
    assert_eq!((image[5], image[22]), (200, 0));
}

/// Each step is told of the images to which it was done, and of no others.
#[test]
fn of_a_conversion_only_what_was_done_is_said() {
    let said = |bytes: &[u8], change: &dyn Fn(&mut Request)| {
        let folder = two_classes();
        file(&folder, "test/dog/z.png", bytes);
        let warnings = asked(folder.path(), change).unwrap().warnings.join("\n");
        let (before, done) = warnings.split_once(" were converted: ").unwrap();
        assert!(before.starts_with("1 of the 2 images in"), "{before}");
        done.to_owned()
    };
    let plain = |_: &mut Request| {};
    let mut turned = Vec::new();
    let mut encoder = PngEncoder::new(&mut turned);
    encoder.set_exif_metadata(super::images::exif(6)).unwrap();
    encoder.write_image(&[9; 784], 28, 28, ExtendedColorType::L8).unwrap();
    assert_eq!(said(&turned, &plain), "turned as their EXIF data say (1)");
    assert_eq!(
        said(&png(&[9, 200].repeat(784), 28, 28, ExtendedColorType::La8), &plain),
        "transparency over white (1)"
    );
    let colours = png(&[9, 10, 11].repeat(784), 28, 28, ExtendedColorType::Rgb8);
    assert_eq!(
        said(&colours, &|it| it.channels = Some(Channels::Grey)),
        "grey = 0.2126 red + 0.7152 green + 0.0722 blue (1)"
    );
    assert_eq!(
        said(&png(&[9; 2 * 784], 28, 28, ExtendedColorType::L16), &plain),
        "values of 16 bits rounded to 8 (1)"
    );
    let large = png(&[9; 40 * 50], 40, 50, ExtendedColorType::L8);
    assert_eq!(
        said(&large, &|it| it.size = "28x28".parse().ok()),
        "scaled to 28 x 28 with a triangle filter, proportions kept, on white (1)"
    );
}

/// 16 bits a value are rounded to the nearest byte: 257 is one step of a byte.
#[test]
fn colours_of_16_bits_are_rounded() {
    let wide = |values: [u16; 3]| {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_ne_bytes()).collect();
        png(&bytes.repeat(16), 4, 4, ExtendedColorType::Rgb16)
    };
    let (first, second) = (wide([257 * 10 + 128, 257 * 10 + 129, 65_535]), wide([0, 128, 129]));
    let data = open(four([&first, &second, &first, &second]).path()).unwrap();
    assert_eq!(data.train.images.image(0), [10, 11, 255].repeat(16));
    assert_eq!(data.train.images.image(1), [0, 0, 1].repeat(16));
    assert!(
        data.warnings[0].ends_with("values of 16 bits rounded to 8 (2)"),
        "{:?}",
        data.warnings
    );
}

/// The sizes in the files say what all images take, before any is decoded.
#[test]
fn images_that_do_not_fit_in_memory_are_refused_by_their_folder() {
    let mut large = Vec::new();
    let mut encoder = png::Encoder::new(&mut large, 12_000, 12_000);
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header().unwrap().write_chunk(png::chunk::IDAT, &[0]).unwrap();
    let folder = four([&large, &large, &large, &large]);
    let message = input_error(open(folder.path()), folder.path());
    assert!(
        message.starts_with("holds 4 images of 12000 x 12000 pixels, more than fit in memory")
            && message.contains("`Request::size`"),
        "{message}"
    );
    // Scaled they would fit: then the first file is damaged.
    let size = asked(folder.path(), |it| it.size = "8x8".parse().ok());
    assert!(matches!(&size, Err(Error::Input { path, .. }) if path.ends_with("x.png")), "{size:?}");
    assert!(
        asked(two_classes().path(), |it| it.size = "9000000x9000000000000".parse().ok())
            .unwrap_err()
            .to_string()
            .contains("more than fit in memory")
    );
}

#[test]
fn size_and_channels_are_for_image_files_alone() {
    let data = asked(Path::new("fashion-mnist-sample"), |it| it.channels = Some(Channels::Rgb));
    assert!(data.unwrap_err().to_string().starts_with("channels = rgb: is for files of one's own"));
    let folder = TempDir::new().unwrap();
    super::put(
        &folder,
        "train.csv",
        b"label,a,b,c,d\n0,1,2,3,4\n1,5,6,7,8\n0,1,2,3,5\n1,5,6,7,9\n",
    );
    let data = asked(folder.path(), |it| it.size = "2x2".parse().ok());
    assert!(data.unwrap_err().to_string().starts_with("size = 2x2: only for image files"));
    let grey = [grey(1), grey(2), grey(3), grey(4)];
    let data = asked(four(grey.each_ref().map(|file| &file[..])).path(), |it| {
        (it.size, it.image_shape) = ("14x14".parse().ok(), "28x28".parse().ok());
    });
    assert!(data.unwrap_err().to_string().starts_with("image_shape = 28x28: 14x14, as the images"));
}
