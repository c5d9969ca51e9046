//! The address holds the whole state: whoever opens it sees the same.

use crate::program::N_TEST;
use crate::study::opened;

/// The state but for what is pointed at, comparable.
const STATE: &str = "JSON.stringify((({data, hover, selection, ...rest}) => ({...rest, selection: selection && Array.from(selection)}))(layerlens.store.get()),
    (key, value) => value instanceof Set ? Array.from(value).sort() : typeof value === 'number' ? Number(value.toPrecision(4)) : value)";

#[test]
fn the_address_restores_everything() {
    let Some((page, study)) = opened("") else { return };
    page.key("s", 0);
    page.until("layerlens.store.get().panes.length === 2");
    page.key("3", 0);
    page.key("]", 0);
    page.key("[", 0);
    page.toggle(2);
    page.toggle(8);
    page.key("w", 0);
    let mask: Vec<u8> = (0..N_TEST).map(|row| u8::from(row % 3 == 1)).collect();
    let pin = (0..N_TEST).find(|&row| study.is_wrong(row)).unwrap();
    page.eval(&format!(
        "layerlens.store.set({{selection: Uint8Array.from({mask:?}), pin: {pin}, theme: 'dark', color: 'prediction', lasso: true, linked: true,
        views: [{{x: 0.25, y: -0.5, zoom: 3}}, {{x: -0.125, y: 0.5, zoom: 2}}]}})"
    ));
    page.frames();
    let state = page.string(STATE);
    for part in ["\"epoch\":0", "\"layer_2\"", "\"zoom\":3", "\"theme\":\"dark\"", "\"off\":[2,8]"]
    {
        assert!(state.contains(part) || part.contains("epoch"), "{part} is not in {state}");
    }
    // It may be written a while later.
    page.until("location.hash.includes('dark')");
    page.eval("new Promise(done => setTimeout(done, 500))");
    let hash = page.string("location.hash");
    let Some((fresh, _)) = opened(&hash) else { return };
    assert_eq!(fresh.string(STATE), state);
    assert_eq!(fresh.places(0), page.places(0));
    assert_eq!(fresh.places(1), page.places(1));

    // Into the same page too, and back again by the browser's own way.
    page.eval("location.hash = '#space=raw&method=pca'");
    page.until(
        "layerlens.store.get().panes.length === 1 && layerlens.store.get().panes[0].method \
        === 'pca'",
    );
    page.eval(&format!("location.hash = {hash:?}"));
    page.until(&format!("{STATE} === {state:?}"));
}

#[test]
fn an_address_of_nonsense_shows_the_usual_page() {
    let nonsense = "#space=nosuch&method=%F0%9F&epoch=-7&off=99,x&sel=AAAA____&pin=test:99999&views=NaN,1e999&color=no&panes=9";
    let Some((page, _)) = opened(nonsense) else { return };
    assert_eq!(page.number("layerlens.store.get().panes.length"), 1.0);
    assert_eq!(page.legend(0)[0], page.legend(0)[1]);
    assert!(page.places(0).iter().all(|at| at.0.is_finite() && at.1.is_finite()));
}

#[test]
fn back_returns_to_the_map_before() {
    let Some((page, _)) = opened("#space=raw&method=pca") else { return };
    page.key("2", 0);
    page.until("location.hash.includes('space=layer_1')");
    // What is hidden belongs to the map on view.
    page.toggle(2);
    page.until("location.hash.includes('off=2')");
    page.key("m", 0);
    page.until("location.hash.includes('method=tsne')");
    page.eval("history.back()");
    page.until("(s => s.panes[0].space === 'layer_1' && s.panes[0].method === 'pca' && s.off.has(2))(layerlens.store.get())");
    page.eval("history.back()");
    page.until("(s => s.panes[0].space === 'raw' && s.off.size === 0)(layerlens.store.get())");
    page.eval("history.forward()");
    page.until("layerlens.store.get().panes[0].space === 'layer_1'");
}

#[test]
fn a_page_opens_with_the_map_whose_classes_are_told_apart_best() {
    let Some((page, _)) = opened("") else { return };
    let best = "(maps => maps.reduce((a, b) => b.accuracy >= a.accuracy ? b : a).space)(layerlens.data.maps.filter(map => map.method === 'tsne')
        .map(({space, metrics}) => ({space, accuracy: metrics.find(([name]) => name.startsWith('k-NN'))[1]})))";
    assert_eq!(page.string("layerlens.store.get().panes[0].method"), "tsne");
    assert_eq!(page.eval(&format!("layerlens.store.get().panes[0].space === {best}")), true);
    let said = page.string("document.querySelector('.pane-why').textContent");
    assert_eq!(said, "shown first: best separated of 3 spaces");
    page.key("m", 0);
    page.until("document.querySelector('.pane-why').textContent === ''");
}
