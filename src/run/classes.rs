//! Matching of the classes of given weights with those of the data, by name.

use crate::error::Result;
use crate::format::listed;
use crate::model::{Architecture, Weights};

/// The weights with their classes in the order of the data's `names`, as many as the model tells
/// apart, and what the user should know of how they were matched. Classes are matched by name;
/// those of other names are taken in order.
///
/// # Errors
/// [`Error::Data`](crate::Error::Data) if the weights are not those of the architecture.
pub(super) fn matched(
    architecture: &Architecture,
    weights: Weights,
    names: &[String],
) -> Result<(Weights, Vec<String>)> {
    let own = weights.class_names();
    if own == names {
        return Ok((weights, Vec::new()));
    }
    let in_order = |warning: String| Ok((weights.clone().with_class_names(names), vec![warning]));
    if own.is_empty() {
        return in_order(format!(
            "the weights carry no names of classes: their classes are taken in the order of the \
             data, {}",
            list(names)
        ));
    }
    let position = |name: &String| own.iter().position(|other| other == name);
    let mut order: Vec<Option<usize>> = names.iter().map(position).collect();
    if order.iter().all(Option::is_none) || is_numbered(own) != is_numbered(names) {
        let message =
            "the model and the data call their classes otherwise: they are taken in order";
        return in_order(format!("{message}, {} for {}", list(own), list(names)));
    }
    let mut left = (0..own.len())
        .filter(|class| !order.contains(&Some(*class)))
        .collect::<Vec<_>>()
        .into_iter();
    let mut warnings = Vec::new();
    let mut strangers = Vec::new();
    for (class, position) in order.iter_mut().enumerate().filter(|(_, position)| position.is_none())
    {
        *position = left.next();
        strangers
            .extend(position.map(|position| format!("`{}` for `{}`", own[position], names[class])));
    }
    if !strangers.is_empty() {
        warnings.push(format!(
            "classes of the data that the model does not know by name take the place of others: {}",
            listed(&strangers)
        ));
    }
    let order: Vec<usize> = order.into_iter().flatten().collect();
    if !order.iter().copied().eq(0..own.len()) {
        warnings.push(format!(
            "the classes of the model are put into the order of the data by their names, {}",
            list(names)
        ));
    }
    Ok((weights.reordered(architecture, &order)?.with_class_names(names), warnings))
}

/// `true` if classes have numbers in place of names.
fn is_numbered(names: &[String]) -> bool {
    names.iter().enumerate().all(|(class, name)| *name == class.to_string())
}

fn list(names: &[String]) -> String {
    listed(&names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::Blueprint;

    fn texts(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    /// One dense layer of two inputs and three classes.
    fn model(names: &[&str]) -> (Architecture, Weights) {
        let architecture = Blueprint::mlp(&[]).build([1, 2, 1], 3).unwrap();
        let output = architecture.steps().unwrap().last().unwrap().parameters.clone();
        let mut weights = Weights::default();
        for (parameter, values) in
            output.iter().zip([vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], vec![7.0, 8.0, 9.0]])
        {
            weights.insert(parameter.name.clone(), parameter.shape.clone(), values);
        }
        (architecture, weights.with_class_names(&texts(names)))
    }

    #[test]
    fn classes_are_matched_by_name() {
        let values = |of: &[&str], data: &[&str]| {
            let (architecture, weights) = model(of);
            let (weights, warnings) = matched(&architecture, weights, &texts(data)).unwrap();
            assert_eq!(weights.class_names(), texts(data));
            let output = architecture.steps().unwrap().last().unwrap().parameters.clone();
            let of = |at: usize| weights.get(&output[at].name, &output[at].shape).unwrap().to_vec();
            (of(0), of(1), warnings.join("; "))
        };
        let as_they_are = vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let bias = vec![7.0, 8.0, 9.0];
        assert_eq!(
            values(&["a", "b", "c"], &["a", "b", "c"]),
            (as_they_are.clone(), bias.clone(), String::new())
        );
        let (kernel, moved, warning) = values(&["a", "b", "c"], &["c", "a", "b"]);
        assert_eq!((kernel, moved), (vec![3.0, 1.0, 2.0, 6.0, 4.0, 5.0], vec![9.0, 7.0, 8.0]));
        assert!(
            warning.contains("into the order of the data by their names, `c`, `a`, `b`"),
            "{warning}"
        );
        // What is called otherwise takes the place that is left.
        let (_, moved, warning) = values(&["a", "b", "c"], &["b", "x", "a"]);
        assert_eq!(moved, [8.0, 9.0, 7.0]);
        assert!(warning.contains("`c` for `x`"), "{warning}");
        for (of, data) in [
            (&[][..], ["x", "y", "z"]),
            (&["a", "b", "c"], ["x", "y", "z"]),
            (&["0", "1", "2"], ["1", "0", "x"]),
        ] {
            let (kernel, same, warning) = values(of, &data);
            assert_eq!((kernel, same), (as_they_are.clone(), bias.clone()));
            assert!(warning.contains("taken in") && warning.contains('`'), "{warning}");
        }
    }
}
