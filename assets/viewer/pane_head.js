import { make, makeIcon, paneTitle } from "./dom.js";
import { epochTitle } from "./playback.js";

/**
 * Above each map its space and method, below it trustworthiness and the line of caution, in its
 * corner the zoom.
 */
export function mountPaneHeads({ store, data, panes }) {
  const heads = panes.map((pane) => makePaneHead(store, data, pane));
  const show = (state) =>
    state.panes.forEach((pane, index) => showPaneHead(heads[index], data, state, index));
  store.subscribe(
    (state, changed) => (changed.has("panes") || changed.has("active")) && show(state),
  );
  show(store.get());
}

function makePaneHead(store, data, pane) {
  const choose = (patch) => {
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
  const fitted = make("span.pane-fitted");
  const metrics = make("span.map-metrics");
  const caution = make("span.caution");
  const element = pane.element;
  element
    .querySelector(".pane-head")
    .append(
      make("label", {}, "Space ", space),
      make("label", {}, "Method ", method),
      epoch,
      fitted,
    );
  element.append(make("p.pane-foot", {}, metrics, " ", caution));
  element.querySelector(".map-box").append(makeZoomTools(pane));
  // Keys mean the pane in which people last worked.
  element.addEventListener(
    "focusin",
    () => store.get().active !== pane.index && store.set({ active: pane.index }),
  );
  return { element, space, method, epoch, fitted, metrics, caution };
}

function makeZoomTools(pane) {
  const button = (kind, label, path, act) =>
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
  const entry =
    pane.epoch === null
      ? data.map(pane.space, pane.method)
      : data.epochEntry(pane.space, pane.method);
  head.metrics.replaceChildren(
    ...paneMetrics(data, pane).flatMap((text, m) =>
      m === 0 ? [make("strong", {}, text)] : [" \u00b7 ", make("span", {}, text)],
    ),
  );
  head.caution.textContent = data.method(pane.method).caution;
  head.epoch.hidden = pane.epoch === null;
  head.epoch.textContent = pane.epoch === null ? "" : epochTitle(entry, pane.epoch);
  head.fitted.textContent = entry?.fitted ?? "";
  head.fitted.title = head.fitted.textContent;
}

/** ["trustworthiness 0.983", "k-NN accuracy, k = 5: 0.842"]; of an epoch, its own values. */
export function paneMetrics(data, { space, method, epoch }) {
  const entry = epoch === null ? data.map(space, method) : data.epochEntry(space, method);
  return (entry?.metrics ?? [])
    .map(([name, values]) => [name, epoch === null ? values : values[epoch]])
    .filter(([, value]) => Number.isFinite(value))
    .map(([name, value]) => `${name}${/\d$/.test(name) ? ":" : ""} ${value.toFixed(3)}`);
}
