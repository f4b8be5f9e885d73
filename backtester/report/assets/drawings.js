// Drawings that are no lines over time: bars, histograms, heat maps, clouds of points. SVG, drawn again when the width
// changes; text is text, and colours come from the style.

const PALETTE = ["one", "two", "three", "four", "five", "six"];

function svg(tag, properties, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(properties || {})) {
    if (key === "text") node.textContent = value;
    else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value !== undefined && value !== null) node.setAttribute(key, value);
  }
  node.append(...children.filter(Boolean));
  return node;
}

const measuring = document.createElement("canvas").getContext("2d");

function textWidth(text) {
  measuring.font = "11px " + getComputedStyle(document.body).fontFamily;
  return measuring.measureText(text).width;
}

// Text that fits in a number of pixels.
function fitted(text, room) {
  if (textWidth(text) <= room) return text;
  let cut = text;
  while (cut.length > 1 && textWidth(cut + "…") > room) cut = cut.slice(0, -1);
  return cut + "…";
}

// A figure with a title, whose drawing is made for a width when it comes into view; what is under the pointer is said in the title's line.
function drawing(host, title, height, make, extra = null) {
  const reading = el("span", {class: "reading"});
  const stage = el("div", {class: "drawing"});
  host.append(el("figure", {class: "chart"}, el("figcaption", {}, el("span", {text: title}), reading), extra ?? "", stage));
  const say = (text) => { reading.textContent = text; };
  const state = {width: 0, seen: false};
  const draw = () => {
    const now = Math.floor(stage.clientWidth);
    if (now === state.width || now < 60) return;
    state.width = now;
    stage.replaceChildren(make(now, say));
    stage.style.minHeight = "";
  };
  stage.style.minHeight = height + "px";
  waiting.set(stage, draw);
  new ResizeObserver(() => state.seen && draw()).observe(stage);
  new IntersectionObserver((entries, observer) => {
    if (!entries.at(-1).isIntersecting) return;
    state.seen = true;
    observer.disconnect();
    draw();
  }, {rootMargin: "400px"}).observe(stage);
}

const waiting = new Map(); // what draws a stage, of all there are

// For paper: what has not been looked at yet is drawn, too.
function drawAll() {
  for (const [stage, draw] of waiting) {
    if (stage.isConnected) draw();
    else waiting.delete(stage);
  }
}

function steps(lo, hi, most) {
  const step = niceStep((hi - lo) / Math.max(most, 1));
  const values = [];
  for (let k = Math.ceil(lo / step - 1e-9); k * step <= hi + 1e-9 * step; k += 1) values.push(k * step);
  return {values, step};
}

// Where values lie in pixels, with the ticks of both axes drawn.
class Plot {
  constructor(width, height, {x, y, xAxis, yAxis, xTitle, yTitle, label}) {
    this.root = svg("svg", {width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label || ""});
    const rows = y ? steps(y[0], y[1], height / 46) : {values: [], step: 1};
    const words = rows.values.map((value) => yAxis(value, rows.step));
    this.left = y ? Math.ceil(Math.max(24, ...words.map(textWidth))) + 10 : 0;
    this.top = yTitle ? 22 : 8;
    this.right = width - 12;
    this.bottom = height - (xTitle ? 40 : 24);
    Object.assign(this, {x, y, width, height});
    rows.values.forEach((value, k) => {
      const at = Math.round(this.py(value)) + 0.5;
      this.root.append(svg("line", {class: "grid", x1: this.left, x2: this.right, y1: at, y2: at}),
        svg("text", {class: "tick", x: this.left - 8, y: at + 4, "text-anchor": "end", text: words[k]}));
    });
    if (xAxis) this.columns(x, xAxis);
    if (xTitle) this.root.append(svg("text", {class: "axis", x: (this.left + this.right) / 2, y: height - 6, "text-anchor": "middle", text: xTitle}));
    if (yTitle) this.root.append(svg("text", {class: "axis", x: 0, y: 11, text: yTitle}));
  }

  columns(x, xAxis) {
    const {values, step} = steps(x[0], x[1], (this.right - this.left) / 74);
    let free = -Infinity;
    for (const value of values) {
      const word = xAxis(value, step), at = this.px(value), half = textWidth(word) / 2;
      if (at - half < Math.max(free, 0) || at + half > this.width) continue;
      free = at + half + 8;
      this.root.append(svg("line", {class: "grid", x1: at, x2: at, y1: this.top, y2: this.bottom}),
        svg("text", {class: "tick", x: at, y: this.bottom + 16, "text-anchor": "middle", text: word}));
    }
  }

  px(value) {
    return this.left + ((value - this.x[0]) / (this.x[1] - this.x[0])) * (this.right - this.left);
  }

  py(value) {
    return this.bottom - ((value - this.y[0]) / (this.y[1] - this.y[0])) * (this.bottom - this.top);
  }

  // Vertical lines with words to their right, to their left where what follows is near, or below each other.
  marks(marks) {
    const sorted = [...marks].sort((a, b) => a[0] - b[0]);
    let free = this.left, row = 0; // where the words of this row end
    for (const [k, [value, word]] of sorted.entries()) {
      const at = this.px(value), room = textWidth(word) + 8;
      const next = k + 1 < sorted.length ? Math.min(this.px(sorted[k + 1][0]), this.right) : this.right;
      const flip = at + room > this.right || (at + room > next && at - room >= free);
      row = (flip ? at - room : at) < free ? row + 1 : 0;
      free = Math.max(flip ? at : at + room, row ? free : 0);
      this.root.append(svg("line", {class: "mark", x1: at, x2: at, y1: this.top, y2: this.bottom}),
        svg("text", {class: "word", x: at + (flip ? -5 : 5), y: this.top + 10 + 14 * row, "text-anchor": flip ? "end" : "start", text: word}));
    }
  }
}

function padded(values, zero) {
  const known = values.filter((value) => typeof value === "number");
  let lo = Math.min(...(known.length ? known : [0])), hi = Math.max(...(known.length ? known : [1]));
  if (zero) [lo, hi] = [Math.min(lo, 0), Math.max(hi, 0)];
  const room = (hi - lo) * 0.06 || Math.abs(hi) * 0.1 || 1;
  return [zero && lo === 0 ? 0 : lo - room, zero && hi === 0 ? 0 : hi + room];
}

function isNumber(value) {
  return typeof value === "number";
}

// Rows of bars: a name, a bar from the zero line, a number.
function barRows(host, {title, unit, labels, groups, span: wanted}) {
  const write = unitWriters[unit];
  const all = [...(wanted ?? []), ...groups.flatMap(({values}) => values)].filter(isNumber);
  const lo = Math.min(0, ...all), hi = Math.max(0, ...all), span = hi - lo || 1;
  const place = (value) => 100 * ((value - lo) / span);
  const row = (label, k) => groups.map(({name, values}, g) => {
    const value = values[k];
    const bar = el("i", {class: "value " + (groups.length > 1 ? PALETTE[g % 6] : isNumber(value) && value < 0 ? "loss" : "gain")});
    if (isNumber(value)) {
      bar.style.left = place(Math.min(value, 0)).toFixed(2) + "%";
      bar.style.width = (place(Math.max(value, 0)) - place(Math.min(value, 0))).toFixed(2) + "%";
    }
    return el("div", {class: "row"}, el("span", {class: "name"}, g ? "" : named(label)), el("span", {class: "rail"}, bar),
      el("span", {class: "number", text: write(value), title: groups.length > 1 ? name : null}));
  });
  host.append(el("figure", {class: "chart"}, el("figcaption", {}, el("span", {text: title})), keys(groups),
    el("div", {class: "rows"}, ...labels.flatMap(row))));
}

function keys(groups) {
  if (groups.length < 2) return null;
  return el("div", {class: "keys"}, ...groups.map(({name}, g) => el("span", {class: "item"}, el("i", {class: "key " + PALETTE[g % 6]}), named(name))));
}

function barColumns(host, {title, unit, labels, groups}) {
  const write = unitWriters[unit];
  drawing(host, title, 200, (width, say) => {
    const plot = new Plot(width, 200, {x: [0, labels.length || 1], y: padded(groups.flatMap(({values}) => values), true), yAxis: unitAxes[unit], label: title});
    const zero = plot.py(Math.min(Math.max(0, plot.y[0]), plot.y[1]));
    const wide = (plot.right - plot.left) / Math.max(labels.length, 1);
    const gap = Math.max(Math.min(wide * 0.25, 6), wide - 56 * groups.length);
    let free = -Infinity;
    labels.forEach((label, k) => {
      groups.forEach(({name, values}, g) => {
        if (!isNumber(values[k])) return;
        const part = (wide - gap) / groups.length, y = plot.py(values[k]);
        const tone = groups.length > 1 ? PALETTE[g % 6] : values[k] < 0 ? "loss" : plot.y[0] < 0 ? "gain" : "accent";
        const said = `${label}: ${groups.length > 1 ? name + " " : ""}${write(values[k])}`;
        plot.root.append(svg("rect", {class: "fill " + tone, x: plot.left + k * wide + gap / 2 + g * part, width: Math.max(part, 0.6),
          y: Math.min(y, zero), height: Math.max(Math.abs(y - zero), 0.5), onpointerenter: () => say(said), onpointerleave: () => say("")}));
      });
      const at = plot.left + (k + 0.5) * wide, half = textWidth(label) / 2;
      if (at - half < Math.max(free, 0) || at + half > width) return;
      free = at + half + 10;
      plot.root.append(svg("text", {class: "tick", x: at, y: plot.bottom + 16, "text-anchor": "middle", text: label}));
    });
    plot.root.append(svg("line", {class: "zero", x1: plot.left, x2: plot.right, y1: zero, y2: zero}));
    return plot.root;
  }, keys(groups));
}

function histogramOf(host, {title, unit, edges, counts, marks, curve, n}) {
  if (!counts.length) {
    host.append(el("p", {class: "hint", text: `${title}: there is nothing to count.`}));
    return;
  }
  const write = unitWriters[unit];
  drawing(host, title, 260, (width, say) => {
    const plot = new Plot(width, 260, {x: [edges[0], edges.at(-1)], y: [0, 1.08 * Math.max(...counts, ...(curve || [0]), 1)],
      xAxis: unitAxes[unit], yAxis: axisNumber, label: title});
    counts.forEach((count, k) => {
      const from = plot.px(edges[k]), to = plot.px(edges[k + 1]), y = plot.py(count);
      const said = `${write(edges[k])} to ${write(edges[k + 1])}: ${fixed(count, 0)} of ${fixed(n, 0)}`;
      plot.root.append(svg("rect", {class: "fill " + (edges[k + 1] <= 0 ? "loss" : "accent"), x: from, width: Math.max(to - from - 1, 0.6), y,
        height: plot.bottom - y, onpointerenter: () => say(said), onpointerleave: () => say("")}));
    });
    if (curve) {
      const points = curve.map((value, k) => `${plot.px((edges[k] + edges[k + 1]) / 2).toFixed(1)},${plot.py(value).toFixed(1)}`);
      plot.root.append(svg("polyline", {class: "curve", points: points.join(" ")}));
    }
    plot.marks(marks);
    return plot.root;
  });
}

// Colour and share of a cell: of diverging values by their sign, of others from the lowest to the highest.
function tint(values, diverging) {
  const known = values.flat().filter(isNumber);
  const lo = Math.min(...known), hi = Math.max(...known), size = Math.max(...known.map(Math.abs), 1e-300);
  if (diverging) return (value) => [value < 0 ? "loss" : "gain", 0.06 + 0.54 * (Math.abs(value) / size)];
  return (value) => ["accent", hi > lo ? 0.06 + 0.5 * ((value - lo) / (hi - lo)) : 0.3];
}

function heatMap(host, {title, unit, x, y, values, x_title: xTitle, y_title: yTitle, diverging}) {
  const write = unitWriters[unit];
  const tone = tint(values, diverging);
  drawing(host, title, 24 * y.length + 60, (width, say) => {
    const left = Math.min(Math.max(30, ...y.map(textWidth)) + 12, width * 0.32);
    const cell = Math.min((width - left) / Math.max(x.length, 1), 74);
    const high = Math.min(Math.max(cell * 0.6, 15), 30);
    const top = yTitle ? 22 : 4;
    const bottom = top + high * y.length;
    const height = bottom + (xTitle ? 40 : 22);
    const root = svg("svg", {width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": title});
    const room = Math.max(...values.flat().map((value) => textWidth(write(value))), 0) + 4 <= cell;
    y.forEach((name, r) => {
      if (high >= 12 || r % Math.ceil(12 / high) === 0) {
        root.append(svg("text", {class: "tick", x: left - 8, y: top + (r + 0.5) * high + 4, "text-anchor": "end", text: fitted(name, left - 12)}));
      }
      x.forEach((head, c) => {
        const value = values[r][c];
        if (!isNumber(value)) return;
        const [colour, share] = tone(value);
        const said = `${yTitle ? yTitle + " " : ""}${name}, ${xTitle ? xTitle + " " : ""}${head}: ${write(value)}`;
        root.append(svg("rect", {class: "fill " + colour, "fill-opacity": share.toFixed(3), x: left + c * cell + 0.5, y: top + r * high + 0.5,
          width: Math.max(cell - 1, 0.5), height: Math.max(high - 1, 0.5), rx: Math.min(3, cell / 8), onpointerenter: () => say(said), onpointerleave: () => say("")}));
        if (room) root.append(svg("text", {class: "cell", x: left + (c + 0.5) * cell, y: top + (r + 0.5) * high + 4, "text-anchor": "middle", text: write(value)}));
      });
    });
    let free = left - 4;
    x.forEach((head, c) => {
      const at = left + (c + 0.5) * cell, word = fitted(head, 96), half = textWidth(word) / 2;
      if (at - half < free || at + half > width) return;
      free = at + half + 6;
      root.append(svg("text", {class: "tick", x: at, y: bottom + 16, "text-anchor": "middle", text: word}));
    });
    if (xTitle) root.append(svg("text", {class: "axis", x: left + (cell * x.length) / 2, y: height - 4, "text-anchor": "middle", text: xTitle}));
    if (yTitle) root.append(svg("text", {class: "axis", x: 0, y: 11, text: yTitle}));
    return root;
  });
}

// A cloud of points; `tones` gives each a colour, `pick` is called with the number of the one that was clicked.
function cloud(host, {title, x, y, x_unit: xUnit, y_unit: yUnit, x_title: xTitle, y_title: yTitle, names, total, diagonal, means, tones, pick}) {
  if (!x.length) {
    host.append(el("p", {class: "hint", text: `${title}: there is nothing to draw.`}));
    return;
  }
  const shown = total > x.length ? `${title} (${fixed(x.length, 0)} of ${fixed(total, 0)} are drawn)` : title;
  drawing(host, shown, 320, (width, say) => {
    const plot = new Plot(width, 320, {x: padded(x, false), y: padded(y, false), xAxis: unitAxes[xUnit], yAxis: unitAxes[yUnit], xTitle, yTitle, label: title});
    for (const [kind, at] of [["v", plot.x], ["h", plot.y]]) {
      if (at[0] > 0 || at[1] < 0) continue;
      const [px, py] = [plot.px(0), plot.py(0)];
      plot.root.append(kind === "v" ? svg("line", {class: "zero", x1: px, x2: px, y1: plot.top, y2: plot.bottom})
        : svg("line", {class: "zero", x1: plot.left, x2: plot.right, y1: py, y2: py}));
    }
    if (diagonal) {
      const [lo, hi] = [Math.max(plot.x[0], plot.y[0]), Math.min(plot.x[1], plot.y[1])];
      if (lo < hi) plot.root.append(svg("line", {class: "mark", x1: plot.px(lo), y1: plot.py(lo), x2: plot.px(hi), y2: plot.py(hi)}));
    }
    const radius = x.length > 1000 ? 2 : x.length > 200 ? 2.8 : 4;
    x.forEach((value, k) => {
      const said = `${names ? names[k] + ": " : ""}${unitWriters[xUnit](value)}, ${unitWriters[yUnit](y[k])}`;
      plot.root.append(svg("circle", {class: "dot " + (tones ? tones[k] : "accent") + (pick ? " pick" : ""), cx: plot.px(value).toFixed(1), cy: plot.py(y[k]).toFixed(1),
        r: radius, onpointerenter: () => say(said), onpointerleave: () => say(""), onclick: pick ? () => pick(k) : undefined}));
    });
    if (means.length) {
      const points = means.map(([a, b]) => `${plot.px(a).toFixed(1)},${plot.py(b).toFixed(1)}`);
      plot.root.append(svg("polyline", {class: "curve", points: points.join(" ")}));
      for (const [a, b] of means) plot.root.append(svg("circle", {class: "dot loss", cx: plot.px(a), cy: plot.py(b), r: 3}));
    }
    return plot.root;
  });
}
