import { panBy, projection, unproject, zoomAt } from "./camera.js";

/** A point moved into view lies at least so many CSS pixels inside. */
const REVEAL_MARGIN = 80;

/** The part of a map that is on view: the view of the store in the box of the pane. */
export class Viewport {
  #store;
  #index;
  #box;

  /**
   * @param {Store} store
   * @param {number} index of the pane
   * @param {HTMLElement} box
   */
  constructor(store, index, box) {
    this.#store = store;
    this.#index = index;
    this.#box = box;
  }

  /** In CSS pixels. */
  size() {
    return { width: this.#box.clientWidth, height: this.#box.clientHeight };
  }

  view() {
    const { views } = this.#store.get();
    return views[this.#index] ?? views[0];
  }

  /** @param {View} view */
  setView(view) {
    const { views, linked } = this.#store.get();
    const moves = (/** @type {number} */ p) => p === this.#index || linked;
    this.#store.set({ views: views.map((known, p) => (moves(p) ? view : known)) });
  }

  /**
   * Zooms about a pixel, for keys and buttons the middle.
   * @param {number} factor
   * @param {{x: number, y: number}} [fixed]
   */
  zoom(factor, fixed) {
    const { width, height } = this.size();
    const { x, y } = fixed ?? { x: width / 2, y: height / 2 };
    this.setView(zoomAt(this.view(), width, height, x, y, factor));
  }

  /**
   * @param {number} dx
   * @param {number} dy in CSS pixels
   */
  pan(dx, dy) {
    const { width, height } = this.size();
    this.setView(panBy(this.view(), width, height, dx, dy));
  }

  /** Shows the whole map. */
  fit() {
    this.setView({ x: 0, y: 0, zoom: 1 });
  }

  /** From the world to the box's pixels. */
  projection(view = this.view()) {
    const { width, height } = this.size();
    return projection(view, width, height);
  }

  /**
   * World point under a pixel of the box.
   * @param {number} px
   * @param {number} py
   */
  unproject(px, py, view = this.view()) {
    const { width, height } = this.size();
    return unproject(view, width, height, px, py);
  }

  /**
   * Moves a world point into view if it is not there.
   * @param {{x: number, y: number}} point
   */
  reveal(point) {
    const { width, height } = this.size();
    const { scaleX, scaleY, offsetX, offsetY } = this.projection();
    const [x, y] = [offsetX + point.x * scaleX, offsetY + point.y * scaleY];
    if (width === 0 || height === 0) return;
    if (x >= 0 && x <= width && y >= 0 && y <= height) return;
    const margin = Math.min(REVEAL_MARGIN, width / 4, height / 4);
    const shift = (/** @type {number} */ at, /** @type {number} */ length) =>
      Math.min(length - margin, Math.max(margin, at)) - at;
    this.pan(shift(x, width), shift(y, height));
  }
}
