"""How much prices move: true range and the volatility of returns."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from backtester.indicators._arrays import read_period, read_periods_per_year
from backtester.indicators._panel import each_asset
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
    return each_asset("atr", _atr, {"high": high, "low": low, "close": close}, n)[0]


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


@inner_jit
def _true_range(high, low, before):
    return max(high, before) - min(low, before)


@kernel_jit()
def _atr(high, low, close, n, out):
    n_bars, n_assets = high.shape
    out[:n] = np.nan
    if n_bars <= n:
        return
    average = np.zeros(n_assets)
    for t in range(1, n + 1):
        for a in range(n_assets):
            average[a] += _true_range(high[t, a], low[t, a], close[t - 1, a])
    for a in range(n_assets):
        average[a] /= n
        out[n, a] = average[a]
    for t in range(n + 1, n_bars):
        for a in range(n_assets):
            average[a] = (average[a] * (n - 1) + _true_range(high[t, a], low[t, a], close[t - 1, a])) / n
            out[t, a] = average[a]


@kernel_jit()
def _log_returns(x, out):
    out[:1] = np.nan
    for t in range(1, x.shape[0]):
        for a in range(x.shape[1]):
            out[t, a] = np.log(x[t, a] / x[t - 1, a]) if x[t, a] > 0.0 and x[t - 1, a] > 0.0 else np.nan


@kernel_jit()
def _scaled_std(x, n, scale, out):
    _rolling_std(x, n, n - 1, out)
    for t in range(x.shape[0]):
        for a in range(x.shape[1]):
            out[t, a] *= scale
