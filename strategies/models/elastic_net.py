"""Linear regression that drops features: shrunk towards 0, and set to 0 where a feature says too little.

Source: Hui Zou and Trevor Hastie, "Regularization and Variable Selection via the Elastic Net", Journal of the Royal
Statistical Society B 67 (2005), 301-320.
"""

from __future__ import annotations

from typing import Any

from sklearn import linear_model

from strategies.models._arrays import OnStandardised, read_fit


class ElasticNet(OnStandardised, linear_model.ElasticNet):
    """scikit-learn's elastic net, fitted on standardised inputs and labels of deviation 1.

    It minimises Σ w (y − ŷ)²/(2 Σ w) + alpha·(l1_ratio·Σ |β| + (1 − l1_ratio)·Σ β²/2), so that alpha is in units of
    correlation, whatever the labels are measured in: of uncorrelated features those with a correlation to the label
    below alpha·l1_ratio are dropped.

    Parameters
    ----------
    alpha : float
        The penalty; 0.01 with l1_ratio 0.5 drops correlations below 0.005.
    l1_ratio : float
        How much of it selects (1: lasso) and how much shrinks (towards 0: ridge).
    max_iter : int
        Rounds of coordinate descent.

    Attributes
    ----------
    coef_, intercept_ : ndarray, float
        Of inputs and labels as they are.
    """

    def __init__(self, *, alpha: float = 0.01, l1_ratio: float = 0.5, max_iter: int = 1000):
        # rounds go through the features in their order, yet the library draws a seed: let it not be NumPy's global one
        super().__init__(alpha=alpha, l1_ratio=l1_ratio, max_iter=max_iter, copy_X=False, random_state=0)

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> ElasticNet:
        """Fit the model; see `OnStandardised.fit`."""
        X, y, sample_weight = read_fit(self, X, y, sample_weight)
        scale = y.std() or 1.0
        super().fit(X, y / scale, sample_weight)
        self.coef_, self.intercept_ = self.coef_ * scale, self.intercept_ * scale
        return self
