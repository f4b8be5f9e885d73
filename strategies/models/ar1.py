"""The next return as a straight line through the last: the autoregression of order one, as a baseline.

r_{t+1} = c + φ r_t + ε. On one feature, the last return, ordinary least squares of all assets together; what a model
with many features adds is what it earns beyond this.

Source: George Box, Gwilym Jenkins, "Time Series Analysis: Forecasting and Control" (1970), chapter 3; for returns John
Campbell, Andrew Lo and Craig MacKinlay, "The Econometrics of Financial Markets" (1997), chapter 2.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, RegressorMixin

from backtester.errors import ModelError
from strategies.models._arrays import check_fitted, read_fit, read_inputs, read_state


class AR1(RegressorMixin, BaseEstimator):
    """Say c + φ·(last return), fitted by least squares.

    Parameters
    ----------
    feature : int
        The column that holds the last return, such as `log_return(1)`. The others are not looked at.

    Attributes
    ----------
    phi_, constant_ : float
        φ and c. φ is 0 where the feature is constant.
    """

    def __init__(self, *, feature: int = 0):
        self.feature = feature

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> AR1:
        """Fit the line.

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
        if not 0 <= self.feature < X.shape[1]:
            raise ModelError(f"AR1: feature is {self.feature!r}, and there are {X.shape[1]}, from 0")
        x = X[:, self.feature].astype(np.float64)
        x_mean, y_mean = np.average(x, weights=weight), np.average(y, weights=weight)
        apart = x - x_mean
        variance = np.average(apart * apart, weights=weight)
        constant = variance <= (1e-9 * x_mean) ** 2  # but for rounding
        self.n_features_in_ = X.shape[1]
        self.phi_ = 0.0 if constant else float(np.average(apart * (y - y_mean), weights=weight) / variance)
        self.constant_ = float(y_mean - self.phi_ * x_mean)
        return self

    def predict(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the forecasts, float64 [n]."""
        check_fitted(self, "n_features_in_")
        X = read_inputs(self, X, "predict")
        return self.constant_ + self.phi_ * X[:, self.feature].astype(np.float64)

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return what was learnt, as arrays."""
        check_fitted(self, "n_features_in_")
        return {
            "phi": np.array(self.phi_),
            "constant": np.array(self.constant_),
            "n_features": np.array(self.n_features_in_),
        }

    def load_state(self, arrays: Any) -> AR1:
        """Take what `state` of a model with the same settings gave."""
        found = read_state(self, arrays, ("phi", "constant", "n_features"))
        self.phi_, self.constant_ = float(found["phi"]), float(found["constant"])
        self.n_features_in_ = int(found["n_features"])
        return self
