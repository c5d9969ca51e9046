//! The page of a comparison. Of runs that scored the same points it shows the maps of both side by
//! side, and which run is right about which point; of others, tables and figures alone.

use super::answers::Answers;
use super::pair::Pair;
use super::sections;
use super::space_pair::SpacePair;
use crate::compute::Device;
use crate::dataset::Images;
use crate::embedding::procrustes::Motion;
use crate::embedding::{self, display_rank};
use crate::error::Result;
use crate::evaluation::{Comparison, ScoredOn};
use crate::progress::Observer;
use crate::record::points::Rows;
use crate::record::{Artifact, FinishedRun, ReportPoints};
use crate::report::page::{self, Map, Method, Page, Points, Space};
use crate::run::page::{SelectedPoints, notes, without_the_device};
use crate::run::session::Session;

/// Names of the runs in addresses: before the names of their spaces.
const SIDES: [&str; 2] = ["a", "b"];

/// Points of the page at most; of more, so many are drawn by the seed.
const MOST_POINTS: usize = 50_000;

/// Writes the page of a comparison whose tables and figures are written.
pub(super) fn write(
    session: &mut Session<'_>,
    pair: &Pair<'_>,
    comparison: &Comparison,
    answers: Option<&Answers>,
    observer: &dyn Observer,
) -> Result<()> {
    let record = &mut *session.record;
    let explored = match answers {
        Some(answers) => explored(pair, answers, session.device, observer)?,
        None => Page::default(),
    };
    let mut warnings = record.manifest.warnings.clone();
    without_the_device(&mut warnings, &record.manifest.device);
    warnings.extend(explored.warnings);
    let mut sections = sections::of_comparison(record, pair, comparison)?;
    let (inputs, reproduce) = sections::origin(record);
    sections.extend([notes(&warnings, &explored.missing), inputs, reproduce]);
    let name = format!("{} and {}", pair.names[0], pair.names[1]);
    let page = Page { name, sections, warnings, ..explored };
    page::write(&page, &record.below(Artifact::Report)?)?;
    record.list(Artifact::Report, None, None);
    Ok(())
}

/// One run's part of the explorer.
struct Side {
    points: Points,
    spaces: Vec<Space>,
    methods: Vec<Method>,
    maps: Vec<Map>,
    images: Option<Images>,
    n_neighbors: usize,
    warnings: Vec<String>,
    missing: Vec<String>,
}

impl Side {
    fn read(
        run: &FinishedRun,
        (choice, rows): (ReportPoints, &Rows),
        device: &Device,
        observer: &dyn Observer,
    ) -> Result<Self> {
        let mut selected = SelectedPoints::of_rows(run, choice, rows.clone());
        let class_names = selected.class_names()?;
        let points = selected.points(&class_names)?;
        let maps = selected.maps()?;
        let (spaces, images) = selected.spaces(device, observer)?;
        let (methods, n_neighbors) = (selected.methods(), selected.n_neighbors());
        let SelectedPoints { mut warnings, missing, .. } = selected;
        without_the_device(&mut warnings, &run.manifest.device);
        Ok(Self { points, spaces, methods, maps, images, n_neighbors, warnings, missing })
    }

    /// Moves each map onto the other run's map of the space that its own is compared with, by the same
    /// method; one that has no such map as the one before it, on which it lies.
    fn move_onto(&mut self, other: &Self, pairs: &[SpacePair]) -> Result<()> {
        let mut last: Option<(String, Motion)> = None;
        for map in &mut self.maps {
            let pair = pairs.iter().find(|SpacePair([_, space])| *space == map.space);
            let same = |there: &&Map| {
                pair.is_some_and(|SpacePair([space, _])| *space == there.space)
                    && there.method == map.method
            };
            let motion = match other.maps.iter().find(same) {
                Some(twin) => {
                    let method = embedding::method(&map.method)?;
                    Some(method.motion(&map.coordinates, &twin.coordinates)?)
                }
                None => last.filter(|(method, _)| *method == map.method).map(|(_, motion)| motion),
            };
            if let Some(motion) = &motion {
                map.coordinates = motion.apply(&map.coordinates)?;
            }
            last = motion.map(|motion| (map.method.clone(), motion));
        }
        Ok(())
    }

    /// Gives the answers of the probes the numbers of the classes of both runs.
    fn renumber(&mut self, numbers: &[u16]) {
        let answers = self.spaces.iter_mut().filter_map(|space| space.probe.as_mut());
        for class in answers.flat_map(|answers| &mut answers.classes) {
            *class = numbers.get(usize::from(*class)).copied().unwrap_or(*class);
        }
    }

    /// Puts the run's name before its spaces, warnings and missing data.
    fn rename(&mut self, side: &str, name: &str) {
        for space in &mut self.spaces {
            space.id = id(side, &space.id);
            space.title = format!("{name}: {}", space.title);
        }
        self.maps.iter_mut().for_each(|map| map.space = id(side, &map.space));
        let sentences = self.warnings.iter_mut().chain(&mut self.missing);
        sentences.for_each(|sentence| *sentence = format!("{name}: {sentence}"));
    }
}

fn id(side: &str, space: &str) -> String {
    format!("{side}.{space}")
}

/// The explorer of both runs: the points that both scored.
fn explored(
    pair: &Pair<'_>,
    answers: &Answers,
    device: &Device,
    observer: &dyn Observer,
) -> Result<Page> {
    let (choice, rows) = shown(&pair.runs[0].run);
    let [mut a, mut b] = [
        Side::read(&pair.runs[0].run, (choice, &rows), device, observer)?,
        Side::read(&pair.runs[1].run, (choice, &rows), device, observer)?,
    ];
    let first = first_maps(pair, [&a, &b]);
    b.move_onto(&a, &pair.spaces)?;
    b.renumber(&pair.numbers_of_second);
    a.rename(SIDES[0], &pair.names[0]);
    b.rename(SIDES[1], &pair.names[1]);
    let scored = if rows.test.is_empty() { &rows.train } else { &rows.test };
    let columns = answers.columns(pair).iter().map(|column| column.select(scored)).collect();
    let mut missing = [a.missing, b.missing].concat();
    missing.dedup();
    let mut methods = a.methods;
    let others = b.methods.into_iter();
    let new: Vec<Method> =
        others.filter(|method| !methods.iter().any(|known| known.id == method.id)).collect();
    methods.extend(new);
    Ok(Page {
        points: Points {
            // Answers and measures of one run stand for one network; here there are two.
            predictions: None,
            confidence: None,
            measures: Vec::new(),
            columns,
            ..a.points
        },
        classes: pair.class_names.clone(),
        n_neighbors: a.n_neighbors,
        spaces: [a.spaces, b.spaces].concat(),
        methods,
        maps: [a.maps, b.maps].concat(),
        pictures: a.images.or(b.images),
        first,
        warnings: [a.warnings, b.warnings].concat(),
        missing,
        ..Page::default()
    })
}

/// The points that are shown: those that the runs scored, or some of them.
fn shown(run: &FinishedRun) -> (ReportPoints, Rows) {
    let (choice, [n_train, n_test]) = match run.scored_on() {
        ScoredOn::Test => (ReportPoints::Test, [0, run.n_test]),
        ScoredOn::TrainLeaveOneOut => (ReportPoints::Train, [run.n_train, 0]),
    };
    let choice =
        if run.n_scored() > MOST_POINTS { ReportPoints::Number(MOST_POINTS) } else { choice };
    (choice, choice.rows(n_train, n_test, run.manifest.seed))
}

/// The maps that are seen first, side by side: of each run that of its last space by the method that
/// is shown first of those that both have.
fn first_maps(pair: &Pair<'_>, sides: [&Side; 2]) -> Vec<(String, String)> {
    let rank = |method: &&String| display_rank(method).unwrap_or(usize::MAX);
    let Some(method) = pair.methods.iter().min_by_key(rank) else { return Vec::new() };
    let maps = sides.iter().zip(SIDES).filter_map(|(side, name)| {
        let map = side.maps.iter().rfind(|map| map.method == *method)?;
        Some((id(name, &map.space), map.method.clone()))
    });
    maps.collect()
}
