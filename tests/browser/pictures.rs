//! Images in colour in the card: small ones exactly, large ones scaled down.

use crate::page::{Opening, Page};
use crate::program::Place;
use base64::Engine as _;

/// A page of six points with an image each; none without a browser.
fn page_of(image: impl Fn(u32) -> image::RgbImage) -> Option<(Place, Page)> {
    let usual = Opening::usual("")?;
    let place = Place::new();
    place.points("map.npy", 6, 2);
    std::fs::create_dir(place.path("images")).unwrap();
    for row in 0..6 {
        image(row).save(place.path(format!("images/{row}.png"))).unwrap();
    }
    place.succeed("report --embedding map.npy --images images --device cpu --out page.html");
    let page = usual.open(&place.path("page.html"));
    Some((place, page))
}

/// The card's image of a point.
fn card(page: &Page, row: u32) -> image::RgbImage {
    page.eval(&format!("layerlens.store.set({{pin: {row}}})"));
    page.until(&format!("document.querySelector('#card').dataset.id.endsWith(':{row}')"));
    // So wide is a canvas before anything is drawn.
    page.until("document.querySelector('#card .card-image canvas').width !== 300");
    page.frames();
    let url = page.string("document.querySelector('#card .card-image canvas').toDataURL()");
    let (_, encoded) = url.split_once("base64,").unwrap();
    let file = base64::engine::general_purpose::STANDARD.decode(encoded).unwrap();
    image::load_from_memory(&file).unwrap().to_rgb8()
}

#[test]
fn small_images_have_their_very_colours() {
    let color =
        |row: u32, x: u32, y: u32| [40 * row + x, 255 - 30 * y, 20 * x + 7 * y].map(|it| it as u8);
    let image = |row| image::RgbImage::from_fn(5, 4, |x, y| image::Rgb(color(row, x, y)));
    let Some((_place, page)) = page_of(image) else { return };
    for row in 0..6 {
        assert!(card(&page, row) == image(row), "point {row}");
    }
}

/// Waves that a photograph might have, different in every channel, three and more pixels of the
/// page long.
#[test]
fn large_images_are_scaled_down_and_keep_their_colours() {
    let wave = |row: u32, x: f64, y: f64, channel: usize| {
        let phase = f64::from(row) + channel as f64;
        128.0 + 60.0 * (x / 19.0 + phase).sin() + 50.0 * (y / 13.0 + x / 31.0 - phase).sin()
    };
    let image = |row| {
        image::RgbImage::from_fn(200, 100, |x, y| {
            image::Rgb([0, 1, 2].map(|channel| wave(row, x.into(), y.into(), channel) as u8))
        })
    };
    let Some((_place, page)) = page_of(image) else { return };
    assert_eq!(page.eval("layerlens.data.images.kind"), "jpeg");
    for row in 0..6 {
        let found = card(&page, row);
        assert_eq!(found.dimensions(), (64, 32));
        for (x, y, pixel) in found.enumerate_pixels().filter(|(x, y, _)| x % 9 == 4 && y % 7 == 3) {
            // The middle of the scaled pixel.
            let [x, y] = [x, y].map(|at| (f64::from(at) + 0.5) * 3.125 - 0.5);
            for channel in 0..3 {
                let off = f64::from(pixel.0[channel]) - wave(row, x, y, channel);
                assert!(off.abs() < 12.0, "point {row} at {x}, {y}: {pixel:?}, off by {off}");
            }
        }
    }
}

/// Rows whose images a saved drawing of the page holds, each of one colour.
fn drawn(page: &Page, color: impl Fn(u32) -> [u8; 3]) -> Vec<u32> {
    let svg = String::from_utf8(page.download("button.save-svg").1).unwrap();
    let images = svg.split("data:image/png;base64,").skip(1);
    let row = |image: &str| {
        let encoded = image.split_once('"').unwrap().0;
        let file = base64::engine::general_purpose::STANDARD.decode(encoded).unwrap();
        let found = image::load_from_memory(&file).unwrap().to_rgb8().get_pixel(4, 4).0;
        (0..8).find(|&row| color(row) == found).unwrap_or_else(|| panic!("{found:?}"))
    };
    let mut rows: Vec<u32> = images.map(row).collect();
    rows.sort_unstable();
    rows
}

#[test]
fn of_images_that_would_hide_each_other_one_is_drawn() {
    let Some(usual) = Opening::usual("") else { return };
    let place = Place::new();
    let color = |row: u32| [30 * row as u8, 200, 255 - 30 * row as u8];
    std::fs::create_dir(place.path("images")).unwrap();
    for row in 0..8 {
        let image = image::RgbImage::from_pixel(8, 8, image::Rgb(color(row)));
        image.save(place.path(format!("images/{row}.png"))).unwrap();
    }
    // Four in the corners, four on nearly one place.
    let map = "0,0\n20,0\n0,20\n20,20\n10,10\n10.1,10\n10,10.1\n10.1,10.1\n";
    std::fs::write(place.path("map.csv"), map).unwrap();
    place.succeed("report --embedding map.csv --images images --device cpu --out page.html");
    let page = usual.open(&place.path("page.html"));
    assert_eq!(drawn(&page, color), [0, 1, 2, 3, 4]);
    page.eval("layerlens.store.set({pin: 6})");
    page.frames();
    assert_eq!(drawn(&page, color), [0, 1, 2, 3, 6], "that of the pinned point");
    page.eval("layerlens.store.set({pin: -1, views: [{x: 0, y: 0, zoom: 30}]})");
    page.frames();
    assert_eq!(drawn(&page, color), [4, 5, 6, 7], "they lie apart when the view is near");
}
