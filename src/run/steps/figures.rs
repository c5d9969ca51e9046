//! The figures of a run, and their file names.

use super::space::Map;
use crate::dataset::{Classes, Images};
use crate::embedding;
use crate::error::Result;
use crate::evaluation::{Confused, Insights, ScoredOn, Scores, space_title};
use crate::format::capital;
use crate::matrix::Matrix;
use crate::model::RAW;
use crate::record::{Artifact, RunFolder};
use crate::report::figures::{
    BarPanel, Bars, Curves, Examples, Figure, HeatMap, History as HistoryFigure, NAMED, Panel,
    PictureSize, Scatter, UNREADABLE, save,
};
use crate::report::gains_figure;
use crate::report::insights_table::ShownConfusion;
use crate::run::layers::Layers;
use crate::training::History;

/// Example images of each class in `examples`.
const EXAMPLES: usize = 10;

/// Longer side of an image in a figure at most; larger ones are scaled down.
pub(super) const LARGEST_DRAWN: usize = 112;

/// Draws a figure. The first one with letters that it cannot show is warned of.
pub(in crate::run) fn write(
    folder: &mut RunFolder,
    name: &str,
    figure: &impl Figure,
) -> Result<()> {
    let stem = folder.below(Artifact::Figure(name))?;
    if let Some(warning) = save(figure, &stem)?.warning()
        && !folder.manifest.warnings.iter().any(|known| known.starts_with(UNREADABLE))
    {
        folder.warn(warning);
    }
    for kind in ["png", "svg"] {
        folder.list(Artifact::Figure(&format!("{name}.{kind}")), None, None);
    }
    Ok(())
}

/// The first images of each class.
pub(in crate::run) fn examples(
    folder: &mut RunFolder,
    file: &str,
    title: &str,
    images: &Images,
    classes: Classes<'_>,
) -> Result<()> {
    let Classes { labels, names: class_names } = classes;
    let of_class = |class: usize| {
        let rows = (0..labels.len()).filter(move |&row| usize::from(labels[row]) == class);
        rows.take(EXAMPLES).collect::<Vec<usize>>()
    };
    let mut title = title.to_owned();
    let shown = &class_names[..class_names.len().min(NAMED)];
    if shown.len() < class_names.len() {
        title += &format!(", the first {} of {} classes", shown.len(), class_names.len());
    }
    let rows: Vec<Vec<usize>> = (0..shown.len()).map(of_class).collect();
    let chosen = images.select(&rows.concat());
    let drawn = chosen.within(LARGEST_DRAWN);
    let mut next = 0..drawn.n();
    let figure = Examples {
        title,
        images: rows
            .iter()
            .map(|rows| next.by_ref().take(rows.len()).map(|at| drawn.image(at)).collect())
            .collect(),
        pictures: PictureSize::of(&drawn),
        columns: EXAMPLES,
        class_names: shown,
    };
    write(folder, file, &figure)
}

/// Loss and accuracy against epoch.
pub(in crate::run) fn history(
    folder: &mut RunFolder,
    file: &str,
    title: &str,
    history: &History,
) -> Result<()> {
    let figure = HistoryFigure {
        title: title.into(),
        train: Curves { loss: &history.train_loss, accuracy: &history.train_accuracy },
        validation: Curves {
            loss: &history.validation_loss,
            accuracy: &history.validation_accuracy,
        },
        test: Some(Curves { loss: &history.test_loss, accuracy: &history.test_accuracy })
            .filter(|test| !test.loss.is_empty()),
    };
    write(folder, file, &figure)
}

/// For each method the input's map, and the hidden layers' maps: a row a layer, training points
/// left, test points right.
pub(in crate::run) fn maps(folder: &mut RunFolder, maps: &[Map], layers: &Layers) -> Result<()> {
    let mut methods: Vec<&str> = maps.iter().map(Map::method).collect();
    methods.sort_unstable();
    methods.dedup();
    for name in methods {
        let method = embedding::method(name)?;
        let of_method: Vec<&Map> = maps.iter().filter(|map| map.method() == name).collect();
        let moved = moved(method, &of_method)?;
        let (raw, hidden): (Vec<&Map>, Vec<&Map>) =
            moved.iter().partition(|map| map.id.space == RAW);
        let of_layers = match (hidden.len() > 1, method.is_linear) {
            (false, _) => "the hidden layers",
            (true, false) => "the hidden layers, each turned onto the one before",
            (true, true) => "the hidden layers, each mirrored onto the one before",
        };
        for (stem, what, maps) in [("raw", "the raw input", raw), ("layers", of_layers, hidden)] {
            if maps.is_empty() {
                continue;
            }
            let figure = Scatter {
                title: format!("{} of {what}", method.title),
                panels: maps.iter().map(|map| row(map, layers)).collect(),
                class_names: &layers.class_names,
                rows_share_axes: true,
                direct_labels: true,
            };
            write(folder, &format!("{name}_{stem}"), &figure)?;
        }
    }
    Ok(())
}

/// Maps of one method, each moved so that its training points lie closest to those of the map before,
/// as on the page.
fn moved(method: &embedding::Method, maps: &[&Map]) -> Result<Vec<Map>> {
    let mut all: Vec<Map> = Vec::new();
    for map in maps {
        let onto = all.last().map(|before| method.motion(&map.train, &before.train));
        let motion = onto.transpose()?;
        let moved = |map: &Matrix| motion.map_or(Ok(map.clone()), |motion| motion.apply(map));
        let (train, test) = (moved(&map.train)?, map.test.as_ref().map(moved).transpose()?);
        all.push(Map { id: map.id.clone(), train, test });
    }
    Ok(all)
}

fn row<'a>(map: &'a Map, layers: &'a Layers) -> Vec<Panel<'a>> {
    let space = capital(&map.id.space_title());
    let panel = |part: &str, embedding, labels| Panel {
        title: format!("{space}, {part} points"),
        embedding,
        labels,
    };
    let mut row = vec![panel("training", &map.train, &layers.train.labels[..])];
    row.extend(
        map.test
            .as_ref()
            .zip(layers.test.as_ref())
            .map(|(map, test)| panel("test", map, &test.labels)),
    );
    row
}

/// The k-NN accuracies of the test points, or without any those of the training points, as bars.
pub(in crate::run) fn scores(folder: &mut RunFolder, scores: &[Scores]) -> Result<()> {
    let scored_on = if scores.iter().any(|row| row.scored_on == ScoredOn::Test) {
        ScoredOn::Test
    } else {
        ScoredOn::TrainLeaveOneOut
    };
    let tested: Vec<&Scores> = scores.iter().filter(|row| row.scored_on == scored_on).collect();
    let Some(first) = tested.first() else { return Ok(()) };
    let mut spaces: Vec<&str> = Vec::new();
    let mut methods: Vec<Option<&str>> = Vec::new();
    for row in &tested {
        if !spaces.contains(&row.space.as_str()) {
            spaces.push(&row.space);
        }
        if !methods.contains(&row.method.as_deref()) {
            methods.push(row.method.as_deref());
        }
    }
    let accuracy = |method: Option<&str>, space: &str, at: usize| {
        let row =
            tested.iter().find(|row| row.method.as_deref() == method && row.space == space)?;
        Some(row.knn.get(at)?.accuracy as f32)
    };
    let panels = first.knn.iter().enumerate().map(|(at, score)| BarPanel {
        title: format!("k = {}", score.n_neighbors),
        values: methods
            .iter()
            .map(|method| spaces.iter().map(|space| accuracy(*method, space, at)).collect())
            .collect(),
    });
    let series = |method: &Option<&str>| {
        let row = tested.iter().find(|row| row.method.as_deref() == *method);
        row.map_or_else(String::new, |row| row.id().title())
    };
    let figure = Bars {
        title: match scored_on {
            ScoredOn::Test => format!("k-NN accuracy on {} test points", first.n_scored),
            ScoredOn::TrainLeaveOneOut => {
                format!(
                    "k-NN accuracy on {} training points, each without its own vote",
                    first.n_scored
                )
            }
        },
        groups: spaces.iter().map(|space| capital(&space_title(space))).collect(),
        series: methods.iter().map(series).collect(),
        panels: panels.collect(),
    };
    write(folder, "knn_accuracy", &figure)
}

/// Per-class accuracies from the first space to the last: in the spaces themselves, and in each
/// method's maps.
pub(in crate::run) fn gains(
    folder: &mut RunFolder,
    insights: &Insights,
    class_names: &[String],
) -> Result<()> {
    gains_figure::of_all(insights, class_names)
        .map_or(Ok(()), |figure| write(folder, "gains", &figure))
}

/// Confusion matrix of one classifier.
pub(in crate::run) fn confusion(
    folder: &mut RunFolder,
    confused: &Confused,
    class_names: &[String],
) -> Result<()> {
    let (stem, words) = match &confused.space {
        None => ("classifier_confusion".to_owned(), "the classifier".to_owned()),
        Some(space) => (
            format!("confusion_{space}"),
            format!("k-NN in all dimensions of {}", space_name(space)),
        ),
    };
    let accuracy = confused.confusion.accuracy();
    let ShownConfusion { names, counts, remark } =
        ShownConfusion::of(&confused.confusion, class_names);
    let title = format!("Confusions of {words}, accuracy {accuracy:.4}{remark}");
    let [rows, columns] =
        ["true class", "predicted class"].map(|side| (side.to_owned(), names.to_vec()));
    let figure = HeatMap::of_counts(title, rows, columns, &counts);
    write(folder, &stem, &figure)
}

fn space_name(space: &str) -> String {
    if space == RAW { "the raw input".into() } else { space_title(space) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::MapId;

    fn map(space: &str, turn: impl Fn(f32, f32) -> [f32; 2]) -> Map {
        let points = |rows: [[f32; 2]; 4]| {
            let values = rows.iter().flat_map(|&[x, y]| turn(x, y)).collect();
            Matrix::new(values, 4, 2).unwrap()
        };
        Map {
            id: MapId::new(space, Some("tsne"), 2),
            train: points([[0.0, 0.0], [4.0, 0.0], [4.0, 1.0], [0.0, 3.0]]),
            test: Some(points([[1.0, 1.0], [2.0, 0.0], [0.0, 1.0], [3.0, 2.0]])),
        }
    }

    #[test]
    fn maps_that_differ_in_orientation_alone_lie_on_each_other() {
        let maps = [
            map("raw", |x, y| [x, y]),
            map("layer_1", |x, y| [-y + 5.0, x]),
            map("layer_2", |x, y| [-x, y - 2.0]),
        ];
        let method = embedding::method("tsne").unwrap();
        let all = moved(method, &maps.iter().collect::<Vec<_>>()).unwrap();
        let first = [&all[0].train, all[0].test.as_ref().unwrap()];
        for map in &all[1..] {
            for (found, expected) in [&map.train, map.test.as_ref().unwrap()].iter().zip(first) {
                for (a, b) in found.as_slice().iter().zip(expected.as_slice()) {
                    assert!((a - b).abs() < 1e-5, "{}: {a} for {b}", map.id.space);
                }
            }
        }
    }
}
