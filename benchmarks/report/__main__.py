"""Measures the report: `python -m benchmarks.report --write` writes benchmarks/results/report.md and .json.

Each case is a run of known length and number of trades. Its page is written (median of several), measured, and opened
in Chromium: until it is loaded and the two frames after that are drawn, and then moved and zoomed for a while, of which
the time of a frame is taken. The browser draws in software here, without a graphics card.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from backtester import Bars, Costs, Result, Strategy, run
from benchmarks.report.chromium import Chromium, missing

RESULTS = Path(__file__).parents[1] / "results"
CASES = (  # name, bars, bars from entry to entry, minutes of a bar
    ("ten years of days, 500 trades", 2_520, 5, 1_440),
    ("1,000,000 minutes, 40,000 trades", 1_000_000, 25, 1),
)
REPEATS = 5
FRAMES = 90
_OPENED = """
return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now()))));
"""
_FRAMES = """
const buttons = [...document.querySelectorAll("#price-controls .group button")];
document.getElementById("price").scrollIntoView();
const acts = [2, 2, 2, 1, 1, 0, 2, 2, 1, 0, 3, 3, 3, 3, 3];
const times = [];
return new Promise((done) => {
  let k = 0, before = performance.now();
  const step = () => {
    const now = performance.now();
    times.push(now - before);
    before = now;
    if (k >= arguments[0]) return done(times.slice(1));
    if (k % 3 === 0) buttons[acts[(k / 3) % acts.length]].click();
    k += 1;
    requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
});
"""


class InAndOut(Strategy):
    """Buys one unit every `every` bars and sells it halfway to the next."""

    every: int = 25

    def on_bar(self, ctx):
        if ctx.t % self.every == 1:
            ctx.order(0, 1.0)
        elif ctx.t % self.every == 1 + self.every // 2:
            ctx.order(0, -1.0)


def market(n: int, minutes: int, seed: int = 7) -> Bars:
    """Return a random walk of n bars, prices not rounded to any step: the hardest to pack."""
    draw = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(draw.normal(0.0, 0.0004 * np.sqrt(minutes), n)))
    opened = np.concatenate((close[:1], close[:-1]))
    room = np.abs(draw.normal(0.0, 0.0002 * np.sqrt(minutes), (2, n)))
    high, low = np.maximum(opened, close) * (1.0 + room[0]), np.minimum(opened, close) * (1.0 - room[1])
    first = np.datetime64("2015-01-05T00:00", "ns").astype(np.int64)
    stamps = first + np.arange(1, n + 1) * minutes * 60 * 10**9
    return Bars.from_arrays(stamps, opened, high, low, close, np.full(n, 1e6), symbols=["WALK"], name="random walk")


def result_of(n: int, every: int, minutes: int) -> Result:
    """Return the run of a case."""
    return run(InAndOut(every=every), market(n, minutes), costs=Costs(commission=0.0001, spread=0.0001))


def measured(name: str, n: int, every: int, minutes: int, repeats: int = REPEATS) -> dict[str, Any]:
    """Return the figures of one case, times in seconds."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.html"
        writing: list[float] = []
        spent: list[float] = []
        result = result_of(n, every, minutes)
        for _ in range(repeats):
            start, before = time.perf_counter(), time.process_time()
            result.report(path)
            writing.append(time.perf_counter() - start)
            spent.append(time.process_time() - before)
            result = result_of(n, every, minutes)  # nothing is left in memory from the time before
        found = {
            "case": name,
            "bars": n,
            "trades": len(result._trade_rows),
            "megabytes": path.stat().st_size / 1e6,
            "first": writing[0],
            "written": statistics.median(writing),
            "slowest": max(writing),
            "written_cpu": statistics.median(spent),
        }
        if not missing():
            found |= _in_browser(path, repeats)
    return found


def _in_browser(path: Path, repeats: int) -> dict[str, Any]:
    opening: list[float] = []
    spent: list[float] = []
    frames: list[float] = []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder, Chromium(Path(folder)) as browser:
            browser.size(1400)
            browser.devtools("Performance.enable")
            browser.open(path)
            opening.append(browser.run(_OPENED) / 1e3)
            told = browser.devtools("Performance.getMetrics")["metrics"]
            spent.append(next(one["value"] for one in told if one["name"] == "ProcessTime"))
            browser.wait("document.querySelectorAll('#price-panel canvas').length > 0")
            frames += browser.run(_FRAMES, FRAMES)
    return {
        "opened": statistics.median(opening),
        "slowest_opened": max(opening),
        "opened_cpu": statistics.median(spent),
        "frame_ms": statistics.median(frames),
        "frame_95_ms": float(np.quantile(frames, 0.95)),
        "frame_worst_ms": max(frames),
    }


def text_of(rows: list[dict[str, Any]], about: dict[str, Any]) -> str:
    """Return the figures as a page of Markdown."""
    head = (
        "# The report\n\n"
        "`python -m benchmarks.report --write` measured this: the page of one run, written, and opened in Chromium.\n"
        f"Medians of {about['repeats']}, the slowest in brackets. {about['machine']}, load {about['load']:.1f} at the "
        f"start; {about['browser']},\ndrawing in software. On a machine that has other things to do the seconds of CPU "
        "say more than those of the clock.\n\n"
        "| | MB | written, s | of CPU | opened, s | of CPU | frame while moving, ms: median | 95 % | worst |\n"
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|\n"
    )
    lines = []
    for row in rows:
        written = f"{row['written']:.2f} ({row['slowest']:.2f})"
        if "opened" in row:
            opened = f"{row['opened']:.2f} ({row['slowest_opened']:.2f}) | {row['opened_cpu']:.2f}"
            frames = f"{row['frame_ms']:.0f} | {row['frame_95_ms']:.0f} | {row['frame_worst_ms']:.0f}"
        else:
            opened, frames = "– | –", "– | – | –"
        lines.append(
            f"| {row['case']} | {row['megabytes']:.2f} | {written} | {row['written_cpu']:.2f} | {opened} | {frames} |\n"
        )
    wanted = (
        "\nWanted: ten years of days at most 3 MB; a million bars at most 25 MB, written within 3 s and "
        "opened within 2 s.\n"
    )
    return head + "".join(lines) + wanted


def main() -> None:
    """Measure, print, and write where asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/report.md and .json")
    parser.add_argument("--repeats", type=int, default=REPEATS)
    asked = parser.parse_args()
    load = os.getloadavg()[0]
    rows = [measured(*case, repeats=asked.repeats) for case in CASES]
    about = {
        "repeats": asked.repeats,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "load": load,
        "browser": _browser_version(),
    }
    text = text_of(rows, about)
    print(text)
    if asked.write:
        (RESULTS / "report.md").write_text(text, "utf-8")
        (RESULTS / "report.json").write_text(json.dumps({"about": about, "rows": rows}, indent=1) + "\n", "utf-8")


def _browser_version() -> str:
    if missing():
        return "no browser"
    with tempfile.TemporaryDirectory() as folder, Chromium(Path(folder)) as browser:
        return str(browser.devtools("Browser.getVersion")["product"]).replace("HeadlessChrome/", "Chromium ")


if __name__ == "__main__":
    main()
