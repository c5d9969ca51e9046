//! The training, played: points move from epoch to epoch to where the files of the run say they
//! are.

use crate::program::N_TEST;
use crate::study::{EPOCHS, RENDERERS, opened};
use layerlens::dataset::npy;

/// The number that a pane shows of its epochs; the frames are 0 to the number of epochs.
const FRAME: &str = "layerlens.store.get().panes[0].epoch";

#[test]
fn playing_moves_the_points_and_stops_at_the_end() {
    for renderer in RENDERERS {
        let Some((page, _)) =
            opened(&format!("?renderer={renderer}#space=layer_1&method=tsne&epoch=0"))
        else {
            return;
        };
        let first = page.places(0);
        page.eval(&format!(
            "window.seen = [{FRAME}]; layerlens.store.subscribe(() => seen.push({FRAME})); 0"
        ));
        page.click("#epochs button.play");
        page.until(&format!(
            "seen.length > 1 && {FRAME} === {EPOCHS} && !layerlens.store.get().playing"
        ));
        let mut frames: Vec<u64> = serde_json::from_value(page.eval("seen")).unwrap();
        frames.dedup();
        assert_eq!(frames, (0..=EPOCHS as u64).collect::<Vec<_>>(), "{renderer}");
        let last = page.places(0);
        let moved =
            first.iter().zip(&last).filter(|(a, b)| (a.0 - b.0).hypot(a.1 - b.1) > 3.0).count();
        assert!(moved > N_TEST / 2, "{renderer}: {moved} points moved");
        assert!(page.text("#epochs .epoch-text").contains(&format!("epoch {EPOCHS} of {EPOCHS}")));
        // The drawing follows, not only the numbers.
        let end = page.map_pixels(0);
        page.eval(
            "(r => \
            { r.value = 0; r.dispatchEvent(new Event('input')); })(document.querySelector('#epochs \
            input'))",
        );
        page.until(&format!("{FRAME} === 0"));
        assert_eq!(page.places(0), first);
        assert!(end != page.map_pixels(0));
    }
}

#[test]
fn every_epoch_is_where_its_file_says() {
    let Some((page, study)) = opened("#space=layer_1&method=tsne&epoch=0") else { return };
    // Two columns an epoch.
    let file = npy::read_matrix(study.out().join("epochs/tsne_layer_1.npy")).unwrap();
    assert_eq!((file.n_samples(), file.n_features()), (N_TEST, 2 * (EPOCHS + 1)));
    let mut shown = Vec::new();
    let mut given = Vec::new();
    for epoch in 0..=EPOCHS {
        page.until(&format!("{FRAME} === {epoch}"));
        shown.extend(page.places(0));
        given.extend(
            file.rows().map(|row| (f64::from(row[2 * epoch]), f64::from(row[2 * epoch + 1]))),
        );
        page.key("]", 0);
    }
    // One turn, one scale and one shift for all epochs: distances keep their proportions, those
    // between epochs too.
    let distance = |points: &[(f64, f64)], a: usize, b: usize| {
        (points[a].0 - points[b].0).hypot(points[a].1 - points[b].1)
    };
    let farthest = |from: usize| {
        (0..given.len())
            .max_by(|&a, &b| distance(&given, from, a).total_cmp(&distance(&given, from, b)))
            .unwrap()
    };
    let one = farthest(farthest(0));
    let other = farthest(0);
    let scale = distance(&shown, one, other) / distance(&given, one, other);
    // Places are rounded to 1 / 65,535 of the larger side.
    let tolerance = 4.0 * distance(&shown, one, other) / 65_535.0 + 1e-3;
    for at in 0..given.len() {
        for anchor in [one, other, N_TEST / 2] {
            let off = (distance(&shown, at, anchor) - scale * distance(&given, at, anchor)).abs();
            assert!(off <= tolerance, "epoch {}, point {}: {off} px off", at / N_TEST, at % N_TEST);
        }
    }
}
