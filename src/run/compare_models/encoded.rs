//! The encoded layer: its activations of the test images, their maps, scores and clusters.

use super::Prepared;
use crate::activations::{Layer, activations};
use crate::dataset::{Classes, npy};
use crate::error::{Error, Result};
use crate::model::read_weights;
use crate::record::predictions::write_classes;
use crate::record::{Artifact, RunFolder, Stage};
use crate::report::figures::{Panel, Scatter};
use crate::run::session::Session;
use crate::run::steps::clusters::{ClusterSpace, cluster_space};
use crate::run::steps::figures;
use crate::run::steps::quality::write_quality;
use crate::run::steps::scores::write_scores;
use crate::run::steps::space::{Map, SpaceStages, check_scored};

impl Prepared<'_> {
    /// Embeds, scores and clusters one layer's activations of the test images.
    pub(super) fn encoded_layer(
        &self,
        session: &mut Session<'_>,
        model: usize,
        layer: &str,
    ) -> Result<()> {
        let model_name = &self.job.models[model].name;
        let encoded = self.encode(session, model, layer)?;
        let file = Artifact::Layer { name: &encoded.name, part: "test" }.of(session.record.path());
        let space = SpaceStages {
            train_labels: &self.data.test.labels,
            test_labels: None,
            search: &self.job.search,
            train: &encoded,
            test: None,
        };
        let maps = space.run(session, &self.methods).map_err(|error| error.of_file(file))?;
        check_scored(session.record)?;
        let title = format!("{layer} of {model_name}, test images");
        session.stage(Stage::ScoresAndFigures, |session, _| {
            session.on_cpu();
            self.draw(session.record, &encoded, &maps, &title)
        })?;
        self.cluster(session, &encoded, &maps, &title)
    }

    /// The layer's activations, written below `activations/`.
    fn encode(&self, session: &mut Session<'_>, model: usize, layer: &str) -> Result<Layer> {
        let test = &self.data.test;
        let model_name = &self.job.models[model].name;
        let name = format!("{model_name}_{layer}");
        let file = Artifact::Layer { name: &name, part: "test" };
        let values = session.stage(Stage::EncodedLayer, |session, _| {
            let weights = Artifact::WeightsOf(model_name).of(session.record.path());
            let (_, weights) = read_weights(&weights)?;
            let all =
                activations(session.device, &self.architectures[model], &weights, &test.images)?;
            let missing = || Error::Data(format!("{model_name} has no layer {layer}"));
            let found = all.into_iter().find(|found| found.name == layer).ok_or_else(missing)?;
            session.record.write_matrix(file, &found.values)?;
            write_classes(session.record, "labels", "test", &test.labels)?;
            Ok(found.values)
        })?;
        let values = match values {
            Some(values) => values,
            None => npy::read_matrix(file.of(session.record.path()))?,
        };
        Ok(Layer { name, values })
    }

    /// Tables, and the maps side by side, coloured by label.
    fn draw(
        &self,
        record: &mut RunFolder,
        encoded: &Layer,
        maps: &[Map],
        title: &str,
    ) -> Result<()> {
        let data = &self.data;
        let results = record.results().clone();
        write_scores(record, &results.knn, &data.class_names)?;
        write_quality(record, &results.quality)?;
        let figure = Scatter {
            title: title.into(),
            panels: maps
                .chunks(2)
                .map(|maps| maps.iter().map(|map| panel(map, &data.test.labels)).collect())
                .collect(),
            class_names: &data.class_names,
            rows_share_axes: false,
            direct_labels: true,
        };
        // None is there of a layer that is constant.
        if maps.is_empty() { Ok(()) } else { figures::write(record, &encoded.name, &figure) }
    }

    fn cluster(
        &self,
        session: &mut Session<'_>,
        encoded: &Layer,
        maps: &[Map],
        title: &str,
    ) -> Result<()> {
        let data = &self.data;
        let maps: Vec<_> =
            maps.iter().map(|map| (map.id.method_title().into(), &map.train)).collect();
        let kinds = data.original.as_ref();
        let space = ClusterSpace {
            name: &encoded.name,
            title,
            x: &encoded.values,
            classes: Some(Classes { labels: &data.test.labels, names: &data.class_names }),
            kinds: kinds.map(|kinds| Classes { labels: &kinds.test, names: &kinds.class_names }),
            maps: &maps,
            images: Some(&data.test.images),
        };
        session
            .stage(Stage::OnlyClusters, |session, observer| {
                let methods = &self.job.clusters;
                cluster_space(session.record, &space, methods, session.device, observer).map(drop)
            })
            .map(drop)
    }
}

fn panel<'a>(map: &'a Map, labels: &'a [u16]) -> Panel<'a> {
    Panel { title: map.id.method_title().into(), embedding: &map.train, labels }
}
