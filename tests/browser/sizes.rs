//! Windows from a telephone's to a desktop's, pages at 200 %, and both themes.

use crate::page::{Opening, Page};
use crate::study::{STILL, opened, study};

/// Demands that nothing sticks out sideways, and that every control that is not hidden has a size
/// and can be scrolled to.
#[track_caller]
fn assert_fits(page: &Page, what: &str) {
    let inner = page.number("innerWidth");
    let wide = page.number("document.documentElement.scrollWidth");
    assert!(wide <= inner, "{what}: {wide} px of content in {inner}");
    let outside = page.eval(
        "Array.from(document.querySelectorAll('button, select, input, canvas.map')).filter(e => e.checkVisibility()).map(e => [e, e.getBoundingClientRect()])
        .filter(([e, r]) => !e.closest('.skip, .selection-confusion, .selection-images, .table-box') && (r.width < 10 || r.height < 10 || r.left < -0.5 || r.right > innerWidth + 0.5))
        .map(([e, r]) => e.outerHTML.slice(0, 80) + JSON.stringify(r))",
    );
    assert_eq!(outside, serde_json::json!([]), "{what}");
    let n = page.number("Array.from(document.querySelectorAll('button, select, input')).filter(e => e.checkVisibility()).length");
    assert!(n >= 20.0, "{what}: {n} controls");
}

/// Waits until the map has as many pixels as the screen.
#[track_caller]
fn assert_sharp(page: &Page, scale: f64) {
    page.until(&format!("(c => Math.abs(c.width - c.clientWidth * {scale}) <= {scale})(document.querySelector('canvas.map'))"));
}

#[test]
fn the_page_fits_every_window() {
    for (size, scale, what) in [
        ((1280, 800), 1.0, "1280 x 800"),
        ((390, 844), 2.0, "390 x 844"),
        ((640, 400), 2.0, "1280 x 800 at 200 %"),
    ] {
        let Some(usual) = Opening::usual("") else { return };
        let page = Opening { size, scale, media: &STILL, ..usual }.open(&study().page);
        assert_fits(&page, what);
        let map = page.eval("(r => [r.width, r.height, r.top])(document.querySelector('canvas.map').getBoundingClientRect())");
        let [width, height, top] = [0, 1, 2].map(|at| map[at].as_f64().unwrap());
        assert!(width >= 280.0 && height >= 200.0, "{what}: a map of {width} x {height}");
        assert!(top < f64::from(size.1) * 0.75, "{what}: the map begins {top} px down");
        page.until(&format!(
            "(c => Math.abs(c.width - c.clientWidth * {scale}) <= \
             {scale})(document.querySelector('canvas.map'))"
        ));
        // With everything open that opens.
        page.key("s", 0);
        page.until("layerlens.store.get().panes.length === 2");
        page.eval("layerlens.store.set({selection: new Uint8Array(layerlens.data.points.n).fill(1), pin: 0})");
        page.until("!document.querySelector('#card').hidden");
        page.frames();
        assert_fits(&page, &format!("{what}, side by side"));
    }
}

/// Lightness of the page's background, 0 to 255, and that of the map.
#[track_caller]
fn background(page: &Page) -> [f64; 2] {
    page.frames();
    let of_page = "(c => c.match(/[0-9.]+/g).slice(0, 3).reduce((a, b) => a + +b, 0) / 3)(getComputedStyle(document.body).backgroundColor)";
    let pixels = page.map_pixels(0);
    let sum: f64 = pixels
        .iter()
        .map(|pixel| pixel.iter().map(|&channel| f64::from(channel)).sum::<f64>() / 3.0)
        .sum();
    [page.number(of_page), sum / pixels.len() as f64]
}

#[test]
fn dark_and_light_follow_the_system_and_the_menu() {
    let Some(usual) = Opening::usual("") else { return };
    let page = usual.open(&study().page);
    for (scheme, theme, dark) in [
        ("light", "auto", false),
        ("dark", "auto", true),
        ("dark", "light", false),
        ("light", "dark", true),
        ("light", "auto", false),
    ] {
        page.media(&[("prefers-color-scheme", scheme), STILL[0]]);
        page.eval(&format!(
            "(s => {{ s.value = '{theme}'; s.dispatchEvent(new Event('change')); }})(document.querySelector('#theme-select'))"
        ));
        page.until(&format!("layerlens.store.get().theme === '{theme}'"));
        let found = background(&page);
        assert!(
            found.iter().all(|&light| if dark { light < 80.0 } else { light > 200.0 }),
            "{scheme}, {theme}: {found:?}"
        );
    }
}

#[test]
fn a_resized_window_keeps_the_points_in_the_map() {
    let Some((page, _)) = opened("") else { return };
    page.resize(700, 600, 1.0);
    assert_sharp(&page, 1.0);
    // On another screen; a change of its pixels alone is not told to pages whose screen is
    // emulated.
    page.resize(720, 600, 2.0);
    assert_sharp(&page, 2.0);
    let places = page.places(0);
    let map = page.eval(
        "(r => [r.left, r.top, r.right, \
            r.bottom])(document.querySelector('canvas.map').getBoundingClientRect())",
    );
    let [left, top, right, bottom] = [0, 1, 2, 3].map(|at| map[at].as_f64().unwrap());
    assert!(places.iter().all(|&(x, y)| x >= left && x <= right && y >= top && y <= bottom));
}

#[test]
fn a_map_is_never_seen_stretched() {
    let Some((page, _)) = opened("") else { return };
    // Nothing else waits to be drawn.
    page.frames();
    page.eval("new Promise(done => setTimeout(done, 300))");
    // What is on the canvas when the browser has laid out the page and is about to paint it.
    let painted = page.eval(
        "new Promise(done => { const canvas = document.querySelector('canvas.map'), box = canvas.parentElement;
            Object.assign(box.style, {flex: 'none', height: '300px'});
            new ResizeObserver(() => queueMicrotask(() => done([canvas.clientHeight, canvas.height]))).observe(box); })",
    );
    assert_eq!(painted[0], painted[1]);
}
