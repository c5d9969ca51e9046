/**
 * Share of the shorter side that the whole map fills at zoom 1, so that points at the rim are not
 * cut.
 */
const FILL = 0.94;
/** Beyond this, neighbouring steps of the 16-bit coordinates lie several pixels apart. */
const MAX_ZOOM = 400;
const MIN_ZOOM = 0.4;

/**
 * A view whose zoom is useful and whose middle lies in the map.
 * @param {View} view
 */
export function clampView(view) {
  const clamp = (
    /** @type {number} */ value,
    /** @type {number} */ low,
    /** @type {number} */ high,
  ) => Math.min(high, Math.max(low, value));
  return {
    x: clamp(view.x, -1.5, 1.5),
    y: clamp(view.y, -1.5, 1.5),
    zoom: clamp(view.zoom, MIN_ZOOM, MAX_ZOOM),
  };
}

/**
 * Pixels = offset + world * scale, axis by axis, for a map of `width` x `height`; y grows upwards
 * in the world.
 * @param {View} view
 * @param {number} width
 * @param {number} height
 */
export function projection(view, width, height) {
  const scale = (Math.min(width, height) / 2) * FILL * view.zoom;
  return {
    scaleX: scale,
    scaleY: -scale,
    offsetX: width / 2 - view.x * scale,
    offsetY: height / 2 + view.y * scale,
  };
}

/**
 * World point under pixel (px, py).
 * @param {View} view
 * @param {number} width
 * @param {number} height
 * @param {number} px
 * @param {number} py
 */
export function unproject(view, width, height, px, py) {
  const { scaleX, scaleY, offsetX, offsetY } = projection(view, width, height);
  return { x: (px - offsetX) / scaleX, y: (py - offsetY) / scaleY };
}

/**
 * `view` zoomed by `factor` so that the world point under pixel (px, py) stays there.
 * @param {View} view
 * @param {number} width
 * @param {number} height
 * @param {number} px
 * @param {number} py
 * @param {number} factor
 */
export function zoomAt(view, width, height, px, py, factor) {
  const { zoom } = clampView({ ...view, zoom: view.zoom * factor });
  const fixed = unproject(view, width, height, px, py);
  const share = view.zoom / zoom;
  return clampView({
    x: fixed.x + (view.x - fixed.x) * share,
    y: fixed.y + (view.y - fixed.y) * share,
    zoom,
  });
}

/**
 * `view` moved so that the map follows the pointer by (dx, dy) pixels.
 * @param {View} view
 * @param {number} width
 * @param {number} height
 * @param {number} dx
 * @param {number} dy
 */
export function panBy(view, width, height, dx, dy) {
  const { scaleX, scaleY } = projection(view, width, height);
  return clampView({ x: view.x - dx / scaleX, y: view.y - dy / scaleY, zoom: view.zoom });
}
