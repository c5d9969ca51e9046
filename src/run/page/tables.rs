//! The tables of the static part, from the results in the manifest of a run.

use crate::clustering::Clustered;
use crate::dataset::Source;
use crate::evaluation::metric::{self, KNN_MEANING};
use crate::evaluation::{
    Confused, ConfusedPairs, Insights, LayerGains, METRICS, MapId, MetricRanking, Pair, ScoredOn,
    Scores, map_title, method_title, space_title,
};
use crate::format::thousands;
use crate::model::Architecture;
use crate::record::{FinishedRun, N_COMPONENTS, Stage};
use crate::report::figures::NAMED;
use crate::report::insights_table::{ShownConfusion, measure_words, name};
use crate::report::page::{Block, Cell, Table, Tabs};
use crate::report::quality_table::grouped;
use crate::training::History;
use std::path::Path;

/// Maximum number of classes, or clusters, in a table of counts.
pub(super) const MAX_COUNTED: usize = 40;

pub(super) fn decimals(value: f64) -> String {
    format!("{value:.4}")
}

fn optional(value: Option<f64>) -> String {
    value.map_or_else(|| "–".into(), decimals)
}

fn seconds(value: f64) -> String {
    format!("{value:.2} s")
}

/// A classifier: the network, or k-NN in a space or a map.
pub(super) fn classifier(space: Option<&str>, method: Option<&str>) -> String {
    space.map_or("the network".into(), |space| {
        format!("k-NN in {}", MapId::new(space, method, N_COMPONENTS))
    })
}

pub(super) fn layers(architecture: &Architecture) -> Table {
    let rows = architecture.summary().into_iter().map(|row| {
        vec![
            row.name,
            row.type_name.to_owned(),
            row.output.trim_matches(['(', ')']).to_owned(),
            thousands(row.n_parameters),
        ]
    });
    Table::new(
        "Layers of the network",
        &["layer", "kind", "output of one image", "parameters"],
        rows,
    )
}

pub(super) fn history(history: &History) -> Table {
    let columns = history.columns();
    let header = std::iter::once("epoch".into())
        .chain(columns.iter().map(|(name, _)| name.replace('_', " ")))
        .map(Cell::from)
        .collect();
    let row = |epoch: usize| {
        let values = columns.iter().map(|(_, values)| decimals(f64::from(values[epoch])));
        std::iter::once((epoch + 1).to_string()).chain(values).map(Cell::from).collect()
    };
    let caption = "Loss (cross-entropy, with the natural logarithm) and accuracy after each \
                   epoch; those of training as its batches were met";
    let rows = (0..history.len()).map(row).collect();
    Table { caption: caption.into(), header, rows, is_grouped: false }
}

/// The accuracies of k-NN: a tab for each number of neighbours, a row for each space and map. The
/// fitted points and the others are called `parts`: training and test, for example.
pub(in crate::run) fn knn(
    scores: &[Scores],
    shown: Option<usize>,
    parts: [&str; 2],
) -> Option<Block> {
    let kinds: Vec<(ScoredOn, &Scores)> = [ScoredOn::Test, ScoredOn::TrainLeaveOneOut]
        .into_iter()
        .filter_map(|kind| Some((kind, scores.iter().find(|row| row.scored_on == kind)?)))
        .collect();
    let captions: Vec<String> =
        kinds.iter().map(|(kind, first)| knn_words(*kind, first, parts)).collect();
    let caption = format!("{}. Bold: the best map of a space", captions.join("; "));
    let is_same = |a: &Scores, b: &Scores| a.space == b.space && a.method == b.method;
    let mut rows: Vec<&Scores> = Vec::new();
    for row in grouped(scores, |row| &row.space) {
        if !rows.iter().any(|other| is_same(other, row)) {
            rows.push(row);
        }
    }
    let accuracy = |row: &Scores, kind: ScoredOn, n_neighbors: usize| {
        let of_kind = |other: &&Scores| other.scored_on == kind && is_same(other, row);
        let scores = &scores.iter().find(of_kind)?.knn;
        Some(scores.iter().find(|score| score.n_neighbors == n_neighbors)?.accuracy)
    };
    let table = |n_neighbors: usize| {
        let row = |row: &&Scores| {
            let lead = [row.id().space_title(), row.id().title(), row.n_dimensions.to_string()];
            let values = kinds.iter().map(|(kind, _)| {
                let value = accuracy(row, *kind, n_neighbors);
                Cell { bar: value, ..Cell::from(optional(value)) }
            });
            lead.into_iter().map(Cell::from).chain(values).collect()
        };
        let title = |kind: &ScoredOn| match kind {
            ScoredOn::Test => format!("{} points", parts[1]),
            ScoredOn::TrainLeaveOneOut => format!("{} points", parts[0]),
        };
        let lead = ["space", "map", "dimensions"].map(Cell::from).into_iter();
        let values = kinds.iter().map(|(kind, _)| Cell::explained(title(kind), KNN_MEANING));
        let mut table = Table {
            caption: caption.clone(),
            header: lead.chain(values).collect(),
            rows: rows.iter().map(row).collect(),
            is_grouped: true,
        };
        let whole = map_title(None, N_COMPONENTS);
        table.mark_best(3..3 + kinds.len(), |row| row[1].text != whole);
        table
    };
    let ks: Vec<usize> = rows.first()?.knn.iter().map(|score| score.n_neighbors).collect();
    let tab = |&k: &usize| (format!("k = {k}"), vec![Block::Table(table(k))]);
    Some(Block::Tabs(Tabs {
        label: "Neighbours".into(),
        shown: ks.iter().position(|k| Some(*k) == shown).unwrap_or(0),
        tabs: ks.iter().map(tab).collect(),
    }))
}

/// On which points the accuracies of one kind were measured.
fn knn_words(kind: ScoredOn, first: &Scores, [of_fit, others]: [&str; 2]) -> String {
    let (fitted, scored) = (thousands(first.n_fitted), thousands(first.n_scored));
    match kind {
        ScoredOn::Test => {
            format!(
                "k-NN accuracy on {scored} {others} points, of {fitted} {of_fit} points that vote"
            )
        }
        ScoredOn::TrainLeaveOneOut => {
            format!("k-NN accuracy of the {scored} {of_fit} points, each without its own vote")
        }
    }
}

pub(super) fn confusion(confused: &Confused, class_names: &[String]) -> Table {
    let accuracy = 100.0 * confused.confusion.accuracy();
    let who = classifier(confused.space.as_deref(), confused.method.as_deref());
    let ShownConfusion { names, counts, remark } =
        ShownConfusion::of(&confused.confusion, class_names);
    let caption = format!(
        "Confusion of {who}: {accuracy:.1} % right; rows are the true classes, columns what they \
         were taken for{remark}"
    );
    Table::of_counts(caption, "true class", &names, &names, &counts)
}

pub(super) fn pairs(insights: &Insights, class_names: &[String]) -> Table {
    const MOST: usize = 5;
    let own = insights.confused_pairs.iter().filter(|pairs| pairs.method.is_none());
    let row = |ConfusedPairs { space, .. }: &ConfusedPairs, pair: &Pair| {
        let classes =
            format!("{} and {}", name(class_names, pair.class), name(class_names, pair.other));
        vec![
            classifier(space.as_deref(), None),
            classes,
            thousands(pair.count),
            format!("{:.1} %", 100.0 * pair.share),
        ]
    };
    let rows =
        own.flat_map(|pairs| pairs.symmetric.iter().take(MOST).map(move |pair| row(pairs, pair)));
    let caption =
        "Pairs of classes that are taken for each other most, with the share of the points of both";
    let header = ["classifier", "classes", "points", "share"];
    Table { is_grouped: true, ..Table::new(caption, &header, rows) }
}

pub(super) fn gains(gains: &LayerGains, insights: &Insights, class_names: &[String]) -> Table {
    let mut caption = format!(
        "Accuracy of {}-NN by class, {}, and what is gained from {} to {}",
        insights.n_neighbors,
        map_title(gains.method.as_deref(), N_COMPONENTS),
        gains.spaces.first().map_or(String::new(), |space| space_title(space)),
        gains.spaces.last().map_or(String::new(), |space| space_title(space)),
    );
    let spaces = gains.spaces.iter().map(|space| space_title(space));
    let header = ["class", "points"]
        .map(str::to_owned)
        .into_iter()
        .chain(spaces)
        .chain(["gain".to_owned()])
        .map(Cell::from)
        .collect();
    let row = |gain: &crate::evaluation::Gain| {
        let lead = [name(class_names, gain.class), thousands(gain.n_scored)];
        let total = format!("{:+.4}", gain.gain.last().copied().unwrap_or(0.0));
        lead.into_iter()
            .map(Cell::from)
            .chain(
                gain.accuracy
                    .iter()
                    .map(|&value| Cell { bar: Some(value), ..Cell::from(decimals(value)) }),
            )
            .chain([Cell::from(total)])
            .collect()
    };
    let n = gains.classes.len();
    if n <= MAX_COUNTED {
        let rows = gains.classes.iter().map(row).collect();
        return Table { caption, header, rows, is_grouped: false };
    }
    let half = NAMED / 2;
    caption +=
        &format!(": the {half} classes that gain most and the {half} that gain least of {n}");
    let (most, least) = (&gains.classes[..half], &gains.classes[n - half..]);
    let rows = most.iter().chain(least).map(row).collect();
    Table { caption, header, rows, is_grouped: false }
}

/// The measure of a ranking, named as in the tables of the maps.
fn measure(key: &str) -> Cell {
    METRICS.iter().find(|metric| metric.key == key).map_or_else(
        || Cell::explained(measure_words(key), KNN_MEANING),
        |metric| Cell::explained(metric.title, metric.meaning),
    )
}

pub(super) fn rankings(rankings: &[MetricRanking]) -> Table {
    let rows = rankings.iter().filter_map(|ranking| {
        let rank = |at: usize| {
            let found = ranking.methods.get(at)?;
            Some(format!("{} {:.4}", method_title(&found.method), found.mean))
        };
        let best = ranking.methods.first()?.n_best;
        let remark = metric::remark(&ranking.measure).unwrap_or_default();
        let of = format!("{best} of {}", ranking.spaces.len());
        Some(vec![
            measure(&ranking.measure),
            rank(0)?.into(),
            of.into(),
            rank(1).unwrap_or_default().into(),
            remark.into(),
        ])
    });
    let header = ["measure", "best", "best in spaces", "next", "remark"];
    Table::new("Which method keeps most, mean over the spaces", &header, rows)
}

pub(super) fn clusters(found: &[Clustered]) -> Table {
    let row = |row: &Clustered| {
        let counts = [row.n_clusters, row.n_noise].map(thousands);
        let scores =
            [row.adjusted_rand_score, row.normalized_mutual_info_score, row.purity, row.silhouette];
        let lead = [space_title(&row.space), row.method.clone()];
        lead.into_iter().chain(counts).chain(scores.map(optional)).collect()
    };
    let n = found.first().map_or(0, |row| row.n_points);
    let caption =
        format!("Clusters of {} points, and their agreement with the classes", thousands(n));
    let header = ["space", "method", "clusters", "noise"];
    let mut table = Table::new(caption, &header, found.iter().map(row));
    table.header.extend(AGREEMENT.map(|(title, meaning)| Cell::explained(title, meaning)));
    table
}

/// Names of the clusters: each with the class that most of its points have.
pub(super) fn named_clusters(
    clusters: &[String],
    classes: &[String],
    counts: &[Vec<usize>],
) -> Vec<String> {
    let name = |(column, cluster): (usize, &String)| {
        // Of classes with as many points the first one.
        let largest = (0..classes.len()).rev().max_by_key(|&class| counts[class][column]);
        let largest = largest.filter(|&class| counts[class][column] > 0);
        largest.map_or(cluster.clone(), |class| format!("{cluster}: {}", classes[class]))
    };
    clusters.iter().enumerate().map(name).collect()
}

/// Measures of clusters: title and meaning.
const AGREEMENT: [(&str, &str); 4] = [
    ("ARI", "Adjusted Rand index: 1 if clusters and classes are the same, 0 as by chance."),
    ("NMI", "Normalised mutual information of clusters and classes, 0 to 1."),
    ("purity", "Share of the points that belong to the largest class of their cluster."),
    ("silhouette", "How much nearer points lie to their own cluster than to the next, -1 to 1."),
];

/// Wall times of the stages but for the one that writes the page.
pub(super) fn times(run: &FinishedRun) -> Table {
    let stages: Vec<_> = run
        .manifest
        .stages
        .iter()
        .filter(|stage| stage.name != Stage::Report.to_string())
        .collect();
    let total: f64 = stages.iter().map(|stage| stage.seconds).sum();
    let words = |name: &str| name.replace('_', " ");
    let rows = stages
        .iter()
        .map(|stage| vec![words(&stage.name), seconds(stage.seconds), stage.device.to_string()]);
    let rows = rows.chain([vec!["all".into(), seconds(total), String::new()]]);
    Table::new("Wall time of every stage", &["stage", "time", "device"], rows)
}

/// Files that were read; those below `folder` by their place in it.
pub(in crate::run) fn inputs(read: &[Source], folder: Option<&Path>) -> Table {
    let row = |input: &Source| {
        let verified = if input.verified { "known data" } else { "" };
        let name = Path::new(&input.name);
        let name = folder.and_then(|folder| name.strip_prefix(folder).ok()).unwrap_or(name);
        vec![
            name.display().to_string(),
            thousands(input.bytes as usize),
            input.sha256.clone(),
            verified.to_owned(),
        ]
    };
    Table::new("Files that were read", &["file", "bytes", "SHA-256", ""], read.iter().map(row))
}
