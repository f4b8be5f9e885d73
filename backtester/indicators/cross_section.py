"""Assets compared with each other, bar by bar: rank and z-score across the panel."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from backtester.indicators._arrays import read_period
from backtester.indicators._panel import each_bar
from backtester.kernel.jit import kernel_jit


def cross_rank(x: ArrayLike) -> NDArray[np.float64]:
    """Rank of each asset among the assets that have a value at the bar, as a fraction.

    .. math:: rank_{t,a} = \\frac{1}{m_t} \\left( \\#\\{x_{t,b} < x_{t,a}\\} + \\frac{\\#\\{x_{t,b} = x_{t,a}\\} + 1}{2}
        \\right)

    with m the number of assets that are not NaN at bar t.

    Parameters
    ----------
    x : array_like of float, [n_bars, n_assets]
        Any feature; an asset where it is NaN is left out of that bar.

    Returns
    -------
    ndarray of float64, the shape of `x`
        1/m for the smallest, 1 for the largest; equal values share the mean of their ranks. Bar t uses row t alone; no
        warm-up. NaN where `x` is.

    Raises
    ------
    DataError
        `x` holds no real numbers, or is not [n_bars, n_assets].

    Notes
    -----
    Equals pandas' `DataFrame.rank(axis=1, pct=True)`.
    """
    return each_bar("cross_rank", _cross_rank, x)


def cross_zscore(x: ArrayLike, ddof: int = 0) -> NDArray[np.float64]:
    """How many standard deviations each asset is away from the mean of the assets that have a value at the bar.

    .. math:: z_{t,a} = \\frac{x_{t,a} - \\bar x_t}{std_t}, \\quad
        std_t = \\sqrt{\\frac{1}{m_t - ddof} \\sum_b (x_{t,b} - \\bar x_t)^2}

    with m the number of assets that are not NaN at bar t.

    Parameters
    ----------
    x : array_like of float, [n_bars, n_assets]
        Any feature; an asset where it is NaN is left out of that bar.
    ddof : int
        0 divides by m (the population), 1 by m − 1 (the sample, as pandas does); 0 or more.

    Returns
    -------
    ndarray of float64, the shape of `x`
        Signed, without a unit. Bar t uses row t alone; no warm-up. NaN where `x` is, and in bars in which all assets
        have one value, or no more than `ddof` of them have one.

    Raises
    ------
    DataError
        `x` holds no real numbers, or is not [n_bars, n_assets].
    SettingsError
        `ddof` is not an int, or below 0.
    """
    ddof = read_period("cross_zscore", "ddof", ddof, least=0)
    return each_bar("cross_zscore", _cross_zscore, x, ddof)


@kernel_jit()
def _cross_rank(x, out):
    n_bars, n_assets = x.shape
    values = np.empty(n_assets)
    assets = np.empty(n_assets, np.int64)
    for t in range(n_bars):
        count = 0
        for a in range(n_assets):
            out[t, a] = np.nan
            if x[t, a] == x[t, a]:
                values[count] = x[t, a]
                assets[count] = a
                count += 1
        order = np.argsort(values[:count])
        first = 0
        while first < count:
            last = first
            while last + 1 < count and values[order[last + 1]] == values[order[first]]:
                last += 1
            for i in range(first, last + 1):
                out[t, assets[order[i]]] = (first + 0.5 * (last - first + 2)) / count
            first = last + 1


@kernel_jit()
def _cross_zscore(x, ddof, out):
    """Write each row's z-scores, from distances to its first value, so that equal values have no deviation at all."""
    n_bars, n_assets = x.shape
    for t in range(n_bars):
        count, origin, total, squares = 0, 0.0, 0.0, 0.0
        for a in range(n_assets):
            if x[t, a] == x[t, a]:
                if count == 0:
                    origin = x[t, a]
                total += x[t, a] - origin
                count += 1
        mean = total / count if count else 0.0
        for a in range(n_assets):
            if x[t, a] == x[t, a]:
                deviation = (x[t, a] - origin) - mean
                squares += deviation * deviation
        spread = np.sqrt(squares / (count - ddof)) if squares > 0.0 and count > ddof else np.nan
        for a in range(n_assets):
            out[t, a] = ((x[t, a] - origin) - mean) / spread
