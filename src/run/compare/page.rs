//! The page of a comparison. Of runs that scored the same points it shows the maps of both side by
//! side, and which run is right about which point; of others, tables and figures alone.

use super::answers::Answers;
use super::pair::Pair;
use super::sections::{of_comparison, origin};
use super::space_pair::SpacePair;
use crate::compute::Device;
use crate::embedding::procrustes::Motion;
use crate::embedding::{self, display_rank};
use crate::error::Result;
use crate::evaluation::{Comparison, ScoredOn};
use crate::progress::Observer;
use crate::record::{Artifact, FinishedRun, ReportPoints};
use crate::report::page::{self, Map, Method, Page, Points, Space};
use crate::run::page::{MOST_POINTS, SelectedPoints, notes, without_the_device};
use crate::run::session::Session;

/// Names of the runs in addresses: before the names of their spaces.
const SIDES: [&str; 2] = ["a", "b"];

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
    let mut sections = of_comparison(record, pair, comparison)?;
    sections.push(notes(&warnings, &explored.missing));
    sections.extend(origin(record));
    let name = format!("{} and {}", pair.names[0], pair.names[1]);
    let page = Page { name, sections, warnings, ..explored };
    page::write(&page, &record.below(Artifact::Report)?)?;
    record.list(Artifact::Report, None, None);
    Ok(())
}

/// One run's part of the explorer.
struct Side {
    spaces: Vec<Space>,
    methods: Vec<Method>,
    maps: Vec<Map>,
    n_neighbors: usize,
}

impl Side {
    fn read(
        selected: &mut SelectedPoints<'_>,
        device: &Device,
        observer: &dyn Observer,
    ) -> Result<Self> {
        let maps = selected.maps()?;
        let spaces = selected.spaces(device, observer)?;
        let (methods, n_neighbors) = (selected.methods(), selected.n_neighbors());
        Ok(Self { spaces, methods, maps, n_neighbors })
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

    /// Puts the run's name before its spaces.
    fn rename(&mut self, side: &str, name: &str) {
        for space in &mut self.spaces {
            space.id = id(side, &space.id);
            space.title = format!("{name}: {}", space.title);
        }
        self.maps.iter_mut().for_each(|map| map.space = id(side, &map.space));
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
    let seed = pair.runs[0].run.manifest.seed;
    let [mut of_a, mut of_b] = pair.runs.map(|run| scored_points(&run.run, seed));
    let points = of_a.points(&pair.class_names)?;
    let images = match of_a.pictures()? {
        Some(images) => Some(images),
        None => of_b.pictures()?,
    };
    let mut a = Side::read(&mut of_a, device, observer)?;
    let mut b = Side::read(&mut of_b, device, observer)?;
    let first = first_maps(pair, [&a, &b]);
    b.move_onto(&a, &pair.spaces)?;
    b.renumber(&pair.numbers_of_second);
    a.rename(SIDES[0], &pair.names[0]);
    b.rename(SIDES[1], &pair.names[1]);
    let columns = answers.columns(pair);
    let scored = if of_a.rows.test.is_empty() { &of_a.rows.train } else { &of_a.rows.test };
    let columns = columns.iter().map(|column| column.select(scored)).collect();
    let (mut warnings, mut missing) = (Vec::new(), Vec::new());
    for ((mut of_run, run), name) in [of_a, of_b].into_iter().zip(pair.runs).zip(&pair.names) {
        without_the_device(&mut of_run.warnings, &run.run.manifest.device);
        of_run.missing.dedup();
        let named = |sentence: String| format!("{name}: {sentence}");
        warnings.extend(of_run.warnings.into_iter().map(named));
        missing.extend(of_run.missing.into_iter().map(named));
    }
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
            ..points
        },
        classes: pair.class_names.clone(),
        n_neighbors: a.n_neighbors,
        spaces: [a.spaces, b.spaces].concat(),
        methods,
        maps: [a.maps, b.maps].concat(),
        pictures: images,
        first,
        warnings,
        missing,
        ..Page::default()
    })
}

/// The points that a run scored, or some of them, drawn by the seed: the same of both runs.
fn scored_points(run: &FinishedRun, seed: u64) -> SelectedPoints<'_> {
    let (all, [n_train, n_test]) = match run.scored_on() {
        ScoredOn::Test => (ReportPoints::Test, [0, run.n_test]),
        ScoredOn::TrainLeaveOneOut => (ReportPoints::Train, [run.n_train, 0]),
    };
    let choice = match run.n_scored() {
        0..=MOST_POINTS => all,
        _ => ReportPoints::Number(MOST_POINTS),
    };
    SelectedPoints::of_rows(run, choice, choice.rows(n_train, n_test, seed))
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
