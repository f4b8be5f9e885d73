"""Moments of the last bars: z-score, skewness, and how two series move together.

Windows are made of blocks as in `rolling`: the tail of the block before and the head of the window's own. Distances are
taken from the last bar of a block, which lies in every window that uses the block's tail, so that a large mean costs no
digits, a constant window has moments of exactly 0, and what has left a window leaves no trace.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from backtester.errors import SettingsError
from backtester.indicators._arrays import read_flag, read_period
from backtester.indicators._panel import each_asset
from backtester.kernel.jit import inner_jit, kernel_jit

_SUMS_AT_ONCE = 512  # so many windows are divided in one loop, in the fastest memory there is


def rolling_zscore(x: ArrayLike, n: int = 30, ddof: int = 0) -> NDArray[np.float64]:
    """How many standard deviations the newest value is away from the mean of the last `n` bars.

    .. math:: z_t = \\frac{x_t - \\bar x_t}{std_t}, \\quad
        std_t = \\sqrt{\\frac{1}{n - ddof} \\sum_{i=0}^{n-1} (x_{t-i} - \\bar x_t)^2}

    Parameters
    ----------
    x : array_like of float, [n_bars, n_assets] or [n_bars]
        Any series.
    n : int
        Bars in the window, t included, 2 or more.
    ddof : int
        0 divides by n (the population, as TA-Lib does), 1 by n − 1 (the sample, as pandas does). Less than `n`.

    Returns
    -------
    ndarray of float64, the shape of `x`
        Signed, without a unit; the value of bar t uses bars up to t. NaN for an asset's first n − 1 own bars, in its
        gaps, and where the window is constant; a missing bar (NaN) does not enter a window.

    Raises
    ------
    DataError
        `x` holds no real numbers, or has no or more than two dimensions.
    SettingsError
        `n` is not an int or below 2, or `ddof` is not an int of 0 to n − 1.

    Notes
    -----
    At most (n − 1)/√(n − ddof) in size. It is (x − sma(x, n))/rolling_std(x, n, ddof), in one pass.
    """
    n = read_period("rolling_zscore", "n", n, least=2)
    ddof = read_period("rolling_zscore", "ddof", ddof, least=0)
    if ddof >= n:
        raise SettingsError(
            f"rolling_zscore: ddof is {ddof} with n = {n}; it is less than n, for something to divide by"
        )
    return each_asset("rolling_zscore", _rolling_zscore, {"x": x}, n, n - ddof)[0]


def rolling_skew(x: ArrayLike, n: int = 30, bias: bool = True) -> NDArray[np.float64]:
    """Skewness of the last `n` bars.

    .. math:: g_t = \\frac{m_3}{m_2^{3/2}}, \\quad m_k = \\frac{1}{n} \\sum_{i=0}^{n-1} (x_{t-i} - \\bar x_t)^k

    Parameters
    ----------
    x : array_like of float, [n_bars, n_assets] or [n_bars]
        Any series, for example returns.
    n : int
        Bars in the window, t included, 3 or more.
    bias : bool
        True gives g, the skewness of the window as a population, as `backtester.metrics.skew` and SciPy do; False gives
        g·√(n(n − 1))/(n − 2), corrected for the bias of a sample from a normal distribution, as pandas does.

    Returns
    -------
    ndarray of float64, the shape of `x`
        Signed, without a unit; the value of bar t uses bars up to t. NaN for an asset's first n − 1 own bars, in its
        gaps, and where the window is constant; a missing bar (NaN) does not enter a window.

    Raises
    ------
    DataError
        `x` holds no real numbers, or has no or more than two dimensions.
    SettingsError
        `n` is not an int or below 3, or `bias` is not a bool.

    References
    ----------
    D. N. Joanes and C. A. Gill, "Comparing measures of sample skewness and kurtosis", The Statistician 47 (1998): g₁
    and G₁.
    """
    n = read_period("rolling_skew", "n", n, least=3)
    bias = read_flag("rolling_skew", "bias", bias)
    factor = 1.0 if bias else np.sqrt(float(n) * (n - 1)) / (n - 2)
    return each_asset("rolling_skew", _rolling_skew, {"x": x}, n, float(factor))[0]


def rolling_correlation(x: ArrayLike, y: ArrayLike, n: int = 30) -> NDArray[np.float64]:
    """Pearson's correlation of two series over the last `n` bars.

    .. math:: \\rho_t = \\frac{\\sum (x_{t-i} - \\bar x_t)(y_{t-i} - \\bar y_t)}
        {\\sqrt{\\sum (x_{t-i} - \\bar x_t)^2 \\sum (y_{t-i} - \\bar y_t)^2}}

    Parameters
    ----------
    x, y : array_like of float, [n_bars, n_assets] or [n_bars]
        Any series, asset by asset; a bar is missing where either is NaN.
    n : int
        Bars in the window, t included, 2 or more.

    Returns
    -------
    ndarray of float64, the shape of `x`
        −1 to 1; the value of bar t uses bars up to t. NaN for an asset's first n − 1 own bars, in its gaps, and where
        one of the two is constant in the window; a missing bar does not enter a window.

    Raises
    ------
    DataError
        An array holds no real numbers, has no or more than two dimensions, or the two differ in shape.
    SettingsError
        `n` is not an int, or below 2.

    Notes
    -----
    Equals TA-Lib's CORREL, except that TA-Lib gives 0 where a window is constant, or its variances so small that it
    takes them for 0.
    """
    n = read_period("rolling_correlation", "n", n, least=2)
    return each_asset("rolling_correlation", _rolling_correlation, {"x": x, "y": y}, n, finds_gaps=True)[0]


def rolling_beta(y: ArrayLike, x: ArrayLike, n: int = 30) -> NDArray[np.float64]:
    """Slope of the least-squares line of `y` on `x` over the last `n` bars: the beta of y to x, if both are returns.

    .. math:: \\beta_t = \\frac{\\sum (x_{t-i} - \\bar x_t)(y_{t-i} - \\bar y_t)}{\\sum (x_{t-i} - \\bar x_t)^2}

    Parameters
    ----------
    y, x : array_like of float, [n_bars, n_assets] or [n_bars]
        What is explained, and what explains it, asset by asset; a bar is missing where either is NaN.
    n : int
        Bars in the window, t included, 2 or more.

    Returns
    -------
    ndarray of float64, the shape of `y`
        In units of y per unit of x; the value of bar t uses bars up to t. NaN for an asset's first n − 1 own bars, in
        its gaps, and where x is constant in the window; a missing bar does not enter a window.

    Raises
    ------
    DataError
        An array holds no real numbers, has no or more than two dimensions, or the two differ in shape.
    SettingsError
        `n` is not an int, or below 2.

    Notes
    -----
    TA-Lib's BETA(a, b, n) takes prices, forms the returns itself, and regresses those of its second argument on those
    of its first, although its documentation calls the first the asset: it equals `rolling_beta(returns(b), returns(a),
    n)`, except that TA-Lib gives 0 where the denominator is near 0.
    """
    n = read_period("rolling_beta", "n", n, least=2)
    return each_asset("rolling_beta", _rolling_beta, {"y": y, "x": x}, n, finds_gaps=True)[0]


@inner_jit
def _zscore(newest, total, squares, n, divisor):
    """Return the z-score of the newest distance, from the sums of n distances and of their squares."""
    deviation = squares - total * total / n
    return (newest - total / n) / np.sqrt(deviation / divisor) if deviation > 0.0 else np.nan


@inner_jit
def _skewness(total, squares, cubes, n, factor):
    """Return the skewness of n distances from the sums of their first three powers."""
    mean = total / n
    second = squares / n - mean * mean
    third = cubes / n - mean * (3.0 * squares / n - 2.0 * mean * mean)
    return factor * third / (second * np.sqrt(second)) if second > 0.0 else np.nan


@kernel_jit()
def _rolling_zscore(x, n, divisor, out):
    """Write the z-scores; `tails` and `heads` hold sums of distances and of squares up to a block's end and from it."""
    n_bars, n_assets = x.shape
    out[: n - 1] = np.nan
    if n_bars < n:
        return
    tails, heads = np.empty((2, n, n_assets)), np.empty((2, n_assets))
    for last in range(n - 1, n_bars, n):
        total, squares = np.zeros(n_assets), np.zeros(n_assets)
        for j in range(n - 1, -1, -1):
            for a in range(n_assets):
                distance = x[last - n + 1 + j, a] - x[last, a]
                total[a] += distance
                squares[a] += distance * distance
                tails[0, j, a] = total[a]
                tails[1, j, a] = squares[a]
        heads[:] = 0.0
        for j in range(min(n, n_bars - last)):
            for a in range(n_assets):
                distance = x[last + j, a] - x[last, a]
                heads[0, a] += distance
                heads[1, a] += distance * distance
                out[last + j, a] = _zscore(
                    distance, tails[0, j, a] + heads[0, a], tails[1, j, a] + heads[1, a], n, divisor
                )


@kernel_jit()
def _rolling_skew(x, n, factor, out):
    """Write the skewness of each window; as above, with cubes."""
    n_bars, n_assets = x.shape
    out[: n - 1] = np.nan
    if n_bars < n:
        return
    tails, heads = np.empty((3, n, n_assets)), np.empty((3, n_assets))
    for last in range(n - 1, n_bars, n):
        heads[:] = 0.0
        for j in range(n - 1, -1, -1):
            for a in range(n_assets):
                _add_powers(heads, a, x[last - n + 1 + j, a] - x[last, a])
                for k in range(3):
                    tails[k, j, a] = heads[k, a]
        heads[:] = 0.0
        for j in range(min(n, n_bars - last)):
            for a in range(n_assets):
                _add_powers(heads, a, x[last + j, a] - x[last, a])
                out[last + j, a] = _skewness(
                    tails[0, j, a] + heads[0, a],
                    tails[1, j, a] + heads[1, a],
                    tails[2, j, a] + heads[2, a],
                    n,
                    factor,
                )


@inner_jit
def _add_powers(sums, a, distance):
    """Add a distance, its square and its cube to the sums of asset a, in place."""
    square = distance * distance
    sums[0, a] += distance
    sums[1, a] += square
    sums[2, a] += square * distance


@kernel_jit()
def _rolling_correlation(x, y, n, out):
    return _each_pair(x, y, n, False, out)


@kernel_jit()
def _rolling_beta(y, x, n, out):
    return _each_pair(x, y, n, True, out)


@inner_jit
def _each_pair(x, y, n, slope, out):
    """Write the slope of y on x in each window, or the correlation of the two; return False if a NaN was met."""
    n_bars, n_assets = x.shape
    out[: n - 1] = np.nan
    if n_bars < n:
        return True
    if n_assets == 1:
        return _each_pair_of_one(x.reshape(n_bars), y.reshape(n_bars), n, slope, out.reshape(n_bars))
    return _each_pair_of_many(x, y, n, slope, out)


@inner_jit
def _each_pair_of_one(x, y, n, slope, out):
    """Write the values of one asset, [n_bars] arrays.

    The window that ends j bars after the last of a block is the sum of tail j and the head up to there, each of x, y,
    x², xy and y². Dividing is left to a loop of its own, over some blocks at once, in which no bar waits for another.
    """
    n_bars = x.shape[0]
    some = max(1, _SUMS_AT_ONCE // n) * n
    tails, sums = np.empty((5, n)), np.empty((5, some))
    clean = True
    for first in range(n - 1, n_bars, some):
        count = min(some, n_bars - first)
        for last in range(first, first + count, n):
            sx, sy, xx, xy, yy = 0.0, 0.0, 0.0, 0.0, 0.0
            for j in range(n - 1, -1, -1):
                dx, dy = x[last - n + 1 + j] - x[last], y[last - n + 1 + j] - y[last]
                sx += dx
                sy += dy
                xx += dx * dx
                xy += dx * dy
                yy += dy * dy
                tails[0, j] = sx
                tails[1, j] = sy
                tails[2, j] = xx
                tails[3, j] = xy
                tails[4, j] = yy
            clean &= sx + sy == sx + sy
            sx, sy, xx, xy, yy = 0.0, 0.0, 0.0, 0.0, 0.0
            for j in range(min(n, n_bars - last)):
                dx, dy = x[last + j] - x[last], y[last + j] - y[last]
                sx += dx
                sy += dy
                xx += dx * dx
                xy += dx * dy
                yy += dy * dy
                i = last - first + j
                sums[0, i] = tails[0, j] + sx
                sums[1, i] = tails[1, j] + sy
                sums[2, i] = tails[2, j] + xx
                sums[3, i] = tails[3, j] + xy
                sums[4, i] = tails[4, j] + yy
            clean &= sx + sy == sx + sy
        for i in range(count):
            out[first + i] = _pair_value(sums[0, i], sums[1, i], sums[2, i], sums[3, i], sums[4, i], n, slope)
    return clean


@inner_jit
def _each_pair_of_many(x, y, n, slope, out):
    """Do the same additions in the same order for all assets side by side."""
    n_bars, n_assets = x.shape
    tails, heads = np.empty((5, n, n_assets)), np.empty((5, n_assets))
    clean = True
    for last in range(n - 1, n_bars, n):
        heads[:] = 0.0
        for j in range(n - 1, -1, -1):
            for a in range(n_assets):
                _add_pair(heads, a, x[last - n + 1 + j, a] - x[last, a], y[last - n + 1 + j, a] - y[last, a])
            for k in range(5):
                for a in range(n_assets):
                    tails[k, j, a] = heads[k, a]
        clean &= not np.isnan(heads).any()
        heads[:] = 0.0
        for j in range(min(n, n_bars - last)):
            for a in range(n_assets):
                _add_pair(heads, a, x[last + j, a] - x[last, a], y[last + j, a] - y[last, a])
            for a in range(n_assets):
                out[last + j, a] = _pair_value(
                    tails[0, j, a] + heads[0, a],
                    tails[1, j, a] + heads[1, a],
                    tails[2, j, a] + heads[2, a],
                    tails[3, j, a] + heads[3, a],
                    tails[4, j, a] + heads[4, a],
                    n,
                    slope,
                )
        clean &= not np.isnan(heads).any()
    return clean


@inner_jit
def _add_pair(sums, a, dx, dy):
    """Add two distances, their squares and their product to the sums of asset a, in place."""
    sums[0, a] += dx
    sums[1, a] += dy
    sums[2, a] += dx * dx
    sums[3, a] += dx * dy
    sums[4, a] += dy * dy


@inner_jit
def _pair_value(sx, sy, xx, xy, yy, n, slope):
    """Return the slope or the correlation, from the sums of n pairs of distances."""
    x_deviation, y_deviation = xx - sx * sx / n, yy - sy * sy / n
    together = xy - sx * sy / n
    if slope:
        return together / x_deviation if x_deviation > 0.0 else np.nan
    value = together / (np.sqrt(x_deviation) * np.sqrt(y_deviation))
    value = 1.0 if value > 1.0 else (-1.0 if value < -1.0 else value)
    return value if x_deviation > 0.0 and y_deviation > 0.0 else np.nan
