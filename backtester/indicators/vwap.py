"""Prices weighted by volume: over the last bars, and since the start of the session."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from backtester.errors import DataError
from backtester.indicators._arrays import read_period
from backtester.indicators._panel import each_asset
from backtester.indicators.moving import _moving_sum
from backtester.kernel.jit import inner_jit, kernel_jit


def rolling_vwap(
    high: ArrayLike, low: ArrayLike, close: ArrayLike, volume: ArrayLike, n: int = 30
) -> NDArray[np.float64]:
    """Volume-weighted average price of the last `n` bars, a bar standing for its typical price.

    .. math:: vwap_t = \\frac{\\sum_{i=0}^{n-1} p_{t-i} \\, volume_{t-i}}{\\sum_{i=0}^{n-1} volume_{t-i}}, \\quad
        p_t = \\frac{high_t + low_t + close_t}{3}

    Parameters
    ----------
    high, low, close : array_like of float, [n_bars, n_assets] or [n_bars]
        Prices.
    volume : array_like of float, [n_bars, n_assets] or [n_bars]
        Units traded, 0 or more. A bar is missing where it or a price is NaN.
    n : int
        Bars in the window, t included, 1 or more.

    Returns
    -------
    ndarray of float64, the shape of `high`
        In the unit of the prices; the value of bar t uses bars up to t. NaN for an asset's first n − 1 own bars, in its
        gaps, and where nothing was traded in the window; a missing bar does not enter a window.

    Raises
    ------
    DataError
        An array holds no real numbers, has no or more than two dimensions, or they differ in shape.
    SettingsError
        `n` is not an int, or below 1.

    References
    ----------
    S. A. Berkowitz, D. E. Logue and E. A. Noser, "The Total Cost of Transactions on the NYSE", Journal of Finance 43
    (1988), for the volume-weighted price; the typical price stands for the trades, which bars do not show.
    """
    n = read_period("rolling_vwap", "n", n)
    arrays = {"high": high, "low": low, "close": close, "volume": volume}
    return each_asset("rolling_vwap", _rolling_vwap, arrays, n)[0]


def session_vwap(
    high: ArrayLike, low: ArrayLike, close: ArrayLike, volume: ArrayLike, sessions: ArrayLike
) -> NDArray[np.float64]:
    """Volume-weighted average price since the start of the session, a bar standing for its typical price.

    .. math:: vwap_t = \\frac{\\sum_{i=s}^{t} p_i \\, volume_i}{\\sum_{i=s}^{t} volume_i}, \\quad
        p_i = \\frac{high_i + low_i + close_i}{3}

    with s the first bar of the session of bar t.

    Parameters
    ----------
    high, low, close : array_like of float, [n_bars, n_assets] or [n_bars]
        Prices.
    volume : array_like of float, [n_bars, n_assets] or [n_bars]
        Units traded, 0 or more. A bar is missing where it or a price is NaN.
    sessions : array_like of int, [n_bars], or the shape of `high`
        The session of each bar, as `bars.sessions` has it; where it changes from one own bar of an asset to the next,
        the sums start anew.

    Returns
    -------
    ndarray of float64, the shape of `high`
        In the unit of the prices; the value of bar t uses bars of its session up to t, so that there is no warm-up. NaN
        in an asset's gaps, and until something is traded in the session.

    Raises
    ------
    DataError
        An array holds no real numbers, has no or more than two dimensions, or they differ in shape.

    References
    ----------
    As `rolling_vwap`.
    """
    arrays = {"high": high, "low": low, "close": close, "volume": volume, "sessions": _for_each_asset(sessions, high)}
    return each_asset("session_vwap", _session_vwap, arrays)[0]


def _for_each_asset(sessions: ArrayLike, like: ArrayLike) -> ArrayLike:
    """Return session labels [n_bars] as a view of the shape of a panel; what is no array is left to be refused."""
    try:
        labels, shape = np.asarray(sessions), np.shape(like)
    except ValueError:
        return sessions
    if labels.ndim != 1 or len(shape) != 2:
        return sessions
    if labels.shape[0] != shape[0]:
        raise DataError(
            f"session_vwap: sessions has shape {labels.shape}, but high has shape {shape}; give one label per bar, as "
            "bars.sessions has it"
        )
    return np.broadcast_to(labels[:, np.newaxis], shape)


@inner_jit
def _typical(high, low, close):
    return (high + low + close) / 3.0


@kernel_jit()
def _rolling_vwap(high, low, close, volume, n, out):
    traded, value = np.empty(high.shape), np.empty(high.shape)
    for t in range(high.shape[0]):
        for a in range(high.shape[1]):
            value[t, a] = volume[t, a] * _typical(high[t, a], low[t, a], close[t, a])
    _moving_sum(value, n, 1.0, out)
    _moving_sum(volume, n, 1.0, traded)
    for t in range(high.shape[0]):
        for a in range(high.shape[1]):
            out[t, a] = out[t, a] / traded[t, a] if traded[t, a] > 0.0 else np.nan


@kernel_jit()
def _session_vwap(high, low, close, volume, sessions, out):
    n_bars, n_assets = high.shape
    value, traded = np.zeros(n_assets), np.zeros(n_assets)
    for t in range(n_bars):
        for a in range(n_assets):
            if t > 0 and sessions[t, a] != sessions[t - 1, a]:
                value[a] = 0.0
                traded[a] = 0.0
            value[a] += volume[t, a] * _typical(high[t, a], low[t, a], close[t, a])
            traded[a] += volume[t, a]
            out[t, a] = value[a] / traded[a] if traded[a] > 0.0 else np.nan
