"""Moving averages that lag less: weighted by age, stacked exponential ones, and one that adapts."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from backtester.errors import SettingsError
from backtester.indicators._arrays import read_period
from backtester.indicators._panel import each_asset
from backtester.indicators._series import by_series
from backtester.indicators._windows import averaged, weighted_means
from backtester.kernel.jit import inner_jit, kernel_jit


def wma(x: ArrayLike, n: int = 30) -> NDArray[np.float64]:
    """Weighted moving average: the newest of the last `n` bars weighs n, the oldest 1.

    .. math:: wma_t = \\frac{2}{n (n+1)} \\sum_{i=0}^{n-1} (n - i)\\, x_{t-i}

    Parameters
    ----------
    x : array_like of float, [n_bars, n_assets] or [n_bars]
        Any series, for example closes.
    n : int
        Bars in the window, 1 or more.

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
        `n` is not an int, or below 1.

    Notes
    -----
    Equals TA-Lib's WMA; free of drift as `sma` is.
    """
    n = read_period("wma", "n", n)
    return each_asset("wma", _wma, {"x": x}, n, finds_gaps=True)[0]


def hull(x: ArrayLike, n: int = 16) -> NDArray[np.float64]:
    """Hull's moving average: a weighted average of what two weighted averages promise.

    .. math:: hull_t = wma_{\\lfloor\\sqrt n\\rfloor}(2\\, wma_{\\lfloor n/2 \\rfloor}(x) - wma_n(x))_t

    Parameters
    ----------
    x : array_like of float, [n_bars, n_assets] or [n_bars]
        Any series, for example closes.
    n : int
        Bars in the longest window, 2 or more.

    Returns
    -------
    ndarray of float64, the shape of `x`
        In the unit of `x`; it may go beyond the values it averages. The value of bar t uses bars up to t. NaN for an
        asset's first n + ⌊√n⌋ − 2 own bars and in its gaps; a missing bar (NaN) does not enter a window.

    Raises
    ------
    DataError
        `x` holds no real numbers, or has no or more than two dimensions.
    SettingsError
        `n` is not an int, or below 2.

    Notes
    -----
    TA-Lib has no Hull average. Half of n and its root are rounded down, as Hull's formula does; platforms that round
    them to the nearest differ where that is another number.

    References
    ----------
    Alan Hull, "How to reduce lag in a moving average" (2005), alanhull.com/hull-moving-average.
    """
    n = read_period("hull", "n", n, least=2)
    return each_asset("hull", _hull, {"x": x}, n, n // 2, math.isqrt(n), finds_gaps=True)[0]


def dema(x: ArrayLike, n: int = 30) -> NDArray[np.float64]:
    """Double exponential moving average: an `ema` corrected once for its lag.

    .. math:: dema_t = 2\\, e_t - ema_n(e)_t, \\quad e = ema_n(x)

    Parameters
    ----------
    x : array_like of float, [n_bars, n_assets] or [n_bars]
        Any series, for example closes.
    n : int
        Period of both averages in bars, 1 or more; the weight of the newest bar is 2/(n + 1).

    Returns
    -------
    ndarray of float64, the shape of `x`
        In the unit of `x`; the value of bar t uses bars up to t. NaN for an asset's first 2(n − 1) own bars and in its
        gaps; a missing bar (NaN) does not enter the averages.

    Raises
    ------
    DataError
        `x` holds no real numbers, or has no or more than two dimensions.
    SettingsError
        `n` is not an int, or below 1.

    Notes
    -----
    Equals TA-Lib's DEMA: each average starts from the mean of its first n values.

    References
    ----------
    Patrick Mulloy, "Smoothing data with faster moving averages", Stocks & Commodities 12:1 (1994).
    """
    n = read_period("dema", "n", n)
    return each_asset("dema", _dema, {"x": x}, n, finds_gaps=True)[0]


def tema(x: ArrayLike, n: int = 30) -> NDArray[np.float64]:
    """Triple exponential moving average: an `ema` corrected twice for its lag.

    .. math:: tema_t = 3\\, e_t - 3\\, ee_t + eee_t, \\quad e = ema_n(x),\\ ee = ema_n(e),\\ eee = ema_n(ee)

    Parameters
    ----------
    x : array_like of float, [n_bars, n_assets] or [n_bars]
        Any series, for example closes.
    n : int
        Period of the three averages in bars, 1 or more; the weight of the newest bar is 2/(n + 1).

    Returns
    -------
    ndarray of float64, the shape of `x`
        In the unit of `x`; the value of bar t uses bars up to t. NaN for an asset's first 3(n − 1) own bars and in its
        gaps; a missing bar (NaN) does not enter the averages.

    Raises
    ------
    DataError
        `x` holds no real numbers, or has no or more than two dimensions.
    SettingsError
        `n` is not an int, or below 1.

    Notes
    -----
    Equals TA-Lib's TEMA: each average starts from the mean of its first n values.

    References
    ----------
    Patrick Mulloy, "Smoothing data with less lag", Stocks & Commodities 12:2 (1994).
    """
    n = read_period("tema", "n", n)
    return each_asset("tema", _tema, {"x": x}, n, finds_gaps=True)[0]


def trix(x: ArrayLike, n: int = 30) -> NDArray[np.float64]:
    """Rate of change of a triple exponential average, from one bar to the next.

    .. math:: trix_t = \\frac{eee_t - eee_{t-1}}{eee_{t-1}}, \\quad eee = ema_n(ema_n(ema_n(x)))

    Parameters
    ----------
    x : array_like of float, [n_bars, n_assets] or [n_bars]
        Any series, for example closes.
    n : int
        Period of the three averages in bars, 1 or more.

    Returns
    -------
    ndarray of float64, the shape of `x`
        A fraction per bar, not a percentage; the value of bar t uses bars up to t. NaN for an asset's first
        3(n − 1) + 1 own bars, in its gaps, and where the average before is 0; a missing bar (NaN) does not enter the
        averages.

    Raises
    ------
    DataError
        `x` holds no real numbers, or has no or more than two dimensions.
    SettingsError
        `n` is not an int, or below 1.

    Notes
    -----
    Equals TA-Lib's TRIX / 100, except that TA-Lib gives 0 where the average before is 0.

    References
    ----------
    Jack Hutson, "Good TRIX", Stocks & Commodities 1:5 (1983).
    """
    n = read_period("trix", "n", n)
    return each_asset("trix", _trix, {"x": x}, n, finds_gaps=True)[0]


def kama(x: ArrayLike, n: int = 30, fast: int = 2, slow: int = 30) -> NDArray[np.float64]:
    """Kaufman's adaptive moving average: fast where the price moves straight, slow where it goes to and fro.

    .. math:: kama_t = kama_{t-1} + w_t^2 (x_t - kama_{t-1}), \\quad
        w_t = \\frac{2}{slow+1} + e_t \\Big(\\frac{2}{fast+1} - \\frac{2}{slow+1}\\Big), \\quad
        e_t = \\frac{|x_t - x_{t-n}|}{\\sum_{i=0}^{n-1} |x_{t-i} - x_{t-i-1}|}

    Parameters
    ----------
    x : array_like of float, [n_bars, n_assets] or [n_bars]
        Any series, for example closes.
    n : int
        Changes in the window of the efficiency e, 1 or more.
    fast, slow : int
        Periods in bars of the exponential averages at efficiency 1 and 0, 1 or more; `fast` is not above `slow`.

    Returns
    -------
    ndarray of float64, the shape of `x`
        In the unit of `x`; the value of bar t uses bars up to t. It starts from the value of bar n − 1. NaN for an
        asset's first n own bars and in its gaps; a missing bar (NaN) does not count, a change may span it.

    Raises
    ------
    DataError
        `x` holds no real numbers, or has no or more than two dimensions.
    SettingsError
        A period is not an int or below 1, or `fast` is above `slow`.

    Notes
    -----
    Equals TA-Lib's KAMA, whose `fast` and `slow` are always 2 and 30. Kaufman uses n = 10. The sum of the changes is
    free of drift as `sma` is.

    References
    ----------
    Perry Kaufman, Trading Systems and Methods, 5th ed. (2013), chapter 17.
    """
    n = read_period("kama", "n", n)
    fast = read_period("kama", "fast", fast)
    slow = read_period("kama", "slow", slow)
    if fast > slow:
        raise SettingsError(
            f"kama: fast is {fast}, above slow = {slow}; the fast period is the smaller, exchange the two"
        )
    return each_asset("kama", _kama, {"x": x}, n, 2.0 / (fast + 1), 2.0 / (slow + 1), finds_gaps=True)[0]


@by_series
@kernel_jit()
def _wma(x, n, out):
    for a in range(x.shape[0]):
        out[a, : n - 1] = np.nan
        if x.shape[1] >= n:
            weighted_means(x[a], n, out[a])


@by_series
@kernel_jit()
def _hull(x, n, half, root, out):
    for a in range(x.shape[0]):
        _hull_of_one(x[a], n, half, root, out[a])


@inner_jit
def _hull_of_one(x, n, half, root, out):
    n_bars = x.shape[0]
    start = n + root - 2
    out[:start] = np.nan
    if n_bars <= start:
        return
    promise = np.empty(n_bars)
    weighted_means(x, half, promise)
    weighted_means(x, n, out)
    promise, part = promise[n - 1 :], out[n - 1 :]
    for t in range(promise.shape[0]):
        promise[t] = 2.0 * promise[t] - part[t]
    weighted_means(promise, root, part)
    out[:start] = np.nan


@inner_jit
def _two_averages(x, n, keep):
    """Return an ema and its ema at bar 2(n − 1), each started from the mean of its first n values."""
    one = 0.0
    for t in range(n):
        one += x[t]
    one /= n
    two = one
    for t in range(n, 2 * n - 1):
        one = averaged(one, x[t], keep)
        two += one
    return one, two / n


@inner_jit
def _three_averages(x, n, keep):
    """Return an ema, its ema and that one's at bar 3(n − 1)."""
    one, two = _two_averages(x, n, keep)
    three = two
    for t in range(2 * n - 1, 3 * n - 2):
        one = averaged(one, x[t], keep)
        two = averaged(two, one, keep)
        three += two
    return one, two, three / n


@by_series
@kernel_jit()
def _dema(x, n, out):
    for a in range(x.shape[0]):
        _dema_of_one(x[a], n, (n - 1.0) / (n + 1.0), out[a])


@inner_jit
def _dema_of_one(x, n, keep, out):
    start = 2 * (n - 1)
    out[:start] = np.nan
    if x.shape[0] <= start:
        return
    one, two = _two_averages(x, n, keep)
    x, out = x[start:], out[start:]
    for t in range(x.shape[0]):
        if t > 0:
            one = averaged(one, x[t], keep)
            two = averaged(two, one, keep)
        out[t] = 2.0 * one - two


@by_series
@kernel_jit()
def _tema(x, n, out):
    for a in range(x.shape[0]):
        _tema_of_one(x[a], n, (n - 1.0) / (n + 1.0), out[a])


@inner_jit
def _tema_of_one(x, n, keep, out):
    start = 3 * (n - 1)
    out[:start] = np.nan
    if x.shape[0] <= start:
        return
    one, two, three = _three_averages(x, n, keep)
    x, out = x[start:], out[start:]
    for t in range(x.shape[0]):
        if t > 0:
            one = averaged(one, x[t], keep)
            two = averaged(two, one, keep)
            three = averaged(three, two, keep)
        out[t] = 3.0 * (one - two) + three


@by_series
@kernel_jit()
def _trix(x, n, out):
    for a in range(x.shape[0]):
        _trix_of_one(x[a], n, (n - 1.0) / (n + 1.0), out[a])


@inner_jit
def _trix_of_one(x, n, keep, out):
    start = 3 * (n - 1) + 1
    out[:start] = np.nan
    if x.shape[0] <= start:
        return
    one, two, before = _three_averages(x, n, keep)
    x, out = x[start:], out[start:]
    for t in range(x.shape[0]):
        one = averaged(one, x[t], keep)
        two = averaged(two, one, keep)
        three = averaged(before, two, keep)
        out[t] = (three - before) / before if before != 0.0 else np.nan
        before = three


@by_series
@kernel_jit()
def _kama(x, n, fast, slow, out):
    for a in range(x.shape[0]):
        _kama_of_one(x[a], n, fast, slow, out[a])


@inner_jit
def _kama_of_one(x, n, fast, slow, out):
    """Write the average; the ways of the windows are summed from blocks of n changes, as `sums` does for values."""
    n_bars = x.shape[0]
    out[:n] = np.nan
    if n_bars <= n:
        return
    tail = np.empty(n)
    average = x[n - 1]
    for start in range(1, n_bars - n + 1, n):
        after = start + n
        own = x[start - 1 : after]
        way = 0.0
        for j in range(n - 1, -1, -1):
            way += abs(own[j + 1] - own[j])
            tail[j] = way
        m = min(n, n_bars - after + 1)
        new = x[after - 1 : after - 1 + m]
        old = x[start - 1 : start - 1 + m]
        values = out[after - 1 : after - 1 + m]
        way = 0.0
        for j in range(m):
            if j > 0:
                way += abs(new[j] - new[j - 1])
            change, whole_way = abs(new[j] - old[j]), tail[j] + way
            weight = slow + (fast - slow) * (change / whole_way if whole_way > change else 1.0)
            average += weight * weight * (new[j] - average)
            values[j] = average
