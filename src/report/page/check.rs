//! Parts of a page that do not fit each other are refused.

use super::{Page, Space};
use crate::dataset::{Column, Images};
use crate::error::{Error, Result};

/// Refuses another number of values than expected, in a page of `n` points.
fn fits(n: usize, what: &str, found: usize, expected: usize) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Error::Data(format!("a page of {n} points has {found} {what}, expected {expected}")))
}

/// Checks that a space fits the points and the classes.
fn check_space(page: &Page, space: &Space) -> Result<()> {
    let n = page.points.n();
    if let Some(answers) = &space.probe {
        fits(n, &format!("answers of the probe of {}", space.id), answers.classes.len(), n)?;
        let known = page.classes.len();
        if let Some(class) = answers.classes.iter().find(|&&class| usize::from(class) >= known) {
            return Err(Error::Data(format!(
                "the probe of {} says {class}; there are {known} classes, from 0",
                space.id
            )));
        }
    }
    let Some(neighbors) = &space.neighbors else { return Ok(()) };
    fits(n, &format!("neighbours in {}", space.id), neighbors.len(), n * page.n_neighbors)?;
    if let Some(id) = neighbors.iter().find(|&&id| id as usize >= n) {
        return Err(Error::Data(format!(
            "a page of {n} points has the neighbour {id} in {}",
            space.id
        )));
    }
    Ok(())
}

/// Checks that a column of metadata fits the `n` points of a page.
fn check_column(n: usize, column: &Column) -> Result<()> {
    fits(n, &format!("values of `{}`", column.name), column.codes.len(), n)?;
    match column.codes.iter().any(|&code| code as usize >= column.values.len()) {
        true => Err(Error::Data(format!("the column `{}` has unknown values", column.name))),
        false => Ok(()),
    }
}

/// Checks that the maps that are seen first are maps of the page, at most two.
fn check_first(page: &Page) -> Result<()> {
    if page.first.len() > 2 {
        return Err(Error::Data(format!(
            "a page shows {} maps first, at most 2",
            page.first.len()
        )));
    }
    let is_map = |(space, method): &(String, String)| {
        page.maps.iter().any(|map| map.space == *space && map.method == *method)
    };
    if let Some((space, method)) = page.first.iter().find(|first| !is_map(first)) {
        let message = format!("a page shows {space} by {method} first, of which it has no map");
        return Err(Error::Data(message));
    }
    Ok(())
}

/// Checks that the parts of a page fit each other.
pub(super) fn check(page: &Page) -> Result<()> {
    let points = &page.points;
    let n = page.points.n();
    let fits = |what: &str, found: usize, expected: usize| fits(n, what, found, expected);
    let is_empty = n == 0 && page.maps.is_empty() && page.epochs.is_empty();
    if (n == 0 && !is_empty) || n > points.of {
        return Err(Error::Data(format!(
            "a page of maps shows at least one point; there are {n} of {}",
            points.of
        )));
    }
    fits("rows", points.rows.as_ref().map_or(n, Vec::len), n)?;
    fits("confidences", points.confidence.as_ref().map_or(n, Vec::len), n)?;
    for measure in &points.measures {
        fits(measure.title, measure.values.len(), n)?;
    }
    points.columns.iter().try_for_each(|column| check_column(n, column))?;
    for (what, classes) in [("labels", &points.labels), ("predictions", &points.predictions)] {
        let Some(classes) = classes else { continue };
        fits(what, classes.len(), n)?;
        if let Some(at) = classes.iter().position(|&class| usize::from(class) >= page.classes.len())
        {
            let class = classes[at];
            let known = page.classes.len();
            return Err(Error::Data(format!(
                "point {at} of a page has the class {class}; there are {known} classes, from 0"
            )));
        }
    }
    page.spaces.iter().try_for_each(|space| check_space(page, space))?;
    let maps = page.maps.iter().map(|map| (&map.space, &map.method, &map.coordinates, 1));
    for (space, method, coordinates, frames) in maps
        .chain(page.epochs.iter().map(|e| (&e.space, &e.method, &e.coordinates, e.epochs.len())))
    {
        let what = format!("of {space} by {method}");
        fits(&format!("coordinates {what}"), coordinates.n_samples(), n)?;
        fits(&format!("columns of coordinates {what}"), coordinates.n_features(), 2 * frames)?;
        if !page.spaces.iter().any(|known| known.id == *space)
            || !page.methods.iter().any(|known| known.id == *method)
        {
            return Err(Error::Data(format!("a page has a map {what}, which it does not list")));
        }
    }
    check_first(page)?;
    for (entry, values) in page
        .epochs
        .iter()
        .flat_map(|entry| entry.metrics.iter().map(move |(_, values)| (entry, values)))
    {
        fits("values of a measure", values.len(), entry.epochs.len())?;
    }
    fits("pictures", page.pictures.as_ref().map_or(n, Images::n), n)
}
