//! Which hidden layers of a network are looked into, and in which form.

use super::architecture::{Architecture, Look};
use super::shape::Shape;
use serde::Serialize;

/// Values of a convolutional layer's answer to one image up to which it is looked into whole;
/// larger ones are pooled.
pub const MAX_WHOLE: usize = 2048;

/// A layer that is looked into.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LookedInto {
    /// Index of the layer.
    pub layer: usize,
    /// Its name.
    pub name: String,
    /// Whether each channel's mean is taken instead of all its values.
    pub pooled: bool,
    /// Values of one image.
    pub width: usize,
}

impl Architecture {
    /// The hidden layers that are looked into, in order.
    pub fn looked_into(&self) -> Vec<LookedInto> {
        let hidden = self.layers.len().saturating_sub(1);
        let steps = self.checked_steps();
        let looked = steps.iter().enumerate().take(hidden).filter_map(|(layer, step)| {
            let size = step.output.size();
            let pooled = match (self.look(layer), step.output) {
                (Look::No, _) => return None,
                (Look::Pooled, Shape::Grid(_)) => true,
                (Look::Auto | Look::Yes, Shape::Grid(_)) => size > MAX_WHOLE,
                _ => false,
            };
            let width = if pooled { step.output.channels() } else { size };
            Some(LookedInto { layer, name: step.name.clone(), pooled, width })
        });
        looked.collect()
    }

    /// How a layer is looked into, the rule applied.
    fn look(&self, layer: usize) -> Look {
        let spec = &self.layers[layer];
        if spec.look != Look::Auto {
            return spec.look;
        }
        let next = self.layers.get(layer + 1);
        let is_completed = next.is_some_and(|next| next.kind.layer().completes_previous());
        if spec.kind.layer().is_looked_into(is_completed) { Look::Yes } else { Look::No }
    }
}
