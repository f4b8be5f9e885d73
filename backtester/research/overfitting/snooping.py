"""Data snooping: is the best of many strategies better than a benchmark, given that it was picked as the best?

White's reality check and Hansen's test of superior predictive ability (SPA), of mean returns above a benchmark's, with
the stationary bootstrap. They resample all strategies together, and so take their dependence into account.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from backtester.errors import SettingsError
from backtester.metrics import arguments as check
from backtester.research.overfitting._random import stationary_counts
from backtester.research.overfitting.block_length import optimal_block_length

_CHUNK = 128  # replicates at a time, so that memory does not grow with their number


@dataclass(frozen=True)
class RealityCheck:
    """What White's reality check finds.

    Attributes
    ----------
    p_value : float
        Fraction of the replicates whose statistic is above the data's.
    statistic : float
        max over strategies of √n·mean(r − benchmark).
    best : int
        The strategy that has it: a column of the returns.
    mean_excess : float
        Its mean return above the benchmark, per bar.
    block_length : float
        Mean length of the blocks, bars.
    replicates, seed : int
    n_strategies : int
        Those that were tested.
    left_out : tuple of int
        Columns whose excess has no deviation, such as strategies that never traded.
    """

    p_value: float
    statistic: float
    best: int
    mean_excess: float
    block_length: float
    replicates: int
    seed: int
    n_strategies: int
    left_out: tuple[int, ...]


@dataclass(frozen=True)
class SPA:
    """What Hansen's test finds.

    Attributes
    ----------
    lower, consistent, upper : float
        p-values. `consistent` is Hansen's; the bounds assume that all strategies worse than the benchmark are
        irrelevant, and that they are as good as it.
    statistic : float
        max(0, max over strategies of √n·mean(r − benchmark)/ω).
    best : int
        The strategy with the largest √n·mean/ω: a column of the returns.
    mean_excess : float
        Its mean return above the benchmark, per bar.
    block_length : float
        Mean length of the blocks, bars.
    replicates, seed : int
    n_strategies : int
        Those that were tested.
    left_out : tuple of int
        Columns whose excess has no deviation, such as strategies that never traded.
    """

    lower: float
    consistent: float
    upper: float
    statistic: float
    best: int
    mean_excess: float
    block_length: float
    replicates: int
    seed: int
    n_strategies: int
    left_out: tuple[int, ...]


def reality_check(
    returns: ArrayLike,
    benchmark: ArrayLike | None = None,
    *,
    block_length: float | None = None,
    replicates: int = 1000,
    seed: int = 0,
) -> RealityCheck:
    """Test whether the best strategy's mean return is above the benchmark's, by White's reality check.

    V = max_k √n·d̄_k, with d = r − benchmark; in a replicate V* = max_k √n·(d̄*_k − d̄_k); p = mean(V* > V). One bad
    strategy with large deviations makes the test weak; `spa` does not have that fault.

    Parameters
    ----------
    returns : array_like, float64 [n_bars, n_strategies]
        Simple returns per bar of every strategy that was tried, on the same bars; 10 bars or more.
    benchmark : array_like, float64 [n_bars], optional
        Returns of what they have to beat; 0 where not given: cash that earns nothing.
    block_length : float, optional
        Mean length of the blocks in bars, 1 or more. Where not given the median of what `optimal_block_length` says of
        the strategies: the longest of many would be chance.
    replicates : int
        At least 100.
    seed : int

    Returns
    -------
    RealityCheck
        The same for the same arguments. A p-value of 0 means below 1/replicates.

    Raises
    ------
    SettingsError
        A return is not finite, there are too few bars, no strategy has an excess that varies, or a setting is out of
        range.

    Notes
    -----
    H. White, "A Reality Check for Data Snooping", Econometrica 68 (5), 2000, section 2.
    """
    excess, kept = _excess(returns, benchmark)
    length = _length(block_length, excess)
    reps, seed = check.at_least(replicates, "replicates", 100), check.seed_number(seed)
    means, drawn = excess.mean(axis=0), _resampled(excess, length, reps, seed)
    p_value = float(np.mean((drawn - means).max(axis=1) > means.max()))
    best = int(np.argmax(means))
    return RealityCheck(
        p_value=p_value,
        statistic=math.sqrt(len(excess)) * float(means[best]),
        best=int(np.flatnonzero(kept)[best]),
        mean_excess=float(means[best]),
        block_length=length,
        replicates=reps,
        seed=seed,
        n_strategies=excess.shape[1],
        left_out=tuple(np.flatnonzero(~kept).tolist()),
    )


def spa(
    returns: ArrayLike,
    benchmark: ArrayLike | None = None,
    *,
    block_length: float | None = None,
    replicates: int = 1000,
    seed: int = 0,
) -> SPA:
    """Test whether the best strategy's mean return is above the benchmark's, by Hansen's SPA test.

    T = max(0, max_k √n·d̄_k/ω_k), with d = r − benchmark and ω²_k the variance of √n·d̄*_k that the bootstrap has; in a
    replicate T* = max(0, max_k √n·(d̄*_k − g(d̄_k))/ω_k); p = mean(T* > T). The mean g that is taken off is max(d̄, 0)
    for `lower`; d̄ where d̄ ≥ −ω·√(2·ln ln n/n), else 0, for `consistent`; d̄ for `upper`.

    Parameters
    ----------
    returns : array_like, float64 [n_bars, n_strategies]
        Simple returns per bar of every strategy that was tried, on the same bars; 10 bars or more.
    benchmark : array_like, float64 [n_bars], optional
        Returns of what they have to beat; 0 where not given: cash that earns nothing.
    block_length : float, optional
        Mean length of the blocks in bars, 1 or more. Where not given the median of what `optimal_block_length` says of
        the strategies: the longest of many would be chance.
    replicates : int
        At least 100.
    seed : int

    Returns
    -------
    SPA
        The same for the same arguments. A p-value of 0 means below 1/replicates.

    Raises
    ------
    SettingsError
        A return is not finite, there are too few bars, no strategy has an excess that varies, or a setting is out of
        range.

    Notes
    -----
    P. R. Hansen, "A Test for Superior Predictive Ability", Journal of Business & Economic Statistics 23 (4), 2005,
    section 3; ω² is that of D. N. Politis and J. P. Romano (1994), lemma 1. The class `SPA` of the package arch is
    the same test without the division by ω, whatever its argument `studentize` says.
    """
    excess, kept = _excess(returns, benchmark)
    length = _length(block_length, excess)
    reps, seed = check.at_least(replicates, "replicates", 100), check.seed_number(seed)
    deviation = bootstrap_deviation(excess, length)
    drawn = _resampled(excess, length, reps, seed)
    statistic, best, p_values = spa_statistics(excess.mean(axis=0), deviation, drawn, len(excess))
    return SPA(
        *p_values,
        statistic=statistic,
        best=int(np.flatnonzero(kept)[best]),
        mean_excess=float(excess[:, best].mean()),
        block_length=length,
        replicates=reps,
        seed=seed,
        n_strategies=excess.shape[1],
        left_out=tuple(np.flatnonzero(~kept).tolist()),
    )


def spa_statistics(
    means: np.ndarray, deviation: np.ndarray, drawn: np.ndarray, n: int
) -> tuple[float, int, tuple[float, float, float]]:
    """Return T, the best strategy, and the p-values lower, consistent and upper.

    Parameters
    ----------
    means, deviation : float64 [n_strategies]
        d̄ and ω.
    drawn : float64 [replicates, n_strategies]
        d̄*.
    n : int
        Bars.
    """
    scaled = means / deviation
    best = int(np.argmax(scaled))
    statistic = max(float(scaled[best]), 0.0)
    relevant = means >= -deviation * math.sqrt(2.0 * math.log(math.log(n)) / n)
    p_values = []
    for centre in (np.maximum(means, 0.0), np.where(relevant, means, 0.0), means):
        highest = np.maximum(((drawn - centre) / deviation).max(axis=1), 0.0)
        p_values.append(float(np.mean(highest > statistic)))
    return math.sqrt(n) * statistic, best, (p_values[0], p_values[1], p_values[2])


def bootstrap_deviation(values: np.ndarray, block_length: float) -> np.ndarray:
    """Return ω [k], the deviation of √n·(mean of a stationary-bootstrap sample), for columns of values [n, k].

    ω² = γ₀ + 2·Σ_{i=1}^{n−1} (1 − i/n)·(1 − 1/L)^i·γ_i, with circular autocovariances γ.
    """
    n = len(values)
    spectrum = np.fft.rfft(values - values.mean(axis=0), axis=0)
    circular = np.fft.irfft(spectrum.real**2 + spectrum.imag**2, n, axis=0) / n
    lags = np.arange(n)
    weights = 2.0 * (1.0 - lags / n) * (1.0 - 1.0 / block_length) ** lags
    weights[0] = 1.0
    return np.sqrt(np.maximum(weights @ circular, 0.0))


def _excess(returns: ArrayLike, benchmark: ArrayLike | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the returns above the benchmark of the strategies whose excess varies, and which those are."""
    values = check.table(returns, "returns", rows=10, columns=1)
    if benchmark is not None:
        against = check.series(benchmark, "benchmark", 1)
        if len(against) != len(values):
            raise SettingsError(
                f"benchmark has {len(against)} returns and the strategies have {len(values)}; pass the same bars"
            )
        values = values - against[:, None]
    kept = check.moving(values)
    if not kept.any():
        raise SettingsError("no strategy has a return above the benchmark that varies; there is nothing to test")
    return np.ascontiguousarray(values[:, kept]), kept


def _length(asked: float | None, excess: np.ndarray) -> float:
    if asked is None:
        return float(np.median(optimal_block_length(excess)))
    return check_block_length(asked, len(excess))


def check_block_length(asked: float, n: int) -> float:
    """Return a block length of 1 to n bars."""
    found = check.number(asked, "block_length", low=1.0, high=float(n))
    if math.isnan(found):
        raise SettingsError(f"block_length is NaN; it must be 1 to {n} bars")
    return found


def _resampled(values: np.ndarray, block_length: float, replicates: int, seed: int) -> np.ndarray:
    """Return the means of stationary-bootstrap samples of the rows, float64 [replicates, k]."""
    n = len(values)
    found = np.empty((replicates, values.shape[1]))
    for first in range(0, replicates, _CHUNK):
        chunk = found[first : first + _CHUNK]
        np.matmul(stationary_counts(n, block_length, len(chunk), seed, first), values, out=chunk)
    found /= n
    return found
