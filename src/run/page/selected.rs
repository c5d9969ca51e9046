//! The points of a run that a page shows: labels, coordinates, neighbours and images, read from its
//! folder. Missing files are reported, not fatal.

use super::aligned::{AlignedMap, moved_frames};
use super::{PAGE_NEIGHBORS, measures, metrics};
use crate::compute::Device;
use crate::dataset::{Colour, Images, npy, read_names};
use crate::embedding;
use crate::embedding::procrustes::Motion;
use crate::error::{Error, Result};
use crate::evaluation::MapId;
use crate::evaluation::metric::TRUSTWORTHINESS;
use crate::format::thousands;
use crate::matrix::Matrix;
use crate::neighbors::SearchMethod;
use crate::progress::Observer;
use crate::record::points::Rows;
use crate::record::predictions::SOFTMAX;
use crate::record::{Artifact, EpochMap, EpochMaps, FinishedRun, ReportPoints};
use crate::report::page::{Epochs, Map, Method, Points, Space, scaled_words};
use crate::run::layers::CONFIDENCE;
use std::path::PathBuf;

/// The two parts of the data.
pub(in crate::run) const PARTS: [&str; 2] = ["train", "test"];

/// Reader of the selected points; collects warnings on the way.
pub(in crate::run) struct SelectedPoints<'a> {
    pub(in crate::run) run: &'a FinishedRun,
    pub(in crate::run) choice: ReportPoints,
    pub(in crate::run) rows: Rows,
    /// Warnings, in sentences.
    pub(in crate::run) warnings: Vec<String>,
    /// Descriptions of missing data, in sentences.
    pub(in crate::run) missing: Vec<String>,
    /// Motion of each map onto that of the space before, by space and method.
    motions: Vec<(String, String, Motion)>,
}

/// Predicted class of each point and its probability, where they are known.
type NetworkPredictions = (Option<Vec<u16>>, Option<Vec<f32>>);

impl<'a> SelectedPoints<'a> {
    pub(in crate::run) fn new(run: &'a FinishedRun, choice: ReportPoints) -> Self {
        Self::of_rows(run, choice, choice.rows(run.n_train, run.n_test, run.manifest.seed))
    }

    /// These rows, which the `choice` describes.
    pub(in crate::run) fn of_rows(run: &'a FinishedRun, choice: ReportPoints, rows: Rows) -> Self {
        let mut warnings = run.manifest.warnings.clone();
        if run.search.method != SearchMethod::Exact {
            warnings.push("the neighbours on the page are searched for approximately, as those of the run were".into());
        }
        let mut missing = Vec::new();
        let results = [
            ("quality", run.results().quality.is_empty()),
            ("insights", run.results().insights.is_none()),
        ];
        missing.extend(
            results
                .iter()
                .filter(|(_, gone)| *gone)
                .map(|(name, _)| format!("{name}: the manifest does not hold it")),
        );
        Self { run, choice, rows, warnings, missing, motions: Vec::new() }
    }

    /// `true` if a row of a part is among the selected points.
    pub(in crate::run) fn shows(&self, part: &str, row: usize) -> bool {
        let rows = if part == PARTS[0] { &self.rows.train } else { &self.rows.test };
        rows.binary_search(&row).is_ok()
    }

    /// Parts that have selected points: name, number of points, and selected rows.
    pub(in crate::run) fn parts(&self) -> Vec<(&'static str, usize, Vec<usize>)> {
        let all = [
            (PARTS[0], self.run.n_train, &self.rows.train),
            (PARTS[1], self.run.n_test, &self.rows.test),
        ];
        all.into_iter()
            .filter(|(_, _, rows)| !rows.is_empty())
            .map(|(part, n, rows)| (part, n, rows.clone()))
            .collect()
    }

    /// Path of a file, if it exists; otherwise, if the run wrote it, it is added to the missing
    /// ones.
    pub(in crate::run) fn path(&mut self, artifact: Artifact<'_>, what: &str) -> Option<PathBuf> {
        let path = artifact.of(&self.run.path);
        if path.exists() {
            return Some(path);
        }
        if self.run.manifest.lists(artifact) {
            self.missing.push(format!("{what}: {artifact} is not in the folder of the run"));
        }
        None
    }

    /// The selected rows of a matrix that has one file for each part.
    pub(in crate::run) fn gather<'n>(
        &mut self,
        artifact: impl Fn(&'static str) -> Artifact<'n>,
        what: &str,
    ) -> Result<Option<Matrix>> {
        let mut values = Vec::new();
        let mut n_features = 0;
        let mut offsets: Option<Vec<f64>> = None;
        for (part, n, rows) in self.parts() {
            let Some(path) = self.path(artifact(part), what) else { return Ok(None) };
            // Both parts less the same numbers.
            let matrix = if n_features == 0 {
                npy::read_matrix(&path)?
            } else {
                npy::read_matrix_less(&path, offsets.as_deref())?
            };
            offsets = matrix.offsets().map(<[f64]>::to_vec);
            check_rows(&path, matrix.n_samples(), n)?;
            if n_features != 0 && matrix.n_features() != n_features {
                let found = matrix.n_features();
                return Err(Error::input(
                    path,
                    format!("has {found} columns, the training points have {n_features}"),
                ));
            }
            n_features = matrix.n_features();
            let whole = rows.len() == n;
            values.push(if whole { matrix.into_vec() } else { matrix.select(&rows).into_vec() });
        }
        let values = if values.len() == 1 { values.remove(0) } else { values.concat() };
        Matrix::new(values, self.rows.len(), n_features).map(Some)
    }

    /// Names of the classes: numbers if the file is missing.
    pub(in crate::run) fn class_names(&mut self) -> Result<Vec<String>> {
        match self
            .path(Artifact::ClassNames, "the names of the classes, which are numbered instead")
        {
            Some(path) => read_names(&path),
            None => Ok((0..self.run.n_classes()).map(|class| class.to_string()).collect()),
        }
    }

    /// The points, whose classes must all have names.
    pub(in crate::run) fn points(&mut self, class_names: &[String]) -> Result<Points> {
        let (predictions, confidence) = self.network_predictions()?;
        let labels = self.labels()?;
        let classes = labels.iter().chain(&predictions).flatten();
        if let Some(class) = classes.max().filter(|class| usize::from(**class) >= class_names.len())
        {
            let message =
                format!("names {} classes, but there is a class {class}", class_names.len());
            return Err(Error::input(Artifact::ClassNames.of(&self.run.path), message));
        }
        let (n_train, n_test) = (self.run.n_train, self.run.n_test);
        let parts = self.parts();
        let whole = parts.iter().all(|(_, n, rows)| rows.len() == *n);
        let rows =
            || parts.iter().flat_map(|(_, _, rows)| rows.iter().map(|&row| row as u32)).collect();
        Ok(Points {
            of: n_train + n_test,
            which: self.choice.words(&self.rows, n_train + n_test).into(),
            rows: (!whole).then(rows),
            parts: parts.iter().map(|(part, _, rows)| ((*part).to_owned(), rows.len())).collect(),
            labels,
            measures: measures::of_points(self.run, &self.rows, predictions.as_deref())?,
            predictions,
            confidence,
            columns: Vec::new(),
        })
    }

    fn labels(&mut self) -> Result<Option<Vec<u16>>> {
        let mut labels = Vec::new();
        for (part, n, rows) in self.parts() {
            let Some(path) =
                self.path(Artifact::Layer { name: "labels", part }, "the classes of the points")
            else {
                return Ok(None);
            };
            let of_part = npy::read_classes(&path)?;
            check_rows(&path, of_part.len(), n)?;
            labels.extend(rows.iter().map(|&row| of_part[row]));
        }
        Ok(Some(labels))
    }

    /// Predicted class of each point, and its probability.
    fn network_predictions(&mut self) -> Result<NetworkPredictions> {
        let (mut classes, mut sure) = (Some(Vec::new()), Some(Vec::new()));
        for (part, n, rows) in self.parts() {
            // Of its own network a run keeps the probabilities of all classes, of layers from
            // elsewhere those of the predictions.
            const WHAT: &str = "the predictions of the network, or their probabilities";
            let paths =
                [SOFTMAX, CONFIDENCE].map(|name| self.path(Artifact::Layer { name, part }, WHAT));
            let Some(of_part) = self.run.network_predictions(part, n)? else {
                return Ok((None, None));
            };
            classes
                .iter_mut()
                .for_each(|classes| classes.extend(rows.iter().map(|&row| of_part[row])));
            match confidence(paths, &of_part)? {
                Some(of_part) => sure
                    .iter_mut()
                    .for_each(|sure| sure.extend(rows.iter().map(|&row| of_part[row]))),
                None => sure = None,
            }
        }
        Ok((classes, sure))
    }

    /// The spaces with their neighbours.
    pub(in crate::run) fn spaces(
        &mut self,
        device: &Device,
        observer: &dyn Observer,
    ) -> Result<Vec<Space>> {
        let search = &self.run.search;
        let mut spaces = Vec::new();
        let k = self.n_neighbors();
        for id in &self.run.spaces {
            let what = format!("neighbours in {}", id.space_title());
            let x = self.gather(|part| Artifact::Layer { name: &id.space, part }, &what)?;
            let found = x
                .filter(|_| k > 0)
                .map(|x| search.nearest_neighbors(device, &x, k, observer))
                .transpose()?;
            let neighbors = found.map(|graph| graph.indices().to_vec());
            spaces.push(Space {
                title: id.space_title(),
                id: id.space.clone(),
                n_features: Some(id.n_components),
                neighbors,
                probe: measures::answers(self.run, &self.rows, &id.space)?,
            });
        }
        Ok(spaces)
    }

    /// The images of the points, as the page shows them.
    pub(in crate::run) fn pictures(&mut self) -> Result<Option<Images>> {
        let pictures = self.kept_pictures()?;
        self.warnings.extend(pictures.as_ref().and_then(scaled_words));
        Ok(pictures)
    }

    /// Neighbours of each point.
    pub(in crate::run) fn n_neighbors(&self) -> usize {
        PAGE_NEIGHBORS.min(self.rows.len().saturating_sub(1))
    }

    /// The images of the points, as the run kept them.
    pub(in crate::run) fn kept_pictures(&mut self) -> Result<Option<Images>> {
        let mut kept: Option<Images> = None;
        let parts = self.parts();
        let there =
            |part: &str| Artifact::Layer { name: "images", part }.of(&self.run.path).exists();
        if let (true, Some((part, ..))) = (
            parts.iter().any(|(part, ..)| there(part)),
            parts.iter().find(|(part, ..)| !there(part)),
        ) {
            self.missing.push(format!(
                "images: there are none of the points of the {part} part, so none are shown"
            ));
        }
        for (part, n, rows) in parts {
            let Some(path) = self.path(Artifact::Layer { name: "images", part }, "images") else {
                return Ok(None);
            };
            let (pictures, _) = Images::read(&path, Colour::default())?;
            check_rows(&path, pictures.n(), n)?;
            let pictures = pictures.select(&rows);
            kept = match kept {
                None => Some(pictures),
                Some(before) => Some(
                    before
                        .followed_by(pictures)
                        .map_err(|error| Error::input(&path, error.to_string()))?,
                ),
            };
        }
        Ok(kept)
    }

    /// The methods and their cautions.
    pub(in crate::run) fn methods(&self) -> Vec<Method> {
        let methods = self.run.methods.iter().map(|id| match embedding::method(id) {
            Ok(method) => Method {
                id: id.clone(),
                title: method.title.into(),
                caution: method.caution.into(),
            },
            Err(_) => Method { id: id.clone(), title: id.clone(), caution: String::new() },
        });
        methods.collect()
    }

    /// The maps; those of a method are turned, or mirrored, so that its map of one space lies on that
    /// of the space before.
    pub(in crate::run) fn maps(&mut self) -> Result<Vec<Map>> {
        let run = self.run;
        let mut maps = Vec::new();
        for method in &run.methods {
            let mut before: Option<AlignedMap> = None;
            for MapId { space, .. } in &run.spaces {
                let Some(map) = run
                    .results()
                    .maps
                    .iter()
                    .find(|map| map.space == *space && map.method == *method)
                else {
                    continue;
                };
                let Some(mut aligned) = self.embedding(&map.id())? else { continue };
                if let Some(before) = &before {
                    let motion = aligned.motion_onto(before, method)?;
                    aligned = aligned.moved(&motion)?;
                    self.motions.push((space.clone(), method.clone(), motion));
                }
                let metrics = metrics(run.results(), run.scored_on(), space, method);
                let fitted = self.fitted();
                maps.push(Map {
                    space: space.clone(),
                    method: method.clone(),
                    coordinates: aligned.shown.clone(),
                    metrics,
                    fitted,
                });
                before = Some(aligned);
            }
        }
        Ok(maps)
    }

    /// The maps of epochs, turned as the run's own map of the same space was, on which they lie.
    pub(in crate::run) fn epochs(&mut self) -> Result<Vec<Epochs>> {
        let Some(noted) = &self.run.results().epochs else { return Ok(Vec::new()) };
        let Some(positions) = self.positions(noted) else {
            let points = noted.points;
            self.missing.push(format!(
                "the maps of epochs are of other points: `Report::points` {points} shows them"
            ));
            return Ok(Vec::new());
        };
        let kept = self.run.results().training.as_ref().map_or(String::new(), |training| {
            format!("; the run's own map is of epoch {}", training.kept)
        });
        let mut entries = Vec::new();
        for map in &noted.maps {
            let EpochMap { space, method, trustworthiness, .. } = map;
            let id = map.id();
            let what =
                format!("the maps of the epochs of {} by {}", id.space_title(), id.method_title());
            let Some(path) = self.path(Artifact::EpochMap(&id), &what) else { continue };
            let coordinates = npy::read_matrix(&path)?;
            let found = (coordinates.n_samples(), coordinates.n_features());
            let expected = (noted.n_points, 2 * noted.epochs.len());
            if found != expected {
                let ((rows, columns), (n, d)) = (found, expected);
                return Err(Error::input(
                    path,
                    format!("is {rows} x {columns}, expected {n} x {d}"),
                ));
            }
            let coordinates = if positions.len() == noted.n_points {
                coordinates
            } else {
                coordinates.select(&positions)
            };
            let motion = self
                .motions
                .iter()
                .find(|(of_space, of_method, _)| of_space == space && of_method == method);
            entries.push(Epochs {
                space: space.clone(),
                method: method.clone(),
                epochs: noted.epochs.clone(),
                coordinates: motion.map_or(Ok(coordinates.clone()), |(_, _, motion)| {
                    moved_frames(&coordinates, motion)
                })?,
                metrics: vec![(TRUSTWORTHINESS.into(), trustworthiness.clone())],
                fitted: format!(
                    "fitted on {} points at every epoch{kept}",
                    thousands(noted.n_points)
                ),
            });
        }
        Ok(entries)
    }

    /// Positions of the selected points among those of the epochs, if all of them are there.
    fn positions(&self, noted: &EpochMaps) -> Option<Vec<usize>> {
        let there = noted.points.rows(self.run.n_train, self.run.n_test, self.run.manifest.seed);
        let train = self.rows.train.iter().map(|row| there.train.binary_search(row).ok());
        let test = self
            .rows
            .test
            .iter()
            .map(|row| there.test.binary_search(row).ok().map(|at| there.train.len() + at));
        train.chain(test).collect()
    }

    fn embedding(&mut self, id: &MapId) -> Result<Option<AlignedMap>> {
        let file = |part| Artifact::Embedding { map: id, part };
        let what = format!("the map of {} by {}", id.space_title(), id.method_title());
        let Some(shown) = self.gather(file, &what)? else { return Ok(None) };
        let folder = &self.run.path;
        let first = if self.rows.train.is_empty() { PARTS[1] } else { PARTS[0] };
        check_map(&file(first).of(folder), &shown)?;
        let path = file(PARTS[0]).of(folder);
        let fitted = if path.exists() { Some(npy::read_matrix(&path)?) } else { None };
        if let Some(fitted) = &fitted {
            check_map(&path, fitted)?;
            check_rows(&path, fitted.n_samples(), self.run.n_train)?;
        }
        Ok(Some(AlignedMap { shown, fitted }))
    }

    /// Description of the points that the maps were fitted to.
    fn fitted(&self) -> String {
        let placed = if self.rows.test.is_empty() { "" } else { "; test points placed" };
        format!("fitted on {} training points{placed}", thousands(self.run.n_train))
    }
}

/// Probabilities of the predictions for the points of a part, from the probabilities of all
/// classes or of the predictions.
fn confidence(
    [of_all, of_predictions]: [Option<PathBuf>; 2],
    predictions: &[u16],
) -> Result<Option<Vec<f32>>> {
    let all = of_all.is_some();
    let Some(path) = of_all.or(of_predictions) else { return Ok(None) };
    let values = npy::read_values(&path)?;
    check_rows(&path, values.n_samples(), predictions.len())?;
    let column = |class: u16| if all { usize::from(class) } else { 0 };
    let n_columns = values.n_features();
    if let Some(row) = predictions.iter().position(|&class| column(class) >= n_columns) {
        let message = format!(
            "has {n_columns} columns, but the prediction for row {row} is the class {}",
            predictions[row]
        );
        return Err(Error::input(path, message));
    }
    Ok(Some(values.rows().zip(predictions).map(|(row, &class)| row[column(class)]).collect()))
}

pub(in crate::run) fn check_rows(
    path: &std::path::Path,
    found: usize,
    expected: usize,
) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Error::input(path, format!("has {found} rows, the run has {expected} points of that part")))
}

pub(in crate::run) fn check_map(path: &std::path::Path, map: &Matrix) -> Result<()> {
    match map.n_features() {
        2 => Ok(()),
        found => Err(Error::input(path, format!("has {found} columns, a map has 2"))),
    }
}
