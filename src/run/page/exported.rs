//! The points that an export takes from a run, with their data.

use super::PAGE_NEIGHBORS;
use super::selected::{SelectedPoints, check_map};
use crate::compute::Device;
use crate::dataset::Images;
use crate::error::Result;
use crate::evaluation::MapId;
use crate::matrix::Matrix;
use crate::neighbors::NeighborGraph;
use crate::progress::Reporter;
use crate::record::{Artifact, FinishedRun, MapResults, ReportPoints};
use crate::report::page::Points;

/// The selected points with their data.
pub(in crate::run) struct ExportedPoints<'a> {
    pub(in crate::run) selected: SelectedPoints<'a>,
    pub(in crate::run) points: Points,
    class_names: Vec<String>,
    pub(in crate::run) pictures: Option<Images>,
}

impl<'a> ExportedPoints<'a> {
    pub(in crate::run) fn read(run: &'a FinishedRun, choice: ReportPoints) -> Result<Self> {
        let mut selected = SelectedPoints::new(run, choice);
        let class_names = selected.class_names()?;
        let points = selected.points(&class_names)?;
        let pictures = selected.kept_pictures()?;
        Ok(Self { selected, points, class_names, pictures })
    }

    /// Warning that lists the missing data of the points.
    pub(in crate::run) fn unknown(&self) -> Vec<String> {
        let points = &self.points;
        let known = [
            ("classes", points.labels.is_some()),
            ("predictions", points.predictions.is_some()),
            ("confidences", points.confidence.is_some()),
            ("images", self.pictures.is_some()),
        ];
        let unknown: Vec<&str> =
            known.into_iter().filter(|(_, known)| !known).map(|(name, _)| name).collect();
        if unknown.is_empty() {
            Vec::new()
        } else {
            vec![format!("the run does not hold these for its points: {}", unknown.join(", "))]
        }
    }

    /// Part and row of every point.
    pub(in crate::run) fn rows(&self) -> Vec<(&'static str, usize)> {
        let parts = self.selected.parts();
        parts
            .into_iter()
            .flat_map(|(part, _, rows)| rows.into_iter().map(move |row| (part, row)))
            .collect()
    }

    pub(in crate::run) fn names_of(&self, classes: &[u16]) -> Vec<&str> {
        classes.iter().map(|&class| self.class_names[usize::from(class)].as_str()).collect()
    }

    /// `true` if the network is right about each point, if both are known.
    pub(in crate::run) fn correct(&self) -> Option<Vec<bool>> {
        let labels = self.points.labels.as_ref()?;
        let predictions = self.points.predictions.as_ref()?;
        Some(
            labels.iter().zip(predictions).map(|(label, prediction)| label == prediction).collect(),
        )
    }

    /// The points in a space, all dimensions.
    pub(in crate::run) fn space(&mut self, space: &str) -> Result<Option<Matrix>> {
        self.selected
            .gather(|part| Artifact::Layer { name: space, part }, &format!("the space {space}"))
    }

    /// Every map, space by space.
    pub(in crate::run) fn maps(&self) -> Vec<MapId> {
        let run = self.selected.run;
        let of_space = |space: &'a MapId| {
            let maps = run.results().maps.iter();
            maps.filter(move |map| map.space == space.space).map(MapResults::id)
        };
        run.spaces.iter().flat_map(of_space).collect()
    }

    /// Embedding of the points in a map, as the run wrote it.
    pub(in crate::run) fn map(&mut self, id: &MapId) -> Result<Option<Matrix>> {
        let file = |part| Artifact::Embedding { map: id, part };
        let method = id.method.as_deref().unwrap_or_default();
        let map = self.selected.gather(file, &format!("the map of {} by {method}", id.space))?;
        if let Some(map) = &map {
            check_map(&file(self.selected.parts()[0].0).of(&self.selected.run.path), map)?;
        }
        Ok(map)
    }

    /// The nearest of the points to each in the first space, all dimensions, by the run's metric.
    pub(in crate::run) fn neighbors(
        &mut self,
        device: &Device,
        reporter: &dyn Reporter,
    ) -> Result<Option<NeighborGraph>> {
        let run = self.selected.run;
        let k = PAGE_NEIGHBORS.min(self.points.n().saturating_sub(1));
        let Some(MapId { space, .. }) = run.spaces.first().filter(|_| k > 0) else {
            return Ok(None);
        };
        let Some(x) = self.space(space)? else { return Ok(None) };
        let observer = reporter.stage(&format!("neighbours {space}"));
        run.search.nearest_neighbors(device, &x, k, &*observer).map(Some)
    }
}
