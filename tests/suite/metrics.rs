//! What is measured of a map, and what the map is called: every metric in every table, with its own
//! value, and titles with the dimensions that the map has.

use layerlens::evaluation::{
    Insights, KnnScore, METRICS, MapId, MapQuality, MethodRank, Metric, MetricRanking, NewQuality,
    Quality, ScoredOn, Scores, map_title,
};
use layerlens::report::{insights_table, quality_table, table};
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
        of_new: of_new.map(|trustworthiness| NewQuality {
            n_sampled: 9,
            n_references: 50,
            n_neighbors: 6,
            trustworthiness,
        }),
    };
    MapQuality {
        space: "layer_1".into(),
        method: Some("tsne".into()),
        n_features: 64,
        n_dimensions: 2,
        quality,
    }
}

/// The value that the manifest notes of a metric, by its key.
fn noted(row: &MapQuality, key: &str) -> Option<f64> {
    let noted = serde_json::to_value(&row.quality).unwrap();
    let value = if key == "trustworthiness_of_new" {
        &noted["of_new"]["trustworthiness"]
    } else {
        &noted[key]
    };
    assert!(value.is_number() || value.is_null(), "{key} is {value}");
    value.as_f64()
}

#[test]
fn every_number_of_a_quality_is_a_metric() {
    let row = judged(Some(0.37));
    let Value::Object(noted) = serde_json::to_value(&row.quality).unwrap() else {
        panic!("no object")
    };
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
    let page = quality_table::page_table(&rows).unwrap();
    let titles: Vec<&str> = page.header.iter().map(|cell| cell.text.as_str()).collect();
    assert_eq!(titles[..2], ["space", "map"]);
    assert!(
        page.caption.contains("200,000 triplets") && page.caption.contains("recall of 7"),
        "{}",
        page.caption
    );
    let folder = tempfile::tempdir().unwrap();
    quality_table::write_csv(folder.path(), &rows).unwrap();
    let mut csv = csv::Reader::from_path(folder.path().join(quality_table::FILE)).unwrap();
    let header = csv.headers().unwrap().clone();
    let records: Vec<csv::StringRecord> = csv.records().map(Result::unwrap).collect();
    assert_eq!((page.header.len(), header.len()), (2 + METRICS.len(), 10 + METRICS.len()));
    for metric in METRICS {
        let column = titles.iter().position(|title| *title == metric.title).expect(metric.title);
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
    let text = quality_table::text(rows);
    let mut lines = text.lines().skip_while(|line| !line.starts_with("space"));
    let header = lines.next().expect("a header").to_owned();
    (header, lines.next().expect("a row").split_whitespace().map(str::to_owned).collect())
}

#[test]
fn the_terminal_leaves_out_what_needs_new_points_without_any() {
    for (of_new, needed) in [(None, false), (Some(0.37), true)] {
        let row = judged(of_new);
        let (header, words) = printed(std::slice::from_ref(&row));
        let shown: Vec<&Metric> =
            METRICS.iter().filter(|metric| needed || !metric.needs_new_points).collect();
        let values: Vec<String> =
            shown.iter().map(|metric| format!("{:.4}", noted(&row, metric.key).unwrap())).collect();
        assert_eq!(words[..5], ["layer_1", "t-SNE", "in", "2-D", "2"]);
        assert_eq!(words[5..], values, "{header}");
        assert!(
            METRICS
                .iter()
                .all(|metric| header.contains(metric.short)
                    == shown.iter().any(|m| m.key == metric.key)),
            "{header}"
        );
    }
}

#[test]
fn the_page_shows_some_metrics_beside_each_map() {
    let row = judged(Some(0.37));
    let shown =
        [("trustworthiness", 0.91), ("continuity", 0.82), ("neighbour recall, k = 7", 0.73)];
    assert_eq!(
        Metric::shown_by_map(&row.quality),
        shown.map(|(label, value)| (label.to_owned(), value))
    );
}

#[test]
fn titles_have_the_dimensions_of_the_map() {
    for (n_components, title, other) in [(2, "t-SNE in 2-D", "3-D"), (3, "t-SNE in 3-D", "2-D")] {
        let id = MapId::new("raw", Some("tsne"), n_components);
        assert_eq!((id.title(), id.to_string()), (title.into(), format!("raw input, {title}")));
        assert_eq!(map_title(Some("tsne"), n_components), title);
        assert_eq!(id.file_stem(), "tsne_raw", "the names of files say nothing of dimensions");
        let row = MapQuality { n_dimensions: n_components, ..judged(None) };
        assert_eq!(row.id(), MapId { space: "layer_1".into(), ..id.clone() });
        let page = quality_table::page_table(std::slice::from_ref(&row)).unwrap();
        let lead = page.rows[0][..2].iter().map(|cell| cell.text.as_str());
        assert_eq!(lead.collect::<Vec<_>>(), ["layer 1", title]);
        let scores = Scores {
            space: "raw".into(),
            method: Some("tsne".into()),
            n_dimensions: n_components,
            n_fitted: 9,
            n_scored: 9,
            scored_on: ScoredOn::Test,
            knn: vec![KnnScore { n_neighbors: 5, accuracy: 0.5, per_class: Vec::new() }],
        };
        assert_eq!(scores.id(), id);
        let rank = MethodRank { method: "tsne".into(), values: vec![0.5], mean: 0.5, n_best: 1 };
        let ranking = MetricRanking {
            measure: "global_score".into(),
            spaces: vec!["raw".into()],
            methods: vec![rank],
        };
        let insights = Insights::new(5, ScoredOn::Test, &[], vec![ranking]);
        let insights = insights_table::text(&insights, &[], n_components);
        assert!(insights.contains("PCA has 1 by definition"), "{insights}");
        for text in [quality_table::text(&[row]), table::text(&[scores]), insights] {
            assert!(text.contains(title) && !text.contains(other), "{text}");
        }
    }
}

#[test]
fn a_space_itself_is_named_without_a_method() {
    let id = MapId::new("conv_1", None, 64);
    assert_eq!(
        [id.title(), id.to_string(), id.file_stem()],
        ["all dimensions", "conv 1", "conv_1"]
    );
    assert_eq!((id.method_title(), id.space_title()), ("", "conv 1".into()));
    let unknown = MapId::new("raw", Some("other"), 2);
    assert_eq!([unknown.title(), unknown.to_string()], ["other in 2-D", "raw input, other in 2-D"]);
}
