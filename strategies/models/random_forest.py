"""The mean of many trees, each grown on a drawing of the samples, each split chosen among a few features.

Source: Leo Breiman, "Random Forests", Machine Learning 45 (2001), 5-32; for returns Shihao Gu, Bryan Kelly and Dacheng
Xiu, "Empirical Asset Pricing via Machine Learning", Review of Financial Studies 33 (2020), 2223-2273, who find that
shallow trees suffice.
"""

from __future__ import annotations

from typing import Any

from sklearn import ensemble


class RandomForest(ensemble.RandomForestRegressor):
    """scikit-learn's random forest, of shallow trees with large leaves, as noisy labels need.

    Parameters
    ----------
    n_estimators : int
        Trees.
    max_depth : int or None
        Of a tree.
    min_samples_leaf : int or float
        Samples of a leaf at least; below 1 a fraction of all.
    max_features : float or int
        Features that a split chooses from; a float is a fraction of all.
    max_samples : float, int or None
        Samples that a tree draws; None is as many as there are.
    random_state : int, optional
        Seed of the drawings.
    """

    def __init__(
        self,
        *,
        n_estimators: int = 100,
        max_depth: int | None = 6,
        min_samples_leaf: float = 20,
        max_features: float = 0.34,
        max_samples: float | None = 0.3,
        random_state: Any = None,
    ):
        super().__init__(
            n_estimators=n_estimators,
            max_depth=max_depth,
            min_samples_leaf=min_samples_leaf,
            max_features=max_features,
            max_samples=max_samples,
            random_state=random_state,
        )


class RandomForestClassifier(ensemble.RandomForestClassifier):
    """scikit-learn's random forest of classes, with the settings and defaults of `RandomForest`.

    Parameters
    ----------
    n_estimators, max_depth, min_samples_leaf, max_features, max_samples, random_state
        See `RandomForest`.
    """

    def __init__(
        self,
        *,
        n_estimators: int = 100,
        max_depth: int | None = 6,
        min_samples_leaf: float = 20,
        max_features: float = 0.34,
        max_samples: float | None = 0.3,
        random_state: Any = None,
    ):
        super().__init__(
            n_estimators=n_estimators,
            max_depth=max_depth,
            min_samples_leaf=min_samples_leaf,
            max_features=max_features,
            max_samples=max_samples,
            random_state=random_state,
        )
