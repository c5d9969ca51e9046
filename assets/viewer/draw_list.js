/** Opacity of points outside a selection, of 255: seen as ground, not as figure. */
const DIMMED = 38;
const NORMAL = 225;

/**
 * The points to draw, packed in drawing order so that a frame reads memory straight through:
 * visible ones only, those outside the selection first. `from` and `to` are mixed during a
 * transition and are the same array at rest.
 * @param {DrawSource} source
 * @returns {DrawList}
 */
export function buildDrawList({ from, to, mask, pixels, selection }) {
  const n = mask.length;
  const index = new Uint32Array(n);
  let count = 0;
  if (selection) for (let i = 0; i < n; i++) if (mask[i] && !selection[i]) index[count++] = i;
  const dimmed = count;
  for (let i = 0; i < n; i++) if (mask[i] && (!selection || selection[i])) index[count++] = i;
  const colors = new Uint32Array(count);
  for (let k = 0; k < count; k++)
    colors[k] = ((pixels[index[k]] & 0xffffff) | ((k < dimmed ? DIMMED : NORMAL) << 24)) >>> 0;
  const packedTo = packPairs(to, index, count);
  return {
    count,
    dimmed,
    index: index.subarray(0, count),
    colors,
    from: from === to ? packedTo : packPairs(from, index, count),
    to: packedTo,
  };
}

/** @param {Float32Array} positions @param {Uint32Array} index @param {number} count */
function packPairs(positions, index, count) {
  const packed = new Float32Array(2 * count);
  for (let k = 0; k < count; k++) {
    packed[2 * k] = positions[2 * index[k]];
    packed[2 * k + 1] = positions[2 * index[k] + 1];
  }
  return packed;
}

/**
 * Radius of a point in CSS pixels: smaller the more there are, growing slowly with the zoom.
 * @param {number} n
 * @param {number} zoom
 * @param {number} width
 * @param {number} height
 */
export function pointRadius(n, zoom, width, height) {
  const crowd = Math.min(4.2, Math.max(0.55, 2.6 * (10000 / n) ** 0.27));
  const room = Math.min(1.15, Math.max(0.7, Math.min(width, height) / 620));
  return crowd * room * Math.min(2.6, Math.max(1, zoom) ** 0.32);
}
