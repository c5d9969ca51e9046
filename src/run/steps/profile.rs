//! The layer profile of a run: the measures of each layer, then those of all layers together, the
//! points to look at, tables and figures.

use super::figures::{LARGEST_DRAWN, write};
use super::space::voters;
use crate::activations::Layer;
use crate::dataset::Images;
use crate::error::Result;
use crate::evaluation::{COMPARED_NEIGHBORS, ScoredOn, Scores, knn_accuracy, space_title};
use crate::matrix::Matrix;
use crate::model::RAW;
use crate::neighbors::{Metric, NeighborGraph, nearest_neighbors, nearest_references};
use crate::profile::{
    Calibration, DIMENSION_NEIGHBORS, LabelIssue, LayerProfile, LinearProbe, Listed, Look, N_FOLDS,
    OutOfSample, Outcome, OutputLayer, PointMeasures, PredictionDepth, Probabilities, ProbedLayer,
    Profile, ProfiledLayer, Reason, Rule, Similarities, Sources, accuracy, findings, label_issues,
    look_at, odd, prediction_depths,
};
use crate::progress::Observer;
use crate::record::point_measures;
use crate::record::predictions::SOFTMAX;
use crate::record::{Artifact, RunFolder, Stage};
use crate::report::look_at::{self as look_at_list, LookRow};
use crate::report::profile_figures;
use crate::report::profile_table;
use crate::run::layers::{Layers, Part};
use crate::run::session::Session;

/// Points of the list that the page shows.
const LISTED: usize = 30;
/// Points of the list that the figure shows.
const PICTURED: usize = 24;

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
struct Whole<'a> {
    layers: &'a Layers,
    spaces: &'a [Profiled<'a>],
    /// What the neighbours in each space say of the scored points, where they were found.
    points: Vec<Option<PointMeasures>>,
}

/// The list of points to look at, and what could not be looked for.
struct Looks {
    list: Vec<Look>,
    missing: Vec<String>,
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
            scored_on: match self.layers.test {
                Some(_) => ScoredOn::Test,
                None => ScoredOn::TrainLeaveOneOut,
            },
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
            strangers: None,
            findings: Vec::new(),
        };
        profile.findings = findings(&measured, &profile);
        self.tables(session.record, &measured, &profile)?;
        self.write_looks(session.record, &looks.list, depths.known())?;
        self.picture_looks(session.record, &looks.list)?;
        figures(session.record, &measured, &profile, &self.layers.class_names)?;
        session.record.results_mut().profile = Some(profile);
        Ok(())
    }

    /// The last layer that is no output, and what is known of its points.
    fn last(&self) -> Option<(&Profiled<'a>, Option<&PointMeasures>)> {
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

    fn looks(&self, session: &mut Session<'_>, observer: &dyn Observer) -> Result<Looks> {
        let mut missing = Vec::new();
        let Some((last, points)) = self.last() else {
            return Ok(Looks { list: Vec::new(), missing });
        };
        let train = self.issues_of_training(session, last, observer)?;
        let train = or_missing(train, "labels of training points", &mut missing);
        let duplicates = or_missing(self.duplicates(), "near duplicates", &mut missing);
        if points.is_none() {
            missing.push(format!("outliers: the neighbours in {} were not found", last.name));
        }
        let distances = points.map(|points| &points.mean_distances[..]).unwrap_or_default();
        let outliers = odd::outliers(distances);
        let typicality = odd::typicality(distances);
        let scored = Sources {
            part: "test",
            labels: &[],
            duplicates: &duplicates,
            outliers: &outliers,
            typicality: &typicality,
        };
        let list = match &self.layers.test {
            None => look_at(&[Sources { part: "train", labels: &train, ..scored }]),
            Some(test) => {
                let issues = match &test.probabilities {
                    None => Outcome::Unknown("no probabilities are known".into()),
                    Some(rows) => Outcome::Known(label_issues(
                        &Probabilities::of_network(rows),
                        &test.labels,
                        Rule::default(),
                    )?),
                };
                let issues = or_missing(issues, "labels of test points", &mut missing);
                let of_train = Sources { part: "train", labels: &train, ..Sources::default() };
                look_at(&[Sources { labels: &issues, ..scored }, of_train])
            }
        };
        Ok(Looks { list, missing })
    }

    /// Labels of training points by probes of the last layer that did not see them.
    fn issues_of_training(
        &self,
        session: &mut Session<'_>,
        last: &Profiled<'_>,
        observer: &dyn Observer,
    ) -> Result<Outcome<Vec<LabelIssue>>> {
        let labels = &self.layers.train.labels;
        let seed = session.record.manifest.seed;
        let (n, d) = (last.train.n_samples(), last.train.n_features());
        let probe = LinearProbe::within_bounds(n, d, self.layers.class_names.len());
        let found = ProbedLayer::new(session.device, last.train).and_then(|layer| {
            probe.out_of_sample(session.device, &layer, labels, N_FOLDS, seed, observer)
        });
        if let Ok(OutOfSample { is_converged: false, .. }) = &found {
            session.record.warn(format!(
                "the probes of {} by which labels of training points are judged did not reach \
                 their tolerance in {} steps: they are less sure than they could be",
                last.name, probe.max_iter
            ));
        }
        let judged =
            |found: OutOfSample| label_issues(&found.probabilities, labels, Rule::default());
        Outcome::of(found.and_then(judged))
    }

    /// Near duplicates of the scored points among the training points, by the raw input.
    fn duplicates(&self) -> Outcome<Vec<odd::Duplicate>> {
        match (self.spaces.first(), self.points.first()) {
            (Some(Profiled { name: RAW, .. }), Some(Some(points))) => {
                Outcome::Known(odd::duplicates(&points.nearest, &points.nearest_distances))
            }
            (Some(Profiled { name: RAW, .. }), _) => {
                Outcome::Unknown("the neighbours in the raw input were not found".into())
            }
            _ => Outcome::Unknown("there is no raw input".into()),
        }
    }

    /// The first scored points of the list, which the page shows.
    fn listed(&self, looks: &[Look]) -> Vec<Listed> {
        let scored = looks.iter().filter(|look| self.is_scored(look)).take(LISTED);
        scored.map(|look| self.with_classes(look)).collect()
    }

    fn with_classes(&self, look: &Look) -> Listed {
        let part = self.part_of(look);
        Listed {
            look: look.clone(),
            label: part.labels[look.row],
            answer: part.predictions.as_ref().map(|answers| answers[look.row]),
        }
    }

    /// The part of the data that a point of the list belongs to.
    fn part_of(&self, look: &Look) -> &'a Part {
        if self.is_scored(look) { self.layers.scored() } else { &self.layers.train }
    }

    /// Draws the first points of the list of which there are images, if there are any.
    fn picture_looks(&self, record: &mut RunFolder, looks: &[Look]) -> Result<()> {
        let (mut listed, mut images) = (Vec::new(), None::<Images>);
        let pictured =
            looks.iter().filter_map(|look| Some((look, self.part_of(look).images.as_ref()?)));
        for (look, of_part) in pictured.take(PICTURED) {
            let image = of_part.select(&[look.row]).within(LARGEST_DRAWN).into_owned();
            images = Some(match images {
                None => image,
                Some(before) => before.followed_by(image)?,
            });
            listed.push(self.with_classes(look));
        }
        let Some(images) = images else { return Ok(()) };
        let figure = look_at_list::figure(&listed, &images, &self.layers.class_names);
        write(record, "look_at", &figure)
    }

    fn is_scored(&self, look: &Look) -> bool {
        self.layers.test.is_none() || look.part == "test"
    }

    fn write_looks(
        &self,
        record: &mut RunFolder,
        looks: &[Look],
        depths: Option<&Vec<usize>>,
    ) -> Result<()> {
        let points = self.last().and_then(|(_, points)| points);
        let row = |look| {
            let look: &Look = look;
            let is_scored = self.is_scored(look);
            let Listed { label, answer, .. } = self.with_classes(look);
            let points = points.filter(|_| is_scored);
            LookRow {
                look,
                label,
                answer,
                own_label_share: points.map(|points| points.own_label_shares[look.row]),
                prediction_depth: depths.filter(|_| is_scored).map(|depths| depths[look.row]),
            }
        };
        let rows: Vec<LookRow<'_>> = looks.iter().map(row).collect();
        let file = Artifact::Scores(look_at_list::LOOK_AT);
        let path = record.below(file)?;
        let folder = path.parent().unwrap_or(&path);
        look_at_list::write_csv(folder, &rows, &self.layers.class_names)?;
        record.list(file, None, None);
        Ok(())
    }
}

/// What was found; of what was not, the reason goes to `missing`.
fn or_missing<T>(found: Outcome<Vec<T>>, what: &str, missing: &mut Vec<String>) -> Vec<T> {
    match found {
        Outcome::Known(found) => found,
        Outcome::Unknown(reason) => {
            missing.push(format!("{what}: {reason}"));
            Vec::new()
        }
    }
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
