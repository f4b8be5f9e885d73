"""Bands around the price: Bollinger's and Donchian's."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from backtester.indicators._arrays import read_number, read_period
from backtester.indicators._panel import each_asset
from backtester.indicators.moving import _moving_sum
from backtester.indicators.rolling import _rolling_std, channel
from backtester.kernel.jit import kernel_jit

Bands = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


def bollinger(close: ArrayLike, n: int = 20, k: float = 2.0) -> Bands:
    """Bollinger bands: the moving average, and `k` standard deviations above and below it.

    .. math:: upper_t, lower_t = sma_t \\pm k \\cdot std_t

    Parameters
    ----------
    close : array_like of float, [n_bars, n_assets] or [n_bars]
        Prices.
    n : int
        Bars in the window, 1 or more.
    k : float
        Width in standard deviations, 0 or more.

    Returns
    -------
    upper, middle, lower : ndarray of float64, the shape of `close`
        In the unit of `close`; the value of bar t uses bars up to t. NaN for an asset's first n − 1 own bars and in its
        gaps; a missing bar (NaN) does not enter a window.

    Raises
    ------
    DataError
        `close` holds no real numbers, or has no or more than two dimensions.
    SettingsError
        `n` is not an int or below 1, or `k` is negative or not finite.

    Notes
    -----
    Equals TA-Lib's BBANDS with equal deviations up and down; the standard deviation divides by n.

    References
    ----------
    John Bollinger, Bollinger on Bollinger Bands (2001), chapter 7.
    """
    n = read_period("bollinger", "n", n)
    k = read_number("bollinger", "k", k, zero=True)
    upper, middle, lower = each_asset("bollinger", _bollinger, {"close": close}, n, k, outputs=3)
    return upper, middle, lower


def donchian(high: ArrayLike, low: ArrayLike, n: int = 20) -> Bands:
    """Donchian channel: the highest high and the lowest low of the last `n` bars, and the middle of the two.

    .. math:: upper_t = \\max_{0 \\le i < n} high_{t-i}, \\quad lower_t = \\min_{0 \\le i < n} low_{t-i}

    Parameters
    ----------
    high, low : array_like of float, [n_bars, n_assets] or [n_bars]
        Prices; a bar is missing where either is NaN.
    n : int
        Bars in the window, 1 or more.

    Returns
    -------
    upper, middle, lower : ndarray of float64, the shape of `high`
        In the unit of `high`; the value of bar t uses bars up to t, t included, so a breakout of bar t is a close
        beyond the channel of the bar before. NaN for an asset's first n − 1 own bars and in its gaps; a missing bar
        does not enter a window.

    Raises
    ------
    DataError
        An array holds no real numbers, has no or more than two dimensions, or the two differ in shape.
    SettingsError
        `n` is not an int, or below 1.

    References
    ----------
    Richard Donchian's four-week rule; Curtis Faith, Way of the Turtle (2007), for the 20-bar channel.
    """
    n = read_period("donchian", "n", n)
    upper, middle, lower = each_asset("donchian", channel, {"high": high, "low": low}, n, outputs=3)
    return upper, middle, lower


@kernel_jit()
def _bollinger(x, n, k, upper, middle, lower):
    _moving_sum(x, n, float(n), middle)
    _rolling_std(x, n, n, upper)
    for t in range(x.shape[0]):
        for a in range(x.shape[1]):
            width = k * upper[t, a]
            upper[t, a] = middle[t, a] + width
            lower[t, a] = middle[t, a] - width
