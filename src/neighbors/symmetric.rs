//! A symmetric sparse matrix from the values that points give their neighbours.

use rayon::prelude::*;

/// Rows of one parallel task.
const PART_ROWS: usize = 1024;

/// A sparse matrix in compressed rows.
#[derive(Clone, Debug, PartialEq)]
pub struct SparseRows {
    /// Where each row starts in the two other arrays, n + 1 numbers.
    pub row_starts: Vec<u32>,
    /// Columns of the entries, ascending within a row.
    pub columns: Vec<u32>,
    /// The entries.
    pub values: Vec<f32>,
}

/// Joins both directions of every pair of neighbours: `join` is told what each of two points gives the other, 0 if the other is
/// none of its neighbours, in an order that must not matter, and returns the entry, if there is to be one. Shapes: `indices` and
/// `values` n x k. O(n k log k), in parallel.
pub fn symmetrised(indices: &[u32], values: &[f32], n: usize, join: impl Fn(f32, f32) -> Option<f32> + Sync) -> SparseRows {
    let k = indices.len() / n;
    let incoming = Incoming::new(indices, values, n);
    let parts: Vec<SparseRows> = (0..n.div_ceil(PART_ROWS))
        .into_par_iter()
        .map(|part| {
            let mut rows = SparseRows { row_starts: Vec::new(), columns: Vec::new(), values: Vec::new() };
            let mut own = Vec::with_capacity(k);
            for i in part * PART_ROWS..((part + 1) * PART_ROWS).min(n) {
                own.clear();
                own.extend(indices[i * k..][..k].iter().copied().zip(values[i * k..][..k].iter().copied()));
                own.sort_unstable_by_key(|entry| entry.0);
                rows.append(&own, incoming.row(i), &join);
            }
            rows
        })
        .collect();
    let n_entries = parts.iter().map(|part| part.columns.len()).sum();
    let mut all =
        SparseRows { row_starts: vec![0], columns: Vec::with_capacity(n_entries), values: Vec::with_capacity(n_entries) };
    for part in parts {
        let first = all.columns.len() as u32;
        all.row_starts.extend(part.row_starts.iter().map(|end| first + end));
        all.columns.extend(part.columns);
        all.values.extend(part.values);
    }
    all
}

impl SparseRows {
    /// Adds a row, joined of two with ascending columns, and where it ends.
    fn append(&mut self, own: &[(u32, f32)], incoming: &[(u32, f32)], join: impl Fn(f32, f32) -> Option<f32>) {
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

/// The transposed values in compressed rows.
struct Incoming {
    row_starts: Vec<usize>,
    /// Ascending columns with their values.
    entries: Vec<(u32, f32)>,
}

impl Incoming {
    fn new(indices: &[u32], values: &[f32], n: usize) -> Self {
        let k = indices.len() / n;
        let mut row_starts = vec![0_usize; n + 1];
        for &j in indices {
            row_starts[j as usize + 1] += 1;
        }
        for i in 0..n {
            row_starts[i + 1] += row_starts[i];
        }
        let mut next = row_starts.clone();
        let mut entries = vec![(0, 0.0); indices.len()];
        for (at, (&j, &value)) in indices.iter().zip(values).enumerate() {
            entries[next[j as usize]] = ((at / k) as u32, value);
            next[j as usize] += 1;
        }
        Self { row_starts, entries }
    }

    fn row(&self, i: usize) -> &[(u32, f32)] {
        &self.entries[self.row_starts[i]..self.row_starts[i + 1]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_meet_in_one_entry() {
        // All name each other; 1 and 2 give each other nothing.
        let rows = symmetrised(&[1, 2, 0, 2, 0, 1], &[1.0, 2.0, 3.0, 0.0, 5.0, 0.0], 3, |a, b| (a + b > 0.0).then_some(a + b));
        assert_eq!(rows.row_starts, [0, 2, 3, 4]);
        assert_eq!(rows.columns, [1, 2, 0, 0]);
        assert_eq!(rows.values, [4.0, 7.0, 4.0, 7.0]);
    }

    #[test]
    fn a_neighbour_that_does_not_answer_gives_nothing() {
        let rows = symmetrised(&[1, 2, 1], &[0.5, 0.25, 0.125], 3, |a, b| Some(a + b));
        assert_eq!((rows.columns, rows.values), (vec![1, 0, 2, 1], vec![0.5, 0.5, 0.375, 0.375]));
    }
}
