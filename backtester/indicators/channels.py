"""Channels as wide as the true range: Keltner's, and the supertrend that keeps to one side of the price."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from backtester.indicators._arrays import read_number, read_period
from backtester.indicators._panel import each_asset
from backtester.indicators.bands import Bands
from backtester.indicators.moving import _smooth
from backtester.indicators.volatility import _atr_side_by_side
from backtester.kernel.jit import kernel_jit


def keltner(high: ArrayLike, low: ArrayLike, close: ArrayLike, n: int = 20, k: float = 2.0, n_atr: int = 10) -> Bands:
    """Keltner channel: an exponential average of the close, and `k` average true ranges above and below it.

    .. math:: upper_t, lower_t = ema_n(close)_t \\pm k \\cdot atr_{n_{atr}, t}

    Parameters
    ----------
    high, low, close : array_like of float, [n_bars, n_assets] or [n_bars]
        Prices; a bar is missing where any of them is NaN.
    n : int
        Bars of the exponential average, 1 or more.
    k : float
        Width in average true ranges, 0 or more.
    n_atr : int
        True ranges in the start of Wilder's average, 1 or more.

    Returns
    -------
    upper, middle, lower : ndarray of float64, the shape of `high`
        In the unit of the prices; the value of bar t uses bars up to t. All three are NaN for an asset's first
        max(n − 1, n_atr) own bars, and in its gaps; a missing bar does not enter the averages.

    Raises
    ------
    DataError
        An array holds no real numbers, has no or more than two dimensions, or they differ in shape.
    SettingsError
        A period is not an int or below 1, or `k` is negative or not finite.

    Notes
    -----
    The averages are `ema(close, n)` and `atr(high, low, close, n_atr)`.

    References
    ----------
    Chester Keltner, How to Make Money in Commodities (1960), with simple averages of typical price and range; this is
    the form with an exponential average and the true range, ChartSchool (StockCharts.com), "Keltner Channels".
    """
    n = read_period("keltner", "n", n)
    k = read_number("keltner", "k", k, zero=True)
    n_atr = read_period("keltner", "n_atr", n_atr)
    arrays = {"high": high, "low": low, "close": close}
    upper, middle, lower = each_asset("keltner", _keltner, arrays, n, k, n_atr, outputs=3)
    return upper, middle, lower


def supertrend(
    high: ArrayLike, low: ArrayLike, close: ArrayLike, n: int = 10, k: float = 3.0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Supertrend: a stop `k` average true ranges from the middle of the bar, which follows the price and turns with it.

    .. math:: basic_t = \\frac{high_t + low_t}{2} \\pm k \\cdot atr_t

    The upper band is the basic one where that is lower than the upper band before, or the close before was above it;
    else the band before stays. The lower band is its mirror image. In a down trend the value is the upper band, and a
    close above it turns the trend up; in an up trend it is the lower band, and a close below it turns the trend down.

    Parameters
    ----------
    high, low, close : array_like of float, [n_bars, n_assets] or [n_bars]
        Prices; a bar is missing where any of them is NaN.
    n : int
        True ranges in the start of Wilder's average, 1 or more.
    k : float
        Distance in average true ranges, 0 or more.

    Returns
    -------
    value : ndarray of float64, the shape of `high`
        In the unit of the prices.
    direction : ndarray of float64, the shape of `high`
        1 in an up trend, −1 in a down trend. The first bar with a value is in a down trend.

        Both use bars up to t at bar t, and are NaN for an asset's first n own bars and in its gaps; a missing bar is
        not there.

    Raises
    ------
    DataError
        An array holds no real numbers, has no or more than two dimensions, or they differ in shape.
    SettingsError
        `n` is not an int or below 1, or `k` is negative or not finite.

    Notes
    -----
    The range is `atr(high, low, close, n)`. TradingView's function of this name has the same rule and the opposite
    sign of direction; its average begins one bar earlier, with the range of the first bar.

    References
    ----------
    Olivier Seban, Tout le monde mérite d'être riche (2008); the rule as TradingView's reference for `ta.supertrend`
    has it.
    """
    n = read_period("supertrend", "n", n)
    k = read_number("supertrend", "k", k, zero=True)
    arrays = {"high": high, "low": low, "close": close}
    value, direction = each_asset("supertrend", _supertrend, arrays, n, k, outputs=2)
    return value, direction


@kernel_jit()
def _keltner(high, low, close, n, k, n_atr, upper, middle, lower):
    _smooth(close, n, (n - 1.0) / (n + 1.0), middle)
    _atr_side_by_side(high, low, close, n_atr, upper)
    middle[:n_atr] = np.nan  # where the range is not there yet
    for t in range(high.shape[0]):
        for a in range(high.shape[1]):
            width = k * upper[t, a]
            upper[t, a] = middle[t, a] + width
            lower[t, a] = middle[t, a] - width


@kernel_jit()
def _supertrend(high, low, close, n, k, value, direction):
    """Write the band that counts and its side; `value` holds the average true range until then."""
    n_bars, n_assets = high.shape
    _atr_side_by_side(high, low, close, n, value)
    direction[:n] = np.nan
    upper, lower = np.empty(n_assets), np.empty(n_assets)
    for t in range(n, n_bars):
        for a in range(n_assets):
            middle, width = 0.5 * (high[t, a] + low[t, a]), k * value[t, a]
            above, below = middle + width, middle - width
            side = -1.0
            if t > n:
                before = close[t - 1, a]
                above = above if above < upper[a] or before > upper[a] else upper[a]
                below = below if below > lower[a] or before < lower[a] else lower[a]
                if direction[t - 1, a] < 0.0:
                    side = 1.0 if close[t, a] > above else -1.0
                else:
                    side = -1.0 if close[t, a] < below else 1.0
            upper[a] = above
            lower[a] = below
            value[t, a] = below if side > 0.0 else above
            direction[t, a] = side
