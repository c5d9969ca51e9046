//! Names of flags for the fields that the library names in its errors.

use super::Cli;
use super::config::{self, Origin};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory};
use layerlens::Error;
use layerlens::{clustering, embedding};
use std::borrow::Cow;
use std::fmt::{Display, Formatter};
use std::str::FromStr;
use std::sync::OnceLock;

/// Fields whose flag is called otherwise where a command has none of their own name, the likelier
/// first.
const OTHERWISE: [(&str, &str); 12] = [
    ("architecture", "model"),
    ("architecture", "models"),
    ("clusters", "method"),
    ("encoded", "encode"),
    ("features", "d"),
    ("formats", "format"),
    ("methods", "method"),
    ("n_replicates", "replicates"),
    ("points", "report_points"),
    ("preset", "preprocess"),
    ("random_state", "seed"),
    ("sizes", "n"),
];

/// Values that a whole flag stands for.
const VALUES: [(&str, &str); 3] = [
    ("DeviceChoice::Cpu", "--device cpu"),
    ("DeviceChoice::Gpu", "--device gpu"),
    ("Header::None", "--no-header"),
];

/// Where the output of a command goes if not to `--out`: what is said of the choice where something
/// is there already. It goes with the error as its context.
#[derive(Clone, Copy, Debug)]
pub struct Elsewhere(pub &'static str);

impl Display for Elsewhere {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        write!(out, "choose {}", self.0)
    }
}

/// One flag or argument of the command that was typed.
#[derive(Debug)]
struct NamedFlag {
    /// The name of its field.
    id: String,
    /// With its dashes; of an argument its name in the usage.
    shown: String,
    /// Other names, without dashes.
    aliases: Vec<String>,
    is_hidden: bool,
    /// `true` if it was typed, and not left at its default.
    is_typed: bool,
    /// What else it was taken from: an environment variable with its value, or a line of a file.
    elsewhere: Option<String>,
    /// The line of a file.
    origin: Option<&'static Origin>,
}

/// The settings that were not typed and are no defaults.
pub fn settings() -> impl Iterator<Item = String> {
    flags().iter().filter_map(|flag| {
        flag.elsewhere.as_ref().map(|elsewhere| format!("{} by {elsewhere}", flag.shown))
    })
}

/// Flags of the command that was typed, collected once.
fn flags() -> &'static [NamedFlag] {
    static FLAGS: OnceLock<Vec<NamedFlag>> = OnceLock::new();
    FLAGS.get_or_init(|| flags_of(config::words()))
}

/// Flags of the command of this command line; none if it cannot be parsed.
fn flags_of(
    words: impl IntoIterator<Item = impl Into<std::ffi::OsString> + Clone>,
) -> Vec<NamedFlag> {
    let mut command = Cli::command();
    let Ok(matches) = command.try_get_matches_from_mut(words) else { return Vec::new() };
    let (mut command, mut matches): (&Command, &ArgMatches) = (&command, &matches);
    while let Some((name, found)) = matches.subcommand()
        && let Some(below) = command.find_subcommand(name)
    {
        (command, matches) = (below, found);
    }
    command.get_arguments().map(|arg| NamedFlag::new(arg, matches)).collect()
}

impl NamedFlag {
    fn new(arg: &Arg, matches: &ArgMatches) -> Self {
        let id = arg.get_id().to_string();
        // The value's name is that of one; several are called by the field.
        let is_one = !matches!(arg.get_action(), ArgAction::Append);
        let source = |source| {
            matches.try_contains_id(&id).is_ok() && matches.value_source(&id) == Some(source)
        };
        let origin = config::origins().iter().find(|origin| origin.flag == id);
        let variable = arg.get_env().filter(|_| source(ValueSource::EnvVariable)).map(|variable| {
            let value = std::env::var_os(variable).unwrap_or_default();
            format!("{}={}", variable.to_string_lossy(), value.to_string_lossy())
        });
        let word = arg
            .get_value_names()
            .and_then(|names| names.first())
            .filter(|_| is_one)
            .map_or_else(|| id.clone(), ToString::to_string);
        Self {
            shown: arg.get_long().map_or(word, |long| format!("--{long}")),
            aliases: arg
                .get_all_aliases()
                .unwrap_or_default()
                .into_iter()
                .map(Into::into)
                .collect(),
            is_hidden: arg.is_hide_set(),
            is_typed: source(ValueSource::CommandLine),
            elsewhere: variable.or_else(|| {
                // A switch that the file leaves off is as by default.
                let origin = origin.filter(|_| source(ValueSource::CommandLine))?;
                Some(format!("{}, {}", origin.path.display(), origin.place))
            }),
            origin,
            id,
        }
    }

    fn is_called(&self, field: &str) -> bool {
        let long = dashed(field);
        self.id == field
            || self.shown.strip_prefix("--") == Some(&long)
            || self.aliases.contains(&long)
    }
}

fn dashed(field: &str) -> String {
    field.replace('_', "-")
}

/// The flag of `field`, if need be that of one method alone, as it was typed.
fn flag(flags: &[NamedFlag], field: &str) -> String {
    find(flags, field).map_or_else(|| format!("--{}", dashed(field)), |flag| flag.shown.clone())
}

fn find<'a>(flags: &'a [NamedFlag], field: &str) -> Option<&'a NamedFlag> {
    let called = |field: &str| flags.iter().find(|flag| flag.is_called(field));
    let otherwise = OTHERWISE.iter().filter(|(name, _)| *name == field).map(|(_, other)| *other);
    let plain = std::iter::once(field).chain(otherwise).find_map(called);
    if !plain.is_some_and(|plain| plain.is_typed) {
        let of_clusters = clustering::METHODS.iter().map(|method| method.name.replace('-', "_"));
        let owners = embedding::METHODS.iter().map(|method| method.name.to_owned());
        let alone = owners
            .chain(of_clusters)
            .filter_map(|owner| called(&format!("{owner}_{field}")))
            .find(|alone| alone.is_typed);
        if alone.is_some() {
            return alone;
        }
    }
    plain
}

/// The line of a file that a parameter's value came from.
fn origin(error: &Error) -> Option<&'static Origin> {
    let Error::Parameter { name, .. } = error else { return None };
    find(flags(), name)?.origin
}

/// `true` for a parameter whose value came from a file.
pub fn is_of_file(error: &Error) -> bool {
    origin(error).is_some()
}

/// The command that was typed, `data info` for example; the program alone is `run`.
pub fn command() -> String {
    let cli = Cli::command().ignore_errors(true);
    let Ok(matches) = cli.try_get_matches_from(config::words()) else { return String::new() };
    let mut names: Vec<&str> = Vec::new();
    let mut below = &matches;
    while let Some((name, inner)) = below.subcommand() {
        names.push(name);
        below = inner;
    }
    if names.is_empty() { "run".into() } else { names.join(" ") }
}

/// The exit code of an error; what a file says is input, not usage.
pub fn exit_code(error: &Error) -> u8 {
    let of_file = origin(error).map(|origin| Error::input(&origin.path, String::new()));
    of_file.as_ref().unwrap_or(error).exit_code()
}

/// Flag of `Owner::field`; none if that is no name of a field.
fn flag_of_owner(flags: &[NamedFlag], path: &str) -> Option<String> {
    if let Some((_, flag)) = VALUES.iter().find(|(value, _)| *value == path) {
        return Some((*flag).to_owned());
    }
    let (owner, field) = path.split_once("::")?;
    let is_type = owner.starts_with(|c: char| c.is_ascii_uppercase())
        && owner.chars().all(|c| c.is_ascii_alphanumeric());
    let is_field = !field.is_empty()
        && field.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if !(is_type && is_field) {
        return None;
    }
    // The flag of one method alone is shown in the help where the shared one means something else.
    let alone = format!("{}_{field}", owner.to_lowercase());
    let alone = flags.iter().find(|flag| flag.id == alone && !flag.is_hidden);
    Some(alone.map_or_else(|| flag(flags, field), |alone| alone.shown.clone()))
}

fn spoken_with<'a>(flags: impl Fn() -> &'a [NamedFlag], text: &str) -> Cow<'_, str> {
    if !text.contains("::") {
        return Cow::Borrowed(text);
    }
    let mut said = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('`') {
        said += before;
        let named = after
            .split_once('`')
            .and_then(|(path, after)| Some((flag_of_owner(flags(), path)?, after)));
        match named {
            Some((flag, after)) => {
                said += &flag;
                rest = after;
            }
            None => {
                said.push('`');
                rest = after;
            }
        }
    }
    Cow::Owned(said + rest)
}

/// A text of the library with flags for the fields that it names, `` `Tsne::learning_rate` `` for
/// example.
pub fn spoken(text: &str) -> Cow<'_, str> {
    spoken_with(flags, text)
}

/// An error of the library in the words of the command line; `elsewhere` is what is chosen where
/// the output is there already.
pub fn error(error: &Error, elsewhere: Elsewhere) -> String {
    match error {
        Error::Parameter { name, value, expected } => {
            let name = match origin(error) {
                Some(Origin { path, place, .. }) => format!("{}: {place}", path.display()),
                None => flag(flags(), name),
            };
            format!("{name} = {value}: {}", spoken(expected))
        }
        Error::Exists(_) => format!("{error}; {elsewhere}, or pass --force to replace it"),
        other => spoken(&other.to_string()).into_owned(),
    }
}

/// A flag's value for clap, which names the flag and what was given itself.
pub fn value<T: FromStr<Err = Error>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error| match error {
        Error::Parameter { expected, .. } => expected,
        other => other.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Vec<NamedFlag> {
        let flags = flags_of(line.split(' '));
        assert!(!flags.is_empty(), "{line}");
        flags
    }

    #[test]
    fn a_field_is_called_by_the_flag_of_its_command() {
        for (line, field, expected) in [
            ("layerlens run", "n_neighbors", "--n-neighbors"),
            ("layerlens run", "random_state", "--seed"),
            ("layerlens run", "seed", "--seed"),
            ("layerlens run", "methods", "--methods"),
            ("layerlens run", "clusters", "--clusters"),
            ("layerlens run", "architecture", "--architecture"),
            ("layerlens embed x.npy", "methods", "--method"),
            ("layerlens cluster x.npy", "clusters", "--method"),
            ("layerlens bench", "sizes", "--n"),
            ("layerlens bench", "features", "--d"),
            ("layerlens compare a b", "n_replicates", "--replicates"),
            ("layerlens compare-models", "encoded", "--encode"),
            ("layerlens compare-models", "models", "models"),
            ("layerlens compare-models", "architecture", "models"),
            ("layerlens model show mlp", "architecture", "NAME|FILE"),
            ("layerlens export run", "formats", "--format"),
            ("layerlens export run", "points", "--report-points"),
            ("layerlens data fetch mnist", "dataset", "DATASET"),
            ("layerlens devices", "report_points", "--report-points"),
            // What was typed for one method alone.
            ("layerlens run --tsne-learning-rate 0", "learning_rate", "--tsne-learning-rate"),
            ("layerlens run --tsne-perplexity 500", "perplexity", "--tsne-perplexity"),
            (
                "layerlens run --learning-rate 0 --tsne-learning-rate 1",
                "learning_rate",
                "--learning-rate",
            ),
            ("layerlens cluster x.npy --k-means-max-iter 0", "max_iter", "--k-means-max-iter"),
        ] {
            assert_eq!(flag(&of(line), field), expected, "{line}");
        }
    }

    #[test]
    fn a_text_names_flags() {
        let (run, embed) = (of("layerlens run"), of("layerlens embed x.npy"));
        let run = |text| spoken_with(|| &run, text).into_owned();
        assert_eq!(run("try `Umap::init` random"), "try --init random");
        assert_eq!(
            run("`Destination::resume` `Destination::out` a`b goes on"),
            "--resume --out a`b goes on"
        );
        assert_eq!(
            run("pass `DeviceChoice::Cpu`; `Header::None` reads it"),
            "pass --device cpu; --no-header reads it"
        );
        // Beside the training's flag that of the method alone.
        assert_eq!(run("a smaller `Tsne::learning_rate`"), "a smaller --tsne-learning-rate");
        assert_eq!(run("a smaller `Training::learning_rate`"), "a smaller --learning-rate");
        assert_eq!(
            spoken_with(|| &embed, "a smaller `Tsne::learning_rate`"),
            "a smaller --learning-rate"
        );
    }

    /// Classes, columns and keys stand between the same marks.
    #[test]
    fn names_of_the_user_stay() {
        for text in [
            "the class `background`",
            "unknown key `learning_rate`",
            "`a` `b`",
            "odd ` a::b",
            "`Option::unwrap()` on",
            "`::x`",
        ] {
            assert_eq!(spoken(text), text);
        }
    }
}
