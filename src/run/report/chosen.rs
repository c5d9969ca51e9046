//! The points that an export takes from a run, and all that the run knows of them.

use super::contents::{Contents, check_map};
use super::{Known, PAGE_NEIGHBORS};
use crate::compute::Device;
use crate::dataset::Pictures;
use crate::error::Result;
use crate::evaluation::MapId;
use crate::matrix::Matrix;
use crate::model::RAW;
use crate::neighbors::NeighborGraph;
use crate::progress::Reporter;
use crate::record::{Artifact, MapResults, ReportPoints};
use crate::report::page::Points;

/// The chosen points, and what is known of each.
pub(super) struct Chosen<'a> {
    pub(super) contents: Contents<'a>,
    pub(super) points: Points,
    class_names: Vec<String>,
    pub(super) pictures: Option<Pictures>,
}

impl<'a> Chosen<'a> {
    pub(super) fn read(known: &'a Known, choice: ReportPoints) -> Result<Self> {
        let mut contents = Contents::new(known, choice);
        let class_names = contents.class_names()?;
        let points = contents.points(&class_names)?;
        let mut pictures = contents.kept_pictures()?;
        if pictures.is_none() && known.input.is_some() {
            let raw = contents.gather(|part| Artifact::Layer { name: RAW, part }, "images")?;
            pictures = raw.map(|raw| contents.input_pictures(&raw)).transpose()?.flatten();
        }
        Ok(Self { contents, points, class_names, pictures })
    }

    /// What no export will say, in a sentence.
    pub(super) fn unknown(&self) -> Vec<String> {
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
            vec![format!("the run does not know these of its points: {}", unknown.join(", "))]
        }
    }

    /// Part and row of every point.
    pub(super) fn rows(&self) -> Vec<(&'static str, usize)> {
        let parts = self.contents.parts();
        parts
            .into_iter()
            .flat_map(|(part, _, rows)| rows.into_iter().map(move |row| (part, row)))
            .collect()
    }

    pub(super) fn names_of(&self, classes: &[u16]) -> Vec<&str> {
        classes.iter().map(|&class| self.class_names[usize::from(class)].as_str()).collect()
    }

    /// Whether the network is right about each point, if both are known.
    pub(super) fn correct(&self) -> Option<Vec<bool>> {
        let (labels, predictions) =
            (self.points.labels.as_ref()?, self.points.predictions.as_ref()?);
        Some(
            labels.iter().zip(predictions).map(|(label, prediction)| label == prediction).collect(),
        )
    }

    /// The points in a space, all dimensions.
    pub(super) fn space(&mut self, space: &str) -> Result<Option<Matrix>> {
        self.contents
            .gather(|part| Artifact::Layer { name: space, part }, &format!("the space {space}"))
    }

    /// Every map, space by space.
    pub(super) fn maps(&self) -> Vec<MapId> {
        let known = self.contents.known;
        let of_space = |space: &'a str| {
            known.maps.iter().filter(move |map| map.space == space).map(MapResults::id)
        };
        known.spaces.iter().flat_map(|(space, _)| of_space(space)).collect()
    }

    /// The places of the points in a map, as the run wrote them.
    pub(super) fn map(&mut self, id: &MapId) -> Result<Option<Matrix>> {
        let file = |part| Artifact::Embedding { map: id, part };
        let method = id.method.as_deref().unwrap_or_default();
        let map = self.contents.gather(file, &format!("the map of {} by {method}", id.space))?;
        if let Some(map) = &map {
            check_map(&file(self.contents.parts()[0].0).of(&self.contents.known.folder), map)?;
        }
        Ok(map)
    }

    /// The nearest of the points to each in the first space, all dimensions, by the run's metric.
    pub(super) fn neighbors(
        &mut self,
        device: &Device,
        reporter: &dyn Reporter,
    ) -> Result<Option<NeighborGraph>> {
        let (known, k) =
            (self.contents.known, PAGE_NEIGHBORS.min(self.points.n().saturating_sub(1)));
        let Some((space, _)) = known.spaces.first().filter(|_| k > 0) else { return Ok(None) };
        let Some(x) = self.space(space)? else { return Ok(None) };
        let observer = reporter.stage(&format!("neighbours {space}"));
        known.search.nearest_neighbors(device, &x, k, &*observer).map(Some)
    }
}
