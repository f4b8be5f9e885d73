"""Oscillators of the window: where the close stands between the extremes, or how far from the average."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from backtester.indicators._arrays import read_period
from backtester.indicators._panel import each_asset
from backtester.indicators._series import by_series
from backtester.indicators._windows import ROUNDING, extremes, sums
from backtester.kernel.jit import inner_jit, kernel_jit

_TILE = 512  # bars whose deviations are summed side by side


def stochastic(
    high: ArrayLike, low: ArrayLike, close: ArrayLike, n: int = 5, smooth: int = 3, signal: int = 3
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Stochastic oscillator: where the close stands between the lowest low and the highest high.

    .. math:: k = sma_{smooth}\\Big(100 \\cdot \\frac{close - lowest_n(low)}{highest_n(high) - lowest_n(low)}\\Big),
        \\quad d = sma_{signal}(k)

    Parameters
    ----------
    high, low, close : array_like of float, [n_bars, n_assets] or [n_bars]
        Prices; a bar is missing where any of them is NaN.
    n : int
        Bars in the window of the extremes, 1 or more.
    smooth : int
        Bars of the average that makes k, 1 or more; 1 gives the fast oscillator, more the slow one.
    signal : int
        Bars of the average of k that makes d, 1 or more.

    Returns
    -------
    k, d : ndarray of float64, the shape of `high`
        0 to 100; a window whose extremes are equal counts as 0, as in TA-Lib. The value of bar t uses bars up to t.
        Both are NaN for an asset's first n + smooth + signal − 3 own bars, and in its gaps; a missing bar does not
        enter a window.

    Raises
    ------
    DataError
        An array holds no real numbers, has no or more than two dimensions, or they differ in shape.
    SettingsError
        A period is not an int, or below 1.

    Notes
    -----
    Equals TA-Lib's STOCH with its default averages, and its STOCHF for `smooth=1`.

    References
    ----------
    George Lane, "Lane's stochastics", Stocks & Commodities 2:3 (1984).
    """
    n = read_period("stochastic", "n", n)
    smooth = read_period("stochastic", "smooth", smooth)
    signal = read_period("stochastic", "signal", signal)
    arrays = {"high": high, "low": low, "close": close}
    k, d = each_asset("stochastic", _stochastic, arrays, n, smooth, signal, outputs=2, finds_gaps=True)
    return k, d


def williams_r(high: ArrayLike, low: ArrayLike, close: ArrayLike, n: int = 14) -> NDArray[np.float64]:
    """Williams %R: how far the close stands below the highest high, in the range of the last `n` bars.

    .. math:: r_t = -100 \\cdot \\frac{highest_n(high)_t - close_t}{highest_n(high)_t - lowest_n(low)_t}

    Parameters
    ----------
    high, low, close : array_like of float, [n_bars, n_assets] or [n_bars]
        Prices; a bar is missing where any of them is NaN.
    n : int
        Bars in the window, 1 or more.

    Returns
    -------
    ndarray of float64, the shape of `high`
        −100 (at the low) to 0 (at the high, and where the two are equal, as in TA-Lib). The value of bar t uses bars up
        to t. NaN for an asset's first n − 1 own bars and in its gaps; a missing bar does not enter a window.

    Raises
    ------
    DataError
        An array holds no real numbers, has no or more than two dimensions, or they differ in shape.
    SettingsError
        `n` is not an int, or below 1.

    Notes
    -----
    Equals TA-Lib's WILLR.

    References
    ----------
    Larry Williams, How I Made One Million Dollars Last Year Trading Commodities (1973).
    """
    n = read_period("williams_r", "n", n)
    arrays = {"high": high, "low": low, "close": close}
    return each_asset("williams_r", _williams_r, arrays, n, finds_gaps=True)[0]


def cci(high: ArrayLike, low: ArrayLike, close: ArrayLike, n: int = 14) -> NDArray[np.float64]:
    """Commodity channel index: how many mean deviations the typical price is from its average, over 0.015.

    .. math:: cci_t = \\frac{p_t - \\bar p_t}{0.015 \\cdot \\frac{1}{n} \\sum_{i=0}^{n-1} |p_{t-i} - \\bar p_t|}, \\quad
        p_t = \\frac{high_t + low_t + close_t}{3}, \\quad \\bar p = sma_n(p)

    Parameters
    ----------
    high, low, close : array_like of float, [n_bars, n_assets] or [n_bars]
        Prices; a bar is missing where any of them is NaN.
    n : int
        Bars in the window, 1 or more.

    Returns
    -------
    ndarray of float64, the shape of `high`
        A number around 0, mostly within ±100; 0 where the window's typical prices are all equal. The value of bar t
        uses bars up to t. NaN for an asset's first n − 1 own bars and in its gaps; a missing bar does not enter a
        window.

    Raises
    ------
    DataError
        An array holds no real numbers, has no or more than two dimensions, or they differ in shape.
    SettingsError
        `n` is not an int, or below 1.

    Notes
    -----
    Equals TA-Lib's CCI. Typical prices that differ by rounding alone are equal. They are taken as distances from the
    newest, so that a large mean costs no digits. A bar takes 2n additions: every window has a mean of its own.

    References
    ----------
    Donald Lambert, "Commodity channel index: tool for trading cyclic trends", Commodities 9:10 (1980).
    """
    n = read_period("cci", "n", n)
    return each_asset("cci", _cci, {"high": high, "low": low, "close": close}, n, finds_gaps=True)[0]


@by_series
@kernel_jit()
def _stochastic(high, low, close, n, smooth, signal, k, d):
    for a in range(high.shape[0]):
        _stochastic_of_one(high[a], low[a], close[a], n, smooth, signal, k[a], d[a])


@inner_jit
def _stochastic_of_one(high, low, close, n, smooth, signal, k, d):
    """Write k and d, which take turns as the place for what comes before them."""
    n_bars = high.shape[0]
    start = n + smooth + signal - 3
    if n_bars <= start:
        k[:] = np.nan
        d[:] = np.nan
        return
    extremes(high, n, 1.0, d)
    extremes(low, n, -1.0, k)
    raw, slow, now = d[n - 1 :], k[n - 1 :], close[n - 1 :]
    for t in range(raw.shape[0]):
        width = raw[t] - slow[t]
        raw[t] = 100.0 * ((now[t] - slow[t]) / width) if width != 0.0 else 0.0
    if smooth > 1:
        sums(raw, smooth, slow)
        for t in range(slow.shape[0]):
            raw[t] = slow[t] / smooth  # before bar smooth − 1 there is no sum, and nothing reads these
    slow, trigger = d[n + smooth - 2 :], k[n + smooth - 2 :]
    sums(slow, signal, trigger)
    for t in range(trigger.shape[0]):
        slow[t], trigger[t] = trigger[t] / signal, slow[t]
    k[:start] = np.nan
    d[:start] = np.nan


@by_series
@kernel_jit()
def _williams_r(high, low, close, n, out):
    for a in range(high.shape[0]):
        _williams_r_of_one(high[a], low[a], close[a], n, out[a])


@inner_jit
def _williams_r_of_one(high, low, close, n, out):
    n_bars = high.shape[0]
    out[: n - 1] = np.nan
    if n_bars < n:
        return
    lowest = np.empty(n_bars)
    extremes(low, n, -1.0, lowest)
    extremes(high, n, 1.0, out)
    lowest, values, now = lowest[n - 1 :], out[n - 1 :], close[n - 1 :]
    for t in range(values.shape[0]):
        width = values[t] - lowest[t]
        values[t] = -100.0 * ((values[t] - now[t]) / width) if width != 0.0 else 0.0


@by_series
@kernel_jit()
def _cci(high, low, close, n, out):
    for a in range(high.shape[0]):
        out[a, : n - 1] = np.nan
        typical = np.empty(_TILE + n - 1 if n <= high.shape[1] else 0)
        for first in range(n - 1, high.shape[1], _TILE):
            span = slice(first - n + 1, min(first + _TILE, high.shape[1]))
            _cci_of_a_tile(high[a, span], low[a, span], close[a, span], n, typical, out[a, first : first + _TILE])


@inner_jit
def _cci_of_a_tile(high, low, close, n, typical, out):
    """Write the index of a few bars; the inputs start n − 1 bars before them.

    The bars of a window are gone through for all values side by side; `mean` is the mean distance from the newest.
    """
    for t in range(high.shape[0]):
        typical[t] = (high[t] + low[t] + close[t]) / 3.0
    n_values = out.shape[0]
    newest = typical[n - 1 : n - 1 + n_values]
    mean, deviation = np.zeros(n_values), np.zeros(n_values)
    for i in range(n - 1):
        older = typical[i : i + n_values]
        for t in range(n_values):
            mean[t] += older[t] - newest[t]
    for t in range(n_values):
        mean[t] /= n
    for i in range(n):
        older = typical[i : i + n_values]
        for t in range(n_values):
            deviation[t] += abs((older[t] - newest[t]) - mean[t])
    for t in range(n_values):
        deviation[t] /= n
        some = deviation[t] > ROUNDING * abs(newest[t])
        out[t] = -mean[t] / (0.015 * deviation[t]) if some else 0.0
