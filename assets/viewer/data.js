import { showNote, messageOf } from "./banner.js";
import { blockArray } from "./blocks.js";
import { createCoordinates } from "./coordinates.js";

const PAGE_SCHEMA = 1;

/**
 * Reads the page's data. Throws only if there is nothing to show; a part that is missing or damaged
 * becomes a note.
 */
export async function readData() {
  const element = document.getElementById("page-data");
  if (!element) throw new Error('This page holds no data: the block "page-data" is missing.');
  let page;
  try {
    page = JSON.parse(element.textContent);
  } catch (error) {
    throw new Error(`The data of this page cannot be read: ${messageOf(error)}`);
  }
  if (page.schema !== PAGE_SCHEMA)
    throw new Error(
      `The data of this page has schema ${page.schema}; this viewer reads schema ${PAGE_SCHEMA}.`,
    );
  for (const text of page.warnings ?? []) showNote(text, "warning");
  for (const text of page.missing ?? []) showNote(text, "missing");
  const { points } = page;
  const [labels, predictions, confidence, rows, ...neighborLists] = await Promise.all([
    optionalArray(points.labels, "labels", points.n),
    optionalArray(points.predictions, "predictions", points.n),
    optionalArray(points.confidence, "confidences", points.n),
    optionalArray(points.rows, "row numbers", points.n),
    ...page.spaces.map((space) =>
      optionalArray(space.neighbors, `neighbours of ${space.title}`, points.n * page.k),
    ),
  ]);
  return assembleData(page, { labels, predictions, confidence, rows, neighborLists });
}

async function optionalArray(spec, what, length) {
  if (!spec) return null;
  try {
    const values = await blockArray(spec);
    if (values.length !== length)
      throw new Error(`${values.length} values where ${length} were expected`);
    return values;
  } catch (error) {
    showNote(`The ${what} cannot be shown: ${messageOf(error)}.`);
    return null;
  }
}

/** The page's data with its accessors; one object that every module reads and none changes. */
function assembleData(page, arrays) {
  const { labels, predictions, confidence, neighborLists } = arrays;
  const { n } = page.points;
  const identity = pointIdentity(page.points, arrays.rows);
  const nClasses = page.classes.length;
  const shown = labels ?? predictions;
  const spaceIndex = new Map(page.spaces.map((space, s) => [space.id, s]));
  const maps = new Map(page.maps.map((map) => [`${map.space} ${map.method}`, map]));
  const epochs = new Map(
    (page.epochs ?? []).map((entry) => [`${entry.space} ${entry.method}`, entry]),
  );
  const data = {
    ...page,
    epochs: page.epochs ?? [],
    n,
    labels,
    predictions,
    confidence,
    ...identity,
    hasWrong: Boolean(labels && predictions),
    /**
     * Class by which a point is filtered and counted: the true one, else the predicted one, else
     * -1.
     */
    classOf: (i) => (shown && shown[i] < nClasses ? shown[i] : -1),
    wrong: (i) => Boolean(labels && predictions) && labels[i] !== predictions[i],
    space: (id) => page.spaces[spaceIndex.get(id)],
    method: (id) => page.methods.find((method) => method.id === id),
    map: (space, method) => maps.get(`${space} ${method}`),
    epochEntry: (space, method) => epochs.get(`${space} ${method}`),
    /**
     * The `count` nearest neighbours of point `i` in space `id` itself (all dimensions), or null if
     * not stored.
     */
    neighbors(id, i, count = page.k) {
      const list = neighborLists[spaceIndex.get(id)];
      if (!list) return null;
      return Array.from(list.subarray(i * page.k, i * page.k + Math.min(count, page.k))).filter(
        (j) => j < n && j !== i,
      );
    },
    /** All neighbour lists of a space, n * k, or null. */
    neighborList: (id) => neighborLists[spaceIndex.get(id)] ?? null,
  };
  return Object.assign(
    data,
    createCoordinates(n, (pane) => coordinateSource(data, pane)),
  );
}

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

/** Names of points: "part:row", which stay the same under every filter. */
function pointIdentity(points, rows) {
  let first = 0;
  const parts = points.parts.map((part) => {
    const placed = { ...part, first };
    first += part.n;
    return placed;
  });
  const partOf = (i) => {
    let p = 0;
    while (p + 1 < parts.length && i >= parts[p + 1].first) p++;
    return p;
  };
  const rowOf = (i) => (rows ? rows[i] : i - parts[partOf(i)].first);
  const lookups = parts.map(() => null);
  /** Index of a point by its id; -1 if this page does not hold it. */
  function indexOf(id) {
    const cut = String(id).lastIndexOf(":");
    const p = parts.findIndex((part) => part.name === String(id).slice(0, cut));
    const digits = String(id).slice(cut + 1);
    if (p < 0 || !/^\d{1,10}$/.test(digits)) return -1;
    const row = Number(digits);
    const { first: start, n } = parts[p];
    if (!rows) return row < n ? start + row : -1;
    if (!lookups[p])
      lookups[p] = new Map(
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
