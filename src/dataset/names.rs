//! Names of classes as text: one a line, with any characters.
//!
//! A name is written unchanged unless it could be misread. A name that contains a line feed or
//! another control character, that begins or ends with a space, or that begins with a quote, is
//! written as a JSON string: `"two\nlines"`. A line in the quotes of CSV, `"a ""b"""`, is read as
//! well.

use crate::error::{Error, Result};
use crate::format::listed;
use std::collections::BTreeSet;
use std::path::Path;

/// `true` if a character would end a line, here or in another program, or be invisible.
fn is_hidden(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}' | '\u{feff}')
}

/// A name as one line of text, without the line feed.
pub fn escaped_name(name: &str) -> String {
    if !name.is_empty()
        && name.trim() == name
        && !name.starts_with('"')
        && !name.contains(is_hidden)
    {
        return name.to_owned();
    }
    let quoted = serde_json::to_string(name).expect("a string");
    let visible = |letter: char| match letter {
        letter if is_hidden(letter) => format!("\\u{:04x}", u32::from(letter)),
        letter => letter.to_string(),
    };
    quoted.chars().map(visible).collect()
}

/// Name in a line of text; see [`escaped_name`].
pub fn unescaped_name(line: &str) -> String {
    let line = line.trim();
    let Some(inner) = line.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return line.to_owned();
    };
    if let Ok(name) = serde_json::from_str::<String>(line) {
        return name;
    }
    // In CSV a quote within quotes is doubled; any other quotes belong to the name itself.
    if inner.replace("\"\"", "").contains('"') {
        line.to_owned()
    } else {
        inner.replace("\"\"", "\"")
    }
}

/// Names as the lines of a file.
pub fn names_text(names: &[String]) -> String {
    names.iter().map(|name| escaped_name(name) + "\n").collect()
}

/// Names from a file that holds one a line, as [`names_text`] writes them.
///
/// # Errors
/// [`Error::Input`] if the file cannot be read, a line holds control characters, or a name is empty
/// or occurs twice.
pub fn read_names(path: impl AsRef<Path>) -> Result<Vec<String>> {
    let path = path.as_ref();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Error::input(path, format!("cannot be read: {error}")))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let control = |line: &str| line.trim().chars().find(|letter| letter.is_control());
    if let Some((at, letter)) =
        lines.iter().enumerate().find_map(|(at, line)| control(line).map(|letter| (at, letter)))
    {
        let line = at + 1;
        let code = u32::from(letter);
        let message = format!(
            "line {line} holds the control character U+{code:04X}; in a name it is written \
             \"\\u{code:04x}\" in double quotes"
        );
        return Err(Error::input(path, message));
    }
    let names: Vec<String> = lines.into_iter().map(unescaped_name).collect();
    if names.is_empty() {
        return Err(Error::input(path, "is empty, expected a name a line"));
    }
    flaw(&names).map_or(Ok(()), |(at, what)| {
        Err(Error::input(path, format!("line {} is {what}", at + 1)))
    })?;
    Ok(names)
}

/// Names from words: each word is the path of a file with one name a line (see [`names_files`]), or
/// names separated by commas; a name with a comma is quoted, as in CSV.
///
/// # Errors
/// [`Error::Parameter`] naming `field` if a name is empty or occurs twice; as [`read_names`].
pub fn parse_names(field: &str, words: &[String]) -> Result<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    for word in words {
        if is_file(word, words) {
            names.extend(read_names(word)?);
            continue;
        }
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .trim(csv::Trim::All)
            .from_reader(word.as_bytes());
        let expected = "names with commas between, those that hold a comma in double quotes, or a .txt file with a name a line";
        let refused = || Error::parameter(field, word, expected);
        let mut records = reader.records();
        let record = records.next().and_then(std::result::Result::ok).ok_or_else(refused)?;
        if records.next().is_some() {
            return Err(refused());
        }
        names.extend(record.iter().map(str::to_owned));
    }
    match flaw(&names) {
        Some((at, what)) => {
            Err(Error::parameter(field, words.join(","), format!("name {} is {what}", at + 1)))
        }
        None => Ok(names),
    }
}

/// The words of [`parse_names`] that are paths of files: of a `.txt` or `.csv` file, or a single
/// word that is the name of any file, since one class needs no name.
pub fn names_files(words: &[String]) -> impl Iterator<Item = &Path> {
    words.iter().filter(|word| is_file(word, words)).map(Path::new)
}

fn is_file(word: &str, words: &[String]) -> bool {
    let path = Path::new(word);
    let is_text = path
        .extension()
        .is_some_and(|end| ["txt", "csv"].iter().any(|known| end.eq_ignore_ascii_case(known)));
    !word.contains(',') && (is_text || (words.len() == 1 && path.is_file()))
}

/// First name that is empty or occurs twice, and a message about it.
pub(super) fn flaw(names: &[String]) -> Option<(usize, String)> {
    let mut seen = BTreeSet::new();
    names.iter().enumerate().find_map(|(at, name)| match name {
        name if name.is_empty() => Some((at, "empty, expected a name".into())),
        name if !seen.insert(name) => Some((at, format!("`{name}` again"))),
        _ => None,
    })
}

/// Text that lists the classes without points; `None` if there are none.
pub(crate) fn unmet(names: &[String], is_met: impl Fn(usize) -> bool) -> Option<String> {
    let unmet = (0..names.len()).filter(|&class| !is_met(class));
    let shown: Vec<String> =
        unmet.map(|class| format!("{class} (`{}`)", escaped_name(&names[class]))).collect();
    (!shown.is_empty()).then(|| listed(&shown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_survives_as_one_line() {
        let plain = ["Shirt, blue", "T-shirt/top", "it's", "a \"b\"", "C:\\new", "é", "1"];
        let awkward = [
            "two\nlines",
            "a\r\nb",
            "\"",
            "\"a\"",
            "\"a\",b",
            " a",
            "a ",
            "",
            "\t",
            "\u{85}x",
            "\u{2028}",
            "\u{feff}a",
        ];
        for name in plain {
            assert_eq!(escaped_name(name), name);
        }
        for name in plain.into_iter().chain(awkward) {
            let line = escaped_name(name);
            assert!(
                !line.contains(is_hidden) && line.trim() == line && !line.is_empty(),
                "{line:?}"
            );
            assert_eq!(unescaped_name(&line), name, "{line}");
        }
        for (line, name) in [
            ("\"Shirt, blue\"", "Shirt, blue"),
            ("\"a \"\"b\"\"\"", "a \"b\""),
            ("\"a\" or \"b\"", "\"a\" or \"b\""),
        ] {
            assert_eq!(unescaped_name(line), name);
        }
    }

    #[test]
    fn names_in_a_word_are_parted_as_in_csv() {
        let parse = |words: &[&str]| {
            parse_names(
                "class_names",
                &words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>(),
            )
        };
        assert_eq!(parse(&["a,b c,d"]).unwrap(), ["a", "b c", "d"]);
        assert_eq!(parse(&["\"Shirt, blue\",Top", "Bag"]).unwrap(), ["Shirt, blue", "Top", "Bag"]);
        assert!(parse(&["a,,b"]).unwrap_err().to_string().contains("name 2 is empty"));
        assert!(parse(&["a,b,a"]).unwrap_err().to_string().contains("name 3 is `a` again"));
        assert!(matches!(parse(&["none.txt"]), Err(Error::Input { .. })));
    }
}
