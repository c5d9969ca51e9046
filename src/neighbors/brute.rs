//! Search by all distances, tile by tile, on either device: a matrix product gives k + 8 candidates a row, exact distances order
//! them, and a row whose candidates are not proven complete is searched again in difference form.
//!
//! The points are streamed to the device in parts; they stay there where they fit the budget.

use super::filter::Found;
use super::knn::{self, NONE, Nearest, SPARE, Span, Tile};
use super::pairwise::{self, Block, Centred, TILE};
use crate::compute::{Buffer, Device, ReadBack};
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

/// The points of a search, on the host, and what of them stays on the device.
///
/// They meet in parts. Rows are uploaded as they are, once where they stay, and centred there.
pub(super) struct Points<'a> {
    x: &'a Matrix,
    mean: Buffer<f32>,
    part_rows: usize,
    /// Rows of one upload, whole parts.
    upload_rows: usize,
    /// Whether the distances are exact at once, by the difference form.
    exact: bool,
    kept: Option<Kept>,
}

struct Kept {
    rows: Vec<OnceCell<Rc<Buffer<f32>>>>,
    centred: Vec<OnceCell<Rc<Centred>>>,
}

impl<'a> Points<'a> {
    /// Rows of `x`, which stay on the device once they are there if they and their centred copies take at most
    /// `resident_bytes`.
    pub(super) fn new(device: &Device, x: &'a Matrix, mean: &[f32], resident_bytes: u64) -> Result<Self> {
        let (n, d) = (x.n_samples(), x.n_features());
        let binding = device.max_binding_bytes();
        let fitting = (binding / (4 * d as u64)) as usize;
        if fitting == 0 {
            return Err(Error::Data(format!("one row of {d} features is larger than this device can bind")));
        }
        // The product form takes whole tiles.
        let whole = (binding / Centred::bytes(TILE, d)) as usize * TILE;
        let exact = d <= FEW_FEATURES || whole == 0;
        let part_rows = PART_ROWS.min(if exact { fitting } else { whole });
        let bytes = 4 * (n * d) as u64 + if exact { 0 } else { Centred::bytes(n, d) };
        let stays = bytes <= resident_bytes;
        // Large uploads, so that nearly all candidates of a row are refined at once.
        let upload_rows = if stays && !exact { fitting / part_rows * part_rows } else { part_rows };
        let mut points = Self { x, mean: Buffer::from_slice(device, "mean", mean)?, part_rows, upload_rows, exact, kept: None };
        points.kept = stays.then(|| Kept {
            rows: vec![OnceCell::new(); n.div_ceil(upload_rows)],
            centred: vec![OnceCell::new(); points.n_parts()],
        });
        Ok(points)
    }

    fn n_parts(&self) -> usize {
        self.x.n_samples().div_ceil(self.part_rows)
    }

    fn n_uploads(&self) -> usize {
        self.x.n_samples().div_ceil(self.upload_rows)
    }

    /// First row and rows of a part.
    fn span(&self, part: usize) -> (usize, usize) {
        span(part, self.part_rows, self.x.n_samples())
    }

    /// First row and rows of an upload.
    fn upload_span(&self, upload: usize) -> (usize, usize) {
        span(upload, self.upload_rows, self.x.n_samples())
    }

    fn upload(&self, device: &Device, upload: usize) -> Result<Rc<Buffer<f32>>> {
        let ((first, len), d) = (self.upload_span(upload), self.x.n_features());
        let make = || Buffer::from_slice(device, "points", &self.x.as_slice()[first * d..][..len * d]);
        kept(self.kept.as_ref().map(|kept| &kept.rows[upload]), make)
    }

    /// A buffer that holds the rows of a part, and the place of the first of them in it.
    fn rows(&self, device: &Device, part: usize) -> Result<(Rc<Buffer<f32>>, usize)> {
        let first = part * self.part_rows;
        Ok((self.upload(device, first / self.upload_rows)?, first % self.upload_rows))
    }

    fn centred(&self, device: &Device, part: usize) -> Result<Rc<Centred>> {
        let make = || {
            let (rows, first) = self.rows(device, part)?;
            Centred::new(device, &rows, &self.mean, first, self.span(part).1)
        };
        kept(self.kept.as_ref().map(|kept| &kept.centred[part]), make)
    }
}

fn span(part: usize, rows: usize, n: usize) -> (usize, usize) {
    (part * rows, rows.min(n - part * rows))
}

/// What stands in `place`, put there first if nothing does; without a place, something new.
fn kept<T>(place: Option<&OnceCell<Rc<T>>>, make: impl FnOnce() -> Result<T>) -> Result<Rc<T>> {
    if let Some(value) = place.and_then(OnceCell::get) {
        return Ok(Rc::clone(value));
    }
    let value = Rc::new(make()?);
    Ok(place.map_or_else(|| Rc::clone(&value), |place| Rc::clone(place.get_or_init(|| Rc::clone(&value)))))
}

/// A search for the `k` nearest references of all queries.
pub(super) struct Task<'a> {
    pub(super) device: &'a Device,
    pub(super) queries: &'a Points<'a>,
    pub(super) references: &'a Points<'a>,
    /// Largest length of a reference less the mean.
    pub(super) radius: f32,
    /// Whether queries and references are the same points, of which none finds itself.
    pub(super) exclude_self: bool,
    pub(super) k: usize,
    pub(super) observer: &'a dyn Observer,
}

impl Task<'_> {
    /// Neighbours of all queries, by exact distances.
    pub(super) fn run(&self) -> Result<Found> {
        let n = self.queries.x.n_samples();
        let mut found = (vec![0; n * self.k], vec![0.0; n * self.k]);
        let mut lists = Lists::new(self, self.queries.part_rows.min(n), self.references.exact)?;
        let mut underway: Option<Underway> = None;
        for part in 0..self.queries.n_parts() {
            let next = self.start(part, &mut lists)?;
            // The device goes on with this part while the host takes in the one before.
            if let Some(before) = underway.replace(next) {
                self.finish(before, &mut found)?;
            }
        }
        underway.map_or(Ok(()), |last| self.finish(last, &mut found))?;
        Ok(found)
    }

    /// What a query, by its row, must not find.
    fn itself(&self, row: usize) -> u32 {
        if self.exclude_self { row as u32 } else { NONE }
    }

    /// Searches for the queries of a part.
    fn start(&self, part: usize, lists: &mut Lists) -> Result<Underway> {
        let (device, exact) = (self.device, self.references.exact);
        let (first, len) = self.queries.span(part);
        let (rows, row_first) = self.queries.rows(device, part)?;
        let excluded: Vec<u32> = (first..first + len).map(|row| self.itself(row)).collect();
        let query = QueryPart {
            rows: &rows,
            row_first,
            centred: if exact { None } else { Some(self.queries.centred(device, part)?) },
            excluded: Buffer::from_slice(device, "excluded", &excluded)?,
            first,
            len,
        };
        let mut nearest = self.nearest_of(len)?;
        if !exact {
            let d = self.references.x.n_features();
            (nearest.radius, nearest.relative_error) = (self.radius, pairwise::relative_error(d));
            nearest.vanished = pairwise::vanished(d);
        }
        self.search_part(&query, lists, &mut nearest)?;
        Ok(Underway {
            first,
            ids: nearest.ids.read_later(device)?,
            distances: nearest.distances.read_later(device)?,
            unproven: nearest.unproven.read_later(device)?,
        })
    }

    /// Puts the answers to the others, those that are not proven after a second search.
    fn finish(&self, part: Underway, (ids, squared): &mut Found) -> Result<()> {
        let (first, k) = (part.first, self.k);
        let (part_ids, part_squared) = (part.ids.wait(self.device)?, part.distances.wait(self.device)?);
        ids[first * k..][..part_ids.len()].copy_from_slice(&part_ids);
        squared[first * k..][..part_squared.len()].copy_from_slice(&part_squared);
        let unproven = part.unproven.wait(self.device)?;
        let again: Vec<usize> = (0..unproven.len()).filter(|&row| unproven[row] != 0).map(|row| first + row).collect();
        if again.is_empty() {
            return Ok(());
        }
        let (fresh_ids, fresh) = self.search_again(&again)?;
        for (at, &row) in again.iter().enumerate() {
            ids[row * k..][..k].copy_from_slice(&fresh_ids[at * k..][..k]);
            squared[row * k..][..k].copy_from_slice(&fresh[at * k..][..k]);
        }
        Ok(())
    }

    /// Searches in difference form for queries that could not be proven complete.
    fn search_again(&self, again: &[usize]) -> Result<Found> {
        let excluded: Vec<u32> = again.iter().map(|&row| self.itself(row)).collect();
        let rows: Vec<f32> = again.iter().flat_map(|&row| self.queries.x.row(row)).copied().collect();
        let rows = Buffer::from_slice(self.device, "unproven points", &rows)?;
        let excluded = Buffer::from_slice(self.device, "excluded", &excluded)?;
        let query = QueryPart { rows: &rows, row_first: 0, centred: None, excluded, first: again[0], len: again.len() };
        let (mut lists, mut nearest) = (Lists::new(self, again.len(), true)?, self.nearest_of(again.len())?);
        self.search_part(&query, &mut lists, &mut nearest)?;
        Ok((nearest.ids.read(self.device)?, nearest.distances.read(self.device)?))
    }

    fn nearest_of(&self, len: usize) -> Result<Nearest> {
        Ok(Nearest {
            ids: Buffer::new(self.device, "neighbour indices", len * self.k)?,
            distances: Buffer::new(self.device, "neighbour distances", len * self.k)?,
            unproven: Buffer::new(self.device, "unproven rows", len)?,
            n_neighbors: self.k,
            radius: 0.0,
            relative_error: 0.0,
            vanished: 0.0,
        })
    }

    /// Searches for all queries of one part, part by part of the references, so that each is streamed once for the candidates
    /// and once for their exact distances.
    fn search_part(&self, query: &QueryPart<'_>, lists: &mut Lists, nearest: &mut Nearest) -> Result<()> {
        let (device, references) = (self.device, self.references);
        match &query.centred {
            Some(centred) => self.list_by_products(query, centred, lists)?,
            None => self.list_by_differences(query, lists)?,
        }
        let shape = (lists.length, references.x.n_features());
        for upload in 0..references.n_uploads() {
            let (reference_first, n_references) = references.upload_span(upload);
            let span = Span { query_first: 0, n_queries: query.len, reference_first, n_references };
            let (queries, rows) = ((query.rows, query.row_first), references.upload(device, upload)?);
            knn::refine(device, queries, &rows, &lists.candidates, &mut lists.refined, shape, span)?;
        }
        let no_norms = Buffer::zeros(device, "norms", if query.centred.is_none() { query.len } else { 0 })?;
        let norms = query.centred.as_ref().map_or(&no_norms, |centred| centred.norms());
        knn::order_nearest(device, &lists.candidates, &lists.refined, norms, nearest, lists.length, query.len)
    }

    /// Lists candidates by the product form.
    fn list_by_products(&self, query: &QueryPart<'_>, centred: &Centred, lists: &mut Lists) -> Result<()> {
        let (device, references) = (self.device, self.references);
        for part in 0..references.n_parts() {
            let to = references.centred(device, part)?;
            let (reference_first, n_references) = references.span(part);
            for (query_first, n_queries) in lists.tiles(query.len) {
                pairwise::squared_distances(device, centred, &to, &mut lists.distances, (query_first, n_queries))?;
                let span = Span { query_first, n_queries, reference_first, n_references };
                let tile = Tile { span, stride: to.columns(), fresh: part == 0 };
                knn::select_nearest(device, &lists.distances, &query.excluded, &mut lists.candidates, lists.length, tile)?;
            }
            self.step(query, part + 1, references.n_parts())?;
        }
        Ok(())
    }

    /// Lists candidates by the difference form.
    fn list_by_differences(&self, query: &QueryPart<'_>, lists: &mut Lists) -> Result<()> {
        let (device, references) = (self.device, self.references);
        let n_features = references.x.n_features();
        for upload in 0..references.n_uploads() {
            let rows = references.upload(device, upload)?;
            let (reference_first, n_references) = references.upload_span(upload);
            for (query_first, n_queries) in lists.tiles(query.len) {
                let block = Block { query_first: query.row_first + query_first, n_queries, n_references, n_features };
                pairwise::difference_distances(device, query.rows, &rows, &mut lists.distances, block)?;
                let span = Span { query_first, n_queries, reference_first, n_references };
                let tile = Tile { span, stride: n_references, fresh: upload == 0 };
                knn::select_nearest(device, &lists.distances, &query.excluded, &mut lists.candidates, lists.length, tile)?;
            }
            self.step(query, upload + 1, references.n_uploads())?;
        }
        Ok(())
    }

    /// Tells that `done` of `all` parts of the references are searched for a part of the queries.
    fn step(&self, query: &QueryPart<'_>, done: usize, all: usize) -> Result<()> {
        let step = query.first + query.len * done / all;
        self.observer.step(step as u64, self.queries.x.n_samples() as u64, &[])
    }
}

/// The answers of one part of the queries, on their way to the host.
struct Underway {
    first: usize,
    ids: ReadBack<u32>,
    distances: ReadBack<f32>,
    unproven: ReadBack<u32>,
}

struct QueryPart<'a> {
    rows: &'a Buffer<f32>,
    /// Place of the first query in `rows`.
    row_first: usize,
    /// None if the distances are to be exact.
    centred: Option<Rc<Centred>>,
    excluded: Buffer<u32>,
    /// Row of the first query.
    first: usize,
    len: usize,
}

/// Where the candidates of a part of the queries are gathered, part after part.
struct Lists {
    /// Candidates of one query.
    length: usize,
    /// Queries of one tile of distances.
    tile_rows: usize,
    /// A tile of distances.
    distances: Buffer<f32>,
    candidates: Buffer<u32>,
    refined: Buffer<f32>,
}

impl Lists {
    /// For up to `n_queries` queries.
    fn new(task: &Task<'_>, n_queries: usize, exact: bool) -> Result<Self> {
        let (device, references, k) = (task.device, task.references, task.k);
        // In difference form the references of a whole upload meet in one tile.
        let widest = if exact { references.upload_rows } else { references.part_rows }.min(references.x.n_samples());
        let columns = widest.next_multiple_of(TILE);
        let tile_rows = (TILE_ROWS * PART_ROWS / columns).clamp(1, TILE_ROWS).min(n_queries);
        let tile_rows = if exact { tile_rows } else { tile_rows.next_multiple_of(TILE) };
        let length = k + if exact { 0 } else { SPARE };
        Ok(Self {
            length,
            tile_rows,
            distances: Buffer::new(device, "distance tile", tile_rows * columns)?,
            candidates: Buffer::new(device, "candidates", 2 * n_queries * length)?,
            refined: Buffer::new(device, "refined distances", n_queries * length)?,
        })
    }

    /// First query and queries of every tile.
    fn tiles(&self, n_queries: usize) -> impl Iterator<Item = (usize, usize)> + use<> {
        let rows = self.tile_rows;
        (0..n_queries.div_ceil(rows)).map(move |tile| span(tile, rows, n_queries))
    }
}
