//! Activations of a trained network: the input, each recorded layer and the softmax as matrices.

use crate::compute;
use crate::dataset::Images;
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::model::{Architecture, RAW, Weights};
use crate::training::check_images;

/// Activations of one layer, n_samples x width.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// `raw`, the name of a hidden layer (`layer_1`, `conv_1`, ...) or `softmax`.
    pub name: String,
    /// One row an image.
    pub values: Matrix,
}

/// The input (pixels / 255), each recorded hidden layer, and the softmax, for all
/// `images` in order; dropout is off. Those of a convolutional layer come whole, rows, columns
/// and channels in that order, or as each channel's mean: see [`Architecture::recorded_layers`].
///
/// # Errors
/// [`Error::Data`] if model, weights and images do not fit each other; [`Error::Training`] if the
/// device fails; [`Error::Feature`] in a build without the feature `train`.
pub fn activations(
    device: &compute::Device,
    architecture: &Architecture,
    weights: &Weights,
    images: &Images,
) -> Result<Vec<Layer>> {
    check_images(architecture, images)?;
    let raw = images.features();
    let recorded_layers = architecture.recorded_layers();
    let outputs = outputs(device, architecture, weights, &raw)?;
    let widths = recorded_layers.iter().map(|layer| layer.width).chain([architecture.n_classes]);
    let n = images.n();
    let hidden = architecture.layer_names().into_iter().zip(outputs).zip(widths).map(
        |((name, values), width)| {
            let values = Matrix::new(values, n, width)
                .map_err(|error| Error::Data(format!("activations of {name}: {error}")))?;
            Ok(Layer { name, values })
        },
    );
    std::iter::once(Ok(Layer { name: RAW.into(), values: raw })).chain(hidden).collect()
}

/// Values of each recorded layer and of the softmax, row after row.
#[cfg(feature = "train")]
fn outputs(
    device: &compute::Device,
    architecture: &Architecture,
    weights: &Weights,
    raw: &Matrix,
) -> Result<Vec<Vec<f32>>> {
    use crate::model::{Network, to_host};
    use crate::training::{arrangement, guarded, rows_at_once};
    use burn::tensor::{Tensor, TensorData, activation};

    let d = raw.n_features();
    let mut outputs: Vec<Vec<f32>> = vec![Vec::new(); architecture.recorded_layers().len() + 1];
    guarded(device, "activations", |burn| {
        let network = Network::from_weights(architecture, weights, burn, arrangement(device))?;
        for rows in raw.as_slice().chunks(rows_at_once(architecture) * d) {
            let x = Tensor::from_data(TensorData::new(rows.to_vec(), [rows.len() / d, d]), burn);
            let (hidden, logits) = network.forward(x);
            let layers = hidden.into_iter().chain([activation::softmax(logits, 1)]);
            for (output, layer) in outputs.iter_mut().zip(layers) {
                output.extend(to_host(layer, "the activations")?);
            }
            device.check("activations")?;
        }
        Ok(())
    })?;
    Ok(outputs)
}

#[cfg(not(feature = "train"))]
fn outputs(
    _: &compute::Device,
    _: &Architecture,
    _: &Weights,
    _: &Matrix,
) -> Result<Vec<Vec<f32>>> {
    Err(Error::without_train("the activations of a network"))
}
