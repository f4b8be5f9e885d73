"""Volatility from all four prices of a bar, which says more than closes alone.

Each is an average over the last n bars of a term per bar. A price of 0 or less has no logarithm: its bar has no term,
is left out of the windows, and its value is NaN.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from backtester.indicators._arrays import read_period, read_periods_per_year
from backtester.indicators._panel import each_asset
from backtester.indicators.moving import _moving_sum
from backtester.indicators.rolling import _rolling_std
from backtester.kernel.jit import kernel_jit


def parkinson(
    high: ArrayLike, low: ArrayLike, n: int = 20, periods_per_year: float | None = None
) -> NDArray[np.float64]:
    """Parkinson's volatility, from the range of the last `n` bars.

    .. math:: \\sigma_t = \\sqrt{P} \\sqrt{\\frac{1}{4 n \\ln 2} \\sum_{i=0}^{n-1}
        \\left( \\ln \\frac{high_{t-i}}{low_{t-i}} \\right)^2}

    Parameters
    ----------
    high, low : array_like of float, [n_bars, n_assets] or [n_bars]
        Prices; a bar is missing where either is NaN.
    n : int
        Bars in the window, t included, 1 or more.
    periods_per_year : float, optional
        P, for example 252 for daily bars. Without it P = 1: volatility per bar.

    Returns
    -------
    ndarray of float64, the shape of `high`
        A fraction per bar, or per year; 0 or more. The value of bar t uses bars up to t. NaN for an asset's first n − 1
        own bars and in its gaps; a missing bar does not enter a window, nor does one with a price of 0 or less.

    Raises
    ------
    DataError
        An array holds no real numbers, has no or more than two dimensions, or the two differ in shape.
    SettingsError
        `n` is not an int or below 1, or `periods_per_year` is not a finite number above 0.

    Notes
    -----
    Assumes prices without drift or gaps between bars; overnight moves are not in it.

    References
    ----------
    Michael Parkinson, "The Extreme Value Method for Estimating the Variance of the Rate of Return", Journal of Business
    53 (1980).
    """
    n = read_period("parkinson", "n", n)
    divisor = n / read_periods_per_year("parkinson", periods_per_year)
    terms = each_asset("parkinson", _parkinson_term, {"high": high, "low": low})[0]
    return each_asset("parkinson", _root_of_sum, {"terms": terms}, n, divisor)[0]


def garman_klass(
    open: ArrayLike,
    high: ArrayLike,
    low: ArrayLike,
    close: ArrayLike,
    n: int = 20,
    periods_per_year: float | None = None,
) -> NDArray[np.float64]:
    """Garman and Klass' volatility, from range and move of the last `n` bars.

    .. math:: \\sigma_t = \\sqrt{P} \\sqrt{\\frac{1}{n} \\sum_{i=0}^{n-1} \\left[
        \\frac{1}{2} \\left( \\ln \\frac{high_{t-i}}{low_{t-i}} \\right)^2
        - (2 \\ln 2 - 1) \\left( \\ln \\frac{close_{t-i}}{open_{t-i}} \\right)^2 \\right]}

    Parameters
    ----------
    open, high, low, close : array_like of float, [n_bars, n_assets] or [n_bars]
        Prices; a bar is missing where any of them is NaN.
    n : int
        Bars in the window, t included, 1 or more.
    periods_per_year : float, optional
        P, for example 252 for daily bars. Without it P = 1: volatility per bar.

    Returns
    -------
    ndarray of float64, the shape of `high`
        A fraction per bar, or per year; 0 or more. The value of bar t uses bars up to t. NaN for an asset's first n − 1
        own bars and in its gaps; a missing bar does not enter a window, nor does one with a price of 0 or less. NaN
        too where the sum is negative, which takes opens or closes outside [low, high].

    Raises
    ------
    DataError
        An array holds no real numbers, has no or more than two dimensions, or they differ in shape.
    SettingsError
        `n` is not an int or below 1, or `periods_per_year` is not a finite number above 0.

    Notes
    -----
    Assumes prices without drift or gaps between bars; overnight moves are not in it.

    References
    ----------
    Mark Garman and Michael Klass, "On the Estimation of Security Price Volatilities from Historical Data", Journal of
    Business 53 (1980): the estimator they recommend for practice, of the two coefficients 0.5 and 2 ln 2 − 1.
    """
    n = read_period("garman_klass", "n", n)
    divisor = n / read_periods_per_year("garman_klass", periods_per_year)
    arrays = {"open": open, "high": high, "low": low, "close": close}
    terms = each_asset("garman_klass", _garman_klass_term, arrays)[0]
    return each_asset("garman_klass", _root_of_sum, {"terms": terms}, n, divisor)[0]


def yang_zhang(
    open: ArrayLike,
    high: ArrayLike,
    low: ArrayLike,
    close: ArrayLike,
    n: int = 20,
    periods_per_year: float | None = None,
) -> NDArray[np.float64]:
    """Yang and Zhang's volatility of the last `n` bars: the gap from the close before, the move and the range.

    .. math:: \\sigma_t = \\sqrt{P} \\sqrt{V_o + k V_c + (1 - k) V_{rs}}, \\quad
        k = \\frac{0.34}{1.34 + (n + 1)/(n - 1)}

    with the variances (n − 1 in the denominator) V_o of ln(open/close before) and V_c of ln(close/open), and V_rs the
    mean of ln(high/open)·ln(high/close) + ln(low/open)·ln(low/close).

    Parameters
    ----------
    open, high, low, close : array_like of float, [n_bars, n_assets] or [n_bars]
        Prices; a bar is missing where any of them is NaN.
    n : int
        Bars in the window, t included, 2 or more.
    periods_per_year : float, optional
        P, for example 252 for daily bars. Without it P = 1: volatility per bar.

    Returns
    -------
    ndarray of float64, the shape of `high`
        A fraction per bar, or per year; 0 or more. The value of bar t uses bars up to t. NaN for an asset's first n own
        bars and in its gaps; a missing bar does not count, the gap after it is from the last close before it. A price
        of 0 or less has no logarithm: its bar and the one after it are left out, and their value is NaN.

    Raises
    ------
    DataError
        An array holds no real numbers, has no or more than two dimensions, or they differ in shape.
    SettingsError
        `n` is not an int or below 2, or `periods_per_year` is not a finite number above 0.

    Notes
    -----
    Unbiased whatever the drift, and with the moves between bars.

    References
    ----------
    Dennis Yang and Qiang Zhang, "Drift-Independent Volatility Estimation Based on High, Low, Open, and Close Prices",
    Journal of Business 73 (2000), equations 7 and 10.
    """
    n = read_period("yang_zhang", "n", n, least=2)
    periods = read_periods_per_year("yang_zhang", periods_per_year)
    arrays = {"open": open, "high": high, "low": low, "close": close}
    gap, move, span = each_asset("yang_zhang", _yang_zhang_terms, arrays, outputs=3)
    terms = {"gap": gap, "move": move, "span": span}
    return each_asset("yang_zhang", _yang_zhang, terms, n, math.sqrt(periods))[0]


@kernel_jit()
def _parkinson_term(high, low, out):
    for t in range(high.shape[0]):
        for a in range(high.shape[1]):
            span = np.log(high[t, a] / low[t, a]) if high[t, a] > 0.0 and low[t, a] > 0.0 else np.nan
            out[t, a] = span * span / (4.0 * math.log(2.0))


@kernel_jit()
def _garman_klass_term(open, high, low, close, out):
    for t in range(high.shape[0]):
        for a in range(high.shape[1]):
            out[t, a] = np.nan
            if min(open[t, a], high[t, a], low[t, a], close[t, a]) > 0.0:
                span, move = np.log(high[t, a] / low[t, a]), np.log(close[t, a] / open[t, a])
                out[t, a] = 0.5 * span * span - (2.0 * math.log(2.0) - 1.0) * move * move


@kernel_jit()
def _root_of_sum(x, n, divisor, out):
    _moving_sum(x, n, divisor, out)
    for t in range(x.shape[0]):
        for a in range(x.shape[1]):
            out[t, a] = np.sqrt(out[t, a])


@kernel_jit()
def _yang_zhang_terms(open, high, low, close, gap, move, span):
    for t in range(high.shape[0]):
        for a in range(high.shape[1]):
            o, h, l, c = open[t, a], high[t, a], low[t, a], close[t, a]  # noqa: E741
            before = close[t - 1, a] if t > 0 else np.nan
            there = min(o, h, l, c) > 0.0 and before > 0.0
            gap[t, a] = np.log(o / before) if there else np.nan
            move[t, a] = np.log(c / o) if there else np.nan
            span[t, a] = np.log(h / o) * np.log(h / c) + np.log(l / o) * np.log(l / c) if there else np.nan


@kernel_jit()
def _yang_zhang(gap, move, span, n, scale, out):
    gaps, moves = np.empty(gap.shape), np.empty(gap.shape)
    _rolling_std(gap, n, n - 1, gaps)
    _rolling_std(move, n, n - 1, moves)
    _moving_sum(span, n, float(n), out)
    k = 0.34 / (1.34 + (n + 1) / (n - 1))
    for t in range(gap.shape[0]):
        for a in range(gap.shape[1]):
            variance = gaps[t, a] * gaps[t, a] + k * moves[t, a] * moves[t, a] + (1.0 - k) * out[t, a]
            out[t, a] = scale * np.sqrt(variance)
