// The page is put together here.

const data = JSON.parse(byId("data").textContent);
const clock = new Clock(data.clock, data.period.daily);
const view = new View(clock.n);
view.clock = clock;

header();
headline(data);
byId("notices").append(...data.notices.map(([kind, text]) => el("li", {class: "notice " + kind, text})));
performancePanels(data, view);
const showAsset = pricePanel(data, view);
recordPanel(data, view);
metricGroups(data);
monthTable(data);
costTable(data);
const writers = priceWriters(data);
tradeTable(data, clock, goToTrade, writers);
orderTable(data, clock, writers);
manifestGroups(data.manifest);
zoomNote();
followTheme();

function header() {
  const {period, strategy, symbols} = data;
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
  byId("footer").textContent = `backtester ${data.manifest.versions.backtester}. Fractions of money are shown in percent. Past results do not promise future ones.`;
}

function goToTrade(k) {
  const {asset, entry, exit} = data.trades.columns;
  const last = exit[k] === null ? clock.n - 1 : exit[k];
  const room = Math.max(15, (last - entry[k]) * 0.75);
  showAsset(asset[k]);
  view.set(entry[k] - room, last + room);
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  byId("price").scrollIntoView({behavior: calm ? "auto" : "smooth", block: "start"});
}

function zoomNote() {
  const update = () => {
    byId("zoomed").hidden = !view.zoomed;
    byId("zoomed-range").textContent = `${clock.label(Math.ceil(view.lo))} – ${clock.label(Math.floor(view.hi))}`;
  };
  view.listeners.push(update);
  byId("reset").addEventListener("click", () => view.reset());
}

// Canvases do not restyle themselves: draw again when colours change, and in the colours of paper for print.
function followTheme() {
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => view.draw());
  const paper = (on) => {
    document.documentElement.classList.toggle("paper", on);
    view.draw();
  };
  window.addEventListener("beforeprint", () => paper(true));
  window.addEventListener("afterprint", () => paper(false));
}
