//! Residual blocks: K. He, X. Zhang, S. Ren and J. Sun, "Deep Residual Learning for Image
//! Recognition", 2016.

use super::{Conv, Layer, LayerKind, LayerType};
use crate::error::Result;
use crate::model::activation::Activation;
use crate::model::parameter::Parameter;
use crate::model::shape::{Padding, Shape};
#[cfg(feature = "train")]
use crate::model::value::{Pass, TrainingPass, Value};
use crate::section::Section;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::HashMap;

/// Layers whose output is added to their input, which a shortcut brings to the same shape.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Residual {
    /// The layers, in order; at least one.
    pub layers: Vec<LayerKind>,
    /// Layers of the shortcut, in order. If there are none, the input itself is added, or where the
    /// layers change its shape, a convolution of 1 x 1 with the stride that is needed (projection:
    /// eq. 2).
    pub shortcut: Vec<LayerKind>,
    /// Applied to the sum.
    pub activation: Activation,
}

pub(super) static TYPE: LayerType = LayerType {
    name: "residual",
    keras: "Residual",
    stem: "residual",
    keys: &["layers", "shortcut", "activation"],
    example: "layers = [{ type = \"conv\", filters = 4, kernel = 3, padding = 1 }, { type = \"dropout\", rate = 0.25 }, { type = \"batch_norm\" }]\nshortcut = [{ type = \"conv\", filters = 4, kernel = 1 }, { type = \"batch_norm\" }]\nactivation = \"tanh\"",
    read: |section| {
        let layer = Residual {
            layers: section.required("layers", read_layers(section, "layers")?)?,
            shortcut: read_layers(section, "shortcut")?.unwrap_or_default(),
            activation: Activation::read(section)?.unwrap_or(Activation::Relu),
        };
        Ok(layer.into())
    },
};

fn read_layers(section: &Section, key: &str) -> Result<Option<Vec<LayerKind>>> {
    if !section.has(key) {
        return Ok(None);
    }
    let layers = section.sections(key)?;
    layers.iter().map(|layer| LayerKind::read(layer, &["type"])).collect::<Result<_>>().map(Some)
}

/// A path through the block: its layers with their inputs.
type Path<'a> = Vec<(Cow<'a, LayerKind>, Shape)>;

impl Residual {
    /// Layers and shortcut, each with the shapes of the inputs, and the shape of their outputs.
    fn paths(&self, input: Shape) -> Result<(Path<'_>, Path<'_>, Shape), String> {
        let (layers, output) = along(&self.layers, input)?;
        if layers.is_empty() {
            return Err("a residual block needs layers inside".into());
        }
        if !self.shortcut.is_empty() {
            let (shortcut, other) = along(&self.shortcut, input)?;
            return if other == output {
                Ok((layers, shortcut, output))
            } else {
                Err(format!("its layers make ({output}), its shortcut ({other})"))
            };
        }
        if input == output {
            return Ok((layers, Vec::new(), output));
        }
        let projection = projection(input, output).ok_or_else(|| {
            format!("its layers make ({output}) of ({input}); describe a `shortcut` that does too")
        })?;
        Ok((layers, vec![(Cow::Owned(projection), input)], output))
    }

    /// Both paths of a block that was checked.
    fn checked_paths(&self, input: Shape) -> [Path<'_>; 2] {
        let (layers, shortcut, _) = self.paths(input).expect("a block is checked before its use");
        [layers, shortcut]
    }
}

/// Layers with the shapes of their inputs, and the shape of the last output.
fn along(layers: &[LayerKind], input: Shape) -> Result<(Path<'_>, Shape), String> {
    let mut shape = input;
    let mut path = Vec::with_capacity(layers.len());
    for layer in layers {
        if layer.layer().activation() == Some(Activation::Softmax) {
            return Err("a softmax is for the output layer".into());
        }
        let output = layer.layer().output(shape)?;
        path.push((Cow::Borrowed(layer), shape));
        shape = output;
    }
    Ok((path, shape))
}

/// The convolution of 1 x 1 that makes one shape of the other, if there is one.
fn projection(input: Shape, output: Shape) -> Option<LayerKind> {
    let (Shape::Grid([height, width, _]), Shape::Grid([rows, columns, filters])) = (input, output)
    else {
        return None;
    };
    let stride = [height / rows.max(1), width / columns.max(1)].map(|stride| stride.max(1));
    let conv = Conv { stride, padding: Padding::Same, ..Conv::new(filters, [1, 1]) };
    (conv.output(input) == Ok(output)).then(|| conv.into())
}

impl Layer for Residual {
    fn output(&self, input: Shape) -> Result<Shape, String> {
        self.paths(input).map(|(_, _, output)| output)
    }

    fn parameters(&self, input: Shape) -> Vec<Parameter> {
        let [layers, shortcut] = self.checked_paths(input);
        [("", layers), ("shortcut.", shortcut)]
            .into_iter()
            .flat_map(|(prefix, path)| {
                let mut counts = HashMap::new();
                let named = move |(layer, input): (Cow<'_, LayerKind>, Shape)| {
                    let stem = layer.layer_type().stem;
                    let ordinal =
                        counts.entry(stem).and_modify(|count| *count += 1).or_insert(1_usize);
                    let mut parameters = layer.layer().parameters(input);
                    for tensor in &mut parameters {
                        tensor.name = format!("{prefix}{stem}_{ordinal}.{}", tensor.name);
                    }
                    parameters
                };
                path.into_iter().flat_map(named).collect::<Vec<_>>()
            })
            .collect()
    }

    fn settings(&self) -> String {
        let words = |layers: &[LayerKind]| {
            let names = layers.iter().map(|layer| match layer.settings() {
                settings if settings.is_empty() => layer.layer_type().keras.to_owned(),
                settings => format!("{} ({settings})", layer.layer_type().keras),
            });
            names.collect::<Vec<_>>().join(" + ")
        };
        let shortcut = match words(&self.shortcut) {
            none if none.is_empty() => String::new(),
            layers => format!(", shortcut {layers}"),
        };
        format!("{}{shortcut}{}", words(&self.layers), self.activation.last_setting())
    }

    fn activation(&self) -> Option<Activation> {
        Some(self.activation)
    }

    fn is_recorded(&self, _is_completed: bool) -> bool {
        true
    }

    #[cfg(feature = "train")]
    fn dropouts(&self, input: Shape) -> Vec<(usize, f32)> {
        let paths = self.checked_paths(input).into_iter().flatten();
        paths.flat_map(|(layer, input)| layer.layer().dropouts(input)).collect()
    }

    /// Equations 1 and 2.
    #[cfg(feature = "train")]
    fn forward(&self, x: Value, mut pass: Pass<'_>) -> Value {
        let sum = self
            .checked_paths(pass.input)
            .map(|path| {
                path.into_iter()
                    .fold(x.clone(), |x, (layer, input)| apply(&mut pass, &layer, input, x))
            })
            .into_iter()
            .reduce(Value::plus)
            .expect("two paths");
        match sum {
            Value::Grid(sum) => Value::Grid(self.activation.apply(sum)),
            Value::Flat(sum) => Value::Flat(self.activation.apply(sum)),
        }
    }
}

/// Output of a layer inside of the block, which takes the first of the tensors and masks that are
/// left.
#[cfg(feature = "train")]
fn apply(pass: &mut Pass<'_>, layer: &LayerKind, input: Shape, x: Value) -> Value {
    let layer = layer.layer();
    let parameters = layer.parameters(input);
    let n_trained = parameters.iter().filter(|tensor| Parameter::is_trainable(tensor)).count();
    let n_moving = parameters.len() - n_trained;
    let (trained, others) = pass.trained.split_at(n_trained);
    pass.trained = others;
    let (moving, others) = pass.moving.split_at(n_moving);
    pass.moving = others;
    let training = pass.training.as_mut().map(|training| {
        let (moving, others) = std::mem::take(&mut training.moving).split_at_mut(n_moving);
        training.moving = others;
        TrainingPass { masks: &mut *training.masks, moving }
    });
    let output = layer.output(input).expect("a block is checked before its use");
    let arrangement = pass.arrangement;
    layer.forward(x, Pass { arrangement, input, output, trained, moving, training })
}
