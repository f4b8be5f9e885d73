"""Changes of the price: returns, momentum, and what is averaged from them."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import ArrayLike, NDArray

from backtester.errors import SettingsError
from backtester.indicators._arrays import read_period
from backtester.indicators._panel import each_asset
from backtester.indicators._series import by_series
from backtester.indicators._windows import all_there, averaged
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
    return each_asset("returns", _returns, {"close": close}, n, finds_gaps=True)[0]


def log_returns(close: ArrayLike, n: int = 1) -> NDArray[np.float64]:
    """Logarithmic return over the last `n` bars.

    .. math:: r_t = \\ln \\frac{close_t}{close_{t-n}}

    Parameters
    ----------
    close : array_like of float, [n_bars, n_assets] or [n_bars]
        Prices.
    n : int
        Bars from the first price to the last, 1 or more.

    Returns
    -------
    ndarray of float64, the shape of `close`
        A fraction: 0.01 is a growth by e^0.01. The value of bar t uses bars up to t. NaN for an asset's first n own
        bars, in its gaps, and where one of the two prices is 0 or less. A missing bar (NaN) does not count: the return
        after a gap is from the last price before it.

    Raises
    ------
    DataError
        `close` holds no real numbers, or has no or more than two dimensions.
    SettingsError
        `n` is not an int, or below 1.

    References
    ----------
    John Y. Campbell, Andrew W. Lo and A. Craig MacKinlay, The Econometrics of Financial Markets (1997), section 1.4.
    """
    n = read_period("log_returns", "n", n)
    return each_asset("log_returns", log_returns_core, {"close": close}, n)[0]


def roc(close: ArrayLike, n: int = 10) -> NDArray[np.float64]:
    """Rate of change: the simple return over the last `n` bars, `returns` by its other name.

    .. math:: roc_t = \\frac{close_t - close_{t-n}}{close_{t-n}}

    Parameters
    ----------
    close : array_like of float, [n_bars, n_assets] or [n_bars]
        Prices.
    n : int
        Bars from the first price to the last, 1 or more.

    Returns
    -------
    ndarray of float64, the shape of `close`
        A fraction, not a percentage; the value of bar t uses bars up to t. NaN for an asset's first n own bars, in its
        gaps, and where the earlier price is 0. A missing bar (NaN) does not count.

    Raises
    ------
    DataError
        `close` holds no real numbers, or has no or more than two dimensions.
    SettingsError
        `n` is not an int, or below 1.

    Notes
    -----
    Equals TA-Lib's ROCP, and ROC / 100, except that TA-Lib gives 0 where the earlier price is 0.
    """
    n = read_period("roc", "n", n)
    return each_asset("roc", _returns, {"close": close}, n, finds_gaps=True)[0]


def momentum(x: ArrayLike, n: int = 10) -> NDArray[np.float64]:
    """Change over the last `n` bars.

    .. math:: momentum_t = x_t - x_{t-n}

    Parameters
    ----------
    x : array_like of float, [n_bars, n_assets] or [n_bars]
        Any series, for example closes.
    n : int
        Bars from the first value to the last, 1 or more.

    Returns
    -------
    ndarray of float64, the shape of `x`
        In the unit of `x`; the value of bar t uses bars up to t. NaN for an asset's first n own bars and in its gaps; a
        missing bar (NaN) does not count.

    Raises
    ------
    DataError
        `x` holds no real numbers, or has no or more than two dimensions.
    SettingsError
        `n` is not an int, or below 1.

    Notes
    -----
    Equals TA-Lib's MOM.
    """
    n = read_period("momentum", "n", n)
    return each_asset("momentum", _momentum, {"x": x}, n, finds_gaps=True)[0]


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
    return each_asset("rsi", _rsi, {"close": close}, n, finds_gaps=True)[0]


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
    line, trigger, histogram = each_asset(
        "macd", _macd, {"close": close}, fast, slow, signal, outputs=3, finds_gaps=True
    )
    return line, trigger, histogram


@inner_jit
def _shifted(x, n):
    """Return the values from row n on, and those n rows before, as two arrays [k] with k > 0 or both empty.

    n bars ago is n rows back in memory, whatever the number of assets.
    """
    values = x.reshape(x.size)
    back = min(n, x.shape[0]) * x.shape[1]
    return values[back:], values[: x.size - back]


@kernel_jit()
def _returns(x, n, out):
    """Write the returns; return False if a NaN was met."""
    out[:n] = np.nan
    now, before = _shifted(x, n)
    change = _shifted(out, n)[0]
    missing = 0
    for i in range(change.shape[0]):
        missing += now[i] != now[i]
        change[i] = (now[i] - before[i]) / before[i] if before[i] != 0.0 else np.nan
    return missing == 0 and all_there(x[:n])


@kernel_jit()
def log_returns_core(x, n, out):
    """Write the logarithmic returns."""
    out[:n] = np.nan
    now, before = _shifted(x, n)
    change = _shifted(out, n)[0]
    for i in range(change.shape[0]):
        change[i] = np.log(now[i] / before[i]) if now[i] > 0.0 and before[i] > 0.0 else np.nan


@kernel_jit()
def _momentum(x, n, out):
    """Write the changes; return False if a NaN was met."""
    out[:n] = np.nan
    now, before = _shifted(x, n)
    change = _shifted(out, n)[0]
    missing = 0
    for i in range(change.shape[0]):
        missing += now[i] != now[i]
        change[i] = now[i] - before[i]
    return missing == 0 and all_there(x[:n])


@inner_jit
def _strength(gain, loss):
    return 100.0 * (gain / (gain + loss)) if gain + loss != 0.0 else 0.0


@inner_jit
def _gain_and_loss(change):
    return max(change, 0.0), max(-change, 0.0)


@kernel_jit()
def _rsi(x, n, out):
    """Write the index; return False if a NaN was met. One asset keeps its averages in registers."""
    n_bars, n_assets = x.shape
    out[:n] = np.nan
    if n_bars <= n:
        return True
    gains, losses = np.zeros(n_assets), np.zeros(n_assets)
    for t in range(1, n + 1):
        for a in range(n_assets):
            up, down = _gain_and_loss(x[t, a] - x[t - 1, a])
            gains[a] += up
            losses[a] += down
    for a in range(n_assets):
        gains[a] /= n
        losses[a] /= n
        out[n, a] = _strength(gains[a], losses[a])
    keep = (n - 1.0) / n
    if n_assets == 1:
        _rsi_of_one(x.reshape(n_bars)[n:], gains[0], losses[0], keep, out.reshape(n_bars)[n:])
    else:
        for t in range(n + 1, n_bars):
            for a in range(n_assets):
                up, down = _gain_and_loss(x[t, a] - x[t - 1, a])
                gains[a] = averaged(gains[a], up, keep)
                losses[a] = averaged(losses[a], down, keep)
                out[t, a] = _strength(gains[a], losses[a])
    return all_there(x)


@inner_jit
def _rsi_of_one(x, gain, loss, keep, out):
    """Write the index of one asset from bar 1 on; `gain` and `loss` are the averages at bar 0."""
    for t in range(1, x.shape[0]):
        up, down = _gain_and_loss(x[t] - x[t - 1])
        gain = averaged(gain, up, keep)
        loss = averaged(loss, down, keep)
        out[t] = _strength(gain, loss)


@kernel_jit()
def _macd_side_by_side(x, fast, slow, signal, line, trigger, histogram):
    """Do what `_macd_of_one` does for all assets, row by row; return False if a NaN was met."""
    n_bars, n_assets = x.shape
    start = slow + signal - 2
    for out in (line, trigger, histogram):
        out[:start] = np.nan
    if n_bars <= start:
        return True
    fasts, slows = np.zeros(n_assets), np.zeros(n_assets)
    for t in range(slow):
        for a in range(n_assets):
            slows[a] += x[t, a]
            fasts[a] += x[t, a] if t >= slow - fast else 0.0
    fasts /= fast
    slows /= slow
    triggers = fasts - slows
    fast_keep, slow_keep = (fast - 1.0) / (fast + 1.0), (slow - 1.0) / (slow + 1.0)
    signal_keep = (signal - 1.0) / (signal + 1.0)
    for t in range(slow, start + 1):
        for a in range(n_assets):
            fasts[a] = averaged(fasts[a], x[t, a], fast_keep)
            slows[a] = averaged(slows[a], x[t, a], slow_keep)
            triggers[a] += fasts[a] - slows[a]
    triggers /= signal
    line[start] = fasts - slows
    trigger[start] = triggers
    histogram[start] = line[start] - triggers
    for t in range(start + 1, n_bars):
        for a in range(n_assets):
            fasts[a] = averaged(fasts[a], x[t, a], fast_keep)
            slows[a] = averaged(slows[a], x[t, a], slow_keep)
            difference = fasts[a] - slows[a]
            triggers[a] = averaged(triggers[a], difference, signal_keep)
            line[t, a] = difference
            trigger[t, a] = triggers[a]
            histogram[t, a] = difference - triggers[a]
    return all_there(x)


@functools.partial(by_series, side_by_side=_macd_side_by_side)
@kernel_jit()
def _macd(x, fast, slow, signal, line, trigger, histogram):
    for a in range(x.shape[0]):
        _macd_of_one(x[a], fast, slow, signal, line[a], trigger[a], histogram[a])


@inner_jit
def _macd_of_one(x, fast, slow, signal, line, trigger, histogram):
    """Write the three lines, the averages from bar slow − 1 on and the signal line from `start`."""
    start = slow + signal - 2
    for out in (line, trigger, histogram):
        out[:start] = np.nan
    if x.shape[0] <= start:
        return
    fast_keep, slow_keep = (fast - 1.0) / (fast + 1.0), (slow - 1.0) / (slow + 1.0)
    signal_keep = (signal - 1.0) / (signal + 1.0)
    fast_average = slow_average = 0.0
    for t in range(slow):
        slow_average += x[t]
        fast_average += x[t] if t >= slow - fast else 0.0
    fast_average /= fast
    slow_average /= slow
    total = fast_average - slow_average
    for t in range(slow, start + 1):
        fast_average = averaged(fast_average, x[t], fast_keep)
        slow_average = averaged(slow_average, x[t], slow_keep)
        total += fast_average - slow_average
    average = total / signal
    line[start], trigger[start] = fast_average - slow_average, average
    histogram[start] = line[start] - average
    first = start + 1  # parts of arrays, so that the loop counts from 0
    x, line, trigger, histogram = x[first:], line[first:], trigger[first:], histogram[first:]
    for t in range(x.shape[0]):
        fast_average = averaged(fast_average, x[t], fast_keep)
        slow_average = averaged(slow_average, x[t], slow_keep)
        difference = fast_average - slow_average
        average = averaged(average, difference, signal_keep)
        line[t] = difference
        trigger[t] = average
        histogram[t] = difference - average
