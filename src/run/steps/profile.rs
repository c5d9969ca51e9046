//! The layer profile of a run: the measures of each layer, then those of all layers together, the
//! points to look at, tables and figures.

use super::figures::write;
use super::space::voters;
use crate::activations::Layer;
use crate::error::Result;
use crate::evaluation::{COMPARED_NEIGHBORS, Scores, knn_accuracy, space_title};
use crate::matrix::Matrix;
use crate::neighbors::{Metric, NeighborGraph, nearest_neighbors, nearest_references};
use crate::profile::{
    Calibration, DIMENSION_NEIGHBORS, LayerProfile, Look, Outcome, OutputLayer, PointMeasures,
    PredictionDepth, Probabilities, Profile, ProfiledLayer, Reason, Similarities, accuracy,
    findings, prediction_depths,
};
use crate::progress::Observer;
use crate::record::point_measures;
use crate::record::predictions::SOFTMAX;
use crate::record::{Artifact, RunFolder, Stage};
use crate::report::profile_figures;
use crate::report::profile_table;
use crate::run::layers::Layers;
use crate::run::session::Session;

/// All stages of the profile. `control` is `true` for probes of shuffled labels too.
pub(in crate::run) fn profile(
    session: &mut Session<'_>,
    layers: &Layers,
    control: bool,
) -> Result<()> {
    let spaces = spaces(layers);
    for space in &spaces {
        session.stage(Stage::Measures(space.name), |session, observer| {
            measure(session, layers, space, control, observer)
        })?;
    }
    session
        .stage(Stage::Profile, |session, observer| {
            let whole = Whole::read(session.record, layers, &spaces)?;
            whole.write(session, observer)
        })
        .map(drop)
}

/// A layer, or the network's probabilities as the last of them.
pub(super) struct Profiled<'a> {
    pub(super) name: &'a str,
    pub(super) train: &'a Matrix,
    pub(super) test: Option<&'a Matrix>,
}

impl<'a> Profiled<'a> {
    /// The values of the scored points.
    fn scored(&self) -> &'a Matrix {
        self.test.unwrap_or(self.train)
    }
}

/// The layers in order, and the network's probabilities last, if they are known of every part.
pub(super) fn spaces<'a>(layers: &'a Layers) -> Vec<Profiled<'a>> {
    let test = layers.test.as_ref();
    let layer = |(at, train): (usize, &'a Layer)| Profiled {
        name: &train.name,
        train: &train.values,
        test: test.map(|test| &test.layers[at].values),
    };
    let mut spaces: Vec<Profiled<'_>> = layers.train.layers.iter().enumerate().map(layer).collect();
    let of_test = test.map(|test| test.probabilities.as_ref());
    if let (Some(train), None | Some(Some(_))) = (&layers.train.probabilities, of_test) {
        spaces.push(Profiled { name: SOFTMAX, train, test: of_test.flatten() });
    }
    spaces
}

/// The measures of one layer.
fn measure(
    session: &mut Session<'_>,
    layers: &Layers,
    space: &Profiled<'_>,
    control: bool,
    observer: &dyn Observer,
) -> Result<()> {
    let name = space.name;
    let of_space = |scores: &&Scores| scores.space == name && scores.method.is_none();
    let known = session.record.results().knn.iter().find(of_space).and_then(Scores::compared);
    let known = known.map(|score| score.accuracy);
    let knn_accuracy = match name {
        SOFTMAX => output_neighbors(session, layers, space, observer)?,
        _ => known,
    };
    let graph = among(session, space, observer)?;
    let test_labels = layers.test.as_ref().map(|test| &test.labels[..]);
    let layer = ProfiledLayer {
        space: name,
        train: space.train,
        train_labels: &layers.train.labels,
        test: space.test.zip(test_labels),
        neighbors: graph.as_ref(),
        knn_accuracy,
        output: output(layers, name),
        control,
        random_state: session.record.manifest.seed,
    };
    let (profile, answers) = layer.measure(session.device, observer)?;
    if let Some(answers) = answers {
        point_measures::write_answers(session.record, name, &answers)?;
    }
    for warning in profile.warnings() {
        session.record.warn(warning);
    }
    session.record.results_mut().layer_profiles.push(profile);
    Ok(())
}

/// The output layer, if `name` is the layer before it.
fn output<'a>(layers: &'a Layers, name: &str) -> Option<OutputLayer<'a>> {
    let last = layers.train.layers.last().filter(|last| last.name == name);
    last.map(|_| OutputLayer {
        weights: layers.output_weights.as_ref(),
        predictions: layers.train.predictions.as_deref(),
    })
}

/// The neighbours of the training points that the run found, or, where it found too few or none by
/// Euclidean distances, found now; none of points that have none. Those of the output are not
/// searched.
fn among(
    session: &Session<'_>,
    space: &Profiled<'_>,
    observer: &dyn Observer,
) -> Result<Option<NeighborGraph>> {
    if space.name == SOFTMAX || space.train.n_samples() <= DIMENSION_NEIGHBORS {
        return Ok(None);
    }
    let path = Artifact::Neighbors(space.name).of(session.record.path());
    if path.exists() {
        let graph = NeighborGraph::read(&path)?;
        if graph.metric() == Metric::Euclidean && graph.n_neighbors() >= DIMENSION_NEIGHBORS {
            return Ok(Some(graph));
        }
    }
    let found = nearest_neighbors(session.device, space.train, DIMENSION_NEIGHBORS, observer);
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
    space: &Profiled<'_>,
    observer: &dyn Observer,
) -> Result<Option<f64>> {
    let fitted = &layers.train.labels;
    let k = voters(space.train.n_samples());
    let scored = &layers.scored().labels;
    let graph = match space.test {
        Some(test) => nearest_references(session.device, test, space.train, k, observer)?,
        None => nearest_neighbors(session.device, space.train, k, observer)?,
    };
    point_measures::write(session.record, SOFTMAX, &PointMeasures::of(&graph, scored, fitted))?;
    let score = Outcome::of(knn_accuracy(&graph, fitted, scored, &[COMPARED_NEIGHBORS]))?;
    Ok(score.known().and_then(|scores| Some(scores.first()?.accuracy)))
}

/// The measures of all layers together.
pub(super) struct Whole<'a> {
    pub(super) layers: &'a Layers,
    pub(super) spaces: &'a [Profiled<'a>],
    /// What the neighbours in each space say of the scored points, where they were found.
    pub(super) points: Vec<Option<PointMeasures>>,
}

impl<'a> Whole<'a> {
    fn read(record: &RunFolder, layers: &'a Layers, spaces: &'a [Profiled<'a>]) -> Result<Self> {
        let n = layers.scored().labels.len();
        let read = |space: &Profiled<'_>| point_measures::read(record.path(), space.name, n);
        let points = spaces.iter().map(read).collect::<Result<_>>()?;
        Ok(Self { layers, spaces, points })
    }

    fn write(&self, session: &mut Session<'_>, observer: &dyn Observer) -> Result<()> {
        let scored = self.layers.scored();
        let measured = session.record.results().layer_profiles.clone();
        let depths = self.depths()?;
        let looks = self.looks(session, observer)?;
        let count = |reason: Reason| {
            let of = |look: &&Look| look.reasons.contains(&reason);
            (reason, looks.list.iter().filter(of).count())
        };
        let mut profile = Profile {
            scored_on: self.layers.scored_on(),
            network_accuracy: scored
                .predictions
                .as_ref()
                .map(|answers| accuracy(answers, &scored.labels)),
            similarities: self.similarities(session, observer)?,
            prediction_depth: self.prediction_depth(&depths),
            calibration: self.calibration()?,
            look_at: Reason::ALL.map(count).to_vec(),
            first_to_look_at: self.listed(&looks.list),
            not_looked_at: looks.missing,
            findings: Vec::new(),
        };
        profile.findings = findings(&measured, &profile);
        write_tables(session.record, &measured, &profile, &self.layers.class_names)?;
        self.write_looks(session.record, &looks.list, depths.known())?;
        self.picture_looks(session.record, &looks.list)?;
        figures(session.record, &measured, &profile, &self.layers.class_names)?;
        session.record.results_mut().profile = Some(profile);
        Ok(())
    }

    /// The last layer that is no output, and what is known of its points.
    pub(super) fn last(&self) -> Option<(&Profiled<'a>, Option<&PointMeasures>)> {
        let at = self.layers.train.layers.len().checked_sub(1)?;
        Some((&self.spaces[at], self.points[at].as_ref()))
    }

    /// Depth of every scored point through all layers.
    fn depths(&self) -> Result<Outcome<Vec<usize>>> {
        let Some(answers) = &self.layers.scored().predictions else {
            return Ok(Outcome::Unknown("the network's answers are not known".into()));
        };
        let mut votes = Vec::new();
        for (space, points) in self.spaces.iter().zip(&self.points) {
            let Some(points) = points else {
                let space = space_title(space.name);
                return Ok(Outcome::Unknown(format!("the neighbours in {space} were not found")));
            };
            votes.push(&points.votes[..]);
        }
        prediction_depths(&votes, answers).map(Outcome::Known)
    }

    fn prediction_depth(&self, depths: &Outcome<Vec<usize>>) -> Outcome<PredictionDepth> {
        let scored = self.layers.scored();
        let spaces: Vec<String> = self.spaces.iter().map(|space| space.name.to_owned()).collect();
        match depths {
            Outcome::Unknown(reason) => Outcome::Unknown(reason.clone()),
            Outcome::Known(depths) => Outcome::Known(PredictionDepth::of(
                &spaces,
                depths,
                scored.predictions.as_deref().unwrap_or_default(),
                &scored.labels,
                self.layers.class_names.len(),
            )),
        }
    }

    fn similarities(
        &self,
        session: &Session<'_>,
        observer: &dyn Observer,
    ) -> Result<Outcome<Similarities>> {
        let all: Vec<(&str, &Matrix)> =
            self.spaces.iter().map(|space| (space.name, space.scored())).collect();
        Outcome::of(Similarities::of(session.device, &all, observer))
    }

    fn calibration(&self) -> Result<Outcome<Calibration>> {
        let Some(test) = &self.layers.test else {
            return Ok(Outcome::Unknown("there are no test points".into()));
        };
        let Some(rows) = &test.probabilities else {
            return Ok(Outcome::Unknown("the network's probabilities are not known".into()));
        };
        Outcome::of(Calibration::of(&Probabilities::of_network(rows), &test.labels))
    }
}

/// The tables of the profile.
pub(in crate::run) fn write_tables(
    record: &mut RunFolder,
    measured: &[LayerProfile],
    profile: &Profile,
    class_names: &[String],
) -> Result<()> {
    let path = record.below(Artifact::Scores(profile_table::LAYERS))?;
    let folder = path.parent().unwrap_or(&path);
    for file in profile_table::write_csv(folder, measured, profile, class_names)? {
        record.list(Artifact::Scores(file), None, None);
    }
    Ok(())
}

/// The figures of the profile.
fn figures(
    record: &mut RunFolder,
    measured: &[LayerProfile],
    profile: &Profile,
    class_names: &[String],
) -> Result<()> {
    let hidden = measured.iter().rev().find(|layer| layer.space != SOFTMAX);
    if let Some(figure) = hidden.and_then(|layer| profile_figures::confusable(layer, class_names)) {
        write(record, "confusable_classes", &figure)?;
    }
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
