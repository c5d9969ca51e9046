import { announce, byId, make } from "./dom.js";
import { setActivePane } from "./state.js";

/** How near the window a listed point must come before its image is drawn. */
const NEAR = "400px";

/**
 * Links of the tables and figures into the explorer change what they name and nothing else, and go
 * to the map; and the points that are listed get their images.
 * @param {Core} core
 */
export function mountLinks(core) {
  byId("report").addEventListener("click", (event) => {
    const { target } = event;
    const link = target instanceof Element ? target.closest("a") : null;
    // With a key or another button people ask for a new tab.
    const plain = event.button === 0 && !(event.ctrlKey || event.metaKey || event.shiftKey);
    if (link && plain && follow(core, link.hash)) event.preventDefault();
  });
  if (core.thumbnails.available) addImages(core);
}

/**
 * Goes to what an address within the page names; whether that is a map or a point.
 * @param {Core} core
 * @param {string} hash
 */
function follow({ store, data, panes }, hash) {
  const asked = new URLSearchParams(hash.slice(1));
  const space = data.spaces.find(({ id }) => id === asked.get("space"));
  const point = data.indexOf(asked.get("pin") ?? "");
  if (space) {
    setActivePane(store, { space: space.id });
    announce(space.title);
  } else if (point >= 0) {
    store.set({ pin: point });
  } else {
    return false;
  }
  window.scrollTo(0, 0);
  panes[store.get().active].canvas.focus({ preventScroll: true });
  return true;
}

/** @param {Core} core */
function addImages({ data, thumbnails }) {
  const watch = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting || !(target instanceof HTMLCanvasElement)) continue;
        watch.unobserve(target);
        thumbnails.draw(target, data.indexOf(target.parentElement?.dataset.point ?? ""));
      }
    },
    { rootMargin: NEAR },
  );
  for (const link of document.querySelectorAll("#report a[data-point]")) {
    const picture = make("canvas", { "aria-hidden": "true" });
    link.prepend(picture);
    watch.observe(picture);
  }
}
