"""No row that is tested lies in the span of a label that was learnt: through the whole pipeline, searches included.

The model is a spy: it is told the spans of its samples, and sees in its first feature which row each one is.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, RegressorMixin

from backtester import Bars
from backtester.errors import ModelError, SplitError
from backtester.signals import (
    CombinatorialPurgedCV,
    Features,
    Function,
    Label,
    PurgedKFold,
    Search,
    Select,
    WalkForward,
    predict_out_of_sample,
)

DAY = 86_400_000_000_000
N_BARS = 70
TOO_FEW = ("nothing to train on", "are too few", "are the fewest", "no bar of", "there are no samples", "NaN for all")


def row(bars):
    """The number of the row."""
    return np.where(np.isnan(bars.close), np.nan, np.arange(float(bars.n_bars))[:, np.newaxis])


def noise(bars):
    """Something else to learn from."""
    return bars.close % 1.0


class Spy(RegressorMixin, BaseEstimator):
    """Remembers which rows its samples read, and compares them with those it is asked about."""

    takes_samples: ClassVar[bool] = True
    asked: ClassVar[list[int]] = []
    wrong: ClassVar[list[str]] = []

    def __init__(self, bias=0.0):
        self.bias = bias

    def fit(self, X, y, sample_weight=None, *, samples):
        self.read_ = np.zeros(N_BARS, bool)
        for begin, end in zip(samples.row, samples.end, strict=True):
            self.read_[begin : end + 1] = True
        if X.shape[1] == 2 and not np.array_equal(X[:, 0], samples.row):
            type(self).wrong.append("X and samples are of different rows")
        return self

    def predict(self, X):
        if X.shape[1] == 2:  # a selection may have left the first feature out
            rows = X[:, 0].astype(int)
            type(self).asked += rows.tolist()
            if self.read_[rows].any():
                at = rows[self.read_[rows]][0]
                type(self).wrong.append(f"row {at} is tested, and a label that was learnt reads it")
        return self.bias + X[:, -1]


@st.composite
def problems(draw):
    """Return bars with gaps, and a label with random ends and gaps of its own."""
    n_assets = draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (N_BARS, n_assets)
    close = rng.uniform(50.0, 60.0, shape)
    close[rng.random(shape) < draw(st.sampled_from([0.0, 0.2]))] = np.nan
    bars = Bars.from_arrays(DAY * np.arange(1, N_BARS + 1), *[close] * 4, np.where(np.isnan(close), np.nan, 1.0))
    end = np.arange(N_BARS)[:, np.newaxis] + rng.integers(0, draw(st.integers(1, 12)) + 1, shape)
    values = np.where((end < N_BARS) & (rng.random(shape) > 0.1), rng.normal(size=shape), np.nan)
    return bars, Label.from_arrays(bars, values, np.minimum(end, N_BARS - 1), name="random ends")


schemes = st.one_of(
    st.builds(
        WalkForward,
        st.integers(15, 35),
        st.integers(1, 20),
        st.none() | st.integers(1, 25),
        anchored=st.booleans(),
        purge=st.integers(0, 3),
        embargo=st.integers(0, 4),
    ),
    st.builds(PurgedKFold, st.integers(2, 5), purge=st.integers(0, 3), embargo=st.integers(0, 4)),
    st.builds(CombinatorialPurgedCV, st.integers(3, 5), st.just(2), purge=st.integers(0, 3), embargo=st.integers(0, 4)),
)
#: what is done inside a fold, on inner folds of its own
insides = st.sampled_from(
    [
        {},
        {"weights": "uniqueness"},
        {"search": Search({"bias": [0.0, 1.0]}, metric="mse")},
        {"search": Search({"bias": [0.0, 1.0]}, metric="mse", inner=WalkForward(8, 6))},
    ]
)


def predicted(bars, label, scheme, **inside):
    """Let the spy predict, and return the signal, or None where too little is left to learn from."""
    Spy.asked, Spy.wrong = [], []
    features = Features([Function(row), Function(noise)])
    try:
        return predict_out_of_sample(Spy(), features, label, bars, scheme, scaler=None, workers=1, **inside)
    except (SplitError, ModelError) as error:
        if not any(words in str(error) for words in TOO_FEW):
            raise
        return None


@settings(deadline=None, max_examples=120)
@given(problems(), schemes, insides)
def test_no_row_that_is_tested_lies_in_the_span_of_a_label_that_was_learnt(problem, scheme, inside):
    signal = predicted(*problem, scheme, **inside)
    assert not Spy.wrong
    if signal is not None:
        assert set(np.flatnonzero(signal.tested).tolist()) <= set(Spy.asked)
        assert signal.known_in_time or scheme.knows_the_future


@settings(deadline=None, max_examples=20)
@given(problems())
def test_the_slice_that_a_selection_judges_on_is_purged_too(problem):
    predicted(*problem, WalkForward(50, 20), select=Select("permutation", 1))
    assert not Spy.wrong
