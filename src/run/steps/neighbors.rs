//! The neighbour graph of a space in a run: found or read, checked, kept.

use crate::compute::memory;
use crate::embedding::Embedding;
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::neighbors::{NeighborGraph, Search, SearchMethod, recall_of};
use crate::progress::Observer;
use crate::record::{Artifact, SpaceRecall};
use crate::run::session::Session;
use std::path::Path;

/// Finds the `n_neighbors` nearest other rows of every row, or all if there are fewer, and writes
/// them as those of `space`. Of approximate neighbours it measures the recall and says it. What
/// `auto` leaves to the CPU is said too, and counts as the work of the CPU.
pub(in crate::run) fn find(
    session: &mut Session<'_>,
    search: &Search,
    x: &Matrix,
    n_neighbors: usize,
    space: &str,
    observer: &dyn Observer,
) -> Result<NeighborGraph> {
    let device = session.device;
    let k = n_neighbors.min(x.n_samples().saturating_sub(1)).max(1);
    let graph = search.nearest_neighbors(device, x, k, observer)?;
    let is_approximate = search.method == SearchMethod::Approximate;
    if session.record.tell_choices(device, session.reporter) || is_approximate {
        session.on_cpu();
    }
    if is_approximate {
        let recall = recall_of(&graph, device, x, observer)?;
        let rows = x.n_samples().min(1000);
        session
            .reporter
            .note(&format!("approximate neighbours: recall {recall:.4} on {rows} rows"));
        let recall = SpaceRecall { space: space.into(), recall: vec![recall] };
        session.record.results_mut().neighbor_recall.push(recall);
    }
    let file = Artifact::Neighbors(space);
    graph.write(&session.record.below(file)?)?;
    session.record.list(file, None, None);
    Ok(graph)
}

/// Reads neighbours that were found elsewhere, as many as `n_neighbors` at least, of the `n`
/// points.
pub(in crate::run) fn read(path: &Path, n: usize, n_neighbors: usize) -> Result<NeighborGraph> {
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
pub(in crate::run) fn check_memory(n: usize, d: usize, methods: &[&dyn Embedding]) -> Result<()> {
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
