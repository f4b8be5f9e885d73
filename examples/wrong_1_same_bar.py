"""Wrong: regress the close on the same bar's close, and score the rows that were learnt. It finds everything."""

import textwrap

import numpy as np
from sklearn.linear_model import LinearRegression

from backtester import Bars
from backtester.errors import LabelError
from backtester.signals import Label, WalkForward, check_label_ends, forward_return, predict_out_of_sample

bars = Bars.sample("sp500")

# The leak: the answer is among the inputs, and the rows that are scored are those the model was fitted on.
model = LinearRegression().fit(bars.close, bars.close[:, 0])
print(f"wrong: R² {model.score(bars.close, bars.close[:, 0]):.3f}")


# The check: a label says which bar it reads last, and this one reads nothing that is still to come.
def same_close(bars):
    """Return the close of each bar as what is to be learnt at it."""
    return Label.from_arrays(bars, bars.close, np.arange(bars.n_bars)[:, np.newaxis], name="close")


try:
    check_label_ends(same_close, bars)
except LabelError as error:
    print(textwrap.fill(f"refused: {error}", 110))

# Honest: the return of the next bar, from what is known at the close, on bars that come after the training.
features = ["log_return(1)", "log_return(5)", "realised_volatility(20)", "zscore(20)"]
signal = predict_out_of_sample("ridge", features, forward_return(bars, 1), bars, WalkForward(756, 63))
overall = signal.metrics().overall
print(f"honest: R² out of sample {overall.r2_oos:.3f}, IC {overall.ic:.3f}, {signal.tested.sum():,} days")

# Output:
# wrong: R² 1.000
# refused: label 'close' of SP500 at bar 0 (1999-01-04T21:00:00Z) is known at that bar, as all 5,031 are: there
# is nothing to predict. A label reads later bars: forward_return(bars, 1)
# honest: R² out of sample 0.003, IC 0.079, 4,255 days
