"""Lay a grid of limit orders under the price: every purchase is offered one line higher, every sale bid for one lower.

Source: Hal Masover, "Value Investing in Commodity Futures: How to Profit with Scale Trading" (2001): buy a unit at each
step of a scale down, sell each a step above where it was bought, and let the number of steps be what the account can
carry. That the grid moves up when it is empty is ours.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from backtester import Bars, Strategy, constant
from backtester.context import Context
from backtester.errors import ParameterError


class GridTrading(Strategy):
    """Limit orders at reference·(1 + k·step), for the lines k = -levels to levels.

    The reference is the first close of the asset. At first a purchase rests on every line below it, with `short` a sale
    on every line above. What is bought on line k is offered on line k + 1, what is sold there is bid for on line k - 1;
    so no more than `levels` units are ever held, long or short. A grid without sales above that is empty when the close
    is at line 1 or above is laid anew around that close.

    A unit is such that the asset, with all lines of a side filled at their prices, needs no more than 1/n of equity,
    for n assets. There is no stop: a price that leaves the grid at its bottom leaves the position there. The orders
    carry their line as `tag`.

    Parameters
    ----------
    step : float
        Distance of the lines as a fraction of the reference, above 0.
    levels : int
        Lines on each side, 1 or more; step·levels is below 1.
    short : bool
        Whether to sell short above the reference.
    """

    step: float = 0.02
    levels: int = 10
    short: bool = False

    def prepare(self, bars: Bars) -> None:
        if self.levels < 1:
            raise ParameterError(f"GridTrading: levels is {self.levels}; it must be 1 or more")
        if not self.step > 0.0 or not self.step * self.levels < 1.0:
            raise ParameterError(
                f"GridTrading: step is {self.step} and levels is {self.levels}; "
                "step must be above 0 and step·levels below 1, so that every line is a price"
            )
        self.reference = constant(np.zeros(bars.n_assets))  # 0 until the grid is laid

    def line(self, a: int, k: int) -> float:
        """Return the price of a line."""
        return self.reference[a] * (1.0 + k * self.step)

    def on_fill(self, ctx: Context, fill: Any) -> None:
        k = fill.tag + 1 if fill.quantity > 0.0 else fill.tag - 1
        ctx.limit(fill.asset, -fill.quantity, self.line(fill.asset, k), tag=k)

    def on_bar(self, ctx: Context) -> None:
        for a in range(ctx.n_assets):
            close = ctx.close[-1, a]
            if self.reference[a] == 0.0:
                if close > 0.0:
                    self.lay(ctx, a, close)
            elif not self.short and ctx.position(a) == 0.0 and close >= self.line(a, 1):
                ctx.cancel_all(a)
                self.lay(ctx, a, close)

    def lay(self, ctx: Context, a: int, close: float) -> None:
        """Order a new grid around a close."""
        self.reference[a] = close
        units = float(self.levels)
        if self.short:  # the value of all units on the outermost line, and what they have lost on the way
            units *= 1.0 + self.levels * self.step + 0.5 * (self.levels - 1) * self.step
        quantity = ctx.equity / ctx.n_assets / units / (close * ctx.multiplier(a))
        for k in range(1, self.levels + 1):
            ctx.limit(a, quantity, self.line(a, -k), tag=-k)
            if self.short:
                ctx.limit(a, -quantity, self.line(a, k), tag=k)
