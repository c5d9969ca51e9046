//! Weights in files beside an ONNX file.

use crate::error::{Error, Result};
use rten_onnx::onnx::{DataLocation, DataType, GraphProto, StringStringEntryProto, TensorProto};
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

/// The file that a network calls so.
pub(super) fn beside(path: &Path, name: &str) -> PathBuf {
    path.parent().unwrap_or(Path::new("")).join(name)
}

/// Visits every tensor of a graph and its subgraphs.
pub(super) fn tensors(
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
pub(super) fn find_weights(
    path: &Path,
    tensor: &mut TensorProto,
    files: &mut BTreeSet<String>,
) -> Result<()> {
    if tensor.data_location != Some(DataLocation::EXTERNAL) {
        return Ok(());
    }
    let of = tensor.name.clone().unwrap_or_default();
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
