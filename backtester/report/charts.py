"""The series a page draws: equity, drawdown, records, and the clock below them all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.report.sampling import clock, series
from backtester.summary_text import is_daily

if TYPE_CHECKING:
    from backtester.result import Result

SERIES_POINTS = 24_000  # of equity, drawdown and their comparison
MAX_RUNS = 20_000  # of equal steps, in the clock
MAX_RECORDS = 40  # recorded names with a chart
_DAY_NS = 86_400 * 10**9


def chart_data(result: Result, compared: tuple[str, np.ndarray] | None) -> dict[str, Any]:
    """Return `clock`, `equity` and its label, `drawdown`, `comparison` and `records`."""
    bars, equity = result.bars, result.wealth
    comparison = None
    if compared is not None:
        name, other = compared
        comparison = {
            "name": name,
            "equity": series(other, SERIES_POINTS),
            "drawdown": series(drawdown(other), SERIES_POINTS),
        }
    return {
        "clock": clock(bars.sessions * _DAY_NS if is_daily(bars) else bars.timestamps, MAX_RUNS),
        "equity": series(equity, SERIES_POINTS),
        "equity_label": equity_label(result),
        "drawdown": series(drawdown(equity), SERIES_POINTS),
        "comparison": comparison,
        "records": record_series(result),
    }


def equity_label(result: Result) -> str:
    """Return what the curve of equity is: with deposits or withdrawals, what the starting equity alone has become."""
    return "Equity without deposits" if result.deposits[1:].any() else "Equity"


def drawdown(equity: np.ndarray) -> np.ndarray:
    """Return the positive fraction below the running peak, float64 [n]; NaN while the peak is not above 0."""
    peak = np.maximum.accumulate(equity)
    found = np.full(len(equity), np.nan)
    np.divide(peak - equity, peak, out=found, where=peak > 0.0)
    return found


def record_series(result: Result) -> dict[str, Any]:
    """Return the recorded series by name, in the order of their first value; the last value of a bar counts."""
    rows, n_bars = result.tables.records, result.bars.n_bars
    keys = list(dict.fromkeys(rows["key"].tolist()))
    listed = []
    for key in keys[:MAX_RECORDS]:
        values = np.full(n_bars, np.nan)
        mine = rows[rows["key"] == key]
        values[mine["bar"]] = mine["value"]
        found = series(values, SERIES_POINTS // 2)
        listed.append({"name": result._record_names.get(key, f"record_{key}"), **found})
    return {"total": len(keys), "series": listed}
