//! The card: the right point, the right image, the right neighbours, whatever is hidden and
//! wherever the points have moved.

use crate::page::Page;
use crate::program::N_TEST;
use crate::study::{RENDERERS, SPACES, Study, id, opened};

const ALL: [usize; N_TEST] = {
    let mut all = [0; N_TEST];
    let mut at = 0;
    while at < N_TEST {
        all[at] = at;
        at += 1;
    }
    all
};

/// Points at some of `rows`, spread over them, and demands their cards.
#[track_caller]
fn assert_hover(page: &Page, study: &Study, space: &str, rows: &[usize]) {
    let found = page.lonely(0, rows);
    assert!(found.len() >= 10, "only {} points can be pointed at", found.len());
    for &row in found.iter().step_by(found.len() / 4) {
        page.hover(0, row);
        page.assert_card(study, row);
        let shown = page.eval("Array.from(document.querySelectorAll('#card .card-neighbors [data-id]'), e => e.dataset.id)");
        let expected: Vec<String> = study.neighbors(space, row, 5).into_iter().map(id).collect();
        assert_eq!(shown, serde_json::json!(expected), "neighbours of {} in {space}", id(row));
    }
}

#[test]
fn the_card_shows_the_right_point() {
    for renderer in RENDERERS {
        let Some((page, study)) = opened(&format!("?renderer={renderer}#space=raw&method=tsne"))
        else {
            return;
        };
        assert_hover(&page, study, "raw", &ALL);
        // Classes hidden.
        let hidden = [1, 6, 9];
        hidden.iter().for_each(|&class| page.toggle(class));
        let visible: Vec<usize> =
            ALL.into_iter().filter(|&row| !hidden.contains(&study.labels[row])).collect();
        assert_hover(&page, study, "raw", &visible);
        // Another space.
        for (key, space) in [("3", SPACES[2]), ("2", SPACES[1])] {
            page.key(key, 0);
            page.until(&format!("layerlens.store.get().panes[0].space === '{space}'"));
            assert_hover(&page, study, space, &visible);
        }
        // An epoch.
        page.key("[", 0);
        page.until("layerlens.store.get().panes[0].epoch !== null");
        hidden.iter().for_each(|&class| page.toggle(class));
        assert_hover(&page, study, SPACES[1], &ALL);
    }
}

#[test]
fn hidden_points_have_no_card() {
    let Some((page, study)) = opened("#space=raw&method=tsne") else { return };
    let row = page.lonely(0, &ALL)[0];
    page.hover(0, row);
    page.leave();
    page.toggle(study.labels[row]);
    page.move_to(page.screen(&id(row), 0));
    page.frames();
    assert!(page.state("hover") != row);
}

#[test]
fn the_card_stays_in_the_window() {
    let Some((page, _)) = opened("#space=raw&method=tsne") else { return };
    // A map as wide as the window.
    page.resize(420, 800, 1.0);
    let places = page.places(0);
    let lonely = page.lonely(0, &ALL);
    let by = |key: &dyn Fn((f64, f64)) -> f64| {
        *lonely.iter().max_by(|&&a, &&b| key(places[a]).total_cmp(&key(places[b]))).unwrap()
    };
    let extremes = [by(&|at| at.0), by(&|at| -at.0), by(&|at| at.1), by(&|at| -at.1)];
    for row in extremes {
        page.hover(0, row);
        page.frames();
        let inside = "(r => r.left >= 0 && r.top >= 0 && r.right <= innerWidth && r.bottom <= innerHeight && r.width > 150)\
                      (document.querySelector('#card').getBoundingClientRect())";
        assert_eq!(page.eval(inside), true, "{}", id(row));
    }
}

#[test]
fn a_click_pins_and_a_neighbour_takes_over() {
    let Some((page, study)) = opened("#space=layer_1&method=tsne") else { return };
    let row = page.lonely(0, &ALL)[0];
    page.click_at(page.screen(&id(row), 0), 1);
    page.until(&format!("layerlens.store.get().pin === {row}"));
    page.leave();
    page.assert_card(study, row);
    let next = study.neighbors("layer_1", row, 5)[2];
    page.click(&format!("#card .card-neighbors [data-id='{}']", id(next)));
    page.until_card(next);
    page.assert_card(study, next);
    page.key("Escape", 0);
    page.until("layerlens.store.get().pin === -1 && document.querySelector('#card').hidden");
}

#[test]
fn a_double_click_zooms_and_keeps_the_pin() {
    let Some((page, _)) = opened("#space=raw&method=tsne") else { return };
    let lonely = page.lonely(0, &ALL);
    let places = page.places(0);
    let middle = page.number(
        "(r => (r.left + r.right) / 2)(document.querySelector('canvas.map').getBoundingClientRect())",
    );
    // The card stands in the other half of the map.
    let is_right = |row: usize| places[row].0 > middle;
    let (pinned, others) = lonely.split_first().unwrap();
    let other = *others.iter().find(|&&row| is_right(row) == is_right(*pinned)).unwrap();
    page.eval(&format!("layerlens.store.set({{pin: {pinned}}})"));
    page.frames();
    page.click_at(page.screen(&id(other), 0), 2);
    page.until("layerlens.store.get().views[0].zoom > 1");
    page.until(&format!("layerlens.store.get().pin === {pinned}"));
}

#[test]
fn a_pinned_card_leaves_the_menus_and_its_point_free() {
    let Some((page, _)) = opened("#space=raw&method=tsne") else { return };
    let lonely = page.lonely(0, &ALL);
    for &row in lonely.iter().take(8) {
        page.eval(&format!("layerlens.store.set({{pin: {row}}})"));
        page.until_card(row);
        page.frames();
        let (x, y) = page.screen(&id(row), 0);
        let free = page.eval(&format!(
            "(c => {{ const under = (a, b) => !(a.right < b.left || a.left > b.right || a.bottom < b.top || a.top > b.bottom);
            const menus = Array.from(document.querySelectorAll('.pane-head select, #epochs'), e => e.getBoundingClientRect());
            return menus.every(m => !under(c, m)) && !under(c, {{left: {x} - 40, right: {x} + 40, top: {y} - 40, bottom: {y} + 40}}); \
            }})(document.querySelector('#card').getBoundingClientRect())"
        ));
        assert_eq!(free, true, "the card of {} at {x}, {y}", id(row));
    }
}

#[test]
fn on_a_telephone_the_card_is_a_sheet_below_the_map() {
    let Some((page, _)) = opened("#space=raw&method=tsne") else { return };
    page.resize(390, 844, 2.0);
    page.eval("layerlens.store.set({pin: 3})");
    page.until_card(3);
    page.frames();
    let sheet = page.eval(
        "(c => [c.left, document.documentElement.clientWidth - c.right, innerHeight - c.bottom, c.height])(document.querySelector('#card').getBoundingClientRect())",
    );
    assert_eq!([0, 1, 2].map(|at| sheet[at].as_f64()), [Some(0.0); 3]);
    assert!(sheet[3].as_f64().unwrap() <= 0.45 * 844.0 + 1.0, "{sheet}");
    // The warnings of this run stand between the head and the map.
    let head = page.number("document.querySelector('.page-head').getBoundingClientRect().bottom");
    assert!(head < 0.125 * 844.0, "the head is {head} px high");
}
