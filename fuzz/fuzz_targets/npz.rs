//! Archives of arrays as data sets.
#![no_main]

use layerlens::dataset::{Dataset, Request};
use layerlens_fuzz::{Place, check};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let place = Place::new();
    let path = place.file("data.npz", bytes);
    let Some(data) = check(&place, Dataset::open(&Request::new(path.to_string_lossy()))) else {
        return;
    };
    for part in [&data.train, &data.test] {
        assert_eq!(part.images.n(), part.len());
        assert!(
            part.labels.iter().all(|&label| usize::from(label) < data.class_names.len()),
            "a label without a class"
        );
    }
});
