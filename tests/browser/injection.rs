//! Names from data are text: whatever stands in them is shown as given, and nothing of it becomes a
//! part of the page.

use crate::page::Opening;
use crate::program::Place;
use layerlens::dataset::npy;
use serde_json::json;
use std::fs;

/// Names that end a script, open a tag, an attribute or a comment, write from the right, or need
/// more than two bytes.
const NAMES: [&str; 7] = [
    "T\"</script><img src=x onerror=alert(1)>",
    "'><svg/onload=alert(2)>",
    "<!--<script>alert(3)</script>",
    "\u{202e}\u{5d0}\u{5d1}\u{5d2} &amp; &lt;b&gt;",
    "\u{1f456} \u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}",
    "{{script}} ${alert(4)} \\u003cb\\u003e\u{2028}.",
    "=1+1, \"quoted\"",
];

#[test]
fn hostile_names_are_shown_as_they_are() {
    let Some(usual) = Opening::usual("") else { return };
    let place = Place::new();
    let file = "my \"maps\" <img src=x onerror=alert(5)> & 'more' \u{1f456}.npy";
    place.points("x.npy", 140, 2);
    fs::rename(place.path("x.npy"), place.path(file)).unwrap();
    let mut labels = csv::Writer::from_path(place.path("labels of all.csv")).unwrap();
    labels.write_record(["label"]).unwrap();
    (0..140).for_each(|row| labels.write_record([NAMES[row % NAMES.len()]]).unwrap());
    labels.flush().unwrap();
    drop(labels);
    let mut command = place.command(&[
        "report",
        "--embedding",
        file,
        "--labels",
        "labels of all.csv",
        "--out",
        "page of all.html",
    ]);
    let outcome = crate::program::finished(&mut command);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(npy::read_matrix(place.path(file)).is_ok());

    let page = usual.open(&place.path("page of all.html"));
    let names = page.eval("layerlens.data.classes.map(c => c.name)");
    let mut sorted: Vec<&str> =
        names.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    sorted.sort_unstable();
    let mut expected = NAMES.to_vec();
    expected.sort_unstable();
    assert_eq!(sorted, expected);
    let legend = page.eval("Array.from(document.querySelectorAll('#legend button[data-class] .name'), e => e.textContent)");
    assert_eq!(legend, names);
    assert!(
        page.string("document.title")
            .contains("my \"maps\" <img src=x onerror=alert(5)> & 'more' \u{1f456}"),
        "{}",
        page.string("document.title")
    );

    // Everything that shows names.
    page.eval("layerlens.store.set({selection: new Uint8Array(140).fill(1), pin: 0})");
    for (row, name) in NAMES.iter().enumerate() {
        page.eval(&format!("layerlens.store.set({{pin: {row}}})"));
        page.until(&format!("document.querySelector('#card').dataset.id.endsWith(':{row}')"));
        assert_eq!(
            page.string("document.querySelector('#card .card-class bdi').textContent"),
            *name
        );
    }
    let shown = page.eval(
        "Array.from(document.querySelectorAll('.selection-classes .name'), e => e.textContent)",
    );
    assert_eq!(shown, names);
    let injected = page.eval(
        "[document.querySelectorAll('[onerror], [onload], img[src=x], b').length, \
         document.querySelectorAll('script').length]",
    );
    let blocks = page.eval("document.querySelectorAll('script[id^=block-]').length");
    assert_eq!(
        injected,
        json!([0, blocks.as_u64().unwrap() + 2]),
        "the page's own scripts are its data and its code"
    );

    // In files too: a field that a spreadsheet would compute stays a text.
    let (_, csv) = page.download("#selection button.export-csv");
    let rows: Vec<csv::StringRecord> =
        csv::Reader::from_reader(&csv[..]).into_records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 140);
    for (row, record) in rows.iter().enumerate() {
        assert_eq!(&record[2], NAMES[row % NAMES.len()]);
    }
    let (_, svg) = page.download("button.save-svg");
    let svg = json!(String::from_utf8(svg).unwrap());
    let parsed = page.eval(&format!(
        "(d => [d.querySelector('parsererror')?.textContent ?? '', d.querySelectorAll('script, \
         img, [onload]').length])(new DOMParser().parseFromString({svg}, 'image/svg+xml'))"
    ));
    assert_eq!(parsed, json!(["", 0]));
}
