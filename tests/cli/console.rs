//! What is said on stderr, and how: briefly or at length, with colours and bars or as plain lines.

use crate::support::{Place, finished};

const EMBED: &str = "embed x.npy --method pca --device cpu --force --out out";

/// Stdout and stderr together, as a terminal of the system shows them.
#[cfg(target_os = "linux")]
fn on_a_terminal(place: &Place, variables: &str, args: &str) -> String {
    let inner = format!("exec env -u CI -u NO_COLOR TERM=xterm {variables} $PROGRAM {args}");
    let mut command = place.bash(&format!("PROGRAM=$0 exec script -qec '{inner}' /dev/null"));
    finished(&mut command).stdout
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_has_colours_and_bars_unless_it_is_told_otherwise() {
    let place = Place::with_points();
    let has_controls = |text: &str| text.contains('\u{1b}');
    let shown = on_a_terminal(&place, "", EMBED);
    assert!(has_controls(&shown) && shown.contains("written to out"), "{shown}");
    for (variables, flags) in [("CI=true", ""), ("TERM=dumb", ""), ("", "--progress plain")] {
        let shown = on_a_terminal(&place, variables, &format!("{EMBED} {flags}"));
        assert!(!has_controls(&shown) && shown.contains("PCA  "), "{variables} {flags}: {shown}");
    }
    let shown = on_a_terminal(&place, "", "embed none.npy");
    assert!(shown.contains("\u{1b}[31merror:\u{1b}[0m none.npy"), "{shown}");
    for (variables, flags) in [("CI=true", ""), ("NO_COLOR=1", ""), ("", "--color never")] {
        for args in ["embed none.npy", "embed --nosuch", "embed --help"] {
            let shown = on_a_terminal(&place, variables, &format!("{args} {flags}"));
            assert!(!has_controls(&shown) && !shown.is_empty(), "{variables} {args} {flags}");
        }
    }
}

#[test]
fn without_a_terminal_nothing_is_coloured_unless_it_is_asked_for() {
    let place = Place::new();
    for args in ["embed none.npy", "embed --nosuch"] {
        let plain = place.start(args).stderr;
        assert!(plain.contains("error: ") && !plain.contains('\u{1b}'), "{plain}");
        let coloured = place.start(&format!("--color always {args}")).stderr;
        assert!(coloured.contains("\u{1b}[31merror:\u{1b}[0m"), "{coloured}");
    }
    place.refuse(2, "devices --color sometimes", &["--color", "sometimes", "never"]);
}

#[test]
fn it_speaks_as_briefly_or_at_as_much_length_as_it_is_told() {
    let place = Place::with_points();
    let plain = place.succeed(EMBED).stderr;
    assert!(plain.starts_with("device: CPU") && plain.contains("\nPCA  "), "{plain}");
    for flag in ["-q", "--quiet"] {
        let quiet = place.succeed(&format!("{EMBED} {flag}"));
        assert_eq!((quiet.stderr.as_str(), quiet.stdout.is_empty()), ("", false));
    }
    // What is wrong is said all the same.
    place.refuse(3, "-q embed none.npy", &["none.npy"]);
    let mut command = place.command(&crate::support::words(EMBED));
    let verbose = finished(command.arg("-v").env("LAYERLENS_SEED", "7")).stderr;
    let version = format!("layerlens {}, ", env!("CARGO_PKG_VERSION"));
    assert!(verbose.starts_with(&version), "{verbose}");
    assert!(verbose.contains("\nsetting: --seed by LAYERLENS_SEED=7\n"), "{verbose}");
    assert!(verbose.contains("\ngpu: ") && verbose.contains("\nPCA  "), "{verbose}");
    place.refuse(2, "devices -q -v", &["--quiet", "--verbose"]);
}
