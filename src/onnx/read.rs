//! An ONNX file read: its graph, checked, and the message that the interpreter takes.

use super::graph::{Graph, Input, Node};
use crate::error::{Error, Result};
use crate::format::listed;
use rten_onnx::onnx::{
    AttributeProto, DataLocation, DataType, GraphProto, ModelProto, NodeProto,
    StringStringEntryProto, TensorProto, TensorShapeProto, ValueInfoProto,
};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Component, Path, PathBuf};

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
        let graph = graph_of(content, &mut warnings).map_err(|error| error.of_file(path))?;
        let mut weight_files = BTreeSet::new();
        tensors(content, &mut |tensor| external(path, tensor, &mut weight_files))?;
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

fn beside(path: &Path, name: &str) -> PathBuf {
    path.parent().unwrap_or(Path::new("")).join(name)
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

/// Visits every tensor of a graph and its subgraphs.
fn tensors(
    content: &mut GraphProto,
    visit: &mut dyn FnMut(&mut TensorProto) -> Result<()>,
) -> Result<()> {
    content.initializer.iter_mut().try_for_each(&mut *visit)?;
    for attribute in content.node.iter_mut().flat_map(|node| &mut node.attribute) {
        if let Some(tensor) = &mut attribute.t {
            visit(tensor)?;
        }
        if let Some(graph) = &mut attribute.g {
            tensors(graph, visit)?;
        }
    }
    Ok(())
}

/// Bytes of an element.
fn width(kind: DataType) -> Option<u64> {
    match kind {
        DataType::DOUBLE | DataType::INT64 => Some(8),
        DataType::FLOAT | DataType::INT32 => Some(4),
        DataType::FLOAT16 => Some(2),
        DataType::INT8 | DataType::UINT8 | DataType::BOOL => Some(1),
        _ => None,
    }
}

/// Checks that the file of a tensor's values is there and long enough, and says where in it they
/// are, which the message may leave open.
fn external(path: &Path, tensor: &mut TensorProto, files: &mut BTreeSet<String>) -> Result<()> {
    if tensor.data_location != Some(DataLocation::EXTERNAL) {
        return Ok(());
    }
    let of = text(tensor.name.as_ref());
    let entry = |key: &str| {
        let is_it = |entry: &&StringStringEntryProto| entry.key.as_deref() == Some(key);
        tensor.external_data.iter().find(is_it).and_then(|entry| entry.value.clone())
    };
    let refuse = |message: String| Error::input(path, format!("the weights `{of}` {message}"));
    let location = entry("location").ok_or_else(|| refuse("name no file".into()))?;
    let is_below = Path::new(&location).components().all(|it| matches!(it, Component::Normal(_)));
    if !is_below {
        return Err(refuse(format!(
            "lie in `{location}`: a file beside the network is expected, or one below its folder"
        )));
    }
    let number = |key: &str| match entry(key) {
        None => Ok(None),
        Some(value) => value.parse().map(Some).map_err(|_| refuse(format!("have {key} = {value}"))),
    };
    let offset = number("offset")?.unwrap_or(0_u64);
    let elements: u64 = tensor.dims.iter().map(|&dim| u64::try_from(dim).unwrap_or(0)).product();
    let length = match number("length")? {
        Some(length) => length,
        None => elements * tensor.data_type.and_then(width).unwrap_or(0),
    };
    let file = beside(path, &location);
    let there = file.metadata().map_err(|error| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Error::input(
            &file,
            format!("cannot be read: {error}; {name} has its weights in it, `{of}` among them"),
        )
    })?;
    if offset.checked_add(length).is_none_or(|end| end > there.len()) {
        let message = format!(
            "has {} bytes, but the weights `{of}` take {length} from byte {offset} on: is it whole?",
            there.len()
        );
        return Err(Error::input(&file, message));
    }
    let place = [
        ("location", location.clone()),
        ("offset", offset.to_string()),
        ("length", length.to_string()),
    ];
    tensor.external_data = place
        .map(|(key, value)| StringStringEntryProto { key: Some(key.into()), value: Some(value) })
        .into();
    files.insert(location);
    Ok(())
}
