"""Wrong: scale the whole series, then split. On prices that nobody can predict it predicts, out of sample."""

from backtester import Bars
from backtester.errors import FeatureError
from backtester.signals import Features, Function, WalkForward, forward_return, predict_out_of_sample

bars = Bars.simulate("gbm", n_bars=1_000, n_assets=20, seed=1, mu=0.0, sigma=0.2)
label = forward_return(bars, 10)
scheme = WalkForward(252, 63)


# The leak: mean and deviation of all bars, so that each row knows where the price stands among those still to come.
def scaled_close(bars):
    """Return the close less its mean, over its deviation."""
    return (bars.close - bars.close.mean(axis=0)) / bars.close.std(axis=0)


wrong = predict_out_of_sample("ridge", [Function(scaled_close)], label, bars, scheme)
print(f"wrong: IC {wrong.metrics().overall.ic:.2f} on random walks, with a walk-forward split")

# The check: with fewer bars the same rows get other values.
try:
    Features([Function(scaled_close)]).check_causal(bars)
except FeatureError as error:
    print(f"refused: {str(error).partition(' at bar')[0]} …")

# Honest: a window that ends at the bar. What the model needs scaled is scaled in each fold, by its training rows.
honest = predict_out_of_sample("ridge", ["zscore(60)"], label, bars, scheme)
print(f"honest: IC {honest.metrics().overall.ic:.2f}")

# Output:
# wrong: IC 0.14 on random walks, with a walk-forward split
# refused: feature 'scaled_close' looks ahead: for SIM0 …
# honest: IC -0.04
