import { projection } from "./camera.js";
import { visibleMask } from "./state.js";
import { placeLabels } from "./labels.js";

const LINES = 5;
/** With more classes than this, names on the map would be noise and their medians slow. */
const MAX_CLASSES = 500;

/** Draws what lies over the points: images, neighbour lines, rings, class names. */
export function drawOverlay(pane, frame) {
  const context = pane.overlay.getContext("2d");
  const { ratio, width, height, view } = frame;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  const scene = { pane, context, state: pane.store.get(), at: pointPlace(pane, frame), ...frame };
  const images = pane.fewInView(view);
  pane.imageSize = images ? drawImages(scene, images) : 0;
  drawFocus(scene);
  if (!images) drawLabels(scene);
}

/** Function from a point's index to its [x, y] in CSS pixels. */
function pointPlace(pane, { view, width, height, mix }) {
  const { scaleX, scaleY, offsetX, offsetY } = projection(view, width, height);
  const { from, to } = pane.place;
  const moved = (i) => from[i] + (to[i] - from[i]) * mix;
  return (i) => [offsetX + moved(2 * i) * scaleX, offsetY + moved(2 * i + 1) * scaleY];
}

/**
 * Images of the few points in view, framed in the colour of their point, the pinned and the hovered
 * one on top; returns their size.
 */
function drawImages({ pane, context, state, at, width, height }, indices) {
  const { thumbnails } = pane;
  const pixels = pane.shading(state);
  const size = Math.min(
    64,
    Math.max(22, Math.sqrt((width * height) / Math.max(1, indices.length)) * 0.4),
  );
  const tall = (size * thumbnails.height) / thumbnails.width;
  const { selection } = state;
  const layerOf = (i) => (i === state.hover ? 2 : i === state.pin ? 1 : 0);
  for (const i of [...indices].sort((a, b) => layerOf(a) - layerOf(b) || a - b)) {
    const [x, y] = at(i);
    context.globalAlpha = selection && !selection[i] ? 0.3 : 1;
    context.fillStyle = cssColor(pixels[i]);
    context.fillRect(x - size / 2 - 2, y - tall / 2 - 2, size + 4, tall + 4);
    thumbnails.paint(context, i, x - size / 2, y - tall / 2, size, tall);
  }
  context.globalAlpha = 1;
  return size;
}

function cssColor(pixel) {
  return `rgb(${pixel & 255} ${(pixel >> 8) & 255} ${(pixel >> 16) & 255})`;
}

/**
 * Lines to the nearest neighbours in the space itself, and rings around the pinned and the hovered
 * point.
 */
function drawFocus(scene) {
  const { pane, state } = scene;
  const { data } = pane;
  const mask = visibleMask(state);
  const focus = state.pin >= 0 && mask[state.pin] ? state.pin : state.hover;
  if (focus >= 0) {
    const near = data.neighbors(state.panes[pane.index].space, focus, LINES) || [];
    drawLines(
      scene,
      focus,
      near.filter((j) => mask[j]),
    );
  }
  if (state.pin >= 0 && mask[state.pin]) drawRing(scene, state.pin, 2.5);
  if (state.hover >= 0 && state.hover !== state.pin) drawRing(scene, state.hover, 1.5);
}

function drawLines({ context, at, pane }, i, others) {
  const [x, y] = at(i);
  context.beginPath();
  for (const j of others) {
    context.moveTo(x, y);
    context.lineTo(...at(j));
  }
  context.lineWidth = 1;
  context.strokeStyle = pane.theme.ink;
  context.globalAlpha = 0.55;
  context.stroke();
  context.globalAlpha = 1;
}

/**
 * A ring (round an image: a frame) seen on any ground: ink on a wider line of the background's
 * colour.
 */
function drawRing({ context, at, pane, radius, state }, i, thickness) {
  const { theme, imageSize, thumbnails } = pane;
  const tall = imageSize && (imageSize * thumbnails.height) / thumbnails.width;
  const [x, y] = at(i);
  if (!imageSize) {
    context.beginPath();
    context.arc(x, y, radius + 1, 0, 2 * Math.PI);
    context.fillStyle = cssColor(pane.shading(state)[i]);
    context.fill();
  }
  for (const [color, width] of [
    [theme.background, thickness + 2],
    [theme.ink, thickness],
  ]) {
    context.beginPath();
    if (imageSize) context.rect(x - imageSize / 2 - 4, y - tall / 2 - 4, imageSize + 8, tall + 8);
    else context.arc(x, y, radius + 3.5, 0, 2 * Math.PI);
    context.lineWidth = width;
    context.strokeStyle = color;
    context.stroke();
  }
}

/**
 * Names of the classes at the medians of their visible points, as far as they do not cover each
 * other.
 */
function drawLabels({ pane, context, state, view, width, height, mix }) {
  const { data, theme, place } = pane;
  const { length } = data.classes;
  if (length === 0 || length > MAX_CLASSES || !(data.labels || data.predictions)) return;
  const { scaleX, scaleY, offsetX, offsetY } = projection(view, width, height);
  context.font = "600 12px system-ui, sans-serif";
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineJoin = "round";
  // Names stand where their colour is.
  const medians = pane.medians(visibleMask(state), mix, state.color === "prediction");
  const anchors = medians.map(({ c, x, y, n }) => ({
    c,
    n,
    x: offsetX + x * scaleX,
    y: offsetY + y * scaleY,
  }));
  const labels = placeLabels(
    anchors,
    (c) => context.measureText(data.classes[c].name).width,
    width,
    height,
  );
  context.lineWidth = 4;
  context.strokeStyle = theme.background;
  context.fillStyle = theme.ink;
  for (const { c, x, y } of labels) {
    context.strokeText(data.classes[c].name, x, y);
    context.fillText(data.classes[c].name, x, y);
  }
}
