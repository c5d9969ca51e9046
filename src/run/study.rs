//! The command `run`: a classifier, its layers, their maps, their scores, their page. Every stage
//! finds what it needs on the disk.

use super::given_network::PreparedNetwork;
use super::job::{GivenNetwork, MethodChoice, Run, Summary, close, starts};
use super::layers::{self, Layers};
use super::page;
use super::prepared::{Prepared, complete, open, prepare};
use super::session::{self, Session};
use super::steps::activations::{activations_of_network, given_activations};
use super::steps::clusters::{ClusterSpace, cluster_space};
use super::steps::epoch_measures::measure_epochs;
use super::steps::epochs::{self, EpochStages};
use super::steps::figures;
use super::steps::given_network::activations_of_given_network;
use super::steps::insights::compute_insights;
use super::steps::neighbors::check_memory;
use super::steps::profile::profile;
use super::steps::quality::write_quality;
use super::steps::scores::write_scores;
use super::steps::space::{Map, NamedMethod, SpaceStages, check_scored, most_voters};
use super::steps::strangers::strangers;
use super::steps::training::training;
use crate::compute::{Description, Device};
use crate::dataset::{Classes, Dataset, Original};
use crate::embedding::{self, Embedding};
use crate::error::{Error, Result};
use crate::evaluation::{MapQuality, N_NEIGHBORS, Scores, space_title};
use crate::matrix::Matrix;
use crate::model::RAW;
use crate::progress::Reporter;
use crate::record::{Artifact, N_COMPONENTS, Opening, RunFolder, Stage};
use serde_json::Value;
use std::path::Path;

/// Minimum width of a layer that every method can embed.
const WIDE: usize = 1024;

/// Runs all stages; see the module. A resumed run continues after its last finished stage.
///
/// # Errors
/// As [`super::train()`]; [`Error::Data`] if the data are too few for a method; [`Error::Input`]
/// for a folder of layers that do not fit each other, or a run that was begun in another way.
pub fn run(
    run: &Run,
    device: &Device,
    description: &Description,
    reporter: &dyn Reporter,
) -> Result<Summary> {
    epochs::check_training(run)?;
    let methods = build_methods(&run.methods)?;
    if let Some(path) = &run.activations {
        let layers = Layers::read(path)?;
        layers.check_rows(&run.search)?;
        let spaces = layers
            .train
            .layers
            .iter()
            .map(|layer| (layer.name.as_str(), layer.values.n_features()));
        check_methods(&methods, &layers.train.labels, spaces)?;
        let widest =
            layers.train.layers.iter().map(|layer| layer.values.n_features()).max().unwrap_or(0);
        check_clusters(run, layers.scored().labels.len(), widest, &layers.class_names)?;
        let mut record = open_given(run, path, &layers, description, reporter)?;
        if record.is_complete() {
            return close(record, Ok(()), reporter);
        }
        let study = Study { run, methods };
        let outcome = session::compute(&mut record, device, description, reporter, |session| {
            study.given(session, &layers)
        });
        return close(record, outcome, reporter);
    }
    if let Some(network) = &run.network {
        return look_into(run, network, methods, device, description, reporter);
    }
    train_and_look(run, methods, device, description, reporter)
}

/// Trains a network, or tests one of this program, and runs all stages on its layers.
fn train_and_look(
    run: &Run,
    methods: Vec<NamedMethod>,
    device: &Device,
    description: &Description,
    reporter: &dyn Reporter,
) -> Result<Summary> {
    run.train.training.validate()?;
    let prepared = prepare(&run.train, run.model.as_deref())?.with_strangers(run)?;
    check_classes(&prepared.data)?;
    let layers = prepared.architecture.recorded_layers();
    let widths = std::iter::once(prepared.architecture.n_features())
        .chain(layers.iter().map(|layer| layer.width));
    let names = std::iter::once(RAW).chain(layers.iter().map(|layer| layer.name.as_str()));
    check_methods(&methods, &prepared.train.labels, names.zip(widths.clone()))?;
    let points = run.report_points.rows(
        prepared.train.len(),
        prepared.data.test.len(),
        run.train.training.random_state,
    );
    epochs::check_points(run, &methods, points.len(), widths.clone().skip(1))?;
    check_clusters(
        run,
        prepared.data.test.len(),
        widths.max().unwrap_or(0),
        &prepared.data.class_names,
    )?;
    let mut record = open(&run.train, Some(run), &prepared, description, reporter)?;
    if record.is_complete() {
        return close(record, Ok(()), reporter);
    }
    let study = Study { run, methods };
    let outcome = session::compute(&mut record, device, description, reporter, |session| {
        study.trained(session, &prepared)
    });
    close(record, outcome, reporter)
}

/// Runs all stages on the layers of a network of another program.
fn look_into(
    run: &Run,
    network: &GivenNetwork,
    methods: Vec<NamedMethod>,
    device: &Device,
    description: &Description,
    reporter: &dyn Reporter,
) -> Result<Summary> {
    let seed = run.train.training.random_state;
    let strangers = run.strangers.as_deref();
    let prepared = PreparedNetwork::open(&run.train.data, network, seed)?.with_strangers(
        strangers,
        &run.train.data,
        network,
        seed,
    )?;
    check_classes(&prepared.data)?;
    let spaces = prepared.spaces();
    check_methods(&methods, &prepared.train.labels, spaces.iter().copied())?;
    let widest = spaces.iter().map(|(_, width)| *width).max().unwrap_or(0);
    check_clusters(run, prepared.test.len(), widest, &prepared.data.class_names)?;
    let mut opening = prepared.opening(&run.train.data, network, seed, description)?;
    opening.inputs.extend(starts(&run.methods)?);
    if let (Value::Object(config), Value::Object(study)) = (&mut opening.config, study_config(run))
    {
        config.extend(study);
    }
    let mut record = prepared.record(&run.train.to, opening, reporter)?;
    if record.is_complete() {
        return close(record, Ok(()), reporter);
    }
    let study = Study { run, methods };
    let outcome = session::compute(&mut record, device, description, reporter, |session| {
        study.looked_into(session, &prepared)
    });
    close(record, outcome, reporter)
}

/// Refuses more classes than a run can tabulate.
fn check_classes(data: &Dataset) -> Result<()> {
    match layers::too_many_classes(data.class_names.len()) {
        None => Ok(()),
        Some(message) => Err(Error::Data(format!("of {}, {message}", data.name))),
    }
}

/// What the configuration says of the stages that follow the layers.
fn study_config(run: &Run) -> Value {
    let methods: serde_json::Map<_, _> = run.methods.iter().map(complete).collect();
    serde_json::json!({
        "n_neighbors": N_NEIGHBORS,
        "methods": methods,
        "neighbors": run.search,
        "clusters": run.clusters,
        "probe_control": run.probe_control,
        "report_points": run.report_points,
    })
}

/// State that all stages share.
struct Study<'a> {
    run: &'a Run,
    methods: Vec<NamedMethod>,
}

impl Study<'_> {
    /// Embeds layers that another program wrote.
    fn given(&self, session: &mut Session<'_>, layers: &Layers) -> Result<()> {
        given_activations(session, layers)?;
        self.embed_layers(session, layers, None)?;
        page::write(session, self.run.report_points)
    }

    /// Trains, and embeds the layers.
    fn trained(&self, session: &mut Session<'_>, prepared: &Prepared) -> Result<()> {
        let run = self.run;
        if !session.record.has_finished(Stage::Activations) {
            let weights = training(session, &run.train, Some(run), prepared)?;
            activations_of_network(session, prepared, &weights)?;
        }
        let layers = Layers::read(&Artifact::Activations.of(session.record.path()))?;
        let maps = self.embed_layers(session, &layers, prepared.data.original.as_ref())?;
        if let Some(choice) = &run.epochs_to_embed {
            EpochStages { run, methods: &self.methods, prepared, maps: &maps }
                .run(session, choice)?;
            measure_epochs(session, choice, prepared)?;
        }
        page::write(session, run.report_points)
    }

    /// Takes the layers of a network of another program, and embeds them.
    fn looked_into(&self, session: &mut Session<'_>, prepared: &PreparedNetwork) -> Result<()> {
        activations_of_given_network(session, prepared)?;
        let layers = Layers::read(&Artifact::Activations.of(session.record.path()))?;
        layers.check_rows(&self.run.search)?;
        // Of a sample the classes before they were grouped are not those of its rows.
        let whole = prepared.test.len() == prepared.data.test.len();
        let original = prepared.data.original.as_ref().filter(|_| whole);
        self.embed_layers(session, &layers, original)?;
        page::write(session, self.run.report_points)
    }

    /// All stages of the layers, whether they were trained here or given.
    fn embed_layers(
        &self,
        session: &mut Session<'_>,
        layers: &Layers,
        original: Option<&Original>,
    ) -> Result<Vec<Map>> {
        let mut maps: Vec<Map> = Vec::new();
        let kept = || Artifact::Activations.of(session.record.path());
        let given = self.run.activations.clone().unwrap_or_else(kept);
        for (at, train) in layers.train.layers.iter().enumerate() {
            let file = given.join(format!("{}_train.npy", train.name));
            let space = SpaceStages {
                train_labels: &layers.train.labels,
                test_labels: layers.test.as_ref().map(|test| &test.labels[..]),
                search: &self.run.search,
                train,
                test: layers.test.as_ref().map(|test| &test.layers[at]),
            };
            let of_space =
                space.run(session, &self.methods).map_err(|error| error.of_file(file))?;
            self.cluster(session, layers, original, at, &of_space)?;
            maps.extend(of_space);
        }
        check_scored(session.record)?;
        profile(session, layers, self.run.probe_control)?;
        strangers(session, layers)?;
        self.insights(session, layers)?;
        self.tables_and_figures(session, layers, &maps)?;
        Ok(maps)
    }

    /// The clusters of one space, among the points that are scored.
    fn cluster(
        &self,
        session: &mut Session<'_>,
        layers: &Layers,
        original: Option<&Original>,
        at: usize,
        maps: &[Map],
    ) -> Result<()> {
        if self.run.clusters.is_empty() {
            return Ok(());
        }
        let part = layers.scored();
        let layer = &layers.scored().layers[at];
        let is_tested = layers.test.is_some();
        let maps: Vec<(String, &Matrix)> = maps
            .iter()
            .map(|map| {
                let test = map.test.as_ref().filter(|_| is_tested);
                (map.id.method_title().into(), test.unwrap_or(&map.train))
            })
            .collect();
        let kinds = original.filter(|_| is_tested);
        let points = if is_tested { "test" } else { "training" };
        let space = ClusterSpace {
            name: &layer.name,
            title: &format!("{}, {points} points", space_title(&layer.name)),
            x: &layer.values,
            classes: Some(Classes { labels: &part.labels, names: &layers.class_names }),
            kinds: kinds
                .map(|original| Classes { labels: &original.test, names: &original.class_names }),
            maps: &maps,
            images: part.images.as_ref(),
        };
        session
            .stage(Stage::Clusters(&layer.name), |session, observer| {
                let device = session.device;
                match cluster_space(session.record, &space, &self.run.clusters, device, observer) {
                    Err(Error::Data(reason)) => {
                        session.record.warn(format!(
                            "no clusters of {}, or not by every method: {reason}",
                            layer.name
                        ));
                        Ok(())
                    }
                    found => found.map(drop),
                }
            })
            .map(drop)
    }

    fn insights(&self, session: &mut Session<'_>, layers: &Layers) -> Result<()> {
        session
            .stage(Stage::Insights, |session, _| {
                session.on_cpu();
                let (scores, quality) = self.sorted(session.record);
                compute_insights(session.record, layers, &scores, &quality)
            })
            .map(drop)
    }

    /// Scores and quality: the spaces themselves first, then method by method, as the studies list
    /// them.
    fn sorted(&self, record: &RunFolder) -> (Vec<Scores>, Vec<MapQuality>) {
        let order = |method: &Option<String>| {
            self.methods.iter().position(|(name, _)| Some(name) == method.as_ref())
        };
        let mut scores = record.results().knn.clone();
        scores.sort_by_key(|row| order(&row.method));
        let mut quality = record.results().quality.clone();
        quality.sort_by_key(|row| order(&row.method));
        (scores, quality)
    }

    fn tables_and_figures(
        &self,
        session: &mut Session<'_>,
        layers: &Layers,
        maps: &[Map],
    ) -> Result<()> {
        session
            .stage(Stage::ScoresAndFigures, |session, _| {
                session.on_cpu();
                let record = &mut *session.record;
                let (scores, quality) = self.sorted(record);
                write_scores(record, &scores, &layers.class_names)?;
                write_quality(record, &quality)?;
                figures::maps(record, maps, layers)?;
                figures::scores(record, &scores)
            })
            .map(drop)
    }
}

/// The folder of a run of layers that another program wrote.
fn open_given(
    run: &Run,
    path: &Path,
    layers: &Layers,
    description: &Description,
    reporter: &dyn Reporter,
) -> Result<RunFolder> {
    let mut config = serde_json::json!({
        "from_activations": path.display().to_string(),
        "layers": layers.train.layers.iter().map(|layer| layer.name.as_str()).collect::<Vec<_>>(),
    });
    if let (Value::Object(config), Value::Object(study)) = (&mut config, study_config(run)) {
        config.extend(study);
    }
    let opening = Opening {
        seed: run.train.training.random_state,
        config,
        device: description.clone(),
        inputs: [layers::sources(&layers.files)?, starts(&run.methods)?].concat(),
    };
    let mut folder = RunFolder::open(&run.train.to, "activations", opening, reporter)?;
    if folder.manifest.stages.is_empty() {
        layers.warnings.iter().for_each(|warning| folder.warn(warning));
        folder.save()?;
    }
    Ok(folder)
}

pub(super) fn build_methods(choices: &[MethodChoice]) -> Result<Vec<NamedMethod>> {
    choices
        .iter()
        .map(|choice| {
            let method = embedding::method(&choice.name)?;
            Ok((choice.name.clone(), (method.build)(&choice.parameters)?))
        })
        .collect()
}

/// Refuses parameters that would fail after the training: methods that cannot be fitted to the
/// data, and data that cannot be scored. A method that is for wider spaces than some of these is
/// left out there, and no more.
pub(super) fn check_methods<'a>(
    methods: &[NamedMethod],
    labels: &[u16],
    spaces: impl Iterator<Item = (&'a str, usize)>,
) -> Result<()> {
    if let Some((_, method)) =
        methods.iter().find(|(_, method)| method.n_components() != N_COMPONENTS)
    {
        return Err(Error::parameter(
            "n_components",
            method.n_components(),
            "a run draws maps of 2 dimensions",
        ));
    }
    let n = labels.len();
    if n <= most_voters() {
        let fewest = most_voters() + 1;
        return Err(Error::Data(format!(
            "{n} images are left to train on; k-NN accuracy needs at least {fewest}"
        )));
    }
    if labels.windows(2).all(|pair| pair[0] == pair[1]) {
        return Err(Error::Data(
            "k-NN accuracy needs at least two classes among the training labels; there is one"
                .into(),
        ));
    }
    methods.iter().try_for_each(|(_, method)| method.validate(n, WIDE))?;
    let mut unfit = None;
    let mut fits = methods.is_empty();
    let all: Vec<&dyn Embedding> = methods.iter().map(|(_, method)| method.as_ref()).collect();
    for (space, d) in spaces {
        for method in &all {
            match method.validate(n, d) {
                Ok(()) => fits = true,
                Err(error) => unfit = Some((space, error)),
            }
        }
        check_memory(n, d, &all)?;
    }
    match unfit {
        Some((space, error)) if !fits => {
            Err(Error::Data(format!("no method can map {space}: {error}")))
        }
        _ => Ok(()),
    }
}

/// Refuses clustering methods that cannot be applied to the data.
fn check_clusters(run: &Run, n: usize, widest: usize, class_names: &[String]) -> Result<()> {
    run.clusters.iter().try_for_each(|method| method.validate(n, widest, Some(class_names.len())))
}
