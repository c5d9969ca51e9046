//! Which figures a run draws, and under which names.

use super::folder::RunFolder;
use super::space::{Map, title};
use crate::dataset::Dataset;
use crate::embedding;
use crate::error::Result;
use crate::evaluation::{ScoredOn, Scores};
use crate::matrix::Matrix;
use crate::report::figures::{BarPanel, Bars, Curves, Examples, Figure, History as HistoryFigure, Panel, Scatter, save};
use crate::training::History;

/// Example images of each class in `examples`.
const EXAMPLES: usize = 10;

fn write(folder: &mut RunFolder, name: &str, figure: &impl Figure) -> Result<()> {
    let stem = folder.below(&format!("figures/{name}"))?;
    save(figure, &stem)?;
    for kind in ["png", "svg"] {
        folder.list(&format!("figures/{name}.{kind}"), None, None);
    }
    Ok(())
}

/// The first images of each class.
pub fn examples(folder: &mut RunFolder, data: &Dataset) -> Result<()> {
    let images = &data.train.images;
    let of_class = |class: usize| {
        let rows = data.train.labels.iter().enumerate().filter(move |(_, label)| usize::from(**label) == class);
        rows.map(|(row, _)| images.image(row)).take(EXAMPLES).collect()
    };
    let figure = Examples {
        title: format!("The first training images of each class of {}", data.name),
        images: (0..data.class_names.len()).map(of_class).collect(),
        width: images.width(),
        height: images.height(),
        columns: EXAMPLES,
        class_names: &data.class_names,
    };
    write(folder, "examples", &figure)
}

/// Loss and accuracy against epoch.
pub fn history(folder: &mut RunFolder, history: &History) -> Result<()> {
    let figure = HistoryFigure {
        title: "Training history".into(),
        train: Curves { loss: &history.train_loss, accuracy: &history.train_accuracy },
        validation: Curves { loss: &history.validation_loss, accuracy: &history.validation_accuracy },
        test: None,
    };
    write(folder, "history", &figure)
}

/// For each method the input's map, and the hidden layers' maps: a row a layer, training points left, test points right.
pub fn maps<'a>(folder: &mut RunFolder, maps: &'a [Map], class_names: &'a [String], labels: (&'a [u8], &'a [u8])) -> Result<()> {
    let mut methods: Vec<&str> = maps.iter().map(|map| map.method.as_str()).collect();
    methods.dedup();
    methods.sort_unstable();
    methods.dedup();
    for name in methods {
        let method = embedding::method(name)?.title;
        let of_method = maps.iter().filter(|map| map.method == name);
        let (raw, layers): (Vec<&'a Map>, Vec<&'a Map>) = of_method.partition(|map| map.space == crate::activations::RAW);
        for (stem, what, maps) in [("raw", "the raw pixels", raw), ("layers", "the hidden layers", layers)] {
            if maps.is_empty() {
                continue;
            }
            let row = |map: &&'a Map| {
                vec![panel(map, "training images", &map.train, labels.0), panel(map, "test images", &map.test, labels.1)]
            };
            let figure = Scatter {
                title: format!("{method} of {what}"),
                panels: maps.iter().map(row).collect(),
                class_names,
                rows_share_axes: true,
                direct_labels: true,
            };
            write(folder, &format!("{name}_{stem}"), &figure)?;
        }
    }
    Ok(())
}

fn panel<'a>(map: &Map, part: &str, embedding: &'a Matrix, labels: &'a [u8]) -> Panel<'a> {
    Panel { title: format!("{}, {part}", capital(&title(&map.space))), embedding, labels }
}

/// The k-NN accuracies of the test points as bars.
pub fn scores(folder: &mut RunFolder, scores: &[Scores]) -> Result<()> {
    let tested: Vec<&Scores> = scores.iter().filter(|row| row.scored_on == ScoredOn::Test).collect();
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
        let row = tested.iter().find(|row| row.method.as_deref() == method && row.space == space)?;
        Some(row.knn.get(at)?.accuracy as f32)
    };
    let panels = first.knn.iter().enumerate().map(|(at, score)| BarPanel {
        title: format!("k = {}", score.n_neighbors),
        values: methods.iter().map(|method| spaces.iter().map(|space| accuracy(*method, space, at)).collect()).collect(),
    });
    let series = |method: &Option<&str>| match method {
        None => "all dimensions".to_owned(),
        Some(name) => format!("{} in 2-D", embedding::method(name).map_or(*name, |method| method.title)),
    };
    let figure = Bars {
        title: format!("k-NN accuracy on {} test images", first.n_scored),
        groups: spaces.iter().map(|space| capital(&title(space))).collect(),
        series: methods.iter().map(series).collect(),
        panels: panels.collect(),
    };
    write(folder, "knn_accuracy", &figure)
}

fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}
