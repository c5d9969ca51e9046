//! An ONNX file read: its graph, checked, and the message that the interpreter takes.

use super::graph::{Graph, Input, Node};
use super::weight_files::{beside, find_weights, tensors};
use crate::error::{Error, Result};
use crate::format::listed;
use rten_onnx::onnx::{
    AttributeProto, DataType, GraphProto, ModelProto, NodeProto, TensorProto, TensorShapeProto,
    ValueInfoProto,
};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

/// First byte of every file that exporters write: the key of the layout's version.
const FIRST_BYTE: u8 = 0x08;

/// A network from a file.
pub(super) struct Parsed {
    path: PathBuf,
    graph: Graph,
    message: ModelProto,
    /// Files of weights beside it, by the names that the message calls them.
    weight_files: BTreeSet<String>,
    warnings: Vec<String>,
}

impl Parsed {
    /// Reads the file; the weights of files beside it stay there.
    ///
    /// # Errors
    /// [`Error::Input`] naming the file, and the node or value in it.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let refuse = |message: String| Error::input(path, message);
        let bytes =
            std::fs::read(path).map_err(|error| refuse(format!("cannot be read: {error}")))?;
        let mut message =
            ModelProto::parse_buf(&bytes).map_err(|error| unreadable(path, &bytes, &error))?;
        if message.ir_version.is_none() || message.graph.is_none() {
            return Err(unreadable(path, &bytes, &"it holds no graph"));
        }
        let Some(content) = &mut message.graph else { unreachable!("there is a graph") };
        number_nodes(content);
        let mut warnings = Vec::new();
        without_dropout(content);
        let graph = graph_of(content, &mut warnings).map_err(|error| error.of_file(path))?;
        let mut weight_files = BTreeSet::new();
        tensors(content, &mut |tensor| find_weights(path, tensor, &mut weight_files))?;
        Ok(Self { path: path.to_owned(), graph, message, weight_files, warnings })
    }

    /// The file again, with what this program says of nodes and weights.
    ///
    /// # Errors
    /// [`Error::Fault`].
    pub(super) fn into_bytes(self) -> Result<Vec<u8>> {
        self.message.write_buf().map_err(|error| Error::Fault {
            message: format!("a network cannot be written: {error}"),
            place: "onnx::read".into(),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Warnings for the user.
    pub(super) fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The files of weights beside it, by the names that the message calls them.
    pub(super) fn weight_files(&self) -> impl Iterator<Item = (&String, PathBuf)> {
        self.weight_files.iter().map(|name| (name, beside(&self.path, name)))
    }

    /// The file, and those of its weights.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let weights = self.weight_files().map(|(_, path)| path);
        std::iter::once(self.path.clone()).chain(weights).collect()
    }
}

fn unreadable(path: &Path, bytes: &[u8], error: &dyn std::fmt::Display) -> Error {
    let message = if bytes.first() == Some(&FIRST_BYTE) {
        format!("is a damaged ONNX file, or one that was not copied whole: {error}")
    } else {
        "is no ONNX file: expected one that torch.onnx.export, tf2onnx or the like wrote".into()
    };
    Error::input(path, message)
}

/// Names each node by its place, by which errors of the interpreter tell it; the graph keeps the
/// names of the file.
fn number_nodes(content: &mut GraphProto) {
    let nodes = content.node.iter_mut().filter(|node| !is_constant(node));
    for (at, node) in nodes.enumerate() {
        let name = node.name.take().unwrap_or_default();
        node.name = Some(format!("{at}:{name}"));
    }
}

/// Makes identities of dropouts, which they are of a trained network; where a training was exported,
/// they would draw at random.
fn without_dropout(content: &mut GraphProto) {
    let is_dropout = |node: &&mut NodeProto| node.op_type.as_deref() == Some("Dropout");
    for node in content.node.iter_mut().filter(is_dropout) {
        node.op_type = Some("Identity".into());
        node.attribute.clear();
        node.input.truncate(1);
        node.output.truncate(1);
    }
}

fn text(text: Option<&String>) -> String {
    text.cloned().unwrap_or_default()
}

fn graph_of(content: &GraphProto, warnings: &mut Vec<String>) -> Result<Graph> {
    let constants = constants(content);
    let inputs: Vec<&ValueInfoProto> = content
        .input
        .iter()
        .filter(|input| !constants.contains_key(&text(input.name.as_ref())))
        .collect();
    let nodes: Vec<Node> =
        content.node.iter().filter(|node| !is_constant(node)).map(node_of).collect();
    let taken: HashSet<&String> = nodes.iter().flat_map(|node| &node.inputs).collect();
    // An input that no node takes need not be given, but the interpreter wants none left out.
    let used =
        inputs.iter().filter(|input| input.name.as_ref().is_some_and(|it| taken.contains(it)));
    let names = || inputs.iter().map(|input| format!("`{}`", text(input.name.as_ref())));
    let input = match (&inputs[..], used.count()) {
        ([input], 1) => input_of(input)?,
        ([], _) => return Err(Error::Data("has no input: one of images is expected".into())),
        ([_], _) => return Err(Error::Data("has an input that no node takes".into())),
        (several, _) => {
            return Err(Error::Data(format!(
                "has {} inputs, {}: one of images is expected",
                several.len(),
                listed(&names().collect::<Vec<_>>())
            )));
        }
    };
    let output = match &content.output[..] {
        [] => return Err(Error::Data("has no output".into())),
        [output] => text(output.name.as_ref()),
        several => {
            let is_answer =
                |output: &&ValueInfoProto| sizes(output).is_some_and(|it| it.len() == 2);
            let chosen = several.iter().find(is_answer).unwrap_or(&several[0]);
            let name = text(chosen.name.as_ref());
            warnings
                .push(format!("has {} outputs: `{name}` is taken for its answer", several.len()));
            name
        }
    };
    Ok(Graph { nodes, input, output, constants })
}

fn is_constant(node: &NodeProto) -> bool {
    node.op_type.as_deref() == Some("Constant")
}

/// Number of elements of each constant by its name.
fn constants(content: &GraphProto) -> HashMap<String, usize> {
    let elements = |tensor: &TensorProto| {
        tensor.dims.iter().map(|&dim| usize::try_from(dim).unwrap_or(0)).product()
    };
    let weights = content.initializer.iter().map(|it| (text(it.name.as_ref()), elements(it)));
    let nodes = content.node.iter().filter(|node| is_constant(node)).map(|node| {
        let tensor = node.attribute.iter().find_map(|attribute| attribute.t.as_ref());
        (node.output.first().cloned().unwrap_or_default(), tensor.map_or(1, elements))
    });
    weights.chain(nodes).collect()
}

fn node_of(node: &NodeProto) -> Node {
    let operator = text(node.op_type.as_ref());
    let operator = match node.domain.as_deref() {
        None | Some("" | "ai.onnx") => operator,
        Some(domain) => format!("{domain}:{operator}"),
    };
    let mut inputs = node.input.clone();
    for attribute in &node.attribute {
        if let Some(graph) = &attribute.g {
            captured(graph, &mut inputs);
        }
    }
    let numbers: BTreeMap<String, Vec<i64>> = node.attribute.iter().filter_map(numbers).collect();
    let name = text(node.name.as_ref());
    let name = name.split_once(':').map_or("", |(_, name)| name).to_owned();
    Node { name, operator, inputs, outputs: node.output.clone(), numbers }
}

fn numbers(attribute: &AttributeProto) -> Option<(String, Vec<i64>)> {
    let name = attribute.name.clone()?;
    match (attribute.i, &attribute.ints[..]) {
        (_, ints @ [_, ..]) => Some((name, ints.to_vec())),
        (Some(number), []) => Some((name, vec![number])),
        (None, []) => None,
    }
}

/// Adds what a subgraph takes from outside of itself.
fn captured(graph: &GraphProto, inputs: &mut Vec<String>) {
    let own = |values: &[ValueInfoProto]| -> Vec<String> {
        values.iter().filter_map(|value| value.name.clone()).collect()
    };
    let mut known: HashSet<String> = own(&graph.input).into_iter().collect();
    known.extend(graph.initializer.iter().filter_map(|tensor| tensor.name.clone()));
    for node in &graph.node {
        let node = if is_constant(node) {
            Node { outputs: node.output.clone(), ..Node::default() }
        } else {
            node_of(node)
        };
        inputs.extend(
            node.inputs.into_iter().filter(|name| !name.is_empty() && !known.contains(name)),
        );
        known.extend(node.outputs);
    }
    inputs.extend(own(&graph.output).into_iter().filter(|name| !known.contains(name)));
}

fn sizes(value: &ValueInfoProto) -> Option<Vec<Option<usize>>> {
    let shape: &TensorShapeProto = value.r#type.as_ref()?.tensor_type.as_ref()?.shape.as_ref()?;
    let size =
        |size: Option<i64>| size.and_then(|size| usize::try_from(size).ok()).filter(|&it| it > 0);
    Some(shape.dim.iter().map(|dim| size(dim.dim_value)).collect())
}

fn input_of(value: &ValueInfoProto) -> Result<Input> {
    let name = text(value.name.as_ref());
    let kind = value.r#type.as_ref().and_then(|it| it.tensor_type.as_ref()?.elem_type);
    if let Some(other) =
        kind.filter(|kind| ![DataType::FLOAT, DataType::FLOAT16, DataType::DOUBLE].contains(kind))
    {
        return Err(Error::Data(format!(
            "the input `{name}` takes values of type {other}: floats are expected, pixels scaled"
        )));
    }
    match sizes(value) {
        Some(dims) if (2..=4).contains(&dims.len()) => Ok(Input { name, dims }),
        Some(dims) => Err(Error::Data(format!(
            "the input `{name}` has {} dimensions: images are expected, n x channels x height x \
             width, or flat ones, n x pixels",
            dims.len()
        ))),
        None => Err(Error::Data(format!(
            "the input `{name}` has no shape: export the network with the shape of its images"
        ))),
    }
}
