"""Models for the tests of fitting, which keep what they are given, and data to give them."""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

from backtester import Bars
from backtester.signals import Features, Function

DAY = 86_400_000_000_000


def random_bars(n_bars=120, n_assets=2, seed=3):
    """Return daily bars of random walks without gaps."""
    rng = np.random.default_rng(seed)
    close = 50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, (n_bars, n_assets)), axis=0))
    open_ = close * np.exp(rng.normal(0.0, 0.005, close.shape))
    high, low = np.maximum(open_, close) * 1.01, np.minimum(open_, close) * 0.99
    stamps = DAY * np.arange(1, n_bars + 1)
    return Bars.from_arrays(stamps, open_, high, low, close, np.full(close.shape, 1e6))


def ratio(bars):
    """The close over the open."""
    return bars.close / bars.open


def spread(bars):
    """The high less the low, over the close; 3 bars late, so that the panel has a start."""
    values = (bars.high - bars.low) / bars.close
    values[:3] = np.nan
    return values


def features():
    return Features([Function(ratio), Function(spread)])


class Spy(BaseEstimator):
    """Predicts the mean of what it learnt, and keeps every call in `calls`."""

    calls: list = []  # noqa: RUF012

    def __init__(self, random_state=None, bias=0.0):
        self.random_state = random_state
        self.bias = bias

    def fit(self, X, y, sample_weight=None):
        self.mean_ = float(np.mean(y))
        type(self).calls.append({"X": X, "y": y, "weight": sample_weight, "seed": self.random_state, "bias": self.bias})
        return self

    def predict(self, X):
        type(self).calls.append({"asked": X})
        return np.full(len(X), self.mean_ + self.bias)


class Window(Spy):
    """Sees three bars; says the last value of the first feature."""

    lookback = 3
    takes_samples = True

    def fit(self, X, y, sample_weight=None, *, samples):
        super().fit(X, y, sample_weight)
        type(self).calls[-1]["samples"] = samples
        return self

    def predict(self, X):
        return X[:, -1, 0]


class Sometimes(Spy):
    """Fails in the way it is told where it has more samples than `limit`."""

    def __init__(self, limit=0, how="raise", random_state=None):
        self.limit = limit
        self.how = how
        self.random_state = random_state

    def fit(self, X, y, sample_weight=None):
        self.large_ = len(X) > self.limit
        if self.large_ and self.how == "raise":
            raise FloatingPointError("it blew up")
        return self

    def predict(self, X):
        said = np.zeros(len(X))
        if self.large_ and self.how == "length":
            return said[:-1]
        if self.large_ and self.how == "nan":
            said[1] = np.nan
        return said


class Shares(ClassifierMixin, BaseEstimator):
    """Gives every sample the shares of the classes it learnt."""

    def fit(self, X, y):
        self.classes_, counts = np.unique(y, return_counts=True)
        self.shares_ = counts / len(y)
        return self

    def predict_proba(self, X):
        return np.tile(self.shares_, (len(X), 1))
