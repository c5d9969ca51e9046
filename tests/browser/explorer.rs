//! What a person sees and does in the explorer.

use crate::chromium::PATIENCE;
use crate::page::Page;
use crate::program::N_TEST;
use crate::study::{Study, id};
use serde_json::Value;
use std::time::Instant;

/// The largest error of a grey value that was rounded to 4 bits: half of 255 / 15.
const GREY_ERROR: u8 = 9;

impl Page {
    /// A part of the viewer's state.
    #[track_caller]
    pub fn state(&self, key: &str) -> Value {
        self.eval(&format!("layerlens.store.get().{key}"))
    }

    /// Where all points of the study are drawn, in pixels of the window, when they have come to
    /// rest.
    #[track_caller]
    pub fn places(&self, pane: usize) -> Vec<(f64, f64)> {
        let places = self.eval(&format!(
            "(async () => {{
                let last = '', now = '', same = 0;
                for (let frame = 0; frame < 900 && same < 12; frame++) {{
                    await new Promise(requestAnimationFrame);
                    now = JSON.stringify(Array.from({{length: {N_TEST}}}, (_, i) => {{
                        const p = layerlens.screen('test:' + i, {pane}); return [p.x, p.y]; }}));
                    same = now === last ? same + 1 : 0; last = now;
                }}
                return same < 12 ? null : JSON.parse(now);
            }})()"
        ));
        let places = places.as_array().expect("the points come to rest");
        places.iter().map(|at| (at[0].as_f64().unwrap(), at[1].as_f64().unwrap())).collect()
    }

    /// Points of `rows` that can be pointed at: far enough from every other of them, and with
    /// nothing above.
    #[track_caller]
    pub fn lonely(&self, pane: usize, rows: &[usize]) -> Vec<usize> {
        let places = self.places(pane);
        let apart =
            |a: usize, b: usize| (places[a].0 - places[b].0).hypot(places[a].1 - places[b].1) > 5.0;
        let free = |row: usize| {
            let (x, y) = places[row];
            self.eval(&format!(
                "document.elementFromPoint({x}, {y})?.matches('canvas.map') ?? false"
            )) == true
        };
        rows.iter()
            .copied()
            .filter(|&row| rows.iter().all(|&other| other == row || apart(row, other)) && free(row))
            .collect()
    }

    /// Points at a point and waits for its card.
    #[track_caller]
    pub fn hover(&self, pane: usize, row: usize) {
        self.leave();
        self.move_to(self.screen(&id(row), pane));
        self.until_card(row);
    }

    /// Waits for the card of a point.
    #[track_caller]
    pub fn until_card(&self, row: usize) {
        self.until(&format!(
            "!document.querySelector('#card').hidden && document.querySelector('#card').dataset.id \
             === '{}'",
            id(row)
        ));
    }

    /// Points at nothing.
    #[track_caller]
    pub fn leave(&self) {
        self.move_to((2.0, 2.0));
        self.until("layerlens.store.get().hover === -1");
    }

    /// Demands that the card shows the image of a point, and what is known of it.
    #[track_caller]
    pub fn assert_card(&self, study: &Study, row: usize) {
        let expected = study.image(row);
        let end = Instant::now() + PATIENCE / 3;
        loop {
            let shown = self.eval(
                "(() => { const c = document.querySelector('#card .card-image canvas');
                if (!c?.width) return null;
                const copy = new OffscreenCanvas(c.width, c.height).getContext('2d', {willReadFrequently: true}); copy.drawImage(c, 0, 0);
                return [c.width, c.height, Array.from(copy.getImageData(0, 0, c.width, c.height).data)]; })()",
            );
            let error = image_error(&shown, expected);
            if error.is_some_and(|error| error <= GREY_ERROR) {
                break;
            }
            assert!(
                Instant::now() < end,
                "the card of {} does not show its image: largest error {error:?}",
                id(row)
            );
            self.frames();
        }
        assert_eq!(self.string("document.querySelector('#card').dataset.id"), id(row));
        for (what, class) in [("class", study.labels[row]), ("prediction", study.predictions[row])]
        {
            let said = self.text(&format!("#card .card-{what} bdi"));
            assert_eq!(said, study.classes[class], "{what} of {}", id(row));
        }
    }

    /// Numbers of a legend entry: of the selection or on view, and of all.
    #[track_caller]
    pub fn legend(&self, class: usize) -> Vec<usize> {
        let text = self.text(&format!("#legend button[data-class='{class}'] .count"));
        text.split(" / ")
            .map(|number| number.replace(',', "").parse().unwrap_or_else(|_| panic!("{text}")))
            .collect()
    }

    /// Hides or shows a class by its legend entry.
    #[track_caller]
    pub fn toggle(&self, class: usize) {
        let pressed =
            format!("document.querySelector(\"#legend button[data-class='{class}']\").ariaPressed");
        let before = self.string(&pressed);
        self.click(&format!("#legend button[data-class='{class}']"));
        self.until(&format!("{pressed} !== '{before}'"));
    }

    /// The parts of the picture that are drawn in about this colour, in pixels, in the map of a
    /// pane.
    #[track_caller]
    pub fn pixels_like(&self, pane: usize, color: &str) -> usize {
        self.map_pixels(pane).iter().filter(|pixel| like(**pixel, color)).count()
    }

    /// What is drawn within 40 pixels of a point.
    #[track_caller]
    pub fn around(&self, pane: usize, row: usize) -> Vec<[u8; 3]> {
        let (x, y) = self.screen(&id(row), pane);
        self.frames();
        let near =
            |px: u32, py: u32| (f64::from(px) - x).abs() < 40.0 && (f64::from(py) - y).abs() < 40.0;
        self.screenshot()
            .enumerate_pixels()
            .filter(|(px, py, _)| near(*px, *py))
            .map(|(_, _, pixel)| pixel.0)
            .collect()
    }

    /// What is drawn in the map of a pane, pixel by pixel.
    #[track_caller]
    pub fn map_pixels(&self, pane: usize) -> Vec<[u8; 3]> {
        self.frames();
        let area = self.eval(&format!(
            "(r => [r.left, r.top, r.right, \
             r.bottom])(document.querySelector(\".pane[data-pane='{pane}'] \
             canvas.map\").getBoundingClientRect())"
        ));
        let [left, top, right, bottom] =
            [0, 1, 2, 3].map(|at| area[at].as_f64().unwrap().max(0.0) as u32);
        let shot = self.screenshot();
        let inside = |x: u32, y: u32| (left..right).contains(&x) && (top..bottom).contains(&y);
        shot.enumerate_pixels()
            .filter(|(x, y, _)| inside(*x, *y))
            .map(|(_, _, pixel)| pixel.0)
            .collect()
    }

    /// The colours of the classes.
    #[track_caller]
    pub fn class_colors(&self) -> Vec<String> {
        let colors = self.eval("layerlens.data.classes.map(c => c.color)");
        colors.as_array().unwrap().iter().map(|color| color.as_str().unwrap().to_owned()).collect()
    }
}

/// Whether a pixel is about of a colour, `#rrggbb`.
pub fn like(pixel: [u8; 3], color: &str) -> bool {
    let channel = |at: usize| u8::from_str_radix(&color[at..at + 2], 16).unwrap();
    pixel.iter().zip([1, 3, 5].map(channel)).all(|(&a, b)| a.abs_diff(b) <= 24)
}

/// The largest error of red, green and blue of an image, given as width, height and RGBA bytes;
/// none if it is of another size.
fn image_error(shown: &Value, expected: &[u8]) -> Option<u8> {
    let bytes: Vec<u8> =
        shown[2].as_array()?.iter().map(|byte| byte.as_u64().unwrap() as u8).collect();
    let pixels = bytes.chunks_exact(4);
    let opaque = pixels.clone().all(|pixel| pixel[3] == 255);
    if !opaque || pixels.len() != expected.len() || shown[0] != shown[1] {
        return None;
    }
    pixels
        .zip(expected)
        .flat_map(|(pixel, &grey)| pixel[..3].iter().map(move |&channel| channel.abs_diff(grey)))
        .max()
}
