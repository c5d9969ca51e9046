import { selectById } from "./dom.js";
import { themeOf } from "./state.js";

/**
 * Theme of the page: "auto" follows the system. The maps read their colours from the style in the
 * frame after.
 * @param {Core} core
 */
export function mountTheme({ store }) {
  const select = selectById("theme-select");
  const show = (/** @type {State} */ { theme }) => {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    select.value = theme;
  };
  select.addEventListener("change", () => store.set({ theme: themeOf(select.value) }));
  store.subscribe((state, changed) => changed.has("theme") && show(state));
  show(store.get());
}
