//! The help, docs/commands.md, the completions and the man pages name the same commands and flags.

use crate::support::{Place, finished};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Renews the page.
const RENEW: &str = "cargo run --release -- man --markdown > docs/commands.md";

type Flags = BTreeSet<String>;

fn long_flags<'a>(words: impl IntoIterator<Item = &'a str>) -> Flags {
    let is_flag = |word: &&str| word.starts_with("--") && word.len() > 2;
    words.into_iter().filter(is_flag).map(str::to_owned).collect()
}

/// The commands below `command`, as its help lists them.
fn below(place: &Place, command: &str) -> Vec<String> {
    let help = place.succeed(&format!("{command} --help")).stdout;
    let list = help.split_once("\nCommands:\n").map_or("", |(_, list)| list);
    let names = list.lines().take_while(|line| !line.is_empty());
    names
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(|name| format!("{command} {name}").trim().to_owned())
        .collect()
}

/// Every command, the program itself first, as the empty one.
fn commands(place: &Place) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut at = 0;
    while at < all.len() {
        let more = below(place, &all[at]);
        all.extend(more);
        at += 1;
    }
    assert!(all.len() > 20 && all.contains(&"data info".to_owned()), "{all:?}");
    all
}

/// Flags that the help lists; what they mean stands further to the right.
fn of_help(place: &Place, command: &str) -> Flags {
    let help = place.succeed(&format!("{command} --help")).stdout;
    let is_entry = |line: &&str| {
        let inner = line.trim_start();
        inner.starts_with('-') && line.len() - inner.len() <= 6
    };
    let entries: Vec<&str> = help.lines().filter(is_entry).collect();
    long_flags(entries.iter().flat_map(|line| line.split([' ', ',', '='])))
}

/// Flags of a section of the page, and those that the help does not show.
fn of_page(page: &str, title: &str) -> [Flags; 2] {
    let (_, section) = page
        .split_once(&format!("\n## {title}\n"))
        .unwrap_or_else(|| panic!("docs/commands.md has no section {title}"));
    let section = section.split("\n## ").next().unwrap();
    let entry = |line: &'_ str| {
        let code = line.strip_prefix("- `")?.split('`').next()?;
        code.split([' ', ',']).find(|word| word.starts_with("--")).map(str::to_owned)
    };
    let shown = section.lines().filter_map(entry).collect();
    let alone = section.lines().find(|line| line.starts_with("The same parameters"));
    [shown, long_flags(alone.unwrap_or_default().split('`'))]
}

fn of_bash(script: &str, command: &str) -> Flags {
    let name = format!("layerlens {command}");
    let name = name.trim().replace([' ', '-'], "__subcmd__");
    let (_, case) = script
        .split_once(&format!("\n        {name})\n"))
        .unwrap_or_else(|| panic!("the completions of bash lack {command}"));
    let (_, opts) = case.split_once("opts=\"").unwrap();
    long_flags(opts.split('"').next().unwrap().split(' '))
}

#[test]
fn the_page_of_commands_is_current() {
    let made = Place::new().succeed("man --markdown").stdout;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/commands.md");
    let there = fs::read_to_string(path).unwrap_or_default().replace('\r', "");
    let lines = there.lines().zip(made.lines()).find(|(there, made)| there != made);
    assert!(there == made, "docs/commands.md is not current; renew it by `{RENEW}`\n{lines:?}");
}

#[test]
fn help_page_completions_and_man_pages_name_the_same_flags() {
    let place = Place::new();
    let page = place.succeed("man --markdown").stdout;
    let script = place.succeed("completions bash").stdout;
    place.succeed("man pages");
    let [everywhere, _] = of_page(&page, "Flags of every command");
    for command in commands(&place) {
        let help = of_help(&place, &command);
        assert!(help.contains("--seed") && help.contains("--help"), "{command}: {help:?}");
        let [mut shown, alone] = of_page(&page, format!("layerlens {command}").trim());
        shown.extend(everywhere.iter().cloned());
        // Only the program itself has one.
        if !command.is_empty() {
            shown.remove("--version");
        }
        assert_eq!(help, shown, "{command}: the help, and docs/commands.md");
        let all: Flags = help.union(&alone).cloned().collect();
        assert_eq!(of_bash(&script, &command), all, "{command}: the completions of bash");
        let name = format!("layerlens {command}").trim().replace(' ', "-");
        let man = fs::read_to_string(place.path(format!("pages/{name}.1"))).unwrap();
        for flag in &help {
            let written = format!("\\fB{}\\fR", flag.replace('-', "\\-"));
            assert!(man.contains(&written), "{name}.1: {flag}");
        }
    }
}

#[test]
fn every_shell_has_completions_and_man_pages_are_not_replaced() {
    let place = Place::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = place.succeed(&format!("completions {shell}")).stdout;
        for word in ["compare-models", "perplexity"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
        assert!(!script.contains('\u{1b}'), "{shell}");
    }
    // The shell itself takes the script, and completes by it.
    let script = "source <($0 completions bash) && COMP_WORDS=(layerlens emb) COMP_CWORD=1 && \
                  _layerlens layerlens emb layerlens && echo ${COMPREPLY[*]}";
    assert_eq!(finished(&mut place.bash(script)).stdout, "embed\n");
    place.refuse(2, "completions tcsh", &["bash", "tcsh"]);
    place.succeed("man pages");
    place.refuse(1, "man pages", &["pages/layerlens", "exists already", "--force"]);
    place.succeed("man pages --force");
    assert!(place.succeed("man").stdout.contains(".TH layerlens 1"));
}
