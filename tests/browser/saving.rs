//! The view as a picture.

use crate::explorer::like;
use crate::program::N_TEST;
use crate::study::{RENDERERS, opened};

#[test]
fn the_png_is_the_map_as_it_is_seen() {
    for renderer in RENDERERS {
        let Some((page, _)) = opened(&format!("?renderer={renderer}")) else { return };
        let (name, bytes) = page.download("button.save-png");
        assert!(name.ends_with(".png"), "{name}");
        let picture = image::load_from_memory(&bytes).unwrap().to_rgb8();
        let size = page
            .eval("(c => [c.clientWidth, c.clientHeight])(document.querySelector('canvas.map'))");
        let [width, height] = [0, 1].map(|at| size[at].as_u64().unwrap() as u32);
        let (found_width, found_height) = picture.dimensions();
        // Two pixels for one of the page; with a title above, lines below and a legend beside.
        let fits = (2 * width..=2 * (width + 300)).contains(&found_width)
            && (2 * height..=2 * (height + 200)).contains(&found_height);
        assert!(fits, "{found_width} x {found_height} of {width} x {height}");
        for (class, color) in page.class_colors().iter().enumerate() {
            let near = picture.pixels().filter(|pixel| like(pixel.0, color)).count();
            assert!(near > 20, "{renderer}: {near} pixels in the colour of class {class}");
        }
    }
}

#[test]
fn the_svg_holds_every_visible_point() {
    let Some((page, study)) = opened("") else { return };
    page.toggle(4);
    let visible = N_TEST - study.of_class(4).len();
    let (name, bytes) = page.download("button.save-svg");
    assert!(name.ends_with(".svg"), "{name}");
    let svg = serde_json::json!(String::from_utf8(bytes).unwrap());
    let found = page.eval(&format!(
        "(() => {{ const d = new DOMParser().parseFromString({svg}, 'image/svg+xml');
        return [d.querySelector('parsererror')?.textContent ?? '', d.documentElement.localName, d.querySelectorAll('circle').length]; }})()"
    ));
    assert_eq!(found[0], "");
    assert_eq!(found[1], "svg");
    let circles = found[2].as_u64().unwrap() as usize;
    // The legend may have one a class.
    assert!((visible..=visible + 10).contains(&circles), "{circles} circles of {visible} points");
}

/// A saved SVG, drawn by the browser: its width, its height and its pixels.
const DRAWN: &str = "(async svg => { const image = new Image();
    image.src = URL.createObjectURL(new Blob([svg], {type: 'image/svg+xml'})); await image.decode();
    const canvas = new OffscreenCanvas(2 * image.width, 2 * image.height), context = canvas.getContext('2d');
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    return [canvas.width, canvas.height, Array.from(context.getImageData(0, 0, canvas.width, canvas.height).data).filter((_, at) => at % 4 < 3)]; })";

#[test]
fn png_and_svg_show_the_same() {
    let Some((page, study)) = opened("#space=layer_1&method=pca") else { return };
    let row = page.lonely(0, &(0..N_TEST).collect::<Vec<_>>())[0];
    page.eval(&format!("layerlens.store.set({{pin: {row}}})"));
    page.frames();
    let png = image::load_from_memory(&page.download("button.save-png").1).unwrap().to_rgb8();
    let svg = String::from_utf8(page.download("button.save-svg").1).unwrap();
    // What people are to be careful about goes with the picture.
    let caution = page.text(".pane .caution");
    assert!(svg.contains(&caution.replace('\'', "&#39;")), "{caution}");
    for class in &study.classes {
        assert!(svg.contains(&format!(">{class}</text>")), "the name of {class}");
    }
    let drawn = page.eval(&format!("{DRAWN}({})", serde_json::json!(svg)));
    let (width, height) = png.dimensions();
    assert_eq!((drawn[0].as_u64(), drawn[1].as_u64()), (Some(width.into()), Some(height.into())));
    let bytes = drawn[2].as_array().unwrap().iter().map(|byte| byte.as_u64().unwrap() as u8);
    // Letters and rims of dots are not drawn alike to the pixel; a ring or a name more is.
    let far = bytes.zip(png.as_raw()).filter(|(a, b)| a.abs_diff(**b) > 96).count();
    assert!(far * 1000 < png.as_raw().len(), "{far} of {} bytes differ", png.as_raw().len());
    // The ring around the pinned point is in both.
    assert!(svg.contains("stroke-width=\"2.5\""), "no ring");
}
