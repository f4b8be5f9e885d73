"""Small markets written by hand, for the tests of the oracle.

Bars are `(open, high, low, close[, volume])`, one per day and session; orders are sent at the close of bar 1, unless
a case says otherwise, and meet bar 2. Costs are powers of two, so that the arithmetic in the comments is exact.
"""

import math

from oracle import Market, Oracle, OracleResult, Settings

from backtester.kernel.codes import Reason, Status

DAY = 86_400 * 10**9
FLAT = (10, 10, 10, 10)
NAN = math.nan


def play(
    bars: list, script: dict, sessions: list[int] | None = None, events: dict | None = None, **settings
) -> OracleResult:
    """Run `script`, {bar: function of ctx}, over bars of one asset, or lists of bars of several; None is missing.

    `events` is {column: {bar: value, or {asset: value}}}.
    """
    columns: list[list[list[float]]] = [[], [], [], [], []]
    for row in bars:
        row = row if isinstance(row, list) else [row]
        full = [(NAN,) * 5 if bar is None else (*map(float, bar), 1e6)[:5] for bar in row]
        for i in range(5):
            columns[i].append([bar[i] for bar in full])
    times = [(t + 1) * DAY for t in range(len(bars))]
    market = Market(times, list(range(len(bars))) if sessions is None else sessions, *columns)
    for column, rows in (events or {}).items():
        values = [[NAN] * market.n_assets for _ in bars]
        for t, given in rows.items():
            for a, value in given.items() if isinstance(given, dict) else ((0, given),):
                values[t][a] = value
        setattr(market, column, values)
    options = Settings(**{"cash": 1000.0, **settings})
    return Oracle(market, options, lambda ctx, t: script[t](ctx) if t in script else None).run()


def filled(result: OracleResult) -> list[tuple]:
    return [(f.order_id, f.bar, f.quantity, f.price) for f in result.fills]


def flows(result: OracleResult) -> list[tuple]:
    return [(f.bar, f.asset, f.kind, f.amount) for f in result.cash_flows]


def ending(result: OracleResult, order_id: int) -> tuple[Status, Reason]:
    order = result.orders[order_id - 1]
    return order.status, order.reason


DONE = (Status.FILLED, Reason.NONE)
