//! Models that Keras 3 saved: a .zip archive of `config.json`, the layers, and `model.weights.h5`,
//! their tensors in HDF5. A chain of layers that are known here becomes an architecture with its
//! weights.

mod layers;

use super::architecture::{Architecture, LayerSpec};
use super::layers::Dense;
use super::{Activation, LayerKind, Weights};
use crate::archive::member;
use crate::error::{Error, Result};
use hdf5_reader::Hdf5File;
use layers::{Entry, Part};
use rawzip::ZipArchive;
use serde::Deserialize;
use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

/// Members of the archive.
const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.weights.h5";

/// Size of a member at most: a little more than all values of the largest model.
const MAX_BYTES: u64 = 3 << 30;

/// Advice for models that are more than that.
const AS_ONNX: &str = "export the model as ONNX: model.export(\"net.onnx\", format=\"onnx\")";

#[derive(Deserialize)]
struct Model {
    class_name: String,
    config: Config,
}

#[derive(Deserialize)]
struct Config {
    layers: Vec<Entry>,
}

/// A layer of ours, and where its tensors are in the file.
struct Placed {
    spec: LayerSpec,
    group: String,
}

/// Reads a .keras file of Keras 3: a `Sequential` model, or a functional one that is a chain.
///
/// Its images are taken as pixels divided by 255, whether a `Rescaling` layer says so or whoever
/// trained it did. A last `Dense` layer without an activation is one of logits.
///
/// # Errors
/// [`Error::Input`] if the file is missing, damaged, or has a layer, or a setting of one, that
/// networks here do not have: the layer is named.
pub fn read_keras(path: &Path) -> Result<(Architecture, Weights)> {
    let [config, tensors] = members(path)?;
    let fault = |message: String| Error::input(path, message);
    let model: Model =
        serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_slice(&config))
            .map_err(|error| {
                fault(format!("{CONFIG}: {error}; expected a model saved by Keras 3"))
            })?;
    if !["Sequential", "Functional"].contains(&model.class_name.as_str()) {
        let found = &model.class_name;
        return Err(fault(format!(
            "the model is of class `{found}`, expected Sequential or Functional; {AS_ONNX}"
        )));
    }
    let (input, placed) = chain(&model.config.layers).map_err(fault)?;
    let (architecture, groups) = architecture(input, placed).map_err(fault)?;
    let steps = architecture.steps().map_err(|error| fault(error.to_string()))?;
    let file = Hdf5File::from_vec(tensors)
        .map_err(|error| fault(format!("{WEIGHTS} is damaged: {error}")))?;
    let mut weights = Weights::default();
    for (step, group) in steps.into_iter().zip(groups) {
        for (at, tensor) in step.parameters.into_iter().enumerate() {
            let place = format!("{group}/vars/{at}");
            let values = read_tensor(&file, &place, &tensor.shape)
                .map_err(|message| fault(format!("{WEIGHTS}, {place}: {message}")))?;
            weights.insert(tensor.name, tensor.shape, values);
        }
    }
    Ok((architecture, weights))
}

/// The bytes of configuration and weights.
fn members(path: &Path) -> Result<[Vec<u8>; 2]> {
    let bytes = std::fs::read(path).map_err(|error| Error::input(path, error.to_string()))?;
    let damaged = |error: rawzip::Error| {
        Error::input(path, format!("is no .keras file, or a damaged one: {error}"))
    };
    let archive = ZipArchive::from_slice(&bytes[..]).map_err(damaged)?;
    let mut found = [const { None }; 2];
    let mut entries = archive.entries();
    while let Some(entry) = entries.next_entry().map_err(damaged)? {
        let name = String::from_utf8_lossy(entry.file_path().as_ref()).into_owned();
        let Some(at) = [CONFIG, WEIGHTS].iter().position(|wanted| *wanted == name) else {
            continue;
        };
        let called = path.join(&name);
        let mut content = Vec::new();
        member(&archive, &entry, &name, &called, damaged)?
            .take(MAX_BYTES)
            .read_to_end(&mut content)
            .map_err(|error| Error::input(&called, format!("is damaged: {error}")))?;
        found[at] = Some(content);
    }
    match found {
        [Some(config), Some(weights)] => Ok([config, weights]),
        [None, _] => Err(Error::input(path, format!("{CONFIG} is missing from the archive"))),
        _ => Err(Error::input(path, format!("{WEIGHTS} is missing from the archive"))),
    }
}

/// The layers in order, and the shape of an image. Rescaling to pixels / 255 is what networks here
/// take in any case, and a softmax belongs to the dense layer before it.
fn chain(entries: &[Entry]) -> Result<([usize; 3], Vec<Placed>), String> {
    let mut input = None;
    let mut placed: Vec<Placed> = Vec::new();
    let mut counts: HashMap<String, usize> = HashMap::new();
    for (at, entry) in entries.iter().enumerate() {
        let name = entry.name();
        let fault = |message: String| format!("layer `{name}` ({}): {message}", entry.class_name);
        let before = at.checked_sub(1).map(|before| entries[before].name());
        entry.check_follows(before).map_err(fault)?;
        let stem = layers::snake_case(&entry.class_name);
        let count = counts.entry(stem.clone()).or_insert(0);
        let group = match *count {
            0 => format!("layers/{stem}"),
            n => format!("layers/{stem}_{n}"),
        };
        *count += 1;
        if input.is_none() {
            input = entry.input();
        }
        match entry.part().map_err(fault)? {
            Part::Input => {}
            Part::Rescaling if placed.is_empty() => {}
            Part::Rescaling => return Err(fault("only the first layer may scale pixels".into())),
            Part::Softmax => match placed.last_mut().map(|last| &mut last.spec.kind) {
                Some(LayerKind::Dense(Dense { activation, .. }))
                    if *activation == Activation::Linear =>
                {
                    *activation = Activation::Softmax;
                }
                _ => return Err(fault("a softmax must follow a dense layer".into())),
            },
            Part::Layer(kind) => {
                placed.push(Placed { spec: LayerSpec::new(kind).named(name), group });
            }
        }
    }
    let input = input.ok_or("no layer says the shape of the input: expected an InputLayer")?;
    Ok((layers::image_shape(&input)?, placed))
}

/// The architecture, with the group of the file in which each layer's tensors are.
fn architecture(
    input: [usize; 3],
    placed: Vec<Placed>,
) -> Result<(Architecture, Vec<String>), String> {
    let (mut layers, groups): (Vec<LayerSpec>, Vec<String>) =
        placed.into_iter().map(|placed| (placed.spec, placed.group)).unzip();
    let n_classes = match layers.last_mut() {
        Some(LayerSpec { name, kind: LayerKind::Dense(Dense { units, activation }), .. })
            if matches!(activation, Activation::Linear | Activation::Softmax) =>
        {
            *activation = Activation::Softmax;
            *name = None;
            *units
        }
        _ => {
            return Err("the last layer must be a Dense one with a softmax, or without an \
                        activation, over the classes"
                .into());
        }
    };
    Ok((Architecture { input, layers, n_classes }, groups))
}

fn read_tensor(file: &Hdf5File, place: &str, shape: &[usize]) -> Result<Vec<f32>, String> {
    let dataset = file.dataset(place).map_err(|error| error.to_string())?;
    if !dataset.shape().iter().map(|&size| size as usize).eq(shape.iter().copied()) {
        return Err(format!("the shape is {:?}, the layer needs {shape:?}", dataset.shape()));
    }
    let mut values = vec![0.0_f32; shape.iter().product()];
    dataset
        .read_into(&mut values)
        .map_err(|error| format!("cannot be read as 32-bit floats: {error}"))?;
    match values.iter().find(|value| !value.is_finite()) {
        None => Ok(values),
        Some(value) => Err(format!("a value is {value}: every value must be finite")),
    }
}
