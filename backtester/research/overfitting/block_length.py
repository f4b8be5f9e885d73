"""How long the blocks of a bootstrap should be, from the dependence that the data show."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from backtester.metrics import arguments as check


def optimal_block_length(values: ArrayLike) -> np.ndarray:
    """Return the mean block length of the stationary bootstrap that estimates the error of a mean best.

    (2·G²/D)^⅓·n^⅓ with G = Σ λ(k/M)·|k|·γ_k and D = 2·(Σ λ(k/M)·γ_k)², sums over lags −M to M, λ(x) = 1 up to ½ and
    then 2·(1 − x). M = 2·m, at most ⌈√n⌉ + K, where m ≥ 1 is the lag at which K = max(5, ⌊log₁₀ n⌋) autocorrelations in
    a row begin that are within ±2·√(log₁₀ n/n). Not more than ⌈min(3·√n, n/3)⌉.

    Parameters
    ----------
    values : array_like, float64 [n] or [n, k]
        10 rows or more, finite. For metrics that depend on how large moves cluster pass squares or absolute values.

    Returns
    -------
    float64 [k]
        Bars, at least 1; 1 for a constant column. [1] for one series.

    Raises
    ------
    SettingsError
        A value is not finite, or there are too few.

    Notes
    -----
    D. N. Politis and H. White, "Automatic Block-Length Selection for the Dependent Bootstrap", Econometric Reviews 23
    (1), 2004, section 3; A. Patton, D. N. Politis and H. White, a correction, Econometric Reviews 28 (4), 2009.
    Lags are counted as in A. Patton's program, which `arch` and R's `np` follow.
    """
    columns = check.table(values, "values", rows=10, columns=1, each="column")
    return np.array([_of_one(np.ascontiguousarray(column)) for column in columns.T])


def _of_one(values: np.ndarray) -> float:
    n = len(values)
    deviations = values - values.mean()
    if not bool(check.moving(values[:, None])[0]):
        return 1.0
    run = max(5, int(math.log10(n)))
    most = min(math.ceil(math.sqrt(n)) + run, n - 2)
    covariances, correlations = _autocovariances(deviations, most)
    small = np.abs(correlations) < 2.0 * math.sqrt(math.log10(n) / n)
    in_a_row = np.convolve(small[1:], np.ones(run), "valid")  # of lags k to k + run − 1, for k = 1, 2, …
    begins = np.flatnonzero(in_a_row[:-1] == run)
    m = min(2 * (int(begins[0]) + 1), most) if len(begins) else most
    lags = np.arange(1, m + 1)
    taper = np.where(lags / m <= 0.5, 1.0, 2.0 * (1.0 - lags / m))
    g = 2.0 * float((taper * lags) @ covariances[1 : m + 1])
    spectrum = float(covariances[0]) + 2.0 * float(taper @ covariances[1 : m + 1])
    if spectrum == 0.0:
        return 1.0
    length = (g * g / (spectrum * spectrum) * n) ** (1.0 / 3.0)
    return max(min(length, math.ceil(min(3.0 * math.sqrt(n), n / 3.0))), 1.0)


def _autocovariances(deviations: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Return γ_k, divided by n, and correlations of lags 0 to `most`, each by the sums of squares it pairs."""
    n = len(deviations)
    size = 1 << (n + most).bit_length()
    spectrum = np.fft.rfft(deviations, size)
    products = np.fft.irfft(spectrum.real**2 + spectrum.imag**2, size)[: most + 1]
    ahead = np.concatenate([[0.0], np.cumsum(deviations * deviations)])
    lags = np.arange(most + 1)
    later = ahead[n] - ahead[np.minimum(lags + 1, n)]  # Σ of squares from lag + 1 on
    earlier = ahead[np.maximum(n - lags - 1, 0)]  # and up to lag + 1 before the end
    scale = np.sqrt(later * earlier)
    correlations = np.divide(products, scale, out=np.ones(most + 1), where=scale > 0.0)
    return products / n, correlations
