//! The layer that is looked into: its answers to the test images, their maps, scores and clusters.

use super::{Prepared, Work};
use crate::activations::{Layer, activations};
use crate::dataset::{Classes, Dataset, Samples, npy};
use crate::error::{Error, Result};
use crate::evaluation::{MapQuality, Scores};
use crate::model::{Architecture, Weights, read_weights};
use crate::record::{Artifact, RunFolder, Stage};
use crate::report::figures::{Panel, Scatter};
use crate::run::clusters::{ClusterSpace, cluster_space};
use crate::run::figures;
use crate::run::layers;
use crate::run::quality::write_quality;
use crate::run::space::{Map, SpaceStage, check_scored};
use crate::run::study::write_scores;
use std::time::Instant;

impl Work<'_> {
    /// Embeds, scores and clusters one layer's answers to the test images.
    pub(super) fn look_into(
        &self,
        folder: &mut RunFolder,
        prepared: &Prepared,
        model: usize,
        layer: &str,
    ) -> Result<()> {
        let Prepared { job, data, architectures, methods, .. } = prepared;
        let model_name = &job.models[model].name;
        let (_, weights) = read_weights(&Artifact::WeightsOf(model_name).of(folder.path()))?;
        let encoded =
            self.encode(folder, &architectures[model], &weights, &data.test, (model_name, layer))?;
        let file = Artifact::Layer { name: &encoded.name, part: "test" }.of(folder.path());
        let space = SpaceStage {
            folder: &mut *folder,
            labels: (&data.test.labels, None),
            device: self.device,
            kind: self.kind,
            reporter: self.reporter,
            search: &job.search,
            train: &encoded,
            test: None,
        };
        let maps = space.run(methods).map_err(|error| error.of_file(file))?;
        check_scored(folder)?;
        self.draw(folder, data, (model_name, layer), &maps)?;
        self.cluster(
            folder,
            prepared,
            &encoded,
            &maps,
            &format!("{layer} of {model_name}, test images"),
        )
    }

    /// The layer's answers, written below `activations/`.
    fn encode(
        &self,
        folder: &mut RunFolder,
        architecture: &Architecture,
        weights: &Weights,
        test: &Samples,
        (model, layer): (&str, &str),
    ) -> Result<Layer> {
        const STAGE: Stage<'_> = Stage::EncodedLayer;
        let (start, name) = (Instant::now(), format!("{model}_{layer}"));
        let file = Artifact::Layer { name: &name, part: "test" };
        if folder.has_finished(STAGE) {
            let values = npy::read_matrix(file.of(folder.path()))?;
            return Ok(Layer { name, values });
        }
        let all = activations(self.device, architecture, weights, test)?;
        let missing = || Error::Data(format!("{model} has no layer {layer}"));
        let found = all.into_iter().find(|found| found.name == layer).ok_or_else(missing)?;
        folder.write_matrix(file, &found.values)?;
        layers::write_classes(folder, "labels", "test", &test.labels)?;
        folder.finish_stage(STAGE, start, self.kind)?;
        Ok(Layer { name, ..found })
    }

    /// Tables, and the maps side by side, coloured by label.
    fn draw(
        &self,
        folder: &mut RunFolder,
        data: &Dataset,
        (model, layer): (&str, &str),
        maps: &[Map],
    ) -> Result<()> {
        const STAGE: Stage<'_> = Stage::ScoresAndFigures;
        if folder.has_finished(STAGE) {
            return Ok(());
        }
        let start = Instant::now();
        write_scores(folder, &folder.noted::<Vec<Scores>>("knn")?, &data.class_names)?;
        write_quality(folder, &folder.noted::<Vec<MapQuality>>("quality")?)?;
        let figure = Scatter {
            title: format!("{layer} of {model}, test images"),
            panels: maps
                .chunks(2)
                .map(|maps| maps.iter().map(|map| panel(map, &data.test.labels)).collect())
                .collect(),
            class_names: &data.class_names,
            rows_share_axes: false,
            direct_labels: true,
        };
        // None is there of a layer that is constant.
        if !maps.is_empty() {
            figures::write(folder, &format!("{model}_{layer}"), &figure)?;
        }
        folder.finish_stage(STAGE, start, "cpu")
    }

    fn cluster(
        &self,
        folder: &mut RunFolder,
        prepared: &Prepared,
        encoded: &Layer,
        maps: &[Map],
        title: &str,
    ) -> Result<()> {
        const STAGE: Stage<'_> = Stage::OnlyClusters;
        if folder.has_finished(STAGE) {
            return Ok(());
        }
        let start = Instant::now();
        let Prepared { job, data, .. } = prepared;
        let places: Vec<_> =
            maps.iter().map(|map| (map.id.method_title().into(), &map.train)).collect();
        let kinds = data.original.as_ref();
        let space = ClusterSpace {
            name: &encoded.name,
            title,
            x: &encoded.values,
            classes: Some(Classes { labels: &data.test.labels, names: &data.class_names }),
            kinds: kinds.map(|kinds| Classes { labels: &kinds.test, names: &kinds.class_names }),
            maps: &places,
            images: Some(&data.test.images),
        };
        let observer = self.reporter.stage(&format!("clusters of {title}"));
        cluster_space(folder, &space, &job.clusters, self.device, observer.as_ref())?;
        drop(observer);
        folder.finish_stage(STAGE, start, self.kind)
    }
}

fn panel<'a>(map: &'a Map, labels: &'a [u8]) -> Panel<'a> {
    Panel { title: map.id.method_title().into(), embedding: &map.train, labels }
}
