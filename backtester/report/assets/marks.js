// What was traded in one asset: trades from entry to exit, stops and targets while they waited; counted where there are
// too many to see.

const DETAIL = 300; // trades in view up to which each is drawn
const STRIP = 26; // height of the strip that counts trades when there are more

class TradeMarks {
  constructor(all, levels) {
    Object.assign(this, {all, levels, rows: [], waiting: [], chosen: null});
  }

  choose(asset) {
    const {all, levels} = this;
    const mine = (columns) => columns.asset.flatMap((one, k) => (one === asset ? [k] : []));
    this.rows = mine(all).map((k) => ({
      entry: all.entry[k], exit: all.exit[k], entryPrice: all.entry_price[k], exitPrice: all.exit_price[k],
      quantity: all.quantity[k], pnl: all.pnl[k], open: all.open[k] === 1,
    })).sort((a, b) => a.entry - b.entry);
    this.waiting = mine(levels).map((k) => ({from: levels.from[k], to: levels.to[k], price: levels.price[k], kind: levels.kind[k]}));
    this.chosen = null;
  }

  hint(data) {
    const parts = [];
    if (!this.rows.length) parts.push("No trades in this asset.");
    else parts.push("▲ long entry, ▼ short entry, ○ exit; green gained, red lost. Where there are many, bars below count them: zoom in to see each.");
    if (this.waiting.length) parts.push("Dashed: stops (red) and limits or targets (green) while they waited.");
    const left = this.all.total - this.all.asset.length;
    if (left > 0) parts.push(`${fixed(this.all.asset.length, 0)} of ${fixed(this.all.total, 0)} trades are drawn.`);
    const orders = this.levels.total - this.levels.asset.length;
    if (orders > 0) parts.push(`${fixed(this.levels.asset.length, 0)} of ${fixed(this.levels.total, 0)} waiting orders are drawn.`);
    const assets = data.prices.total - data.prices.series.length;
    if (assets > 0) parts.push(`The ${data.prices.series.length} most traded of ${fixed(data.prices.total, 0)} assets can be chosen.`);
    if (data.prices.bars > 1) parts.push(`A candle stands for ${fixed(data.prices.bars, 0)} bars at least: there are too many to hold them all.`);
    parts.push("Drag to move, click and then turn the wheel to zoom, double-click to see all.");
    return parts.join(" ");
  }

  inView({view}) {
    return this.rows.filter((row) => row.exit >= view.lo && row.entry <= view.hi);
  }

  draw(ctx, panel) {
    const rows = this.inView(panel);
    this.detailed = rows.length <= DETAIL;
    if (!this.detailed) this.drawStrip(ctx, panel, rows);
    else {
      this.drawWaiting(ctx, panel);
      for (const row of rows) this.drawPath(ctx, panel, row, 1.2, 0.75);
      const scale = Math.min(Math.max(Math.sqrt(panel.right / (14 * rows.length)), 0.65), 1.15);
      for (const row of rows) this.drawEnds(ctx, panel, row, scale);
    }
    if (!this.chosen) return;
    this.drawPath(ctx, panel, this.chosen, 2, 1);
    this.drawEnds(ctx, panel, this.chosen, 1.35);
  }

  drawWaiting(ctx, panel) {
    const {lo, hi} = panel.view;
    const rows = this.waiting.filter((row) => row.to >= lo && row.from <= hi);
    if (rows.length > 2 * DETAIL) return;
    ctx.lineWidth = 1.2;
    ctx.setLineDash([4, 3]);
    for (const {from, to, price, kind} of rows) {
      ctx.strokeStyle = panel.colour(kind === "stop" ? "loss" : "gain");
      const y = panel.py(price);
      stroke(ctx, panel.px(from), y, panel.px(to), y);
    }
    ctx.setLineDash([]);
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
    const [start, spacing] = [panel.px(0), panel.px(1) - panel.px(0)];
    for (const row of rows) {
      const k = Math.floor((start + row.entry * spacing) / size);
      if (k >= 0 && k < count) (row.pnl > 0 ? gains : losses)[k] += 1;
    }
    const most = Math.max(...gains.map((value, k) => value + losses[k]), 1);
    const [gain, loss] = [panel.colour("gain"), panel.colour("loss")];
    ctx.globalAlpha = 0.8;
    for (let k = 0; k < count; k += 1) {
      const [g, l] = [(gains[k] / most) * STRIP, (losses[k] / most) * STRIP];
      ctx.fillStyle = loss;
      ctx.fillRect(k * size, panel.bottom - l, size - 1, l);
      ctx.fillStyle = gain;
      ctx.fillRect(k * size, panel.bottom - l - g, size - 1, g);
    }
    ctx.globalAlpha = 1;
  }

  // The trade whose end is under the pointer, else the last one that was open at the bar.
  point(panel, bar) {
    this.chosen = null;
    if (bar === null) return;
    let best = null, least = 14, held = null;
    for (const row of this.rows) {
      if (row.entry > panel.view.hi) break;
      if (row.exit < panel.view.lo) continue;
      if (row.entry <= bar && row.exit >= bar) held = row;
      if (!panel.pointer || !this.detailed) continue;
      for (const [at, price] of [[row.entry, row.entryPrice], [row.exit, row.exitPrice]]) {
        const far = Math.hypot(panel.px(at) - panel.pointer[0], panel.py(price) - panel.pointer[1]);
        if (far < least) [best, least] = [row, far];
      }
    }
    this.chosen = best || held;
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
