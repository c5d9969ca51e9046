//! The pages of `docs/` name what the registries hold.

use layerlens::{
    embedding::METHODS,
    evaluation::METRICS,
    profile::{Better, MEASURES},
};

const MEASURES_PAGE: &str = include_str!("../../docs/measures.md");
const METHODS_PAGE: &str = include_str!("../../docs/methods.md");

/// Cells of the table's row whose second cell is the name in backquotes.
fn row<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    let rows = page.lines().filter(|line| line.starts_with('|'));
    let mut cells = rows.map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
    let quoted = format!("`{name}`");
    let found = cells.find(|cells| cells.get(2) == Some(&quoted.as_str()));
    found.unwrap_or_else(|| panic!("docs/measures.md has no row of {quoted}"))
}

#[test]
fn measures_of_layers_are_explained_as_the_tables_do() {
    for measure in MEASURES {
        let better = match measure.better {
            Better::Neither => "-",
            other => other.word(),
        };
        let expected =
            ["", measure.title, "", measure.meaning, better, measure.caveat.unwrap_or("")];
        let mut found = row(MEASURES_PAGE, measure.key);
        found[2] = "";
        assert_eq!(found[..6], expected, "docs/measures.md, {}", measure.key);
    }
}

#[test]
fn metrics_of_maps_are_explained() {
    for metric in METRICS {
        assert!(metric.meaning.ends_with('.'), "a sentence for the page, {}", metric.key);
        assert!(!row(MEASURES_PAGE, metric.key)[3].is_empty(), "{}", metric.key);
    }
}

#[test]
fn parameters_of_methods_are_listed() {
    for method in METHODS {
        for parameter in method.parameters {
            let name = format!("`{}`", parameter.name);
            assert!(
                METHODS_PAGE.contains(&name),
                "docs/methods.md lacks {name} of {}",
                method.title
            );
        }
    }
}
