"""The spread and the extremes of the last bars.

All of them cut an asset's bars into blocks of n. A window that ends inside a block is the tail of the block before and
the head of its own (M. van Herk, Pattern Recognition Letters 13, 1992; J. Gil and M. Werman, IEEE PAMI 15, 1993): about
three operations a bar for any n, and nothing is ever subtracted from a running value.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from backtester.errors import SettingsError
from backtester.indicators._arrays import read_period
from backtester.indicators._panel import each_asset
from backtester.kernel.jit import inner_jit, kernel_jit


def rolling_std(x: ArrayLike, n: int = 5, ddof: int = 0) -> NDArray[np.float64]:
    """Standard deviation of the last `n` bars.

    .. math:: std_t = \\sqrt{\\frac{1}{n - ddof} \\sum_{i=0}^{n-1} (x_{t-i} - \\bar x_t)^2}

    Parameters
    ----------
    x : array_like of float, [n_bars, n_assets] or [n_bars]
        Any series.
    n : int
        Bars in the window, 1 or more.
    ddof : int
        0 divides by n (the population, as TA-Lib does), 1 by n − 1 (the sample, as pandas does). Less than `n`.

    Returns
    -------
    ndarray of float64, the shape of `x`
        In the unit of `x`, 0 or more, exactly 0 for a constant window; the value of bar t uses bars up to t. NaN for an
        asset's first n − 1 own bars and in its gaps; a missing bar (NaN) does not enter a window.

    Raises
    ------
    DataError
        `x` holds no real numbers, or has no or more than two dimensions.
    SettingsError
        `n` is not an int or below 1, or `ddof` is not an int of 0 to n − 1.

    Notes
    -----
    Equals TA-Lib's STDDEV with `nbdev=1`. Squares are taken of the distance to a bar inside the window, so that a large
    mean costs no digits.
    """
    n = read_period("rolling_std", "n", n)
    ddof = read_period("rolling_std", "ddof", ddof, least=0)
    if ddof >= n:
        raise SettingsError(f"rolling_std: ddof is {ddof} with n = {n}; it is less than n, for something to divide by")
    return each_asset("rolling_std", _rolling_std, {"x": x}, n, n - ddof)[0]


def rolling_max(x: ArrayLike, n: int = 30) -> NDArray[np.float64]:
    """Largest value of the last `n` bars.

    .. math:: max_t = \\max(x_t, x_{t-1}, \\dots, x_{t-n+1})

    Parameters
    ----------
    x : array_like of float, [n_bars, n_assets] or [n_bars]
        Any series.
    n : int
        Bars in the window, 1 or more.

    Returns
    -------
    ndarray of float64, the shape of `x`
        In the unit of `x`; the value of bar t uses bars up to t, t included. NaN for an asset's first n − 1 own bars
        and in its gaps; a missing bar (NaN) does not enter a window.

    Raises
    ------
    DataError
        `x` holds no real numbers, or has no or more than two dimensions.
    SettingsError
        `n` is not an int, or below 1.

    Notes
    -----
    Equals TA-Lib's MAX.
    """
    n = read_period("rolling_max", "n", n)
    return each_asset("rolling_max", _rolling_max, {"x": x}, n)[0]


def rolling_min(x: ArrayLike, n: int = 30) -> NDArray[np.float64]:
    """Smallest value of the last `n` bars.

    .. math:: min_t = \\min(x_t, x_{t-1}, \\dots, x_{t-n+1})

    Parameters
    ----------
    x : array_like of float, [n_bars, n_assets] or [n_bars]
        Any series.
    n : int
        Bars in the window, 1 or more.

    Returns
    -------
    ndarray of float64, the shape of `x`
        In the unit of `x`; the value of bar t uses bars up to t, t included. NaN for an asset's first n − 1 own bars
        and in its gaps; a missing bar (NaN) does not enter a window.

    Raises
    ------
    DataError
        `x` holds no real numbers, or has no or more than two dimensions.
    SettingsError
        `n` is not an int, or below 1.

    Notes
    -----
    Equals TA-Lib's MIN.
    """
    n = read_period("rolling_min", "n", n)
    return each_asset("rolling_min", _rolling_min, {"x": x}, n)[0]


@kernel_jit()
def _rolling_std(x, n, divisor, out):
    """Write the root of each window's sum of squared deviations over `divisor`.

    Distances are taken from the last bar of a block. Each window that uses the block's tail contains that bar, so a
    distance is never larger than the window's range, and a large mean cancels nothing.
    """
    n_bars, n_assets = x.shape
    out[: n - 1] = np.nan
    if n_bars < n:
        return
    tail = np.empty((n, n_assets))  # sums of distances over the rest of the block
    tail_squares = np.empty((n, n_assets))
    head = np.empty(n_assets)
    head_squares = np.empty(n_assets)
    for start in range(0, n_bars - n + 1, n):
        after = start + n
        origin = x[after - 1]
        tail[n - 1] = 0.0
        tail_squares[n - 1] = 0.0
        head[:] = 0.0
        head_squares[:] = 0.0
        for j in range(n - 2, -1, -1):
            for a in range(n_assets):
                distance = x[start + j, a] - origin[a]
                tail[j, a] = tail[j + 1, a] + distance
                tail_squares[j, a] = tail_squares[j + 1, a] + distance * distance
        for a in range(n_assets):
            out[after - 1, a] = _root(tail[0, a], tail_squares[0, a], n, divisor)
        for j in range(min(n - 1, n_bars - after)):
            for a in range(n_assets):
                distance = x[after + j, a] - origin[a]
                head[a] += distance
                head_squares[a] += distance * distance
                total, squares = tail[j + 1, a] + head[a], tail_squares[j + 1, a] + head_squares[a]
                out[after + j, a] = _root(total, squares, n, divisor)


@inner_jit
def _root(total, squares, n, divisor):
    """Return the standard deviation of n distances from their sum and their sum of squares."""
    deviation = squares - total * total / n
    return np.sqrt((0.0 if deviation < 0.0 else deviation) / divisor)


@kernel_jit()
def _rolling_max(x, n, out):
    n_bars, n_assets = x.shape
    out[: n - 1] = np.nan
    if n_bars < n:
        return
    tail = np.empty((n, n_assets))
    head = np.empty(n_assets)
    for start in range(0, n_bars - n + 1, n):
        after = start + n
        head[:] = -np.inf
        tail[n - 1] = x[after - 1]
        for j in range(n - 2, -1, -1):
            for a in range(n_assets):
                value, best = x[start + j, a], tail[j + 1, a]
                tail[j, a] = value if value > best else best
        out[after - 1] = tail[0]
        for j in range(min(n - 1, n_bars - after)):
            for a in range(n_assets):
                value, best = x[after + j, a], head[a]
                best = value if value > best else best
                head[a] = best
                value = tail[j + 1, a]
                out[after + j, a] = value if value > best else best


@kernel_jit()
def _rolling_min(x, n, out):
    n_bars, n_assets = x.shape
    out[: n - 1] = np.nan
    if n_bars < n:
        return
    tail = np.empty((n, n_assets))
    head = np.empty(n_assets)
    for start in range(0, n_bars - n + 1, n):
        after = start + n
        head[:] = np.inf
        tail[n - 1] = x[after - 1]
        for j in range(n - 2, -1, -1):
            for a in range(n_assets):
                value, best = x[start + j, a], tail[j + 1, a]
                tail[j, a] = value if value < best else best
        out[after - 1] = tail[0]
        for j in range(min(n - 1, n_bars - after)):
            for a in range(n_assets):
                value, best = x[after + j, a], head[a]
                best = value if value < best else best
                head[a] = best
                value = tail[j + 1, a]
                out[after + j, a] = value if value < best else best


@kernel_jit()
def channel(high, low, n, upper, middle, lower):
    """Write the highest high, the midpoint and the lowest low: the core of `donchian`."""
    _rolling_max(high, n, upper)
    _rolling_min(low, n, lower)
    for t in range(high.shape[0]):
        for a in range(high.shape[1]):
            middle[t, a] = 0.5 * (upper[t, a] + lower[t, a])
