import { visibleMask } from "./state.js";
import { placeLabels } from "./labels.js";

const LINES = 5;
/** Least distance of two images, as a share of their size. */
const APART = 0.6;
/** With more classes than this, names on the map would be noise and their middles slow. */
const MAX_CLASSES = 500;

/**
 * Draws what lies over the points: images, neighbour lines, rings, class names.
 * @param {Scene} scene
 * @returns {number} the width of the images, 0 if there are none
 */
export function drawOverlay(scene) {
  const { context, images, width, height } = scene;
  context.clearRect(0, 0, width, height);
  const imageSize = images ? drawImages(scene, images) : 0;
  drawFocus(scene, imageSize);
  if (!images) drawLabels(scene);
  return imageSize;
}

/**
 * Images of the few points in view, framed in the colour of their point; of those that would hide
 * each other, the pinned, a selected or the first one. The hovered one lies on top. Returns their
 * size.
 * @param {Scene} scene
 * @param {number[]} indices
 */
function drawImages({ context, state, thumbnails, pixels, at, width, height }, indices) {
  const room = Math.sqrt((width * height) / Math.max(1, indices.length));
  const size = Math.min(64, Math.max(22, room * 0.4));
  const tall = (size * thumbnails.height) / thumbnails.width;
  const { selection } = state;
  const rank = (/** @type {number} */ i) => (i === state.pin ? 0 : selection?.[i] ? 1 : 2);
  const order = [...indices].sort((a, b) => rank(a) - rank(b) || a - b);
  const shown = apart(order, at, APART * size, APART * tall).reverse();
  if (indices.includes(state.hover)) {
    const [x, y] = at(state.hover);
    shown.push({ i: state.hover, x, y });
  }
  for (const { i, x, y } of shown) {
    context.globalAlpha = selection && !selection[i] ? 0.3 : 1;
    context.fillStyle = cssColor(pixels[i]);
    context.fillRect(x - size / 2 - 2, y - tall / 2 - 2, size + 4, tall + 4);
    thumbnails.paint(context, i, x - size / 2, y - tall / 2, size, tall);
  }
  context.globalAlpha = 1;
  return size;
}

/**
 * Points in their order without those that are nearer than `across` and `down` to an earlier one.
 * @param {number[]} order
 * @param {(i: number) => [number, number]} at
 * @param {number} across
 * @param {number} down
 */
function apart(order, at, across, down) {
  /** @type {Map<string, {i: number, x: number, y: number}>} by cell, of which each holds one */
  const kept = new Map();
  for (const i of order) {
    const [x, y] = at(i);
    const [column, row] = [Math.floor(x / across), Math.floor(y / down)];
    const near = [-1, 0, 1].flatMap((c) => [-1, 0, 1].map((r) => `${column + c} ${row + r}`));
    const covered = near.some((cell) => {
      const other = kept.get(cell);
      return other && Math.abs(other.x - x) < across && Math.abs(other.y - y) < down;
    });
    if (!covered) kept.set(`${column} ${row}`, { i, x, y });
  }
  return [...kept.values()];
}

/** @param {number} pixel */
function cssColor(pixel) {
  return `rgb(${pixel & 255} ${(pixel >> 8) & 255} ${(pixel >> 16) & 255})`;
}

/**
 * Lines to the nearest neighbours in the space itself, and rings around the pinned and the hovered
 * point.
 * @param {Scene} scene
 * @param {number} imageSize
 */
function drawFocus(scene, imageSize) {
  const { state, data, space } = scene;
  const mask = visibleMask(state);
  const focus = state.pin >= 0 && mask[state.pin] ? state.pin : state.hover;
  if (focus >= 0) {
    const near = data.neighbors(space, focus, LINES) || [];
    drawLines(
      scene,
      focus,
      near.filter((j) => mask[j]),
    );
  }
  if (state.pin >= 0 && mask[state.pin]) drawRing(scene, imageSize, state.pin, 2.5);
  if (state.hover >= 0 && state.hover !== state.pin) drawRing(scene, imageSize, state.hover, 1.5);
}

/**
 * @param {Scene} scene
 * @param {number} i
 * @param {number[]} others
 */
function drawLines({ context, at, theme }, i, others) {
  const [x, y] = at(i);
  context.beginPath();
  for (const j of others) {
    context.moveTo(x, y);
    context.lineTo(...at(j));
  }
  context.lineWidth = 1;
  context.strokeStyle = theme.ink;
  context.globalAlpha = 0.55;
  context.stroke();
  context.globalAlpha = 1;
}

/**
 * A ring (round an image: a frame) seen on any ground: ink on a wider line of the background's
 * colour.
 * @param {Scene} scene
 * @param {number} imageSize
 * @param {number} i
 * @param {number} thickness
 */
function drawRing({ context, at, theme, thumbnails, pixels, radius }, imageSize, i, thickness) {
  const tall = imageSize && (imageSize * thumbnails.height) / thumbnails.width;
  const [x, y] = at(i);
  if (!imageSize) {
    context.beginPath();
    context.arc(x, y, radius + 1, 0, 2 * Math.PI);
    context.fillStyle = cssColor(pixels[i]);
    context.fill();
  }
  const outline = (/** @type {string} */ color, /** @type {number} */ width) => {
    context.beginPath();
    if (imageSize) {
      context.rect(x - imageSize / 2 - 4, y - tall / 2 - 4, imageSize + 8, tall + 8);
    } else context.arc(x, y, radius + 3.5, 0, 2 * Math.PI);
    context.lineWidth = width;
    context.strokeStyle = color;
    context.stroke();
  };
  outline(theme.background, thickness + 2);
  outline(theme.ink, thickness);
}

/**
 * Names of the classes at the middles of their visible points, as far as they do not cover each
 * other.
 * @param {Scene} scene
 */
function drawLabels({ context, state, data, theme, placed, width, height, middles }) {
  const { length } = data.classes;
  if (length === 0 || length > MAX_CLASSES || !(data.labels || data.predictions)) return;
  const { scaleX, scaleY, offsetX, offsetY } = placed;
  context.font = "600 12px system-ui, sans-serif";
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineJoin = "round";
  // Names stand where their colour is.
  const anchors = middles(visibleMask(state), state.color === "prediction").map(
    ({ c, x, y, n }) => ({ c, n, x: offsetX + x * scaleX, y: offsetY + y * scaleY }),
  );
  const textWidth = (/** @type {number} */ c) => context.measureText(data.classes[c].name).width;
  context.lineWidth = 4;
  context.strokeStyle = theme.background;
  context.fillStyle = theme.ink;
  for (const { c, x, y } of placeLabels(anchors, textWidth, width, height)) {
    context.strokeText(data.classes[c].name, x, y);
    context.fillText(data.classes[c].name, x, y);
  }
}
