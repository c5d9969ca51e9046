//! Weights of a model on the host, and their .safetensors files.

use super::activation::Activation;
use super::architecture::{Architecture, LayerSpec};
use super::layers::{Dense, Flatten};
use super::parameter::Parameter;
use crate::error::{Error, Result};
use crate::files::write_atomic;
use crate::sealed;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// Key of the file's metadata under which the configuration of the model is stored, as JSON.
const CONFIG_KEY: &str = "layerlens";

/// Named tensors. Kernels of dense layers are inputs x outputs in row-major order, as in Keras
/// (PyTorch transposes them).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Weights {
    tensors: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
    class_names: Vec<String>,
}

impl Weights {
    /// Adds a tensor.
    pub fn insert(&mut self, name: String, shape: Vec<usize>, values: Vec<f32>) {
        self.tensors.insert(name, (shape, values));
    }

    /// The names and values of all tensors, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[f32])> {
        self.tensors.iter().map(|(name, (_, values))| (name.as_str(), values.as_slice()))
    }

    /// The values of a tensor of that shape.
    ///
    /// # Errors
    /// [`Error::Data`] if there is none of that name or it has another shape.
    pub fn get(&self, name: &str, shape: &[usize]) -> Result<&[f32]> {
        match self.tensors.get(name) {
            Some((found, values)) if found == shape => Ok(values),
            Some((found, _)) => Err(Error::Data(format!(
                "tensor `{name}` has the shape {found:?}, this model needs {shape:?}"
            ))),
            None => Err(Error::Data(format!("tensor `{name}` of shape {shape:?} is missing"))),
        }
    }

    /// Names of the classes in the order of the outputs; none if they are not known.
    pub fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// The same weights of classes that are called so.
    pub fn with_class_names(self, class_names: &[String]) -> Self {
        Self { class_names: class_names.to_vec(), ..self }
    }

    /// The same model with its classes in another order: class `i` of the result is class
    /// `order[i]` of this one.
    ///
    /// # Errors
    /// [`Error::Data`] if `order` is not one of all classes, or the weights are not those of the
    /// architecture.
    pub fn reordered(&self, architecture: &Architecture, order: &[usize]) -> Result<Self> {
        let n = architecture.n_classes;
        let mut sorted = order.to_vec();
        sorted.sort_unstable();
        if !sorted.into_iter().eq(0..n) {
            return Err(Error::Data(format!("{order:?} is not a permutation of {n} classes")));
        }
        let mut weights = self.clone();
        for Parameter { name, shape, .. } in
            architecture.steps()?.last().map_or(&[][..], |output| &output.parameters)
        {
            let values = self.get(name, shape)?;
            // The classes are the last axis, of the kernel as of the bias.
            let moved = values
                .chunks_exact(n)
                .flat_map(|row| order.iter().map(|&class| row[class]))
                .collect();
            weights.insert(name.clone(), shape.clone(), moved);
        }
        if self.class_names.len() == n {
            weights.class_names =
                order.iter().map(|&class| self.class_names[class].clone()).collect();
        }
        Ok(weights)
    }

    /// The tensor with the value of largest magnitude, and that value.
    pub fn largest(&self) -> (&str, f32) {
        let values = self.tensors.iter().flat_map(|(name, (_, values))| {
            values.iter().map(move |&value| (name.as_str(), value))
        });
        values.max_by(|a, b| a.1.abs().total_cmp(&b.1.abs())).unwrap_or(("", 0.0))
    }

    /// Number of tensors.
    pub fn len(&self) -> usize {
        self.tensors.len()
    }

    /// `true` if there are none.
    pub fn is_empty(&self) -> bool {
        self.tensors.is_empty()
    }
}

/// Metadata of a file of weights.
#[derive(Serialize)]
struct About<'a> {
    #[serde(flatten)]
    architecture: &'a Architecture,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    class_names: &'a [String],
}

/// Writes weights, the architecture of their model and the names of its classes, if they are known.
///
/// # Errors
/// [`Error::Write`].
pub fn write_weights(path: &Path, architecture: &Architecture, weights: &Weights) -> Result<()> {
    let about = About { architecture, class_names: &weights.class_names };
    let bytes = tensor_bytes(path, CONFIG_KEY, &about, weights)?;
    write_atomic(path, |writer| writer.write_all(&bytes))
}

/// A .safetensors file for `path`, with `about` as JSON under one key of its metadata.
pub(crate) fn tensor_bytes(
    path: &Path,
    key: &str,
    about: &impl Serialize,
    tensors: &Weights,
) -> Result<Vec<u8>> {
    let failed = |message: String| Error::write(path, std::io::Error::other(message));
    let views = tensors.tensors.iter().map(|(name, (shape, values))| {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytemuck::cast_slice(values));
        view.map(|view| (name.as_str(), view)).map_err(|error| failed(error.to_string()))
    });
    let about = serde_json::to_string(about).map_err(|error| failed(error.to_string()))?;
    sealed::serialize(&views.collect::<Result<Vec<_>>>()?, key, &about).map_err(failed)
}

/// Reads weights and the architecture of their model.
///
/// # Errors
/// [`Error::Input`] if the file is missing, malformed, not written by this program, or holds a
/// value that is not finite.
pub fn read_weights(path: &Path) -> Result<(Architecture, Weights)> {
    let (about, weights) = read_tensors(path, CONFIG_KEY, "weights")?;
    let malformed = |message: String| {
        Error::input(path, format!("not a .safetensors file of weights: {message}"))
    };
    let (architecture, class_names) =
        parse_about(&about).map_err(|error| malformed(error.to_string()))?;
    architecture.steps().map_err(|error| malformed(error.to_string()))?;
    let found = class_names.len();
    let n = architecture.n_classes;
    if found != 0 && found != n {
        return Err(malformed(format!("it names {found} classes, the model has {n}")));
    }
    Ok((architecture, weights.with_class_names(&class_names)))
}

/// Reads the output of [`tensor_bytes`]: the value under `key`, and the tensors. `what` they are is
/// said in errors.
pub(crate) fn read_tensors(path: &Path, key: &str, what: &str) -> Result<(String, Weights)> {
    let bytes = std::fs::read(path).map_err(|error| Error::input(path, error.to_string()))?;
    let malformed = |message: &dyn std::fmt::Display| {
        Error::input(path, format!("not a .safetensors file of {what}: {message}"))
    };
    let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(|error| malformed(&error))?;
    let about = metadata.metadata().as_ref().and_then(|metadata| metadata.get(key));
    let about = about
        .ok_or_else(|| {
            malformed(&format!("its metadata lack the key `{key}` that names the model"))
        })?
        .clone();
    let file = SafeTensors::deserialize(&bytes).map_err(|error| malformed(&error))?;
    let about = sealed::open(&file, &about).map_err(|message| Error::input(path, message))?;
    let mut weights = Weights::default();
    for (name, view) in file.tensors() {
        if view.dtype() != Dtype::F32 {
            return Err(malformed(&format!("tensor `{name}` is {:?}, expected F32", view.dtype())));
        }
        let values: Vec<f32> = bytemuck::pod_collect_to_vec(view.data());
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            return Err(Error::input(
                path,
                format!(
                    "tensor `{name}`, value {at} is {}: every value must be finite",
                    values[at]
                ),
            ));
        }
        weights.insert(name, view.shape().to_vec(), values);
    }
    Ok((about, weights))
}

/// Metadata of early files of perceptrons, when there were no other networks. Dropout was no part
/// of it, and plays none after training.
#[derive(Deserialize)]
struct Perceptron {
    n_features: usize,
    hidden: Vec<usize>,
    n_classes: usize,
}

impl From<Perceptron> for Architecture {
    fn from(old: Perceptron) -> Self {
        let dense = |units, activation| LayerSpec::new(Dense { units, activation });
        let mut layers = vec![LayerSpec::new(Flatten)];
        let hidden = (1..).zip(&old.hidden);
        layers.extend(
            hidden.map(|(at, &units)| dense(units, Activation::Relu).named(format!("layer_{at}"))),
        );
        layers.push(dense(old.n_classes, Activation::Softmax));
        Self { input: [1, old.n_features, 1], layers, n_classes: old.n_classes }
    }
}

/// The architecture and the names of the classes.
fn parse_about(text: &str) -> serde_json::Result<(Architecture, Vec<String>)> {
    let mut value: serde_json::Value = serde_json::from_str(text)?;
    let names = value.as_object_mut().and_then(|about| about.remove("class_names"));
    let names = names.map_or(Ok(Vec::new()), serde_json::from_value)?;
    let architecture = match value.get("hidden") {
        Some(_) => serde_json::from_value(value).map(|old: Perceptron| old.into()),
        None => serde_json::from_value(value),
    };
    Ok((architecture?, names))
}
