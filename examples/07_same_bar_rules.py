"""When one bar reaches the stop and the target, which of them filled? The data does not say.

The same strategy under the five rules for such bars. The spread between them is what the data leaves open: small where
the bars are fine for the legs, large where they are not. Then the result says more about the rule than the strategy.
"""

from backtester import Bars, Execution, Strategy, run

RULES = ("stop_first", "target_first", "ohlc", "olhc", "nearest")


class TightBracket(Strategy):
    width: float = 0.001

    def on_bar(self, ctx):
        if ctx.position(0) == 0.0 and ctx.open_orders(0) == 0:
            quantity = 0.5 * ctx.equity / ctx.close[-1, 0]
            ctx.bracket(0, quantity, stop_loss_frac=self.width, take_profit_frac=self.width)


bars = Bars.sample("eurusd")
for width in (0.001, 0.01):
    print(f"legs {width:.1%} away")
    returns = []
    for rule in RULES:
        result = run(TightBracket(width=width), bars, execution=Execution(same_bar=rule))
        returns.append(result.metrics.total_return)
        print(f"  {rule:12} {returns[-1]:8.2%}   {result.ambiguous_bars:4d} ambiguous bars of {len(bars):,}")
    print(f"  spread       {max(returns) - min(returns):8.2%}")

# Output:
# legs 0.1% away
#   stop_first     -4.23%     96 ambiguous bars of 6,225
#   target_first    5.42%     96 ambiguous bars of 6,225
#   ohlc            5.42%     96 ambiguous bars of 6,225
#   olhc           -4.23%     96 ambiguous bars of 6,225
#   nearest        -2.78%     96 ambiguous bars of 6,225
#   spread          9.65%
# legs 1.0% away
#   stop_first      6.71%      0 ambiguous bars of 6,225
#   target_first    6.71%      0 ambiguous bars of 6,225
#   ohlc            6.71%      0 ambiguous bars of 6,225
#   olhc            6.71%      0 ambiguous bars of 6,225
#   nearest         6.71%      0 ambiguous bars of 6,225
#   spread          0.00%
