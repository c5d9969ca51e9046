//! Points of an exact search on a device: streamed to it in parts, or kept there if they fit the
//! memory budget.

use super::pairwise::{Centred, TILE};
use crate::compute::{Buffer, Device};
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use std::cell::OnceCell;
use std::rc::Rc;

/// Maximum number of rows of one upload: the loop of a selection over all of them stays within the
/// limit of a software adapter.
const UPLOAD_ROWS: usize = 1 << 16;
/// Largest number of features for which the difference form costs no more than the product form.
const FEW_FEATURES: usize = 16;
/// Number of rows of one part of the points: with 1,024 queries a tile of distances has 32 MiB.
pub(super) const PART_ROWS: usize = 8192;

/// Points of a search, on the host, and the data kept on the device.
///
/// They are compared in parts. Rows are uploaded unchanged, only once if they stay on the device,
/// and centred there.
pub(super) struct Points<'a> {
    pub(super) x: &'a Matrix,
    mean: Buffer<f32>,
    /// Number of rows of one part.
    pub(super) part_rows: usize,
    /// Number of rows of one upload, whole parts.
    pub(super) upload_rows: usize,
    /// `true` if the distances are computed exactly at once, by the difference form.
    pub(super) exact: bool,
    kept: Option<Kept>,
    /// Bytes of further data that may stay on the device; `None` if the points do not stay
    /// themselves.
    pub(super) spare_bytes: Option<u64>,
}

struct Kept {
    rows: Vec<OnceCell<Rc<Buffer<f32>>>>,
    centred: Vec<OnceCell<Rc<Centred>>>,
}

impl<'a> Points<'a> {
    /// Rows of `x`. They stay on the device after the first upload if they and their centred copies
    /// take at most `resident_bytes`.
    pub(super) fn new(
        device: &Device,
        x: &'a Matrix,
        mean: &[f32],
        resident_bytes: u64,
    ) -> Result<Self> {
        let (n, d) = (x.n_samples(), x.n_features());
        let binding = device.max_binding_bytes();
        let fitting = (binding / (4 * d as u64)) as usize;
        if fitting == 0 {
            return Err(Error::Data(format!(
                "one row of {d} features is larger than this device can bind"
            )));
        }
        // The product form needs whole tiles.
        let whole = (binding / Centred::bytes(TILE, d)) as usize * TILE;
        let exact = d <= FEW_FEATURES || whole == 0;
        let part_rows = PART_ROWS.min(if exact { fitting } else { whole });
        let bytes = 4 * (n * d) as u64 + if exact { 0 } else { Centred::bytes(n, d) };
        let spare_bytes = resident_bytes.checked_sub(bytes);
        let stays = spare_bytes.is_some();
        // Large uploads, so that nearly all candidates of a row are refined at once; a second
        // search compares an upload as a whole.
        let upload_rows = if stays && !exact {
            fitting.min(UPLOAD_ROWS) / part_rows * part_rows
        } else {
            part_rows
        };
        let kept = stays.then(|| Kept {
            rows: vec![OnceCell::new(); n.div_ceil(upload_rows)],
            centred: vec![OnceCell::new(); n.div_ceil(part_rows)],
        });
        let mean = Buffer::from_slice(device, "mean", mean)?;
        Ok(Self { x, mean, part_rows, upload_rows, exact, kept, spare_bytes })
    }

    pub(super) fn n_parts(&self) -> usize {
        self.x.n_samples().div_ceil(self.part_rows)
    }

    pub(super) fn n_uploads(&self) -> usize {
        self.x.n_samples().div_ceil(self.upload_rows)
    }

    /// First row and number of rows of a part.
    pub(super) fn span(&self, part: usize) -> (usize, usize) {
        span(part, self.part_rows, self.x.n_samples())
    }

    /// First row and number of rows of an upload.
    pub(super) fn upload_span(&self, upload: usize) -> (usize, usize) {
        span(upload, self.upload_rows, self.x.n_samples())
    }

    pub(super) fn upload(&self, device: &Device, upload: usize) -> Result<Rc<Buffer<f32>>> {
        let (first, len) = self.upload_span(upload);
        let d = self.x.n_features();
        let make =
            || Buffer::from_slice(device, "points", &self.x.as_slice()[first * d..][..len * d]);
        kept(self.kept.as_ref().map(|kept| &kept.rows[upload]), make)
    }

    /// A buffer that holds the rows of a part, and the position of the first of them in it.
    pub(super) fn rows(&self, device: &Device, part: usize) -> Result<(Rc<Buffer<f32>>, usize)> {
        let first = part * self.part_rows;
        Ok((self.upload(device, first / self.upload_rows)?, first % self.upload_rows))
    }

    pub(super) fn centred(&self, device: &Device, part: usize) -> Result<Rc<Centred>> {
        let make = || {
            let (rows, first) = self.rows(device, part)?;
            Centred::new(device, &rows, &self.mean, first, self.span(part).1)
        };
        kept(self.kept.as_ref().map(|kept| &kept.centred[part]), make)
    }
}

/// First row and number of rows of a part of `rows` rows, out of `n`.
pub(super) fn span(part: usize, rows: usize, n: usize) -> (usize, usize) {
    (part * rows, rows.min(n - part * rows))
}

/// Content of `place`, created first if it is empty; without a place, a new value.
fn kept<T>(place: Option<&OnceCell<Rc<T>>>, make: impl FnOnce() -> Result<T>) -> Result<Rc<T>> {
    if let Some(value) = place.and_then(OnceCell::get) {
        return Ok(Rc::clone(value));
    }
    let value = Rc::new(make()?);
    Ok(place.map_or_else(
        || Rc::clone(&value),
        |place| Rc::clone(place.get_or_init(|| Rc::clone(&value))),
    ))
}
