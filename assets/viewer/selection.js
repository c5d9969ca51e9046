import {
  announce,
  byId,
  className,
  countOf,
  fileName,
  make,
  paneNames,
  query,
  saveFile,
  withCommas,
} from "./dom.js";
import { cardSentence } from "./card.js";
import { pointsWith } from "./columns.js";
import { selectVisible } from "./lasso.js";
import { classColor, paint } from "./palette.js";
import { FILTER_KEYS, anyOf, classCounts, visibleMask } from "./state.js";

const IMAGES_A_PAGE = 60;
/** A table of more classes than this could not be read, and of thousands not be drawn. */
const CONFUSION_CLASSES = 20;

/**
 * The panel of the selection: how many, of which classes, taken for what, how they look; and all of
 * it as a CSV file.
 * @param {Core} core
 */
export function mountSelection(core) {
  const { store, data } = core;
  const root = byId("selection");
  const find = (/** @type {string} */ selector) => query(root, selector, HTMLElement);
  find(".select-visible").addEventListener("click", () => selectVisible(store));
  find(".export-csv").addEventListener("click", () => exportSelection(data, store.get()));
  find(".clear").addEventListener("click", () => {
    store.set({ selection: null });
    announce("Selection cleared");
    find(".select-visible").focus();
  });
  mountFinder(core);
  const show = (/** @type {State} */ state) => showSelection(core, find, state);
  store.subscribe((state, changed) => {
    // Filters count only if there is a selection to which they apply.
    const filtered = state.selection && anyOf(changed, FILTER_KEYS);
    if (changed.has("selection") || filtered) show(state);
  });
  show(store.get());
}

/**
 * The search that selects points by their metadata.
 * @param {Core} core
 */
function mountFinder({ store, data }) {
  const input = query(byId("selection"), ".find-points", HTMLInputElement);
  input.hidden = data.columns.length === 0;
  input.addEventListener("input", () => {
    const words = input.value.trim();
    store.set({ selection: words ? pointsWith(data.columns, words, data.n) : null });
    announce(words ? `${countOf(store.get().selected, "point")} found` : "Selection cleared");
  });
  store.subscribe((state, changed) => {
    if (changed.has("selection") && !state.selection && document.activeElement !== input) {
      input.value = "";
    }
  });
}

/**
 * Indices that are selected and not hidden, ascending.
 * @param {State} state
 */
function selectedPoints(state) {
  if (!state.selection) return [];
  const mask = visibleMask(state);
  const indices = [];
  for (let i = 0; i < mask.length; i++) if (mask[i] && state.selection[i]) indices.push(i);
  return indices;
}

/** @param {Core} core @param {(selector: string) => HTMLElement} find @param {State} state */
function showSelection(core, find, state) {
  const { data } = core;
  const on = state.selection !== null;
  find(".selection-count").textContent = on
    ? `${withCommas(state.selected)} selected`
    : "Nothing selected";
  find(".selection-hint").hidden = on;
  find(".export-csv").hidden = !on;
  find(".clear").hidden = !on;
  const indices = selectedPoints(state);
  const any = indices.length > 0;
  const classes = find(".selection-classes");
  classes.hidden = !any || data.classes.length === 0;
  if (!classes.hidden) showClassBars(classes, data, state);
  const confusion = find(".selection-confusion");
  confusion.hidden = !any || !data.hasWrong;
  if (!confusion.hidden) showConfusion(confusion, data, indices);
  const images = find(".selection-images");
  images.hidden = !any;
  if (any) showImages(images, core, indices);
}

/**
 * One bar a class, in the order of the legend; classes without a selected point are left out.
 * @param {HTMLElement} element
 * @param {Data} data
 * @param {State} state
 */
function showClassBars(element, data, state) {
  const { selected } = classCounts(state);
  const most = Math.max(...selected);
  const bars = make("div.bars");
  data.classes.forEach(({ name }, c) => {
    if (selected[c] === 0) return;
    const bar = make("span.bar");
    bar.style.width = `${(100 * selected[c]) / most}%`;
    paint(bar, "background-color", classColor(data, c));
    bars.append(
      make("span.name", { title: name, dir: "auto" }, name),
      bar,
      make("span.count", {}, withCommas(selected[c])),
    );
  });
  element.replaceChildren(make("h3", {}, data.labels ? "True classes" : "Predicted classes"), bars);
}

/**
 * Table of true x predicted over the classes that occur; what is off the diagonal stands out.
 * @param {HTMLElement} element
 * @param {Data} data
 * @param {number[]} indices
 */
function showConfusion(element, data, indices) {
  const { counts, errors } = countConfusions(data, indices);
  const wrong = indices.reduce((sum, i) => sum + (data.wrong(i) ? 1 : 0), 0);
  const byErrors = [...errors].sort(([a, m], [b, n]) => n - m || a - b).slice(0, CONFUSION_CLASSES);
  const order = byErrors.map(([c]) => c).sort((a, b) => a - b);
  const left = errors.size - order.length;
  const title = `True (rows) and predicted (columns): ${withCommas(wrong)} wrong`;
  const head = (/** @type {number} */ c, /** @type {string} */ scope) =>
    make(
      "th",
      { scope, title: className(data, c) },
      make("span", { dir: "auto" }, className(data, c)),
    );
  const cell = (/** @type {number} */ truth, /** @type {number} */ predicted) => {
    const n = counts.get(`${truth}-${predicted}`);
    return make(truth === predicted ? "td.right" : n ? "td.wrong" : "td", {}, n ? String(n) : "");
  };
  const table = make(
    "table",
    {},
    make("caption.visually-hidden", {}, "Rows: true class. Columns: predicted class."),
    make("thead", {}, make("tr", {}, make("td", {}), ...order.map((c) => head(c, "col")))),
    make(
      "tbody",
      {},
      ...order.map((truth) =>
        make("tr", {}, head(truth, "row"), ...order.map((predicted) => cell(truth, predicted))),
      ),
    ),
  );
  const worst = `The ${order.length} classes with the most errors`;
  const note = `${worst}; ${withCommas(left)} more are not in the table.`;
  const notes = left > 0 ? [make("p.muted", {}, note)] : [];
  element.replaceChildren(make("h3", {}, title), ...notes, table);
}

/**
 * `counts` of "true-predicted"; `errors`: for each class that occurs, the errors in which it takes
 * part.
 * @param {Data} data
 * @param {number[]} indices
 */
function countConfusions(data, indices) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  /** @type {Map<number, number>} */
  const errors = new Map();
  const { labels, predictions } = data;
  if (!labels || !predictions) return { counts, errors };
  for (const i of indices) {
    const [truth, predicted] = [labels[i], predictions[i]];
    const key = `${truth}-${predicted}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
    for (const c of new Set([truth, predicted])) {
      errors.set(c, (errors.get(c) ?? 0) + (truth === predicted ? 0 : 1));
    }
  }
  return { counts, errors };
}

/**
 * The images, 60 at a time: thousands at once would only be slow.
 * @param {HTMLElement} element
 * @param {Core} core
 * @param {number[]} indices
 */
function showImages(element, { store, data, thumbnails }, indices) {
  const grid = make("div.thumbs");
  const more = make("button", { type: "button" });
  let shown = 0;
  const add = () => {
    const next = indices.slice(shown, shown + IMAGES_A_PAGE);
    grid.append(...next.map((i) => makeThumb(store, data, thumbnails, i)));
    shown += next.length;
    more.hidden = shown === indices.length;
    const left = indices.length - shown;
    more.textContent = `Show ${Math.min(IMAGES_A_PAGE, left)} more of ${withCommas(left)}`;
  };
  more.addEventListener("click", add);
  add();
  element.replaceChildren(make("h3", {}, thumbnails.available ? "Images" : "Points"), grid, more);
}

/** @param {Store} store @param {Data} data @param {Thumbnails} thumbnails @param {number} i */
function makeThumb(store, data, thumbnails, i) {
  const wrong = data.hasWrong && data.wrong(i);
  const label = cardSentence(data, i);
  const button = make(wrong ? "button.thumb.wrong" : "button.thumb", {
    type: "button",
    "data-id": data.id(i),
    title: label,
    "aria-label": label,
  });
  button.addEventListener("click", () => store.set({ pin: i, hover: -1 }));
  button.addEventListener("pointerenter", () => store.set({ hover: i }));
  button.addEventListener("pointerleave", () => store.set({ hover: -1 }));
  if (thumbnails.available) {
    const canvas = make("canvas", { "aria-hidden": "true" });
    thumbnails.draw(canvas, i);
    button.append(canvas);
  } else {
    button.append(make("span.no-image", {}, data.title(i)));
  }
  return button;
}

/**
 * Selected points as CSV: id, split, label, prediction, their place in the active map, in the
 * embedding's own units, and their metadata.
 * @param {Data} data
 * @param {State} state
 */
function exportSelection(data, state) {
  const pane = state.panes[state.active];
  const names = data.columns.map(({ name }) => csvField(name));
  const lines = [["id,split,label,prediction,x,y", ...names].join(",") + "\n"];
  for (const i of selectedPoints(state)) {
    const label = data.labels ? className(data, data.labels[i]) : "";
    const prediction = data.predictions ? className(data, data.predictions[i]) : "";
    const [x, y] = data.original(pane, i) ?? ["", ""];
    lines.push(
      [data.id(i), data.parts[data.partOf(i)].name, label, prediction, x, y]
        .concat(data.columns.map((column) => column.text(i)))
        .map(csvField)
        .join(",") + "\n",
    );
  }
  saveFile(
    fileName([data.name, ...paneNames(data, pane), "selection"], "csv"),
    new Blob(lines, { type: "text/csv;charset=utf-8" }),
  );
  announce(`${countOf(lines.length - 1, "row")} exported`);
}

/**
 * RFC 4180: quotes around what needs them, and quotes inside doubled.
 * @param {string|number} value
 */
function csvField(value) {
  const text = typeof value === "number" ? String(Number(value.toPrecision(7))) : String(value);
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
