"""Quoted prices with their splits and dividends: what an investor had, not what an adjusted chart shows."""

from backtester import Bars, Costs, Strategy, run
from backtester.indicators import crossed_above, crossed_below, sma


class TrendOnAdjusted(Strategy):
    """Signals from adjusted closes, orders at quoted prices."""

    fast: int = 50
    slow: int = 200

    def prepare(self, bars):
        self.fast_ma = sma(bars.adjusted_close, self.fast)  # adjusted as known at each bar
        self.slow_ma = sma(bars.adjusted_close, self.slow)

    def on_bar(self, ctx):
        for a in range(ctx.n_assets):
            if crossed_above(self.fast_ma, self.slow_ma, a):
                ctx.order_target_percent(a, 0.95 / ctx.n_assets)
            elif crossed_below(self.fast_ma, self.slow_ma, a):
                ctx.order_target(a, 0)


bars = Bars.sample("stocks").select(["AAPL", "MSFT"])
result = run(TrendOnAdjusted, bars, costs=Costs(commission=0.001))

for row in result.actions.itertuples():
    units = f"{row.quantity_before:.1f} -> {row.quantity_after:.1f}"
    print(f"{row.time:%Y-%m-%d} {row.symbol} {row.kind} {row.value:g}: {units}")
dividends = result.cash_flows.query("kind == 'dividend'").groupby("symbol", observed=True)["amount"]
for symbol, amount in dividends.sum().items():
    print(f"{symbol}: {dividends.size()[symbol]} dividends, {amount:,.2f}")
print(f"final equity {result.metrics.final_equity:,.2f}")

# Output:
# 2003-02-18 MSFT split 2: 552.1 -> 1104.2
# 2005-02-28 AAPL split 2: 1508.1 -> 3016.2
# AAPL: 2 dividends, 4,364.91
# MSFT: 24 dividends, 12,534.04
# final equity 567,252.73
