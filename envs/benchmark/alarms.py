"""Alarms: a result that cannot be true, and a policy that does nothing.

Where nothing can be earned, an agent that earns has found a leak; where an optimum is known, one that beats it has
found an error. Both are one-sided tests of means over seeds, at 1 % over all agents together. `degenerate` looks at
what a policy does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from backtester.errors import SettingsError
from envs.benchmark.draws import uniforms
from envs.benchmark.statistics import holm

LEVEL = 0.01
POOLED = "all agents"
_ROUNDING = 1e-9  # relative: two ways to add up the same rewards
_ONE_ACTION = 0.999


def mean_above(
    values: Any, bound: float = 0.0, *, method: str = "t", n_resamples: int = 20_000, seed: int = 0
) -> float:
    """Return the p-value of "the mean is not above the bound".

    Parameters
    ----------
    values : sequence of float
        Independent, one a seed; two or more, finite.
    bound : float
        The largest mean that is believable.
    method : {"t", "bootstrap"}
        Student's t, or the bootstrap of the studentised mean under the hypothesis (for few values of a skewed
        distribution, such as products of returns).
    n_resamples, seed : int
        Of the bootstrap, whose smallest p-value is 1/(n_resamples + 1).

    Returns
    -------
    float
        In [0, 1]; small where the mean is above the bound by more than chance explains. Where all values are equal
        (to 1e-9 of their size) it is 0 above the bound and 1 else.

    Raises
    ------
    SettingsError
        If there are fewer than two values, one is not finite, or there is no such method.

    Notes
    -----
    Source of the bootstrap: Bradley Efron and Robert J. Tibshirani, "An Introduction to the Bootstrap", 1993, section
    16.4, with the +1 of Davison and Hinkley, "Bootstrap Methods and their Application", 1997, equation (4.11).
    """
    found = np.asarray(values, np.float64)
    if found.ndim != 1 or len(found) < 2 or not np.isfinite(found).all():
        raise SettingsError(f"mean_above: values must be two or more finite numbers, found {values!r}")
    if method not in ("t", "bootstrap"):
        raise SettingsError(f"mean_above: method is {method!r}; it must be 't' or 'bootstrap'")
    size = max(abs(bound), float(np.abs(found).max()))
    if np.ptp(found) <= _ROUNDING * size:
        return 0.0 if found.mean() - bound > _ROUNDING * size else 1.0
    statistic = _t(found[None], bound)[0]
    if method == "t":
        from scipy import stats

        return float(stats.t.sf(statistic, len(found) - 1))
    draws = uniforms(seed, n_resamples * len(found)).reshape(n_resamples, len(found))
    resampled = found[(draws * len(found)).astype(np.int64)]
    return float((1 + np.sum(_t(resampled, found.mean()) >= statistic)) / (n_resamples + 1))


def _t(rows: np.ndarray, bound: float) -> np.ndarray:
    """Return Student's statistic of each row; a row of equal values is infinitely far from any other number."""
    error = rows.std(axis=1, ddof=1) / np.sqrt(rows.shape[1])
    above = rows.mean(axis=1) - bound
    found = np.where(above == 0.0, 0.0, np.copysign(np.inf, above))
    np.divide(above, error, out=found, where=error > 0.0)
    return found


@dataclass(frozen=True)
class Finding:
    """One mean that was held against a bound.

    Parameters
    ----------
    name : str
        The agent, or "all agents".
    mean : float
        Over the seeds.
    bound : float
        What it must not be above.
    p_value : float
        Of "it is not above", before the correction.
    adjusted : float
        After Holm's correction.
    alarm : bool
        Whether `adjusted` is at or below the level.
    """

    name: str
    mean: float
    bound: float
    p_value: float
    adjusted: float
    alarm: bool


def leak_alarm(
    by_agent: Mapping[str, Sequence[float]], *, level: float = LEVEL, method: str = "t", pooled: bool = True
) -> list[Finding]:
    """Return, for every agent and for all together, whether it earns where nothing can be earned.

    Parameters
    ----------
    by_agent : mapping of str to sequence of float
        Mean reward of every seed, agents in any order, the seeds in the same order for all of them.
    level : float
        Chance of a false alarm over everything tested here.
    method : {"t", "bootstrap"}
        As in `mean_above`.
    pooled : bool
        Whether all agents are tested together besides, where there are several with as many seeds each: the mean over
        agents of each seed, as agents of one seed are evaluated on the same random numbers and are not independent.

    Returns
    -------
    list of Finding
        In the order given, "all agents" last.

    Raises
    ------
    SettingsError
        As `mean_above`, or if nobody is there to be tested.
    """
    return above_bound(by_agent, 0.0, level=level, method=method, pooled=pooled)


def above_optimum(
    by_agent: Mapping[str, Sequence[float]], optimum: float, error: float = 0.0, *, level: float = LEVEL
) -> list[Finding]:
    """Return, for every agent, whether it does better than the best there is, by more than chance and error.

    Parameters
    ----------
    by_agent : mapping of str to sequence of float
        Mean reward of every seed.
    optimum : float
        The expected reward of the best policy.
    error : float
        How far the optimum itself may be off, 0 or more: a solver's accuracy.
    level : float
        Chance of a false alarm over all agents.

    Returns
    -------
    list of Finding

    Raises
    ------
    SettingsError
        As `mean_above`.
    """
    return above_bound(by_agent, optimum + error, level=level, method="t", pooled=False)


def above_bound(
    by_agent: Mapping[str, Sequence[float]], bound: float, *, level: float, method: str, pooled: bool
) -> list[Finding]:
    """Return one finding for each agent, and where `pooled` one for all, corrected together; see `leak_alarm`."""
    if not by_agent:
        raise SettingsError("above_bound: no agents to test")
    groups = {name: np.asarray(values, np.float64) for name, values in by_agent.items()}
    if pooled and len(groups) > 1 and len({len(values) for values in groups.values()}) == 1:
        groups[POOLED] = np.mean(list(groups.values()), axis=0)
    p_values = [mean_above(values, bound, method=method) for values in groups.values()]
    return [
        Finding(name, float(values.mean()), bound, p, float(adjusted), bool(adjusted <= level))
        for (name, values), p, adjusted in zip(groups.items(), p_values, holm(p_values), strict=True)
    ]


def degenerate(histogram: Sequence[float], labels: Sequence[str] = ()) -> str:
    """Return a warning in words where a policy does not decide anything, else "".

    Parameters
    ----------
    histogram : sequence of float
        How often each action was taken: counts or fractions.
    labels : sequence of str, optional
        What the actions are; their numbers otherwise.

    Returns
    -------
    str
        Where one action makes up 99.9 % or more, or none was taken.
    """
    counts = np.asarray(histogram, np.float64)
    total = counts.sum()
    if len(counts) == 0 or total <= 0.0:
        return "took no action"
    most = int(np.argmax(counts))
    if len(counts) == 1 or counts[most] < _ONE_ACTION * total:
        return ""
    name = labels[most] if most < len(labels) else f"action {most}"
    return f"always the same: {name} in {100.0 * counts[most] / total:.1f} % of its steps"
