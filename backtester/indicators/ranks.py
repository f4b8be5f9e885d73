"""Order statistics of the last bars: the rank of the newest value, and quantiles.

A rank compares the newest value with all n of its window, which a processor does four at a time: cheaper than any
structure that keeps them in order, up to windows of thousands. A quantile needs the order: each asset has a sorted
window, in which a new bar replaces the oldest one (one binary search, and what lies between the two places moves by
one). Neither carries a rounding error along, for nothing is computed but comparisons.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from backtester.errors import SettingsError
from backtester.indicators._arrays import read_number, read_period
from backtester.indicators._panel import each_asset
from backtester.kernel.jit import inner_jit, kernel_jit


def rolling_rank(x: ArrayLike, n: int = 30) -> NDArray[np.float64]:
    """Rank of the newest value among the last `n` bars, as a fraction.

    .. math:: rank_t = \\frac{1}{n} \\left( \\#\\{x_{t-i} < x_t\\} + \\frac{\\#\\{x_{t-i} = x_t\\} + 1}{2} \\right)

    Parameters
    ----------
    x : array_like of float, [n_bars, n_assets] or [n_bars]
        Any series.
    n : int
        Bars in the window, t included, 1 or more.

    Returns
    -------
    ndarray of float64, the shape of `x`
        1/n for the smallest of the window, 1 for the largest; equal values share the mean of their ranks, so that a
        constant window gives (n + 1)/(2n). The value of bar t uses bars up to t. NaN for an asset's first n − 1 own
        bars and in its gaps; a missing bar (NaN) does not enter a window.

    Raises
    ------
    DataError
        `x` holds no real numbers, or has no or more than two dimensions.
    SettingsError
        `n` is not an int, or below 1.

    Notes
    -----
    Equals pandas' `rolling(n).rank(pct=True)`.
    """
    n = read_period("rolling_rank", "n", n)
    return each_asset("rolling_rank", _rolling_rank, {"x": x}, n)[0]


def rolling_quantile(x: ArrayLike, n: int = 30, q: float = 0.5) -> NDArray[np.float64]:
    """Quantile of the last `n` bars, interpolated linearly between two values; by default the median.

    .. math:: Q_t = x_{(k)} + (h - k)(x_{(k+1)} - x_{(k)}), \\quad h = (n - 1)\\,q, \\; k = \\lfloor h \\rfloor

    with the values of the window in ascending order, x₍₀₎ to x₍ₙ₋₁₎.

    Parameters
    ----------
    x : array_like of float, [n_bars, n_assets] or [n_bars]
        Any series.
    n : int
        Bars in the window, t included, 1 or more.
    q : float
        0 to 1: 0 is the smallest value, 1 the largest.

    Returns
    -------
    ndarray of float64, the shape of `x`
        In the unit of `x`; the value of bar t uses bars up to t. NaN for an asset's first n − 1 own bars and in its
        gaps; a missing bar (NaN) does not enter a window.

    Raises
    ------
    DataError
        `x` holds no real numbers, or has no or more than two dimensions.
    SettingsError
        `n` is not an int or below 1, or `q` is not a number of 0 to 1.

    Notes
    -----
    Equals NumPy's `quantile` with its default method, "linear", on every window.

    References
    ----------
    R. J. Hyndman and Y. Fan, "Sample quantiles in statistical packages", The American Statistician 50 (1996),
    definition 7.
    """
    n = read_period("rolling_quantile", "n", n)
    q = read_number("rolling_quantile", "q", q, zero=True)
    if q > 1.0:
        raise SettingsError(f"rolling_quantile: q is {q!r}; it is a fraction of 0 to 1, {q / 100:g} for {q:g} percent")
    return each_asset("rolling_quantile", _rolling_quantile, {"x": x}, n, q)[0]


@inner_jit
def _first_not_below(window, a, count, value):
    """Return how many of the first `count` values of an asset's sorted window are below `value`."""
    low, high = 0, count
    while low < high:
        middle = (low + high) >> 1
        if window[a, middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@inner_jit
def _enter(window, a, t, x):
    """Put the value of bar t into the sorted window of asset a, in place, and take out the one that leaves it.

    Adding 0.0 makes one zero of the two, which are equal and therefore in no order.
    """
    n = window.shape[1]
    value = x[t, a] + 0.0
    hole = t if t < n else _first_not_below(window, a, n, x[t - n, a] + 0.0)
    while hole > 0 and window[a, hole - 1] > value:
        window[a, hole] = window[a, hole - 1]
        hole -= 1
    last = min(t, n - 1)
    while hole < last and window[a, hole + 1] < value:
        window[a, hole] = window[a, hole + 1]
        hole += 1
    window[a, hole] = value
    return value


@kernel_jit()
def _rolling_rank(x, n, out):
    n_bars, n_assets = x.shape
    out[: n - 1] = np.nan
    if n_bars < n:
        return
    for a in range(n_assets):
        own = x[:, a].copy()
        for t in range(n - 1, n_bars):
            newest = own[t]
            below, equal = 0, 0
            for value in own[t - n + 1 : t + 1]:
                below += value < newest
                equal += value == newest
            out[t, a] = (below + 0.5 * (equal + 1)) / n


@kernel_jit()
def _rolling_quantile(x, n, q, out):
    n_bars, n_assets = x.shape
    out[: n - 1] = np.nan
    if n_bars < n:
        return
    window = np.empty((n_assets, n))
    position = (n - 1) * q
    k = int(position)
    part = position - k
    above = min(k + 1, n - 1)
    for t in range(n_bars):
        for a in range(n_assets):
            _enter(window, a, t, x)
            if t >= n - 1:
                out[t, a] = _between(window[a, k], window[a, above], part)


@inner_jit
def _between(low, high, part):
    """Interpolate as NumPy does: from the nearer end, so that no result is beyond it; two infinities are no range."""
    if low == high or part == 0.0:
        return low
    step = high - low
    return low + step * part if part < 0.5 else high - step * (1.0 - part)
