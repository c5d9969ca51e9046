//! Circling points: what is selected, what the panel says of it, and the file that it is exported
//! to.

use crate::page::{ALT, Page, SHIFT};
use crate::program::N_TEST;
use crate::study::{RENDERERS, Study, opened};
use std::collections::{BTreeMap, BTreeSet};

/// The map, and a line across it with room on both sides: the middle of the widest gap between
/// neighbouring points.
struct Cut {
    left: f64,
    top: f64,
    right: f64,
    bottom: f64,
    at: f64,
    upright: bool,
}

impl Cut {
    #[track_caller]
    fn new(page: &Page, places: &[(f64, f64)], upright: bool) -> Self {
        let area = page.eval(
            "(r => [r.left, r.top, r.right, r.bottom])(document.querySelector('.pane \
             canvas.map').getBoundingClientRect())",
        );
        let [left, top, right, bottom] = [0, 1, 2, 3].map(|at| area[at].as_f64().unwrap());
        let mut along: Vec<f64> =
            places.iter().map(|&(x, y)| if upright { x } else { y }).collect();
        along.sort_by(f64::total_cmp);
        let middle = &along[N_TEST / 4..3 * N_TEST / 4];
        let gap = middle.windows(2).max_by(|a, b| (a[1] - a[0]).total_cmp(&(b[1] - b[0]))).unwrap();
        assert!(gap[1] - gap[0] > 3.0, "no gap between the points");
        Self { left, top, right, bottom, at: (gap[0] + gap[1]) / 2.0, upright }
    }

    /// Circles what is before the line: left of it or above it.
    fn circle(&self, page: &Page, modifiers: u32) {
        let (left, top) = (self.left + 2.0, self.top + 2.0);
        let (right, bottom) =
            if self.upright { (self.at, self.bottom - 2.0) } else { (self.right - 2.0, self.at) };
        // In steps, as a hand draws.
        let corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)];
        let steps = corners.windows(2).flat_map(|pair| {
            let (a, b) = (pair[0], pair[1]);
            (0..4).map(move |step| {
                let t = f64::from(step) / 4.0;
                (a.0 + (b.0 - a.0) * t, a.1 + (b.1 - a.1) * t)
            })
        });
        page.drag(&steps.collect::<Vec<_>>(), modifiers);
        page.frames();
    }

    fn holds(&self, (x, y): (f64, f64)) -> bool {
        if self.upright { x < self.at } else { y < self.at }
    }
}

#[track_caller]
fn selected(page: &Page) -> BTreeSet<usize> {
    let rows = page.eval(
        "(s => s.selection ? Array.from(s.selection.keys()).filter(i => s.selection[i]) \
            : [])(layerlens.store.get())",
    );
    serde_json::from_value(rows).unwrap()
}

/// Demands that the panel and the legend count `rows`.
#[track_caller]
fn assert_panel(page: &Page, study: &Study, rows: &BTreeSet<usize>) {
    assert_eq!(selected(page), *rows);
    let said = page.text("#selection .selection-count");
    assert!(said.contains(&rows.len().to_string()), "{said}, expected {}", rows.len());
    for class in 0..10 {
        let n = rows.iter().filter(|&&row| study.labels[row] == class).count();
        assert_eq!(page.legend(class), [n, study.of_class(class).len()], "class {class}");
    }
    let there = |of: &[usize]| -> Vec<&str> {
        let names = study.classes.iter().enumerate();
        names
            .filter(|(class, _)| rows.iter().any(|&row| of[row] == *class))
            .map(|(_, name)| name.as_str())
            .collect()
    };
    let names = |selector: &str| {
        page.eval(&format!("Array.from(document.querySelectorAll('#selection {selector}'), e => e.innerText.trim())"))
    };
    assert_eq!(names(".selection-classes .name"), serde_json::json!(there(&study.labels)));
    let confused = names(".selection-confusion th[scope=row]");
    assert!(
        there(&study.labels).iter().all(|name| confused
            .as_array()
            .unwrap()
            .iter()
            .any(|shown| shown == name)),
        "{confused}"
    );
    let right = rows.iter().filter(|&&row| !study.is_wrong(row)).count() as f64;
    let diagonal = page.number("Array.from(document.querySelectorAll('#selection td.right'), e => +e.innerText.replace(',', '')).reduce((a, b) => a + b, 0)");
    assert_eq!(diagonal, right);
}

#[test]
fn the_lasso_takes_what_is_inside_and_visible() {
    for renderer in RENDERERS {
        let Some((page, study)) = opened(&format!("?renderer={renderer}#space=raw&method=pca"))
        else {
            return;
        };
        let places = page.places(0);
        page.key("l", 0);
        page.until("layerlens.store.get().lasso");
        let cuts = [true, false].map(|upright| Cut::new(&page, &places, upright));
        let inside =
            |cut: &Cut| (0..N_TEST).filter(|&row| cut.holds(places[row])).collect::<BTreeSet<_>>();
        let [left, upper] = [inside(&cuts[0]), inside(&cuts[1])];
        let both: BTreeSet<usize> = left.union(&upper).copied().collect();
        assert!(both.len() > left.len() && !left.is_disjoint(&upper));

        cuts[0].circle(&page, 0);
        assert_panel(&page, study, &left);
        cuts[1].circle(&page, SHIFT);
        assert_panel(&page, study, &both);
        cuts[0].circle(&page, ALT);
        assert_panel(&page, study, &both.difference(&left).copied().collect());
        // It stays armed, and a new one begins anew.
        assert_eq!(page.state("lasso"), true);
        cuts[0].circle(&page, 0);
        assert_panel(&page, study, &left);
        page.click("#selection button.clear");
        page.until("layerlens.store.get().selection === null");
        assert_eq!(page.legend(0)[0], study.of_class(0).len());

        // Hidden points are not circled.
        let hidden = study.labels[*left.first().unwrap()];
        page.toggle(hidden);
        cuts[0].circle(&page, 0);
        assert_panel(
            &page,
            study,
            &left.into_iter().filter(|&row| study.labels[row] != hidden).collect(),
        );
    }
}

#[test]
fn the_selection_is_exported_with_what_is_known_of_it() {
    let Some((page, study)) = opened("#space=layer_1&method=tsne") else { return };
    let places = page.places(0);
    page.click("#lasso-button");
    page.until("layerlens.store.get().lasso");
    let cut = Cut::new(&page, &places, true);
    cut.circle(&page, 0);
    let rows: BTreeSet<usize> = (0..N_TEST).filter(|&row| cut.holds(places[row])).collect();
    let (name, bytes) = page.download("#selection button.export-csv");
    assert!(name.ends_with(".csv"), "{name}");
    let mut reader = csv::Reader::from_reader(&bytes[..]);
    assert_eq!(
        reader.headers().unwrap(),
        &csv::StringRecord::from(vec!["id", "split", "label", "prediction", "x", "y"])
    );
    let mut exported = BTreeMap::new();
    for record in reader.records().map(Result::unwrap) {
        let row: usize = record[0].strip_prefix("test:").expect("test:ROW").parse().unwrap();
        assert_eq!(&record[1], "test");
        assert_eq!(
            (&record[2], &record[3]),
            (&*study.classes[study.labels[row]], &*study.classes[study.predictions[row]])
        );
        let at: [f64; 2] = [record[4].parse().unwrap(), record[5].parse().unwrap()];
        assert!(exported.insert(row, at).is_none(), "row {row} twice");
    }
    assert_eq!(exported.keys().copied().collect::<BTreeSet<_>>(), rows);

    // The map may be turned and moved onto another, which keeps distances; each axis is rounded to
    // one of 65,536 places.
    let map = study.map("layer_1", "tsne");
    let distance = |a: &[f64; 2], b: &[f64; 2]| (a[0] - b[0]).hypot(a[1] - b[1]);
    let given = |row: usize| [f64::from(map.row(row)[0]), f64::from(map.row(row)[1])];
    let largest = (0..N_TEST).map(|row| distance(&given(0), &given(row))).fold(0.0, f64::max);
    let first = *rows.first().unwrap();
    for (row, at) in &exported {
        let error = (distance(&exported[&first], at) - distance(&given(first), &given(*row))).abs();
        assert!(error < largest * 1e-4, "row {row}: off by {error} of {largest}");
    }
}
