import { announce, className, countOf, fileName, paneTitle, saveFile } from "./dom.js";
import { placeLabels } from "./labels.js";
import { paneMetrics } from "./pane_head.js";
import { canvasPainter, svgPainter } from "./painter.js";
import { classColor, partColor, rampColor } from "./palette.js";

/** More points than this are put into the SVG as an image: as circles the file would be too large for editors. */
const SVG_POINTS = 20000;
const SAVE_MARGIN = 16;
const SAVE_HEAD = 46;
const SAVE_FOOT = 24;
const SAVE_LEGEND = 190;
const SAVE_LINE = 20;

/** The maps on view with title and legend, as a PNG or an SVG file. */
export function mountSave(core) {
  document.querySelector("button.save-png").addEventListener("click", () => savePng(core));
  const svg = document.querySelector("button.save-svg");
  svg.title = `Save what is on view as an SVG drawing (up to ${SVG_POINTS.toLocaleString("en-US")} points as circles, more as an image)`;
  svg.addEventListener("click", () => saveSvg(core));
}

function savePng(core) {
  const page = savePage(core);
  const canvas = document.createElement("canvas");
  // The screen's own pixels: the maps would only be blurred by more.
  const scale = devicePixelRatio;
  canvas.width = Math.round(page.width * scale);
  canvas.height = Math.round(page.height * scale);
  const context = canvas.getContext("2d");
  context.scale(scale, scale);
  drawPage(canvasPainter(context), page, 0);
  canvas.toBlob((blob) => {
    saveFile(fileName(page.names, "png"), blob);
    announce("Saved as PNG");
  });
}

function saveSvg(core) {
  const page = savePage(core);
  const painter = svgPainter(page.width, page.height);
  drawPage(painter, page, SVG_POINTS);
  for (const map of page.maps) {
    for (const { x, y, c } of svgLabels(core.data, map)) painter.label(map.x + x, map.y + y, className(core.data, c), page.ink, page.paper);
  }
  saveFile(fileName(page.names, "svg"), new Blob([painter.file()], { type: "image/svg+xml" }));
  announce("Saved as SVG");
}

/** All that both formats draw, in CSS pixels. */
function savePage({ store, data, panes }) {
  const state = store.get();
  const style = getComputedStyle(document.documentElement);
  const color = (name) => style.getPropertyValue(name).trim();
  let x = SAVE_MARGIN;
  const maps = state.panes.map((shown, index) => {
    const box = panes[index].canvas.getBoundingClientRect();
    const [width, height] = [Math.round(box.width), Math.round(box.height)];
    const map = { pane: panes[index], x, y: SAVE_HEAD, width, height, title: paneTitle(data, shown), foot: paneMetrics(data, shown).join(" \u00b7 ") };
    x += width + SAVE_MARGIN;
    return map;
  });
  const { n, of, which } = data.points;
  const subset = n === of ? countOf(n, "point") : `${n.toLocaleString("en-US")} of ${countOf(of, "point")}: ${which}`;
  const legend = saveLegend(data, state);
  const tallest = Math.max(...maps.map(({ height }) => height), legend.length * SAVE_LINE);
  const names = [data.name, ...state.panes.flatMap((pane) => [pane.space, pane.method])];
  const colors = { paper: color("--paper"), ink: color("--ink"), line: color("--line") };
  const title = `${data.name} \u00b7 ${subset}`;
  return { width: x + SAVE_LEGEND, height: SAVE_HEAD + tallest + SAVE_FOOT, maps, legend, legendX: x, title, names, ...colors };
}

/** Rows of the legend: [colour, text]; hidden classes are not in the picture, so not in its legend. */
function saveLegend(data, state) {
  if (state.color === "part") return data.parts.map(({ name }, p) => [partColor(p), name]);
  if (state.color === "confidence" || state.color === "overlap") {
    const what = state.color === "confidence" ? "confidence" : "overlap";
    return [1, 0.75, 0.5, 0.25, 0].map((t) => [rampColor(t), `${what} ${t}`]);
  }
  const kept = data.classes.map((_, c) => c).filter((c) => state.color === "prediction" || !state.off.has(c));
  return kept.map((c) => [classColor(data, c), className(data, c)]);
}

/** `mostCircles`: maps of more points than this go in as images. */
function drawPage(painter, page, mostCircles) {
  painter.rect(0, 0, page.width, page.height, page.paper);
  painter.text(SAVE_MARGIN, 18, page.title, 13, page.ink, true);
  for (const map of page.maps) {
    painter.text(map.x, 38, map.title, 12, page.ink, false);
    const points = mostCircles > 0 ? map.pane.points() : null;
    if (points && points.index.length <= mostCircles) painter.points(points, map.x, map.y);
    else painter.image(map.pane.snapshot(), map.x, map.y, map.width, map.height);
    painter.frame(map.x, map.y, map.width, map.height, page.line);
    painter.text(map.x, map.y + map.height + 17, map.foot, 12, page.ink, false);
  }
  page.legend.forEach(([color, text], row) => {
    const y = SAVE_HEAD + (row + 0.5) * SAVE_LINE;
    painter.circle(page.legendX + 6, y, 5, color);
    painter.text(page.legendX + 18, y + 4, text, 12, page.ink, false);
  });
}

/** Names of the classes at the medians of their points, where they have room; none on a map that went in as an image with its names. */
function svgLabels(data, { pane, width, height }) {
  const points = pane.points();
  if (points.index.length > SVG_POINTS) return [];
  const members = data.classes.map(() => []);
  points.index.forEach((i, p) => data.classOf(i) >= 0 && members[data.classOf(i)].push(p));
  const median = (list, values) => list.map((p) => values[p]).sort((a, b) => a - b)[list.length >> 1];
  const anchors = members.map((list, c) => ({ c, n: list.length, x: median(list, points.x), y: median(list, points.y) })).filter(({ n }) => n > 0);
  // About the width of bold letters of 12 px: the fonts of whoever opens the file are unknown.
  return placeLabels(anchors, (c) => 7 * className(data, c).length, width, height);
}
