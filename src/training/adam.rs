//! Adam: D. Kingma and J. Ba, "Adam: a method for stochastic optimization", 2015, algorithm 1. On a
//! GPU it is burn's; on the CPU it takes one pass over each tensor.
//!
//! The arithmetic is the same. Two things differ. burn's takes some twelve passes, each with an
//! allocation. And moments too small to matter are set to zero: weights whose gradient stays zero,
//! those of pixels that are black in every image, let their first moment fall by a tenth a step
//! until it is no normal number any more, on which processors are many times slower.

use super::checkpoint::Moments;
use crate::error::Result;
use crate::model::{Network, to_host};
use burn::optim::{self, AdamConfig, AdamState, AdaptiveMomentumState, Optimizer};
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use multiversion::multiversion;
use rayon::prelude::*;

/// First moments below this are set to zero: a step of them is below a weight's last bit whatever
/// the second moment, which is at least their square.
const NEGLIGIBLE: f32 = 1e-25;

/// Decay rates of the moments, those of the paper.
const BETAS: (f32, f32) = (0.9, 0.999);

/// Keeps the steps finite: Keras' value, as in the studies.
const EPSILON: f32 = 1e-7;

/// Values of a task on the CPU.
const BLOCK: usize = 1 << 15;

/// The optimiser and its state.
pub(super) struct Adam {
    rate: f64,
    /// Steps taken.
    time: usize,
    state: State,
}

enum State {
    Host(Moments),
    Device(Box<optim::Adam>, Vec<Option<AdamState<2>>>),
}

impl Adam {
    /// Before the first step, or after `time` steps with their moments.
    pub(super) fn new(
        rate: f64,
        network: &Network,
        on_cpu: bool,
        past: Option<(usize, &Moments)>,
        device: &Device,
    ) -> Self {
        let shapes = network.trained().iter().map(Tensor::dims);
        let (time, state) = match (on_cpu, past) {
            (true, None) => (
                0,
                State::Host(
                    shapes
                        .map(|[rows, columns]| [0, 1].map(|_| vec![0.0; rows * columns]))
                        .collect(),
                ),
            ),
            (true, Some((time, moments))) => (time, State::Host(moments.clone())),
            (false, past) => {
                let tensor = |values: &[f32], shape| {
                    Tensor::<2>::from_data(TensorData::new(values.to_vec(), shape), device)
                };
                let state = |(at, shape): (usize, [usize; 2])| {
                    let (time, moments) = past?;
                    let [first, second] = [0, 1].map(|moment| tensor(&moments[at][moment], shape));
                    Some(AdamState::new(AdaptiveMomentumState::new(time, first, second)))
                };
                let burns = Box::new(AdamConfig::new().with_epsilon(EPSILON).build());
                (
                    past.map_or(0, |past| past.0),
                    State::Device(burns, shapes.enumerate().map(state).collect()),
                )
            }
        };
        Self { rate, time, state }
    }

    /// Takes a step on every trained tensor of the network.
    pub(super) fn step(&mut self, network: &mut Network, mut gradients: Gradients) {
        self.time += 1;
        let (rate, time) = (self.rate, self.time);
        network.replace_trained(|(at, tensor)| {
            let gradient = tensor
                .grad_remove(&mut gradients)
                .expect("every trained tensor takes part in the loss");
            let tensor = tensor.inner();
            let stepped = match &mut self.state {
                State::Host(moments) => host_step(rate, time, tensor, gradient, &mut moments[at]),
                State::Device(burns, states) => {
                    let (tensor, state) = burns.step(rate, tensor, gradient, states[at].take());
                    states[at] = state;
                    tensor
                }
            };
            stepped.autodiff().require_grad()
        });
    }

    /// Number of steps taken, and the moments.
    pub(super) fn past(&self) -> Result<(usize, Moments)> {
        let moments = match &self.state {
            State::Host(moments) => moments.clone(),
            State::Device(_, states) => {
                let of = |state: &Option<AdamState<2>>| {
                    let momentum = &state.as_ref().expect("a step was taken").momentum;
                    let [first, second] = [&momentum.moment_1, &momentum.moment_2]
                        .map(|moment| to_host(moment.clone(), "Adam's moments"));
                    Ok([first?, second?])
                };
                states.iter().map(of).collect::<Result<_>>()?
            }
        };
        Ok((self.time, moments))
    }
}

/// One step on a tensor of the CPU.
fn host_step(
    rate: f64,
    time: usize,
    tensor: Tensor<2>,
    gradient: Tensor<2>,
    moments: &mut [Vec<f32>; 2],
) -> Tensor<2> {
    let (device, shape) = (tensor.device(), tensor.dims());
    let (mut weights, gradient) = (values(tensor), values(gradient));
    let correction_2 = (1.0 - BETAS.1.powi(time as i32)).sqrt();
    let factor = correction_2 / (1.0 - BETAS.0.powi(time as i32));
    let step = (rate as f32 * factor, EPSILON * correction_2);
    let [first, second] = moments;
    let blocks = weights.par_chunks_mut(BLOCK).zip(gradient.par_chunks(BLOCK));
    let moments = first.par_chunks_mut(BLOCK).zip(second.par_chunks_mut(BLOCK));
    blocks.zip(moments).for_each(|((weights, gradient), (first, second))| {
        update(weights, gradient, first, second, BETAS, step)
    });
    Tensor::from_data(TensorData::new(weights, shape), &device)
}

/// The values of a tensor of the CPU. Its failure would be burn's own, and is caught where training
/// is.
fn values(tensor: Tensor<2>) -> Vec<f32> {
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
    for (((weight, &gradient), first), second) in
        weights.iter_mut().zip(gradient).zip(first).zip(second)
    {
        let moment = beta_1 * *first + (1.0 - beta_1) * gradient;
        *first = if moment.abs() < NEGLIGIBLE { 0.0 } else { moment };
        *second = beta_2 * *second + (1.0 - beta_2) * gradient * gradient;
        *weight -= rate * *first / (second.sqrt() + epsilon);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_those_of_burn() {
        let device = Device::flex();
        let random = crate::random::Random::new(1, 1);
        let tensor = |from: u64| {
            let values: Vec<f32> = (0..120).map(|at| random.uniform(from + at) - 0.5).collect();
            Tensor::<2>::from_data(TensorData::new(values, [12, 10]), &device)
        };
        let burns = AdamConfig::new().with_epsilon(EPSILON).build();
        let mut a = tensor(0);
        let mut moments = [vec![0.0; 120], vec![0.0; 120]];
        let mut b = (tensor(0), None);
        for step in 1..50 {
            a = host_step(1e-3, step as usize, a, tensor(step * 1000), &mut moments);
            b = burns.step(1e-3, b.0, tensor(step * 1000), b.1);
        }
        // Each of 49 steps moves a weight by up to 1e-3 and rounds it, to 2^-25 at most.
        let a = values(a);
        let b = values(b.0);
        assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 49.0 * 6e-8), "{a:?} {b:?}");
    }
}
