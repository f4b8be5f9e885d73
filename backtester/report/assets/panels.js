// The panels of a result's page: equity over drawdown, the price, recorded series.

function performancePanels(data, view) {
  const other = data.comparison;
  const log = {on: false};
  const lines = (key, fill) => [
    {name: "Strategy", colour: "accent", width: 1.6, points: decoded(data[key]), fill},
    ...(other ? [{name: capital(other.name), colour: "quiet", width: 1.2, points: decoded(other[key])}] : []),
  ];
  const equity = new Panel(byId("equity-panel"), view, {
    label: data.equity_label, lines: lines("equity", false), write: writeNumber.money, axis: axisNumber, log: () => log.on,
  });
  new Panel(byId("drawdown-panel"), view, {
    label: "Drawdown", lines: lines("drawdown", true).map((line, k) => (k ? line : {...line, colour: "loss", width: 1.1, name: "Drawdown"})),
    write: writeNumber.percent, axis: percentAxis, zero: true, down: true, ticks: true,
  });
  if (data.equity_label !== "Equity") byId("performance-hint").prepend(`${data.equity_label}: what was there at the start alone. `);
  const every = data.equity.every;
  if (every > 1) byId("performance-hint").append(` Of every ${fixed(every, 0)} bars, lines keep the first, lowest, highest and last.`);
  const lowest = data.equity.y.some((value) => typeof value === "number" && value <= 0);
  const control = toggle("Log scale", (on) => {
    log.on = on;
    equity.draw();
  });
  control.disabled = lowest;
  if (lowest) control.title = "Equity is not above 0 everywhere: it has no logarithm";
  byId("performance-controls").append(control);
}

function toggle(text, change) {
  const button = el("button", {type: "button", text, "aria-pressed": "false", onclick: () => {
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(on));
    change(on);
  }});
  return button;
}

function chooser(label, names, chosen, change) {
  const options = names.map(([value, text]) => el("option", {value, text: "\u2068" + named(text).textContent + "\u2069", selected: value === chosen}));
  return el("label", {class: "chooser"}, el("span", {text: label}), el("select", {onchange: (event) => change(Number(event.target.value))}, ...options));
}

// The price of one asset and what was traded in it; returns what shows another asset.
function pricePanel(data, view) {
  const marks = new TradeMarks(data.marks, data.levels);
  const panel = new CandlePanel(byId("price-panel"), view, marks);
  const byAsset = new Map(data.prices.series.map((series) => [series.asset, series]));
  const candles = new Map();
  let shown = null;
  const show = (asset) => {
    if (!byAsset.has(asset)) return false;
    if (asset === shown) return true;
    shown = asset;
    if (!candles.has(asset)) candles.set(asset, new Candles(byAsset.get(asset)));
    marks.choose(asset);
    byId("price-hint").textContent = marks.hint(data);
    panel.show(data.symbols[asset], candles.get(asset));
    return true;
  };
  const controls = byId("price-controls");
  const names = data.prices.series.map(({asset}) => [asset, data.symbols[asset]]);
  const select = names.length > 1 ? chooser("Asset", names, data.prices.first, show) : null;
  if (select) controls.append(select);
  const middle = () => (view.lo + view.hi) / 2;
  const button = (text, label, act) => el("button", {type: "button", text, "aria-label": label, title: label, onclick: act});
  controls.append(el("span", {class: "group"}, button("←", "Earlier", () => view.move(-0.5)), button("→", "Later", () => view.move(0.5)),
    button("+", "Zoom in", () => view.zoom(0.5, middle())), button(MINUS, "Zoom out", () => view.zoom(2, middle()))));
  show(byAsset.has(data.prices.first) ? data.prices.first : names[0][0]);
  return {
    panel,
    show: (asset) => {
      const done = show(asset);
      if (done && select) select.querySelector("select").value = String(asset);
      return done;
    },
  };
}

function recordPanel(data, view) {
  const {series, total} = data.records;
  if (!series.length) return;
  byId("records").hidden = false;
  const line = {name: "", colour: "accent", width: 1.3, points: {x: [], y: []}};
  const panel = new Panel(byId("records-panel"), view, {label: "Recorded series", lines: [line], write: writeNumber.quantity, axis: axisNumber, ticks: true});
  const show = (k) => {
    line.name = series[k].name;
    line.points = decoded(series[k]);
    panel.draw();
  };
  if (series.length > 1) byId("records-controls").append(chooser("Series", series.map(({name}, k) => [k, name]), 0, show));
  byId("records-hint").textContent = total > series.length ? `The first ${series.length} of ${fixed(total, 0)} recorded names.` : "";
  show(0);
}
