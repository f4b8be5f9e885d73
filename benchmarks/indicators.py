"""`python -m benchmarks.indicators`: every indicator that TA-Lib has, beside TA-Lib's C, and a panel of 500 assets.

Ours and TA-Lib's take turns in one process, warm, on the same float64 arrays; both have to find memory for what they
return, ours from the pool it has in a run. Both compute in one thread, so the clock is that of the thread, which stands
still while other processes have the core. Time is never compared across runs, only ratios within one.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any

import numpy as np
import talib
import typer
from rich.console import Console
from rich.table import Table

from backtester import indicators
from benchmarks.table import RESULTS, machine

# our name: TA-Lib's functions that make the same outputs, the arrays all of them take, and our settings where TA-Lib's
# defaults are others
PAIRS: dict[str, tuple[str, str, dict[str, int]]] = {
    "adx": ("ADX", "high low close", {}),
    "aroon": ("AROON", "high low", {}),
    "atr": ("ATR", "high low close", {}),
    "bollinger": ("BBANDS", "close", {}),
    "cci": ("CCI", "high low close", {}),
    "dema": ("DEMA", "close", {}),
    "ema": ("EMA", "close", {}),
    "highest": ("MAX", "close", {}),
    "kama": ("KAMA", "close", {}),
    "lowest": ("MIN", "close", {}),
    "macd": ("MACD", "close", {}),
    "mfi": ("MFI", "high low close volume", {}),
    "momentum": ("MOM", "close", {}),
    "obv": ("OBV", "close volume", {}),
    "returns": ("ROCP", "close", {"n": 10}),
    "rolling_correlation": ("CORREL", "close volume", {}),
    "roc": ("ROCP", "close", {}),
    "rolling_max": ("MAX", "close", {}),
    "rolling_min": ("MIN", "close", {}),
    "rolling_std": ("STDDEV", "close", {}),
    "rolling_sum": ("SUM", "close", {}),
    "rsi": ("RSI", "close", {}),
    "sma": ("SMA", "close", {}),
    "stochastic": ("STOCH", "high low close", {}),
    "stochastic, fast": ("STOCHF", "high low close", {"smooth": 1}),
    "tema": ("TEMA", "close", {}),
    "trix": ("TRIX", "close", {}),
    "true_range": ("TRANGE", "high low close", {}),
    "williams_r": ("WILLR", "high low close", {}),
    "wma": ("WMA", "close", {}),
}
PERCENTS = ("trix",)  # TA-Lib's are a hundred times ours
OUTPUT_OF = {"aroon": 1}  # the output of TA-Lib that is our first
REACH = 1.5
AGREE = 1e-8
FULL_BARS, PANEL_BARS, PANEL_ASSETS = 1_000_000, 2520, 500
GAP_FRAC = 0.05

Arrays = dict[str, np.ndarray]
console = Console(width=max(Console().width, 140))


@dataclass(frozen=True)
class Timing:
    """One indicator and the TA-Lib function of the same outputs; milliseconds, in the order they were measured."""

    indicator: str
    talib: str
    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """Our median over TA-Lib's."""
        return statistics.median(self.ours) / statistics.median(self.theirs)

    @property
    def ratio_of_best(self) -> float:
        """Our fastest call over TA-Lib's."""
        return min(self.ours) / min(self.theirs)


def market(shape: tuple[int, ...]) -> Arrays:
    """Return a random walk of prices, [n_bars] or [n_bars, n_assets], C-contiguous."""
    rng = np.random.default_rng(7)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 1e-3, shape), axis=0))
    high = close * (1.0 + rng.uniform(0.0, 1e-3, shape))
    low = close * (1.0 - rng.uniform(0.0, 1e-3, shape))
    return {"high": high, "low": low, "close": close, "volume": rng.integers(100, 10_000, shape).astype(float)}


def calls(name: str) -> tuple[Callable[..., Any], Callable[..., Any], list[str]]:
    """Return our function, TA-Lib's, and the names of the arrays they take."""
    theirs, arrays, settings = PAIRS[name]
    ours = getattr(indicators, name.partition(",")[0])
    return (lambda *panels: ours(*panels, **settings)), getattr(talib, theirs), arrays.split()


def milliseconds(call: Callable[[], Any]) -> float:
    """Time one call on the clock of this thread; what it returns is let go of when that has stopped."""
    start = time.thread_time()
    found = call()
    seconds = time.thread_time() - start
    del found
    return 1e3 * seconds


def compare(name: str, data: Arrays, repeats: int) -> Timing:
    """Time ours and TA-Lib's by turns, after a first call of each that checks that they agree."""
    ours, theirs, arrays = calls(name)
    panels = [data[array] for array in arrays]
    left, right = np.atleast_2d(ours(*panels))[0], np.atleast_2d(theirs(*panels))[OUTPUT_OF.get(name, 0)]
    np.testing.assert_allclose(left * (100.0 if name in PERCENTS else 1.0), right, rtol=AGREE, atol=AGREE, err_msg=name)
    timing = Timing(name, PAIRS[name][0])
    for _ in range(repeats):
        timing.ours.append(milliseconds(lambda: ours(*panels)))
        timing.theirs.append(milliseconds(lambda: theirs(*panels)))
    return timing


def compare_panel(name: str, data: Arrays, repeats: int) -> dict[str, float]:
    """Return nanoseconds per value of a panel: ours, ours with gaps, and TA-Lib's asset by asset, already in rows."""
    ours, theirs, arrays = calls(name)
    gap = np.random.default_rng(8).random(data["close"].shape) < GAP_FRAC
    panels = [data[array] for array in arrays]
    holed = [np.where(gap, np.nan, panel) for panel in panels]
    rows = [np.ascontiguousarray(panel.T) for panel in panels]

    def each_row() -> list[Any]:
        return [theirs(*series) for series in zip(*rows, strict=True)]

    ways = {"ours": lambda: ours(*panels), "ours with gaps": lambda: ours(*holed), "TA-Lib": each_row}
    times: dict[str, list[float]] = {label: [] for label in ways}
    for call in ways.values():
        call()
    for _ in range(repeats):
        for label, call in ways.items():
            times[label].append(milliseconds(call))
    return {label: 1e6 * statistics.median(values) / gap.size for label, values in times.items()}


COLUMNS = ("indicator", "TA-Lib", "ours, ms", "min – max", "TA-Lib, ms", "min – max", "ratio", "of the best", "≤ 1.5")
PANEL_COLUMNS = ("indicator", "ours, ns per value", "with gaps", "TA-Lib in rows")


def cells(timing: Timing) -> tuple[str, ...]:
    """One row of the first table."""
    columns = [timing.indicator, timing.talib]
    for values in (timing.ours, timing.theirs):
        columns += [f"{statistics.median(values):.2f}", f"{min(values):.2f} – {max(values):.2f}"]
    reached = "yes" if timing.ratio <= REACH else "NO"
    return (*columns, f"{timing.ratio:.2f}", f"{timing.ratio_of_best:.2f}", reached)


def panel_cells(name: str, found: dict[str, float]) -> tuple[str, ...]:
    """One row of the second table."""
    return (name, *(f"{value:.1f}" for value in found.values()))


def captions(n_bars: int, repeats: int) -> tuple[str, str]:
    """What the two tables show."""
    return (
        f"{n_bars:,} bars, one asset, TA-Lib's default settings, medians of {repeats} calls each, taking turns",
        f"{PANEL_ASSETS} assets × {PANEL_BARS:,} bars; gaps are {GAP_FRAC:.0%} of the bars, at random; TA-Lib called "
        "for each asset, on arrays laid out asset by asset beforehand",
    )


def show(columns: Sequence[str], rows: Sequence[tuple[str, ...]], caption: str) -> None:
    """Print a table."""
    table = Table(header_style="bold", title="benchmarks.indicators", caption=caption)
    for column in columns:
        table.add_column(column, justify="left" if column in ("indicator", "TA-Lib") else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row, style="yellow" if row[-1] == "NO" else "")
    console.print(table)


def markdown(columns: Sequence[str], rows: Sequence[tuple[str, ...]], caption: str) -> list[str]:
    """A table as lines of Markdown."""
    rule = "|".join("---" if column in ("indicator", "TA-Lib") else "---:" for column in columns)
    table = ["| " + " | ".join(columns) + " |", f"|{rule}|", *("| " + " | ".join(row) + " |" for row in rows)]
    return [caption[0].upper() + caption[1:] + ".", "", *table, ""]


def main(
    quick: Annotated[bool, typer.Option(help="A tenth of the bars and few calls: to see that it works.")] = False,
    only: Annotated[list[str] | None, typer.Option(help="An indicator; may be repeated.")] = None,
    write: Annotated[bool, typer.Option(help="Write benchmarks/results/indicators.md and .json.")] = False,
) -> None:
    """Measure and print two tables. A result that is not TA-Lib's is an error."""
    if unknown := [name for name in only or () if name not in PAIRS]:
        raise typer.BadParameter(f"{unknown[0]!r}: choose from {', '.join(PAIRS)}", param_hint="--only")
    names = only or list(PAIRS)
    n_bars, repeats = (FULL_BARS // 10, 10) if quick else (FULL_BARS, 40)
    series, panel = market((n_bars,)), market((PANEL_BARS, PANEL_ASSETS))
    timings = [compare(name, series, repeats) for name in names]
    panels = {name: compare_panel(name, panel, max(3, repeats // 4)) for name in names}
    tables = [
        (COLUMNS, [cells(timing) for timing in timings]),
        (PANEL_COLUMNS, [panel_cells(name, found) for name, found in panels.items()]),
    ]
    lines = [
        "# Results of `python -m benchmarks.indicators --write`",
        "",
        f"{', '.join(machine().values())}, TA-Lib {talib.__ta_version__.decode().split()[0]}.",
        "",
    ]
    for (columns, rows), caption in zip(tables, captions(n_bars, repeats), strict=True):
        show(columns, rows, caption)
        lines += markdown(columns, rows, caption)
    if write:
        data = {
            "machine": machine(),
            "one_asset_ms": [{**asdict(timing), "ratio": timing.ratio} for timing in timings],
            "panel_ns_per_value": panels,
        }
        (RESULTS / "indicators.md").write_text("\n".join(lines), encoding="utf-8")
        (RESULTS / "indicators.json").write_text(json.dumps(data) + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
