//! Training: the same bytes whatever the threads, the same path on every device, and errors where
//! the device fails.

use crate::support::{Variant, gpu, own_gpu};
use layerlens::compute::Device;
use layerlens::dataset::{Dataset, Samples, split};
use layerlens::error::Error;
use layerlens::model::layers::{ActivationLayer, BatchNorm, Conv, Dropout, MaxPool};
use layerlens::model::{Activation, Architecture, LayerKind, LayerSpec, Padding};
use layerlens::progress::Silent;
use layerlens::recipe::{Blueprint, PRESET_INPUT};
use layerlens::training::{
    Checkpoint, Checkpoints, Job, Trained, Training, ValidationSplit, evaluate,
};

/// The embedded sample, split, and the first study's network.
fn study() -> (Samples, Samples, Architecture) {
    let data = Dataset::load("fashion-mnist-sample", None).expect("the embedded sample");
    let (train, validation) = split(data.train.len(), 42);
    let mlp =
        Blueprint::mlp(&[256, 64]).build(PRESET_INPUT, data.class_names.len()).expect("a preset");
    (data.train.select(&train), data.train.select(&validation), mlp)
}

fn train(
    device: &Device,
    (train, validation, architecture): &(Samples, Samples, Architecture),
) -> Trained {
    let training = Training { epochs: 1, ..Training::default() };
    let job = Job::new(architecture, train, validation);
    training
        .train(device, &job, &Silent)
        .map(|trained| Trained { seconds: Vec::new(), ..trained })
        .expect("weights")
}

#[test]
fn the_number_of_threads_changes_no_weight_of_the_study() {
    let study = study();
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| train(&Device::cpu(), &study))
    };
    let one = run(1);
    assert!(
        one.history.validation_accuracy[0] > 0.5,
        "one epoch teaches something: {:?}",
        one.history
    );
    for threads in [2, 3] {
        // Not assert_eq, which would print all weights.
        assert!(run(threads) == one, "{threads} threads");
    }
}

/// A small convolutional network with everything that carries a state from step to step, and few
/// images.
fn small_study() -> (Samples, Samples, Samples, Architecture) {
    let data = Dataset::load("fashion-mnist-sample", None).expect("the embedded sample");
    let rows = |from: usize| {
        data.train.select(&(from..from + 300).map(|row| row * 33 % 10_000).collect::<Vec<_>>())
    };
    let conv = |filters: usize, padding: Padding, activation: Activation| Conv {
        padding,
        activation,
        ..Conv::new(filters, [3, 3])
    };
    let kinds: [LayerKind; 6] = [
        conv(4, Padding::Same, Activation::Relu).into(),
        MaxPool { size: [2, 2] }.into(),
        conv(5, Padding::Valid, Activation::Linear).into(),
        BatchNorm { momentum: 0.9, epsilon: 1e-3 }.into(),
        ActivationLayer { activation: Activation::Relu }.into(),
        Dropout { rate: 0.3 }.into(),
    ];
    let hidden = kinds.into_iter().map(LayerSpec::new).collect();
    let architecture = Blueprint::new("small", hidden, Training::default())
        .build(PRESET_INPUT, 10)
        .expect("layers that fit");
    (rows(0), rows(300), rows(600), architecture)
}

fn without_times(trained: Trained) -> Trained {
    Trained { seconds: Vec::new(), ..trained }
}

#[test]
fn the_dynamics_are_what_the_history_is_a_mean_of() {
    let (train, validation, _, architecture) = small_study();
    let training = Training { epochs: 3, batch_size: 32, ..Training::default() };
    let job = Job::new(&architecture, &train, &validation);
    for device in [Device::cpu()].into_iter().chain(gpu(Variant::Adapter)) {
        let trained = training.train(&device, &job, &Silent).expect("weights");
        let dynamics = trained.dynamics.expect("a training from the start has them");
        assert_eq!((dynamics.n_samples(), dynamics.n_epochs()), (train.len(), 3));
        let n = train.len() as f64;
        for epoch in 0..3 {
            let right = dynamics.right(epoch).iter().filter(|&&right| right).count();
            let history = &trained.history;
            assert_eq!(right as f32 / n as f32, history.train_accuracy[epoch], "epoch {epoch}");
            let of_row = |&probability: &f32| -f64::from(probability).ln();
            let loss = dynamics.probabilities(epoch).iter().map(of_row).sum::<f64>() / n;
            let expected = f64::from(history.train_loss[epoch]);
            // The history is a sum in single precision.
            assert!((loss - expected).abs() < 1e-5 * expected, "{loss} and {expected}");
        }
    }
}

#[test]
fn the_number_of_threads_changes_no_weight_of_a_convolutional_network() {
    let (train, validation, _, architecture) = small_study();
    let training = Training { epochs: 2, batch_size: 32, ..Training::default() };
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        let job = Job::new(&architecture, &train, &validation);
        without_times(
            pool.install(|| training.train(&Device::cpu(), &job, &Silent)).expect("weights"),
        )
    };
    let one = run(1);
    assert!(one.history.train_loss[1] < one.history.train_loss[0], "{:?}", one.history);
    assert!(run(2) == one && run(3) == one, "threads change the weights");
}

#[test]
fn a_training_that_goes_on_ends_with_the_bytes_of_one_that_did_not_stop() {
    let (train, validation, test, architecture) = small_study();
    let folder = tempfile::TempDir::new().unwrap();
    let checkpoints = Some(Checkpoints { folder: folder.path(), every: 2 });
    let training = Training {
        epochs: 5,
        batch_size: 32,
        learning_rate: 0.01,
        keep_best: true,
        test_every_epoch: true,
        ..Training::default()
    };
    let job =
        Job { test: Some(&test), checkpoints, ..Job::new(&architecture, &train, &validation) };
    // A software adapter takes its time: fewer images.
    let few = |samples: &Samples| samples.select(&(0..70).collect::<Vec<_>>());
    let (few_train, few_validation, few_test) = (few(&train), few(&validation), few(&test));
    let small =
        Job { train: &few_train, validation: &few_validation, test: Some(&few_test), ..job };
    let devices = [Some((Device::cpu(), job)), gpu(Variant::Adapter).map(|gpu| (gpu, small))];
    for (device, job) in devices.iter().flatten() {
        let whole = without_times(training.train(device, job, &Silent).unwrap());
        assert_eq!((whole.history.len(), whole.history.test_accuracy.len()), (5, 5));
        let latest = Checkpoint::latest(folder.path()).expect("checkpoints");
        assert_eq!(latest, folder.path().join("epoch_04.safetensors"));
        for epoch in [2, 4] {
            let checkpoint =
                Checkpoint::read(&folder.path().join(format!("epoch_0{epoch}.safetensors")))
                    .unwrap();
            assert_eq!(checkpoint.history().len(), epoch);
            let on = Job { resume: Some(&checkpoint), checkpoints: None, ..*job };
            assert!(
                without_times(training.train(device, &on, &Silent).unwrap()) == whole,
                "from epoch {epoch}"
            );
        }
    }
}

#[test]
fn a_checkpoint_of_something_else_is_refused() {
    let (train, validation, test, architecture) = small_study();
    let folder = tempfile::TempDir::new().unwrap();
    let checkpoints = Some(Checkpoints { folder: folder.path(), every: 1 });
    let training = Training { epochs: 2, batch_size: 64, ..Training::default() };
    let job = Job { checkpoints, ..Job::new(&architecture, &train, &validation) };
    training.train(&Device::cpu(), &job, &Silent).unwrap();
    let path = folder.path().join("epoch_02.safetensors");
    let checkpoint = Checkpoint::read(&path).unwrap();
    let refuse = |training: &Training, job: Job, parts: &[&str]| {
        let job = Job { resume: Some(&checkpoint), ..job };
        let error = training.train(&Device::cpu(), &job, &Silent).expect_err("another training");
        assert!(matches!(&error, Error::Input { path: found, .. } if *found == path), "{error:?}");
        let text = error.to_string();
        assert!(parts.iter().all(|part| text.contains(part)), "{text}");
    };
    let mlp = Blueprint::mlp(&[8]).build(PRESET_INPUT, 10).unwrap();
    refuse(&training, Job { architecture: &mlp, ..job }, &["another model"]);
    refuse(&training, Job { validation: &test, ..job }, &["other data", "validation"]);
    let others = [
        (Training { batch_size: 10, ..training.clone() }, ["batch_size", "64", "10"]),
        (Training { random_state: 7, ..training.clone() }, ["random_state", "42", "7"]),
        (
            Training { validation_split: ValidationSplit::Last, ..training.clone() },
            ["validation_split", "random", "last"],
        ),
        (Training { epochs: 1, ..training.clone() }, ["epoch 2", "`Training::epochs` 1", ""]),
    ];
    others.iter().for_each(|(training, parts)| refuse(training, job, parts));
    // More epochs are the same training, longer.
    let longer = Training { epochs: 3, ..training };
    let whole = longer.train(&Device::cpu(), &Job { checkpoints: None, ..job }, &Silent).unwrap();
    let on = longer
        .train(
            &Device::cpu(),
            &Job { resume: Some(&checkpoint), checkpoints: None, ..job },
            &Silent,
        )
        .unwrap();
    assert!(without_times(whole) == without_times(on));
}

#[test]
fn training_stops_for_want_of_progress_and_keeps_the_best_weights() {
    let (train, validation, _, architecture) = small_study();
    let job = Job::new(&architecture, &train, &validation);
    // Steps so large that the loss soon grows.
    let training = Training {
        epochs: 40,
        batch_size: 16,
        learning_rate: 0.05,
        patience: Some(2),
        ..Training::default()
    };
    let last = training.train(&Device::cpu(), &job, &Silent).unwrap();
    let history = &last.history;
    let best = history.best_epoch().unwrap();
    assert!(
        last.stopped_early && history.len() == best + 2 && last.epoch == history.len(),
        "{last:?}"
    );
    let least = history.validation_loss.iter().copied().fold(f32::INFINITY, f32::min);
    assert_eq!(history.validation_loss[best - 1], least);
    let kept =
        Training { keep_best: true, ..training }.train(&Device::cpu(), &job, &Silent).unwrap();
    assert_eq!((kept.epoch, &kept.history), (best, history));
    let loss =
        |weights| evaluate(&Device::cpu(), &architecture, weights, &validation).unwrap().loss;
    assert_eq!(loss(&kept.weights), least);
    assert_ne!(loss(&last.weights), least);
}

#[test]
fn validation_rows_are_drawn_or_the_last() {
    let last = Training {
        validation: 0.2,
        validation_split: ValidationSplit::Last,
        ..Training::default()
    };
    assert_eq!(last.split(60_000), ((0..48_000).collect(), (48_000..60_000).collect()));
    assert_eq!(last.split(7).1, [6]);
    for n in [0, 5, 6, 7, 5_000, 9_999, 10_000, 60_000] {
        assert_eq!(
            Training::default().split(n),
            split(n, 42),
            "a sixth, rounded down, drawn by the seed"
        );
    }
}

#[test]
fn cpu_and_gpu_take_the_same_path() {
    let Some(gpu) = gpu(Variant::Adapter) else { return };
    let study = study();
    let cpu = train(&Device::cpu(), &study).history;
    let gpu = train(&gpu, &study).history;
    // Same weights, batches and masks to begin with: what differs is rounding, which 66 steps of
    // Adam amplify. Two seeds differ by 0.01 and more in each.
    let near = |a: f32, b: f32| (a - b).abs() < 2e-3;
    assert!(near(cpu.train_loss[0], gpu.train_loss[0]), "{cpu:?} {gpu:?}");
    assert!(near(cpu.validation_loss[0], gpu.validation_loss[0]), "{cpu:?} {gpu:?}");
}

#[test]
fn training_and_testing_on_a_lost_device_are_errors() {
    let Some(gpu) = own_gpu() else { return };
    let (train, validation, mlp) = study();
    gpu.destroy();
    let device = Device::Gpu(gpu);
    let training = Training { epochs: 1, ..Training::default() };
    let job = Job::new(&mlp, &train, &validation);
    let trained = training.train(&device, &job, &Silent).map(drop);
    let tested = evaluate(&device, &mlp, &mlp.initial_weights(1), &validation).map(drop);
    for result in [trained, tested] {
        let error = result.expect_err("the device is gone");
        assert!(
            matches!(error, Error::DeviceLost { .. } | Error::Training(_) | Error::NoGpu(_)),
            "{error:?}"
        );
    }
}
