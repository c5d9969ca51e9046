//! The figure of what the layers did for each class.

use super::figures::{DotPanel, Dots, NAMED, Scale};
use super::insights_table::{name, scored_words};
use crate::evaluation::{Estimate, Insights, LayerGains, map_title, space_title};
use crate::format::capital;
use crate::record::N_COMPONENTS;

/// Accuracies by class from the first space to the last, in the spaces themselves and in each
/// method's maps; none without spaces.
pub fn of_all(insights: &Insights, class_names: &[String]) -> Option<Dots> {
    let own = insights.gains.iter().find(|gains| gains.method.is_none())?;
    Some(figure(insights, own, &insights.gains, class_names))
}

/// The same of the spaces themselves, `own`, alone.
pub fn of_spaces(insights: &Insights, own: &LayerGains, class_names: &[String]) -> Dots {
    figure(insights, own, std::slice::from_ref(own), class_names)
}

/// A panel for each of `panels`, with the classes in the order of `own`.
fn figure(
    insights: &Insights,
    own: &LayerGains,
    panels: &[LayerGains],
    class_names: &[String],
) -> Dots {
    let mut classes: Vec<usize> = own.classes.iter().map(|gain| gain.class).collect();
    let n_classes = classes.len();
    let mut of_all = String::new();
    if n_classes > NAMED {
        // Those in the middle hardly changed.
        classes.drain(NAMED / 2..n_classes - NAMED / 2);
        of_all = format!("; the first and the last {} of {n_classes} classes", NAMED / 2);
    }
    let panel = |gains: &LayerGains| {
        let of_class = |class: usize| gains.classes.iter().find(|gain| gain.class == class);
        let value = |at: usize, class: usize| {
            Some(Estimate { value: *of_class(class)?.accuracy.get(at)?, interval: None })
        };
        let values = (0..own.spaces.len())
            .map(|at| classes.iter().map(|&class| value(at, class)).collect())
            .collect();
        let total = |class: usize| Some(100.0 * of_class(class)?.gain.last()?);
        let words =
            |&class: &usize| total(class).map_or(String::new(), |gain| format!("{gain:+.1}"));
        let title = gains
            .method
            .as_deref()
            .map_or("All dimensions".into(), |name| map_title(Some(name), N_COMPONENTS));
        let ends =
            if own.spaces.len() > 1 { classes.iter().map(words).collect() } else { Vec::new() };
        DotPanel { title, values, scale: Scale::Common, ends }
    };
    Dots {
        title: "What the layers did for each class".into(),
        caption: format!(
            "Accuracy of {}-NN {}, and the gain in percentage points{of_all}",
            insights.n_neighbors,
            scored_words(insights)
        ),
        rows: classes.iter().map(|&class| name(class_names, class)).collect(),
        series: own.spaces.iter().map(|space| capital(&space_title(space))).collect(),
        panels: panels.iter().map(panel).collect(),
    }
}
