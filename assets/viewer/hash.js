import { colorMode, defaultState, resolvePane, themeOf } from "./state.js";
import { clampView } from "./camera.js";

/**
 * Pause between a change and its place in the address: browsers refuse more than about 100 changes
 * in half a minute, some fewer.
 */
const WRITE_DELAY_MS = 500;

/** @type {("playing"|"lasso"|"linked")[]} */
const SWITCHES = ["playing", "lasso", "linked"];

/**
 * The state as text after the "#"; only what differs from the default is spelled out, except the
 * first map.
 * @param {State} state
 */
export function encodeHash(state) {
  const { data } = state;
  const base = defaultState(data);
  const parts = new URLSearchParams();
  state.panes.forEach((pane, p) => {
    const suffix = p === 0 ? "" : "2";
    parts.set(`space${suffix}`, pane.space);
    parts.set(`method${suffix}`, pane.method);
    if (pane.epoch !== null) parts.set(`epoch${suffix}`, String(pane.epoch));
    const { x, y, zoom } = state.views[p];
    if (x === 0 && y === 0 && zoom === 1) return;
    const view = [x, y, zoom].map((value) => Number(value.toPrecision(6)));
    parts.set(`view${suffix}`, view.join(","));
  });
  if (state.active !== 0) parts.set("active", String(state.active + 1));
  for (const key of SWITCHES) if (state[key]) parts.set(key, "1");
  if (state.off.size > 0) parts.set("off", [...state.off].sort((a, b) => a - b).join(","));
  for (const name of [...state.hiddenParts].sort()) parts.append("without", name);
  const { wrong } = state;
  if (wrong) parts.set("wrong", `${wrong.truth ?? "*"},${wrong.predicted ?? "*"}`);
  for (const [id, filter] of Object.entries(state.filters).sort())
    parts.append("filter", `${id}:${filterText(filter)}`);
  if (state.color !== base.color) parts.set("color", state.color);
  if (state.theme !== base.theme) parts.set("theme", state.theme);
  if (state.pin >= 0) parts.set("pin", data.id(state.pin));
  if (state.selection) parts.set("selection", encodeMask(state.selection));
  return parts.toString();
}

/**
 * A whole state (without hover) from the text after the "#". What cannot be understood is left at
 * its default.
 * @param {Data} data
 * @param {string} text
 * @returns {Partial<StateValues>}
 */
export function decodeHash(data, text) {
  const parts = new URLSearchParams(text);
  const state = defaultState(data);
  const [first, second] = ["", "2"].map(
    (suffix) => parts.has(`space${suffix}`) || parts.has(`method${suffix}`),
  );
  // An address that names no map leaves the page's own choice, which may be two maps.
  if (first || second)
    state.panes = (second ? ["", "2"] : [""]).map((suffix, p) => {
      const epoch = integer(parts.get(`epoch${suffix}`));
      const usual = state.panes[p] ?? state.panes[0];
      const wanted = {
        space: parts.get(`space${suffix}`) ?? usual.space,
        method: parts.get(`method${suffix}`) ?? usual.method,
        epoch,
      };
      return resolvePane(data, wanted);
    });
  state.views = state.panes.map((_, p) => decodeView(parts.get(p === 0 ? "view" : "view2")));
  state.active = parts.get("active") === "2" && state.panes.length === 2 ? 1 : 0;
  for (const key of SWITCHES) state[key] = parts.get(key) === "1";
  const classOf = (/** @type {string|undefined} */ number) => {
    const c = integer(number);
    return c !== null && c < data.classes.length ? c : null;
  };
  const off = (parts.get("off") ?? "").split(",").map(classOf);
  state.off = new Set(off.filter((c) => c !== null));
  state.hiddenParts = new Set(
    parts.getAll("without").filter((name) => data.parts.some((part) => part.name === name)),
  );
  const wrong = parts.get("wrong")?.split(",");
  if (wrong) state.wrong = { truth: classOf(wrong[0]), predicted: classOf(wrong[1]) };
  state.filters = decodeFilters(parts.getAll("filter"));
  state.color = colorMode(data, parts.get("color")) ?? state.color;
  state.theme = themeOf(parts.get("theme")) ?? state.theme;
  state.pin = data.indexOf(parts.get("pin") ?? "");
  state.selection = decodeMask(parts.get("selection"), data.n);
  const { hover, selected, ...given } = state;
  return given;
}

/**
 * "-1.4": hidden values; "2.5..9": ends of the numbers.
 * @param {ColumnFilter} filter
 */
function filterText(filter) {
  return "off" in filter ? `-${filter.off.join(".")}` : `${filter.low}..${filter.high}`;
}

/**
 * Filters of columns by their ids; the store makes them valid.
 * @param {string[]} texts
 */
function decodeFilters(texts) {
  /** @type {ColumnFilters} */
  const filters = {};
  for (const text of texts) {
    const [id, filter = ""] = text.split(":");
    if (/^-\d+(\.\d+)*$/.test(filter)) {
      filters[id] = { off: filter.slice(1).split(".").map(Number) };
      continue;
    }
    const [low, high] = filter.split("..").map(Number);
    if (Number.isFinite(low) && Number.isFinite(high)) filters[id] = { low, high };
  }
  return filters;
}

/** @param {string|null|undefined} text */
function integer(text) {
  return /^\d{1,9}$/.test(text ?? "") ? Number(text) : null;
}

/** @param {string|null} text @returns {View} */
function decodeView(text) {
  const [x, y, zoom] = (text ?? "").split(",").map(Number);
  return [x, y, zoom].every(Number.isFinite) ? clampView({ x, y, zoom }) : { x: 0, y: 0, zoom: 1 };
}

/**
 * A mask as "r" + lengths of its runs or as "b" + its bits, whichever is shorter, in base64url.
 * @param {Uint8Array} mask
 */
export function encodeMask(mask) {
  const text = maskTexts.get(mask) ?? maskText(mask);
  maskTexts.set(mask, text);
  return text;
}

/**
 * A mask never changes once it is in the store, and the address is written again with every motion
 * of the map.
 * @type {WeakMap<Uint8Array, string>}
 */
const maskTexts = new WeakMap();

/** @param {Uint8Array} mask */
function maskText(mask) {
  const runs = runLengths(mask);
  if (runs.length <= mask.length / 8) return `r${toBase64Url(Uint8Array.from(runs))}`;
  const bits = new Uint8Array(Math.ceil(mask.length / 8));
  for (let i = 0; i < mask.length; i++) if (mask[i]) bits[i >> 3] |= 1 << (i & 7);
  return `b${toBase64Url(bits)}`;
}

/**
 * Lengths of the runs of 0, 1, 0, ... as bytes of seven bits, the lowest first; the highest bit
 * says that more follow.
 * @param {Uint8Array} mask
 */
function runLengths(mask) {
  const bytes = [];
  for (let i = 0, value = 0; i < mask.length; value ^= 1) {
    let length = 0;
    while (i < mask.length && (mask[i] ? 1 : 0) === value) {
      i++;
      length++;
    }
    for (; length > 127; length >>>= 7) bytes.push((length & 127) | 128);
    bytes.push(length);
  }
  return bytes;
}

/**
 * The mask of `n` points, or null if the text is none.
 * @param {string|null} text
 * @param {number} n
 */
export function decodeMask(text, n) {
  const bytes = fromBase64Url((text ?? "").slice(1));
  if (!text || !bytes) return null;
  const mask = new Uint8Array(n);
  if (text[0] === "b") {
    for (let i = 0; i < Math.min(n, bytes.length * 8); i++)
      mask[i] = (bytes[i >> 3] >> (i & 7)) & 1;
    return mask;
  }
  let at = 0;
  let value = 0;
  for (let b = 0; b < bytes.length && at < n; value ^= 1) {
    let length = 0;
    for (let shift = 0; b < bytes.length && shift < 28; shift += 7) {
      length |= (bytes[b] & 127) << shift;
      if (bytes[b++] < 128) break;
    }
    mask.fill(value, at, Math.min(n, at + length));
    at += length;
  }
  return mask;
}

/** @param {Uint8Array} bytes */
function toBase64Url(bytes) {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
}

/** @param {string} text */
function fromBase64Url(text) {
  try {
    const binary = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(binary, (char) => char.charCodeAt(0));
  } catch {
    return null;
  }
}

/**
 * Spaces and methods on view: epochs come by the dozen while they play.
 * @param {State} state
 */
function mapsOf({ panes }) {
  return panes.map(({ space, method }) => `${space} ${method}`).join(", ");
}

/**
 * Keeps address and store alike. Links into the page (#history) hold no "=" and are left to the
 * browser.
 * @param {Store} store
 */
export function bindHash(store) {
  const { data } = store.get();
  let reading = false;
  const read = () => {
    const text = location.hash.slice(1);
    reading = true;
    if (text === "" || text.includes("=")) store.set(decodeHash(data, text));
    reading = false;
  };
  let timer = 0;
  /** Whether another map is on view than at the last entry of the history. */
  let turned = false;
  const write = () => {
    timer = 0;
    const text = `#${encodeHash(store.get())}`;
    const isNew = turned;
    turned = false;
    if (text === location.hash) return;
    try {
      // Back returns to the map before; what else changes belongs to the same entry.
      if (isNew) history.pushState(null, "", text);
      else history.replaceState(null, "", text);
    } catch {
      // Refused where a page may not change its address, or not so often: the page works without,
      // and the next change tries again.
    }
  };
  read();
  window.addEventListener("hashchange", () => {
    read();
    // A link in the tables below opens the card of a point on the map, which may be out of sight.
    if (store.get().pin >= 0) window.scrollTo(0, 0);
  });
  let maps = mapsOf(store.get());
  store.subscribe((state, changed) => {
    if (changed.size === 1 && changed.has("hover")) return;
    if (mapsOf(state) !== maps) {
      maps = mapsOf(state);
      turned = !reading;
    }
    if (timer === 0) timer = setTimeout(write, WRITE_DELAY_MS);
  });
}
