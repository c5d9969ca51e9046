//! IDX files of images and of labels, plain or gzip-compressed.
#![no_main]

use layerlens::Error;
use layerlens::dataset::idx;
use libfuzzer_sys::fuzz_target;

const NAME: &str = "images-idx3-ubyte";

fn check<T>(read: layerlens::Result<T>) -> Option<T> {
    match read {
        Err(Error::Input { path, message }) => {
            assert!(path.ends_with(NAME) && !message.is_empty(), "{}: {message}", path.display());
            None
        }
        Err(other) => panic!("not an error of the input: {other}"),
        Ok(value) => Some(value),
    }
}

/// Whether the values stand in the file as the bytes that come of them: those of one byte, 0x08
/// and, none of them negative, 0x09.
fn are_bytes(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0, 0, 8]) || bytes.starts_with(&[0, 0, 9])
}

fuzz_target!(|bytes: &[u8]| {
    if let Some(images) = check(idx::parse_images(bytes, NAME)) {
        assert_eq!(images.pixels().len(), images.n() * images.height() * images.width());
        if are_bytes(bytes) {
            assert_eq!(images.pixels(), &bytes[16..], "other pixels than those in the file");
        }
    }
    if let Some(labels) = check(idx::parse_labels(bytes, NAME)) {
        assert!(!labels.is_empty());
        if are_bytes(bytes) {
            let narrow: Vec<u8> = labels.iter().map(|&label| label as u8).collect();
            assert_eq!(narrow, &bytes[8..], "other labels than those in the file");
        }
    }
});
