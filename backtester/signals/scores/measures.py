"""Measures: one number for how well predictions agree with what happened.

Each is a function of `Predictions`, entered in the table `MEASURES` under its name. One that is not defined for what it
is given (no sample, one class alone, a constant signal) is NaN, never 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any

import numpy as np
import numpy.typing as npt

from backtester.errors import SettingsError, did_you_mean

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_CALIBRATION_BINS = 10
_NEEDS = {"return": "a label of returns", "class": "a label of classes", "probabilities": "a model with probabilities"}


@dataclass(frozen=True)
class Predictions:
    """What was predicted and what happened, sample by sample; nothing is NaN.

    Attributes
    ----------
    values : ndarray of float64, [n]
        The signal.
    actual : ndarray of float64, [n]
        The label.
    probabilities : ndarray of float64, [n, n_classes], or None
    classes : tuple of float
        Increasing; empty for labels of returns.
    baseline : ndarray of float64, [n], or None
        What one would have said without a model: the mean of the training labels of the sample's fold.
    """

    values: Floats
    actual: Floats
    probabilities: Floats | None = None
    classes: Sequence[float] = ()
    baseline: Floats | None = None

    def __len__(self) -> int:
        return len(self.actual)

    def part(self, chosen: Any) -> Predictions:
        """Return the samples that a mask or positions pick."""
        return Predictions(
            self.values[chosen],
            self.actual[chosen],
            None if self.probabilities is None else self.probabilities[chosen],
            self.classes,
            None if self.baseline is None else self.baseline[chosen],
        )

    @classmethod
    def joined(cls, parts: Sequence[Predictions]) -> Predictions:
        """Return parts of the same kind, one after the other."""
        first = parts[0]
        return cls(
            np.concatenate([part.values for part in parts]),
            np.concatenate([part.actual for part in parts]),
            _joined([part.probabilities for part in parts]),
            first.classes,
            _joined([part.baseline for part in parts]),
        )

    @property
    def happened(self) -> Ints:
        """The place in `classes` of what happened: int64 [n]."""
        return np.searchsorted(np.asarray(self.classes, np.float64), self.actual)

    @property
    def called(self) -> Ints:
        """The place in `classes` of what was predicted: the most probable class, else the one nearest to the signal."""
        if self.probabilities is not None:
            return np.asarray(self.probabilities.argmax(axis=1), np.int64)
        known = np.asarray(self.classes, np.float64)
        return np.asarray(np.searchsorted((known[1:] + known[:-1]) / 2.0, self.values), np.int64)


def _joined(arrays: list[Any]) -> Any:
    return None if any(one is None for one in arrays) else np.concatenate(arrays)


Function = Callable[[Predictions], float]


@dataclass(frozen=True)
class Measure:
    """A measure by its name.

    Attributes
    ----------
    name : str
    function : callable
        From `Predictions` to a number; NaN where it is not defined.
    larger_is_better : bool
    wants : {"any", "return", "class", "probabilities"}
        What it needs; without it `function` raises a `SettingsError`.
    """

    name: str
    function: Function
    larger_is_better: bool
    wants: str = "any"

    def fits(self, p: Predictions) -> bool:
        """Return whether the measure can be taken of such predictions."""
        return _has(self.wants, p)


MEASURES: dict[str, Measure] = {}


def measure_named(name: str) -> Measure:
    """Return a measure by its name.

    Raises
    ------
    SettingsError
        If there is none of that name.
    """
    if name not in MEASURES:
        raise SettingsError(
            f"there is no measure {name!r}{did_you_mean(str(name), MEASURES)}; one of {', '.join(MEASURES)}"
        )
    return MEASURES[name]


def measure_all(p: Predictions) -> dict[str, float]:
    """Return every measure that fits the predictions, by its name."""
    return {name: measure.function(p) for name, measure in MEASURES.items() if measure.fits(p)}


def _has(wants: str, p: Predictions) -> bool:
    has_classes = len(p.classes) > 1
    if wants == "return":
        return not len(p.classes)
    if wants == "class":
        return has_classes
    return wants == "any" or (has_classes and p.probabilities is not None)


def _enter(larger_is_better: bool, wants: str = "any") -> Callable[[Function], Function]:
    def enter(function: Function) -> Function:
        name = function.__name__

        @wraps(function)
        def checked(p: Predictions) -> float:
            if not _has(wants, p):
                raise SettingsError(f"the measure {name!r} needs {_NEEDS[wants]}, and this is none")
            return function(p) if len(p) else np.nan

        MEASURES[name] = Measure(name, checked, larger_is_better, wants)
        return checked

    return enter


def correlation(x: Floats, y: Floats) -> float:
    """Return Pearson's correlation, NaN where either is constant or there are fewer than two."""
    if len(x) < 2 or (x == x[0]).all() or (y == y[0]).all():
        return np.nan
    dx, dy = x - x.mean(), y - y.mean()
    scale = np.sqrt(_product(dx, dx) * _product(dy, dy))
    return _product(dx, dy) / float(scale) if scale > 0.0 else np.nan


def _product(x: Floats, y: Floats) -> float:
    """Return Σ x·y: unlike `@`, which may share the work between threads, the same bits for any number of them."""
    return float(np.sum(x * y))


def ranks(x: Floats) -> Floats:
    """Return ranks from 1, ties sharing their mean."""
    from scipy.stats import rankdata

    return np.asarray(rankdata(x), np.float64)


# --- how near the number is ------------------------------------------------------------------------------------------


@_enter(larger_is_better=False)
def mse(p: Predictions) -> float:
    """Return the mean squared error, in the square of the label's unit."""
    return float(np.mean(np.square(p.values - p.actual)))


@_enter(larger_is_better=False)
def rmse(p: Predictions) -> float:
    """Return the root of the mean squared error, in the label's unit."""
    return float(np.sqrt(np.mean(np.square(p.values - p.actual))))


@_enter(larger_is_better=False)
def mae(p: Predictions) -> float:
    """Return the mean absolute error, in the label's unit."""
    return float(np.mean(np.abs(p.values - p.actual)))


@_enter(larger_is_better=True, wants="return")
def r2_oos(p: Predictions) -> float:
    """Return R² out of sample: 1 − Σ(y − ŷ)²/Σ(y − b)².

    b is the mean of the training labels of the sample's fold (Campbell and Thompson, "Predicting Excess Stock Returns
    Out of Sample: Can Anything Beat the Historical Average?", Review of Financial Studies 21, 2008, equation 1), or 0
    where no baseline is known (Gu, Kelly and Xiu, "Empirical Asset Pricing via Machine Learning", 2020, equation 19).
    Below 0 the baseline is better.
    """
    apart = p.actual if p.baseline is None else p.actual - p.baseline
    total = _product(apart, apart)
    missed = p.actual - p.values
    return 1.0 - _product(missed, missed) / total if total > 0.0 else np.nan


# --- whether it moves with what happened -----------------------------------------------------------------------------


@_enter(larger_is_better=True)
def ic(p: Predictions) -> float:
    """Return the information coefficient: the correlation of signal and label over all samples."""
    return correlation(p.values, p.actual)


@_enter(larger_is_better=True)
def rank_ic(p: Predictions) -> float:
    """Return the rank correlation of signal and label over all samples (Spearman, ties sharing their mean)."""
    return correlation(ranks(p.values), ranks(p.actual))


@_enter(larger_is_better=True)
def hit_rate(p: Predictions) -> float:
    """Return how often signal and label have the same sign, of the samples where neither is 0.

    NaN for classes without a negative one, such as 0 and 1, which are no directions.
    """
    if len(p.classes) and min(p.classes) >= 0:
        return np.nan
    taken = (p.values != 0.0) & (p.actual != 0.0)
    agree = np.sign(p.values[taken]) == np.sign(p.actual[taken])
    return float(agree.mean()) if agree.size else np.nan


# --- whether it names the class --------------------------------------------------------------------------------------


@_enter(larger_is_better=True, wants="class")
def accuracy(p: Predictions) -> float:
    """Return the fraction of samples whose class is the predicted one."""
    return float(np.mean(p.called == p.happened))


@_enter(larger_is_better=True, wants="class")
def balanced_accuracy(p: Predictions) -> float:
    """Return the mean over the classes that occur of the fraction of their samples that was predicted as such."""
    from sklearn.metrics import recall_score

    occurring = np.unique(p.happened)
    return float(recall_score(p.happened, p.called, labels=occurring, average="macro", zero_division=0.0))


@_enter(larger_is_better=True, wants="class")
def precision(p: Predictions) -> float:
    """Return how many of the samples predicted as a class are of it.

    Of two classes that of the higher one, 1; of more the mean over the classes that occur or are predicted ("macro"),
    a class that is never predicted left out.
    """
    return _of_classes(p)[0]


@_enter(larger_is_better=True, wants="class")
def recall(p: Predictions) -> float:
    """Return how many of the samples of a class were predicted as such; over classes as `precision`."""
    return _of_classes(p)[1]


@_enter(larger_is_better=True, wants="class")
def f1(p: Predictions) -> float:
    """Return the harmonic mean of precision and recall of a class; over classes as `precision`."""
    return _of_classes(p)[2]


def _of_classes(p: Predictions) -> tuple[float, float, float]:
    """Return precision, recall and F1 of the higher of two classes, or their means over more."""
    from sklearn.metrics import precision_recall_fscore_support

    happened, called = p.happened, p.called
    labels = [1] if len(p.classes) == 2 else np.union1d(happened, called)
    found = precision_recall_fscore_support(happened, called, labels=labels, average=None, zero_division=np.nan)
    first, second, third = (_mean_of_known(np.asarray(one, np.float64)) for one in found[:3])
    return first, second, third


def _mean_of_known(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else np.nan


# --- whether its order and its probabilities are right ---------------------------------------------------------------


@_enter(larger_is_better=True, wants="class")
def roc_auc(p: Predictions) -> float:
    """Return the area under the receiver operating curve: how often a sample of the class is ranked above another.

    Of two classes by the probability of the higher one, or the signal where there are none. Of more the mean over one
    class against the rest, which needs probabilities. Classes that do not occur, or alone, are left out.
    """
    from sklearn.metrics import roc_auc_score

    return _one_against_rest(p, roc_auc_score)


@_enter(larger_is_better=True, wants="class")
def pr_auc(p: Predictions) -> float:
    """Return the average precision, the area under precision over recall; over classes as `roc_auc`.

    Its value without skill is the class's share of the samples.
    """
    from sklearn.metrics import average_precision_score

    return _one_against_rest(p, average_precision_score)


def _one_against_rest(p: Predictions, score: Callable[[Any, Any], float]) -> float:
    happened = p.happened
    if len(p.classes) == 2:
        said = p.values if p.probabilities is None else p.probabilities[:, 1]
        pairs = [(happened == 1, said)]
    elif p.probabilities is None:
        return np.nan
    else:
        pairs = [(happened == k, p.probabilities[:, k]) for k in range(len(p.classes))]
    return _mean_of_known(np.array([float(score(is_it, said)) for is_it, said in pairs if 0 < is_it.sum() < len(p)]))


@_enter(larger_is_better=False, wants="probabilities")
def log_loss(p: Predictions) -> float:
    """Return the mean of −ln of the probability that was given to what happened, probabilities cut off at 1e-15."""
    assert p.probabilities is not None
    said = p.probabilities[np.arange(len(p)), p.happened]
    return float(-np.log(np.clip(said, 1e-15, 1.0)).mean())


@_enter(larger_is_better=False, wants="probabilities")
def brier(p: Predictions) -> float:
    """Return the mean squared error of the probabilities (Brier, "Verification of Forecasts", 1950).

    Of two classes that of the higher one, 0 to 1; of more the sum over the classes, 0 to 2.
    """
    assert p.probabilities is not None
    apart = np.square(p.probabilities - (p.happened[:, np.newaxis] == np.arange(len(p.classes))))
    return float(apart[:, 1].mean() if len(p.classes) == 2 else apart.sum(axis=1).mean())


@_enter(larger_is_better=False, wants="probabilities")
def calibration_error(p: Predictions) -> float:
    """Return the expected calibration error: Σ n_b/n·|frequency − mean probability| over ten bins of equal width.

    Naeini, Cooper and Hauskrecht, "Obtaining Well Calibrated Probabilities Using Bayesian Binning", 2015. Of two
    classes that of the higher one; of more the mean over the classes (Kull et al., "Beyond temperature scaling", 2019).
    """
    classes = [1] if len(p.classes) == 2 else range(len(p.classes))
    found = []
    for k in classes:
        said, happened, count = reliability(p, k)
        found.append(float(count @ np.abs(said - happened)) / len(p))
    return float(np.mean(found))


def reliability(p: Predictions, k: int, bins: int = _CALIBRATION_BINS) -> tuple[Floats, Floats, Ints]:
    """Return how often class number `k` happened, against how often it was said to, in bins of the probability.

    Parameters
    ----------
    p : Predictions
        With probabilities.
    k : int
        The class, as its place in `p.classes`.
    bins : int
        Of equal width over [0, 1], the upper edge of the last one included. Empty ones are left out.

    Returns
    -------
    said, happened : ndarray of float64, [n_filled]
        Mean probability, and frequency.
    count : ndarray of int64, [n_filled]
        Samples.
    """
    assert p.probabilities is not None
    said, is_it = p.probabilities[:, k], p.happened == k
    at = np.minimum((said * bins).astype(np.int64), bins - 1)
    count = np.bincount(at, minlength=bins)
    full = count > 0
    means = [np.bincount(at, weights=one, minlength=bins)[full] / count[full] for one in (said, is_it)]
    return means[0], means[1], count[full]
