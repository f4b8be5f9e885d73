"""Buy equal parts of everything, and never sell: what an active strategy has to beat.

Source: William F. Sharpe, "The Arithmetic of Active Management", Financial Analysts Journal 47 (1991), 7-9: before
costs the average actively managed dollar earns what the passively held one earns, and after costs it earns less.
"""

from __future__ import annotations

import math

import numpy as np

from backtester import Bars, Strategy, constant
from backtester.context import Context


class BuyAndHold(Strategy):
    """Put the same part of the first equity into each asset, at its first bar.

    The part of an asset that is not listed yet waits in cash. Where a rise between decision and fill makes the orders
    of one bar too large for the account, all of them shrink by one factor.
    """

    def prepare(self, bars: Bars) -> None:
        self.stake = 0.0  # money for each asset; fixed at the first call of on_bar
        self.bought = constant(np.zeros(bars.n_assets, np.bool_))
        self.weights = constant(np.full(bars.n_assets, math.nan))

    def on_bar(self, ctx: Context) -> None:
        if self.stake == 0.0:
            self.stake = ctx.equity / ctx.n_assets
        found = False
        for a in range(ctx.n_assets):
            self.weights[a] = math.nan  # rebalance leaves the asset alone
            if not self.bought[a] and math.isfinite(ctx.close[-1, a]):
                self.weights[a] = self.stake / ctx.equity
                self.bought[a] = True
                found = True
        if found:
            ctx.rebalance(self.weights)
