//! The layer profile on the page: colours by prediction depth, what the probes believe on the card,
//! the list of points with their images, links to their cards, and from the layers to their maps.

use crate::program::N_TEST;
use crate::study::{SPACES, opened};
use layerlens::dataset::npy;
use layerlens::matrix::Matrix;
use layerlens::profile::{PointMeasures, prediction_depths};

#[test]
fn the_card_shows_what_the_probes_believe_layer_by_layer() {
    let Some((page, study)) = opened("#space=layer_1&method=pca") else { return };
    let read = |space: &str| -> Matrix {
        npy::read_values(study.out().join(format!("scores/probes/{space}.npy"))).unwrap()
    };
    let probes = SPACES.map(read);
    for row in [0, 7, N_TEST - 1] {
        page.eval(&format!("layerlens.store.set({{ pin: {row} }})"));
        page.until("!document.querySelector('#card').hidden");
        let shown = page.eval(
            "Array.from(document.querySelectorAll('#card .belief'), e => \
             [e.querySelector('.name').textContent, e.querySelector('.figure').textContent])",
        );
        let expected: Vec<[String; 2]> = probes
            .iter()
            .map(|probe| {
                let [class, sure] = [probe.row(row)[0], probe.row(row)[1]];
                // On the page it is one of 255 steps.
                let sure = f64::from((255.0 * sure).round()) / 255.0;
                [study.classes[class as usize].clone(), format!("{sure:.2}")]
            })
            .collect();
        assert_eq!(shown, serde_json::json!(expected), "point {row}");
    }
}

#[test]
fn points_are_coloured_by_the_layer_that_decides_them() {
    let Some((page, study)) = opened("#space=layer_1&method=pca&color=depth") else { return };
    let votes: Vec<Vec<u16>> = SPACES
        .iter()
        .chain(&["softmax"])
        .map(|space| {
            let file = study.out().join(format!("scores/neighbors/{space}.npy"));
            PointMeasures::of_matrix(&npy::read_values(file).unwrap()).unwrap().votes
        })
        .collect();
    let answers: Vec<u16> = study.predictions.iter().map(|&class| class as u16).collect();
    let votes: Vec<&[u16]> = votes.iter().map(Vec::as_slice).collect();
    let depths = prediction_depths(&votes, &answers).unwrap();
    let shown = page.eval(
        "(({ n, measure }) => Array.from({ length: n }, (_, i) => \
         Math.round(255 * measure('depth').share(i))))(layerlens.data)",
    );
    let steps = votes.len() as f64;
    let expected: Vec<u64> =
        depths.iter().map(|&depth| (255.0 * depth as f64 / steps).round() as u64).collect();
    assert_eq!(shown, serde_json::json!(expected));
    let ends = page.eval("document.querySelector('.ramp-ends').textContent");
    assert_eq!(ends, "the input alreadyno layer");
    let options = page.eval(
        "Array.from(document.querySelectorAll('#color-select option'), o => o.value).join(' ')",
    );
    assert_eq!(options, "class prediction confidence overlap depth own-label typicality");
}

#[test]
fn a_link_of_the_list_opens_the_card_of_its_point() {
    let Some((page, _)) = opened("#space=layer_1&method=pca&theme=dark") else { return };
    let link = "document.querySelector('.report-section a[href^=\"#pin=\"]')";
    let row = page.eval(&format!("{link}.getAttribute('href').split(':')[1]"));
    let row: usize = row.as_str().unwrap().parse().unwrap();
    page.eval(&format!("{link}.click()"));
    page.until(&format!("layerlens.store.get().pin === {row}"));
    page.until("window.scrollY === 0");
    page.until("!document.querySelector('#card').hidden");
    // What the link does not name stays.
    assert_eq!(page.eval(SHOWN), serde_json::json!(["layer_1", "pca", "dark"]));
}

/// Space, method and theme of the page.
const SHOWN: &str = "(({ panes, theme }) => [panes[0].space, panes[0].method, theme])\
                     (layerlens.store.get())";

#[test]
fn layers_of_the_figure_and_of_the_table_lead_to_their_maps() {
    let Some((page, _)) = opened("#space=layer_2&method=pca&theme=dark") else { return };
    for links in ["#report a.area", "#report thead a"] {
        let titles = page
            .eval(&format!("Array.from(document.querySelectorAll({links:?}), link => link.title)"));
        let expected =
            ["raw input", "layer 1", "layer 2"].map(|of| format!("Show the map of {of}"));
        // The output has no map.
        assert_eq!(titles, serde_json::json!(expected), "{links}");
        // Where the layer's name stands, low in a figure that may be higher than the window.
        let at = page.eval(&format!(
            "(link => {{ link.scrollIntoView({{ block: 'end' }}); const box = link.getBoundingClientRect(); \
             return [box.x + box.width / 2, box.bottom - Math.min(box.height / 2, 30)]; }})\
             (document.querySelector(\"{links}[href='#space=layer_1']\"))"
        ));
        page.click_at((at[0].as_f64().unwrap(), at[1].as_f64().unwrap()), 1);
        page.until("layerlens.store.get().panes[0].space === 'layer_1'");
        page.until("window.scrollY === 0");
        // What the link does not name stays, and keys go to the map.
        assert_eq!(page.eval(SHOWN), serde_json::json!(["layer_1", "pca", "dark"]));
        page.until("document.activeElement === layerlens.panes[0].canvas");
        page.eval(&format!("document.querySelector({links:?} + '[href=\"#space=raw\"]').focus()"));
        page.key("Enter", 0);
        page.until("layerlens.store.get().panes[0].space === 'raw'");
        page.until("window.scrollY === 0");
    }
}

#[test]
fn a_link_that_opens_its_card_has_the_image_of_its_point() {
    let Some((page, study)) = opened("") else { return };
    let canvas = "document.querySelector('#report .points a canvas')";
    page.eval(&format!("{canvas}.scrollIntoView()"));
    // So wide is a canvas before anything is drawn.
    page.until(&format!("{canvas}.width !== 300"));
    page.frames();
    let row = page.eval(&format!("{canvas}.parentElement.dataset.point.split(':')[1]"));
    let row: usize = row.as_str().unwrap().parse().unwrap();
    let shown = page.eval(&format!(
        "Array.from({canvas}.getContext('2d').getImageData(0, 0, 28, 28).data).filter((_, at) => at % 4 === 0)"
    ));
    // The page keeps sixteen shades.
    let expected: Vec<u16> =
        study.image(row).iter().map(|&value| (u16::from(value) + 8) / 17 * 17).collect();
    assert_eq!(shown, serde_json::json!(expected), "point {row}");
    let words = page.string(&format!("{canvas}.nextSibling.innerText"));
    assert!(words.contains(&study.classes[study.labels[row]]), "{words}");
    assert!(words.contains(&format!("test {row}\n")), "{words}");
}
