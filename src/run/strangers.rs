//! The strangers of a run: images that its network was not trained for, read beside its data.

use crate::dataset::{Dataset, Request, Unlabelled};
use crate::error::Result;

/// Reads `strangers`, a name or a path, in the form of `data`, which were read by `request`. Their
/// files and warnings are added to those of the data.
///
/// # Errors
/// As [`Unlabelled::open`].
pub(super) fn read(strangers: &str, request: &Request, data: &mut Dataset) -> Result<Unlabelled> {
    let asked = Request {
        data_dir: request.data_dir.clone(),
        background: request.background,
        ..Request::new(strangers)
    };
    let read = Unlabelled::open(&asked, data.train.images.shape())?;
    data.sources.extend(read.sources.iter().cloned());
    data.warnings.extend(read.warnings.iter().map(|warning| format!("strangers: {warning}")));
    Ok(read)
}
