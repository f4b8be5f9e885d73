"""Why did this order end as it did? Ask the result."""

from backtester import DAY, Bars, Strategy, run


class ThreeOrders(Strategy):
    def on_bar(self, ctx):
        if ctx.t == 1:
            ctx.order(0, 100.0)  # more than the account can pay
            ctx.limit(0, 1.0, 0.9 * ctx.close[-1, 0], tif=DAY)  # too far away
            ctx.stop(0, 1.0, -5.0)  # no price


result = run(ThreeOrders, Bars.sample("sp500")[:10], cash=10_000)

print(result.orders[["kind", "quantity", "filled", "status", "reason"]].reset_index().to_string(index=False))
for order_id in (2, 3):
    for line in result.explain(order_id).splitlines():
        print(line if len(line) <= 110 else line[:107] + "...")

# Output:
#  id   kind  quantity   filled   status              reason
#   1 market     100.0 8.033548   filled insufficient_equity
#   2  limit       1.0 0.000000  expired           day_ended
#   3   stop       1.0 0.000000 rejected       price_invalid
# Order 2: limit order to buy 1 SP500, limit 1,120.302026, good for the session (DAY)
#   bar 1 (1999-01-05T21:00:00Z): sent by ctx.limit; may fill from bar 2 (1999-01-06T21:00:00Z) on, the bar a...
#   bar 2 (1999-01-06T21:00:00Z): low 1,244.780029 stayed 124.4780029 above the limit 1,120.302026
#   bar 2 (1999-01-06T21:00:00Z): expired: its session ended (day_ended). Found: session 1999-01-06 ended wit...
# Order 3: stop order to buy 1 SP500, stop -5, good till cancelled
#   bar 1 (1999-01-05T21:00:00Z): sent by ctx.stop
#   bar 1 (1999-01-05T21:00:00Z): rejected: a price is missing or not valid (price_invalid). Found: stop pric...
