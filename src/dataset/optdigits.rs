//! Handwritten digits of 8 x 8 pixels that are embedded in the program: E. Alpaydin and C. Kaynak,
//! "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998; the test part
//! of it, as scikit-learn has it.

use super::{Dataset, Images, Samples, Source};
use crate::error::{Error, Result};
use flate2::read::GzDecoder;
use std::io::Read;

pub(super) const NAME: &str = "digits";

/// Lines of 64 pixels from 0 to 16 and a label, with commas between.
static FILE: &[u8] =
    include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/digits/digits.csv.gz"));

/// SHA-256 of the file, as in assets/README.md.
const KNOWN: &str = "09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22";

const SIDE: usize = 8;
const MAX_PIXEL: u16 = 16;

/// Number of images at the beginning that are for training; the others are for testing.
const N_TRAIN: usize = 1000;

/// Reads the digits; no folder is needed. Pixels are scaled from 0 to 16 to 0 to 255, rounded.
pub(super) fn load() -> Result<Dataset> {
    let name = format!("embedded:{NAME}/digits.csv.gz");
    let damaged = || Error::input(&name, "is damaged");
    let mut text = String::new();
    GzDecoder::new(FILE).read_to_string(&mut text).map_err(|_| damaged())?;
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    for line in text.lines() {
        let values: Option<Vec<u16>> = line.split(',').map(|value| value.parse().ok()).collect();
        let values = values.ok_or_else(damaged)?;
        let (&label, image) = values.split_last().ok_or_else(damaged)?;
        labels.push(label);
        pixels.extend(image.iter().map(|&pixel| ((pixel * 255 + MAX_PIXEL / 2) / MAX_PIXEL) as u8));
    }
    let all = Samples::new(Images::new(pixels, SIDE, SIDE)?, labels)?;
    Ok(Dataset {
        name: NAME.into(),
        class_names: (0..10).map(|digit| digit.to_string()).collect(),
        train: all.select(&(0..N_TRAIN).collect::<Vec<_>>()),
        test: all.select(&(N_TRAIN..all.len()).collect::<Vec<_>>()),
        sources: vec![Source::new(&name, FILE, &[KNOWN])],
        original: None,
        warnings: Vec::new(),
    })
}
