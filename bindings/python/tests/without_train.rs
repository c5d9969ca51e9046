//! A library that was built without burn, as the package is, says so where a network would have to
//! compute.

use layerlens::activations::activations;
use layerlens::dataset::Dataset;
use layerlens::progress::Silent;
use layerlens::recipe::Blueprint;
use layerlens::training::{Job, Training, evaluate};
use layerlens::{Device, Error};

#[test]
fn what_a_network_would_compute_is_refused_by_the_name_of_the_feature() {
    let data = Dataset::load("fashion-mnist-sample", None).expect("the embedded sample");
    let samples = data.train.select(&[0, 1, 2]);
    let network =
        Blueprint::mlp(&[8]).build([28, 28, 1], data.class_names.len()).expect("a network");
    let device = Device::cpu();
    let weights = network.initial_weights(7);
    let refused = [
        Training::default()
            .train(&device, &Job::new(&network, &samples, &samples), &Silent)
            .map(drop),
        evaluate(&device, &network, &weights, &samples).map(drop),
        activations(&device, &network, &weights, &samples.images).map(drop),
    ];
    for outcome in refused {
        let error = outcome.expect_err("there is no burn");
        assert!(matches!(error, Error::Feature { feature: "train", .. }), "{error:?}");
        assert!(error.to_string().contains("feature `train`"), "{error}");
    }
}
