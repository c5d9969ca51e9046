import { showNote } from "./banner.js";
import {
  announce,
  className,
  contextOf,
  countOf,
  fileName,
  paneNames,
  paneTitle,
  query,
  saveFile,
  withCommas,
} from "./dom.js";
import { paneMetrics } from "./pane_head.js";
import { canvasPainter, fitText, svgPainter } from "./painter.js";
import { classColor, noClassColor, onGround, partColor, rampColor } from "./palette.js";
import { filterWords, valueName } from "./columns.js";
import { classCounts, visibleMask } from "./state.js";

/**
 * More points than this are put into the SVG as an image: as circles the file would be too large
 * for editors.
 */
const SVG_POINTS = 20000;
/** Pixels of a saved picture for one of the page at least: for slides and print. */
const LEAST_SCALE = 2;
const SAVE_MARGIN = 16;
const SAVE_HEAD = 46;
const SAVE_FOOT = 44;
const SAVE_LEGEND = 190;
const SAVE_LINE = 20;
/** Rows of the legend at most; the last is of all other classes together. */
const SAVE_ROWS = 30;
/** More names than this are only counted. */
const SAVE_NAMES = 4;

/** @typedef {ReturnType<typeof savePage>} SavedPage */
/** @typedef {SavedPage["maps"][number]} SavedMap */

/**
 * The maps on view with title and legend, as a PNG or an SVG file.
 * @param {Core} core
 */
export function mountSave(core) {
  const button = (/** @type {string} */ kind) =>
    query(document, `button.save-${kind}`, HTMLButtonElement);
  button("png").addEventListener("click", () => savePng(core));
  const svg = button("svg");
  const most = countOf(SVG_POINTS, "point");
  svg.title = `Save what is on view as an SVG drawing (up to ${most} as circles, more as an image)`;
  svg.addEventListener("click", () => saveSvg(core));
}

/** @param {Core} core */
function savePng(core) {
  const page = savePage(core);
  const canvas = document.createElement("canvas");
  const scale = Math.max(LEAST_SCALE, devicePixelRatio);
  canvas.width = Math.round(page.width * scale);
  canvas.height = Math.round(page.height * scale);
  const context = contextOf(canvas);
  context.scale(scale, scale);
  drawPage(canvasPainter(context), page, scale, 0);
  canvas.toBlob((blob) => {
    if (!blob) return showNote("The picture could not be made: it is too large for this browser.");
    saveFile(fileName(page.names, "png"), blob);
    announce("Saved as PNG");
  });
}

/** @param {Core} core */
function saveSvg(core) {
  const page = savePage(core);
  const painter = svgPainter(page.width, page.height);
  drawPage(painter, page, LEAST_SCALE, SVG_POINTS);
  saveFile(fileName(page.names, "svg"), new Blob([painter.file()], { type: "image/svg+xml" }));
  announce("Saved as SVG");
}

/**
 * All that both formats draw, in CSS pixels.
 * @param {Core} core
 */
function savePage({ store, data, panes, overlap }) {
  const state = store.get();
  const style = getComputedStyle(document.documentElement);
  const color = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
  const onView = viewSentence(data, state);
  const head = SAVE_HEAD + (onView ? SAVE_LINE : 0);
  let x = SAVE_MARGIN;
  const maps = state.panes.map((shown, index) => {
    const box = panes[index].canvas.getBoundingClientRect();
    const [width, height] = [Math.round(box.width), Math.round(box.height)];
    const title = fitText(paneTitle(data, shown), width, 12);
    const foot = fitText(
      paneMetrics(data, shown)
        .map(({ text }) => text)
        .join(" \u00b7 "),
      width,
      12,
    );
    const caution = fitText(data.method(shown.method).caution, width, 12);
    const map = { pane: panes[index], x, y: head, width, height, title, foot, caution };
    x += width + SAVE_MARGIN;
    return map;
  });
  const { n, of, which } = data.points;
  const subset =
    n === of ? countOf(n, "point") : `${withCommas(n)} of ${countOf(of, "point")}: ${which}`;
  const legend = saveLegend(data, overlap, state, color("--paper"));
  const tallest = Math.max(...maps.map(({ height }) => height), legend.length * SAVE_LINE);
  const names = [data.name, ...state.panes.flatMap((pane) => paneNames(data, pane))];
  const colors = {
    paper: color("--paper"),
    ink: color("--ink"),
    muted: color("--muted"),
    line: color("--line"),
  };
  const width = x + SAVE_LEGEND;
  const line = (/** @type {string} */ text, /** @type {boolean} */ bold) =>
    fitText(text, width - 2 * SAVE_MARGIN, 13, bold);
  const titles = {
    title: line(`${data.name} \u00b7 ${subset}`, true),
    onView: line(onView, false),
  };
  return {
    width,
    height: head + tallest + SAVE_FOOT,
    head,
    maps,
    legend,
    legendX: x,
    ...titles,
    names,
    ...colors,
  };
}

/**
 * "815 points shown: misclassified only, without T-shirt/top · 12 selected": what filters and lasso
 * have made of the points; "" where all are shown.
 * @param {Data} data
 * @param {State} state
 */
function viewSentence(data, state) {
  const { truth = null, predicted = null } = state.wrong ?? {};
  const [from, to] = [truth, predicted].map((c) => (c === null ? "any class" : className(data, c)));
  const pair = truth === null && predicted === null ? "" : `, ${from} \u2192 ${to}`;
  const filters = state.wrong ? [`misclassified only${pair}`] : [];
  const hidden = [
    ...data.parts.filter(({ name }) => state.hiddenParts.has(name)),
    ...data.classes.filter((_, c) => state.off.has(c)),
  ];
  const kept = data.classes.filter((_, c) => !state.off.has(c));
  if (kept.length > 0 && kept.length < state.off.size && state.hiddenParts.size === 0) {
    filters.push(`only ${someNames(kept)}`);
  } else if (hidden.length > 0) filters.push(`without ${someNames(hidden)}`);
  for (const column of data.columns) {
    const filter = state.filters[column.id];
    if (filter) filters.push(filterWords(column, filter));
  }
  const shown = visibleMask(state).reduce((sum, visible) => sum + visible, 0);
  const parts =
    filters.length > 0 ? [`${countOf(shown, "point")} shown: ${filters.join(", ")}`] : [];
  if (state.selection) parts.push(`${withCommas(state.selected)} selected`);
  return parts.join(" \u00b7 ");
}

/** @param {{name: string}[]} named */
function someNames(named) {
  const names = named.slice(0, SAVE_NAMES).map(({ name }) => name);
  if (named.length > SAVE_NAMES) names.push(`${withCommas(named.length - SAVE_NAMES)} more`);
  return names.join(", ");
}

/**
 * Rows of the legend: [colour, text]; hidden classes are not in the picture, so not in its legend.
 * @param {Data} data
 * @param {Overlap} overlap
 * @param {State} state
 * @param {string} paper
 * @returns {[color: string, text: string][]}
 */
function saveLegend(data, overlap, state, paper) {
  if (state.color === "part") {
    return data.parts.map(({ name }, p) => [onGround(partColor(p), paper), name]);
  }
  const column = data.column(state.color);
  if (column && !column.measure) return columnLegend(column, state.filters[column.id], paper);
  const measure = data.measure(state.color);
  if (measure) {
    return [
      [rampColor(1), measure.high],
      [rampColor(0.5), measure.title],
      [rampColor(0), measure.low],
    ];
  }
  if (state.color === "confidence" || state.color === "overlap") {
    const [what, top] =
      state.color === "confidence" ? ["confidence", 1] : ["overlap", overlap.top()];
    return [1, 0.75, 0.5, 0.25, 0].map((t) => {
      const more = t === 1 && top < 1 ? " or more" : "";
      return [rampColor(t), `${what} ${Number((t * top).toFixed(3))}${more}`];
    });
  }
  const rows = data.classes
    .map((_, c) => c)
    .filter((c) => state.color === "prediction" || !state.off.has(c));
  /** @type {(classes: number[]) => [color: string, text: string][]} */
  const named = (classes) =>
    classes.map((c) => [onGround(classColor(data, c), paper), className(data, c)]);
  if (rows.length <= SAVE_ROWS) return named(rows);
  const { visible } = classCounts(state);
  rows.sort((a, b) => visible[b] - visible[a] || a - b);
  const text = `other (${rows.length - SAVE_ROWS + 1} classes)`;
  return [...named(rows.slice(0, SAVE_ROWS - 1)), [noClassColor, text]];
}

/**
 * @param {PointColumn} column
 * @param {ColumnFilter|undefined} filter
 * @param {string} paper
 * @returns {[color: string, text: string][]}
 */
function columnLegend(column, filter, paper) {
  const off = filter && "off" in filter ? filter.off : [];
  const shown = column.texts.map((_, code) => code).filter((code) => !off.includes(code));
  /** @type {[color: string, text: string][]} */
  const rows = shown.map((code) => [
    onGround(column.colors[code] ?? noClassColor, paper),
    valueName(column.texts[code]),
  ]);
  if (rows.length <= SAVE_ROWS) return rows;
  const text = `other (${rows.length - SAVE_ROWS + 1} values)`;
  return [...rows.slice(0, SAVE_ROWS - 1), [noClassColor, text]];
}

/**
 * `scale`: pixels of an image for one of the page. `mostCircles`: maps of more points than this go
 * in as images.
 * @param {Painter} painter
 * @param {SavedPage} page
 * @param {number} scale
 * @param {number} mostCircles
 */
function drawPage(painter, page, scale, mostCircles) {
  painter.rect(0, 0, page.width, page.height, page.paper);
  painter.text(SAVE_MARGIN, 18, page.title, 13, page.ink, true);
  if (page.onView) painter.text(SAVE_MARGIN, 18 + SAVE_LINE, page.onView, 13, page.ink, false);
  for (const map of page.maps) {
    painter.text(map.x, map.y - 8, map.title, 12, page.ink, false);
    const points = mostCircles > 0 ? map.pane.points() : null;
    const circles = points && points.index.length <= mostCircles;
    if (circles && painter.map) painter.map(points, map.pane.svgOverlay(), map.x, map.y);
    else painter.image(map.pane.snapshot(scale), map.x, map.y, map.width, map.height);
    painter.frame(map.x, map.y, map.width, map.height, page.line);
    const below = map.y + map.height + 17;
    painter.text(map.x, below, map.foot, 12, page.ink, false);
    painter.text(map.x, below + SAVE_LINE, map.caution, 12, page.muted, false);
  }
  page.legend.forEach(([color, text], row) => {
    const y = page.head + (row + 0.5) * SAVE_LINE;
    painter.circle(page.legendX + 6, y, 5, color);
    const fitted = fitText(text, SAVE_LEGEND - 18 - SAVE_MARGIN, 12);
    painter.text(page.legendX + 18, y + 4, fitted, 12, page.ink, false);
  });
}
