import { announce, byId, make } from "./dom.js";

/** Fewer rows than this are read at a glance. */
const LEAST_SORTED = 3;

/**
 * Tables that can be sorted by their columns, tabs of which one is seen, and sections that open
 * where a link leads into them.
 */
export function mountTables() {
  const report = byId("report");
  for (const table of report.querySelectorAll("table")) addSorting(table);
  let number = 0;
  for (const box of report.querySelectorAll(".tabs")) {
    if (box instanceof HTMLElement) addTabs(box, `tabs-${number++}`);
  }
  addFolding(report);
}

/**
 * A button in each named column; counts of classes against classes keep their order, which both
 * sides share.
 * @param {HTMLTableElement} table
 */
function addSorting(table) {
  const [body] = table.tBodies;
  const rows = body ? [...body.rows] : [];
  const shaded = table.querySelector('td[class*="shade-"]');
  if (rows.length < LEAST_SORTED || shaded) return;
  const heads = [...(table.tHead?.rows[0]?.cells ?? [])];
  heads.forEach((head, column) => {
    if (!head.textContent) return;
    const label = `Sort by ${head.textContent}`;
    // A link in a name stays what it is; the arrow beside it sorts.
    const named = head.querySelector("a") === null;
    const button = make("button.sort", { type: "button", title: label, "aria-label": label });
    if (named) button.append(...head.childNodes);
    button.addEventListener("click", () => sortBy(body, rows, heads, column));
    head.append(button);
  });
}

/**
 * The largest numbers first, then the smallest, then the order as written; texts the other way
 * round.
 * @param {HTMLTableSectionElement} body
 * @param {HTMLTableRowElement[]} rows as written
 * @param {HTMLTableCellElement[]} heads
 * @param {number} column
 */
function sortBy(body, rows, heads, column) {
  const head = heads[column];
  const text = (/** @type {HTMLTableRowElement} */ row) => row.cells[column]?.textContent ?? "";
  const numeric = rows.every((row) => /^[+\-\u2212]?[\d.,]|^[-\u2013]?$/.test(text(row)));
  const order = numeric ? ["descending", "ascending"] : ["ascending", "descending"];
  const next = order[order.indexOf(head.getAttribute("aria-sort") ?? "") + 1];
  for (const other of heads) other.removeAttribute("aria-sort");
  body.classList.toggle("sorted", next !== undefined);
  if (next) head.setAttribute("aria-sort", next);
  const sign = next === "descending" ? -1 : 1;
  const compare = numeric ? compareNumbers : compareTexts;
  const sorted = next ? [...rows].sort((a, b) => compare(text(a), text(b), sign)) : rows;
  body.append(...sorted);
  announce(next ? `Sorted by ${head.textContent}, ${next}` : "In the order as written");
}

/**
 * Dashes and empty cells are last either way.
 * @param {string} a
 * @param {string} b
 * @param {number} sign
 */
function compareNumbers(a, b, sign) {
  const [x, y] = [a, b].map((text) => parseFloat(text.replace(/,/g, "").replace("\u2212", "-")));
  if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y));
  return sign * (x - y);
}

/** @param {string} a @param {string} b @param {number} sign */
function compareTexts(a, b, sign) {
  return sign * a.localeCompare(b, undefined, { numeric: true });
}

/**
 * The titles of the pieces become tabs; arrow keys go from one to the next.
 * @param {HTMLElement} box
 * @param {string} id
 */
function addTabs(box, id) {
  const panels = [...box.children].filter((child) => child instanceof HTMLElement);
  if (panels.length < 2) return;
  const label = box.dataset.label ?? "";
  const tabs = panels.map((panel, at) => {
    const title = panel.querySelector("h3");
    const tab = make("button", { type: "button", role: "tab", id: `${id}-${at}` });
    tab.textContent = title?.textContent ?? "";
    title?.remove();
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", tab.id);
    tab.addEventListener("click", () => show(at));
    return tab;
  });
  const show = (/** @type {number} */ shown) =>
    tabs.forEach((tab, at) => {
      tab.setAttribute("aria-selected", String(at === shown));
      tab.tabIndex = at === shown ? 0 : -1;
      panels[at].hidden = at !== shown;
    });
  const list = make("div.tab-list", { role: "tablist", "aria-label": label }, ...tabs);
  list.addEventListener("keydown", (event) => {
    const step = new Map([
      ["ArrowRight", 1],
      ["ArrowLeft", tabs.length - 1],
    ]).get(event.key);
    if (!step) return;
    const at = (tabs.findIndex((tab) => !panels[tabs.indexOf(tab)].hidden) + step) % tabs.length;
    show(at);
    tabs[at].focus();
    event.preventDefault();
  });
  box.prepend(list);
  show(Number(box.dataset.shown) || 0);
}

/**
 * A link to a section opens it; on paper all are open.
 * @param {HTMLElement} report
 */
function addFolding(report) {
  const sections = [...report.querySelectorAll("details")];
  const nav = report.querySelector(".contents ul");
  const outer = sections.filter((section) => section.closest("details details") === null);
  const all = make("button", { type: "button" });
  const name = () => {
    all.textContent = outer.every((section) => section.open) ? "Fold all" : "Open all";
  };
  all.addEventListener("click", () => {
    const open = outer.some((section) => !section.open);
    for (const section of outer) section.open = open;
  });
  for (const section of outer) section.addEventListener("toggle", name);
  if (outer.length > 1) nav?.append(make("li", {}, all));
  name();
  /** @type {HTMLDetailsElement[]} Those that were folded before the page was printed. */
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = sections.filter((section) => !section.open);
    for (const section of folded) section.open = true;
  });
  addEventListener("afterprint", () => {
    for (const section of folded) section.open = false;
  });
}
