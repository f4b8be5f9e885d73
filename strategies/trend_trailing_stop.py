"""Buy a new high in a rising market, and let a trailing stop decide how long to stay.

Source: Charles LeBeau's chandelier exit, a stop that hangs some average true ranges below the highest high since the
entry, as told in Alexander Elder, "Come into My Trading Room" (2002). The filter, a close on the right side of its
average of 200 bars, is that of Mebane Faber, "A Quantitative Approach to Tactical Asset Allocation", Journal of Wealth
Management 9 (2007), 69-79. Elder takes the average true range anew each day, here it is that of the entry.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from backtester import Bars, Strategy, constant
from backtester.context import Context
from backtester.errors import ParameterError
from backtester.indicators import atr, rolling_max, rolling_min, sma


class TrendTrailingStop(Strategy):
    """Buy the highest close of some weeks above the trend, sell short the lowest one below it; leave by trailing stop.

    The stop is sent with the entry, sleeps until that is filled, and follows the highest high from there on.

    Parameters
    ----------
    trend : int
        Bars in the average of the close, 1 or more.
    entry : int
        Bars among which the close must be the highest (to sell short: the lowest), 1 or more.
    atr_period : int
        Bars in the average true range, 1 or more.
    stop_atrs : float
        Distance of the trailing stop in average true ranges of the bar of the decision, above 0.
    risk : float
        Fraction of equity that this distance is worth, above 0. Each of n assets gets at most 1/n of equity.
    short : bool
        Whether to sell short.
    """

    trend: int = 200
    entry: int = 20
    atr_period: int = 22
    stop_atrs: float = 3.0
    risk: float = 0.02
    short: bool = True

    def prepare(self, bars: Bars) -> None:
        for name in ("stop_atrs", "risk"):
            if not getattr(self, name) > 0.0:
                raise ParameterError(f"TrendTrailingStop: {name} is {getattr(self, name)}; it must be above 0")
        self.average = sma(bars.close, self.trend)
        self.highest = rolling_max(bars.close, self.entry)
        self.lowest = rolling_min(bars.close, self.entry)
        self.atr = atr(bars.high, bars.low, bars.close, self.atr_period)
        self.stop_id = constant(np.zeros(bars.n_assets, np.int64))

    def on_reject(self, ctx: Context, order: Any) -> None:
        if order.id + 1 == self.stop_id[order.asset]:  # an entry that came to nothing; its stop would sleep for ever
            ctx.cancel(self.stop_id[order.asset])

    def on_bar(self, ctx: Context) -> None:
        for a in range(ctx.n_assets):
            if not ctx.ready(a) or ctx.position(a) != 0.0 or ctx.open_orders(a) > 0:
                continue
            close = ctx.close[-1, a]
            if close > self.average[-1, a] and close == self.highest[-1, a]:
                self.enter(ctx, a, 1.0, close)
            elif self.short and close < self.average[-1, a] and close == self.lowest[-1, a]:
                self.enter(ctx, a, -1.0, close)

    def enter(self, ctx: Context, a: int, side: float, close: float) -> None:
        """Order a position at the market, with its trailing stop."""
        distance = self.stop_atrs * self.atr[-1, a]
        if distance > 0.0:
            most = ctx.equity / ctx.n_assets / (close * ctx.multiplier(a))
            quantity = side * min(abs(ctx.quantity_for_risk(a, self.risk, close - side * distance)), most)
            ctx.order(a, quantity)
            self.stop_id[a] = ctx.trailing_stop(a, -quantity, distance)
