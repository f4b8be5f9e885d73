"""The prices a page draws, and what was traded on them: candles, trades from entry to exit, and resting orders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.kernel.codes import ActionKind, OrderKind, Role
from backtester.report.candles import STEP, pyramid
from backtester.report.sampling import numbers
from backtester.round_trips import units_after
from backtester.summary_text import words

if TYPE_CHECKING:
    from backtester.bars import Bars
    from backtester.result import Result

MAX_CANDLES = 1_600_000  # of the finest level, over all assets
MAX_ASSETS = 500  # with a price chart
MAX_MARKS = 60_000  # trades drawn on the prices
MAX_LEVELS = 30_000  # resting orders drawn on the prices
_STOPS = (OrderKind.STOP, OrderKind.STOP_LIMIT, OrderKind.TRAILING_STOP)


def price_data(result: Result) -> dict[str, Any]:
    """Return `prices`, `marks` (trades) and `levels` (stops and targets)."""
    return {"prices": price_series(result), "marks": trade_marks(result), "levels": resting_orders(result)}


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
    """Return the candles of the charted assets, `first` (the one to open with), and how many assets there are.

    Of very long histories of very many assets the finest levels are left out: a candle stands for `bars` bars at least.
    """
    bars: Bars = result.bars
    assets = charted_assets(result)
    finest = 0
    while len(assets) * (bars.n_bars / STEP**finest) > MAX_CANDLES:
        finest += 1
    listed = [
        {"asset": a, **pyramid(bars.open[:, a], bars.high[:, a], bars.low[:, a], bars.close[:, a], finest)}
        for a in assets.tolist()
    ]
    return {"total": bars.n_assets, "first": most_traded(result), "bars": STEP**finest, "series": listed}


def trade_marks(result: Result) -> dict[str, Any]:
    """Return what is drawn of every trade, in columns; of very many, evenly spaced ones.

    `exit` is the last bar for an open trade; `open` is 1 there. Each price is in the units of its bar, as the chart is.
    """
    trades = result._trade_rows
    kept = _spread(trades, MAX_MARKS)
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


def resting_orders(result: Result) -> dict[str, Any]:
    """Return the orders that waited at a price, in columns; of very many, evenly spaced ones.

    `kind` is "stop" or "target": the leg of a bracket it was, else whether it waited as a stop or as a limit. A price
    is the last one the order had, in the units of the bar in which it ended; `to` is the last bar for one that still
    waits.
    """
    orders, n_bars = result.tables.orders, result.bars.n_bars
    is_stop = np.isin(orders["kind"], [int(kind) for kind in _STOPS])
    is_limit = orders["kind"] == int(OrderKind.LIMIT)
    price = np.where(is_stop, orders["stop_price"], orders["limit_price"])
    waited = (is_stop | is_limit) & np.isfinite(price) & (orders["submitted"] >= 0)
    ended = np.where((orders["ended"] >= 0) & (orders["ended"] < n_bars), orders["ended"], n_bars - 1)
    rows = np.flatnonzero(waited & (ended > orders["submitted"]))
    kept = _spread(rows, MAX_LEVELS)
    roles = {int(role): words(role.name) for role in Role}
    return {
        "total": len(rows),
        "asset": orders["asset"][kept].tolist(),
        "from": orders["submitted"][kept].tolist(),
        "to": ended[kept].tolist(),
        "price": numbers(price[kept]),
        "kind": ["stop" if stop else "target" for stop in is_stop[kept].tolist()],
        "role": [roles.get(role, "") for role in orders["role"][kept].tolist()],
        "id": orders["id"][kept].tolist(),
    }


def quoted_entries(result: Result, trades: np.ndarray) -> np.ndarray:
    """Return the entry prices of trades in the units of their entry bars; the table has them in those of the exit."""
    actions, n_bars = result.tables.actions, result.bars.n_bars
    if not np.any(actions["kind"] == ActionKind.SPLIT):
        return trades["entry_price"]
    units = units_after(actions, n_bars, result.bars.n_assets)
    at_exit = np.where(trades["open"] == 1, n_bars - 1, trades["exit_bar"])
    return trades["entry_price"] * units[trades["entry_bar"], trades["asset"]] / units[at_exit, trades["asset"]]


def _spread(rows: np.ndarray, most: int) -> np.ndarray:
    """Return rows, or of more than `most` that many at equal steps."""
    if len(rows) <= most:
        return rows
    return rows[np.unique(np.linspace(0, len(rows) - 1, most).round().astype(np.int64))]
