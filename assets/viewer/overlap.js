import { buildGrid } from "./picking.js";
import { messageOf } from "./banner.js";

/** Share of the points whose overlap is below the end of the ramp of colours, or at it. */
const WITHIN_RAMP = 0.95;

/** Work between two pauses in which the page answers. */
const SLICE_MS = 12;

/**
 * For every point, the share of its k nearest in one map that are among its k nearest in the other;
 * with one map, in the space of that map itself. Over all points, whatever is hidden. Computed only
 * while it is the colour.
 * @param {Store} store
 * @param {Data} data
 */
export function createOverlap(store, data) {
  /** @type {Set<() => void>} */
  const listeners = new Set();
  /** @type {Map<string, Promise<Uint32Array|null>>} Of the last maps; null if no longer wanted. */
  const nearestOf = new Map();
  /** @type {OverlapValues} */
  let current = { key: "", values: null, shares: null, top: 1, mean: null, reason: "" };

  /** @param {Partial<OverlapValues>} change */
  function tell(change) {
    current = { ...current, ...change };
    for (const listener of [...listeners]) listener();
  }

  /** @param {string} key */
  function isWanted(key) {
    const state = store.get();
    return state.color === "overlap" && overlapKey(state).includes(key);
  }

  /** @param {PaneState} pane */
  async function mapNeighbors(pane) {
    const key = JSON.stringify(pane);
    const list = await (nearestOf.get(key) ?? findNeighbors(pane, key));
    if (!list) nearestOf.delete(key);
    return list;
  }

  /** @param {PaneState} pane @param {string} key */
  function findNeighbors(pane, key) {
    const [oldest] = nearestOf.keys();
    if (nearestOf.size > 3) nearestOf.delete(oldest);
    const wanted = () => isWanted(key);
    const list = data.positions(pane).then((xy) => nearestInMap(xy, data.n, data.k, wanted));
    nearestOf.set(key, list);
    return list;
  }

  /** @param {State} state @param {string} key */
  async function compute(state, key) {
    const [first, second] = state.panes;
    const reference = second ? null : data.neighborList(first.space);
    if (!second && !reference) {
      const reason = "The neighbours in this space are not in this file.";
      return tell({ values: null, shares: null, reason });
    }
    if (!second && first.epoch !== null) {
      const held = `this file holds the neighbours in ${data.space(first.space).title}`;
      const reason = `No overlap at an epoch: ${held} of the finished run only.`;
      return tell({ values: null, shares: null, reason });
    }
    const a = await mapNeighbors(first);
    const b = second ? await mapNeighbors(second) : reference;
    if (!a || !b || current.key !== key) return;
    const values = await sharedNeighbors(a, b, data.n, data.k);
    const sum = values.reduce((before, value) => before + value, 0);
    if (current.key !== key) return;
    const top = rampTop(values, Math.min(data.k, data.n - 1));
    const shares = values.map((value) => Math.min(1, value / top));
    tell({ values, shares, top, mean: sum / data.n });
  }

  /** @param {State} state */
  function follow(state) {
    if (state.color !== "overlap") {
      // What is not done stops, and begins anew when it is the colour again.
      if (current.mean === null) current.key = "";
      return;
    }
    const key = overlapKey(state);
    if (key === current.key) return;
    // The points keep their colours until the new ones are there.
    current = { ...current, key, mean: null, reason: "" };
    tell({});
    compute(state, key).catch(
      (error) =>
        current.key === key && tell({ values: null, shares: null, reason: messageOf(error) }),
    );
  }

  store.subscribe(
    (state, changed) => (changed.has("panes") || changed.has("color")) && follow(state),
  );
  follow(store.get());
  return {
    values: () => current.values,
    /** Of each point, its place on the ramp of colours. */
    shares: () => current.shares,
    /** The overlap at the end of the ramp. */
    top: () => current.top,
    value: (/** @type {number} */ i) => (current.values ? current.values[i] : null),
    mean: () => current.mean,
    reason: () => current.reason,
    /** @param {() => void} listener */
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/**
 * The overlap that few points exceed: where all share little, the colours still tell them apart.
 * @param {Float32Array} values
 * @param {number} k
 */
function rampTop(values, k) {
  const sorted = Float32Array.from(values).sort();
  const high = sorted[Math.min(sorted.length - 1, Math.floor(WITHIN_RAMP * sorted.length))];
  return Math.min(1, Math.max(1, Math.round(high * k)) / Math.max(1, k));
}

/** @param {State} state */
function overlapKey(state) {
  return state.panes.map((pane) => JSON.stringify(pane)).join(" ");
}

/**
 * The k nearest of every point on a map, n * k; in slices. Null if `wanted()` turns false
 * meanwhile.
 * @param {Float32Array} positions
 * @param {number} n
 * @param {number} k
 * @param {() => boolean} wanted
 */
async function nearestInMap(positions, n, k, wanted) {
  const grid = buildGrid(positions, new Uint8Array(n).fill(1));
  const kept = Math.min(k, n - 1);
  const list = new Uint32Array(n * k).fill(0xffffffff);
  const scratch = { index: new Uint32Array(kept), square: new Float64Array(kept) };
  let pause = performance.now() + SLICE_MS;
  for (let i = 0; i < n; i++) {
    nearestPoints(positions, grid, i, kept, scratch);
    list.set(scratch.index, i * k);
    if ((i & 63) === 0 && performance.now() > pause) {
      await nextTask();
      if (!wanted()) return null;
      pause = performance.now() + SLICE_MS;
    }
  }
  return list;
}

/** Timers wait at least 4 ms when nested; a message does not, and still lets the page draw. */
function nextTask() {
  return /** @type {Promise<void>} */ (
    new Promise((resolve) => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        port1.close();
        resolve();
      };
      port2.postMessage(0);
    })
  );
}

/**
 * Fills `scratch` with the `kept` nearest of point `i`, nearest first, ring of cells by ring of
 * cells. Ties by index.
 * @param {Float32Array} positions
 * @param {PointGrid} grid
 * @param {number} i
 * @param {number} kept
 * @param {Nearest} scratch
 */
function nearestPoints(positions, grid, i, kept, scratch) {
  const { side, starts, members } = grid;
  const { index, square } = scratch;
  const [x, y] = [positions[2 * i], positions[2 * i + 1]];
  const clampCell = (/** @type {number} */ value) =>
    Math.min(side - 1, Math.max(0, Math.floor((value + 1) * 0.5 * side)));
  const [column, row] = [clampCell(x), clampCell(y)];
  let found = 0;
  for (let ring = 0; ring <= side && kept > 0; ring++) {
    // Cells of this ring are at least so far away.
    const gap = ((ring - 1) * 2) / side;
    if (found === kept && ring > 0 && gap > 0 && gap * gap > square[kept - 1]) return;
    for (let r = Math.max(0, row - ring); r <= Math.min(side - 1, row + ring); r++) {
      const step = Math.abs(r - row) === ring ? 1 : Math.max(1, 2 * ring);
      for (let c = column - ring; c <= column + ring; c += step) {
        if (c < 0 || c >= side) continue;
        for (let m = starts[r * side + c]; m < starts[r * side + c + 1]; m++) {
          const j = members[m];
          if (j === i) continue;
          const away = (positions[2 * j] - x) ** 2 + (positions[2 * j + 1] - y) ** 2;
          if (
            found === kept &&
            (away > square[kept - 1] || (away === square[kept - 1] && j > index[kept - 1]))
          )
            continue;
          let at = found < kept ? found++ : kept - 1;
          for (
            ;
            at > 0 && (square[at - 1] > away || (square[at - 1] === away && index[at - 1] > j));
            at--
          ) {
            square[at] = square[at - 1];
            index[at] = index[at - 1];
          }
          square[at] = away;
          index[at] = j;
        }
      }
    }
  }
}

/**
 * Share of the k entries of each row of `a` that are in the same row of `b`; in slices.
 * @param {NumberArray} a
 * @param {NumberArray} b
 * @param {number} n
 * @param {number} k
 */
async function sharedNeighbors(a, b, n, k) {
  const values = new Float32Array(n);
  const kept = Math.min(k, n - 1);
  let pause = performance.now() + SLICE_MS;
  for (let i = 0; i < n; i++) {
    let shared = 0;
    for (let s = i * k; s < i * k + kept; s++) {
      for (let t = i * k; t < i * k + kept; t++) {
        if (a[s] === b[t]) {
          shared++;
          break;
        }
      }
    }
    values[i] = kept > 0 ? shared / kept : 1;
    if ((i & 1023) === 0 && performance.now() > pause) {
      await nextTask();
      pause = performance.now() + SLICE_MS;
    }
  }
  return values;
}
