/** Colours of points without a class. */
export const noClassColor = "#8a93a0";
/**
 * The colours of classes, parts and values, each with the one that takes its place on a dark page:
 * of the same hue, a contrast of 3 at least with the ground, and as far apart from each other
 * (CIE 1976, 18 for the first ten, 11 for all) as those of the light page.
 */
const ON_DARK = new Map([
  ["#3f90da", "#529adc"],
  ["#ffa90e", "#ffbb00"],
  ["#bd1f01", "#dc2618"],
  ["#94a4a2", "#95a7a5"],
  ["#832db6", "#984adc"],
  ["#a96b59", "#a76957"],
  ["#e76300", "#ed7b00"],
  ["#b9ac70", "#b9ac6f"],
  ["#717581", "#737584"],
  ["#92dadd", "#9ce3ed"],
  ["#32638f", "#547196"],
  ["#a57215", "#a77213"],
  ["#7e1f0d", "#b9503c"],
  ["#656f6e", "#677370"],
  ["#5b277a", "#915aa7"],
  ["#724d42", "#846a5e"],
  ["#97480c", "#a76012"],
  ["#7b7450", "#84764f"],
  ["#50535a", "#8e8f96"],
  ["#648f91", "#699694"],
  ["#8cbce9", "#85bced"],
  ["#ffcb6e", "#edbf6a"],
  ["#d77967", "#dc7360"],
  ["#bfc8c7", "#becac8"],
  ["#b581d3", "#b681ca"],
  ["#cba69b", "#caa29c"],
  ["#f1a166", "#eda167"],
  ["#d5cda9", "#dccea6"],
  ["#aaacb3", "#aaabb9"],
  ["#bee9eb", "#c7eced"],
]);
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
 * A colour of a class, a part or a value as it is shown on `ground`.
 * @param {string} color
 * @param {string} ground
 */
export function onGround(color, ground) {
  const isDark = hexChannels(ground).every((channel) => channel < 128);
  return isDark ? onDark(color) : color;
}

/** @param {string} color */
function onDark(color) {
  return ON_DARK.get(color) ?? color;
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
  element.style.setProperty(property, `light-dark(${color}, ${onDark(color)})`);
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
