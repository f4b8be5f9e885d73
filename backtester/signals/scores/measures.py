"""Measures: one number for how well predictions agree with what happened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from backtester.errors import SettingsError, did_you_mean

Floats = npt.NDArray[np.float64]


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
    classes : tuple of int
        Empty for labels of returns.
    """

    values: Floats
    actual: Floats
    probabilities: Floats | None = None
    classes: tuple[int, ...] = ()


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
        What it needs.
    """

    name: str
    function: Callable[[Predictions], float]
    larger_is_better: bool
    wants: str = "any"


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


def _enter(
    larger_is_better: bool, wants: str = "any"
) -> Callable[[Callable[[Predictions], float]], Callable[[Predictions], float]]:
    def enter(function: Callable[[Predictions], float]) -> Callable[[Predictions], float]:
        name = function.__name__
        MEASURES[name] = Measure(name, function, larger_is_better, wants)
        return function

    return enter


def correlation(x: Floats, y: Floats) -> float:
    """Return Pearson's correlation, NaN where either is constant or there are fewer than two."""
    if len(x) < 2:
        return np.nan
    dx, dy = x - x.mean(), y - y.mean()
    scale = np.sqrt((dx @ dx) * (dy @ dy))
    return float(dx @ dy / scale) if scale > 0.0 else np.nan


def ranks(x: Floats) -> Floats:
    """Return ranks from 1, ties sharing their mean."""
    from scipy.stats import rankdata

    return np.asarray(rankdata(x), np.float64)


@_enter(larger_is_better=False)
def mse(p: Predictions) -> float:
    """Return the mean squared error."""
    return float(np.mean(np.square(p.values - p.actual)))


@_enter(larger_is_better=True)
def ic(p: Predictions) -> float:
    """Return the information coefficient: the correlation of signal and label over all samples."""
    return correlation(p.values, p.actual)


@_enter(larger_is_better=True)
def rank_ic(p: Predictions) -> float:
    """Return the rank correlation of signal and label over all samples."""
    return correlation(ranks(p.values), ranks(p.actual))


@_enter(larger_is_better=False, wants="probabilities")
def log_loss(p: Predictions) -> float:
    """Return the mean of −ln of the probability that was given to what happened, probabilities cut off at 1e-15."""
    assert p.probabilities is not None
    at = np.searchsorted(p.classes, p.actual.astype(np.int64))
    said = p.probabilities[np.arange(len(at)), at]
    return float(-np.log(np.clip(said, 1e-15, 1.0)).mean())
