//! The command `report` of anybody's embedding: a page of two columns of coordinates, with labels,
//! images and the original space if they are at hand.

use super::page::{PAGE_NEIGHBORS, inputs, metadata, reproduce, section};
use super::report::{ReportSummary, check_new, summary};
use crate::compute::Device;
use crate::dataset::{
    self, Colour, Column, Images, LabelColumn, Labels, LabelsBeside, Source, npy, read_labels,
    read_metadata,
};
use crate::error::{Error, Result};
use crate::evaluation::{
    COMPARED_NEIGHBORS, MapQuality, Metric, Quality, knn_accuracy, metric, quality,
};
use crate::format::thousands;
use crate::matrix::Matrix;
use crate::neighbors::nearest_neighbors;
use crate::numbers::{Values, rounded};
use crate::progress::{Observer, Reporter};
use crate::record::Artifact;
use crate::report::page::{self, Block, Map, Method, Page, Points, Section, Space, Table};
use crate::report::quality_table;
use std::path::{Path, PathBuf};

/// Caution about a map whose origin is unknown.
const CAUTION: &str =
    "How this map was made is not known here: distances between its clusters may mean little.";
/// Id of the only map.
const GIVEN: &str = "given";

/// A page to make from an embedding.
#[derive(Clone, Debug)]
pub struct EmbeddingReport {
    /// The embedding: `.npy`, n x 2, or text of two columns.
    pub embedding: PathBuf,
    /// File with one label for each row: `.npy`, or text.
    pub labels: Option<PathBuf>,
    /// The column of labels, if the file has several.
    pub label_column: Option<LabelColumn>,
    /// Images, one for each row, as [`Images::read`] takes them.
    pub images: Option<PathBuf>,
    /// Background of transparent pixels in image files.
    pub background: Colour,
    /// Names of the classes, or a file of them, as [`dataset::parse_names`] takes them.
    pub class_names: Vec<String>,
    /// Metadata, one row for each row, as [`read_metadata`] takes them.
    pub metadata: Option<PathBuf>,
    /// The space that was embedded, `.npy`, n x d; neighbours are sought in it.
    pub space: Option<PathBuf>,
    /// Name of the data; by default that of the file of the embedding.
    pub name: Option<String>,
    /// File of the page; by default `report.html` beside the embedding.
    pub out: Option<PathBuf>,
    /// `true` if an existing file may be replaced.
    pub force: bool,
    /// Seed of the samples on which the map is measured.
    pub seed: u64,
    /// Command line, for the page.
    pub argv: Vec<String>,
}

/// Makes the page.
///
/// # Errors
/// [`Error::Input`] naming the files, rows and columns that are malformed or do not fit each other;
/// [`Error::Exists`], [`Error::Write`]; any error of the device; [`Error::Interrupted`].
pub fn report_embedding(
    job: &EmbeddingReport,
    device: &Device,
    reporter: &dyn Reporter,
) -> Result<ReportSummary> {
    let beside = job.embedding.parent().unwrap_or(Path::new("")).join(Artifact::Report.to_string());
    let path = job.out.clone().unwrap_or(beside);
    check_new(&path, job.force)?;
    let given = ReportFiles::new(job)?;
    let observer = reporter.stage("report");
    let page = given.page(job, device, observer.as_ref())?;
    page::write(&page, &path)?;
    summary(page, path)
}

/// The files, checked against each other.
struct ReportFiles {
    embedding: Matrix,
    labels: Option<Labels>,
    pictures: Option<Images>,
    columns: Vec<Column>,
    x: Option<Matrix>,
    warnings: Vec<String>,
}

impl ReportFiles {
    fn new(job: &EmbeddingReport) -> Result<Self> {
        let embedding = read_embedding(&job.embedding)?;
        let n = embedding.n_samples();
        let same = |path: &Path, what: &str, found: usize| match found == n {
            true => Ok(()),
            false => Err(Error::input(
                path,
                format!("has {found} {what}, {} has {n} rows", job.embedding.display()),
            )),
        };
        let names = dataset::parse_names("class_names", &job.class_names)?;
        let mut labels = None;
        let mut pictures = None;
        let mut warnings = Vec::new();
        if let Some(path) = &job.labels {
            let file = LabelsBeside { points: &job.embedding, n, labels: path };
            let read = read_labels(&[file], job.label_column.as_ref(), &names)?;
            warnings.extend(read.notes.clone());
            let without = read.without_points();
            warnings.extend(without.map(|classes| {
                format!("`EmbeddingReport::class_names` names classes that no point has: {classes}")
            }));
            labels = Some(read);
        }
        if let Some(path) = &job.images {
            let (read, note) = Images::read(path, job.background)?;
            same(path, "images", read.n())?;
            warnings.extend(note);
            warnings.extend(page::scaled_words(&read));
            pictures = Some(read);
        }
        let columns = job.metadata.as_ref().map(|path| read_metadata(path, n)).transpose()?;
        let columns = columns.unwrap_or_default();
        let x = job.space.as_ref().map(npy::read_matrix).transpose()?;
        if let (Some(path), Some(x)) = (&job.space, &x) {
            same(path, "rows", x.n_samples())?;
        }
        warnings.extend(embedding.offsets_note("the embedding"));
        warnings.extend(x.as_ref().and_then(|x| x.offsets_note("the original space")));
        Ok(Self { embedding, labels, pictures, columns, x, warnings })
    }

    fn page(
        mut self,
        job: &EmbeddingReport,
        device: &Device,
        observer: &dyn Observer,
    ) -> Result<Page> {
        let n = self.embedding.n_samples();
        let name = job.name.clone().unwrap_or_else(|| stem(&job.embedding));
        let k = PAGE_NEIGHBORS.min(n - 1);
        let search =
            |x| nearest_neighbors(device, x, k, observer).map(|graph| graph.indices().to_vec());
        let neighbors = self.x.as_ref().filter(|_| k > 0).map(search).transpose()?;
        let quality = self.quality(job.seed, device, observer)?;
        let mut metrics = Vec::new();
        if let Some(MapQuality { quality, .. }) = &quality {
            metrics.extend(Metric::shown_by_map(quality));
        }
        metrics.extend(self.accuracy(device, observer)?);
        let sections = self.sections(job, &name, quality)?;
        let (classes, labels) = self.labels.map_or((Vec::new(), None), |mut labels| {
            (labels.names, Some(labels.classes.remove(0)))
        });
        Ok(Page {
            name,
            points: Points {
                of: n,
                which: "all points".into(),
                parts: vec![("row".into(), n)],
                labels,
                columns: self.columns,
                ..Points::default()
            },
            classes,
            n_neighbors: k,
            spaces: vec![Space {
                id: GIVEN.into(),
                title: job.space.as_deref().map_or_else(|| "original space".into(), stem),
                n_features: self.x.as_ref().map(Matrix::n_features),
                neighbors,
                probe: None,
            }],
            methods: vec![Method {
                id: GIVEN.into(),
                title: stem(&job.embedding),
                caution: CAUTION.into(),
            }],
            maps: vec![Map {
                space: GIVEN.into(),
                method: GIVEN.into(),
                coordinates: self.embedding,
                metrics,
                fitted: "given".into(),
            }],
            pictures: self.pictures,
            sections,
            warnings: self.warnings,
            ..Page::default()
        })
    }

    /// The quality of the map, if its space is known and allows metrics.
    fn quality(
        &mut self,
        seed: u64,
        device: &Device,
        observer: &dyn Observer,
    ) -> Result<Option<MapQuality>> {
        let Some(x) = self.x.as_ref().filter(|x| x.n_samples() >= quality::MIN_SAMPLES) else {
            return Ok(None);
        };
        match Quality::of(device, x, &self.embedding, None, seed, observer) {
            Ok(quality) => {
                let n_features = x.n_features();
                let n_dimensions = 2;
                Ok(Some(MapQuality {
                    space: GIVEN.into(),
                    method: None,
                    n_features,
                    n_dimensions,
                    quality,
                }))
            }
            Err(Error::Data(reason)) => {
                self.warnings.push(format!("no quality of the map: {reason}"));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Accuracy of the k-NN classifier in the map.
    fn accuracy(&self, device: &Device, observer: &dyn Observer) -> Result<Option<(String, f64)>> {
        const K: usize = COMPARED_NEIGHBORS;
        let Some(labels) = &self.labels else { return Ok(None) };
        let classes = &labels.classes[0];
        let several = classes.windows(2).any(|pair| pair[0] != pair[1]);
        if !several || self.embedding.n_samples() <= K {
            return Ok(None);
        }
        let graph = nearest_neighbors(device, &self.embedding, K, observer)?;
        let scores = knn_accuracy(&graph, classes, classes, &[K])?;
        Ok(scores.first().map(|score| (metric::knn_label(K), score.accuracy)))
    }

    fn sections(
        &self,
        job: &EmbeddingReport,
        name: &str,
        quality: Option<MapQuality>,
    ) -> Result<Vec<Section>> {
        let mut rows = vec![[
            "data".to_owned(),
            format!("{name}: {} points", thousands(self.embedding.n_samples())),
        ]];
        if let Some(labels) = &self.labels {
            const SHOWN: usize = 40;
            let shown = labels.names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
            let more = if labels.names.len() > SHOWN { ", ..." } else { "" };
            rows.push(["classes".into(), format!("{} ({shown}{more})", labels.names.len())]);
        }
        let table =
            Table::new("The embedding at a glance", &["", ""], rows.into_iter().map(Vec::from));
        let mut sections = vec![section("overview", "Overview", [Block::Table(table)])];
        sections.extend(metadata(&self.columns));
        if let Some(table) = quality.and_then(|row| quality_table::page_table(&[row])) {
            sections.push(section("quality", "Quality of the map", [Block::Table(table)]));
        }
        let files = [
            Some(&job.embedding),
            job.labels.as_ref(),
            job.images.as_ref(),
            job.metadata.as_ref(),
            job.space.as_ref(),
        ];
        let files = files
            .into_iter()
            .flatten()
            .map(PathBuf::as_path)
            .chain(dataset::names_files(&job.class_names));
        let files = files.filter(|path| path.is_file());
        let files = files.map(Source::of_file).collect::<Result<Vec<_>>>()?;
        sections.push(section("inputs", "Inputs", [Block::Table(inputs(&files, None))]));
        let version = format!("Version {} with the seed {}.", env!("CARGO_PKG_VERSION"), job.seed);
        sections.push(reproduce(&job.argv, version));
        Ok(sections)
    }
}

/// Name of a file without its ending.
fn stem(path: &Path) -> String {
    path.file_stem().map_or_else(|| "embedding".into(), |stem| stem.to_string_lossy().into_owned())
}

/// Reads an embedding, n x 2.
fn read_embedding(path: &Path) -> Result<Matrix> {
    let embedding = if dataset::is_text(path) { read_text(path)? } else { npy::read_matrix(path)? };
    match embedding.n_features() {
        2 => Ok(embedding),
        1 => Err(Error::input(path, "has one column, expected two: x and y")),
        d => {
            let message = format!(
                "has {d} columns, expected two: x and y; `layerlens embed` maps such points to two \
                 dimensions, and `EmbeddingReport::space` takes them as the original space"
            );
            Err(Error::input(path, message))
        }
    }
}

/// Numbers with commas or tabs between, after an optional header.
fn read_text(path: &Path) -> Result<Matrix> {
    let failed = |error: csv::Error| Error::input(path, format!("cannot be read: {error}"));
    let tabs = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("tsv"));
    let mut builder = csv::ReaderBuilder::new();
    builder.has_headers(false).trim(csv::Trim::All).delimiter(if tabs { b'\t' } else { b',' });
    let bytes = std::fs::read(path)
        .map_err(|error| Error::input(path, format!("cannot be read: {error}")))?;
    if let Some(line) = dataset::blank_line(&bytes) {
        return Err(Error::input(path, format!("line {line} is empty, expected two numbers")));
    }
    let mut reader = builder.from_reader(&bytes[..]);
    let mut values = Vec::new();
    let mut n_features = 0;
    for (at, record) in reader.records().enumerate() {
        let record = record.map_err(failed)?;
        n_features = record.len();
        // The first line may be a header.
        let word = |field: &str| {
            field.parse::<f64>().is_err() && !["", "NA", "N/A", "null"].contains(&field)
        };
        if at == 0 && record.iter().all(|field| word(field.trim_start_matches('\u{feff}'))) {
            continue;
        }
        for (column, field) in record.iter().enumerate() {
            match field.trim_start_matches('\u{feff}').parse::<f64>() {
                Ok(value) if (value as f32).is_finite() => values.push(value),
                _ => {
                    let line = record.position().map_or(at as u64 + 1, csv::Position::line);
                    return Err(Error::input(
                        path,
                        format!(
                            "line {line}, column {column} is `{field}`, expected a finite number; \
                             commas part columns, tabs those of a .tsv"
                        ),
                    ));
                }
            }
        }
    }
    if values.is_empty() {
        return Err(Error::input(path, "holds no points, expected two numbers a line"));
    }
    let n = values.len() / n_features;
    rounded(Values::F64(&values), (n, n_features), None)
        .map_err(|error| Error::input(path, error.to_string()))
}
