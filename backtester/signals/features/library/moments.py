"""Moments of the one-bar log returns, beside `realised_volatility`, their deviation, and `skew`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from backtester.indicators import log_returns
from backtester.indicators._panel import each_asset
from backtester.kernel.jit import inner_jit, kernel_jit
from backtester.signals.features.library._register import register

if TYPE_CHECKING:
    from backtester.bars import Bars

Floats = npt.NDArray[np.float64]


@register(n=1)
def mean_return(prices: Bars, n: int = 20) -> Floats:
    """Mean of the last `n` one-bar log returns, per bar."""
    return log_returns(prices.close, n) / n


@register(n=4)
def kurtosis(prices: Bars, n: int = 60) -> Floats:
    """Excess kurtosis of the last `n` one-bar log returns, m₄/m₂² − 3: 0 if normal, and where they are all equal.

    D. N. Joanes and C. A. Gill, "Comparing measures of sample skewness and kurtosis", The Statistician 47 (1998): g₂.
    """
    return each_asset("kurtosis", _rolling_kurtosis, {"x": log_returns(prices.close, 1)}, n)[0]


@kernel_jit()
def _rolling_kurtosis(x, n, out):
    """Write the excess kurtosis of each window.

    Windows are made of a block's tail and the next one's head, and distances are taken from the block's last bar: see
    `backtester.indicators.statistics`.
    """
    n_bars, n_assets = x.shape
    out[: n - 1] = np.nan
    if n_bars < n:
        return
    tails, heads = np.empty((4, n, n_assets)), np.empty((4, n_assets))
    for last in range(n - 1, n_bars, n):
        heads[:] = 0.0
        for j in range(n - 1, -1, -1):
            for a in range(n_assets):
                _add_powers(heads, a, x[last - n + 1 + j, a] - x[last, a])
            for k in range(4):
                for a in range(n_assets):
                    tails[k, j, a] = heads[k, a]
        heads[:] = 0.0
        for j in range(min(n, n_bars - last)):
            for a in range(n_assets):
                _add_powers(heads, a, x[last + j, a] - x[last, a])
                out[last + j, a] = _excess(
                    (tails[0, j, a] + heads[0, a]) / n,
                    (tails[1, j, a] + heads[1, a]) / n,
                    (tails[2, j, a] + heads[2, a]) / n,
                    (tails[3, j, a] + heads[3, a]) / n,
                )


@inner_jit
def _add_powers(sums, a, distance):
    """Add the first four powers of a distance to the sums of asset a, in place."""
    square = distance * distance
    sums[0, a] += distance
    sums[1, a] += square
    sums[2, a] += square * distance
    sums[3, a] += square * square


@inner_jit
def _excess(mean, second, third, fourth):
    """Return the excess kurtosis from the means of the first four powers of distances; 0 without any deviation."""
    variance = second - mean * mean
    central = fourth - mean * (4.0 * third - mean * (6.0 * second - 3.0 * mean * mean))
    return central / (variance * variance) - 3.0 if variance > 0.0 else 0.0
