//! Metadata of the points: shown on the card, coloured by, filtered by, searched and exported.

use crate::page::{Opening, Page};
use crate::program::Place;
use serde_json::json;
use std::fs;

const N: usize = 60;
/// A value that must stay a text, in the page as in the file.
const HOSTILE: &str = "</script><b>bold</b>";

/// Of each row: its batch, its age (none in every tenth), a note of its own.
fn batch(row: usize) -> &'static str {
    ["b10", "b2", HOSTILE][row % 3]
}

fn age(row: usize) -> Option<f64> {
    (row % 10 != 9).then_some(0.5 * row as f64)
}

fn page_with_metadata() -> Option<(Place, Page)> {
    let usual = Opening::usual("")?;
    let place = Place::new();
    place.points("map.npy", N, 2);
    let mut table = csv::Writer::from_path(place.path("table.csv")).unwrap();
    table.write_record(["batch", "age", "note"]).unwrap();
    for row in 0..N {
        let age = age(row).map_or("NA".into(), |age| age.to_string());
        table.write_record([batch(row), &age, &format!("Note, {row}")]).unwrap();
    }
    table.flush().unwrap();
    place.succeed("report --embedding map.npy --metadata table.csv --device cpu --out page.html");
    let page = usual.open(&place.path("page.html"));
    Some((place, page))
}

/// Rows that can be seen.
fn shown(page: &Page) -> Vec<usize> {
    let index = page.eval("Array.from(layerlens.panes[0].points().index).sort((a, b) => a - b)");
    serde_json::from_value(index).unwrap()
}

fn rows(keep: impl Fn(usize) -> bool) -> Vec<usize> {
    (0..N).filter(|&row| keep(row)).collect()
}

fn color_by(page: &Page, column: &str) {
    page.eval(&format!(
        "(s => {{ s.value = '{column}'; s.dispatchEvent(new Event('change')); }})\
         (document.querySelector('#color-select'))"
    ));
    page.until(&format!("layerlens.store.get().color === '{column}'"));
    page.frames();
}

#[test]
fn the_card_shows_every_column() {
    let Some((_place, page)) = page_with_metadata() else { return };
    for row in [0, 2, 9] {
        page.eval(&format!("layerlens.store.set({{pin: {row}}})"));
        page.until(&format!("document.querySelector('#card').dataset.id.endsWith(':{row}')"));
        let said = page.eval(
            "Array.from(document.querySelectorAll('#card .card-columns > div'), \
             e => [e.querySelector('dt').textContent, e.querySelector('dd').textContent])",
        );
        let age = age(row).map_or("no value".into(), |age| age.to_string());
        let note = format!("Note, {row}");
        assert_eq!(said, json!([["batch", batch(row)], ["age", age], ["note", note]]));
    }
    assert_eq!(page.eval("document.querySelectorAll('#card b').length"), 0);
}

#[test]
fn categories_colour_and_filter() {
    let Some((_place, page)) = page_with_metadata() else { return };
    // Without classes the first column is what the map is coloured by.
    let offered = page
        .eval("Array.from(document.querySelectorAll('#color-select option'), o => o.textContent)");
    assert_eq!(offered, json!(["neighbour overlap", "batch", "age"]));
    let values = page.eval(
        "Array.from(document.querySelectorAll('#legend button[data-value]'), \
         b => [b.querySelector('.name').textContent, b.querySelector('.count').textContent])",
    );
    assert_eq!(values, json!([[HOSTILE, "20 / 20"], ["b2", "20 / 20"], ["b10", "20 / 20"]]));
    let colors = page.eval("layerlens.data.columns[0].colors");
    let like = |value: usize| page.pixels_like(0, colors[value].as_str().unwrap());
    page.frames();
    let before = like(1);
    assert!(before > 20, "{before} pixels in the colour of b2");
    page.click("#legend button[data-value='1']");
    page.until("Object.keys(layerlens.store.get().filters).length === 1");
    page.frames();
    assert_eq!(shown(&page), rows(|row| batch(row) != "b2"));
    assert!(like(1) < before / 4, "{} pixels of {before} are left", like(1));
    assert_eq!(page.text("#legend button[data-value='1'] .count"), "0 / 20");

    // A filter of another column holds with it, is told, and is in the address.
    color_by(&page, "column-1");
    assert!(page.text("#legend .legend-note").contains("Also filtered: batch without b2."));
    page.until("location.hash.includes('filter=column-0%3A-1')");
    page.click("#legend .show-all");
    page.until("Object.keys(layerlens.store.get().filters).length === 0");
    page.frames();
    assert_eq!(shown(&page).len(), N);
}

#[test]
fn amounts_colour_and_filter_by_their_ends() {
    let Some((_place, page)) = page_with_metadata() else { return };
    color_by(&page, "column-1");
    assert_eq!(page.text("#legend .ramp-ends span"), "0");
    assert_eq!(page.text("#legend .ramp-ends span:last-child"), "29");
    let share = |row: usize| page.eval(&format!("layerlens.data.columns[1].measure.share({row})"));
    assert!((share(10).as_f64().unwrap() - 5.0 / 29.0).abs() < 1e-12);
    assert_eq!(share(9), serde_json::Value::Null, "a NaN has no JSON");
    page.eval(
        "(i => { i.value = '12.5'; i.dispatchEvent(new Event('change')); })\
         (document.querySelector('.legend-range input'))",
    );
    page.until("Object.keys(layerlens.store.get().filters).length === 1");
    page.frames();
    let left = rows(|row| age(row).is_some_and(|age| age >= 12.5));
    assert_eq!(shown(&page), left);
    // The address brings the filter back.
    page.until("location.hash.includes('filter=')");
    let hash = page.string("location.hash");
    page.eval("layerlens.store.set({filters: {}})");
    page.until("!location.hash.includes('filter=')");
    page.frames();
    assert_eq!(shown(&page).len(), N);
    page.eval(&format!("location.hash = {hash:?}"));
    page.until("Object.keys(layerlens.store.get().filters).length === 1");
    page.frames();
    assert_eq!(shown(&page), left);
}

#[test]
fn words_find_points_and_the_selection_is_exported_with_its_metadata() {
    let Some((_place, page)) = page_with_metadata() else { return };
    let search = |words: &str| {
        page.eval(&format!(
            "(i => {{ i.value = {words:?}; i.dispatchEvent(new Event('input')); }})\
             (document.querySelector('#selection .find-points'))"
        ));
    };
    search("note, 5");
    let found = rows(|row| format!("note, {row}").contains("note, 5"));
    assert_eq!(page.text("#selection .selection-count"), format!("{} selected", found.len()));
    let (_, csv) = page.download("#selection button.export-csv");
    let mut reader = csv::Reader::from_reader(&csv[..]);
    let head: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    assert_eq!(head[6..], ["batch", "age", "note"]);
    let exported: Vec<csv::StringRecord> = reader.into_records().map(Result::unwrap).collect();
    assert_eq!(exported.len(), found.len());
    for (record, &row) in exported.iter().zip(&found) {
        let age = age(row).map_or(String::new(), |age| age.to_string());
        assert_eq!(
            [&record[6], &record[7], &record[8]],
            [batch(row), &age, &format!("Note, {row}")]
        );
    }
    search("nothing of the kind");
    assert_eq!(page.text("#selection .selection-count"), "Nothing selected");
    let (_, svg) = page.download("button.save-svg");
    let svg = String::from_utf8(svg).unwrap();
    assert!(svg.contains("b10") && svg.contains("&lt;/script"), "the legend of the picture");
}

#[test]
fn a_page_without_metadata_says_nothing_of_them() {
    let Some(usual) = Opening::usual("") else { return };
    let place = Place::new();
    place.points("map.npy", N, 2);
    fs::write(place.path("names.csv"), format!("label\n{}", "a\nb\n".repeat(N / 2))).unwrap();
    place.succeed("report --embedding map.npy --labels names.csv --device cpu --out page.html");
    let page = usual.open(&place.path("page.html"));
    page.eval("layerlens.store.set({pin: 1})");
    page.until("!document.querySelector('#card').hidden");
    let hidden =
        |selector: &str| page.eval(&format!("document.querySelector('{selector}').hidden"));
    for part in [".card-columns", ".legend-column", ".find-points"] {
        assert_eq!(hidden(part), true, "{part}");
    }
}
