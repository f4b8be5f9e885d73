"""Markets of a few bars, written by hand, and scripts of one line per bar, through the public API.

A bar is `(open, high, low, close[, volume])`; a row is one bar, or a list of bars, one per asset; None is a
missing bar.
Bar t closes t + 1 days after the epoch, and is a session of its own unless `sessions` says otherwise. What a script
sends at bar 1 meets bar 2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from backtester import Account, Bars, Costs, Execution, Result, Strategy, run

DAY_NS = 86_400 * 10**9
FLAT = (10.0, 10.0, 10.0, 10.0)
NAN = float("nan")

_GROUPS: dict[str, Any] = {"costs": Costs, "account": Account, "execution": Execution}


class Script(Strategy):
    """Calls `script[t](ctx)` at bar t, where there is one."""

    script: dict
    warmup = 1

    def on_bar(self, ctx):
        send = self.script.get(int(ctx.t))
        if send is not None:
            send(ctx)


def market(rows: list, sessions: list[int] | None = None) -> Bars:
    columns: list[list[list[float]]] = [[], [], [], [], []]
    for row in rows:
        bars = row if isinstance(row, list) else [row]
        full = [(NAN,) * 5 if bar is None else (*map(float, bar), 1e6)[:5] for bar in bars]
        for i in range(5):
            columns[i].append([bar[i] for bar in full])
    times = (np.arange(len(rows)) + 1) * DAY_NS
    days = None if sessions is None else np.array(sessions)
    symbols = [f"A{a}" for a in range(len(columns[0][0]))]
    return Bars.from_arrays(times, *map(np.array, columns), symbols=symbols, sessions=days)


def play(
    rows: list, script: dict[int, Callable[[Any], Any]], sessions: list[int] | None = None, **settings: Any
) -> Result:
    """Run a script; keywords are those of Costs, Account and Execution, and `run`'s own."""
    groups: dict[str, dict[str, Any]] = {name: {} for name in _GROUPS}
    options = {"cash": 1000.0, "mode": "interpreted"}
    for key, value in settings.items():
        owner = next((name for name, kind in _GROUPS.items() if key in kind.__dataclass_fields__), None)
        (options if owner is None else groups[owner])[key] = value
    made = {name: kind(**groups[name]) for name, kind in _GROUPS.items()}
    return run(Script(script=script), market(rows, sessions), **made, **options)


def filled(result: Result) -> list[tuple]:
    """Return (order id, bar, quantity, price) of every fill."""
    return [(int(f["order_id"]), int(f["bar"]), float(f["quantity"]), float(f["price"])) for f in result.tables.fills]


def ending(result: Result, order_id: int) -> tuple[str, str]:
    """Return status and reason of an order, in words."""
    order = result.orders.loc[order_id]
    return order["status"], order["reason"]


def equity(result: Result) -> list[float]:
    return result.tables.equity.tolist()
