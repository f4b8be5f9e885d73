"""What few seeds can tell: the interquartile mean, its bootstrap interval, performance profiles, Holm's correction.

Scores are `[n_runs, n_tasks]`: one row a seed, one column a task. Ten runs of a training differ by more than two
algorithms do, so every figure comes with an interval, and the mean of all runs is not the headline, as one lucky run
moves it. Source: Rishabh Agarwal, Max Schwarzer, Pablo Samuel Castro, Aaron Courville and Marc G. Bellemare, "Deep
Reinforcement Learning at the Edge of the Statistical Precipice", NeurIPS 2021; their package `rliable` gives the same
numbers, which the tests see to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from backtester.errors import SettingsError
from envs.benchmark.draws import uniforms

RESAMPLES = 10_000
_AT_ONCE = 2_000_000  # numbers in memory while resampling

Statistic = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Estimate:
    """A figure and the interval around it.

    Parameters
    ----------
    value : float
        The figure, of the runs as they are.
    low, high : float
        The ends of the interval; equal to `value` where all runs are equal.
    """

    value: float
    low: float
    high: float


def as_scores(scores: Any) -> np.ndarray:
    """Return scores as float64 [n_runs, n_tasks]; a list is one task.

    Raises
    ------
    SettingsError
        If there are none, they have more than two dimensions, or one is not finite: a run without a score is a
        failed run, to be told and not to be left out.
    """
    found = np.asarray(scores, np.float64)
    if found.ndim == 1:
        found = found[:, None]
    if found.ndim != 2 or found.size == 0:
        raise SettingsError(f"scores: found shape {np.shape(scores)}; they are [n_runs, n_tasks], one of each at least")
    if not np.isfinite(found).all():
        run, task = np.argwhere(~np.isfinite(found))[0]
        raise SettingsError(
            f"scores: run {run} of task {task} is {found[run, task]}; every run needs a finite score. "
            "Report a failed run as failed instead of giving it a number"
        )
    return found


def interquartile_mean(scores: Any) -> float:
    """Return the mean of the middle half of all runs of all tasks.

    Parameters
    ----------
    scores : array [n_runs, n_tasks]
        Finite; all runs count alike, of whatever task.

    Returns
    -------
    float
        The mean without the lowest and the highest ⌊n/4⌋ of the n = n_runs·n_tasks scores.

    Raises
    ------
    SettingsError
        As `as_scores`.
    """
    return float(_iqm(as_scores(scores)[None])[0])


def _iqm(resampled: np.ndarray) -> np.ndarray:
    """Return the interquartile mean of each of [k, n_runs, n_tasks]."""
    flat = np.sort(resampled.reshape(len(resampled), -1), axis=1)
    cut = flat.shape[1] // 4
    return flat[:, cut : flat.shape[1] - cut].mean(axis=1)


def _mean(resampled: np.ndarray) -> np.ndarray:
    return resampled.mean(axis=(1, 2))


STATISTICS: dict[str, Statistic] = {"interquartile_mean": _iqm, "mean": _mean}


def resample(scores: np.ndarray, n_resamples: int, seed: int, statistic: Statistic) -> np.ndarray:
    """Return a statistic of stratified resamples: runs are drawn with replacement, for each task on its own.

    Parameters
    ----------
    scores : float64 [n_runs, n_tasks]
    n_resamples : int
    seed : int
        Of the draws.
    statistic : function
        From float64 [k, n_runs, n_tasks] to [k] or [k, …].

    Returns
    -------
    float64 [n_resamples] or [n_resamples, …]
    """
    n_runs, n_tasks = scores.shape
    chunk = max(1, _AT_ONCE // scores.size)
    columns = np.arange(n_tasks)
    parts = []
    for begin in range(0, n_resamples, chunk):
        count = min(chunk, n_resamples - begin)
        drawn = uniforms(seed, count * scores.size, begin * scores.size).reshape(count, n_runs, n_tasks)
        parts.append(statistic(scores[(drawn * n_runs).astype(np.int64), columns]))
    return np.concatenate(parts)


def bootstrap(
    scores: Any,
    statistic: str = "interquartile_mean",
    *,
    n_resamples: int = RESAMPLES,
    confidence: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """Return a statistic of the scores with its stratified bootstrap interval.

    Parameters
    ----------
    scores : array [n_runs, n_tasks]
        Finite.
    statistic : {"interquartile_mean", "mean"}
    n_resamples : int
        100 or more.
    confidence : float
        Of the interval, in (0, 1); its ends are percentiles of the resamples.
    seed : int
        Of the draws: the same seed gives the same interval, on every machine.

    Returns
    -------
    Estimate
        With ten runs a 95 % interval of this kind covers the truth in some 90 % of cases: read it as a lower bound of
        the doubt there is.

    Raises
    ------
    SettingsError
        As `as_scores`; or if a setting is out of range.
    """
    found = as_scores(scores)
    if statistic not in STATISTICS:
        from backtester.errors import did_you_mean

        raise SettingsError(
            f"bootstrap: no statistic {statistic!r}{did_you_mean(statistic, STATISTICS)}; there are "
            f"{', '.join(STATISTICS)}"
        )
    _check_resampling("bootstrap", n_resamples, confidence)
    function = STATISTICS[statistic]
    low, high = _percentiles(resample(found, n_resamples, seed, function), confidence)
    return Estimate(float(function(found[None])[0]), float(low), float(high))


def _check_resampling(owner: str, n_resamples: int, confidence: float) -> None:
    if n_resamples < 100:
        raise SettingsError(f"{owner}: n_resamples is {n_resamples}; it must be at least 100")
    if not 0.0 < confidence < 1.0:
        raise SettingsError(f"{owner}: confidence is {confidence}; it must be between 0 and 1")


def _percentiles(values: np.ndarray, confidence: float) -> np.ndarray:
    tail = 50.0 * (1.0 - confidence)
    return np.percentile(values, [tail, 100.0 - tail], axis=0)


@dataclass(frozen=True)
class Profile:
    """Which fraction of runs scored above each threshold.

    Parameters
    ----------
    thresholds : float64 [n]
        Ascending scores.
    fractions : float64 [n]
        Of all runs of all tasks, those with a score above the threshold.
    low, high : float64 [n]
        The interval of each fraction on its own.
    """

    thresholds: np.ndarray
    fractions: np.ndarray
    low: np.ndarray
    high: np.ndarray


def performance_profile(
    scores: Any,
    thresholds: Sequence[float] | np.ndarray,
    *,
    n_resamples: int = 2_000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Profile:
    """Return the tail distribution of scores, with pointwise stratified bootstrap intervals.

    Where one algorithm's profile lies above another's everywhere, it is better for whatever one asks of a score.

    Parameters
    ----------
    scores : array [n_runs, n_tasks]
        Finite.
    thresholds : sequence of float
        Scores, in ascending order.
    n_resamples, confidence, seed
        As in `bootstrap`.

    Returns
    -------
    Profile

    Raises
    ------
    SettingsError
        As `bootstrap`; or if the thresholds do not ascend.
    """
    found, levels = as_scores(scores), np.asarray(thresholds, np.float64)
    if levels.ndim != 1 or len(levels) == 0 or not (np.diff(levels) > 0.0).all():
        raise SettingsError("performance_profile: thresholds must ascend, one at least")
    _check_resampling("performance_profile", n_resamples, confidence)

    def above(resampled: np.ndarray) -> np.ndarray:
        flat = np.sort(resampled.reshape(len(resampled), -1), axis=1)
        return np.stack([(len(row) - np.searchsorted(row, levels, "right")) / len(row) for row in flat])

    low, high = _percentiles(resample(found, n_resamples, seed, above), confidence)
    return Profile(levels, above(found[None])[0], low, high)


def holm(p_values: Sequence[float] | np.ndarray) -> np.ndarray:
    """Return p-values adjusted for being several: below α, one is significant though all were looked at.

    Parameters
    ----------
    p_values : sequence of float
        In [0, 1].

    Returns
    -------
    float64 [n]
        In the order given: (n - k + 1) times the k-th smallest, never falling with k, at most 1. The chance that one
        or more true hypotheses get a value of α or less is at most α, however the tests depend on each other.

    Raises
    ------
    SettingsError
        If one is outside [0, 1] or NaN.

    Notes
    -----
    Source: Sture Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of Statistics 6
    (1979), 65-70.
    """
    given = np.asarray(p_values, np.float64)
    if given.ndim != 1 or not ((given >= 0.0) & (given <= 1.0)).all():
        raise SettingsError(f"holm: p-values are a list of numbers from 0 to 1, found {p_values!r}")
    order = np.argsort(given, kind="stable")
    adjusted = np.minimum(np.maximum.accumulate(given[order] * np.arange(len(given), 0, -1)), 1.0)
    found = np.empty_like(given)
    found[order] = adjusted
    return found
