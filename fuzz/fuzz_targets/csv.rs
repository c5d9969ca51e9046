//! CSV files: of pixels with labels, of pixels and of labels apart, of labels alone, of groups of classes.
//!
//! The first byte chooses the layout and whether there may be a header; the first NUL after it separates two files.
#![no_main]

use layerlens::dataset::{Dataset, Header, LabelGroups, Request, npy};
use layerlens_fuzz::{Place, check};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((&choice, text)) = bytes.split_first() else { return };
    let middle = text.iter().position(|&byte| byte == 0);
    let (first, second) = middle.map_or((text, text), |at| (&text[..at], &text[at + 1..]));
    let place = Place::new();
    let header = if choice & 4 == 0 { Header::Auto } else { Header::None };
    match choice & 3 {
        0 => {
            place.file("train.csv", first);
            place.file("test.csv", second);
        }
        1 => {
            for part in ["train", "test"] {
                place.file(&format!("x_{part}.csv"), first);
                place.file(&format!("y_{part}.csv"), second);
            }
        }
        2 => {
            if let Some(labels) = check(&place, npy::read_labels(place.file("labels.csv", text))) {
                assert!(!labels.is_empty() && labels.len() <= text.len(), "more labels than the file has bytes");
            }
            return;
        }
        _ => {
            check(&place, LabelGroups::open(&place.file("groups.csv", text).to_string_lossy()));
            return;
        }
    }
    let request = Request { header, ..Request::new(place.path().to_string_lossy()) };
    let Some(data) = check(&place, Dataset::open(&request)) else { return };
    for part in [&data.train, &data.test] {
        assert_eq!(part.images.n(), part.len());
        assert!(part.labels.iter().all(|&label| usize::from(label) < data.class_names.len()), "a label without a class");
    }
});
