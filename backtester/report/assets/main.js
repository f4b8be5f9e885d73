// The document is put together here: its pages, of which one is shown, the head, the navigation.

const doc = JSON.parse(byId("data").textContent);
const shown = {view: null, panel: null};

pageChooser();
openPage(0);
followTheme();
byId("reset").addEventListener("click", () => shown.view.reset());
byId("footer").append(`backtester ${doc.version}. Fractions of money are shown in percent. Past results do not promise future ones.`);
if (typeof LightweightCharts !== "undefined") {
  byId("footer").append(" Candles are drawn by Lightweight Charts™, © ", el("a", {href: "https://www.tradingview.com/", rel: "noopener noreferrer", text: "TradingView, Inc."}), ", Apache License 2.0.");
}

function openPage(k) {
  const page = doc.pages[k];
  const host = byId("page");
  host.replaceChildren();
  for (const id of ["name", "parameters", "facts", "verdict"]) byId(id).replaceChildren();
  Object.assign(shown, {view: null, panel: null});
  if (page.kind === "result") resultPage(host, page);
  else {
    byId("name").append(named(page.title));
    byId("parameters").hidden = true;
    byId("facts").append(...page.facts.map((fact) => el("span", {}, named(fact))));
    byId("verdict").hidden = true;
    shown.view = sectionsPage(host, page);
  }
  navigation(host);
  zoomNote();
}

function pageChooser() {
  const names = doc.pages.map(({name, title}) => name || title);
  if (names.length < 2) return;
  const host = byId("pages");
  host.hidden = false;
  if (names.length > 8) {
    host.append(chooser("Page", names.map((name, k) => [k, name]), 0, openPage));
    return;
  }
  const buttons = names.map((name, k) => el("button", {type: "button", "aria-pressed": String(k === 0), onclick: () => {
    buttons.forEach((button, other) => button.setAttribute("aria-pressed", String(other === k)));
    openPage(k);
  }}, named(name)));
  host.append(...buttons);
}

function resultPage(host, data) {
  const clock = new Clock(data.clock, data.period.daily);
  const view = new View(0, clock.n - 1, {clock, whole: true});
  for (const part of ["trades", "orders"]) data[part].columns = expandedColumns(data[part].columns);
  for (const part of ["marks", "levels"]) data[part] = expandedColumns(data[part]);
  host.append(byId("result-page").content.cloneNode(true));
  shown.view = view;
  header(data);
  headline(data);
  byId("notices").append(...data.notices.map(([kind, text]) => el("li", {class: "notice " + kind, text})));
  performancePanels(data, view);
  const price = pricePanel(data, view);
  shown.panel = price.panel;
  recordPanel(data, view);
  for (const slot of host.querySelectorAll("[data-slot]")) fillSlot(slot, data.sections[slot.id], view);
  metricGroups(data);
  monthTable(data);
  costTable(data);
  const writers = priceWriters(data);
  tradeTable(data, clock, (k) => goToTrade(data, k, view, price), writers);
  orderTable(data, clock, writers);
  manifestGroups(data.manifest);
}

function fillSlot(slot, section, view) {
  slot.setAttribute("aria-labelledby", slot.id + "-title");
  slot.append(el("div", {class: "title"}, el("h2", {id: slot.id + "-title", text: section.title})));
  drawItems(slot, section, {view, times: null});
}

function header({period, strategy, symbols, verdict}) {
  byId("name").append(named(strategy.name));
  byId("parameters").append(...strategy.parameters.map(([name, value]) => el("li", {}, el("span", {}, named(name)), el("b", {}, named(value)))));
  byId("parameters").hidden = !strategy.parameters.length;
  const listed = symbols.slice(0, 8).flatMap((symbol, k) => (k ? [", ", named(symbol)] : [named(symbol)]));
  if (symbols.length > 8) listed.push(`, … (${fixed(symbols.length, 0)} assets)`);
  const zone = period.daily ? "" : " UTC";
  const facts = [
    el("span", {class: "symbols"}, ...listed),
    el("span", {text: `${period.first} – ${period.last}${zone}`}),
    el("span", {text: fixed(period.n_bars, 0) + (period.n_bars === 1 ? " bar" : " bars") + (period.step ? ` of ${period.step}` : "")}),
    el("span", {text: `cash ${writeNumber.money(period.cash)}`}),
    el("span", {text: period.mode}),
  ];
  if (period.data) facts.splice(1, 0, el("span", {}, named(period.data)));
  byId("facts").append(...facts);
  byId("verdict").hidden = !verdict;
  if (!verdict) return;
  byId("verdict").append(el("p", {text: verdict.sentence}));
  if (verdict.rows.length) {
    byId("verdict").append(el("details", {}, el("summary", {text: "What this rests on"}),
      el("dl", {}, ...verdict.rows.flatMap(([name, text]) => [el("dt", {text: name}), el("dd", {text})]))));
  }
}

function navigation(host) {
  const links = [...host.querySelectorAll("section:not([hidden])")].map((section) =>
    el("a", {href: "#" + section.id}, section.dataset.link || named(section.querySelector("h2").textContent)));
  byId("links").replaceChildren(...links);
}

function goToTrade(data, k, view, price) {
  const {asset, entry, exit} = data.trades.columns;
  const last = exit[k] === null ? view.ends[1] : exit[k];
  const room = Math.max(15, (last - entry[k]) * 0.75);
  price.show(asset[k]);
  view.set(entry[k] - room, last + room);
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  byId("price").scrollIntoView({behavior: calm ? "auto" : "smooth", block: "start"});
}

function zoomNote() {
  const view = shown.view;
  const update = () => {
    byId("zoomed").hidden = !view || !view.zoomed;
    if (view) byId("zoomed-range").textContent = `${view.clock.label(view.whole ? Math.ceil(view.lo) : view.lo)} – ${view.clock.label(view.whole ? Math.floor(view.hi) : view.hi)}`;
  };
  if (view) view.listeners.push(update);
  update();
}

// Canvases do not restyle themselves: draw again when colours change, and in the colours of paper for print.
function followTheme() {
  const again = (at_once) => {
    if (shown.panel) shown.panel.recolour();
    if (shown.view) shown.view[at_once ? "drawNow" : "draw"]();
    if (at_once) drawAll();
  };
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => again(true));
  const paper = (on) => {
    document.documentElement.classList.toggle("paper", on);
    again(true);
  };
  window.addEventListener("beforeprint", () => paper(true));
  window.addEventListener("afterprint", () => paper(false));
}
