"""Buy a short-lived fall within a long rise, and sell it a few bars later.

Source: Larry Connors and Cesar Alvarez, "Short Term Trading Strategies That Work" (2008), the chapters on the RSI of
two bars: entries only in the direction of the average of 200 bars, exits at the average of 5 bars, and no stop.
"""

from __future__ import annotations

from backtester import Bars, Strategy
from backtester.context import Context
from backtester.errors import ParameterError
from backtester.indicators import rsi, sma


class RsiReversion(Strategy):
    """Buy a low RSI above the trend, sell short a high one below it; leave at the market beyond the average of a week.

    Each of n assets gets 1/n of equity.

    Parameters
    ----------
    n : int
        Price changes in the relative strength index, 1 or more.
    entry : float
        Buy when the index is below it, sell short when it is above 100 - entry; above 0 and at most 50.
    trend : int
        Bars in the average that the close must be above to buy, and below to sell short; 1 or more.
    exit : int
        Bars in the average at which a position is left: a long one above it, a short one below; 1 or more.
    short : bool
        Whether to sell short.
    """

    n: int = 2
    entry: float = 5.0
    trend: int = 200
    exit: int = 5
    short: bool = True

    def prepare(self, bars: Bars) -> None:
        if not 0.0 < self.entry <= 50.0:
            raise ParameterError(f"RsiReversion: entry is {self.entry}; it must be above 0 and at most 50")
        self.rsi = rsi(bars.close, self.n)
        self.trend_ma = sma(bars.close, self.trend)
        self.exit_ma = sma(bars.close, self.exit)

    def on_bar(self, ctx: Context) -> None:
        for a in range(ctx.n_assets):
            close, trend, week = ctx.close[-1, a], self.trend_ma[-1, a], self.exit_ma[-1, a]
            if ctx.position(a) > 0.0:
                if close > week:
                    ctx.order_target(a, 0.0)
            elif ctx.position(a) < 0.0:
                if close < week:
                    ctx.order_target(a, 0.0)
            elif ctx.open_orders(a) == 0:
                if close > trend and self.rsi[-1, a] < self.entry:
                    ctx.order_target_percent(a, 1.0 / ctx.n_assets)
                elif self.short and close < trend and self.rsi[-1, a] > 100.0 - self.entry:
                    ctx.order_target_percent(a, -1.0 / ctx.n_assets)
