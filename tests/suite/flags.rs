//! The library names fields, the command line flags: whoever calls the library has no flags.

use crate::support::library;

/// Whether two dashes and a lower-case letter stand in it. In code they stand nowhere but in
/// literals, and there in the names of a stylesheet's colours too.
fn has_flag(line: &str) -> bool {
    let line = line.trim_start().replace("var(--", "var(");
    let is_comment = line.starts_with("//") && !line.starts_with("///") && !line.starts_with("//!");
    let is_flag =
        |part: &[u8]| part[0] != b'-' && part[1..3] == *b"--" && part[3].is_ascii_lowercase();
    !is_comment && format!(" {line}").as_bytes().windows(4).any(is_flag)
}

#[test]
fn the_library_names_no_flags() {
    let files = library();
    let mut named = Vec::new();
    for (path, text) in &files {
        let lines = text.lines().enumerate().filter(|(_, line)| has_flag(line));
        named.extend(lines.map(|(at, line)| format!("{path}:{}: {}", at + 1, line.trim())));
    }
    assert!(
        files.len() > 100 && named.is_empty(),
        "a field is meant, `Tsne::learning_rate` for example:\n{}",
        named.join("\n")
    );
}

/// The fields that texts name are there: what the command line makes of them is what a caller sets.
#[test]
fn fields_that_texts_name_exist() {
    let files = library();
    let has = |owner: &str, field: &str| {
        let opens = format!("pub struct {owner} {{");
        let bodies =
            files.iter().filter_map(|(_, text)| text.split_once(&opens)?.1.split_once("\n}"));
        bodies.into_iter().any(|(body, _)| body.contains(&format!("\n    pub {field}: ")))
    };
    let mut n = 0;
    for (path, text) in &files {
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for (owner, field) in line.split('`').filter_map(|part| part.split_once("::")) {
                let is_name = |text: &str| {
                    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                };
                if is_name(owner)
                    && is_name(field)
                    && field.starts_with(|c: char| c.is_ascii_lowercase())
                {
                    assert!(has(owner, field), "{path}: `{owner}::{field}` in {}", line.trim());
                    n += 1;
                }
            }
        }
    }
    assert!(n > 50, "{n}");
}

#[test]
fn flags_are_found_in_literals_and_docs() {
    for line in [
        "\"--x\"",
        "/// See `--force`.",
        "    //! --out",
        "format!(\"try a smaller --learning-rate\")",
        "--x",
    ] {
        assert!(has_flag(line), "{line}");
    }
    for line in
        ["// as --force does", "a - -b", "\"-o\"", "/// ---- x", "/// | --- |", "/// a -- b"]
    {
        assert!(!has_flag(line), "{line}");
    }
}
