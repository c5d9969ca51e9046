import { createGridIndex, nearestMoving } from "./picking.js";
import { visibleMask } from "./state.js";

/** Finds the visible points of a map by their place in its box. */
export class Picker {
  #store;
  #viewport;
  #transition;
  /** @type {{to: Float32Array, mask: Uint8Array, index: GridIndex}|null} */
  #grid = null;

  /**
   * @param {Store} store
   * @param {Viewport} viewport
   * @param {Transition} transition
   */
  constructor(store, viewport, transition) {
    this.#store = store;
    this.#viewport = viewport;
    this.#transition = transition;
  }

  /** Index over the visible points at rest, made when first needed. */
  #index() {
    const mask = visibleMask(this.#store.get());
    const { to } = this.#transition;
    if (!this.#grid || this.#grid.to !== to || this.#grid.mask !== mask) {
      this.#grid = { to, mask, index: createGridIndex(to, mask) };
    }
    return this.#grid.index;
  }

  /**
   * The point nearest to pixel (px, py) within `reach` pixels, or -1; right while points move, too.
   * @param {number} px
   * @param {number} py
   * @param {number} reach
   */
  nearest(px, py, reach) {
    const transition = this.#transition;
    if (transition.empty) return -1;
    const { x, y } = this.#viewport.unproject(px, py);
    const worldReach = reach / this.#viewport.projection().scaleX;
    if (!transition.moving) return this.#index().nearest(x, y, worldReach);
    const mask = visibleMask(this.#store.get());
    return nearestMoving(transition.at(performance.now()), mask, x, y, worldReach);
  }

  /**
   * The points in `view` if they rest and are `limit` at most, else null.
   * @param {View} view
   * @param {number} limit
   */
  inView(view, limit) {
    if (this.#transition.moving) return null;
    const { width, height } = this.#viewport.size();
    const { x: left, y: top } = this.#viewport.unproject(0, 0, view);
    const { x: right, y: bottom } = this.#viewport.unproject(width, height, view);
    return this.#index().within([left, bottom, right, top], limit);
  }
}
