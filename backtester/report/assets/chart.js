// A chart panel: lines over bar numbers on a canvas, with an axis, a crosshair and zoom. Panels of one view move together.

const GUTTER = 62, TOP = 10, AXIS = 24;
const DENSE = 3; // points in a column of pixels, beyond which not each is drawn
const MANY = 10; // lines, beyond which the legend does not name each

// Steps from point to point become bar numbers; undefined values become NaN.
function decoded(series) {
  const y = Float64Array.from(series.y, (value) => (typeof value === "number" ? value : NaN));
  const sampled = series.every > 1;
  if (series.x === null) return {x: Float64Array.from(y, (_, k) => k), y, sampled};
  const x = new Float64Array(y.length);
  let bar = 0;
  for (let k = 0; k < y.length; k += 1) x[k] = bar += series.x[k];
  return {x, y, sampled};
}

// Points of a line that has places of its own.
function pointsOf({x, y}) {
  const number = (value) => (typeof value === "number" ? value : NaN);
  return {x: Float64Array.from(x, number), y: Float64Array.from(y, number), sampled: false};
}

// What part of an axis all panels show, and the place under the pointer. Of bars, places are whole numbers.
class View {
  constructor(first, last, {clock, whole}) {
    const room = last > first ? 0 : whole ? 1 : Math.abs(first) * 0.01 || 1;
    this.full = [first - room, last + room];
    this.least = Math.min(whole ? 8 : (last - first) / 1e4, this.full[1] - this.full[0]);
    this.ends = [first, last];
    [this.lo, this.hi] = this.full;
    Object.assign(this, {clock, whole, hover: null, panels: [], listeners: [], waiting: false});
  }

  get zoomed() {
    return this.lo > this.full[0] || this.hi < this.full[1];
  }

  // The nearest place that there is.
  snapped(place) {
    return Math.min(Math.max(this.whole ? Math.round(place) : place, this.ends[0]), this.ends[1]);
  }

  set(lo, hi) {
    const [first, last] = this.full;
    const width = Math.min(Math.max(hi - lo, this.least), last - first);
    const start = Math.min(Math.max((lo + hi - width) / 2, first), last - width);
    if (start === this.lo && start + width === this.hi) return;
    this.lo = start;
    this.hi = start + width;
    this.hover = null;
    this.draw();
    for (const listener of this.listeners) listener();
  }

  reset() {
    this.set(...this.full);
  }

  zoom(factor, centre) {
    this.set(centre - (centre - this.lo) * factor, centre + (this.hi - centre) * factor);
  }

  move(part) {
    const step = (this.hi - this.lo) * part;
    if (step < 0 ? this.lo > this.full[0] : this.hi < this.full[1]) this.set(this.lo + step, this.hi + step);
  }

  point(place) {
    const hover = place === null ? null : this.snapped(place);
    if (hover === this.hover && hover === null) return;
    this.hover = hover;
    for (const panel of this.panels) panel.drawHover();
  }

  // Panels are drawn once a frame, however often the view was set in between.
  draw() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      for (const panel of this.panels) panel.draw();
    });
  }

  drawNow() {
    for (const panel of this.panels) panel.draw(true);
  }

  key(event) {
    const middle = (this.lo + this.hi) / 2;
    const acts = {
      ArrowLeft: () => this.move(-0.2),
      ArrowRight: () => this.move(0.2),
      "+": () => this.zoom(0.6, middle),
      "=": () => this.zoom(0.6, middle),
      "-": () => this.zoom(1 / 0.6, middle),
      0: () => this.reset(),
      Escape: () => this.reset(),
    };
    if (!acts[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    acts[event.key]();
  }
}

class Panel {
  // spec: {label, lines: [{name, colour, width, points, fill}], write, axis, zero, down, log, levels, places, ticks}
  constructor(host, view, spec) {
    Object.assign(this, {host, view, spec});
    this.legend = el("div", {class: "legend"});
    this.base = el("canvas", {role: "img", "aria-label": spec.label});
    this.over = el("canvas", {class: "over", tabindex: 0, "aria-label": spec.label + ": arrow keys move, plus and minus zoom, 0 shows all"});
    this.stage = el("div", {class: "stage"}, this.base, this.over);
    host.append(this.legend, this.stage);
    view.panels.push(this);
    this.listen();
    this.seen = false;
    new ResizeObserver(() => this.draw()).observe(this.stage);
    new IntersectionObserver((entries) => {
      this.seen = entries.at(-1).isIntersecting;
      if (this.seen && this.stale) this.draw();
    }, {rootMargin: "200px"}).observe(this.stage);
  }

  // --- geometry

  measure() {
    const box = this.stage.getBoundingClientRect();
    const ratio = window.devicePixelRatio || 1;
    Object.assign(this, {width: box.width, height: box.height, right: box.width - GUTTER});
    this.bottom = box.height - (this.spec.ticks ? AXIS : 6);
    for (const canvas of [this.base, this.over]) {
      const [w, h] = [Math.round(box.width * ratio), Math.round(box.height * ratio)];
      if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, {width: w, height: h});
      canvas.getContext("2d").setTransform(ratio, 0, 0, ratio, 0, 0);
    }
    const style = getComputedStyle(document.documentElement);
    this.colour = (name) => style.getPropertyValue("--" + name).trim();
    this.font = "11px " + getComputedStyle(document.body).fontFamily;
  }

  px(bar) {
    return 6 + ((bar - this.view.lo) / (this.view.hi - this.view.lo)) * (this.right - 12);
  }

  barAt(px) {
    return this.view.lo + ((px - 6) / (this.right - 12)) * (this.view.hi - this.view.lo);
  }

  py(value) {
    const [lo, hi] = this.range;
    const part = this.isLog ? Math.log(value / lo) / Math.log(hi / lo) : (value - lo) / (hi - lo);
    const low = this.bottom;
    return this.spec.down ? TOP + part * (low - TOP) : low - part * (low - TOP);
  }

  shown() {
    return this.spec.lines.filter((line) => line.points.x.length);
  }

  fit() {
    let lo = Infinity, hi = -Infinity;
    for (const {points} of this.shown()) {
      const from = lastAtMost(points.x, this.view.lo);
      for (let k = from; k < points.x.length; k += 1) {
        const value = this.inside(points, k);
        if (value < lo) lo = value;
        if (value > hi) hi = value;
        if (points.x[k] > this.view.hi) break;
      }
    }
    if ((this.spec.levels || []).some(([level]) => level === 0)) [lo, hi] = [Math.min(lo, 0), Math.max(hi, 0)];
    if (lo > hi) [lo, hi] = [0, 1];
    if (this.spec.zero) [lo, hi] = [Math.min(lo, 0), Math.max(hi, 0)];
    this.isLog = Boolean(this.spec.log && this.spec.log()) && lo > 0;
    if (this.isLog) {
      const pad = Math.max((hi / lo) ** 0.06, 1.0005);
      this.range = [lo / pad, hi * pad];
      return;
    }
    const pad = (hi - lo) * 0.06 || Math.abs(hi) * 0.01 || (this.spec.zero ? 0.01 : 1);
    this.range = this.spec.zero ? [lo < 0 ? lo - pad : 0, hi > 0 ? hi + pad : 0] : [lo - pad, hi + pad];
  }

  // The value of a point; of one outside the view, the value of its line where it enters or leaves.
  inside({x, y}, k) {
    const [edge, other] = x[k] < this.view.lo ? [this.view.lo, k + 1] : x[k] > this.view.hi ? [this.view.hi, k - 1] : [x[k], k];
    if (other === k || !(other in x) || Number.isNaN(y[other])) return y[k];
    return y[k] + ((edge - x[k]) / (x[other] - x[k])) * (y[other] - y[k]);
  }

  // --- drawing

  // What nobody sees is drawn when somebody does, or at once where it is asked for.
  draw(always) {
    this.stale = !this.seen && !always;
    if (this.stale) return;
    this.measure();
    if (this.right < 40) return;
    this.fit();
    const ctx = this.base.getContext("2d");
    ctx.clearRect(0, 0, this.width, this.height);
    this.drawGrid(ctx);
    ctx.save();
    ctx.beginPath();
    ctx.rect(0, 0, this.right, this.bottom + 1);
    ctx.clip();
    this.drawRules(ctx);
    for (const line of this.shown().reverse()) this.drawLine(ctx, line);
    ctx.restore();
    this.drawHover();
  }

  drawGrid(ctx) {
    ctx.font = this.font;
    ctx.lineWidth = 1;
    ctx.strokeStyle = this.colour("line");
    ctx.fillStyle = this.colour("muted");
    ctx.textBaseline = "middle";
    ctx.textAlign = "left";
    const {values, step} = this.levels();
    for (const value of values) {
      const y = Math.round(this.py(value)) + 0.5;
      stroke(ctx, 0, y, this.right, y);
      ctx.fillText(this.spec.axis(value, this.isLog ? value : step), this.right + 8, y);
    }
    const ticks = this.view.clock.ticks(this.view.lo, this.view.hi, Math.max(2, this.right / 84));
    ctx.textBaseline = "alphabetic";
    ctx.textAlign = "center";
    let free = 0;
    for (const [bar, label] of ticks) {
      const x = Math.round(this.px(bar)) + 0.5;
      const half = ctx.measureText(label).width / 2;
      if (x - half < free || x + half > this.right + 20) continue;
      free = x + half + 12;
      stroke(ctx, x, TOP, x, this.bottom);
      if (this.spec.ticks) ctx.fillText(label, x, this.bottom + 16);
    }
  }

  // Levels lie across, places stand upright; each may have a word.
  drawRules(ctx) {
    ctx.strokeStyle = ctx.fillStyle = this.colour("muted");
    ctx.textAlign = "left";
    ctx.setLineDash([3, 3]);
    for (const [level, word] of this.spec.levels || []) {
      if (level < this.range[0] || level > this.range[1]) continue;
      const y = Math.round(this.py(level)) + 0.5;
      stroke(ctx, 0, y, this.right, y);
      if (word) ctx.fillText(word, 8, y - 5);
    }
    for (const [place, word] of this.spec.places || []) {
      const x = Math.round(this.px(place)) + 0.5;
      stroke(ctx, x, TOP, x, this.bottom);
      if (word) ctx.fillText(word, x + 5, TOP + 10);
    }
    ctx.setLineDash([]);
  }

  levels() {
    const [lo, hi] = this.range;
    const most = Math.max(2, (this.bottom - TOP) / 38);
    if (this.isLog && hi / lo > 4) return {values: logLevels(lo, hi, most), step: null};
    const step = niceStep((hi - lo) / most);
    const values = [];
    for (let k = Math.ceil(lo / step - 1e-9); k * step <= hi + 1e-9 * step; k += 1) values.push(k * step);
    return {values, step};
  }

  drawLine(ctx, {points, colour, width, fill}) {
    const {x, y} = points;
    const from = lastAtMost(x, this.view.lo), to = Math.min(lastAtMost(x, this.view.hi) + 1, x.length - 1);
    ctx.beginPath();
    const [first, last] = (to - from > DENSE * this.right ? this.traceDense : this.trace).call(this, ctx, points, from, to);
    ctx.strokeStyle = this.colour(colour);
    ctx.lineWidth = width || 1.5;
    ctx.lineJoin = "round";
    ctx.stroke();
    if (fill && first !== null) {
      const floor = this.py(Math.max(this.range[0], 0));
      ctx.lineTo(last, floor);
      ctx.lineTo(first, floor);
      ctx.closePath();
      ctx.globalAlpha = 0.14;
      ctx.fillStyle = this.colour(colour);
      ctx.fill();
      ctx.globalAlpha = 1;
    }
    if (x.length === 1) disc(ctx, this.px(x[0]), this.py(y[0]), 2.5, this.colour(colour));
  }

  drawn(value) {
    return !Number.isNaN(value) && !(this.isLog && value <= 0);
  }

  trace(ctx, {x, y}, from, to) {
    let open = false, first = null, last = null;
    for (let k = from; k <= to; k += 1) {
      if (!this.drawn(y[k])) {
        open = false;
        continue;
      }
      last = this.px(x[k]);
      first ??= last;
      if (open) ctx.lineTo(last, this.py(y[k]));
      else ctx.moveTo(last, this.py(y[k]));
      open = true;
    }
    return [first, last];
  }

  // Of many points in a column of pixels the first, highest, lowest and last make the same picture.
  traceDense(ctx, {x, y}, from, to) {
    let column = null, low = 0, high = 0, end = 0, first = null, open = false;
    const close = () => {
      if (column === null) return;
      for (const level of [high, low, end]) ctx.lineTo(column, level);
    };
    for (let k = from; k <= to; k += 1) {
      if (!this.drawn(y[k])) {
        close();
        [column, open] = [null, false];
        continue;
      }
      const px = Math.round(this.px(x[k])), py = this.py(y[k]);
      if (px === column) {
        if (py < high) high = py;
        if (py > low) low = py;
        end = py;
        continue;
      }
      close();
      if (open) ctx.lineTo(px, py);
      else ctx.moveTo(px, py);
      first ??= px;
      [column, open, low, high, end] = [px, true, py, py, py];
    }
    close();
    return [first, column];
  }

  drawHover() {
    if (!this.range) return;
    const ctx = this.over.getContext("2d");
    ctx.clearRect(0, 0, this.width, this.height);
    const bar = this.view.hover;
    const at = bar === null ? this.view.snapped(this.view.hi) : bar;
    const readings = this.shown().map((line) => ({line, k: this.nearest(line.points.x, at)}));
    if (bar !== null) {
      const x = Math.round(this.px(bar)) + 0.5;
      ctx.strokeStyle = this.colour("muted");
      ctx.lineWidth = 1;
      stroke(ctx, x, TOP, x, this.bottom);
      for (const {line, k} of readings) {
        const value = line.points.y[k];
        if (Number.isNaN(value) || line.points.x[k] > this.view.hi || line.points.x[k] < this.view.lo) continue;
        disc(ctx, this.px(line.points.x[k]), this.py(value), 3.5, this.colour(line.colour), this.colour("page"));
      }
    }
    if (this.drag) this.drawDrag(ctx);
    this.drawLegend(at, readings);
  }

  // Of bars the last point that was known, else the point that is nearest.
  nearest(x, at) {
    const k = lastAtMost(x, at);
    return !this.view.whole && k + 1 < x.length && x[k + 1] - at < at - x[k] ? k + 1 : k;
  }

  drawDrag(ctx) {
    const [from, to] = this.drag;
    ctx.fillStyle = this.colour("accent");
    ctx.globalAlpha = 0.12;
    ctx.fillRect(Math.min(from, to), TOP, Math.abs(to - from), this.bottom - TOP);
    ctx.globalAlpha = 1;
  }

  drawLegend(at, readings) {
    const items = readings.length > MANY ? this.ranges(readings) : readings.map(({line, k}) => {
      const known = line.points.x[k] <= at || !this.view.whole;
      const near = known && line.points.sampled && line.points.x[k] !== at ? "≈ " : "";
      const key = el("i", {class: "key " + line.colour});
      const value = el("b", {text: near + (known ? this.spec.write(line.points.y[k]) : DASH)});
      return el("span", {class: "item"}, key, named(line.name), " ", value);
    });
    const time = el("time", {text: (this.view.clock.exact ? "" : "≈ ") + this.view.clock.label(at)});
    this.legend.replaceChildren(...items, time);
  }

  // Of very many lines, how many of each colour there are, and between what they lie.
  ranges(readings) {
    const groups = grouped(readings, ({line}) => line.colour);
    return [...groups].map(([colour, rows]) => {
      const values = rows.map(({line, k}) => line.points.y[k]).filter((value) => !Number.isNaN(value));
      const range = values.length > 1 ? `${this.spec.write(Math.min(...values))} to ${this.spec.write(Math.max(...values))}` : this.spec.write(values[0]);
      const name = rows.length > 1 ? `${rows[0].line.name} and ${rows.length - 1} more` : rows[0].line.name;
      return el("span", {class: "item"}, el("i", {class: "key " + colour}), named(name), " ", el("b", {text: range}));
    });
  }

  // --- pointer and keys

  listen() {
    const over = this.over;
    const x = (event) => event.clientX - this.stage.getBoundingClientRect().left;
    const y = (event) => event.clientY - this.stage.getBoundingClientRect().top;
    over.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      over.setPointerCapture(event.pointerId);
      this.drag = [x(event), x(event)];
    });
    over.addEventListener("pointermove", (event) => {
      if (this.drag) this.drag[1] = Math.min(Math.max(x(event), 6), this.right - 6);
      this.pointer = [x(event), y(event)];
      this.view.point(x(event) <= this.right ? this.barAt(x(event)) : null);
    });
    over.addEventListener("pointerup", () => {
      const drag = this.drag;
      this.drag = null;
      if (drag && Math.abs(drag[1] - drag[0]) > 6) {
        this.view.set(this.barAt(Math.min(...drag)), this.barAt(Math.max(...drag)));
      }
    });
    over.addEventListener("pointercancel", () => { this.drag = null; this.leave(); });
    over.addEventListener("pointerleave", () => this.leave());
    over.addEventListener("dblclick", () => this.view.reset());
    over.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      this.view.zoom(event.deltaY > 0 ? 1.25 : 0.8, this.barAt(x(event)));
    }, {passive: false});
    over.addEventListener("keydown", (event) => this.view.key(event));
  }

  leave() {
    if (this.drag) return;
    this.pointer = null;
    this.view.point(null);
  }
}

function grouped(rows, keyOf) {
  const found = new Map();
  for (const row of rows) found.set(keyOf(row), [...(found.get(keyOf(row)) || []), row]);
  return found;
}

function stroke(ctx, x1, y1, x2, y2) {
  ctx.beginPath();
  ctx.moveTo(x1, y1);
  ctx.lineTo(x2, y2);
  ctx.stroke();
}

function disc(ctx, x, y, radius, colour, rim) {
  ctx.beginPath();
  ctx.arc(x, y, radius, 0, 2 * Math.PI);
  ctx.fillStyle = colour;
  ctx.fill();
  if (!rim) return;
  ctx.strokeStyle = rim;
  ctx.lineWidth = 1.5;
  ctx.stroke();
}

function niceStep(rough) {
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * [1, 2, 2.5, 5, 10].find((k) => k * power >= rough * 0.999);
}

function logLevels(lo, hi, most) {
  const found = [];
  for (const set of [[1], [1, 3], [1, 2, 5], [1, 1.5, 2, 3, 5, 7]]) {
    const values = [];
    for (let power = Math.floor(Math.log10(lo)); power <= Math.log10(hi); power += 1) {
      for (const k of set) if (k * 10 ** power >= lo && k * 10 ** power <= hi) values.push(k * 10 ** power);
    }
    if (values.length > most && found.length) break;
    found.splice(0, found.length, ...values);
  }
  const skip = Math.ceil(found.length / most);
  return found.filter((_, k) => k % skip === 0);
}
