//! The floors of the library: what may import what. Every rule names the file and the line that
//! breaks it.

use crate::support::library;
use std::collections::{BTreeMap, BTreeSet};

/// Rooms from the ground up: each imports only from floors below its own.
const FLOORS: [&[&str]; 13] = [
    &["error", "format", "lanes", "random", "sealed"],
    &["archive", "files", "matrix", "parameters", "section"],
    &["progress"],
    &["compute", "digits", "middle", "model"],
    &["numbers"],
    &["dataset", "range"],
    &["neighbors", "onnx", "training"],
    &["activations", "clustering", "embedding", "recipe"],
    &["evaluation"],
    &["profile"],
    &["benchmark", "record"],
    &["parity", "report"],
    &["run"],
];

/// Who may name a dependency, and nobody else.
const NAMED_IN: [(&str, &[&str]); 5] = [
    ("wgpu", &["compute"]),
    ("burn", &["activations", "compute", "model", "training"]),
    ("rten", &["onnx"]),
    ("rten_onnx", &["onnx"]),
    ("rten_tensor", &["onnx"]),
];

/// The folders of a run: what lies in them is named by `record::Artifact` alone. The command line
/// tells where to look.
const RUN_FOLDERS: [&str; 9] = [
    "activations/",
    "clusters/",
    "embeddings/",
    "epochs/",
    "figures/",
    "maps/",
    "model/",
    "neighbors/",
    "scores/",
];

/// An import that goes up on purpose: the device compiles every kernel ahead.
const UPWARD: [(&str, &str); 1] = [("compute/gpu", "kernels")];

/// Files of a room that import each other: pairs of a kernel and what it is made of, and the parts
/// of one device.
const CIRCLES: [&[&str]; 8] = [
    &["compute/adapter", "compute/faults", "compute/gpu", "compute/pipelines", "compute/queue"],
    &["embedding/collapse", "embedding/init"],
    &["embedding/pca/deflation", "embedding/pca/solvers"],
    &["embedding/trimap/triplet_forces", "embedding/trimap/triplet_layout"],
    &["embedding/tsne/fourier", "embedding/tsne/spectrum"],
    &["embedding/umap/fuzzy_layout", "embedding/umap/lanes"],
    &["model/architecture", "model/weights"],
    &["neighbors/choice", "neighbors/search"],
];

/// A file of the library: its module, `run/report/tables` for example, and its code.
struct Source {
    path: String,
    module: String,
    /// Lines without comments and without the file's own tests.
    code: String,
}

fn sources() -> Vec<Source> {
    let others = library().into_iter().filter(|(path, _)| path != "src/lib.rs");
    let source = |(path, text): (String, String)| {
        let below = path.trim_start_matches("src/").trim_end_matches(".rs");
        let module = below.strip_suffix("/mod").unwrap_or(below).to_owned();
        Source { code: code_of(&text), path, module }
    };
    others.map(source).collect()
}

/// The text up to the tests, comments emptied, so that lines keep their numbers.
fn code_of(text: &str) -> String {
    let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    let lines = text[..end].lines().map(|line| {
        // An address in a literal is no comment.
        let comment = line.match_indices("//").find(|(at, _)| !line[..*at].ends_with(':'));
        comment.map_or(line, |(at, _)| &line[..at])
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn line_of(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}

/// Every path that begins with `head`, braces expanded: where it stands, and its segments.
fn paths(code: &str, head: &str) -> Vec<(usize, Vec<String>)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices(&format!("{head}::")) {
        let before = code[..at].chars().next_back();
        if !before.is_some_and(|before| before.is_alphanumeric() || before == '_' || before == ':')
        {
            expand(&code[at + head.len() + 2..], vec![head.to_owned()], &mut |path| {
                found.push((at, path))
            });
        }
    }
    found
}

/// Reads a use tree, and returns what follows it.
fn expand<'a>(
    mut text: &'a str,
    mut path: Vec<String>,
    found: &mut dyn FnMut(Vec<String>),
) -> &'a str {
    loop {
        text = text.trim_start();
        if let Some(mut inner) = text.strip_prefix('{') {
            while !inner.trim_start().starts_with('}') && !inner.trim_start().is_empty() {
                inner = expand(inner, path.clone(), found).trim_start();
                // A name that is taken under another one.
                if let Some(renamed) = inner.strip_prefix("as ") {
                    inner = renamed.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_');
                }
                inner = inner.trim_start().strip_prefix(',').unwrap_or(inner);
            }
            return inner.trim_start().strip_prefix('}').unwrap_or("");
        }
        let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        if name.is_empty() {
            found(path);
            return rest.get(1..).unwrap_or("");
        }
        path.push(name.to_owned());
        match rest.strip_prefix("::") {
            Some(rest) => text = rest,
            None => {
                found(path);
                return rest;
            }
        }
    }
}

fn floor_of(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

fn room_of(module: &str) -> &str {
    module.split('/').next().unwrap_or(module)
}

/// Imports of a file that do not go down.
fn upward(source: &Source) -> Vec<String> {
    let room = room_of(&source.module);
    let Some(own) = floor_of(room) else {
        return vec![format!("{}: the room {room} stands on no floor", source.path)];
    };
    let wrong = |(at, path): (usize, Vec<String>)| {
        let target = path.get(1)?;
        let goes_down = target == room || floor_of(target).is_some_and(|floor| floor < own);
        let is_meant = UPWARD.contains(&(source.module.as_str(), target.as_str()));
        let line = line_of(&source.code, at);
        (!goes_down && !is_meant)
            .then(|| format!("{}:{line}: {room} imports crate::{target}", source.path))
    };
    paths(&source.code, "crate").into_iter().filter_map(wrong).collect()
}

#[test]
fn imports_go_down() {
    let wrong: Vec<String> = sources().iter().flat_map(upward).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn dependencies_are_named_where_they_belong() {
    let mut wrong = Vec::new();
    for (dependency, rooms) in NAMED_IN {
        for source in sources().iter().filter(|source| !rooms.contains(&room_of(&source.module))) {
            let named = paths(&source.code, dependency).into_iter();
            wrong.extend(named.map(|(at, _)| {
                format!("{}:{}: {dependency}", source.path, line_of(&source.code, at))
            }));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Lines with a literal of a file in a folder of a run; that of a folder itself ends with a slash.
fn spelled(code: &str) -> Vec<usize> {
    let mut found = Vec::new();
    for folder in RUN_FOLDERS {
        for (at, start) in code.match_indices(&format!("\"{folder}")) {
            let rest = code[at + start.len()..].split('"').next().unwrap_or_default();
            if !rest.is_empty() && !rest.ends_with('/') {
                found.push(line_of(code, at));
            }
        }
    }
    found
}

#[test]
fn files_of_a_run_are_named_by_its_record_alone() {
    let all = sources();
    let others = all.iter().filter(|source| room_of(&source.module) != "record");
    let wrong: Vec<String> = others
        .flat_map(|source| {
            spelled(&source.code).into_iter().map(|line| format!("{}:{line}", source.path))
        })
        .collect();
    assert!(wrong.is_empty(), "paths of a run:\n{}", wrong.join("\n"));
}

/// What modules give out under their own name: module and name, and the module that has it.
type GivenOn = BTreeMap<(String, String), String>;

fn given_on(all: &[Source], modules: &BTreeSet<&str>) -> GivenOn {
    let mut found = GivenOn::new();
    for Source { module, code, .. } in all {
        for line in code.split(';').filter_map(|item| {
            item.trim_start().strip_prefix("pub").and_then(|rest| rest.split_once("use "))
        }) {
            // Between `pub` and `use` stands at most a restriction.
            if line.0.trim().is_empty() || line.0.starts_with('(') {
                expand(line.1, vec!["self".into()], &mut |path| {
                    let Some(name) = path.last().cloned() else { return };
                    if let Some(to) =
                        target(modules, &GivenOn::new(), module, &path).filter(|to| to != module)
                    {
                        found.insert((module.clone(), name), to);
                    }
                });
            }
        }
    }
    found
}

/// The module that a path leads to from a file, a part of which names a thing in it.
fn target(
    modules: &BTreeSet<&str>,
    given_on: &GivenOn,
    from: &str,
    path: &[String],
) -> Option<String> {
    let mut at: Vec<&str> = if path[0] == "crate" { Vec::new() } else { from.split('/').collect() };
    for segment in path.iter().skip_while(|segment| *segment == "crate" || *segment == "self") {
        if segment == "super" {
            at.pop();
        } else if modules.contains(
            at.iter().copied().chain([segment.as_str()]).collect::<Vec<_>>().join("/").as_str(),
        ) {
            at.push(segment);
        } else if let Some(to) = given_on.get(&(at.join("/"), segment.clone())) {
            return Some(to.clone());
        } else {
            break;
        }
    }
    Some(at.join("/")).filter(|module| modules.contains(module.as_str()))
}

/// Files of one room that import each other, by way of others too. What a file takes from the one
/// that it is a part of does not count.
fn circles(all: &[Source]) -> BTreeSet<Vec<String>> {
    let modules: BTreeSet<&str> = all.iter().map(|source| source.module.as_str()).collect();
    let given_on = given_on(all, &modules);
    let mut imports: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for Source { module, code, .. } in all {
        // A `mod cpu { .. }` within a file is one further from what is beside the file.
        let inner =
            code.find("\nmod cpu {").or_else(|| code.find("\npub mod cpu {")).unwrap_or(code.len());
        for (at, mut path) in paths(code, "super").into_iter().chain(paths(code, "crate")) {
            if at > inner && path[0] == "super" {
                path.remove(0);
                if path.first().is_none_or(|first| first != "super") {
                    continue;
                }
            }
            let Some(to) = target(&modules, &given_on, module, &path) else { continue };
            let is_part = *module == to || module.starts_with(&format!("{to}/"));
            if !is_part && room_of(&to) == room_of(module) {
                imports.entry(module).or_default().insert(to);
            }
        }
    }
    let reach = |from: &str| {
        let mut seen = BTreeSet::new();
        let mut open = vec![from.to_owned()];
        while let Some(module) = open.pop() {
            for to in imports.get(module.as_str()).into_iter().flatten() {
                if seen.insert(to.clone()) {
                    open.push(to.clone());
                }
            }
        }
        seen
    };
    let reached: BTreeMap<&str, BTreeSet<String>> =
        modules.iter().map(|module| (*module, reach(module))).collect();
    let circle = |module: &&str| {
        let mates =
            reached[*module].iter().filter(|other| reached[other.as_str()].contains(*module));
        mates.cloned().collect::<Vec<_>>()
    };
    modules.iter().map(circle).filter(|mates| mates.len() > 1).collect()
}

#[test]
fn no_more_circles_than_are_known() {
    let known: BTreeSet<Vec<String>> = CIRCLES
        .iter()
        .map(|circle| circle.iter().map(|module| (*module).to_owned()).collect())
        .collect();
    let found = circles(&sources());
    assert_eq!(found, known, "one that is gone is to be taken off the list");
}

#[test]
fn broken_rules_are_noticed() {
    let file = |module: &str, code: &str| Source {
        path: format!("src/{module}.rs"),
        module: module.into(),
        code: code_of(code),
    };
    let wrong = upward(&file(
        "neighbors/knn",
        "use crate::error::Error;\n// crate::run\nuse crate::{matrix::Matrix, run::{self}};",
    ));
    assert_eq!(wrong, ["src/neighbors/knn.rs:3: neighbors imports crate::run"]);
    assert_eq!(upward(&file("run/study", "let x = crate::report::page::write();")), [""; 0]);
    assert_eq!(upward(&file("attic", "")).len(), 1);
    assert_eq!(
        spelled("let a = 1;\nlet path = \"scores/knn.csv\";\nstarts_with(\"scores/\")"),
        [2]
    );
    let room = file("run", "pub mod b;\npub use b::B;");
    let all = [
        room,
        file("run/a", "use super::B;"),
        file("run/b", "use crate::run::{c::C, d};"),
        file("run/c", "use super::a;"),
    ];
    assert_eq!(
        circles(&all),
        BTreeSet::from([vec!["run/a".to_owned(), "run/b".to_owned(), "run/c".to_owned()]])
    );
    assert_eq!(circles(&all[..3]), BTreeSet::new());
}
