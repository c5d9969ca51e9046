//! What every layer of a trained network answers to every image: the spaces that are looked into.

use crate::compute;
use crate::dataset::Samples;
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::model::{Mlp, MlpConfig, Weights};
use crate::training::{check_fit, guarded};
use burn::tensor::{Tensor, TensorData, activation};

/// Rows that pass through the network at once; a constant, so that the bytes do not depend on how many there are in all.
const ROWS: usize = 2000;

/// Name of the space of the input itself.
pub const RAW: &str = "raw";

/// One layer's answers, n_samples x units.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// `raw`, `layer_1`, `layer_2`, ... or `softmax`.
    pub name: String,
    /// One row an image.
    pub values: Matrix,
}

/// The input (pixels / 255), each hidden layer after its ReLU, and the softmax, for all `samples` in order; dropout is off.
///
/// # Errors
/// [`Error::Data`] if model, weights and images do not fit each other; [`Error::Training`] if the device fails.
pub fn activations(device: &compute::Device, config: &MlpConfig, weights: &Weights, samples: &Samples) -> Result<Vec<Layer>> {
    check_fit(config, samples)?;
    let raw = samples.images.features();
    let d = raw.n_features();
    let mut outputs: Vec<Vec<f32>> = vec![Vec::new(); config.hidden.len() + 1];
    guarded(device, |burn| {
        let model = Mlp::from_weights(config, weights, burn)?;
        for rows in raw.as_slice().chunks(ROWS * d) {
            let x = Tensor::from_data(TensorData::new(rows.to_vec(), [rows.len() / d, d]), burn);
            let (hidden, logits) = model.forward(x);
            let layers = hidden.into_iter().chain([activation::softmax(logits, 1)]);
            for (output, layer) in outputs.iter_mut().zip(layers) {
                let data = layer.try_into_data().map_err(|error| Error::Training(error.to_string()))?;
                output.extend(data.try_to_vec::<f32>().map_err(|error| Error::Training(format!("{error:?}")))?);
            }
        }
        Ok(())
    })?;
    let units = config.hidden.iter().copied().chain([config.n_classes]);
    let n = samples.len();
    let hidden = config.layer_names().into_iter().zip(outputs).zip(units).map(|((name, values), units)| {
        let values = Matrix::new(values, n, units).map_err(|error| Error::Data(format!("activations of {name}: {error}")))?;
        Ok(Layer { name, values })
    });
    std::iter::once(Ok(Layer { name: RAW.into(), values: raw })).chain(hidden).collect()
}
