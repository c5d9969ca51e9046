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

fuzz_target!(|bytes: &[u8]| {
    if let Some(images) = check(idx::parse_images(bytes, NAME)) {
        assert_eq!(images.pixels().len(), images.n() * images.height() * images.width());
        if !bytes.starts_with(&[0x1f, 0x8b]) {
            assert_eq!(images.pixels(), &bytes[16..], "other pixels than those in the file");
        }
    }
    if let Some(labels) = check(idx::parse_labels(bytes, NAME)) {
        assert!(!labels.is_empty());
        if !bytes.starts_with(&[0x1f, 0x8b]) {
            assert_eq!(labels, &bytes[8..], "other labels than those in the file");
        }
    }
});
