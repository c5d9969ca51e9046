//! The layer profile on the page: colours by prediction depth, what the probes believe on the card,
//! and links from the list of points to their cards.

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
    let shown = page.eval("Array.from(layerlens.store.get().data.measure('depth').values)");
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
    let Some((page, _)) = opened("") else { return };
    let link = "document.querySelector('.report-section a[href^=\"#pin=\"]')";
    let row = page.eval(&format!("{link}.getAttribute('href').split(':')[1]"));
    let row: usize = row.as_str().unwrap().parse().unwrap();
    page.eval(&format!("{link}.click()"));
    page.until(&format!("layerlens.store.get().pin === {row}"));
    page.until("window.scrollY === 0");
}
