//! The points to look at: labels in doubt, near duplicates, points far from all
//! others.

use super::figures::{LARGEST_DRAWN, write};
use super::profile::{Profiled, Whole};
use crate::dataset::Images;
use crate::error::Result;
use crate::model::RAW;
use crate::profile::{
    LabelIssue, LinearProbe, Listed, Look, N_FOLDS, OutOfSample, Outcome, Probabilities,
    ProbedLayer, Rule, Sources, label_issues, look_at, odd,
};
use crate::progress::Observer;
use crate::record::{Artifact, RunFolder};
use crate::report::look_at::{self as look_at_list, LookRow};
use crate::run::layers::Part;
use crate::run::session::Session;

/// Points of the list that the page shows.
const LISTED: usize = 30;
/// Points of the list that the figure shows.
const PICTURED: usize = 24;

/// The list of points to look at, and what could not be looked for.
pub(super) struct Looks {
    pub(super) list: Vec<Look>,
    pub(super) missing: Vec<String>,
}

impl<'a> Whole<'a> {
    /// Looks for them.
    pub(super) fn looks(
        &self,
        session: &mut Session<'_>,
        observer: &dyn Observer,
    ) -> Result<Looks> {
        let mut missing = Vec::new();
        let Some((last, points)) = self.last() else {
            return Ok(Looks { list: Vec::new(), missing });
        };
        let train = self.issues_of_training(session, last, observer)?;
        let train = or_missing(train, "labels of training points", &mut missing);
        let duplicates = or_missing(self.duplicates(), "near duplicates", &mut missing);
        if points.is_none() {
            missing.push(format!("outliers: the neighbours in {} were not found", last.name));
        }
        let distances = points.map(|points| &points.mean_distances[..]).unwrap_or_default();
        let outliers = odd::outliers(distances);
        let typicality = odd::typicality(distances);
        let scored = Sources {
            part: "test",
            labels: &[],
            duplicates: &duplicates,
            outliers: &outliers,
            typicality: &typicality,
        };
        let list = match &self.layers.test {
            None => look_at(&[Sources { part: "train", labels: &train, ..scored }]),
            Some(test) => {
                let issues = match &test.probabilities {
                    None => Outcome::Unknown("no probabilities are known".into()),
                    Some(rows) => Outcome::Known(label_issues(
                        &Probabilities::of_network(rows),
                        &test.labels,
                        Rule::default(),
                    )?),
                };
                let issues = or_missing(issues, "labels of test points", &mut missing);
                let of_train = Sources { part: "train", labels: &train, ..Sources::default() };
                look_at(&[Sources { labels: &issues, ..scored }, of_train])
            }
        };
        Ok(Looks { list, missing })
    }

    /// Labels of training points by probes of the last layer that did not see them.
    fn issues_of_training(
        &self,
        session: &mut Session<'_>,
        last: &Profiled<'_>,
        observer: &dyn Observer,
    ) -> Result<Outcome<Vec<LabelIssue>>> {
        let labels = &self.layers.train.labels;
        let seed = session.record.manifest.seed;
        let (n, d) = (last.train.n_samples(), last.train.n_features());
        let probe = LinearProbe::within_bounds(n, d, self.layers.class_names.len());
        let found = ProbedLayer::new(session.device, last.train).and_then(|layer| {
            probe.out_of_sample(session.device, &layer, labels, N_FOLDS, seed, observer)
        });
        if let Ok(OutOfSample { is_converged: false, .. }) = &found {
            session.record.warn(format!(
                "the probes of {} by which labels of training points are judged did not reach \
                 their tolerance in {} steps: they are less sure than they could be",
                last.name, probe.max_iter
            ));
        }
        let judged =
            |found: OutOfSample| label_issues(&found.probabilities, labels, Rule::default());
        Outcome::of(found.and_then(judged))
    }

    /// Near duplicates of the scored points among the training points, by the raw input.
    fn duplicates(&self) -> Outcome<Vec<odd::Duplicate>> {
        match (self.spaces.first(), self.points.first()) {
            (Some(Profiled { name: RAW, .. }), Some(Some(points))) => {
                Outcome::Known(odd::duplicates(&points.nearest, &points.nearest_distances))
            }
            (Some(Profiled { name: RAW, .. }), _) => {
                Outcome::Unknown("the neighbours in the raw input were not found".into())
            }
            _ => Outcome::Unknown("there is no raw input".into()),
        }
    }

    /// The first scored points of the list, which the page shows.
    pub(super) fn listed(&self, looks: &[Look]) -> Vec<Listed> {
        let scored = looks.iter().filter(|look| self.is_scored(look)).take(LISTED);
        scored.map(|look| self.with_classes(look)).collect()
    }

    fn with_classes(&self, look: &Look) -> Listed {
        let part = self.part_of(look);
        Listed {
            look: look.clone(),
            label: part.labels[look.row],
            answer: part.predictions.as_ref().map(|answers| answers[look.row]),
        }
    }

    /// The part of the data that a point of the list belongs to.
    fn part_of(&self, look: &Look) -> &'a Part {
        if self.is_scored(look) { self.layers.scored() } else { &self.layers.train }
    }

    /// Draws the first points of the list of which there are images, if there are any.
    pub(super) fn picture_looks(&self, record: &mut RunFolder, looks: &[Look]) -> Result<()> {
        let (mut listed, mut images) = (Vec::new(), None::<Images>);
        let pictured =
            looks.iter().filter_map(|look| Some((look, self.part_of(look).images.as_ref()?)));
        for (look, of_part) in pictured.take(PICTURED) {
            let image = of_part.select(&[look.row]).within(LARGEST_DRAWN).into_owned();
            images = Some(match images {
                None => image,
                Some(before) => before.followed_by(image)?,
            });
            listed.push(self.with_classes(look));
        }
        let Some(images) = images else { return Ok(()) };
        let figure = look_at_list::figure(&listed, &images, &self.layers.class_names);
        write(record, "look_at", &figure)
    }

    fn is_scored(&self, look: &Look) -> bool {
        self.layers.test.is_none() || look.part == "test"
    }

    /// Writes the list, with what the last layer says of its scored points.
    pub(super) fn write_looks(
        &self,
        record: &mut RunFolder,
        looks: &[Look],
        depths: Option<&Vec<usize>>,
    ) -> Result<()> {
        let points = self.last().and_then(|(_, points)| points);
        let row = |look| {
            let look: &Look = look;
            let is_scored = self.is_scored(look);
            let Listed { label, answer, .. } = self.with_classes(look);
            let points = points.filter(|_| is_scored);
            LookRow {
                look,
                label,
                answer,
                own_label_share: points.map(|points| points.own_label_shares[look.row]),
                prediction_depth: depths.filter(|_| is_scored).map(|depths| depths[look.row]),
            }
        };
        let rows: Vec<LookRow<'_>> = looks.iter().map(row).collect();
        let file = Artifact::Scores(look_at_list::LOOK_AT);
        let path = record.below(file)?;
        let folder = path.parent().unwrap_or(&path);
        look_at_list::write_csv(folder, &rows, &self.layers.class_names)?;
        record.list(file, None, None);
        Ok(())
    }
}

/// What was found; of what was not, the reason goes to `missing`.
fn or_missing<T>(found: Outcome<Vec<T>>, what: &str, missing: &mut Vec<String>) -> Vec<T> {
    match found {
        Outcome::Known(found) => found,
        Outcome::Unknown(reason) => {
            missing.push(format!("{what}: {reason}"));
            Vec::new()
        }
    }
}
