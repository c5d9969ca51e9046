//! Linear probes, ridge probes and their folds.

use super::*;

#[test]
fn probes_are_scikit_learns() {
    let digits = Digits::new();
    let expected = [
        (744, 0.025656694, 0.272368901, 64.7688674, 0.889586),
        (623, 0.277337809, 0.760475108, 351.6710331, 0.681305),
    ];
    for device in devices() {
        for (layer, (right, train, test, objective, ridge)) in expected.into_iter().enumerate() {
            let (fitted, found) = digits.probed(&device, layer);
            assert!(fitted.is_converged, "{} steps", fitted.n_iter);
            let labels = [&digits.labels[..N_TRAIN], digits.test_labels()];
            let predictions = found[1].predictions();
            let n_right = predictions.iter().zip(labels[1]).filter(|(a, b)| a == b).count();
            assert_eq!(n_right, right, "{}", NAMES[layer]);
            close("training loss", found[0].cross_entropy(labels[0]).unwrap(), train, 1e-6);
            close("test loss", found[1].cross_entropy(labels[1]).unwrap(), test, 1e-6);
            close("objective", fitted.objective, objective, 1e-6);
            let train = digits.train(layer);
            let probed = ProbedLayer::new(&device, &train).unwrap();
            let rows = digits.test(layer);
            let found = ridge_predictions(&probed, labels[0], 1.0, &rows).unwrap();
            let right = found.iter().zip(labels[1]).filter(|(a, b)| a == b).count();
            close("ridge", right as f64 / rows.n_samples() as f64, ridge, 1e-6);
        }
    }
}

#[test]
fn a_probe_of_many_classes_has_fewer_steps() {
    let steps = |n, d, k| LinearProbe::within_bounds(n, d, k).max_iter;
    // The studies are not bounded; 1,000 classes by 1,000 columns are, at 10^10 products a step.
    assert_eq!([steps(60_000, 256, 10), steps(1000, 64, 10), steps(2, 1, 1)], [500; 3]);
    assert_eq!(steps(3000, 1000, 1000), 50);
    assert_eq!(steps(1_000_000, 4096, 1000), 20);
}

#[test]
fn folds_leave_every_row_out_once() {
    let digits = Digits::new();
    let train = digits.train(0);
    let probed = ProbedLayer::new(&cpu(), &train).unwrap();
    let labels = &digits.labels[..N_TRAIN];
    let linear = LinearProbe::default();
    let found = linear.out_of_sample(&cpu(), &probed, labels, 5, 42, &Silent).unwrap();
    assert!(found.is_converged);
    let found = found.probabilities;
    let right = found.predictions().iter().zip(labels).filter(|(a, b)| a == b).count();
    // scikit-learn's five folds give 968 to 973 in twelve draws of them.
    assert!((962..980).contains(&right), "{right}");
    let sums: Vec<f64> = found.rows().map(|row| row.iter().sum()).collect();
    assert!(sums.iter().all(|sum| (sum - 1.0).abs() < 1e-9));
}
