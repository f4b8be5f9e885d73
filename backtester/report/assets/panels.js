// The panels of this page: equity over drawdown, trades on the price, recorded series.

const DETAIL = 300; // trades in view up to which each is drawn
const STRIP = 26; // height of the strip that counts trades when there are more

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
    write: writeNumber.percent, axis: (value, step) => fixed(100 * value, places(100 * step)) + THIN + "%", zero: true, down: true, ticks: true,
  });
  if (data.equity_label !== "Equity") byId("performance-hint").prepend(`${data.equity_label}: what was there at the start alone. `);
  const every = data.equity.every;
  if (every > 1) byId("performance-hint").append(` Of every ${fixed(every, 0)} bars, lines keep the first, lowest, highest and last.`);
  byId("performance-controls").append(toggle("Log scale", (on) => {
    log.on = on;
    equity.draw();
  }));
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

// The price of one asset and what was traded in it; `show(asset)` changes the asset.
function pricePanel(data, view) {
  const host = byId("price-panel");
  const marks = new TradeMarks(data.marks);
  const line = {name: "", colour: "muted", width: 1.1, points: {x: [], y: []}};
  const panel = new Panel(host, view, {label: "Price", lines: [line], write: writeNumber.price, axis: axisNumber, ticks: true, marks});
  const byAsset = new Map(data.prices.series.map((series) => [series.asset, series]));
  const show = (asset) => {
    const series = byAsset.get(asset);
    if (!series) return false;
    line.name = data.symbols[asset];
    line.points = decoded(series);
    marks.choose(asset);
    byId("price-hint").textContent = marks.hint(data);
    panel.draw();
    return true;
  };
  const names = data.prices.series.map(({asset}) => [asset, data.symbols[asset]]);
  let select = null;
  if (names.length > 1) {
    const control = chooser("Asset", names, data.prices.first, show);
    select = control.querySelector("select");
    byId("price-controls").append(control);
  }
  show(byAsset.has(data.prices.first) ? data.prices.first : names[0][0]);
  return (asset) => {
    if (show(asset) && select) select.value = String(asset);
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

// Entries and exits of one asset; counted in a strip where there are too many to see.
class TradeMarks {
  constructor(all) {
    this.all = all;
    this.rows = [];
  }

  choose(asset) {
    const all = this.all;
    this.rows = [];
    for (let k = 0; k < all.asset.length; k += 1) {
      if (all.asset[k] !== asset) continue;
      this.rows.push({
        entry: all.entry[k], exit: all.exit[k], entryPrice: all.entry_price[k], exitPrice: all.exit_price[k],
        quantity: all.quantity[k], pnl: all.pnl[k], open: all.open[k] === 1,
      });
    }
    this.rows.sort((a, b) => a.entry - b.entry);
  }

  hint(data) {
    if (!this.rows.length) return "No trades in this asset.";
    const left = this.all.total - this.all.asset.length;
    const thinned = left > 0 ? ` ${fixed(this.all.asset.length, 0)} of ${fixed(this.all.total, 0)} trades are drawn.` : "";
    const assets = data.prices.total - data.prices.series.length;
    const most = assets > 0 ? ` The ${data.prices.series.length} most traded of ${fixed(data.prices.total, 0)} assets can be chosen.` : "";
    return "▲ long entry, ▼ short entry, ○ exit; green gained, red lost. Where there are many, bars below count them: zoom in to see each." + thinned + most;
  }

  inView(panel) {
    const {lo, hi} = panel.view;
    return this.rows.filter((row) => row.exit >= lo && row.entry <= hi);
  }

  foot(panel) {
    this.detailed = this.inView(panel).length <= DETAIL;
    return this.detailed ? 0 : STRIP + 6;
  }

  // A range of prices that holds the ends of the trades that are drawn.
  widened(panel, lo, hi) {
    if (!this.detailed) return [lo, hi];
    for (const {entry, exit, entryPrice, exitPrice} of this.inView(panel)) {
      if (entry >= panel.view.lo) [lo, hi] = [Math.min(lo, entryPrice), Math.max(hi, entryPrice)];
      if (exit <= panel.view.hi) [lo, hi] = [Math.min(lo, exitPrice), Math.max(hi, exitPrice)];
    }
    return [lo, hi];
  }

  draw(ctx, panel) {
    const rows = this.inView(panel);
    if (!this.detailed) {
      this.drawStrip(ctx, panel, rows);
      return;
    }
    for (const row of rows) this.drawPath(ctx, panel, row, 1.2, 0.75);
    const scale = Math.min(Math.max(Math.sqrt(panel.right / (14 * rows.length)), 0.65), 1.15);
    for (const row of rows) this.drawEnds(ctx, panel, row, scale);
  }

  drawPath(ctx, panel, row, width, alpha) {
    ctx.strokeStyle = panel.colour(outcome(row));
    ctx.globalAlpha = alpha;
    ctx.lineWidth = width;
    ctx.setLineDash(row.open ? [3, 3] : []);
    stroke(ctx, panel.px(row.entry), panel.py(row.entryPrice), panel.px(row.exit), panel.py(row.exitPrice));
    ctx.setLineDash([]);
    ctx.globalAlpha = 1;
  }

  drawEnds(ctx, panel, row, scale) {
    const colour = panel.colour(outcome(row));
    const page = panel.colour("page");
    if (!row.open) {
      disc(ctx, panel.px(row.exit), panel.py(row.exitPrice), 3 * scale, page);
      ctx.strokeStyle = colour;
      ctx.lineWidth = 1.5;
      ctx.stroke();
    }
    const up = row.quantity > 0 ? 1 : -1;
    const [x, y] = [panel.px(row.entry), panel.py(row.entryPrice)];
    const size = 4.5 * scale;
    ctx.beginPath();
    ctx.moveTo(x, y - up * size);
    ctx.lineTo(x + size, y + up * size * 0.8);
    ctx.lineTo(x - size, y + up * size * 0.8);
    ctx.closePath();
    ctx.fillStyle = colour;
    ctx.fill();
    ctx.strokeStyle = page;
    ctx.lineWidth = 1;
    ctx.stroke();
  }

  drawStrip(ctx, panel, rows) {
    const size = 4, count = Math.ceil(panel.right / size);
    const gains = new Array(count).fill(0), losses = new Array(count).fill(0);
    for (const row of rows) {
      const k = Math.floor(panel.px(row.entry) / size);
      if (k >= 0 && k < count) (row.pnl > 0 ? gains : losses)[k] += 1;
    }
    const most = Math.max(...gains.map((value, k) => value + losses[k]), 1);
    ctx.globalAlpha = 0.8;
    for (let k = 0; k < count; k += 1) {
      const [g, l] = [(gains[k] / most) * STRIP, (losses[k] / most) * STRIP];
      ctx.fillStyle = panel.colour("loss");
      ctx.fillRect(k * size, panel.bottom - l, size - 1, l);
      ctx.fillStyle = panel.colour("gain");
      ctx.fillRect(k * size, panel.bottom - l - g, size - 1, g);
    }
    ctx.globalAlpha = 1;
  }

  hover(ctx, panel, bar) {
    this.chosen = bar === null ? null : this.nearest(panel, bar);
    if (!this.chosen) return;
    ctx.save();
    ctx.beginPath();
    ctx.rect(0, 0, panel.right, panel.bottom + 1);
    ctx.clip();
    this.drawPath(ctx, panel, this.chosen, 2, 1);
    this.drawEnds(ctx, panel, this.chosen, 1.35);
    ctx.restore();
  }

  // The trade whose end is under the pointer, else the last one that was open at the bar.
  nearest(panel, bar) {
    let best = null, least = 14;
    const pointer = panel.pointer;
    let held = null;
    for (const row of this.rows) {
      if (row.entry > bar + panel.view.n) break;
      if (row.entry <= bar && row.exit >= bar) held = row;
      if (!pointer || !this.detailed) continue;
      for (const [at, price] of [[row.entry, row.entryPrice], [row.exit, row.exitPrice]]) {
        const far = Math.hypot(panel.px(at) - pointer[0], panel.py(price) - pointer[1]);
        if (far < least) [best, least] = [row, far];
      }
    }
    return best || held;
  }

  reading(panel) {
    const row = this.chosen;
    if (!row) return null;
    const side = row.quantity > 0 ? "long" : "short";
    const clock = panel.view.clock;
    const until = row.open ? "open" : clock.label(row.exit);
    return el("span", {class: "item trade"},
      `${side} ${writeNumber.quantity(Math.abs(row.quantity))}, ${clock.label(row.entry)} → ${until}, `,
      `${writeNumber.price(row.entryPrice)} → ${writeNumber.price(row.exitPrice)} `,
      el("b", {class: outcome(row), text: signed(writeNumber.money)(row.pnl)}));
  }
}

function outcome(row) {
  return row.pnl > 0 ? "gain" : row.pnl < 0 ? "loss" : "quiet";
}
