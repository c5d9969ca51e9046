//! Sample of Fashion-MNIST that is embedded in the program.

use super::registered::{FASHION_MNIST, FILES, Input, assemble};
use super::{Dataset, Source};
use crate::error::Result;
use std::path::PathBuf;

pub(super) const NAME: &str = "fashion-mnist-sample";

macro_rules! sample {
    ($name:literal) => {
        include_bytes!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/assets/fashion-mnist-sample/",
            $name,
            ".gz"
        ))
    };
}

/// The files in the order of [`FILES`], each with its SHA-256 as in assets/README.md.
static SAMPLE: [(&[u8], &str); 4] = [
    (
        sample!("train-images-idx3-ubyte"),
        "1ecc7f90b9d150b40c359acf80cfec4990bfbcc1db9fe346f886d9e7fcae0000",
    ),
    (
        sample!("train-labels-idx1-ubyte"),
        "036b3a9440a684e6f8117e910b5dad249f9165250c2ae2341f2bfd8482381497",
    ),
    (
        sample!("t10k-images-idx3-ubyte"),
        "e60ede7714c657ced2d723c33140572b5476b46df34b385a6e176b0757dc4318",
    ),
    (
        sample!("t10k-labels-idx1-ubyte"),
        "e6d25f5f3e85bb315a10172898c1c8f69ce52c4f9306c5821205c821bfca8847",
    ),
];

/// Reads the sample; no folder is needed.
pub(super) fn load() -> Result<Dataset> {
    let mut inputs = Vec::with_capacity(FILES.len());
    let mut sources = Vec::with_capacity(FILES.len());
    for (name, (bytes, known)) in FILES.iter().zip(SAMPLE) {
        let path = PathBuf::from(format!("embedded:{NAME}/{name}.gz"));
        sources.push(Source::new(path.display(), bytes, &[known]));
        inputs.push(Input { path, bytes: bytes.into() });
    }
    let (train, test, _) = assemble(&inputs)?;
    let class_names = FASHION_MNIST.class_names.map(Into::into).into();
    Ok(Dataset {
        name: NAME.into(),
        class_names,
        train,
        test,
        sources,
        original: None,
        warnings: Vec::new(),
    })
}
