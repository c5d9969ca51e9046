//! What people without a mouse, without sight, with little contrast or without liking for motion
//! meet.

use crate::page::{Opening, Page};
use crate::study::{STILL, opened, study};
use serde_json::json;

/// Controls that are on the page and not switched off, in the order of the document.
const CONTROLS: &str = "Array.from(document.querySelectorAll('a[href], button, select, input, summary, [tabindex=\"0\"]'))
    .filter(e => !e.disabled && e.checkVisibility({visibilityProperty: true}))";

/// Two maps that have epochs.
const TWO: &str = "#space=layer_1&method=tsne&space2=layer_2&method2=tsne";

/// Opens all that can be open: a card, a selection, the lasso's menu.
#[track_caller]
fn open_everything(page: &Page) {
    page.eval("layerlens.store.set({selection: new Uint8Array(layerlens.data.points.n).fill(1), pin: 3, lasso: true, off: new Set([1])})");
    page.until("!document.querySelector('#card').hidden");
    page.places(1);
}

#[test]
fn tab_reaches_every_control_and_shows_where_it_is() {
    let Some((page, _)) = opened(TWO) else { return };
    open_everything(&page);
    page.eval("document.activeElement.blur()");
    let n = page.number(&format!("(window.controls = {CONTROLS}).length")) as usize;
    assert!(n > 60, "{n} controls");
    page.eval("window.reached = new Set(); window.unseen = []");
    // The browser has places of its own, and stops at whatever scrolls.
    for _ in 0..2 * n {
        page.key("Tab", 0);
        let more = page.eval(
            "(e => { reached.add(e); const s = getComputedStyle(e);
            if (e !== document.body && !(parseFloat(s.outlineWidth) >= 1 && s.outlineStyle !== 'none') && s.boxShadow === 'none') unseen.push(e.outerHTML.slice(0, 120));
            return controls.some(e => !reached.has(e)); })(document.activeElement)",
        );
        if more == false {
            break;
        }
    }
    assert_eq!(
        page.eval("controls.filter(e => !reached.has(e)).map(e => e.outerHTML.slice(0, 120))"),
        json!([]),
        "not reached"
    );
    assert_eq!(page.eval("unseen"), json!([]), "the focus is not seen");
}

#[test]
fn every_control_has_a_name() {
    let Some((page, _)) = opened(TWO) else { return };
    open_everything(&page);
    page.key("?", 0);
    page.until("document.querySelector('#help').open");
    for open in [true, false] {
        let tree = page.call("Accessibility.getFullAXTree", json!({}));
        let mut n = 0;
        for node in tree["nodes"].as_array().unwrap().iter().filter(|node| node["ignored"] == false)
        {
            let role = node["role"]["value"].as_str().unwrap_or_default();
            let roles = [
                "button",
                "ToggleButton",
                "combobox",
                "ComboBoxMenuButton",
                "slider",
                "link",
                "checkbox",
                "dialog",
                "application",
                "image",
                "img",
            ];
            if roles.contains(&role) {
                n += 1;
                assert!(
                    node["name"]["value"].as_str().is_some_and(|name| !name.trim().is_empty()),
                    "a {role} without a name: {node}"
                );
            }
        }
        assert!(n > if open { 1 } else { 40 }, "{n} nodes");
        page.key("Escape", 0);
        page.until("!document.querySelector('#help').open");
    }
}

/// Texts whose contrast with what is behind them is below 4.5 (WCAG 2.2, 1.4.3), and how many texts
/// there are.
const CONTRAST: &str = r"(() => {
    const context = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
    const rgba = color => {
        context.clearRect(0, 0, 1, 1); context.fillStyle = color; context.fillRect(0, 0, 1, 1);
        const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255];
    };
    const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a), 1];
    const light = ([r, g, b]) => [r, g, b].map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const behind = element => {
        const layers = [];
        for (let e = element; e; e = e.parentElement) { const c = rgba(getComputedStyle(e).backgroundColor); layers.push(c); if (c[3] === 1) break; }
        return layers.reverse().reduce((below, layer) => over(layer, below), rgba('Canvas'));
    };
    const found = []; let n = 0;
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const shown = e => e.checkVisibility({visibilityProperty: true}) && !e.closest('script, style, noscript, option, :disabled, svg, .visually-hidden');
    const check = (e, text) => {
        let opacity = 1;
        for (let p = e; p; p = p.parentElement) opacity *= +getComputedStyle(p).opacity;
        const below = behind(e), color = rgba(getComputedStyle(e).color);
        const [a, b] = [light(over([color[0], color[1], color[2], color[3] * opacity], below)), light(below)];
        const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        n++;
        // Signs that are no text, such as the squares of a legend, need 3 (1.4.11).
        if (contrast < (/[\p{L}\p{N}]/u.test(text) ? 4.5 : 3)) found.push(`${contrast.toFixed(2)}: ${text.trim().slice(0, 40)} (${e.tagName}.${e.className} in ${e.closest('[id]')?.id})`);
    };
    while (walker.nextNode()) {
        const e = walker.currentNode.parentElement, text = walker.currentNode.data;
        if (text.trim() && shown(e)) check(e, text);
    }
    for (const e of document.querySelectorAll('select')) if (shown(e)) check(e, 'select ' + e.value);
    return [n, found];
})()";

#[test]
fn every_text_has_contrast() {
    for scheme in ["light", "dark"] {
        let Some(usual) = Opening::usual(TWO) else { return };
        let page = Opening { media: &[("prefers-color-scheme", scheme), STILL[0]], ..usual }
            .open(&study().page);
        open_everything(&page);
        page.key("w", 0);
        page.key("?", 0);
        page.until("document.querySelector('#help').open");
        page.frames();
        let found = page.eval(CONTRAST);
        assert!(found[0].as_f64().unwrap() > 200.0, "{} texts", found[0]);
        assert_eq!(found[1], json!([]), "{scheme}");
    }
}

#[test]
fn motion_is_left_out_where_it_is_not_wanted() {
    let moving = |page: &Page| {
        page.places(0);
        // The first frames after the switch, then where the points come to rest.
        let early = page.eval(
            "(async () => { layerlens.store.set({panes: [{space: 'layer_2', method: 'tsne', epoch: null}]});
            for (let i = 0; i < 3; i++) await new Promise(requestAnimationFrame);
            return Array.from({length: 20}, (_, i) => { const p = layerlens.screen('test:' + i, 0); return [p.x, p.y]; }); })()",
        );
        let rest = page.places(0);
        let off = |row: usize| {
            (early[row][0].as_f64().unwrap() - rest[row].0)
                .hypot(early[row][1].as_f64().unwrap() - rest[row].1)
        };
        (0..20).map(off).fold(0.0, f64::max)
    };
    let suffix = "#space=raw&method=tsne";
    let Some((still, _)) = opened(suffix) else { return };
    // Both maps have been decoded once.
    still.key("3", 0);
    still.places(0);
    still.key("1", 0);
    assert!(moving(&still) < 1e-6, "points move though motion is not wanted");
    let usual = Opening::usual(suffix).unwrap();
    let page = Opening { media: &[("prefers-reduced-motion", "no-preference")], ..usual }
        .open(&study().page);
    assert!(moving(&page) > 5.0, "points jump though motion is welcome");
}
