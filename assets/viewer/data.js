import { showNote, messageOf } from "./banner.js";
import { blockArray } from "./blocks.js";
import { readColumns } from "./columns.js";
import { createCoordinates } from "./coordinates.js";

const PAGE_SCHEMA = 1;

/**
 * Reads the page's data. Throws only if there is nothing to show; a part that is missing or damaged
 * becomes a note.
 */
export async function readData() {
  const element = document.getElementById("page-data");
  if (!element) throw new Error('This page holds no data: the block "page-data" is missing.');
  /** @type {PageData} */
  let page;
  try {
    page = JSON.parse(element.textContent);
  } catch (error) {
    throw new Error(`The data of this page cannot be read: ${messageOf(error)}`);
  }
  if (page.schema !== PAGE_SCHEMA) {
    const read = `this viewer reads schema ${PAGE_SCHEMA}`;
    throw new Error(`The data of this page has schema ${page.schema}; ${read}.`);
  }
  for (const text of page.warnings ?? []) showNote(text, "warning");
  for (const text of page.missing ?? []) showNote(text, "missing");
  const { points } = page;
  const measures = points.measures ?? [];
  const [labels, predictions, confidence, rows, ...others] = await Promise.all([
    optionalArray(points.labels, "labels", points.n),
    optionalArray(points.predictions, "predictions", points.n),
    optionalArray(points.confidence, "confidences", points.n),
    optionalArray(points.rows, "row numbers", points.n),
    ...measures.map(({ title, values }) => optionalArray(values, title, points.n)),
    ...page.spaces.map((space) =>
      optionalArray(space.neighbors, `neighbours of ${space.title}`, points.n * page.k),
    ),
  ]);
  const measureValues = others.slice(0, measures.length);
  const neighborLists = others.slice(measures.length);
  const probes = await Promise.all(
    page.spaces.map(async ({ probe, title }) => {
      const what = `answers of the probe of ${title}`;
      /** @type {[NumberArray | null, NumberArray | null]} */
      const read = [
        await optionalArray(probe?.classes ?? null, what, points.n),
        await optionalArray(probe?.confidence ?? null, what, points.n),
      ];
      return read;
    }),
  );
  const columns = await readColumns(points.columns ?? [], points.n);
  const arrays = {
    columns,
    labels,
    predictions,
    confidence,
    rows,
    measureValues,
    probes,
    neighborLists,
  };
  return assembleData(page, arrays);
}

/**
 * The measures whose values could be read.
 * @param {MeasureSpec[]} specs
 * @param {(NumberArray|null)[]} values
 * @returns {PointMeasure[]}
 */
function pointMeasures(specs, values) {
  return specs.flatMap(({ id, title, low, high, names }, at) => {
    const list = values[at];
    if (!list) return [];
    const share = (/** @type {number} */ i) => list[i] / 255;
    const text = (/** @type {number} */ i) => {
      const value = share(i);
      return names.length ? names[Math.round(value * (names.length - 1))] : value.toFixed(2);
    };
    return [{ id, title, low, high, share, text }];
  });
}

/** @param {ArraySpec|null} spec @param {string} what @param {number} length */
async function optionalArray(spec, what, length) {
  if (!spec) return null;
  try {
    const values = await blockArray(spec);
    if (values.length !== length) {
      throw new Error(`${values.length} values where ${length} were expected`);
    }
    return values;
  } catch (error) {
    showNote(`The ${what} cannot be shown: ${messageOf(error)}.`);
    return null;
  }
}

/**
 * The page's data with its accessors; one object that every module reads and none changes.
 * @param {PageData} page
 * @param {LoadedArrays} arrays
 * @returns {Data}
 */
function assembleData(page, arrays) {
  const { columns, labels, predictions, confidence, neighborLists } = arrays;
  const { n } = page.points;
  const identity = pointIdentity(page.points, arrays.rows);
  const nClasses = page.classes.length;
  const shown = labels ?? predictions;
  const spaceIndex = new Map(page.spaces.map((space, s) => [space.id, s]));
  const maps = new Map(page.maps.map((map) => [`${map.space} ${map.method}`, map]));
  const epochs = new Map(
    (page.epochs ?? []).map((entry) => [`${entry.space} ${entry.method}`, entry]),
  );
  const measures = pointMeasures(page.points.measures ?? [], arrays.measureValues);
  const indexOfSpace = (/** @type {string} */ id) => spaceIndex.get(id) ?? -1;
  const data = {
    ...page,
    epochs: page.epochs ?? [],
    first: page.first ?? [],
    meanings: page.meanings ?? {},
    n,
    labels,
    predictions,
    confidence,
    measures,
    measure: (/** @type {ColorMode} */ color) =>
      measures.find(({ id }) => id === color) ??
      columns.find(({ id }) => id === color)?.measure ??
      undefined,
    columns,
    column: (/** @type {ColorMode} */ color) => columns.find(({ id }) => id === color),
    ...identity,
    hasWrong: Boolean(labels && predictions),
    /**
     * Class by which a point is filtered and counted: the true one, else the predicted one, else
     * -1.
     */
    classOf: (/** @type {number} */ i) => (shown && shown[i] < nClasses ? shown[i] : -1),
    wrong: (/** @type {number} */ i) =>
      labels !== null && predictions !== null && labels[i] !== predictions[i],
    space: (/** @type {string} */ id) => page.spaces[indexOfSpace(id)],
    method: (/** @type {string} */ id) =>
      page.methods[page.methods.findIndex((method) => method.id === id)],
    map: (/** @type {string} */ space, /** @type {string} */ method) =>
      maps.get(`${space} ${method}`),
    epochEntry: (/** @type {string} */ space, /** @type {string} */ method) =>
      epochs.get(`${space} ${method}`),
    /**
     * The `count` nearest neighbours of point `i` in space `id` itself (all dimensions), or null if
     * not stored.
     * @param {string} id
     * @param {number} i
     * @param {number} [count]
     */
    neighbors(id, i, count = page.k) {
      const list = neighborLists[indexOfSpace(id)];
      if (!list) return null;
      return Array.from(list.subarray(i * page.k, i * page.k + Math.min(count, page.k))).filter(
        (j) => j < n && j !== i,
      );
    },
    beliefs: (/** @type {number} */ i) =>
      page.spaces.flatMap(({ title }, s) => {
        const [classes, sure] = arrays.probes[s];
        return classes && sure ? [{ title, c: classes[i], confidence: sure[i] / 255 }] : [];
      }),
    /** All neighbour lists of a space, n * k, or null. */
    neighborList: (/** @type {string} */ id) => neighborLists[indexOfSpace(id)] ?? null,
  };
  return Object.assign(
    data,
    createCoordinates(n, (pane) => coordinateSource(data, pane)),
  );
}

/**
 * @param {Pick<Data, "map"|"epochEntry">} data
 * @param {PaneState} pane
 * @returns {CoordinateSource|null}
 */
function coordinateSource(data, pane) {
  const entry =
    pane.epoch === null
      ? data.map(pane.space, pane.method)
      : data.epochEntry(pane.space, pane.method);
  if (!entry) return null;
  return {
    key: `${pane.space} ${pane.method} ${pane.epoch === null ? "map" : "epochs"}`,
    spec: entry.coordinates,
    frame: pane.epoch ?? 0,
  };
}

/**
 * Names of points: "part:row", which stay the same under every filter.
 * @param {PagePoints} points
 * @param {NumberArray|null} rows
 * @returns {PointIdentity}
 */
function pointIdentity(points, rows) {
  let first = 0;
  const parts = points.parts.map((part) => {
    const placed = { ...part, first };
    first += part.n;
    return placed;
  });
  const partOf = (/** @type {number} */ i) => {
    let p = 0;
    while (p + 1 < parts.length && i >= parts[p + 1].first) p++;
    return p;
  };
  const rowOf = (/** @type {number} */ i) => (rows ? rows[i] : i - parts[partOf(i)].first);
  /** @type {(Map<number, number>|null)[]} Points by their rows, of each part once needed. */
  const lookups = parts.map(() => null);
  /**
   * Index of a point by its id; -1 if this page does not hold it.
   * @param {string} id
   */
  function indexOf(id) {
    const cut = String(id).lastIndexOf(":");
    const p = parts.findIndex((part) => part.name === String(id).slice(0, cut));
    const digits = String(id).slice(cut + 1);
    if (p < 0 || !/^\d{1,10}$/.test(digits)) return -1;
    const row = Number(digits);
    const { first: start, n } = parts[p];
    if (!rows) return row < n ? start + row : -1;
    lookups[p] ??= new Map(
      Array.from(rows.subarray(start, start + n), (value, i) => [value, start + i]),
    );
    return lookups[p].get(row) ?? -1;
  }
  return {
    parts,
    partOf,
    rowOf,
    id: (i) => `${parts[partOf(i)].name}:${rowOf(i)}`,
    title: (i) => `${parts[partOf(i)].name} ${rowOf(i)}`,
    indexOf,
  };
}
