//! The page's frame: the viewer's document, style and modules, and everything that is put into
//! them, escaped for where it stands.

use std::fmt::Write as _;

/// The document with its placeholders, `{{name}}`.
pub(super) const DOCUMENT: &str = include_str!("../../../assets/viewer/index.html");
/// The style of the viewer.
pub(super) const STYLE: &str = include_str!("../../../assets/viewer/style.css");
/// The style of the static part.
pub(super) const STATIC_STYLE: &str = include_str!("../../../assets/viewer/static.css");

/// A module's name and text.
macro_rules! module {
    ($name:literal) => {
        ($name, include_str!(concat!("../../../assets/viewer/", $name)))
    };
}

/// Names and texts of the viewer's modules, each after those that it imports from.
const MODULES: &[(&str, &str)] = &[
    module!("banner.js"),
    module!("benchmark.js"),
    module!("blocks.js"),
    module!("camera.js"),
    module!("columns.js"),
    module!("palette.js"),
    module!("dom.js"),
    module!("painter.js"),
    module!("svg_context.js"),
    module!("state.js"),
    module!("card.js"),
    module!("playback.js"),
    module!("controls.js"),
    module!("coordinates.js"),
    module!("data.js"),
    module!("draw_list.js"),
    module!("hash.js"),
    module!("wrong.js"),
    module!("keyboard.js"),
    module!("links.js"),
    module!("lasso.js"),
    module!("class_list.js"),
    module!("column_legend.js"),
    module!("legend.js"),
    module!("pane_head.js"),
    module!("labels.js"),
    module!("save.js"),
    module!("selection.js"),
    module!("theme.js"),
    module!("interface.js"),
    module!("picking.js"),
    module!("picker.js"),
    module!("overlap.js"),
    module!("overlay.js"),
    module!("pointer.js"),
    module!("renderer_canvas.js"),
    module!("renderer_webgl.js"),
    module!("renderer.js"),
    module!("drawing.js"),
    module!("map_loader.js"),
    module!("transition.js"),
    module!("viewport.js"),
    module!("pane.js"),
    module!("thumbnails.js"),
    module!("tables.js"),
    module!("main.js"),
];

/// Replaces names by their `values`, in one pass: what is inserted is not searched
/// for placeholders. One without a value stays.
pub(super) fn fill(document: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(
        document.len() + values.iter().map(|(_, value)| value.len()).sum::<usize>(),
    );
    let mut rest = document;
    while let Some((before, after)) = rest.split_once("{{") {
        filled.push_str(before);
        let found = after.split_once("}}").and_then(|(name, tail)| {
            let (_, value) = values.iter().find(|(known, _)| *known == name)?;
            Some((*value, tail))
        });
        match found {
            Some((value, tail)) => {
                filled.push_str(value);
                rest = tail;
            }
            None => {
                filled.push_str("{{");
                rest = after;
            }
        }
    }
    filled.push_str(rest);
    filled
}

/// All modules as one, so that the page needs no other file: what one exports, the others have.
pub(super) fn script() -> String {
    let mut script = String::new();
    for (name, module) in MODULES {
        // Writing to a string cannot fail.
        let _ = writeln!(script, "// {name}");
        for line in page_lines(module) {
            let _ = writeln!(script, "{}", line.strip_prefix("export ").unwrap_or(line));
        }
    }
    escape_script(&script)
}

/// The lines of a module that go into the page: neither its imports nor its documentation.
fn page_lines(module: &str) -> impl Iterator<Item = &str> {
    let mut end = None;
    module.lines().filter(move |line| {
        let within = end.or_else(|| end_of_unneeded(line));
        end = within.filter(|end| !line.ends_with(end));
        within.is_none()
    })
}

/// End of the import or the documentation that begins with this line. A comment before code of
/// the same line, such as the type of what follows, is no documentation.
fn end_of_unneeded(line: &str) -> Option<&'static str> {
    match line.trim_start() {
        text if text.starts_with("import ") => Some("\";"),
        text if text.starts_with("/**") => {
            (text.ends_with("*/") || !text.contains("*/")).then_some("*/")
        }
        _ => None,
    }
}

/// A script in which no text ends its element, or begins a comment of HTML.
fn escape_script(script: &str) -> String {
    let mut escaped = String::with_capacity(script.len());
    let mut rest = script;
    while let Some(at) = rest.find('<') {
        let (before, tail) = rest.split_at(at);
        escaped.push_str(before);
        let begins = |word: &str| {
            tail.as_bytes()
                .get(..word.len())
                .is_some_and(|head| head.eq_ignore_ascii_case(word.as_bytes()))
        };
        // In the strings and patterns of a script, where alone they can stand, an escaped character
        // is itself.
        let (written, taken) = match () {
            () if begins("</script") => ("<\\/", 2),
            () if begins("<!--") => ("<\\!", 2),
            () if begins("<script") => ("\\x3c", 1),
            () => ("<", 1),
        };
        escaped.push_str(written);
        rest = &tail[taken..];
    }
    escaped.push_str(rest);
    escaped
}

/// JSON that can stand in a `<script>`, and in which no line ends where JSON has none.
pub(super) fn escape_json(json: &str) -> String {
    json.replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

/// Text that is text wherever it stands in HTML, in a quoted attribute too; control characters
/// become spaces.
pub(super) fn escape_html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' | '\t' => escaped.push(letter),
            letter if letter.is_control() => escaped.push(' '),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn what_is_put_in_is_not_expanded_again() {
        assert_eq!(
            fill("<{{a}}|{{b}}|{{c}}{{>", &[("a", "{{b}}"), ("b", "{{a}}}}")]),
            "<{{b}}|{{a}}}}|{{c}}{{>"
        );
    }

    #[test]
    fn the_document_has_every_place_and_no_other() {
        let names = ["title", "style", "static_figure", "static", "blocks", "data", "script"];
        let counts = names.map(|name| DOCUMENT.matches(&format!("{{{{{name}}}}}")).count());
        assert!(counts.iter().all(|&count| count > 0), "{counts:?}");
        assert_eq!(DOCUMENT.matches("{{").count(), counts.iter().sum::<usize>());
    }

    #[test]
    fn modules_follow_what_they_import_and_none_is_left_out() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/viewer");
        let entries = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut files: Vec<String> = entries.filter(|name| name.ends_with(".js")).collect();
        let mut names: Vec<String> = MODULES.iter().map(|(name, _)| (*name).to_owned()).collect();
        for (at, (name, module)) in MODULES.iter().enumerate() {
            let imports = module.lines().filter(|line| line.starts_with("import "));
            let sources = module.lines().filter_map(|line| line.split_once("} from \"./"));
            assert_eq!(
                imports.count(),
                sources.clone().count(),
                "{name}: import {{ .. }} from \"./x.js\";"
            );
            for (_, tail) in sources {
                let from = tail.strip_suffix("\";").expect("the end of an import");
                assert!(
                    MODULES[..at].iter().any(|(before, _)| *before == from),
                    "{name} imports {from} before it is there"
                );
            }
        }
        files.sort_unstable();
        names.sort_unstable();
        assert_eq!(names, files);
    }

    #[test]
    fn no_name_stands_in_two_modules() {
        // In the page they share one scope, which no check of single modules sees.
        let mut names = std::collections::BTreeMap::new();
        for (name, module) in MODULES {
            for line in page_lines(module) {
                let line = line.strip_prefix("export ").unwrap_or(line);
                let line = line.strip_prefix("async ").unwrap_or(line);
                let declared = ["function ", "const ", "let ", "class "]
                    .iter()
                    .find_map(|kind| line.strip_prefix(kind));
                let Some(declared) = declared else { continue };
                let ends = |letter: char| !letter.is_alphanumeric() && letter != '_';
                let word = declared.split(ends).next();
                assert_eq!(names.insert(word, name), None, "{word:?} stands in {name} too");
            }
        }
        assert!(names.len() > MODULES.len(), "{} names", names.len());
    }

    #[test]
    fn imports_and_documentation_stay_out_of_the_page() {
        let module = "import { a } from \"./a.js\";
import {
  b,
} from \"./b.js\";
/** One line. */
const c = /** @type {number} */ (a);
  /**
   * Two
   * lines.
   */
/** @type {number} */ (b);
// Why.
const d = 1; /* x */";
        assert_eq!(
            page_lines(module).collect::<Vec<_>>(),
            [
                "const c = /** @type {number} */ (a);",
                "/** @type {number} */ (b);",
                "// Why.",
                "const d = 1; /* x */"
            ]
        );
        for (name, module) in MODULES {
            let code = page_lines(module).filter(|line| !line.trim().is_empty()).count();
            assert!(code > 5, "{name} has {code} lines in the page");
        }
    }

    #[test]
    fn no_script_ends_early() {
        let script = r#"x = "</ScRiPt>"; y = "<!-- <script>"; if (a < b) z = /<\/p>/;"#;
        assert_eq!(
            escape_script(script),
            r#"x = "<\/ScRiPt>"; y = "<\!-- \x3cscript>"; if (a < b) z = /<\/p>/;"#
        );
    }

    #[test]
    fn text_is_text_everywhere() {
        assert_eq!(
            escape_html("<b a='1' c=\"2\">&\u{7}é😀"),
            "&lt;b a=&#39;1&#39; c=&quot;2&quot;&gt;&amp; é😀"
        );
        assert_eq!(
            escape_json("{\"a\":\"</script>\u{2028}\"}"),
            "{\"a\":\"\\u003c/script>\\u2028\"}"
        );
    }
}
