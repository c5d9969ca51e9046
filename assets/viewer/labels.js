const BINS = 512;
/** Cells of an axis in which the points of a class are counted, and how many make up one. */
const CELLS = 32;
const BINS_PER_CELL = BINS / CELLS;
const MAX_LABELS = 24;
const LINE_HEIGHT = 16;

/**
 * Middles of the true or of the predicted classes on their way from the former map to this one;
 * those of both maps are found anew only when the maps or the visible points change.
 * @param {Data} data
 */
export function createMiddles(data) {
  /** @type {MiddlesSource|null} */
  let known = null;
  /** @type {ClassPlace[]} */
  let source = [];
  /** @type {ClassPlace[]} */
  let target = [];
  /**
   * @param {Transition} transition
   * @param {number} mix share of the way that is done
   * @param {Uint8Array} mask
   * @param {boolean} byPrediction
   */
  return ({ from, to }, mix, mask, byPrediction) => {
    const fits = known && known.mask === mask && known.byPrediction === byPrediction;
    if (!fits || known?.from !== from || known.to !== to) {
      known = { mask, from, to, byPrediction };
      target = classMiddles(data, to, mask, byPrediction);
      source = from === to ? target : classMiddles(data, from, mask, byPrediction);
    }
    return target.map((end, /** @type {number} */ l) => {
      const { x, y } = source[l];
      return { ...end, x: x + (end.x - x) * mix, y: y + (end.y - y) * mix };
    });
  };
}

/**
 * Middle of the visible points of each class (predicted class if `byPrediction`) that has any: their
 * median, in 512 steps per axis. Where few of them lie around it, as between two groups, the place
 * where they lie densest.
 * @param {Data} data
 * @param {Float32Array} positions
 * @param {Uint8Array} mask
 * @param {boolean} byPrediction
 * @returns {ClassPlace[]}
 */
function classMiddles(data, positions, mask, byPrediction) {
  const nClasses = data.classes.length;
  const { predictions } = data;
  const classOf =
    byPrediction && predictions
      ? (/** @type {number} */ i) => (predictions[i] < nClasses ? predictions[i] : -1)
      : data.classOf;
  const counts = new Uint32Array(nClasses);
  const histograms = [0, 1].map(() => new Uint32Array(nClasses * BINS));
  const cells = new Uint32Array(nClasses * CELLS * CELLS);
  const binOf = (/** @type {number} */ value) =>
    Math.min(BINS - 1, Math.max(0, Math.floor((value + 1) * 0.5 * BINS)));
  for (let i = 0; i < mask.length; i++) {
    const c = mask[i] ? classOf(i) : -1;
    if (c < 0) continue;
    counts[c]++;
    const [x, y] = [binOf(positions[2 * i]), binOf(positions[2 * i + 1])];
    histograms[0][c * BINS + x]++;
    histograms[1][c * BINS + y]++;
    cells[(c * CELLS + cellOf(y)) * CELLS + cellOf(x)]++;
  }
  const median = (/** @type {Uint32Array} */ histogram, /** @type {number} */ c) => {
    let below = 0;
    let bin = 0;
    while (below + histogram[c * BINS + bin] < counts[c] / 2) below += histogram[c * BINS + bin++];
    return bin;
  };
  const place = (/** @type {number} */ bin) => ((bin + 0.5) / BINS) * 2 - 1;
  return Array.from(counts, (n, c) => ({ c, n }))
    .filter(({ n }) => n > 0)
    .map(({ c, n }) => {
      const middle = { x: median(histograms[0], c), y: median(histograms[1], c) };
      const own = cells.subarray(c * CELLS * CELLS, (c + 1) * CELLS * CELLS);
      const { x, y } = amongPoints(own, middle);
      return { c, n, x: place(x), y: place(y) };
    });
}

/** @param {number} bin */
function cellOf(bin) {
  return Math.floor(bin / BINS_PER_CELL);
}

/**
 * The median of a class, in bins, if at least half as many of its points lie around it as where
 * they lie densest; else the mean of those. `cells`: points in each cell.
 * @param {Uint32Array} cells
 * @param {{x: number, y: number}} median
 */
function amongPoints(cells, median) {
  const around = (/** @type {number} */ column, /** @type {number} */ row) => {
    const sum = { n: 0, x: 0, y: 0 };
    for (let r = Math.max(0, row - 1); r <= Math.min(CELLS - 1, row + 1); r++) {
      for (let c = Math.max(0, column - 1); c <= Math.min(CELLS - 1, column + 1); c++) {
        const n = cells[r * CELLS + c];
        sum.n += n;
        sum.x += n * c;
        sum.y += n * r;
      }
    }
    return sum;
  };
  let best = { n: 0, x: 0, y: 0 };
  for (let cell = 0; cell < cells.length; cell++) {
    const found = cells[cell] ? around(cell % CELLS, Math.floor(cell / CELLS)) : best;
    if (found.n > best.n) best = found;
  }
  if (2 * around(cellOf(median.x), cellOf(median.y)).n >= best.n) return median;
  const bin = (/** @type {number} */ sum) =>
    Math.round((sum / best.n) * BINS_PER_CELL + (BINS_PER_CELL - 1) / 2);
  return { x: bin(best.x), y: bin(best.y) };
}

/**
 * The labels that have room, the largest classes first: inside the map and not over each other.
 * @param {ClassPlace[]} anchors
 * @param {(c: number) => number} textWidth
 * @param {number} width
 * @param {number} height
 */
export function placeLabels(anchors, textWidth, width, height) {
  /** @type {(ClassPlace & {half: number})[]} */
  const placed = [];
  for (const anchor of [...anchors].sort((a, b) => b.n - a.n || a.c - b.c)) {
    if (placed.length === MAX_LABELS) break;
    const half = textWidth(anchor.c) / 2 + 4;
    const outside =
      anchor.x - half < 0 ||
      anchor.x + half > width ||
      anchor.y < LINE_HEIGHT / 2 ||
      anchor.y > height - LINE_HEIGHT / 2;
    const covers = placed.some(
      (other) =>
        Math.abs(other.x - anchor.x) < other.half + half &&
        Math.abs(other.y - anchor.y) < LINE_HEIGHT,
    );
    if (!outside && !covers) placed.push({ ...anchor, half });
  }
  return placed;
}
