/** Colours of points without a class. */
export const noClassColor = "#8a93a0";
/** The darkest ground that the page shows colours on, as in style.css. */
const DARK_PAPER = "#111417";
/** Least contrast of a colour with a dark ground, and the share of white that each step adds. */
const CONTRAST = 4;
const WHITE_STEP = 0.05;
const PART_COLORS = ["#3f90da", "#ffa90e", "#832db6", "#bd1f01", "#94a4a2"];
/**
 * From little to much: differs in lightness as well as in hue, and keeps apart from white and from
 * near-black.
 */
export const rampStops = ["#7a3fae", "#c2418f", "#e8733c", "#d9a514"];

/**
 * Colour of class `c`.
 * @param {Data} data
 * @param {number} c
 */
export function classColor(data, c) {
  return data.classes[c]?.color ?? noClassColor;
}

/**
 * Colour of part `p`, an index into the page's parts.
 * @param {number} p
 */
export function partColor(p) {
  return PART_COLORS[p % PART_COLORS.length];
}

/**
 * Colour of a share between 0 and 1.
 * @param {number} t
 */
export function rampColor(t) {
  const at = Math.min(1, Math.max(0, t)) * (rampStops.length - 1);
  const left = Math.min(rampStops.length - 2, Math.floor(at));
  const [a, b] = [hexChannels(rampStops[left]), hexChannels(rampStops[left + 1])];
  return `#${a
    .map((value, c) =>
      Math.round(value + (b[c] - value) * (at - left))
        .toString(16)
        .padStart(2, "0"),
    )
    .join("")}`;
}

/**
 * A colour of a class, a part or a value as it is shown on `ground`: on a dark one dark colours are
 * mixed with white until they stand out.
 * @param {string} color
 * @param {string} ground
 */
export function onGround(color, ground) {
  if (luminance(hexChannels(ground)) > 0.2) return color;
  const [low, channels] = [luminance(hexChannels(ground)), hexChannels(color)];
  for (let white = 0; white < 1; white += WHITE_STEP) {
    const mixed = channels.map((value) => Math.round(value + (255 - value) * white));
    if ((luminance(mixed) + 0.05) / (low + 0.05) >= CONTRAST) {
      return `#${mixed.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
    }
  }
  return color;
}

/**
 * Relative luminance of WCAG 2 of [red, green, blue].
 * @param {number[]} channels
 */
function luminance(channels) {
  const [r, g, b] = channels.map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/**
 * Sets a colour of a class, a part or a value in the style of an element, as the theme needs it. An
 * old browser, which knows no light-dark(), keeps the one for light grounds.
 * @param {HTMLElement} element
 * @param {"background-color"|"border-bottom-color"} property
 * @param {string} color
 */
export function paint(element, property, color) {
  element.style.setProperty(property, color);
  element.style.setProperty(property, `light-dark(${color}, ${onGround(color, DARK_PAPER)})`);
}

/**
 * [red, green, blue] of "#rrggbb"; anything else is the grey of no class.
 * @param {string} color
 */
export function hexChannels(color) {
  const hex = /^#[0-9a-f]{6}$/i.test(color) ? color : noClassColor;
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

/**
 * A colour as a 32-bit pixel of ImageData (little-endian: alpha, blue, green, red).
 * @param {string} color
 * @param {number} [alpha]
 */
export function packColor(color, alpha = 255) {
  const [r, g, b] = hexChannels(color);
  return ((alpha << 24) | (b << 16) | (g << 8) | r) >>> 0;
}

/**
 * One opaque pixel value a point, by `state.color`. `overlapShares`: place of each point's overlap
 * on the ramp, or null while unknown.
 * @param {State} state
 * @param {Float32Array|null} overlapShares
 * @param {string} ground
 */
export function pointColors(state, overlapShares, ground) {
  const { data, color } = state;
  const pixels = new Uint32Array(data.n);
  const none = packColor(noClassColor);
  const ramp = Array.from({ length: 256 }, (_, t) => packColor(rampColor(t / 255)));
  const packed = (/** @type {string} */ entry) => packColor(onGround(entry, ground));
  const classes = data.classes.map((entry) => packed(entry.color));
  const ofClass = (/** @type {NumberArray} */ values) => {
    for (let i = 0; i < pixels.length; i++) pixels[i] = classes[values[i]] ?? none;
  };
  pixels.fill(none);
  const { labels, predictions, confidence } = data;
  const classed = labels ?? predictions;
  if (color === "class" && classed) ofClass(classed);
  if (color === "prediction" && predictions) ofClass(predictions);
  if (color === "part") {
    data.parts.forEach(({ first, n }, p) => pixels.fill(packed(partColor(p)), first, first + n));
  }
  if (color === "confidence" && confidence) {
    for (let i = 0; i < pixels.length; i++) pixels[i] = ramp[confidence[i]];
  }
  const column = data.column(color);
  if (column && !column.measure) {
    const colors = column.colors.map(packed);
    for (let i = 0; i < pixels.length; i++) pixels[i] = colors[column.codes[i]] ?? none;
  }
  const measure = data.measure(color);
  if (measure) {
    for (let i = 0; i < pixels.length; i++) {
      const share = measure.share(i);
      if (!Number.isNaN(share)) pixels[i] = ramp[Math.round(255 * share)];
    }
  }
  if (color === "overlap" && overlapShares) {
    for (let i = 0; i < pixels.length; i++) pixels[i] = ramp[Math.round(overlapShares[i] * 255)];
  }
  return pixels;
}
