//! Runs and pages.

use crate::maps::parameters;
use crate::work::How;
use layerlens::dataset::Colour;
use layerlens::evaluation::Bootstrap;
use layerlens::record::Destination;
use layerlens::run::{self, Compare, EmbeddingReport, MethodChoice, Run};
use pyo3::prelude::*;
use std::path::PathBuf;

/// A run of the layers in a folder; returns the folder of the results and the warnings.
#[pyfunction]
#[pyo3(signature = (activations, out, how, *, methods=None, random_state=42, report_points="test", force=false))]
#[expect(clippy::too_many_arguments, reason = "keyword arguments of Python")]
pub fn run_layers(
    py: Python<'_>,
    activations: PathBuf,
    out: PathBuf,
    how: &How,
    methods: Option<Vec<(String, String)>>,
    random_state: u64,
    report_points: &str,
    force: bool,
) -> PyResult<(PathBuf, Vec<String>)> {
    let raised = crate::errors::raised;
    let to = Destination { out: Some(out), force, ..Destination::default() };
    let mut job = Run::of_activations(activations, random_state, to).map_err(raised)?;
    job.report_points = report_points.parse().map_err(raised)?;
    if let Some(methods) = methods {
        let choice = |(name, text): (String, String)| {
            Ok(MethodChoice { name, parameters: parameters(&text)? })
        };
        job.methods = methods.into_iter().map(choice).collect::<PyResult<_>>()?;
    }
    let summary =
        how.run(py, |device, description, watcher| run::run(&job, device, description, watcher))?;
    Ok((summary.path, summary.warnings))
}

/// A comparison of the finished runs in two folders; returns the folder of the results and the
/// warnings.
#[pyfunction]
#[pyo3(signature = (first, second, out, how, *, names=Vec::new(), n_replicates=1000, random_state=42, force=false))]
#[expect(clippy::too_many_arguments, reason = "keyword arguments of Python")]
pub fn compare_runs(
    py: Python<'_>,
    first: PathBuf,
    second: PathBuf,
    out: PathBuf,
    how: &How,
    names: Vec<String>,
    n_replicates: usize,
    random_state: u64,
    force: bool,
) -> PyResult<(PathBuf, Vec<String>)> {
    let job = Compare {
        runs: [first, second],
        names,
        bootstrap: Bootstrap { n_replicates, random_state, ..Bootstrap::default() },
        to: Destination { out: Some(out), force, ..Destination::default() },
    };
    let summary =
        how.run(py, |_, description, watcher| run::compare(&job, description, watcher))?;
    Ok((summary.path, summary.warnings))
}

/// The page of an embedding in files; returns the warnings.
#[pyfunction]
#[pyo3(signature = (embedding, out, how, *, labels=None, images=None, class_names=Vec::new(), metadata=None, space=None, name=None, random_state=42))]
#[expect(clippy::too_many_arguments, reason = "keyword arguments of Python")]
pub fn report_embedding(
    py: Python<'_>,
    embedding: PathBuf,
    out: PathBuf,
    how: &How,
    labels: Option<PathBuf>,
    images: Option<PathBuf>,
    class_names: Vec<String>,
    metadata: Option<PathBuf>,
    space: Option<PathBuf>,
    name: Option<String>,
    random_state: u64,
) -> PyResult<Vec<String>> {
    let job = EmbeddingReport {
        embedding,
        labels,
        label_column: None,
        images,
        background: Colour::default(),
        class_names,
        metadata,
        space,
        name,
        out: Some(out),
        force: true,
        seed: random_state,
        argv: Vec::new(),
    };
    let summary = how.run(py, |device, _, watcher| run::report_embedding(&job, device, watcher))?;
    Ok(summary.warnings)
}
