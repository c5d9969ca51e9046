import { byId, make, makeSwatch, query, withCommas } from "./dom.js";
import { classColor } from "./palette.js";
import { classCounts } from "./state.js";

/** Rows of the legend at most; beyond, the largest classes are shown, and a search finds others. */
const LISTED = 30;
/** Classes that a search shows at most. */
const FOUND = 100;

/**
 * The classes in the legend: all of few, else the largest or those that are searched for.
 * `onChange` is called when others are listed.
 * @param {Core} core
 * @param {() => void} onChange
 * @returns {ClassList}
 */
export function makeClassList({ store, data }, onChange) {
  const list = query(byId("legend"), ".legend-classes", HTMLElement);
  /** @type {Map<number, LegendRow>} A class keeps its row, and with it the focus. */
  const known = new Map();
  const rowOf = (/** @type {number} */ c) => {
    const row = known.get(c) ?? makeClassRow(store, data, c);
    known.set(c, row);
    return row;
  };
  const all = data.classes.map((_, c) => c);
  /** @type {number[]} */
  let listed = all;
  const show = (/** @type {number[]} */ classes) => {
    listed = classes;
    list.replaceChildren(...classes.map((c) => make("li", {}, rowOf(c).button)));
  };
  if (all.length > LISTED) mountSearch({ store, data }, (classes) => (show(classes), onChange()));
  else show(all);
  return { rows: () => listed.map((c) => /** @type {const} */ ([c, rowOf(c)])) };
}

/**
 * @param {{ store: Store, data: Data }} core
 * @param {(classes: number[]) => void} onFound
 */
function mountSearch({ store, data }, onFound) {
  const legend = byId("legend");
  const input = query(legend, ".legend-search", HTMLInputElement);
  const rest = query(legend, ".legend-rest", HTMLElement);
  const { total } = classCounts(store.get());
  const bySize = data.classes.map((_, c) => c).sort((a, b) => total[b] - total[a] || a - b);
  const lower = data.classes.map(({ name }) => name.toLocaleLowerCase());
  const find = () => {
    const words = input.value.trim().toLocaleLowerCase();
    const found = words ? bySize.filter((c) => lower[c].includes(words)) : bySize;
    const classes = found.slice(0, words ? FOUND : LISTED);
    const others = found.slice(classes.length);
    const points = others.reduce((sum, c) => sum + total[c], 0);
    rest.textContent = others.length
      ? `other: ${withCommas(others.length)} classes, ${withCommas(points)} points`
      : found.length
        ? ""
        : "No class is called so.";
    rest.hidden = rest.textContent === "";
    onFound(classes);
  };
  input.hidden = false;
  input.placeholder = `Search ${withCommas(data.classes.length)} classes`;
  input.addEventListener("input", find);
  find();
}

/** @param {Store} store @param {Data} data @param {number} c */
function makeClassRow(store, data, c) {
  return makeFilterRow(
    data.classes[c].name,
    classColor(data, c),
    { "data-class": c },
    () => toggleClass(store, c),
    () => isolateClass(store, data, c),
  );
}

/**
 * A row of the legend that hides what it names.
 * @param {string} name
 * @param {string} color
 * @param {MadeAttributes} attributes
 * @param {() => void} toggle
 * @param {() => void} isolate
 * @returns {LegendRow}
 */
export function makeFilterRow(name, color, attributes, toggle, isolate) {
  const swatch = makeSwatch(color);
  const count = make("span.count");
  const click = (/** @type {MouseEvent} */ event) => (event.shiftKey ? isolate() : toggle());
  // The two clicks of a double-click have hidden and shown it before it arrives.
  const dblclick = (/** @type {MouseEvent} */ event) => !event.shiftKey && isolate();
  const title = `${name}: click hides or shows, double-click or Shift shows it alone`;
  const button = make(
    "button",
    { type: "button", ...attributes, title, click, dblclick },
    swatch,
    make("span.name", { dir: "auto" }, name),
    count,
  );
  return { button, swatch, count };
}

/** @param {Store} store @param {number} c */
function toggleClass(store, c) {
  const off = new Set(store.get().off);
  if (!off.delete(c)) off.add(c);
  store.set({ off });
}

/**
 * Only this class; all again if it was alone already.
 * @param {Store} store
 * @param {Data} data
 * @param {number} c
 */
function isolateClass(store, data, c) {
  const { off } = store.get();
  const alone = !off.has(c) && off.size === data.classes.length - 1;
  store.set({
    off: new Set(alone ? [] : data.classes.map((_, other) => other).filter((other) => other !== c)),
  });
}
