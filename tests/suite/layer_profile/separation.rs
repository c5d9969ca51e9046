//! Separation of the classes, neural collapse and silhouettes.

use super::*;

#[test]
fn classes_are_as_separate_as_the_papers_formulas_say() {
    let digits = Digits::new();
    let expected = [
        [0.926348916, 0.180721592, 0.194893814, 9.27207309, 0.726196143, 0.715282687, 0.904841402],
        [3.64170631, 0.262233284, 0.353035772, 36.4618877, 0.630241629, 1.05683715, 0.735670562],
    ];
    for (at, layer) in digits.layers.iter().enumerate() {
        let means = ClassMeans::of(layer, &digits.labels).unwrap();
        let found = Separation::of(layer, &digits.labels, &means).unwrap();
        let nearest = means.nearest(layer);
        let right = nearest.iter().zip(&digits.labels).filter(|(a, b)| a == b).count();
        let values = [
            ("NC1", found.nc1),
            ("NC2, lengths", found.nc2_norms),
            ("NC2, angles", found.nc2_angles),
            ("D", found.fuzziness),
            ("Fisher", found.fisher_ratio),
            ("CDNV", found.cdnv.unwrap()),
            ("nearest mean", right as f64 / digits.labels.len() as f64),
        ];
        for ((what, value), expected) in values.into_iter().zip(expected[at]) {
            close(&format!("{what} of {}", NAMES[at]), value, expected, 1e-6);
        }
        let pairs = &found.cdnv_pairs;
        let mean = (0..10).flat_map(|i| (i + 1..10).map(move |j| pairs[i][j])).sum::<f64>() / 45.0;
        close("mean of the pairs", mean, found.cdnv.unwrap(), 1e-12);
    }
    // Two classes whose means are the same leave all but the CDNV: with means -2, -2 and 4 of classes
    // of two rows, each 1 from its mean, S_W is 1, S_B is 8, and so about the mean of the means.
    let x = Matrix::new(vec![-3.0, -1.0, -1.0, -3.0, 3.0, 5.0], 6, 1).unwrap();
    let labels = [0, 0, 1, 1, 2, 2];
    let means = ClassMeans::of(&x, &labels).unwrap();
    let found = Separation::of(&x, &labels, &means).unwrap();
    close("D", found.fuzziness, 1.0 / 8.0, 1e-12);
    close("NC1", found.nc1, 1.0 / 24.0, 1e-12);
    close("Fisher", found.fisher_ratio, 8.0, 1e-12);
    assert!(found.cdnv.is_none() && found.cdnv_pairs.is_empty(), "{found:?}");
}

#[test]
fn the_last_hidden_layer_and_the_output_layer_are_as_dual_as_the_paper_says() {
    let digits = Digits::new();
    let expected = [(1.165685422, 17.0), (0.654451753, 105.0)];
    for (layer, (distance, n_different)) in digits.layers.iter().zip(expected) {
        let means = ClassMeans::of(layer, &digits.labels).unwrap();
        let (weights, answers) = rounded_means(layer, &digits.labels);
        let output = OutputLayer { weights: Some(&weights), predictions: Some(&answers) };
        close("NC3", output.self_duality(&means).unwrap(), distance, 1e-6);
        close("NC4", output.disagreement(layer, &means).unwrap(), n_different / 1797.0, 1e-12);
    }
    // The centred class means themselves are dual to the last digit of f32; their opposites are 4
    // away, however long.
    let rows = [[3.0_f32, 0.0], [5.0, 0.0], [-1.0, 2.0], [-1.0, -8.0]];
    let x = Matrix::new(rows.concat(), 4, 2).unwrap();
    let means = ClassMeans::of(&x, &[0, 0, 1, 1]).unwrap();
    let of = |values: [f32; 4]| {
        let weights = Matrix::new(values.to_vec(), 2, 2).unwrap();
        let output = OutputLayer { weights: Some(&weights), predictions: None };
        output.self_duality(&means).map_err(|error| error.to_string())
    };
    // Means (4, 0) and (-1, -3) about (1.5, -1.5).
    assert!(of([2.5, -2.5, 1.5, -1.5]).unwrap() < 1e-12);
    close("opposite", of([-50.0, 50.0, -30.0, 30.0]).unwrap(), 4.0, 1e-12);
    assert!(of([0.0; 4]).unwrap_err().contains("all 0"));
    let three = Matrix::new(vec![1.0; 6], 2, 3).unwrap();
    let wide = Matrix::new(vec![1.0; 6], 3, 2).unwrap();
    for (weights, reason) in
        [(Some(&three), "3 units, 2 classes"), (Some(&wide), "takes 3 values"), (None, "are known")]
    {
        let error = OutputLayer { weights, predictions: None }.self_duality(&means).unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
    }
    let short = OutputLayer { weights: None, predictions: Some(&[0, 1]) };
    assert!(short.disagreement(&x, &means).is_err());
    assert!(OutputLayer::default().disagreement(&x, &means).is_err());
}

#[test]
fn the_weights_of_the_output_layer_are_those_that_take_the_last_layer() {
    let weights_of = |architecture: &Architecture| {
        let mut weights = Weights::default();
        for tensor in architecture.steps().unwrap().into_iter().flat_map(|step| step.parameters) {
            let n = tensor.shape.iter().product::<usize>() as u16;
            weights.insert(tensor.name, tensor.shape, (0..n).map(f32::from).collect());
        }
        weights
    };
    let build = |hidden: Vec<LayerSpec>| {
        Blueprint::new("test", hidden, Training::default()).build([6, 6, 1], 3).unwrap()
    };
    let conv = || LayerSpec::new(Conv::new(2, [3, 3]));
    let pooled = || LayerSpec { record: Recording::Pooled, ..conv() };
    let drop = LayerSpec::new(Dropout { rate: 0.5 });
    let [flatten, mean] = [LayerSpec::new(Flatten), LayerSpec::new(GlobalAvgPool)];
    let cases = [
        // All 4 x 4 x 2 values of the convolution.
        (vec![conv(), drop.clone(), flatten.clone()], Some(32)),
        // Its two means, which are not what the output layer takes, and which are.
        (vec![pooled(), flatten.clone()], None),
        (vec![pooled(), drop.clone(), mean.clone(), drop], Some(2)),
        // Recorded before what the layer does.
        (vec![conv(), mean], None),
        // No hidden layer.
        (vec![flatten], Some(36)),
    ];
    for (hidden, width) in cases {
        let architecture = build(hidden);
        let found = architecture.output_weights(&weights_of(&architecture)).unwrap();
        let expected = width.map(|width: u16| {
            Matrix::new((0..3 * width).map(f32::from).collect(), usize::from(width), 3).unwrap()
        });
        assert_eq!(found, expected, "{:?}", architecture.layers);
    }
}

#[test]
fn classes_have_the_silhouettes_of_scikit_learn() {
    let expected = [
        0.306417831,
        -0.090156313,
        0.086250367,
        0.019119399,
        0.047883106,
        0.022760525,
        0.389309952,
        0.154396424,
        -0.074534960,
        -0.031115201,
    ];
    let digits = Digits::new();
    for device in devices() {
        let profile = profile_of(&digits, &device);
        close("silhouette", *profile.silhouette.known().unwrap(), 0.083184940, 1e-4);
        let found: Vec<f64> = profile.silhouette_per_class.iter().map(|of| of.unwrap()).collect();
        assert_eq!(found.len(), 10);
        for (class, (found, expected)) in found.iter().zip(expected).enumerate() {
            assert!((found - expected).abs() < 1e-5, "class {class}: {found} not {expected}");
        }
    }
    // A class without scored points has none; one of a single point has 0, as in scikit-learn.
    let rows = |values: &[f32]| Matrix::new(values.to_vec(), values.len() / 2, 2).unwrap();
    let train = rows(&[0.0, 1.0, 2.0, 2.0, 5.0, 5.0, 1.0, 1.0]);
    let test = rows(&[0.0, 1.0, 0.0, 2.0, 4.0, 4.0]);
    let layer = ProfiledLayer {
        space: "raw",
        train: &train,
        train_labels: &[0, 1, 2, 3],
        test: Some((&test, &[0, 0, 2])),
        neighbors: None,
        knn_accuracy: None,
        output: None,
        control: false,
        random_state: 42,
    };
    let (found, _) = layer.measure(&cpu(), &Silent).unwrap();
    assert!(matches!(found.silhouette_per_class[..], [Some(_), None, Some(0.0)]), "{found:?}");
}
