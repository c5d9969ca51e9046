import { mountCard } from "./card.js";
import { mountControls } from "./controls.js";
import { mountKeyboard } from "./keyboard.js";
import { mountLasso } from "./lasso.js";
import { mountLegend } from "./legend.js";
import { mountLinks } from "./links.js";
import { mountPaneHeads } from "./pane_head.js";
import { mountSave } from "./save.js";
import { mountSelection } from "./selection.js";
import { mountTheme } from "./theme.js";
import { mountWrong } from "./wrong.js";

/**
 * Everything around the maps. `core` is what main.js has made: store, data, panes, thumbnails,
 * overlap.
 * @param {Core} core
 */
export function mountInterface(core) {
  mountTheme(core);
  mountPaneHeads(core);
  mountControls(core);
  mountLegend(core);
  mountWrong(core);
  mountSelection(core);
  mountLasso(core);
  mountCard(core);
  mountKeyboard(core);
  mountSave(core);
  mountLinks(core);
}
