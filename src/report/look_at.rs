//! The points to look at: as CSV in full, as a figure of the first images, on the page as a list that
//! leads to their cards.

use super::csv_file::{optional, write};
use super::figures::{Captioned, CaptionedImage, PictureSize};
use super::insights_table::name;
use super::page::{ListedPoint, Table};
use crate::dataset::Images;
use crate::error::Result;
use crate::profile::{Listed, Look, Profile, Reason};
use std::path::Path;

/// Name of the list's file.
pub const LOOK_AT: &str = "look_at.csv";

/// Images in a row of the figure.
const COLUMNS: usize = 6;

/// The caption of a point: its label; the class that is more likely or, where none is, the network's
/// answer, if it is known; where it is; why it is on the list, a line each.
fn caption(listed: &Listed, class_names: &[String]) -> Vec<String> {
    let look = &listed.look;
    let class = |class: u16| name(class_names, usize::from(class));
    let other = match (look.suggested, listed.answer) {
        (Some(suggested), _) => Some(format!("more likely: {}", class(suggested))),
        (None, answer) => answer.map(|answer| format!("network: {}", class(answer))),
    };
    let reason = |reason: &Reason| match (reason, look.duplicate_of) {
        (Reason::Label, _) => "label in doubt".to_owned(),
        (Reason::Duplicate, Some(row)) => format!("duplicate of train {row}"),
        (Reason::Duplicate | Reason::Outlier, _) => reason.key().to_owned(),
    };
    let label = format!("label: {}", class(listed.label));
    let place = format!("{} {}", look.part, look.row);
    let lines = [Some(label), other, Some(place)].into_iter().flatten();
    lines.chain(look.reasons.iter().map(reason)).collect()
}

/// Figure of the `listed` points, one image each, in rows of six.
pub fn figure<'a>(listed: &[Listed], images: &'a Images, class_names: &[String]) -> Captioned<'a> {
    let image = |(at, listed): (usize, &Listed)| CaptionedImage {
        pixels: images.image(at),
        lines: caption(listed, class_names),
    };
    Captioned {
        title: format!("The first {} points to look at", listed.len()),
        images: listed.iter().enumerate().map(image).collect(),
        pictures: PictureSize::of(images),
        columns: COLUMNS,
    }
}

/// The first scored points of the list for the page, of whose points `is_shown` knows the parts and
/// rows.
pub fn page_points(
    profile: &Profile,
    class_names: &[String],
    is_shown: impl Fn(&str, usize) -> bool,
) -> Vec<ListedPoint> {
    let point = |listed: &Listed| ListedPoint {
        part: listed.look.part.clone(),
        row: listed.look.row,
        is_shown: is_shown(&listed.look.part, listed.look.row),
        lines: caption(listed, class_names),
    };
    profile.first_to_look_at.iter().map(point).collect()
}

/// Table of the page: how many points are on the list, by reason.
pub fn page_counts(profile: &Profile) -> Option<Table> {
    let rows = profile.look_at.iter().filter(|(_, count)| *count > 0);
    let rows: Vec<Vec<String>> =
        rows.map(|(reason, count)| vec![reason.words().to_owned(), count.to_string()]).collect();
    let caption = format!(
        "Points to look at; scores/{LOOK_AT} lists them. A label is in doubt where the network, or a \
         probe, is confident of another class: of a weak network most of these labels are right"
    );
    (!rows.is_empty()).then(|| Table::new(caption, &["why", "points"], rows))
}

/// A point of the list, with what the run says of it.
#[derive(Clone, Debug)]
pub struct LookRow<'a> {
    /// Why it is on the list.
    pub look: &'a Look,
    /// Its label.
    pub label: u16,
    /// Answer of the network, if it is known.
    pub answer: Option<u16>,
    /// Share of its neighbours in the last layer that have its label, if it was scored.
    pub own_label_share: Option<f64>,
    /// Layer from which on it is decided, if it was scored.
    pub prediction_depth: Option<usize>,
}

/// Writes the list of the points to look at into `folder`.
///
/// # Errors
/// [`Error::Write`](crate::Error::Write).
pub fn write_csv(folder: &Path, rows: &[LookRow<'_>], class_names: &[String]) -> Result<()> {
    let header = [
        "rank",
        "part",
        "row",
        "reasons",
        "label",
        "network",
        "suggested",
        "self_confidence",
        "duplicate_of_train_row",
        "typicality",
        "own_label_share",
        "prediction_depth",
    ];
    let class = |class: Option<u16>| {
        class.map_or(String::new(), |class| name(class_names, usize::from(class)))
    };
    let whole = |value: Option<usize>| value.map_or(String::new(), |value| value.to_string());
    let row = |(rank, row): (usize, &LookRow<'_>)| {
        let look = row.look;
        let reasons: Vec<&str> = look.reasons.iter().map(|reason: &Reason| reason.key()).collect();
        vec![
            rank.to_string(),
            look.part.clone(),
            look.row.to_string(),
            reasons.join(";"),
            class(Some(row.label)),
            class(row.answer),
            class(look.suggested),
            optional(look.self_confidence),
            whole(look.duplicate_of),
            optional(look.typicality),
            optional(row.own_label_share),
            whole(row.prediction_depth),
        ]
    };
    write(&folder.join(LOOK_AT), header, (1..).zip(rows).map(row))
}
