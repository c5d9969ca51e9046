//! Convolutions and pooling on the CPU, as differentiable operations of burn's `flex`.
//!
//! burn's own take 1.5 to 3 times as long: they lay every image out anew, channels first, work
//! element by element on one thread around the matrix product, and keep bias and ReLU in passes of
//! their own. Here a grid lies with its channels last, so a window's row is one contiguous piece,
//! and what follows the product happens in place.
//!
//! Images are shared out to the threads in blocks whose number depends on the batch alone, and sums
//! over a batch are taken block by block in order: the bytes do not depend on the number of
//! threads.

mod convolution;
mod pooling;

use burn::tensor::{Tensor, TensorData};
use burn_autodiff::Autodiff;
use burn_autodiff::checkpoint::base::Checkpointer;
use burn_autodiff::checkpoint::strategy::NoCheckpointing;
use burn_autodiff::grads::Gradients;
use burn_autodiff::ops::{Backward, NodeGuard, Ops, OpsKind};
use burn_flex::{Flex, FlexTensor};
pub(super) use convolution::ConvWindows;
use convolution::Geometry;
use pooling::Pool;

type Tracked = Autodiff<Flex, NoCheckpointing>;

/// Most blocks that a batch is cut into.
const MAX_BLOCKS: usize = 8;

/// Images of a block, for a batch of `n`.
fn block_images(n: usize) -> usize {
    n.div_ceil(MAX_BLOCKS).max(1)
}

/// The bias added and the ReLU applied to a convolution: `x` n x height x width x
/// channels, `weight` (window x channels) x filters, `bias` 1 x filters, the result n x rows x
/// columns x filters.
pub(super) fn convolution(
    x: Tensor<4>,
    weight: Tensor<2>,
    bias: Tensor<2>,
    windows: ConvWindows,
    relu: bool,
) -> Tensor<4> {
    let geometry = Geometry::new(x.dims(), weight.dims()[1], windows, relu);
    if !weight.device().is_autodiff() {
        let [x, weight, bias] =
            [contiguous(plain(x)), contiguous(plain(weight)), contiguous(plain(bias))];
        return Tensor::from_primitive::<Flex>(forward(&geometry, &x, &weight, &bias));
    }
    let (x, of_x) = tracked(x.autodiff());
    let (weight, of_weight) = tracked(weight);
    let (bias, of_bias) = tracked(bias);
    let y = forward(&geometry, &x, &weight, &bias);
    let prepared = ConvolutionOp
        .prepare::<NoCheckpointing>([of_x, of_weight, of_bias])
        .compute_bound()
        .stateful();
    Tensor::from_primitive::<Tracked>(match prepared {
        OpsKind::Tracked(prepared) => prepared.finish((x, weight, y.clone(), geometry), y),
        OpsKind::UnTracked(prepared) => prepared.finish(y),
    })
}

/// The largest value of each window; `x` n x height x width x channels.
pub(super) fn max_pool(x: Tensor<4>, size: [usize; 2]) -> Tensor<4> {
    pool(x, Pool { size, mean: false })
}

/// The mean of each window; `x` n x height x width x channels.
pub(super) fn avg_pool(x: Tensor<4>, size: [usize; 2]) -> Tensor<4> {
    pool(x, Pool { size, mean: true })
}

fn pool(x: Tensor<4>, pool: Pool) -> Tensor<4> {
    let shape = x.dims();
    let forward = |x: &FlexTensor| tensor(pool.forward(x.storage(), shape), &pool.output(shape));
    if !x.device().is_autodiff() {
        return Tensor::from_primitive::<Flex>(forward(&contiguous(plain(x))));
    }
    let (x, of_x) = tracked(x);
    let y = forward(&x);
    Tensor::from_primitive::<Tracked>(
        match PoolOp.prepare::<NoCheckpointing>([of_x]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish((x, y.clone(), pool, shape), y),
            OpsKind::UnTracked(prepared) => prepared.finish(y),
        },
    )
}

#[derive(Debug)]
struct ConvolutionOp;

impl Backward<Flex, 3> for ConvolutionOp {
    type State = (FlexTensor, FlexTensor, FlexTensor, Geometry);

    fn backward(self, ops: Ops<Self::State, 3>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let [of_x, of_weight, of_bias] = ops.parents;
        let dy = contiguous(gradients.consume::<Flex>(&ops.node));
        let (x, weight, y, geometry) = ops.state;
        let from = convolution::ForwardPass { x: x.storage(), y: y.storage(), dy: dy.storage() };
        // The first layer's input is the data: nobody asks for its gradient.
        let wanted = of_x.is_some().then(|| weight.storage());
        let (dx, dw, db) = convolution::backward(&geometry, &from, wanted);
        if let (Some(node), Some(dx)) = (of_x, dx) {
            gradients.register::<Flex>(node.id, tensor(dx, &geometry.input()));
        }
        let [inputs, filters] = geometry.kernel();
        if let Some(node) = of_weight {
            gradients.register::<Flex>(node.id, tensor(dw, &[inputs, filters]));
        }
        if let Some(node) = of_bias {
            gradients.register::<Flex>(node.id, tensor(db, &[1, filters]));
        }
    }
}

#[derive(Debug)]
struct PoolOp;

impl Backward<Flex, 1> for PoolOp {
    type State = (FlexTensor, FlexTensor, Pool, [usize; 4]);

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let [of_x] = ops.parents;
        let dy = contiguous(gradients.consume::<Flex>(&ops.node));
        let (x, y, pool, shape) = ops.state;
        if let Some(node) = of_x {
            let dx = pool.backward(x.storage(), y.storage(), dy.storage(), shape);
            gradients.register::<Flex>(node.id, tensor(dx, &shape));
        }
    }
}

fn forward(
    geometry: &Geometry,
    x: &FlexTensor,
    weight: &FlexTensor,
    bias: &FlexTensor,
) -> FlexTensor {
    let y = convolution::forward(geometry, x.storage(), weight.storage(), bias.storage());
    tensor(y, &geometry.output())
}

fn tensor(values: Vec<f32>, shape: &[usize]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape.to_vec()))
}

fn plain<const D: usize>(x: Tensor<D>) -> FlexTensor {
    x.try_into_primitive::<Flex>().expect("channels lie last on the CPU only")
}

/// The values, and their position in the graph of what was computed.
fn tracked<const D: usize>(x: Tensor<D>) -> (FlexTensor, NodeGuard) {
    let (values, node) =
        x.try_into_primitive::<Tracked>().expect("channels lie last on the CPU only").into_parts();
    (contiguous(values), node)
}

/// The same values, row-major, in a storage of their own: a slice of a tensor keeps the storage of
/// the whole.
fn contiguous(x: FlexTensor) -> FlexTensor {
    let len = x.layout().num_elements();
    if x.is_contiguous() && x.layout().start_offset() == 0 && x.storage::<f32>().len() == len {
        return x;
    }
    FlexTensor::from_data(x.into_data())
}
