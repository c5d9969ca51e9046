import { showNote, messageOf } from "./banner.js";
import { passing, validFilter } from "./columns.js";

/** @type {ColorMode[]} */
const COLOR_MODES = [
  "class",
  "prediction",
  "part",
  "confidence",
  "overlap",
  "depth",
  "own-label",
  "typicality",
];
/** @type {Theme[]} */
const THEMES = ["auto", "light", "dark"];
/** @type {StateKey[]} Changes that change which points are visible. */
export const FILTER_KEYS = ["off", "hiddenParts", "wrong", "filters"];
/** @type {StateKey[]} Changes that change which points are selected and visible. */
const SELECTING_KEYS = ["selection", ...FILTER_KEYS];

/**
 * The way of colouring of this name, if it is one.
 * @param {Data} data
 * @param {string|null} name
 * @returns {ColorMode|undefined}
 */
export function colorMode(data, name) {
  const column = data.columns.find(({ id, kind }) => id === name && kind !== "text");
  return COLOR_MODES.find((mode) => mode === name) ?? column?.id;
}

/** @param {string|null} name */
export function themeOf(name) {
  return THEMES.find((theme) => theme === name);
}

/**
 * Whether one of `keys` has changed.
 * @param {Set<StateKey>} changed
 * @param {StateKey[]} keys
 */
export function anyOf(changed, keys) {
  return keys.some((key) => changed.has(key));
}

/**
 * What a page shows when its address says nothing.
 * @param {Data} data
 * @returns {StateValues}
 */
export function defaultState(data) {
  const panes = firstPanes(data);
  return {
    panes,
    active: 0,
    playing: false,
    off: new Set(),
    hiddenParts: new Set(),
    wrong: null,
    filters: {},
    selection: null,
    selected: 0,
    hover: -1,
    hoverPane: 0,
    pin: -1,
    pinPane: -1,
    views: panes.map(() => ({ x: 0, y: 0, zoom: 1 })),
    color: firstColor(data),
    theme: "auto",
    lasso: false,
    linked: false,
  };
}

/** @param {Data} data @returns {ColorMode} */
function firstColor(data) {
  if (data.labels) return "class";
  if (data.predictions) return "prediction";
  if (data.parts.length > 1) return "part";
  return data.columns.find(({ kind }) => kind !== "text")?.id ?? "class";
}

/**
 * Of the maps by the method of the smallest rank the one in which k-NN is most accurate, of equal
 * ones the last; null if no accuracies are known. `of`: of how many it is the best.
 * @param {Data} data
 * @returns {{space: string, method: string, of: number}|null}
 */
export function bestMap(data) {
  const rank = methodRank(data);
  const least = Math.min(...data.maps.map(rank));
  /** @type {{space: string, method: string, accuracy: number}[]} */
  const scored = data.maps.flatMap((map) => {
    const { space, method, metrics } = map;
    const accuracy = metrics.find(([name]) => name.startsWith("k-NN accuracy"))?.[1];
    return rank(map) === least && typeof accuracy === "number" ? [{ space, method, accuracy }] : [];
  });
  if (scored.length === 0) return null;
  const best = scored.reduce((a, b) => (b.accuracy >= a.accuracy ? b : a));
  return { space: best.space, method: best.method, of: scored.length };
}

/** @param {Data} data */
function methodRank(data) {
  return (/** @type {{ method: string }} */ { method }) => data.method(method)?.rank ?? Infinity;
}

/**
 * The maps that the page names, or the one whose classes are told apart best.
 * @param {Data} data
 * @returns {PaneState[]}
 */
function firstPanes(data) {
  if (data.first.length === 0) return [firstPane(data)];
  return data.first.map(([space, method]) => resolvePane(data, { space, method, epoch: null }));
}

/**
 * The map whose classes are told apart best. Where that is not known, the last layer tells most:
 * what the network has made of its input; of its maps that of the smallest rank, or the last.
 * @param {Data} data
 * @returns {PaneState}
 */
function firstPane(data) {
  const best = bestMap(data);
  if (best) return resolvePane(data, { space: best.space, method: best.method, epoch: null });
  const all = [...data.maps, ...data.epochs];
  const space = data.spaces.findLast(({ id }) => all.some((map) => map.space === id));
  const maps = all.filter((map) => map.space === space?.id);
  const rank = methodRank(data);
  const map = maps.length
    ? maps.reduce((first, next) => (rank(first) < rank(next) ? first : next))
    : all[0];
  return resolvePane(data, { space: map?.space, method: map?.method, epoch: null });
}

/**
 * The nearest pane that has a map: the same space before the same method; the epoch stays if that
 * entry has the frame.
 * @param {Data} data
 * @param {PaneWish} pane
 * @returns {PaneState}
 */
export function resolvePane(data, pane) {
  const asked = { space: pane.space ?? "", method: pane.method ?? "" };
  const all = [...data.maps, ...data.epochs];
  const { space, method } =
    all.find((map) => map.space === asked.space && map.method === asked.method) ??
    all.find((map) => map.space === asked.space) ??
    all.find((map) => map.method === asked.method) ??
    all[0] ??
    asked;
  const frames = data.epochEntry(space, method)?.coordinates.frames ?? 0;
  const last = frames > 0 && !data.map(space, method) ? frames - 1 : null;
  const { epoch = null } = pane;
  const known = epoch !== null && Number.isInteger(epoch) && epoch >= 0 && epoch < frames;
  return { space, method, epoch: known ? epoch : last };
}

/**
 * Store of the page: `get()`, `set(patch)`, `subscribe(fn(state, changed keys))`. Every value given
 * to `set` is made valid.
 * @param {Data} data
 * @returns {Store}
 */
export function createStore(data) {
  let state = withData(defaultState(data), data);
  /** @type {Set<StateListener>} */
  const listeners = new Set();
  /** @type {Set<StateKey>|null} What has changed while listeners are told. */
  let pending = null;

  /**
   * One listener that fails must not keep the others from hearing.
   * @param {StateListener} listener
   * @param {Set<StateKey>} changed
   */
  function tell(listener, changed) {
    try {
      listener(state, changed);
    } catch (error) {
      showNote(`Something went wrong: ${messageOf(error)}`);
    }
  }

  /** @param {Partial<StateValues>} patch */
  function set(patch) {
    const next = normalize(data, state, patch);
    const keys = stateKeys(next);
    const changed = new Set(keys.filter((key) => !sameValue(state[key], next[key])));
    if (changed.size === 0) return;
    // Unchanged values keep their identity, so that caches and comparisons by reference hold.
    for (const key of keys) if (!changed.has(key)) assign(next, key, state[key]);
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
 * @param {StateValues} state
 * @param {Data} data
 * @returns {State}
 */
function withData(state, data) {
  Object.defineProperty(state, "data", { value: data });
  return /** @type {State} */ (state);
}

/** @param {Partial<StateValues>} values */
function stateKeys(values) {
  return /** @type {StateKey[]} */ (Object.keys(values));
}

/**
 * @template {StateKey} Key
 * @param {StateValues} values
 * @param {Key} key
 * @param {StateValues[Key]} value
 */
function assign(values, key, value) {
  values[key] = value;
}

/** @param {unknown} a @param {unknown} b */
function sameValue(a, b) {
  if (a === b) return true;
  if (a instanceof Set && b instanceof Set) {
    return a.size === b.size && [...a].every((value) => b.has(value));
  }
  if (ArrayBuffer.isView(a) || ArrayBuffer.isView(b) || !a || !b) return false;
  const objects = typeof a === "object" && typeof b === "object";
  return objects && JSON.stringify(a) === JSON.stringify(b);
}

/**
 * @param {Data} data
 * @param {StateValues} before
 * @param {Partial<StateValues>} patch
 * @returns {StateValues}
 */
function normalize(data, before, patch) {
  const next = { ...before };
  for (const key of stateKeys(patch)) {
    const value = patch[key];
    if (key in before && value !== undefined) assign(next, key, value);
  }
  if (patch.panes) next.panes = patch.panes.slice(0, 2).map((pane) => resolvePane(data, pane));
  if (next.panes.length === 0) next.panes = before.panes;
  next.active = Math.min(next.active === 1 ? 1 : 0, next.panes.length - 1);
  next.views = next.panes.map((_, p) => next.views[p] ?? next.views[0] ?? { x: 0, y: 0, zoom: 1 });
  if (next.linked && !before.linked) next.views = next.views.map(() => next.views[next.active]);
  next.off = new Set(next.off);
  next.hiddenParts = new Set(next.hiddenParts);
  if (!data.hasWrong) next.wrong = null;
  if (patch.filters) next.filters = validFilters(data, patch.filters);
  next.color = colorMode(data, next.color) ?? before.color;
  next.theme = themeOf(next.theme) ?? before.theme;
  const isPoint = (/** @type {number} */ i) => Number.isInteger(i) && i >= 0 && i < data.n;
  if (!isPoint(next.hover)) next.hover = -1;
  if (!isPoint(next.pin)) next.pin = -1;
  placePoints(before, next, patch);
  const plays = next.panes.some((pane) => data.epochEntry(pane.space, pane.method));
  if (!plays) next.playing = false;
  if (patch.selection !== undefined) {
    const some = next.selection?.length === data.n && next.selection.includes(1);
    if (!some) next.selection = null;
  }
  if (SELECTING_KEYS.some((key) => key in patch)) {
    next.selected = countSelected(withData({ ...next }, data));
  }
  return next;
}

/** @param {Data} data @param {ColumnFilters} filters */
function validFilters(data, filters) {
  /** @type {ColumnFilters} */
  const valid = {};
  for (const column of data.columns) {
    const filter = column.id in filters ? validFilter(column, filters[column.id]) : null;
    if (filter) valid[column.id] = filter;
  }
  return valid;
}

/**
 * Who hovers or pins without saying in which map means the active one; the point under the pointer
 * is pinned where the pointer is.
 * @param {StateValues} before
 * @param {StateValues} next
 * @param {Partial<StateValues>} patch
 */
function placePoints(before, next, patch) {
  const hovers = patch.hover !== undefined && patch.hover >= 0;
  if (hovers && patch.hoverPane === undefined) next.hoverPane = next.active;
  if (next.pin !== before.pin && patch.pinPane === undefined) {
    const hovered = next.pin >= 0 && next.pin === before.hover;
    next.pinPane = hovered ? before.hoverPane : next.active;
  }
  const placed = (/** @type {number} */ pane) =>
    [0, 1].includes(pane) ? Math.min(pane, next.panes.length - 1) : next.active;
  next.hoverPane = placed(next.hoverPane);
  next.pinPane = placed(next.pinPane);
}

/**
 * Changes the active map.
 * @param {Store} store
 * @param {Partial<PaneState>} patch
 */
export function setActivePane(store, patch) {
  const { panes, active } = store.get();
  store.set({
    panes: panes.map((pane, index) => (index === active ? { ...pane, ...patch } : pane)),
  });
}

/**
 * Index of the map whose card is shown: where the point was pinned, else where the pointer is.
 * @param {State} state
 */
export function cardPane(state) {
  return state.pin >= 0 ? state.pinPane : state.hoverPane;
}

/** @param {State} state */
function countSelected(state) {
  const { selection } = state;
  if (!selection) return 0;
  const visible = visibleMask(state);
  let count = 0;
  for (let i = 0; i < selection.length; i++) count += selection[i] & visible[i];
  return count;
}

/**
 * A function of the state that keeps its last value for each page, as long as what it depends on is
 * the same.
 * @template T
 * @param {(state: State) => unknown[]} keyOf
 * @param {(state: State) => T} compute
 */
function derived(keyOf, compute) {
  /** @type {WeakMap<Data, {key: unknown[], value: T}>} */
  const cache = new WeakMap();
  return (/** @type {State} */ state) => {
    const key = keyOf(state);
    const known = cache.get(state.data);
    if (known && known.key.every((part, p) => part === key[p])) return known.value;
    const value = compute(state);
    cache.set(state.data, { key, value });
    return value;
  };
}

/** @param {FilterState} state */
function filterKey(state) {
  const { off, hiddenParts, wrong, filters } = state;
  return JSON.stringify([[...off].sort(), [...hiddenParts].sort(), wrong, filters]);
}

/**
 * 1 for every point that legend, parts, columns and "misclassified only" leave visible; never
 * changed.
 */
export const visibleMask = derived(
  (state) => [filterKey(state)],
  (state) => computeMask(state, state.wrong),
);

/** @param {State} state @param {Partial<WrongFilter>|null} wrong */
function computeMask(state, wrong) {
  const { data, off, hiddenParts, filters } = state;
  const { labels, predictions } = data;
  const mask = new Uint8Array(data.n).fill(1);
  for (const part of data.parts)
    if (hiddenParts.has(part.name)) mask.fill(0, part.first, part.first + part.n);
  if (off.size > 0) for (let i = 0; i < mask.length; i++) if (off.has(data.classOf(i))) mask[i] = 0;
  for (const column of data.columns) {
    const filter = filters[column.id];
    if (!filter) continue;
    const passes = passing(column, filter);
    for (let i = 0; i < mask.length; i++) if (!passes[column.codes[i]]) mask[i] = 0;
  }
  if (!wrong || !labels || !predictions) return mask;
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
export const classCounts = derived(
  (state) => [filterKey(state), state.selection],
  (state) => {
    const { data, selection } = state;
    const mask = visibleMask(state);
    const [total, visible, selected] = [0, 1, 2].map(() => new Uint32Array(data.classes.length));
    for (let i = 0; i < data.n; i++) {
      const c = data.classOf(i);
      if (c < 0) continue;
      total[c]++;
      visible[c] += mask[i];
      if (selection) selected[c] += selection[i] & mask[i];
    }
    return { total, visible, selected };
  },
);

/**
 * Pairs true -> predicted of the misclassified points that legend, parts and columns leave visible,
 * most first.
 */
export const wrongPairs = derived(
  ({ off, hiddenParts, filters }) => [filterKey({ off, hiddenParts, wrong: null, filters })],
  (state) => {
    const { labels, predictions } = state.data;
    if (!labels || !predictions) return [];
    const mask = computeMask(state, {});
    /** @type {Map<string, WrongPair>} */
    const pairs = new Map();
    for (let i = 0; i < mask.length; i++) {
      if (!mask[i]) continue;
      const [truth, predicted] = [labels[i], predictions[i]];
      const key = `${truth} ${predicted}`;
      const pair = pairs.get(key);
      if (pair) pair.n++;
      else pairs.set(key, { truth, predicted, n: 1 });
    }
    return [...pairs.values()].sort(
      (a, b) => b.n - a.n || a.truth - b.truth || a.predicted - b.predicted,
    );
  },
);
