//! The layer profile of several networks side by side: the measures of every layer of each, and how
//! similar the layers are to each other.

use super::Prepared;
use crate::activations::{Layer, activations};
use crate::error::Result;
use crate::evaluation::{COMPARED_NEIGHBORS, ScoredOn, knn_accuracy};
use crate::matrix::Matrix;
use crate::model::{RAW, Weights, read_weights};
use crate::neighbors::{nearest_neighbors, nearest_references};
use crate::profile::{
    Calibration, DIMENSION_NEIGHBORS, LayerProfile, Outcome, Probabilities, Profile, ProfiledLayer,
    Similarities, model_findings,
};
use crate::progress::Observer;
use crate::record::predictions::SOFTMAX;
use crate::record::{Artifact, Stage};
use crate::report::profile_figures;
use crate::run::session::Session;
use crate::run::steps::figures;
use crate::run::steps::network_layers::NetworkLayers;
use crate::run::steps::profile::write_tables;

/// What there is of one network alone.
const OF_ONE: &str = "it is of one network, these are several";

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
                let layers = &taken.0.train;
                let Some(at) = layers.iter().position(|found| found.name == layer) else {
                    return Ok(());
                };
                let profile = self.measured(session, &space, taken, at, observer)?;
                profile.warnings().into_iter().for_each(|warning| session.record.warn(warning));
                session.record.results_mut().layer_profiles.push(profile);
                Ok(())
            })?;
        }
        Ok(())
    }

    fn taken(&self, session: &Session<'_>, model: usize) -> Result<(NetworkLayers, Vec<u16>)> {
        let (rows, _) = self.job.models[model].training.split(self.data.train.len());
        let train = self.data.train.select(&rows);
        let weights = self.weights(session, model)?;
        let (architecture, test) = (&self.architectures[model], &self.data.test.images);
        let device = session.device;
        let taken = NetworkLayers::take(device, architecture, &weights, &train.images, test)?;
        Ok((taken, train.labels))
    }

    fn measured(
        &self,
        session: &Session<'_>,
        space: &str,
        (taken, fitted): &(NetworkLayers, Vec<u16>),
        at: usize,
        observer: &dyn Observer,
    ) -> Result<LayerProfile> {
        let Layer { name, values: train } = &taken.train[at];
        let (test, scored) = (&taken.test[at].values, &self.data.test.labels);
        let device = session.device;
        let k = COMPARED_NEIGHBORS;
        let graph = nearest_references(device, test, train, k, observer);
        let scores = graph.and_then(|graph| knn_accuracy(&graph, fitted, scored, &[k]));
        let scores = Outcome::of(scores)?;
        // As in a run, those of the output are not searched.
        let among = match &**name {
            SOFTMAX => None,
            _ => {
                Some(Outcome::of(nearest_neighbors(device, train, DIMENSION_NEIGHBORS, observer))?)
            }
        };
        let layer = ProfiledLayer {
            space,
            train,
            train_labels: fitted,
            test: Some((test, scored)),
            neighbors: among.as_ref().and_then(Outcome::known),
            knn_accuracy: scores.known().and_then(|scores| Some(scores.first()?.accuracy)),
            output: taken.output(name),
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
        };
        write_tables(session.record, &measured, &profile, &self.data.class_names)?;
        if let Some(figure) = profile.similarities.known().and_then(profile_figures::similarity) {
            figures::write(session.record, "layer_similarity", &figure)?;
        }
        session.record.results_mut().profile = Some(profile);
        Ok(())
    }
}
