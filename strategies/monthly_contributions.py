"""Pay in every month, buy equal parts of everything with it, and never sell: what most savers do.

Source: George M. Constantinides, "A Note on the Suboptimality of Dollar-Cost Averaging as an Investment Policy",
Journal of Financial and Quantitative Analysis 14 (1979), 443-450: spreading the purchases of money that is already
there is no better than buying at once. So what is paid in is invested as soon as it is there, as is the starting cash.
"""

from __future__ import annotations

import math

import numpy as np

from backtester import Bars, Strategy, constant
from backtester.context import Context
from backtester.errors import ParameterError


class MonthlyContributions(Strategy):
    """At the first bar of each month pay in, and at the bar after it buy with all the cash there is.

    Every asset that has a bar then gets the same part of the cash; where a rise between decision and fill makes the
    orders too large for the account, all of them shrink by one factor, and the rest is bought a month later. Nothing is
    sold to keep parts equal.

    Parameters
    ----------
    amount : float
        Money per month, above 0.
    """

    amount: float = 1_000.0

    def prepare(self, bars: Bars) -> None:
        if not 0.0 < self.amount < math.inf:
            raise ParameterError(f"MonthlyContributions: amount is {self.amount}; it must be a sum above 0")
        self.money_waits = True  # the starting cash at first
        self.weights = constant(np.zeros(bars.n_assets))

    def on_bar(self, ctx: Context) -> None:
        if self.money_waits:
            self.money_waits = not self.invest(ctx)
        if ctx.is_month_start():
            ctx.deposit(self.amount)
            self.money_waits = True

    def invest(self, ctx: Context) -> bool:
        """Order equal parts of the cash, and return whether there is an asset to buy."""
        n = 0
        for a in range(ctx.n_assets):
            n += int(math.isfinite(ctx.close[-1, a]))
        for a in range(ctx.n_assets):
            self.weights[a] = math.nan  # rebalance leaves the asset alone
            if math.isfinite(ctx.close[-1, a]):
                self.weights[a] = ctx.exposure(a) + ctx.cash / ctx.equity / n
        if n > 0 and ctx.cash > 0.0:
            ctx.rebalance(self.weights)
        return n > 0
