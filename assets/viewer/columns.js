import { showNote, messageOf } from "./banner.js";
import { blockArray, blockBytes } from "./blocks.js";

/**
 * The columns of metadata that can be read; of another, a note says why it is not here.
 * @param {ColumnSpec[]} specs
 * @param {number} n
 * @returns {Promise<PointColumn[]>}
 */
export async function readColumns(specs, n) {
  const columns = await Promise.all(specs.map((spec) => readColumn(spec, n)));
  return columns.filter((column) => column !== null);
}

/** @param {ColumnSpec} spec @param {number} n */
async function readColumn(spec, n) {
  try {
    const [bytes, codes] = await Promise.all([
      blockBytes(spec.values.block),
      blockArray(spec.codes),
    ]);
    /** @type {string[]} */
    const texts = JSON.parse(new TextDecoder().decode(bytes));
    if (codes.length !== n) throw new Error(`${codes.length} values where ${n} were expected`);
    return pointColumn(spec, texts, codes);
  } catch (error) {
    showNote(`The column ${spec.name} cannot be shown: ${messageOf(error)}.`);
    return null;
  }
}

/**
 * @param {ColumnSpec} spec
 * @param {string[]} texts
 * @param {NumberArray} codes
 * @returns {PointColumn}
 */
function pointColumn({ id, name, kind, colors }, texts, codes) {
  const amounts = texts.map((text) => (text === "" ? NaN : Number(text)));
  // They ascend; cells without a value come last.
  const present = amounts.filter((_, code) => texts[code] !== "");
  const [low, high] = [present[0] ?? 0, present[present.length - 1] ?? 0];
  const share = (/** @type {number} */ i) =>
    high > low ? (amounts[codes[i]] - low) / (high - low) : amounts[codes[i]] - low;
  const text = (/** @type {number} */ i) => texts[codes[i]] ?? "";
  const ends = { low: texts[0] ?? "", high: texts[present.length - 1] ?? "" };
  const measure = kind === "number" ? { id, title: name, ...ends, share, text } : null;
  return { id, name, kind, texts, codes, colors, amounts, low, high, measure, text };
}

/**
 * The value in the legend and on the card; of cells without one, words that say so.
 * @param {string} text
 */
export function valueName(text) {
  return text === "" ? "no value" : text;
}

/**
 * Of each value of `column`, whether a filter leaves the points that have it visible.
 * @param {PointColumn} column
 * @param {ColumnFilter} filter
 */
export function passing({ amounts }, filter) {
  if ("off" in filter) return amounts.map((_, code) => !filter.off.includes(code));
  return amounts.map((amount) => amount >= filter.low && amount <= filter.high);
}

/**
 * A filter of `column` made valid; null if it hides nothing.
 * @param {PointColumn} column
 * @param {ColumnFilter} filter
 * @returns {ColumnFilter|null}
 */
export function validFilter(column, filter) {
  if ("off" in filter) {
    const known = (/** @type {number} */ code) => code in column.texts;
    const off = [...new Set(filter.off)].filter(known).sort((a, b) => a - b);
    return column.kind === "category" && off.length > 0 ? { off } : null;
  }
  const { low, high } = filter;
  const any = column.kind === "number" && !(low <= column.low && high >= column.high);
  return any && !Number.isNaN(low) && !Number.isNaN(high) ? { low, high } : null;
}

/**
 * What a filter has done, in words: "batch without A, B", "age from 3 to 10".
 * @param {PointColumn} column
 * @param {ColumnFilter} filter
 */
export function filterWords(column, filter) {
  if (!("off" in filter)) return `${column.name} from ${filter.low} to ${filter.high}`;
  const names = (/** @type {number[]} */ codes) =>
    codes.map((code) => valueName(column.texts[code])).join(", ");
  const kept = column.texts.map((_, code) => code).filter((code) => !filter.off.includes(code));
  return kept.length < filter.off.length
    ? `${column.name} only ${names(kept) || "nothing"}`
    : `${column.name} without ${names(filter.off)}`;
}

/**
 * Points of which a column holds these words, whatever their case.
 * @param {PointColumn[]} columns
 * @param {string} words
 * @param {number} n
 */
export function pointsWith(columns, words, n) {
  const found = new Uint8Array(n);
  const sought = words.toLocaleLowerCase();
  for (const { texts, codes } of columns) {
    const fits = texts.map((text) => text.toLocaleLowerCase().includes(sought));
    for (let i = 0; i < n; i++) if (fits[codes[i]]) found[i] = 1;
  }
  return found;
}
