//! Places class names on a map, at the middle of their class and not on top of each other.

use super::canvas::Point;
use super::font::text_width;
use crate::matrix::Matrix;

/// A class name on the map.
#[derive(Clone, Copy, Debug)]
pub(super) struct Label {
    /// The class.
    pub(super) class: usize,
    /// Middle of the text.
    pub(super) at: Point,
}

/// The median of each class in both coordinates, `None` for a class without points.
pub(super) fn medians(embedding: &Matrix, labels: &[u16], n_classes: usize) -> Vec<Option<Point>> {
    let mut members = vec![[Vec::new(), Vec::new()]; n_classes];
    for (row, &label) in embedding.rows().zip(labels) {
        members[usize::from(label)][0].push(row[0]);
        members[usize::from(label)][1].push(row[1]);
    }
    members.into_iter().map(|[x, y]| Some((median(x)?, median(y)?))).collect()
}

/// The median, the upper of two; none of nothing.
pub(super) fn median(mut values: Vec<f32>) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let middle = values.len() / 2;
    Some(f64::from(*values.select_nth_unstable_by(middle, f32::total_cmp).1))
}

/// Names of the classes that have a place in `wanted`, moved as little as a coarse grid of tries
/// allows until none overlaps an earlier one; one that finds no such place is left out. All stay
/// inside the box with the given upper left `corner` and `extent`.
pub(super) fn place(
    wanted: &[Option<Point>],
    names: &[String],
    size: f64,
    corner: Point,
    extent: (f64, f64),
) -> Vec<Label> {
    let offsets = offsets(size);
    let mut placed: Vec<(Point, Point, usize)> = Vec::new();
    for (class, (middle, name)) in wanted.iter().zip(names).enumerate() {
        let Some(middle) = *middle else { continue };
        let half = (text_width(name, size) / 2.0 + 3.0, size * 0.56);
        let at = |(dx, dy): Point| {
            let x = keep_inside(middle.0 + dx, corner.0, extent.0, half.0);
            (x, keep_inside(middle.1 + dy, corner.1, extent.1, half.1))
        };
        let free = |at: &Point| {
            placed.iter().all(|(other, taken, _)| {
                (at.0 - other.0).abs() >= half.0 + taken.0
                    || (at.1 - other.1).abs() >= half.1 + taken.1
            })
        };
        if let Some(place) = offsets.iter().map(|&offset| at(offset)).find(free) {
            placed.push((place, half, class));
        }
    }
    placed.into_iter().map(|(at, _, class)| Label { class, at }).collect()
}

/// The middle nearest to `at` of something that reaches `half` to either side and stays between
/// `low` and `low + length`; the middle of that span if it is too short.
fn keep_inside(at: f64, low: f64, length: f64, half: f64) -> f64 {
    if 2.0 * half > length { low + length / 2.0 } else { at.clamp(low + half, low + length - half) }
}

/// Moves to try, the shortest first.
fn offsets(size: f64) -> Vec<Point> {
    let mut steps: Vec<(i32, i32)> =
        (-12..=12).flat_map(|dx| (-12..=12).map(move |dy| (dx, dy))).collect();
    steps.sort_by_key(|&(dx, dy)| (dx * dx + dy * dy, dy, dx));
    steps
        .into_iter()
        .map(|(dx, dy)| (f64::from(dx) * size * 0.4, f64::from(dy) * size * 0.4))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_on_one_spot_are_spread() {
        let names: Vec<String> = ["Coat", "Pullover", "Shirt", "Bag"].map(String::from).to_vec();
        let wanted = [Some((50.0, 50.0)), Some((50.0, 50.0)), None, Some((0.0, 0.0))];
        let labels = place(&wanted, &names, 20.0, (0.0, 0.0), (400.0, 400.0));
        assert_eq!(labels.iter().map(|label| label.class).collect::<Vec<_>>(), [0, 1, 3]);
        assert_eq!(labels[0].at, (50.0, 50.0));
        assert!((labels[1].at.1 - 50.0).abs() >= 20.0);
        assert!(labels[2].at.0 > 10.0 && labels[2].at.1 > 10.0);
    }

    #[test]
    fn names_that_find_no_place_are_left_out() {
        let names = vec!["Ankle boot".to_owned(); 400];
        let wanted = vec![Some((50.0, 50.0)); 400];
        let labels = place(&wanted, &names, 20.0, (0.0, 0.0), (200.0, 100.0));
        assert!((2..20).contains(&labels.len()), "{}", labels.len());
        for (at, label) in labels.iter().enumerate() {
            for other in &labels[..at] {
                let apart = [label.at.0 - other.at.0, label.at.1 - other.at.1].map(f64::abs);
                assert!(apart[0] >= 60.0 || apart[1] >= 20.0, "{label:?} {other:?}");
            }
        }
    }

    #[test]
    fn an_empty_class_has_no_median() {
        let embedding = Matrix::new(vec![0.0, 5.0, 1.0, 6.0, 9.0, 7.0], 3, 2).unwrap();
        assert_eq!(medians(&embedding, &[1, 1, 1], 2), [None, Some((1.0, 6.0))]);
    }
}
