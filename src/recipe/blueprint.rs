//! Models by name, and models that a file describes: everything but the size of the images and the
//! number of classes, which come from the data.

use crate::error::{Error, Result};
use crate::model::layers::{
    ActivationLayer, BatchNorm, Conv, Dense, Dropout, Flatten, GlobalAvgPool, MaxPool, Residual,
};
use crate::model::{Activation, Architecture, LayerKind, LayerSpec, Padding, Shape};
use crate::training::{Training, ValidationSplit};
use std::path::{Path, PathBuf};

/// A model that is independent of the data, and its default training parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Blueprint {
    /// Name of the preset, or of the file without its ending.
    pub name: String,
    /// Height, width and channels of an image, if the model insists.
    pub input: Option<[usize; 3]>,
    /// The hidden layers in order. A dense layer after an image needs no [`Flatten`] before it.
    pub hidden: Vec<LayerSpec>,
    /// Classes, if the model insists.
    pub n_classes: Option<usize>,
    /// Its default training parameters.
    pub training: Training,
    /// The file it was read from, with the line of each hidden layer and, last, of the output.
    pub(super) source: Option<(PathBuf, Vec<usize>)>,
}

/// A model that can be asked for by name.
#[derive(Debug)]
pub struct Preset {
    /// The name to ask for.
    pub name: &'static str,
    /// Description in one line.
    pub summary: &'static str,
    /// Classes of the study it comes from.
    pub n_classes: usize,
    build: fn() -> Blueprint,
}

/// All models that can be asked for by name.
pub static PRESETS: &[Preset] = &[
    Preset {
        name: "mlp",
        summary: "dense 256 and 64, dropout 0.5 after each",
        n_classes: 10,
        build: || Blueprint::mlp(&[256, 64]),
    },
    Preset {
        name: "cnn-default",
        summary: "convolution 3 x 3 with 32 filters, pooling, another convolution; 40,933 parameters for 5 classes",
        n_classes: 5,
        build: cnn_default,
    },
    Preset {
        name: "cnn-a",
        summary: "convolution with 32 filters, pooling, dense 32 and 32; 174,629 parameters for 5 classes",
        n_classes: 5,
        build: || cnn("cnn-a", 32, 32, 5),
    },
    Preset {
        name: "cnn-b",
        summary: "convolution with 64 filters, pooling, dense 100 and 100; 1,092,945 parameters for 5 classes",
        n_classes: 5,
        build: || cnn("cnn-b", 64, 100, 10),
    },
    Preset {
        name: "resnet-small",
        summary: "ResNet-20: convolution with 16 filters, three stages of three residual blocks with 16, 32 and 64 filters; 273,466 parameters for 10 classes",
        n_classes: 10,
        build: resnet_small,
    },
];

/// Height, width and channels that a preset is shown with.
pub const PRESET_INPUT: [usize; 3] = [28, 28, 1];

/// Share of the units of a perceptron that are dropped in training.
const DROPOUT: f32 = 0.5;

fn conv(filters: usize, padding: Padding) -> LayerSpec {
    LayerSpec::new(Conv { padding, activation: Activation::Relu, ..Conv::new(filters, [3, 3]) })
}

fn dense(units: usize) -> LayerSpec {
    LayerSpec::new(Dense { units, activation: Activation::Relu })
}

fn max_pool() -> LayerSpec {
    LayerSpec::new(MaxPool { size: [2, 2] })
}

/// Training parameters of the second study.
fn second_study(batch_size: usize, epochs: usize) -> Training {
    Training {
        batch_size,
        epochs,
        validation: 0.2,
        validation_split: ValidationSplit::Last,
        test_every_epoch: true,
        ..Training::default()
    }
}

fn cnn_default() -> Blueprint {
    let hidden =
        vec![conv(32, Padding::Same), max_pool(), conv(32, Padding::Same), LayerSpec::new(Flatten)];
    Blueprint::new("cnn-default", hidden, second_study(10, 10))
}

fn cnn(name: &str, filters: usize, units: usize, epochs: usize) -> Blueprint {
    let flatten = LayerSpec::new(Flatten);
    let hidden =
        vec![conv(filters, Padding::Valid), max_pool(), flatten, dense(units), dense(units)];
    Blueprint::new(name, hidden, second_study(32, epochs))
}

/// The network of n = 3 of section 4.2 of K. He, X. Zhang, S. Ren and J. Sun, "Deep Residual
/// Learning for Image Recognition", 2016, with projections where the shape changes.
fn resnet_small() -> Blueprint {
    let conv = |filters: usize, stride: usize| -> LayerKind {
        let conv = Conv::new(filters, [3, 3]);
        Conv { stride: [stride; 2], padding: Padding::Same, bias: false, ..conv }.into()
    };
    let norm = || -> LayerKind { BatchNorm { momentum: 0.9, epsilon: 1e-3 }.into() };
    let relu = || -> LayerKind { ActivationLayer { activation: Activation::Relu }.into() };
    let mut hidden: Vec<LayerSpec> =
        [conv(16, 1), norm(), relu()].into_iter().map(LayerSpec::new).collect();
    for (filters, first_stride) in [(16, 1), (32, 2), (64, 2)] {
        for stride in [first_stride, 1, 1] {
            let layers = vec![conv(filters, stride), norm(), relu(), conv(filters, 1), norm()];
            let activation = Activation::Relu;
            hidden.push(LayerSpec::new(Residual { layers, shortcut: Vec::new(), activation }));
        }
    }
    hidden.push(LayerSpec::new(GlobalAvgPool));
    let training = Training { batch_size: 128, epochs: 20, ..Training::default() };
    Blueprint::new("resnet-small", hidden, training)
}

impl Blueprint {
    /// A model of these hidden layers.
    pub fn new(name: impl Into<String>, hidden: Vec<LayerSpec>, training: Training) -> Self {
        Self { name: name.into(), input: None, hidden, n_classes: None, training, source: None }
    }

    /// The perceptron of the first study with other widths; dropout 0.5 after each hidden layer.
    pub fn mlp(widths: &[usize]) -> Self {
        let layer = |(at, &units): (usize, &usize)| {
            let dropout = LayerSpec::new(Dropout { rate: DROPOUT });
            [dense(units).named(format!("layer_{}", at + 1)), dropout]
        };
        Self::new("mlp", widths.iter().enumerate().flat_map(layer).collect(), Training::default())
    }

    /// The preset of that name, or the model that the .toml file of that path describes.
    ///
    /// # Errors
    /// [`Error::Parameter`] if there is no such preset; as [`Blueprint::read`] for a file.
    pub fn open(name: &str) -> Result<Self> {
        if let Some(preset) = PRESETS.iter().find(|preset| preset.name == name) {
            return Ok((preset.build)());
        }
        let path = Path::new(name);
        if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("toml")) {
            return Self::read(path);
        }
        let names: Vec<_> = PRESETS.iter().map(|preset| preset.name).collect();
        Err(Error::parameter(
            "architecture",
            name,
            format!("must be one of {}, or a .toml file", names.join(", ")),
        ))
    }

    /// `true` if a file describes it.
    pub fn is_of_file(&self) -> bool {
        self.source.is_some()
    }

    /// The same model with another rate in each of its dropout layers.
    ///
    /// # Errors
    /// [`Error::Parameter`] if the rate is out of range or there is no such layer.
    pub fn with_dropout(mut self, new: f32) -> Result<Self> {
        if !(0.0..1.0).contains(&new) {
            return Err(Error::parameter("dropout", new, "from 0 to below 1"));
        }
        let mut found = false;
        for layer in &mut self.hidden {
            found |= set_dropout(&mut layer.kind, new);
        }
        if !found && !self.hidden.is_empty() {
            return Err(Error::parameter(
                "dropout",
                new,
                format!("{} has no dropout layer", self.name),
            ));
        }
        Ok(self)
    }

    /// The model for images of `input` (height, width, channels) and `n_classes` classes.
    ///
    /// # Errors
    /// [`Error::Input`] with the line if a file described it, else [`Error::Data`]: the images or
    /// classes are not those that the model insists on, or a layer does not fit them.
    pub fn build(&self, input: [usize; 3], n_classes: usize) -> Result<Architecture> {
        let fault = |layer: usize, message: String| match &self.source {
            Some((path, lines)) => {
                let line = lines.get(layer).or(lines.last()).copied().unwrap_or(1);
                Error::input(path, format!("line {line}: {message}"))
            }
            None => Error::Data(format!("{}: {message}", self.name)),
        };
        if let Some(wanted) = self.input.filter(|wanted| *wanted != input) {
            let words =
                |[height, width, channels]: [usize; 3]| format!("{height} x {width} x {channels}");
            return Err(fault(
                0,
                format!(
                    "the model takes images of {}, the data have {}",
                    words(wanted),
                    words(input)
                ),
            ));
        }
        if let Some(wanted) = self.n_classes.filter(|wanted| *wanted != n_classes) {
            return Err(fault(
                self.hidden.len(),
                format!("the output has {wanted} units, the data have {n_classes} classes"),
            ));
        }
        // Where each layer stood before the layers were completed.
        let (mut layers, mut origin) = (Vec::new(), Vec::new());
        let mut shape = Shape::Grid(input);
        let output = LayerSpec::new(Dense { units: n_classes, activation: Activation::Softmax });
        for (at, layer) in self.hidden.iter().chain([&output]).enumerate() {
            if matches!((&layer.kind, shape), (LayerKind::Dense(_), Shape::Grid(_))) {
                layers.push(LayerSpec::new(Flatten));
                origin.push(at);
                shape = Shape::Flat(shape.size());
            }
            // What does not fit is reported by the walk below.
            shape = layer.kind.layer().output(shape).unwrap_or(shape);
            layers.push(layer.clone());
            origin.push(at);
        }
        let architecture = Architecture { input, layers, n_classes };
        match architecture.walk() {
            Ok(_) => Ok(architecture),
            Err((layer, message)) => {
                Err(fault(origin[layer], layer_words(&architecture, layer) + &message))
            }
        }
    }
}

/// Sets the rate of a dropout layer, or of those within; `false` if there is none.
fn set_dropout(layer: &mut LayerKind, new: f32) -> bool {
    match layer {
        LayerKind::Dropout(Dropout { rate }) => {
            *rate = new;
            true
        }
        LayerKind::Residual(Residual { layers, shortcut, .. }) => {
            let mut found = false;
            for layer in layers.iter_mut().chain(shortcut) {
                found |= set_dropout(layer, new);
            }
            found
        }
        _ => false,
    }
}

/// Says which layer is meant where no line does.
fn layer_words(architecture: &Architecture, layer: usize) -> String {
    format!("layer {} ({}): ", layer + 1, architecture.layers[layer].type_name())
}
