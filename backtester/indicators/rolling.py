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
from backtester.indicators._windows import SHORT, all_there, extremes, larger, short_extremes
from backtester.kernel.jit import inner_jit, kernel_jit

_TILE = 1024  # bars whose roots are taken together


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
    return each_asset("rolling_std", _rolling_std, {"x": x}, n, n - ddof, finds_gaps=True)[0]


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
    return each_asset("rolling_max", _rolling_max, {"x": x}, n, finds_gaps=True)[0]


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
    return each_asset("rolling_min", _rolling_min, {"x": x}, n, finds_gaps=True)[0]


def highest(x: ArrayLike, n: int = 30) -> NDArray[np.float64]:
    """Largest value of the last `n` bars, the current one included: `rolling_max` by its other name.

    .. math:: highest_t = \\max(x_t, x_{t-1}, \\dots, x_{t-n+1})

    Parameters
    ----------
    x : array_like of float, [n_bars, n_assets] or [n_bars]
        Any series, for example highs.
    n : int
        Bars in the window, 1 or more.

    Returns
    -------
    ndarray of float64, the shape of `x`
        In the unit of `x`; the value of bar t uses bars up to t, t included, so that a breakout of bar t is one above
        the value of the bar before. NaN for an asset's first n − 1 own bars and in its gaps; a missing bar (NaN) does
        not enter a window.

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
    n = read_period("highest", "n", n)
    return each_asset("highest", _rolling_max, {"x": x}, n, finds_gaps=True)[0]


def lowest(x: ArrayLike, n: int = 30) -> NDArray[np.float64]:
    """Smallest value of the last `n` bars, the current one included: `rolling_min` by its other name.

    .. math:: lowest_t = \\min(x_t, x_{t-1}, \\dots, x_{t-n+1})

    Parameters
    ----------
    x : array_like of float, [n_bars, n_assets] or [n_bars]
        Any series, for example lows.
    n : int
        Bars in the window, 1 or more.

    Returns
    -------
    ndarray of float64, the shape of `x`
        In the unit of `x`; the value of bar t uses bars up to t, t included, so that a breakout of bar t is one below
        the value of the bar before. NaN for an asset's first n − 1 own bars and in its gaps; a missing bar (NaN) does
        not enter a window.

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
    n = read_period("lowest", "n", n)
    return each_asset("lowest", _rolling_min, {"x": x}, n, finds_gaps=True)[0]


@kernel_jit()
def _rolling_std(x, n, divisor, out):
    """Write the root of each window's sum of squared deviations over `divisor`; return False if a NaN was met.

    Distances are taken from the last bar of a block. Each window that uses the block's tail contains that bar, so a
    distance is never larger than the window's range, and a large mean cancels nothing.
    """
    n_bars, n_assets = x.shape
    out[: n - 1] = np.nan
    if n_bars < n:
        return True
    if n_assets == 1:
        _std_of_one(x.reshape(n_bars), n, divisor, out.reshape(n_bars))
    else:
        _std_of_many(x, n, divisor, out)
    return all_there(x)


@inner_jit
def _std_of_one(x, n, divisor, out):
    """Write the deviations of one asset; roots are taken of many blocks at a time, as vector code."""
    n_bars = x.shape[0]
    tail, tail_squares = np.empty(n), np.empty(n)
    stretch = n * max(1, _TILE // n)
    totals = np.empty(min(stretch, n_bars))
    for first in range(0, n_bars - n + 1, stretch):
        for start in range(first, min(first + stretch, n_bars - n + 1), n):
            after = start + n
            own = x[start:after]
            origin = own[n - 1]
            total = squares = 0.0
            for j in range(n - 1, -1, -1):
                distance = own[j] - origin
                total += distance
                squares += distance * distance
                tail[j] = total
                tail_squares[j] = squares
            out[after - 1] = squares
            totals[start - first] = total
            m = min(n - 1, n_bars - after)
            new = x[after : after + m]
            values = out[after : after + m]
            sums_of = totals[start - first + 1 : start - first + 1 + m]
            rest, rest_squares = tail[1:], tail_squares[1:]
            total = squares = 0.0
            for j in range(m):
                distance = new[j] - origin
                total += distance
                squares += distance * distance
                sums_of[j] = rest[j] + total
                values[j] = rest_squares[j] + squares
        values = out[first + n - 1 : min(first + stretch + n - 1, n_bars)]
        for t in range(values.shape[0]):
            values[t] = _root(totals[t], values[t], n, divisor)


@inner_jit
def _std_of_many(x, n, divisor, out):
    """Do the same arithmetic in the same order for all assets side by side, row by row."""
    n_bars, n_assets = x.shape
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
    return _rolling_extreme(x, n, 1.0, out)


@kernel_jit()
def _rolling_min(x, n, out):
    return _rolling_extreme(x, n, -1.0, out)


@inner_jit
def _rolling_extreme(x, n, sign, out):
    """Write the extreme of each window; return False if a NaN was met. One asset has a loop of its own."""
    n_bars, n_assets = x.shape
    out[: n - 1] = np.nan
    if n_bars < n:
        return True
    if n <= SHORT:
        short_extremes(x, n, n_assets, sign, out)
    elif n_assets == 1:
        extremes(x.reshape(n_bars), n, sign, out.reshape(n_bars))
    else:
        _extremes_of_many(x, n, sign, out)
    return all_there(x)


@inner_jit
def _extremes_of_many(x, n, sign, out):
    """Do what `extremes` does for all assets side by side, row by row."""
    n_bars, n_assets = x.shape
    tail = np.empty((n, n_assets))
    head = np.empty(n_assets)
    for start in range(0, n_bars - n + 1, n):
        after = start + n
        head[:] = -np.inf
        tail[n - 1] = sign * x[after - 1]
        for j in range(n - 2, -1, -1):
            for a in range(n_assets):
                tail[j, a] = larger(sign * x[start + j, a], tail[j + 1, a])
        out[after - 1] = sign * tail[0]
        for j in range(min(n - 1, n_bars - after)):
            for a in range(n_assets):
                best = larger(sign * x[after + j, a], head[a])
                head[a] = best
                out[after + j, a] = sign * larger(tail[j + 1, a], best)


@kernel_jit()
def channel(high, low, n, upper, middle, lower):
    """Write the highest high, the midpoint and the lowest low: the core of `donchian`."""
    _rolling_max(high, n, upper)
    _rolling_min(low, n, lower)
    for t in range(high.shape[0]):
        for a in range(high.shape[1]):
            middle[t, a] = 0.5 * (upper[t, a] + lower[t, a])
