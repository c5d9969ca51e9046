import { panBy, zoomAt } from "./camera.js";

/** How near, in CSS pixels, a point must be to be meant: by mouse and by finger. */
const MOUSE_REACH = 12;
const TOUCH_REACH = 24;
/** A press that moves less than this is a click. */
const CLICK_SLOP = 4;

/**
 * Pointer of a map: hover, click to pin, drag, wheel, pinch, double click. Listens on the box,
 * since the canvas may be replaced.
 */
export function mountPointer(pane, store) {
  const { box } = pane;
  const gesture = { pointers: new Map(), travelled: 0, pinched: false, last: null };
  const on = (type, act, options) => box.addEventListener(type, act, options);
  on("pointerdown", (event) => startGesture(pane, store, gesture, event));
  on("pointermove", (event) => moveGesture(pane, store, gesture, event));
  on("pointerup", (event) => endGesture(pane, store, gesture, event));
  on("pointercancel", (event) => gesture.pointers.delete(event.pointerId));
  on("pointerleave", () => {
    gesture.last = null;
    store.set({ hover: -1 });
  });
  on("wheel", (event) => onWheel(pane, store, event), { passive: false });
  on("dblclick", (event) => {
    if (event.target.closest("button")) return;
    zoomPane(pane, placeOf(pane, event), event.shiftKey ? 0.5 : 2);
  });
  pane.repick = () => {
    if (gesture.last && gesture.pointers.size === 0) hoverAt(pane, store, gesture.last);
  };
}

function placeOf(pane, event) {
  const corner = pane.box.getBoundingClientRect();
  return {
    x: event.clientX - corner.left - pane.box.clientLeft,
    y: event.clientY - corner.top - pane.box.clientTop,
    touch: event.pointerType === "touch",
  };
}

function pickAt(pane, { x, y, touch }) {
  // Where the map shows images, a point is as large as its image.
  return pane.pick(x, y, Math.max(touch ? TOUCH_REACH : MOUSE_REACH, (pane.imageSize || 0) * 0.6));
}

function hoverAt(pane, store, place) {
  const hover = pickAt(pane, place);
  store.set({ hover, hoverPane: pane.index });
}

function startGesture(pane, store, gesture, event) {
  if (event.target.closest("button")) return;
  if (event.button !== 0 && event.pointerType === "mouse") return;
  const place = placeOf(pane, event);
  if (gesture.pointers.size === 0) Object.assign(gesture, { travelled: 0, pinched: false });
  gesture.pointers.set(event.pointerId, place);
  if (gesture.pointers.size > 1) gesture.pinched = true;
  try {
    pane.box.setPointerCapture(event.pointerId);
  } catch {
    // The pointer is gone already; its end will not come and is not needed.
    gesture.pointers.delete(event.pointerId);
  }
  store.set({ active: pane.index });
}

function moveGesture(pane, store, gesture, event) {
  const place = placeOf(pane, event);
  const before = gesture.pointers.get(event.pointerId);
  if (!before) {
    gesture.last = place;
    if (event.buttons === 0 && !event.target.closest("button")) hoverAt(pane, store, place);
    return;
  }
  const { width, height } = pane.size();
  const [dx, dy] = [place.x - before.x, place.y - before.y];
  gesture.travelled += Math.hypot(dx, dy);
  if (gesture.pointers.size === 1 && gesture.travelled < CLICK_SLOP) return;
  const others = [...gesture.pointers]
    .filter(([id]) => id !== event.pointerId)
    .map(([, other]) => other);
  gesture.pointers.set(event.pointerId, place);
  if (others.length === 0) pane.setView(panBy(pane.view(), width, height, dx, dy));
  else pinch(pane, others[0], before, place);
}

/** The fixed finger and the moving one keep the world points under them. */
function pinch(pane, fixed, before, after) {
  const { width, height } = pane.size();
  const spread = (place) => Math.max(10, Math.hypot(place.x - fixed.x, place.y - fixed.y));
  const middle = { x: (fixed.x + after.x) / 2, y: (fixed.y + after.y) / 2 };
  const moved = panBy(
    pane.view(),
    width,
    height,
    (after.x - before.x) / 2,
    (after.y - before.y) / 2,
  );
  pane.setView(zoomAt(moved, width, height, middle.x, middle.y, spread(after) / spread(before)));
}

function endGesture(pane, store, gesture, event) {
  if (!gesture.pointers.delete(event.pointerId)) return;
  const place = placeOf(pane, event);
  gesture.last = place.touch ? null : place;
  const clicked = gesture.travelled < CLICK_SLOP && !gesture.pinched;
  if (!clicked) return;
  const pin = pickAt(pane, place);
  pane.pinning = true;
  store.set({ pin, pinPane: pane.index, hover: place.touch ? -1 : pin, hoverPane: pane.index });
  pane.pinning = false;
}

function onWheel(pane, store, event) {
  event.preventDefault();
  const lines = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1;
  // A trackpad's pinch comes as a wheel with ctrl and with smaller steps.
  const speed = event.ctrlKey ? 0.01 : 0.0016;
  const place = placeOf(pane, event);
  zoomPane(pane, place, Math.exp(Math.max(-1.2, Math.min(1.2, -event.deltaY * lines * speed))));
  hoverAt(pane, store, place);
}

function zoomPane(pane, { x, y }, factor) {
  const { width, height } = pane.size();
  pane.setView(zoomAt(pane.view(), width, height, x, y, factor));
}
