//! Points: calibration, labels, neighbours, depth, the list to look at and the data map.

use super::*;

#[test]
fn calibration_and_label_errors_are_numpys_and_cleanlabs() {
    let digits = Digits::new();
    for device in devices() {
        let (_, [_, found]) = digits.probed(&device, 0);
        let calibration = Calibration::of(&found, digits.test_labels()).unwrap();
        close("ECE", calibration.ece, 0.012497378, 1e-6);
        // The script's solver ends 2e-6 from the optimum; this is of newton-cholesky, tol 1e-13.
        close("MCE", calibration.mce, 0.182150974, 1e-6);
        close("Brier", calibration.brier, 0.106793546, 1e-6);
        assert_eq!(calibration.bins.iter().map(|bin| bin.count).sum::<usize>(), 797);

        let mut labels = digits.test_labels().to_vec();
        let broken: Vec<usize> = (0..labels.len()).step_by(40).collect();
        broken.iter().for_each(|&row| labels[row] = (labels[row] + 1) % 10);
        for (rule, n) in [(Rule::PruneByNoiseRate, 33), (Rule::ConfidentLearning, 29)] {
            let issues = label_issues(&found, &labels, rule).unwrap();
            assert_eq!(issues.len(), n, "{rule:?}");
            let hits = issues.iter().filter(|issue| broken.contains(&issue.row)).count();
            assert_eq!(hits, 16, "{rule:?}");
            if rule == Rule::PruneByNoiseRate {
                let first: Vec<usize> = issues.iter().take(10).map(|issue| issue.row).collect();
                assert_eq!(first, [160, 240, 480, 680, 760, 40, 360, 200, 495, 660]);
            }
        }
    }
}

#[test]
fn a_network_that_is_too_sure_is_cooled() {
    // Always 90 % sure, right in 60 % of the cases: with logits 0 and ln 9, the temperature at which
    // the larger probability is .6 is ln 9 / ln 1.5.
    let n = 1000;
    let labels: Vec<u16> = (0..n).map(|row| u16::from(row / 2 % 5 >= 3)).collect();
    let rows = Matrix::new([0.9_f32, 0.1].repeat(n), n, 2).unwrap();
    let found = Calibration::of(&Probabilities::of_network(&rows), &labels).unwrap();
    close("ECE", found.ece, 0.3, 1e-6);
    close("temperature", found.temperature, 9.0_f64.ln() / 1.5_f64.ln(), 1e-3);
    assert!(found.ece_scaled < 1e-3, "{}", found.ece_scaled);
}

#[test]
fn neighbours_tell_of_labels_outliers_and_duplicates() {
    let digits = Digits::new();
    let graph = digits.neighbors(0, 10);
    let shares = odd::own_label_shares(&graph, &digits.labels, &digits.labels);
    let mean = shares.iter().sum::<f64>() / shares.len() as f64;
    close("share of the own label", mean, 0.965108514, 1e-8);
    let distances = odd::mean_distances(&graph);
    let farthest = (0..distances.len()).max_by(|&a, &b| distances[a].total_cmp(&distances[b]));
    assert_eq!(farthest, Some(1149));
    let typical = odd::typicality(&distances);
    let mut sorted = distances.clone();
    sorted.sort_by(f64::total_cmp);
    close("median", sorted[distances.len() / 2], 20.412470960, 1e-6);
    close("typicality", typical[1149], (-distances[1149] / 20.412470960).exp(), 1e-6);

    // Quartiles about 1.1 and 1.3: beyond 1.9 a point is far out.
    let mut distances: Vec<f64> = (0..40).map(|at| 1.0 + 0.01 * f64::from(at)).collect();
    distances.extend([0.0, 0.1, 0.2, 90.0, 1.8, 2.2]);
    let nearest: Vec<usize> = (0..46).collect();
    let found = odd::duplicates(&nearest, &distances);
    assert_eq!(found.iter().map(|found| found.row).collect::<Vec<_>>(), [40, 41]);
    assert_eq!(odd::outliers(&distances), [43, 45]);
}

#[test]
fn depth_is_the_first_layer_from_which_on_all_agree() {
    let digits = Digits::new();
    let (_, [train, test]) = digits.probed(&cpu(), 0);
    let answers = test.predictions();
    let of_probe = |found: &Probabilities| {
        let values = found.values.iter().map(|&value| value as f32).collect();
        Matrix::new(values, found.rows().len(), 10).unwrap()
    };
    let votes = |fitted: &Matrix, queries: &Matrix| {
        let graph = nearest_references(&cpu(), queries, fitted, 30, &Silent).unwrap();
        PointMeasures::of(&graph, digits.test_labels(), &digits.labels[..N_TRAIN]).votes
    };
    let layers = [
        votes(&digits.train(0), &digits.test(0)),
        votes(&digits.train(1), &digits.test(1)),
        votes(&of_probe(&train), &of_probe(&test)),
    ];
    let layers = layers.each_ref().map(Vec::as_slice);
    let depths = prediction_depths(&layers, &answers).unwrap();
    let spaces = ["X", "B", "softmax"].map(str::to_owned);
    let found = PredictionDepth::of(&spaces, &depths, &answers, digits.test_labels(), 10);
    assert_eq!(found.counts, [581, 9, 205, 2]);
    assert_eq!(found.right.iter().sum::<usize>(), 744);
    assert!(prediction_depths(&layers, &answers[1..]).is_err());
}

#[test]
fn points_with_several_reasons_come_first() {
    let issue = |row, self_confidence| layerlens::profile::LabelIssue {
        row,
        self_confidence,
        suggested: 3,
    };
    let labels = [issue(7, 0.01), issue(2, 0.02)];
    let duplicates = [odd::Duplicate { row: 2, other: 9, distance: 0.0 }];
    let test = Sources {
        part: "test",
        labels: &labels,
        duplicates: &duplicates,
        outliers: &[5],
        typicality: &[0.5; 8],
    };
    let found = look_at(&[test]);
    let rows: Vec<usize> = found.iter().map(|look| look.row).collect();
    assert_eq!(rows[0], 2);
    assert_eq!(found[0].reasons, [Reason::Label, Reason::Duplicate]);
    assert_eq!((found[0].duplicate_of, found[0].suggested), (Some(9), Some(3)));
    assert_eq!(found.len(), 3);
}

/// Four epochs of four rows: one that is always right, one that is learned, one that is forgotten
/// twice, and one that never is right. Expected values by numpy's `mean` and `std`.
#[test]
fn a_data_map_is_that_of_its_definition() {
    let mut dynamics = Dynamics::new(4);
    let epochs = [
        ([0.9, 0.1, 0.8, 0.05], [true, false, true, false]),
        ([0.9, 0.3, 0.2, 0.10], [true, false, false, false]),
        ([0.9, 0.7, 0.6, 0.15], [true, true, true, false]),
        ([0.9, 0.8, 0.4, 0.20], [true, true, false, false]),
    ];
    for (probabilities, right) in epochs {
        dynamics.push(probabilities.to_vec(), right.to_vec());
    }
    let map = DataMap::of(&dynamics).unwrap();
    for (found, expected) in [
        (&map.confidence, [0.9, 0.475, 0.5, 0.125]),
        (&map.variability, [0.0, 0.286_138_077, 0.223_606_798, 0.055_901_699]),
    ] {
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-7, "{found} and {expected}");
        }
    }
    assert_eq!(map.n_right, [4, 2, 2, 0]);
    assert_eq!(map.n_forgotten, [Some(0), Some(0), Some(2), None]);
    let summary = map.summary();
    assert_eq!(summary.by_n_right, [1, 0, 2, 0, 1]);
    assert_eq!(summary.n_forgotten, 1);
    assert!((summary.confidence - 0.5).abs() < 1e-7);
    assert_eq!(DataMap::of(&Dynamics::new(4)), None);
}
