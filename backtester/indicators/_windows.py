"""What the cores share for one asset, an array [n_bars] without gaps: windows of n bars, true ranges, a look for NaN.

A window that ends j + 1 bars into a block of n bars is the tail of the block before and the head of its own: see
`rolling`. Parts of arrays are taken once per block, so that inner loops count from 0 and compile to vector code.
"""

from __future__ import annotations

import numpy as np

from backtester.kernel.jit import inner_jit

ROUNDING = 1e-15  # typical prices that differ by less than this fraction are equal: it is what their sum may be off
SHORT = 6  # bars; windows up to here are added up one by one, which vector code does faster than blocks so short
_TILE = 1024  # values dealt with at a time


@inner_jit
def all_there(x):
    """Tell whether an array, of one dimension or more, holds no NaN."""
    values = x.reshape(x.size)
    for first in range(0, values.shape[0], _TILE):
        tile = values[first : first + _TILE]
        missing = 0
        for i in range(tile.shape[0]):
            missing += tile[i] != tile[i]
        if missing:
            return False
    return True


@inner_jit
def sums(x, n, out):
    """Write the sum of each window, from bar n − 1 on; there are n bars or more."""
    n_bars = x.shape[0]
    tail = np.empty(n)
    for start in range(0, n_bars - n + 1, n):
        after = start + n
        own = x[start:after]
        total = 0.0
        for j in range(n - 1, -1, -1):
            total += own[j]
            tail[j] = total
        out[after - 1] = total
        m = min(n - 1, n_bars - after)
        new = x[after : after + m]
        values = out[after : after + m]
        rest = tail[1:]
        total = 0.0
        for j in range(m):
            total += new[j]
            values[j] = rest[j] + total


@inner_jit
def short_sums(x, n, step, growth, divisor, out):
    """Write the sum of each short window over `divisor`, of any number of assets: `step` values are one bar.

    The oldest bar weighs 1, and each one after it `growth` more.
    """
    values = x.reshape(x.size)
    found = out.reshape(out.size)[(n - 1) * step :]
    for start in range(0, found.shape[0], _TILE):
        tile = found[start : start + _TILE]
        oldest = values[start : start + tile.shape[0]]
        for i in range(tile.shape[0]):
            tile[i] = oldest[i]
        weight = 1.0
        for k in range(1, n):
            weight += growth
            later = values[start + k * step : start + k * step + tile.shape[0]]
            for i in range(tile.shape[0]):
                tile[i] += weight * later[i]
        for i in range(tile.shape[0]):
            tile[i] /= divisor


@inner_jit
def weighted_means(x, n, out):
    """Write the mean of each window, its newest bar weighing n and its oldest 1; there are n bars or more.

    In the tail, a bar weighs what it does in the sum of the sums from the end of the block. In the head, every bar
    loses 1 in weight when the next one comes in with n.
    """
    n_bars = x.shape[0]
    if n <= SHORT:
        short_sums(x, n, 1, 1.0, 0.5 * n * (n + 1), out)
        return
    tail = np.empty(n)
    for start in range(0, n_bars - n + 1, n):
        after = start + n
        own = x[start:after]
        total = weighted = 0.0
        for j in range(n - 1, -1, -1):
            total += own[j]
            weighted += total
            tail[j] = weighted
        out[after - 1] = weighted
        m = min(n - 1, n_bars - after)
        new = x[after : after + m]
        values = out[after : after + m]
        rest = tail[1:]
        total = weighted = 0.0
        for j in range(m):
            weighted += n * new[j] - total
            total += new[j]
            values[j] = rest[j] + weighted
    divisor = 0.5 * n * (n + 1)
    means = out[n - 1 :]
    for t in range(means.shape[0]):
        means[t] /= divisor


@inner_jit
def larger(value, best):
    """Return the larger of two numbers."""
    return value if value > best else best


@inner_jit
def short_extremes(x, n, step, sign, out):
    """Write the extreme of each short window, of any number of assets, as `short_sums` does sums."""
    values = x.reshape(x.size)
    found = out.reshape(out.size)[(n - 1) * step :]
    for start in range(0, found.shape[0], _TILE):
        tile = found[start : start + _TILE]
        oldest = values[start : start + tile.shape[0]]
        for i in range(tile.shape[0]):
            tile[i] = sign * oldest[i]
        for k in range(1, n):
            later = values[start + k * step : start + k * step + tile.shape[0]]
            for i in range(tile.shape[0]):
                tile[i] = larger(sign * later[i], tile[i])
        for i in range(tile.shape[0]):
            tile[i] *= sign


@inner_jit
def extremes(x, n, sign, out):
    """Write the largest value of each window for sign 1.0, the smallest for −1.0; there are n bars or more.

    The smallest is minus the largest of minus the values, exactly.
    """
    n_bars = x.shape[0]
    if n <= SHORT:
        short_extremes(x, n, 1, sign, out)
        return
    tail = np.empty(n)
    for start in range(0, n_bars - n + 1, n):
        after = start + n
        own = x[start:after]
        best = -np.inf
        for j in range(n - 1, -1, -1):
            best = larger(sign * own[j], best)
            tail[j] = best
        out[after - 1] = sign * best
        m = min(n - 1, n_bars - after)
        new = x[after : after + m]
        values = out[after : after + m]
        rest = tail[1:]
        best = -np.inf
        for j in range(m):
            best = larger(sign * new[j], best)
            values[j] = sign * larger(rest[j], best)


@inner_jit
def bars_since(x, n, sign, out):
    """Write how many bars ago the extreme of each window was, the last one of several; `sign` as in `extremes`."""
    n_bars = x.shape[0]
    tail, positions = np.empty(n), np.empty(n, np.int64)
    for start in range(0, n_bars - n + 1, n):
        after = start + n
        own = x[start:after]
        best, position = -np.inf, n - 1
        for j in range(n - 1, -1, -1):
            if sign * own[j] > best:
                best, position = sign * own[j], j
            tail[j] = best
            positions[j] = position
        out[after - 1] = n - 1 - position
        m = min(n - 1, n_bars - after)
        new = x[after : after + m]
        values = out[after : after + m]
        best, position = -np.inf, 0
        for j in range(m):
            if sign * new[j] >= best:
                best, position = sign * new[j], j
            values[j] = j - position if best >= tail[j + 1] else n + j - positions[j + 1]


@inner_jit
def averaged(average, value, keep):
    """Return the next exponential average, of which `keep` is the share of the last one.

    Written so that it is the value exactly where the two are equal, and where `keep` is 0.
    """
    return value - (value - average) * keep


@inner_jit
def true_range_of(high, low, before):
    """Return the range of a bar, the way from the close before included."""
    return (high if high > before else before) - (low if low < before else before)
