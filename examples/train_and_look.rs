//! Trains a small network, and asks each of its layers how well it keeps the classes apart.
//!
//!     cargo run --release --example train_and_look

use layerlens::activations::activations;
use layerlens::clustering::silhouette_score;
use layerlens::dataset::Dataset;
use layerlens::evaluation::knn_accuracy;
use layerlens::neighbors::nearest_references;
use layerlens::progress::Silent;
use layerlens::recipe::Blueprint;
use layerlens::training::{Job, Training, evaluate};
use layerlens::{Device, Result, Tsne};

fn main() -> Result<()> {
    let device = Device::cpu();
    let digits = Dataset::load("digits", None)?;
    let blueprint = Blueprint::mlp(&[128, 32]).with_dropout(0.2)?;
    let network = blueprint.build(digits.train.images.shape(), digits.class_names.len())?;

    let training = Training { epochs: 30, batch_size: 32, ..Training::default() };
    let (rows, validation_rows) = training.split(digits.train.len());
    let (train, validation) = (digits.train.select(&rows), digits.train.select(&validation_rows));
    let trained = training.train(&device, &Job::new(&network, &train, &validation), &Silent)?;
    let test = evaluate(&device, &network, &trained.weights, &digits.test)?;
    println!("test accuracy after {} epochs: {:.3}", trained.epoch, test.accuracy);

    // The input, the two hidden layers and the softmax. A k-NN classifier is fitted on the training
    // images; the silhouette tells how far the classes of the test images lie apart.
    let fitted = activations(&device, &network, &trained.weights, &train.images)?;
    let tested = activations(&device, &network, &trained.weights, &digits.test.images)?;
    let classes: Vec<i32> = digits.test.labels.iter().map(|&label| label.into()).collect();
    println!("layer    width  5-NN accuracy  silhouette");
    for (fitted, tested) in fitted.iter().zip(&tested) {
        let nearest = nearest_references(&device, &tested.values, &fitted.values, 5, &Silent)?;
        let accuracy =
            knn_accuracy(&nearest, &train.labels, &digits.test.labels, &[5])?[0].accuracy;
        let silhouette = silhouette_score(&device, &tested.values, &classes, &Silent)?;
        let width = tested.values.n_features();
        println!("{:8} {width:5} {accuracy:14.3} {silhouette:11.3}", tested.name);
    }

    // The last hidden layer as a map.
    let layer = &tested[tested.len() - 2];
    let map = Tsne::default().fit(&device, &layer.values)?;
    println!("the first image in the map of {}: {:?}", layer.name, map.embedding().row(0));
    Ok(())
}
