"""Hold what has risen over a year, sell short what has fallen, each as large as its volatility allows.

Source: Tobias J. Moskowitz, Yao Hua Ooi and Lasse Heje Pedersen, "Time Series Momentum", Journal of Financial Economics
104 (2012), 228-250: the sign of the 12-month return, positions of 40 % / σ, σ from equation (1), equal parts of the
portfolio for all assets, a new decision every month. They take returns in excess of the Treasury bill; here it is the
return of the price, as in futures. The limit on the gross value is ours.
"""

from __future__ import annotations

import math

import numpy as np

from backtester import Bars, Strategy, constant
from backtester.context import Context
from backtester.errors import ParameterError
from backtester.indicators import returns
from strategies._months import momentum


class TimeSeriesMomentum(Strategy):
    """At the first bar of each month, target sign(return)·target/σ divided by the number of assets that have both.

    The return is that of the `lookback` months before. The variance σ² is the mean of (r - r̄)² over all returns r of
    the asset's own bars, with weights (1 - δ)·δ^i for the return i bars ago that are scaled to add up to one,
    δ/(1 - δ) = center, r̄ the mean with the same weights, times `bars_per_year`.

    Parameters
    ----------
    lookback : int
        Months in the return, 1 or more.
    target : float
        Volatility per year that each asset's position alone should have, above 0.
    center : int
        Mean age of the returns in σ, in bars, 1 or more; an asset without as many is left out.
    bars_per_year : float
        Turns the variance of a bar into that of a year, above 0: 261 for days.
    leverage : float
        Gross value that all positions may have, in equities, above 0; where the targets are more, all are scaled down.
        More than the account's leverage is reduced there.
    short : bool
        Whether to sell short.
    """

    lookback: int = 12
    target: float = 0.40
    center: int = 60
    bars_per_year: float = 261.0
    leverage: float = 1.0
    short: bool = True

    def prepare(self, bars: Bars) -> None:
        for name in ("target", "bars_per_year", "leverage"):
            if not getattr(self, name) > 0.0:
                raise ParameterError(f"TimeSeriesMomentum: {name} is {getattr(self, name)}; it must be above 0")
        for name in ("lookback", "center"):
            if getattr(self, name) < 1:
                raise ParameterError(f"TimeSeriesMomentum: {name} is {getattr(self, name)}; it must be 1 or more")
        self.momentum = momentum(bars, self.lookback, 0)
        self.volatility = _volatility(bars, self.center, self.bars_per_year)
        self.weights = constant(np.zeros(bars.n_assets))

    def on_bar(self, ctx: Context) -> None:
        if not ctx.is_month_start():
            return
        gross, n = 0.0, 0
        for a in range(ctx.n_assets):
            past, volatility = self.momentum[-1, a], self.volatility[-1, a]
            self.weights[a] = 0.0
            if math.isfinite(past) and volatility > 0.0:
                n += 1
                if past > 0.0 or (self.short and past < 0.0):
                    self.weights[a] = math.copysign(self.target / volatility, past)
                    gross += abs(self.weights[a])
            elif ctx.position(a) == 0.0 and ctx.open_orders(a) == 0:
                self.weights[a] = math.nan  # nothing to sell, and perhaps no price yet
        if n > 0:
            scale = min(1.0 / n, self.leverage / gross) if gross > 0.0 else 0.0
            for a in range(ctx.n_assets):
                self.weights[a] *= scale
            ctx.rebalance(self.weights)


def _volatility(bars: Bars, center: int, bars_per_year: float) -> np.ndarray:
    """Return σ per year; the last one stays through an asset's gaps."""
    import pandas as pd

    moves = pd.DataFrame(returns(bars.close)).ewm(com=center, min_periods=center, ignore_na=True)
    return np.sqrt(bars_per_year * moves.var(bias=True).to_numpy())
