//! The classes that a figure names and colours: all, or of very many the largest.

use super::canvas::Color;
use super::color;

/// Colour of the others, lighter than every colour of a class.
pub(super) const OTHERS: Color = Color(0xcf, 0xcf, 0xcf);
/// Classes with a name and a colour of their own at most.
pub const NAMED: usize = 30;

/// The named classes; the others share a colour.
pub(super) struct NamedClasses {
    /// The named classes, ascending.
    pub(super) named: Vec<usize>,
    /// Place of each class among the named ones.
    places: Vec<Option<usize>>,
}

impl NamedClasses {
    /// All classes up to [`NAMED`]; of more those with the most points, the lower of equals.
    pub(super) fn of(n_classes: usize, labels: impl Iterator<Item = u16>) -> Self {
        let mut named: Vec<usize> = (0..n_classes).collect();
        if n_classes > NAMED {
            let mut sizes = vec![0_usize; n_classes];
            labels.for_each(|label| sizes[usize::from(label)] += 1);
            named.sort_by_key(|&class| std::cmp::Reverse(sizes[class]));
            named.truncate(NAMED - 1);
            named.sort_unstable();
        }
        let mut places = vec![None; n_classes];
        named.iter().enumerate().for_each(|(place, &class)| places[class] = Some(place));
        Self { named, places }
    }

    /// `true` if the class has a name and a colour of its own.
    pub(super) fn has(&self, class: usize) -> bool {
        self.places[class].is_some()
    }

    /// Colour of the points of a class.
    pub(super) fn color(&self, class: usize) -> Color {
        self.places[class].map_or(OTHERS, color)
    }

    /// Entries of the legend, with the class; the last may be of all others, without one.
    pub(super) fn legend(&self, names: &[String]) -> Vec<(Option<usize>, String)> {
        let n_others = self.places.len() - self.named.len();
        let others = (n_others > 0).then(|| (None, format!("other ({n_others} classes)")));
        let named = self.named.iter().map(|&class| (Some(class), names[class].clone()));
        named.chain(others).collect()
    }
}
