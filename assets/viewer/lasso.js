import { announce, countOf, isOnButton, selectById } from "./dom.js";
import { visibleMask } from "./state.js";

const LASSO_STEP = 3; // CSS pixels between two corners of the path
const LASSO_SVG = "http://www.w3.org/2000/svg";

/**
 * Drawing around points while the lasso is armed. Shift adds, Alt removes; where there are no such
 * keys the menu beside the button says what a path does. Only visible points are taken. The lasso
 * stays armed until its button, `l` or Esc puts it away.
 * @param {Core} core
 */
export function mountLasso({ store, panes }) {
  for (const pane of panes) {
    const { box } = pane;
    const svg = document.createElementNS(LASSO_SVG, "svg");
    svg.setAttribute("class", "lasso-layer");
    svg.setAttribute("aria-hidden", "true");
    const line = document.createElementNS(LASSO_SVG, "path");
    svg.append(line);
    box.append(svg);
    // In the capture phase: the map below neither moves nor pins while a path is drawn.
    const start = (/** @type {PointerEvent} */ event) => {
      if (store.get().lasso && event.button === 0 && event.isPrimary && !isOnButton(event)) {
        startLasso(store, pane, line, event);
      }
    };
    box.addEventListener("pointerdown", start, { capture: true });
  }
}

/**
 * @param {Store} store
 * @param {Pane} pane
 * @param {Element} line
 * @param {PointerEvent} down
 */
function startLasso(store, pane, line, down) {
  down.stopPropagation();
  down.preventDefault();
  pane.canvas.focus({ preventScroll: true });
  const origin = pane.box.getBoundingClientRect();
  /** @type {(event: PointerEvent) => Corner} */
  const corner = ({ clientX, clientY }) => [clientX - origin.left, clientY - origin.top];
  const path = [corner(down)];
  // No card covers what is being circled, not even that of a point which comes to lie under the
  // pointer.
  const { hover } = store.get();
  const hideHover = () => store.get().hover >= 0 && store.set({ hover: -1 });
  hideHover();
  const unsubscribe = store.subscribe((_, changed) => changed.has("hover") && hideHover());
  const listening = new AbortController();
  const options = { capture: true, signal: listening.signal };
  const stop = () => {
    listening.abort();
    unsubscribe();
    line.removeAttribute("d");
  };
  const onMove = (/** @type {PointerEvent} */ event) => {
    if (event.pointerId !== down.pointerId) return;
    event.stopPropagation();
    const [x, y] = corner(event);
    const [lastX, lastY] = path[path.length - 1];
    if (Math.hypot(x - lastX, y - lastY) < LASSO_STEP) return;
    path.push([x, y]);
    line.setAttribute("d", `M${path.map((xy) => xy.join(" ")).join("L")}Z`);
  };
  const onUp = (/** @type {PointerEvent} */ event) => {
    if (event.pointerId !== down.pointerId) return;
    event.stopPropagation();
    stop();
    endLasso(store, pane, path, hover, event);
  };
  // A second finger means zooming, and Esc gives up.
  const onDown = (/** @type {PointerEvent} */ event) => {
    if (event.pointerId !== down.pointerId) stop();
  };
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    stop();
  };
  addEventListener("pointermove", onMove, options);
  addEventListener("pointerup", onUp, options);
  addEventListener("pointerdown", onDown, options);
  addEventListener("pointercancel", stop, options);
  addEventListener("keydown", onKey, options);
}

/**
 * `hover` is the point that was under the pointer as the path began.
 * @param {Store} store
 * @param {Pane} pane
 * @param {Corner[]} path
 * @param {number} hover
 * @param {PointerEvent} event
 */
function endLasso(store, pane, path, hover, event) {
  if (path.length < 3) {
    // No path but a click: it pins, as it does without the lasso.
    if (hover >= 0 || store.get().pin >= 0) store.set({ pin: hover });
    return;
  }
  const menu = selectById("lasso-mode").value;
  const mode = event.shiftKey ? "add" : event.altKey ? "remove" : menu;
  applyLasso(store, pointsInside(pane.points(), path), mode);
}

/**
 * Puts these points into the selection; "replace", "add" or "remove".
 * @param {Store} store
 * @param {number[]} indices
 * @param {string} mode
 */
function applyLasso(store, indices, mode) {
  const state = store.get();
  const selection =
    mode !== "replace" && state.selection
      ? state.selection.slice()
      : new Uint8Array(visibleMask(state).length);
  for (const i of indices) selection[i] = mode === "remove" ? 0 : 1;
  store.set({ selection });
  announce(`${countOf(store.get().selected, "point")} selected`);
}

/**
 * Selects all that is visible, in place of a path around it.
 * @param {Store} store
 */
export function selectVisible(store) {
  store.set({ selection: visibleMask(store.get()).slice() });
  announce(`${countOf(store.get().selected, "point")} selected`);
}

/**
 * Indices of the visible points inside the path, by the even-odd rule.
 * @param {PlacedPoints} points
 * @param {Corner[]} path
 */
function pointsInside({ index, x, y }, path) {
  const xs = path.map((xy) => xy[0]);
  const ys = path.map((xy) => xy[1]);
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [top, bottom] = [Math.min(...ys), Math.max(...ys)];
  const inside = [];
  for (let p = 0; p < index.length; p++) {
    // The box first: it spares most points the walk along the path.
    if (x[p] < left || x[p] > right || y[p] < top || y[p] > bottom) continue;
    if (isInside(xs, ys, x[p], y[p])) inside.push(index[p]);
  }
  return inside;
}

/** @param {number[]} xs @param {number[]} ys @param {number} x @param {number} y */
function isInside(xs, ys, x, y) {
  let odd = false;
  for (let a = 0, b = xs.length - 1; a < xs.length; b = a++) {
    if (ys[a] > y === ys[b] > y) continue;
    const crossing = ((xs[b] - xs[a]) * (y - ys[a])) / (ys[b] - ys[a]) + xs[a];
    if (x < crossing) odd = !odd;
  }
  return odd;
}
