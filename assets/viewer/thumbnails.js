import { showNote, messageOf } from "./banner.js";
import { blockBytes } from "./blocks.js";

/**
 * Images of the points, cut from tiles that are decoded when first needed. `onTile` is called after
 * each.
 */
export function createThumbnails(data, onTile) {
  const { images } = data;
  const tiles = new Map();
  const wanted = new WeakMap();

  /** The tile's bitmap if it is there, else null; asks for it the first time. */
  function tileNow(t) {
    let tile = tiles.get(t);
    if (!tile) {
      tile = { bitmap: null, ready: null };
      tile.ready = loadTile(t).then((bitmap) => {
        tile.bitmap = bitmap;
        if (bitmap) onTile();
      });
      tiles.set(t, tile);
    }
    return tile;
  }

  async function loadTile(t) {
    try {
      const bytes = await blockBytes(images.tiles[t]);
      return await createImageBitmap(new Blob([bytes], { type: "image/png" }));
    } catch (error) {
      showNote(`Some images cannot be shown: ${messageOf(error)}.`);
      return null;
    }
  }

  function placeOf(i) {
    const slot = i % images.per_tile;
    return {
      t: Math.floor(i / images.per_tile),
      x: (slot % images.per_row) * images.width,
      y: Math.floor(slot / images.per_row) * images.height,
    };
  }

  /** Paints image `i` into a box of a 2-D context, if its tile is there; says whether it did. */
  function paint(context, i, x, y, width, height) {
    if (!images) return false;
    const place = placeOf(i);
    const { bitmap } = tileNow(place.t);
    if (!bitmap) return false;
    context.imageSmoothingEnabled = false;
    context.drawImage(bitmap, place.x, place.y, images.width, images.height, x, y, width, height);
    return true;
  }

  /**
   * Makes `canvas` the image of point `i`, in its own pixels. False if there is none, or if the
   * canvas shows another by then.
   */
  async function draw(canvas, i) {
    if (!images) return false;
    wanted.set(canvas, i);
    await tileNow(placeOf(i).t).ready;
    if (wanted.get(canvas) !== i) return false;
    canvas.width = images.width;
    canvas.height = images.height;
    return paint(canvas.getContext("2d"), i, 0, 0, images.width, images.height);
  }

  return {
    available: Boolean(images),
    width: images ? images.width : 0,
    height: images ? images.height : 0,
    draw,
    paint,
  };
}
