/** The words of the explorer as types: for the type check alone, no part of the page. */

// What the page holds, as src/report/page/mod.rs writes it.

/** A typed array in a block of the page. */
interface ArraySpec {
  block: string;
  type: "u8" | "u16" | "u32";
  n: number;
}

/** Positions on a grid of 16 bits, frame by frame; original = center + half * world. */
interface CoordinatesSpec extends ArraySpec {
  frames: number;
  center: [number, number];
  half: number;
}

interface PagePoints {
  n: number;
  of: number;
  which: string;
  parts: { name: string; n: number }[];
  rows: ArraySpec | null;
  labels: ArraySpec | null;
  predictions: ArraySpec | null;
  confidence: ArraySpec | null;
  measures: MeasureSpec[];
  columns: ColumnSpec[];
}

/**
 * A quantity of every point, 0 to 255 from `low` to `high`; `names` of its steps, if it has few.
 */
interface MeasureSpec {
  id: MeasureId;
  title: string;
  low: string;
  high: string;
  names: string[];
  values: ArraySpec;
}

/**
 * A column of metadata: its different values as JSON in a block, numbers ascending, cells without a
 * value last; and for each point an index into them. Categories have colours.
 */
interface ColumnSpec {
  id: ColumnId;
  name: string;
  kind: "category" | "number" | "text";
  values: ArraySpec;
  codes: ArraySpec;
  colors: string[];
}

interface PointClass {
  name: string;
  color: string;
}

/** The input, or a layer of the network. */
interface Space {
  id: string;
  title: string;
  n_features: number | null;
  neighbors: ArraySpec | null;
  /** What a linear probe of the space says of every point. */
  probe: { classes: ArraySpec; confidence: ArraySpec } | null;
}

interface Method {
  id: string;
  title: string;
  caution: string;
  /** What is shown first: the smallest rank; null of a method that is not known. */
  rank: number | null;
}

/** The map of a space by a method after the training. */
interface FinishedMap {
  space: string;
  method: string;
  coordinates: CoordinatesSpec;
  metrics: [name: string, value: number | null][];
  fitted: string;
}

/** The maps of a space by a method at several epochs, a frame each. */
interface EpochMaps {
  space: string;
  method: string;
  epochs: number[];
  coordinates: CoordinatesSpec;
  metrics: [name: string, values: (number | null)[]][];
  fitted: string;
}

/** Images in tiles of PNG, each a block. */
interface ImageTiles {
  width: number;
  height: number;
  kind: string;
  per_row: number;
  per_tile: number;
  tiles: string[];
}

interface PageData {
  schema: number;
  generator: string;
  name: string;
  points: PagePoints;
  classes: PointClass[];
  k: number;
  spaces: Space[];
  methods: Method[];
  maps: FinishedMap[];
  epochs: EpochMaps[];
  /** Space and method of the maps that are seen first; none: the best separated. */
  first: [string, string][];
  /** What the metrics beside the maps say, by their names. */
  meanings: Record<string, string>;
  images: ImageTiles | null;
  warnings: string[];
  missing: string[];
}

// The data as the modules read them.

type NumberArray = Uint8Array | Uint16Array | Uint32Array;

/** The points of a split: `n` from index `first` on. */
interface Part {
  name: string;
  n: number;
  first: number;
}

/** The arrays of the page; one that is missing or damaged is null. */
interface LoadedArrays {
  columns: PointColumn[];
  labels: NumberArray | null;
  predictions: NumberArray | null;
  confidence: NumberArray | null;
  rows: NumberArray | null;
  measureValues: (NumberArray | null)[];
  /** Classes and confidence of the probe of each space. */
  probes: [NumberArray | null, NumberArray | null][];
  neighborLists: (NumberArray | null)[];
}

interface PointMeasure {
  id: MeasureId | ColumnId;
  title: string;
  low: string;
  high: string;
  /** Of point `i`, 0 to 1; NaN if it has none. */
  share(i: number): number;
  /** Of point `i` in words. */
  text(i: number): string;
}

interface PointColumn {
  id: ColumnId;
  name: string;
  kind: "category" | "number" | "text";
  texts: string[];
  codes: NumberArray;
  colors: string[];
  /** The texts as numbers; NaN for those that are none. */
  amounts: number[];
  /** Ends of the numbers. */
  low: number;
  high: number;
  /** Of numbers: what the points are coloured by. */
  measure: PointMeasure | null;
  /** Of point `i`; "" if it has none. */
  text(i: number): string;
}

/** Hides points by their value in a column: some values, or all outside two ends. */
type ColumnFilter = { off: number[] } | { low: number; high: number };
type ColumnFilters = { [id: string]: ColumnFilter };

interface PointIdentity {
  parts: Part[];
  partOf(i: number): number;
  rowOf(i: number): number;
  id(i: number): string;
  title(i: number): string;
  indexOf(id: string): number;
}

/** Where the positions of a pane are. */
interface CoordinateSource {
  key: string;
  spec: CoordinatesSpec;
  frame: number;
}

interface Coordinates {
  positions(pane: PaneState): Promise<Float32Array>;
  positionsNow(pane: PaneState): Float32Array | null;
  original(pane: PaneState, i: number): [x: number, y: number] | null;
}

interface Data extends PageData, PointIdentity, Coordinates {
  n: number;
  labels: NumberArray | null;
  predictions: NumberArray | null;
  confidence: NumberArray | null;
  measures: PointMeasure[];
  columns: PointColumn[];
  /** The column that a way of colouring shows, if it is one. */
  column(color: ColorMode): PointColumn | undefined;
  /** The measure that a way of colouring shows, if it is there. */
  measure(color: ColorMode): PointMeasure | undefined;
  hasWrong: boolean;
  classOf(i: number): number;
  wrong(i: number): boolean;
  /** Panes of the store show spaces and methods that there are. */
  space(id: string): Space;
  method(id: string): Method;
  map(space: string, method: string): FinishedMap | undefined;
  epochEntry(space: string, method: string): EpochMaps | undefined;
  neighbors(id: string, i: number, count?: number): number[] | null;
  neighborList(id: string): NumberArray | null;
  /** The answers of the probes for point `i`, from the first space on. */
  beliefs(i: number): Belief[];
}

/** The class that a probe of a space gives a point, and how sure it is, 0 to 1. */
interface Belief {
  title: string;
  c: number;
  confidence: number;
}

// The state of the page.

/** Which map a pane shows; epoch: index into its frames, null for the finished map. */
interface PaneState {
  space: string;
  method: string;
  epoch: number | null;
}

/** A pane as an address may ask for it. */
type PaneWish = Partial<PaneState>;

/** World point in the middle; zoom 1 shows the whole map. */
interface View {
  x: number;
  y: number;
  zoom: number;
}

/** Misclassified points only: of a pair of classes, null for any. */
interface WrongFilter {
  truth: number | null;
  predicted: number | null;
}

type MeasureId = "depth" | "own-label" | "typicality";
type ColumnId = `column-${number}`;
type ColorMode = "class" | "prediction" | "part" | "confidence" | "overlap" | MeasureId | ColumnId;
type Theme = "auto" | "light" | "dark";

/**
 * hover, pin: points, or -1. hoverPane, pinPane: the map in which the point under the pointer was
 * met and the one in which the pinned point was pinned; -1 given: the active one.
 */
interface State {
  panes: PaneState[];
  active: number;
  playing: boolean;
  off: Set<number>;
  hiddenParts: Set<string>;
  wrong: WrongFilter | null;
  filters: ColumnFilters;
  selection: Uint8Array | null;
  selected: number;
  hover: number;
  hoverPane: number;
  pin: number;
  pinPane: number;
  views: View[];
  color: ColorMode;
  theme: Theme;
  lasso: boolean;
  linked: boolean;
  /** Not enumerable: see `withData`. */
  readonly data: Data;
}

type StateKey = Exclude<keyof State, "data">;
type StateValues = Pick<State, StateKey>;
type StateListener = (state: State, changed: Set<StateKey>) => unknown;

interface Store {
  get(): State;
  set(patch: Partial<StateValues>): void;
  subscribe(listener: StateListener): () => void;
}

/** What can be seen of a state's points. */
type FilterState = Pick<State, "off" | "hiddenParts" | "wrong" | "filters">;

interface ClassCounts {
  total: Uint32Array;
  visible: Uint32Array;
  selected: Uint32Array;
}

interface WrongPair {
  truth: number;
  predicted: number;
  n: number;
}

// What the maps are drawn with.

interface Projection {
  scaleX: number;
  scaleY: number;
  offsetX: number;
  offsetY: number;
}

interface MapTheme {
  background: string;
  ink: string;
}

/** What the drawn points depend on. */
interface DrawSource {
  from: Float32Array;
  to: Float32Array;
  mask: Uint8Array;
  pixels: Uint32Array;
  selection: Uint8Array | null;
}

interface DrawList {
  count: number;
  dimmed: number;
  index: Uint32Array;
  colors: Uint32Array;
  from: Float32Array;
  to: Float32Array;
}

interface DrawView extends Projection {
  mix: number;
  radius: number;
  background: string;
}

type RendererKind = "canvas" | "webgl";

interface RendererChoice {
  kind: RendererKind;
  reason?: string;
}

interface Renderer extends RendererChoice {
  setPoints(list: DrawList): void;
  draw(view: DrawView): void;
  finish(): void;
  destroy(): void;
}

/** The frame that the canvas is written from, with the discs last drawn on it. */
interface PixelFrame {
  image: ImageData;
  pixels: Uint32Array;
  stride: number;
  rows: number;
  spriteRadius?: number;
  sprites?: DiscSprite[];
}

/** A disc's pixels from its middle, and how much of each it covers, of 256. */
interface DiscSprite {
  offsets: Int32Array;
  coverage: Uint16Array;
}

/** Told of the renderer that takes over, and why. */
type OnRenderer = (kind: RendererKind, reason?: string) => void;

interface PlacedPoints {
  index: Uint32Array;
  colors: Uint32Array;
  x: Float32Array;
  y: Float32Array;
  width: number;
  height: number;
  radius: number;
  background: string;
}

/** Points sorted by the cells of a square grid: members[starts[cell] .. starts[cell + 1]]. */
interface PointGrid {
  side: number;
  starts: Uint32Array;
  members: Uint32Array;
}

/** The nearest points found so far, with the squares of their distances. */
interface Nearest {
  index: Uint32Array;
  square: Float64Array;
}

interface GridIndex {
  nearest(x: number, y: number, reach: number): number;
  within(
    box: [left: number, bottom: number, right: number, top: number],
    limit: number,
  ): number[] | null;
}

/** Where the name of class `c` goes, which has `n` visible points. */
interface ClassPlace {
  c: number;
  n: number;
  x: number;
  y: number;
}

/** What the middles of the classes depend on. */
interface MiddlesSource {
  mask: Uint8Array;
  from: Float32Array;
  to: Float32Array;
  byPrediction: boolean;
}

/** All that the overlay of a map is drawn from, in CSS pixels. */
interface Scene {
  context: CanvasRenderingContext2D;
  state: State;
  data: Data;
  thumbnails: Thumbnails;
  placed: Projection;
  width: number;
  height: number;
  space: string;
  theme: MapTheme;
  radius: number;
  pixels: Uint32Array;
  images: number[] | null;
  at(i: number): [x: number, y: number];
  middles(mask: Uint8Array, byPrediction: boolean): ClassPlace[];
}

type Pane = import("./pane.js").Pane;
type Transition = import("./transition.js").Transition;
type Viewport = import("./viewport.js").Viewport;
type Picker = import("./picker.js").Picker;
type Overlap = ReturnType<typeof import("./overlap.js").createOverlap>;

/** A decoded tile of images; null until it is there. */
interface ImageTile {
  bitmap: ImageBitmap | null;
  ready: Promise<void>;
}

/** Images of the points, each `width` x `height`; 0 if there are none. */
interface Thumbnails {
  available: boolean;
  width: number;
  height: number;
  /**
   * Makes `canvas` the image of point `i`, in its own pixels. False if there is none, or if the
   * canvas shows another by then.
   */
  draw(canvas: HTMLCanvasElement, i: number): Promise<boolean>;
  /** Paints image `i` into a box, if its tile is there; says whether it did. */
  paint(
    context: CanvasRenderingContext2D,
    i: number,
    x: number,
    y: number,
    width: number,
    height: number,
  ): boolean;
}

/** One pixel value a point, for points on a ground of this colour. */
type Shading = (state: State, ground: string) => Uint32Array;

/** What all panes have in common. */
interface Shared {
  store: Store;
  data: Data;
  thumbnails: Thumbnails;
  shading: Shading;
  kind: RendererKind;
  onRenderer: OnRenderer;
}

/** What the parts of one pane know of each other. */
interface PaneParts {
  index: number;
  box: HTMLElement;
  transition: Transition;
  viewport: Viewport;
  picker: Picker;
}

/** A map as its pointer sees it. */
interface PointedMap {
  store: Store;
  index: number;
  box: HTMLElement;
  viewport: Viewport;
  picker: Picker;
  imageSize(): number;
}

interface PointerPlace {
  x: number;
  y: number;
  touch: boolean;
}

interface Gesture {
  pointers: Map<number, PointerPlace>;
  travelled: number;
  pinched: boolean;
  last: PointerPlace | null;
  pinning: boolean;
  /** The pin before the first click of what may become a double click. */
  before: { pin: number; pinPane: number };
  clickedAt: number;
}

// What stands around the maps.

interface Core {
  store: Store;
  data: Data;
  panes: Pane[];
  thumbnails: Thumbnails;
  overlap: Overlap;
  renderer: RendererChoice;
}

/** A path drawn by the pointer goes from corner to corner. */
type Corner = [x: number, y: number];

/** A walk through neighbours: `trail` of points gone on from, `rank` of the neighbour reached. */
interface Walk {
  trail: number[];
  rank: number;
  at: number;
}

interface EpochControls {
  range: HTMLInputElement;
  play: HTMLElement;
  text: HTMLElement;
  final: HTMLElement;
}

interface LegendRow {
  button: HTMLElement;
  swatch: HTMLElement;
  count: HTMLElement;
}

/** A class and its row. */
type ClassRow = readonly [number, LegendRow];

/** The classes that the legend lists now. */
interface ClassList {
  rows(): ClassRow[];
}

/** Neighbour overlap a point, or why there is none. */
interface OverlapValues {
  key: string;
  values: Float32Array | null;
  shares: Float32Array | null;
  top: number;
  mean: number | null;
  reason: string;
}

/** A drawing for a file. */
interface Painter {
  rect(x: number, y: number, width: number, height: number, color: string): void;
  frame(x: number, y: number, width: number, height: number, color: string): void;
  circle(x: number, y: number, radius: number, color: string): void;
  text(x: number, y: number, text: string, size: number, color: string, bold: boolean): void;
  image(canvas: HTMLCanvasElement, x: number, y: number, width: number, height: number): void;
  map?(points: PlacedPoints, overlay: string, x: number, y: number): void;
}

type MadeAttributes = Record<string, unknown>;

/** The element of "span.name". */
type Made<Tag extends string> = Tag extends `${infer Name}.${string}`
  ? Made<Name>
  : Tag extends keyof HTMLElementTagNameMap
    ? HTMLElementTagNameMap[Tag]
    : HTMLElement;

interface Window {
  /** For the tests and for the console. */
  layerlens: Core & {
    screen(id: string, pane?: number): { x: number; y: number } | null;
    indexOf(id: string): number;
    benchmark(pane: number, seconds: number): Promise<unknown>;
  };
}
