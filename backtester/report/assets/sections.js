// Sections: any object's parts, each item drawn by its kind.

const unitWriters = {...writeNumber, plain: (value) => (value === null ? DASH : String(value)), text: (value) => (value === null ? DASH : String(value))};
const percentAxis = (value, step) => fixed(100 * value, places(100 * step)) + THIN + "%";
const unitAxes = new Proxy({percent: percentAxis}, {get: (known, unit) => known[unit] || axisNumber});

// Draws the items of a section into an element. `view` is that of the page's bars, `times` makes one for lines over time.
function drawItems(host, section, {view, times}) {
  for (const item of section.items) {
    const draw = itemKinds[item.kind];
    if (draw) draw(host, item, {view, times});
    else host.append(el("p", {class: "hint", text: `This page does not know how to draw “${item.kind}”.`}));
  }
  if (section.note) host.append(el("p", {class: "hint", text: section.note}));
}

const itemKinds = {
  text: (host, {text}) => host.append(el("p", {class: "said", text})),
  facts: (host, {rows}) => host.append(el("dl", {class: "pairs"}, ...rows.map(([name, value]) => el("div", {}, el("dt", {text: capital(name)}), el("dd", {}, named(value)))))),
  panel: barPanel,
  lines: linePanel,
  bars: (host, item) => (item.upright ? barColumns : barRows)(host, item),
  histogram: histogramOf,
  heat: heatMap,
  scatter: cloud,
  table: sectionTable,
};

function panelHost(host, title, size) {
  const inner = el("div", {class: "panel " + size});
  const controls = el("div", {class: "controls"});
  host.append(el("div", {class: "subtitle"}, el("h3", {text: title}), controls), inner);
  return {inner, controls};
}

// Lines over the bars of the page.
function barPanel(host, {title, unit, zero, levels, lines}, {view}) {
  const {inner} = panelHost(host, title, "low");
  new Panel(inner, view, {
    label: title, write: unitWriters[unit], axis: unitAxes[unit], zero, ticks: true, levels: levels.map((value) => [value, ""]),
    lines: lines.map((line, k) => ({name: line.name, colour: line.colour || PALETTE[k % 6], width: 1.3, points: decoded(line), fill: false})),
  });
}

// Lines with places of their own.
function linePanel(host, {title, unit, x, x_title: xTitle, zero, log, tall, lines, marks, levels}, {times}) {
  const drawn = lines.map((line, k) => ({name: line.name, colour: line.colour || PALETTE[k % 6], width: 1.4, points: pointsOf(line), fill: line.fill}))
    .filter(({points}) => points.x.length);
  const ends = drawn.flatMap(({points}) => [points.x[0], points.x.at(-1)]);
  const {inner, controls} = panelHost(host, title, tall ? "tall" : "middle");
  if (!ends.length) {
    inner.append(el("p", {class: "hint", text: "There is nothing to draw."}));
    return;
  }
  const view = x === "time" ? times : new View(Math.min(...ends), Math.max(...ends), {clock: numberAxis(drawn.every(({points}) => points.x.every(Number.isInteger))), whole: false});
  const on = {log: false};
  const panel = new Panel(inner, view, {label: title, lines: drawn, write: unitWriters[unit], axis: unitAxes[unit], zero, ticks: true,
    places: marks, levels, log: () => on.log});
  if (log) controls.append(toggle("Log scale", (chosen) => { on.log = chosen; panel.draw(); }));
  if (xTitle) inner.append(el("p", {class: "under", text: xTitle}));
}

// One view for all lines over time of some sections, so that they move together.
function timeView(sections) {
  const ends = [];
  for (const {items} of sections) {
    for (const item of items) {
      if (item.kind !== "lines" || item.x !== "time") continue;
      for (const {x} of item.lines) if (x.length) ends.push(x[0], x.at(-1));
    }
  }
  return ends.length ? new View(Math.min(...ends), Math.max(...ends), {clock: timeAxis, whole: false}) : null;
}

function sectionTable(host, {title, heads, columns, total}) {
  const data = Object.fromEntries(columns.map((column, k) => ["c" + k, column]));
  const shown = heads.map(({label, unit, tone}, k) => {
    const text = unit === "text";
    if (unit === "written") return {key: "c" + k, label, write: (value) => value ?? DASH};
    return {key: "c" + k, label, text, tone, write: text ? (value) => (value === null || value === "" ? DASH : named(value)) : unit === "number" ? columnWriter(columns[k], NUMBER_PLACES, writeNumber.number) : unitWriters[unit]};
  });
  const controls = el("div", {class: "controls"});
  const box = el("div", {class: "scroll", tabindex: 0, role: "region", "aria-label": title || "Table"});
  const pager = el("div", {class: "pager"});
  if (title || total > PAGE) host.append(el("div", {class: "subtitle"}, el("h3", {text: title}), controls));
  host.append(box, pager);
  const table = new Table(box, pager, {columns: shown, data, caption: title || "Table", noun: "rows", total});
  if (total > PAGE) controls.append(table.search());
}

// One page that is made of sections alone.
function sectionsPage(host, page) {
  const times = timeView(page.sections);
  for (const section of page.sections) {
    const body = el("section", {id: section.anchor, "aria-labelledby": section.anchor + "-title"},
      el("div", {class: "title"}, el("h2", {id: section.anchor + "-title"}, named(section.title))));
    host.append(body);
    drawItems(body, section, {view: null, times});
  }
  return times;
}
