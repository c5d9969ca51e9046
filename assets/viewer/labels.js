const BINS = 512;
const MAX_LABELS = 24;
const LINE_HEIGHT = 16;

/**
 * Medians of the true or of the predicted classes on their way from the former map to this one;
 * those of both maps are found anew only when the maps or the visible points change.
 * @param {Data} data
 */
export function createMedians(data) {
  /** @type {MediansSource|null} */
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
      target = classMedians(data, to, mask, byPrediction);
      source = from === to ? target : classMedians(data, from, mask, byPrediction);
    }
    return target.map((end, /** @type {number} */ l) => {
      const { x, y } = source[l];
      return { ...end, x: x + (end.x - x) * mix, y: y + (end.y - y) * mix };
    });
  };
}

/**
 * Median place of the visible points of each class (predicted class if `byPrediction`) that has
 * any. Counted in 512 steps per axis.
 * @param {Data} data
 * @param {Float32Array} positions
 * @param {Uint8Array} mask
 * @param {boolean} byPrediction
 * @returns {ClassPlace[]}
 */
function classMedians(data, positions, mask, byPrediction) {
  const nClasses = data.classes.length;
  const { predictions } = data;
  const classOf =
    byPrediction && predictions
      ? (/** @type {number} */ i) => (predictions[i] < nClasses ? predictions[i] : -1)
      : data.classOf;
  const counts = new Uint32Array(nClasses);
  const histograms = [0, 1].map(() => new Uint32Array(nClasses * BINS));
  const binOf = (/** @type {number} */ value) =>
    Math.min(BINS - 1, Math.max(0, Math.floor((value + 1) * 0.5 * BINS)));
  for (let i = 0; i < mask.length; i++) {
    const c = mask[i] ? classOf(i) : -1;
    if (c < 0) continue;
    counts[c]++;
    histograms[0][c * BINS + binOf(positions[2 * i])]++;
    histograms[1][c * BINS + binOf(positions[2 * i + 1])]++;
  }
  const median = (/** @type {Uint32Array} */ histogram, /** @type {number} */ c) => {
    let below = 0;
    let bin = 0;
    while (below + histogram[c * BINS + bin] < counts[c] / 2) below += histogram[c * BINS + bin++];
    return ((bin + 0.5) / BINS) * 2 - 1;
  };
  return Array.from(counts, (n, c) => ({ c, n }))
    .filter(({ n }) => n > 0)
    .map(({ c, n }) => ({ c, n, x: median(histograms[0], c), y: median(histograms[1], c) }));
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
