import { make, makeIcon, paneTitle, query } from "./dom.js";
import { epochTitle } from "./playback.js";
import { bestMap } from "./state.js";

/** @typedef {ReturnType<typeof makePaneHead>} PaneHead */

/**
 * Above each map its space and method, below it trustworthiness and the line of caution, in its
 * corner the zoom.
 * @param {Core} core
 */
export function mountPaneHeads({ store, data, panes }) {
  const heads = panes.map((pane) => makePaneHead(store, data, pane));
  const show = (/** @type {State} */ state) =>
    state.panes.forEach((_, index) => showPaneHead(heads[index], data, state, index));
  store.subscribe(
    (state, changed) => (changed.has("panes") || changed.has("active")) && show(state),
  );
  show(store.get());
}

/** @param {Store} store @param {Data} data @param {Pane} pane */
function makePaneHead(store, data, pane) {
  const choose = (/** @type {Partial<PaneState>} */ patch) => {
    const state = store.get();
    const next = state.panes.map((old, index) =>
      index === pane.index ? { ...old, ...patch } : old,
    );
    store.set({ panes: next, active: pane.index });
  };
  const spaces = data.spaces.map(({ id, title, n_features: d }) =>
    make("option", { value: id }, d ? `${title} (${d}-D)` : title),
  );
  const methods = data.methods.map(({ id, title }) => make("option", { value: id }, title));
  const space = make(
    "select.space-select",
    { change: () => choose({ space: space.value }) },
    ...spaces,
  );
  const method = make(
    "select.method-select",
    { change: () => choose({ method: method.value }) },
    ...methods,
  );
  const epoch = make("strong.pane-epoch");
  const why = make("span.pane-why");
  const fitted = make("span.pane-fitted");
  const metrics = make("span.map-metrics");
  const caution = make("span.caution");
  const { element } = pane;
  const menus = [make("label", {}, "Space ", space), make("label", {}, "Method ", method)];
  query(element, ".pane-head", HTMLElement).append(...menus, epoch, why, fitted);
  element.append(make("p.pane-foot", {}, metrics, " ", caution));
  pane.box.append(makeZoomTools(pane));
  // Keys mean the pane in which people last worked.
  element.addEventListener(
    "focusin",
    () => store.get().active !== pane.index && store.set({ active: pane.index }),
  );
  return { element, space, method, epoch, why, fitted, metrics, caution };
}

/** @param {Pane} pane */
function makeZoomTools(pane) {
  const button = (
    /** @type {string} */ kind,
    /** @type {string} */ label,
    /** @type {string} */ path,
    /** @type {() => void} */ act,
  ) =>
    make(
      `button.${kind}`,
      { type: "button", "aria-label": label, title: label, click: act },
      makeIcon(path),
    );
  return make(
    "div.zoom-tools",
    { role: "group", "aria-label": "Zoom" },
    button("zoom-in", "Zoom in", "M3 8h10M8 3v10", () => pane.viewport.zoom(1.5)),
    button("zoom-out", "Zoom out", "M3 8h10", () => pane.viewport.zoom(1 / 1.5)),
    button(
      "zoom-reset",
      "Show the whole map",
      "M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10",
      () => pane.viewport.fit(),
    ),
  );
}

/** @param {PaneHead} head @param {Data} data @param {State} state @param {number} index */
function showPaneHead(head, data, state, index) {
  const pane = state.panes[index];
  const two = state.panes.length > 1;
  head.element.setAttribute("role", "group");
  head.element.setAttribute(
    "aria-label",
    `${two ? (index ? "Right map" : "Left map") : "Map"}: ${paneTitle(data, pane)}`,
  );
  head.element.toggleAttribute("data-active", two && state.active === index);
  head.space.value = pane.space;
  head.method.value = pane.method;
  for (const option of head.method.options) {
    option.disabled =
      !data.map(pane.space, option.value) && !data.epochEntry(pane.space, option.value);
  }
  const epochs = data.epochEntry(pane.space, pane.method);
  const entry = pane.epoch === null ? data.map(pane.space, pane.method) : epochs;
  head.metrics.replaceChildren(
    ...paneMetrics(data, pane).flatMap(({ text, meaning }, m) => {
      const attributes = { title: meaning, class: meaning ? "hint" : null };
      const metric = make(m === 0 ? "strong" : "span", attributes, text);
      return m === 0 ? [metric] : [" \u00b7 ", metric];
    }),
  );
  head.caution.textContent = data.method(pane.method).caution;
  head.epoch.hidden = pane.epoch === null;
  const epoch = pane.epoch !== null && epochs ? epochTitle(epochs, pane.epoch) : "";
  head.epoch.textContent = epoch;
  head.why.textContent = whyFirst(data, pane);
  head.why.title = `Of the ${data.method(pane.method).title} maps that in which k-NN is most accurate`;
  head.fitted.textContent = entry?.fitted ?? "";
  head.fitted.title = head.fitted.textContent;
}

/**
 * Why the page opens with this map; "" beside any other.
 * @param {Data} data
 * @param {PaneState} pane
 */
function whyFirst(data, { space, method, epoch }) {
  const first = data.first.length === 0 ? bestMap(data) : null;
  const isFirst = first?.space === space && first.method === method && epoch === null;
  if (!isFirst || first.of < 2) return "";
  return `shown first: best separated of ${first.of} spaces`;
}

/**
 * "trustworthiness 0.983", "k-NN accuracy, k = 5: 0.842", each with its meaning if it is known; of
 * an epoch, its own values.
 * @param {Data} data
 * @param {PaneState} pane
 * @returns {{text: string, meaning: string|null}[]}
 */
export function paneMetrics(data, { space, method, epoch }) {
  const said = (/** @type {string} */ name, /** @type {number|null} */ value) =>
    typeof value === "number"
      ? [
          {
            text: `${name}${/\d$/.test(name) ? ":" : ""} ${value.toFixed(3)}`,
            meaning: data.meanings[name] ?? null,
          },
        ]
      : [];
  if (epoch === null) {
    const metrics = data.map(space, method)?.metrics ?? [];
    return metrics.flatMap(([name, value]) => said(name, value));
  }
  const metrics = data.epochEntry(space, method)?.metrics ?? [];
  return metrics.flatMap(([name, values]) => said(name, values[epoch]));
}
