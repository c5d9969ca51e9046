//! Measures of layers against scikit-learn 1.9.1, scikit-dimension 0.5.0, cleanlab 2.9.0 and numpy on
//! scikit-learn's digits: X, the 1,797 x 64 pixels, and B = max(left half - right half, 0), 32
//! columns, as a second layer. The numbers are those that `tests/fixtures/make_layer_measures.py`
//! prints.

use crate::support::{Variant, cpu, gpu};
use layerlens::compute::Device;
use layerlens::dataset::Dataset;
use layerlens::matrix::Matrix;
use layerlens::model::layers::{Conv, Dropout, Flatten, GlobalAvgPool};
use layerlens::model::{Architecture, LayerSpec, Recording, Weights};
use layerlens::neighbors::{NeighborGraph, nearest_neighbors, nearest_references};
use layerlens::profile::{
    Calibration, ClassMeans, ComparedLayer, DataMap, FittedProbe, IntrinsicDimension, LinearProbe,
    MEASURES, OutputLayer, PointMeasures, PredictionDepth, Probabilities, ProbedLayer,
    ProfiledLayer, Reason, Rule, Separation, Similarities, Sources, Spectrum, compared_rows,
    label_issues, look_at, odd, prediction_depths, ridge_predictions,
};
use layerlens::progress::Silent;
use layerlens::recipe::Blueprint;
use layerlens::training::{Dynamics, Training};

/// Training rows of the probes; the others are test rows.
const N_TRAIN: usize = 1000;
/// Layer names.
const NAMES: [&str; 2] = ["X", "B"];

struct Digits {
    layers: [Matrix; 2],
    labels: Vec<u16>,
}

impl Digits {
    fn new() -> Self {
        let data = Dataset::load("digits", None).unwrap();
        let parts = [&data.train, &data.test];
        let pixels: Vec<f32> = parts
            .iter()
            .flat_map(|part| (0..part.len()).flat_map(|at| part.images.image(at).to_vec()))
            .map(|pixel| f32::from(((u16::from(pixel)) * 16 + 127) / 255))
            .collect();
        let labels: Vec<u16> = parts.iter().flat_map(|part| part.labels.clone()).collect();
        let halves: Vec<f32> = pixels
            .chunks_exact(64)
            .flat_map(|row| (0..32).map(|at| (row[at] - row[at + 32]).max(0.0)))
            .collect();
        let n = labels.len();
        let x = Matrix::new(pixels, n, 64).unwrap();
        Self { layers: [x, Matrix::new(halves, n, 32).unwrap()], labels }
    }

    fn train(&self, layer: usize) -> Matrix {
        self.layers[layer].select(&(0..N_TRAIN).collect::<Vec<_>>())
    }

    fn test(&self, layer: usize) -> Matrix {
        self.layers[layer].select(&(N_TRAIN..self.labels.len()).collect::<Vec<_>>())
    }

    fn test_labels(&self) -> &[u16] {
        &self.labels[N_TRAIN..]
    }

    /// A probe of the training rows, and its probabilities for the test rows.
    fn probed(&self, device: &Device, layer: usize) -> (FittedProbe, [Probabilities; 2]) {
        let train = self.train(layer);
        let probed = ProbedLayer::new(device, &train).unwrap();
        let linear = LinearProbe { tol: 1e-10, max_iter: 3000, ..LinearProbe::default() };
        let fitted = linear.fit(device, &probed, &self.labels[..N_TRAIN], &Silent).unwrap();
        let of = |rows: &Matrix| fitted.probabilities(&probed.seen(device, rows).unwrap());
        let found = [of(&train), of(&self.test(layer))];
        (fitted, found)
    }

    fn neighbors(&self, layer: usize, k: usize) -> NeighborGraph {
        nearest_neighbors(&cpu(), &self.layers[layer], k, &Silent).unwrap()
    }
}

/// The CPU, and a GPU if there is one.
fn devices() -> Vec<Device> {
    std::iter::once(cpu()).chain(gpu(Variant::Adapter)).collect()
}

#[track_caller]
fn close(what: &str, found: f64, expected: f64, tolerance: f64) {
    let error = (found - expected).abs() / expected.abs();
    assert!(error <= tolerance, "{what}: {found} instead of {expected}, {error:.1e} off");
}

#[test]
fn layers_are_as_similar_as_the_papers_formulas_say() {
    let digits = Digits::new();
    for device in devices() {
        let compared = |rows: &[usize]| {
            let [x, b] = digits
                .layers
                .each_ref()
                .map(|layer| ComparedLayer::new(&device, layer.select(rows), &Silent).unwrap());
            x.compared(&device, &b).unwrap()
        };
        let all: Vec<usize> = (0..digits.labels.len()).collect();
        let whole = compared(&all);
        let few = compared(&all[..100]);
        close("CKA", whole.biased_cka, 0.738154534, 1e-6);
        close("debiased CKA", whole.cka.unwrap(), 0.736761792, 1e-6);
        close("CKA of 100 rows", few.biased_cka, 0.759352742, 1e-6);
        close("debiased CKA of 100 rows", few.cka.unwrap(), 0.740129190, 1e-6);
        close("Procrustes", whole.procrustes.unwrap(), 0.492623701, 1e-6);
        // Of the neighbours in both, by brute force.
        let [a, b] = [digits.neighbors(0, 10), digits.neighbors(1, 10)];
        let overlap = |row: usize| {
            let both = a.neighbors(row).iter().filter(|at| b.neighbors(row).contains(at)).count();
            both as f64 / (20 - both) as f64
        };
        let mean = all.iter().map(|&row| overlap(row)).sum::<f64>() / all.len() as f64;
        close("overlap", whole.neighbor_overlap, mean, 1e-12);
    }
}

#[test]
fn dimensions_are_those_of_numpy_and_scikit_dimension() {
    let digits = Digits::new();
    let expected = [
        [1202.147712161, 13.16851117, 6.715649006, 20.553251363, 39.707400444],
        [450.128924352, 9.862565861, 5.009177524, 13.934237704, 21.793874265],
    ];
    let components = [[21, 29, 41], [14, 17, 22]];
    for device in devices() {
        for (at, layer) in digits.layers.iter().enumerate() {
            let found = Spectrum::of(&device, layer).unwrap();
            let values = [
                ("total variance", found.total_variance),
                ("participation ratio", found.participation_ratio),
                ("stable rank", found.stable_rank),
                ("effective rank", found.effective_rank),
                ("rank of singular values", found.rank_of_singular_values),
            ];
            for ((what, value), expected) in values.into_iter().zip(expected[at]) {
                close(&format!("{what} of {}", NAMES[at]), value, expected, 1e-6);
            }
            let shares = [found.n_components_90, found.n_components_95, found.n_components_99];
            assert_eq!(shares, components[at]);
        }
    }
    for (at, [two_nn, mle]) in
        [[8.908172765, 6.844815332], [7.594884677, 6.177841675]].into_iter().enumerate()
    {
        let found = IntrinsicDimension::of(&digits.neighbors(at, 20)).unwrap();
        close("TwoNN", found.two_nn, two_nn, 1e-6);
        close("MLE", found.mle, mle, 1e-6);
        assert_eq!(found.n_duplicates, 0);
    }
}

#[test]
fn more_columns_than_rows_have_the_same_spectrum() {
    let digits = Digits::new();
    let rows: Vec<usize> = (0..50).collect();
    let few = digits.layers[0].select(&rows);
    // The same columns four times over: the variances are four times as large.
    let wide: Vec<f32> = few.rows().flat_map(|row| row.repeat(4)).collect();
    let wide = Matrix::new(wide, 50, 256).unwrap();
    for device in devices() {
        let [narrow, wide] = [&few, &wide].map(|x| Spectrum::of(&device, x).unwrap());
        close("total variance", wide.total_variance, 4.0 * narrow.total_variance, 1e-6);
        close("participation", wide.participation_ratio, narrow.participation_ratio, 1e-6);
        assert_eq!(wide.n_components_95, narrow.n_components_95);
    }
}

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

/// The class means rounded down as the weights of an output layer, n_features x 10, and the answers
/// of that layer with the biases -|w|^2 / 2: all of them whole or half numbers.
fn rounded_means(x: &Matrix, labels: &[u16]) -> (Matrix, Vec<u16>) {
    let d = x.n_features();
    let mut kernel = vec![0.0_f32; d * 10];
    for class in 0..10_u16 {
        let rows: Vec<usize> = (0..labels.len()).filter(|&row| labels[row] == class).collect();
        for column in 0..d {
            let sum: f64 = rows.iter().map(|&row| f64::from(x.row(row)[column])).sum();
            kernel[column * 10 + usize::from(class)] = (sum / rows.len() as f64).floor() as f32;
        }
    }
    let logit = |row: &[f32], class: usize| {
        let weight =
            |(at, &value): (usize, &f32)| (f64::from(value), f64::from(kernel[at * 10 + class]));
        row.iter().enumerate().map(weight).map(|(value, w)| value * w - w * w / 2.0).sum::<f64>()
    };
    let answer = |row: &[f32]| {
        let first = |best: usize, next: usize| {
            if logit(row, next) > logit(row, best) { next } else { best }
        };
        (1..10).fold(0, first) as u16
    };
    let answers = x.rows().map(answer).collect();
    (Matrix::new(kernel, d, 10).unwrap(), answers)
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

#[test]
fn threads_change_no_byte() {
    let digits = Digits::new();
    let of = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| profile_of(&digits, &cpu()))
    };
    let [one, two] = [of(1), of(2)].map(|profile| format!("{profile:?}"));
    assert_eq!(one, two);
}

fn profile_of(digits: &Digits, device: &Device) -> layerlens::profile::LayerProfile {
    let (train, test) = (digits.train(1), digits.test(1));
    let (kernel, answers) = rounded_means(&train, &digits.labels[..N_TRAIN]);
    let layer = ProfiledLayer {
        space: "layer_1",
        train: &train,
        train_labels: &digits.labels[..N_TRAIN],
        test: Some((&test, digits.test_labels())),
        neighbors: None,
        knn_accuracy: Some(0.5),
        output: Some(OutputLayer { weights: Some(&kernel), predictions: Some(&answers) }),
        control: true,
        random_state: 42,
    };
    let (profile, answers) = layer.measure(device, &Silent).unwrap();
    // The answers are those that the accuracy counts.
    let found = answers.unwrap();
    let right = found.classes.iter().zip(digits.test_labels()).filter(|(a, b)| a == b).count();
    let accuracy = profile.probe.known().unwrap().accuracy;
    close("answers", right as f64 / found.classes.len() as f64, accuracy, 1e-12);
    assert!(found.confidence.iter().all(|sure| (0.1..=1.0).contains(sure)));
    profile
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

#[test]
fn every_measure_has_a_value_or_a_reason() {
    let digits = Digits::new();
    let profile = profile_of(&digits, &cpu());
    for measure in MEASURES {
        match (measure.of)(&profile) {
            Ok(value) => assert!(value.is_finite(), "{}", measure.key),
            Err(reason) => {
                assert!(measure.key.ends_with("_dimension"), "{}: {reason}", measure.key);
                assert_eq!(reason, "its neighbours were not searched");
            }
        }
    }
    let selectivity = MEASURES.iter().find(|measure| measure.key == "probe_selectivity").unwrap();
    // The probe's .782 (623 of 797) less about a tenth: shuffled labels of ten classes cannot be
    // learned.
    assert!((0.62..0.74).contains(&(selectivity.of)(&profile).unwrap()));

    // Data that allow hardly anything.
    let labels = [0_u16, 0, 1, 0];
    let rows = |values: &[f32]| Matrix::new(values.to_vec(), 4, 2).unwrap();
    let bad = [
        ("constant", rows(&[1.0; 8]), &labels),
        ("one class", rows(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 7.0, 7.0]), &[1; 4]),
        ("two places", rows(&[0.0, 1.0, 0.0, 1.0, 2.0, 2.0, 0.0, 1.0]), &labels),
        ("huge", rows(&[1e30, 1.0, 2e30, 3.0, 4.0, 5.0, 7.0, 7.0]), &labels),
        ("tiny", rows(&[1e-30, 0.0, 2e-30, 0.0, 3e-30, 0.0, 0.0, 0.0]), &labels),
    ];
    for (what, x, labels) in bad {
        let layer = ProfiledLayer {
            space: "raw",
            train: &x,
            train_labels: labels,
            test: None,
            neighbors: None,
            knn_accuracy: None,
            output: None,
            control: true,
            random_state: 42,
        };
        let (found, _) = layer.measure(&cpu(), &Silent).unwrap();
        for measure in MEASURES {
            match (measure.of)(&found) {
                Ok(value) => assert!(value.is_finite(), "{what}: {} is {value}", measure.key),
                Err(reason) => assert!(!reason.is_empty(), "{what}: {}", measure.key),
            }
        }
    }
}

#[test]
fn the_same_points_are_compared_in_every_run() {
    assert_eq!(compared_rows(20), (0..20).collect::<Vec<_>>());
    let rows = compared_rows(20_000);
    assert!(rows.len() == 5000 && rows.is_sorted_by(|a, b| a < b) && rows[4999] < 20_000);
    let digits = Digits::new();
    let layers = [("X", &digits.layers[0]), ("B", &digits.layers[1])];
    let found = Similarities::of(&cpu(), &layers, &Silent).unwrap();
    assert_eq!(found.n_points, 1797);
    close("CKA", found.between("X", "B").unwrap().cka.unwrap(), 0.736761792, 1e-6);
    assert_eq!(found.between("X", "X").unwrap().cka, Some(1.0));
    assert!(found.between("X", "C").is_none());

    // Points on a line, of which the correction leaves nothing, are no layer of CKA NaN.
    let line = |n: u16| {
        let values = (0..n).map(|at| f32::from(at % 2)).collect();
        Matrix::new(values, usize::from(n), 1).unwrap()
    };
    let found = Similarities::of(&cpu(), &[("a", &line(4)), ("b", &line(4))], &Silent).unwrap();
    let pair = found.between("a", "b").unwrap();
    assert!(pair.cka.is_none_or(f64::is_finite) && pair.biased_cka > 0.999, "{pair:?}");
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
