import { valueName } from "./columns.js";
import { announce, byId, className, make, makeSwatch, query } from "./dom.js";
import { classColor, paint } from "./palette.js";
import { FILTER_KEYS, anyOf, cardPane, visibleMask } from "./state.js";

const CARD_NEIGHBORS = 5;
/** Letters of a title that has room beside a bar. */
const LONG_TITLE = 14;
/** @type {StateKey[]} */
const CARD_KEYS = ["hover", "hoverPane", "pin", "pinPane", "panes", ...FILTER_KEYS];
const CARD_MARGIN = 8;
const CARD_LIFT = 14;
/** Windows in which the card is a sheet; the same as in style.css. */
const SHEET_WINDOW = "(max-width: 52rem)";

/** @typedef {ReturnType<typeof makeCard>} Card */

/**
 * The card of the pinned point, else of the one under the pointer: its image, its classes, its
 * nearest neighbours.
 * @param {Core} core
 */
export function mountCard(core) {
  const { store, panes } = core;
  const card = makeCard(core);
  const show = (/** @type {State} */ state) => showCard(core, card, state);
  const place = () => placeCard(core, card);
  store.subscribe((state, changed) => {
    if (anyOf(changed, CARD_KEYS)) show(state);
    if (changed.has("pin") && state.pin >= 0) announce(cardSentence(core.data, state.pin));
  });
  for (const pane of panes) pane.onDraw(place);
  addEventListener("scroll", place, { passive: true });
  addEventListener("resize", place);
  show(store.get());
}

/**
 * The elements that change, found or made once: buttons that stay keep the focus while their points
 * change.
 * @param {Core} core
 */
function makeCard({ store }) {
  const root = byId("card");
  const find = (/** @type {string} */ selector) => query(root, selector, HTMLElement);
  const image = make("canvas", { "aria-hidden": "true" });
  find(".card-image").append(image);
  const filtered = make("p.card-filtered.muted", { hidden: true }, "hidden by the filter");
  find(".card-id").after(filtered);
  const neighbors = Array.from({ length: CARD_NEIGHBORS }, () => makeCardNeighbor(store));
  find(".card-neighbors").append(...neighbors.map((item) => item.button));
  find(".card-close").addEventListener("click", () => store.set({ pin: -1, hover: -1 }));
  return { root, find, image, filtered, neighbors, index: -1 };
}

/** @param {Store} store */
function makeCardNeighbor(store) {
  const picture = make("canvas", { "aria-hidden": "true" });
  const name = make("span.name", { dir: "auto" });
  const button = make("button.thumb", { type: "button" }, picture, name);
  const item = { button, picture, name, index: -1, visible: true };
  button.addEventListener("click", () => {
    // A button with the focus keeps it, hence not `disabled`.
    if (!item.visible) return;
    store.set({ pin: item.index, pinPane: cardPane(store.get()), hover: -1 });
  });
  button.addEventListener("pointerenter", () => {
    if (item.visible) store.set({ hover: item.index, hoverPane: cardPane(store.get()) });
  });
  button.addEventListener("pointerleave", () => store.set({ hover: -1 }));
  return item;
}

/** @param {Core} core @param {Card} card @param {State} state */
function showCard({ data, thumbnails, panes }, card, state) {
  const { root, find } = card;
  card.index = state.pin >= 0 ? state.pin : state.hover;
  // Who has pressed a button of the card goes on at the map.
  if (card.index < 0 && root.contains(document.activeElement)) {
    panes[state.active].canvas.focus({ preventScroll: true });
  }
  root.hidden = card.index < 0;
  if (root.hidden) return;
  const i = card.index;
  root.classList.toggle("pinned", state.pin >= 0);
  root.dataset.id = data.id(i);
  root.setAttribute("aria-label", `Point ${data.title(i)}`);
  find(".card-id").textContent = data.title(i);
  const mask = visibleMask(state);
  card.filtered.hidden = Boolean(mask[i]);
  find(".card-image").hidden = !thumbnails.available;
  if (thumbnails.available) thumbnails.draw(card.image, i);
  showCardClass(data, find(".card-class"), data.labels?.[i] ?? null, false);
  showCardClass(
    data,
    find(".card-prediction"),
    data.predictions?.[i] ?? null,
    data.hasWrong && data.wrong(i),
  );
  find(".card-confidence").hidden = data.confidence === null;
  find(".card-confidence dd").textContent =
    data.confidence === null ? "" : (data.confidence[i] / 255).toFixed(2);
  for (const { id, title, text } of data.measures) {
    const row = find(`.card-${id}`);
    row.hidden = false;
    query(row, "dt", HTMLElement).textContent = title;
    query(row, "dd", HTMLElement).textContent = text(i);
  }
  showCardColumns(data, find(".card-columns"), i);
  showCardBeliefs(data, find(".card-beliefs"), i);
  showCardNeighbors(data, thumbnails, card, state.panes[cardPane(state)], mask);
}

/**
 * The point's metadata.
 * @param {Data} data
 * @param {HTMLElement} root
 * @param {number} i
 */
function showCardColumns(data, root, i) {
  root.hidden = data.columns.length === 0;
  const row = (/** @type {PointColumn} */ column) =>
    make(
      "div",
      {},
      make("dt", { dir: "auto", title: column.name }, column.name),
      make("dd", { dir: "auto" }, valueName(column.text(i))),
    );
  root.replaceChildren(...data.columns.map(row));
}

/**
 * What a linear probe of each layer believes of the point, layer by layer.
 * @param {Data} data
 * @param {HTMLElement} root
 * @param {number} i
 */
function showCardBeliefs(data, root, i) {
  const beliefs = data.beliefs(i);
  root.hidden = beliefs.length === 0;
  root.classList.toggle(
    "long",
    beliefs.some(({ title }) => title.length > LONG_TITLE),
  );
  const rows = beliefs.map(({ title, c, confidence }) => {
    const bar = make("span.bar", { "aria-hidden": "true" });
    bar.style.width = `${(100 * confidence).toFixed(0)}%`;
    paint(bar, "background-color", classColor(data, c));
    const name = make("bdi", {}, className(data, c));
    return make(
      "div.belief",
      {},
      make("span.muted", { title }, title),
      make("span.name", {}, makeSwatch(classColor(data, c)), name),
      make("span.figure", {}, confidence.toFixed(2)),
      make("span.track", {}, bar),
    );
  });
  root.replaceChildren(make("p.muted", {}, "read off by a linear probe"), ...rows);
}

/** @param {Data} data @param {HTMLElement} row @param {number|null} c @param {boolean} wrong */
function showCardClass(data, row, c, wrong) {
  row.hidden = c === null;
  if (c === null) return;
  const parts = [make("bdi", {}, className(data, c))];
  if (c >= 0 && c < data.classes.length) parts.unshift(makeSwatch(classColor(data, c)));
  if (wrong) parts.push(make("span.verdict", {}, " (wrong)"));
  query(row, "dd", HTMLElement).replaceChildren(...parts);
}

/**
 * @param {Data} data
 * @param {Thumbnails} thumbnails
 * @param {Card} card
 * @param {PaneState} pane
 * @param {Uint8Array} mask
 */
function showCardNeighbors(data, thumbnails, card, pane, mask) {
  const space = data.space(pane.space);
  const list = data.neighbors(pane.space, card.index, CARD_NEIGHBORS);
  const dimensions = space.n_features ? `, all ${space.n_features} dimensions` : "";
  // The file holds the neighbours of one network only.
  const title = pane.epoch === null ? space.title : `${space.title} of the finished run`;
  card.find(".card-space").textContent = list
    ? `Nearest in ${title}${dimensions}`
    : `Neighbours in ${space.title} are not in this file.`;
  card.find(".card-neighbors").hidden = !list;
  card.neighbors.forEach((item, rank) => {
    item.button.hidden = !list || rank >= list.length;
    if (!list || rank >= list.length) return;
    item.index = list[rank];
    const c = data.classOf(item.index);
    item.button.dataset.id = data.id(item.index);
    const visible = Boolean(mask[item.index]);
    item.visible = visible;
    item.button.setAttribute("aria-disabled", String(!visible));
    item.button.style.borderStyle = visible ? "" : "dashed";
    item.picture.style.opacity = visible ? "" : "0.35";
    const filtered = visible ? "" : ", hidden by the filter";
    item.button.title = `${data.title(item.index)}, ${className(data, c)}${filtered}`;
    item.button.setAttribute("aria-label", `Neighbour ${rank + 1}: ${item.button.title}`);
    item.name.textContent = data.classes.length ? className(data, c) : data.title(item.index);
    item.button.style.borderBottomColor = "";
    if (c >= 0) paint(item.button, "border-bottom-color", classColor(data, c));
    item.picture.hidden = !thumbnails.available;
    if (thumbnails.available) thumbnails.draw(item.picture, item.index);
  });
}

/**
 * On the map, which it leaves free around the point: a pinned card stands at the farther edge, the
 * card of the point under the pointer beside it. In narrow windows it is a sheet at the bottom.
 * @param {Core} core
 * @param {Card} card
 */
function placeCard({ store, panes }, card) {
  if (card.root.hidden) return;
  const pane = panes[cardPane(store.get())];
  const point = pane.screen(card.index);
  const map = pane.canvas.getBoundingClientRect();
  // A pinned card must not cover the tables once its map has been scrolled away.
  const away = map.bottom < 0 || map.top > innerHeight || !point;
  card.root.style.visibility = away ? "hidden" : "";
  if (away) return;
  const isSheet = matchMedia(SHEET_WINDOW).matches;
  card.root.classList.toggle("sheet", isSheet);
  if (isSheet) {
    card.root.style.transform = "";
    return;
  }
  const { offsetWidth: width, offsetHeight: height } = card.root;
  const room = {
    left: map.left + CARD_MARGIN,
    top: Math.max(map.top, 0) + CARD_MARGIN,
    right: Math.min(map.right, innerWidth) - CARD_MARGIN - width,
    bottom: Math.min(map.bottom, innerHeight) - CARD_MARGIN - height,
  };
  const x = Math.min(Math.max(point.x, map.left), map.right);
  const y = Math.min(Math.max(point.y, map.top), map.bottom);
  const pinned = store.get().pin >= 0;
  const inRightHalf = x > (map.left + map.right) / 2;
  const beside = x + CARD_LIFT <= room.right ? x + CARD_LIFT : x - CARD_LIFT - width;
  const left = pinned ? (inRightHalf ? room.left : room.right) : beside;
  const top = pinned ? room.top : Math.max(room.top, Math.min(y - height / 2, room.bottom));
  // Where the map is smaller than the card, at least inside the window.
  const within = (/** @type {number} */ at, /** @type {number} */ most) =>
    Math.max(0, Math.min(at, most - CARD_MARGIN));
  const place = [within(left, innerWidth - width), within(top, innerHeight - height)];
  card.root.style.transform = `translate(${place.map((at) => `${at}px`).join(", ")})`;
}

/**
 * What people who listen hear: "test 17, Shirt, predicted Coat, confidence 0.63".
 * @param {Data} data
 * @param {number} i
 */
export function cardSentence(data, i) {
  const parts = [data.title(i)];
  if (data.labels) parts.push(className(data, data.labels[i]));
  if (data.predictions) {
    const verdict = data.hasWrong && data.wrong(i) ? ", wrong" : "";
    parts.push(`predicted ${className(data, data.predictions[i])}${verdict}`);
  }
  if (data.confidence) parts.push(`confidence ${(data.confidence[i] / 255).toFixed(2)}`);
  for (const { title, text } of data.measures) parts.push(`${title} ${text(i)}`);
  for (const { name, text } of data.columns) parts.push(`${name} ${valueName(text(i))}`);
  return parts.join(", ");
}
