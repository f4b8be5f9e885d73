"""A future in euros and a share in dollars in one account: margin, multipliers, exchange rates as bars."""

import numpy as np

from backtester import Account, Bars, Costs, Instrument, Strategy, run

days = np.arange("2024-01-02", "2024-05-01", dtype="M8[D]").astype("M8[ns]")
rng = np.random.default_rng(1)
start = np.array([5_000.0, 100.0, 1.10])
steps = rng.normal(0.0004, [0.01, 0.015, 0.004], (len(days), 3))
close = start * np.exp(np.cumsum(steps, axis=0))
open_ = np.vstack([start, close[:-1]])
bars = Bars.from_arrays(
    days, open_, np.maximum(open_, close), np.minimum(open_, close), close, symbols=["FESX", "ACME", "EURUSD"]
)

account = Account(
    currency="USD",
    instruments=[Instrument("FESX", tick_size=1, lot_size=1, multiplier=10, currency="EUR", margin=0.08)],
    fx={"EUR": "EURUSD"},  # the price of EURUSD is dollars for a euro
    max_drawdown=0.2,
    max_gross=3.0,
)


class Mixed(Strategy):
    def on_bar(self, ctx):
        if ctx.t == 1:
            ctx.order(0, ctx.quantity_for_risk(0, 0.02, 0.99 * ctx.close[-1, 0]))
            ctx.order_target_percent(1, 0.4)
        ctx.record("gain in euros", ctx.balance(0) + ctx.position(0) * 10 * ctx.mark(0))
        ctx.record("exposure", ctx.exposure(0))


result = run(Mixed, bars, cash=100_000, costs=Costs(commission_per_order=2.0), account=account)
fill = result.fills.iloc[0]
print(f"{fill.quantity:.0f} contracts at {fill.price:.0f} EUR, one euro is {fill.fx:.4f} USD")
print(f"exposure {result.records.exposure.iloc[2]:.2f}, equity {result.equity.iloc[2]:,.2f}")
gain = result.records["gain in euros"].iloc[-1]  # it stays in euros: a future's value is not paid, so not exchanged
print(f"gain in euros {gain:,.2f}, final equity {result.equity.iloc[-1]:,.2f}")

# Output:
# 3 contracts at 4957 EUR, one euro is 1.1043 USD
# exposure 1.64, equity 99,524.06
# gain in euros 12,716.21, final equity 109,592.91
