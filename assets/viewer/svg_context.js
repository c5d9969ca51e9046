import { contextOf } from "./dom.js";
import { svgEscape } from "./painter.js";

/**
 * What the overlay of a map draws with, as SVG elements: the same calls as those of a 2-D context,
 * so that both pictures of a view agree.
 */
export class SvgContext {
  /** @type {string[]} */
  #parts = [];
  /** @type {string[]} */
  #path = [];
  #ruler = contextOf(document.createElement("canvas"));
  fillStyle = "#000000";
  strokeStyle = "#000000";
  lineWidth = 1;
  globalAlpha = 1;
  font = "";
  textAlign = "";
  textBaseline = "";
  lineJoin = "";
  imageSmoothingEnabled = false;

  /** The elements. */
  get text() {
    return this.#parts.join("\n");
  }

  clearRect() {}

  beginPath() {
    this.#path = [];
  }

  /** @param {number} x @param {number} y */
  moveTo(x, y) {
    this.#path.push(`M${tenth(x)} ${tenth(y)}`);
  }

  /** @param {number} x @param {number} y */
  lineTo(x, y) {
    this.#path.push(`L${tenth(x)} ${tenth(y)}`);
  }

  /**
   * A whole circle, the only arc that the overlay draws.
   * @param {number} x
   * @param {number} y
   * @param {number} radius
   */
  arc(x, y, radius) {
    const half = (/** @type {number} */ end) =>
      `A${tenth(radius)} ${tenth(radius)} 0 1 1 ${tenth(end)} ${tenth(y)}`;
    this.#path.push(`M${tenth(x - radius)} ${tenth(y)}${half(x + radius)}${half(x - radius)}`);
  }

  /** @param {number} x @param {number} y @param {number} w @param {number} h */
  rect(x, y, w, h) {
    this.#path.push(`M${tenth(x)} ${tenth(y)}h${tenth(w)}v${tenth(h)}h${tenth(-w)}z`);
  }

  fill() {
    const opacity = this.globalAlpha;
    this.#parts.push(
      `<path d="${this.#path.join("")}" fill="${this.fillStyle}" fill-opacity="${opacity}"/>`,
    );
  }

  stroke() {
    const line = `stroke="${this.strokeStyle}" stroke-width="${this.lineWidth}"`;
    const opacity = `stroke-opacity="${this.globalAlpha}"`;
    this.#parts.push(`<path d="${this.#path.join("")}" fill="none" ${line} ${opacity}/>`);
  }

  /** @param {number} x @param {number} y @param {number} w @param {number} h */
  fillRect(x, y, w, h) {
    this.beginPath();
    this.rect(x, y, w, h);
    this.fill();
  }

  /** @param {string} text */
  measureText(text) {
    this.#ruler.font = this.font;
    return this.#ruler.measureText(text);
  }

  /** @param {string} text @param {number} x @param {number} y */
  strokeText(text, x, y) {
    const line = `stroke="${this.strokeStyle}" stroke-width="${this.lineWidth}"`;
    this.#write(text, x, y, `fill="none" ${line} stroke-linejoin="${this.lineJoin}"`);
  }

  /** @param {string} text @param {number} x @param {number} y */
  fillText(text, x, y) {
    this.#write(text, x, y, `fill="${this.fillStyle}"`);
  }

  /** @param {string} text @param {number} x @param {number} y @param {string} paint */
  #write(text, x, y, paint) {
    const [, weight = "400", size = "12"] = /^(\d+) (\d+)px/.exec(this.font) ?? [];
    const place = `x="${tenth(x)}" y="${tenth(y + Number(size) / 3)}" text-anchor="middle"`;
    const font = `font-size="${size}" font-weight="${weight}"`;
    this.#parts.push(`<text ${place} ${font} ${paint}>${svgEscape(text)}</text>`);
  }

  /**
   * A part of an image, with its own pixels.
   * @param {CanvasImageSource} image
   * @param {number} sx
   * @param {number} sy
   * @param {number} sw
   * @param {number} sh
   * @param {number} x
   * @param {number} y
   * @param {number} w
   * @param {number} h
   */
  drawImage(image, sx, sy, sw, sh, x, y, w, h) {
    const canvas = document.createElement("canvas");
    canvas.width = sw;
    canvas.height = sh;
    contextOf(canvas).drawImage(image, sx, sy, sw, sh, 0, 0, sw, sh);
    const place = `x="${tenth(x)}" y="${tenth(y)}" width="${tenth(w)}" height="${tenth(h)}"`;
    const look = `opacity="${this.globalAlpha}" style="image-rendering: pixelated"`;
    this.#parts.push(`<image ${place} ${look} href="${canvas.toDataURL("image/png")}"/>`);
  }
}

/** @param {number} value */
function tenth(value) {
  return Math.round(value * 10) / 10;
}
