"""The jitted pass behind `bootstrap_intervals`: what the metrics need, of one resampled series after the other.

A sample is drawn, and measured while it is warm: its moments, its path of wealth, its tails. Values are drawn from few,
so quantiles are found by counting how often each was drawn, in the order of size, and nothing is sorted. Drawdowns are
measured by the pass that `backtester.metrics` itself uses.
"""

from __future__ import annotations

import numpy as np

from backtester.kernel.jit import inner_jit, kernel_jit
from backtester.metrics._scan import NOISE, walk_wealth
from backtester.research.overfitting._random import fill_stationary, start

#: what is measured, in the order of the columns
MEASURED = (
    *("growth", "mean", "sd", "skew", "kurtosis", "downside", "gain", "loss"),
    *("max_drawdown", "max_drawdown_duration", "low", "high", "low_mean"),
    *("beta", "benchmark_mean", "active_mean", "active_sd"),
)
AT = {name: column for column, name in enumerate(MEASURED)}


@inner_jit
def _moments(r, threshold, out):
    """Mean, deviation, skew, kurtosis, and gains and losses against the threshold."""
    n = len(r)
    total = 0.0
    for value in r:
        total += value
    mean = total / n
    m2 = m3 = m4 = gain = loss = squared = 0.0
    for value in r:
        d = value - mean
        square = d * d
        m2 += square
        m3 += square * d
        m4 += square * square
        above = max(value - threshold, 0.0)
        below = (value - threshold) - above
        gain += above
        loss -= below
        squared += below * below
    floor = NOISE * max(1.0, abs(mean))
    sd = np.sqrt(m2 / (n - 1))
    if sd <= floor:
        sd = 0.0
    m2 /= n
    downside = np.sqrt(squared / n)
    out[1] = mean
    out[2] = sd
    out[3] = m3 / n / m2**1.5 if sd > 0.0 else np.nan
    out[4] = m4 / n / (m2 * m2) if sd > 0.0 else np.nan
    out[5] = downside if downside > floor else 0.0
    out[6] = gain
    out[7] = loss


@inner_jit
def _tails(ordered, drawn, level, out):
    """Quantiles at `level` and 1 − `level`, and the mean of what is not above the lower; `numpy.quantile`'s rule."""
    n = 0
    for times in drawn:
        n += times
    for side in range(2):
        place = (n - 1) * (level if side == 0 else 1.0 - level)
        k = np.int64(np.floor(place))
        first = second = np.nan
        passed = 0
        if side == 0:
            for j in range(len(ordered)):
                passed += drawn[j]
                if passed > k and np.isnan(first):
                    first = ordered[j]
                if passed > min(k + 1, n - 1):
                    second = ordered[j]
                    break
        else:  # from the top: the order statistic k is number n − 1 − k there
            for i in range(len(ordered)):
                j = len(ordered) - 1 - i
                passed += drawn[j]
                if passed > n - 1 - min(k + 1, n - 1) and np.isnan(second):
                    second = ordered[j]
                if passed > n - 1 - k:
                    first = ordered[j]
                    break
        weight, step = place - k, second - first
        out[10 + side] = second - step * (1.0 - weight) if weight >= 0.5 else first + step * weight
    total, times = 0.0, 0
    for j in range(len(ordered)):
        if ordered[j] > out[10]:
            break
        total += ordered[j] * drawn[j]
        times += drawn[j]
    out[12] = total / times


@inner_jit
def _against(r, b, out):
    """Slope on a benchmark, and moments of what is above it."""
    n = len(r)
    mean = benchmark_mean = 0.0
    for t in range(n):
        mean += r[t]
        benchmark_mean += b[t]
    mean /= n
    benchmark_mean /= n
    variance = product = squared = 0.0
    active_mean = mean - benchmark_mean
    for t in range(n):
        db = b[t] - benchmark_mean
        variance += db * db
        product += (r[t] - mean) * db
        active = r[t] - b[t] - active_mean
        squared += active * active
    active_sd = np.sqrt(squared / (n - 1))
    out[13] = product / variance if variance > (n - 1) * NOISE**2 else np.nan
    out[14] = benchmark_mean
    out[15] = active_mean
    out[16] = active_sd if active_sd > NOISE else 0.0


@kernel_jit()
def measure_all(returns, benchmark, ordered, place, seed, restart, threshold, level, found):
    """Write the measures of the data to row 0 of `found`, and those of replicate k to row k + 1.

    `ordered` are the returns by size, `place` where each bar's return is among them; `benchmark` may be empty.
    """
    n = len(returns)
    state = np.zeros(1, np.uint64)
    rows = np.arange(n)
    r, b = np.empty(n), np.empty(len(benchmark))
    wealth = np.empty(n + 1)
    drawn = np.empty(n, np.int64)
    for k in range(len(found)):
        if k > 0:
            start(state, seed, k - 1)
            fill_stationary(state, restart, rows)
        drawn[:] = 0
        wealth[0] = value = 1.0
        for t in range(n):
            row = rows[t]
            r[t] = returns[row]
            drawn[place[row]] += 1
            value *= 1.0 + returns[row]
            wealth[t + 1] = value
        out = found[k]
        out[0] = value
        _moments(r, threshold, out)
        deepest, longest, _, _, _ = walk_wealth(wealth)
        out[8] = deepest
        out[9] = longest
        _tails(ordered, drawn, level, out)
        if len(benchmark) > 0:
            for t in range(n):
                b[t] = benchmark[rows[t]]
            _against(r, b, out)
