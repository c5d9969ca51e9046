import { paint } from "./palette.js";

/**
 * Makes an element. Text always goes in as text, never as markup: class names and ids come from
 * people's files.
 * @template {string} Tag
 * @param {Tag} tag name, with classes after dots: "span.name"
 * @param {Record<string, unknown>} [attributes] attributes; a function is a listener, `true` a bare
 * attribute, null and false none
 * @param {...(Node|string|null)} children
 * @returns {Made<Tag>}
 */
export function make(tag, attributes = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name);
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes)) {
    if (isListener(value)) element.addEventListener(key, value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== null && value !== false && value !== undefined) {
      element.setAttribute(key, String(value));
    }
  }
  element.append(...children.filter((child) => child !== null));
  return /** @type {Made<Tag>} */ (element);
}

/**
 * @param {unknown} value
 * @returns {value is EventListener}
 */
function isListener(value) {
  return typeof value === "function";
}

/**
 * A dot in the colour of a class; the name always stands beside it.
 * @param {string} color
 */
export function makeSwatch(color) {
  const swatch = make("span.swatch");
  paint(swatch, "background-color", color);
  return swatch;
}

const SVG_SPACE = "http://www.w3.org/2000/svg";

/**
 * A line drawing of 16 x 16, as in index.html.
 * @param {string} path
 */
export function makeIcon(path) {
  const svg = document.createElementNS(SVG_SPACE, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(SVG_SPACE, "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

/**
 * The first element below `root` that `selector` names, of the given kind.
 * @template {Element} T
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => T} kind
 * @returns {T}
 */
export function query(root, selector, kind) {
  const element = root.querySelector(selector);
  if (element instanceof kind) return element;
  throw new Error(`this page has no ${selector}`);
}

/**
 * The one element with this id.
 * @param {string} id
 */
export function byId(id) {
  return query(document, `#${id}`, HTMLElement);
}

/** @param {string} id */
export function buttonById(id) {
  return query(document, `#${id}`, HTMLButtonElement);
}

/** @param {string} id */
export function selectById(id) {
  return query(document, `#${id}`, HTMLSelectElement);
}

/** @param {string} id */
export function dialogById(id) {
  return query(document, `#${id}`, HTMLDialogElement);
}

/**
 * Whether an event is meant for a button that lies on what listens.
 * @param {Event} event
 */
export function isOnButton({ target }) {
  return target instanceof Element && target.closest("button") !== null;
}

/**
 * A canvas gives its 2-D context if it has given no other.
 * @param {HTMLCanvasElement} canvas
 * @param {CanvasRenderingContext2DSettings} [settings]
 */
export function contextOf(canvas, settings) {
  const context = canvas.getContext("2d", settings);
  if (!context) throw new Error("this browser gives no 2-D canvas");
  return context;
}

/**
 * 12345 -> "12,345", whatever the language of the browser: the page is in English.
 * @param {number} n
 */
export function withCommas(n) {
  return n.toLocaleString("en-US");
}

/**
 * "1 point", "2 points".
 * @param {number} n
 * @param {string} noun
 */
export function countOf(n, noun) {
  return `${withCommas(n)} ${noun}${n === 1 ? "" : "s"}`;
}

/**
 * Tells people who listen to the page. The same text twice is said twice, hence the alternating
 * no-break space.
 * @param {string} text
 */
export function announce(text) {
  const live = byId("live");
  live.textContent = live.textContent === text ? text + "\u00a0" : text;
}

/**
 * Hands a file to the browser's downloads.
 * @param {string} name
 * @param {Blob} blob
 */
export function saveFile(name, blob) {
  const url = URL.createObjectURL(blob);
  const link = make("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  // The download has its own hold on the blob once it has begun.
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

/**
 * A file name out of titles: letters, digits, dots and dashes of any language. A long one is cut,
 * so that those after it have room.
 * @param {string[]} parts
 * @param {string} extension
 */
export function fileName(parts, extension) {
  const stem = parts
    .map((part) => Array.from(part).slice(0, 30).join(""))
    .join("-")
    .replace(/[^\p{L}\p{N}._-]+/gu, "_")
    .slice(0, 120);
  return `${stem}.${extension}`;
}

/**
 * "layer 1, t-SNE" or "layer 1, t-SNE, epoch 5": what a pane shows.
 * @param {Data} data
 * @param {PaneState} pane
 */
export function paneTitle(data, pane) {
  const title = `${data.space(pane.space).title}, ${data.method(pane.method).title}`;
  const epoch = epochOf(data, pane);
  return epoch === null ? title : `${title}, epoch ${epoch}`;
}

/**
 * The epoch that a pane shows; null for the finished map.
 * @param {Data} data
 * @param {PaneState} pane
 */
function epochOf(data, { space, method, epoch }) {
  return epoch === null ? null : (data.epochEntry(space, method)?.epochs[epoch] ?? null);
}

/**
 * ["layer_1", "tsne", "epoch-5"]: what a pane shows, for the name of a file.
 * @param {Data} data
 * @param {PaneState} pane
 */
export function paneNames(data, pane) {
  const epoch = epochOf(data, pane);
  const names = [pane.space, pane.method];
  return epoch === null ? names : [...names, `epoch-${epoch}`];
}

/**
 * Name of class `c`; the sentence for points without one.
 * @param {Data} data
 * @param {number} c
 */
export function className(data, c) {
  return c >= 0 && c < data.classes.length ? data.classes[c].name : "no class";
}
