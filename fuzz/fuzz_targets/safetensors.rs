//! .safetensors files: weights, maps, neighbours, checkpoints.
#![no_main]

use layerlens::embedding::SavedMap;
use layerlens::model::read_weights;
use layerlens::neighbors::NeighborGraph;
use layerlens::training::Checkpoint;
use layerlens_fuzz::{Place, check};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let place = Place::new();
    let path = place.file("x.safetensors", bytes);
    if let Some((architecture, weights)) = check(&place, read_weights(&path)) {
        // What does not fit is an error, and never a panic.
        let _ = architecture.check_weights(&weights);
        architecture.summary_text();
        architecture.recorded_layers();
    }
    if let Some(map) = check(&place, SavedMap::load(&path)) {
        assert!(map.fitted().embedding().n_samples() > 0);
    }
    if let Some(graph) = check(&place, NeighborGraph::read(&path)) {
        assert!(graph.indices().iter().all(|&id| (id as usize) < graph.n_samples()));
    }
    if let Some(checkpoint) = check(&place, Checkpoint::read(&path)) {
        checkpoint.history();
    }
});
