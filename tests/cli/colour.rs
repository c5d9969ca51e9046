//! Images in colour, from a folder of files through training, figures, page and exports.

use crate::support::{Place, assert_outputs_are_whole, manifest};
use layerlens::dataset::{Images, npy};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use serde_json::Value;
use std::fs;
use std::path::Path;

const MODEL: &str = "input = [10, 12, 3]\n\
    [[layers]]\ntype = \"conv\"\nfilters = 4\nkernel = [3, 3]\n\
    [[layers]]\ntype = \"dense\"\nunits = 8\n\
    [[layers]]\ntype = \"dense\"\nactivation = \"softmax\"\n";

/// 60 images of 10 x 12 a class: where a random half of the pixels is not black, they are red or
/// green of the same luma, 0.2126 * 168 = 35.7 and 0.7152 * 50 = 35.8.
fn photos(place: &Place) {
    let random = layerlens::random::Random::new(11, 0);
    for (class, (name, color)) in [("green", [0, 50, 0]), ("red", [168, 0, 0])].iter().enumerate() {
        fs::create_dir_all(place.path("photos").join(name)).unwrap();
        for at in 0..60 {
            let seed = 120 * (60 * class as u64 + at);
            let image = image::RgbImage::from_fn(12, 10, |x, y| {
                let is_on = random.uniform(seed + u64::from(12 * y + x)) < 0.5;
                image::Rgb(if is_on { *color } else { [0; 3] })
            });
            image.save(place.path("photos").join(name).join(format!("{at}.png"))).unwrap();
        }
    }
}

fn accuracy(out: &Path) -> f64 {
    manifest(out)["results"]["test"]["accuracy"].as_f64().unwrap()
}

/// Pixels of exactly this colour.
fn count(path: &Path, color: [u8; 3]) -> usize {
    image::open(path).unwrap().to_rgb8().pixels().filter(|pixel| pixel.0 == color).count()
}

fn kept(run: &Path, part: &str) -> Images {
    npy::read_images(run.join(format!("activations/images_{part}.npy"))).unwrap()
}

/// The tiles of a page, and what it says of them.
fn tiles(html: &str) -> (Value, Vec<image::RgbImage>) {
    let data = html.split_once("id=\"page-data\">").unwrap().1.split_once("</script>").unwrap().0;
    let images = serde_json::from_str::<Value>(data).unwrap()["images"].clone();
    let tile = |name: &Value| {
        let id = format!("id=\"block-{}\" data-encoding=\"raw\">", name.as_str().unwrap());
        let text = html.split_once(&id).unwrap().1.split_once('<').unwrap().0;
        let bytes =
            base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text).unwrap();
        image::load_from_memory(&bytes).unwrap().to_rgb8()
    };
    let tiles = images["tiles"].as_array().unwrap().iter().map(tile).collect();
    (images, tiles)
}

#[test]
fn colours_reach_everything_that_shows_images() {
    let place = Place::new();
    photos(&place);
    fs::write(place.path("m.toml"), MODEL).unwrap();
    let run = "run --dataset photos --architecture m.toml --epochs 12 --batch-size 8 \
               --methods pca --clusters k-means --device cpu --out";
    place.succeed(&format!("{run} out"));
    let out = place.path("out");
    assert_outputs_are_whole(&out);
    assert!(accuracy(&out) > 0.99, "{}", accuracy(&out));
    let test = kept(&out, "test");
    assert_eq!((test.n(), test.shape()), (20, [10, 12, 3]));
    assert_eq!((kept(&out, "train").n(), kept(&out, "train").channels()), (84, 3));
    let raw = npy::read_matrix(out.join("activations/raw_test.npy")).unwrap();
    assert_eq!(raw.as_slice(), test.features().as_slice());
    let listed = manifest(&out)["outputs"].as_array().unwrap().clone();
    let images = listed.iter().find(|file| file["path"] == "activations/images_test.npy").unwrap();
    assert_eq!(images["shape"], serde_json::json!([20, 10, 12, 3]));
    for figure in ["examples", "raw_k-means_gallery"] {
        for color in [[0, 50, 0], [168, 0, 0]] {
            let found = count(&out.join(format!("figures/{figure}.png")), color);
            assert!(found > 1000, "{figure}: {found} pixels of {color:?}");
        }
    }
    let (images, tiles) = tiles(&fs::read_to_string(out.join("report.html")).unwrap());
    assert_eq!((images["kind"].as_str(), images["width"].as_u64()), (Some("rgb"), Some(12)));
    let per_row = images["per_row"].as_u64().unwrap() as usize;
    for row in 0..20 {
        for (at, pixel) in test.image(row).chunks(3).enumerate() {
            let (x, y) = (row % per_row * 12 + at % 12, row / per_row * 10 + at / 12);
            assert_eq!(tiles[0].get_pixel(x as u32, y as u32).0, pixel, "point {row}");
        }
    }
    // Others read them from the run.
    place.succeed("export out --format parquet --device cpu --out points.parquet");
    let file = fs::File::open(place.path("points.parquet")).unwrap();
    for (at, row) in
        SerializedFileReader::new(file).unwrap().get_row_iter(None).unwrap().enumerate()
    {
        let row = row.unwrap();
        let (_, image) = row.get_column_iter().find(|(name, _)| *name == "image").unwrap();
        let Field::Group(image) = image else { panic!("{image:?}") };
        let Some((_, Field::Bytes(file))) = image.get_column_iter().find(|(it, _)| *it == "bytes")
        else {
            panic!("{image:?}")
        };
        let image = image::load_from_memory(file.data()).unwrap().to_rgb8();
        assert_eq!(image.into_raw(), test.image(at), "row {at}");
    }
    place.succeed("export out --format tensorboard --out board");
    let sprite = image::open(place.path("board/sprite.png")).unwrap().to_rgb8();
    // 20 images on a sheet of 5 x 5.
    assert_eq!(sprite.dimensions(), (60, 50));
    assert_eq!(sprite.get_pixel(3 * 12 + 7, 2 * 10 + 4).0, test.image(13)[3 * (4 * 12 + 7)..][..3]);
    place.succeed(
        "run --from-activations out/activations --methods pca --clusters none --device cpu --out \
         given",
    );
    for name in ["activations/images_train.npy", "activations/images_test.npy"] {
        assert!(
            fs::read(out.join(name)).unwrap() == fs::read(place.path("given").join(name)).unwrap()
        );
    }
    place.succeed(
        "cluster out/activations/raw_test.npy --images out/activations/images_test.npy \
         --n-clusters 2 --device cpu --out clusters",
    );
    assert!(count(&place.path("clusters/figures/input_k-means_gallery.png"), [168, 0, 0]) > 1000);
}

#[test]
fn without_their_colours_the_classes_are_one() {
    let place = Place::new();
    photos(&place);
    let train = "train --dataset photos --hidden 8 --epochs 12 --batch-size 8 --device cpu --out";
    place.succeed(&format!("{train} colour"));
    let outcome = place.succeed(&format!("{train} grey --channels grey"));
    assert!(outcome.stderr.contains("grey = 0.2126 red"), "{}", outcome.stderr);
    let [colour, grey] = ["colour", "grey"].map(|name| accuracy(&place.path(name)));
    assert!(colour > 0.99 && grey < 0.9, "{colour} and {grey}");
    assert_eq!(manifest(&place.path("grey"))["config"]["data"]["channels"], "grey");
    // The weights of the one do not fit the images of the other.
    place.refuse(
        3,
        "run --dataset photos --device cpu --out other --model grey/model/weights.safetensors",
        &["does not fit photos", "images are 10 x 12 x 3", "model takes 10 x 12 x 1"],
    );
}

#[test]
fn colour_is_converted_into_formats_that_hold_it_and_no_others() {
    let place = Place::new();
    photos(&place);
    let outcome = place.succeed("data info photos");
    assert!(
        outcome.stdout.starts_with("photos: 100 training and 20 test images of 10 x 12 x 3, 2"),
        "{}",
        outcome.stdout
    );
    place.succeed("data convert photos a.npz");
    let outcome = place.succeed("data info a.npz");
    assert!(outcome.stdout.contains("test images of 10 x 12 x 3, 2 classes"), "{}", outcome.stdout);
    for format in ["csv", "csv-label-first", "idx"] {
        place.refuse(
            2,
            &format!("data convert a.npz out --format {format}"),
            &["--format", format, "grey images only", "10 x 12 x 3", "npz"],
        );
    }
    place.succeed("data convert photos grey --format idx --channels grey --size 6x8");
    let outcome = place.succeed("data info grey");
    assert!(outcome.stdout.contains("test images of 6 x 8, 2 classes"), "{}", outcome.stdout);
    place.refuse(2, "data info photos --size 6", &["--size", "28x28"]);
    place.refuse(2, "data info photos --channels 3", &["--channels", "auto, grey or rgb"]);
    place.refuse(2, "data info a.npz --size 6x8", &["--size", "image files"]);
}
