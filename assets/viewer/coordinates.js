import { blockArray } from "./blocks.js";

/**
 * Positions kept ready, in bytes: what playing an animation back and forth needs without filling
 * memory.
 */
const CACHE_BYTES = 96 * 1024 * 1024;

/**
 * Quantised values of every frame of `spec`: within a frame all x, then all y. Later frames come as
 * zigzag differences.
 * @param {CoordinatesSpec} spec
 * @param {NumberArray} values
 * @param {number} n
 */
function quantizedFrames(spec, values, n) {
  const size = 2 * n;
  /** @type {NumberArray[]} */
  const frames = [];
  for (let f = 0; f < spec.frames; f++) {
    const frame = values.subarray(f * size, (f + 1) * size);
    if (f > 0) {
      const before = frames[f - 1];
      for (let i = 0; i < size; i++) frame[i] = before[i] + ((frame[i] >>> 1) ^ -(frame[i] & 1));
    }
    frames.push(frame);
  }
  return frames;
}

/**
 * x, y, x, y, ... in [-1, 1] of one quantised frame.
 * @param {NumberArray} frame
 * @param {number} n
 */
function worldPositions(frame, n) {
  const positions = new Float32Array(2 * n);
  const scale = 2 / 65535;
  for (let i = 0; i < n; i++) {
    positions[2 * i] = frame[i] * scale - 1;
    positions[2 * i + 1] = frame[n + i] * scale - 1;
  }
  return positions;
}

/**
 * Decodes coordinates lazily and keeps the most recent ones.
 * `sourceOf(pane)` gives {key, spec, frame} of a pane, or null if there is no such map.
 * @param {number} n
 * @param {(pane: PaneState) => CoordinateSource|null} sourceOf
 * @returns {Coordinates}
 */
export function createCoordinates(n, sourceOf) {
  /** @type {Map<string, {frames: NumberArray[]|null, ready: Promise<void>}>} */
  const entries = new Map();
  /** @type {Map<string, Float32Array>} */
  const recent = new Map();
  const limit = Math.max(4, Math.floor(CACHE_BYTES / (8 * n)));

  /** @param {string} key @param {Float32Array} positions */
  function remember(key, positions) {
    recent.delete(key);
    recent.set(key, positions);
    const [oldest] = recent.keys();
    if (recent.size > limit) recent.delete(oldest);
    return positions;
  }

  /** @param {CoordinateSource} source */
  function entryOf({ key, spec }) {
    const known = entries.get(key);
    if (known) return known;
    const entry = {
      /** @type {NumberArray[]|null} */
      frames: null,
      ready: blockArray(spec).then((values) => {
        if (values.length !== spec.frames * 2 * n) {
          throw new Error(`the block "${spec.block}" is not ${spec.frames} frames of ${n} points`);
        }
        entry.frames = quantizedFrames(spec, values, n);
      }),
    };
    entries.set(key, entry);
    return entry;
  }

  /** @param {CoordinateSource} source @param {NumberArray[]} frames */
  function worldOf(source, frames) {
    const key = `${source.key} ${source.frame}`;
    return remember(key, recent.get(key) ?? worldPositions(frames[source.frame], n));
  }

  /**
   * Positions of a pane if they are decoded, else null.
   * @param {PaneState} pane
   */
  function positionsNow(pane) {
    const source = sourceOf(pane);
    const frames = source && entries.get(source.key)?.frames;
    return frames ? worldOf(source, frames) : null;
  }

  /**
   * Positions of a pane; rejects with the reason if its block cannot be read.
   * @param {PaneState} pane
   */
  async function positions(pane) {
    const source = sourceOf(pane);
    if (!source) throw new Error(`there is no map of ${pane.space} by ${pane.method}`);
    const entry = entryOf(source);
    await entry.ready;
    return worldOf(source, entry.frames ?? []);
  }

  /**
   * [x, y] of point `i` in the units of the embedding, or null while it is not decoded.
   * @param {PaneState} pane
   * @param {number} i
   * @returns {[x: number, y: number]|null}
   */
  function original(pane, i) {
    const world = positionsNow(pane);
    const source = sourceOf(pane);
    if (!world || !source) return null;
    const { center, half } = source.spec;
    return [center[0] + world[2 * i] * half, center[1] + world[2 * i + 1] * half];
  }

  return { positions, positionsNow, original };
}
