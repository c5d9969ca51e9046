import { showNote, messageOf } from "./banner.js";
import { panBy, projection, unproject, zoomAt } from "./camera.js";
import { buildDrawList, pointRadius } from "./draw_list.js";
import { drawOverlay } from "./overlay.js";
import { classMedians } from "./labels.js";
import { createGridIndex, nearestMoving } from "./picking.js";
import { mountPointer } from "./pointer.js";
import { createRenderer, freshCanvas } from "./renderer.js";
import { visibleMask } from "./state.js";

const TRANSITION_MS = 600;
/** More pixels per CSS pixel cost time and are not seen. */
const MAX_PIXEL_RATIO = 2;
/** With at most so many points in view, the map shows their images. */
const IMAGES_IN_VIEW = 140;
/** A point moved into view lies at least so many CSS pixels inside. */
const REVEAL_MARGIN = 80;

/** Changes that the points are drawn without. */
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
 * One map: its canvases, its camera, its transitions. Draws when something changed, at most once a
 * frame.
 */
export class Pane {
  /** `shading(state)` gives one pixel value a point. */
  constructor({ store, data, thumbnails, shading, kind }, index, parent) {
    Object.assign(this, { store, data, thumbnails, shading, index });
    this.element = paneElement(index);
    this.box = this.element.querySelector(".map-box");
    this.overlay = this.element.querySelector(".overlay");
    this.listeners = [];
    this.place = { from: null, to: null, start: 0, duration: 0, linear: false };
    this.asked = null;
    this.arrived = null;
    this.broken = new Set();
    this.list = null;
    this.picked = null;
    this.named = null;
    this.theme = null;
    this.imageSize = 0;
    this.frame = 0;
    this.stale = true;
    this.ratio = 1;
    this.failed = false;
    this.pinning = false;
    parent.append(this.element);
    this.startRenderer(kind);
    mountPointer(this, store);
    new ResizeObserver(() => this.invalidate()).observe(this.box);
    this.watchResolution();
    store.subscribe((state, changed) => this.onState(state, changed));
    this.onState(store.get(), new Set(["panes", "theme"]));
  }

  /** A window moved to another screen may keep its size and still need other pixels. */
  watchResolution() {
    const again = () => {
      this.invalidate();
      this.watchResolution();
    };
    matchMedia(`(resolution: ${window.devicePixelRatio}dppx)`).addEventListener("change", again, {
      once: true,
    });
  }

  get canvas() {
    return this.element.querySelector("canvas.map");
  }

  startRenderer(kind) {
    this.renderer = createRenderer(this.canvas, kind, () => this.fallBack("WebGL 2 was lost"));
    this.list = null;
    this.invalidate();
  }

  fallBack(reason) {
    this.renderer.destroy();
    freshCanvas(this.canvas);
    this.startRenderer("canvas");
    this.onRenderer(this.renderer.kind, reason);
  }

  /** Told the kind of the renderer and the reason when it changes; replaced by the page. */
  onRenderer() {}

  onState(state, changed) {
    const shown = state.panes[this.index];
    this.element.hidden = !shown;
    if (!shown) return;
    if (changed.has("panes")) this.load(shown);
    if (changed.has("theme")) this.theme = null;
    if (changed.has("pin") && !["views", "panes"].some((key) => changed.has(key)))
      this.reveal(state);
    this.invalidate([...changed].every((key) => OVERLAY_KEYS.includes(key)));
    if (["off", "hiddenParts", "wrong"].some((key) => changed.has(key))) this.repick();
  }

  /**
   * Moves to the positions of `shown`, at once if they are decoded; a newer wish overtakes an older
   * one.
   */
  load(shown) {
    const { data } = this;
    const wish = JSON.stringify(shown);
    if (wish === this.asked) return;
    this.asked = wish;
    const title = `${data.space(shown.space)?.title ?? shown.space} by ${data.method(shown.method)?.title ?? shown.method}`;
    this.canvas.setAttribute(
      "aria-label",
      `Map of ${title}. Arrow keys walk the neighbours of the pinned point.`,
    );
    const arrive = (positions) => {
      this.arrived = shown;
      this.moveTo(positions);
    };
    const ready = data.positionsNow(shown);
    if (ready) return arrive(ready);
    data.positions(shown).then(
      (positions) => this.asked === wish && arrive(positions),
      (error) => {
        showNote(`The map of ${title} cannot be shown: ${messageOf(error)}.`);
        this.broken.add(`${shown.space} ${shown.method} ${shown.epoch === null}`);
        if (this.asked === wish) this.stepBack();
      },
    );
  }

  /**
   * Names and points on view must belong together: back to the map that is drawn, or to one not yet
   * found broken.
   */
  stepBack() {
    const { data, store } = this;
    const maps = [
      ...data.maps.map((map) => ({ ...map, epoch: null })),
      ...data.epochs.map((map) => ({ ...map, epoch: map.coordinates.frames - 1 })),
    ];
    const known =
      this.arrived ||
      maps.find(
        ({ space, method, epoch }) => !this.broken.has(`${space} ${method} ${epoch === null}`),
      );
    if (!known) return;
    const { space, method, epoch } = known;
    store.set({
      playing: false,
      panes: store
        .get()
        .panes.map((pane, p) => (p === this.index ? { space, method, epoch } : pane)),
    });
  }

  moveTo(positions) {
    const now = performance.now();
    const still =
      matchMedia("(prefers-reduced-motion: reduce)").matches ||
      !this.place.to ||
      this.size().width === 0;
    const from = still ? positions : this.positionsAt(now);
    const linear = this.store.get().playing;
    this.place = { from, to: positions, start: now, duration: still ? 0 : TRANSITION_MS, linear };
    this.invalidate();
  }

  /** Share of the transition that is done, eased unless an animation plays through. */
  mixAt(now) {
    const { start, duration, linear } = this.place;
    if (duration === 0) return 1;
    const t = Math.min(1, Math.max(0, (now - start) / duration));
    return linear ? t : t * t * (3 - 2 * t);
  }

  /** Positions as they look at time `now`. */
  positionsAt(now) {
    const { from, to } = this.place;
    const mix = this.mixAt(now);
    if (mix === 1 || from === to) return to;
    const positions = new Float32Array(to.length);
    for (let i = 0; i < to.length; i++) positions[i] = from[i] + (to[i] - from[i]) * mix;
    return positions;
  }

  get moving() {
    return this.place.from !== this.place.to && this.mixAt(performance.now()) < 1;
  }

  size() {
    return { width: this.box.clientWidth, height: this.box.clientHeight };
  }

  view() {
    const { views } = this.store.get();
    return views[this.index] ?? views[0];
  }

  setView(view) {
    const { views, linked } = this.store.get();
    this.store.set({ views: views.map((known, p) => (p === this.index || linked ? view : known)) });
  }

  /** Zooms about the middle, for keys and buttons. */
  zoom(factor) {
    const { width, height } = this.size();
    this.setView(zoomAt(this.view(), width, height, width / 2, height / 2, factor));
  }

  /** Shows the whole map. */
  fit() {
    this.setView({ x: 0, y: 0, zoom: 1 });
  }

  /** Asks for a new frame; `overlayOnly` if the points themselves look as before. */
  invalidate(overlayOnly = false) {
    if (!overlayOnly) this.stale = true;
    if (this.frame === 0) this.frame = requestAnimationFrame(() => this.onFrame());
  }

  onFrame() {
    this.frame = 0;
    const { width, height } = this.size();
    if (this.element.hidden || width === 0 || height === 0 || !this.place.to) return;
    try {
      if (this.stale || this.ratio !== pixelRatio()) this.drawNow(this.view());
      else this.drawOver(this.view(), performance.now());
    } catch (error) {
      this.onFailure(error);
      return;
    }
    if (this.moving) this.invalidate();
    else if (this.place.from !== this.place.to && !this.place.settled) {
      this.place.settled = true;
      this.invalidate();
      this.repick();
    }
  }

  /** A frame that fails with WebGL is tried again on the canvas; what fails there is said. */
  onFailure(error) {
    if (this.renderer.kind === "webgl") return this.fallBack(`WebGL 2 failed: ${messageOf(error)}`);
    if (!this.failed) showNote(`The map cannot be drawn: ${messageOf(error)}.`);
    this.failed = true;
  }

  /** Draws map and overlay as seen through `view`. */
  drawNow(view) {
    const now = performance.now();
    const { width, height } = this.size();
    const ratio = pixelRatio();
    this.ratio = ratio;
    for (const canvas of [this.canvas, this.overlay]) {
      const [w, h] = [
        Math.max(1, Math.round(width * ratio)),
        Math.max(1, Math.round(height * ratio)),
      ];
      if (canvas.width !== w) canvas.width = w;
      if (canvas.height !== h) canvas.height = h;
    }
    if (!this.theme) this.theme = readTheme(this.box);
    this.updateList();
    const placed = projection(view, width, height);
    for (const key of Object.keys(placed)) placed[key] *= ratio;
    const radius = pointRadius(this.data.n, view.zoom, width, height);
    this.renderer.draw({
      ...placed,
      mix: this.mixAt(now),
      radius: radius * ratio,
      background: this.theme.background,
    });
    this.stale = false;
    this.drawOver(view, now);
  }

  /** Draws what lies over the points, as it is at time `now`. */
  drawOver(view, now) {
    const { width, height } = this.size();
    const radius = pointRadius(this.data.n, view.zoom, width, height);
    drawOverlay(this, { view, ratio: this.ratio, width, height, radius, mix: this.mixAt(now) });
    for (const listener of this.listeners) listener();
  }

  /** Packs the points anew if what they depend on changed. */
  updateList() {
    const state = this.store.get();
    const { from, to } = this.place;
    const wanted = {
      from,
      to,
      mask: visibleMask(state),
      pixels: this.shading(state),
      selection: state.selection,
    };
    if (this.list && Object.keys(wanted).every((key) => this.list.source[key] === wanted[key]))
      return;
    this.list = Object.assign(buildDrawList(wanted), { source: wanted });
    this.renderer.setPoints(this.list);
  }

  /** Index for picking over the visible points at rest, made when first needed. */
  grid() {
    const mask = visibleMask(this.store.get());
    const { to } = this.place;
    if (!this.picked || this.picked.to !== to || this.picked.mask !== mask)
      this.picked = { to, mask, index: createGridIndex(to, mask) };
    return this.picked.index;
  }

  /**
   * The visible point nearest to pixel (px, py) of the map within `reach` pixels, or -1; right
   * while points move, too.
   */
  pick(px, py, reach) {
    if (!this.place.to) return -1;
    const { width, height } = this.size();
    const view = this.view();
    const { x, y } = unproject(view, width, height, px, py);
    const worldReach = reach / projection(view, width, height).scaleX;
    if (!this.moving) return this.grid().nearest(x, y, worldReach);
    return nearestMoving(
      this.positionsAt(performance.now()),
      visibleMask(this.store.get()),
      x,
      y,
      worldReach,
    );
  }

  /** Replaced by the pointer's module: looks again at what lies under a resting pointer. */
  repick() {}

  /**
   * Indices of the visible points in view if they are few enough to show their images, else null.
   */
  fewInView(view) {
    if (!this.thumbnails.available || this.moving) return null;
    const { width, height } = this.size();
    const { x: left, y: top } = unproject(view, width, height, 0, 0);
    const { x: right, y: bottom } = unproject(view, width, height, width, height);
    return this.grid().within([left, bottom, right, top], IMAGES_IN_VIEW);
  }

  /**
   * Medians of the true or of the predicted classes, on their way from the former map to this one.
   */
  medians(mask, mix, byPrediction) {
    const { from, to } = this.place;
    const wanted = { mask, from, to, byPrediction };
    if (!this.named || Object.keys(wanted).some((key) => this.named[key] !== wanted[key])) {
      const target = classMedians(this.data, to, mask, byPrediction);
      this.named = {
        ...wanted,
        target,
        source: from === to ? target : classMedians(this.data, from, mask, byPrediction),
      };
    }
    const { source, target } = this.named;
    return target.map((end, l) => ({
      ...end,
      x: source[l].x + (end.x - source[l].x) * mix,
      y: source[l].y + (end.y - source[l].y) * mix,
    }));
  }

  /** Client pixels of point `i` now; null while no map is there. */
  screen(i) {
    if (!this.place.to || i < 0 || i >= this.data.n) return null;
    const { width, height } = this.size();
    const { scaleX, scaleY, offsetX, offsetY } = projection(this.view(), width, height);
    const { from, to } = this.place;
    const mix = this.mixAt(performance.now());
    const at = (axis) => from[2 * i + axis] + (to[2 * i + axis] - from[2 * i + axis]) * mix;
    const corner = this.box.getBoundingClientRect();
    return {
      x: corner.left + this.box.clientLeft + offsetX + at(0) * scaleX,
      y: corner.top + this.box.clientTop + offsetY + at(1) * scaleY,
    };
  }

  /**
   * Moves a point that was pinned elsewhere (by a key, in its card) into view; one pinned by the
   * pointer in this map is where people look.
   */
  reveal({ pin, pinPane }) {
    if (pin < 0 || pinPane !== this.index || this.pinning || !this.place.to) return;
    const { width, height } = this.size();
    const { scaleX, scaleY, offsetX, offsetY } = projection(this.view(), width, height);
    const [x, y] = [
      offsetX + this.place.to[2 * pin] * scaleX,
      offsetY + this.place.to[2 * pin + 1] * scaleY,
    ];
    if (width === 0 || height === 0 || (x >= 0 && x <= width && y >= 0 && y <= height)) return;
    const margin = Math.min(REVEAL_MARGIN, width / 4, height / 4);
    const shift = (at, length) => Math.min(length - margin, Math.max(margin, at)) - at;
    this.setView(panBy(this.view(), width, height, shift(x, width), shift(y, height)));
  }

  /** Calls `listener` after every drawn frame. */
  onDraw(listener) {
    this.listeners.push(listener);
  }

  /** Map and overlay as one canvas, in device pixels. */
  snapshot() {
    this.drawNow(this.view());
    const copy = document.createElement("canvas");
    copy.width = this.canvas.width;
    copy.height = this.canvas.height;
    const context = copy.getContext("2d");
    context.drawImage(this.canvas, 0, 0);
    context.drawImage(this.overlay, 0, 0);
    return copy;
  }

  /**
   * The visible points in drawing order: their indices, colours (ABGR) and places in CSS pixels of
   * the map.
   */
  points() {
    const { width, height } = this.size();
    const view = this.view();
    const { scaleX, scaleY, offsetX, offsetY } = projection(view, width, height);
    this.updateList();
    if (!this.theme) this.theme = readTheme(this.box);
    const { index, colors, count } = this.list;
    const positions = this.positionsAt(performance.now());
    const x = new Float32Array(count);
    const y = new Float32Array(count);
    for (let k = 0; k < count; k++) {
      x[k] = offsetX + positions[2 * index[k]] * scaleX;
      y[k] = offsetY + positions[2 * index[k] + 1] * scaleY;
    }
    return {
      index,
      colors,
      x,
      y,
      width,
      height,
      radius: pointRadius(this.data.n, view.zoom, width, height),
      background: this.theme.background,
    };
  }
}

function pixelRatio() {
  return Math.min(MAX_PIXEL_RATIO, window.devicePixelRatio || 1);
}

function paneElement(index) {
  const element = document.createElement("div");
  element.className = "pane";
  element.dataset.pane = index;
  element.innerHTML = `<div class="pane-head"></div><div class="map-box">
    <canvas class="map" tabindex="0" role="application" aria-label="Map"></canvas><canvas class="overlay" aria-hidden="true"></canvas></div>`;
  return element;
}

/** Colours of the style sheet, for the canvases. */
function readTheme(element) {
  const style = getComputedStyle(element);
  const value = (name, otherwise) => style.getPropertyValue(name).trim() || otherwise;
  return { background: value("--map-background", "#ffffff"), ink: value("--map-ink", "#1b1f24") };
}
