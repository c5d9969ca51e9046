import { makeClassList } from "./class_list.js";
import { makeColumnLegend, otherFilters } from "./column_legend.js";
import { byId, make, makeSwatch, query, selectById, withCommas } from "./dom.js";
import { partColor, rampColor } from "./palette.js";
import { FILTER_KEYS, anyOf, classCounts, colorMode, visibleMask } from "./state.js";

const RAMP_STEPS = 32;
/** @type {StateKey[]} */
const LEGEND_KEYS = [...FILTER_KEYS, "selection", "color", "panes"];

/**
 * What the colours mean, and the filter by class: counts are of the selection, or of what is
 * visible if there is none.
 * @param {Core} core
 */
export function mountLegend(core) {
  const { store, data, overlap } = core;
  mountColorSelect(core);
  const find = (/** @type {string} */ selector) => query(byId("legend"), selector, HTMLElement);
  const parts =
    data.parts.length > 1 ? data.parts.map((part, p) => makePartButton(store, part, p)) : [];
  const list = find(".legend-parts");
  list.hidden = parts.length === 0;
  list.append(...parts.map(({ button }) => make("li", {}, button)));
  const all = find(".show-all");
  all.addEventListener("click", () =>
    store.set({ off: new Set(), hiddenParts: new Set(), filters: {} }),
  );
  const showColumn = makeColumnLegend(core);
  /** @type {ClassList|null} */
  let classes = null;
  const show = (/** @type {State} */ state) => {
    const rows = classes?.rows() ?? [];
    showCounts(data, state, rows, parts);
    showColors(core, state, rows, parts);
    showColumn(state);
    const filters = Object.keys(state.filters).length;
    all.hidden = state.off.size + state.hiddenParts.size + filters === 0;
  };
  store.subscribe((state, changed) => {
    if (anyOf(changed, LEGEND_KEYS)) show(state);
  });
  overlap.subscribe(() => {
    if (store.get().color === "overlap") show(store.get());
  });
  classes = makeClassList(core, () => show(store.get()));
  show(store.get());
}

/** @param {Core} core */
function mountColorSelect({ store, data }) {
  const select = selectById("color-select");
  /** @type {[ColorMode, string, boolean][]} Each with its title, and whether there is something. */
  const modes = [
    ["class", "class", data.classes.length > 0],
    ["prediction", "predicted class", data.predictions !== null && data.labels !== null],
    ["part", "part", data.parts.length > 1],
    ["confidence", "confidence", data.confidence !== null],
    ["overlap", "neighbour overlap", data.k > 0],
  ];
  for (const { id, title } of data.measures) modes.push([id, title, true]);
  for (const { id, name, kind } of data.columns) modes.push([id, name, kind !== "text"]);
  const offered = modes.filter(([, , any]) => any);
  select.append(...offered.map(([value, title]) => make("option", { value }, title)));
  if (select.parentElement) select.parentElement.hidden = offered.length < 2;
  select.addEventListener("change", () => store.set({ color: colorMode(data, select.value) }));
  const show = (/** @type {State} */ { color }) => {
    select.value = color;
  };
  store.subscribe((state, changed) => changed.has("color") && show(state));
  show(store.get());
}

/** @param {Store} store @param {Part} part @param {number} p */
function makePartButton(store, { name }, p) {
  const swatch = makeSwatch(partColor(p));
  const count = make("span.count");
  const click = () => {
    const hiddenParts = new Set(store.get().hiddenParts);
    if (!hiddenParts.delete(name)) hiddenParts.add(name);
    store.set({ hiddenParts });
  };
  const button = make(
    "button",
    { type: "button", "data-part": name, click },
    swatch,
    make("span.name", {}, name),
    count,
  );
  return { button, swatch, count };
}

/**
 * @param {Data} data
 * @param {State} state
 * @param {ClassRow[]} classes
 * @param {LegendRow[]} parts
 */
function showCounts(data, state, classes, parts) {
  const { total, visible, selected } = classCounts(state);
  const shown = state.selection ? selected : visible;
  for (const [c, { button, count }] of classes) {
    count.textContent = `${withCommas(shown[c])} / ${withCommas(total[c])}`;
    button.setAttribute("aria-pressed", String(!state.off.has(c)));
  }
  const ofParts = parts.length ? partCounts(data, state) : [];
  parts.forEach(({ button, count }, p) => {
    count.textContent = `${withCommas(ofParts[p])} / ${withCommas(data.parts[p].n)}`;
    button.setAttribute("aria-pressed", String(!state.hiddenParts.has(data.parts[p].name)));
  });
}

/** @param {Data} data @param {State} state */
function partCounts(data, state) {
  const mask = visibleMask(state);
  return data.parts.map(({ first, n }) => {
    let count = 0;
    for (let i = first; i < first + n; i++)
      if (mask[i] && (!state.selection || state.selection[i])) count++;
    return count;
  });
}

/**
 * Dots where the colour is that of the row, a ramp where it is a quantity.
 * @param {Core} core
 * @param {State} state
 * @param {ClassRow[]} classes
 * @param {LegendRow[]} parts
 */
function showColors({ data, overlap }, state, classes, parts) {
  const legend = byId("legend");
  const byClass = state.color === "class" || state.color === "prediction";
  for (const [, { swatch }] of classes) swatch.hidden = !byClass;
  for (const { swatch } of parts) swatch.hidden = state.color !== "part";
  const ramp = query(legend, ".legend-ramp", HTMLElement);
  const ends = rampEnds(data, overlap, state.color);
  ramp.hidden = ends === null;
  if (ends) {
    ramp.replaceChildren(
      makeRamp(),
      make("div.ramp-ends", {}, make("span", {}, ends[0]), make("span", {}, ends[1])),
    );
  }
  const note = query(legend, ".legend-note", HTMLElement);
  const notes = [
    legendNote(data, overlap, state),
    epochNote(data, state),
    otherFilters(data, state),
  ];
  note.textContent = notes.filter(Boolean).join(" ");
  note.hidden = note.textContent === "";
}

/**
 * What the ends of the ramp of colours mean, where it is used.
 * @param {Data} data
 * @param {Overlap} overlap
 * @param {ColorMode} color
 * @returns {[low: string, high: string] | null}
 */
function rampEnds(data, overlap, color) {
  if (color === "confidence") return ["0 (unsure)", "1 (certain)"];
  if (color === "overlap") {
    const top = overlap.top();
    const few = `${Math.round(top * data.k)} of ${data.k} or more`;
    return ["none shared", top < 1 ? few : "all shared"];
  }
  const measure = data.measure(color);
  return measure ? [measure.low, measure.high] : null;
}

function makeRamp() {
  const bar = make("div.ramp", { "aria-hidden": "true" });
  for (let step = 0; step < RAMP_STEPS; step++) {
    const cell = make("span");
    cell.style.background = rampColor(step / (RAMP_STEPS - 1));
    bar.append(cell);
  }
  return bar;
}

/**
 * Beside points of an epoch, whose neighbours the lines lead to.
 * @param {Data} data
 * @param {State} state
 */
function epochNote(data, { panes }) {
  const titles = panes
    .filter(({ space, epoch }) => epoch !== null && data.neighborList(space))
    .map(({ space }) => data.space(space).title);
  return titles.length
    ? `Lines lead to the nearest in ${[...new Set(titles)].join(" and in ")} of the finished run.`
    : "";
}

/** @param {Data} data @param {Overlap} overlap @param {State} state */
function legendNote(data, overlap, state) {
  if (data.column(state.color)) return "";
  if (data.classes.length === 0) return "These points have no labels.";
  if (state.color === "prediction") {
    const rows = "the rows here count and hide by the true class";
    return `Colours and names on the map show the predicted class; ${rows}.`;
  }
  if (state.color !== "overlap") return data.labels === null ? "Classes are those predicted." : "";
  const reason = overlap.reason();
  if (reason) return reason;
  const mean = overlap.mean();
  const share = mean === null ? "" : ` On average ${(mean * 100).toFixed(1)} %.`;
  const where =
    state.panes.length > 1
      ? "in the other map"
      : `in ${data.space(state.panes[0].space).title} itself, all dimensions`;
  const what = `the share that is among its ${data.k} nearest ${where}`;
  return `Of a point's ${data.k} nearest on the map, ${what}.${share || " Being computed."}`;
}
