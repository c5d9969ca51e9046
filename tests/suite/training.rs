//! Training: the same bytes whatever the threads, the same path on every device, and errors where the device fails.

use crate::support::{Variant, gpu, own_gpu};
use layerlens::compute::Device;
use layerlens::dataset::{Dataset, Samples, split};
use layerlens::error::Error;
use layerlens::model::{Architecture, Blueprint, PRESET_INPUT};
use layerlens::progress::Silent;
use layerlens::training::{Job, Trained, Training, evaluate};

/// The embedded sample, split, and the first study's network.
fn study() -> (Samples, Samples, Architecture) {
    let data = Dataset::load("fashion-mnist-sample", None).expect("the embedded sample");
    let (train, validation) = split(data.train.len(), 42);
    let mlp = Blueprint::mlp(&[256, 64]).build(PRESET_INPUT, data.class_names.len()).expect("a preset");
    (data.train.select(&train), data.train.select(&validation), mlp)
}

fn train(device: &Device, (train, validation, architecture): &(Samples, Samples, Architecture)) -> Trained {
    let training = Training { epochs: 1, ..Training::default() };
    let job = Job::new(architecture, train, validation);
    training.train(device, &job, &Silent).map(|trained| Trained { seconds: Vec::new(), ..trained }).expect("weights")
}

#[test]
fn the_number_of_threads_changes_no_weight_of_the_study() {
    let study = study();
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| train(&Device::cpu(), &study))
    };
    let one = run(1);
    assert!(one.history.validation_accuracy[0] > 0.5, "one epoch teaches something: {:?}", one.history);
    for threads in [2, 3] {
        // Not assert_eq, which would print all weights.
        assert!(run(threads) == one, "{threads} threads");
    }
}

#[test]
fn cpu_and_gpu_take_the_same_path() {
    let Some(gpu) = gpu(Variant::Adapter) else { return };
    let study = study();
    let (cpu, gpu) = (train(&Device::cpu(), &study).history, train(&gpu, &study).history);
    // Same weights, batches and masks to begin with: what differs is rounding, which 66 steps of Adam amplify. Two seeds differ
    // by 0.01 and more in each.
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
        assert!(matches!(error, Error::DeviceLost { .. } | Error::Training(_) | Error::NoGpu(_)), "{error:?}");
    }
}
