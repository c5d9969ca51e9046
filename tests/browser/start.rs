//! The page is never blank: with either renderer, without WebGL, without scripts, and with parts of
//! the run missing. That it is quiet and asks for nothing over the network is demanded of every
//! page when it is closed.

use crate::chromium::browser_without_webgl;
use crate::explorer::like;
use crate::page::{Opening, Page};
use crate::program::{N_TEST, N_TRAIN, Place, groups};
use crate::study::{METHODS, RENDERERS, opened, study};
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Demands that the map shows every class in its colour.
fn assert_drawn(page: &Page, what: &str) {
    let colors: HashSet<[u8; 3]> = page.map_pixels(0).into_iter().collect();
    assert!(colors.len() > 30, "{what}: the map has {} colours", colors.len());
    for (class, color) in page.class_colors().iter().enumerate() {
        let pixels = page.pixels_like(0, color);
        assert!(
            pixels > 20,
            "{what}: {pixels} pixels are like the colour {color} of class {class}"
        );
    }
}

#[test]
fn both_renderers_draw_every_class() {
    for renderer in RENDERERS {
        let Some((page, _)) = opened(&format!("?renderer={renderer}")) else { return };
        assert_eq!(page.string("document.querySelector('#explorer').dataset.renderer"), renderer);
        assert_eq!(page.string("layerlens.renderer.kind"), renderer);
        assert_drawn(&page, renderer);
        let said = page.text("#banner");
        assert!(said.contains("the classes are numbered, not named"), "{said}");
    }
}

/// A report of points without images, in three classes, 1,000 of 2,600.
fn dots() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser-dots");
        let _ = fs::remove_dir_all(&folder);
        let place = Place::new();
        fs::create_dir(place.path("given")).unwrap();
        for (part, n) in [("train", 2000), ("test", 600)] {
            place.points(&format!("given/layer_{part}.npy"), n, 3);
            place.labels(&format!("given/labels_{part}.npy"), &groups(n as u32));
        }
        let out = folder.display();
        place.succeed(&format!("run --from-activations given --methods pca --report-points 1000 --device cpu --out {out}"));
        folder.join("report.html")
    })
}

/// Points by pixel, and the colours of their classes.
type Dots = Vec<(u32, u32, usize)>;

/// How many points of a class the page shows in the colour of their class, of how many.
fn in_color(page: &Page, dots: &Dots, class: usize) -> [usize; 2] {
    page.frames();
    let shot = page.screenshot();
    let color = &page.class_colors()[class];
    let of_class: Vec<_> = dots.iter().filter(|dot| dot.2 == class).collect();
    [
        of_class.iter().filter(|(x, y, _)| like(shot.get_pixel(*x, *y).0, color)).count(),
        of_class.len(),
    ]
}

#[test]
fn a_dot_is_where_its_point_is() {
    for renderer in RENDERERS {
        let suffix = format!("?renderer={renderer}");
        let Some(usual) = Opening::usual(&suffix) else { return };
        let page = usual.open(dots());
        assert_eq!(page.string("document.querySelector('#explorer').dataset.renderer"), renderer);
        // The names of the classes lie over the points.
        page.eval(
            "document.querySelectorAll('canvas.overlay').forEach(canvas => \
            canvas.style.display = 'none')",
        );
        let of = "Array.from({length: 1000}, (_, i) => { const p = layerlens.screen(layerlens.data.id(i), 0);
            return [Math.floor(p.x), Math.floor(p.y), layerlens.data.labels[i]]; })";
        let dots: Dots = serde_json::from_value(page.eval(of)).unwrap();
        for class in 0..3 {
            let [shown, n] = in_color(&page, &dots, class);
            assert!(
                shown * 100 >= n * 99,
                "{renderer}: {shown} of {n} points of class {class} have its colour"
            );
        }
        // And nowhere else: all around the groups, which fill a third of the map's width.
        let shot = page.screenshot();
        let far = |x: u32, y: u32| {
            dots.iter().all(|dot| dot.0.abs_diff(x) > 12 || dot.1.abs_diff(y) > 12)
        };
        let stray = (160..640)
            .step_by(4)
            .flat_map(|y| (8..840).step_by(4).map(move |x| (x, y)))
            .filter(|&(x, y)| far(x, y));
        let stray: Vec<_> =
            stray.filter(|&(x, y)| shot.get_pixel(x, y).0 != shot.get_pixel(8, 160).0).collect();
        assert!(stray.is_empty(), "{renderer}: something is drawn where no point is, {stray:?}");

        page.toggle(1);
        assert_eq!(
            [0, 1].map(|class| in_color(&page, &dots, class)[0] > 0),
            [true, false],
            "{renderer}: a class is hidden"
        );
        page.toggle(1);
        // Faint dots on top of each other reach their colour again, but not where they are few.
        page.eval("layerlens.store.set({selection: Uint8Array.from(layerlens.data.labels, label => label === 0)})");
        for class in 0..3 {
            let [shown, n] = in_color(&page, &dots, class);
            assert_eq!(
                class == 0,
                shown * 10 >= n * 9,
                "{renderer}: {shown} of {n} points of class {class} beside a selection"
            );
        }
    }
}

#[test]
fn a_lost_gpu_leaves_the_canvas() {
    let Some((page, _)) = opened("?renderer=webgl") else { return };
    page.eval("document.querySelector('canvas.map').getContext('webgl2').getExtension('WEBGL_lose_context').loseContext()");
    page.until("document.querySelector('#explorer').dataset.renderer === 'canvas'");
    assert_drawn(&page, "after WebGL was lost");
    page.toggle(4);
    assert_eq!(page.legend(4)[0], 0);
}

#[test]
fn software_webgl_is_not_chosen() {
    let Some((page, _)) = opened("") else { return };
    assert_eq!(page.string("document.querySelector('#explorer').dataset.renderer"), "canvas");
}

#[test]
fn without_webgl_the_canvas_draws() {
    for suffix in ["", "?renderer=webgl"] {
        let (Some(browser), Some(usual)) = (browser_without_webgl(), Opening::usual(suffix)) else {
            return;
        };
        let page = Opening { browser, ..usual }.open(&study().page);
        assert_eq!(page.string("document.querySelector('#explorer').dataset.renderer"), "canvas");
        assert_drawn(&page, "without WebGL");
    }
}

#[test]
fn without_scripts_the_figure_and_the_tables_are_there() {
    let Some(usual) = Opening::usual("") else { return };
    let page = Opening { scripts: false, ..usual }.load(&study().page);
    let shot: HashSet<[u8; 3]> = page.screenshot().pixels().map(|pixel| pixel.0).collect();
    assert!(shot.len() > 100, "{} colours", shot.len());
    // Scripts of the page are off; the driver's are not.
    let figure = "(e => e.checkVisibility() && e.naturalWidth > 100 && e.clientWidth > 100)(document.querySelector('noscript img'))";
    assert_eq!(page.eval(figure), true);
    assert!(page.number("document.querySelectorAll('#report table').length") >= 3.0);
    // Folded away, but there.
    let command = "document.querySelector('#report').textContent.includes('layerlens run')";
    assert_eq!(page.eval(command), true, "how to reproduce");
    assert_eq!(page.eval("getComputedStyle(document.querySelector('#explorer')).display"), "none");
}

/// Copies the run and takes `lost` away.
fn damaged(place: &Place, lost: &[&str]) {
    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
            let target = to.join(entry.file_name());
            if entry.path().is_dir() {
                copy(&entry.path(), &target);
            } else {
                fs::copy(entry.path(), target).unwrap();
            }
        }
    }
    copy(&study().out(), &place.path("out"));
    for name in lost {
        fs::remove_file(place.path("out").join(name)).unwrap();
    }
}

#[test]
fn what_the_run_lost_is_said_and_the_rest_is_shown() {
    let Some(usual) = Opening::usual("") else { return };
    let place = Place::new();
    let lost = ["embeddings/tsne_layer_2_test.npy", "activations/softmax_test.npy"];
    damaged(&place, &lost);
    place.succeed("report out");
    let page = usual.open(&place.path("out/report.html"));
    let said = page.text("#banner");
    for name in lost {
        assert!(said.contains(name), "`{name}` is not said: {said}");
    }
    assert_eq!(page.number("layerlens.data.maps.length"), (3 * METHODS.len() - 1) as f64);
    assert_eq!(page.eval("layerlens.data.predictions"), serde_json::Value::Null);
    assert_drawn(&page, "a damaged run");
}

#[test]
fn a_subset_says_of_how_many_it_is() {
    let Some(usual) = Opening::usual("") else { return };
    let page = usual.open(dots());
    assert_eq!(page.text("#subset"), "1,000 of 2,600 points: drawn at random");
    assert_eq!(page.number("layerlens.data.points.n"), 1000.0);
    let Some((page, _)) = opened("") else { return };
    let said = page.text("#subset");
    assert_eq!(said, format!("{N_TEST} of {} points: the test points", N_TRAIN + N_TEST));
}
