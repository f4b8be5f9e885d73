"""A moving-average cross on 20 years of the S&P 500: the smallest complete backtest, and its report."""

import tempfile
from pathlib import Path

from backtester import Bars, Costs, Strategy, run
from backtester.indicators import crossed_above, crossed_below, sma


class SmaCross(Strategy):
    fast: int = 10  # annotated class attributes are the parameters
    slow: int = 30

    def prepare(self, bars):  # once, vectorised, ordinary Python
        self.fast_ma = sma(bars.close, self.fast)
        self.slow_ma = sma(bars.close, self.slow)

    def on_bar(self, ctx):  # every bar, compiled to machine code
        for a in range(ctx.n_assets):
            if crossed_above(self.fast_ma, self.slow_ma, a):
                ctx.order_target_percent(a, 1.0 / ctx.n_assets)
            elif crossed_below(self.fast_ma, self.slow_ma, a):
                ctx.order_target_percent(a, 0.0)


result = run(SmaCross(fast=20), Bars.sample("sp500"), cash=100_000, costs=Costs(commission=0.001))

metrics = result.metrics
print(f"final equity   {metrics.final_equity:12,.2f}")
print(f"return a year  {metrics.cagr:12.2%}")
print(f"Sharpe ratio   {metrics.sharpe:12.3f}")
print(f"max drawdown   {metrics.max_drawdown:12.2%}")
print(f"trades         {metrics.n_trades:12.0f}")
print(f"commission     {metrics.commission:12,.2f}")

with tempfile.TemporaryDirectory() as folder:
    report = Path(folder) / "report.html"
    result.report(report)
    print("report written:", report.exists())

# Output:
# final equity     125,857.87
# return a year         1.16%
# Sharpe ratio          0.159
# max drawdown         41.37%
# trades                   86
# commission        15,377.83
# report written: True
