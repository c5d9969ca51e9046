//! The command `compare-models`: models trained on the same rows side by side, and one embedded
//! layer of one of them.

mod encoded;
mod profiles;

use super::job::{MethodChoice, starts};
use super::prepared::complete;
use super::session::{self, Session};
use super::steps::figures;
use super::steps::space::NamedMethod;
use super::steps::training::{write_data_map, write_history};
use super::study::{build_methods, check_methods};
use crate::clustering::ClusterMethod;
use crate::compute::{Description, Device};
use crate::dataset::{Classes, Dataset, Request, Samples};
use crate::error::{Error, Result};
use crate::evaluation::{ModelRow, OverFitting};
use crate::model::layers::{Conv, Dense};
use crate::model::{Architecture, LayerKind, write_weights};
use crate::neighbors::Search;
use crate::progress::{Observer, Reporter};
use crate::recipe::Candidate;
use crate::record::{Artifact, Destination, ModelHistory, Opening, Results, RunFolder, Stage};
use crate::report::data_map;
use crate::report::drawing::drawing;
use crate::report::figures::{ModelCurves, Models};
use crate::report::model_table;
use crate::training::{Job, Trained, check_fit, evaluate};
use std::path::PathBuf;
use std::time::Instant;

/// Parameters of the command `compare-models`.
#[derive(Clone, Debug)]
pub struct CompareModels {
    /// The data.
    pub data: Request,
    /// The models, each with a name of its own.
    pub models: Vec<Candidate>,
    /// The layer to embed on the test set.
    pub encoded: Encoded,
    /// Maps of that layer.
    pub methods: Vec<MethodChoice>,
    /// Parameters of the neighbour search.
    pub search: Search,
    /// Its clustering methods.
    pub clusters: Vec<ClusterMethod>,
    /// Seed of everything random.
    pub seed: u64,
    /// Where the results go.
    pub to: Destination,
}

/// The layer that is embedded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Encoded {
    /// The last hidden dense layer of the model `cnn-a`, or else of the first model that has one.
    #[default]
    Auto,
    /// None.
    None,
    /// A layer of a model, by their names.
    Layer(String, String),
}

/// Result of the command `compare-models`.
#[derive(Clone, Debug)]
pub struct ModelsSummary {
    /// Its folder.
    pub path: PathBuf,
    /// The layer that was embedded: its model and its name.
    pub encoded: Option<(String, String)>,
    /// Results of its stages: a row for each model in `models`; of the layer its k-NN accuracies,
    /// the quality of its maps and its clusters.
    pub results: Results,
    /// Warnings for the user.
    pub warnings: Vec<String>,
}

/// Data, models and methods, checked against each other before anything is trained.
struct Prepared<'a> {
    job: &'a CompareModels,
    data: Dataset,
    architectures: Vec<Architecture>,
    methods: Vec<NamedMethod>,
    /// Number of the model and name of the layer.
    encoded: Option<(usize, String)>,
}

/// Trains every model, compares them, and embeds one layer of one of them.
///
/// # Errors
/// [`Error::Input`] for missing or malformed data, [`Error::Parameter`], [`Error::Data`] if data,
/// models and methods do not fit each other, [`Error::Exists`], [`Error::Write`], any error of the
/// device, [`Error::Interrupted`].
pub fn compare_models(
    job: &CompareModels,
    device: &Device,
    description: &Description,
    reporter: &dyn Reporter,
) -> Result<ModelsSummary> {
    let prepared = prepare(job)?;
    let mut folder = open(&prepared, description, reporter)?;
    let outcome = if folder.is_complete() {
        Ok(())
    } else {
        session::compute(&mut folder, device, description, reporter, |session| {
            prepared.stages(session)
        })
    };
    if let Err(error) = outcome {
        return Err(folder.close_failed(error));
    }
    if folder.is_complete() {
        reporter.note(&format!(
            "nothing is left to do: the run in {} is complete",
            folder.path().display()
        ));
    }
    let encoded = prepared
        .encoded
        .as_ref()
        .map(|(model, layer)| (job.models[*model].name.clone(), layer.clone()));
    let warnings = folder.manifest.warnings.clone();
    let results = folder.results().clone();
    Ok(ModelsSummary { path: folder.close(Ok(()))?, encoded, results, warnings })
}

fn prepare(job: &CompareModels) -> Result<Prepared<'_>> {
    if job.models.is_empty() {
        return Err(Error::parameter("models", "none", "at least one model to train"));
    }
    for (at, model) in job.models.iter().enumerate() {
        model.training.validate()?;
        if job.models[..at].iter().any(|earlier| earlier.name.eq_ignore_ascii_case(&model.name)) {
            return Err(Error::parameter(
                "models",
                &model.name,
                "each model once; a sweep file can give names",
            ));
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        if model.name.len() > 80 || model.name.starts_with('.') || !model.name.chars().all(allowed)
        {
            let expected = "a name of at most 80 letters, digits, `_`, `-` and `.`, since files are called after it";
            return Err(Error::parameter("models", &model.name, expected));
        }
    }
    let methods = build_methods(&job.methods)?;
    let data = Dataset::open(&job.data)?;
    let images = &data.train.images;
    let built = job
        .models
        .iter()
        .map(|model| model.blueprint.build(images.shape(), data.class_names.len()));
    let architectures = built.collect::<Result<Vec<_>>>()?;
    for (model, architecture) in job.models.iter().zip(&architectures) {
        [&data.train, &data.test]
            .into_iter()
            .try_for_each(|samples| check_fit(architecture, samples))
            .map_err(|error| {
                Error::Data(format!("{} does not fit {}: {error}", model.name, data.name))
            })?;
        let (train, validation) = model.training.split(data.train.len());
        if train.is_empty() || validation.is_empty() {
            let n = data.train.len();
            let message = format!(
                "{n} training images make {} to learn from and {} for validation",
                train.len(),
                validation.len()
            );
            return Err(Error::Data(message));
        }
    }
    let encoded = find_encoded(job, &architectures)?;
    if let Some((model, layer)) = &encoded {
        let recorded = architectures[*model].recorded_layers();
        let width = recorded
            .iter()
            .find(|recorded| recorded.name == *layer)
            .map_or(data.class_names.len(), |recorded| recorded.width);
        check_methods(&methods, &data.test.labels, std::iter::once((layer.as_str(), width)))?;
        let n_classes = Some(data.class_names.len());
        job.clusters
            .iter()
            .try_for_each(|method| method.validate(data.test.len(), width, n_classes))?;
    }
    Ok(Prepared { job, data, architectures, methods, encoded })
}

/// The layer to embed.
fn find_encoded(
    job: &CompareModels,
    architectures: &[Architecture],
) -> Result<Option<(usize, String)>> {
    let (model, layer) = match &job.encoded {
        Encoded::None => return Ok(None),
        Encoded::Layer(model, layer) => (model, layer),
        Encoded::Auto => {
            let mut found: Vec<(usize, String)> = (0..architectures.len())
                .filter_map(|model| Some((model, last_dense(&architectures[model])?)))
                .collect();
            found.sort_by_key(|(model, _)| job.models[*model].name != "cnn-a");
            return Ok(found.into_iter().next());
        }
    };
    let whole = format!("{model}/{layer}");
    let Some(at) = job.models.iter().position(|candidate| candidate.name == *model) else {
        let names: Vec<&str> = job.models.iter().map(|candidate| candidate.name.as_str()).collect();
        return Err(Error::parameter(
            "encoded",
            whole,
            format!("a layer of one of the models {}", names.join(", ")),
        ));
    };
    let names = architectures[at].layer_names();
    if !names.contains(layer) {
        return Err(Error::parameter(
            "encoded",
            whole,
            format!("the layers of {model} are {}", names.join(", ")),
        ));
    }
    Ok(Some((at, layer.clone())))
}

/// Name of the last hidden dense layer, if there is one.
fn last_dense(architecture: &Architecture) -> Option<String> {
    let is_dense =
        |layer: usize| matches!(architecture.layers[layer].kind, LayerKind::Dense { .. });
    architecture
        .recorded_layers()
        .into_iter()
        .rfind(|recorded| is_dense(recorded.layer))
        .map(|recorded| recorded.name)
}

fn open(
    prepared: &Prepared,
    description: &Description,
    reporter: &dyn Reporter,
) -> Result<RunFolder> {
    let Prepared { job, data, architectures, .. } = prepared;
    let models = job.models.iter().zip(architectures).map(
        |(model, architecture)| serde_json::json!({ "name": model.name, "model": architecture, "training": model.training }),
    );
    let encoded = prepared
        .encoded
        .as_ref()
        .map(|(model, layer)| format!("{}/{layer}", job.models[*model].name));
    let opening = Opening {
        seed: job.seed,
        config: serde_json::json!({
            "dataset": job.data.dataset,
            "data": serde_json::to_value(&job.data).unwrap_or_default(),
            "models": models.collect::<Vec<_>>(),
            "encoded": encoded.unwrap_or_else(|| "none".into()),
            "methods": job.methods.iter().map(complete).collect::<serde_json::Map<_, _>>(),
            "neighbors": job.search,
            "clusters": job.clusters,
        }),
        device: description.clone(),
        inputs: [data.sources.clone(), starts(&job.methods)?].concat(),
    };
    let mut folder = RunFolder::open(&job.to, &format!("{}-models", data.name), opening, reporter)?;
    if folder.manifest.stages.is_empty() && !data.warnings.is_empty() {
        folder.manifest.warnings.extend(data.warnings.clone());
        folder.save()?;
    }
    Ok(folder)
}

impl Prepared<'_> {
    fn stages(&self, session: &mut Session<'_>) -> Result<()> {
        session.stage(Stage::Examples, |session, _| {
            session.on_cpu();
            self.examples(session.record)
        })?;
        for (model, architecture) in self.job.models.iter().zip(&self.architectures) {
            let stage = Stage::TrainingOf(&model.name);
            session.stage(stage, |session, observer| {
                self.train(session, model, architecture, observer)
            })?;
        }
        session.stage(Stage::Comparison, |session, _| {
            session.on_cpu();
            self.compare(session.record)
        })?;
        if let Some((model, layer)) = &self.encoded {
            self.encoded_layer(session, *model, layer)?;
        }
        self.profiles(session)
    }

    fn examples(&self, record: &mut RunFolder) -> Result<()> {
        let data = &self.data;
        let title = format!("The first training images of each class of {}", data.name);
        let Samples { images, labels } = &data.train;
        let classes = Classes { labels, names: &data.class_names };
        figures::examples(record, "examples", &title, images, classes)?;
        let Some(original) = &data.original else { return Ok(()) };
        let title = "The first training images of each class before they were grouped";
        let classes = Classes { labels: &original.train, names: &original.class_names };
        figures::examples(record, "examples_of_kinds", title, images, classes)
    }

    /// Trains one model, and records its row of the comparison.
    fn train(
        &self,
        session: &mut Session<'_>,
        model: &Candidate,
        architecture: &Architecture,
        observer: &dyn Observer,
    ) -> Result<()> {
        let (data, name) = (&self.data, &model.name);
        let (rows, validation_rows) = model.training.split(data.train.len());
        let (train, validation) = (data.train.select(&rows), data.train.select(&validation_rows));
        let job = Job {
            test: Some(&data.test),
            class_names: &data.class_names,
            ..Job::new(architecture, &train, &validation)
        };
        let trained = model.training.train(session.device, &job, observer)?;
        let record = &mut *session.record;
        let file = Artifact::WeightsOf(name);
        write_weights(&record.below(file)?, architecture, &trained.weights)?;
        record.list(file, None, None);
        let history = &trained.history;
        let file = format!("history_{name}");
        write_history(record, &file, history)?;
        figures::history(record, &file, &format!("Training of {name}"), history)?;
        let stem = format!("{}_{name}", data_map::FIGURE);
        write_data_map(record, &stem, &trained, &train.labels, &data.class_names)?;
        let figure = drawing(name, architecture);
        figures::write(record, &format!("architecture_{name}"), &figure)?;
        let inference = Instant::now();
        let test = evaluate(session.device, architecture, &trained.weights, &data.test)?;
        let inference_seconds = inference.elapsed().as_secs_f64();
        let row = model_row(model, architecture, &trained)?;
        let results = session.record.results_mut();
        results.models.push(ModelRow {
            test_accuracy: test.accuracy,
            test_loss: test.loss,
            inference_seconds,
            n_test: data.test.len(),
            ..row
        });
        results.histories.push(ModelHistory { model: name.clone(), history: history.clone() });
        Ok(())
    }

    /// Table and figure of all models.
    fn compare(&self, record: &mut RunFolder) -> Result<()> {
        let Results { models, histories, .. } = record.results();
        let rows = models.clone();
        let curves = histories.iter().map(|ModelHistory { history, .. }| ModelCurves {
            train: [history.train_loss.clone(), history.train_accuracy.clone()],
            validation: [history.validation_loss.clone(), history.validation_accuracy.clone()],
        });
        let figure = Models {
            title: format!("Models of {}", self.data.name),
            curves: curves.collect(),
            columns: model_table::COLUMNS.map(str::to_owned).to_vec(),
            rows: rows.iter().map(|row| model_table::cells(row).to_vec()).collect(),
            verdicts: rows
                .iter()
                .map(|row| format!("{}: {}", row.model, row.over_fitting))
                .collect(),
        };
        model_table::write_csv(&record.below(Artifact::Scores("models.csv"))?, &rows)?;
        record.list(Artifact::Scores("models.csv"), None, None);
        figures::write(record, "models", &figure)
    }
}

/// A trained model before its test.
fn model_row(
    model: &Candidate,
    architecture: &Architecture,
    trained: &Trained,
) -> Result<ModelRow> {
    let history = &trained.history;
    let of_kept = |values: &[f32]| values.get(trained.epoch - 1).copied().unwrap_or(f32::NAN);
    Ok(ModelRow {
        model: model.name.clone(),
        filters: sizes(architecture, |kind| {
            if let LayerKind::Conv(Conv { filters, .. }) = kind { Some(*filters) } else { None }
        }),
        dense: sizes(architecture, |kind| {
            if let LayerKind::Dense(Dense { units, .. }) = kind { Some(*units) } else { None }
        }),
        batch_size: model.training.batch_size,
        epochs: history.len(),
        train_accuracy: of_kept(&history.train_accuracy),
        validation_accuracy: of_kept(&history.validation_accuracy),
        train_seconds: trained.seconds.iter().sum(),
        test_accuracy: f32::NAN,
        test_loss: f32::NAN,
        inference_seconds: f64::NAN,
        n_test: 0,
        n_parameters: architecture.n_parameters(),
        over_fitting: OverFitting::of(
            &history.validation_loss,
            &history.train_accuracy,
            &history.validation_accuracy,
        )?,
    })
}

/// The sizes of the hidden layers of one kind, in order.
fn sizes(architecture: &Architecture, size: impl Fn(&LayerKind) -> Option<usize>) -> Vec<usize> {
    let hidden = architecture.layers.len().saturating_sub(1);
    let parts = architecture.layers[..hidden].iter().flat_map(|layer| layer.kind.parts());
    parts.filter_map(size).collect()
}
