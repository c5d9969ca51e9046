//! Training of the first study's classifier, data transfer included: CPU against GPU.

use crate::support;
use layerlens::compute::Device;
use layerlens::dataset::{Dataset, split};
use layerlens::model::MlpConfig;
use layerlens::progress::Silent;
use layerlens::training::Training;

pub fn run(devices: &[Device]) {
    let data = Dataset::load("fashion-mnist-sample", None).expect("the embedded sample");
    let (train, validation) = split(data.train.len(), 42);
    let (train, validation) = (data.train.select(&train), data.train.select(&validation));
    let config = MlpConfig::new(train.images.n_pixels(), data.class_names.len());
    let training = Training { epochs: 1, ..Training::default() };
    for device in devices {
        support::time(device, &format!("one epoch of {} images", train.len()), 3, |device| {
            training.train(device, &config, &train, &validation, &Silent).expect("weights");
        });
    }
}
