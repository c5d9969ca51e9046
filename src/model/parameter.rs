//! The tensors of a layer.

/// A tensor of a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Name in files of weights.
    pub name: String,
    /// Shape: kernels of convolutions are height x width x channels x filters, of dense layers
    /// inputs x units, as in Keras.
    pub shape: Vec<usize>,
    /// Its values before training.
    pub initial: Initial,
    /// `true` if gradients change it, and not the statistics of the batches.
    trainable: bool,
}

/// The values of a tensor before training.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Initial {
    /// Uniform within +-sqrt(6 / (inputs + outputs)), given by the last two dimensions.
    GlorotUniform,
    /// All 0.
    Zeros,
    /// All 1.
    Ones,
}

impl Parameter {
    /// A tensor that gradients change; the layer's key is put before the name later.
    pub(super) fn trained(name: &str, shape: Vec<usize>, initial: Initial) -> Self {
        Self { name: name.into(), shape, initial, trainable: true }
    }

    /// A moving statistic of the batches.
    pub(super) fn moving(name: &str, shape: Vec<usize>, initial: Initial) -> Self {
        Self { name: name.into(), shape, initial, trainable: false }
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// `true` if there are none; no layer has such a tensor.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// `true` if steps change it.
    pub fn is_trainable(&self) -> bool {
        self.trainable
    }

    /// Rows and columns as a matrix: all but the last dimension together, and the last.
    pub fn matrix(&self) -> [usize; 2] {
        let columns = *self.shape.last().expect("a tensor has a dimension");
        [self.len() / columns, columns]
    }
}
