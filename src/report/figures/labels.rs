//! Places class names on a map, among the points of their class and not on top of each other.

use super::canvas::Point;
use super::font::text_width;
use crate::matrix::Matrix;
use std::collections::BTreeMap;

/// A class name on the map.
#[derive(Clone, Copy, Debug)]
pub(super) struct Label {
    /// The class.
    pub(super) class: usize,
    /// Middle of the text.
    pub(super) at: Point,
}

/// The middle of each class, `None` for one without points; points of no class count for none: its median in both coordinates. Where
/// few of its points lie around that, as between two groups, the place where they lie densest.
pub(super) fn middles(
    embedding: &Matrix,
    classes: impl Iterator<Item = Option<usize>>,
    n_classes: usize,
) -> Vec<Option<Point>> {
    let mut members: Vec<Vec<[f32; 2]>> = vec![Vec::new(); n_classes];
    for (row, class) in embedding.rows().zip(classes) {
        if let Some(class) = class {
            members[class].push([row[0], row[1]]);
        }
    }
    let cells = Cells::of(embedding);
    let middle = |points: &Vec<[f32; 2]>| {
        let axis = |at: usize| median(points.iter().map(|point| point[at]).collect());
        Some(cells.among((axis(0)?, axis(1)?), points))
    };
    members.iter().map(middle).collect()
}

/// Square cells in which points are counted, 32 along the wider side of a map.
struct Cells {
    low: [f32; 2],
    side: f32,
}

impl Cells {
    fn of(embedding: &Matrix) -> Self {
        let ends = |axis: usize| {
            embedding.rows().fold([f32::INFINITY, f32::NEG_INFINITY], |[low, high], row| {
                [low.min(row[axis]), high.max(row[axis])]
            })
        };
        let [x, y] = [ends(0), ends(1)];
        let width = (x[1] - x[0]).max(y[1] - y[0]);
        Self { low: [x[0], y[0]], side: if width > 0.0 { width / 32.0 } else { 1.0 } }
    }

    fn at(&self, [x, y]: [f32; 2]) -> [i32; 2] {
        [(x - self.low[0]) / self.side, (y - self.low[1]) / self.side].map(|cell| cell as i32)
    }

    /// `median`, if at least half as many of the `points` lie around it as where they lie densest;
    /// else the mean of those. Around: in the same cell or one that touches it.
    fn among(&self, median: Point, points: &[[f32; 2]]) -> Point {
        let mut sums: BTreeMap<[i32; 2], [f64; 3]> = BTreeMap::new();
        for &[x, y] in points {
            let sum = sums.entry(self.at([x, y])).or_default();
            for (total, value) in sum.iter_mut().zip([1.0, f64::from(x), f64::from(y)]) {
                *total += value;
            }
        }
        let around = |[column, row]: [i32; 2]| {
            let near = (-1..=1).flat_map(|dy| (-1..=1).map(move |dx| [column + dx, row + dy]));
            near.filter_map(|cell| sums.get(&cell))
                .fold([0.0; 3], |sum, cell| std::array::from_fn(|at| sum[at] + cell[at]))
        };
        let densest = sums.keys().map(|&cell| around(cell)).reduce(|best, found| {
            // The first of equal ones.
            if found[0] > best[0] { found } else { best }
        });
        let near = around(self.at([median.0 as f32, median.1 as f32]));
        match densest {
            Some([n, x, y]) if 2.0 * near[0] < n => (x / n, y / n),
            _ => median,
        }
    }
}

/// The median, the upper of two; none of nothing.
fn median(mut values: Vec<f32>) -> Option<f64> {
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
    fn an_empty_class_has_no_middle() {
        let embedding = Matrix::new(vec![0.0, 5.0, 1.0, 6.0, 9.0, 7.0], 3, 2).unwrap();
        assert_eq!(middles(&embedding, [Some(1); 3].into_iter(), 2), [None, Some((1.0, 6.0))]);
    }

    #[test]
    fn the_name_of_scattered_groups_stands_in_the_largest() {
        // The medians of the first three groups meet at (10, 10), where there are no points.
        let groups = [(40, 0.0, 10.0), (40, 10.0, 0.0), (41, 20.0, 20.0), (9, 15.0, 5.0)];
        let group =
            |(n, x, y): (usize, f32, f32)| (0..n).flat_map(move |at| [x, y + at as f32 / 64.0]);
        let embedding = Matrix::new(groups.into_iter().flat_map(group).collect(), 130, 2).unwrap();
        let classes = (0..130).map(|at| Some(usize::from(at >= 121)));
        let expected = [Some((20.0, 20.3125)), Some((15.0, 5.0625))];
        assert_eq!(middles(&embedding, classes, 2), expected);
    }
}
