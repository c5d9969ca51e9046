import { announce, byId, countOf, query, withCommas } from "./dom.js";
import { epochTitle, epochsOf, setEpoch, togglePlay } from "./playback.js";
import { anyOf } from "./state.js";

/**
 * Everything of the page's head and of the bar under the maps.
 * @param {Core} core
 */
export function mountControls(core) {
  mountTitle(core);
  mountSplit(core);
  mountLassoButton(core);
  mountEpochs(core);
  mountSkip();
}

/** @param {Core} core */
function mountTitle({ data, store, renderer }) {
  byId("name").textContent = data.name;
  const { n, of, which } = data.points;
  byId("subset").textContent =
    n === of ? "" : `${withCommas(n)} of ${countOf(of, "point")}: ${which}`;
  const banner = byId("banner");
  query(banner, ".banner-close", HTMLElement).addEventListener("click", () => {
    banner.hidden = true;
  });
  const explorer = byId("explorer");
  const show = () => {
    const kind = explorer.dataset.renderer === "webgl" ? "WebGL2" : "Canvas-2D";
    const reason = renderer.reason ? ` (${renderer.reason})` : "";
    const note = `Drawn with ${kind}${reason} \u00b7 ${data.generator}`;
    byId("renderer-note").textContent = note;
  };
  // The renderer changes if the GPU is lost.
  new MutationObserver(show).observe(explorer, {
    attributes: true,
    attributeFilter: ["data-renderer"],
  });
  show();
  store.subscribe(
    (state, changed) => changed.has("lasso") && explorer.classList.toggle("lasso-on", state.lasso),
  );
  explorer.classList.toggle("lasso-on", store.get().lasso);
}

/**
 * Two maps beside each other: the second opens on the next space, or on the next method if there is
 * one space only.
 * @param {Core} core
 */
function mountSplit({ store, data }) {
  const button = byId("split-button");
  const link = byId("link-button");
  button.hidden = data.maps.length + data.epochs.length < 2;
  button.addEventListener("click", () => toggleSplit(store, data));
  link.addEventListener("click", () => store.set({ linked: !store.get().linked }));
  const show = (/** @type {State} */ state) => {
    button.setAttribute("aria-pressed", String(state.panes.length > 1));
    link.hidden = state.panes.length < 2;
    link.setAttribute("aria-pressed", String(state.linked));
    byId("panes").classList.toggle("two", state.panes.length > 1);
  };
  store.subscribe(
    (state, changed) => (changed.has("panes") || changed.has("linked")) && show(state),
  );
  show(store.get());
}

/** @param {Store} store @param {Data} data */
export function toggleSplit(store, data) {
  const { panes } = store.get();
  if (panes.length > 1) {
    store.set({ panes: [panes[0]], active: 0 });
    announce("One map");
    return;
  }
  const [first] = panes;
  const after = (/** @type {{id: string}[]} */ list, /** @type {string} */ id) =>
    list[(list.findIndex((item) => item.id === id) + 1) % list.length].id;
  const second = { ...first };
  if (data.spaces.length > 1) second.space = after(data.spaces, first.space);
  else second.method = after(data.methods, first.method);
  store.set({ panes: [first, second] });
  announce("Two maps side by side");
}

/** @param {Core} core */
function mountLassoButton({ store }) {
  const button = byId("lasso-button");
  const mode = byId("lasso-mode");
  button.addEventListener("click", () => store.set({ lasso: !store.get().lasso }));
  const show = (/** @type {State} */ state) => {
    button.setAttribute("aria-pressed", String(state.lasso));
    mode.hidden = !state.lasso;
  };
  store.subscribe((state, changed) => changed.has("lasso") && show(state));
  show(store.get());
}

/** @param {Core} core */
function mountEpochs({ store, data }) {
  const bar = byId("epochs");
  bar.hidden = data.epochs.length === 0;
  if (bar.hidden) return;
  const find = (/** @type {string} */ selector) => query(bar, selector, HTMLElement);
  const parts = {
    range: query(bar, "input", HTMLInputElement),
    play: find(".play"),
    text: find(".epoch-text"),
    final: find(".final"),
  };
  parts.range.addEventListener("input", () => {
    store.set({ playing: false });
    setEpoch(store, Number(parts.range.value));
  });
  parts.play.addEventListener("click", () => togglePlay(store));
  parts.final.addEventListener("click", () => setEpoch(store, null));
  store.subscribe((state, changed) => {
    if (anyOf(changed, ["panes", "active", "playing"])) showEpochs(parts, data, state);
  });
  showEpochs(parts, data, store.get());
}

/** @param {EpochControls} controls @param {Data} data @param {State} state */
function showEpochs({ range, play, text, final }, data, state) {
  const pane = state.panes[state.active];
  const entry = epochsOf(state);
  for (const control of [range, final]) control.hidden = !entry;
  // What plays in the other map can be stopped from here too.
  play.hidden = !entry && !state.playing;
  play.textContent = state.playing ? "Pause" : "Play";
  final.setAttribute("aria-pressed", String(pane.epoch === null));
  if (!entry) {
    text.textContent = `The epochs here are of ${epochTitles(data)}.`;
    return;
  }
  final.hidden = !data.map(pane.space, pane.method);
  const last = entry.epochs.length - 1;
  range.max = String(last);
  range.value = String(pane.epoch ?? last);
  text.textContent = pane.epoch === null ? "the finished run" : epochTitle(entry, pane.epoch);
  range.setAttribute("aria-valuetext", text.textContent);
}

/**
 * "layer 1 and layer 2 by t-SNE; layer 2 by UMAP": what there are epochs of.
 * @param {Data} data
 */
function epochTitles(data) {
  const bySpaces = new Map();
  for (const { id, title } of data.methods) {
    const spaces = data.spaces
      .filter((space) => data.epochEntry(space.id, id))
      .map((space) => space.title)
      .join(", ");
    if (spaces) bySpaces.set(spaces, [...(bySpaces.get(spaces) ?? []), title]);
  }
  return [...bySpaces].map(([spaces, methods]) => `${spaces} by ${methods.join(", ")}`).join("; ");
}

/** Ways past the map. As plain links they would overwrite the state in the address. */
function mountSkip() {
  const goTo = (/** @type {HTMLElement} */ target) => {
    const folded = target.closest("details");
    if (folded) folded.open = true;
    target.scrollIntoView();
    if (!target.hasAttribute("tabindex")) target.tabIndex = -1;
    target.focus({ preventScroll: true });
  };
  byId("skip").addEventListener("click", () => goTo(byId("report")));
  byId("report").addEventListener("click", (event) => {
    const link = event.target instanceof Element && event.target.closest("a[href^='#']");
    const target = link && document.getElementById(link.getAttribute("href")?.slice(1) ?? "");
    if (!target) return;
    event.preventDefault();
    goTo(target);
  });
}
