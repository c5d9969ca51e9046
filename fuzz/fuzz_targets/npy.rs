//! NPY files as matrices, labels, images and pictures.
#![no_main]

use layerlens::dataset::{Colour, Images, npy};
use layerlens_fuzz::{Place, check, check_labels};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let place = Place::new();
    let path = place.file("x.npy", bytes);
    if let Some(matrix) = check(&place, npy::read_matrix(&path)) {
        assert_eq!(matrix.as_slice().len(), matrix.n_samples() * matrix.n_features());
        assert!(matrix.as_slice().iter().all(|value| value.is_finite()));
    }
    check_labels(&place, &path, None, None);
    // The classes that a run keeps, which commands read back.
    if let Some(classes) = check(&place, npy::read_labels(&path)) {
        assert!(
            !classes.is_empty() && classes.len() <= bytes.len(),
            "more classes than the file has bytes"
        );
    }
    if let Some(images) = check(&place, npy::read_images(&path)) {
        assert_eq!(images.pixels().len(), images.n() * images.n_values());
    }
    if let Some((pictures, _)) = check(&place, Images::read(&path, Colour::default())) {
        assert!(pictures.n() > 0);
    }
});
