//! The view as a picture.

use crate::explorer::like;
use crate::page::Opening;
use crate::program::{N_TEST, Place};
use crate::study::{RENDERERS, opened};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

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

/// A saved PNG and a saved SVG, drawn by the browser: whether they have the same size, the share of
/// the pixels that are far apart, and how many pixels there are.
const COMPARED: &str = "(async (png, svg) => {
    const load = async blob => { const image = new Image(); image.src = URL.createObjectURL(blob); await image.decode(); return image; };
    const images = await Promise.all([load(new Blob([Uint8Array.from(atob(png), c => c.charCodeAt(0))], {type: 'image/png'})),
        load(new Blob([svg], {type: 'image/svg+xml'}))]);
    const [{width, height}, small] = images;
    const pixels = images.map(image => { const context = new OffscreenCanvas(width, height).getContext('2d');
        context.drawImage(image, 0, 0, width, height); return context.getImageData(0, 0, width, height).data; });
    let far = 0;
    for (let at = 0; at < pixels[0].length; at += 4) {
        if ([0, 1, 2].some(c => Math.abs(pixels[0][at + c] - pixels[1][at + c]) > 96)) far++;
    }
    return [width === 2 * small.width && height === 2 * small.height, far / (width * height), width * height]; })";

#[test]
fn png_and_svg_show_the_same() {
    let Some((page, study)) = opened("#space=layer_1&method=pca") else { return };
    let row = page.lonely(0, &(0..N_TEST).collect::<Vec<_>>())[0];
    page.eval(&format!("layerlens.store.set({{pin: {row}}})"));
    page.frames();
    let png = STANDARD.encode(page.download("button.save-png").1);
    let svg = String::from_utf8(page.download("button.save-svg").1).unwrap();
    // What people are to be careful about goes with the picture.
    let caution = page.text(".pane .caution");
    assert!(svg.contains(&caution.replace('\'', "&#39;")), "{caution}");
    for class in &study.classes {
        assert!(svg.contains(&format!(">{class}</text>")), "the name of {class}");
    }
    let compared = page.eval(&format!("{COMPARED}({png:?}, {})", serde_json::json!(svg)));
    assert_eq!(compared[0], true, "their sizes");
    // Letters and rims of dots are not drawn alike to the pixel.
    let far = compared[1].as_f64().unwrap();
    assert!(far < 0.003, "{far} of {} pixels differ", compared[2]);
    // The ring around the pinned point is in both.
    assert!(svg.contains("stroke-width=\"2.5\""), "no ring");
}

/// Of each text in a saved SVG with the words of a class how many circles lie around it.
const AROUND: &str = "((svg, words) => {
    const box = document.createElement('div'); box.innerHTML = svg; document.body.append(box);
    const middle = element => { const { x, y, width, height } = element.getBoundingClientRect();
        return [x + width / 2, y + height / 2]; };
    const circles = [...box.querySelectorAll('circle')].map(middle);
    const near = ([x, y]) => circles.filter(([a, b]) => Math.hypot(a - x, b - y) < 40).length;
    return [...box.querySelectorAll('text')].filter(text => text.textContent === words).map(text => near(middle(text)));
})";

#[test]
fn the_name_of_scattered_groups_stands_in_the_largest() {
    let Some(usual) = Opening::usual("") else { return };
    let place = Place::new();
    // The medians of the first three groups meet at (10, 10), where there are no points.
    let groups =
        [(40, 0, 10, "apart"), (40, 10, 0, "apart"), (41, 20, 20, "apart"), (9, 15, 5, "other")];
    let rows = groups.iter().flat_map(|&(n, x, y, name)| (0..n).map(move |at| (x, y, at, name)));
    let table: String = rows.clone().map(|(x, y, at, _)| format!("{x},{y}.{at:02}\n")).collect();
    std::fs::write(place.path("map.csv"), table).unwrap();
    let names: String = rows.map(|(.., name)| format!("{name}\n")).collect();
    std::fs::write(place.path("y.txt"), names).unwrap();
    place.succeed("report --embedding map.csv --labels y.txt --device cpu --out page.html");
    let page = usual.open(&place.path("page.html"));
    let svg = serde_json::json!(String::from_utf8(page.download("button.save-svg").1).unwrap());
    let around = page.eval(&format!("{AROUND}({svg}, 'apart')"));
    // The name in the legend has its one circle beside it.
    let most = around.as_array().unwrap().iter().filter_map(serde_json::Value::as_u64).max();
    assert!(most >= Some(41), "{around}");
}
