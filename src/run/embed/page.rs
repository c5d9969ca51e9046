//! The page of a map of any matrix: the fitted points, and the new ones that were placed in it.

use super::{Embed, PlacedPoints, SPACE, class_names};
use crate::embedding;
use crate::error::Result;
use crate::evaluation::{COMPARED_NEIGHBORS, ScoredOn};
use crate::format::{listed, thousands};
use crate::matrix::Matrix;
use crate::neighbors::NeighborGraph;
use crate::record::points::Rows;
use crate::record::{Artifact, Manifest, ReportPoints, Results};
use crate::report::page::{
    self, Block, Map, Method, NO_CLASS, Page, Points, Section, Space, Table,
};
use crate::report::quality_table;
use crate::run::page::{
    MOST_POINTS, PAGE_NEIGHBORS, inputs, knn, metadata, metrics, reproduce, section,
    without_the_device,
};
use crate::run::session::Session;

/// Why the page shows no neighbours.
const NOT_SEARCHED: &str = "the neighbours of the points: they were not searched for";
const OF_ALL: &str =
    "the neighbours of the points: they are those among all points, of which some are shown";

/// What the page is made of.
pub(super) struct MappedPoints<'a> {
    pub(super) job: &'a Embed,
    pub(super) method: &'a embedding::Method,
    /// Coordinates of the fitted points, n x 2.
    pub(super) embedding: &'a Matrix,
    /// Neighbours of the fitted points among each other.
    pub(super) neighbors: Option<&'a NeighborGraph>,
    pub(super) placed: Option<&'a PlacedPoints>,
}

impl MappedPoints<'_> {
    /// Writes the page of a run whose results are known.
    pub(super) fn write(&self, session: &mut Session<'_>) -> Result<()> {
        let record = &mut *session.record;
        let page = self.page(&record.manifest, record.results())?;
        page::write(&page, &record.below(Artifact::Report)?)?;
        record.list(Artifact::Report, None, None);
        Ok(())
    }

    fn n_new(&self) -> usize {
        self.placed.map_or(0, |placed| placed.embedding.n_samples())
    }

    fn page(&self, manifest: &Manifest, results: &Results) -> Result<Page> {
        let (n_fitted, n_new) = (self.embedding.n_samples(), self.n_new());
        let choice = match n_fitted + n_new {
            0..=MOST_POINTS => ReportPoints::All,
            _ => ReportPoints::Number(MOST_POINTS),
        };
        let rows = choice.rows(n_fitted, n_new, self.job.seed);
        let all = rows.len() == n_fitted + n_new;
        let neighbors = if all { self.nearest() } else { None };
        let missing = match (&neighbors, all) {
            (Some(_), _) => Vec::new(),
            (None, true) => vec![NOT_SEARCHED.to_owned()],
            (None, false) => vec![OF_ALL.to_owned()],
        };
        let mut warnings = manifest.warnings.clone();
        without_the_device(&mut warnings, &manifest.device);
        let (classes, labels) = self.classes(&rows);
        let placed = if n_new > 0 { "; new points placed" } else { "" };
        let scored_on = match results.knn.iter().any(|row| row.scored_on == ScoredOn::Test) {
            true => ScoredOn::Test,
            false => ScoredOn::TrainLeaveOneOut,
        };
        Ok(Page {
            name: self.job.title.clone(),
            points: self.points(choice, &rows, labels),
            n_neighbors: neighbors.as_ref().map_or(0, |(k, _)| *k),
            spaces: vec![Space {
                id: SPACE.into(),
                title: SPACE.into(),
                n_features: Some(self.job.fitted.x.n_features()),
                neighbors: neighbors.map(|(_, indices)| indices),
                probe: None,
            }],
            methods: vec![Method {
                id: self.method.name.into(),
                title: self.method.title.into(),
                caution: self.method.caution.into(),
            }],
            maps: vec![Map {
                space: SPACE.into(),
                method: self.method.name.into(),
                coordinates: self.coordinates(&rows)?,
                metrics: metrics(results, scored_on, SPACE, self.method.name),
                fitted: format!("fitted on {} points{placed}", thousands(n_fitted)),
            }],
            sections: self.sections(manifest, results, &classes),
            classes,
            warnings,
            missing,
            pictures: self
                .job
                .shown
                .images
                .as_ref()
                .map(|images| images.select(&self.shown(&rows))),
            ..Page::default()
        })
    }

    fn points(&self, choice: ReportPoints, rows: &Rows, labels: Option<Vec<u16>>) -> Points {
        let n = self.embedding.n_samples() + self.n_new();
        let parts = [("fitted", rows.train.len()), ("new", rows.test.len())];
        // Drawn points are called as the rows of their files.
        let of_files = self.job.drawn.as_ref().map(|drawn| [&drawn.fitted, &drawn.new]);
        let called =
            |part: usize, row: usize| of_files.map_or(row, |files| files[part][row]) as u32;
        let numbers = || {
            let fitted = rows.train.iter().map(|&row| called(0, row));
            fitted.chain(rows.test.iter().map(|&row| called(1, row))).collect()
        };
        Points {
            of: self.job.drawn.as_ref().map_or(n, |drawn| drawn.points.n_samples()),
            which: match &self.job.drawn {
                Some(_) => "drawn at random".into(),
                None => choice.words(rows, n).into(),
            },
            parts: parts
                .into_iter()
                .filter(|(_, n)| *n > 0)
                .map(|(part, n)| (part.to_owned(), n))
                .collect(),
            rows: (rows.len() < n || of_files.is_some()).then(numbers),
            labels,
            columns: {
                let shown = self.shown(rows);
                self.job.shown.columns.iter().map(|column| column.select(&shown)).collect()
            },
            ..Points::default()
        }
    }

    /// Rows of the shown points among the fitted ones followed by the new ones.
    fn shown(&self, rows: &Rows) -> Vec<usize> {
        let n_fitted = self.embedding.n_samples();
        rows.train.iter().copied().chain(rows.test.iter().map(|&row| n_fitted + row)).collect()
    }

    /// Names of the classes, and the class of each shown point.
    fn classes(&self, rows: &Rows) -> (Vec<String>, Option<Vec<u16>>) {
        let Some(fitted) = &self.job.fitted.labels else { return (Vec::new(), None) };
        let mut names = class_names(self.job);
        let mut labels: Vec<u16> = rows.train.iter().map(|&row| fitted[row]).collect();
        match self.job.new.as_ref().and_then(|new| new.labels.as_ref()) {
            Some(new) => labels.extend(rows.test.iter().map(|&row| new[row])),
            None if !rows.test.is_empty() => {
                labels.resize(rows.len(), names.len() as u16);
                names.push(NO_CLASS.into());
            }
            None => (),
        }
        (names, Some(labels))
    }

    fn coordinates(&self, rows: &Rows) -> Result<Matrix> {
        let mut values = self.embedding.select(&rows.train).into_vec();
        if let Some(placed) = self.placed {
            values.extend(placed.embedding.select(&rows.test).into_vec());
        }
        Matrix::new(values, rows.len(), 2)
    }

    /// The nearest fitted points of all points, as many of each as are known and the page shows;
    /// none if they were not searched for.
    fn nearest(&self) -> Option<(usize, Vec<u32>)> {
        let graphs = [self.neighbors, self.placed.map(|placed| &placed.to_fitted)];
        graphs[0]?;
        let known = graphs.into_iter().flatten();
        let k = known.clone().map(NeighborGraph::n_neighbors).fold(PAGE_NEIGHBORS, usize::min);
        let first = |graph: &NeighborGraph| -> Vec<u32> {
            let rows = graph.indices().chunks_exact(graph.n_neighbors());
            rows.flat_map(|row| &row[..k]).copied().collect()
        };
        Some((k, known.flat_map(first).collect()))
    }

    fn sections(&self, manifest: &Manifest, results: &Results, classes: &[String]) -> Vec<Section> {
        let new = match (&self.job.drawn, self.n_new()) {
            (_, 0) => String::new(),
            (None, n) => format!(", {} new ones placed", thousands(n)),
            (Some(drawn), n) => {
                let placed = drawn.points.n_samples() - self.embedding.n_samples();
                format!(", {} others placed, {} of them shown", thousands(placed), thousands(n))
            }
        };
        let x = &self.job.fitted.x;
        let of_map = results.maps.iter().flat_map(|map| &map.results);
        let of_map = of_map.map(|(name, value)| [name.replace('_', " "), format!("{value:.4}")]);
        let mut rows = vec![
            ["points".to_owned(), format!("{} fitted{new}", thousands(x.n_samples()))],
            ["features".into(), thousands(x.n_features())],
            ["method".into(), self.method.title.into()],
        ];
        rows.extend(of_map);
        let classes = classes.strip_suffix(&[NO_CLASS.to_owned()]).unwrap_or(classes);
        if !classes.is_empty() {
            rows.push(["classes".into(), format!("{} ({})", classes.len(), listed(classes))]);
        }
        let device = &manifest.device;
        rows.push(["device".into(), format!("{} ({})", device.name, device.reason)]);
        rows.push(["begun".into(), manifest.started.clone()]);
        let glance = Table::new("The map at a glance", &["", ""], rows.into_iter().map(Vec::from));
        let mut sections = vec![section("overview", "Overview", [Block::Table(glance)])];
        sections.extend(
            knn(&results.knn, Some(COMPARED_NEIGHBORS), ["fitted", "new"])
                .map(|block| section("knn", "k-NN accuracy", [block])),
        );
        sections.extend(quality_table::page_table(&results.quality).map(|table| {
            let blocks = [Block::Table(table), quality_table::meanings()];
            section("quality", "Quality of the map", blocks)
        }));
        sections.extend(metadata(&self.job.shown.columns));
        sections.push(section("inputs", "Inputs", [Block::Table(inputs(&manifest.inputs, None))]));
        let version =
            format!("Version {} with the seed {}.", manifest.layerlens_version, manifest.seed);
        sections.push(reproduce(&manifest.argv, version));
        sections
    }
}
