"""What a researcher tries: pairs of moving averages, always long or short.

The pair (1, 2) is long after a day that rose and short after one that fell: the rule that finds returns which follow
themselves. The others see it the less the slower they are.
"""

from __future__ import annotations

import itertools

from backtester import Bars, Strategy
from backtester.context import Context
from backtester.indicators import sma

LENGTHS = (1, 2, 3, 5, 8, 12, 18, 27, 40, 60, 90)
PAIRS = tuple(itertools.combinations(LENGTHS, 2))  # fast below slow: 55 trials
WARM_UP = LENGTHS[-1]  # bars before the first that every pair has an opinion about
IN_ADVANCE = PAIRS.index((8, 40))  # the trial of a researcher who tries one thing only
PLANTED = PAIRS.index((1, 2))


class Flipper(Strategy):
    """All of equity long while the fast average is above the slow one, short while it is below.

    Parameters
    ----------
    fast, slow : int
        Bars in the averages of the close, 1 or more.
    """

    fast: int = 8
    slow: int = 40

    def prepare(self, bars: Bars) -> None:
        self.fast_ma = sma(bars.close, self.fast)
        self.slow_ma = sma(bars.close, self.slow)

    def on_bar(self, ctx: Context) -> None:
        above = self.fast_ma[-1, 0] - self.slow_ma[-1, 0]
        held = ctx.position(0)
        if above > 0.0 and held <= 0.0:
            ctx.order_target_percent(0, 1.0)
        elif above < 0.0 and held >= 0.0:
            ctx.order_target_percent(0, -1.0)
