/**
 * Time from one epoch to the next; maps move all the while, so it is the length of their
 * transition.
 */
const STEP_MS = 600;

/**
 * The entry of epochs of a pane (the active one), or undefined.
 * @param {State} state
 * @param {number} [pane] index of the pane
 */
export function epochsOf(state, pane = state.active) {
  const { space, method } = state.panes[pane];
  return state.data.epochEntry(space, method);
}

/**
 * "epoch 2 of 20": the number of frame `epoch`, which need not be its index.
 * @param {EpochMaps} maps
 * @param {number} epoch
 */
export function epochTitle({ epochs }, epoch) {
  return `epoch ${epochs[epoch]} of ${epochs[epochs.length - 1]}`;
}

/**
 * Shows frame `epoch` (null: the finished map) in the active pane and in every other one that shows
 * an epoch.
 * @param {Store} store
 * @param {number|null} epoch
 */
export function setEpoch(store, epoch) {
  const state = store.get();
  const panes = state.panes.map((pane, p) => {
    const entry = epochsOf(state, p);
    if (!entry || (p !== state.active && pane.epoch === null)) return pane;
    return {
      ...pane,
      epoch: epoch === null ? null : Math.min(entry.coordinates.frames - 1, Math.max(0, epoch)),
    };
  });
  store.set({ panes });
}

/**
 * One epoch on or back; from the finished map back to the last epoch, from the last epoch on to the
 * finished map.
 * @param {Store} store
 * @param {number} step
 */
export function stepEpoch(store, step) {
  const state = store.get();
  const entry = epochsOf(state);
  if (!entry) return;
  const { frames } = entry.coordinates;
  const { epoch, space, method } = state.panes[state.active];
  const next = (epoch === null ? frames : epoch) + step;
  const finished = next >= frames && state.data.map(space, method);
  store.set({ playing: false });
  setEpoch(store, finished ? null : next);
}

/**
 * Starts or stops the animation; at the end, or on the finished map, it starts from the first
 * epoch.
 * @param {Store} store
 */
export function togglePlay(store) {
  const state = store.get();
  if (state.playing) return store.set({ playing: false });
  const entry = epochsOf(state);
  if (!entry) return;
  const { epoch } = state.panes[state.active];
  if (epoch === null || epoch >= entry.coordinates.frames - 1) setEpoch(store, 0);
  store.set({ playing: true });
}

/**
 * The panes one epoch later; those at their last epoch or on the finished map stay. If none shows
 * an epoch, the first that can starts.
 * @param {State} state
 */
function panesOneLater(state) {
  const { panes } = state;
  if (panes.some((pane) => pane.epoch !== null)) {
    return panes.map((pane, p) => {
      const frames = epochsOf(state, p)?.coordinates.frames ?? 0;
      const { epoch } = pane;
      return epoch !== null && epoch < frames - 1 ? { ...pane, epoch: epoch + 1 } : pane;
    });
  }
  const first = epochsOf(state) ? state.active : panes.findIndex((_, p) => epochsOf(state, p));
  return panes.map((pane, p) => (p === first ? { ...pane, epoch: 0 } : pane));
}

/**
 * Lets the epochs run while `state.playing`, one step at a time, and stops at the last.
 * @param {Store} store
 */
export function mountPlayback(store) {
  let timer = 0;
  const tick = () => {
    timer = 0;
    const state = store.get();
    if (!state.playing) return;
    const panes = panesOneLater(state);
    // Whichever pane has become the active one meanwhile, those that play go on.
    if (panes.every((pane, p) => pane === state.panes[p])) {
      store.set({ playing: false });
      return;
    }
    store.set({ panes });
    timer = setTimeout(tick, STEP_MS);
  };
  const follow = (/** @type {State} */ { playing }) => {
    if (playing && timer === 0) timer = setTimeout(tick, 0);
    if (!playing && timer !== 0) {
      clearTimeout(timer);
      timer = 0;
    }
  };
  store.subscribe((state, changed) => changed.has("playing") && follow(state));
  follow(store.get());
}
