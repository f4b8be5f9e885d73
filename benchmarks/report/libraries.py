"""Measures charting libraries on candles, for the choice in docs/decisions/0034-charting-library.md.

`python -m benchmarks.report.libraries plotly=PATH/plotly-finance.min.js` takes other libraries as files, which are not
part of this repository (npm: plotly.js-finance-dist-min); Lightweight Charts is. Each draws n candles at once, and then
shows twelve parts of them after each other. Printed is the time to the first picture, and of a step from part to part.
"""

from __future__ import annotations

import gzip
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.report.chromium import BrowserError, Chromium

OURS = Path(__file__).parents[2] / "backtester" / "report" / "assets" / "vendor" / "lightweight-charts.js"
COUNTS = (1_500, 100_000, 1_000_000)
STEPS = 12
_PAGE = """<!doctype html><meta charset="utf-8"><div id="host" style="width:1200px;height:500px"></div>
<script>{library}</script>
<script>
const frame = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
function rows(n) {{
  let price = 100, seed = 7;
  const random = () => ((seed = (seed * 16807) % 2147483647) / 2147483647) - 0.5;
  return Array.from({{length: n}}, (_, k) => {{
    const open = price, close = (price *= 1 + 0.002 * random());
    const high = Math.max(open, close) * 1.001, low = Math.min(open, close) * 0.999;
    return {{time: 1.4e9 + 60 * k, open, close, high, low}};
  }});
}}
const makers = {{
  async lightweight(data, host) {{
    const chart = LightweightCharts.createChart(host, {{autoSize: true, timeScale: {{minBarSpacing: 0.0001}}}});
    const series = chart.addSeries(LightweightCharts.CandlestickSeries);
    series.setData(data);
    chart.timeScale().setVisibleLogicalRange({{from: 0, to: data.length}});
    return async (from, to) => chart.timeScale().setVisibleLogicalRange({{from, to}});
  }},
  async plotly(data, host) {{
    const column = (name) => data.map((row) => row[name]);
    const x = data.map((row) => new Date(1000 * row.time));
    const [open, high, low, close] = ["open", "high", "low", "close"].map(column);
    await Plotly.newPlot(host, [{{type: "candlestick", x, open, high, low, close}}],
      {{xaxis: {{rangeslider: {{visible: false}}}}}});
    return (from, to) => Plotly.relayout(host, {{"xaxis.range": [x[from], x[Math.min(to, x.length - 1)]]}});
  }},
}};
async function measure(kind, n, steps) {{
  const data = rows(n), host = document.getElementById("host");
  const start = performance.now();
  const show = await makers[kind](data, host);
  await frame();
  const first = performance.now() - start, times = [];
  for (let k = 0; k < steps; k += 1) {{
    const before = performance.now();
    const from = Math.floor((n * k) / (2 * steps));
    await show(from, from + Math.floor(n / 2));
    await frame();
    times.push(performance.now() - before);
  }}
  return [first, ...times];
}}
</script>"""


def main() -> None:
    """Measure and print a table."""
    files = {"lightweight": OURS, **{name: Path(path) for name, path in (one.split("=") for one in sys.argv[1:])}}
    print("| library | kB | kB deflated | candles | first picture, s | a step, ms |\n|---|---:|---:|---:|---:|---:|")
    for name, path in files.items():
        code = path.read_bytes()
        sizes = f"{len(code) / 1e3:,.0f} | {len(gzip.compress(code)) / 1e3:,.0f}"
        for n in COUNTS:
            print(f"| {name} | {sizes} | {n:,} | {_measured(name, code.decode(), n)} |", flush=True)


def _measured(name: str, library: str, n: int) -> str:
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        page.write_text(_PAGE.format(library=library), "utf-8")
        try:
            with Chromium(Path(folder)) as browser:
                browser.size(1300)
                browser.open(page)
                first, *steps = browser.run("return measure(arguments[0], arguments[1], arguments[2])", name, n, STEPS)
        except (BrowserError, TimeoutError, OSError) as error:
            return f"gave up: {type(error).__name__} | –"
    return f"{first / 1e3:.2f} | {statistics.median(steps):.0f}"


if __name__ == "__main__":
    main()
