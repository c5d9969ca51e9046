import { contextOf, query } from "./dom.js";
import { buildDrawList, pointRadius } from "./draw_list.js";
import { createMiddles } from "./labels.js";
import { drawOverlay } from "./overlay.js";
import { createRenderer, freshCanvas } from "./renderer.js";
import { visibleMask } from "./state.js";
import { SvgContext } from "./svg_context.js";

/** More pixels per CSS pixel cost time and are not seen. */
const MAX_PIXEL_RATIO = 2;
/** With at most so many points in view, the map shows their images. */
const IMAGES_IN_VIEW = 140;

/** The two canvases of a map: its points, and what lies over them. */
export class Drawing {
  /** Side of the images on the map in CSS pixels; 0 while points are points. */
  imageSize = 0;
  #shared;
  #parts;
  #onRenderer;
  #overlay;
  #middles;
  #renderer;
  /** @type {(DrawList & {source: DrawSource})|null} */
  #list = null;
  /** @type {MapTheme|null} */
  #theme = null;
  #ratio = 1;

  /**
   * @param {Shared} shared
   * @param {PaneParts} parts
   * @param {OnRenderer} onRenderer called when another renderer takes over
   */
  constructor(shared, parts, onRenderer) {
    this.#shared = shared;
    this.#parts = parts;
    this.#onRenderer = onRenderer;
    this.#overlay = query(parts.box, "canvas.overlay", HTMLCanvasElement);
    this.#middles = createMiddles(shared.data);
    this.#renderer = this.#startRenderer(shared.kind);
  }

  /** The points' canvas; another one after WebGL was lost. */
  get canvas() {
    return query(this.#parts.box, "canvas.map", HTMLCanvasElement);
  }

  get renderer() {
    return this.#renderer;
  }

  /** Whether the canvases have the pixels that the screen wants now. */
  get sharp() {
    return this.#ratio === pixelRatio();
  }

  /** @param {RendererKind} kind */
  #startRenderer(kind) {
    return createRenderer(this.canvas, kind, () => this.fallBack("WebGL 2 was lost"));
  }

  /**
   * Goes on without WebGL.
   * @param {string} reason
   */
  fallBack(reason) {
    this.#renderer.destroy();
    freshCanvas(this.canvas);
    this.#renderer = this.#startRenderer("canvas");
    this.#list = null;
    this.#onRenderer(this.#renderer.kind, reason);
  }

  /** The style has changed: its colours are read again when next needed. */
  restyle() {
    this.#theme = null;
  }

  /**
   * Draws points and overlay as seen through `view`, with `ratio` pixels for one of the page.
   * @param {View} view
   * @param {number} [ratio]
   */
  draw(view, ratio = pixelRatio()) {
    const now = performance.now();
    this.#ratio = ratio;
    this.#resize();
    this.#updateList();
    const { scaleX, scaleY, offsetX, offsetY } = this.#parts.viewport.projection(view);
    this.#renderer.draw({
      scaleX: scaleX * ratio,
      scaleY: scaleY * ratio,
      offsetX: offsetX * ratio,
      offsetY: offsetY * ratio,
      mix: this.#parts.transition.mix(now),
      radius: this.#radius(view) * ratio,
      background: this.#colors().background,
    });
    this.#drawOver(view, now);
  }

  /**
   * Draws the overlay alone.
   * @param {View} view
   */
  drawOver(view) {
    this.#drawOver(view, performance.now());
  }

  /** @param {View} view @param {number} now */
  #drawOver(view, now) {
    const context = contextOf(this.#overlay);
    context.setTransform(this.#ratio, 0, 0, this.#ratio, 0, 0);
    this.imageSize = this.#drawWith(context, view, now);
  }

  /**
   * The overlay as SVG elements.
   * @param {View} view
   */
  svgOverlay(view) {
    const context = new SvgContext();
    const drawn = /** @type {unknown} */ (context);
    this.#drawWith(/** @type {CanvasRenderingContext2D} */ (drawn), view, performance.now());
    return context.text;
  }

  /**
   * Draws the overlay and returns the width of its images.
   * @param {CanvasRenderingContext2D} context
   * @param {View} view
   * @param {number} now
   */
  #drawWith(context, view, now) {
    const { store, data, thumbnails, shading } = this.#shared;
    const { transition, viewport, picker } = this.#parts;
    const state = store.get();
    const mix = transition.mix(now);
    const placed = viewport.projection(view);
    return drawOverlay({
      context,
      state,
      data,
      thumbnails,
      placed,
      ...viewport.size(),
      space: state.panes[this.#parts.index].space,
      theme: this.#colors(),
      radius: this.#radius(view),
      pixels: shading(state, this.#colors().background),
      images: thumbnails.available ? picker.inView(view, IMAGES_IN_VIEW) : null,
      at(i) {
        const { x, y } = transition.point(i, mix);
        return [placed.offsetX + x * placed.scaleX, placed.offsetY + y * placed.scaleY];
      },
      middles: (mask, byPrediction) => this.#middles(transition, mix, mask, byPrediction),
    });
  }

  #resize() {
    const { width, height } = this.#parts.viewport.size();
    const pixels = (/** @type {number} */ length) => Math.max(1, Math.round(length * this.#ratio));
    for (const canvas of [this.canvas, this.#overlay]) {
      if (canvas.width !== pixels(width)) canvas.width = pixels(width);
      if (canvas.height !== pixels(height)) canvas.height = pixels(height);
    }
  }

  #colors() {
    this.#theme ??= readTheme(this.#parts.box);
    return this.#theme;
  }

  /**
   * Radius of the points in CSS pixels.
   * @param {View} view
   */
  #radius({ zoom }) {
    const { width, height } = this.#parts.viewport.size();
    return pointRadius(this.#shared.data.n, zoom, width, height);
  }

  /** The points to draw, packed anew if what they depend on changed. */
  #updateList() {
    const { store, shading } = this.#shared;
    const state = store.get();
    const { from, to } = this.#parts.transition;
    const { selection } = state;
    const pixels = shading(state, this.#colors().background);
    const source = { from, to, mask: visibleMask(state), pixels, selection };
    if (this.#list && sameSource(this.#list.source, source)) return this.#list;
    this.#list = { ...buildDrawList(source), source };
    this.#renderer.setPoints(this.#list);
    return this.#list;
  }

  /** Points and overlay as one canvas, in device pixels. */
  copy() {
    const copy = document.createElement("canvas");
    copy.width = this.canvas.width;
    copy.height = this.canvas.height;
    const context = contextOf(copy);
    context.drawImage(this.canvas, 0, 0);
    context.drawImage(this.#overlay, 0, 0);
    return copy;
  }

  /**
   * The visible points in drawing order: their indices, colours (ABGR) and places in CSS pixels of
   * the map.
   * @returns {PlacedPoints}
   */
  points() {
    const { transition, viewport } = this.#parts;
    const { scaleX, scaleY, offsetX, offsetY } = viewport.projection();
    const { index, colors, count } = this.#updateList();
    const positions = transition.at(performance.now());
    const x = new Float32Array(count);
    const y = new Float32Array(count);
    for (let k = 0; k < count; k++) {
      x[k] = offsetX + positions[2 * index[k]] * scaleX;
      y[k] = offsetY + positions[2 * index[k] + 1] * scaleY;
    }
    const radius = this.#radius(viewport.view());
    const { background } = this.#colors();
    return { index, colors, x, y, ...viewport.size(), radius, background };
  }
}

function pixelRatio() {
  return Math.min(MAX_PIXEL_RATIO, window.devicePixelRatio || 1);
}

/** @param {DrawSource} a @param {DrawSource} b */
function sameSource(a, b) {
  const { from, to, mask, pixels, selection } = a;
  if (from !== b.from || to !== b.to) return false;
  return mask === b.mask && pixels === b.pixels && selection === b.selection;
}

/**
 * Colours of the style sheet, for the canvases.
 * @param {HTMLElement} element
 * @returns {MapTheme}
 */
function readTheme(element) {
  const style = getComputedStyle(element);
  const value = (/** @type {string} */ name, /** @type {string} */ otherwise) =>
    style.getPropertyValue(name).trim() || otherwise;
  return {
    background: value("--map-background", "#ffffff"),
    ink: value("--map-ink", "#1b1f24"),
  };
}
