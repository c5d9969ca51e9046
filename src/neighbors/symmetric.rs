//! A symmetric sparse matrix from values of a neighbour graph.

use rayon::prelude::*;

/// Number of rows of one parallel task.
const PART_ROWS: usize = 1024;
/// Number of parts into which rows and columns are cut for the transposition: with 60,000 points
/// and 90 neighbours each part has 700 KB.
const PARTS: usize = 64;

/// A sparse matrix in compressed rows.
#[derive(Clone, Debug, PartialEq)]
pub struct SparseRows {
    /// Start of each row in the two other arrays, n + 1 numbers.
    pub row_starts: Vec<u32>,
    /// Columns of the entries, ascending within a row.
    pub columns: Vec<u32>,
    /// Values of the entries.
    pub values: Vec<f32>,
}

/// Joins both directions of every pair of neighbours. `join` receives the value of each point for
/// the other, 0 if the other is not among its neighbours; their order must not matter. It returns
/// the entry, or `None` for no entry. Shapes: `indices` and `values` n x k. O(n k log k), in
/// parallel.
pub fn symmetrised(
    indices: &[u32],
    values: &[f32],
    n: usize,
    join: impl Fn(f32, f32) -> Option<f32> + Sync,
) -> SparseRows {
    let k = indices.len() / n;
    let incoming = Incoming::new(indices, values, n);
    let parts: Vec<SparseRows> = (0..n.div_ceil(PART_ROWS))
        .into_par_iter()
        .map(|part| {
            let mut rows =
                SparseRows { row_starts: Vec::new(), columns: Vec::new(), values: Vec::new() };
            let mut own = Vec::with_capacity(k);
            for i in part * PART_ROWS..((part + 1) * PART_ROWS).min(n) {
                own.clear();
                own.extend(
                    indices[i * k..][..k].iter().copied().zip(values[i * k..][..k].iter().copied()),
                );
                own.sort_unstable_by_key(|entry| entry.0);
                rows.append(&own, incoming.row(i), &join);
            }
            rows
        })
        .collect();
    joined(&parts)
}

/// The rows of the parts, one part after the other.
fn joined(parts: &[SparseRows]) -> SparseRows {
    let n_entries: usize = parts.iter().map(|part| part.columns.len()).sum();
    let mut all = SparseRows {
        row_starts: vec![0],
        columns: vec![0; n_entries],
        values: vec![0.0; n_entries],
    };
    let (mut columns, mut values) = (all.columns.as_mut_slice(), all.values.as_mut_slice());
    let mut places = Vec::with_capacity(parts.len());
    for part in parts {
        let first = (n_entries - columns.len()) as u32;
        all.row_starts.extend(part.row_starts.iter().map(|end| first + end));
        let (own_columns, more_columns) = columns.split_at_mut(part.columns.len());
        let (own_values, more_values) = values.split_at_mut(part.columns.len());
        places.push((own_columns, own_values));
        (columns, values) = (more_columns, more_values);
    }
    places.into_par_iter().zip(parts).for_each(|((columns, values), part)| {
        columns.copy_from_slice(&part.columns);
        values.copy_from_slice(&part.values);
    });
    all
}

impl SparseRows {
    /// Appends the row joined from two rows with ascending columns, and its end.
    fn append(
        &mut self,
        own: &[(u32, f32)],
        incoming: &[(u32, f32)],
        join: impl Fn(f32, f32) -> Option<f32>,
    ) {
        let (mut a, mut b) = (own.iter().copied().peekable(), incoming.iter().copied().peekable());
        while let Some(column) = a.peek().into_iter().chain(b.peek()).map(|entry| entry.0).min() {
            let given = a.next_if(|entry| entry.0 == column).map_or(0.0, |entry| entry.1);
            let taken = b.next_if(|entry| entry.0 == column).map_or(0.0, |entry| entry.1);
            if let Some(value) = join(given, taken) {
                self.columns.push(column);
                self.values.push(value);
            }
        }
        self.row_starts.push(self.columns.len() as u32);
    }
}

/// The transposed values in compressed rows, in parts of `width` rows.
struct Incoming {
    width: usize,
    parts: Vec<IncomingRows>,
}

/// Some of the transposed rows.
struct IncomingRows {
    row_starts: Vec<usize>,
    /// Entries: ascending columns with their values.
    entries: Vec<(u32, f32)>,
}

/// A value, its row, and its column counted from the first of its target part.
type Sent = (u32, u32, f32);

impl Incoming {
    /// Sorts the values by their target part and, within it, by their column: the rows of a part
    /// fit the cache. The order of the source rows is kept throughout, so that the division among
    /// threads does not matter.
    fn new(indices: &[u32], values: &[f32], n: usize) -> Self {
        let k = indices.len() / n;
        let width = n.div_ceil(PARTS);
        let n_parts = n.div_ceil(width);
        let entries = width * k;
        let sent: Vec<Vec<Vec<Sent>>> = indices
            .par_chunks(entries)
            .zip(values.par_chunks(entries))
            .enumerate()
            .map(|(chunk, (indices, values))| {
                let mut sent = vec![Vec::with_capacity(2 * entries / n_parts); n_parts];
                for (at, (&j, &value)) in indices.iter().zip(values).enumerate() {
                    let part = j as usize / width;
                    let column = j as usize % width;
                    sent[part].push((((chunk * entries + at) / k) as u32, column as u32, value));
                }
                sent
            })
            .collect();
        let parts = (0..n_parts).into_par_iter().map(|part| {
            let len = width.min(n - part * width);
            IncomingRows::new(len, || sent.iter().flat_map(move |chunk| &chunk[part]).copied())
        });
        Self { width, parts: parts.collect() }
    }

    fn row(&self, i: usize) -> &[(u32, f32)] {
        let part = &self.parts[i / self.width];
        let row = i % self.width;
        &part.entries[part.row_starts[row]..part.row_starts[row + 1]]
    }
}

impl IncomingRows {
    fn new<I: Iterator<Item = Sent>>(n: usize, sent: impl Fn() -> I) -> Self {
        let mut row_starts = vec![0_usize; n + 1];
        for (_, column, _) in sent() {
            row_starts[column as usize + 1] += 1;
        }
        for i in 0..n {
            row_starts[i + 1] += row_starts[i];
        }
        let mut next = row_starts.clone();
        let mut entries = vec![(0, 0.0); row_starts[n]];
        for (row, column, value) in sent() {
            entries[next[column as usize]] = (row, value);
            next[column as usize] += 1;
        }
        Self { row_starts, entries }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_meet_in_one_entry() {
        // All are neighbours of each other; 1 and 2 have the value 0 for each other.
        let rows = symmetrised(&[1, 2, 0, 2, 0, 1], &[1.0, 2.0, 3.0, 0.0, 5.0, 0.0], 3, |a, b| {
            (a + b > 0.0).then_some(a + b)
        });
        assert_eq!(rows.row_starts, [0, 2, 3, 4]);
        assert_eq!(rows.columns, [1, 2, 0, 0]);
        assert_eq!(rows.values, [4.0, 7.0, 4.0, 7.0]);
    }

    #[test]
    fn a_neighbour_that_does_not_answer_gives_nothing() {
        let rows = symmetrised(&[1, 2, 1], &[0.5, 0.25, 0.125], 3, |a, b| Some(a + b));
        assert_eq!((rows.columns, rows.values), (vec![1, 0, 2, 1], vec![0.5, 0.5, 0.375, 0.375]));
    }

    /// Compares with a transposition by a map, for several parts, and for fewer points than parts.
    #[test]
    fn every_pair_of_many_points_meets() {
        for (n, k) in [(11, 3), (1000, 5), (2500, 12)] {
            let indices: Vec<u32> = (0..n * k)
                .map(|at| ((at / k + 1 + at / k % 3 + 2 * (at % k)) % n) as u32)
                .collect();
            let values: Vec<f32> = (0..n * k).map(|at| 1.0 + (at % 1013) as f32).collect();
            let mut expected = std::collections::BTreeMap::<(u32, u32), f32>::new();
            for (at, (&j, &value)) in indices.iter().zip(&values).enumerate() {
                let i = (at / k) as u32;
                *expected.entry((i, j)).or_default() += value;
                *expected.entry((j, i)).or_default() += value;
            }
            let rows = symmetrised(&indices, &values, n, |a, b| Some(a + b));
            let found = (0..n).flat_map(|i| {
                let range = rows.row_starts[i] as usize..rows.row_starts[i + 1] as usize;
                rows.columns[range.clone()]
                    .iter()
                    .zip(&rows.values[range])
                    .map(move |(&j, &value)| ((i as u32, j), value))
            });
            assert!(found.eq(expected), "{n} x {k}");
        }
    }
}
