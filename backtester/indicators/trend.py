"""Whether there is a trend: Wilder's directional movement, and how long ago the extremes were."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from backtester.indicators._arrays import read_period
from backtester.indicators._panel import each_asset
from backtester.indicators._series import by_series
from backtester.indicators._windows import bars_since, true_range_of
from backtester.kernel.jit import inner_jit, kernel_jit


def adx(
    high: ArrayLike, low: ArrayLike, close: ArrayLike, n: int = 14
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Average directional index, and the two directional indicators it is made of.

    .. math:: plus\\_di = 100 \\cdot \\frac{W(up)}{W(tr)}, \\quad minus\\_di = 100 \\cdot \\frac{W(down)}{W(tr)}, \\quad
        adx = rma_n\\Big(100 \\cdot \\frac{|plus\\_di - minus\\_di|}{plus\\_di + minus\\_di}\\Big)

    with tr the true range; up the rise of the high where it is positive and more than the fall of the low, else 0; down
    the fall of the low where it is positive and more than the rise of the high, else 0; and W Wilder's sum,
    W_t = W_{t−1} − W_{t−1}/n + x_t, started from the sum of the first n − 1 values.

    Parameters
    ----------
    high, low, close : array_like of float, [n_bars, n_assets] or [n_bars]
        Prices; a bar is missing where any of them is NaN.
    n : int
        Bars of Wilder's averages, 2 or more.

    Returns
    -------
    adx, plus_di, minus_di : ndarray of float64, the shape of `high`
        0 to 100; the value of bar t uses bars up to t. The indicators are NaN for an asset's first n own bars, adx for
        its first 2n − 1; all are in its gaps. A missing bar does not count, a change may span it. Where the price has
        not moved at all the indicators are 0 and adx stays as it is, as in TA-Lib.

    Raises
    ------
    DataError
        An array holds no real numbers, has no or more than two dimensions, or they differ in shape.
    SettingsError
        `n` is not an int, or below 2.

    Notes
    -----
    Equals TA-Lib's ADX, PLUS_DI and MINUS_DI with their default start. TA-Lib takes sums below 1e-14 for 0.

    References
    ----------
    J. Welles Wilder, New Concepts in Technical Trading Systems (1978), section IV.
    """
    n = read_period("adx", "n", n, least=2)
    arrays = {"high": high, "low": low, "close": close}
    strength, plus, minus = each_asset("adx", _adx, arrays, n, outputs=3, finds_gaps=True)
    return strength, plus, minus


def aroon(
    high: ArrayLike, low: ArrayLike, n: int = 14
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Aroon: how recent the highest high and the lowest low of the last n + 1 bars are.

    .. math:: up = 100 \\cdot \\frac{n - \\text{bars since the highest high}}{n}, \\quad
        down = 100 \\cdot \\frac{n - \\text{bars since the lowest low}}{n}, \\quad oscillator = up - down

    Parameters
    ----------
    high, low : array_like of float, [n_bars, n_assets] or [n_bars]
        Prices; a bar is missing where either is NaN.
    n : int
        Bars before the current one in the window, 1 or more.

    Returns
    -------
    up, down, oscillator : ndarray of float64, the shape of `high`
        0 to 100, the oscillator −100 to 100; of equal extremes the last one counts. The value of bar t uses bars up to
        t. NaN for an asset's first n own bars and in its gaps; a missing bar does not enter a window.

    Raises
    ------
    DataError
        An array holds no real numbers, has no or more than two dimensions, or the two differ in shape.
    SettingsError
        `n` is not an int, or below 1.

    Notes
    -----
    Equals TA-Lib's AROON, which returns down before up, and its AROONOSC.

    References
    ----------
    Tushar Chande, "A time price oscillator", Stocks & Commodities 13:9 (1995).
    """
    n = read_period("aroon", "n", n)
    up, down, oscillator = each_asset("aroon", _aroon, {"high": high, "low": low}, n, outputs=3, finds_gaps=True)
    return up, down, oscillator


@by_series
@kernel_jit()
def _adx(high, low, close, n, strength, plus, minus):
    for a in range(high.shape[0]):
        strength[a, : 2 * n - 1] = np.nan
        plus[a, :n] = np.nan
        minus[a, :n] = np.nan
        if high.shape[1] > n:
            _adx_of_one(high[a], low[a], close[a], n, strength[a], plus[a], minus[a])


@inner_jit
def _movement(high, low, high_before, low_before):
    """Return the directional movement of a bar, up and down; at most one of them is not 0."""
    rise, fall = high - high_before, low_before - low
    return (rise if rise > max(fall, 0.0) else 0.0), (fall if fall > max(rise, 0.0) else 0.0)


@inner_jit
def _adx_of_one(high, low, close, n, strength, plus, minus):
    weight = 1.0 / n
    ups = downs = ranges = 0.0
    for t in range(1, n):
        up, down = _movement(high[t], low[t], high[t - 1], low[t - 1])
        ups += up
        downs += down
        ranges += true_range_of(high[t], low[t], close[t - 1])
    total = average = 0.0
    for t in range(n, high.shape[0]):
        up, down = _movement(high[t], low[t], high[t - 1], low[t - 1])
        ups += up - ups * weight
        downs += down - downs * weight
        ranges += true_range_of(high[t], low[t], close[t - 1]) - ranges * weight
        plus[t] = 100.0 * (ups / ranges) if ranges > 0.0 else 0.0
        minus[t] = 100.0 * (downs / ranges) if ranges > 0.0 else 0.0
        moved = ups + downs
        index = 100.0 * (abs(ups - downs) / moved) if moved > 0.0 else average
        if t >= 2 * n:
            average += (index - average) * weight
            strength[t] = average
        else:  # the first n make the start; where nothing has moved they add nothing
            total += index
            if t == 2 * n - 1:
                average = total / n
                strength[t] = average


@by_series
@kernel_jit()
def _aroon(high, low, n, up, down, oscillator):
    for a in range(high.shape[0]):
        for out in (up[a], down[a], oscillator[a]):
            out[:n] = np.nan
        if high.shape[1] > n:
            bars_since(high[a], n + 1, 1.0, up[a])
            bars_since(low[a], n + 1, -1.0, down[a])
            ups, downs, both = up[a, n:], down[a, n:], oscillator[a, n:]
            for t in range(both.shape[0]):
                ups[t] = 100.0 * (n - ups[t]) / n
                downs[t] = 100.0 * (n - downs[t]) / n
                both[t] = ups[t] - downs[t]
