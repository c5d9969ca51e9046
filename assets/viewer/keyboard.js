import { announce, byId, dialogById, query } from "./dom.js";
import { toggleSplit } from "./controls.js";
import { epochsOf, stepEpoch, togglePlay } from "./playback.js";
import { setActivePane, visibleMask } from "./state.js";
import { toggleWrong } from "./wrong.js";

/**
 * All keys with what the help says of them.
 * @type {[keys: string[], text: string][]}
 */
const KEY_HELP = [
  [["1", "\u2026", "9"], "space: the input, then each layer"],
  [["m", "M"], "method: next, previous"],
  [["[", "]"], "epoch: back, forward"],
  [["Space"], "play the epochs, or stop"],
  [["l"], "lasso: Shift adds, Alt removes; it stays armed"],
  [["w"], "misclassified points only"],
  [["s"], "two maps side by side"],
  [["\u2192", "\u2190"], "walk the neighbours of a point, nearest first; back again"],
  [["\u2193", "\u2191"], "go on from the neighbour reached; return"],
  [["Enter"], "pin the card of the point under the pointer, or in the middle of the map"],
  [["Esc"], "clear the card, then the lasso, then the selection"],
  [["+", "-", "0"], "zoom in, out, show the whole map"],
  [["?"], "this help"],
];

/** Where the browser keeps whether single characters act. */
const LETTERS_KEY = "layerlens-letter-keys";

/** @param {Core} core */
export function mountKeyboard(core) {
  fillKeyHelp();
  /** @type {Walk} */
  const walk = { trail: [], rank: 0, at: -1 };
  const help = dialogById("help");
  const letters = mountLetterSwitch(help);
  addEventListener("keydown", (event) => {
    if (isCommand(event) || isTyping(event) || isReading(event) || help.open) return;
    if (!letters.checked && isCharacter(event)) return;
    if (pressKey(core, walk, event)) event.preventDefault();
  });
  returnFocus(core);
  byId("help-button").addEventListener("click", () => help.showModal());
  query(help, ".help-close", HTMLElement).addEventListener("click", () => help.close());
}

/**
 * The switch of the keys that are single characters: who speaks to the computer, or rests on its
 * keys, may want none of them (WCAG 2.2, 2.1.4). Kept for all pages where the browser keeps
 * anything.
 * @param {HTMLElement} help
 */
function mountLetterSwitch(help) {
  const letters = query(help, ".letter-keys", HTMLInputElement);
  try {
    letters.checked = localStorage.getItem(LETTERS_KEY) !== "off";
  } catch {
    // Nothing may be kept: they are on.
  }
  letters.addEventListener("change", () => {
    try {
      localStorage.setItem(LETTERS_KEY, letters.checked ? "on" : "off");
    } catch {
      // It holds for this page alone.
    }
  });
  return letters;
}

/**
 * A printed character; the space bar is none.
 * @param {KeyboardEvent} event
 */
function isCharacter({ key }) {
  return key !== " " && Array.from(key).length === 1;
}

function fillKeyHelp() {
  const rows = KEY_HELP.map(([keys, text]) => {
    const row = document.createElement("tr");
    const [left, right] = [row.insertCell(), row.insertCell()];
    keys.forEach((key) => {
      const cap = document.createElement(key === "\u2026" ? "span" : "kbd");
      cap.textContent = key;
      left.append(cap, " ");
    });
    right.textContent = text;
    return row;
  });
  query(byId("help"), "tbody", HTMLElement).append(...rows);
}

/**
 * A menu chosen from by the pointer gives the focus to the map, or its letters would go to the menu
 * from then on; one used by keys keeps it.
 * @param {Core} core
 */
function returnFocus({ store, panes }) {
  let byPointer = false;
  const used = (/** @type {boolean} */ pointer) => () => {
    byPointer = pointer;
  };
  addEventListener("pointerdown", used(true), { capture: true });
  addEventListener("keydown", used(false), { capture: true });
  addEventListener("change", ({ target, isTrusted }) => {
    if (isTrusted && byPointer && target instanceof HTMLSelectElement && isInView("panes")) {
      panes[store.get().active].canvas.focus({ preventScroll: true });
    }
  });
}

/**
 * Keys of the browser and the system. Many keyboards have the brackets behind AltGr, which some
 * systems tell as Ctrl and Alt.
 * @param {KeyboardEvent} event
 */
function isCommand(event) {
  const bracket = event.key === "[" || event.key === "]";
  if (bracket && event.getModifierState("AltGraph")) return event.metaKey;
  return event.ctrlKey || event.metaKey || event.altKey;
}

/**
 * Fields keep their keys; a slider has but those that move it.
 * @param {KeyboardEvent} event
 */
function isTyping({ target, key }) {
  if (!(target instanceof Element)) return false;
  if (target.matches("input[type=range]")) return /^(Arrow|Page|Home$|End$|Enter$)/.test(key);
  return target.closest("input, select, textarea, [contenteditable]") !== null;
}

/**
 * Letters change nothing that people do not see while they are at the tables.
 * @param {KeyboardEvent} event
 */
function isReading({ target, key }) {
  if (key === "?" || key === "Escape") return false;
  return !isInView("explorer") || (target instanceof Element && target.closest("#report") !== null);
}

/**
 * Buttons, links and `summary` keep Enter and the space bar.
 * @param {KeyboardEvent} event
 */
function isPressable({ target }) {
  return target instanceof Element && target.closest("button, a, summary") !== null;
}

/**
 * Keys that scroll belong to the map only where people are at the map, not in the tables below it.
 * @param {KeyboardEvent} event
 */
function isAtMap({ target }) {
  if (target instanceof Element && target.closest("#explorer, #card")) {
    return !target.closest(".side") || isInView("panes");
  }
  return target === document.body && isInView("panes");
}

/** @param {string} id */
function isInView(id) {
  const { bottom } = byId(id).getBoundingClientRect();
  return bottom > innerHeight / 3;
}

/** @type {[key: string, act: (core: Core) => boolean|void][]} */
const COMMAND_LIST = [
  ["m", ({ store, data }) => stepMethod(store, data, 1)],
  ["M", ({ store, data }) => stepMethod(store, data, -1)],
  ["[", ({ store }) => stepFrame(store, -1)],
  ["]", ({ store }) => stepFrame(store, 1)],
  ["l", ({ store }) => toggleLasso(store)],
  ["w", () => toggleWrong()],
  ["s", ({ store, data }) => toggleSplit(store, data)],
  ["+", (core) => activePane(core).viewport.zoom(1.5)],
  ["=", (core) => activePane(core).viewport.zoom(1.5)],
  ["-", (core) => activePane(core).viewport.zoom(1 / 1.5)],
  ["0", (core) => activePane(core).viewport.fit()],
  ["?", () => dialogById("help").showModal()],
  ["Escape", ({ store }) => clearOne(store)],
];
/** What keys do wherever people are; false if there was nothing to do. */
const COMMANDS = new Map(COMMAND_LIST);

/** @param {Core} core */
function activePane({ store, panes }) {
  return panes[store.get().active];
}

/** @param {Store} store */
function toggleLasso(store) {
  const { lasso } = store.get();
  store.set({ lasso: !lasso });
  announce(lasso ? "Lasso away" : "Lasso armed");
}

/**
 * Acts on a key; true if it was one of ours.
 * @param {Core} core
 * @param {Walk} walk
 * @param {KeyboardEvent} event
 */
function pressKey(core, walk, event) {
  const { store, data } = core;
  const { key } = event;
  if (/^[1-9]$/.test(key)) return chooseSpace(store, data, Number(key) - 1);
  const command = COMMANDS.get(key);
  if (command) return command(core) !== false;
  if (!isAtMap(event)) return false;
  if (key.startsWith("Arrow")) return walkNeighbors(core, walk, key);
  if (isPressable(event)) return false;
  if (key === " ") return playOrStop(store);
  return key === "Enter" && pinPoint(core);
}

/** @param {Store} store */
function playOrStop(store) {
  if (!epochsOf(store.get())) return false;
  togglePlay(store);
  return true;
}

/** @param {Store} store @param {Data} data @param {number} index */
function chooseSpace(store, data, index) {
  if (index >= data.spaces.length) return false;
  setActivePane(store, { space: data.spaces[index].id });
  announce(data.spaces[index].title);
  return true;
}

/**
 * The next method that has a map or epochs of the space on view.
 * @param {Store} store
 * @param {Data} data
 * @param {number} step
 */
function stepMethod(store, data, step) {
  const { panes, active } = store.get();
  const { space, method } = panes[active];
  const having = data.methods.filter(({ id }) => data.map(space, id) || data.epochEntry(space, id));
  const at = having.findIndex(({ id }) => id === method);
  const next = having[(at + step + having.length) % having.length];
  setActivePane(store, { method: next.id });
  announce(next.title);
  return true;
}

/** @param {Store} store @param {number} step */
function stepFrame(store, step) {
  if (!epochsOf(store.get())) return false;
  stepEpoch(store, step);
  return true;
}

/**
 * Esc undoes what is on top: the pinned card, else the lasso, else the selection. The card of a
 * point under the pointer goes along.
 * @param {Store} store
 */
function clearOne(store) {
  const { pin, lasso, selection } = store.get();
  store.set({ hover: -1 });
  if (pin >= 0) store.set({ pin: -1 });
  else if (lasso) store.set({ lasso: false });
  else if (selection) store.set({ selection: null });
  else return false;
  announce("Cleared");
  return true;
}

/** @param {Core} core */
function pinPoint(core) {
  const { store } = core;
  const { hover, pin } = store.get();
  const point = hover >= 0 ? hover : pin >= 0 ? pin : middlePoint(core);
  if (point < 0) return false;
  store.set({ pin: point });
  return true;
}

/**
 * The visible point nearest to the middle of the active map: where people without a pointer begin.
 * @param {Core} core
 */
function middlePoint({ store, panes }) {
  const { index, x, y, width, height } = panes[store.get().active].points();
  let [best, least] = [-1, Infinity];
  for (let p = 0; p < index.length; p++) {
    const distance = (x[p] - width / 2) ** 2 + (y[p] - height / 2) ** 2;
    if (distance < least) [best, least] = [index[p], distance];
  }
  return best;
}

/**
 * Left and right go through the visible neighbours of one point (rank 0 is the point itself), down
 * makes the neighbour reached the point to walk from, up returns. `walk.at` is the pin we set: if
 * people pin another point, the walk begins there.
 * @param {Core} core
 * @param {Walk} walk
 * @param {string} key
 */
function walkNeighbors(core, walk, key) {
  const { store, data } = core;
  const state = store.get();
  const from = state.pin >= 0 ? state.pin : state.hover >= 0 ? state.hover : middlePoint(core);
  if (from < 0) return false;
  if (state.pin < 0 && state.hover < 0) return (store.set({ pin: from }), true);
  if (from !== walk.at) Object.assign(walk, { trail: [from], rank: 0 });
  if (key === "ArrowDown" && walk.rank > 0) {
    walk.trail.push(from);
    walk.rank = 0;
  } else if (key === "ArrowUp" && walk.rank === 0 && walk.trail.length > 1) {
    walk.trail.pop();
  }
  const center = walk.trail[walk.trail.length - 1];
  const visible = visibleMask(state);
  const { space } = state.panes[state.active];
  const neighbors = (data.neighbors(space, center, data.k) ?? []).filter((i) => visible[i]);
  if (neighbors.length === 0) {
    announce("No visible neighbour");
    return true;
  }
  const steps = new Map([
    ["ArrowRight", walk.rank + 1],
    ["ArrowLeft", walk.rank - 1],
    ["ArrowDown", 1],
  ]);
  walk.rank = ((steps.get(key) ?? 0) + neighbors.length + 1) % (neighbors.length + 1);
  walk.at = walk.rank === 0 ? center : neighbors[walk.rank - 1];
  store.set({ pin: walk.at, hover: -1 });
  return true;
}
