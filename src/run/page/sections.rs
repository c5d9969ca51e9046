//! The static part of a run's page, section by section.

use super::selected::SelectedPoints;
use super::tables::{self, MAX_COUNTED};
use crate::dataset::npy;
use crate::error::{Error, Result};
use crate::evaluation::{Confused, Predictions, confusions};
use crate::format::{listed, quoted, thousands};
use crate::record::{Artifact, FinishedRun};
use crate::report::drawing::drawing;
use crate::report::figures::{Figure, vector};
use crate::report::insights_table::scored_words;
use crate::report::page::{Block, Curves, Drawing, Section, Series, Table, Tabs};
use crate::report::{data_map as data_map_report, quality_table};
use crate::training::History;
use std::path::Path;

pub(in crate::run) fn section(
    id: &str,
    title: &str,
    blocks: impl IntoIterator<Item = Block>,
) -> Section {
    let blocks = blocks.into_iter().collect();
    Section { id: id.into(), title: title.into(), blocks, is_folded: false }
}

/// A section of details: its heading is seen, the rest when it is opened.
fn folded(id: &str, title: &str, blocks: impl IntoIterator<Item = Block>) -> Section {
    Section { is_folded: true, ..section(id, title, blocks) }
}

/// All sections, those of the `findings` and of the layer `profile` among them; missing data are
/// added to `selected`.
pub(in crate::run) fn of_run(
    run: &FinishedRun,
    selected: &mut SelectedPoints<'_>,
    class_names: &[String],
    findings: Option<Section>,
    profile: Option<Section>,
) -> Result<Vec<Section>> {
    let mut sections = Vec::from_iter(findings);
    sections.push(section("overview", "Overview", [Block::Table(overview(run, class_names))]));
    sections.extend(profile);
    if let Some(architecture) =
        run.architecture.as_ref().filter(|architecture| architecture.steps().is_ok())
    {
        let words = format!("The network, layer by layer: {} layers", architecture.layers.len());
        let picture = Block::Drawing(draw(&drawing("The network", architecture), words)?);
        sections.push(folded(
            "model",
            "Model",
            [Block::Table(tables::layers(architecture)), picture],
        ));
    }
    sections.extend(training(run, selected)?);
    let insights = run.results().insights.as_ref();
    let compared = insights.map(|insights| insights.n_neighbors);
    if let Some(knn) = tables::knn(&run.results().knn, compared, ["training", "test"]) {
        sections.push(folded("knn", "k-NN accuracy", [knn]));
    }
    if let Some(table) = quality_table::page_table(&run.results().quality) {
        let rankings = insights.map(|insights| Block::Table(tables::rankings(&insights.rankings)));
        let explained =
            Block::Folded("What the columns say".into(), vec![quality_table::meanings()]);
        let blocks = [Block::Table(table), explained].into_iter().chain(rankings);
        sections.push(folded("quality", "Quality of the maps", blocks));
    }
    sections.extend(confused(run, selected, class_names)?);
    sections.extend(clusters(run, selected)?);
    sections.push(folded("times", "Times", [Block::Table(tables::times(run))]));
    sections.push(folded(
        "inputs",
        "Inputs",
        [Block::Table(tables::inputs(&run.manifest.inputs, run.folder_of_layers()))],
    ));
    sections.push(notes(&selected.warnings, &selected.missing));
    let origin = format!(
        "Version {} with the seed {} on {}: {}. The same version, seed and device give the same \
         results.",
        run.manifest.layerlens_version,
        run.manifest.seed,
        run.manifest.device.kind,
        run.manifest.device.name
    );
    sections.push(reproduce(&run.manifest.argv, origin));
    Ok(sections)
}

pub(super) fn draw(figure: &impl Figure, label: String) -> Result<Drawing> {
    figure
        .check()
        .and_then(|()| vector(figure))
        .map(|svg| Drawing { svg, label, ..Drawing::default() })
        .map_err(Error::Data)
}

fn overview(run: &FinishedRun, class_names: &[String]) -> Table {
    let split = match run.n_test {
        0 => format!("{} training points, no test points", thousands(run.n_train)),
        n_test => {
            format!("{} training points, {} test points", thousands(run.n_train), thousands(n_test))
        }
    };
    let names = match class_names.len() {
        0..=MAX_COUNTED => class_names.join(", "),
        _ => listed(class_names),
    };
    let what = if run.folder_of_layers().is_some() { "layers" } else { "data" };
    let mut rows = vec![
        [what.to_owned(), format!("{}: {split}", run.name)],
        ["classes".into(), format!("{} ({names})", class_names.len())],
    ];
    if let Some(architecture) = &run.architecture {
        let (trained, fixed) = architecture.n_parameters_by_kind();
        rows.push([
            "model".into(),
            format!(
                "{} layers, {} parameters",
                architecture.layers.len(),
                thousands(trained + fixed)
            ),
        ]);
    }
    if let Some(test) = run.results().test {
        rows.push([
            "test of the network".into(),
            format!("accuracy {:.4}, loss {:.4}", test.accuracy, test.loss),
        ]);
    }
    let spaces = run
        .spaces
        .iter()
        .map(|id| format!("{} ({} dimensions)", id.space_title(), id.n_components));
    rows.push(["spaces".into(), spaces.collect::<Vec<_>>().join(", ")]);
    let device = &run.manifest.device;
    rows.push(["device".into(), format!("{} ({})", device.name, device.reason)]);
    rows.push(["begun".into(), run.manifest.started.clone()]);
    Table::new("The run at a glance", &["", ""], rows.into_iter().map(Vec::from))
}

fn training(run: &FinishedRun, selected: &mut SelectedPoints<'_>) -> Result<Option<Section>> {
    let Some(history) = run.results().history.as_ref().filter(|history| !history.is_empty()) else {
        return Ok(None);
    };
    let mut blocks = Vec::new();
    if let Some(training) = &run.results().training {
        let early = if training.stopped_early { ", ended early" } else { "" };
        let best = training.best.map_or(String::new(), |best| {
            format!(", the least validation loss that of epoch {best}")
        });
        let (epochs, kept, time) = (training.epochs, training.kept, training.seconds);
        blocks.push(Block::Text(format!(
            "{epochs} epochs in {time:.1} s{early}; the weights are those of epoch {kept}{best}."
        )));
    }
    if let Some(inference) = run.results().inference {
        blocks.push(Block::Text(format!(
            "{} test images classified in {:.2} s.",
            thousands(inference.n),
            inference.seconds
        )));
    }
    let panel = |title: &str, of: [(&str, &[f32]); 3]| Curves {
        title: title.into(),
        first: 1,
        series: of.into_iter().filter(|(_, values)| !values.is_empty()).map(Series::new).collect(),
    };
    let History {
        train_loss,
        validation_loss,
        test_loss,
        train_accuracy,
        validation_accuracy,
        test_accuracy,
    } = history;
    let loss =
        [("training", &train_loss[..]), ("validation", validation_loss), ("test", test_loss)];
    let accuracy = [
        ("training", &train_accuracy[..]),
        ("validation", validation_accuracy),
        ("test", test_accuracy),
    ];
    blocks.push(Block::Curves(panel("Loss against epoch", loss)));
    blocks.push(Block::Curves(panel("Accuracy against epoch", accuracy)));
    blocks.extend(data_map(run, selected)?);
    let epochs = vec![Block::Table(tables::history(history))];
    blocks.push(Block::Folded("Every epoch".into(), epochs));
    Ok(Some(folded("training", "Training", blocks)))
}

/// A figure that is drawn already, as its file has it.
pub(in crate::run) fn drawn(path: &Path, label: &str) -> Result<Block> {
    let unread = |error: std::io::Error| Error::input(path, format!("cannot be read: {error}"));
    let svg = std::fs::read_to_string(path).map_err(unread)?;
    Ok(Block::Drawing(Drawing { svg, label: label.into(), ..Drawing::default() }))
}

/// What became of the training points over the epochs: a sentence, and the figure that the run drew.
fn data_map(run: &FinishedRun, selected: &mut SelectedPoints<'_>) -> Result<Vec<Block>> {
    let Some(summary) = &run.results().data_map else { return Ok(Vec::new()) };
    let mut blocks = vec![Block::Text(summary.finding())];
    let name = format!("{}.svg", data_map_report::FIGURE);
    if let Some(path) = selected.path(Artifact::Figure(&name), "the data map") {
        let label = "The data map: confidence against variability of the training points";
        blocks.push(drawn(&path, label)?);
    }
    Ok(blocks)
}

/// Confusion matrices, pairs and gains.
fn confused(
    run: &FinishedRun,
    selected: &mut SelectedPoints<'_>,
    class_names: &[String],
) -> Result<Option<Section>> {
    let Some(insights) = &run.results().insights else { return Ok(None) };
    let mut blocks = vec![Block::Text(format!(
        "k-NN of {} neighbours, {}.",
        insights.n_neighbors,
        scored_words(insights)
    ))];
    blocks.push(Block::Table(tables::pairs(insights, class_names)));
    let n = class_names.len();
    if n > MAX_COUNTED {
        blocks.push(Block::Text(format!(
            "There are {n} classes: the tables show some of them, and all are in {} and {}.",
            Artifact::Scores("confusion.csv"),
            Artifact::Scores("gains.csv")
        )));
    }
    let matrices = confusion_counts(run, selected, n)?;
    let tab = |confused: &Confused| {
        let table = tables::confusion(confused, class_names);
        (tables::classifier(confused.space.as_deref(), None), vec![Block::Table(table)])
    };
    let tabs = matrices.iter().map(tab).collect();
    blocks.push(Block::Tabs(Tabs { label: "Classifier".into(), shown: 0, tabs }));
    let own =
        insights.gains.iter().filter(|gains| gains.method.is_none() && gains.spaces.len() > 1);
    blocks.extend(own.map(|gains| Block::Table(tables::gains(gains, insights, class_names))));
    Ok(Some(folded("confusion", "Confusions and gains", blocks)))
}

/// Confusion matrices of the network and of k-NN in the spaces themselves, if their predictions
/// exist.
fn confusion_counts(
    run: &FinishedRun,
    selected: &mut SelectedPoints<'_>,
    n_classes: usize,
) -> Result<Vec<Confused>> {
    let part = run.scored_part();
    let labels =
        selected.path(Artifact::Layer { name: "labels", part }, "the tables of confusions");
    let Some(labels) = labels.map(|path| npy::read_classes(&path)).transpose()? else {
        return Ok(Vec::new());
    };
    let mut predictions = Vec::new();
    if let Some(classes) = run.network_predictions(part, run.n_scored())? {
        predictions.push(Predictions { space: None, method: None, classes });
    }
    for id in &run.spaces {
        let what = format!("the table of confusions of k-NN in {id}");
        if selected.path(Artifact::Predictions(id), &what).is_some() {
            let classes = run.predictions(id, n_classes)?;
            predictions.push(Predictions { space: Some(id.space.clone()), method: None, classes });
        }
    }
    confusions(&labels, &predictions, n_classes)
}

fn clusters(run: &FinishedRun, selected: &mut SelectedPoints<'_>) -> Result<Option<Section>> {
    if run.results().clusters.is_empty() {
        return Ok(None);
    }
    let mut blocks = vec![Block::Table(tables::clusters(&run.results().clusters))];
    let mut tabs = Vec::new();
    for found in &run.results().clusters {
        let name = format!("{}_{}_contingency.csv", found.space, found.method.to_lowercase());
        let table = Artifact::Clusters(&name);
        let what = format!("the classes in the clusters of {}", found.title);
        let Some(path) = selected.path(table, &what) else { continue };
        let damaged =
            |error: &dyn std::fmt::Display| Error::input(&path, format!("is damaged: {error}"));
        let mut reader = csv::Reader::from_path(&path).map_err(|error| damaged(&error))?;
        let columns: Vec<String> = reader
            .headers()
            .map_err(|error| damaged(&error))?
            .iter()
            .skip(1)
            .map(String::from)
            .collect();
        if columns.len() > MAX_COUNTED {
            blocks.push(Block::Text(format!(
                "There are {} clusters of {}: the whole table is {table}.",
                columns.len(),
                found.title
            )));
            continue;
        }
        let (mut names, mut counts) = (Vec::new(), Vec::new());
        for record in reader.records() {
            let record = record.map_err(|error| damaged(&error))?;
            names.push(record.get(0).unwrap_or_default().to_owned());
            let row = record
                .iter()
                .skip(1)
                .map(str::parse)
                .collect::<std::result::Result<Vec<usize>, _>>();
            counts.push(row.map_err(|error| damaged(&error))?);
        }
        let caption = format!(
            "Points of each class in each cluster of {}, by {}; a cluster has the name of its \
             largest class",
            found.title, found.method
        );
        let columns = tables::named_clusters(&columns, &names, &counts);
        let table = Table::of_counts(caption, "class", &names, &columns, &counts);
        tabs.push((found.title.clone(), vec![Block::Table(table)]));
    }
    blocks.push(Block::Tabs(Tabs { label: "Space".into(), shown: 0, tabs }));
    Ok(Some(folded("clusters", "Clusters", blocks)))
}

/// What was warned of, and what is missing.
pub(in crate::run) fn notes(warnings: &[String], missing: &[String]) -> Section {
    let list = |title: &str, points: &[String]| {
        let blocks = [Block::Heading(title.into()), Block::List(points.to_vec())];
        blocks.into_iter().filter(|_| !points.is_empty()).collect::<Vec<_>>()
    };
    let mut blocks = [list("Warnings", warnings), list("What is missing", missing)].concat();
    if blocks.is_empty() {
        blocks.push(Block::Text(
            "There were no warnings, nothing fell back to another device, and nothing is missing."
                .into(),
        ));
    }
    let is_folded = warnings.is_empty() && missing.is_empty();
    Section { is_folded, ..section("notes", "Warnings and fallbacks", blocks) }
}

/// The command line, and the other inputs that determine the bytes of the results.
pub(in crate::run) fn reproduce(argv: &[String], origin: String) -> Section {
    let words =
        std::iter::once("layerlens".to_owned()).chain(argv.iter().skip(1).map(|word| quoted(word)));
    // A library call has no command line.
    let command = (!argv.is_empty()).then(|| Block::Code(words.collect::<Vec<_>>().join(" ")));
    folded("reproduce", "How to reproduce", command.into_iter().chain([Block::Text(origin)]))
}
