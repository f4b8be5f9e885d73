"""Wrong: score an LSTM on the rows it was trained on. On prices that nobody can predict it makes a fortune."""

import textwrap

import numpy as np

from backtester import Bars, run
from backtester.errors import ModelError, StrategyError
from backtester.signals import WalkForward, fit, forward_return, predict_out_of_sample
from backtester.signals.plugins import model_named
from strategies.model import ModelStrategy

bars = Bars.simulate("gbm", n_bars=600, seed=2, mu=0.0, sigma=0.2)
features = ["log_return(1)", "log_return(5)", "zscore(20)", "rsi(14)"]
label = forward_return(bars, 1)
settings = {"lookback": 10, "hidden": 24, "max_epochs": 40, "validation": 0.0, "learning_rate": 0.03}
lstm = model_named("lstm", **settings)

# The leak: what it says of the bars whose next return it was told.
fitted = fit(lstm, features, label, bars)
remembered = fitted.predict(bars, in_sample=True)
both = np.isfinite(remembered.values) & label.exists
ic = np.corrcoef(remembered.values[both], label.values[both])[0, 1]
result = run(ModelStrategy(signal=remembered, allow_future=True), bars, cash=100_000)
print(f"wrong: IC {ic:.1f}, Sharpe ratio {'above' if result.metrics.sharpe > 5.0 else 'below'} 5")

# The checks: a signal knows what its model was fitted on. Nothing is scored on those rows, and nothing is traded.
for use in (lambda: remembered.metrics(label), lambda: run(ModelStrategy(signal=remembered), bars)):
    try:
        use()
    except (ModelError, StrategyError) as error:
        print(textwrap.fill(f"refused: {error}", 110))

# Honest: the same network on bars that come after its training.
signal = predict_out_of_sample(lstm, features, label, bars, WalkForward(280, 150))
result = run(ModelStrategy(signal=signal), bars, cash=100_000)
ic = signal.metrics().overall.ic
print(f"honest: IC {round(ic, 1) + 0.0:.1f}, Sharpe ratio {'above' if result.metrics.sharpe > 1.0 else 'below'} 1")

# Output:
# wrong: IC 0.9, Sharpe ratio above 5
# refused: the signal of 'LSTM' has nothing to score out of sample against forward_return(1): the model was
# fitted on all bars up to 2002-04-20T00:00:00Z, which has 571 of its values behind it; predict later bars
# refused: ModelStrategy: the signal 'LSTM' knows the future: its value at 2000-02-11T00:00:00Z comes from a
# model that was fitted on data up to 2002-04-20T00:00:00Z, and 572 of 572 bars are so. Nobody could have traded
# it; use WalkForward, or allow_future=True to look at it all the same
# honest: IC 0.0, Sharpe ratio below 1
