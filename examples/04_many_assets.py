"""Four stocks, rebalanced every month to the same risk; one of them begins four years late."""

import numpy as np

from backtester import Bars, Costs, Strategy, constant, run
from backtester.indicators import realised_volatility


class InverseVolatility(Strategy):
    n: int = 60
    every: int = 21  # bars

    def prepare(self, bars):
        self.volatility = realised_volatility(bars.close, self.n, 252)
        self.weights = constant(np.zeros(bars.n_assets))

    def on_bar(self, ctx):
        if ctx.t % self.every != 0:
            return
        total = 0.0
        for a in range(ctx.n_assets):
            self.weights[a] = 1.0 / self.volatility[-1, a] if ctx.ready(a) else 0.0
            total += self.weights[a]
        for a in range(ctx.n_assets):
            self.weights[a] /= total
        ctx.rebalance(self.weights)  # all orders are scaled together where they do not fit


bars = Bars.sample("stocks").adjusted()  # splits and dividends leave no jumps
result = run(InverseVolatility, bars, costs=Costs(commission=0.0005, spread=0.0005), benchmark="buy_and_hold")

print(bars.symbols, f"{bars.n_bars} bars")
values = (result.positions * bars.close).fillna(0.0)  # a missing bar is NaN
shares = values.div(result.equity, axis=0)
for year in (2003, 2012):
    print(year, "  ".join(f"{symbol} {share:.2f}" for symbol, share in shares.loc[str(year)].iloc[-1].items()))
print(f"volatility {result.metrics.annual_volatility:.1%}, turnover a year {result.metrics.turnover:.2f}")
print(f"beta to buy and hold {result.metrics.beta:.2f}, costs {result.metrics.total_costs:,.0f}")

# Output:
# ('AAPL', 'IBM', 'MSFT', 'GOOG') 3270 bars
# 2003 AAPL 0.21  IBM 0.50  MSFT 0.29  GOOG 0.00
# 2012 AAPL 0.16  IBM 0.32  MSFT 0.29  GOOG 0.23
# volatility 26.5%, turnover a year 0.99
# beta to buy and hold 0.89, costs 1,681
