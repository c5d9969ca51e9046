//! The tables of values on the page of a comparison.

use super::pair::Pair;
use crate::error::Result;
use crate::evaluation::{
    ComparedValue, Comparison, Confusion, Interval, MapId, PairRow, space_title,
};
use crate::format::{capital, thousands};
use crate::record::N_COMPONENTS;
use crate::report::compare_table::how;
use crate::report::figures::NAMED;
use crate::report::page::{Block, Cell, Table, Tabs};
use crate::report::quality_table::grouped;

/// Accuracies of both runs in every space and map that both have.
pub(super) fn accuracies(comparison: &Comparison) -> Table {
    let by_space = grouped(&comparison.accuracies, |row| row.space.as_deref().unwrap_or_default());
    let rows = by_space.into_iter().map(|row| {
        let (space, map) = match &row.space {
            None => ("network".to_owned(), String::new()),
            Some(space) => {
                let id = MapId::new(space, row.method.as_deref(), N_COMPONENTS);
                (id.space_title(), id.title())
            }
        };
        [space, map].map(Cell::from).into_iter().chain(cells(&row.value, 1.0)).collect()
    });
    let [a, b] = &comparison.names;
    let difference = format!("{a} - {b}");
    let header = ["space", "map", a, b, &difference, "interval of the difference"];
    let caption = format!("Accuracy: {}", how(comparison));
    let table = Table::new(caption, &header, rows.collect::<Vec<Vec<Cell>>>());
    Table { is_grouped: true, ..table }
}

/// Share of each class that the networks get right, the largest differences first; none if the
/// answers of one are not known.
pub(super) fn class_accuracies(pair: &Pair<'_>) -> Result<Option<Table>> {
    let [a, b] = pair.runs;
    let (Some(of_a), Some(of_b)) = (&a.network, &b.network) else { return Ok(None) };
    let mut rows: Vec<(&String, [Option<f64>; 2])> =
        pair.class_names.iter().map(|name| (name, [None; 2])).collect();
    let of_a = Confusion::new(&a.labels, of_a, a.class_names.len())?.per_class();
    let of_b = Confusion::new(&b.labels, of_b, b.class_names.len())?.per_class();
    rows.iter_mut().zip(of_a).for_each(|((_, values), share)| values[0] = share);
    for (share, &class) in of_b.into_iter().zip(&pair.numbers_of_second) {
        rows[usize::from(class)].1[1] = share;
    }
    let difference = |[a, b]: [Option<f64>; 2]| Some(a? - b?);
    let size = |values| difference(values).map_or(0.0, f64::abs);
    rows.sort_by(|(_, x), (_, y)| size(*y).total_cmp(&size(*x)));
    let n = rows.len();
    rows.truncate(NAMED);
    let which = match rows.len() < n {
        true => format!("; the {} of {} classes that differ most", rows.len(), thousands(n)),
        false => String::new(),
    };
    let row = |(name, values): (&String, [Option<f64>; 2])| {
        let difference = difference(values).map_or_else(String::new, |it| format!("{it:+.4}"));
        vec![
            Cell::from(name.as_str()),
            cell(values[0], 1.0),
            cell(values[1], 1.0),
            difference.into(),
        ]
    };
    let [a, b] = &pair.names;
    let difference = format!("{a} - {b}");
    let caption = format!("Share of each class that the networks get right{which}");
    let rows: Vec<Vec<Cell>> = rows.into_iter().map(row).collect();
    Ok(Some(Table::new(caption, &["class", a, b, &difference], rows)))
}

/// Confused pairs of classes: a tab for each classifier. The network's is open at first; if its answers
/// are not known, that of the last space. None if no pair is known.
pub(super) fn pairs(comparison: &Comparison) -> Option<Tabs> {
    let mut spaces: Vec<Option<&str>> =
        comparison.pairs.iter().map(|row| row.space.as_deref()).collect();
    spaces.dedup();
    let last = spaces.len().checked_sub(1)?;
    let shown = spaces.iter().position(Option::is_none).unwrap_or(last);
    let [a, b] = &comparison.names;
    let difference = format!("{a} - {b}");
    let shares = comparison.pairs.iter().flat_map(|row| [row.value.a, row.value.b]).flatten();
    let most = shares.map(|share| share.value).fold(0.0, f64::max);
    let tab = |space: &Option<&str>| {
        let rows = comparison.pairs.iter().filter(|row| row.space.as_deref() == *space);
        let row = |PairRow { classes: [class, other], value, .. }: &PairRow| {
            std::iter::once(format!("{class} and {other}").into())
                .chain(cells(value, most))
                .collect()
        };
        let caption = "Pairs that are confused most: share of the points of both classes";
        let header = ["classes", a, b, &difference, "interval of the difference"];
        let table = Table::new(caption, &header, rows.map(row).collect::<Vec<Vec<Cell>>>());
        let title = space.map_or("Network".into(), |space| capital(&space_title(space)));
        (title, vec![Block::Table(table)])
    };
    Some(Tabs { label: "Classifier".into(), shown, tabs: spaces.iter().map(tab).collect() })
}

/// A share with a bar, whose whole length is `most`, or a dash.
fn cell(share: Option<f64>, most: f64) -> Cell {
    let text = share.map_or_else(|| "–".into(), |share| format!("{share:.4}"));
    Cell { bar: share.filter(|_| most > 0.0).map(|share| share / most), ..Cell::from(text) }
}

/// Both values, their difference and its interval.
fn cells(value: &ComparedValue, most: f64) -> [Cell; 4] {
    let ComparedValue { a, b, difference } = *value;
    let interval = difference.and_then(|difference| difference.interval);
    let interval =
        interval.map_or(String::new(), |Interval { low, high }| format!("{low:+.4} to {high:+.4}"));
    let difference = difference.map_or_else(String::new, |it| format!("{:+.4}", it.value));
    let [a, b] = [a, b].map(|estimate| cell(estimate.map(|estimate| estimate.value), most));
    [a, b, difference.into(), interval.into()]
}
