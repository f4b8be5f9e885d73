"""An entry with a stop loss and a take profit that cancel each other, at fractions of the price paid."""

from backtester import Bars, Costs, Strategy, run
from backtester.indicators import bollinger


class BuyTheDip(Strategy):
    n: int = 20
    k: float = 2.0
    loss: float = 0.02
    profit: float = 0.03

    def prepare(self, bars):
        _, _, self.lower = bollinger(bars.close, self.n, self.k)

    def on_bar(self, ctx):
        for a in range(ctx.n_assets):
            idle = ctx.position(a) == 0.0 and ctx.open_orders(a) == 0
            if idle and ctx.close[-1, a] < self.lower[-1, a]:
                quantity = 0.95 * ctx.equity / ctx.n_assets / ctx.close[-1, a]
                ctx.bracket(a, quantity, stop_loss_frac=self.loss, take_profit_frac=self.profit)


result = run(BuyTheDip, Bars.sample("googl"), costs=Costs(commission=0.0005, spread=0.0002))

ends = result.orders[result.orders.role.isin(["stop_loss", "take_profit"])]
print(ends.groupby(["role", "status"], observed=True).size().to_string())
print(f"trades {result.metrics.n_trades:.0f}, won {result.metrics.win_rate:.1%}")
print(f"worst {result.metrics.worst_trade:.2%}: a market that opens below the stop fills it there")

# Output:
# role         status
# stop_loss    filled       49
#              cancelled    28
# take_profit  filled       28
#              cancelled    49
# trades 77, won 36.4%
# worst -3.70%: a market that opens below the stop fills it there
