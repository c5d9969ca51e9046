//! Two maps beside each other: what is pointed at, selected or hidden in one is so in the other,
//! and the overlap of their neighbourhoods as a colour.

use crate::page::Page;
use crate::program::N_TEST;
use crate::study::{RENDERERS, opened};

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
