import { byId, className, make, withCommas } from "./dom.js";
import { wrongPairs } from "./state.js";

/** Misclassified points: a toggle, and a menu of true -> predicted, most frequent first. */
export function mountWrong({ store, data }) {
  byId("filter").hidden = !data.hasWrong;
  if (!data.hasWrong) return;
  const button = byId("wrong");
  const select = byId("wrong-pairs");
  button.addEventListener("click", () => store.set({ wrong: store.get().wrong ? null : wrongOf(select.value) }));
  select.addEventListener("change", () => store.set({ wrong: wrongOf(select.value) }));
  const show = (state) => {
    button.setAttribute("aria-pressed", String(state.wrong !== null));
    fillWrongPairs(select, data, state);
  };
  store.subscribe((state, changed) => {
    if (["wrong", "off", "hiddenParts"].some((key) => changed.has(key))) show(state);
  });
  show(store.get());
}

/** What the `w` key does: on with the pair that the menu names, or off. */
export function toggleWrong() {
  const button = byId("wrong");
  if (!byId("filter").hidden) button.click();
}

function wrongOf(value) {
  if (value === "") return { truth: null, predicted: null };
  const [truth, predicted] = value.split("-").map(Number);
  return { truth, predicted };
}

function fillWrongPairs(select, data, state) {
  const pairs = wrongPairs(state);
  const all = pairs.reduce((sum, pair) => sum + pair.n, 0);
  // The menu keeps its pair while the toggle is off, and also when the legend hides all of its points.
  const value = state.wrong ? (state.wrong.truth === null ? "" : `${state.wrong.truth}-${state.wrong.predicted}`) : select.value;
  const options = pairs.map(({ truth, predicted, n }) => {
    const text = `${className(data, truth)} \u2192 ${className(data, predicted)} (${withCommas(n)})`;
    return make("option", { value: `${truth}-${predicted}` }, text);
  });
  if (value !== "" && !pairs.some((pair) => `${pair.truth}-${pair.predicted}` === value)) {
    const [truth, predicted] = value.split("-").map(Number);
    options.push(make("option", { value }, `${className(data, truth)} \u2192 ${className(data, predicted)} (0)`));
  }
  select.replaceChildren(make("option", { value: "" }, `all true \u2192 predicted (${withCommas(all)})`), ...options);
  select.value = value;
}
