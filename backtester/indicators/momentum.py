"""Returns and momentum."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from backtester.errors import SettingsError
from backtester.indicators._arrays import read_period
from backtester.indicators._panel import each_asset
from backtester.kernel.jit import inner_jit, kernel_jit


def returns(close: ArrayLike, n: int = 1) -> NDArray[np.float64]:
    """Simple return over the last `n` bars.

    .. math:: r_t = \\frac{close_t - close_{t-n}}{close_{t-n}}

    Parameters
    ----------
    close : array_like of float, [n_bars, n_assets] or [n_bars]
        Prices.
    n : int
        Bars from the first price to the last, 1 or more.

    Returns
    -------
    ndarray of float64, the shape of `close`
        A fraction (0.01 is one percent); the value of bar t uses bars up to t. NaN for an asset's first n own bars, in
        its gaps, and where the earlier price is 0. A missing bar (NaN) does not count: the return after a gap is from
        the last price before it.

    Raises
    ------
    DataError
        `close` holds no real numbers, or has no or more than two dimensions.
    SettingsError
        `n` is not an int, or below 1.

    Notes
    -----
    Equals TA-Lib's ROCP, except that TA-Lib gives 0 where the earlier price is 0.
    """
    n = read_period("returns", "n", n)
    return each_asset("returns", _returns, {"close": close}, n)[0]


def rsi(close: ArrayLike, n: int = 14) -> NDArray[np.float64]:
    """Relative strength index: the share of the gains in all recent movement.

    .. math:: rsi_t = 100 \\cdot \\frac{rma(gain)_t}{rma(gain)_t + rma(loss)_t}

    with gain = max(change, 0), loss = max(−change, 0), and change the difference of two consecutive closes.

    Parameters
    ----------
    close : array_like of float, [n_bars, n_assets] or [n_bars]
        Prices.
    n : int
        Changes in the start of Wilder's average, 1 or more.

    Returns
    -------
    ndarray of float64, the shape of `close`
        0 to 100; the value of bar t uses bars up to t. 0 where the price has not moved at all, as in TA-Lib. NaN for an
        asset's first n own bars and in its gaps; a missing bar (NaN) does not count, a change may span it.

    Raises
    ------
    DataError
        `close` holds no real numbers, or has no or more than two dimensions.
    SettingsError
        `n` is not an int, or below 1.

    Notes
    -----
    Equals TA-Lib's RSI with its default start.

    References
    ----------
    J. Welles Wilder, New Concepts in Technical Trading Systems (1978), section VI.
    """
    n = read_period("rsi", "n", n)
    return each_asset("rsi", _rsi, {"close": close}, n)[0]


def macd(
    close: ArrayLike, fast: int = 12, slow: int = 26, signal: int = 9
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Moving average convergence and divergence.

    .. math:: macd_t = ema_{fast,t} - ema_{slow,t}, \\quad signal_t = ema_{signal}(macd)_t

    Parameters
    ----------
    close : array_like of float, [n_bars, n_assets] or [n_bars]
        Prices.
    fast, slow, signal : int
        Periods of the three exponential averages in bars, 1 or more; `fast` is not above `slow`.

    Returns
    -------
    macd, signal, histogram : ndarray of float64, the shape of `close`
        In the unit of `close`; histogram = macd − signal; the value of bar t uses bars up to t. All three are NaN for
        an asset's first slow + signal − 2 own bars, and in its gaps; a missing bar (NaN) does not enter the averages.

    Raises
    ------
    DataError
        `close` holds no real numbers, or has no or more than two dimensions.
    SettingsError
        A period is not an int or below 1, or `fast` is above `slow`.

    Notes
    -----
    Equals TA-Lib's MACD, its start included: both averages start at bar slow − 1, the fast one from the mean of the
    last `fast` bars up to there (so it is not `ema(close, fast)`), and the signal line from the mean of the first
    `signal` values of macd. TA-Lib exchanges `fast` and `slow` silently where they are the wrong way round.

    References
    ----------
    Gerald Appel, Technical Analysis: Power Tools for Active Investors (2005), chapter 8.
    """
    fast = read_period("macd", "fast", fast)
    slow = read_period("macd", "slow", slow)
    signal = read_period("macd", "signal", signal)
    if fast > slow:
        raise SettingsError(
            f"macd: fast is {fast}, above slow = {slow}; the fast period is the smaller, exchange the two"
        )
    line, trigger, histogram = each_asset("macd", _macd, {"close": close}, fast, slow, signal, outputs=3)
    return line, trigger, histogram


@kernel_jit()
def _returns(x, n, out):
    out[:n] = np.nan
    for t in range(n, x.shape[0]):
        for a in range(x.shape[1]):
            before = x[t - n, a]
            out[t, a] = (x[t, a] - before) / before if before != 0.0 else np.nan


@inner_jit
def _strength(gain, loss):
    return 100.0 * (gain / (gain + loss)) if gain + loss != 0.0 else 0.0


@kernel_jit()
def _rsi(x, n, out):
    n_bars, n_assets = x.shape
    out[:n] = np.nan
    if n_bars <= n:
        return
    gain = np.zeros(n_assets)
    loss = np.zeros(n_assets)
    for t in range(1, n + 1):
        for a in range(n_assets):
            change = x[t, a] - x[t - 1, a]
            gain[a] += max(change, 0.0)
            loss[a] += max(-change, 0.0)
    for a in range(n_assets):
        gain[a] /= n
        loss[a] /= n
        out[n, a] = _strength(gain[a], loss[a])
    for t in range(n + 1, n_bars):
        for a in range(n_assets):
            change = x[t, a] - x[t - 1, a]
            gain[a] = (gain[a] * (n - 1) + max(change, 0.0)) / n
            loss[a] = (loss[a] * (n - 1) + max(-change, 0.0)) / n
            out[t, a] = _strength(gain[a], loss[a])


@kernel_jit()
def _macd(x, fast, slow, signal, line, trigger, histogram):
    """Write the three lines; `first` is where the averages start, `start` where the signal line does."""
    n_bars, n_assets = x.shape
    first = slow - 1
    start = first + signal - 1
    for out in (line, trigger, histogram):
        out[:start] = np.nan
    if n_bars <= start:
        return
    fast_average, slow_average = np.zeros(n_assets), np.zeros(n_assets)
    total, average = np.zeros(n_assets), np.zeros(n_assets)
    fast_weight, slow_weight, signal_weight = 2.0 / (fast + 1), 2.0 / (slow + 1), 2.0 / (signal + 1)
    for t in range(slow):
        for a in range(n_assets):
            slow_average[a] += x[t, a]
            if t >= slow - fast:
                fast_average[a] += x[t, a]
    for a in range(n_assets):
        slow_average[a] /= slow
        fast_average[a] /= fast
    for t in range(first, n_bars):
        for a in range(n_assets):
            if t > first:
                fast_average[a] += (x[t, a] - fast_average[a]) * fast_weight
                slow_average[a] += (x[t, a] - slow_average[a]) * slow_weight
            difference = fast_average[a] - slow_average[a]
            if t <= start:
                total[a] += difference
                average[a] = total[a] / signal
            else:
                average[a] += (difference - average[a]) * signal_weight
            if t >= start:
                line[t, a] = difference
                trigger[t, a] = average[a]
                histogram[t, a] = difference - average[a]
