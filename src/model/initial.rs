//! The weights that a training begins with.

use super::Weights;
use super::architecture::Architecture;
use super::parameter::Initial;
use crate::random::Random;

/// Stream of the random numbers of the initial weights.
const STREAM: u64 = 0x776e_6974;

impl Architecture {
    /// Initial weights as Keras draws them: kernels Glorot uniform, factors and variances 1, all
    /// else 0; drawn on the host from `seed` alone.
    pub fn initial_weights(&self, seed: u64) -> Weights {
        let mut weights = Weights::default();
        let mut kernels = 0;
        for tensor in self.checked_steps().into_iter().flat_map(|step| step.parameters) {
            let values = match tensor.initial {
                Initial::GlorotUniform => {
                    let random = Random::new(seed, STREAM + kernels);
                    kernels += 1;
                    glorot_uniform(&tensor.shape, &random)
                }
                Initial::Ones => vec![1.0; tensor.len()],
                Initial::Zeros => vec![0.0; tensor.len()],
            };
            weights.insert(tensor.name, tensor.shape, values);
        }
        weights
    }
}

/// Values of a kernel, uniform within +-sqrt(6 / (inputs + outputs)) (X. Glorot and Y. Bengio,
/// 2010, eq. 16); each position of the window of a convolution counts.
fn glorot_uniform(shape: &[usize], random: &Random) -> Vec<f32> {
    let window: usize = shape[..shape.len() - 2].iter().product();
    let (inputs, outputs) = (window * shape[shape.len() - 2], window * shape[shape.len() - 1]);
    let limit = (6.0 / (inputs + outputs) as f32).sqrt();
    (0..shape.iter().product::<usize>())
        .map(|at| (2.0 * random.uniform(at as u64) - 1.0) * limit)
        .collect()
}
