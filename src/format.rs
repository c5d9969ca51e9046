//! Formatting of numbers, lists and shell words, and the natural order of names.

use std::cmp::Ordering;

/// A whole number with its digits in groups of three: `40,933`.
pub(crate) fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let group = |(at, digit): (usize, char)| {
        [(at > 0 && (digits.len() - at).is_multiple_of(3)).then_some(','), Some(digit)]
    };
    digits.chars().enumerate().flat_map(group).flatten().collect()
}

/// Maximum number of names that a message lists.
const MOST_LISTED: usize = 12;

/// Names separated by commas; of many the first twelve, and the number of the others.
pub fn listed(names: &[impl AsRef<str>]) -> String {
    let shown: Vec<&str> = names.iter().take(MOST_LISTED).map(AsRef::as_ref).collect();
    match names.len().saturating_sub(MOST_LISTED) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// A word quoted for a POSIX shell, where it needs quotes.
pub fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_@%+=:,./-".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// Natural order of names: `layer_2` before `layer_10`.
pub(crate) fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        let digits =
            |text: &str| text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
        let (n_a, n_b) = (digits(a), digits(b));
        let order = if n_a > 0 && n_b > 0 {
            let (x, y) = (a[..n_a].trim_start_matches('0'), b[..n_b].trim_start_matches('0'));
            let order = x.len().cmp(&y.len()).then_with(|| x.cmp(y));
            (a, b) = (&a[n_a..], &b[n_b..]);
            order
        } else {
            let (mut letters_a, mut letters_b) = (a.chars(), b.chars());
            let (x, y) = (letters_a.next(), letters_b.next());
            if x.is_none() || y.is_none() {
                return x.cmp(&y);
            }
            (a, b) = (letters_a.as_str(), letters_b.as_str());
            x.cmp(&y)
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// The words with a capital first letter.
pub fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::{listed, natural, quoted, thousands};

    #[test]
    fn thousands_have_commas() {
        assert_eq!(
            [0, 999, 1000, 40_933, 1_092_945].map(thousands),
            ["0", "999", "1,000", "40,933", "1,092,945"]
        );
    }

    #[test]
    fn of_many_names_the_first_are_listed() {
        let names: Vec<String> = (1..=14).map(|n| n.to_string()).collect();
        assert_eq!(["", "1", "1, 2"], [0, 1, 2].map(|n| listed(&names[..n])));
        assert_eq!(listed(&names[..12]), "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12");
        assert_eq!(listed(&names), "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 and 2 more");
    }

    #[test]
    fn numbers_in_names_are_ordered_by_value() {
        let mut names = ["layer_10", "conv2.weight", "layer_2", "conv10", "layer", "conv2"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["conv2", "conv2.weight", "conv10", "layer", "layer_2", "layer_10"]);
    }

    #[test]
    fn words_are_quoted_for_a_shell() {
        for (word, expected) in
            [("-o", "-o"), ("", "''"), ("a b", "'a b'"), ("it's", r"'it'\''s'"), ("$(x)", "'$(x)'")]
        {
            assert_eq!(quoted(word), expected);
        }
    }
}
