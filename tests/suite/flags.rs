//! The library names fields, the command line flags: whoever calls the library has no flags.

use std::fs;
use std::path::{Path, PathBuf};

/// What may name flags: the command line itself.
const MAY: [&str; 2] = ["src/cli", "src/main.rs"];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// Whether two dashes and a lower-case letter stand in it. In code they stand nowhere but in literals.
fn has_flag(line: &str) -> bool {
    let line = line.trim_start();
    let is_comment = line.starts_with("//") && !line.starts_with("///") && !line.starts_with("//!");
    let is_flag = |part: &[u8]| part[0] != b'-' && part[1..3] == *b"--" && part[3].is_ascii_lowercase();
    !is_comment && format!(" {line}").as_bytes().windows(4).any(is_flag)
}

#[test]
fn the_library_names_no_flags() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    sources(&root.join("src"), &mut files);
    files.sort();
    let mut named = Vec::new();
    for path in
        files.iter().map(|path| path.strip_prefix(root).unwrap()).filter(|path| !MAY.iter().any(|may| path.starts_with(may)))
    {
        let text = fs::read_to_string(root.join(path)).unwrap();
        let lines = text.lines().enumerate().filter(|(_, line)| has_flag(line));
        named.extend(lines.map(|(at, line)| format!("{}:{}: {}", path.display(), at + 1, line.trim())));
    }
    assert!(files.len() > 100 && named.is_empty(), "a field is meant, `Tsne::learning_rate` for example:\n{}", named.join("\n"));
}

#[test]
fn flags_are_found_in_literals_and_docs() {
    for line in ["\"--x\"", "/// See `--force`.", "    //! --out", "format!(\"try a smaller --learning-rate\")", "--x"] {
        assert!(has_flag(line), "{line}");
    }
    for line in ["// as --force does", "a - -b", "\"-o\"", "/// ---- x", "/// | --- |", "/// a -- b"] {
        assert!(!has_flag(line), "{line}");
    }
}
