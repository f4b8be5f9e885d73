"""Moving averages and the moving sum."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from backtester.indicators._arrays import read_period
from backtester.indicators._panel import each_asset
from backtester.indicators._windows import SHORT, all_there, averaged, short_sums, sums
from backtester.kernel.jit import inner_jit, kernel_jit


def sma(x: ArrayLike, n: int = 30) -> NDArray[np.float64]:
    """Simple moving average: the mean of the last `n` bars.

    .. math:: sma_t = \\frac{1}{n} \\sum_{i=0}^{n-1} x_{t-i}

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
    Equals TA-Lib's SMA. Windows are summed from blocks of n bars (the end of one, the start of the next), never by
    taking a bar out of a running sum, so that no rounding error drifts along: the error is that of adding n numbers.
    """
    n = read_period("sma", "n", n)
    return each_asset("sma", _moving_sum, {"x": x}, n, float(n), finds_gaps=True)[0]


def rolling_sum(x: ArrayLike, n: int = 30) -> NDArray[np.float64]:
    """Sum of the last `n` bars.

    .. math:: sum_t = \\sum_{i=0}^{n-1} x_{t-i}

    Parameters
    ----------
    x : array_like of float, [n_bars, n_assets] or [n_bars]
        Any series.
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
    Equals TA-Lib's SUM; free of drift as `sma` is.
    """
    n = read_period("rolling_sum", "n", n)
    return each_asset("rolling_sum", _moving_sum, {"x": x}, n, 1.0, finds_gaps=True)[0]


def ema(x: ArrayLike, n: int = 30) -> NDArray[np.float64]:
    """Exponential moving average, started from the mean of the first `n` bars.

    .. math:: ema_t = ema_{t-1} + \\frac{2}{n+1} (x_t - ema_{t-1}), \\quad ema_{n-1} = sma_{n-1}

    Parameters
    ----------
    x : array_like of float, [n_bars, n_assets] or [n_bars]
        Any series.
    n : int
        Bars of the start, 1 or more; the weight of the newest bar is 2/(n + 1).

    Returns
    -------
    ndarray of float64, the shape of `x`
        In the unit of `x`; the value of bar t uses bars up to t. NaN for an asset's first n − 1 own bars and in its
        gaps; a missing bar (NaN) does not enter the average.

    Raises
    ------
    DataError
        `x` holds no real numbers, or has no or more than two dimensions.
    SettingsError
        `n` is not an int, or below 1.

    Notes
    -----
    Equals TA-Lib's EMA with its default start.
    """
    n = read_period("ema", "n", n)
    return each_asset("ema", _smooth, {"x": x}, n, (n - 1.0) / (n + 1.0), finds_gaps=True)[0]


def rma(x: ArrayLike, n: int = 14) -> NDArray[np.float64]:
    """Wilder's moving average, started from the mean of the first `n` bars.

    .. math:: rma_t = \\frac{(n-1)\\, rma_{t-1} + x_t}{n}, \\quad rma_{n-1} = sma_{n-1}

    Parameters
    ----------
    x : array_like of float, [n_bars, n_assets] or [n_bars]
        Any series.
    n : int
        Bars of the start, 1 or more; the weight of the newest bar is 1/n.

    Returns
    -------
    ndarray of float64, the shape of `x`
        In the unit of `x`; the value of bar t uses bars up to t. NaN for an asset's first n − 1 own bars and in its
        gaps; a missing bar (NaN) does not enter the average.

    Raises
    ------
    DataError
        `x` holds no real numbers, or has no or more than two dimensions.
    SettingsError
        `n` is not an int, or below 1.

    References
    ----------
    J. Welles Wilder, New Concepts in Technical Trading Systems (1978). It is the average inside his RSI and ATR.
    """
    n = read_period("rma", "n", n)
    return each_asset("rma", _smooth, {"x": x}, n, (n - 1.0) / n, finds_gaps=True)[0]


@inner_jit
def _moving_sum_of_many(x, n, divisor, out):
    """Write the moving sums over `divisor` as `sums` does, with the same additions in the same order; tell of NaN.

    All assets go side by side, row by row.
    """
    n_bars, n_assets = x.shape
    tail = np.empty((n, n_assets))
    head = np.empty(n_assets)
    clean = True
    for start in range(0, n_bars - n + 1, n):
        after = start + n
        for a in range(n_assets):
            tail[n - 1, a] = 0.0 + x[after - 1, a]
            head[a] = 0.0
        for j in range(n - 2, -1, -1):
            for a in range(n_assets):
                tail[j, a] = tail[j + 1, a] + x[start + j, a]
        for a in range(n_assets):
            out[after - 1, a] = tail[0, a] / divisor
            clean &= tail[0, a] == tail[0, a]
        for j in range(min(n - 1, n_bars - after)):
            for a in range(n_assets):
                total = head[a] + x[after + j, a]
                head[a] = total
                out[after + j, a] = (tail[j + 1, a] + total) / divisor
        for a in range(n_assets):
            clean &= head[a] == head[a]
    return clean


@kernel_jit()
def _moving_sum(x, n, divisor, out):
    """Write the sum of each window of n bars over `divisor`; return False if a NaN was met.

    One asset has a loop of its own, three times as fast; it gives the same bits.
    """
    n_bars, n_assets = x.shape
    out[: n - 1] = np.nan
    if n_bars < n:
        return True
    if n <= SHORT:
        short_sums(x, n, n_assets, 0.0, divisor, out)
        return all_there(x)
    if n_assets > 1:
        return _moving_sum_of_many(x, n, divisor, out)
    series, totals = x.reshape(n_bars), out.reshape(n_bars)
    sums(series, n, totals)
    if divisor != 1.0:
        for t in range(n_bars):
            totals[t] /= divisor
    return all_there(series)


@inner_jit
def _mean_of_first(x, n):
    """Return the mean of each asset's first n bars."""
    mean = np.zeros(x.shape[1])
    for t in range(n):
        for a in range(x.shape[1]):
            mean[a] += x[t, a]
    return mean / n


@kernel_jit()
def _smooth(x, n, keep, out):
    """Write x averaged exponentially: the core of `ema` and `rma`. Return False if a NaN was met.

    One asset keeps its average in a register.
    """
    n_bars, n_assets = x.shape
    out[: n - 1] = np.nan
    if n_bars < n:
        return True
    averages = _mean_of_first(x, n)
    out[n - 1] = averages
    if n_assets == 1:
        average = averages[0]
        values, series = out.reshape(n_bars)[n:], x.reshape(n_bars)[n:]
        for t in range(values.shape[0]):
            average = averaged(average, series[t], keep)
            values[t] = average
    else:
        for t in range(n, n_bars):
            for a in range(n_assets):
                averages[a] = averaged(averages[a], x[t, a], keep)
                out[t, a] = averages[a]
    return all_there(x)
