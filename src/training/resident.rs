//! The data on the device, and what a network makes of them.

use super::Performance;
use super::dynamics::{Dynamics, Epoch};
use crate::dataset::Samples;
use crate::error::{Error, Result};
use crate::model::{Architecture, Network, to_host};
use burn::tensor::{Device, Int, Tensor, TensorData, activation};

/// Values that burn's CPU device adds up in one order, whatever the number of threads: fewer than
/// these.
const FULL_SUM: usize = 1 << 22;

/// Sum of the cross-entropies of a batch; `targets` are one-hot rows.
pub(super) fn cross_entropy(logits: &Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
    let losses = activation::log_softmax(logits.clone(), 1) * targets;
    let by_rows = losses.shape().num_elements() >= FULL_SUM;
    if by_rows { losses.sum_dim(1).sum().neg() } else { losses.sum().neg() }
}

/// Rows that pass through the network at once outside training.
const ROWS: usize = 2000;

/// Values of one layer that are made at once outside training: 8 MiB, which stay in a cache.
const VALUES: usize = 1 << 21;

/// Rows that pass through a network at once outside training: a constant of the network, so that
/// the bytes do not depend on how many there are in all.
pub(crate) fn rows_at_once(architecture: &Architecture) -> usize {
    let widest =
        architecture.checked_steps().into_iter().map(|step| step.output.size()).max().unwrap_or(1);
    (VALUES / widest).clamp(1, ROWS)
}

/// Images and one-hot labels on the device, in parts, since a device bounds the size of one tensor.
pub(super) struct Resident {
    parts: Vec<(usize, Tensor<2>, Tensor<2>)>,
    pub(super) n: usize,
    evaluation_rows: usize,
}

impl Resident {
    /// Values of a part: 98 MiB, below the 128 MiB that every device binds.
    const PART_VALUES: usize = 784 << 15;

    pub(super) fn new(device: &Device, samples: &Samples, architecture: &Architecture) -> Self {
        let features = samples.images.features();
        let (n, d) = (features.n_samples(), features.n_features());
        let part_rows = (Self::PART_VALUES / d.max(architecture.n_classes)).max(1);
        let mut parts = Vec::new();
        for first in (0..n).step_by(part_rows) {
            let len = part_rows.min(n - first);
            let x = TensorData::new(features.as_slice()[first * d..][..len * d].to_vec(), [len, d]);
            let mut targets = vec![0.0_f32; len * architecture.n_classes];
            for (row, &label) in samples.labels[first..][..len].iter().enumerate() {
                targets[row * architecture.n_classes + usize::from(label)] = 1.0;
            }
            let targets = TensorData::new(targets, [len, architecture.n_classes]);
            parts.push((first, Tensor::from_data(x, device), Tensor::from_data(targets, device)));
        }
        Self { parts, n, evaluation_rows: rows_at_once(architecture) }
    }

    /// The given rows, ascending.
    pub(super) fn batch(&self, rows: &[usize]) -> (Tensor<2>, Tensor<2>) {
        let mut pieces = (Vec::new(), Vec::new());
        for (at, (first, x, targets)) in self.parts.iter().enumerate() {
            let end = self.parts.get(at + 1).map_or(self.n, |next| next.0);
            let inside = &rows
                [rows.partition_point(|row| row < first)..rows.partition_point(|&row| row < end)];
            if !inside.is_empty() {
                let ids: Vec<i32> = inside.iter().map(|row| (row - first) as i32).collect();
                let ids =
                    Tensor::<1, Int>::from_data(TensorData::new(ids, [inside.len()]), &x.device());
                pieces.0.push(x.clone().select(0, ids.clone()));
                pieces.1.push(targets.clone().select(0, ids));
            }
        }
        let joined = |mut pieces: Vec<Tensor<2>>| {
            if pieces.len() == 1 { pieces.remove(0) } else { Tensor::cat(pieces, 0) }
        };
        (joined(pieces.0), joined(pieces.1))
    }

    pub(super) fn performance(&self, model: &Network) -> Result<Performance> {
        let mut total: Option<Tally> = None;
        for (_, x, targets) in &self.parts {
            for first in (0..x.dims()[0]).step_by(self.evaluation_rows) {
                let rows = first..(first + self.evaluation_rows).min(x.dims()[0]);
                let x = x.clone().slice([rows.clone()]);
                let targets = targets.clone().slice([rows]);
                let logits = model.logits(x);
                let loss = cross_entropy(&logits, targets.clone());
                total
                    .get_or_insert_with(|| Tally::new(&logits.device()))
                    .add(&loss, &logits, targets);
            }
        }
        total.ok_or_else(|| Error::Data("there are no images to classify".into()))?.mean(self.n)
    }
}

/// Sums of losses and correct predictions, kept on the device until they are asked for.
pub(super) struct Tally {
    loss: Tensor<1>,
    right: Tensor<1>,
}

impl Tally {
    pub(super) fn new(device: &Device) -> Self {
        Self { loss: Tensor::zeros([1], device), right: Tensor::zeros([1], device) }
    }

    pub(super) fn add(&mut self, loss: &Tensor<1>, logits: &Tensor<2>, targets: Tensor<2>) {
        let right = logits.clone().argmax(1).equal(targets.argmax(1)).float().sum();
        self.loss = self.loss.clone() + loss.clone();
        self.right = self.right.clone() + right;
    }

    pub(super) fn mean(self, n: usize) -> Result<Performance> {
        let read = |tensor: Tensor<1>| {
            let data =
                tensor.try_into_data().map_err(|error| Error::Training(error.to_string()))?;
            let values =
                data.try_to_vec::<f32>().map_err(|error| Error::Training(format!("{error:?}")))?;
            Ok(values[0] / n as f32)
        };
        Ok(Performance { loss: read(self.loss)?, accuracy: read(self.right)? })
    }
}

/// What the network says of the training rows in an epoch. Logits stay on the device and are read
/// some at a time, since a read waits for all work before it.
pub(super) struct Said<'a> {
    epoch: Epoch<'a>,
    rows: Vec<usize>,
    logits: Vec<Tensor<2>>,
}

impl<'a> Said<'a> {
    /// Values that are kept on the device at most: 16 MiB.
    const VALUES: usize = 1 << 22;

    /// Of rows with these labels, nothing yet.
    pub(super) fn new(labels: &'a [u16]) -> Self {
        Self { epoch: Epoch::new(labels), rows: Vec::new(), logits: Vec::new() }
    }

    /// Keeps the logits of a batch of these rows.
    pub(super) fn keep(&mut self, rows: &[usize], logits: Tensor<2>) -> Result<()> {
        let n_classes = logits.dims()[1];
        self.rows.extend_from_slice(rows);
        self.logits.push(logits);
        if self.rows.len() * n_classes < Self::VALUES { Ok(()) } else { self.read() }
    }

    /// Adds the whole epoch to those before it.
    pub(super) fn end(mut self, dynamics: &mut Dynamics) -> Result<()> {
        self.read()?;
        self.epoch.end(dynamics);
        Ok(())
    }

    fn read(&mut self) -> Result<()> {
        let logits = std::mem::take(&mut self.logits);
        if !logits.is_empty() {
            let logits = to_host(Tensor::cat(logits, 0), "the logits of the training rows")?;
            self.epoch.note(&std::mem::take(&mut self.rows), &logits);
        }
        Ok(())
    }
}
