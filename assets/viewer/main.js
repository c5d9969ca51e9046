import { showNote, messageOf } from "./banner.js";
import { readData } from "./data.js";
import { byId, query } from "./dom.js";
import { createStore } from "./state.js";
import { bindHash } from "./hash.js";
import { createThumbnails } from "./thumbnails.js";
import { createOverlap } from "./overlap.js";
import { pointColors } from "./palette.js";
import { chooseRenderer } from "./renderer.js";
import { Pane } from "./pane.js";
import { mountPlayback } from "./playback.js";
import { runBenchmark } from "./benchmark.js";
import { mountInterface } from "./interface.js";
import { mountTables } from "./tables.js";

/**
 * Pixel values of the points, computed anew only when the colouring, the overlap or the ground changed.
 * @param {Overlap} overlap
 * @returns {Shading}
 */
function createShading(overlap) {
  /** @type {{color: ColorMode, values: Float32Array|null, ground: string, pixels: Uint32Array}|null} */
  let known = null;
  return (state, ground) => {
    const { color } = state;
    const values = color === "overlap" ? overlap.shares() : null;
    if (known?.color !== color || known.values !== values || known.ground !== ground) {
      known = { color, values, ground, pixels: pointColors(state, values, ground) };
    }
    return known.pixels;
  };
}

/**
 * Runs `act`; what it throws is said in the banner and stops nothing else.
 * @param {string} what
 * @param {() => void} act
 */
function guarded(what, act) {
  try {
    act();
  } catch (error) {
    showNote(`${what}: ${messageOf(error)}`);
  }
}

async function start() {
  const explorer = byId("explorer");
  const data = await readData();
  const nMaps = data.maps.length + data.epochs.length;
  if (data.n === 0 && nMaps === 0) return leaveStaticPart();
  if (data.n < 1 || nMaps === 0) throw new Error("This page holds no map.");
  const store = createStore(data);
  guarded("The address could not be read", () => bindHash(store));
  /** @type {Pane[]} */
  const panes = [];
  const redraw = () => panes.forEach((pane) => pane.invalidate());
  const thumbnails = createThumbnails(data, redraw);
  const overlap = createOverlap(store, data);
  overlap.subscribe(redraw);
  const renderer = chooseRenderer();
  /** @type {OnRenderer} */
  const showRenderer = (kind, reason) => {
    renderer.kind = kind;
    if (reason) renderer.reason = reason;
    explorer.dataset.renderer = kind;
  };
  const shared = {
    store,
    data,
    thumbnails,
    shading: createShading(overlap),
    kind: renderer.kind,
    onRenderer: showRenderer,
  };
  // The interface resolves the theme and is told of the panes before they measure and draw
  // themselves in the next frame.
  for (const index of [0, 1]) panes.push(new Pane(shared, index, byId("panes")));
  showRenderer(panes[0].renderer.kind, panes[0].renderer.reason);
  panes[0].onDraw(() => {
    explorer.dataset.ready = "true";
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () =>
    panes.forEach((pane) => pane.restyle()),
  );
  mountPlayback(store);
  const core = { store, data, panes, thumbnails, overlap, renderer };
  expose(core);
  guarded("A part of the page could not be started", () => mountInterface(core));
}

/** @param {Core} core */
function expose(core) {
  const { data, panes } = core;
  window.layerlens = {
    ...core,
    screen: (id, pane = 0) => panes[pane].screen(data.indexOf(id)),
    indexOf: data.indexOf,
    benchmark: (pane, seconds) => runBenchmark(panes[pane], seconds),
  };
}

window.addEventListener("error", (event) => showNote(`Something went wrong: ${event.message}`));
window.addEventListener("unhandledrejection", (event) =>
  showNote(`Something went wrong: ${messageOf(event.reason)}`),
);
guarded("The tables cannot be sorted", mountTables);
start().catch((error) => {
  showNote(messageOf(error));
  leaveStaticPart();
});

/**
 * What was written into the page stays readable; an empty explorer above it would only be in the
 * way. Its place takes the picture for pages without scripts.
 */
function leaveStaticPart() {
  const useless = "#explorer, .page-tools, .skip, .banner-close";
  for (const part of document.querySelectorAll(useless)) part.toggleAttribute("hidden", true);
  query(document, ".screen", HTMLElement).classList.add("without-map");
  const source = document.querySelector("body > noscript")?.textContent ?? "";
  const drawn = new DOMParser().parseFromString(source, "text/html").querySelector("img");
  if (!drawn) return;
  const figure = document.createElement("figure");
  figure.className = "static-figure";
  const picture = new Image();
  Object.assign(picture, { src: drawn.src, alt: drawn.alt });
  figure.append(picture);
  byId("report").before(figure);
}
