//! How the program speaks on stderr: briefly or at length, with colours or without.

use clap::builder::styling::{AnsiColor, Style};
use clap::{ColorChoice, ValueEnum};
use std::ffi::OsString;
use std::io::IsTerminal;
use std::sync::OnceLock;

/// Choices that hold for the whole process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Console {
    /// `true` if colours are used on stderr.
    pub coloured: bool,
    /// The same for the parser, which prints the help on stdout too.
    pub parser: ColorChoice,
    /// `true` if the result is one JSON document on stdout.
    pub json: bool,
    /// `true` if only warnings and errors are said.
    pub quiet: bool,
}

static CONSOLE: OnceLock<Console> = OnceLock::new();

/// The choices of this process; before they are known, the plainest.
pub fn console() -> Console {
    CONSOLE.get().copied().unwrap_or_default()
}

/// Settles them once for all.
pub fn settle(console: Console) {
    let _ = CONSOLE.set(console);
}

impl Console {
    /// The choices of a command line that need not be a valid one: what is wrong with it is said by
    /// them too.
    pub fn of(words: &[OsString]) -> Self {
        let words = words.iter().skip(1).map(|word| word.to_string_lossy());
        let words: Vec<_> = words.take_while(|word| word != "--").collect();
        let choice = words.iter().enumerate().rev().find_map(|(at, word)| match &**word {
            "--color" => words.get(at + 1).map(|word| &**word),
            word => word.strip_prefix("--color="),
        });
        let choice = choice.and_then(|choice| ColorChoice::from_str(choice, false).ok());
        let choice = choice.unwrap_or_default();
        let has = |flag: &str| words.iter().any(|word| word == flag);
        Self {
            coloured: match choice {
                ColorChoice::Always => true,
                ColorChoice::Never => false,
                ColorChoice::Auto => is_lively() && !is_set("NO_COLOR"),
            },
            parser: match choice {
                ColorChoice::Auto if is_log() => ColorChoice::Never,
                choice => choice,
            },
            json: has("--json"),
            quiet: has("--quiet") || has("-q"),
        }
    }

    /// A line, with its first word coloured if it says what kind of line it is.
    pub fn styled(self, line: &str) -> String {
        let kinds = [
            ("error:", AnsiColor::Red),
            ("warning:", AnsiColor::Yellow),
            ("note:", AnsiColor::Cyan),
        ];
        let kind = kinds.iter().find(|(word, _)| self.coloured && line.starts_with(word));
        let Some((word, colour)) = kind else { return line.to_owned() };
        let style = Style::new().fg_color(Some((*colour).into())).bold();
        format!("{style}{word}{style:#}{}", &line[word.len()..])
    }
}

/// `true` if stderr is a terminal that moves its cursor and shows colours.
pub fn is_lively() -> bool {
    std::io::stderr().is_terminal() && !is_log()
}

/// `true` if what is written is kept as a log, or shown as it is.
fn is_log() -> bool {
    let is_ci = std::env::var("CI").is_ok_and(|value| value == "true" || value == "1");
    is_ci || std::env::var("TERM").is_ok_and(|value| value == "dumb")
}

/// `true` for a variable that has a value, as <https://no-color.org> reads it.
fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::Console;

    fn of(line: &str) -> Console {
        Console::of(&line.split(' ').map(Into::into).collect::<Vec<_>>())
    }

    #[test]
    fn the_choices_are_known_before_the_line_is_parsed() {
        assert!(of("layerlens --color always run").coloured);
        assert!(of("layerlens run --nosuch --color=always").coloured);
        // The last one counts, as for the parser; behind -- stand no flags.
        assert!(!of("layerlens run --color always --color never").coloured);
        assert!(!of("layerlens run -- --color=always").coloured);
        assert!(of("layerlens --json run").json && !of("layerlens run").json);
        assert!(of("layerlens run -q").quiet);
    }

    #[test]
    fn the_kind_of_a_line_is_coloured() {
        let console = of("layerlens --color always");
        assert_eq!(console.styled("error: x"), "\u{1b}[1m\u{1b}[31merror:\u{1b}[0m x");
        assert_eq!(console.styled("no error: x"), "no error: x");
        assert_eq!(Console::default().styled("error: x"), "error: x");
    }
}
