//! The layer profile of a run: the measures of each layer, then those of all layers together, the
//! points to look at, tables and figures.

use super::figures::write;
use super::space::voters;
use crate::activations::Layer;
use crate::error::Result;
use crate::evaluation::{COMPARED_NEIGHBORS, ScoredOn, Scores, knn_accuracy, space_title};
use crate::matrix::Matrix;
use crate::model::RAW;
use crate::neighbors::{Metric, NeighborGraph, nearest_neighbors, nearest_references};
use crate::profile::{
    Calibration, LayerProfile, LinearProbe, Listed, Look, Outcome, PointMeasures, PredictionDepth,
    Probabilities, ProbedLayer, Profile, ProfiledLayer, Reason, Rule, Similarities, Sources,
    findings, label_issues, look_at, odd, prediction_depths,
};
use crate::progress::Observer;
use crate::record::point_measures;
use crate::record::predictions::SOFTMAX;
use crate::record::{Artifact, RunFolder, Stage};
use crate::report::profile_figures;
use crate::report::profile_table::{self, LookRow};
use crate::run::layers::Layers;
use crate::run::session::Session;

/// Neighbours that the intrinsic dimension is estimated from.
const N_NEIGHBORS: usize = 20;
/// Points of the list that the page shows.
const LISTED: usize = 30;
/// Folds of the probes that judge the labels of training points.
const N_FOLDS: usize = 5;

/// All stages of the profile. `control` is `true` for probes of shuffled labels too.
pub(in crate::run) fn profile(
    session: &mut Session<'_>,
    layers: &Layers,
    control: bool,
) -> Result<()> {
    let output = output_of(layers);
    for (at, train) in layers.train.layers.iter().enumerate() {
        let test = layers.test.as_ref().map(|test| &test.layers[at].values);
        measure(session, layers, train, test, control)?;
    }
    if let Some((train, test)) = &output {
        measure(session, layers, train, test.as_ref().map(|test| &test.values), control)?;
    }
    session
        .stage(Stage::Profile, |session, observer| {
            let whole = Whole { layers, output: output.as_ref() };
            whole.write(session, observer)
        })
        .map(drop)
}

/// The network's probabilities as a last layer, if they are known of every part.
fn output_of(layers: &Layers) -> Option<(Layer, Option<Layer>)> {
    let layer = |values: &Matrix| Layer { name: SOFTMAX.into(), values: values.clone() };
    let train = layers.train.probabilities.as_ref().map(layer)?;
    match &layers.test {
        None => Some((train, None)),
        Some(test) => Some((train, Some(test.probabilities.as_ref().map(layer)?))),
    }
}

/// The measures of one layer.
fn measure(
    session: &mut Session<'_>,
    layers: &Layers,
    train: &Layer,
    test: Option<&Matrix>,
    control: bool,
) -> Result<()> {
    let space = train.name.as_str();
    session
        .stage(Stage::Measures(space), |session, observer| {
            let test_labels = layers.test.as_ref().map(|test| &test.labels[..]);
            let known = session.record.results().knn.iter().find(|scores| is_of(scores, space));
            let known = known.and_then(accuracy_of);
            let found = if space == SOFTMAX {
                output_neighbors(session, layers, train, test, observer)?
            } else {
                known
            };
            let graph = among(session, train, observer)?;
            let layer = ProfiledLayer {
                space,
                train: &train.values,
                train_labels: &layers.train.labels,
                test: test.zip(test_labels),
                neighbors: graph.as_ref(),
                knn_accuracy: found,
                control,
                random_state: session.record.manifest.seed,
            };
            let (profile, answers) = layer.measure(session.device, observer)?;
            if let Some(answers) = answers {
                point_measures::write_answers(session.record, space, &answers)?;
            }
            session.record.results_mut().layer_profiles.push(profile);
            Ok(())
        })
        .map(drop)
}

/// `true` of the scores of the scored points in a space itself.
fn is_of(scores: &Scores, space: &str) -> bool {
    scores.space == space && scores.method.is_none()
}

fn accuracy_of(scores: &Scores) -> Option<f64> {
    let of_k = |score: &&crate::evaluation::KnnScore| score.n_neighbors == COMPARED_NEIGHBORS;
    scores.knn.iter().find(of_k).map(|score| score.accuracy)
}

/// The neighbours of the training points that the run found, or, where it found too few or none by
/// Euclidean distances, found now; none of points that have none. Those of the output are not
/// searched.
fn among(
    session: &Session<'_>,
    train: &Layer,
    observer: &dyn Observer,
) -> Result<Option<NeighborGraph>> {
    let n = train.values.n_samples();
    if train.name == SOFTMAX || n <= N_NEIGHBORS {
        return Ok(None);
    }
    let path = Artifact::Neighbors(&train.name).of(session.record.path());
    if path.exists() {
        let graph = NeighborGraph::read(&path)?;
        if graph.metric() == Metric::Euclidean && graph.n_neighbors() >= N_NEIGHBORS {
            return Ok(Some(graph));
        }
    }
    let found = nearest_neighbors(session.device, &train.values, N_NEIGHBORS, observer);
    Ok(match Outcome::of(found)? {
        Outcome::Known(graph) => Some(graph),
        Outcome::Unknown(_) => None,
    })
}

/// Finds the neighbours of the scored points in the network's output, writes what they say, and
/// gives their accuracy.
fn output_neighbors(
    session: &mut Session<'_>,
    layers: &Layers,
    train: &Layer,
    test: Option<&Matrix>,
    observer: &dyn Observer,
) -> Result<Option<f64>> {
    let fitted = &layers.train.labels;
    let k = voters(train.values.n_samples());
    let scored = &layers.scored().labels;
    let graph = match test {
        Some(test) => nearest_references(session.device, test, &train.values, k, observer)?,
        None => nearest_neighbors(session.device, &train.values, k, observer)?,
    };
    point_measures::write(session.record, SOFTMAX, &PointMeasures::of(&graph, scored, fitted))?;
    let score = Outcome::of(knn_accuracy(&graph, fitted, scored, &[COMPARED_NEIGHBORS]))?;
    Ok(score.known().and_then(|scores| Some(scores.first()?.accuracy)))
}

/// The measures of all layers together.
struct Whole<'a> {
    layers: &'a Layers,
    /// The output's training and test points, if they are known.
    output: Option<&'a (Layer, Option<Layer>)>,
}

impl Whole<'_> {
    fn write(&self, session: &mut Session<'_>, observer: &dyn Observer) -> Result<()> {
        let scored = self.layers.scored();
        let n = scored.labels.len();
        let measured = session.record.results().layer_profiles.clone();
        let depths = self.depths(session.record)?;
        let depth = depths.as_ref().map(|(spaces, depths)| {
            let answers = scored.predictions.as_deref().unwrap_or_default();
            let n_classes = self.layers.class_names.len();
            PredictionDepth::of(spaces, depths, answers, &scored.labels, n_classes)
        });
        let looks = self.looks(session, observer)?;
        let network_accuracy = scored.predictions.as_ref().map(|answers| {
            let right = answers.iter().zip(&scored.labels).filter(|(a, b)| a == b).count();
            right as f64 / n.max(1) as f64
        });
        let count = |reason: Reason| {
            let of = |look: &&Look| look.reasons.contains(&reason);
            (reason, looks.list.iter().filter(of).count())
        };
        let mut profile = Profile {
            scored_on: if self.layers.test.is_some() {
                ScoredOn::Test
            } else {
                ScoredOn::TrainLeaveOneOut
            },
            network_accuracy,
            similarities: self.similarities(session, observer)?,
            prediction_depth: match depth {
                Ok(depth) => Outcome::Known(depth),
                Err(reason) => Outcome::Unknown(reason.clone()),
            },
            calibration: self.calibration()?,
            look_at: Reason::ALL.map(count).to_vec(),
            first_to_look_at: self.listed(&looks.list),
            not_looked_at: looks.missing,
            findings: Vec::new(),
        };
        profile.findings = findings(&measured, &profile);
        self.tables(session.record, &measured, &profile)?;
        self.write_looks(session.record, &looks.list, depths.ok().map(|(_, depths)| depths))?;
        figures(session.record, &measured, &profile)?;
        session.record.results_mut().profile = Some(profile);
        Ok(())
    }

    /// Names of all layers in order, the output last.
    fn spaces(&self) -> Vec<String> {
        let layers = self.layers.train.layers.iter().map(|layer| layer.name.clone());
        layers.chain(self.output.map(|_| SOFTMAX.to_owned())).collect()
    }

    /// Depth of every scored point through these layers, or why there is none.
    #[allow(clippy::type_complexity, reason = "names and depths, or a reason")]
    fn depths(&self, record: &RunFolder) -> Result<Result<(Vec<String>, Vec<usize>), String>> {
        let scored = self.layers.scored();
        let Some(answers) = &scored.predictions else {
            return Ok(Err("the network's answers are not known".into()));
        };
        let spaces = self.spaces();
        let mut votes = Vec::new();
        for space in &spaces {
            match point_measures::read(record.path(), space, answers.len())? {
                Some(points) => votes.push(points.votes),
                None => {
                    let space = space_title(space);
                    return Ok(Err(format!("the neighbours in {space} were not found")));
                }
            }
        }
        Ok(Ok((spaces, prediction_depths(&votes, answers)?)))
    }

    fn similarities(
        &self,
        session: &Session<'_>,
        observer: &dyn Observer,
    ) -> Result<Outcome<Similarities>> {
        let scored = self.layers.scored();
        let hidden = scored.layers.iter().map(|layer| (layer.name.as_str(), &layer.values));
        let output = scored.probabilities.as_ref().filter(|_| self.output.is_some());
        let all: Vec<(&str, &Matrix)> =
            hidden.chain(output.map(|values| (SOFTMAX, values))).collect();
        Outcome::of(Similarities::of(session.device, &all, observer))
    }

    fn calibration(&self) -> Result<Outcome<Calibration>> {
        let scored = self.layers.scored();
        match &scored.probabilities {
            None => Ok(Outcome::Unknown("the network's probabilities are not known".into())),
            Some(_) if self.layers.test.is_none() => {
                Ok(Outcome::Unknown("there are no test points".into()))
            }
            Some(rows) => {
                let probabilities = Probabilities::of_network(rows);
                Outcome::of(Calibration::of(&probabilities, &scored.labels))
            }
        }
    }

    fn tables(
        &self,
        record: &mut RunFolder,
        measured: &[LayerProfile],
        profile: &Profile,
    ) -> Result<()> {
        let path = record.below(Artifact::Scores(profile_table::LAYERS))?;
        let folder = path.parent().unwrap_or(&path);
        let names = &self.layers.class_names;
        for file in profile_table::write_csv(folder, measured, profile, names)? {
            record.list(Artifact::Scores(file), None, None);
        }
        Ok(())
    }
}

/// The list of points to look at, and what could not be looked for.
struct Looks {
    list: Vec<Look>,
    missing: Vec<String>,
}

impl Whole<'_> {
    fn looks(&self, session: &Session<'_>, observer: &dyn Observer) -> Result<Looks> {
        let mut missing = Vec::new();
        let Some(last) = self.layers.train.layers.last() else {
            return Ok(Looks { list: Vec::new(), missing });
        };
        let labels = &self.layers.train.labels;
        // Labels of training points by probes of the last layer that did not see them.
        let seed = session.record.manifest.seed;
        let out_of_sample = ProbedLayer::new(session.device, &last.values).and_then(|layer| {
            let probe = LinearProbe::default();
            probe.out_of_sample(session.device, &layer, labels, N_FOLDS, seed, observer)
        });
        let train = match Outcome::of(out_of_sample)? {
            Outcome::Known(found) => label_issues(&found, labels, Rule::default())?,
            Outcome::Unknown(reason) => {
                missing.push(format!("labels of training points: {reason}"));
                Vec::new()
            }
        };
        let of_train = Sources { part: "train", labels: &train, ..Sources::default() };
        let scored = self.layers.scored();
        let n = scored.labels.len();
        let part = if self.layers.test.is_some() { "test" } else { "train" };
        let issues = match (&scored.probabilities, &self.layers.test) {
            (Some(rows), Some(test)) => {
                let found = Probabilities::of_network(rows);
                label_issues(&found, &test.labels, Rule::default())?
            }
            (None, Some(_)) => {
                missing.push("labels of test points: no probabilities are known".into());
                Vec::new()
            }
            (_, None) => train.clone(),
        };
        let duplicates = self.duplicates(session.record, n, &mut missing)?;
        let far = point_measures::read(session.record.path(), &last.name, n)?;
        let distances = far.as_ref().map(|points| &points.mean_distances[..]).unwrap_or_default();
        if far.is_none() {
            missing.push(format!("outliers: the neighbours in {} were not found", last.name));
        }
        let outliers = odd::outliers(distances);
        let typicality = odd::typicality(distances);
        let of_scored = Sources {
            part,
            labels: &issues,
            duplicates: &duplicates,
            outliers: &outliers,
            typicality: &typicality,
        };
        let parts = if part == "test" { vec![of_scored, of_train] } else { vec![of_scored] };
        Ok(Looks { list: look_at(&parts), missing })
    }

    /// Near duplicates of the scored points among the training points, by the raw input.
    fn duplicates(
        &self,
        record: &RunFolder,
        n: usize,
        missing: &mut Vec<String>,
    ) -> Result<Vec<odd::Duplicate>> {
        let first = self.layers.train.layers.first().map_or("", |layer| &layer.name);
        if first != RAW {
            missing.push("near duplicates: there is no raw input".into());
            return Ok(Vec::new());
        }
        let Some(points) = point_measures::read(record.path(), RAW, n)? else {
            missing.push("near duplicates: the neighbours in the raw input were not found".into());
            return Ok(Vec::new());
        };
        Ok(odd::duplicates(&points.nearest, &points.nearest_distances))
    }

    /// The first scored points of the list, which the page shows.
    fn listed(&self, looks: &[Look]) -> Vec<Listed> {
        let scored = self.layers.scored();
        let is_shown = |look: &&Look| self.layers.test.is_none() || look.part == "test";
        let listed = |look: &Look| Listed {
            look: look.clone(),
            label: scored.labels[look.row],
            answer: scored.predictions.as_ref().map(|answers| answers[look.row]),
        };
        looks.iter().filter(is_shown).take(LISTED).map(listed).collect()
    }

    fn write_looks(
        &self,
        record: &mut RunFolder,
        looks: &[Look],
        depths: Option<Vec<usize>>,
    ) -> Result<()> {
        let scored = self.layers.scored();
        let is_tested = self.layers.test.is_some();
        let last = self.layers.train.layers.last().map_or("", |layer| &layer.name);
        let points = point_measures::read(record.path(), last, scored.labels.len())?;
        let row = |look| {
            let look: &Look = look;
            let is_scored = !is_tested || look.part == "test";
            let part = if is_scored { scored } else { &self.layers.train };
            LookRow {
                look,
                label: part.labels[look.row],
                answer: part.predictions.as_ref().map(|answers| answers[look.row]),
                own_label_share: points
                    .as_ref()
                    .filter(|_| is_scored)
                    .map(|points| points.own_label_shares[look.row]),
                prediction_depth: depths
                    .as_ref()
                    .filter(|_| is_scored)
                    .map(|depths| depths[look.row]),
            }
        };
        let rows: Vec<LookRow<'_>> = looks.iter().map(row).collect();
        let file = Artifact::Scores(profile_table::LOOK_AT);
        let path = record.below(file)?;
        let folder = path.parent().unwrap_or(&path);
        profile_table::write_look_at(folder, &rows, &self.layers.class_names)?;
        record.list(file, None, None);
        Ok(())
    }
}

/// The figures of the profile.
fn figures(record: &mut RunFolder, measured: &[LayerProfile], profile: &Profile) -> Result<()> {
    if measured.len() > 1 {
        write(record, "layer_profile", &profile_figures::layers(measured, profile))?;
    }
    if let Some(figure) = profile_figures::scree(measured) {
        write(record, "scree", &figure)?;
    }
    if let Some(calibration) = profile.calibration.known() {
        write(record, "reliability", &profile_figures::reliability(calibration))?;
    }
    match profile.similarities.known().and_then(profile_figures::similarity) {
        Some(figure) => write(record, "layer_similarity", &figure),
        None => Ok(()),
    }
}
