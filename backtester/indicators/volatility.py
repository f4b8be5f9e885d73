"""How much prices move: true range and the volatility of returns."""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from backtester.indicators._arrays import read_period, read_periods_per_year
from backtester.indicators._panel import each_asset
from backtester.indicators._series import by_series
from backtester.indicators._windows import all_there, true_range_of
from backtester.indicators.changes import log_returns_core
from backtester.indicators.rolling import _rolling_std
from backtester.kernel.jit import inner_jit, kernel_jit


def atr(high: ArrayLike, low: ArrayLike, close: ArrayLike, n: int = 14) -> NDArray[np.float64]:
    """Average true range: Wilder's average of the range of a bar, the gap from the close before included.

    .. math:: tr_t = \\max(high_t, close_{t-1}) - \\min(low_t, close_{t-1}), \\quad atr_t = rma(tr)_t

    Parameters
    ----------
    high, low, close : array_like of float, [n_bars, n_assets] or [n_bars]
        Prices; a bar is missing where any of them is NaN.
    n : int
        True ranges in the start of the average, 1 or more; 1 gives the true range itself.

    Returns
    -------
    ndarray of float64, the shape of `high`
        In the unit of the prices, 0 or more; the value of bar t uses bars up to t. NaN for an asset's first n own bars
        and in its gaps; a missing bar does not enter the average, and the true range after a gap is from the last
        close.

    Raises
    ------
    DataError
        An array holds no real numbers, has no or more than two dimensions, or they differ in shape.
    SettingsError
        `n` is not an int, or below 1.

    Notes
    -----
    Equals TA-Lib's ATR with its default start.

    References
    ----------
    J. Welles Wilder, New Concepts in Technical Trading Systems (1978), section III.
    """
    n = read_period("atr", "n", n)
    return each_asset("atr", _atr, {"high": high, "low": low, "close": close}, n, finds_gaps=True)[0]


def true_range(high: ArrayLike, low: ArrayLike, close: ArrayLike) -> NDArray[np.float64]:
    """True range: how far the price went, on the way from the close before included.

    .. math:: tr_t = \\max(high_t, close_{t-1}) - \\min(low_t, close_{t-1})

    Parameters
    ----------
    high, low, close : array_like of float, [n_bars, n_assets] or [n_bars]
        Prices; a bar is missing where any of them is NaN.

    Returns
    -------
    ndarray of float64, the shape of `high`
        In the unit of the prices, 0 or more; the value of bar t uses bars t − 1 and t. NaN for an asset's first own bar
        and in its gaps; the true range after a gap is from the last close before it.

    Raises
    ------
    DataError
        An array holds no real numbers, has no or more than two dimensions, or they differ in shape.

    Notes
    -----
    Equals TA-Lib's TRANGE.

    References
    ----------
    J. Welles Wilder, New Concepts in Technical Trading Systems (1978), section III.
    """
    arrays = {"high": high, "low": low, "close": close}
    return each_asset("true_range", _true_range, arrays, finds_gaps=True)[0]


def realised_volatility(close: ArrayLike, n: int = 20, periods_per_year: float | None = None) -> NDArray[np.float64]:
    """Realised volatility: the sample standard deviation of the last `n` log returns.

    .. math:: \\sigma_t = \\sqrt{P} \\sqrt{\\frac{1}{n-1} \\sum_{i=0}^{n-1} (r_{t-i} - \\bar r_t)^2}, \\quad
        r_t = \\ln(close_t / close_{t-1})

    Parameters
    ----------
    close : array_like of float, [n_bars, n_assets] or [n_bars]
        Prices.
    n : int
        Returns in the window, 2 or more.
    periods_per_year : float, optional
        P, for example 252 for daily bars. Without it P = 1: volatility per bar.

    Returns
    -------
    ndarray of float64, the shape of `close`
        A fraction per bar, or per year; 0 or more. The value of bar t uses bars up to t. NaN for an asset's first n
        own bars and in its gaps; a missing bar (NaN) does not count, the return after a gap is from the last price
        before it. A price of 0 or less has no log return: its two returns are left out, and the value of those bars is
        NaN.

    Raises
    ------
    DataError
        `close` holds no real numbers, or has no or more than two dimensions.
    SettingsError
        `n` is not an int or below 2, or `periods_per_year` is not a finite number above 0.

    References
    ----------
    John Hull, Options, Futures, and Other Derivatives, 10th ed. (2018), section 15.4, equation for s and σ̂ = s/√τ.
    """
    n = read_period("realised_volatility", "n", n, least=2)
    scale = math.sqrt(read_periods_per_year("realised_volatility", periods_per_year))
    logs = each_asset("realised_volatility", _log_returns, {"close": close})[0]
    return each_asset("realised_volatility", _scaled_std, {"close": logs}, n, scale)[0]


@kernel_jit()
def _atr_side_by_side(high, low, close, n, out):
    """Do what `_atr_of_one` does for all assets, row by row; return False if a NaN was met."""
    n_bars, n_assets = high.shape
    out[:n] = np.nan
    if n_bars <= n:
        return True
    averages = np.zeros(n_assets)
    for t in range(1, n + 1):
        for a in range(n_assets):
            averages[a] += true_range_of(high[t, a], low[t, a], close[t - 1, a])
    for a in range(n_assets):
        averages[a] /= n
        out[n, a] = averages[a]
    weight, keep = 1.0 / n, (n - 1.0) / n
    keep_twice, keep_weight = keep * keep, keep * weight
    for t in range(n + 1, n_bars - 1, 2):
        for a in range(n_assets):
            one = true_range_of(high[t, a], low[t, a], close[t - 1, a])
            two = true_range_of(high[t + 1, a], low[t + 1, a], close[t, a])
            out[t, a] = averages[a] * keep + one * weight
            averages[a] = averages[a] * keep_twice + (one * keep_weight + two * weight)
            out[t + 1, a] = averages[a]
    if (n_bars - n) % 2 == 0:
        t = n_bars - 1
        for a in range(n_assets):
            out[t, a] = averages[a] * keep + true_range_of(high[t, a], low[t, a], close[t - 1, a]) * weight
    return all_there(high) and all_there(low) and all_there(close)


@functools.partial(by_series, finds_gaps=True, side_by_side=_atr_side_by_side)
@kernel_jit()
def _atr(high, low, close, n, out):
    whole = True
    for a in range(high.shape[0]):
        whole &= _atr_of_one(high[a], low[a], close[a], n, out[a])
    return whole


@inner_jit
def _atr_of_one(high, low, close, n, out):
    """Write Wilder's average of the true range, two bars a round; return False if a NaN was met.

    The second bar's average is written out in terms of the one before both, so that a round waits for one
    multiplication and one addition and not for two of each. Which form a bar gets depends on its number alone.
    """
    n_bars = high.shape[0]
    out[:n] = np.nan
    if n_bars <= n:
        return True
    first = n + 1
    total = 0.0
    for t in range(1, first):
        total += true_range_of(high[t], low[t], close[t - 1])
    average = total / n
    out[n] = average
    missing = not (all_there(high[:first]) and all_there(low[:first]) and all_there(close[:first]))
    weight, keep = 1.0 / n, (n - 1.0) / n
    keep_twice, keep_weight = keep * keep, keep * weight
    # parts of arrays, so that the loop counts from 0
    high, low, close, before, out = high[first:], low[first:], close[first:], close[n:], out[first:]
    for t in range(0, out.shape[0] - 1, 2):
        one = true_range_of(high[t], low[t], before[t])
        two = true_range_of(high[t + 1], low[t + 1], close[t])
        out[t] = average * keep + one * weight
        average = average * keep_twice + (one * keep_weight + two * weight)
        out[t + 1] = average
        all_six = (high[t] + low[t] + close[t]) + (high[t + 1] + low[t + 1] + close[t + 1])
        missing |= all_six != all_six
    if out.shape[0] % 2 == 1:
        t = out.shape[0] - 1
        out[t] = average * keep + true_range_of(high[t], low[t], before[t]) * weight
        missing |= high[t] + low[t] + close[t] != high[t] + low[t] + close[t]
    return not missing


@kernel_jit()
def _true_range(high, low, close, out):
    """Write the true ranges; return False if a NaN was met. The bar before is a row before, whatever the assets."""
    n_assets = out.shape[1]
    out[:1] = np.nan
    if out.shape[0] <= 1:
        return True
    highs, lows = high.reshape(high.size)[n_assets:], low.reshape(low.size)[n_assets:]
    closes, before = close.reshape(close.size)[n_assets:], close.reshape(close.size)
    ranges = out.reshape(out.size)[n_assets:]
    missing = 0
    for i in range(ranges.shape[0]):
        missing += (highs[i] != highs[i]) | (lows[i] != lows[i]) | (closes[i] != closes[i])
        ranges[i] = true_range_of(highs[i], lows[i], before[i])
    return missing == 0 and all_there(high[:1]) and all_there(low[:1]) and all_there(close[:1])


@kernel_jit()
def _log_returns(x, out):
    log_returns_core(x, 1, out)


@kernel_jit()
def _scaled_std(x, n, scale, out):
    _rolling_std(x, n, n - 1, out)
    for t in range(x.shape[0]):
        for a in range(x.shape[1]):
            out[t, a] *= scale
