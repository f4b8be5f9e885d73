// The price of one asset: candles in levels of detail, drawn by Lightweight Charts, with what was traded on them.

const ROOM = 2.5; // pixels a candle has at least, where there is a finer level it could come from
const LEAST_CANDLES = 60;
const MOVING = 300; // ms
const EDGE = 16; // pixels kept free at both ends for the words of the axis

// Packed candles, unpacked where they are looked at; see candles.py for how they are packed.
class Candles {
  constructor({exponent, finest, levels}) {
    Object.assign(this, {exponent, finest, levels});
    this.chunks = levels.map(({chunks}) => new Array(chunks.length).fill(null));
  }

  // Bars in a candle.
  size(level) {
    return 4 ** (this.finest + level);
  }

  // The finest level that has no more than so many candles in so many bars.
  levelFor(bars, most) {
    let level = 0;
    while (level + 1 < this.levels.length && bars / this.size(level) > most) level += 1;
    return level;
  }

  async part(level, from, to) {
    const first = Math.floor(from / CHUNK), last = Math.floor(Math.max(from, to - 1) / CHUNK);
    const known = this.chunks[level];
    for (let k = first; k <= last; k += 1) known[k] ||= unpacked(this.levels[level].chunks[k], this.exponent);
    const parts = await Promise.all(known.slice(first, last + 1));
    const found = [];
    for (let k = from; k < to; k += 1) {
      const {values, there} = parts[Math.floor(k / CHUNK) - first];
      const at = k % CHUNK;
      found.push(there[at] ? values.map((column) => column[at]) : null);
    }
    return found;
  }
}

const CHUNK = 32768; // candles that are packed together

// Open, high, low and close of packed candles, and whether each is there.
async function unpacked(chunk, exponent) {
  const packed = Uint8Array.from(atob(chunk), (sign) => sign.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  const n = bytes.length / 17;
  const plane = (p, k) => {
    const at = 4 * p * n + k;
    return bytes[at] | (bytes[at + n] << 8) | (bytes[at + 2 * n] << 16) | (bytes[at + 3 * n] << 24);
  };
  const scale = 10 ** Math.abs(exponent);
  const price = exponent < 0 ? (whole) => whole / scale : (whole) => whole * scale;
  const values = Array.from({length: 4}, () => new Float64Array(n));
  let before = 0;
  for (let k = 0; k < n; k += 1) {
    const close = before + plane(0, k), open = before + plane(1, k);
    values[0][k] = price(open);
    values[1][k] = price(Math.max(open, close) + plane(2, k));
    values[2][k] = price(Math.min(open, close) - plane(3, k));
    values[3][k] = price(close);
    before = close;
  }
  return {values, there: bytes.subarray(16 * n)};
}

// A panel like the others of a view, whose drawing is done by the library: it pans, zooms and shows the crosshair.
class CandlePanel {
  constructor(host, view, marks) {
    Object.assign(this, {host, view, marks});
    this.legend = el("div", {class: "legend"});
    this.stage = el("div", {class: "stage candles", tabindex: 0, role: "application",
      "aria-label": "Price: drag to move, arrow keys move, plus and minus zoom, 0 shows all"});
    host.append(this.legend, this.stage);
    this.chart = LightweightCharts.createChart(this.stage, this.options());
    this.series = this.chart.addSeries(LightweightCharts.CandlestickSeries, this.seriesOptions());
    this.series.attachPrimitive(new MarksPrimitive(this));
    this.token = 0;
    this.loaded = null;
    this.listen();
    view.panels.push(this);
  }

  // --- looks

  colour(name) {
    this.palette ||= new Map();
    if (!this.palette.has(name)) this.palette.set(name, getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim());
    return this.palette.get(name);
  }

  options() {
    const line = this.colour("line"), muted = this.colour("muted");
    const clock = this.view.clock;
    const stamp = (time) => clock.label(this.barOfTime(time));
    return {
      autoSize: true,
      layout: {background: {type: "solid", color: "transparent"}, textColor: muted, fontSize: 11,
        fontFamily: getComputedStyle(document.body).fontFamily, attributionLogo: false},
      grid: {vertLines: {color: line}, horzLines: {color: line}},
      rightPriceScale: {borderVisible: false, minimumWidth: GUTTER, scaleMargins: {top: 0.05, bottom: 0.06}},
      timeScale: {borderVisible: false, timeVisible: !clock.daily, minBarSpacing: 0.2, rightOffset: 0, lockVisibleTimeRangeOnResize: true,
        tickMarkFormatter: (time, kind) => tickText(time, kind, clock.daily)},
      crosshair: {mode: 0, vertLine: {color: muted, labelBackgroundColor: muted}, horzLine: {color: muted, labelBackgroundColor: muted}},
      localization: {locale: "en-GB", timeFormatter: stamp, priceFormatter: writeNumber.price,
        tickmarksPriceFormatter: (prices) => prices.map((price) => axisNumber(price, prices.length > 1 ? Math.abs(prices[1] - prices[0]) : Math.abs(price) / 100))},
      handleScroll: {mouseWheel: false, pressedMouseMove: true, horzTouchDrag: true, vertTouchDrag: false},
      handleScale: {mouseWheel: false, pinch: true, axisPressedMouseMove: true, axisDoubleClickReset: true},
      kineticScroll: {mouse: false, touch: true},
    };
  }

  seriesOptions() {
    const [gain, loss] = [this.colour("candle-up"), this.colour("candle-down")];
    return {upColor: gain, wickUpColor: gain, downColor: loss, wickDownColor: loss, borderVisible: false,
      lastValueVisible: false, priceLineVisible: false};
  }

  // --- places: bars, candles (logical places of the library), pixels

  get size() {
    return this.loaded ? this.loaded.size : 1;
  }

  get edge() {
    return EDGE / Math.max(this.chart.timeScale().width(), 100);
  }

  logical(bar) {
    return (bar - (this.size - 1) / 2) / this.size - (this.loaded ? this.loaded.from : 0);
  }

  barAt(logical) {
    return (logical + (this.loaded ? this.loaded.from : 0)) * this.size + (this.size - 1) / 2;
  }

  barOfTime(time) {
    return this.view.clock.barFrom(Math.round(time * 1000));
  }

  px(bar) {
    const scale = this.chart.timeScale();
    return (scale.logicalToCoordinate(0) ?? 0) + this.logical(bar) * scale.options().barSpacing;
  }

  py(price) {
    return this.series.priceToCoordinate(price) ?? -100;
  }

  // --- data

  show(name, candles) {
    Object.assign(this, {name, candles, loaded: null});
    this.writer = null;
    this.series.setData([]);
    this.draw();
  }

  draw() {
    if (!this.candles) return;
    const {lo, hi} = this.view;
    const width = Math.max(this.stage.clientWidth - GUTTER, 40);
    const level = this.candles.levelFor(hi - lo, Math.max(LEAST_CANDLES, width / ROOM));
    const size = this.candles.size(level), n = this.candles.levels[level].n;
    const first = Math.max(0, Math.floor(lo / size)), last = Math.min(n - 1, Math.floor(hi / size));
    const known = this.loaded;
    if (known && known.level === level && known.from <= first && known.to > last) this.place();
    else this.load(level, first, last, n);
  }

  // What is shown and as much again on both sides, so that a short way needs no further reading.
  async load(level, first, last, n) {
    const token = ++this.token;
    const room = last - first + 1;
    const from = Math.max(0, first - room), to = Math.min(n, last + 1 + room);
    const rows = await this.candles.part(level, from, to);
    if (token !== this.token) return;
    this.loaded = {level, from, to, rows, size: this.candles.size(level)};
    const clock = this.view.clock;
    let before = -Infinity;
    this.series.setData(rows.map((row, k) => {
      const time = Math.max(clock.at((from + k) * this.size) / 1000, before + 0.001);
      before = time;
      return row ? {time, open: row[0], high: row[1], low: row[2], close: row[3]} : {time};
    }));
    this.place();
    this.drawHover();
  }

  place() {
    const [from, to] = [this.logical(this.view.lo), this.logical(this.view.hi)];
    const edge = this.edge * (to - from);
    const wanted = {from: from - edge, to: to + edge};
    const now = this.chart.timeScale().getVisibleLogicalRange();
    if (now && Math.abs(now.from - wanted.from) + Math.abs(now.to - wanted.to) < 0.02) return;
    this.chart.timeScale().setVisibleLogicalRange(wanted);
  }

  recolour() {
    this.palette = null;
    this.chart.applyOptions(this.options());
    this.series.applyOptions(this.seriesOptions());
  }

  // --- pointer and keys

  listen() {
    const scale = this.chart.timeScale();
    scale.subscribeVisibleLogicalRangeChange((range) => {
      if (!range || !this.loaded || !this.moved()) return;
      const edge = (range.to - range.from) * (this.edge / (1 + 2 * this.edge));
      const [lo, hi] = [this.barAt(range.from + edge), this.barAt(range.to - edge)];
      const slack = 0.05 * this.size;
      if (Math.abs(lo - this.view.lo) < slack && Math.abs(hi - this.view.hi) < slack) return;
      this.view.set(lo, hi);
      if (this.view.lo !== lo || this.view.hi !== hi) this.view.draw(); // it was held back at an end
    });
    this.chart.subscribeCrosshairMove((event) => {
      if (!event.sourceEvent) return; // set by another panel
      this.pointer = event.point ? [event.point.x, event.point.y] : null;
      this.view.point(event.point && event.logical !== undefined ? this.barAt(event.logical) : null);
    });
    this.stage.addEventListener("pointerleave", () => this.view.point(null));
    this.stage.addEventListener("dblclick", () => this.view.reset());
    this.stage.addEventListener("keydown", (event) => this.view.key(event));
    this.stage.addEventListener("pointerdown", () => this.stage.focus({preventScroll: true}));
    for (const kind of ["pointerdown", "pointermove", "wheel", "touchmove"]) {
      this.stage.addEventListener(kind, (event) => {
        if (kind !== "pointermove" || event.buttons) this.hand = performance.now();
      }, {capture: true, passive: true});
    }
    const wheel = (on) => this.chart.applyOptions({handleScale: {mouseWheel: on}, handleScroll: {mouseWheel: on}});
    this.stage.addEventListener("focus", () => wheel(true));
    this.stage.addEventListener("blur", () => wheel(false));
    new ResizeObserver(() => this.draw()).observe(this.stage);
  }

  // Whether a change of the range is a hand's doing, or runs on after it: the library changes it by itself, too.
  moved() {
    const now = performance.now();
    if (now - (this.hand ?? -Infinity) > MOVING) return false;
    this.hand = Math.max(this.hand, now - MOVING / 2);
    return true;
  }

  drawHover() {
    if (!this.loaded) return;
    const bar = this.view.hover;
    this.right = this.chart.timeScale().width();
    this.bottom = this.stage.clientHeight - this.chart.timeScale().height();
    this.marks.point(this, bar);
    const at = bar === null ? this.view.snapped(this.view.hi) : bar;
    const candle = this.loaded.rows[Math.floor(at / this.size) - this.loaded.from] || null;
    if (bar !== null && !this.pointer && candle) {
      this.chart.setCrosshairPosition(candle[3], this.view.clock.at(Math.floor(at / this.size) * this.size) / 1000, this.series);
    } else if (bar === null) this.chart.clearCrosshairPosition();
    this.drawLegend(at, candle);
    if (this.update) this.update();
  }

  drawLegend(at, candle) {
    this.writer ||= columnWriter(this.loaded.rows.flatMap((row) => (row ? [row[3]] : [])), PRICE_PLACES, writeNumber.price);
    const items = ["Open", "High", "Low", "Close"].map((label, k) =>
      el("span", {class: "item"}, label + " ", el("b", {text: candle ? this.writer(candle[k]) : DASH})));
    const clock = this.view.clock;
    const from = Math.floor(at / this.size) * this.size, to = Math.min(from + this.size, clock.n) - 1;
    const span = this.size === 1 ? clock.label(at) : `${clock.label(from)} – ${clock.label(to)} (${fixed(to - from + 1, 0)} bars)`;
    const reading = this.marks.reading(this);
    this.legend.replaceChildren(el("span", {class: "item"}, el("b", {}, named(this.name))), ...items, ...(reading ? [reading] : []),
      el("time", {text: (clock.exact ? "" : "≈ ") + span}));
  }
}

function tickText(time, kind, daily) {
  const date = new Date(Math.round(time * 1000));
  if (kind === 0) return String(date.getUTCFullYear());
  if (kind === 1) return MONTHS[date.getUTCMonth()];
  if (kind === 2 || daily) return date.getUTCDate() + " " + MONTHS[date.getUTCMonth()];
  return date.toISOString().slice(11, kind === 4 ? 19 : 16);
}

// What the library calls when it draws: the marks, above the candles.
class MarksPrimitive {
  constructor(panel) {
    this.panel = panel;
    const renderer = {draw: (target) => target.useMediaCoordinateSpace(({context, mediaSize}) => {
      if (!panel.loaded) return;
      Object.assign(panel, {right: mediaSize.width, bottom: mediaSize.height});
      context.save();
      panel.marks.draw(context, panel);
      context.restore();
    })};
    this.views = [{renderer: () => renderer, zOrder: () => "top"}];
  }

  attached({requestUpdate}) {
    this.panel.update = requestUpdate;
  }

  updateAllViews() {}

  paneViews() {
    return this.views;
  }
}
