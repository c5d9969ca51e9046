import { announce, className, countOf, fileName, paneTitle, saveFile } from "./dom.js";
import { classColor, partColor, rampColor } from "./palette.js";
import { canvasPainter, svgPainter } from "./painter.js";

/** More points than this are put into the SVG as an image: as circles the file would be too large for editors. */
const SVG_POINTS = 20000;
const SAVE_MARGIN = 16;
const SAVE_HEAD = 46;
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
  // Twice as fine as the screen's pixels would be on plain screens: pictures end up on slides.
  const scale = Math.max(devicePixelRatio, 2);
  canvas.width = page.width * scale;
  canvas.height = page.height * scale;
  const context = canvas.getContext("2d");
  context.scale(scale, scale);
  drawPage(canvasPainter(context), page, Infinity);
  canvas.toBlob((blob) => {
    saveFile(fileName(page.names, "png"), blob);
    announce("Saved as PNG");
  });
}

function saveSvg(core) {
  const page = savePage(core);
  const painter = svgPainter(page.width, page.height);
  drawPage(painter, page, SVG_POINTS);
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
    const { width, height } = panes[index].canvas.getBoundingClientRect();
    const map = { pane: panes[index], x, y: SAVE_HEAD, width, height, title: paneTitle(data, shown) };
    x += width + SAVE_MARGIN;
    return map;
  });
  const { n, of, which } = data.points;
  const subset = n === of ? countOf(n, "point") : `${n.toLocaleString("en-US")} of ${countOf(of, "point")}: ${which}`;
  const legend = saveLegend(data, state);
  const tallest = Math.max(...maps.map(({ height }) => height), legend.length * SAVE_LINE);
  const names = [data.name, ...state.panes.flatMap((pane) => [pane.space, pane.method])];
  return { width: x + SAVE_LEGEND, height: SAVE_HEAD + tallest + SAVE_MARGIN, maps, legend, legendX: x, title: `${data.name} \u00b7 ${subset}`, names, paper: color("--paper"), ink: color("--ink"), line: color("--line") };
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

function drawPage(painter, page, mostCircles) {
  painter.rect(0, 0, page.width, page.height, page.paper);
  painter.text(SAVE_MARGIN, 18, page.title, 13, page.ink, true);
  for (const map of page.maps) {
    painter.text(map.x, 38, map.title, 12, page.ink, false);
    const points = map.pane.points();
    if (points.index.length > mostCircles || mostCircles === Infinity) painter.image(map.pane.snapshot(), map.x, map.y, map.width, map.height);
    else painter.points(points, map.x, map.y, map.width, map.height);
    painter.frame(map.x, map.y, map.width, map.height, page.line);
  }
  page.legend.forEach(([color, text], row) => {
    const y = SAVE_HEAD + (row + 0.5) * SAVE_LINE;
    painter.circle(page.legendX + 6, y, 5, color);
    painter.text(page.legendX + 18, y + 4, text, 12, page.ink, false);
  });
}
