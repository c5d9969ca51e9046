//! The drawing of a network: a box for each layer with its settings, the shapes that go in and come
//! out, and its parameters.

use super::canvas::{Align, Canvas, FRAME, INK, Point, SOFT_INK, Text, WHITE, outline};
use super::font::{fit, text_width};
use super::{Figure, LABEL, MARGIN, SUBTITLE, TICK, TINT, TITLE_HEIGHT, color, draw_title};
use crate::format::thousands;

const BOX: (f64, f64) = (720.0, 86.0);
/// Length of an arrow from one box to the next.
const ARROW: f64 = 34.0;
/// Width of the stripe that distinguishes the types of layers.
const STRIPE: f64 = 12.0;
const PADDING: f64 = 20.0;
/// Room for the line under the title.
const CAPTION: f64 = 34.0;

/// One layer.
#[derive(Clone, Debug)]
pub struct Block {
    /// Its own name, `conv_1`.
    pub name: String,
    /// Type of the layer, `Conv2D`; layers of one type have one colour.
    pub kind: String,
    /// Its settings in a few words, `3 x 3, 32 filters, same, ReLU`; may be empty.
    pub settings: String,
    /// Shape of one example that goes in.
    pub input: Vec<usize>,
    /// Shape of one example that comes out.
    pub output: Vec<usize>,
    /// Number of its parameters, trained or not.
    pub n_parameters: usize,
}

/// The layers of a network from the input on.
#[derive(Clone, Debug)]
pub struct Architecture {
    /// Above the drawing.
    pub title: String,
    /// Under the title: the totals.
    pub caption: String,
    /// In the order in which an example passes them.
    pub blocks: Vec<Block>,
}

impl Architecture {
    fn top(&self) -> f64 {
        MARGIN + TITLE_HEIGHT + CAPTION
    }

    /// Index of a kind among the kinds in the order of their first appearance.
    fn kind(&self, kind: &str) -> usize {
        let mut kinds: Vec<&str> = self.blocks.iter().map(|block| block.kind.as_str()).collect();
        let mut seen = std::collections::HashSet::new();
        kinds.retain(|kind| seen.insert(*kind));
        kinds.iter().position(|known| *known == kind).unwrap_or(0)
    }

    fn draw_block(&self, canvas: &mut dyn Canvas, y: f64, block: &Block) {
        let left = MARGIN;
        let right = MARGIN + BOX.0;
        let shade = color(self.kind(&block.kind));
        canvas.rectangle((left, y), BOX, shade.mix(WHITE, TINT));
        canvas.rectangle((left, y), (STRIPE, BOX.1), shade);
        outline(canvas, (left, y), BOX, FRAME);
        let (first, second) = (y + 26.0, y + 61.0);
        let from = left + STRIPE + PADDING;
        let parameters = match block.n_parameters {
            0 => "no parameters".to_owned(),
            1 => "1 parameter".to_owned(),
            n => format!("{} parameters", thousands(n)),
        };
        canvas.text(
            &Text::new(&parameters, (right - PADDING, second), TICK)
                .align(Align::Right)
                .color(SOFT_INK),
        );
        let name = fit(&block.name, SUBTITLE, 0.4 * BOX.0);
        canvas.text(&Text::new(&name, (from, first), SUBTITLE));
        let what = if block.settings.is_empty() {
            block.kind.clone()
        } else {
            format!("{}: {}", block.kind, block.settings)
        };
        let room = right - PADDING - from - text_width(&name, SUBTITLE) * 1.1 - PADDING;
        canvas.text(
            &Text::new(&fit(&what, TICK, room), (right - PADDING, first), TICK)
                .align(Align::Right)
                .color(SOFT_INK),
        );
        let input = shape(&block.input);
        canvas.text(&Text::new(&input, (from, second), LABEL).color(INK));
        // A tenth more than the font needs: the reader of the SVG may have a wider one.
        let start = from + text_width(&input, LABEL) * 1.1 + 10.0;
        arrow(canvas, (start, second), (start + ARROW, second));
        canvas.text(
            &Text::new(&shape(&block.output), (start + ARROW + 14.0, second), LABEL).color(INK),
        );
    }
}

/// An arrow from `from` to `to`. The font has none.
fn arrow(canvas: &mut dyn Canvas, from: Point, to: Point) {
    canvas.line(from, to, 2.0, SOFT_INK);
    let length = (to.0 - from.0).hypot(to.1 - from.1);
    let along = ((to.0 - from.0) / length, (to.1 - from.1) / length);
    let across = 7.0;
    for side in [-across, across] {
        let wing = (to.0 - 9.0 * along.0 - side * along.1, to.1 - 9.0 * along.1 + side * along.0);
        canvas.line(wing, to, 2.0, SOFT_INK);
    }
}

/// `28 × 28 × 1`.
fn shape(sizes: &[usize]) -> String {
    sizes.iter().map(|&size| thousands(size)).collect::<Vec<_>>().join(" × ")
}

impl Figure for Architecture {
    fn check(&self) -> Result<(), String> {
        if self.blocks.is_empty() {
            Err("a network without layers cannot be drawn".into())
        } else {
            Ok(())
        }
    }

    fn size(&self) -> (u32, u32) {
        let n = self.blocks.len() as f64;
        let height = self.top() + n * BOX.1 + (n - 1.0).max(0.0) * ARROW + MARGIN;
        ((2.0 * MARGIN + BOX.0) as u32, height as u32)
    }

    fn draw(&self, canvas: &mut dyn Canvas) {
        draw_title(canvas, &self.title, self.size().0);
        let caption = fit(&self.caption, TICK, BOX.0);
        canvas.text(&Text::new(&caption, (MARGIN, MARGIN + TITLE_HEIGHT), TICK).color(SOFT_INK));
        for (at, block) in self.blocks.iter().enumerate() {
            let y = self.top() + at as f64 * (BOX.1 + ARROW);
            self.draw_block(canvas, y, block);
            if at > 0 {
                let x = MARGIN + BOX.0 / 2.0;
                arrow(canvas, (x, y - ARROW + 4.0), (x, y - 4.0));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_is_its_sizes() {
        assert_eq!(shape(&[28, 28, 1]), "28 × 28 × 1");
    }
}
