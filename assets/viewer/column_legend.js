import { makeFilterRow } from "./class_list.js";
import { filterWords, valueName } from "./columns.js";
import { announce, byId, make, query, withCommas } from "./dom.js";
import { noClassColor } from "./palette.js";
import { visibleMask } from "./state.js";

/**
 * The values of the column that the points are coloured by: categories are hidden and shown by a
 * click, amounts by their ends.
 * @param {Core} core
 */
export function makeColumnLegend({ store, data }) {
  const root = query(byId("legend"), ".legend-column", HTMLElement);
  /** @type {PointColumn|undefined} */
  let listed;
  /** @type {(state: State) => void} */
  let refresh = () => {};
  return (/** @type {State} */ state) => {
    const column = data.column(state.color);
    root.hidden = column === undefined;
    if (!column) return;
    if (listed !== column) {
      const made =
        column.kind === "number" ? makeRange(store, column) : makeValues(store, data, column);
      root.replaceChildren(made.element);
      refresh = made.show;
      listed = column;
    }
    refresh(state);
  };
}

/**
 * @param {Store} store
 * @param {PointColumn} column
 * @param {ColumnFilter|null} filter
 */
function setFilter(store, column, filter) {
  const filters = { ...store.get().filters };
  if (filter) filters[column.id] = filter;
  else delete filters[column.id];
  store.set({ filters });
}

/** @param {Store} store @param {Data} data @param {PointColumn} column */
function makeValues(store, data, column) {
  const hidden = () => {
    const filter = store.get().filters[column.id];
    return filter && "off" in filter ? filter.off : [];
  };
  const all = column.texts.map((_, code) => code);
  const toggle = (/** @type {number} */ code) => {
    const off = hidden();
    const without = off.filter((other) => other !== code);
    setFilter(store, column, { off: without.length < off.length ? without : [...off, code] });
  };
  const isolate = (/** @type {number} */ code) => {
    const off = hidden();
    const alone = !off.includes(code) && off.length === all.length - 1;
    setFilter(store, column, { off: alone ? [] : all.filter((other) => other !== code) });
  };
  const rows = column.texts.map((text, code) => {
    const color = column.colors[code] ?? noClassColor;
    const attributes = { "data-value": code };
    return makeFilterRow(
      valueName(text),
      color,
      attributes,
      () => toggle(code),
      () => isolate(code),
    );
  });
  const total = new Uint32Array(rows.length);
  for (const code of column.codes) total[code]++;
  const show = (/** @type {State} */ state) => {
    const mask = visibleMask(state);
    const shown = new Uint32Array(rows.length);
    for (let i = 0; i < data.n; i++) {
      if (mask[i] && (!state.selection || state.selection[i])) shown[column.codes[i]]++;
    }
    const off = hidden();
    rows.forEach(({ button, count }, code) => {
      count.textContent = `${withCommas(shown[code])} / ${withCommas(total[code])}`;
      button.setAttribute("aria-pressed", String(!off.includes(code)));
    });
  };
  const items = rows.map(({ button }) => make("li", {}, button));
  return { element: make("ul.legend-values", { "aria-label": column.name }, ...items), show };
}

/** @param {Store} store @param {PointColumn} column */
function makeRange(store, column) {
  const field = (/** @type {string} */ label) =>
    make("input", { type: "number", step: "any", "aria-label": `${column.name}, ${label}` });
  const [from, to] = [field("from"), field("to")];
  const change = () => {
    const low = from.value === "" ? column.low : from.valueAsNumber;
    const high = to.value === "" ? column.high : to.valueAsNumber;
    setFilter(store, column, { low, high });
    announce(`${column.name} from ${low} to ${high}`);
  };
  for (const input of [from, to]) input.addEventListener("change", change);
  const show = (/** @type {State} */ state) => {
    const filter = state.filters[column.id];
    const [low, high] =
      filter && "low" in filter ? [filter.low, filter.high] : [column.low, column.high];
    // Whoever is typing keeps what is typed.
    if (document.activeElement !== from) from.value = String(low);
    if (document.activeElement !== to) to.value = String(high);
  };
  const element = make(
    "div.legend-range",
    {},
    make("label", {}, "from ", from),
    make("label", {}, "to ", to),
  );
  return { element, show };
}

/**
 * Which other columns hide points, in a sentence; "" if none does.
 * @param {Data} data
 * @param {State} state
 */
export function otherFilters(data, { filters, color }) {
  const others = data.columns.flatMap((column) => {
    const filter = column.id === color ? undefined : filters[column.id];
    return filter ? [filterWords(column, filter)] : [];
  });
  return others.length ? `Also filtered: ${others.join("; ")}.` : "";
}
