//! How the CPU twins of TriMAP cut their arrays: rows of n numbers, in blocks of 256 points.

/// Points of one block, the unit of parallel work.
pub const BLOCK: usize = 256;

/// Block after block, the block's part of every row of `n` values.
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

/// `len` values of a row from `start` on, at most [`BLOCK`] and no more than the row has; after the
/// last comes the first, for which `room` is used.
#[inline(always)]
pub fn window<'a>(
    row: &'a [f32],
    start: usize,
    len: usize,
    room: &'a mut [f32; BLOCK],
) -> &'a [f32] {
    if start + len <= row.len() {
        return &row[start..][..len];
    }
    let head = row.len() - start;
    room[..head].copy_from_slice(&row[start..]);
    room[head..len].copy_from_slice(&row[..len - head]);
    &room[..len]
}

/// The windows of several rows.
#[inline(always)]
pub fn windows<'a, const D: usize>(
    rows: &[&'a [f32]; D],
    start: usize,
    len: usize,
    rooms: &'a mut [[f32; BLOCK]; D],
) -> [&'a [f32]; D] {
    let mut windows = *rows;
    for (row, room) in windows.iter_mut().zip(rooms) {
        *row = window(row, start, len, room);
    }
    windows
}

/// i + shift, less n where it is not below it.
#[inline(always)]
pub fn shifted(i: usize, shift: usize, n: usize) -> usize {
    if i + shift >= n { i + shift - n } else { i + shift }
}

/// The axes of places, n values each.
pub fn axes<const D: usize>(places: &[f32], n: usize) -> [&[f32]; D] {
    std::array::from_fn(|axis| &places[axis * n..][..n])
}
