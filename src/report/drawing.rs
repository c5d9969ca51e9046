//! What the drawing of a network shows.

use super::figures;
use crate::model::{Activation, Architecture, LayerKind, Padding, Parameter, Shape};
use crate::words::thousands;

/// The drawing of a network: its layers with settings, shapes and numbers of parameters.
pub fn drawing(name: &str, architecture: &Architecture) -> figures::Architecture {
    let steps = architecture.steps().unwrap_or_default();
    let blocks = steps.into_iter().zip(&architecture.layers).map(|(step, spec)| figures::Block {
        name: step.name,
        kind: spec.type_name().into(),
        settings: settings(&spec.kind),
        input: sizes(step.input),
        output: sizes(step.output),
        n_parameters: step.parameters.iter().map(Parameter::len).sum(),
    });
    let blocks = blocks.collect();
    let caption = match architecture.n_parameters_by_kind() {
        (trained, 0) => format!("{} parameters, all of them trained", thousands(trained)),
        (trained, fixed) => format!(
            "{} parameters, {} of them not trained",
            thousands(trained + fixed),
            thousands(fixed)
        ),
    };
    figures::Architecture { title: name.into(), caption, blocks }
}

fn sizes(shape: Shape) -> Vec<usize> {
    match shape {
        Shape::Grid(sizes) => sizes.to_vec(),
        Shape::Flat(units) => vec![units],
    }
}

fn settings(kind: &LayerKind) -> String {
    let window = |[height, width]: [usize; 2]| format!("{height} × {width}");
    match kind {
        LayerKind::Conv { filters, kernel, padding, activation } => {
            let padding = match padding {
                Padding::Valid => "valid",
                Padding::Same => "same",
            };
            format!("{filters} filters of {}, {padding}{}", window(*kernel), after(*activation))
        }
        LayerKind::MaxPool { size } | LayerKind::AvgPool { size } => window(*size),
        LayerKind::Flatten => String::new(),
        LayerKind::Dense { units, activation } => {
            format!("{units} unit{}{}", if *units == 1 { "" } else { "s" }, after(*activation))
        }
        LayerKind::Dropout { rate } => format!("rate {rate}"),
        LayerKind::BatchNorm { momentum, epsilon } => {
            format!("momentum {momentum}, epsilon {epsilon}")
        }
        LayerKind::Activation { activation } => word(*activation).into(),
    }
}

fn after(activation: Activation) -> String {
    if activation == Activation::Linear { String::new() } else { format!(", {}", word(activation)) }
}

fn word(activation: Activation) -> &'static str {
    match activation {
        Activation::Linear => "linear",
        Activation::Relu => "ReLU",
        Activation::Sigmoid => "sigmoid",
        Activation::Tanh => "tanh",
        Activation::Softmax => "softmax",
    }
}
