"""Many small trees, each fitted to what those before it got wrong.

LightGBM grows them where it is installed, else scikit-learn's histogram boosting, which is modelled on it.

Source: Jerome Friedman, "Greedy Function Approximation: A Gradient Boosting Machine", Annals of Statistics 29 (2001),
1189-1232; Guolin Ke et al., "LightGBM: A Highly Efficient Gradient Boosting Decision Tree", Advances in Neural
Information Processing Systems 30 (2017).
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn import ensemble
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state

from backtester.errors import ModelError, did_you_mean
from strategies.models._arrays import check_fitted, one_thread, read_fit, read_inputs

LIBRARIES = ("lightgbm", "scikit-learn")


class _Boosting(BaseEstimator):
    """What boosting of numbers and of classes have in common."""

    def __init__(
        self,
        *,
        n_estimators: int = 150,
        learning_rate: float = 0.03,
        max_leaf_nodes: int = 4,
        min_samples_leaf: int = 50,
        l2_regularization: float = 1.0,
        library: str = "auto",
        random_state: Any = None,
    ):
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.max_leaf_nodes = max_leaf_nodes
        self.min_samples_leaf = min_samples_leaf
        self.l2_regularization = l2_regularization
        self.library = library
        self.random_state = random_state

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        """Return the settings, and the library that grew the trees, or would."""
        return f"{super().__repr__(N_CHAR_MAX)} by {getattr(self, 'library_', None) or self._chosen()}"

    def booster_text(self) -> str:
        """Return the fitted trees in LightGBM's own text format.

        Raises
        ------
        ModelError
            If the model is not fitted, or scikit-learn grew the trees.
        """
        check_fitted(self, "estimator_")
        if self.library_ != "lightgbm":
            name = type(self).__name__
            raise ModelError(f"{name}.booster_text: scikit-learn grew these trees; only LightGBM's have a text format")
        return self.estimator_.model_to_string()

    def load_booster_text(self, text: str, *, classes: Any = None) -> Any:
        """Take trees that `booster_text` gave.

        Parameters
        ----------
        text : str
            In LightGBM's format.
        classes : array_like, optional
            `classes_` of a classifier; a regressor has none.

        Raises
        ------
        ModelError
            If LightGBM is not installed, the text is none of its models, or classes are missing or do not fit.
        """
        name = type(self).__name__
        booster = _lightgbm(name).basic
        wanted = hasattr(self, "predict_proba")
        if wanted != (classes is not None):
            raise ModelError(f"{name}.load_booster_text: {'classes must' if wanted else 'no classes can'} be given")
        if not text.startswith("tree\n") or "\nend of trees\n" not in text:  # LightGBM itself takes half a file
            raise ModelError(f"{name}.load_booster_text: this is no text of LightGBM, or a part of one: {text[:40]!r}")
        try:
            trees = booster.Booster(model_str=text)
        except booster.LightGBMError as error:
            raise ModelError(f"{name}.load_booster_text: LightGBM cannot read the text: {error}") from error
        if wanted:
            self.classes_ = np.asarray(classes)
            columns = 1 if len(self.classes_) == 2 else len(self.classes_)
            if trees.num_model_per_iteration() != columns:
                raise ModelError(
                    f"{name}.load_booster_text: the trees are of {trees.num_model_per_iteration()} outputs, and there "
                    f"are {len(self.classes_)} classes"
                )
        self.library_, self.estimator_, self.n_features_in_ = "lightgbm", trees, trees.num_feature()
        return self

    def _chosen(self) -> str:
        if self.library == "auto":
            return "lightgbm" if find_spec("lightgbm") is not None else "scikit-learn"
        if self.library not in LIBRARIES:
            raise ModelError(
                f"{type(self).__name__}: library is {self.library!r}{did_you_mean(str(self.library), LIBRARIES)}; "
                f"'auto' or one of {LIBRARIES}"
            )
        return self.library

    def _grow(self, X: npt.NDArray[Any], y: Any, weight: Any, objective: dict[str, Any], kind: Any) -> None:
        """Fit with the chosen library: LightGBM with an objective, or scikit-learn with a class of its."""
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        self.library_ = self._chosen()
        self.n_features_in_ = X.shape[1]
        if self.library_ == "scikit-learn":
            self.estimator_ = kind(
                max_iter=self.n_estimators,
                learning_rate=self.learning_rate,
                max_leaf_nodes=self.max_leaf_nodes,
                min_samples_leaf=self.min_samples_leaf,
                l2_regularization=self.l2_regularization,
                early_stopping=False,
                random_state=seed,
            )
            with one_thread():
                self.estimator_.fit(X, y, weight)
            return
        lightgbm = _lightgbm(type(self).__name__)
        settings = {
            **objective,
            "learning_rate": self.learning_rate,
            "num_leaves": self.max_leaf_nodes,
            "min_data_in_leaf": self.min_samples_leaf,
            "lambda_l2": self.l2_regularization,
            "seed": seed,
            "deterministic": True,
            "force_col_wise": True,
            "num_threads": 1,
            "verbosity": -1,
        }
        self.estimator_ = lightgbm.train(settings, lightgbm.Dataset(X, y, weight=weight), self.n_estimators)


class GradientBoosting(RegressorMixin, _Boosting):
    """Gradient boosting of small trees on squared errors.

    Parameters
    ----------
    n_estimators : int
        Trees. Few, small and taken in small steps, as noisy labels need; where there is more to find, raise them first.
    learning_rate : float
        How much of each is taken.
    max_leaf_nodes : int
        Leaves of a tree at most.
    min_samples_leaf : int
        Samples of a leaf at least.
    l2_regularization : float
        Added to the samples of a leaf in its mean.
    library : {"auto", "lightgbm", "scikit-learn"}
        Who grows the trees; "auto" is LightGBM where it is installed. `repr` and `library_` say which it was.
    random_state : int, optional
        Seed. Trees of these settings draw nothing in LightGBM; scikit-learn draws the samples that bins are made from
        where there are more than 200,000.

    Attributes
    ----------
    library_ : str
        Who grew the trees.
    estimator_ : lightgbm.Booster or HistGradientBoostingRegressor
        The trees.
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> GradientBoosting:
        """Grow the trees.

        Parameters
        ----------
        X : ndarray, shape (n, n_features)
        y : ndarray, shape (n,)
        sample_weight : ndarray, shape (n,), optional

        Raises
        ------
        ModelError
            If a shape or the library is wrong, or a value not finite.
        """
        X, y, weight = read_fit(self, X, y, sample_weight)
        self._grow(X, y, weight, {"objective": "regression"}, ensemble.HistGradientBoostingRegressor)
        return self

    def predict(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the forecasts, float64 [n]."""
        check_fitted(self, "estimator_")
        X = read_inputs(self, X, "predict")
        return np.asarray(self.estimator_.predict(X), dtype=np.float64) if len(X) else np.empty(0)


class GradientBoostingClassifier(ClassifierMixin, _Boosting):
    """Gradient boosting of small trees on the log loss of classes.

    Parameters
    ----------
    n_estimators, learning_rate, max_leaf_nodes, min_samples_leaf, l2_regularization, library, random_state
        See `GradientBoosting`.

    Attributes
    ----------
    classes_ : ndarray
        The classes, sorted, in the order of the probabilities.
    library_, estimator_
        See `GradientBoosting`.
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> GradientBoostingClassifier:
        """Grow the trees.

        Parameters
        ----------
        X : ndarray, shape (n, n_features)
        y : ndarray, shape (n,)
            Classes, as numbers.
        sample_weight : ndarray, shape (n,), optional

        Raises
        ------
        ModelError
            If a shape or the library is wrong, a value not finite, or there is one class alone.
        """
        X, y, weight = read_fit(self, X, y, sample_weight)
        self.classes_, codes = np.unique(y, return_inverse=True)
        n = len(self.classes_)
        if n < 2:
            raise ModelError(f"{type(self).__name__}.fit: all labels are {self.classes_[0]}; two classes are needed")
        objective = {"objective": "binary"} if n == 2 else {"objective": "multiclass", "num_class": n}
        self._grow(X, codes, weight, objective, ensemble.HistGradientBoostingClassifier)
        return self

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the probabilities of `classes_`, float64 [n, n_classes]."""
        check_fitted(self, "estimator_")
        X = read_inputs(self, X, "predict_proba")
        if not len(X):
            return np.empty((0, len(self.classes_)))
        if self.library_ == "scikit-learn":
            return self.estimator_.predict_proba(X)
        found = np.asarray(self.estimator_.predict(X), dtype=np.float64)
        return found if found.ndim == 2 else np.column_stack([1.0 - found, found])

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return the most probable class of each sample [n]."""
        return self.classes_[np.argmax(self.predict_proba(X), axis=1)]


def _lightgbm(model: str) -> Any:
    try:
        import lightgbm
    except ModuleNotFoundError as error:
        raise ModelError(
            f"{model}: lightgbm is not installed; pip install 'backtester[lightgbm]', or library='scikit-learn'"
        ) from error
    return lightgbm
