"""Indicators of volume: where it went when the price rose and fell."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from backtester.indicators._arrays import read_period
from backtester.indicators._panel import each_asset
from backtester.indicators._series import by_series
from backtester.indicators._windows import ROUNDING, sums
from backtester.kernel.jit import inner_jit, kernel_jit


def obv(close: ArrayLike, volume: ArrayLike) -> NDArray[np.float64]:
    """On-balance volume: the volume of all bars that closed higher, less that of those that closed lower.

    .. math:: obv_t = obv_{t-1} + sign(close_t - close_{t-1})\\, volume_t, \\quad obv_0 = volume_0

    Parameters
    ----------
    close, volume : array_like of float, [n_bars, n_assets] or [n_bars]
        Prices and volumes; a bar is missing where either is NaN.

    Returns
    -------
    ndarray of float64, the shape of `close`
        In the unit of `volume`; the level depends on where the data starts, its changes do not. The value of bar t uses
        bars up to t. No warm-up: an asset's first own bar has its volume. NaN in gaps; a missing bar does not count.

    Raises
    ------
    DataError
        An array holds no real numbers, has no or more than two dimensions, or the two differ in shape.

    Notes
    -----
    Equals TA-Lib's OBV. It is a running sum, exact where volumes are whole numbers and the sum is below 2^53.

    References
    ----------
    Joseph Granville, Granville's New Key to Stock Market Profits (1963).
    """
    return each_asset("obv", _obv, {"close": close, "volume": volume}, finds_gaps=True)[0]


def mfi(high: ArrayLike, low: ArrayLike, close: ArrayLike, volume: ArrayLike, n: int = 14) -> NDArray[np.float64]:
    """Money flow index: the share of the money that went in with a rising typical price.

    .. math:: mfi_t = 100 \\cdot \\frac{in_t}{in_t + out_t}, \\quad p_t = \\frac{high_t + low_t + close_t}{3}

    with in and out the sums of p · volume over those of the last n bars where p is above and below that of the bar
    before.

    Parameters
    ----------
    high, low, close, volume : array_like of float, [n_bars, n_assets] or [n_bars]
        Prices and volumes; a bar is missing where any of them is NaN.
    n : int
        Changes in the window, 1 or more.

    Returns
    -------
    ndarray of float64, the shape of `high`
        0 to 100; 0 where no money flowed at all. The value of bar t uses bars up to t. NaN for an asset's first n own
        bars and in its gaps; a missing bar does not count, a change may span it.

    Raises
    ------
    DataError
        An array holds no real numbers, has no or more than two dimensions, or they differ in shape.
    SettingsError
        `n` is not an int, or below 1.

    Notes
    -----
    Typical prices that differ by rounding alone are equal. Equals TA-Lib's MFI, except that TA-Lib gives 0 wherever the
    window's flow is below 1 unit of money. The sums are free of drift as `sma` is.

    References
    ----------
    Gene Quong and Avrum Soudack, "Volume-weighted RSI: money flow", Stocks & Commodities 7:3 (1989).
    """
    n = read_period("mfi", "n", n)
    arrays = {"high": high, "low": low, "close": close, "volume": volume}
    return each_asset("mfi", _mfi, arrays, n, finds_gaps=True)[0]


@by_series
@kernel_jit()
def _obv(close, volume, out):
    for a in range(close.shape[0]):
        total = volume[a, 0]
        out[a, 0] = total
        now, before = close[a, 1:], close[a]
        flow, values = volume[a, 1:], out[a, 1:]
        for t in range(now.shape[0]):
            total += flow[t] if now[t] > before[t] else -flow[t] if now[t] < before[t] else 0.0
            values[t] = total


@by_series
@kernel_jit()
def _mfi(high, low, close, volume, n, out):
    for a in range(high.shape[0]):
        _mfi_of_one(high[a], low[a], close[a], volume[a], n, out[a])


@inner_jit
def _mfi_of_one(high, low, close, volume, n, out):
    n_bars = high.shape[0]
    out[:n] = np.nan
    if n_bars <= n:
        return
    inward, outward = np.empty(n_bars - 1), np.empty(n_bars - 1)
    before = (high[0] + low[0] + close[0]) / 3.0
    high, low, close, volume, values = high[1:], low[1:], close[1:], volume[1:], out[1:]
    for t in range(inward.shape[0]):
        typical = (high[t] + low[t] + close[t]) / 3.0
        flow = typical * volume[t]
        change, rounding = typical - before, ROUNDING * abs(before)
        inward[t] = flow if change > rounding else 0.0
        outward[t] = flow if -change > rounding else 0.0
        before = typical
    sums(inward, n, values)
    sums(outward, n, inward)
    values, lost = values[n - 1 :], inward[n - 1 :]
    for t in range(values.shape[0]):
        both = values[t] + lost[t]
        values[t] = 100.0 * (values[t] / both) if both != 0.0 else 0.0
