//! Shapes and tensors of the layers, worked out from the input on, and the rules that a network
//! must keep.

use super::architecture::{
    Activation, Architecture, LayerKind, LayerSpec, OUTPUT, Padding, Parameter, RAW, Role, Shape,
    Step,
};
use std::collections::{HashMap, HashSet};

/// Names that mean something else among the files of activations.
const RESERVED: [&str; 5] = [RAW, "labels", "rows", "images", "predictions"];

/// Units of a dense layer and filters of a convolution at most: a kernel over 784 inputs then has
/// 49 MiB, a square one 1 GiB.
pub const MAX_UNITS: usize = 16_384;

/// Values of all tensors together at most: 2 GiB, and thrice that in training.
const MAX_PARAMETERS: usize = 1 << 29;

/// Values of one layer's answer to one image at most.
const MAX_VALUES: usize = 1 << 24;

/// What is wrong with a layer, by its index.
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
            let ordinal =
                counts.entry(spec.stem()).and_modify(|count| *count += 1).or_insert(1_usize);
            let key = format!("{}_{ordinal}", spec.stem());
            let name = if is_output {
                OUTPUT.to_owned()
            } else {
                spec.name.clone().unwrap_or_else(|| key.clone())
            };
            check_name(&name, is_output).map_err(fault)?;
            if !names.insert(name.clone()) {
                return Err(fault(format!("another layer is called `{name}` too")));
            }
            let output = spec.output(shape).map_err(fault)?;
            if output.size() > MAX_VALUES {
                return Err(fault(format!(
                    "it would make {} values of one image; {MAX_VALUES} are allowed",
                    output.size()
                )));
            }
            let parameters = spec.parameters(&key, shape);
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
        match self.layers.last().map(|spec| &spec.kind) {
            Some(LayerKind::Dense { units, activation: Activation::Softmax })
                if *units == self.n_classes =>
            {
                Ok(steps)
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

fn within(what: &str, value: usize, most: usize) -> Result<(), String> {
    if (1..=most).contains(&value) {
        Ok(())
    } else {
        Err(format!("{what} = {value}: 1 to {most} are allowed"))
    }
}

impl LayerSpec {
    /// Shape of the output for an input, or what is wrong.
    fn output(&self, input: Shape) -> Result<Shape, String> {
        let grid = || match input {
            Shape::Grid(sizes) => Ok(sizes),
            Shape::Flat(_) => Err(format!(
                "{} needs an image; what comes before it is flat already",
                self.type_name()
            )),
        };
        match &self.kind {
            LayerKind::Conv { filters, kernel, padding, .. } => {
                let [height, width, _] = grid()?;
                within("filters", *filters, MAX_UNITS)?;
                let [rows, columns] = fit("kernel", *kernel, [height, width])?;
                let output = match padding {
                    Padding::Same => [height, width],
                    Padding::Valid => [height - rows + 1, width - columns + 1],
                };
                Ok(Shape::Grid([output[0], output[1], *filters]))
            }
            LayerKind::MaxPool { size } | LayerKind::AvgPool { size } => {
                let [height, width, channels] = grid()?;
                let [rows, columns] = fit("pool", *size, [height, width])?;
                Ok(Shape::Grid([height / rows, width / columns, channels]))
            }
            LayerKind::Flatten => Ok(Shape::Flat(input.size())),
            LayerKind::Dense { units, .. } => {
                within("units", *units, MAX_UNITS)?;
                Ok(Shape::Flat(*units))
            }
            LayerKind::Dropout { rate } if !(0.0..1.0).contains(rate) => {
                Err(format!("rate = {rate}: from 0 to below 1"))
            }
            LayerKind::BatchNorm { momentum, .. } if !(0.0..1.0).contains(momentum) => {
                Err(format!("momentum = {momentum}: from 0 to below 1"))
            }
            LayerKind::BatchNorm { epsilon, .. } if !(*epsilon > 0.0 && epsilon.is_finite()) => {
                Err(format!("epsilon = {epsilon}: above 0"))
            }
            LayerKind::Dropout { .. }
            | LayerKind::BatchNorm { .. }
            | LayerKind::Activation { .. } => Ok(input),
        }
    }

    /// Its tensors for an input; `key` begins their names.
    fn parameters(&self, key: &str, input: Shape) -> Vec<Parameter> {
        let tensor = |part: &str, shape: Vec<usize>, role| Parameter {
            name: format!("{key}.{part}"),
            shape,
            role,
        };
        match &self.kind {
            LayerKind::Conv { filters, kernel: [rows, columns], .. } => vec![
                tensor("weight", vec![*rows, *columns, input.channels(), *filters], Role::Kernel),
                tensor("bias", vec![*filters], Role::Bias),
            ],
            LayerKind::Dense { units, .. } => {
                vec![
                    tensor("weight", vec![input.size(), *units], Role::Kernel),
                    tensor("bias", vec![*units], Role::Bias),
                ]
            }
            LayerKind::BatchNorm { .. } => {
                let shape = vec![input.channels()];
                vec![
                    tensor("gamma", shape.clone(), Role::Gamma),
                    tensor("beta", shape.clone(), Role::Beta),
                    tensor("moving_mean", shape.clone(), Role::MovingMean),
                    tensor("moving_variance", shape, Role::MovingVariance),
                ]
            }
            _ => Vec::new(),
        }
    }
}

/// A window that is at least 1 x 1 and no larger than the image.
fn fit(what: &str, window: [usize; 2], image: [usize; 2]) -> Result<[usize; 2], String> {
    let ([rows, columns], [height, width]) = (window, image);
    if rows == 0 || columns == 0 || rows > height || columns > width {
        return Err(format!(
            "a {what} of {rows} x {columns} does not fit its input of {height} x {width}"
        ));
    }
    Ok(window)
}
