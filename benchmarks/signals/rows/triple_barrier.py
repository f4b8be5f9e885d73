"""Triple-barrier labels of a million bars, beside a hand-written loop that knows no missing bar and no delisting."""

from __future__ import annotations

import gc
import statistics
import time
from typing import Any

import numba
import numpy as np

from benchmarks.sections import Row, Section
from benchmarks.workloads import FULL_BARS, QUICK_BARS, simulate

REACH_MS = 50.0
DISTANCE = 2.0  # volatilities of 20 bars, up and down
WINDOW = 20
HORIZON = 20


@numba.njit
def floor(open_, high, low, close, unit, distance, horizon, which, end, returns):
    """Write class, end and return of each bar: the first of two barriers, or the time.

    Of both in one bar it is the lower, unless the bar opens above the upper.
    """
    n = len(close)
    for t in range(n):
        which[t], end[t], returns[t] = np.nan, -1, np.nan
        if not unit[t] > 0.0:
            continue
        upper = close[t] + close[t] * (distance * unit[t])
        lower = close[t] - close[t] * (distance * unit[t])
        for k in range(t + 1, min(t + horizon, n - 1) + 1):
            if low[k] <= lower and open_[k] < upper:
                which[t], end[t], returns[t] = -1.0, k, min(open_[k], lower) / close[t] - 1.0
                break
            if high[k] >= upper:
                which[t], end[t], returns[t] = 1.0, k, max(open_[k], upper) / close[t] - 1.0
                break
            if k == t + horizon:
                returns[t] = close[k] / close[t] - 1.0
                which[t], end[t] = np.sign(close[k] - close[t]), k


def inside(quick: bool) -> dict[str, Any]:
    """Label the bars our way and by the loop, in turns, each after its first call."""
    from backtester import Bars
    from backtester.indicators import realised_volatility
    from backtester.signals import triple_barrier

    market = simulate(QUICK_BARS if quick else FULL_BARS)
    columns = (market.open, market.high, market.low, market.close, market.volume)
    bars = Bars.from_arrays(market.timestamps, *(column[:, np.newaxis] for column in columns))
    n = bars.n_bars
    which, end, returns = np.empty(n), np.empty(n, np.int64), np.empty(n)

    def by_loop() -> None:
        unit = realised_volatility(market.close, WINDOW)
        floor(market.open, market.high, market.low, market.close, unit, DISTANCE, HORIZON, which, end, returns)

    def ours() -> Any:
        return triple_barrier(bars, DISTANCE, DISTANCE, HORIZON, volatility=WINDOW)

    label = ours()
    by_loop()
    pairs = ((label.values, which), (label.end, end), (label.returns, returns))
    same = all(np.array_equal(ours[:, 0], floor, equal_nan=True) for ours, floor in pairs)
    reach = float(np.mean((label.end - label.start)[label.exists]))
    del label
    runs: dict[str, list[float]] = {"floor": [], "ours": []}
    for _ in range(3 if quick else 15):
        for name, call in (("floor", by_loop), ("ours", ours)):
            gc.collect()
            started = time.perf_counter()
            call()
            runs[name].append(time.perf_counter() - started)
    return {"bars": n, "same": same, "reach": reach, **runs}


def sections(answer: dict[str, Any]) -> list[Section]:
    """Return milliseconds, the volatility that the barriers are measured in included."""
    caption = (
        f"{answer['bars']:,} one-minute bars, barriers at ±{DISTANCE:g} volatilities of {WINDOW} bars, {HORIZON} bars "
        f"at most ({answer['reach']:.1f} on average), the volatility included; × = the loop"
    )
    section = Section("triple barrier", caption)
    middle = statistics.median(answer["floor"])
    wrong = "" if answer["same"] else "LABELS OR ENDS ARE NOT THE LOOP'S"
    section.rows.append(Row("hand-written numba", "ms", tuple(1e3 * one for one in answer["floor"]), 1.0))
    found = statistics.median(answer["ours"])
    met = 1e3 * found <= REACH_MS
    values = tuple(1e3 * one for one in answer["ours"])
    section.rows.append(
        Row("triple_barrier", "ms", values, found / middle, f"≤ {REACH_MS:g} ms", met, note=wrong, alarm=bool(wrong))
    )
    return [section]
