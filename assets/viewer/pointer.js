import { panBy, zoomAt } from "./camera.js";
import { isOnButton } from "./dom.js";

/** How near, in CSS pixels, a point must be to be meant: by mouse and by finger. */
const MOUSE_REACH = 12;
const TOUCH_REACH = 24;
/** A press that moves less than this is a click. */
const CLICK_SLOP = 4;
/** The second click of a double click comes within this time, at the slowest usual setting. */
const DOUBLE_CLICK_MS = 900;

/**
 * Pointer of a map: hover, click to pin, drag, wheel, pinch, double click. Listens on the box,
 * since the canvas may be replaced.
 * @param {PointedMap} map
 */
export function mountPointer(map) {
  const { box, store } = map;
  /** @type {Gesture} */
  const gesture = {
    pointers: new Map(),
    travelled: 0,
    pinched: false,
    last: null,
    pinning: false,
    before: { pin: -1, pinPane: -1 },
    clickedAt: -Infinity,
  };
  box.addEventListener("pointerdown", (event) => startGesture(map, gesture, event));
  box.addEventListener("pointermove", (event) => moveGesture(map, gesture, event));
  box.addEventListener("pointerup", (event) => endGesture(map, gesture, event));
  box.addEventListener("pointercancel", (event) => gesture.pointers.delete(event.pointerId));
  box.addEventListener("pointerleave", () => {
    gesture.last = null;
    store.set({ hover: -1 });
  });
  box.addEventListener("wheel", (event) => onWheel(map, event), { passive: false });
  box.addEventListener("dblclick", (event) => {
    if (isOnButton(event)) return;
    // Its clicks have pinned another point or none: who zooms means none of that.
    store.set(gesture.before);
    map.viewport.zoom(event.shiftKey ? 0.5 : 2, placeOf(map, event));
  });
  return {
    /** Looks again at what lies under a resting pointer. */
    repick() {
      if (gesture.last && gesture.pointers.size === 0) hoverAt(map, gesture.last);
    },
    /** Whether the pin of the store is being set by a click in this map. */
    isPinning: () => gesture.pinning,
  };
}

/**
 * @param {PointedMap} map
 * @param {MouseEvent} event
 * @returns {PointerPlace}
 */
function placeOf({ box }, event) {
  const corner = box.getBoundingClientRect();
  return {
    x: event.clientX - corner.left - box.clientLeft,
    y: event.clientY - corner.top - box.clientTop,
    touch: event instanceof PointerEvent && event.pointerType === "touch",
  };
}

/** @param {PointedMap} map @param {PointerPlace} place */
function pickAt({ picker, imageSize }, { x, y, touch }) {
  // Where the map shows images, a point is as large as its image.
  return picker.nearest(x, y, Math.max(touch ? TOUCH_REACH : MOUSE_REACH, imageSize() * 0.6));
}

/** @param {PointedMap} map @param {PointerPlace} place */
function hoverAt(map, place) {
  map.store.set({ hover: pickAt(map, place), hoverPane: map.index });
}

/** @param {PointedMap} map @param {Gesture} gesture @param {PointerEvent} event */
function startGesture(map, gesture, event) {
  if (isOnButton(event)) return;
  if (event.button !== 0 && event.pointerType === "mouse") return;
  const place = placeOf(map, event);
  if (gesture.pointers.size === 0) Object.assign(gesture, { travelled: 0, pinched: false });
  gesture.pointers.set(event.pointerId, place);
  if (gesture.pointers.size > 1) gesture.pinched = true;
  try {
    map.box.setPointerCapture(event.pointerId);
  } catch {
    // The pointer is gone already; its end will not come and is not needed.
    gesture.pointers.delete(event.pointerId);
  }
  map.store.set({ active: map.index });
}

/** @param {PointedMap} map @param {Gesture} gesture @param {PointerEvent} event */
function moveGesture(map, gesture, event) {
  const place = placeOf(map, event);
  const before = gesture.pointers.get(event.pointerId);
  if (!before) {
    gesture.last = place;
    if (event.buttons === 0 && !isOnButton(event)) hoverAt(map, place);
    return;
  }
  const [dx, dy] = [place.x - before.x, place.y - before.y];
  gesture.travelled += Math.hypot(dx, dy);
  if (gesture.pointers.size === 1 && gesture.travelled < CLICK_SLOP) return;
  const fixed = [...gesture.pointers].find(([id]) => id !== event.pointerId);
  gesture.pointers.set(event.pointerId, place);
  if (fixed) pinch(map, fixed[1], before, place);
  else map.viewport.pan(dx, dy);
}

/**
 * The fixed finger and the moving one keep the world points under them.
 * @param {PointedMap} map
 * @param {PointerPlace} fixed
 * @param {PointerPlace} before
 * @param {PointerPlace} after
 */
function pinch({ viewport }, fixed, before, after) {
  const { width, height } = viewport.size();
  const spread = (/** @type {PointerPlace} */ place) =>
    Math.max(10, Math.hypot(place.x - fixed.x, place.y - fixed.y));
  const [x, y] = [(fixed.x + after.x) / 2, (fixed.y + after.y) / 2];
  const [dx, dy] = [(after.x - before.x) / 2, (after.y - before.y) / 2];
  const moved = panBy(viewport.view(), width, height, dx, dy);
  viewport.setView(zoomAt(moved, width, height, x, y, spread(after) / spread(before)));
}

/** @param {PointedMap} map @param {Gesture} gesture @param {PointerEvent} event */
function endGesture(map, gesture, event) {
  if (!gesture.pointers.delete(event.pointerId)) return;
  const place = placeOf(map, event);
  gesture.last = place.touch ? null : place;
  const clicked = gesture.travelled < CLICK_SLOP && !gesture.pinched;
  if (!clicked) return;
  const { store, index } = map;
  const pin = pickAt(map, place);
  const state = store.get();
  if (event.timeStamp - gesture.clickedAt > DOUBLE_CLICK_MS) {
    gesture.before = { pin: state.pin, pinPane: state.pinPane };
  }
  gesture.clickedAt = event.timeStamp;
  gesture.pinning = true;
  store.set({ pin, pinPane: index, hover: place.touch ? -1 : pin, hoverPane: index });
  gesture.pinning = false;
}

/** @param {PointedMap} map @param {WheelEvent} event */
function onWheel(map, event) {
  event.preventDefault();
  const lines = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1;
  // A trackpad's pinch comes as a wheel with ctrl and with smaller steps.
  const speed = event.ctrlKey ? 0.01 : 0.0016;
  const place = placeOf(map, event);
  const steps = Math.max(-1.2, Math.min(1.2, -event.deltaY * lines * speed));
  map.viewport.zoom(Math.exp(steps), place);
  hoverAt(map, place);
}
