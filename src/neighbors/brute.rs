//! Brute-force search over all distances, tile by tile, on either device: a matrix product gives
//! 8 candidates a row more than requested, exact distances order them, and a row whose candidates
//! are not proven complete is searched again in difference form.

use super::differences::{Block, difference_distances};
use super::filter::FoundNeighbors;
use super::knn::{self, NONE, Nearest, SPARE, Span, Tile};
use super::pairwise::{self, Centred, DistanceTile, TILE};
use super::points::{PART_ROWS, Points, span};
use crate::compute::{Buffer, Device, ReadBack};
use crate::error::Result;
use crate::progress::Observer;
use std::collections::VecDeque;
use std::rc::Rc;

/// Number of query rows of one tile.
const TILE_ROWS: usize = 1024;

/// A search for the `k` nearest references of all queries.
pub(super) struct Task<'a> {
    pub(super) device: &'a Device,
    pub(super) queries: &'a Points<'a>,
    pub(super) references: &'a Points<'a>,
    /// Largest distance of a reference from the mean.
    pub(super) radius: f32,
    /// `true` if queries and references are the same points, of which none is its own neighbour.
    pub(super) exclude_self: bool,
    pub(super) k: usize,
    pub(super) observer: &'a dyn Observer,
}

impl Task<'_> {
    /// Neighbours of all queries, with exact distances.
    pub(super) fn run(&self) -> Result<FoundNeighbors> {
        let n = self.queries.x.n_samples();
        let mut found = (vec![0; n * self.k], vec![0.0; n * self.k]);
        let mut lists = Lists::new(self, self.queries.part_rows.min(n), self.references.exact)?;
        // If a distance serves both of its points, the lists of all parts are in use at once.
        let open = if lists.mirrors { self.queries.n_parts() } else { 0 };
        let mut later = (0..open)
            .map(|part| self.query_part(part, lists.length))
            .collect::<Result<VecDeque<_>>>()?;
        let mut underway: Option<Underway> = None;
        for part in 0..self.queries.n_parts() {
            let mut query = match later.pop_front() {
                Some(query) => query,
                None => self.query_part(part, lists.length)?,
            };
            let next = self.start(&mut query, &mut later, &mut lists)?;
            // The device computes this part while the host processes the previous one.
            if let Some(before) = underway.replace(next) {
                self.finish(before, &mut found)?;
            }
        }
        underway.map_or(Ok(()), |last| self.finish(last, &mut found))?;
        Ok(found)
    }

    /// Reference that a query, given by its row, must not find: itself, or none.
    fn itself(&self, row: usize) -> u32 {
        if self.exclude_self { row as u32 } else { NONE }
    }

    /// A part of the queries, with lists of so many candidates each.
    fn query_part(&self, part: usize, length: usize) -> Result<QueryPart> {
        let device = self.device;
        let (first, len) = self.queries.span(part);
        let (rows, row_first) = self.queries.rows(device, part)?;
        let excluded: Vec<u32> = (first..first + len).map(|row| self.itself(row)).collect();
        Ok(QueryPart {
            rows,
            row_first,
            centred: if self.references.exact {
                None
            } else {
                Some(self.queries.centred(device, part)?)
            },
            excluded: Buffer::from_slice(device, "excluded", &excluded)?,
            candidates: Buffer::new(device, "candidates", 2 * len * length)?,
            part,
            first,
            len,
        })
    }

    /// Starts the search for a part of the queries, and lists candidates of later ones.
    fn start(
        &self,
        query: &mut QueryPart,
        later: &mut VecDeque<QueryPart>,
        lists: &mut Lists,
    ) -> Result<Underway> {
        let (device, first) = (self.device, query.first);
        let mut nearest = self.nearest_of(query.len)?;
        if query.centred.is_some() {
            let d = self.references.x.n_features();
            (nearest.radius, nearest.relative_error) = (self.radius, pairwise::relative_error(d));
            nearest.vanished = pairwise::vanished(d);
        }
        self.search_part(query, later, lists, &mut nearest)?;
        Ok(Underway {
            first,
            ids: nearest.ids.read_later(device)?,
            distances: nearest.distances.read_later(device)?,
            unproven: nearest.unproven.read_later(device)?,
        })
    }

    /// Adds the results of a part to the others; queries not proven complete are searched a second
    /// time.
    fn finish(&self, part: Underway, (ids, squared): &mut FoundNeighbors) -> Result<()> {
        let (first, k) = (part.first, self.k);
        let part_ids = part.ids.wait(self.device)?;
        let part_squared = part.distances.wait(self.device)?;
        ids[first * k..][..part_ids.len()].copy_from_slice(&part_ids);
        squared[first * k..][..part_squared.len()].copy_from_slice(&part_squared);
        let unproven = part.unproven.wait(self.device)?;
        let again: Vec<usize> =
            (0..unproven.len()).filter(|&row| unproven[row] != 0).map(|row| first + row).collect();
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
    fn search_again(&self, again: &[usize]) -> Result<FoundNeighbors> {
        let excluded: Vec<u32> = again.iter().map(|&row| self.itself(row)).collect();
        let rows: Vec<f32> =
            again.iter().flat_map(|&row| self.queries.x.row(row)).copied().collect();
        let rows = Buffer::from_slice(self.device, "unproven points", &rows)?;
        let excluded = Buffer::from_slice(self.device, "excluded", &excluded)?;
        let mut lists = Lists::new(self, again.len(), true)?;
        let mut nearest = self.nearest_of(again.len())?;
        let candidates = Buffer::new(self.device, "candidates", 2 * again.len() * self.k)?;
        let rows = Rc::new(rows);
        let first = again[0];
        let len = again.len();
        let mut query = QueryPart {
            rows,
            row_first: 0,
            centred: None,
            excluded,
            candidates,
            part: 0,
            first,
            len,
        };
        self.search_part(&mut query, &mut VecDeque::new(), &mut lists, &mut nearest)?;
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

    /// Searches for all queries of one part, part by part of the references, so that each is
    /// streamed once for the candidates and once for their exact distances.
    fn search_part(
        &self,
        query: &mut QueryPart,
        later: &mut VecDeque<QueryPart>,
        lists: &mut Lists,
        nearest: &mut Nearest,
    ) -> Result<()> {
        let (device, references) = (self.device, self.references);
        match query.centred.clone() {
            Some(centred) => self.list_by_products(query, &centred, later, lists)?,
            None => self.list_by_differences(query, lists)?,
        }
        let shape = (lists.length, references.x.n_features());
        for upload in 0..references.n_uploads() {
            let (reference_first, n_references) = references.upload_span(upload);
            let span = Span { query_first: 0, n_queries: query.len, reference_first, n_references };
            let queries = (&*query.rows, query.row_first);
            let rows = references.upload(device, upload)?;
            knn::refine(
                device,
                queries,
                &rows,
                &query.candidates,
                &mut lists.refined,
                shape,
                span,
            )?;
        }
        let no_norms =
            Buffer::zeros(device, "norms", if query.centred.is_none() { query.len } else { 0 })?;
        let norms = query.centred.as_ref().map_or(&no_norms, |centred| centred.norms());
        knn::order_nearest(
            device,
            &query.candidates,
            &lists.refined,
            norms,
            nearest,
            lists.length,
            query.len,
        )
    }

    /// Lists candidates by the product form: of the queries among all references, or, if a distance
    /// serves both of its points, of the queries and all later points among each other.
    fn list_by_products(
        &self,
        query: &mut QueryPart,
        centred: &Centred,
        later: &mut VecDeque<QueryPart>,
        lists: &mut Lists,
    ) -> Result<()> {
        let device = self.device;
        let first_part = if lists.mirrors { query.part } else { 0 };
        for part in first_part..self.references.n_parts() {
            let to = self.references.centred(device, part)?;
            let (part_first, part_len) = self.references.span(part);
            let own = lists.mirrors && part == query.part;
            for (from, n) in lists.tiles(query.len) {
                // Within a part, the references before the tile were compared with its queries
                // already, as queries.
                let before = if own { from } else { 0 };
                let met = part_len - before;
                pairwise::squared_distances(
                    device,
                    centred,
                    &to,
                    &mut lists.tile,
                    (from, n),
                    (before, met),
                )?;
                let fresh = part == first_part && (!lists.mirrors || (part == 0 && from == 0));
                let span = Span {
                    query_first: from,
                    n_queries: n,
                    reference_first: part_first + before,
                    n_references: met,
                };
                let tile = Tile { span, row_first: 0, stride: DistanceTile::stride(met), fresh };
                knn::select_nearest(
                    device,
                    lists.tile.distances(),
                    &query.excluded,
                    &mut query.candidates,
                    lists.length,
                    tile,
                )?;
                if lists.mirrors {
                    // The tile's own queries were compared already.
                    let row_first = if own { n } else { 0 };
                    let span = Span {
                        query_first: before + row_first,
                        n_queries: met - row_first,
                        reference_first: query.first + from,
                        n_references: n,
                    };
                    let fresh = query.part == 0 && from == 0;
                    let tile = Tile { span, row_first, stride: lists.tile.mirror_stride(), fresh };
                    let other = if own { &mut *query } else { &mut later[part - query.part - 1] };
                    select_mirrored(device, lists, other, tile)?;
                }
            }
            self.step(query, part + 1 - first_part, self.references.n_parts() - first_part)?;
        }
        Ok(())
    }

    /// Lists candidates by the difference form.
    fn list_by_differences(&self, query: &mut QueryPart, lists: &mut Lists) -> Result<()> {
        let (device, references) = (self.device, self.references);
        let n_features = references.x.n_features();
        for upload in 0..references.n_uploads() {
            let rows = references.upload(device, upload)?;
            let (reference_first, n_references) = references.upload_span(upload);
            for (query_first, n_queries) in lists.tiles(query.len) {
                let block = Block {
                    query_first: query.row_first + query_first,
                    n_queries,
                    n_references,
                    n_features,
                };
                difference_distances(device, &query.rows, &rows, &mut lists.differences, block)?;
                let span = Span { query_first, n_queries, reference_first, n_references };
                let tile = Tile { span, row_first: 0, stride: n_references, fresh: upload == 0 };
                let candidates = &mut query.candidates;
                knn::select_nearest(
                    device,
                    &lists.differences,
                    &query.excluded,
                    candidates,
                    lists.length,
                    tile,
                )?;
            }
            self.step(query, upload + 1, references.n_uploads())?;
        }
        Ok(())
    }

    /// Reports that `done` of `all` parts of the references are searched for a part of the queries.
    fn step(&self, query: &QueryPart, done: usize, all: usize) -> Result<()> {
        let step = query.first + query.len * done / all;
        self.observer.step(step as u64, self.queries.x.n_samples() as u64, &[])
    }
}

/// Lists candidates among the queries of a tile for its references, whose queries are `other`.
fn select_mirrored(
    device: &Device,
    lists: &Lists,
    other: &mut QueryPart,
    tile: Tile,
) -> Result<()> {
    knn::select_nearest(
        device,
        lists.tile.mirrored(),
        &other.excluded,
        &mut other.candidates,
        lists.length,
        tile,
    )
}

/// Results of one part of the queries, on their way to the host.
struct Underway {
    first: usize,
    ids: ReadBack<u32>,
    distances: ReadBack<f32>,
    unproven: ReadBack<u32>,
}

/// Some queries, and the lists of their candidates.
struct QueryPart {
    rows: Rc<Buffer<f32>>,
    /// Index of the first query in `rows`.
    row_first: usize,
    /// Centred rows; `None` if the distances are exact.
    centred: Option<Rc<Centred>>,
    excluded: Buffer<u32>,
    candidates: Buffer<u32>,
    part: usize,
    /// Row of the first query.
    first: usize,
    len: usize,
}

/// Buffers for the candidates of a part of the queries.
struct Lists {
    /// Number of candidates of one query.
    length: usize,
    /// Number of queries of one tile of distances.
    tile_rows: usize,
    /// `true` if a distance serves both of its points.
    mirrors: bool,
    /// Distances in product form, or in difference form; the other buffer is empty.
    tile: DistanceTile,
    differences: Buffer<f32>,
    refined: Buffer<f32>,
}

impl Lists {
    /// Buffers for up to `n_queries` queries.
    fn new(task: &Task<'_>, n_queries: usize, exact: bool) -> Result<Self> {
        let device = task.device;
        let references = task.references;
        let length = task.k + if exact { 0 } else { SPARE };
        let n = references.x.n_samples();
        let open = 8 * (n * length) as u64;
        let mirrors = task.exclude_self
            && !exact
            && references.spare_bytes.is_some_and(|spare| open <= spare);
        // In difference form the references of a whole upload are compared in one tile.
        let widest = if exact { references.upload_rows } else { references.part_rows }.min(n);
        let tile_rows = (TILE_ROWS * PART_ROWS / widest.next_multiple_of(TILE))
            .clamp(1, TILE_ROWS)
            .min(n_queries);
        let tile_rows = if exact { tile_rows } else { tile_rows.next_multiple_of(TILE) };
        let (products, differences) = if exact { (0, widest) } else { (widest, 0) };
        Ok(Self {
            length,
            tile_rows,
            mirrors,
            tile: DistanceTile::new(device, if exact { 0 } else { tile_rows }, products, mirrors)?,
            differences: Buffer::new(device, "distance tile", tile_rows * differences)?,
            refined: Buffer::new(device, "refined distances", n_queries * length)?,
        })
    }

    /// First query and number of queries of every tile.
    fn tiles(&self, n_queries: usize) -> impl Iterator<Item = (usize, usize)> + use<> {
        let rows = self.tile_rows;
        (0..n_queries.div_ceil(rows)).map(move |tile| span(tile, rows, n_queries))
    }
}
