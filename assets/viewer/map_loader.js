import { showNote, messageOf } from "./banner.js";

/**
 * "layer 2 by t-SNE".
 * @param {Data} data
 * @param {PaneState} shown
 */
export function mapTitle(data, { space, method }) {
  return `${data.space(space)?.title ?? space} by ${data.method(method)?.title ?? method}`;
}

/**
 * Names a block of positions: the epochs of a map share one.
 * @param {PaneState} shown
 */
function blockKey({ space, method, epoch }) {
  return `${space} ${method} ${epoch === null}`;
}

/** Brings the positions of the map that a pane shows; a newer wish overtakes an older one. */
export class MapLoader {
  #store;
  #data;
  #index;
  #onPositions;
  #asked = "";
  /** @type {PaneState|null} The map that is drawn. */
  #arrived = null;
  /** @type {Set<string>} */
  #broken = new Set();

  /**
   * @param {{store: Store, data: Data}} shared
   * @param {number} index of the pane
   * @param {(positions: Float32Array) => void} onPositions
   */
  constructor({ store, data }, index, onPositions) {
    this.#store = store;
    this.#data = data;
    this.#index = index;
    this.#onPositions = onPositions;
  }

  /**
   * Hands the positions on, at once if they are decoded.
   * @param {PaneState} shown
   */
  load(shown) {
    const wish = JSON.stringify(shown);
    if (wish === this.#asked) return;
    this.#asked = wish;
    const arrive = (/** @type {Float32Array} */ positions) => {
      this.#arrived = shown;
      this.#onPositions(positions);
    };
    const ready = this.#data.positionsNow(shown);
    if (ready) return arrive(ready);
    this.#data.positions(shown).then(
      (positions) => this.#asked === wish && arrive(positions),
      (error) => {
        const title = mapTitle(this.#data, shown);
        showNote(`The map of ${title} cannot be shown: ${messageOf(error)}.`);
        this.#broken.add(blockKey(shown));
        if (this.#asked === wish) this.#stepBack();
      },
    );
  }

  /**
   * Names and points on view must belong together: back to the map that is drawn, or to one not yet
   * found broken.
   */
  #stepBack() {
    const finished = this.#data.maps.map((map) => ({ ...map, epoch: null }));
    const trained = this.#data.epochs.map((map) => ({
      ...map,
      epoch: map.coordinates.frames - 1,
    }));
    const whole = [...finished, ...trained].find((map) => !this.#broken.has(blockKey(map)));
    const known = this.#arrived || whole;
    if (!known) return;
    const { space, method, epoch } = known;
    const back = { space, method, epoch };
    const panes = this.#store.get().panes.map((pane, p) => (p === this.#index ? back : pane));
    this.#store.set({ playing: false, panes });
  }
}
