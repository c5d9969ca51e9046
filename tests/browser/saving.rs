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
        // With a title above, a line below and a legend beside.
        let fits = (width..=width + 300).contains(&found_width)
            && (height..=height + 200).contains(&found_height);
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
