const TRANSITION_MS = 600;

/** Where the points of a map are: x, y, x, y, ... at rest, or on their way from the map before. */
export class Transition {
  /** @type {Float32Array} Positions before; the same array as `to` if there were none. */
  from = new Float32Array(0);
  /** @type {Float32Array} Positions at the end; empty while there is no map. */
  to = this.from;
  #start = 0;
  #duration = 0;
  #linear = false;
  #settled = true;

  get empty() {
    return this.to.length === 0;
  }

  get moving() {
    return this.from !== this.to && this.mix(performance.now()) < 1;
  }

  /**
   * Sets off to `positions`, or is there at once if `still`; `linear` for an animation, which goes
   * on at the end of each step.
   * @param {Float32Array} positions
   * @param {{still: boolean, linear: boolean}} how
   */
  moveTo(positions, { still, linear }) {
    const now = performance.now();
    const jumps = still || this.empty;
    this.from = jumps ? positions : this.at(now);
    this.to = positions;
    this.#start = now;
    this.#duration = jumps ? 0 : TRANSITION_MS;
    this.#linear = linear;
    this.#settled = this.from === this.to;
  }

  /**
   * Share of the way that is done at time `now`, eased unless it is linear.
   * @param {number} now
   */
  mix(now) {
    if (this.#duration === 0) return 1;
    const t = Math.min(1, Math.max(0, (now - this.#start) / this.#duration));
    return this.#linear ? t : t * t * (3 - 2 * t);
  }

  /**
   * All positions at time `now`.
   * @param {number} now
   */
  at(now) {
    const { from, to } = this;
    const mix = this.mix(now);
    if (mix === 1 || from === to) return to;
    const positions = new Float32Array(to.length);
    for (let i = 0; i < to.length; i++) positions[i] = from[i] + (to[i] - from[i]) * mix;
    return positions;
  }

  /**
   * Position of point `i` when the share `mix` of the way is done.
   * @param {number} i
   * @param {number} mix
   */
  point(i, mix) {
    const { from, to } = this;
    const [x, y] = [2 * i, 2 * i + 1];
    return { x: from[x] + (to[x] - from[x]) * mix, y: from[y] + (to[y] - from[y]) * mix };
  }

  /** True once after each move, as soon as the points are at rest. */
  settle() {
    if (this.#settled || this.moving) return false;
    this.#settled = true;
    return true;
  }
}
