import { showNote, messageOf } from "./banner.js";
import { query } from "./dom.js";
import { Drawing } from "./drawing.js";
import { MapLoader, mapTitle } from "./map_loader.js";
import { Picker } from "./picker.js";
import { mountPointer } from "./pointer.js";
import { FILTER_KEYS, anyOf } from "./state.js";
import { Transition } from "./transition.js";
import { Viewport } from "./viewport.js";

/** @type {StateKey[]} Changes that the points are drawn without. */
const OVERLAY_KEYS = [
  "hover",
  "hoverPane",
  "pin",
  "pinPane",
  "active",
  "lasso",
  "playing",
  "linked",
];

/**
 * One map on the page, put together from its parts. Draws when something changed, at most once a
 * frame.
 */
export class Pane {
  #shared;
  #transition = new Transition();
  #loader;
  #drawing;
  #pointer;
  #frame = 0;
  /** Whether the points look otherwise than they were drawn. */
  #stale = true;
  #failed = false;
  /** @type {(() => void)[]} */
  #listeners = [];

  /**
   * @param {Shared} shared
   * @param {number} index
   * @param {HTMLElement} parent
   */
  constructor(shared, index, parent) {
    const { store } = shared;
    this.#shared = shared;
    this.index = index;
    this.element = paneElement(index);
    this.box = query(this.element, ".map-box", HTMLElement);
    parent.append(this.element);
    this.viewport = new Viewport(store, index, this.box);
    const parts = { index, box: this.box, viewport: this.viewport, transition: this.#transition };
    const picker = new Picker(store, parts.viewport, parts.transition);
    this.#drawing = new Drawing(shared, { ...parts, picker }, (kind, reason) => {
      this.invalidate();
      shared.onRenderer(kind, reason);
    });
    this.#loader = new MapLoader(shared, index, (positions) => this.#moveTo(positions));
    const imageSize = () => this.#drawing.imageSize;
    this.#pointer = mountPointer({ ...parts, store, picker, imageSize });
    new ResizeObserver(() => this.#onResize()).observe(this.box);
    this.#watchResolution();
    store.subscribe((state, changed) => this.#onState(state, changed));
    this.#onState(store.get(), new Set(["panes"]));
  }

  get canvas() {
    return this.#drawing.canvas;
  }

  get renderer() {
    return this.#drawing.renderer;
  }

  /** A window moved to another screen may keep its size and still need other pixels. */
  #watchResolution() {
    const again = () => {
      this.invalidate();
      this.#watchResolution();
    };
    const resolution = matchMedia(`(resolution: ${window.devicePixelRatio}dppx)`);
    resolution.addEventListener("change", again, { once: true });
  }

  /** @param {State} state @param {Set<StateKey>} changed */
  #onState(state, changed) {
    const shown = state.panes[this.index];
    this.element.hidden = !shown;
    if (!shown) return;
    if (changed.has("panes")) this.#show(shown);
    if (changed.has("theme")) this.#drawing.restyle();
    if (changed.has("pin") && !changed.has("views") && !changed.has("panes")) this.#reveal(state);
    this.invalidate([...changed].every((key) => OVERLAY_KEYS.includes(key)));
    if (anyOf(changed, FILTER_KEYS)) {
      this.#pointer.repick();
    }
  }

  /** @param {PaneState} shown */
  #show(shown) {
    const title = mapTitle(this.#shared.data, shown);
    const help = "Arrow keys walk the neighbours of the pinned point.";
    this.canvas.setAttribute("aria-label", `Map of ${title}. ${help}`);
    this.#loader.load(shown);
  }

  /** @param {Float32Array} positions */
  #moveTo(positions) {
    const reduced = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const still = reduced || this.viewport.size().width === 0;
    this.#transition.moveTo(positions, { still, linear: this.#shared.store.get().playing });
    this.invalidate();
  }

  /**
   * Moves a point that was pinned elsewhere (by a key, in its card) into view; one pinned by the
   * pointer in this map is where people look.
   * @param {State} state
   */
  #reveal({ pin, pinPane }) {
    if (pin < 0 || pinPane !== this.index || this.#pointer.isPinning()) return;
    if (this.#transition.empty) return;
    this.viewport.reveal(this.#transition.point(pin, 1));
  }

  /** The page's style has changed without the state. */
  restyle() {
    this.#drawing.restyle();
    this.invalidate();
  }

  /** Asks for a new frame; `overlayOnly` if the points themselves look as before. */
  invalidate(overlayOnly = false) {
    if (!overlayOnly) this.#stale = true;
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.#onFrame());
  }

  /** Draws before the browser paints: until then the old canvas would be seen stretched. */
  #onResize() {
    cancelAnimationFrame(this.#frame);
    this.#stale = true;
    this.#onFrame();
  }

  #onFrame() {
    this.#frame = 0;
    const { width, height } = this.viewport.size();
    if (this.element.hidden || width === 0 || height === 0 || this.#transition.empty) return;
    try {
      if (this.#stale || !this.#drawing.sharp) this.drawNow(this.viewport.view());
      else this.#drawOver(this.viewport.view());
    } catch (error) {
      this.#onFailure(error);
      return;
    }
    if (this.#transition.moving) this.invalidate();
    else if (this.#transition.settle()) {
      this.invalidate();
      this.#pointer.repick();
    }
  }

  /**
   * A frame that fails with WebGL is tried again on the canvas; what fails there is said.
   * @param {unknown} error
   */
  #onFailure(error) {
    if (this.renderer.kind === "webgl") {
      this.#drawing.fallBack(`WebGL 2 failed: ${messageOf(error)}`);
      return;
    }
    if (!this.#failed) showNote(`The map cannot be drawn: ${messageOf(error)}.`);
    this.#failed = true;
  }

  /**
   * Draws the map as seen through `view`, at once.
   * @param {View} view
   */
  drawNow(view) {
    this.#drawing.draw(view);
    this.#stale = false;
    this.#tell();
  }

  /** @param {View} view */
  #drawOver(view) {
    this.#drawing.drawOver(view);
    this.#tell();
  }

  #tell() {
    for (const listener of this.#listeners) listener();
  }

  /**
   * Calls `listener` after every drawn frame.
   * @param {() => void} listener
   */
  onDraw(listener) {
    this.#listeners.push(listener);
  }

  /**
   * Client pixels of point `i` now; null while no map is there.
   * @param {number} i
   */
  screen(i) {
    if (this.#transition.empty || i < 0 || i >= this.#shared.data.n) return null;
    const { scaleX, scaleY, offsetX, offsetY } = this.viewport.projection();
    const { x, y } = this.#transition.point(i, this.#transition.mix(performance.now()));
    const corner = this.box.getBoundingClientRect();
    return {
      x: corner.left + this.box.clientLeft + offsetX + x * scaleX,
      y: corner.top + this.box.clientTop + offsetY + y * scaleY,
    };
  }

  /**
   * The map with its overlay as one canvas, `ratio` pixels for one of the page.
   * @param {number} ratio
   */
  snapshot(ratio) {
    const view = this.viewport.view();
    this.#drawing.draw(view, ratio);
    const copy = this.#drawing.copy();
    this.drawNow(view);
    return copy;
  }

  /** What lies over the points, as SVG elements. */
  svgOverlay() {
    return this.#drawing.svgOverlay(this.viewport.view());
  }

  /** The visible points where they are drawn. */
  points() {
    return this.#drawing.points();
  }
}

/** @param {number} index */
function paneElement(index) {
  const element = document.createElement("div");
  element.className = "pane";
  element.dataset.pane = String(index);
  const map = '<canvas class="map" tabindex="0" role="application" aria-label="Map"></canvas>';
  const overlay = '<canvas class="overlay" aria-hidden="true"></canvas>';
  element.innerHTML = `<div class="pane-head"></div><div class="map-box">${map}${overlay}</div>`;
  return element;
}
