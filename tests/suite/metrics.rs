//! What is measured of a map: every metric in every table, with its own value.

use layerlens::evaluation::{METRICS, MapQuality, Metric, NewQuality, Quality};
use layerlens::report::quality_table;
use serde_json::Value;

/// A map whose metrics all differ.
fn judged(of_new: Option<f64>) -> MapQuality {
    let quality = Quality {
        n_sampled: 5000,
        n_neighbors: 12,
        trustworthiness: 0.91,
        continuity: 0.82,
        n_recalled: 7,
        neighbor_recall: 0.73,
        global_score: Some(0.64),
        n_triplets: 200_000,
        random_triplet_accuracy: 0.55,
        n_pairs: 199_396,
        spearman: Some(-0.46),
        of_new: of_new.map(|trustworthiness| NewQuality { n_sampled: 9, n_references: 50, n_neighbors: 6, trustworthiness }),
    };
    MapQuality { space: "layer_1".into(), method: Some("tsne".into()), n_features: 64, n_dimensions: 2, quality }
}

/// The value that the manifest notes of a metric, by its key.
fn noted(row: &MapQuality, key: &str) -> Option<f64> {
    let noted = serde_json::to_value(&row.quality).unwrap();
    let value = if key == "trustworthiness_of_new" { &noted["of_new"]["trustworthiness"] } else { &noted[key] };
    assert!(value.is_number() || value.is_null(), "{key} is {value}");
    value.as_f64()
}

#[test]
fn every_number_of_a_quality_is_a_metric() {
    let row = judged(Some(0.37));
    let Value::Object(noted) = serde_json::to_value(&row.quality).unwrap() else { panic!("no object") };
    // Counts are whole numbers, metrics are not.
    let fields = noted.iter().filter(|(_, value)| value.is_f64()).map(|(name, _)| name.as_str());
    let fields: Vec<&str> = fields.chain(["trustworthiness_of_new"]).collect();
    let keys: Vec<&str> = METRICS.iter().map(|metric| metric.key).collect();
    assert_eq!(keys, fields);
    assert!(METRICS.iter().all(|metric| metric.short.len() <= 10 && !metric.title.is_empty()));
}

#[test]
fn every_metric_is_in_the_tables_with_its_value() {
    let rows = [judged(Some(0.37)), MapQuality { space: "raw".into(), ..judged(None) }];
    let page = quality_table::page_table(&rows, &|row| [row.space.clone(), "a map".into()]).unwrap();
    assert_eq!(page.header[..2], ["space", "map"]);
    assert!(page.caption.contains("200,000 triplets") && page.caption.contains("recall of 7"), "{}", page.caption);
    let folder = tempfile::tempdir().unwrap();
    quality_table::write_csv(folder.path(), &rows).unwrap();
    let mut csv = csv::Reader::from_path(folder.path().join(quality_table::FILE)).unwrap();
    let header = csv.headers().unwrap().clone();
    let records: Vec<csv::StringRecord> = csv.records().map(Result::unwrap).collect();
    assert_eq!((page.header.len(), header.len()), (2 + METRICS.len(), 10 + METRICS.len()));
    for metric in METRICS {
        let column = page.header.iter().position(|title| title == metric.title).expect(metric.title);
        let in_csv = header.iter().position(|name| name == metric.key).expect(metric.key);
        for (at, row) in rows.iter().enumerate() {
            let value = noted(row, metric.key);
            let shown = value.map_or("–".into(), |value| format!("{value:.4}"));
            assert_eq!(page.rows[at][column].text, shown, "{} of {}", metric.title, row.space);
            let written = value.map_or(String::new(), |value| value.to_string());
            assert_eq!(records[at][in_csv], written, "{} of {}", metric.key, row.space);
        }
    }
}

/// Columns of the terminal's table, and the words of its second row.
fn printed(rows: &[MapQuality]) -> (String, Vec<String>) {
    let text = quality_table::text(rows, &str::to_owned);
    let mut lines = text.lines().skip_while(|line| !line.starts_with("space"));
    let header = lines.next().expect("a header").to_owned();
    (header, lines.next().expect("a row").split_whitespace().map(str::to_owned).collect())
}

#[test]
fn the_terminal_leaves_out_what_needs_new_points_without_any() {
    for (of_new, needed) in [(None, false), (Some(0.37), true)] {
        let row = judged(of_new);
        let (header, words) = printed(std::slice::from_ref(&row));
        let shown: Vec<&Metric> = METRICS.iter().filter(|metric| needed || !metric.needs_new_points).collect();
        let values: Vec<String> = shown.iter().map(|metric| format!("{:.4}", noted(&row, metric.key).unwrap())).collect();
        assert_eq!(words[3..], values, "{header}");
        assert!(
            METRICS.iter().all(|metric| header.contains(metric.short) == shown.iter().any(|m| m.key == metric.key)),
            "{header}"
        );
    }
}

#[test]
fn the_page_shows_some_metrics_beside_each_map() {
    let row = judged(Some(0.37));
    let shown = [("trustworthiness", 0.91), ("continuity", 0.82), ("neighbour recall, k = 7", 0.73)];
    assert_eq!(Metric::shown_by_map(&row.quality), shown.map(|(label, value)| (label.to_owned(), value)));
}
