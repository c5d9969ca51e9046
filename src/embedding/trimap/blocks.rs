//! Array layout of the CPU twins of TriMAP: rows of n numbers, in blocks of 256 points.

/// Number of points of one block, the unit of parallel work.
pub const BLOCK: usize = 256;

/// The blocks in order; of each block, its part of every row of `n` values.
pub fn blocks(values: &mut [f32], n: usize) -> Vec<Vec<&mut [f32]>> {
    let n_rows = values.len() / n;
    let mut blocks: Vec<Vec<&mut [f32]>> =
        (0..n.div_ceil(BLOCK)).map(|_| Vec::with_capacity(n_rows)).collect();
    for row in values.chunks_exact_mut(n) {
        for (block, part) in blocks.iter_mut().zip(row.chunks_mut(BLOCK)) {
            block.push(part);
        }
    }
    blocks
}

/// `len` values of a row from `start` on, at most [`BLOCK`] and no more than the row has. After the
/// last value the row continues with the first, which needs the `buffer`.
#[inline(always)]
pub fn window<'a>(
    row: &'a [f32],
    start: usize,
    len: usize,
    buffer: &'a mut [f32; BLOCK],
) -> &'a [f32] {
    if start + len <= row.len() {
        return &row[start..][..len];
    }
    let head = row.len() - start;
    buffer[..head].copy_from_slice(&row[start..]);
    buffer[head..len].copy_from_slice(&row[..len - head]);
    &buffer[..len]
}

/// The windows of several rows.
#[inline(always)]
pub fn windows<'a, const D: usize>(
    rows: &[&'a [f32]; D],
    start: usize,
    len: usize,
    buffers: &'a mut [[f32; BLOCK]; D],
) -> [&'a [f32]; D] {
    let mut windows = *rows;
    for (row, buffer) in windows.iter_mut().zip(buffers) {
        *row = window(row, start, len, buffer);
    }
    windows
}

/// (i + shift) mod n, for i and shift below n.
#[inline(always)]
pub fn shifted(i: usize, shift: usize, n: usize) -> usize {
    if i + shift >= n { i + shift - n } else { i + shift }
}

/// The axes of the coordinates, n values each.
pub fn axes<const D: usize>(places: &[f32], n: usize) -> [&[f32]; D] {
    std::array::from_fn(|axis| &places[axis * n..][..n])
}
