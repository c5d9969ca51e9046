//! The reference of all commands and flags in Markdown, made of what the parser itself knows.

use super::completions::commands;
use clap::builder::PossibleValue;
use clap::{Arg, Command};

/// What stands above the commands.
const HEAD: &str = include_str!("reference.md");

/// The page of a program whose parser is built.
pub fn reference(cli: &Command) -> String {
    let mut text = HEAD.to_owned();
    text += "\n## Flags of every command\n\n";
    text += &list(cli.get_arguments().filter(|arg| is_shown(arg) && is_everywhere(arg)));
    for command in commands(cli) {
        text += &section(command);
    }
    text
}

fn is_shown(arg: &&Arg) -> bool {
    !arg.is_hide_set()
}

/// `true` for the flags that are described once: those of every command, and the help and version.
fn is_everywhere(arg: &Arg) -> bool {
    arg.is_global_set() || ["help", "version"].contains(&arg.get_id().as_str())
}

/// A command: what it does, how it is called, its arguments, and its flags by the headings of the
/// help.
fn section(command: &Command) -> String {
    let name = command.get_bin_name().unwrap_or(command.get_name());
    let about = command.get_long_about().or(command.get_about());
    let about = about.map_or(String::new(), |about| marked(&about.to_string()));
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").trim();
    let mut text = format!("\n## {name}\n\n{about}\n\n```text\n{usage}\n```\n");
    let aliases: Vec<String> =
        command.get_visible_aliases().map(|alias| format!("`{alias}`")).collect();
    if !aliases.is_empty() {
        text += &format!("\nAlso called {}.\n", aliases.join(", "));
    }
    let own = || command.get_arguments().filter(|arg| is_shown(arg) && !is_everywhere(arg));
    let mut headings: Vec<&str> = own().map(heading).collect();
    let mut known = std::collections::HashSet::new();
    headings.retain(|heading| known.insert(*heading));
    // As in the help: the arguments first, then what has no heading of its own.
    headings.sort_by_key(|heading| match *heading {
        ARGUMENTS => 0,
        OPTIONS => 1,
        _ => 2,
    });
    for title in headings {
        text += &format!("\n**{title}**\n\n");
        text += &list(own().filter(|arg| heading(arg) == title));
    }
    let alone: Vec<String> = command
        .get_arguments()
        .filter(|arg| arg.is_hide_set())
        .filter_map(|arg| arg.get_long().map(|long| format!("`--{long}`")))
        .collect();
    if !alone.is_empty() {
        text += &format!("\nThe same parameters for one method alone: {}.\n", alone.join(", "));
    }
    text
}

const ARGUMENTS: &str = "Arguments";
const OPTIONS: &str = "Options";

fn heading(arg: &Arg) -> &str {
    match arg.get_help_heading() {
        Some(heading) => heading,
        None if arg.is_positional() => ARGUMENTS,
        None => OPTIONS,
    }
}

fn list<'a>(args: impl Iterator<Item = &'a Arg>) -> String {
    args.map(entry).collect()
}

/// One argument or flag: how it is written, what it means, its default, and the values it takes.
fn entry(arg: &Arg) -> String {
    let help = arg.get_long_help().or(arg.get_help());
    let help = help.map_or(String::new(), |help| marked(&help.to_string()));
    let mut text = format!("- `{}`: {}", written(arg), help.trim_end_matches('.'));
    let takes_values = arg.get_action().takes_values();
    let defaults: Vec<_> =
        arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    if takes_values && !arg.is_hide_default_value_set() && !defaults.is_empty() {
        text += &format!(" [default: `{}`]", defaults.join(" "));
    }
    if let Some(variable) = arg.get_env() {
        text += &format!(" [environment: `{}`]", variable.to_string_lossy());
    }
    let aliases: Vec<String> = arg
        .get_visible_aliases()
        .unwrap_or_default()
        .iter()
        .map(|alias| format!("`--{alias}`"))
        .collect();
    if !aliases.is_empty() {
        text += &format!(" [also: {}]", aliases.join(", "));
    }
    text.push('\n');
    let values = arg.get_possible_values();
    let values = values.iter().filter(|value| takes_values && !value.is_hide_set());
    text + &values.map(possible).collect::<String>()
}

fn possible(value: &PossibleValue) -> String {
    let help =
        value.get_help().map_or(String::new(), |help| format!(": {}", marked(&help.to_string())));
    format!("  - `{}`{help}\n", value.get_name())
}

/// A flag with its short form and its value, `-q, --quiet` or `--seed <SEED>`; an argument as in
/// the usage.
fn written(arg: &Arg) -> String {
    let plain = arg.to_string();
    match arg.get_short() {
        Some(short) if arg.get_long().is_some() => format!("-{short}, {plain}"),
        _ => plain,
    }
}

/// A text of the help as Markdown: what would be read as markup is set as code.
fn marked(text: &str) -> String {
    let mut is_code = false;
    let word = |word: &str| {
        let was_code = is_code;
        is_code ^= word.matches('`').count() % 2 == 1;
        if was_code
            || word.contains('`')
            || !(word.contains(['<', '*', '_']) || word.starts_with("--"))
        {
            return word.to_owned();
        }
        let inner = word.trim_matches(|c| ",;:.()".contains(c));
        match word.split_once(inner) {
            Some((before, after)) => format!("{before}`{inner}`{after}"),
            None => word.to_owned(),
        }
    };
    text.split_whitespace().map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::marked;

    #[test]
    fn a_text_of_the_help_is_no_markup() {
        assert_eq!(
            marked("of softmax_*.npy, (<layer>_train.npy) by `model show  x_y` and --seed;\n\nno"),
            "of `softmax_*.npy`, (`<layer>_train.npy`) by `model show x_y` and `--seed`; no"
        );
    }
}
