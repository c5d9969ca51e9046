//! Search by all distances, tile by tile, on either device: a matrix product gives k + 8 candidates a row, exact distances order
//! them, and a row whose candidates are not proven complete is searched again in difference form.
//!
//! The points are streamed to the device in parts; they stay there where they fit the budget.

use super::filter::Found;
use super::knn::{self, NONE, Nearest, SPARE, Span};
use super::pairwise::{self, Block};
use crate::compute::{Buffer, Device};
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::progress::Observer;
use std::cell::OnceCell;
use std::rc::Rc;

/// Up to this many features the difference form costs no more than the product form.
const FEW_FEATURES: usize = 16;
/// Rows of one part of the points: with 1,024 queries a tile of distances has 32 MiB.
const PART_ROWS: usize = 8192;
/// Query rows of one tile.
const TILE_ROWS: usize = 1024;
/// Multiplications of one tile at most: some 20 ms on an integrated GPU.
const TILE_WORK: usize = 1 << 33;

/// The points of a search, on the host, and those parts of them that stay on the device.
pub(super) struct Points<'a> {
    x: &'a Matrix,
    mean: &'a [f32],
    part_rows: usize,
    kept: Option<Vec<Kept>>,
}

#[derive(Default)]
struct Kept {
    rows: OnceCell<Rc<Buffer<f32>>>,
    centred: OnceCell<Rc<Centred>>,
}

/// Rows less the mean and their squared lengths, for the product form.
struct Centred {
    rows: Buffer<f32>,
    norms: Buffer<f32>,
}

impl<'a> Points<'a> {
    /// Rows of `x`, which stay on the device once they are there if they and their centred copies take at most
    /// `resident_bytes`.
    pub(super) fn new(device: &Device, x: &'a Matrix, mean: &'a [f32], resident_bytes: u64) -> Result<Self> {
        let d = x.n_features();
        let fitting = device.max_binding_bytes() / (4 * d as u64);
        if fitting == 0 {
            return Err(Error::Data(format!("one row of {d} features is larger than this device can bind")));
        }
        let part_rows = PART_ROWS.min(fitting as usize);
        let parts = x.n_samples().div_ceil(part_rows);
        let fits = 8 * (x.n_samples() * d) as u64 <= resident_bytes;
        Ok(Self { x, mean, part_rows, kept: fits.then(|| (0..parts).map(|_| Kept::default()).collect()) })
    }

    fn n_parts(&self) -> usize {
        self.x.n_samples().div_ceil(self.part_rows)
    }

    /// First row and rows of a part.
    fn span(&self, part: usize) -> (usize, usize) {
        let first = part * self.part_rows;
        (first, self.part_rows.min(self.x.n_samples() - first))
    }

    fn slice(&self, part: usize) -> &[f32] {
        let ((first, len), d) = (self.span(part), self.x.n_features());
        &self.x.as_slice()[first * d..][..len * d]
    }

    fn rows(&self, device: &Device, part: usize) -> Result<Rc<Buffer<f32>>> {
        let upload = || Buffer::from_slice(device, "points", self.slice(part));
        kept(self.kept.as_ref().map(|kept| &kept[part].rows), upload)
    }

    fn centred(&self, device: &Device, part: usize) -> Result<Rc<Centred>> {
        let upload = || {
            let rows: Vec<f32> = self
                .slice(part)
                .chunks_exact(self.mean.len())
                .flat_map(|row| row.iter().zip(self.mean).map(|(v, m)| v - m))
                .collect();
            let (rows, len) = (Buffer::from_slice(device, "centred points", &rows)?, self.span(part).1);
            let mut norms = Buffer::new(device, "norms", len)?;
            pairwise::squared_norms(device, &rows, &mut norms, len, self.mean.len())?;
            Ok(Centred { rows, norms })
        };
        kept(self.kept.as_ref().map(|kept| &kept[part].centred), upload)
    }
}

/// What stands in `place`, put there first if nothing does; without a place, something new.
fn kept<T>(place: Option<&OnceCell<Rc<T>>>, make: impl FnOnce() -> Result<T>) -> Result<Rc<T>> {
    if let Some(value) = place.and_then(OnceCell::get) {
        return Ok(Rc::clone(value));
    }
    let value = Rc::new(make()?);
    Ok(place.map_or_else(|| Rc::clone(&value), |place| Rc::clone(place.get_or_init(|| Rc::clone(&value)))))
}

/// The `k` nearest references of all queries, each without itself if they are the same points.
pub(super) fn search(
    device: &Device,
    queries: &Points<'_>,
    references: &Points<'_>,
    radius: f32,
    exclude_self: bool,
    k: usize,
    observer: &dyn Observer,
) -> Result<Found> {
    let (n, d) = (queries.x.n_samples(), queries.x.n_features());
    let (mut indices, mut squared) = (Vec::with_capacity(n * k), Vec::with_capacity(n * k));
    for part in 0..queries.n_parts() {
        let (first, len) = queries.span(part);
        let itself = |row: usize| if exclude_self { (first + row) as u32 } else { NONE };
        let exact = d <= FEW_FEATURES;
        let done = |share: f64| observer.step((first as f64 + share * len as f64) as u64, n as u64, &[]);
        let rows = queries.rows(device, part)?;
        let query = QueryPart {
            rows: &rows,
            centred: if exact { None } else { Some(queries.centred(device, part)?) },
            excluded: Buffer::from_slice(device, "excluded", &(0..len).map(itself).collect::<Vec<u32>>())?,
            len,
        };
        let mut nearest = nearest_of(device, len, k)?;
        (nearest.radius, nearest.relative_error) = (radius, if exact { 0.0 } else { pairwise::relative_error(d) });
        search_part(device, &query, references, &mut nearest, &done)?;
        let (mut ids, mut distances) = (nearest.ids.read(device)?, nearest.distances.read(device)?);
        let unproven = nearest.unproven.read(device)?;
        let again: Vec<usize> = (0..len).filter(|&row| unproven[row] != 0).collect();
        if !again.is_empty() {
            let excluded: Vec<u32> = again.iter().map(|&row| itself(row)).collect();
            let rows: Vec<f32> = again.iter().flat_map(|&row| queries.x.row(first + row)).copied().collect();
            let (fresh_ids, fresh) = search_again(device, &rows, &excluded, references, k, &|_| done(1.0))?;
            for (at, &row) in again.iter().enumerate() {
                ids[row * k..][..k].copy_from_slice(&fresh_ids[at * k..][..k]);
                distances[row * k..][..k].copy_from_slice(&fresh[at * k..][..k]);
            }
        }
        indices.extend(ids);
        squared.extend(distances);
    }
    Ok((indices, squared))
}

struct QueryPart<'a> {
    rows: &'a Buffer<f32>,
    /// None if the distances are to be exact.
    centred: Option<Rc<Centred>>,
    excluded: Buffer<u32>,
    len: usize,
}

fn nearest_of(device: &Device, len: usize, k: usize) -> Result<Nearest> {
    Ok(Nearest {
        ids: Buffer::new(device, "neighbour indices", len * k)?,
        distances: Buffer::new(device, "neighbour distances", len * k)?,
        unproven: Buffer::new(device, "unproven rows", len)?,
        n_neighbors: k,
        radius: 0.0,
        relative_error: 0.0,
    })
}

/// Searches for all queries of one part, part by part of the references, so that each is streamed once for the candidates and
/// once for their exact distances.
fn search_part(
    device: &Device,
    query: &QueryPart<'_>,
    references: &Points<'_>,
    nearest: &mut Nearest,
    done: &dyn Fn(f64) -> Result<()>,
) -> Result<()> {
    let d = references.x.n_features();
    let list_length = nearest.n_neighbors + if query.centred.is_none() { 0 } else { SPARE };
    let widest = references.part_rows.min(references.x.n_samples());
    let tile = TILE_ROWS.min(query.len).min((TILE_WORK / (widest * d).max(1)).max(64));
    let mut distances = Buffer::new(device, "distance tile", tile * widest)?;
    let tiles: Vec<(usize, usize)> = (0..query.len).step_by(tile).map(|first| (first, tile.min(query.len - first))).collect();
    let mut lists = tiles
        .iter()
        .map(|&(_, n)| Buffer::from_slice(device, "candidates", &vec![NONE; 2 * n * list_length]))
        .collect::<Result<Vec<_>>>()?;
    let span = |part: usize, (query_first, n_queries): (usize, usize)| {
        let (reference_first, n_references) = references.span(part);
        Span { query_first, n_queries, reference_first, n_references }
    };
    for part in 0..references.n_parts() {
        let exact_rows = if query.centred.is_none() { Some(references.rows(device, part)?) } else { None };
        let centred = if query.centred.is_some() { Some(references.centred(device, part)?) } else { None };
        for (&tile, lists) in tiles.iter().zip(&mut lists) {
            let span = span(part, tile);
            let Span { query_first, n_queries, n_references, .. } = span;
            let block = Block { query_first, n_queries, n_references, n_features: d };
            if let Some(rows) = &exact_rows {
                pairwise::difference_distances(device, query.rows, rows, &mut distances, block)?;
            }
            if let (Some(from), Some(to)) = (&query.centred, &centred) {
                pairwise::squared_distances(device, (&from.rows, &from.norms), (&to.rows, &to.norms), &mut distances, block)?;
            }
            knn::select_nearest(device, &distances, &query.excluded, lists, list_length, span)?;
        }
        done((part + 1) as f64 / references.n_parts() as f64)?;
    }
    let mut refined =
        tiles.iter().map(|&(_, n)| Buffer::new(device, "refined distances", n * list_length)).collect::<Result<Vec<_>>>()?;
    for part in 0..references.n_parts() {
        let rows = references.rows(device, part)?;
        for ((&tile, lists), refined) in tiles.iter().zip(&lists).zip(&mut refined) {
            knn::refine(device, query.rows, &rows, lists, refined, list_length, d, span(part, tile))?;
        }
    }
    let no_norms = Buffer::zeros(device, "norms", if query.centred.is_none() { query.len } else { 0 })?;
    let norms = query.centred.as_ref().map_or(&no_norms, |centred| &centred.norms);
    for ((&tile, lists), refined) in tiles.iter().zip(&lists).zip(&refined) {
        knn::order_nearest(device, lists, refined, norms, nearest, list_length, tile)?;
    }
    Ok(())
}

/// Searches in difference form for rows that could not be proven complete.
fn search_again(
    device: &Device,
    rows: &[f32],
    excluded: &[u32],
    references: &Points<'_>,
    k: usize,
    done: &dyn Fn(f64) -> Result<()>,
) -> Result<Found> {
    let rows = Buffer::from_slice(device, "unproven points", rows)?;
    let (len, excluded) = (excluded.len(), Buffer::from_slice(device, "excluded", excluded)?);
    let query = QueryPart { rows: &rows, centred: None, excluded, len };
    let mut nearest = nearest_of(device, len, k)?;
    search_part(device, &query, references, &mut nearest, done)?;
    Ok((nearest.ids.read(device)?, nearest.distances.read(device)?))
}
