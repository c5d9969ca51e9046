import { showNote, messageOf } from "./banner.js";

/**
 * The one store of the page.
 * @typedef {{space: string, method: string, epoch: number|null}} PaneState epoch: index into that
 * entry's frames, null for the finished map hoverPane, pinPane: the map in which the point under
 * the pointer was met and the one in which the pinned point was pinned; -1 given: the active one.
 * @typedef {{x: number, y: number, zoom: number}} View world point in the middle; zoom 1 shows the
 * whole map
 */

export const COLOR_MODES = ["class", "prediction", "part", "confidence", "overlap"];
export const THEMES = ["auto", "light", "dark"];
const FILTER_KEYS = ["off", "hiddenParts", "wrong"];

/** What a page shows when its address says nothing. */
export function defaultState(data) {
  return {
    panes: [firstPane(data)],
    active: 0,
    playing: false,
    off: new Set(),
    hiddenParts: new Set(),
    wrong: null,
    selection: null,
    selected: 0,
    hover: -1,
    hoverPane: 0,
    pin: -1,
    pinPane: -1,
    views: [{ x: 0, y: 0, zoom: 1 }],
    color: data.labels
      ? "class"
      : data.predictions
        ? "prediction"
        : data.parts.length > 1
          ? "part"
          : "class",
    theme: "auto",
    lasso: false,
    linked: false,
  };
}

/**
 * The last layer by t-SNE tells most: what the network has made of its input. Without t-SNE, the
 * last method.
 */
function firstPane(data) {
  const all = [...data.maps, ...data.epochs];
  const { id: space } =
    [...data.spaces].reverse().find(({ id }) => all.some((map) => map.space === id)) ?? {};
  const maps = all.filter((map) => map.space === space);
  const map = maps.find(({ method }) => method === "tsne") ?? maps[maps.length - 1] ?? all[0];
  return resolvePane(data, { space: map?.space, method: map?.method, epoch: null });
}

/**
 * The nearest pane that has a map: the same space before the same method; the epoch stays if that
 * entry has the frame.
 */
export function resolvePane(data, pane) {
  const has = (space, method) => data.map(space, method) || data.epochEntry(space, method);
  const all = [...data.maps, ...data.epochs];
  const found = has(pane.space, pane.method)
    ? pane
    : (all.find((map) => map.space === pane.space) ??
      all.find((map) => map.method === pane.method) ??
      all[0]);
  const { space, method } = found ?? { space: pane.space ?? "", method: pane.method ?? "" };
  const entry = data.epochEntry(space, method);
  const frames = entry ? entry.coordinates.frames : 0;
  let epoch =
    Number.isInteger(pane.epoch) && pane.epoch >= 0 && pane.epoch < frames ? pane.epoch : null;
  if (epoch === null && frames > 0 && !data.map(space, method)) epoch = frames - 1;
  return { space, method, epoch };
}

/**
 * Store of the page: `get()`, `set(patch)`, `subscribe(fn(state, changed keys))`. Every value given
 * to `set` is made valid.
 */
export function createStore(data) {
  let state = withData(defaultState(data), data);
  const listeners = new Set();
  let pending = null;

  /** One listener that fails must not keep the others from hearing. */
  function tell(listener, changed) {
    try {
      listener(state, changed);
    } catch (error) {
      showNote(`Something went wrong: ${messageOf(error)}`);
    }
  }

  function set(patch) {
    const next = normalize(data, state, patch);
    const changed = new Set(Object.keys(next).filter((key) => !sameValue(state[key], next[key])));
    if (changed.size === 0) return;
    // Unchanged values keep their identity, so that caches and comparisons by reference hold.
    for (const key of Object.keys(next)) if (!changed.has(key)) next[key] = state[key];
    state = withData(next, data);
    if (pending) {
      for (const key of changed) pending.add(key);
      return;
    }
    // A listener may set again: the others then hear of it in a next round, with the newest state.
    for (let round = changed; round.size > 0; round = pending) {
      pending = new Set();
      for (const listener of [...listeners]) tell(listener, round);
    }
    pending = null;
  }

  return {
    get: () => state,
    set,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/**
 * The data ride along unseen (not enumerable), so that functions of the state alone can look at
 * labels.
 */
function withData(state, data) {
  return Object.defineProperty(state, "data", { value: data });
}

function sameValue(a, b) {
  if (a === b) return true;
  if (a instanceof Set && b instanceof Set)
    return a.size === b.size && [...a].every((value) => b.has(value));
  if (
    ArrayBuffer.isView(a) ||
    ArrayBuffer.isView(b) ||
    !a ||
    !b ||
    typeof a !== "object" ||
    typeof b !== "object"
  )
    return false;
  return JSON.stringify(a) === JSON.stringify(b);
}

function normalize(data, before, patch) {
  const next = { ...before };
  for (const key of Object.keys(patch))
    if (key in before && patch[key] !== undefined) next[key] = patch[key];
  if (patch.panes) next.panes = patch.panes.slice(0, 2).map((pane) => resolvePane(data, pane));
  if (next.panes.length === 0) next.panes = before.panes;
  next.active = Math.min(next.active === 1 ? 1 : 0, next.panes.length - 1);
  next.views = next.panes.map((_, p) => next.views[p] ?? next.views[0] ?? { x: 0, y: 0, zoom: 1 });
  if (next.linked && !before.linked) next.views = next.views.map(() => next.views[next.active]);
  next.off = new Set(next.off);
  next.hiddenParts = new Set(next.hiddenParts);
  if (!data.hasWrong) next.wrong = null;
  if (!COLOR_MODES.includes(next.color)) next.color = before.color;
  if (!THEMES.includes(next.theme)) next.theme = before.theme;
  for (const key of ["hover", "pin"])
    if (!(Number.isInteger(next[key]) && next[key] >= 0 && next[key] < data.n)) next[key] = -1;
  placePoints(before, next, patch);
  if (next.playing && !next.panes.some((pane) => data.epochEntry(pane.space, pane.method)))
    next.playing = false;
  if (
    patch.selection !== undefined &&
    !(next.selection?.length === data.n && next.selection.includes(1))
  )
    next.selection = null;
  if (["selection", ...FILTER_KEYS].some((key) => key in patch))
    next.selected = countSelected(withData({ ...next }, data));
  return next;
}

/**
 * Who hovers or pins without saying in which map means the active one; the point under the pointer
 * is pinned where the pointer is.
 */
function placePoints(before, next, patch) {
  if (patch.hover >= 0 && patch.hoverPane === undefined) next.hoverPane = next.active;
  if (next.pin !== before.pin && patch.pinPane === undefined)
    next.pinPane = next.pin >= 0 && next.pin === before.hover ? before.hoverPane : next.active;
  for (const key of ["hoverPane", "pinPane"])
    next[key] = [0, 1].includes(next[key])
      ? Math.min(next[key], next.panes.length - 1)
      : next.active;
}

/** Index of the map whose card is shown: where the point was pinned, else where the pointer is. */
export function cardPane(state) {
  return state.pin >= 0 ? state.pinPane : state.hoverPane;
}

function countSelected(state) {
  const { selection } = state;
  if (!selection) return 0;
  const visible = visibleMask(state);
  let count = 0;
  for (let i = 0; i < selection.length; i++) count += selection[i] & visible[i];
  return count;
}

/** Last value of each function below, by page and by what it depends on. */
const derivedCaches = new WeakMap();

function derived(state, name, key, compute) {
  let cache = derivedCaches.get(state.data);
  if (!cache) derivedCaches.set(state.data, (cache = {}));
  const known = cache[name];
  if (known && known.key.length === key.length && known.key.every((part, p) => part === key[p]))
    return known.value;
  const value = compute();
  cache[name] = { key, value };
  return value;
}

function filterKey(state) {
  const { off, hiddenParts, wrong } = state;
  return JSON.stringify([[...off].sort(), [...hiddenParts].sort(), wrong]);
}

/**
 * 1 for every point that legend, parts and "misclassified only" leave visible. Do not change it.
 */
export function visibleMask(state) {
  return derived(state, "visible", [filterKey(state)], () => computeMask(state, state.wrong));
}

function computeMask(state, wrong) {
  const { data, off, hiddenParts } = state;
  const { labels, predictions } = data;
  const mask = new Uint8Array(data.n).fill(1);
  for (const part of data.parts)
    if (hiddenParts.has(part.name)) mask.fill(0, part.first, part.first + part.n);
  if (off.size > 0) for (let i = 0; i < mask.length; i++) if (off.has(data.classOf(i))) mask[i] = 0;
  if (!wrong) return mask;
  const { truth = null, predicted = null } = wrong;
  for (let i = 0; i < mask.length; i++) {
    const fits =
      labels[i] !== predictions[i] &&
      (truth === null || labels[i] === truth) &&
      (predicted === null || predictions[i] === predicted);
    if (!fits) mask[i] = 0;
  }
  return mask;
}

/** Points of each class: in all, visible, and selected among the visible. */
export function classCounts(state) {
  return derived(state, "counts", [filterKey(state), state.selection], () => {
    const { data, selection } = state;
    const visible = visibleMask(state);
    const counts = { total: 0, visible: 0, selected: 0 };
    for (const key of Object.keys(counts)) counts[key] = new Uint32Array(data.classes.length);
    for (let i = 0; i < data.n; i++) {
      const c = data.classOf(i);
      if (c < 0) continue;
      counts.total[c]++;
      counts.visible[c] += visible[i];
      if (selection) counts.selected[c] += selection[i] & visible[i];
    }
    return counts;
  });
}

/**
 * Pairs true -> predicted of the misclassified points that legend and parts leave visible: {truth,
 * predicted, n}, most first.
 */
export function wrongPairs(state) {
  const { data } = state;
  if (!data.hasWrong) return [];
  const key = filterKey({ off: state.off, hiddenParts: state.hiddenParts, wrong: null });
  return derived(state, "pairs", [key], () => {
    const mask = computeMask(state, {});
    const counts = new Map();
    for (let i = 0; i < data.n; i++) {
      if (!mask[i]) continue;
      const pair = `${data.labels[i]} ${data.predictions[i]}`;
      counts.set(pair, (counts.get(pair) ?? 0) + 1);
    }
    return [...counts]
      .map(([pair, n]) => ({
        truth: Number(pair.split(" ")[0]),
        predicted: Number(pair.split(" ")[1]),
        n,
      }))
      .sort((a, b) => b.n - a.n || a.truth - b.truth || a.predicted - b.predicted);
  });
}
