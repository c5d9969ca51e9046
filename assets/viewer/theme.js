import { byId } from "./dom.js";

/**
 * Theme of the page: "auto" follows the system. The maps read their colours from the style in the
 * frame after.
 */
export function mountTheme({ store }) {
  const select = byId("theme-select");
  const show = ({ theme }) => {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    select.value = theme;
  };
  select.addEventListener("change", () => store.set({ theme: select.value }));
  store.subscribe((state, changed) => changed.has("theme") && show(state));
  show(store.get());
}
