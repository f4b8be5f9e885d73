"""Linear regression whose coefficients are shrunk towards 0: the first model to try on many correlated features.

Source: Arthur Hoerl and Robert Kennard, "Ridge Regression: Biased Estimation for Nonorthogonal Problems", Technometrics
12 (1970), 55-67.
"""

from __future__ import annotations

from sklearn import linear_model

from strategies.models._arrays import OnStandardised


class Ridge(OnStandardised, linear_model.Ridge):
    """scikit-learn's ridge regression, fitted on standardised inputs.

    It minimises Σ w (y − ŷ)² + alpha·Σ β², β being the coefficients of inputs of mean 0 and deviation 1.

    Parameters
    ----------
    alpha : float
        The penalty, in samples: an uncorrelated feature keeps n/(n + alpha) of what n samples say. 100 takes 28 % of
        a year of daily bars of one asset, and next to nothing of a panel of hundreds.

    Attributes
    ----------
    coef_, intercept_ : ndarray, float
        Of the inputs as they are.
    """

    def __init__(self, *, alpha: float = 100.0):
        super().__init__(alpha=alpha, solver="cholesky", copy_X=False)
