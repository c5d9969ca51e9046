//! The training, played: points move from epoch to epoch to where the files of the run say they are.

use crate::program::N_TEST;
use crate::study::{EPOCHS, RENDERERS, opened};
use layerlens::dataset::npy;

/// The number that a pane shows of its epochs; the frames are 0 to the number of epochs.
const FRAME: &str = "layerlens.store.get().panes[0].epoch";

#[test]
fn playing_moves_the_points_and_stops_at_the_end() {
    for renderer in RENDERERS {
        let Some((page, _)) = opened(&format!("?renderer={renderer}#space=layer_1&method=tsne&epoch=0")) else { return };
        let first = page.places(0);
        page.eval(&format!("window.seen = [{FRAME}]; layerlens.store.subscribe(() => seen.push({FRAME})); 0"));
        page.click("#epochs button.play");
        page.until(&format!("seen.length > 1 && {FRAME} === {EPOCHS} && !layerlens.store.get().playing"));
        let mut frames: Vec<u64> = serde_json::from_value(page.eval("seen")).unwrap();
        frames.dedup();
        assert_eq!(frames, (0..=EPOCHS as u64).collect::<Vec<_>>(), "{renderer}");
        let last = page.places(0);
        let moved = first.iter().zip(&last).filter(|(a, b)| (a.0 - b.0).hypot(a.1 - b.1) > 3.0).count();
        assert!(moved > N_TEST / 2, "{renderer}: {moved} points moved");
        assert!(page.text("#epochs .epoch-text").contains(&format!("epoch {EPOCHS} of {EPOCHS}")));
        // The drawing follows, not only the numbers.
        let end = page.map_pixels(0);
        page.eval("(r => { r.value = 0; r.dispatchEvent(new Event('input')); })(document.querySelector('#epochs input'))");
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
        given.extend(file.rows().map(|row| (f64::from(row[2 * epoch]), f64::from(row[2 * epoch + 1]))));
        page.key("]", 0);
    }
    // One scale and one shift for all epochs, y upwards: found from the corners of the boxes around all points.
    let bounds = |points: &[(f64, f64)], of: fn(&(f64, f64)) -> f64| {
        points.iter().map(of).fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
    };
    let (left, right) = bounds(&given, |at| at.0);
    let (bottom, top) = bounds(&given, |at| at.1);
    let (shown_left, shown_right) = bounds(&shown, |at| at.0);
    let (shown_top, shown_bottom) = bounds(&shown, |at| at.1);
    let scale = (shown_right - shown_left) / (right - left);
    assert!((scale - (shown_bottom - shown_top) / (top - bottom)).abs() < 1e-3 * scale, "the aspect is kept");
    // Places are rounded to 1 / 65,535 of the larger side.
    let tolerance = 2.0 * (shown_right - shown_left).max(shown_bottom - shown_top) / 65_535.0 + 1e-3;
    for (at, (given, shown)) in given.iter().zip(&shown).enumerate() {
        let expected = (shown_left + (given.0 - left) * scale, shown_bottom - (given.1 - bottom) * scale);
        let off = (shown.0 - expected.0).hypot(shown.1 - expected.1);
        assert!(off <= 2.0 * tolerance, "epoch {}, point {}: {off} px off", at / N_TEST, at % N_TEST);
    }
}
