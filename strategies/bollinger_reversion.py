"""Buy what has fallen out of its Bollinger bands, and sell it when it is back at the average.

Source: John Bollinger, "Bollinger on Bollinger Bands" (2001), for the bands, and for the rule that a move out of a band
in a market without a trend is followed by a move back. The bracket around the entry is ours.
"""

from __future__ import annotations

from backtester import Bars, Strategy
from backtester.context import Context
from backtester.errors import ParameterError
from backtester.indicators import bollinger, crossed_below


class BollingerReversion(Strategy):
    """Buy at the market when the close falls below the lower band; one bracket takes care of the exit.

    The target is the middle band as it is at the signal. The stop lies below the close of the signal, at `stop` times
    the distance to the target; a stop that comes out at zero or below is refused, and the entry with it. Each of n
    assets gets 1/n of equity.

    Parameters
    ----------
    n : int
        Bars in the average and in the standard deviation, 1 or more.
    k : float
        Distance of the bands from the average in standard deviations, 0 or more.
    stop : float
        What is risked for each unit of price to be won, above 0.
    """

    n: int = 20
    k: float = 2.0
    stop: float = 1.0

    def prepare(self, bars: Bars) -> None:
        if not self.stop > 0.0:
            raise ParameterError(f"BollingerReversion: stop is {self.stop}; it must be above 0")
        _, self.middle, self.lower = bollinger(bars.close, self.n, self.k)

    def on_bar(self, ctx: Context) -> None:
        for a in range(ctx.n_assets):
            idle = ctx.position(a) == 0.0 and ctx.open_orders(a) == 0
            if idle and crossed_below(ctx.close, self.lower, a):
                close, target = ctx.close[-1, a], self.middle[-1, a]
                quantity = ctx.equity / ctx.n_assets / (close * ctx.multiplier(a))
                ctx.bracket(a, quantity, stop_loss=close - self.stop * (target - close), take_profit=target)
