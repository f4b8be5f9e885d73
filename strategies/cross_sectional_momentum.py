"""Hold the assets that have risen most over the last year, and change them every month.

Source: Narasimhan Jegadeesh and Sheridan Titman, "Returns to Buying Winners and Selling Losers: Implications for Stock
Market Efficiency", Journal of Finance 48 (1993), 65-91. The month before the decision is left out of the year, since
returns turn around within a month: Narasimhan Jegadeesh, "Evidence of Predictable Behavior of Security Returns",
Journal of Finance 45 (1990), 881-898. They hold deciles, here it is a number of assets.
"""

from __future__ import annotations

import math

import numpy as np

from backtester import Bars, Strategy, constant
from backtester.context import Context
from backtester.errors import ParameterError
from strategies._months import momentum


class CrossSectionalMomentum(Strategy):
    """At the first bar of each month, rank the assets by their return, and hold equal parts of the best.

    What was not there at both ends of the return, or not in the month before, has no rank. Of two equal returns that of
    the lower asset number is first.

    Parameters
    ----------
    lookback : int
        Months before this one over which the return is taken, above `skip`.
    skip : int
        The last months of them that are left out, 0 or more.
    top : int
        How many assets to hold, 1 or more. Each gets 1/top of equity; where fewer have a rank, the rest is cash.
    short : bool
        Whether to sell short as many of the worst that are not among the best; each side then gets half of equity.
    """

    lookback: int = 12
    skip: int = 1
    top: int = 2
    short: bool = False

    def prepare(self, bars: Bars) -> None:
        if not 0 <= self.skip < self.lookback:
            raise ParameterError(
                f"CrossSectionalMomentum: lookback is {self.lookback} and skip is {self.skip}; "
                "skip must be 0 or more, and below lookback"
            )
        if self.top < 1:
            raise ParameterError(f"CrossSectionalMomentum: top is {self.top}; it must be 1 or more")
        self.momentum = momentum(bars, self.lookback, self.skip)
        self.weights = constant(np.zeros(bars.n_assets))

    def on_bar(self, ctx: Context) -> None:
        if not ctx.is_month_start():
            return
        part = 0.5 / self.top if self.short else 1.0 / self.top
        for a in range(ctx.n_assets):
            better, worse = self.rank(a)
            if better < 0 and ctx.position(a) == 0.0 and ctx.open_orders(a) == 0:
                self.weights[a] = math.nan  # nothing to sell, and perhaps no price yet
            elif better < 0:
                self.weights[a] = 0.0
            elif better < self.top:
                self.weights[a] = part
            elif self.short and worse < self.top:
                self.weights[a] = -part
            else:
                self.weights[a] = 0.0
        ctx.rebalance(self.weights)

    def rank(self, a: int) -> tuple[int, int]:
        """Return how many assets are better than `a` and how many are worse; -1 and -1 without a return."""
        own, better, worse = self.momentum[-1, a], 0, 0
        if math.isnan(own):
            return -1, -1
        for b in range(self.momentum.shape[1]):
            other = self.momentum[-1, b]
            if other > own or (other == own and b < a):
                better += 1
            elif other < own or (other == own and b > a):
                worse += 1
        return better, worse
