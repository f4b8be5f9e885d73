"""A network that says positions, and learns from what they earn after costs; its signal is the exposure itself."""

import numpy as np

from backtester import Bars, Costs, run
from backtester.signals import Features, WalkForward, forward_return, predict_out_of_sample
from strategies.model import ModelStrategy
from strategies.models import DirectSharpe
from strategies.scorecard import scorecard

COST = 0.0005

bars = Bars.sample("stocks")
features = Features(["log_return(1)", "log_return(20)", "log_return(120)", "realised_volatility(20)", "macd"])
label = forward_return(bars, 1, entry="next_open")


def share(ctx, a, value, state):
    """Return the position that the network says, an equal part of equity for each asset."""
    return value / ctx.n_assets


model = DirectSharpe(lookback=8, hidden=8, cost=COST, max_epochs=10)
signal = predict_out_of_sample(model, features, label, bars, WalkForward(1_008, 756), workers=1)
print(f"{len(signal.folds)} folds, the mean position is {np.nanmean(abs(signal.values)):.2f}")

costs = Costs(commission=COST)
result = run(ModelStrategy(signal=signal, rule=share, band=0.1), bars, costs=costs)
print(f"{len(result.orders):,} orders, run {result.manifest['mode']}, costs {result.metrics.total_costs:,.0f}")

card = scorecard(signal, bars, rule=share, costs=costs, band=0.1)
for (name, variant), sharpe in card.table.sharpe.dropna().items():
    if name == signal.name or variant == "net":
        print(f"  Sharpe {sharpe:+.2f}  {name}, {variant}")

# Output:
# 3 folds, the mean position is 0.21
# 4,659 orders, run compiled, costs 2,591
#   Sharpe +0.12  DirectSharpe, no costs
#   Sharpe +0.08  DirectSharpe, net
#   Sharpe +0.04  DirectSharpe, twice the costs
#   Sharpe -0.02  DirectSharpe, one bar later
#   Sharpe +0.39  naive, net
#   Sharpe +0.22  ar1, net
#   Sharpe +1.06  buy and hold, net
