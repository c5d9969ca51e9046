//! The neighbour graph of a space in a run: found or read, checked, kept.

use crate::compute::{Device, memory};
use crate::embedding::Embedding;
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::neighbors::{NeighborGraph, Search, SearchMethod, recall_of};
use crate::progress::{Observer, Reporter};
use crate::record::{Artifact, RunFolder};
use std::path::Path;

/// Finds the `n_neighbors` nearest other rows of every row, or all if there are fewer, and writes
/// them to `name`. Of approximate neighbours it measures the recall and says it. Also gives the
/// kind of the device that searched, `cpu` or `gpu`: `auto` may leave it to the CPU, which is said.
pub(super) fn find(
    folder: &mut RunFolder,
    search: &Search,
    device: &Device,
    (x, n_neighbors): (&Matrix, usize),
    file: Artifact<'_>,
    (reporter, observer): (&dyn Reporter, &dyn Observer),
) -> Result<(NeighborGraph, &'static str)> {
    let graph = search.nearest_neighbors(
        device,
        x,
        n_neighbors.min(x.n_samples().saturating_sub(1)).max(1),
        observer,
    )?;
    let left = folder.tell_choices(device, reporter);
    let on_cpu =
        left || matches!(device, Device::Cpu(_)) || search.method == SearchMethod::Approximate;
    if search.method == SearchMethod::Approximate {
        let recall = recall_of(&graph, device, x, observer)?;
        let rows = x.n_samples().min(1000);
        reporter.note(&format!("approximate neighbours: recall {recall:.4} on {rows} rows"));
        folder.result(&format!("recall of {file}"), recall);
    }
    let path = folder.below(file)?;
    graph.write(&path)?;
    folder.list(file, None, None);
    Ok((graph, if on_cpu { "cpu" } else { "gpu" }))
}

/// Reads neighbours that were found elsewhere, as many as `n_neighbors` at least, of the `n`
/// points.
pub(super) fn read(path: &Path, n: usize, n_neighbors: usize) -> Result<NeighborGraph> {
    let graph = NeighborGraph::read(path)?;
    if graph.n_samples() != n {
        let found = graph.n_samples();
        return Err(Error::input(
            path,
            format!("has the neighbours of {found} points; there are {n}"),
        ));
    }
    let needed = n_neighbors.min(n.saturating_sub(1));
    if graph.n_neighbors() < needed {
        let found = graph.n_neighbors();
        return Err(Error::input(
            path,
            format!("has {found} neighbours of each point; this method needs {needed}"),
        ));
    }
    Ok(graph)
}

/// Refuses a fit that would not fit into memory.
///
/// # Errors
/// [`Error::Data`] with the estimate and what there is.
pub(super) fn check_memory(n: usize, d: usize, methods: &[&dyn Embedding]) -> Result<()> {
    let k = methods.iter().map(|method| method.n_neighbors()).max().unwrap_or(0);
    let layout = methods.iter().map(|method| method.memory_bytes(n)).max().unwrap_or(0);
    // The points, a centred copy and what the search makes of them; the graph, and a copy of it on
    // the device.
    let needed = (12 * n * d + 16 * n * k) as u64 + layout;
    let Some(available) = memory::available_bytes() else { return Ok(()) };
    if needed <= available {
        return Ok(());
    }
    let gib = |bytes: u64| bytes as f64 / f64::from(1 << 30);
    Err(Error::Data(format!(
        "{n} points of {d} features need about {:.1} GiB of memory with these methods; {:.1} GiB \
         are available: take fewer points or fewer neighbours",
        gib(needed),
        gib(available)
    )))
}
