//! Content of the drawing of a network.

use super::figures;
use crate::format::thousands;
use crate::model::{Architecture, Parameter, Shape};

/// The drawing of a network: its layers with settings, shapes and numbers of parameters.
pub fn drawing(name: &str, architecture: &Architecture) -> figures::Architecture {
    let steps = architecture.steps().unwrap_or_default();
    let blocks = steps.into_iter().zip(&architecture.layers).map(|(step, spec)| figures::Block {
        name: step.name,
        kind: spec.type_name().into(),
        settings: spec.kind.settings(),
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
