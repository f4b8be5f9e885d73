"""The jitted passes behind the metrics: one over equity for drawdowns, one over returns for moments and tails.

Sums run in blocks of 256 whose totals are added with compensation, so that a million bars cost no digits. Central
moments come from one pass over deviations from a value inside the data (the shifted-data algorithm of T. F. Chan,
G. H. Golub and R. J. LeVeque, "Algorithms for computing the sample variance", The American Statistician 37, 1983).
Quantiles are exact order statistics: a sample brackets the tails, the pass collects what lies beyond the brackets,
and selection runs on that alone (R. W. Floyd and R. L. Rivest, "Expected time bounds for selection", Communications of
the ACM 18, 1975).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from backtester.kernel.jit import kernel_jit
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


@kernel_jit()
def _scan_wealth(equity):
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
def _scan_returns(values, is_equity, shift, threshold, lower, upper, low, high):
    """Sum the powers of r − shift, and gains, losses and squared losses against `threshold`; collect the tails.

    `values` are returns, or the equity they are taken from. Returns below `lower` are written to `low`, those above
    `upper` to `high`. Returns the seven sums, how many were written to each, and how many equal each bound.
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
            high[n_high] = r
            n_high += r > upper
            at_high += r == upper
        for k, value in enumerate((s1, s2, s3, s4, gain, loss, squared)):
            corrected = value - lost[k]
            added = totals[k] + corrected
            lost[k] = (added - totals[k]) - corrected
            totals[k] = added
    return totals, n_low, n_high, at_low, at_high


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
    deepest, longest, mean, ruin, finite = _scan_wealth(readonly(equity))
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
    at, after = _sampled(n)
    with np.errstate(divide="ignore", invalid="ignore"):
        sample = np.sort(values[after] / values[at] - 1.0 if is_equity else values[at])
    m = len(sample)
    beyond = min(int(m * level + 3.0 * math.sqrt(m * level * (1.0 - level))) + 2, m - 1)
    shift, lower, upper = float(sample[m // 2]), float(sample[beyond]), float(sample[m - 1 - beyond])
    low, high = empty((2, n + 1), np.float64)
    totals, n_low, n_high, at_low, at_high = _scan_returns(
        values, is_equity, shift, float(threshold), lower, upper, low, high
    )
    if not np.isfinite(totals).all():
        return Spread(n)

    def everything() -> np.ndarray:
        return simple_returns(values) if is_equity else values

    k = math.floor((n - 1) * level)
    first, second = _neighbours(low[:n_low], lower, at_low, k, n, everything)
    quantile_low = _interpolate(first, second, (n - 1) * level - k)
    k = math.floor((n - 1) * (1.0 - level))
    second, first = _neighbours(-high[:n_high], -upper, at_high, n - 2 - k, n, lambda: -everything())
    quantile_high = _interpolate(-first, -second, (n - 1) * (1.0 - level) - k)
    tail = low[:n_low] if lower >= quantile_low else everything()
    tail = tail[tail <= quantile_low]
    ties = at_low if lower == quantile_low else 0
    mean_low = float(tail.sum() + ties * lower) / (len(tail) + ties)
    return _spread(n, shift, totals, quantile_low, quantile_high, mean_low)


@lru_cache(maxsize=16)
def _sampled(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which of n returns bracket the tails, spread evenly over them, and the ones after these."""
    at = np.arange(n) if n <= SAMPLE else (np.arange(SAMPLE) * GOLDEN % 1.0 * n).astype(np.int64)
    return at, at + 1


def _spread(n: int, shift: float, totals: np.ndarray, low: float, high: float, low_mean: float) -> Spread:
    """Turn sums of powers of r − shift into central moments."""
    d, square, cube, fourth = (float(total) / n for total in totals[:4])
    gain, loss, squared = (float(total) for total in totals[4:])
    mean = shift + d
    m2 = max(square - d * d, 0.0)
    m3 = cube - 3.0 * d * square + 2.0 * d**3
    m4 = fourth - 4.0 * d * cube + 6.0 * d * d * square - 3.0 * d**4
    floor = NOISE * max(1.0, abs(mean))
    sd = math.sqrt(m2 * n / (n - 1)) if n > 1 else NAN
    if sd <= floor:
        sd = 0.0
    skew, kurtosis = (m3 / m2**1.5, m4 / m2**2) if sd > 0.0 else (NAN, NAN)
    downside = math.sqrt(squared / n)
    downside = downside if downside > floor else 0.0
    return Spread(n, mean, sd, skew, kurtosis, downside, gain, loss, low, high, low_mean)


def _neighbours(tail, bound, n_equal, k, n, everything) -> tuple[float, float]:
    """Return order statistics k and k + 1 (from 0) of n values.

    `tail` holds all values below `bound`, and `n_equal` more are equal to it; `everything()` is asked for all values
    where these do not reach. An index outside 0 … n − 1 is moved to the nearest inside.
    """
    k, following = max(k, 0), min(k + 1, n - 1)
    if following >= len(tail) + n_equal:
        tail, bound = everything(), NAN
    if k >= len(tail):
        return bound, bound
    part = np.partition(tail, k)
    value = float(part[k])
    if following == k:
        return value, value
    return value, float(part[following:].min()) if following < len(tail) else bound


def _interpolate(first: float, second: float, weight: float) -> float:
    """Return first + weight·(second − first), in the arithmetic of `numpy.quantile`."""
    step = second - first
    return second - step * (1.0 - weight) if weight >= 0.5 else first + step * weight
