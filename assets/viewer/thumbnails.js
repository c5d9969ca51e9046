import { showNote, messageOf } from "./banner.js";
import { blockBytes } from "./blocks.js";
import { contextOf } from "./dom.js";

/**
 * Images of the points, cut from tiles that are decoded when first needed. `onTile` is called after
 * each.
 * @param {Data} data
 * @param {() => void} onTile
 * @returns {Thumbnails}
 */
export function createThumbnails({ images }, onTile) {
  if (images) return cutThumbnails(images, onTile);
  return { available: false, width: 0, height: 0, draw: async () => false, paint: () => false };
}

/**
 * @param {ImageTiles} images
 * @param {() => void} onTile
 * @returns {Thumbnails}
 */
function cutThumbnails(images, onTile) {
  const { width, height, per_row: perRow, per_tile: perTile } = images;
  /** @type {Map<number, ImageTile>} */
  const tiles = new Map();
  /** @type {WeakMap<HTMLCanvasElement, number>} The point whose image a canvas is to show. */
  const wanted = new WeakMap();

  /**
   * The tile with its bitmap if it is there, else null; asks for it the first time.
   * @param {number} t
   */
  function tileNow(t) {
    const known = tiles.get(t);
    if (known) return known;
    /** @type {ImageTile} */
    const tile = {
      bitmap: null,
      ready: loadTile(t).then((bitmap) => {
        tile.bitmap = bitmap;
        if (bitmap) onTile();
      }),
    };
    tiles.set(t, tile);
    return tile;
  }

  /** @param {number} t */
  async function loadTile(t) {
    try {
      const bytes = await blockBytes(images.tiles[t]);
      const type = images.kind === "jpeg" ? "image/jpeg" : "image/png";
      return await createImageBitmap(new Blob([bytes], { type }));
    } catch (error) {
      showNote(`Some images cannot be shown: ${messageOf(error)}.`);
      return null;
    }
  }

  /** @type {Thumbnails["paint"]} */
  function paint(context, i, x, y, w, h) {
    const { bitmap } = tileNow(Math.floor(i / perTile));
    if (!bitmap) return false;
    const slot = i % perTile;
    const [column, row] = [slot % perRow, Math.floor(slot / perRow)];
    context.imageSmoothingEnabled = false;
    context.drawImage(bitmap, column * width, row * height, width, height, x, y, w, h);
    return true;
  }

  /** @type {Thumbnails["draw"]} */
  async function draw(canvas, i) {
    wanted.set(canvas, i);
    await tileNow(Math.floor(i / perTile)).ready;
    if (wanted.get(canvas) !== i) return false;
    canvas.width = width;
    canvas.height = height;
    return paint(contextOf(canvas), i, 0, 0, width, height);
  }

  return { available: true, width, height, draw, paint };
}
