//! The first study: a classifier, its layers, their maps, their scores. Every stage finds what it
//! needs on the disk.

use super::clusters::{ClusterSpace, cluster_space};
use super::epochs::{self, EpochStage};
use super::figures;
use super::insights;
use super::job::{MethodChoice, Run, Summary, close, starts};
use super::layers::{self, Layers};
use super::neighbors::check_memory;
use super::quality::write_quality;
use super::report;
use super::space::{Map, SpaceStage, check_scored, most_voters};
use super::train::{
    Prepared, activation_stage, complete, finished_training, open, prepare, train_stage,
};
use crate::compute::{Description, Device};
use crate::dataset::{Classes, Dataset, Original};
use crate::embedding::{self, Embedding};
use crate::error::{Error, Result};
use crate::evaluation::{MapQuality, N_NEIGHBORS, Scores, space_title};
use crate::matrix::Matrix;
use crate::model::RAW;
use crate::progress::Reporter;
use crate::record::{Artifact, MapResults, N_COMPONENTS, Opening, RunFolder, Stage, default_path};
use crate::report::table;
use std::path::Path;
use std::time::Instant;

/// Units of a layer that no method finds too few.
const WIDE: usize = 1024;

/// Does the whole study; see the module. One that is resumed goes on after its last finished stage.
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
    let (methods, computer) = (&methods, (device, description));
    if let Some(path) = &run.activations {
        let layers = Layers::read(path)?;
        layers.check_rows(&run.search)?;
        let spaces = layers
            .train
            .layers
            .iter()
            .map(|layer| (layer.name.as_str(), layer.values.n_features()));
        check_methods(methods, &layers.train.labels, spaces)?;
        let widest =
            layers.train.layers.iter().map(|layer| layer.values.n_features()).max().unwrap_or(0);
        check_clusters(run, layers.scored().labels.len(), widest, &layers.class_names)?;
        let mut folder = open_given(run, path, &layers, (description, reporter))?;
        if folder.is_complete() {
            return close(folder, Ok(()), reporter);
        }
        let outcome = folder.compute(computer, reporter, |folder, device, kind| {
            Work { run, methods, device, kind, reporter }.given(folder, &layers)
        });
        return close(folder, outcome, reporter);
    }
    run.train.training.validate()?;
    let prepared = prepare(&run.train, run.model.as_deref())?;
    let layers = prepared.architecture.looked_into();
    let widths = std::iter::once(prepared.architecture.n_features())
        .chain(layers.iter().map(|layer| layer.width));
    let names = std::iter::once(RAW).chain(layers.iter().map(|layer| layer.name.as_str()));
    check_methods(methods, &prepared.train.labels, names.zip(widths.clone()))?;
    let points = run.report_points.rows(
        prepared.train.len(),
        prepared.data.test.len(),
        run.train.training.random_state,
    );
    epochs::check_points(run, methods, points.len(), widths.clone().skip(1))?;
    check_clusters(
        run,
        prepared.data.test.len(),
        widths.max().unwrap_or(0),
        &prepared.data.class_names,
    )?;
    let mut folder = open((&run.train, Some(run)), &prepared, description, reporter)?;
    if folder.is_complete() {
        return close(folder, Ok(()), reporter);
    }
    let outcome = folder.compute(computer, reporter, |folder, device, kind| {
        Work { run, methods, device, kind, reporter }.trained(folder, &prepared)
    });
    close(folder, outcome, reporter)
}

/// What all stages share.
struct Work<'a> {
    run: &'a Run,
    methods: &'a [(String, Box<dyn Embedding>)],
    device: &'a Device,
    kind: &'static str,
    reporter: &'a dyn Reporter,
}

impl Work<'_> {
    /// Looks into layers that another program wrote.
    fn given(&self, folder: &mut RunFolder, layers: &Layers) -> Result<()> {
        let start = Instant::now();
        if !folder.has_finished(Stage::Activations) {
            if let Some(images) = &layers.train.images {
                let classes = Classes { labels: &layers.train.labels, names: &layers.class_names };
                figures::examples(
                    folder,
                    "examples",
                    "The first training images of each class",
                    images,
                    classes,
                )?;
            }
            layers.write(folder)?;
            folder.finish_stage(Stage::Activations, start, "cpu")?;
        }
        self.look_into(folder, layers, None)?;
        self.report(folder)
    }

    /// The page of all that is there by now.
    fn report(&self, folder: &mut RunFolder) -> Result<()> {
        report::stage(folder, self.run.report_points, self.device, self.kind, self.reporter)
    }

    /// Trains, and looks into the layers.
    fn trained(&self, folder: &mut RunFolder, prepared: &Prepared) -> Result<()> {
        let Work { run, device, kind, reporter, .. } = *self;
        if !folder.has_finished(Stage::Activations) {
            let weights = if let Some(weights) = finished_training(folder, prepared)? {
                weights
            } else {
                let title =
                    format!("The first training images of each class of {}", prepared.data.name);
                let Dataset { train, class_names, .. } = &prepared.data;
                let classes = Classes { labels: &train.labels, names: class_names };
                figures::examples(folder, "examples", &title, &train.images, classes)?;
                train_stage(
                    folder,
                    (&run.train, run.epochs_to_embed.as_ref()),
                    prepared,
                    device,
                    kind,
                    reporter,
                )?
            };
            activation_stage(folder, prepared, &weights, device, kind, reporter)?;
        }
        let mut layers = Layers::read(&Artifact::Activations.of(folder.path()))?;
        if let Some(test) = &mut layers.test {
            test.images = Some(prepared.data.test.images.clone());
        }
        let maps = self.look_into(folder, &layers, prepared.data.original.as_ref())?;
        if let Some(choice) = &run.epochs_to_embed {
            EpochStage {
                folder,
                run,
                methods: self.methods,
                device,
                kind,
                reporter,
                prepared,
                maps: &maps,
            }
            .run(choice)?;
        }
        self.report(folder)
    }

    /// Everything that is done with the layers, wherever they come from.
    fn look_into(
        &self,
        folder: &mut RunFolder,
        layers: &Layers,
        original: Option<&Original>,
    ) -> Result<Vec<Map>> {
        let mut maps: Vec<Map> = Vec::new();
        let given =
            self.run.activations.clone().unwrap_or_else(|| Artifact::Activations.of(folder.path()));
        for (at, train) in layers.train.layers.iter().enumerate() {
            let file = given.join(format!("{}_train.npy", train.name));
            let space = SpaceStage {
                folder,
                labels: (&layers.train.labels, layers.test.as_ref().map(|test| &test.labels[..])),
                device: self.device,
                kind: self.kind,
                reporter: self.reporter,
                search: &self.run.search,
                train,
                test: layers.test.as_ref().map(|test| &test.layers[at]),
            };
            let of_space = space.run(self.methods).map_err(|error| error.of_file(file))?;
            self.cluster(folder, layers, original, at, &of_space)?;
            maps.extend(of_space);
        }
        check_scored(folder)?;
        self.insights(folder, layers)?;
        self.tables_and_figures(folder, layers, &maps)?;
        Ok(maps)
    }

    /// The clusters of one space, among the points that are scored.
    fn cluster(
        &self,
        folder: &mut RunFolder,
        layers: &Layers,
        original: Option<&Original>,
        at: usize,
        maps: &[Map],
    ) -> Result<()> {
        let (part, layer) = (layers.scored(), &layers.scored().layers[at]);
        let stage = Stage::Clusters(&layer.name);
        if self.run.clusters.is_empty() || folder.has_finished(stage) {
            return Ok(());
        }
        let start = Instant::now();
        let observer = self.reporter.stage(&format!("clusters of {}", space_title(&layer.name)));
        let points = if layers.test.is_some() { "test" } else { "training" };
        let places: Vec<(String, &Matrix)> = maps
            .iter()
            .map(|map| {
                (
                    map.id.method_title().into(),
                    map.test.as_ref().filter(|_| layers.test.is_some()).unwrap_or(&map.train),
                )
            })
            .collect();
        let kinds = original.filter(|_| layers.test.is_some());
        let space = ClusterSpace {
            name: &layer.name,
            title: &format!("{}, {points} points", space_title(&layer.name)),
            x: &layer.values,
            classes: Some(Classes { labels: &part.labels, names: &layers.class_names }),
            kinds: kinds
                .map(|original| Classes { labels: &original.test, names: &original.class_names }),
            maps: &places,
            images: part.images.as_ref(),
        };
        match cluster_space(folder, &space, &self.run.clusters, self.device, observer.as_ref()) {
            Err(Error::Data(reason)) => {
                folder.manifest.warnings.push(format!(
                    "no clusters of {}, or not by every method: {reason}",
                    layer.name
                ));
            }
            found => found.map(drop)?,
        }
        drop(observer);
        folder.finish_stage(stage, start, self.kind)
    }

    fn insights(&self, folder: &mut RunFolder, layers: &Layers) -> Result<()> {
        const STAGE: Stage<'_> = Stage::Insights;
        if folder.has_finished(STAGE) {
            return Ok(());
        }
        let start = Instant::now();
        let (scores, quality) = self.sorted(folder)?;
        insights::conclude(folder, layers, &scores, &quality)?;
        folder.finish_stage(STAGE, start, "cpu")
    }

    /// Scores and quality: the spaces themselves first, then method by method, as the studies list
    /// them.
    fn sorted(&self, folder: &RunFolder) -> Result<(Vec<Scores>, Vec<MapQuality>)> {
        let order = |method: &Option<String>| {
            self.methods.iter().position(|(name, _)| Some(name) == method.as_ref())
        };
        let (mut scores, mut quality): (Vec<Scores>, Vec<MapQuality>) =
            (folder.noted("knn")?, folder.noted("quality")?);
        scores.sort_by_key(|row| order(&row.method));
        quality.sort_by_key(|row| order(&row.method));
        Ok((scores, quality))
    }

    fn tables_and_figures(
        &self,
        folder: &mut RunFolder,
        layers: &Layers,
        maps: &[Map],
    ) -> Result<()> {
        const STAGE: Stage<'_> = Stage::ScoresAndFigures;
        if folder.has_finished(STAGE) {
            return Ok(());
        }
        let start = Instant::now();
        let (scores, quality) = self.sorted(folder)?;
        write_scores(folder, &scores, &layers.class_names)?;
        write_quality(folder, &quality)?;
        let results = |map: &Map| MapResults {
            space: map.id.space.clone(),
            method: map.method().into(),
            results: map.results.clone(),
        };
        folder.result("maps", maps.iter().map(results).collect::<Vec<_>>());
        figures::maps(folder, maps, layers)?;
        figures::scores(folder, &scores)?;
        folder.finish_stage(STAGE, start, "cpu")
    }
}

/// The folder of a run of layers that another program wrote.
fn open_given(
    run: &Run,
    path: &Path,
    layers: &Layers,
    (description, reporter): (&Description, &dyn Reporter),
) -> Result<RunFolder> {
    let methods: serde_json::Map<_, _> = run.methods.iter().map(complete).collect();
    let opening = Opening {
        argv: run.train.argv.clone(),
        seed: run.train.training.random_state,
        config: serde_json::json!({
            "from_activations": path.display().to_string(),
            "layers": layers.train.layers.iter().map(|layer| layer.name.as_str()).collect::<Vec<_>>(),
            "n_neighbors": N_NEIGHBORS,
            "methods": methods,
            "neighbors": run.search,
            "clusters": run.clusters,
            "report_points": run.report_points,
        }),
        device: description.clone(),
        inputs: [layers::sources(&layers.files)?, starts(&run.methods)?].concat(),
    };
    let path = run.train.out.clone().unwrap_or_else(|| default_path("activations"));
    let mut folder =
        RunFolder::open(&path, (run.train.force, run.train.resume), opening, reporter)?;
    if folder.manifest.stages.is_empty() {
        folder.manifest.warnings.extend(layers.warnings.iter().cloned());
        folder.save()?;
    }
    Ok(folder)
}

pub(super) fn build_methods(choices: &[MethodChoice]) -> Result<Vec<(String, Box<dyn Embedding>)>> {
    choices
        .iter()
        .map(|choice| {
            let method = embedding::method(&choice.name)?;
            Ok((choice.name.clone(), (method.build)(&choice.parameters)?))
        })
        .collect()
}

/// Refuses what would fail after the training: methods that cannot be fitted to the data, and data
/// that cannot be scored. A method that is for wider spaces than some of these is left out there,
/// and no more.
pub(super) fn check_methods<'a>(
    methods: &[(String, Box<dyn Embedding>)],
    labels: &[u8],
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

/// Refuses clusters that cannot be sought.
fn check_clusters(run: &Run, n: usize, widest: usize, class_names: &[String]) -> Result<()> {
    run.clusters.iter().try_for_each(|method| method.validate((n, widest), Some(class_names.len())))
}

/// Writes the score tables and notes them in the manifest.
pub(super) fn write_scores(
    folder: &mut RunFolder,
    scores: &[Scores],
    class_names: &[String],
) -> Result<()> {
    let path = folder.below(Artifact::Scores("knn.csv"))?;
    table::write_csv(path.parent().unwrap_or(&path), scores, class_names)?;
    folder.list(Artifact::Scores("knn.csv"), None, None);
    folder.list(Artifact::Scores("knn_per_class.csv"), None, None);
    folder.result("knn", scores);
    Ok(())
}
