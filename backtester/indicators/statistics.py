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
    return each_asset("rolling_correlation", _rolling_correlation, {"x": x, "y": y}, n)[0]


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
    return each_asset("rolling_beta", _rolling_beta, {"y": y, "x": x}, n)[0]


@inner_jit
def _zscore(newest, total, squares, cubes, n, divisor):
    """Return the z-score of the newest distance, from the sums of n distances and of their squares."""
    deviation = squares - total * total / n
    return (newest - total / n) / np.sqrt(deviation / divisor) if deviation > 0.0 else np.nan


@inner_jit
def _skewness(newest, total, squares, cubes, n, factor):
    """Return the skewness of n distances from the sums of their first three powers."""
    mean = total / n
    second = squares / n - mean * mean
    third = cubes / n - mean * (3.0 * squares / n - 2.0 * mean * mean)
    return factor * third / (second * np.sqrt(second)) if second > 0.0 else np.nan


@inner_jit
def _each_window(x, n, value, setting, out):
    """Write `value(newest, total, squares, cubes, n, setting)` of the distances in each window."""
    n_bars, n_assets = x.shape
    out[: n - 1] = np.nan
    if n_bars < n:
        return
    tails = np.empty((n, n_assets, 3))  # sums of distances, squares and cubes over the rest of the block
    heads = np.empty((n_assets, 3))
    for start in range(0, n_bars - n + 1, n):
        after = start + n
        origin = x[after - 1]
        tails[n - 1] = 0.0
        heads[:] = 0.0
        for j in range(n - 2, -1, -1):
            for a in range(n_assets):
                distance = x[start + j, a] - origin[a]
                square = distance * distance
                tails[j, a, 0] = tails[j + 1, a, 0] + distance
                tails[j, a, 1] = tails[j + 1, a, 1] + square
                tails[j, a, 2] = tails[j + 1, a, 2] + square * distance
        for a in range(n_assets):
            tail = tails[0, a]
            out[after - 1, a] = value(0.0, tail[0], tail[1], tail[2], n, setting)
        for j in range(min(n - 1, n_bars - after)):
            for a in range(n_assets):
                distance = x[after + j, a] - origin[a]
                square = distance * distance
                head, tail = heads[a], tails[j + 1, a]
                head[0] += distance
                head[1] += square
                head[2] += square * distance
                out[after + j, a] = value(
                    distance, tail[0] + head[0], tail[1] + head[1], tail[2] + head[2], n, setting
                )


@kernel_jit()
def _rolling_zscore(x, n, divisor, out):
    _each_window(x, n, _zscore, divisor, out)


@kernel_jit()
def _rolling_skew(x, n, factor, out):
    _each_window(x, n, _skewness, factor, out)


@inner_jit
def _correlation(xx, xy, yy):
    if not (xx > 0.0 and yy > 0.0):
        return np.nan
    return min(1.0, max(-1.0, xy / (np.sqrt(xx) * np.sqrt(yy))))


@inner_jit
def _slope(xx, xy, yy):
    return xy / xx if xx > 0.0 else np.nan


@inner_jit
def _each_pair_of_windows(x, y, n, value, out):
    """Write `value(xx, xy, yy)`, of the sums of squares and products of deviations from the means of each window."""
    n_bars, n_assets = x.shape
    out[: n - 1] = np.nan
    if n_bars < n:
        return
    tails = np.empty((n, n_assets, 5))  # sums of x, y, x², xy and y² over the rest of the block, as distances
    heads = np.empty((n_assets, 5))
    for start in range(0, n_bars - n + 1, n):
        after = start + n
        tails[n - 1] = 0.0
        heads[:] = 0.0
        for j in range(n - 2, -1, -1):
            for a in range(n_assets):
                dx, dy = x[start + j, a] - x[after - 1, a], y[start + j, a] - y[after - 1, a]
                tails[j, a, 0] = tails[j + 1, a, 0] + dx
                tails[j, a, 1] = tails[j + 1, a, 1] + dy
                tails[j, a, 2] = tails[j + 1, a, 2] + dx * dx
                tails[j, a, 3] = tails[j + 1, a, 3] + dx * dy
                tails[j, a, 4] = tails[j + 1, a, 4] + dy * dy
        for j in range(-1, min(n - 1, n_bars - after)):
            for a in range(n_assets):
                head, tail = heads[a], tails[j + 1, a]
                if j >= 0:
                    dx, dy = x[after + j, a] - x[after - 1, a], y[after + j, a] - y[after - 1, a]
                    head[0] += dx
                    head[1] += dy
                    head[2] += dx * dx
                    head[3] += dx * dy
                    head[4] += dy * dy
                sx, sy = tail[0] + head[0], tail[1] + head[1]
                xx = tail[2] + head[2] - sx * sx / n
                xy = tail[3] + head[3] - sx * sy / n
                yy = tail[4] + head[4] - sy * sy / n
                out[after + j, a] = value(xx, xy, yy)


@kernel_jit()
def _rolling_correlation(x, y, n, out):
    _each_pair_of_windows(x, y, n, _correlation, out)


@kernel_jit()
def _rolling_beta(y, x, n, out):
    _each_pair_of_windows(x, y, n, _slope, out)
