"""The rows a page lists: trades, orders and how orders ended; in columns, codes as words."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.kernel.codes import ActionKind, OrderKind, Reason, Role, Status, Tif
from backtester.report.sampling import numbers
from backtester.summary_text import words

if TYPE_CHECKING:
    from backtester.result import Result

MAX_ROWS = 100_000  # of orders or trades; with 40,000 trades a page stays small


def trades_table(result: Result) -> dict[str, Any]:
    """Return `total` and the columns of the first 100,000 trades; `exit` is None and `ended_by` "open" while open."""
    trades = result._trade_rows
    kept = trades[:MAX_ROWS]
    columns: dict[str, list[Any]] = {
        "number": list(range(1, len(kept) + 1)),
        "asset": kept["asset"].tolist(),
        "entry": kept["entry_bar"].tolist(),
        "exit": _bars(kept["exit_bar"], result.bars.n_bars),
        "ended_by": _ended_by(result, kept),
        "tag": kept["tag"].tolist(),
        "bars": kept["bars"].tolist(),
    }
    for name in ("quantity", "entry_price", "exit_price", "pnl", "return_frac", "costs", "mae_frac", "mfe_frac"):
        columns[name] = numbers(kept[name])
    return {"total": len(trades), "columns": columns}


def orders_table(result: Result) -> dict[str, Any]:
    """Return `total` and the columns of the first 100,000 orders; an asset that does not exist is -1."""
    orders, n_bars = result.tables.orders, result.bars.n_bars
    kept = orders[:MAX_ROWS]
    asset = kept["asset"]
    average = np.full(len(kept), np.nan)
    filled = np.abs(kept["filled"])
    np.divide(kept["filled_value"], filled, out=average, where=filled > 0.0)
    return {
        "total": len(orders),
        "columns": {
            "id": kept["id"].tolist(),
            "asset": np.where((asset >= 0) & (asset < result.bars.n_assets), asset, -1).tolist(),
            "kind": _words(kept["kind"], OrderKind),
            "role": _words(kept["role"], Role),
            "tif": [word.upper() for word in _words(kept["tif"], Tif)],
            "status": _words(kept["status"], Status),
            "reason": _words(kept["reason"], Reason),
            "submitted": _bars(kept["submitted"], n_bars),
            "ended": _bars(kept["ended"], n_bars),
            "quantity": numbers(kept["quantity"]),
            "filled": numbers(kept["filled"]),
            "limit_price": numbers(kept["limit_price"]),
            "stop_price": numbers(kept["stop_price"]),
            "average_price": numbers(average),
            "tag": kept["tag"].tolist(),
        },
    }


def order_ends(result: Result) -> list[dict[str, Any]]:
    """Return how many orders ended with which status and reason, over all orders, the most frequent first."""
    orders = result.tables.orders
    pairs, counts = np.unique(np.stack((orders["status"], orders["reason"]), axis=1), axis=0, return_counts=True)
    status, reason = _words(pairs[:, 0], Status), _words(pairs[:, 1], Reason)
    rows = [
        {"status": s, "reason": r, "orders": int(n)} for s, r, n in zip(status, reason, counts.tolist(), strict=True)
    ]
    return sorted(rows, key=lambda row: -row["orders"])


def _ended_by(result: Result, trades: np.ndarray) -> list[str]:
    """Return what closed each trade: the role of its exit order where it has one of its own, else its kind.

    Without an order, a split that paid out a fraction, or a delisting.
    """
    orders, actions = result.tables.orders, result.tables.actions
    acted = dict(
        zip(
            zip(actions["bar"].tolist(), actions["asset"].tolist(), strict=True),
            _words(actions["kind"], ActionKind),
            strict=True,
        )
    )
    if len(orders) == 0:
        return ["open"] * len(trades)
    at = np.clip(trades["exit_order"] - 1, 0, len(orders) - 1)
    roles, kinds = _words(orders["role"][at], Role), _words(orders["kind"][at], OrderKind)
    plain = {words(Role.PLAIN.name), words(Role.TARGET.name)}
    found = [
        "open" if still else kind if role in plain else role
        for still, role, kind in zip(trades["open"].tolist(), roles, kinds, strict=True)
    ]
    for k in np.flatnonzero((trades["open"] == 0) & (trades["exit_order"] == 0)).tolist():
        found[k] = acted.get((int(trades["exit_bar"][k]), int(trades["asset"][k])), "")
    return found


def _words(codes: np.ndarray, kind: type[IntEnum]) -> list[str]:
    known = {int(member): words(member.name) for member in kind}
    found, place = np.unique(codes, return_inverse=True)
    names = np.array([known.get(code, str(code)) for code in found.tolist()], object)
    return names[place].tolist() if len(codes) else []


def _bars(values: np.ndarray, n_bars: int) -> list[int | None]:
    """Return bars of the data; None for what has not happened in it."""
    return [value if 0 <= value < n_bars else None for value in values.tolist()]
