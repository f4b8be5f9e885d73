"""State that a strategy keeps from bar to bar, and numbers that it records for later."""

import numpy as np

from backtester import Bars, Strategy, constant, run
from backtester.indicators import atr, rolling_max


class Breakout(Strategy):
    n: int = 50
    width: float = 3.0

    def prepare(self, bars):
        self.highest = rolling_max(bars.close, self.n)
        self.range = atr(bars.high, bars.low, bars.close, 20)
        self.floor = constant(np.full(bars.n_assets, np.nan))  # one per asset, not one per bar
        self.entries = 0  # an int stays an int

    def on_bar(self, ctx):
        for a in range(ctx.n_assets):
            close = ctx.close[-1, a]
            if ctx.position(a) > 0.0:
                self.floor[a] = max(self.floor[a], close - self.width * self.range[-1, a])
                if close < self.floor[a]:
                    ctx.close_position(a)
            elif ctx.open_orders(a) == 0 and close >= self.highest[-1, a]:
                self.floor[a] = close - self.width * self.range[-1, a]
                ctx.order_target_percent(a, 1.0 / ctx.n_assets)
        ctx.record("floor", self.floor[0])
        ctx.record("exposure", ctx.exposure(0))

    def on_fill(self, ctx, fill):
        if fill.quantity > 0.0:
            self.entries += 1


strategy = Breakout()
result = run(strategy, Bars.sample("sp500")["2003":"2006"])

print("purchases counted by the strategy:", strategy.entries)
print("purchases in the table of fills: ", int((result.fills.quantity > 0).sum()))
held = result.records.exposure > 0
print(f"bars invested: {held.sum()} of {len(held)}")
print(result.records.floor.resample("YE").last().round(2).to_string())

# Output:
# purchases counted by the strategy: 11
# purchases in the table of fills:  11
# bars invested: 516 of 1007
# 2003-12-31 00:00:00+00:00    1085.09
# 2004-12-31 00:00:00+00:00    1186.98
# 2005-12-31 00:00:00+00:00    1241.47
# 2006-12-31 00:00:00+00:00    1398.01
# Freq: YE-DEC
