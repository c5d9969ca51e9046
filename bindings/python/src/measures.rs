//! Metrics of maps, and measures of layers, as JSON.

use crate::arrays::{labels, points, points_less};
use crate::errors::{json, raised};
use crate::work::How;
use layerlens::Error;
use layerlens::embedding::{Embedding, Tsne};
use layerlens::evaluation::{self, Quality};
use layerlens::neighbors::nearest_neighbors;
use layerlens::profile::{
    Calibration, ClassMeans, ComparedLayer, DIMENSION_NEIGHBORS, IntrinsicDimension, Outcome,
    Probabilities, ProfiledLayer, Rule, Separation, Spectrum,
};
use numpy::PyReadonlyArray1;
use pyo3::prelude::*;

/// Trustworthiness of a map on all points; of exchanged arguments the continuity.
#[pyfunction]
pub fn trustworthiness(
    py: Python<'_>,
    x: &Bound<'_, PyAny>,
    embedding: &Bound<'_, PyAny>,
    n_neighbors: usize,
    how: &How,
) -> PyResult<f64> {
    let (x, embedding) = (points(x)?, points(embedding)?);
    how.run(py, |device, _, watcher| {
        let watcher = watcher.named("ranks");
        evaluation::trustworthiness(device, &x, &embedding, n_neighbors, &watcher)
    })
}

/// All metrics of a map on the samples that a run measures on.
#[pyfunction]
pub fn quality(
    py: Python<'_>,
    x: &Bound<'_, PyAny>,
    embedding: &Bound<'_, PyAny>,
    random_state: u64,
    how: &How,
) -> PyResult<String> {
    let (x, embedding) = (points(x)?, points(embedding)?);
    let found = how.run(py, |device, _, watcher| {
        Quality::of(device, &x, &embedding, None, random_state, &watcher.named("quality"))
    })?;
    json(&found)
}

/// KL(P|Q) of a map, over the affinities of the nearest neighbours.
#[pyfunction]
pub fn kl_divergence(
    py: Python<'_>,
    x: &Bound<'_, PyAny>,
    embedding: &Bound<'_, PyAny>,
    perplexity: f32,
    how: &How,
) -> PyResult<f64> {
    let (x, embedding) = (points(x)?, points(embedding)?);
    let n_components = embedding.n_features();
    let tsne = Tsne { perplexity: perplexity.into(), n_components, ..Tsne::default() };
    tsne.validate(x.n_samples(), x.n_features()).map_err(raised)?;
    how.run(py, |device, _, watcher| {
        let k = Embedding::n_neighbors(&tsne);
        let neighbors = nearest_neighbors(device, &x, k, &watcher.named("neighbors"))?;
        tsne.divergence(device, &neighbors, &embedding)
    })
}

/// Points and labels of the scored part of a layer.
type Scored<'py> = (Bound<'py, PyAny>, PyReadonlyArray1<'py, u16>);

/// Measures of one layer.
#[pyfunction]
#[pyo3(signature = (train, train_labels, how, *, test=None, random_state=42))]
pub fn profile_layer(
    py: Python<'_>,
    train: &Bound<'_, PyAny>,
    train_labels: PyReadonlyArray1<'_, u16>,
    how: &How,
    test: Option<Scored<'_>>,
    random_state: u64,
) -> PyResult<String> {
    let train = points(train)?;
    let train_labels = labels(&train_labels)?;
    let test = test
        .map(|(x, y)| Ok::<_, PyErr>((points_less(&x, train.offsets())?, labels(&y)?)))
        .transpose()?;
    let found = how.run(py, |device, _, watcher| {
        let k = DIMENSION_NEIGHBORS.min(train.n_samples().saturating_sub(1));
        let search = nearest_neighbors(device, &train, k, &watcher.named("neighbors"));
        let neighbors = Outcome::of(search)?;
        let layer = ProfiledLayer {
            space: "layer",
            train: &train,
            train_labels: &train_labels,
            test: test.as_ref().map(|(x, y)| (x, &y[..])),
            neighbors: neighbors.known(),
            knn_accuracy: None,
            output: None,
            control: false,
            random_state,
        };
        layer.measure(device, &watcher.named("measures")).map(|(profile, _)| profile)
    })?;
    json(&found)
}

/// Similarity of two layers of the same points.
#[pyfunction]
pub fn similarity(
    py: Python<'_>,
    x: &Bound<'_, PyAny>,
    y: &Bound<'_, PyAny>,
    how: &How,
) -> PyResult<String> {
    let (x, y) = (points(x)?, points(y)?);
    let found = how.run(py, |device, _, watcher| {
        let watcher = watcher.named("similarity");
        let x = ComparedLayer::new(device, x.clone(), &watcher)?;
        let y = ComparedLayer::new(device, y.clone(), &watcher)?;
        x.compared(device, &y)
    })?;
    json(&found)
}

/// Rows whose label is likely wrong, with the probability of the label and the likelier class.
#[pyfunction]
pub fn label_issues(
    py: Python<'_>,
    probabilities: &Bound<'_, PyAny>,
    y: PyReadonlyArray1<'_, u16>,
    how: &How,
) -> PyResult<Vec<(usize, f64, u16)>> {
    let (probabilities, y) = (points(probabilities)?, labels(&y)?);
    how.run(py, |_, _, _| {
        let probabilities = Probabilities::of_network(&probabilities);
        let issues = layerlens::profile::label_issues(&probabilities, &y, Rule::ConfidentLearning)?;
        let row = |issue: layerlens::profile::LabelIssue| {
            (issue.row, issue.self_confidence, issue.suggested)
        };
        Ok(issues.into_iter().map(row).collect())
    })
}

/// Calibration of probabilities.
#[pyfunction]
pub fn calibration(
    py: Python<'_>,
    probabilities: &Bound<'_, PyAny>,
    y: PyReadonlyArray1<'_, u16>,
    how: &How,
) -> PyResult<String> {
    let (probabilities, y) = (points(probabilities)?, labels(&y)?);
    let found = how.run(py, |_, _, _| {
        if probabilities.n_samples() != y.len() {
            let (n, rows) = (y.len(), probabilities.n_samples());
            return Err(Error::Data(format!("{n} labels for {rows} rows of probabilities")));
        }
        Calibration::of(&Probabilities::of_network(&probabilities), &y)
    })?;
    json(&found)
}

/// Global score of a map, if it has one.
#[pyfunction]
pub fn global_score(
    py: Python<'_>,
    x: &Bound<'_, PyAny>,
    embedding: &Bound<'_, PyAny>,
    random_state: u64,
    how: &How,
) -> PyResult<Option<f64>> {
    let (x, embedding) = (points(x)?, points(embedding)?);
    how.run(py, |device, _, _| {
        if x.n_samples() != embedding.n_samples() {
            let (found, n) = (embedding.n_samples(), x.n_samples());
            return Err(Error::Data(format!("the map has {found} rows, the points have {n}")));
        }
        let score = evaluation::global_score::GlobalScore::new(
            device,
            &x,
            embedding.n_features(),
            random_state,
        )?;
        score.of(device, &x, &embedding)
    })
}

/// Spectrum and intrinsic dimension of points.
#[pyfunction]
pub fn dimensions(py: Python<'_>, x: &Bound<'_, PyAny>, how: &How) -> PyResult<(String, String)> {
    let x = points(x)?;
    let (spectrum, dimension) = how.run(py, |device, _, watcher| {
        let spectrum = Spectrum::of(device, &x)?;
        let k = DIMENSION_NEIGHBORS.min(x.n_samples().saturating_sub(1));
        let neighbors = nearest_neighbors(device, &x, k, &watcher.named("neighbors"))?;
        Ok((spectrum, IntrinsicDimension::of(&neighbors)?))
    })?;
    Ok((json(&spectrum)?, json(&dimension)?))
}

/// Separation of the classes of points.
#[pyfunction]
pub fn separation(
    py: Python<'_>,
    x: &Bound<'_, PyAny>,
    y: PyReadonlyArray1<'_, u16>,
    how: &How,
) -> PyResult<String> {
    let (x, y) = (points(x)?, labels(&y)?);
    let found = how.run(py, |_, _, _| Separation::of(&x, &y, &ClassMeans::of(&x, &y)?))?;
    json(&found)
}
