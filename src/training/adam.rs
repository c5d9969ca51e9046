//! Adam on the CPU, in one pass over each parameter.
//!
//! The same arithmetic as burn's, which the GPU uses: D. Kingma and J. Ba, "Adam: a method for stochastic optimization", 2015,
//! algorithm 1. Two things differ. burn's takes some twelve passes, each with an allocation. And moments too small to matter are
//! set to zero: weights whose gradient stays zero, those of pixels that are black in every image, let their first moment fall by
//! a tenth a step until it is no normal number any more, on which processors are many times slower.

use burn::optim::{AdamState, AdaptiveMomentumState, LearningRate, ModuleOptimizer, Optimizer};
use burn::tensor::{Device, Tensor, TensorData};
use multiversion::multiversion;

/// First moments below this are set to zero: a step of them is below a weight's last bit whatever the second moment, which is at
/// least their square.
const NEGLIGIBLE: f32 = 1e-25;

/// Adam with the decay rates of the paper.
#[derive(Clone, Debug)]
pub(super) struct HostAdam {
    beta_1: f32,
    beta_2: f32,
    epsilon: f32,
}

impl HostAdam {
    pub(super) fn optimiser(epsilon: f32) -> ModuleOptimizer {
        ModuleOptimizer::from(Self { beta_1: 0.9, beta_2: 0.999, epsilon })
    }
}

impl Optimizer for HostAdam {
    type State<const D: usize> = AdamState<D>;

    fn step<const D: usize>(
        &self,
        rate: LearningRate,
        tensor: Tensor<D>,
        gradient: Tensor<D>,
        state: Option<AdamState<D>>,
    ) -> (Tensor<D>, Option<AdamState<D>>) {
        let (device, shape) = (tensor.device(), tensor.dims());
        let gradient = values(gradient);
        let (time, mut first, mut second) = match state {
            Some(AdamState { momentum }) => (momentum.time + 1, values(momentum.moment_1), values(momentum.moment_2)),
            None => (1, vec![0.0; gradient.len()], vec![0.0; gradient.len()]),
        };
        let mut weights = values(tensor);
        let correction_2 = (1.0 - self.beta_2.powi(time as i32)).sqrt();
        let factor = correction_2 / (1.0 - self.beta_1.powi(time as i32));
        let step = (rate as f32 * factor, self.epsilon * correction_2);
        update(&mut weights, &gradient, &mut first, &mut second, (self.beta_1, self.beta_2), step);
        let back = |values: Vec<f32>| Tensor::from_data(TensorData::new(values, shape), &device);
        let state = AdamState::new(AdaptiveMomentumState::new(time, back(first), back(second)));
        (back(weights), Some(state))
    }

    fn to_device<const D: usize>(mut state: AdamState<D>, device: &Device) -> AdamState<D> {
        state.momentum = state.momentum.to_device(device);
        state
    }
}

/// The values of a tensor of the CPU. Its failure would be burn's own, and is caught where training is.
fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec().expect("a tensor of 32-bit floats")
}

/// One step for each weight; `rate` and `epsilon` have the bias corrections in them.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn update(
    weights: &mut [f32],
    gradient: &[f32],
    first: &mut [f32],
    second: &mut [f32],
    (beta_1, beta_2): (f32, f32),
    (rate, epsilon): (f32, f32),
) {
    for (((weight, &gradient), first), second) in weights.iter_mut().zip(gradient).zip(first).zip(second) {
        let moment = beta_1 * *first + (1.0 - beta_1) * gradient;
        *first = if moment.abs() < NEGLIGIBLE { 0.0 } else { moment };
        *second = beta_2 * *second + (1.0 - beta_2) * gradient * gradient;
        *weight -= rate * *first / (second.sqrt() + epsilon);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::optim::AdamConfig;

    #[test]
    fn steps_are_those_of_burn() {
        let device = Device::flex();
        let random = crate::random::Random::new(1, 1);
        let tensor = |from: u64| {
            let values: Vec<f32> = (0..120).map(|at| random.uniform(from + at) - 0.5).collect();
            Tensor::<2>::from_data(TensorData::new(values, [12, 10]), &device)
        };
        let (ours, burns) =
            (HostAdam { beta_1: 0.9, beta_2: 0.999, epsilon: 1e-7 }, AdamConfig::new().with_epsilon(1e-7).build());
        let (mut a, mut b) = ((tensor(0), None), (tensor(0), None));
        for step in 1..50 {
            a = ours.step(1e-3, a.0, tensor(step * 1000), a.1);
            b = burns.step(1e-3, b.0, tensor(step * 1000), b.1);
        }
        // Each of 49 steps moves a weight by up to 1e-3 and rounds it, to 2^-25 at most.
        let (a, b) = (values(a.0), values(b.0));
        assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 49.0 * 6e-8), "{a:?} {b:?}");
    }
}
