import { contextOf } from "./dom.js";

const PAINTER_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";

/**
 * The text, or as much of its beginning as is `width` wide at most together with an ellipsis.
 * @param {string} text
 * @param {number} width
 * @param {number} size
 * @param {boolean} [bold]
 */
export function fitText(text, width, size, bold = false) {
  const context = contextOf(document.createElement("canvas"));
  context.font = painterFont(size, bold);
  if (context.measureText(text).width <= width) return text;
  const letters = Array.from(text);
  const cut = (/** @type {number} */ n) => `${letters.slice(0, n).join("").trimEnd()}\u2026`;
  let [fits, tooLong] = [0, letters.length];
  while (tooLong - fits > 1) {
    const middle = (fits + tooLong) >> 1;
    if (context.measureText(cut(middle)).width <= width) fits = middle;
    else tooLong = middle;
  }
  return cut(fits);
}

/** @param {number} size @param {boolean} bold */
function painterFont(size, bold) {
  return `${bold ? 600 : 400} ${size}px ${PAINTER_FONT}`;
}

/**
 * Draws on a 2-D context; same calls as the SVG painter.
 * @param {CanvasRenderingContext2D} context
 * @returns {Painter}
 */
export function canvasPainter(context) {
  return {
    rect(x, y, width, height, color) {
      context.fillStyle = color;
      context.fillRect(x, y, width, height);
    },
    frame(x, y, width, height, color) {
      context.strokeStyle = color;
      context.strokeRect(x, y, width, height);
    },
    circle(x, y, radius, color) {
      context.fillStyle = color;
      context.beginPath();
      context.arc(x, y, radius, 0, 2 * Math.PI);
      context.fill();
    },
    text(x, y, text, size, color, bold) {
      context.fillStyle = color;
      context.font = painterFont(size, bold);
      context.fillText(text, x, y);
    },
    image(canvas, x, y, width, height) {
      context.drawImage(canvas, x, y, width, height);
    },
  };
}

/**
 * Writes SVG; `file()` is the text of it.
 * @param {number} width
 * @param {number} height
 */
export function svgPainter(width, height) {
  /** @type {string[]} */
  const parts = [];
  return {
    /**
     * @param {number} x
     * @param {number} y
     * @param {number} w
     * @param {number} h
     * @param {string} color
     */
    rect(x, y, w, h, color) {
      parts.push(`<rect x="${x}" y="${y}" width="${w}" height="${h}" fill="${color}"/>`);
    },
    /**
     * @param {number} x
     * @param {number} y
     * @param {number} w
     * @param {number} h
     * @param {string} color
     */
    frame(x, y, w, h, color) {
      parts.push(
        `<rect x="${x}" y="${y}" width="${w}" height="${h}" fill="none" stroke="${color}"/>`,
      );
    },
    /** @param {number} x @param {number} y @param {number} radius @param {string} color */
    circle(x, y, radius, color) {
      parts.push(`<circle cx="${x}" cy="${y}" r="${radius}" fill="${color}"/>`);
    },
    /**
     * @param {number} x
     * @param {number} y
     * @param {string} text
     * @param {number} size
     * @param {string} color
     * @param {boolean} bold
     */
    text(x, y, text, size, color, bold) {
      const place = `x="${x}" y="${y}" font-size="${size}"`;
      const paint = `fill="${color}" font-weight="${bold ? 600 : 400}"`;
      parts.push(`<text ${place} ${paint}>${svgEscape(text)}</text>`);
    },
    /**
     * @param {HTMLCanvasElement} canvas
     * @param {number} x
     * @param {number} y
     * @param {number} w
     * @param {number} h
     */
    image(canvas, x, y, w, h) {
      const place = `x="${x}" y="${y}" width="${w}" height="${h}"`;
      parts.push(`<image ${place} href="${canvas.toDataURL("image/png")}"/>`);
    },
    /**
     * The points of a map, and over them the elements of its overlay, clipped to the map.
     * @param {PlacedPoints} points
     * @param {string} overlay
     * @param {number} x
     * @param {number} y
     */
    map(points, overlay, x, y) {
      parts.push(svgMap(points, overlay, x, y));
    },
    file() {
      const size = `width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`;
      return [
        `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="${PAINTER_FONT}">`,
        ...parts,
        "</svg>",
      ].join("\n");
    },
  };
}

/**
 * Circles in the order of the map, clipped to it; `colors` are ABGR words as canvases hold them.
 * @param {PlacedPoints} points
 * @param {string} overlay
 * @param {number} left
 * @param {number} top
 */
function svgMap(points, overlay, left, top) {
  const { index, colors, x, y, radius, width, height, background } = points;
  const box = `x="${left}" y="${top}" width="${width}" height="${height}"`;
  const rows = [`<rect ${box} fill="${background}"/>`, `<svg ${box}>`];
  for (let p = 0; p < index.length; p++) {
    const inside = (/** @type {number} */ at, /** @type {number} */ length) =>
      at >= -radius && at <= length + radius;
    if (!inside(x[p], width) || !inside(y[p], height)) continue;
    const rgb = ((colors[p] & 0xff) << 16) | (colors[p] & 0xff00) | ((colors[p] >>> 16) & 0xff);
    const opacity = ((colors[p] >>> 24) / 255).toFixed(2);
    const fill = `fill="#${rgb.toString(16).padStart(6, "0")}" fill-opacity="${opacity}"`;
    const place = `cx="${x[p].toFixed(1)}" cy="${y[p].toFixed(1)}"`;
    rows.push(`<circle ${place} r="${radius.toFixed(2)}" ${fill}/>`);
  }
  rows.push(overlay, "</svg>");
  return rows.join("\n");
}

/**
 * What XML cannot hold as it is; control characters have no place in it at all.
 * @param {string} text
 */
export function svgEscape(text) {
  /** @type {Record<string, string>} */
  const entities = { "<": "&lt;", ">": "&gt;", "&": "&amp;", '"': "&quot;", "'": "&#39;" };
  return text
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "")
    .replace(/[<>&"']/g, (c) => entities[c]);
}
