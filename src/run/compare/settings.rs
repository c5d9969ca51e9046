//! What was done in the two runs of a comparison: an overview, and the settings that differ.

use super::pair::Pair;
use crate::evaluation::{Comparison, MapId};
use crate::format::thousands;
use crate::model::SummaryRow;
use crate::record::{FinishedRun, Manifest};
use crate::report::page::{Block, Table};
use serde_json::Value;
use std::path::Path;

/// Settings that follow from others, or that the overview has whole.
const LEFT_OUT: [&str; 4] = ["dataset", "layers", "looked_into", "split"];
/// Number of layers up to which a network is written out.
const MOST_LAYERS: usize = 12;

/// The overview of both runs, and a table of the settings that differ.
pub(super) fn overview(pair: &Pair<'_>, comparison: &Comparison) -> Vec<Block> {
    let runs = pair.runs.map(|run| &run.run);
    let of_network = comparison.accuracies.iter().find(|row| row.space.is_none());
    let accuracies = of_network.map_or([None; 2], |row| [row.value.a, row.value.b]);
    let accuracies = accuracies
        .map(|found| found.map_or_else(|| "–".into(), |found| format!("{:.4}", found.value)));
    let rows = [
        ("folder", runs.map(|run| run.path.display().to_string())),
        ("data", runs.map(|run| run.name.clone())),
        ("files that were read", files(runs)),
        ("fitted on", runs.map(|run| format!("{} training points", thousands(run.n_train)))),
        ("scored on", runs.map(scored_on)),
        ("network", runs.map(network)),
        ("accuracy of the network", accuracies),
        ("spaces", runs.map(spaces)),
        ("seed", runs.map(|run| run.manifest.seed.to_string())),
        ("device", runs.map(|run| run.manifest.device.name.clone())),
        ("version", runs.map(|run| run.manifest.layerlens_version.clone())),
        ("begun", runs.map(|run| run.manifest.started.clone())),
    ];
    let [a, b] = &pair.names;
    let header = ["", a, b];
    let row = |(name, [a, b]): (&str, [String; 2])| vec![name.to_owned(), a, b];
    let overview = Table::new("The two runs", &header, rows.map(row));
    let differing = differing(runs.map(|run| &run.manifest));
    let differing = match differing.is_empty() {
        true => Block::Text("No other setting differs.".into()),
        false => Block::Table(Table::new("Settings that differ", &header, differing)),
    };
    vec![Block::Table(overview), differing]
}

/// How many files each run read, and whether they are those of the other, to the last byte.
fn files(runs: [&FinishedRun; 2]) -> [String; 2] {
    let hashes = runs.map(|run| {
        let mut hashes: Vec<&str> =
            run.manifest.inputs.iter().map(|input| &*input.sha256).collect();
        hashes.sort_unstable();
        hashes
    });
    let counts = hashes.each_ref().map(|hashes| hashes.len().to_string());
    match (hashes[0] == hashes[1], hashes[0].is_empty()) {
        (true, true) => counts,
        (true, false) => counts.map(|n| format!("{n}, the same in both")),
        (false, _) => counts.map(|n| format!("{n}, not the same")),
    }
}

fn scored_on(run: &FinishedRun) -> String {
    format!("{} {}", thousands(run.n_scored()), run.scored_on().points())
}

fn spaces(run: &FinishedRun) -> String {
    run.spaces.iter().map(MapId::space_title).collect::<Vec<_>>().join(", ")
}

/// The layers of a network and its parameters, the file of one that was given as such, or a dash.
fn network(run: &FinishedRun) -> String {
    // Only a network whose steps fit each other has a summary; that of a manifest may not.
    let Some(architecture) = run.architecture.as_ref().filter(|found| found.steps().is_ok()) else {
        let file = run.manifest.config.pointer("/network/file").and_then(Value::as_str);
        let name = file.and_then(|file| Path::new(file).file_name());
        return name.map_or_else(|| "–".into(), |name| name.to_string_lossy().into_owned());
    };
    let layers = architecture.summary();
    let words = match layers.len() {
        0..=MOST_LAYERS => {
            let layer = |row: &SummaryRow| format!("{} {}", row.type_name, row.output);
            layers.iter().map(layer).collect::<Vec<_>>().join(", ")
        }
        n => format!("{n} layers"),
    };
    format!("{words}; {} parameters", thousands(architecture.n_parameters()))
}

/// Name, first and second value of each setting that differs.
fn differing(runs: [&Manifest; 2]) -> Vec<Vec<String>> {
    let mut found = Differing { seeds: runs.map(|run| run.seed.into()), rows: Vec::new() };
    let groups = runs.map(|run| {
        let mut group = members(&run.config).unwrap_or_default();
        group.retain(|(name, _)| !LEFT_OUT.contains(&name.as_str()));
        group
    });
    found.add_all("", &groups);
    found.rows
}

/// Names and values of a group of settings, or of a list of groups; none of anything else. A member of
/// a list is called by its `name` or `method`, else by its place and its type.
fn members(value: &Value) -> Option<Vec<(String, &Value)>> {
    let name = |(at, value): (usize, &Value)| {
        let text = |key: &str| value.get(key).and_then(Value::as_str);
        let own = text("name").or(text("method")).map(str::to_owned);
        own.unwrap_or_else(|| match text("type") {
            Some(kind) => format!("{at} {kind}"),
            None => at.to_string(),
        })
    };
    match value {
        Value::Object(group) => {
            Some(group.iter().map(|(key, value)| (key.clone(), value)).collect())
        }
        Value::Array(list) if list.iter().all(Value::is_object) => {
            let numbered = (1..).zip(list);
            Some(numbered.map(|(at, value)| (name((at, value)), value)).collect())
        }
        _ => None,
    }
}

/// Collects the settings that differ.
struct Differing {
    /// Seeds of the two runs, which the overview has: each `random_state` that is one is left out.
    seeds: [Value; 2],
    rows: Vec<Vec<String>>,
}

impl Differing {
    /// Adds what differs in two groups, whose names begin with `before`.
    fn add_all(&mut self, before: &str, groups: &[Vec<(String, &Value)>; 2]) {
        let mut names: Vec<&String> = Vec::new();
        for (name, _) in groups.iter().flatten() {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        for name in names {
            let values = groups.each_ref().map(|group| {
                group.iter().find(|(other, _)| other == name).map(|(_, value)| *value)
            });
            self.add(format!("{before}{name}"), values);
        }
    }

    fn add(&mut self, name: String, values: [Option<&Value>; 2]) {
        let seeds = self.seeds.each_ref().map(Some);
        if values[0] == values[1] || name.ends_with("random_state") && values == seeds {
            return;
        }
        match values.map(|value| value.and_then(members)) {
            [Some(a), Some(b)] => self.add_all(&format!("{name}."), &[a, b]),
            _ => {
                let absent = match values.iter().flatten().any(|value| value.is_object()) {
                    true => "no",
                    false => "–",
                };
                let [a, b] = values.map(|value| value.map_or_else(|| absent.into(), text));
                self.rows.push(vec![name, a, b]);
            }
        }
    }
}

/// A value in words.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "–".into(),
        // The settings of a part that only one run has say little.
        Value::Object(_) => "yes".into(),
        Value::Array(list) if list.is_empty() => "–".into(),
        Value::Array(list) => list.iter().map(text).collect::<Vec<_>>().join(", "),
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Rows of the settings that differ, by name, of runs with the seeds 1 and 2.
    fn rows(a: Value, b: Value) -> Vec<[String; 3]> {
        let mut found = Differing { seeds: [json!(1), json!(2)], rows: Vec::new() };
        found.add_all("", &[&a, &b].map(|config| members(config).unwrap()));
        // The order of keys is not that of the program, where other packages do not ask for it.
        found.rows.sort();
        found.rows.into_iter().map(|row| row.try_into().unwrap()).collect()
    }

    #[test]
    fn what_is_the_same_is_no_row() {
        let config = json!({ "a": { "b": [1, 2], "c": null, "random_state": 1 } });
        let mut other = config.clone();
        other["a"]["random_state"] = 2.into();
        assert!(rows(config, other).is_empty());
    }

    #[test]
    fn a_layer_and_a_method_are_called_by_their_names() {
        let network = |rate: f64, units: usize| {
            json!({ "layers": [
                { "type": "flatten" }, { "type": "dropout", "rate": rate },
                { "type": "dense", "name": "code", "units": units },
            ] })
        };
        assert_eq!(
            rows(json!({ "model": network(0.2, 8) }), json!({ "model": network(0.5, 9) })),
            [["model.layers.2 dropout.rate", "0.2", "0.5"], ["model.layers.code.units", "8", "9"]]
        );
        let method = |name: &str, k: usize| json!({ "method": name, "k": k });
        assert_eq!(
            rows(
                json!({ "clusters": [method("k-means", 3), method("dbscan", 5)] }),
                json!({ "clusters": [method("dbscan", 6)] })
            ),
            [["clusters.dbscan.k", "5", "6"], ["clusters.k-means", "yes", "no"]]
        );
        let none = rows(json!({ "clusters": [] }), json!({ "clusters": [method("dbscan", 6)] }));
        assert_eq!(none, [["clusters.dbscan", "no", "yes"]]);
    }

    #[test]
    fn other_values_are_shown_as_they_are() {
        assert_eq!(
            rows(
                json!({ "k": [3, 5], "names": ["x"], "init": null, "random_state": 7 }),
                json!({ "k": [3], "names": [], "init": "pca", "random_state": 7 })
            ),
            [["init", "–", "pca"], ["k", "3, 5", "3"], ["names", "x", "–"]]
        );
    }
}
