//! Graph of a network as its file describes it, and the values that all data go through.

use crate::error::{Error, Result};
use std::collections::{BTreeMap, HashMap, HashSet};

/// An operator with its arguments.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node {
    /// Name in the file, possibly empty.
    pub name: String,
    /// Operator, `Conv` for example; of another domain than ONNX's own with that before a colon.
    pub operator: String,
    /// Values that it takes, also those that only its subgraphs take; an absent argument is empty.
    pub inputs: Vec<String>,
    /// Values that it gives; an unused one is empty.
    pub outputs: Vec<String>,
    /// Attributes that are one or several whole numbers.
    pub numbers: BTreeMap<String, Vec<i64>>,
}

impl Node {
    /// Name of the node for an error, with its operator.
    pub fn described(&self) -> String {
        let name = if self.name.is_empty() {
            self.outputs.first().map_or("", String::as_str)
        } else {
            &self.name
        };
        format!("node `{name}` ({})", self.operator)
    }

    /// The whole number of an attribute.
    pub(super) fn number(&self, attribute: &str) -> Option<i64> {
        self.numbers.get(attribute).and_then(|numbers| numbers.first()).copied()
    }
}

/// The input of a network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Input {
    /// Name of the value.
    pub name: String,
    /// Sizes, the number of images first; none where the file leaves it open.
    pub dims: Vec<Option<usize>>,
}

/// Graph of a network with one input and one output.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Graph {
    /// Nodes, each after those that it takes values from.
    pub nodes: Vec<Node>,
    /// Value that takes the images.
    pub input: Input,
    /// Value with the answer.
    pub output: String,
    /// Number of elements of each constant.
    pub constants: HashMap<String, usize>,
}

/// A value through which every path from the input to the output goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Name of the value.
    pub value: String,
    /// Nodes that compute it from the cut before, as indices, ascending.
    pub region: Vec<usize>,
}

/// Operators that take from their input its shape alone, which is the same for every image.
const OF_SHAPES: [&str; 2] = ["Shape", "Size"];

impl Graph {
    /// The data flow: for each node whether it computes from the images and for the output.
    ///
    /// # Errors
    /// [`Error::Data`] for a value that nothing gives, and for an output that does not depend on
    /// the images.
    pub(super) fn data_nodes(&self) -> Result<Vec<bool>> {
        let mut known: HashSet<&str> = self.constants.keys().map(String::as_str).collect();
        let mut data = HashSet::from([self.input.name.as_str()]);
        known.insert(&self.input.name);
        let mut computes = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let inputs = || node.inputs.iter().map(String::as_str).filter(|name| !name.is_empty());
            if let Some(missing) = inputs().find(|name| !known.contains(name)) {
                return Err(Error::Data(format!(
                    "{} takes `{missing}`, which neither an input, nor a constant, nor a node \
                     before it gives",
                    node.described()
                )));
            }
            let is_data = !OF_SHAPES.contains(&node.operator.as_str())
                && inputs().any(|name| data.contains(name));
            for output in &node.outputs {
                known.insert(output);
                if is_data {
                    data.insert(output);
                }
            }
            computes.push(is_data);
        }
        if !data.contains(self.output.as_str()) {
            return Err(Error::Data(format!(
                "the output `{}` does not depend on the input `{}`",
                self.output, self.input.name
            )));
        }
        let mut needed = HashSet::from([self.output.as_str()]);
        for (node, computes) in self.nodes.iter().zip(&mut computes).rev() {
            *computes &= node.outputs.iter().any(|output| needed.contains(output.as_str()));
            if *computes {
                needed.extend(node.inputs.iter().map(String::as_str));
            }
        }
        Ok(computes)
    }

    /// The values through which every path goes, from the input to the output: the dominators of
    /// the output in the graph without constants.
    ///
    /// # Errors
    /// [`Error::Data`] naming a node that takes a value nobody gives, or if the output does not
    /// depend on the input.
    pub fn cuts(&self) -> Result<Vec<Cut>> {
        let computes = self.data_nodes()?;
        let mut tree = Tree::new(&self.input.name);
        for (node, _) in self.nodes.iter().zip(&computes).filter(|(_, computes)| **computes) {
            tree.add(node);
        }
        let values = tree.chain(&self.output);
        let givers: HashMap<&str, usize> = (0..self.nodes.len())
            .filter(|&at| computes[at])
            .flat_map(|at| self.nodes[at].outputs.iter().map(move |name| (name.as_str(), at)))
            .collect();
        let mut seen = HashSet::new();
        let cut = |value: &str| {
            let mut region = Vec::new();
            let mut open = vec![value];
            while let Some(name) = open.pop() {
                let Some(&giver) = givers.get(name) else { continue };
                // What is before the last cut was seen with it.
                if seen.insert(giver) {
                    region.push(giver);
                    open.extend(self.nodes[giver].inputs.iter().map(String::as_str));
                }
            }
            region.sort_unstable();
            Cut { value: value.to_owned(), region }
        };
        Ok(values.into_iter().map(cut).collect())
    }
}

/// Tree of immediate dominators: the parent of a value or node is the last that every path to it
/// goes through. Since a node follows what it takes, one pass is enough.
struct Tree<'a> {
    /// Parent and depth; the root is its own parent.
    entries: Vec<(usize, usize)>,
    /// Entry of each value.
    values: HashMap<&'a str, usize>,
    /// Value of each entry, if it is one.
    names: Vec<Option<&'a str>>,
}

impl<'a> Tree<'a> {
    fn new(input: &'a str) -> Self {
        Self {
            entries: vec![(0, 0)],
            values: HashMap::from([(input, 0)]),
            names: vec![Some(input)],
        }
    }

    fn push(&mut self, parent: usize, name: Option<&'a str>) -> usize {
        self.entries.push((parent, self.entries[parent].1 + 1));
        self.names.push(name);
        self.entries.len() - 1
    }

    fn add(&mut self, node: &'a Node) {
        let taken = node.inputs.iter().filter_map(|name| self.values.get(name.as_str()).copied());
        let Some(parent) = taken.reduce(|a, b| self.common(a, b)) else { return };
        let operator = self.push(parent, None);
        for name in node.outputs.iter().filter(|name| !name.is_empty()) {
            let value = self.push(operator, Some(name));
            self.values.insert(name, value);
        }
    }

    fn common(&self, mut a: usize, mut b: usize) -> usize {
        while a != b {
            if self.entries[a].1 < self.entries[b].1 {
                std::mem::swap(&mut a, &mut b);
            }
            a = self.entries[a].0;
        }
        a
    }

    /// The values on the way to `output`, from the root.
    fn chain(&self, output: &str) -> Vec<&'a str> {
        let mut at = self.values.get(output).copied().unwrap_or(0);
        let mut values = Vec::new();
        loop {
            values.extend(self.names[at]);
            if at == 0 {
                break;
            }
            at = self.entries[at].0;
        }
        values.reverse();
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(nodes: &[(&str, &[&str], &[&str])]) -> Graph {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let nodes = nodes.iter().map(|(operator, inputs, outputs)| Node {
            operator: (*operator).into(),
            inputs: owned(inputs),
            outputs: owned(outputs),
            ..Node::default()
        });
        Graph {
            nodes: nodes.collect(),
            input: Input { name: "x".into(), dims: vec![None, Some(4)] },
            output: "y".into(),
            constants: HashMap::from([("w".into(), 4)]),
        }
    }

    fn values(graph: &Graph) -> Vec<String> {
        graph.cuts().unwrap().into_iter().map(|cut| cut.value).collect()
    }

    #[test]
    fn only_values_on_every_path_are_cuts() {
        // A shortcut over b and c, a split whose halves meet, and a shape, which is no data.
        let found = graph(&[
            ("Conv", &["x", "w"], &["a"]),
            ("Shape", &["x"], &["n"]),
            ("Conv", &["a"], &["b"]),
            ("Relu", &["b"], &["c"]),
            ("Add", &["a", "c"], &["d"]),
            ("Split", &["d"], &["e", "f"]),
            ("Mul", &["e", "f"], &["g"]),
            ("Reshape", &["g", "n"], &["h"]),
            ("Neg", &["h"], &["unused"]),
            ("Gemm", &["h", "w"], &["y"]),
        ]);
        assert_eq!(values(&found), ["x", "a", "d", "g", "h", "y"]);
        let regions: Vec<_> = found.cuts().unwrap().into_iter().map(|cut| cut.region).collect();
        assert_eq!(regions, [vec![], vec![0], vec![2, 3, 4], vec![5, 6], vec![7], vec![9]]);
    }

    #[test]
    fn a_graph_without_a_way_is_refused() {
        let error = |nodes: &[_]| graph(nodes).cuts().unwrap_err().to_string();
        let missing = error(&[("Relu", &["z"][..], &["y"][..])]);
        assert!(missing.contains("node `y` (Relu) takes `z`"), "{missing}");
        let apart = error(&[("Relu", &["w"], &["y"])]);
        assert!(apart.contains("`y` does not depend on the input `x`"), "{apart}");
    }
}
