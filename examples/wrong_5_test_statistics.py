"""Wrong: scale the test data by its own mean and deviation. Each row is told where the price will stand later."""

import textwrap

from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import StandardScaler

from backtester import Bars
from backtester.errors import ModelError
from backtester.signals import (
    Features,
    Function,
    WalkForward,
    check_pipeline,
    forward_return,
    predict_out_of_sample,
)

bars = Bars.simulate("gbm", n_bars=2_500, seed=4, mu=0.0, sigma=0.2)
label = forward_return(bars, 5)
scheme = WalkForward(126, 126)


def close(bars):
    """Return the close, which is known at the close."""
    return bars.close


class ScaledByItself(LinearRegression):
    """The leak: what is asked about is scaled by its own statistics, which the first row cannot know."""

    def fit(self, X, y):
        return super().fit(StandardScaler().fit_transform(X), y)

    def predict(self, X):
        return super().predict(StandardScaler().fit_transform(X))


features = Features([Function(close)])
wrong = predict_out_of_sample(ScaledByItself(), features, label, bars, scheme)
print(f"wrong: IC {wrong.metrics().overall.ic:.2f} on a random walk")

# The check: other bars at the end of a test change what was said at its beginning, and so does their absence.
try:
    check_pipeline(ScaledByItself(), features, label, bars, scheme)
except ModelError as error:
    who, _, what = str(error).partition(": for ")
    print(textwrap.fill(f"refused: {who}. {what[what.index('What moved') :]}", 110))

# Honest: the scaler of each fold is fitted on its training rows, and passes this check.
check_pipeline(LinearRegression(), features, label, bars, scheme)
honest = predict_out_of_sample(LinearRegression(), features, label, bars, scheme)
print(f"honest: IC {round(honest.metrics().overall.ic, 2) + 0.0:.2f}")

# Output:
# wrong: IC 0.28 on a random walk
# refused: ScaledByItself knows its future. What moved first: the model as it predicts, since what it says of a
# bar depends on the other bars it is asked about. What predict needs to know of the data, such as means and
# deviations, is learnt in fit
# honest: IC 0.00
