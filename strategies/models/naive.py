"""The forecasts that a model has to beat: nothing, the mean so far, or what one feature says.

Source: Ivo Welch and Amit Goyal, "A Comprehensive Look at the Empirical Performance of Equity Premium Prediction",
Review of Financial Studies 21 (2008), 1455-1508: few predictors beat the historical mean out of sample. The last value
is the forecast of a random walk: Rob Hyndman and George Athanasopoulos, "Forecasting: Principles and Practice", 3rd
edition (2021), section 5.2.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, RegressorMixin

from backtester.errors import ModelError, did_you_mean
from strategies.models._arrays import check_fitted, read_fit, read_inputs, read_state

KINDS = ("mean", "zero", "feature")


class Naive(RegressorMixin, BaseEstimator):
    """Say the mean of the training labels, nothing, or the value of one feature.

    Parameters
    ----------
    kind : {"mean", "zero", "feature"}
        "mean": the (weighted) mean of the training labels, for every sample. "zero": 0. "feature": the feature as it
        is; with the last return that is the forecast of persistence.
    feature : int
        The column that kind="feature" says.

    Attributes
    ----------
    mean_ : float
        Of the training labels.
    """

    def __init__(self, *, kind: str = "mean", feature: int = 0):
        self.kind = kind
        self.feature = feature

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Naive:
        """Take the mean of the labels.

        Parameters
        ----------
        X : ndarray, shape (n, n_features)
        y : ndarray, shape (n,)
        sample_weight : ndarray, shape (n,), optional

        Raises
        ------
        ModelError
            If a shape or a setting is wrong, or a value not finite.
        """
        X, y, weight = read_fit(self, X, y, sample_weight)
        if self.kind not in KINDS:
            raise ModelError(f"Naive: kind is {self.kind!r}{did_you_mean(str(self.kind), KINDS)}; one of {KINDS}")
        if not 0 <= self.feature < X.shape[1]:
            raise ModelError(f"Naive: feature is {self.feature!r}, and there are {X.shape[1]}, from 0")
        self.n_features_in_ = X.shape[1]
        self.mean_ = float(np.average(y, weights=weight))
        return self

    def predict(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the forecasts, float64 [n]."""
        check_fitted(self, "n_features_in_")
        X = read_inputs(self, X, "predict")
        if self.kind == "feature":
            return X[:, self.feature].astype(np.float64)
        return np.full(len(X), self.mean_ if self.kind == "mean" else 0.0)

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return what was learnt, as arrays."""
        check_fitted(self, "n_features_in_")
        return {"mean": np.array(self.mean_), "n_features": np.array(self.n_features_in_)}

    def load_state(self, arrays: Any) -> Naive:
        """Take what `state` of a model with the same settings gave."""
        found = read_state(self, arrays, ("mean", "n_features"))
        self.mean_, self.n_features_in_ = float(found["mean"]), int(found["n_features"])
        return self
