//! Everything by keys alone.

use crate::page::Page;
use crate::study::{METHODS, SPACES, id, opened};

#[track_caller]
fn pressed(page: &Page, key: &str, then: &str) {
    page.key(key, 0);
    page.until(&format!("(s => {then})(layerlens.store.get())"));
}

#[test]
fn keys_switch_everything() {
    let Some((page, _)) = opened("#space=raw&method=pca") else { return };
    for (at, space) in SPACES.iter().enumerate().rev() {
        pressed(&page, &(at + 1).to_string(), &format!("s.panes[0].space === '{space}'"));
        assert_eq!(page.string("document.querySelector('.pane .space-select').value"), *space);
    }
    pressed(&page, "m", &format!("s.panes[0].method === '{}'", METHODS[1]));
    assert_eq!(page.string("document.querySelector('.pane .method-select').value"), METHODS[1]);
    pressed(&page, "m", &format!("s.panes[0].method === '{}'", METHODS[0]));
    pressed(&page, "M", &format!("s.panes[0].method === '{}'", METHODS[1]));
    // No such space: nothing happens.
    page.key("9", 0);
    pressed(&page, "2", "s.panes[0].space === 'layer_1'");
    pressed(&page, "[", "s.panes[0].epoch !== null");
    let frame = page.number("layerlens.store.get().panes[0].epoch");
    pressed(&page, "[", &format!("s.panes[0].epoch === {}", frame - 1.0));
    pressed(&page, "]", &format!("s.panes[0].epoch === {frame}"));
    pressed(&page, " ", "s.playing");
    page.until("!layerlens.store.get().playing");
    for (key, on, off) in [
        ("l", "s.lasso", "!s.lasso"),
        ("w", "s.wrong !== null", "s.wrong === null"),
        ("s", "s.panes.length === 2", "s.panes.length === 1"),
    ] {
        pressed(&page, key, on);
        pressed(&page, key, off);
    }
    pressed(&page, "+", "s.views[0].zoom > 1");
    pressed(&page, "+", "s.views[0].zoom > 1.3");
    pressed(&page, "-", "s.views[0].zoom > 1");
    pressed(&page, "0", "s.views[0].zoom === 1");
    page.key("?", 0);
    page.until("document.querySelector('#help').open");
    // Its keys are not the map's.
    page.key("3", 0);
    pressed(&page, "Escape", "s.panes[0].space === 'layer_1'");
    page.until("!document.querySelector('#help').open");
}

#[test]
fn keys_in_a_menu_are_the_menus() {
    let Some((page, _)) = opened("#space=raw&method=pca") else { return };
    page.eval("document.querySelector('#theme-select').focus()");
    page.key("l", 0);
    page.until("layerlens.store.get().theme === 'light'");
    assert_eq!(page.state("lasso"), false);
    page.eval("document.querySelector('#epochs input').focus()");
    page.key("ArrowLeft", 0);
    assert_eq!(page.state("pin"), -1);
}

#[test]
fn arrows_walk_the_neighbours_of_the_space() {
    for space in SPACES {
        let Some((page, study)) = opened(&format!("#space={space}&method=tsne")) else { return };
        let all: Vec<usize> = (0..study.labels.len()).collect();
        let start = page.lonely(0, &all)[2];
        page.eval("document.querySelector('canvas.map').focus()");
        page.hover(0, start);
        page.key("Enter", 0);
        page.until(&format!("layerlens.store.get().pin === {start}"));
        page.leave();
        page.assert_card(study, start);
        let neighbors = study.neighbors(space, start, 10);
        // Right and left go through the neighbours of a point; down goes on from the one reached,
        // up returns.
        let further = study.neighbors(space, neighbors[0], 1)[0];
        let there = [
            ("ArrowRight", neighbors[0]),
            ("ArrowRight", neighbors[1]),
            ("ArrowLeft", neighbors[0]),
        ];
        for (key, row) in there.into_iter().chain([
            ("ArrowDown", further),
            ("ArrowUp", neighbors[0]),
            ("ArrowUp", start),
        ]) {
            page.key(key, 0);
            page.until(&format!("layerlens.store.get().pin === {row}"));
            page.until_card(row);
            page.assert_card(study, row);
        }
        // Hidden points are passed over.
        let hidden = study.labels[neighbors[0]];
        if hidden != study.labels[start] {
            page.eval(&format!("layerlens.store.set({{off: new Set([{hidden}])}})"));
            let next = neighbors.iter().find(|&&row| study.labels[row] != hidden).copied();
            page.key("ArrowRight", 0);
            page.until(&format!("layerlens.store.get().pin === {}", next.unwrap_or(start)));
        }
        page.key("Escape", 0);
        page.until("layerlens.store.get().pin === -1 && document.querySelector('#card').hidden");
        assert_eq!(page.eval(&format!("layerlens.indexOf('{}')", id(start))), start);
    }
}

#[test]
fn keys_of_one_character_can_be_switched_off() {
    let Some((page, _)) = opened("#space=raw&method=pca") else { return };
    let set = |on: bool| {
        page.eval(&format!(
            "(s => {{ s.checked = {on}; s.dispatchEvent(new Event('change')); }})(document.querySelector('#help .letter-keys'))"
        ));
    };
    set(false);
    for key in ["2", "m", "l", "w", "s", "+", "?"] {
        page.key(key, 0);
    }
    page.frames();
    let untouched = "(s => s.panes.length === 1 && s.panes[0].space === 'raw' && s.panes[0].method === 'pca' && !s.lasso && s.wrong === null \
                     && s.views[0].zoom === 1 && !document.querySelector('#help').open)(layerlens.store.get())";
    assert_eq!(page.eval(untouched), true);
    // Keys with names act as before.
    page.eval("document.querySelector('canvas.map').focus()");
    pressed(&page, "Enter", "s.pin >= 0");
    pressed(&page, "Escape", "s.pin < 0");
    set(true);
    pressed(&page, "2", "s.panes[0].space === 'layer_1'");
}
