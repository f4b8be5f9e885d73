"""The shipped features once more: each value by itself, from the bars of one asset up to now, in plain Python.

`SLOW[name](bars, *settings)` gives the value at the last of `bars`, a list of one asset's own (open, high, low, close,
volume), or None while there are too few. They are written from the sentences of the library and share no code with it.
"""

from __future__ import annotations

import itertools
import math
import statistics

OPEN, HIGH, LOW, CLOSE, VOLUME = range(5)


def column(bars, which, n=None):
    """Return one column of the last n bars."""
    return [bar[which] for bar in (bars if n is None else bars[-n:])]


def one_bar_returns(bars, n):
    """Return the last n log returns, or None if there are fewer."""
    closes = column(bars, CLOSE, n + 1)
    return [math.log(b / a) for a, b in itertools.pairwise(closes)] if len(closes) == n + 1 else None


def log_return(bars, n):
    return math.log(bars[-1][CLOSE] / bars[-1 - n][CLOSE]) if len(bars) > n else None


def realised_volatility(bars, n):
    moves = one_bar_returns(bars, n)
    return None if moves is None else statistics.stdev(moves)


def scaled_return(bars, n):
    if len(bars) <= n:
        return None
    return log_return(bars, n) / (realised_volatility(bars, n) * math.sqrt(n))


def gap(bars):
    return math.log(bars[-1][OPEN] / bars[-2][CLOSE]) if len(bars) > 1 else None


def body(bars):
    return math.log(bars[-1][CLOSE] / bars[-1][OPEN])


def efficiency(bars, n):
    if len(bars) <= n:
        return None
    closes = column(bars, CLOSE, n + 1)
    return (closes[-1] - closes[0]) / sum(abs(b - a) for a, b in itertools.pairwise(closes))


def autocorrelation(bars, n):
    moves = one_bar_returns(bars, n + 1)
    return None if moves is None else statistics.correlation(moves[1:], moves[:-1])


def zscore(bars, n):
    closes = column(bars, CLOSE, n)
    if len(closes) < n:
        return None
    return (closes[-1] - statistics.fmean(closes)) / statistics.pstdev(closes)


def channel_position(bars, n):
    if len(bars) < n:
        return None
    top, bottom = max(column(bars, HIGH, n)), min(column(bars, LOW, n))
    return -1.0 + 2.0 * (bars[-1][CLOSE] - bottom) / (top - bottom)


def distance_to_average(bars, n):
    closes = column(bars, CLOSE, n)
    return bars[-1][CLOSE] / statistics.fmean(closes) - 1.0 if len(closes) == n else None


def drawdown(bars, n):
    closes = column(bars, CLOSE, n)
    return 1.0 - closes[-1] / max(closes) if len(closes) == n else None


def volatility_ratio(bars, fast, slow):
    if len(bars) <= max(fast, slow):
        return None
    return math.log(realised_volatility(bars, fast)) - math.log(realised_volatility(bars, slow))


def high_low_range(bars, n):
    return math.log(max(column(bars, HIGH, n)) / min(column(bars, LOW, n))) if len(bars) >= n else None


def parkinson(bars, n):
    if len(bars) < n:
        return None
    squares = [math.log(bar[HIGH] / bar[LOW]) ** 2 for bar in bars[-n:]]
    return math.sqrt(statistics.fmean(squares) / (4.0 * math.log(2.0)))


def skew(bars, n):
    moves = one_bar_returns(bars, n)
    if moves is None:
        return None
    mean, deviation = statistics.fmean(moves), statistics.pstdev(moves)
    return statistics.fmean([((move - mean) / deviation) ** 3 for move in moves])


def relative_volume(bars, n):
    return bars[-1][VOLUME] / statistics.fmean(column(bars, VOLUME, n)) - 1.0 if len(bars) >= n else None


SLOW = {
    function.__name__: function
    for function in (
        *(log_return, scaled_return, gap, body, efficiency, autocorrelation, zscore, channel_position),
        *(distance_to_average, drawdown, realised_volatility, volatility_ratio, high_low_range, parkinson, skew),
        relative_volume,
    )
}
