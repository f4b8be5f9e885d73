"""Selection: which features a model gets, chosen on its training rows alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from backtester.errors import SettingsError, did_you_mean
from backtester.signals.fitting.protocol import fresh, is_classifier, speak, teach
from backtester.signals.fitting.samples import Samples

Floats = npt.NDArray[np.float64]
Method = Literal["mutual_information", "permutation", "l1"]
METHODS = ("mutual_information", "permutation", "l1")

_TRAIN_SHARE = 0.7  # of the bars, for the model whose columns are permuted on the rest
_REPEATS = 3  # permutations of each column


@dataclass(frozen=True)
class Select:
    """Keep the features that say most about the label; chosen anew in every fold, on its training rows.

    Parameters
    ----------
    method : {"mutual_information", "permutation", "l1"}
        - `"mutual_information"`: of each feature alone with the label (Kraskov et al. 2004; scikit-learn's estimator).
        - `"permutation"`: how much worse a model fitted on the first 70 % of the training bars is on the others when a
          feature is shuffled among them (Breiman 2001), three times; nothing of the test is seen.
        - `"l1"`: the order in which features enter the lasso path (Efron et al. 2004).
    keep : int
        How many, 1 or more.
    rows : int
        Most samples that are looked at; more are thinned out evenly in time.

    Raises
    ------
    SettingsError
        If the method is unknown, or a number is no int above 0.
    """

    method: Method = "mutual_information"
    keep: int = 10
    rows: int = 20_000

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            hint = did_you_mean(str(self.method), METHODS)
            raise SettingsError(f"Select: method is {self.method!r}{hint}; it is one of {', '.join(METHODS)}")
        for name, least in (("keep", 1), ("rows", 10)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise SettingsError(f"Select: {name} is {value!r}; it is an int, {least} or more")

    def choose(
        self, x: npt.NDArray[Any], y: Floats, samples: Samples, model: Any, classes: tuple[int, ...], seed: int
    ) -> npt.NDArray[np.int64]:
        """Return the columns to keep, increasing.

        Parameters
        ----------
        x : ndarray, [n, n_features] or [n, lookback, n_features]
            Scaled; of a window the last bar counts, but for `"permutation"`.
        y : ndarray of float64, [n]
        samples : Samples
        model : object
            Unfitted, for `"permutation"`.
        classes : tuple of int
        seed : int
        """
        width = x.shape[-1]
        if self.keep >= width:
            return np.arange(width)
        if self.method == "permutation":
            scores = permutation_scores(fresh(model, seed), x, y, samples, classes, seed, self.rows)
        else:
            at = np.unique(np.linspace(0, len(x) - 1, min(len(x), self.rows)).astype(np.int64))
            last = np.asarray(x[at] if x.ndim == 2 else x[at, -1], np.float64)
            scores = (_mutual if self.method == "mutual_information" else _lasso_order)(last, y[at], classes, seed)
        order = np.argsort(-scores, kind="stable")[: self.keep]
        return np.sort(order).astype(np.int64)

    def spec(self) -> dict[str, Any]:
        """Return the settings, as values that JSON can hold."""
        return {"method": self.method, "keep": self.keep, "rows": self.rows}


def permutation_scores(
    model: Any,
    x: npt.NDArray[Any],
    y: Floats,
    samples: Samples,
    classes: tuple[int, ...],
    seed: int,
    rows: int,
) -> Floats:
    """Return how much the squared error on later training bars grows when each feature is shuffled: [n_features]."""
    first, later = samples.before(_TRAIN_SHARE)
    fitted = teach(model, x[first], y[first], None, samples.part(first))
    found = np.flatnonzero(later)
    at = found[np.unique(np.linspace(0, len(found) - 1, min(len(found), rows)).astype(np.int64))]
    return shuffled_losses(fitted, x[at], y[at], classes, np.random.default_rng(seed), _REPEATS).mean(axis=1)


def shuffled_losses(
    model: Any, x: npt.NDArray[Any], y: Floats, classes: tuple[int, ...], rng: np.random.Generator, repeats: int
) -> Floats:
    """Return by how much the loss of a fitted model grows when a feature is shuffled: [n_features, repeats].

    The loss is the mean squared error, or of a classifier with probabilities the Brier score over all classes.
    """
    target = y[:, np.newaxis] == np.array(classes) if classes and is_classifier(model) else y

    def loss(seen: npt.NDArray[Any]) -> float:
        values, probabilities = speak(model, seen, classes)
        if probabilities is None:
            return float(np.mean(np.square(values - y)))
        return float(np.mean(np.sum(np.square(probabilities - target), axis=1)))

    before = loss(x)
    grown = np.empty((x.shape[-1], repeats))
    for j in range(x.shape[-1]):
        changed = x.copy()
        for k in range(repeats):
            changed[..., j] = x[rng.permutation(len(x))][..., j]
            grown[j, k] = loss(changed) - before
    return grown


def _mutual(x: Floats, y: Floats, classes: tuple[int, ...], seed: int) -> Floats:
    from sklearn.feature_selection import mutual_info_classif, mutual_info_regression

    if classes:
        return np.asarray(mutual_info_classif(x, y.astype(np.int64), random_state=seed))
    return np.asarray(mutual_info_regression(x, y, random_state=seed))


def _lasso_order(x: Floats, y: Floats, classes: tuple[int, ...], seed: int) -> Floats:
    """Return a score that falls with the place at which a feature enters the lasso path; 0 for those that never do."""
    from sklearn.linear_model import lars_path

    spread = x.std(axis=0)
    centred = (x - x.mean(axis=0)) / np.where(spread > 0.0, spread, 1.0)
    _, active, _ = lars_path(centred, y - y.mean(), method="lasso")
    scores = np.zeros(x.shape[1])
    scores[np.asarray(active, np.int64)] = 1.0 / np.arange(1, len(active) + 1)
    return scores
