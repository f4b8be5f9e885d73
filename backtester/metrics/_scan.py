"""The jitted passes behind the metrics: one over equity for drawdowns, one over returns for moments and tails.

Sums run in blocks of 256 whose totals are added with compensation, so that a million bars cost no digits. Central
moments come from one pass over deviations from a value inside the data (the shifted-data algorithm of T. F. Chan,
G. H. Golub and R. J. LeVeque, "Algorithms for computing the sample variance", The American Statistician 37, 1983).
Quantiles are exact order statistics: a sample brackets the tails, the pass collects what lies beyond the brackets,
and selection runs on that alone (R. W. Floyd and R. L. Rivest, "Expected time bounds for selection", Communications of
the ACM 18, 1975).
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from backtester.kernel.arithmetic import add_to
from backtester.kernel.jit import inner_jit, kernel_jit
from backtester.kernel.pool import empty

NAN = float("nan")
BLOCK = 256
SAMPLE = 1024  # returns that bracket the tails
GOLDEN = 0.6180339887498949  # its multiples modulo 1 cover the data evenly and follow no calendar
NOISE = 8.0 * float(np.finfo(np.float64).eps)  # a return is a ratio near one less one: a smaller spread is rounding


class Wealth(NamedTuple):
    """What one pass over equity finds."""

    max_drawdown: float
    max_drawdown_duration: float  #: bars
    mean: float
    alive: int  #: bars up to and including the first with equity ≤ 0
    valid: bool  #: every value is finite, and the first is above zero


class Spread(NamedTuple):
    """Moments of returns, gains and losses against a threshold, and the two tails; NaN where undefined."""

    n: int
    mean: float = NAN
    sd: float = NAN  #: n − 1 in the denominator; exactly 0 where it is rounding
    skew: float = NAN
    kurtosis: float = NAN
    downside: float = NAN  #: √mean(min(r − threshold, 0)²); exactly 0 where it is rounding
    gain: float = NAN  #: Σ max(r − threshold, 0)
    loss: float = NAN  #: Σ max(threshold − r, 0)
    low: float = NAN  #: quantile at `level`
    high: float = NAN  #: quantile at 1 − `level`
    low_mean: float = NAN  #: mean of the returns not above `low`


@inner_jit
def walk_wealth(equity):
    """Return max drawdown, its longest duration in bars, mean, first bar with equity ≤ 0 (or n), and finiteness."""
    n = len(equity)
    peak = trough = equity[0]
    peak_bar = longest = 0
    deepest = total = lost = 0.0
    ruin = 0 if peak <= 0.0 else n
    finite = True
    for start in range(0, n, BLOCK):
        block = 0.0
        for t in range(start, min(start + BLOCK, n)):
            value = equity[t]
            block += value
            finite &= abs(value) < np.inf
            if value >= peak:
                if t - peak_bar > 1:  # bars under water lie between
                    longest = max(longest, t - peak_bar)
                    deepest = max(deepest, (peak - trough) / peak)
                peak = trough = value
                peak_bar = t
            elif value < trough:
                trough = value
                if value <= 0.0 and ruin == n:
                    ruin = t
        corrected = block - lost
        added = total + corrected
        lost = (added - total) - corrected
        total = added
    deepest = max(deepest, (peak - trough) / peak)
    return deepest, max(longest, n - 1 - peak_bar), total / n, ruin, finite


@kernel_jit()
def scan_curve(equity):
    """Return what `walk_wealth` finds."""
    return walk_wealth(equity)


@inner_jit
def _select(values, first, last, k):
    """Reorder values[first … last] so that order statistic k of them all stands at k, none before it is larger.

    The inner loop has no branch that depends on a value: a processor that guesses wrongly pays more than for the move.
    Pivots come from places that follow no pattern, so that no order of the values makes it slow.
    """
    place = 0
    while first < last:
        width = last - first + 1
        place = (place + 2654435769) & 0xFFFFFFFF  # 2^32 times the golden section
        at = first + ((place * width) >> 32)
        pivot = values[at]
        values[at] = values[last]
        smaller = first
        for i in range(first, last):
            value = values[i]
            values[i] = values[smaller]
            values[smaller] = value
            smaller += value < pivot
        values[last] = values[smaller]
        values[smaller] = pivot
        if k < smaller:
            last = smaller - 1
        elif k == smaller:
            return
        elif smaller > first:
            first = smaller + 1
        else:  # none is smaller: those that are equal go to the front
            for i in range(first + 1, last + 1):
                value = values[i]
                if value == pivot:
                    smaller += 1
                    values[i] = values[smaller]
                    values[smaller] = value
            if k <= smaller:
                return
            first = smaller + 1


@inner_jit
def _sum_powers(values, is_equity, shift, threshold, lower, upper, low, high):
    """Sum the powers of r − shift, and gains, losses and squared losses against `threshold`; collect the tails.

    `values` are returns, or the equity they are taken from. Returns below `lower` are written to `low`, those above
    `upper`, negated, to `high`. Returns the seven sums, how many were written to each, and how many equal each bound.
    """
    n = len(values) - 1 if is_equity else len(values)
    totals = np.zeros(7)
    lost = np.zeros(7)
    returns = np.empty(BLOCK)
    n_low = n_high = at_low = at_high = 0
    for start in range(0, n, BLOCK):
        length = min(BLOCK, n - start)
        for i in range(length):
            value = values[start + i]
            returns[i] = values[start + i + 1] / value - 1.0 if is_equity else value
        s1 = s2 = s3 = s4 = gain = loss = squared = 0.0
        for i in range(length):
            r = returns[i]
            d = r - shift
            square = d * d
            s1 += d
            s2 += square
            s3 += square * d
            s4 += square * square
            excess = r - threshold
            above = max(excess, 0.0)
            below = excess - above
            gain += above
            loss -= below
            squared += below * below
            low[n_low] = r
            n_low += r < lower
            at_low += r == lower
            high[n_high] = -r
            n_high += r > upper
            at_high += r == upper
        for k, value in enumerate((s1, s2, s3, s4, gain, loss, squared)):
            corrected = value - lost[k]
            added = totals[k] + corrected
            lost[k] = (added - totals[k]) - corrected
            totals[k] = added
    return totals, n_low, n_high, at_low, at_high


@inner_jit
def _neighbours(tail, n_tail, bound, n_equal, k, values, is_equity, sign):
    """Return order statistics k and k + 1 (from 0) of sign·returns, and how many of these `tail` holds afterwards.

    `tail` holds all below `bound`, and `n_equal` more are equal to it; where these do not reach, it is filled with all
    there are. An index outside 0 … n − 1 is moved to the nearest inside.
    """
    n = len(values) - 1 if is_equity else len(values)
    k, following = max(k, 0), min(k + 1, n - 1)
    if following >= n_tail + n_equal:
        n_tail = n
        for i in range(n):
            tail[i] = sign * (values[i + 1] / values[i] - 1.0 if is_equity else values[i])
    if k >= n_tail:
        return bound, bound, n_tail
    _select(tail, 0, n_tail - 1, k)
    value = tail[k]
    if following == k:
        return value, value, n_tail
    if following >= n_tail:
        return value, bound, n_tail
    least = tail[following]
    for i in range(following + 1, n_tail):
        least = min(least, tail[i])
    return value, least, n_tail


@inner_jit
def _interpolate(first, second, weight):
    """Return first + weight·(second − first), in the arithmetic of `numpy.quantile`."""
    step = second - first
    return second - step * (1.0 - weight) if weight >= 0.5 else first + step * weight


@inner_jit
def write_spread(values, is_equity, threshold, level, sample, low, high, found):
    """Write the fields of `Spread` to `found`, float64 [11].

    `sample` says which returns bracket the tails; `low` and `high` are scratch for one more than there are returns.
    """
    n, m = len(values) - 1 if is_equity else len(values), len(sample)
    for k in range(len(found)):
        found[k] = np.nan
    found[0] = n
    total = 0.0
    for i in range(m):
        at = sample[i]
        low[i] = values[at + 1] / values[at] - 1.0 if is_equity else values[at]
        total += low[i]
    if not abs(total) < np.inf:
        return
    beyond = min(int(m * level + 3.0 * np.sqrt(m * level * (1.0 - level))) + 2, m - 1)
    _select(low, 0, m - 1, beyond)
    lower = low[beyond]
    opposite = m - 1 - beyond
    if opposite > beyond:
        _select(low, beyond + 1, m - 1, opposite)
    else:
        _select(low, 0, beyond, opposite)
    upper = low[opposite]
    shift = min(max(total / m, min(lower, upper)), max(lower, upper))
    totals, n_low, n_high, at_low, at_high = _sum_powers(values, is_equity, shift, threshold, lower, upper, low, high)
    for k in range(7):
        if not abs(totals[k]) < np.inf:
            return

    k = int(np.floor((n - 1) * level))
    first, second, n_tail = _neighbours(low, n_low, lower, at_low, k, values, is_equity, 1.0)
    quantile_low = _interpolate(first, second, (n - 1) * level - k)
    ties = at_low if n_tail == n_low and lower == quantile_low else 0
    beneath, total, lost = ties, ties * lower, 0.0
    for i in range(n_tail):
        if low[i] <= quantile_low:
            beneath += 1
            total, lost = add_to(total, lost, low[i])
    k = int(np.floor((n - 1) * (1.0 - level)))
    second, first, _ = _neighbours(high, n_high, -upper, at_high, n - 2 - k, values, is_equity, -1.0)
    quantile_high = _interpolate(-first, -second, (n - 1) * (1.0 - level) - k)
    found[8], found[9], found[10] = quantile_low, quantile_high, (total + lost) / beneath

    d, square, cube, fourth = totals[0] / n, totals[1] / n, totals[2] / n, totals[3] / n
    mean = shift + d
    m2 = max(square - d * d, 0.0)
    m3 = cube - 3.0 * d * square + 2.0 * d * d * d
    m4 = fourth - 4.0 * d * cube + 6.0 * d * d * square - 3.0 * (d * d) * (d * d)
    floor = NOISE * max(1.0, abs(mean))
    found[1] = mean
    if n > 1:
        sd = np.sqrt(m2 * n / (n - 1))
        found[2] = sd if sd > floor else 0.0
        if sd > floor:
            found[3], found[4] = m3 / (m2 * np.sqrt(m2)), m4 / (m2 * m2)
    downside = np.sqrt(totals[6] / n)
    found[5] = downside if downside > floor else 0.0
    found[6], found[7] = totals[4], totals[5]


@kernel_jit()
def _scan_returns(values, is_equity, threshold, level, sample, low, high, found):
    write_spread(values, is_equity, threshold, level, sample, low, high, found)


def readonly(values: np.ndarray) -> np.ndarray:
    """View values as read-only C-contiguous float64, so that one compiled version serves every caller."""
    view = np.asarray(values, dtype=np.float64, order="C").view()
    view.flags.writeable = False
    return view


def simple_returns(equity: np.ndarray, deposits: np.ndarray | None = None) -> np.ndarray:
    """Return r_t = E_t / (E_{t−1} + D_t) − 1, float64 [n − 1]; NaN or ±inf where the earlier value is 0.

    Parameters
    ----------
    equity : array_like, float64 [n]
        An equity curve, one value per bar. After ruin (equity 0 to the end) a return is 0/0, so NaN; the metrics end
        with the return of −1 before it.
    deposits : array_like, float64 [n], optional
        Deposits less withdrawals at the start of each bar.
    """
    curve = np.asarray(equity, dtype=np.float64)
    before = curve[:-1] if deposits is None else curve[:-1] + np.asarray(deposits, dtype=np.float64)[1:]
    with np.errstate(divide="ignore", invalid="ignore"):
        return curve[1:] / before - 1.0


def scan_wealth(equity: np.ndarray) -> Wealth:
    """Measure drawdowns of an equity curve, float64 [n ≥ 1]."""
    deepest, longest, mean, ruin, finite = scan_curve(readonly(equity))
    valid = bool(finite) and equity[0] > 0.0
    if not valid or len(equity) < 2:
        return Wealth(NAN, NAN, mean if valid else NAN, len(equity), valid)
    return Wealth(deepest, float(longest), mean, min(ruin + 1, len(equity)), True)


def scan_returns(values: np.ndarray, *, is_equity: bool, threshold: float = 0.0, level: float = 0.05) -> Spread:
    """Measure returns, or those of an equity curve, float64 [n]; all is NaN where one return is not finite."""
    values = readonly(values)
    n = max(len(values) - is_equity, 0)
    if n == 0:
        return Spread(0)
    low, high = empty((2, n + 1), np.float64)
    found = np.empty(len(Spread._fields))
    _scan_returns(values, is_equity, float(threshold), float(level), sampled(n), low, high, found)
    return Spread(n, *found[1:].tolist())


@lru_cache(maxsize=16)
def sampled(n: int) -> np.ndarray:
    """Return which of n returns bracket the tails, spread evenly over them, int64, at most `SAMPLE`."""
    return np.arange(n) if n <= SAMPLE else (np.arange(SAMPLE) * GOLDEN % 1.0 * n).astype(np.int64)
