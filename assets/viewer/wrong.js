import { buttonById, byId, className, make, selectById, withCommas } from "./dom.js";
import { FILTER_KEYS, anyOf, wrongPairs } from "./state.js";

/**
 * Misclassified points: a toggle, and a menu of true -> predicted, most frequent first.
 * @param {Core} core
 */
export function mountWrong({ store, data }) {
  byId("filter").hidden = !data.hasWrong;
  if (!data.hasWrong) return;
  const button = buttonById("wrong");
  const select = selectById("wrong-pairs");
  button.addEventListener("click", () =>
    store.set({ wrong: store.get().wrong ? null : wrongOf(select.value) }),
  );
  select.addEventListener("change", () => store.set({ wrong: wrongOf(select.value) }));
  const show = (/** @type {State} */ state) => {
    button.setAttribute("aria-pressed", String(state.wrong !== null));
    fillWrongPairs(select, data, state);
  };
  store.subscribe((state, changed) => {
    if (anyOf(changed, FILTER_KEYS)) show(state);
  });
  show(store.get());
}

/** What the `w` key does: on with the pair that the menu names, or off. */
export function toggleWrong() {
  const button = buttonById("wrong");
  if (!byId("filter").hidden) button.click();
}

/**
 * "6-3" -> {truth: 6, predicted: 3}; "6-" leaves the predicted class open, "" both.
 * @param {string} value
 * @returns {WrongFilter}
 */
function wrongOf(value) {
  const [truth = "", predicted = ""] = value.split("-");
  const open = (/** @type {string} */ text) => (text === "" ? null : Number(text));
  return { truth: open(truth), predicted: open(predicted) };
}

/** @param {WrongFilter} filter */
function wrongValue({ truth, predicted }) {
  return truth === null && predicted === null ? "" : `${truth ?? ""}-${predicted ?? ""}`;
}

/** @param {HTMLSelectElement} select @param {Data} data @param {State} state */
function fillWrongPairs(select, data, state) {
  const pairs = wrongPairs(state);
  const name = (/** @type {number|null} */ c) => (c === null ? "any class" : className(data, c));
  const option = (/** @type {WrongFilter & {n: number}} */ pair) =>
    make(
      "option",
      { value: wrongValue(pair) },
      `${name(pair.truth)} \u2192 ${name(pair.predicted)} (${withCommas(pair.n)})`,
    );
  const all = pairs.reduce((sum, pair) => sum + pair.n, 0);
  const options = [
    make("option", { value: "" }, `all true \u2192 predicted (${withCommas(all)})`),
    ...pairs.map(option),
  ];
  // The menu keeps its pair while the toggle is off, also one that an address names, and one of
  // which the legend hides all points.
  const chosen = state.wrong ?? wrongOf(select.value);
  const value = wrongValue(chosen);
  if (!options.some((other) => other.value === value)) {
    const fits = (/** @type {WrongPair} */ { truth, predicted }) =>
      [truth, null].includes(chosen.truth) && [predicted, null].includes(chosen.predicted);
    options.push(
      option({
        ...chosen,
        n: pairs.filter((pair) => fits(pair)).reduce((sum, pair) => sum + pair.n, 0),
      }),
    );
  }
  select.replaceChildren(...options);
  select.value = value;
}
