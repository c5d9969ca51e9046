//! Tables, figures and sections below the map.

use crate::page::Page;
use crate::study::opened;
use serde_json::{Value, json};

/// Texts of a column of a table.
fn column(page: &Page, table: &str, column: usize) -> Vec<String> {
    let texts = page.eval(&format!(
        "Array.from(document.querySelectorAll({table:?} + ' tbody tr'), row => row.cells[{column}].textContent)"
    ));
    serde_json::from_value(texts).unwrap()
}

fn numbers(texts: &[String]) -> Vec<f64> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn the_findings_come_first_and_hold() {
    let Some((page, study)) = opened("") else { return };
    let first = "document.querySelector('#report .report-section')";
    assert_eq!(page.string(&format!("{first}.querySelector('h2').textContent")), "Findings");
    let said = page.string(&format!("{first}.querySelector('ul').innerText"));
    let right = study.labels.iter().zip(&study.predictions).filter(|(a, b)| a == b).count();
    let share = 100.0 * right as f64 / study.labels.len() as f64;
    assert!(said.contains(&format!("the network gets {share:.1} % right")), "{said}");
    assert!(said.contains("gains most") && said.contains("Taken for each other most"), "{said}");
    let figure = format!("{first}.querySelector('figure svg').checkVisibility()");
    assert_eq!(page.eval(&figure), true, "the figure of the gains");
}

#[test]
fn a_click_sorts_a_table_and_a_third_one_restores_it() {
    let Some((page, _)) = opened("") else { return };
    page.eval("document.querySelector('#report-quality').closest('details').open = true");
    let table = "section[aria-labelledby='report-quality'] summary + .table-box table";
    let written = column(&page, table, 2);
    let button = format!("{table} thead th:nth-child(3) .sort");
    let direction =
        format!("document.querySelector({table:?} + ' thead th:nth-child(3)').ariaSort");
    for (expected, falls) in [("descending", true), ("ascending", false)] {
        page.click(&button);
        page.until(&format!("{direction} === '{expected}'"));
        let shown = numbers(&column(&page, table, 2));
        let in_order =
            shown.windows(2).all(|two| if falls { two[0] >= two[1] } else { two[0] <= two[1] });
        assert!(in_order, "{expected}: {shown:?}");
    }
    page.click(&button);
    page.until(&format!("{direction} === null"));
    assert_eq!(column(&page, table, 2), written);
}

#[test]
fn the_best_map_of_each_space_is_marked() {
    let Some((page, _)) = opened("") else { return };
    let rows = page.eval(
        "Array.from(document.querySelectorAll(\"section[aria-labelledby='report-quality'] table\")[0].tBodies[0].rows, \
         row => [row.cells[0].textContent, row.cells[2].textContent, row.cells[2].querySelector('strong') !== null])",
    );
    let rows: Vec<(String, String, bool)> = serde_json::from_value(rows).unwrap();
    let mut n_marked = 0;
    for (space, value, is_marked) in &rows {
        let of_space = rows.iter().filter(|row| row.0 == *space);
        let best = of_space.map(|row| row.1.parse::<f64>().unwrap()).fold(0.0, f64::max);
        assert_eq!(*is_marked, value.parse() == Ok(best), "{space}: {value}");
        n_marked += usize::from(*is_marked);
    }
    assert!(n_marked >= 3 && n_marked < rows.len(), "{n_marked} of {}", rows.len());
}

/// Which panels of the tabs of a section are seen.
fn seen(page: &Page, section: &str) -> Value {
    page.eval(&format!(
        "Array.from(document.querySelectorAll(\"section[aria-labelledby='report-{section}'] .tab\"), tab => tab.checkVisibility())"
    ))
}

#[test]
fn one_table_is_seen_for_each_number_of_neighbours() {
    let Some((page, _)) = opened("") else { return };
    page.eval("document.querySelector('#report-knn').closest('details').open = true");
    assert_eq!(seen(&page, "knn"), json!([false, true, false]), "k = 5 first");
    let tabs = "section[aria-labelledby='report-knn'] [role=tab]";
    let titles = page
        .eval(&format!("Array.from(document.querySelectorAll({tabs:?}), tab => tab.textContent)"));
    assert_eq!(titles, json!(["k = 3", "k = 5", "k = 10"]));
    page.click(&format!("{tabs}:nth-of-type(3)"));
    assert_eq!(seen(&page, "knn"), json!([false, false, true]));
    page.key("ArrowRight", 0);
    assert_eq!(seen(&page, "knn"), json!([true, false, false]), "the keys go round");
}

#[test]
fn sections_fold_and_a_link_opens_its_own() {
    let Some((page, _)) = opened("") else { return };
    let open = |id: &str| {
        page.eval(&format!("document.querySelector('#report-{id}').closest('details').open"))
    };
    assert_eq!(
        ["findings", "profile", "times", "confusion"].map(open),
        [true, true, false, false].map(Value::from)
    );
    page.click("#report .contents a[href='#report-times']");
    page.until("document.querySelector('#report-times').closest('details').open");
    assert_eq!(open("confusion"), false);
    page.click("#report .contents button");
    page.until("Array.from(document.querySelectorAll('#report .report-section > details')).every(it => it.open)");
}

#[test]
fn figures_take_the_colours_of_a_dark_page() {
    let Some((page, _)) = opened("#theme=dark") else { return };
    page.until("document.documentElement.dataset.theme === 'dark'");
    let dark = "(grounds => grounds.length > 3 && grounds.every(it => \
                getComputedStyle(it).fill === getComputedStyle(document.body).backgroundColor))\
                (Array.from(document.querySelectorAll('#report .drawing svg > rect:first-child')))";
    assert_eq!(page.eval(dark), true);
}

#[test]
fn measures_are_explained_where_they_stand() {
    let Some((page, _)) = opened("") else { return };
    for place in
        [".pane .map-metrics .hint", "section[aria-labelledby='report-quality'] thead .hint"]
    {
        let hints = page.eval(&format!(
            "Array.from(document.querySelectorAll({place:?}), it => it.title.length)"
        ));
        let hints: Vec<usize> = serde_json::from_value(hints).unwrap();
        assert!(hints.len() >= 3 && hints.iter().all(|&length| length > 20), "{place}: {hints:?}");
    }
}
