//! Multiplications and parameters of nodes.

use super::graph::{Graph, Node};
use std::collections::{HashMap, HashSet};

/// Sizes of values for one batch, by their names.
pub(super) type Sizes = HashMap<String, Vec<usize>>;

/// Multiply-accumulate operations of a node for the batch whose sizes these are: of convolutions
/// and matrix products, which take nearly all of the time.
pub(super) fn macs(node: &Node, sizes: &Sizes, graph: &Graph) -> u64 {
    let product = |dims: &[usize]| dims.iter().map(|&size| size as u64).product::<u64>();
    let of = |at: usize| node.inputs.get(at).and_then(|name| sizes.get(name));
    let Some(output) = node.outputs.first().and_then(|name| sizes.get(name)) else { return 0 };
    // Of a weight that is a constant the number of elements is known.
    let elements = |at: usize| {
        let constant = node.inputs.get(at).and_then(|name| graph.constants.get(name));
        constant.map(|&elements| elements as u64).or_else(|| of(at).map(|dims| product(dims)))
    };
    let operator = node.operator.rsplit(':').next().unwrap_or_default();
    match operator {
        "Conv" | "ConvInteger" | "FusedConv" | "QLinearConv" => {
            let weight = elements(if operator == "QLinearConv" { 3 } else { 1 }).unwrap_or(0);
            let filters = output.get(1).map_or(1, |&filters| filters as u64).max(1);
            product(output) * (weight / filters)
        }
        "ConvTranspose" => {
            let channels = of(0).and_then(|dims| dims.get(1)).map_or(1, |&it| it as u64).max(1);
            of(0).map_or(0, |dims| product(dims)) * (elements(1).unwrap_or(0) / channels)
        }
        "Gemm" | "MatMul" | "MatMulInteger" | "QLinearMatMul" | "FusedMatMul" | "Gemv" => {
            let is_turned = operator == "Gemm" && node.number("transA") == Some(1);
            let inner = of(0).and_then(|dims| if is_turned { dims.first() } else { dims.last() });
            product(output) * inner.map_or(0, |&inner| inner as u64)
        }
        _ => 0,
    }
}

/// Operators whose constants are sizes, places and bounds.
const WITHOUT_WEIGHTS: [&str; 19] = [
    "Cast",
    "Clip",
    "Dropout",
    "Expand",
    "Flatten",
    "Gather",
    "Pad",
    "ReduceMax",
    "ReduceMean",
    "ReduceSum",
    "Reshape",
    "Resize",
    "Slice",
    "Split",
    "Squeeze",
    "Tile",
    "TopK",
    "Unsqueeze",
    "Upsample",
];

/// Number of parameters that a node takes and no node before it did; single numbers are settings.
/// `sizes` hold those that are computed from other constants.
pub(super) fn parameters<'a>(
    node: &'a Node,
    data: &dyn Fn(&str) -> bool,
    sizes: &Sizes,
    graph: &Graph,
    counted: &mut HashSet<&'a str>,
) -> usize {
    if WITHOUT_WEIGHTS.contains(&node.operator.as_str()) {
        return 0;
    }
    let elements = |name: &str| {
        let computed = || sizes.get(name).map(|dims| dims.iter().product());
        graph.constants.get(name).copied().or_else(computed).filter(|&elements| elements > 1)
    };
    let weights = node.inputs.iter().filter(|name| !name.is_empty() && !data(name));
    weights.filter(|name| counted.insert(name)).filter_map(|name| elements(name)).sum()
}
