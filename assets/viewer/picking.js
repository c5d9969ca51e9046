/** Points per cell of the grid, about. */
const CELL_POINTS = 3;

/**
 * Index of the points of `mask` at `positions` (x, y, x, y, ... about [-1, 1]) on a square grid.
 * @param {Float32Array} positions
 * @param {Uint8Array} mask
 * @returns {GridIndex}
 */
export function createGridIndex(positions, mask) {
  const grid = buildGrid(positions, mask);
  const { side, starts, members } = grid;
  const cellOf = (/** @type {number} */ value) =>
    Math.min(side - 1, Math.max(0, Math.floor((value + 1) * 0.5 * side)));

  /**
   * The visible point nearest to (x, y) within `reach`, or -1; of equally near ones the first.
   * @param {number} x
   * @param {number} y
   * @param {number} reach
   */
  function nearest(x, y, reach) {
    let best = -1;
    let bestSquare = reach * reach;
    for (let row = cellOf(y - reach); row <= cellOf(y + reach); row++) {
      for (let column = cellOf(x - reach); column <= cellOf(x + reach); column++) {
        const cell = row * side + column;
        for (let m = starts[cell]; m < starts[cell + 1]; m++) {
          const i = members[m];
          const square = (positions[2 * i] - x) ** 2 + (positions[2 * i + 1] - y) ** 2;
          if (square < bestSquare || (square === bestSquare && (best < 0 || i < best))) {
            best = i;
            bestSquare = square;
          }
        }
      }
    }
    return best;
  }

  /**
   * Visible points inside [left, bottom, right, top], or null if there are more than `limit`.
   * @param {[left: number, bottom: number, right: number, top: number]} box
   * @param {number} limit
   */
  function within([left, bottom, right, top], limit) {
    const found = [];
    for (let row = cellOf(bottom); row <= cellOf(top); row++) {
      const first = starts[row * side + cellOf(left)];
      const last = starts[row * side + cellOf(right) + 1];
      for (let m = first; m < last; m++) {
        const x = positions[2 * members[m]];
        const y = positions[2 * members[m] + 1];
        if (x < left || x > right || y < bottom || y > top) continue;
        if (found.length === limit) return null;
        found.push(members[m]);
      }
    }
    return found;
  }

  return { nearest, within };
}

/**
 * Points sorted by cell (counting sort, within a cell by index): members[starts[cell] ..
 * starts[cell + 1]].
 * @param {Float32Array} positions
 * @param {Uint8Array} mask
 * @returns {PointGrid}
 */
export function buildGrid(positions, mask) {
  const n = mask.length;
  const side = Math.min(1024, Math.max(1, Math.ceil(Math.sqrt(n / CELL_POINTS))));
  const cells = new Uint32Array(n);
  const starts = new Uint32Array(side * side + 1);
  const clampCell = (/** @type {number} */ value) =>
    Math.min(side - 1, Math.max(0, Math.floor((value + 1) * 0.5 * side)));
  for (let i = 0; i < n; i++) {
    if (!mask[i]) continue;
    cells[i] = clampCell(positions[2 * i + 1]) * side + clampCell(positions[2 * i]);
    starts[cells[i] + 1]++;
  }
  for (let cell = 0; cell < side * side; cell++) starts[cell + 1] += starts[cell];
  const members = new Uint32Array(starts[side * side]);
  const next = starts.slice(0, side * side);
  for (let i = 0; i < n; i++) if (mask[i]) members[next[cells[i]]++] = i;
  return { side, starts, members };
}

/**
 * Same as `createGridIndex(..).nearest`, without an index: for points that move.
 * @param {Float32Array} positions
 * @param {Uint8Array} mask
 * @param {number} x
 * @param {number} y
 * @param {number} reach
 */
export function nearestMoving(positions, mask, x, y, reach) {
  let best = -1;
  let bestSquare = reach * reach;
  for (let i = 0; i < mask.length; i++) {
    if (!mask[i]) continue;
    const square = (positions[2 * i] - x) ** 2 + (positions[2 * i + 1] - y) ** 2;
    if (square < bestSquare || (square === bestSquare && best < 0)) {
      best = i;
      bestSquare = square;
    }
  }
  return best;
}
