//! `--config FILE.toml`: settings from a file.
//!
//! The settings become words of the command line, as if they had been typed, so that there is one
//! parser, one check and one set of messages for both. A setting is left out where the flag was
//! typed or its environment variable is set, and where a typed flag excludes it: the order is flag,
//! environment, file, default. Defaults of the parser would give the same order with less work, but
//! clap does not hold defaults against each other, so that flags which exclude each other would
//! pass if they stood in a file.

mod models;
mod settings;

pub use models::{candidates, model};

use clap::error::{ContextKind, ContextValue};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory};
use layerlens::{Error, clustering, embedding};
use settings::Setting;
use std::error::Error as _;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A setting that came from the file.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Name of its flag, with underscores.
    pub flag: String,
    /// Its flag as the parser's messages show it.
    shown: String,
    /// The file.
    pub path: PathBuf,
    /// The line, and the key.
    pub place: String,
}

/// The command line with the settings of the file, and these.
static MERGED: OnceLock<(Vec<OsString>, Vec<Origin>)> = OnceLock::new();

/// The words that are parsed.
pub fn words() -> Vec<OsString> {
    MERGED.get().map_or_else(|| std::env::args_os().collect(), |(words, _)| words.clone())
}

/// The settings of the file that are in force.
pub fn origins() -> &'static [Origin] {
    MERGED.get().map_or(&[], |(_, origins)| origins)
}

/// The command line with the settings of its `--config`, if it has one.
///
/// # Errors
/// [`Error::Input`] if the file cannot be read, or holds what is no setting of the command.
pub fn merge(typed: &[OsString]) -> Result<Vec<OsString>, Error> {
    let merged = merged(typed)?;
    Ok(MERGED.get_or_init(|| merged).0.clone())
}

fn merged(typed: &[OsString]) -> Result<(Vec<OsString>, Vec<Origin>), Error> {
    let unchanged = || Ok((typed.to_vec(), Vec::new()));
    let mut cli = super::Cli::command().ignore_errors(true);
    // Help and version; what else is wrong is said by the parser proper.
    let Ok(matches) = cli.try_get_matches_from_mut(typed) else { return unchanged() };
    let Some(path) = matches.get_one::<PathBuf>("config") else { return unchanged() };
    if matches.subcommand().is_none() {
        let mut with_run = typed.to_vec();
        with_run.insert(1.min(typed.len()), "run".into());
        return merged(&with_run);
    }
    let (mut command, mut given): (&Command, &ArgMatches) = (&cli, &matches);
    while let Some((name, below)) = given.subcommand()
        && let Some(inner) = command.find_subcommand(name)
    {
        (command, given) = (inner, below);
    }
    let text =
        std::fs::read_to_string(path).map_err(|error| Error::input(path, error.to_string()))?;
    let line = Typed { command, given };
    let settings: Vec<Setting> = settings::read(path, &text, command)?
        .into_iter()
        .filter(|setting| line.leaves_room_for(setting))
        .collect();
    let words = line.with(typed, &settings);
    let origins = settings.iter().map(|setting| origin(path, command, setting)).collect();
    Ok((words, origins))
}

fn origin(path: &Path, command: &Command, setting: &Setting) -> Origin {
    Origin {
        flag: setting.flag.clone(),
        shown: settings::find(command, &setting.flag).map_or(String::new(), ToString::to_string),
        path: path.to_owned(),
        place: format!("line {}: {}", setting.line, setting.key),
    }
}

/// What was typed, or set in the environment.
struct Typed<'a> {
    command: &'a Command,
    given: &'a ArgMatches,
}

impl Typed<'_> {
    fn has(&self, id: &str) -> bool {
        let source = || self.given.value_source(id);
        self.given.try_contains_id(id).is_ok()
            && matches!(source(), Some(ValueSource::CommandLine | ValueSource::EnvVariable))
    }

    fn args(&self) -> impl Iterator<Item = &Arg> {
        self.command.get_arguments().filter(|arg| self.has(arg.get_id().as_str()))
    }

    fn list(&self, id: &str) -> Vec<&String> {
        let values = self.given.try_get_many::<String>(id).ok().flatten();
        values.map_or(Vec::new(), Iterator::collect)
    }

    /// `false` for a setting that something typed goes before.
    fn leaves_room_for(&self, setting: &Setting) -> bool {
        let Some(arg) = settings::find(self.command, &setting.flag) else { return false };
        if arg.is_positional() {
            return !self.args().any(Arg::is_positional);
        }
        let excludes = |typed: &Arg| {
            typed.get_id() == arg.get_id()
                || self.excludes(typed, arg)
                || self.excludes(arg, typed)
                || is_shared(typed, arg)
                // Other widths are another model than that of the file.
                || (typed.get_id() == "hidden" && arg.get_id() == "architecture")
        };
        let is_chosen = |method: &String| {
            ["methods", "method", "clusters"].iter().all(|list| {
                let names = if self.has(list) { self.list(list) } else { Vec::new() };
                !is_of_list(arg, list, self.command) || names.is_empty() || names.contains(&method)
            })
        };
        !self.args().any(excludes) && setting.method.iter().all(is_chosen)
    }

    fn excludes(&self, one: &Arg, other: &Arg) -> bool {
        self.command.get_arg_conflicts_with(one).iter().any(|arg| arg.get_id() == other.get_id())
    }

    /// The words with those of the settings: flags behind the rest, arguments at the end.
    fn with(&self, typed: &[OsString], settings: &[Setting]) -> Vec<OsString> {
        let mut words = typed.to_vec();
        let end = words.iter().position(|word| word == "--").unwrap_or(words.len());
        let (mut flags, mut arguments) = (Vec::new(), Vec::new());
        for setting in settings {
            match settings::find(self.command, &setting.flag) {
                Some(arg) if arg.is_positional() => arguments.push((arg.get_index(), setting)),
                Some(arg) => flags.extend(typed_as(arg, setting)),
                None => (),
            }
        }
        words.splice(end..end, flags);
        if !arguments.is_empty() {
            arguments.sort_by_key(|(index, _)| *index);
            words.push("--".into());
            words.extend(arguments.iter().flat_map(|(_, it)| &it.words).map(OsString::from));
        }
        words
    }
}

/// `true` if a flag that was typed goes to the method of a setting too: `--perplexity` beside
/// `tsne_perplexity`.
fn is_shared(typed: &Arg, of_file: &Arg) -> bool {
    let owners = embedding::METHODS.iter().map(|method| method.name);
    let mut owners = owners.chain(clustering::METHODS.iter().map(|method| method.name));
    let prefix = of_file.get_id().as_str().strip_suffix(typed.get_id().as_str());
    let Some(owner) = prefix.and_then(|prefix| prefix.strip_suffix('_')) else { return false };
    typed.get_help_heading() == of_file.get_help_heading()
        && owners.any(|name| name.replace('-', "_") == owner)
}

/// `true` if a flag is a parameter of the methods that another flag lists.
fn is_of_list(arg: &Arg, list: &str, command: &Command) -> bool {
    // The only list of `cluster` is of methods of clustering.
    let is_of_clusters = arg.get_help_heading() == Some("Clusters");
    let has_clusters = command.get_arguments().any(|arg| arg.get_id() == "clusters");
    is_of_clusters == (list == "clusters" || (list == "method" && !has_clusters && is_of_clusters))
}

/// A setting as it is typed.
fn typed_as(arg: &Arg, setting: &Setting) -> Vec<OsString> {
    let long = arg.get_long().unwrap_or_default();
    if !arg.get_action().takes_values() {
        let is_on = setting.words.iter().all(|word| word == "true");
        return if is_on { vec![format!("--{long}").into()] } else { Vec::new() };
    }
    let with = |value: &str| OsString::from(format!("--{long}={value}"));
    match arg.get_action() {
        clap::ArgAction::Append if arg.get_value_delimiter().is_none() => {
            setting.words.iter().map(|word| with(word)).collect()
        }
        _ => vec![with(&setting.words.join(","))],
    }
}

/// The lines of the file that a refusal of the parser names the flags of.
pub fn named_in(refusal: &clap::Error) -> Vec<String> {
    let text = refusal.render().to_string();
    let named = origins().iter().filter(|origin| text.contains(&origin.shown));
    named.map(|origin| format!("note: {}: {}", origin.path.display(), origin.place)).collect()
}

/// The parser's refusal of a value, as a fault of the file that it came from.
pub fn blame(refusal: &clap::Error) -> Option<Error> {
    let text = |kind| match refusal.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => Some(texts.join(", ")),
        _ => None,
    };
    let flag = text(ContextKind::InvalidArg)?;
    let value = text(ContextKind::InvalidValue)?;
    let origin = origins().iter().find(|origin| origin.shown == flag)?;
    let expected = match (text(ContextKind::ValidValue), refusal.source()) {
        (Some(values), _) => format!("one of {values}"),
        (None, Some(reason)) => match reason.to_string().as_str() {
            "invalid digit found in string" => "a whole number of at least 0".into(),
            "invalid float literal" => "a number".into(),
            reason => reason.to_owned(),
        },
        (None, None) => "a value".into(),
    };
    Some(Error::input(&origin.path, format!("{} = {value}: {expected}", origin.place)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line whose `FILE` holds the text, merged; without the program and the file.
    fn merged_with(text: &str, line: &str) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.toml");
        std::fs::write(&path, text).unwrap();
        let path = path.display().to_string();
        let line = format!("layerlens {line} --config {path}");
        let (words, _) = merged(&line.split_whitespace().map(Into::into).collect::<Vec<_>>())
            .map_err(|error| error.to_string().replace(&path, "FILE"))?;
        let words: Vec<_> = words[1..].iter().map(|word| word.to_string_lossy()).collect();
        Ok(words.join(" ").replace(&path, "FILE").replace(" --config FILE", ""))
    }

    #[test]
    fn settings_become_words_of_the_line() {
        for (text, line, expected) in [
            ("seed = 3", "run", "run --seed=3"),
            ("random_state = 3", "run", "run --seed=3"),
            ("learning-rate = 0.5", "train", "train --learning-rate=0.5"),
            ("force = true\ntranspose = false", "train", "train --force"),
            ("class_names = [\"a,b\", \"c\"]", "train", "train --class-names=a,b --class-names=c"),
            ("n = [10, 20]", "bench", "bench --n=10,20"),
            ("whiten = false", "embed x", "embed x --whiten=false"),
            ("seed = 3", "", "run --seed=3"),
            ("input = \"x\"\nmethod = \"pca\"", "embed", "embed --method=pca -- x"),
            ("runs = [\"x\", \"y\"]", "compare", "compare -- x y"),
            // Tables of a run's config.toml.
            ("clusters = []", "run", "run --clusters=none"),
            ("[data]\nheader = \"none\"\nsize = \"8x8\"", "run", "run --no-header --size=8x8"),
            ("[training]\nrandom_state = 3", "run", "run --seed=3"),
            ("[neighbors]\nmethod = \"exact\"", "run", "run --neighbors-search=exact"),
            (
                "[methods.umap]\nspread = 2\n[methods.pca]",
                "run",
                "run --methods=umap,pca --umap-spread=2",
            ),
            (
                "[[methods]]\nmethod = \"k-means\"\nn_init = 2",
                "cluster x",
                "cluster x --method=k-means --k-means-n-init=2",
            ),
            ("[model]\ninput = [8, 8, 1]", "run", "run --architecture=FILE"),
            ("[split]\ntrain = 3\n[[looked_into]]\nlayer = 1", "run", "run"),
            ("n_neighbors = [3, 5, 10]", "run", "run"),
            ("n_neighbors = 20", "run", "run --n-neighbors=20"),
            ("n_neighbors = [3, 5]", "evaluate", "evaluate --n-neighbors=3,5"),
        ] {
            assert_eq!(merged_with(text, line).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_typed_goes_before() {
        for (text, line, expected) in [
            ("seed = 3", "run --seed 4", "run --seed 4"),
            ("seed = 3", "--seed 4 run", "--seed 4 run"),
            ("input = \"x\"", "embed y", "embed y"),
            // What a typed flag excludes.
            ("epochs = 3\n[model]", "run --model w", "run --model w"),
            ("from_activations = \"a\"", "run --dataset digits", "run --dataset digits"),
            ("architecture = \"cnn-a\"", "run --hidden 8", "run --hidden 8"),
            // Parameters of the methods.
            ("tsne_perplexity = 3", "run --perplexity 4", "run --perplexity 4"),
            (
                "early_exaggeration = 3",
                "run --exaggeration 4",
                "run --exaggeration 4 --early-exaggeration=3",
            ),
            (
                "tsne_learning_rate = 3",
                "run --learning-rate 4",
                "run --learning-rate 4 --tsne-learning-rate=3",
            ),
            ("[methods.umap]\nspread = 2", "run --methods pca", "run --methods pca"),
            (
                "[methods.umap]\nspread = 2",
                "run --methods umap",
                "run --methods umap --umap-spread=2",
            ),
            (
                "[[clusters]]\nmethod = \"dbscan\"\neps = 2",
                "run --clusters k-means",
                "run --clusters k-means",
            ),
            (
                "[[clusters]]\nmethod = \"dbscan\"\neps = 2",
                "run --methods pca",
                "run --methods pca --clusters=dbscan --dbscan-eps=2",
            ),
            (
                "[[methods]]\nmethod = \"dbscan\"\neps = 2",
                "cluster x --method k-means",
                "cluster x --method k-means",
            ),
        ] {
            assert_eq!(merged_with(text, line).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_setting_is_refused_with_its_line() {
        for (text, line, expected) in [
            ("\nsed = 3", "run", "FILE: line 2: sed is no flag of run; did you mean seed?"),
            ("epochs = 3", "devices", "FILE: line 1: epochs is no flag of devices"),
            (
                "[data]\nsize = \"8x8\"\nsizes = 3",
                "run",
                "FILE: line 3: data.sizes is no flag of run; did you mean size?",
            ),
            (
                "[methods.umap]\nspred = 2",
                "run",
                "FILE: line 2: methods.umap.spred is no flag of run; did you mean spread?",
            ),
            ("[split]\n[spilt]", "run", "FILE: line 2: spilt is no flag of run"),
            ("config = \"x\"", "run", "FILE: line 1: config is no flag of run"),
            ("force = 1", "run", "FILE: line 1: force must be true or false"),
            (
                "seed = 3\n[training]\nrandom_state = 4",
                "run",
                "FILE: line 3: training.random_state = 4, but line 1: seed = 3",
            ),
            ("seed = {}", "run", "FILE: line 1: seed must be a text, a number or a list of them"),
            (
                "[neighbors]\nresident_bytes = 3",
                "run",
                "FILE: line 2: neighbors.resident_bytes is always 2147483648; no flag changes it",
            ),
            ("seed = ", "run", "FILE: line 1: not TOML"),
        ] {
            let refused = merged_with(text, line).unwrap_err();
            assert!(refused.starts_with(expected), "{text}: {refused}");
        }
    }
}
