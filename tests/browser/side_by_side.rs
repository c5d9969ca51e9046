//! Two maps beside each other: what is pointed at, selected or hidden in one is so in the other,
//! and the overlap of their neighbourhoods as a colour.

use crate::page::{Opening, Page};
use crate::program::{N_TEST, Place, groups};
use crate::study::{RENDERERS, opened, study};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::OnceLock;

/// Neighbours of a point that are counted for the overlap.
const K: usize = 10;

#[track_caller]
fn split(page: &Page) {
    page.key("s", 0);
    page.until(
        "layerlens.store.get().panes.length === 2 && \
        !document.querySelector('.pane[data-pane=\"1\"]').hidden",
    );
    page.places(1);
}

#[test]
fn hover_selection_and_filter_are_linked() {
    for renderer in RENDERERS {
        let Some((page, study)) = opened(&format!("?renderer={renderer}#space=raw&method=tsne"))
        else {
            return;
        };
        split(&page);
        assert_eq!(
            page.string("document.querySelector('.pane[data-pane=\"1\"] .space-select').value"),
            "layer_1"
        );
        let all: Vec<usize> = (0..N_TEST).collect();
        let (here, there) = (page.lonely(0, &all)[3], page.lonely(1, &all)[4]);
        for (pane, row) in [(0, here), (1, there)] {
            page.leave();
            let before = page.around(1 - pane, row);
            page.hover(pane, row);
            page.assert_card(study, row);
            page.eval("document.querySelector('#card').style.opacity = 0");
            let after = page.around(1 - pane, row);
            page.eval("document.querySelector('#card').style.opacity = 1");
            let changed = before.iter().zip(&after).filter(|(a, b)| a != b).count();
            assert!(
                changed > 10,
                "{renderer}: {changed} pixels of map {} show what is pointed at in the other",
                1 - pane
            );
        }
        page.leave();
        let color = &page.class_colors()[4];
        let before = [0, 1].map(|pane| page.pixels_like(pane, color));
        page.toggle(4);
        let after = [0, 1].map(|pane| page.pixels_like(pane, color));
        for pane in 0..2 {
            assert!(
                after[pane] < before[pane] / 4,
                "{renderer}: map {pane}: {before:?} pixels, then {after:?}"
            );
        }
        page.toggle(4);
        // A selection dims the others in both.
        let color = &page.class_colors()[1];
        let before = [0, 1].map(|pane| page.pixels_like(pane, color));
        let mask: Vec<u8> = study.labels.iter().map(|&label| u8::from(label == 0)).collect();
        page.eval(&format!("layerlens.store.set({{selection: Uint8Array.from({mask:?})}})"));
        let after = [0, 1].map(|pane| page.pixels_like(pane, color));
        for pane in 0..2 {
            assert!(
                after[pane] < before[pane] / 2,
                "{renderer}: map {pane}: {before:?} pixels, then {after:?}"
            );
        }
    }
}

/// For each point the share of its `K` nearest in one map that are so in the other too; the mean.
fn mean_overlap(maps: [&[(f64, f64)]; 2]) -> f64 {
    let nearest = |map: &[(f64, f64)], row: usize| {
        let mut others: Vec<usize> = (0..N_TEST).filter(|&other| other != row).collect();
        others.sort_by(|&a, &b| {
            let distance =
                |other: usize| (map[row].0 - map[other].0).hypot(map[row].1 - map[other].1);
            distance(a).total_cmp(&distance(b))
        });
        others[..K].to_vec()
    };
    let shared = |row: usize| {
        let [a, b] = maps.map(|map| nearest(map, row));
        a.iter().filter(|other| b.contains(other)).count() as f64 / K as f64
    };
    (0..N_TEST).map(shared).sum::<f64>() / N_TEST as f64
}

#[test]
fn overlap_is_the_share_of_common_neighbours() {
    let Some((page, _)) = opened("#space=raw&method=tsne") else { return };
    split(&page);
    let maps = [0, 1].map(|pane| page.places(pane));
    let expected = 100.0 * mean_overlap([&maps[0], &maps[1]]);
    let before = page.map_pixels(0);
    page.eval("(s => { s.value = 'overlap'; s.dispatchEvent(new Event('change')); })(document.querySelector('#color-select'))");
    page.until("/[0-9] %/.test(document.querySelector('#legend .legend-note').textContent)");
    let said = page.text("#legend .legend-note");
    let mean: f64 = said
        .split_whitespace()
        .rev()
        .find_map(|word| word.parse().ok())
        .unwrap_or_else(|| panic!("{said}"));
    // Rounding to 16 bits may swap two neighbours as far as each other.
    assert!((mean - expected).abs() < 0.3, "{said}; expected {expected}");
    assert!(before != page.map_pixels(0));
}

/// The page of a comparison of the study's run with a second one of its data.
fn comparison() -> &'static (Place, PathBuf) {
    static MADE: OnceLock<(Place, PathBuf)> = OnceLock::new();
    MADE.get_or_init(|| {
        let (place, study) = (Place::new(), study());
        let data = study.place.join("data");
        place.succeed(&format!(
            "run --dataset fashion-mnist --data-dir {} --hidden 24,16 --epochs 1 --methods pca --device cpu --out other",
            data.display()
        ));
        place.succeed(&format!("compare {} other --out both", study.out().display()));
        let page = place.path("both/report.html");
        (place, page)
    })
}

/// Spaces on view, from left to right.
fn spaces(page: &Page) -> Value {
    page.eval("layerlens.store.get().panes.map(({space}) => space)")
}

#[test]
fn a_comparison_opens_with_both_runs_and_an_address_wins_over_that() {
    let Some(usual) = Opening::usual("") else { return };
    let (_, file) = comparison();
    let page = usual.open(file);
    assert_eq!(spaces(&page), json!(["a.layer_2", "b.layer_2"]));
    assert!(!page.string("document.querySelector('.pane-why').textContent").contains("first"));
    // Other runs answer otherwise, so there is no one answer to filter by, but a column.
    assert_eq!(page.eval("document.querySelector('#filter').hidden"), json!(true));
    page.eval("layerlens.store.set({filters: {'column-0': {off: [2, 3]}}})");
    page.frames();
    let [visible, rightly] = ["visible", "rightly"].map(|which| {
        page.number(&format!(
            "(() => {{ const column = layerlens.data.columns[0];
              const one = Array.from(column.codes).filter(
                code => column.texts[code].startsWith('only ')).length;
              return '{which}' === 'visible' ? layerlens.panes[1].points().index.length : one; }})()"
        ))
    });
    assert_eq!(visible, rightly);
    assert!(visible > 0.0);
    // One map alone stays alone when the address is opened again.
    page.key("s", 0);
    page.until("location.hash.includes('space=') && !location.hash.includes('space2')");
    let alone = page.string("location.hash");
    let page = Opening { suffix: &alone, ..Opening::usual("").unwrap() }.open(file);
    assert_eq!(spaces(&page).as_array().unwrap().len(), 1);
    let said = page.text("#banner");
    assert!(!said.contains("wrong") && !said.contains("cannot"), "{said}");
}

#[test]
fn a_comparison_of_other_points_is_its_tables() {
    let Some(usual) = Opening::usual("") else { return };
    let place = Place::new();
    for (name, n) in [("oaks", 30), ("elms", 45)] {
        let folder = format!("layers_{name}");
        std::fs::create_dir(place.path(&folder)).unwrap();
        for (part, n) in [("train", 90), ("test", n)] {
            place.points(&format!("{folder}/dense_{part}.npy"), n, 4);
            place.labels(&format!("{folder}/labels_{part}.npy"), &groups(n as u32));
        }
        place.succeed(&format!(
            "run --from-activations {folder} --methods pca --device cpu --out {name}"
        ));
    }
    place.succeed("compare oaks elms --out both");
    let page = usual.load(&place.path("both/report.html"));
    page.until("document.querySelector('.screen').classList.contains('without-map')");
    assert_eq!(page.eval("document.querySelector('#explorer').hidden"), json!(true));
    let said = page.text("#banner");
    assert!(!said.contains("map"), "{said}");
    assert!(page.text("#report").contains("30 test points against 45 test points"));
}
