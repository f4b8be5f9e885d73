"""How far a price is below its peak."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from backtester.indicators._arrays import read_period
from backtester.indicators._panel import each_asset
from backtester.indicators.rolling import _rolling_max
from backtester.kernel.jit import kernel_jit


def drawdown(x: ArrayLike, n: int | None = None) -> NDArray[np.float64]:
    """How far the value is below its peak, as a positive fraction of the peak.

    .. math:: d_t = \\frac{peak_t - x_t}{peak_t}, \\quad peak_t = \\max_{i \\ge 0} x_{t-i}

    Parameters
    ----------
    x : array_like of float, [n_bars, n_assets] or [n_bars]
        Prices or equity.
    n : int, optional
        The peak is that of the last n bars, t included, 1 or more; without it, of all bars so far.

    Returns
    -------
    ndarray of float64, the shape of `x`
        0 at the peak, more than 1 below zero; the value of bar t uses bars up to t. NaN in an asset's gaps, where the
        peak is 0 or less, and with n for an asset's first n − 1 own bars; a missing bar (NaN) is no peak.

    Raises
    ------
    DataError
        `x` holds no real numbers, or has no or more than two dimensions.
    SettingsError
        `n` is neither None nor an int of 1 or more.
    """
    if n is None:
        return each_asset("drawdown", _drawdown, {"x": x})[0]
    return each_asset("drawdown", _rolling_drawdown, {"x": x}, read_period("drawdown", "n", n))[0]


@kernel_jit()
def _drawdown(x, out):
    peak = np.full(x.shape[1], -np.inf)
    for t in range(x.shape[0]):
        for a in range(x.shape[1]):
            peak[a] = x[t, a] if x[t, a] > peak[a] else peak[a]
            out[t, a] = (peak[a] - x[t, a]) / peak[a] if peak[a] > 0.0 else np.nan


@kernel_jit()
def _rolling_drawdown(x, n, out):
    _rolling_max(x, n, out)
    for t in range(x.shape[0]):
        for a in range(x.shape[1]):
            out[t, a] = (out[t, a] - x[t, a]) / out[t, a] if out[t, a] > 0.0 else np.nan
