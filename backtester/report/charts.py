"""The series a page draws: equity, drawdown, prices with their trades, records, and the clock below them all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.kernel.codes import ActionKind
from backtester.report.sampling import clock, numbers, series
from backtester.round_trips import units_after
from backtester.summary_text import is_daily

if TYPE_CHECKING:
    from backtester.bars import Bars
    from backtester.result import Result

SERIES_POINTS = 24_000  # of equity, drawdown and their comparison
PRICE_POINTS = 240_000  # over all assets
ASSET_POINTS = (400, 32_000)  # least and most of one asset
MAX_ASSETS = 500  # with a price chart
MAX_MARKS = 60_000  # trades drawn on the prices
MAX_RUNS = 20_000  # of equal steps, in the clock
MAX_RECORDS = 40  # recorded names with a chart
_DAY_NS = 86_400 * 10**9


def chart_data(result: Result, compared: tuple[str, np.ndarray] | None) -> dict[str, Any]:
    """Return `clock`, `equity` and its label, `drawdown`, `comparison`, `prices`, `marks` and `records`."""
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
        "prices": price_series(result),
        "marks": trade_marks(result),
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


def charted_assets(result: Result) -> np.ndarray:
    """Return the assets with a price chart, by number: all, or of very many those with the most traded value."""
    bars, fills = result.bars, result.tables.fills
    if bars.n_assets <= MAX_ASSETS:
        return np.arange(bars.n_assets)
    money = np.abs(fills["quantity"] * fills["price"]) * fills["fx"] * result.tables.multipliers[fills["asset"]]
    value = np.bincount(fills["asset"], money, bars.n_assets)
    return np.sort(np.argsort(-value, kind="stable")[:MAX_ASSETS])


def most_traded(result: Result) -> int:
    """Return the number of the asset with the most fills; the first of equals."""
    return int(np.argmax(np.bincount(result.tables.fills["asset"], minlength=result.bars.n_assets)))


def price_series(result: Result) -> dict[str, Any]:
    """Return the closes of the charted assets, `first` (the one to open with), and how many assets there are.

    However few points are kept, the closes of the bars with an entry or an exit are among them.
    """
    bars: Bars = result.bars
    trades = _drawn(result._trade_rows)
    assets = charted_assets(result)
    n_points = int(np.clip(PRICE_POINTS // len(assets), *ASSET_POINTS))
    listed = []
    for a in assets.tolist():
        mine = trades[trades["asset"] == a]
        ends = np.concatenate((mine["entry_bar"], mine["exit_bar"][mine["open"] == 0]))
        listed.append({"asset": a, **series(bars.close[:, a], n_points, ends)})
    return {"total": bars.n_assets, "first": most_traded(result), "series": listed}


def trade_marks(result: Result) -> dict[str, Any]:
    """Return what is drawn of every trade, in columns; of very many, evenly spaced ones.

    `exit` is the last bar for an open trade; `open` is 1 there. Each price is in the units of its bar, as the chart is.
    """
    trades = result._trade_rows
    kept = _drawn(trades)
    return {
        "total": len(trades),
        "asset": kept["asset"].tolist(),
        "entry": kept["entry_bar"].tolist(),
        "exit": np.where(kept["open"] == 1, result.bars.n_bars - 1, kept["exit_bar"]).tolist(),
        "entry_price": numbers(quoted_entries(result, kept)),
        "exit_price": numbers(kept["exit_price"]),
        "quantity": numbers(kept["quantity"], 6),
        "pnl": numbers(kept["pnl"], 6),
        "open": kept["open"].tolist(),
    }


def quoted_entries(result: Result, trades: np.ndarray) -> np.ndarray:
    """Return the entry prices of trades in the units of their entry bars; the table has them in those of the exit."""
    actions, n_bars = result.tables.actions, result.bars.n_bars
    if not np.any(actions["kind"] == ActionKind.SPLIT):
        return trades["entry_price"]
    units = units_after(actions, n_bars, result.bars.n_assets)
    at_exit = np.where(trades["open"] == 1, n_bars - 1, trades["exit_bar"])
    return trades["entry_price"] * units[trades["entry_bar"], trades["asset"]] / units[at_exit, trades["asset"]]


def _drawn(trades: np.ndarray) -> np.ndarray:
    if len(trades) <= MAX_MARKS:
        return trades
    return trades[np.unique(np.linspace(0, len(trades) - 1, MAX_MARKS).round().astype(np.int64))]


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
