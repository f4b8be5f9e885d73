"""Hold an asset while its fast moving average is above its slow one.

Source: William Brock, Josef Lakonishok and Blake LeBaron, "Simple Technical Trading Rules and the Stochastic Properties
of Stock Returns", Journal of Finance 47 (1992), 1731-1764: the variable-length moving average rule, long or in cash.
"""

from __future__ import annotations

from backtester import Bars, Strategy
from backtester.context import Context
from backtester.errors import ParameterError
from backtester.indicators import crossed_above, crossed_below, sma


class SmaCross(Strategy):
    """Buy when the fast average crosses above the slow one, sell when it crosses below.

    Each of n assets gets 1/n of equity.

    Parameters
    ----------
    fast, slow : int
        Bars in the two averages of the close, with 1 <= fast < slow.
    """

    fast: int = 10
    slow: int = 30

    def prepare(self, bars: Bars) -> None:
        if self.fast >= self.slow:
            raise ParameterError(f"SmaCross: fast is {self.fast} and slow is {self.slow}; fast must be below slow")
        self.fast_ma = sma(bars.close, self.fast)
        self.slow_ma = sma(bars.close, self.slow)

    def on_bar(self, ctx: Context) -> None:
        for a in range(ctx.n_assets):
            if crossed_above(self.fast_ma, self.slow_ma, a):
                ctx.order_target_percent(a, 1.0 / ctx.n_assets)
            elif crossed_below(self.fast_ma, self.slow_ma, a):
                ctx.order_target_percent(a, 0.0)
