import { announce, byId, className, make, makeSwatch } from "./dom.js";
import { classColor } from "./palette.js";
import { cardPane, visibleMask } from "./state.js";

const CARD_NEIGHBORS = 5;
const CARD_KEYS = ["hover", "hoverPane", "pin", "pinPane", "panes", "off", "hiddenParts", "wrong"];
const CARD_MARGIN = 8;
const CARD_LIFT = 14;

/**
 * The card of the pinned point, else of the one under the pointer: its image, its classes, its
 * nearest neighbours.
 */
export function mountCard(core) {
  const { store, panes } = core;
  const card = makeCard(core);
  const show = (state) => showCard(core, card, state);
  const place = () => placeCard(core, card);
  store.subscribe((state, changed) => {
    if (CARD_KEYS.some((key) => changed.has(key))) show(state);
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
 */
function makeCard({ store }) {
  const root = byId("card");
  const find = (selector) => root.querySelector(selector);
  const image = make("canvas", { "aria-hidden": "true" });
  find(".card-image").append(image);
  const filtered = make("p.card-filtered.muted", { hidden: true }, "hidden by the filter");
  find(".card-id").after(filtered);
  const neighbors = [];
  for (let rank = 0; rank < CARD_NEIGHBORS; rank++) {
    const picture = make("canvas", { "aria-hidden": "true" });
    const name = make("span.name", { dir: "auto" });
    const item = { picture, name, index: -1, visible: true };
    item.button = make("button.thumb", { type: "button" }, picture, name);
    // A button with the focus keeps it, hence not `disabled`.
    const whereShown = (act) => () => item.visible && act(cardPane(store.get()));
    item.button.addEventListener(
      "click",
      whereShown((pinPane) => store.set({ pin: item.index, pinPane, hover: -1 })),
    );
    item.button.addEventListener(
      "pointerenter",
      whereShown((hoverPane) => store.set({ hover: item.index, hoverPane })),
    );
    item.button.addEventListener("pointerleave", () => store.set({ hover: -1 }));
    neighbors.push(item);
  }
  find(".card-neighbors").append(...neighbors.map((item) => item.button));
  find(".card-close").addEventListener("click", () => store.set({ pin: -1, hover: -1 }));
  return { root, find, image, filtered, neighbors, index: -1 };
}

function showCard({ data, thumbnails, panes }, card, state) {
  const { root, find } = card;
  card.index = state.pin >= 0 ? state.pin : state.hover;
  // Who has pressed a button of the card goes on at the map.
  if (card.index < 0 && root.contains(document.activeElement))
    panes[state.active].canvas.focus({ preventScroll: true });
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
  showCardNeighbors(data, thumbnails, card, state.panes[cardPane(state)], mask);
}

function showCardClass(data, row, c, wrong) {
  row.hidden = c === null;
  if (row.hidden) return;
  const verdict = wrong ? make("span.verdict", {}, " (wrong)") : null;
  const known = c >= 0 && c < data.classes.length;
  const parts = [
    known ? makeSwatch(classColor(data, c)) : null,
    make("bdi", {}, className(data, c)),
    verdict,
  ];
  row.querySelector("dd").replaceChildren(...parts.filter(Boolean));
}

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
    if (item.button.hidden) return;
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
    item.button.style.borderBottomColor = c >= 0 ? classColor(data, c) : "";
    item.picture.hidden = !thumbnails.available;
    if (thumbnails.available) thumbnails.draw(item.picture, item.index);
  });
}

/** Above the point, below it where there is no room, always inside the window. */
function placeCard({ store, panes }, card) {
  if (card.root.hidden) return;
  const pane = panes[cardPane(store.get())];
  const point = pane.screen(card.index);
  const map = pane.canvas.getBoundingClientRect();
  // A pinned card must not cover the tables once its map has been scrolled away.
  const away = map.bottom < 0 || map.top > innerHeight || !point;
  card.root.style.visibility = away ? "hidden" : "";
  if (away) return;
  const { offsetWidth: width, offsetHeight: height } = card.root;
  const x = Math.min(Math.max(point.x, map.left), map.right);
  const y = Math.min(Math.max(point.y, map.top), map.bottom);
  const left = Math.min(Math.max(x - width / 2, CARD_MARGIN), innerWidth - width - CARD_MARGIN);
  const above = y - CARD_LIFT - height;
  const top =
    above >= CARD_MARGIN ? above : Math.min(y + CARD_LIFT, innerHeight - height - CARD_MARGIN);
  card.root.style.transform = `translate(${Math.max(left, 0)}px, ${Math.max(top, 0)}px)`;
}

/** What people who listen hear: "test 17, Shirt, predicted Coat, confidence 0.63". */
export function cardSentence(data, i) {
  const parts = [data.title(i)];
  if (data.labels) parts.push(className(data, data.labels[i]));
  if (data.predictions) {
    const verdict = data.hasWrong && data.wrong(i) ? ", wrong" : "";
    parts.push(`predicted ${className(data, data.predictions[i])}${verdict}`);
  }
  if (data.confidence) parts.push(`confidence ${(data.confidence[i] / 255).toFixed(2)}`);
  return parts.join(", ");
}
