//! The layer profile of several networks side by side: the measures of every layer of each, and how
//! similar the layers are to each other.

use super::Prepared;
use crate::activations::{Layer, activations};
use crate::dataset::Images;
use crate::error::Result;
use crate::evaluation::{COMPARED_NEIGHBORS, KnnScore, ScoredOn, knn_accuracy};
use crate::matrix::{Matrix, argmax};
use crate::model::{RAW, Weights, read_weights};
use crate::neighbors::{nearest_neighbors, nearest_references};
use crate::profile::{
    Calibration, DIMENSION_NEIGHBORS, LayerProfile, Outcome, OutputLayer, Probabilities, Profile,
    ProfiledLayer, Similarities, model_findings,
};
use crate::progress::Observer;
use crate::record::predictions::SOFTMAX;
use crate::record::{Artifact, RunFolder, Stage};
use crate::report::{profile_figures, profile_table};
use crate::run::session::Session;
use crate::run::steps::figures;

/// What there is of one network alone.
const OF_ONE: &str = "it is of one network, these are several";

/// Layers of the training rows of a network, and of the test rows.
struct Taken {
    train_labels: Vec<u16>,
    train: Vec<Layer>,
    test: Vec<Layer>,
    /// The last hidden layer, weights of the output layer that takes it, if they are known, and the
    /// answers of the network for the training rows.
    last: Option<String>,
    output_weights: Option<Matrix>,
    answers: Vec<u16>,
}

impl Prepared<'_> {
    /// Measures the layers of every network, then those of all together.
    pub(super) fn profiles(&self, session: &mut Session<'_>) -> Result<()> {
        for model in 0..self.job.models.len() {
            self.measure(session, model)?;
        }
        session.stage(Stage::Profile, |session, observer| self.profile(session, observer)).map(drop)
    }

    /// The name of a layer of a network; the input is the same of all.
    fn space(&self, model: usize, layer: &str) -> String {
        if layer == RAW { RAW.into() } else { format!("{}_{layer}", self.job.models[model].name) }
    }

    /// Layers that are measured: of the first network also the input.
    fn layers(&self, model: usize) -> Vec<String> {
        let input = (model == 0).then(|| RAW.to_owned());
        input.into_iter().chain(self.architectures[model].layer_names()).collect()
    }

    fn weights(&self, session: &Session<'_>, model: usize) -> Result<Weights> {
        let name = &self.job.models[model].name;
        read_weights(&Artifact::WeightsOf(name).of(session.record.path()))
            .map(|(_, weights)| weights)
    }

    /// The measures of each layer of a network, whose layers are taken if one is left to measure.
    fn measure(&self, session: &mut Session<'_>, model: usize) -> Result<()> {
        let mut taken = None;
        for layer in self.layers(model) {
            let space = self.space(model, &layer);
            session.stage(Stage::Measures(&space), |session, observer| {
                let taken = match &mut taken {
                    Some(taken) => taken,
                    none => none.insert(self.taken(session, model)?),
                };
                let of = |layers: &[Layer]| layers.iter().position(|found| found.name == layer);
                let Some(at) = of(&taken.train) else { return Ok(()) };
                let profile = self.measured(session, &space, taken, at, observer)?;
                profile.warnings().into_iter().for_each(|warning| session.record.warn(warning));
                session.record.results_mut().layer_profiles.push(profile);
                Ok(())
            })?;
        }
        Ok(())
    }

    fn taken(&self, session: &Session<'_>, model: usize) -> Result<Taken> {
        let (rows, _) = self.job.models[model].training.split(self.data.train.len());
        let train = self.data.train.select(&rows);
        let weights = self.weights(session, model)?;
        let of = |images: &Images| {
            activations(session.device, &self.architectures[model], &weights, images)
        };
        let (of_train, of_test) = (of(&train.images)?, of(&self.data.test.images)?);
        let output = of_train.iter().filter(|layer| layer.name == SOFTMAX);
        let answers = output.flat_map(|layer| layer.values.rows().map(|row| argmax(row) as u16));
        let architecture = &self.architectures[model];
        Ok(Taken {
            last: architecture.recorded_layers().pop().map(|last| last.name),
            output_weights: architecture.output_weights(&weights)?,
            answers: answers.collect(),
            train_labels: train.labels,
            train: of_train,
            test: of_test,
        })
    }

    fn measured(
        &self,
        session: &Session<'_>,
        space: &str,
        taken: &Taken,
        at: usize,
        observer: &dyn Observer,
    ) -> Result<LayerProfile> {
        let (train, test) = (&taken.train[at].values, &taken.test[at].values);
        let (fitted, scored) = (&taken.train_labels, &self.data.test.labels);
        let device = session.device;
        let among = Outcome::of(nearest_neighbors(device, train, DIMENSION_NEIGHBORS, observer))?;
        let graph =
            Outcome::of(nearest_references(device, test, train, COMPARED_NEIGHBORS, observer))?;
        let scores = graph
            .known()
            .map(|graph| Outcome::of(knn_accuracy(graph, fitted, scored, &[COMPARED_NEIGHBORS])))
            .transpose()?;
        let of_score = |scores: Outcome<Vec<KnnScore>>| Some(scores.known()?.first()?.accuracy);
        let output = OutputLayer {
            weights: taken.output_weights.as_ref(),
            predictions: Some(&taken.answers),
        };
        let layer = ProfiledLayer {
            space,
            output: (taken.last.as_ref() == Some(&taken.train[at].name)).then_some(output),
            train,
            train_labels: fitted,
            test: Some((test, scored)),
            neighbors: among.known(),
            knn_accuracy: scores.and_then(of_score),
            control: false,
            random_state: self.job.seed,
        };
        layer.measure(device, observer).map(|(profile, _)| profile)
    }

    /// Similarity of all layers, calibration of each network, tables and figures.
    fn profile(&self, session: &mut Session<'_>, observer: &dyn Observer) -> Result<()> {
        let mut spaces: Vec<(String, Matrix)> = Vec::new();
        let mut calibrations = Vec::new();
        for (model, candidate) in self.job.models.iter().enumerate() {
            let weights = self.weights(session, model)?;
            let architecture = &self.architectures[model];
            let layers =
                activations(session.device, architecture, &weights, &self.data.test.images)?;
            for Layer { name, values } in layers {
                if name == SOFTMAX {
                    let found = Probabilities::of_network(&values);
                    let found = Outcome::of(Calibration::of(&found, &self.data.test.labels))?;
                    calibrations.push((candidate.name.clone(), found));
                }
                if name != RAW || model == 0 {
                    spaces.push((self.space(model, &name), values));
                }
            }
        }
        let named: Vec<(&str, &Matrix)> =
            spaces.iter().map(|(name, values)| (name.as_str(), values)).collect();
        let similarities = Outcome::of(Similarities::of(session.device, &named, observer))?;
        let last: Vec<String> = (0..self.job.models.len())
            .filter_map(|model| {
                let hidden = self.architectures[model].recorded_layers().pop()?;
                Some(self.space(model, &hidden.name))
            })
            .collect();
        let measured = session.record.results().layer_profiles.clone();
        let profile = Profile {
            scored_on: ScoredOn::Test,
            network_accuracy: None,
            findings: model_findings(&measured, similarities.known(), &last, &calibrations),
            similarities,
            prediction_depth: Outcome::Unknown(OF_ONE.into()),
            calibration: Outcome::Unknown(OF_ONE.into()),
            look_at: Vec::new(),
            first_to_look_at: Vec::new(),
            not_looked_at: vec![format!("points to look at: {OF_ONE}")],
            strangers: None,
        };
        self.report(session.record, &measured, &profile)?;
        session.record.results_mut().profile = Some(profile);
        Ok(())
    }

    fn report(
        &self,
        record: &mut RunFolder,
        measured: &[LayerProfile],
        profile: &Profile,
    ) -> Result<()> {
        let path = record.below(Artifact::Scores(profile_table::LAYERS))?;
        let folder = path.parent().unwrap_or(&path);
        for file in profile_table::write_csv(folder, measured, profile, &self.data.class_names)? {
            record.list(Artifact::Scores(file), None, None);
        }
        match profile.similarities.known().and_then(profile_figures::similarity) {
            Some(figure) => figures::write(record, "layer_similarity", &figure),
            None => Ok(()),
        }
    }
}
