"""Support vector regression: a smooth function of the features that ignores small errors and is linear in large ones.

Source: Alex Smola and Bernhard Schölkopf, "A Tutorial on Support Vector Regression", Statistics and Computing 14
(2004), 199-222; for financial series Lijuan Cao and Francis Tay, "Support Vector Machine with Adaptive Parameters in
Financial Time Series Forecasting", IEEE Transactions on Neural Networks 14 (2003), 1506-1518.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.svm import SVR
from sklearn.utils import check_random_state

from strategies.models._arrays import check_fitted, moments, one_thread, read_fit, read_inputs


class SVM(SVR):
    """scikit-learn's support vector regression, on standardised inputs and labels.

    Its time grows with the square of the samples and more, so at most `max_samples` of them, drawn at random, are
    learnt from.

    Parameters
    ----------
    kernel : {"rbf", "linear", "poly", "sigmoid"}
        What makes two samples alike.
    C : float
        How much an error counts against smoothness; small, as noisy labels need.
    epsilon : float
        Errors below it, in deviations of the label, do not count.
    gamma : float, "scale" or "auto"
        How near samples must be to matter to each other: "rbf" counts one at a distance of d deviations with
        exp(−gamma·d²). Small is smooth. "scale" and "auto" are 1/n_features here, inputs being standardised.
    max_samples : int or None
        How many samples are learnt from; None is all.
    random_state : int, optional
        Seed of the drawing.
    """

    def __init__(
        self,
        *,
        kernel: str = "rbf",
        C: float = 0.05,
        epsilon: float = 0.1,
        gamma: Any = 0.02,
        max_samples: int | None = 2000,
        random_state: Any = None,
    ):
        super().__init__(kernel=kernel, C=C, epsilon=epsilon, gamma=gamma)
        self.max_samples = max_samples
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> SVM:
        """Fit the model.

        Parameters
        ----------
        X : ndarray, shape (n, n_features)
        y : ndarray, shape (n,)
        sample_weight : ndarray, shape (n,), optional

        Raises
        ------
        ModelError
            If a shape is wrong, or a value not finite.
        """
        X, y, weight = read_fit(self, X, y, sample_weight)
        if self.max_samples is not None and len(X) > self.max_samples:
            drawn = np.sort(check_random_state(self.random_state).choice(len(X), self.max_samples, replace=False))
            X, y, weight = X[drawn], y[drawn], None if weight is None else weight[drawn]
        self.input_mean_, self.input_scale_ = moments(X)
        self.label_mean_, self.label_scale_ = float(y.mean()), float(y.std()) or 1.0
        with one_thread():
            super().fit((X - self.input_mean_) / self.input_scale_, (y - self.label_mean_) / self.label_scale_, weight)
        return self

    def predict(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the forecasts, float64 [n]."""
        check_fitted(self, "input_mean_")
        X = read_inputs(self, X, "predict")
        return super().predict((X - self.input_mean_) / self.input_scale_) * self.label_scale_ + self.label_mean_
