//! Training of the first study's classifier, data transfer included: CPU against GPU.

use crate::support;
use layerlens::compute::Device;
use layerlens::dataset::{Dataset, split};
use layerlens::progress::Silent;
use layerlens::recipe::{Blueprint, PRESET_INPUT};
use layerlens::training::{Job, Training};

pub fn run(devices: &[Device]) {
    let data = Dataset::load("fashion-mnist-sample", None).expect("the embedded sample");
    let (train, validation) = split(data.train.len(), 42);
    let (train, validation) = (data.train.select(&train), data.train.select(&validation));
    let architecture =
        Blueprint::mlp(&[256, 64]).build(PRESET_INPUT, data.class_names.len()).expect("a preset");
    let job = Job::new(&architecture, &train, &validation);
    let training = Training { epochs: 1, ..Training::default() };
    for device in devices {
        support::time(device, &format!("one epoch of {} images", train.len()), 3, |device| {
            training.train(device, &job, &Silent).expect("weights");
        });
    }
}
