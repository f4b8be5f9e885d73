"""Wrong: a label from the median of the full sample, and a random split. Neighbours give each other the answer."""

import textwrap

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import KFold, cross_val_score

from backtester import Bars
from backtester.errors import LabelError, SplitError
from backtester.signals import (
    Features,
    Label,
    PurgedKFold,
    WalkForward,
    check_label_ends,
    direction,
    forward_return,
    predict_out_of_sample,
)

bars = Bars.simulate("gbm", n_bars=1_500, seed=3, mu=0.0, sigma=0.2)
features = Features(["log_return(60)", "log_return(120)", "realised_volatility(60)"])
forest = RandomForestClassifier(100, min_samples_leaf=5, random_state=0)


# The leak: the median is known at the end; labels of 20 bars share 19 with their neighbours, which a random split
# puts on the other side.
def above_median(bars):
    """Return whether the return over 20 bars is above the median of all such returns."""
    ahead = forward_return(bars, 20)
    above = np.where(ahead.exists, ahead.values > np.nanmedian(ahead.values), np.nan)
    return Label.from_arrays(bars, above, ahead.end, name="above_median", kind="class")


panel, label = features.compute(bars), above_median(bars)
known = np.isfinite(panel).all(axis=2) & label.exists
x, y, spans = panel[known], label.values[known], np.argwhere(known)[:, [0, 0]] + [0, 20]
print(f"wrong: accuracy {cross_val_score(forest, x, y, cv=KFold(5, shuffle=True, random_state=0)).mean():.2f}")

# The checks: the label reads beyond its end; a splitter that does not know what labels read is no scheme.
try:
    check_label_ends(above_median, bars)
except LabelError as error:
    print(textwrap.fill(f"refused: {error}", 110))
label = direction(bars, 20)
try:
    predict_out_of_sample(forest, features, label, bars, KFold(5, shuffle=True, random_state=0))
except SplitError as error:
    print(textwrap.fill(f"refused: {error}", 110))

# The same label and forest with the neighbours purged; and honest: the sign of the return, walk-forward.
purged = cross_val_score(forest, x, y, groups=spans, cv=PurgedKFold(5))
print(f"purged: accuracy {purged.mean():.2f}")
signal = predict_out_of_sample(forest, features, label, bars, WalkForward(504, 126))
print(f"honest: accuracy {signal.metrics().overall.accuracy:.2f}")

# Output:
# wrong: accuracy 0.77
# refused: label 'above_median' of SIM at bar 5 (2000-01-11T00:00:00Z) says that it ends at bar 25, and reads
# more: it is 1.0 now, and 0.0 when the bars end before bar 46. Purging goes by the end; say the last bar that
# the value reads, or read no more than that
# refused: KFold(n_splits=5, random_state=0, shuffle=True) is no scheme: it has no folds(start, end, n_bars), so
# that it cannot know which bars a label reads, as scikit-learn's splitters cannot; take WalkForward(…),
# PurgedKFold(…) or CombinatorialPurgedCV(…)
# purged: accuracy 0.51
# honest: accuracy 0.44
