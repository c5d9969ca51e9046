//! The interpreter that computes the values of a network: rten, on the CPU.

use super::form::Found;
use super::graph::Graph;
use super::read::Parsed;
use crate::error::{Error, Result};
use rten::{Model, ModelOptions, NodeId, RunOptions, ThreadPool, Value, ValueOrView};
use rten_tensor::prelude::*;
use std::path::PathBuf;
use std::sync::Arc;

/// A network ready to run.
pub(super) struct Engine {
    path: PathBuf,
    graph: Graph,
    model: Model,
    input: NodeId,
    /// Pools of one thread each: the products of several threads have other last digits.
    workers: Vec<Arc<ThreadPool>>,
}

impl Engine {
    /// The network that was read.
    ///
    /// # Errors
    /// [`Error::Input`] naming the node and the operator that cannot be run.
    pub(super) fn new(parsed: Parsed) -> Result<Self> {
        let path = parsed.path().to_owned();
        let graph = parsed.graph().clone();
        let mut options = ModelOptions::with_all_ops();
        // Fused operators would leave no values of those between them, and are no faster.
        options.enable_optimization(false);
        for (name, file) in parsed.weight_files() {
            let weights = std::fs::read(&file)
                .map_err(|error| Error::input(&file, format!("cannot be read: {error}")))?;
            options.external_data(name, weights);
        }
        let model = options
            .load(parsed.into_bytes()?)
            .map_err(|error| Error::input(&path, said(&graph, error.node(), &error.to_string())))?;
        let input = model
            .node_id(&graph.input.name)
            .map_err(|error| Error::input(&path, error.to_string()))?;
        let worker = |_| Arc::new(ThreadPool::with_num_threads(1));
        let workers = (0..rayon::current_num_threads()).map(worker).collect();
        Ok(Self { path, graph, model, input, workers })
    }

    /// Number of batches that can be computed at the same time.
    pub(super) fn n_workers(&self) -> usize {
        self.workers.len()
    }

    /// Computes the values of these names for a batch of these sizes, by one of the workers.
    ///
    /// # Errors
    /// [`Error::Input`] naming the node and the operator that failed.
    pub(super) fn run(
        &self,
        worker: usize,
        dims: &[usize],
        values: Vec<f32>,
        names: &[String],
    ) -> Result<Vec<Found>> {
        let refuse = |node: Option<&str>, error: &dyn std::fmt::Display| {
            let said = said(&self.graph, node, &error.to_string());
            Error::input(&self.path, format!("fails on images of sizes {dims:?}: {said}"))
        };
        let id = |name: &String| self.model.node_id(name).map_err(|error| refuse(None, &error));
        let wanted = names.iter().map(id).collect::<Result<Vec<_>>>()?;
        let batch = Value::from_shape(dims, values).map_err(|error| refuse(None, &error))?;
        let options =
            RunOptions::default().with_thread_pool(Some(Arc::clone(&self.workers[worker])));
        let inputs = vec![(self.input, ValueOrView::Value(batch))];
        let found = self.model.run(inputs, &wanted, Some(options)).map_err(|error| {
            let node = error.node_path().last().copied().flatten().map(str::to_owned);
            refuse(node.as_deref(), &error)
        })?;
        Ok(found.into_iter().map(floats).collect())
    }
}

fn floats(value: Value) -> Found {
    let sizes_alone = |dims: &[usize]| Found { dims: dims.to_vec(), values: Vec::new() };
    match value {
        Value::FloatTensor(tensor) => {
            Found { dims: tensor.shape().to_vec(), values: tensor.into_data() }
        }
        Value::Int32Tensor(tensor) => sizes_alone(tensor.shape()),
        Value::Int8Tensor(tensor) => sizes_alone(tensor.shape()),
        Value::UInt8Tensor(tensor) => sizes_alone(tensor.shape()),
        // No sequence is a layer.
        _ => Found::default(),
    }
}

/// What the interpreter says, with the node's name and operator in the file. The interpreter knows
/// nodes by their places.
fn said(graph: &Graph, node: Option<&str>, error: &str) -> String {
    let place = node.and_then(|node| node.split_once(':'));
    let found = place.and_then(|(at, _)| graph.nodes.get(at.parse::<usize>().ok()?));
    let (Some(found), Some((at, name))) = (found, place) else { return error.to_owned() };
    let numbered = format!("\"{at}:{name}\"");
    let plain = error.strip_prefix(&format!("in node {numbered}: ")).unwrap_or(error);
    format!("{}: {}", found.described(), plain.replace(&numbered, &format!("\"{name}\"")))
}
