//! Selection of the nearest references from tiles of distances, their exact re-ranking, and the
//! proof that none was missed.

use super::pairwise;
use crate::compute::{Buffer, Device, Kernel, Work, kernel, uniform};
use crate::error::Result;

/// Id or key of an empty entry.
pub const NONE: u32 = u32::MAX;

/// Largest number of neighbours. A list of these and [`SPARE`] more fits the 1,024 slots of
/// workgroup memory beside the 512 new candidates of one stride.
pub const MAX_NEIGHBORS: usize = 504;

/// Number of candidates kept beyond the requested neighbours, so that rounding in the product form
/// rarely requires a second search.
pub const SPARE: usize = 8;

uniform! {
    struct SelectParams {
        row_first: u32, query_first: u32, n_queries: u32, reference_first: u32, n_references: u32, stride: u32, list_length: u32,
        fresh: u32,
    }
}
uniform! {
    struct RefineParams {
        row_first: u32, query_first: u32, n_queries: u32, reference_first: u32, n_references: u32, list_length: u32,
        n_features: u32,
    }
}
uniform! {
    struct OrderParams {
        query_first: u32, n_queries: u32, list_length: u32, n_neighbors: u32, radius: f32, relative_error: f32, vanished: f32,
    }
}

const SELECT_NEAREST: Kernel = kernel!("knn", "select_nearest", 128, SelectParams);
const REFINE: Kernel = kernel!("knn", "refine", 128, RefineParams);
const ORDER_NEAREST: Kernel = kernel!("knn", "order_nearest", 64, OrderParams);

/// Kernels of this file.
pub const KERNELS: &[&Kernel] = &[&SELECT_NEAREST, &REFINE, &ORDER_NEAREST];

/// Number of candidates of a workgroup of `refine`.
const CANDIDATES: usize = 8;

/// Ranges of queries and references that are compared: rows of the lists, and the references' rows
/// in the whole matrix.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// Index of the first query.
    pub query_first: usize,
    /// Number of queries.
    pub n_queries: usize,
    /// Row in the whole matrix of the part's first reference.
    pub reference_first: usize,
    /// Number of reference rows.
    pub n_references: usize,
}

/// A tile of distances: from the span's queries to the span's references.
#[derive(Clone, Copy, Debug)]
pub struct Tile {
    /// Queries and references of the tile.
    pub span: Span,
    /// Row of the tile that belongs to the first query.
    pub row_first: usize,
    /// Number of distances from the start of one row to that of the next.
    pub stride: usize,
    /// `true` if it is the first tile of these queries, whose lists are still empty.
    pub fresh: bool,
}

/// Results of the exact ranking, and the data that [`order_nearest`] needs to prove them complete.
#[derive(Debug)]
pub struct Nearest {
    /// Indices of the neighbours, m x k.
    pub ids: Buffer<u32>,
    /// Squared distances, m x k.
    pub distances: Buffer<f32>,
    /// 1 for a query whose list may lack a neighbour.
    pub unproven: Buffer<u32>,
    /// k: number of neighbours.
    pub n_neighbors: usize,
    /// Largest length of a centred reference.
    pub radius: f32,
    /// Error of the listed distances relative to the square of the summed lengths of both; 0 if
    /// they are exact.
    pub relative_error: f32,
    /// Additional error of both distances: squares too small for the device.
    pub vanished: f32,
}

/// Merges a tile of distances into the queries' sorted lists of (distance bits, id).
/// Shapes: `distances` (row_first + n_queries) x stride, `excluded` m, `lists` m x list_length x 2.
///
/// # Errors
/// [`Error::Kernel`](crate::Error::Kernel).
pub fn select_nearest(
    device: &Device,
    distances: &Buffer<f32>,
    excluded: &Buffer<u32>,
    lists: &mut Buffer<u32>,
    list_length: usize,
    tile: Tile,
) -> Result<()> {
    let Span { query_first, n_queries, reference_first, n_references } = tile.span;
    match device {
        Device::Cpu(_) => cpu::select_nearest(
            distances.host(),
            excluded.host(),
            lists.host_mut(),
            list_length,
            tile,
        ),
        Device::Gpu(gpu) => {
            let uniform = |first: usize, n: usize| SelectParams {
                row_first: (tile.row_first + first) as u32,
                query_first: (query_first + first) as u32,
                n_queries: n as u32,
                reference_first: reference_first as u32,
                n_references: n_references as u32,
                stride: tile.stride as u32,
                list_length: list_length as u32,
                fresh: u32::from(tile.fresh),
            };
            let bindings = [(1, distances.gpu()), (2, excluded.gpu()), (3, lists.gpu())];
            let sorted = list_length.next_power_of_two();
            let work = Work::new(
                n_references as u64 + comparisons(sorted),
                4 * n_references as u64 + 16 * list_length as u64,
            );
            gpu.dispatch_rows(&SELECT_NEAREST, &bindings, n_queries, work, |n| n, uniform)?;
        }
    }
    Ok(())
}

/// Number of comparisons of a bitonic sort of `n` numbers, a power of two.
fn comparisons(n: usize) -> u64 {
    let steps = u64::from(n.trailing_zeros());
    n as u64 / 2 * (steps * (steps + 1) / 2)
}

/// Exact squared distances of the candidates that lie in the span's references; row `row_first` of
/// `queries` belongs to the span's first query. Shapes: `queries` rows x d, `references`
/// n_references x d, `lists` m x list_length x 2, `refined` m x list_length.
///
/// # Errors
/// [`Error::Kernel`](crate::Error::Kernel).
pub fn refine(
    device: &Device,
    (queries, row_first): (&Buffer<f32>, usize),
    references: &Buffer<f32>,
    lists: &Buffer<u32>,
    refined: &mut Buffer<f32>,
    (list_length, n_features): (usize, usize),
    span: Span,
) -> Result<()> {
    match device {
        Device::Cpu(_) => {
            let rows = &queries.host()[row_first * n_features..];
            cpu::refine(
                rows,
                references.host(),
                lists.host(),
                refined.host_mut(),
                (list_length, n_features),
                span,
            );
        }
        Device::Gpu(gpu) => {
            let uniform = |first: usize, n: usize| RefineParams {
                row_first: (row_first + first) as u32,
                query_first: (span.query_first + first) as u32,
                n_queries: n as u32,
                reference_first: span.reference_first as u32,
                n_references: span.n_references as u32,
                list_length: list_length as u32,
                n_features: n_features as u32,
            };
            let bindings =
                [(1, queries.gpu()), (2, references.gpu()), (3, lists.gpu()), (4, refined.gpu())];
            let groups = list_length.div_ceil(CANDIDATES);
            let pairs = (list_length * n_features) as u64;
            let work = Work::new(
                3 * pairs,
                4 * (pairs + (groups * n_features) as u64) + 12 * list_length as u64,
            );
            gpu.dispatch_rows(&REFINE, &bindings, span.n_queries, work, |n| n * groups, uniform)?;
        }
    }
    Ok(())
}

/// Sorts the candidates of `n_queries` queries by exact distance, ties by id, into `nearest`.
/// Shapes: `lists` m x list_length x 2, `refined` m x list_length, `norms` m (squared lengths of
/// the queries).
///
/// # Errors
/// [`Error::Kernel`](crate::Error::Kernel).
pub fn order_nearest(
    device: &Device,
    lists: &Buffer<u32>,
    refined: &Buffer<f32>,
    norms: &Buffer<f32>,
    nearest: &mut Nearest,
    list_length: usize,
    n_queries: usize,
) -> Result<()> {
    match device {
        Device::Cpu(_) => cpu::order_nearest(
            lists.host(),
            refined.host(),
            norms.host(),
            nearest,
            list_length,
            n_queries,
        ),
        Device::Gpu(gpu) => {
            let uniform = |first: usize, n: usize| OrderParams {
                query_first: first as u32,
                n_queries: n as u32,
                list_length: list_length as u32,
                n_neighbors: nearest.n_neighbors as u32,
                radius: nearest.radius,
                relative_error: nearest.relative_error,
                vanished: nearest.vanished,
            };
            let bindings = [
                (1, lists.gpu()),
                (2, refined.gpu()),
                (3, norms.gpu()),
                (4, nearest.ids.gpu()),
                (5, nearest.distances.gpu()),
                (6, nearest.unproven.gpu()),
            ];
            let bytes = 12 * list_length + 8 * nearest.n_neighbors + 8;
            let work = Work::new(comparisons(list_length.next_power_of_two()), bytes as u64);
            gpu.dispatch_rows(&ORDER_NEAREST, &bindings, n_queries, work, |n| n, uniform)?;
        }
    }
    Ok(())
}

mod cpu {
    use super::{NONE, Nearest, Span, Tile, pairwise};
    use multiversion::multiversion;
    use rayon::prelude::*;

    /// A candidate as one number that orders by distance, then by id.
    fn pair(squared: f32, id: u32) -> u64 {
        let bits = if squared > 0.0 { squared.to_bits() } else { 0 };
        (u64::from(bits) << 32) | u64::from(id)
    }

    pub fn select_nearest(
        distances: &[f32],
        excluded: &[u32],
        lists: &mut [u32],
        length: usize,
        tile: Tile,
    ) {
        let Span { query_first, n_queries, reference_first, n_references } = tile.span;
        let rows = distances[tile.row_first * tile.stride..][..n_queries * tile.stride]
            .par_chunks(tile.stride)
            .map(|row| &row[..n_references]);
        let lists = lists[2 * length * query_first..].par_chunks_mut(2 * length);
        rows.zip(lists).zip(&excluded[query_first..]).for_each(|((row, list), &itself)| {
            if tile.fresh {
                list.fill(NONE);
            }
            let mut sorted: Vec<u64> = list
                .chunks_exact(2)
                .map(|entry| (u64::from(entry[0]) << 32) | u64::from(entry[1]))
                .collect();
            for (at, stride) in row.chunks(64).enumerate() {
                // A quick test for anything that could enter; the exact comparison, by distance and
                // then by id, follows.
                let last = f32::from_bits((sorted[length - 1] >> 32) as u32);
                if !any_at_most(stride, last) {
                    continue;
                }
                for (offset, &distance) in stride.iter().enumerate() {
                    let id = (reference_first + at * 64 + offset) as u32;
                    let candidate = pair(distance, id);
                    if candidate < sorted[length - 1] && id != itself {
                        let place = sorted.partition_point(|&kept| kept < candidate);
                        sorted.copy_within(place..length - 1, place + 1);
                        sorted[place] = candidate;
                    }
                }
            }
            for (entry, kept) in list.chunks_exact_mut(2).zip(sorted) {
                entry.copy_from_slice(&[(kept >> 32) as u32, kept as u32]);
            }
        });
    }

    #[multiversion(targets("x86_64+avx512f+avx512vl+avx2", "x86_64+avx2"))]
    fn any_at_most(stride: &[f32], last: f32) -> bool {
        // NaN is the bound of a list that is not full yet. Not a chain of ||, so that it
        // vectorises.
        last.is_nan() || stride.iter().fold(false, |any, &distance| any | (distance <= last))
    }

    pub fn refine(
        queries: &[f32],
        references: &[f32],
        lists: &[u32],
        refined: &mut [f32],
        (length, n_features): (usize, usize),
        span: Span,
    ) {
        let outputs =
            refined[span.query_first * length..][..span.n_queries * length].par_chunks_mut(length);
        let lists = lists[2 * length * span.query_first..].par_chunks(2 * length);
        outputs.zip(lists).zip(queries.par_chunks(n_features)).for_each(
            |((refined, list), row)| {
                for (refined, entry) in refined.iter_mut().zip(list.chunks_exact(2)) {
                    let at = (entry[1] as usize).wrapping_sub(span.reference_first);
                    if at < span.n_references {
                        *refined = pairwise::cpu::squared_difference(
                            row,
                            &references[at * n_features..][..n_features],
                        );
                    }
                }
            },
        );
    }

    pub fn order_nearest(
        lists: &[u32],
        refined: &[f32],
        norms: &[f32],
        nearest: &mut Nearest,
        length: usize,
        n: usize,
    ) {
        let k = nearest.n_neighbors;
        let Nearest { radius, relative_error, vanished, .. } = *nearest;
        let ids = nearest.ids.host_mut()[..n * k].par_chunks_mut(k);
        let distances = nearest.distances.host_mut()[..n * k].par_chunks_mut(k);
        let unproven = nearest.unproven.host_mut()[..n].par_iter_mut();
        let inputs = lists.par_chunks(2 * length).zip(refined.par_chunks(length)).zip(norms);
        ids.zip(distances).zip(unproven).zip(inputs).for_each(
            |(((ids, distances), unproven), ((list, refined), norm))| {
                let candidates =
                    list.chunks_exact(2).zip(refined).filter(|(entry, _)| entry[1] != NONE);
                let mut sorted: Vec<u64> =
                    candidates.map(|(entry, &exact)| pair(exact, entry[1])).collect();
                sorted.sort_unstable();
                sorted.resize(length, u64::MAX);
                for ((id, distance), kept) in ids.iter_mut().zip(distances.iter_mut()).zip(&sorted)
                {
                    (*id, *distance) = (*kept as u32, f32::from_bits((kept >> 32) as u32));
                }
                let last = &list[2 * (length - 1)..];
                let kept = distances[k - 1] * (1.0 + 1e-5) + vanished;
                // A reference whose length differs from the query's by more than the last distance
                // is no neighbour, whatever the error of the product form.
                let own = (norm + vanished).sqrt() * (1.0 + 1e-5 + relative_error);
                let reach = own + radius.min(own + kept.sqrt());
                let last_distance = f32::from_bits(last[0]);
                let bound = last_distance - relative_error * reach * reach - vanished;
                let proven =
                    distances[k - 1].is_finite() && last_distance.is_finite() && kept < bound;
                *unproven = u32::from(relative_error > 0.0 && last[1] != NONE && !proven);
            },
        );
    }
}
