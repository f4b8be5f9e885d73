"""Runs of a few bars, written by hand, for the tests of results.

A bar is `(open, high, low, close[, volume])`, a row one bar or a list of them, one per asset; None is a missing bar.
Bar t closes t + 1 days after the epoch and is a session of its own. A script is `{bar: function of ctx}`; what is sent
at bar 1 meets bar 2. Events are `{"split": {3: 2.0}}`: by column and bar, of asset 0, or `(bar, asset)`. Cash is 1000
unless a test says otherwise, and there are no costs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from backtester import Account, Bars, Costs, Execution, Result, Strategy, run

DAY_NS = 86_400 * 10**9
FLAT = (10.0, 10.0, 10.0, 10.0)
NAN = float("nan")


class Script(Strategy):
    """Calls `script[t](ctx)` at bar t, where there is one."""

    script: dict
    warmup = 1

    def on_bar(self, ctx):
        send = self.script.get(int(ctx.t))
        if send is not None:
            send(ctx)


def market(rows: list, events: dict[str, dict] | None = None) -> Bars:
    """Return bars; assets are called A0, A1, …"""
    listed = [row if isinstance(row, list) else [row] for row in rows]
    values = np.array([[(NAN,) * 5 if bar is None else (*map(float, bar), 1e6)[:5] for bar in row] for row in listed])
    times = (np.arange(len(rows)) + 1) * DAY_NS
    symbols = [f"A{a}" for a in range(values.shape[1])]
    extras = {name: np.full(values.shape[:2], NAN) for name in events or {}}
    for name, column in (events or {}).items():
        for place, value in column.items():
            extras[name][place if isinstance(place, tuple) else (place, 0)] = value
    columns = np.moveaxis(values, 2, 0)
    # prices that stay flat over a split would be warned of
    return Bars.from_arrays(times, *columns, symbols=symbols, extras=extras, name="by hand", check=not extras)


def play(
    rows: list, script: dict[int, Callable[[Any], Any]], events: dict[str, dict] | None = None, **settings: Any
) -> Result:
    """Run a script; keywords are those of Costs, Account, Execution and `run`."""
    groups: dict[str, dict[str, Any]] = {"costs": {}, "account": {}, "execution": {}}
    kinds = {"costs": Costs, "account": Account, "execution": Execution}
    options: dict[str, Any] = {"cash": 1000.0, "mode": "interpreted"}
    for key, value in settings.items():
        owner = next((name for name, kind in kinds.items() if key in kind.__dataclass_fields__), None)
        (options if owner is None else groups[owner])[key] = value
    given = {name: kind(**groups[name]) for name, kind in kinds.items()}
    return run(Script(script=script), market(rows, events), **given, **options)
