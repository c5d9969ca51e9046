//! Selection, refinement and ordering of neighbours.

use super::harness::uniform;
use super::harness::{EXACT, Pair, ROUNDING, Tolerance, floats, integers};
use crate::compute::Buffer;
use crate::neighbors::knn::{self, MAX_NEIGHBORS, NONE, Nearest, SPARE, Span, Tile};
use crate::random::Random;

/// Tolerance as for difference distances: sums of squares in groups of 16.
const REFINED: Tolerance = Tolerance { each: (16.0 + 49.0 + 2.0) * ROUNDING, largest: 0.0 };

/// Tiles of references: `n` and 40 columns, with many equal distances and some below zero from
/// rounding; and a tile with so many candidates nearer than nearly all before that they do not fit
/// at once.
pub fn select_nearest(pair: &Pair, n: usize) {
    const BEYOND: usize = 3;
    const MANY: usize = 1500;
    let (first, m) = (2_usize, 9);
    let excluded: Vec<u32> = (0..first + m)
        .map(|query| if query.is_multiple_of(3) { NONE } else { (query * 5 % n) as u32 })
        .collect();
    // After the references a row has numbers that would be nearest but are undefined.
    let tile = |stream: u64, n: usize| -> Vec<f32> {
        let rounded = |value: f32| if value < 0.0 { value * 1e-6 } else { value.floor() };
        let values: Vec<f32> =
            uniform(stream, (1 + m) * n, -1.0, 40.0).into_iter().map(rounded).collect();
        values.chunks_exact(n).flat_map(|row| [row, &[-1.0; BEYOND]].concat()).collect()
    };
    let nearer = uniform(13, (1 + m) * (MANY + BEYOND), 0.0, 0.5);
    let tiles = [(tile(11, n), 0, n), (tile(12, 40), n, 40), (nearer, n + 40, MANY)];
    for length in [1, 8, 98, MAX_NEIGHBORS + SPARE] {
        pair.compare(&format!("select_nearest {length} of {n}"), EXACT, |device| {
            let excluded = Buffer::from_slice(device, "excluded", &excluded)?;
            // The lists before the first query stay unchanged.
            let mut lists =
                Buffer::from_slice(device, "lists", &vec![7; 2 * (first + m) * length])?;
            for &(ref distances, reference_first, n_references) in &tiles {
                let distances = Buffer::from_slice(device, "distances", distances)?;
                let span = Span { query_first: first, n_queries: m, reference_first, n_references };
                let tile = Tile {
                    span,
                    row_first: 1,
                    stride: n_references + BEYOND,
                    fresh: reference_first == 0,
                };
                knn::select_nearest(device, &distances, &excluded, &mut lists, length, tile)?;
            }
            lists.read(device).map(integers)
        });
    }
}

/// Lists with ids from two parts of the references and with empty entries.
pub fn refine(pair: &Pair, n: usize) {
    let (length, n_queries, first, d) =
        if n > 1000 { (8, n / 8 + 1, 0, 1) } else { (11, n, 3, [1, 2, 784][n % 3]) };
    let row_first = first + 2;
    let n_references = 150;
    let random = Random::new(7, 13);
    let id = |at: usize| {
        if at.is_multiple_of(7) { NONE } else { random.bits(at as u64) % n_references as u32 }
    };
    let n_lists = first + n_queries;
    let lists: Vec<u32> = (0..n_lists * length).flat_map(|at| [0, id(at)]).collect();
    let queries = uniform(14, (row_first + n_queries) * d, -1.0, 1.0);
    let references = uniform(15, n_references * d, -1.0, 1.0);
    pair.compare(&format!("refine {n_queries} x {length} of {d} features"), REFINED, |device| {
        let queries = Buffer::from_slice(device, "queries", &queries)?;
        let lists = Buffer::from_slice(device, "lists", &lists)?;
        // Empty entries are left unchanged.
        let mut refined = Buffer::from_slice(device, "refined", &vec![-1.0; n_lists * length])?;
        for (from, to) in [(0, 100), (100, n_references)] {
            let part = Buffer::from_slice(device, "references", &references[from * d..to * d])?;
            let span = Span {
                query_first: first,
                n_queries,
                reference_first: from,
                n_references: to - from,
            };
            knn::refine(
                device,
                (&queries, row_first),
                &part,
                &lists,
                &mut refined,
                (length, d),
                span,
            )?;
        }
        refined.read(device).map(floats)
    });
}

/// Difference between the smallest possible distance of an unlisted reference and the last distance
/// that is kept, with a radius of 12. The reference is assumed at the last listed distance minus
/// its error, which is relative to the square of the summed lengths.
fn gap(kept: f64, last: f64, norm: f64, (relative_error, vanished): (f64, f64)) -> f64 {
    if last.is_infinite() {
        return -1.0;
    }
    let kept = kept * (1.0 + 1e-5) + vanished;
    let own = (norm + vanished).sqrt() * (1.0 + 1e-5 + relative_error);
    let reach = own + 12.0_f64.min(own + kept.sqrt());
    last - vanished - relative_error * reach * reach - kept
}

/// Small integers, so that the bound is computed without rounding and there are many ties.
pub fn order_nearest(pair: &Pair, n: usize) {
    let random = Random::new(7, 16);
    for (k, spare) in [(1, 0), (5, 3), (90, SPARE), (MAX_NEIGHBORS, SPARE)] {
        let length = k + spare;
        let n = if k > 5 { n.min(65) } else { n };
        let number = |at: usize, below: u32| random.bits(at as u64) % below;
        // A list's last key bounds the references that are not listed: near the distances that are
        // kept, so that some lists are proven and some are not. An infinite key bounds nothing: it
        // may stand for a sum that overflowed.
        let last =
            |query: usize| if query == 7 { f32::INFINITY } else { number(query, 60) as f32 + 20.0 };
        let key = |query: usize| last(query).to_bits();
        let lists: Vec<u32> = (0..n * length)
            .flat_map(|at| [key(at / length), (at % length * 7919 % 4096) as u32])
            .collect();
        let refined: Vec<f32> = (0..n * length).map(|at| number(at, 50) as f32).collect();
        let norms: Vec<f32> = (0..n).map(|query| (query % 20 * (query % 20)) as f32).collect();
        for (relative_error, vanished) in [(0.0, 0.0), (1.0 / 1024.0, 0.0), (1.0 / 1024.0, 8.0)] {
            pair.compare(&format!("order_nearest {k} of {length}, {n} rows"), EXACT, |device| {
                let mut nearest = Nearest {
                    ids: Buffer::zeros(device, "ids", n * k)?,
                    distances: Buffer::zeros(device, "distances", n * k)?,
                    unproven: Buffer::zeros(device, "unproven", n)?,
                    n_neighbors: k,
                    radius: 12.0,
                    relative_error,
                    vanished,
                };
                let lists = Buffer::from_slice(device, "lists", &lists)?;
                let refined = Buffer::from_slice(device, "refined", &refined)?;
                let lengths = Buffer::from_slice(device, "norms", &norms)?;
                knn::order_nearest(device, &lists, &refined, &lengths, &mut nearest, length, n)?;
                let unproven = nearest.unproven.read(device)?;
                let (ids, distances) = (nearest.ids.read(device)?, nearest.distances.read(device)?);
                if relative_error > 0.0 {
                    let some = unproven.iter().filter(|&&flag| flag == 1).count();
                    assert!(
                        n < 50 || k != 5 || (1..n).contains(&some),
                        "{some} of {n} rows unproven: the case does not tell"
                    );
                    let errors = (f64::from(relative_error), f64::from(vanished));
                    for (row, &flag) in unproven.iter().enumerate() {
                        let kept = f64::from(distances[row * k + k - 1]);
                        let gap = gap(kept, f64::from(last(row)), f64::from(norms[row]), errors);
                        assert!(
                            gap.abs() < 1e-3 || (flag == 0) == (gap > 0.0),
                            "row {row}: {flag}, though {gap} are between"
                        );
                    }
                }
                Ok([integers(ids), floats(distances), integers(unproven)].concat())
            });
        }
    }
}
