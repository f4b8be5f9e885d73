"""Follow a price that leaves the range of its last weeks, with a stop that average true ranges keep at a distance.

Source: Curtis Faith, "Way of the Turtle" (2007): Richard Donchian's breakout of the 20-bar channel, a stop two average
true ranges (20 bars) from the price, and positions that lose a fixed part of equity at that stop. The Turtles left at
the opposite 10-bar channel; here the stop follows the close instead and is the only exit.
"""

from __future__ import annotations

import numpy as np

from backtester import Bars, Strategy, constant
from backtester.context import Context
from backtester.errors import ParameterError
from backtester.indicators import atr, donchian


class DonchianBreakout(Strategy):
    """Buy a close above the channel of the bar before, sell short a close below it, and trail the stop.

    Parameters
    ----------
    channel : int
        Bars whose highest high and lowest low are the channel, 1 or more.
    atr_period : int
        Bars in the average true range, 1 or more.
    stop_atrs : float
        Distance of the stop from the close in average true ranges, above 0. The stop moves with the close towards
        profit and never back.
    risk : float
        Fraction of equity that the way from the close to the stop is worth, above 0. Each of n assets gets at most 1/n
        of equity.
    short : bool
        Whether to sell short.
    """

    channel: int = 20
    atr_period: int = 20
    stop_atrs: float = 2.0
    risk: float = 0.01
    short: bool = True

    def prepare(self, bars: Bars) -> None:
        for name in ("stop_atrs", "risk"):
            if not getattr(self, name) > 0.0:
                raise ParameterError(f"DonchianBreakout: {name} is {getattr(self, name)}; it must be above 0")
        self.upper, _, self.lower = donchian(bars.high, bars.low, self.channel)
        self.atr = atr(bars.high, bars.low, bars.close, self.atr_period)
        self.stop_id = constant(np.zeros(bars.n_assets, np.int64))  # order id of the stop that is working
        self.stop_price = constant(np.zeros(bars.n_assets))

    def on_bar(self, ctx: Context) -> None:
        for a in range(ctx.n_assets):
            if not ctx.ready(a):
                continue
            close, distance = ctx.close[-1, a], self.stop_atrs * self.atr[-1, a]
            if ctx.position(a) > 0.0:
                self.trail(ctx, a, max(self.stop_price[a], close - distance))
            elif ctx.position(a) < 0.0:
                self.trail(ctx, a, min(self.stop_price[a], close + distance))
            elif ctx.open_orders(a) == 0:
                if close > self.upper[-2, a]:
                    self.enter(ctx, a, 1.0, close, distance)
                elif self.short and close < self.lower[-2, a]:
                    self.enter(ctx, a, -1.0, close, distance)

    def enter(self, ctx: Context, a: int, side: float, close: float, distance: float) -> None:
        """Order a position at the market, with its stop."""
        self.stop_price[a] = close - side * distance
        most = ctx.equity / ctx.n_assets / (close * ctx.multiplier(a))
        quantity = side * min(abs(ctx.quantity_for_risk(a, self.risk, self.stop_price[a])), most)
        self.stop_id[a] = ctx.bracket(a, quantity, stop_loss=self.stop_price[a]) + 1

    def trail(self, ctx: Context, a: int, price: float) -> None:
        """Move the stop, if it has a new place."""
        if price != self.stop_price[a]:
            self.stop_price[a] = price
            ctx.modify(self.stop_id[a], price=price)
