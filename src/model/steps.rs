//! Shapes and tensors of the layers, worked out from the input on, and the rules that a network
//! must keep.

use super::activation::Activation;
use super::architecture::{Architecture, OUTPUT, RAW, Step};
use super::layers::{Dense, LayerKind};
use super::parameter::Parameter;
use super::shape::Shape;
use std::collections::{HashMap, HashSet};

/// Names that mean something else among the files of activations.
const RESERVED: [&str; 5] = [RAW, "labels", "rows", "images", "predictions"];

/// Values of all tensors together at most: 2 GiB, and thrice that in training.
const MAX_PARAMETERS: usize = 1 << 29;

/// Maximum number of values in the activation of one layer for one image.
const MAX_VALUES: usize = 1 << 24;

/// Error of a layer, with its index.
pub(crate) type Fault = (usize, String);

impl Architecture {
    /// [`Architecture::steps`], naming the layer at fault by its index.
    pub(crate) fn walk(&self) -> Result<Vec<Step>, Fault> {
        let size = self.input.iter().try_fold(1_usize, |size, &side| size.checked_mul(side));
        if !size.is_some_and(|size| (1..=MAX_VALUES).contains(&size)) {
            let [height, width, channels] = self.input;
            return Err((
                0,
                format!("images of {height} x {width} x {channels} values cannot be taken"),
            ));
        }
        let (mut counts, mut names) = (HashMap::new(), HashSet::new());
        let mut shape = Shape::Grid(self.input);
        let mut steps = Vec::with_capacity(self.layers.len());
        let mut n_parameters = 0_usize;
        for (at, spec) in self.layers.iter().enumerate() {
            let fault = |message: String| (at, message);
            let is_output = at + 1 == self.layers.len();
            let stem = spec.kind.layer_type().stem;
            let ordinal = counts.entry(stem).and_modify(|count| *count += 1).or_insert(1_usize);
            let key = format!("{stem}_{ordinal}");
            let name = if is_output {
                OUTPUT.to_owned()
            } else {
                spec.name.clone().unwrap_or_else(|| key.clone())
            };
            check_name(&name, is_output).map_err(fault)?;
            if !names.insert(name.clone()) {
                return Err(fault(format!("another layer is called `{name}` too")));
            }
            let output = spec.kind.layer().output(shape).map_err(fault)?;
            if output.size() > MAX_VALUES {
                return Err(fault(format!(
                    "it would make {} values of one image; {MAX_VALUES} are allowed",
                    output.size()
                )));
            }
            let mut parameters = spec.kind.layer().parameters(shape);
            parameters.iter_mut().for_each(|tensor| tensor.name = format!("{key}.{}", tensor.name));
            n_parameters += parameters.iter().map(Parameter::len).sum::<usize>();
            if n_parameters > MAX_PARAMETERS {
                return Err(fault(format!(
                    "the model would have {n_parameters} parameters; {MAX_PARAMETERS} are allowed"
                )));
            }
            if spec.activation() == Some(Activation::Softmax) && !is_output {
                return Err(fault("a softmax is for the output layer".into()));
            }
            steps.push(Step { name, input: shape, output, parameters });
            shape = output;
        }
        self.check_last().map(|()| steps)
    }

    /// Refuses a network whose last layer does not tell its classes apart.
    fn check_last(&self) -> Result<(), Fault> {
        match self.layers.last().map(|spec| &spec.kind) {
            Some(LayerKind::Dense(Dense { units, activation: Activation::Softmax }))
                if *units == self.n_classes =>
            {
                Ok(())
            }
            _ => {
                let message = format!(
                    "the last layer must be dense, with a softmax over the {} classes",
                    self.n_classes
                );
                Err((self.layers.len().saturating_sub(1), message))
            }
        }
    }
}

/// Names become names of files and columns.
fn check_name(name: &str, is_output: bool) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if name.is_empty() || name.len() > 40 || !name.chars().all(allowed) || name.starts_with('-') {
        return Err(format!("the name `{name}` must be 1 to 40 letters, digits, `_` or `-`"));
    }
    if RESERVED.contains(&name) || (name == OUTPUT && !is_output) {
        return Err(format!("the name `{name}` is taken"));
    }
    Ok(())
}
