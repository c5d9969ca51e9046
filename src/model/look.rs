//! Which hidden layers of a network are looked into, and in which form.

use super::architecture::{Activation, Architecture, LayerKind, Look, Shape};
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
        let (spec, next) = (&self.layers[layer], self.layers.get(layer + 1).map(|next| &next.kind));
        let goes_on =
            matches!(next, Some(LayerKind::BatchNorm { .. } | LayerKind::Activation { .. }));
        match (spec.look, &spec.kind) {
            (Look::Auto, LayerKind::Activation { .. }) => Look::Yes,
            (Look::Auto, LayerKind::Conv { .. } | LayerKind::Dense { .. }) => {
                if spec.activation() == Some(Activation::Linear) && goes_on {
                    Look::No
                } else {
                    Look::Yes
                }
            }
            (Look::Auto, _) => Look::No,
            (said, _) => said,
        }
    }
}
