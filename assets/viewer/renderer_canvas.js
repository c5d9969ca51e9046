import { contextOf } from "./dom.js";
import { packColor } from "./palette.js";

/** Pixels around the frame, so that a point at the rim needs no test for each of its pixels. */
const PAD = 24;
/**
 * Above this many written pixels a frame, points become plain squares, which cost a fraction of a
 * disc.
 */
const DISC_BUDGET = 1600000;
/** Discs are kept at quarters of a pixel, so that slow motion is smooth. */
const STEPS = 4;

/**
 * Draws points by writing pixels: needs no GPU, and a million points take a few tens of
 * milliseconds.
 * @param {HTMLCanvasElement} canvas
 * @returns {Renderer}
 */
export function createCanvasRenderer(canvas) {
  const context = contextOf(canvas, { alpha: false });
  /** @type {DrawList|null} */
  let list = null;
  /** @type {PixelFrame|null} */
  let kept = null;
  /** @type {{background: string, list: DrawList, colors: Uint32Array}|null} */
  let premixed = null;
  let lastDrawn = Infinity;

  /** The frame of the canvas's size. */
  function frameNow() {
    const stride = canvas.width + 2 * PAD;
    const rows = canvas.height + 2 * PAD;
    if (kept && kept.stride === stride && kept.rows === rows) return kept;
    const image = new ImageData(stride, rows);
    kept = { image, pixels: new Uint32Array(image.data.buffer), stride, rows };
    return kept;
  }

  /** @param {DrawView} view */
  function draw(view) {
    const frame = frameNow();
    frame.pixels.fill(packColor(view.background));
    if (list && list.count > 0) {
      const { count } = list;
      const asDiscs = () => Math.min(lastDrawn, count) * (2 * view.radius + 1) ** 2 < DISC_BUDGET;
      const guess = asDiscs();
      lastDrawn = drawPoints(frame, list, view, guess);
      // The number in view was a guess from the frame before; where it misled, the frame is drawn
      // again.
      if (asDiscs() !== guess) {
        frame.pixels.fill(packColor(view.background));
        drawPoints(frame, list, view, !guess);
      }
    }
    context.putImageData(frame.image, -PAD, -PAD);
  }

  /**
   * @param {PixelFrame} frame
   * @param {DrawList} points
   * @param {DrawView} view
   * @param {boolean} discs
   */
  function drawPoints(frame, points, view, discs) {
    const { background } = view;
    const placed = { ...view, offsetX: view.offsetX + PAD, offsetY: view.offsetY + PAD };
    if (discs) return drawDiscs(frame, points, placed, discSprites(frame, view.radius));
    if (premixed?.background !== background || premixed.list !== points) {
      premixed = { background, list: points, colors: mixColors(points, background) };
    }
    return drawSquares(frame, points, placed, premixed.colors);
  }

  return {
    kind: "canvas",
    /** @param {DrawList} points */
    setPoints(points) {
      list = points;
      premixed = null;
      lastDrawn = Infinity;
    },
    draw,
    /** Waits until the frame is drawn: here it is, as soon as `draw` returns. */
    finish() {},
    destroy() {
      kept = null;
    },
  };
}

/**
 * Opaque colours as they look over the background; squares are written, not blended.
 * @param {DrawList} list
 * @param {string} background
 */
function mixColors(list, background) {
  const ground = packColor(background);
  const mixed = new Uint32Array(list.count);
  for (let k = 0; k < list.count; k++) {
    mixed[k] = blendPixel(ground, list.colors[k], list.colors[k] >>> 24);
  }
  return mixed;
}

/**
 * `above` over `below` with opacity `alpha` of 255; red and blue in one product.
 * @param {number} below
 * @param {number} above
 * @param {number} alpha
 */
function blendPixel(below, above, alpha) {
  const a = alpha + (alpha >> 7);
  const b = 256 - a;
  const redBlue =
    ((Math.imul(below & 0xff00ff, b) + Math.imul(above & 0xff00ff, a)) >>> 8) & 0xff00ff;
  const green = ((Math.imul(below & 0xff00, b) + Math.imul(above & 0xff00, a)) >>> 8) & 0xff00;
  return (0xff000000 | redBlue | green) >>> 0;
}

/**
 * @param {PixelFrame} frame
 * @param {DrawList} list
 * @param {DrawView} view
 * @param {Uint32Array} colors
 */
function drawSquares(frame, list, view, colors) {
  const { pixels, stride, rows } = frame;
  const { from, to, count } = list;
  const { scaleX, scaleY, mix } = view;
  const side = Math.min(PAD, Math.max(1, Math.round(2 * view.radius)));
  const offsetX = view.offsetX - side / 2 + 0.5;
  const offsetY = view.offsetY - side / 2 + 0.5;
  const right = stride - side;
  const bottom = rows - side;
  const moving = from !== to && mix < 1;
  let drawn = 0;
  for (let k = 0, p = 0; k < count; k++, p += 2) {
    const wx = moving ? from[p] + (to[p] - from[p]) * mix : to[p];
    const wy = moving ? from[p + 1] + (to[p + 1] - from[p + 1]) * mix : to[p + 1];
    const x = (offsetX + wx * scaleX) | 0;
    const y = (offsetY + wy * scaleY) | 0;
    if (x < 1 || y < 1 || x > right || y > bottom) continue;
    drawn++;
    const color = colors[k];
    let at = y * stride + x;
    if (side === 1) pixels[at] = color;
    else if (side === 2) {
      pixels[at] = color;
      pixels[at + 1] = color;
      pixels[at + stride] = color;
      pixels[at + stride + 1] = color;
    } else
      for (let row = 0; row < side; row++, at += stride)
        for (let column = 0; column < side; column++) pixels[at + column] = color;
  }
  return drawn;
}

/**
 * Smooth discs, one for each quarter of a pixel by which the middle may be off: offsets in the
 * frame and their coverage.
 * @param {PixelFrame} frame
 * @param {number} radius
 * @returns {DiscSprite[]}
 */
function discSprites(frame, radius) {
  const rounded = Math.min(PAD - 3, Math.round(radius * 8) / 8);
  if (frame.sprites && frame.spriteRadius === rounded) return frame.sprites;
  const { stride } = frame;
  const reach = Math.ceil(rounded + 1);
  const sprites = [];
  for (let step = 0; step < STEPS * STEPS; step++) {
    const middleX = ((step % STEPS) + 0.5) / STEPS;
    const middleY = (Math.floor(step / STEPS) + 0.5) / STEPS;
    const offsets = [];
    const coverage = [];
    for (let y = -reach; y <= reach; y++) {
      for (let x = -reach; x <= reach; x++) {
        const covered = Math.min(
          1,
          rounded + 0.5 - Math.hypot(x + 0.5 - middleX, y + 0.5 - middleY),
        );
        if (covered < 0.02) continue;
        offsets.push(y * stride + x);
        coverage.push(Math.round(covered * 256));
      }
    }
    sprites.push({ offsets: Int32Array.from(offsets), coverage: Uint16Array.from(coverage) });
  }
  Object.assign(frame, { spriteRadius: rounded, sprites });
  return sprites;
}

/**
 * @param {PixelFrame} frame
 * @param {DrawList} list
 * @param {DrawView} view
 * @param {DiscSprite[]} sprites
 */
function drawDiscs(frame, list, view, sprites) {
  const { pixels, stride, rows } = frame;
  const { from, to, count, colors } = list;
  const { scaleX, scaleY, offsetX, offsetY, mix } = view;
  const reach = Math.ceil(view.radius + 2);
  const right = stride - reach;
  const bottom = rows - reach;
  const moving = from !== to && mix < 1;
  let drawn = 0;
  for (let k = 0, p = 0; k < count; k++, p += 2) {
    const wx = moving ? from[p] + (to[p] - from[p]) * mix : to[p];
    const wy = moving ? from[p + 1] + (to[p + 1] - from[p + 1]) * mix : to[p + 1];
    const px = offsetX + wx * scaleX;
    const py = offsetY + wy * scaleY;
    if (!(px > reach && py > reach && px < right && py < bottom)) continue;
    drawn++;
    const x = px | 0;
    const y = py | 0;
    const { offsets, coverage } =
      sprites[(((py - y) * STEPS) | 0) * STEPS + (((px - x) * STEPS) | 0)];
    const at = y * stride + x;
    const color = colors[k];
    const alpha = (color >>> 24) + 1;
    for (let s = 0; s < offsets.length; s++) {
      const target = at + offsets[s];
      const a = (coverage[s] * alpha) >> 8;
      const below = pixels[target];
      const redBlue =
        ((Math.imul(below & 0xff00ff, 256 - a) + Math.imul(color & 0xff00ff, a)) >>> 8) & 0xff00ff;
      const green =
        ((Math.imul(below & 0xff00, 256 - a) + Math.imul(color & 0xff00, a)) >>> 8) & 0xff00;
      pixels[target] = 0xff000000 | redBlue | green;
    }
  }
  return drawn;
}
