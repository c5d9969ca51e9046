//! What operators do to the values that they take: whether they only change their form, and which
//! axis holds the channels.

use super::graph::{Graph, Node};
use std::collections::HashMap;

/// Operators that keep the values and change their order or form at most; zeros of a padding are
/// no values.
const OF_FORM: [&str; 10] = [
    "Cast",
    "Dropout",
    "Expand",
    "Flatten",
    "Identity",
    "Pad",
    "Reshape",
    "Squeeze",
    "Transpose",
    "Unsqueeze",
];

/// Element-wise operators, and those that bring the elements to a common scale.
const ELEMENTWISE: [&str; 57] = [
    "Abs",
    "Add",
    "BatchNormalization",
    "BiasGelu",
    "CastLike",
    "Ceil",
    "Celu",
    "Clip",
    "DequantizeLinear",
    "Div",
    "DynamicQuantizeLinear",
    "Elu",
    "Erf",
    "Exp",
    "FastGelu",
    "Floor",
    "Gelu",
    "Greater",
    "GroupNormalization",
    "HardSigmoid",
    "HardSwish",
    "InstanceNormalization",
    "LRN",
    "LayerNormalization",
    "LeakyRelu",
    "Less",
    "Log",
    "LogSoftmax",
    "LpNormalization",
    "Max",
    "MeanVarianceNormalization",
    "Min",
    "Mish",
    "Mul",
    "Neg",
    "PRelu",
    "Pow",
    "QuantizeLinear",
    "QuickGelu",
    "RMSNormalization",
    "Reciprocal",
    "Relu",
    "Round",
    "Selu",
    "Sigmoid",
    "Sign",
    "SimplifiedLayerNormalization",
    "Softmax",
    "Softplus",
    "Softsign",
    "Sqrt",
    "Sub",
    "Sum",
    "Swish",
    "Tanh",
    "ThresholdedRelu",
    "Where",
];

/// Sums over axes, by which a normalisation may be spelled out.
const REDUCTIONS: [&str; 6] =
    ["ReduceL2", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum", "ReduceSumSquare"];

/// What the nodes between two cuts do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// They keep the values.
    Form,
    /// They change each value, or scale all, by themselves alone.
    Elementwise,
    /// They compute something new.
    New,
}

/// The name without the domain of onnxruntime's own operators.
fn plain(operator: &str) -> &str {
    operator.strip_prefix("com.microsoft:").unwrap_or(operator)
}

/// What the nodes of a region do together.
pub(super) fn step(nodes: &[&Node]) -> Step {
    let is_in = |list: &[&str], node: &Node| list.contains(&plain(&node.operator));
    if nodes.iter().all(|node| is_in(&OF_FORM, node)) {
        return Step::Form;
    }
    let simple = |node: &&Node| is_in(&OF_FORM, node) || is_in(&ELEMENTWISE, node);
    // Reductions count where their results meet the values again.
    let ends_simple = nodes.last().is_some_and(simple);
    if ends_simple && nodes.iter().all(|node| simple(node) || is_in(&REDUCTIONS, node)) {
        Step::Elementwise
    } else {
        Step::New
    }
}

/// Axis of the channels, or of the features of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channels {
    /// The first after the images, as convolutions have it.
    First,
    /// The last, as dense layers have it.
    Last,
}

/// Operators whose channels come first, whatever comes in.
const CHANNELS_FIRST: [&str; 17] = [
    "AveragePool",
    "BatchNormalization",
    "Conv",
    "ConvInteger",
    "ConvTranspose",
    "DepthToSpace",
    "FusedConv",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "GroupNormalization",
    "InstanceNormalization",
    "LRN",
    "LpPool",
    "MaxPool",
    "QLinearConv",
    "SpaceToDepth",
    "Upsample",
];

/// Operators whose features come last.
const CHANNELS_LAST: [&str; 9] = [
    "Attention",
    "Gemm",
    "LayerNormalization",
    "MatMul",
    "MatMulInteger",
    "QLinearMatMul",
    "RMSNormalization",
    "SimplifiedLayerNormalization",
    "SkipLayerNormalization",
];

/// Axis of the channels of every value that depends on the images; `is_last` tells it of the input.
pub(super) fn channels_of(
    graph: &Graph,
    computes: &[bool],
    is_last: bool,
) -> HashMap<String, Channels> {
    let of_input = if is_last { Channels::Last } else { Channels::First };
    let mut known = HashMap::from([(graph.input.name.clone(), of_input)]);
    for (node, _) in graph.nodes.iter().zip(computes).filter(|(_, computes)| **computes) {
        let Some(before) = node.inputs.iter().find_map(|name| known.get(name)).copied() else {
            continue;
        };
        let channels = after(node, before);
        for output in node.outputs.iter().filter(|name| !name.is_empty()) {
            known.insert(output.clone(), channels);
        }
    }
    known
}

fn after(node: &Node, before: Channels) -> Channels {
    let operator = plain(&node.operator);
    if CHANNELS_FIRST.contains(&operator) {
        return Channels::First;
    }
    let is_over_last = operator != "LayerNormalization" || node.number("axis").unwrap_or(-1) == -1;
    if CHANNELS_LAST.contains(&operator) && is_over_last {
        return Channels::Last;
    }
    let order = node.numbers.get("perm").filter(|order| order.len() > 2);
    match (operator, order) {
        ("Transpose", Some(order)) => {
            let last = order.len() as i64 - 1;
            let from = if before == Channels::First { 1 } else { last };
            if order[order.len() - 1] == from {
                Channels::Last
            } else if order[1] == from {
                Channels::First
            } else {
                before
            }
        }
        _ => before,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(operator: &str, perm: &[i64]) -> Node {
        let numbers = [("perm".to_owned(), perm.to_vec())].into();
        Node { operator: operator.into(), numbers, ..Node::default() }
    }

    #[test]
    fn steps_are_judged_by_all_their_nodes() {
        let of = |operators: &[&str]| {
            let nodes: Vec<Node> = operators.iter().map(|operator| node(operator, &[])).collect();
            step(&nodes.iter().collect::<Vec<_>>())
        };
        assert_eq!(of(&["Reshape", "Transpose"]), Step::Form);
        assert_eq!(of(&["Sigmoid", "Mul"]), Step::Elementwise);
        assert_eq!(of(&["com.microsoft:QuickGelu"]), Step::Elementwise);
        assert_eq!(of(&["ReduceMean", "Sub"]), Step::Elementwise);
        assert_eq!(of(&["ReduceMean"]), Step::New);
        assert_eq!(of(&["GlobalAveragePool", "Conv", "Sigmoid", "Mul"]), Step::New);
        assert_eq!(of(&["Add", "Custom"]), Step::New);
    }

    #[test]
    fn transpositions_move_the_channels() {
        let first = |perm: &[i64]| after(&node("Transpose", perm), Channels::First);
        assert_eq!(first(&[0, 2, 3, 1]), Channels::Last);
        assert_eq!(first(&[0, 2, 1]), Channels::Last);
        assert_eq!(first(&[0, 1, 3, 2]), Channels::First);
        assert_eq!(after(&node("Transpose", &[0, 3, 1, 2]), Channels::Last), Channels::First);
        assert_eq!(after(&node("Relu", &[]), Channels::Last), Channels::Last);
        assert_eq!(after(&node("MatMul", &[]), Channels::First), Channels::Last);
    }
}
