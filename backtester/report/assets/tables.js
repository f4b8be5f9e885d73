// Tables: sortable and paged rows, metrics, the months, costs, the manifest.

const PAGE = 25;

// columns: [{key, label, write, text, title, sort}] where `write(value, row)` returns text or an element.
class Table {
  constructor(host, pager, {columns, data, caption, noun, total}) {
    Object.assign(this, {columns, data, noun, total, pager});
    this.count = data[columns[0].key].length;
    this.kept = this.all();
    this.order = this.kept;
    this.page = 0;
    this.sorted = null;
    this.heads = columns.map((column) => this.head(column));
    this.body = el("tbody");
    host.append(el("table", {}, el("caption", {text: caption}), el("thead", {}, el("tr", {}, ...this.heads)), this.body));
    this.back = el("button", {type: "button", text: "← Previous", onclick: () => this.turn(-1)});
    this.next = el("button", {type: "button", text: "Next →", onclick: () => this.turn(1)});
    this.where = el("span", {"aria-live": "polite"});
    pager.append(this.where, this.back, this.next);
    this.show();
  }

  all() {
    return Array.from({length: this.count}, (_, k) => k);
  }

  head(column) {
    const button = el("button", {type: "button", text: column.label, title: column.title, onclick: () => this.sort(column)});
    return el("th", {scope: "col", class: column.text ? "text" : null, "aria-sort": "none"}, button);
  }

  sort(column) {
    const down = this.sorted && this.sorted.column === column ? !this.sorted.down : !column.text;
    this.sorted = {column, down};
    this.columns.forEach((each, k) => this.heads[k].setAttribute("aria-sort", each !== column ? "none" : down ? "descending" : "ascending"));
    this.arrange();
  }

  // Keeps the rows that pass every test; a test has a name, and null takes it away.
  keep(name, test) {
    this.tests ||= new Map();
    if (test) this.tests.set(name, test);
    else this.tests.delete(name);
    const tests = [...this.tests.values()];
    this.kept = tests.length ? this.all().filter((k) => tests.every((each) => each(k))) : this.all();
    this.arrange();
  }

  // A field that keeps the rows which have all of its words in their text.
  search() {
    const field = el("input", {type: "search", placeholder: "Filter", "aria-label": "Filter " + this.noun});
    let waiting = null;
    field.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => {
        const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
        this.keep("search", words.length ? (k) => words.every((word) => this.words(k).includes(word)) : null);
      }, 120);
    });
    return field;
  }

  words(k) {
    this.written ||= new Array(this.count);
    this.written[k] ??= this.columns.filter(({text}) => text).map((column) => {
      const value = this.data[column.key][k];
      const shown = column.write ? column.write(value, k) : value;
      return shown instanceof Node ? shown.textContent : shown;
    }).join(" ").toLowerCase();
    return this.written[k];
  }

  arrange() {
    this.order = this.kept;
    if (this.sorted) {
      const {column, down} = this.sorted;
      const values = this.data[column.key].map(column.sort || ((value) => value));
      const sign = down ? -1 : 1;
      const words = values.some((value) => typeof value === "string" && !value.endsWith("∞"));
      const by = words ? (a, b) => compared(values[a], values[b], sign) : (a, b) => comparedNumbers(values[a], values[b], sign);
      this.order = [...this.kept].sort((a, b) => by(a, b) || a - b);
    }
    this.page = 0;
    this.show();
  }

  turn(by) {
    this.page += by;
    this.show();
  }

  show() {
    const from = this.page * PAGE;
    const rows = this.order.slice(from, from + PAGE);
    this.body.replaceChildren(...rows.map((k) => el("tr", {}, ...this.columns.map((column) => this.cell(column, k)))));
    if (!rows.length) this.body.append(el("tr", {}, el("td", {class: "text none", colspan: this.columns.length, text: `No ${this.noun}.`})));
    const n = this.order.length;
    const paged = n > PAGE;
    this.back.hidden = this.next.hidden = !paged;
    this.back.disabled = from === 0;
    this.next.disabled = from + PAGE >= n;
    const more = this.total > this.count ? `; the first ${fixed(this.count, 0)} of ${fixed(this.total, 0)} are listed` : "";
    this.where.hidden = this.total <= PAGE && n === this.count;
    this.where.textContent = n ? `${fixed(from + 1, 0)}–${fixed(from + rows.length, 0)} of ${fixed(n, 0)} ${this.noun}${more}` : "";
  }

  cell(column, k) {
    const value = this.data[column.key][k];
    const shown = column.write ? column.write(value, k) : value;
    const tone = column.tone && typeof value === "number" && value !== 0 ? (value > 0 ? "gain" : "loss") : "";
    const td = el("td", {class: [column.text ? "text" : "", tone].join(" ").trim() || null});
    td.append(shown === null || shown === undefined || shown === "" ? DASH : typeof shown === "number" ? String(shown) : shown);
    return td;
  }
}

const collator = new Intl.Collator("en", {numeric: true});

// What is not there comes last, whichever way is up.
function compared(a, b, sign) {
  const [noA, noB] = [missing(a), missing(b)];
  return noA || noB ? noA - noB : sign * collator.compare(String(a), String(b));
}

function comparedNumbers(a, b, sign) {
  const [noA, noB] = [missing(a), missing(b)];
  return noA || noB ? noA - noB : sign * (asNumber(a) - asNumber(b));
}

function missing(value) {
  return value === null || value === undefined || value === "";
}

function asNumber(value) {
  if (typeof value === "number") return value;
  return value === "∞" ? Infinity : value === "−∞" ? -Infinity : 0;
}

function plainTable(caption, heads, rows) {
  const cell = (tag, content, column) => el(tag, {class: heads[column].text ? "text" : null, scope: tag === "th" ? "col" : null}, content);
  return el("table", {}, el("caption", {text: caption}),
    el("thead", {}, el("tr", {}, ...heads.map((head, k) => cell("th", head.label, k)))),
    el("tbody", {}, ...rows.map((row) => el("tr", {}, ...row.map((content, k) => cell("td", content, k))))));
}

function headline(data) {
  byId("headline").append(...data.headline.map(({label, value, kind, beside}) => {
    const write = kind === "money" ? guarded((v) => axisNumberOrMoney(v)) : kind === "number" ? guarded((v) => fixed(v, 2)) : writeNumber[kind];
    const small = beside ? el("dd", {class: "beside"}, named(beside.label), " ", writeNumber[beside.kind](beside.value)) : null;
    return el("div", {}, el("dt", {text: capital(label)}), el("dd", {class: "value", text: write(value)}), small);
  }));
}

function axisNumberOrMoney(value) {
  return Math.abs(value) >= 1e7 ? axisNumber(value, Math.abs(value) / 100) : fixed(value, 0);
}

function metricGroups(data) {
  const other = data.comparison ? data.comparison.name : null;
  const shown = data.metrics.filter(({title}) => title !== "Costs"); // they have a table of their own
  byId("metrics-groups").append(...shown.map(({title, rows}) => {
    const compare = other !== null && rows.some((row) => row.against !== null);
    const head = el("tr", {}, el("th", {scope: "col", class: "text", text: title}), el("th", {scope: "col", text: compare ? "Strategy" : ""}),
      compare ? el("th", {scope: "col"}, named(capital(other))) : null);
    const body = rows.map(({label, kind, value, against, name}) => el("tr", {},
      el("th", {scope: "row", class: "text", title: name, text: label}), el("td", {text: writeNumber[kind](value)}),
      compare ? el("td", {class: "beside", text: against === null ? "" : writeNumber[kind](against)}) : null));
    return el("table", {}, el("thead", {}, head), el("tbody", {}, ...body));
  }));
}

function monthTable(data) {
  const {years, months, totals, against, against_name: name} = data.months;
  const size = Math.max(...months.flat().map((value) => Math.abs(value || 0)).sort((a, b) => b - a).slice(0, 1), 0.02);
  const write = guarded((v) => (Math.abs(v) < 10 ? fixed(100 * v, 1) : exponential(100 * v, 1)));
  const shade = (value) => {
    const td = el("td", {text: value === null ? "" : write(value)});
    if (typeof value === "number" && value !== 0) {
      td.className = "heat " + (value > 0 ? "gain" : "loss");
      td.style.setProperty("--heat", (8 + 62 * Math.min(Math.sqrt(Math.abs(value) / size), 1)).toFixed(0) + "%");
    }
    return td;
  };
  const total = (value, kind) => el("td", {class: kind, text: write(value)});
  const rows = years.map((year, k) => el("tr", {}, el("th", {scope: "row", text: year}), ...months[k].map(shade),
    total(totals[k], "total"), against ? total(against[k], "beside") : null));
  const head = el("tr", {}, el("th", {text: "%"}), ...MONTHS.map((text) => el("th", {scope: "col", text})),
    el("th", {scope: "col", class: "total", text: "Year"}), against ? el("th", {scope: "col", class: "beside"}, named(capital(name))) : null);
  byId("months-table").append(el("table", {class: "months"}, el("thead", {}, head), el("tbody", {}, ...rows)));
}

function costTable(data) {
  const most = Math.max(...data.costs.map(({money}) => Math.abs(money || 0)), 0);
  const bar = (money) => {
    const inner = el("i", {class: "bar"});
    inner.style.width = (most > 0 ? (100 * Math.abs(money)) / most : 0).toFixed(1) + "%";
    return el("span", {class: "track"}, inner);
  };
  const sum = (key) => data.costs.reduce((all, row) => (row[key] === null || all === null ? null : all + row[key]), 0);
  const line = (row) => [row.kind, bar(row.money), writeNumber.money(row.money), writeNumber.percent(row.of_cash), writeNumber.points(row.of_traded)];
  const heads = [{label: "Kind", text: true}, {label: "", text: true}, {label: "Money"}, {label: "Of starting cash"}, {label: "Basis points of traded value"}];
  const rows = data.costs.map(line);
  const total = line({kind: "total", money: sum("money"), of_cash: sum("of_cash"), of_traded: sum("of_traded")});
  total[1] = "";
  const table = plainTable("Costs by kind", heads, [...rows, total]);
  table.className = "costs";
  table.querySelector("tbody").lastChild.className = "total";
  byId("costs-table").append(table);
  if (data.flows.length) {
    const flows = data.flows.map((row) => [row.kind, writeNumber.count(row.rows), signed(writeNumber.money)(row.money)]);
    byId("costs-table").append(plainTable("Other changes of cash", [{label: "Other changes of cash", text: true}, {label: "Times"}, {label: "Money"}], flows));
  }
}

// Prices with the decimals that are usual for their asset.
function priceWriters(data) {
  const prices = new Map();
  const {asset, entry_price: entry} = data.marks;
  asset.forEach((one, k) => (prices.has(one) ? prices.get(one) : prices.set(one, []).get(one)).push(entry[k]));
  const writers = new Map([...prices].map(([one, values]) => [one, columnWriter(values, PRICE_PLACES, writeNumber.price)]));
  return (assets) => (value, k) => (writers.get(assets[k]) || writeNumber.price)(value);
}

function tradeTable(data, clock, goTo, writers) {
  const price = writers(data.trades.columns.asset);
  const side = guarded((v) => (v > 0 ? "long" : "short"));
  const time = (bar) => clock.label(bar);
  const columns = [
    {key: "number", label: "No.", write: (value, k) => el("button", {type: "button", class: "link", text: fixed(value, 0), title: "Show on the price", onclick: () => goTo(k)})},
    {key: "asset", label: "Symbol", text: true, write: (asset) => named(data.symbols[asset]), sort: (asset) => data.symbols[asset]},
    {key: "side", label: "Side", text: true, write: side},
    {key: "entry", label: "Entry", text: true, write: time},
    {key: "exit", label: "Exit", text: true, write: time},
    {key: "bars", label: "Bars", write: writeNumber.count},
    {key: "quantity", label: "Quantity", write: columnWriter(data.trades.columns.quantity, QUANTITY_PLACES, writeNumber.quantity)},
    {key: "entry_price", label: "Entry price", write: price},
    {key: "exit_price", label: "Exit price", write: price},
    {key: "pnl", label: "Profit", write: writeNumber.money, tone: true, title: "Net of all costs but carry"},
    {key: "return_frac", label: "Return", write: writeNumber.percent, tone: true},
    {key: "costs", label: "Costs", write: writeNumber.money},
    {key: "mae_frac", label: "Worst", write: writeNumber.percent, title: "Maximum adverse excursion"},
    {key: "mfe_frac", label: "Best", write: writeNumber.percent, title: "Maximum favourable excursion"},
    {key: "ended_by", label: "Closed by", text: true},
  ];
  const rows = {...data.trades.columns, side: data.trades.columns.quantity};
  if (rows.tag.some((tag) => tag !== 0)) columns.push({key: "tag", label: "Tag"});
  if (data.symbols.length === 1) columns.splice(1, 1);
  const table = new Table(byId("trades-table"), byId("trades-pager"), {columns, data: rows, caption: "Trades", noun: "trades", total: data.trades.total});
  if (!data.trades.total) return;
  const {pnl, quantity} = data.trades.columns, open = (k) => rows.ended_by[k] === "open";
  const tests = {
    Outcome: [["gained", (k) => pnl[k] > 0 && !open(k)], ["lost", (k) => pnl[k] < 0 && !open(k)], ["still open", open]],
    Side: [["long", (k) => quantity[k] > 0], ["short", (k) => quantity[k] < 0]],
  };
  const choosers = Object.entries(tests).map(([label, choices]) => chooser(label, [[-1, "all"], ...choices.map(([name], k) => [k, name])], -1,
    (chosen) => table.keep(label, chosen < 0 ? null : choices[chosen][1])));
  byId("trades-controls").append(...choosers, table.search());
  tradeCloud(data, goTo);
}

// How far trades went against and for their holder, against what they came to.
function tradeCloud(data, goTo) {
  const {mae_frac: mae, mfe_frac: mfe, return_frac: gain, number: name} = data.trades.columns;
  const known = name.flatMap((_, k) => (isNumber(mae[k]) && isNumber(mfe[k]) && isNumber(gain[k]) ? [k] : []));
  if (known.length < 2) return;
  const every = Math.ceil(known.length / 3000);
  const rows = known.filter((_, k) => k % every === 0);
  const draw = (excursion, title, xTitle) => cloud(byId("excursions"), {
    title, x: rows.map((k) => excursion[k]), y: rows.map((k) => gain[k]), x_unit: "percent", y_unit: "percent", x_title: xTitle, y_title: "return of the trade",
    names: rows.map((k) => "trade " + fixed(name[k], 0)), total: known.length, diagonal: false, means: [],
    tones: rows.map((k) => (gain[k] > 0 ? "gain" : "loss")), pick: (k) => goTo(rows[k])});
  draw(mae, "Return against the worst it was", "maximum adverse excursion");
  draw(mfe, "Return against the best it was", "maximum favourable excursion");
}

// "market", "market, target", "stop loss": the role says more than the kind where it has a name of its own.
function orderKind(kind, role) {
  if (role === "plain") return kind;
  return role === "target" ? kind + ", target" : role;
}

function orderTable(data, clock, writers) {
  const rows = {...data.orders.columns};
  const price = writers(rows.asset);
  const quantity = columnWriter(rows.filled, QUANTITY_PLACES, writeNumber.quantity);
  rows.kind = rows.kind.map((kind, k) => orderKind(kind, rows.role[k]));
  const column = (key, label, write) => (rows[key].some((value) => value !== null && value !== 0) ? [{key, label, write}] : []);
  const columns = [
    {key: "id", label: "Id", write: writeNumber.count},
    {key: "asset", label: "Symbol", text: true, write: (asset) => (asset < 0 ? DASH : named(data.symbols[asset])), sort: (asset) => data.symbols[asset] ?? null},
    {key: "submitted", label: "Submitted", text: true, write: (bar) => clock.label(bar)},
    {key: "kind", label: "Kind", text: true},
    {key: "quantity", label: "Quantity", write: quantity},
    ...column("limit_price", "Limit", price),
    ...column("stop_price", "Stop", price),
    {key: "filled", label: "Filled", write: quantity},
    {key: "average_price", label: "Average price", write: price},
    {key: "ended", label: "Ended", text: true, write: (bar) => clock.label(bar)},
    {key: "status", label: "Status", text: true, write: (word) => el("span", {class: "status " + word, text: word})},
    {key: "reason", label: "Reason", text: true},
    ...(rows.tif.some((word) => word !== "GTC") ? [{key: "tif", label: "In force", text: true}] : []),
    ...column("tag", "Tag"),
  ];
  const table = new Table(byId("orders-table"), byId("orders-pager"), {columns, data: rows, caption: "Orders", noun: "orders", total: data.orders.total});
  byId("order-ends").append(...data.order_ends.map(({status, reason, orders}) => el("li", {},
    el("b", {text: fixed(orders, 0)}), " ", el("span", {class: "status " + status, text: status}), reason ? ", " + reason : "")));
  const statuses = [...new Set(rows.status)].sort();
  if (statuses.length > 1) {
    const names = [[-1, "all"], ...statuses.map((status, k) => [k, status])];
    byId("orders-controls").append(chooser("Status", names, -1, (chosen) => table.keep("status", chosen < 0 ? null : (k) => rows.status[k] === statuses[chosen])));
  }
  if (data.orders.total) byId("orders-controls").append(table.search());
}

function manifestGroups(manifest) {
  const groups = [["run", []]];
  const walk = (value, path, rows) => {
    if (value !== null && typeof value === "object" && !Array.isArray(value)) {
      const entries = Object.entries(value);
      if (!entries.length) rows.push([path, "none"]);
      for (const [key, item] of entries) walk(item, path ? path + "." + key : key, rows);
    } else rows.push([path, value]);
  };
  for (const [key, value] of Object.entries(manifest)) {
    const nested = value !== null && typeof value === "object" && !Array.isArray(value);
    if (!nested) groups[0][1].push([key, value]);
    else {
      const rows = [];
      walk(value, "", rows);
      groups.push([key, rows]);
    }
  }
  const shown = (value) => {
    if (value === null || value === "") return DASH;
    if (Array.isArray(value)) return value.length > 20 ? value.slice(0, 20).join(", ") + `, … (${fixed(value.length, 0)} in all)` : value.join(", ") || "none";
    return String(value);
  };
  byId("manifest-groups").append(...groups.map(([title, rows]) => el("div", {}, el("h3", {text: capital(title)}),
    el("dl", {}, ...rows.flatMap(([key, value]) => [el("dt", {}, named(key)), el("dd", {}, named(shown(value)))])))));
}
