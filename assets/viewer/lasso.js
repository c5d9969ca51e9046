import { announce, byId, countOf } from "./dom.js";
import { visibleMask } from "./state.js";

const LASSO_STEP = 3; // CSS pixels between two corners of the path
const LASSO_SVG = "http://www.w3.org/2000/svg";

/**
 * Drawing around points while the lasso is armed. Shift adds, Alt removes; where there are no such
 * keys the menu beside the button says what a path does. Only visible points are taken. The lasso
 * stays armed until its button, `l` or Esc puts it away.
 */
export function mountLasso({ store, panes }) {
  for (const pane of panes) {
    const box = pane.element.querySelector(".map-box");
    const svg = document.createElementNS(LASSO_SVG, "svg");
    svg.setAttribute("class", "lasso-layer");
    svg.setAttribute("aria-hidden", "true");
    const line = document.createElementNS(LASSO_SVG, "path");
    svg.append(line);
    box.append(svg);
    // In the capture phase: the map below neither moves nor pins while a path is drawn.
    box.addEventListener("pointerdown", (event) => startLasso(store, pane, box, line, event), {
      capture: true,
    });
  }
}

function startLasso(store, pane, box, line, down) {
  if (!store.get().lasso || down.button !== 0 || !down.isPrimary || down.target.closest("button"))
    return;
  down.stopPropagation();
  down.preventDefault();
  pane.canvas.focus({ preventScroll: true });
  const origin = box.getBoundingClientRect();
  const corner = (event) => [event.clientX - origin.left, event.clientY - origin.top];
  const path = [corner(down)];
  // No card covers what is being circled, not even that of a point which comes to lie under the
  // pointer.
  const { hover } = store.get();
  const hideHover = () => store.get().hover >= 0 && store.set({ hover: -1 });
  hideHover();
  const unsubscribe = store.subscribe((state, changed) => changed.has("hover") && hideHover());
  const listening = new AbortController();
  const listen = (type, act) =>
    addEventListener(type, act, { capture: true, signal: listening.signal });
  const stop = () => {
    listening.abort();
    unsubscribe();
    line.removeAttribute("d");
  };
  listen("pointermove", (event) => {
    if (event.pointerId !== down.pointerId) return;
    event.stopPropagation();
    const [x, y] = corner(event);
    const [lastX, lastY] = path[path.length - 1];
    if (Math.hypot(x - lastX, y - lastY) < LASSO_STEP) return;
    path.push([x, y]);
    line.setAttribute("d", `M${path.map((xy) => xy.join(" ")).join("L")}Z`);
  });
  listen("pointerup", (event) => {
    if (event.pointerId !== down.pointerId) return;
    event.stopPropagation();
    stop();
    endLasso(store, pane, path, hover, event);
  });
  // A second finger means zooming, and Esc gives up.
  listen("pointerdown", (event) => event.pointerId !== down.pointerId && stop());
  listen("pointercancel", stop);
  listen("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    stop();
  });
}

/** `hover` is the point that was under the pointer as the path began. */
function endLasso(store, pane, path, hover, event) {
  if (path.length < 3) {
    // No path but a click: it pins, as it does without the lasso.
    if (hover >= 0 || store.get().pin >= 0) store.set({ pin: hover });
    return;
  }
  const menu = byId("lasso-mode").value;
  applyLasso(
    store,
    pointsInside(pane.points(), path),
    event.shiftKey ? "add" : event.altKey ? "remove" : menu,
  );
}

/** Puts these points into the selection; "replace", "add" or "remove". */
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

/** Selects all that is visible, in place of a path around it. */
export function selectVisible(store) {
  store.set({ selection: visibleMask(store.get()).slice() });
  announce(`${countOf(store.get().selected, "point")} selected`);
}

/** Indices of the visible points inside the path, by the even-odd rule. */
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

function isInside(xs, ys, x, y) {
  let odd = false;
  for (let a = 0, b = xs.length - 1; a < xs.length; b = a++) {
    if (ys[a] > y !== ys[b] > y && x < ((xs[b] - xs[a]) * (y - ys[a])) / (ys[b] - ys[a]) + xs[a])
      odd = !odd;
  }
  return odd;
}
