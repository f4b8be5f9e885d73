"""Logistic regression: the probability of each class, from a weighted sum of the features.

Source: David Cox, "The Regression Analysis of Binary Sequences", Journal of the Royal Statistical Society B 20 (1958),
215-242; for the direction of prices Mark Leung, Hazem Daouk and An-Sing Chen, "Forecasting Stock Indices: A Comparison
of Classification and Level Estimation Models", International Journal of Forecasting 16 (2000), 173-190.
"""

from __future__ import annotations

from sklearn import linear_model

from strategies.models._arrays import OnStandardised


class Logistic(OnStandardised, linear_model.LogisticRegression):
    """scikit-learn's logistic regression with a ridge penalty, fitted on standardised inputs.

    Several classes are fitted together (softmax).

    Parameters
    ----------
    C : float
        The inverse of the penalty: smaller shrinks more. 0.01 shrinks as `Ridge` does with alpha=100.
    max_iter : int
        Steps of L-BFGS.

    Attributes
    ----------
    coef_, intercept_ : ndarray
        Of the inputs as they are.
    classes_ : ndarray
        The classes, sorted, in the order of the probabilities.
    """

    def __init__(self, *, C: float = 0.01, max_iter: int = 200):
        super().__init__(C=C, max_iter=max_iter)
