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


def mean_return(bars, n):
    moves = one_bar_returns(bars, n)
    return None if moves is None else statistics.fmean(moves)


def kurtosis(bars, n):
    moves = one_bar_returns(bars, n)
    if moves is None:
        return None
    mean = statistics.fmean(moves)
    second, fourth = (statistics.fmean([(move - mean) ** k for move in moves]) for k in (2, 4))
    return fourth / second**2 - 3.0


def trend(bars, n):
    if len(bars) < n:
        return None
    x, y = range(n), [math.log(close) for close in column(bars, CLOSE, n)]
    slope, intercept = statistics.linear_regression(x, y)
    left = sum((b - intercept - slope * a) ** 2 for a, b in zip(x, y, strict=True))
    return slope / math.sqrt(left / (n - 2) / sum((a - (n - 1) / 2) ** 2 for a in x))


def fractional_difference(bars, d, threshold):
    weights = [1.0]
    while abs(weights[-1]) >= threshold:
        k = len(weights)
        weights.append((-1) ** k * math.prod((d - i) / (i + 1) for i in range(k)))
    last = len(weights) - 2  # the first too small one is not used
    moves = one_bar_returns(bars, last)
    if moves is None:
        return None
    # Σ w_k·(x_{t−k} − x_{t−K}), each difference being the sum of the returns since then
    return sum(weights[k] * sum(moves[: last - k]) for k in range(last))


def amihud(bars, fast, slow):
    if len(bars) <= max(fast, slow):
        return None

    def illiquidity(n):
        pairs = list(itertools.pairwise(bars[-n - 1 :]))
        return statistics.fmean([abs(b[CLOSE] / a[CLOSE] - 1.0) / (b[CLOSE] * b[VOLUME]) for a, b in pairs])

    return math.log(illiquidity(fast)) - math.log(illiquidity(slow))


def corwin_schultz(bars, n):
    if len(bars) <= n:
        return None
    spreads = []
    for before, bar in itertools.pairwise(bars[-n - 1 :]):
        up, down = max(bar[LOW] - before[CLOSE], 0.0), max(before[CLOSE] - bar[HIGH], 0.0)
        high, low = bar[HIGH] - up + down, bar[LOW] - up + down
        beta = math.log(before[HIGH] / before[LOW]) ** 2 + math.log(high / low) ** 2
        gamma = math.log(max(before[HIGH], high) / min(before[LOW], low)) ** 2
        root = 3.0 - 2.0 * math.sqrt(2.0)
        alpha = (math.sqrt(2.0 * beta) - math.sqrt(beta)) / root - math.sqrt(gamma / root)
        spreads.append(max(0.0, 2.0 * (math.exp(alpha) - 1.0) / (1.0 + math.exp(alpha))))
    return statistics.fmean(spreads)


def abdi_ranaldo(bars, n):
    if len(bars) <= n:
        return None
    spreads = []
    for before, bar in itertools.pairwise(bars[-n - 1 :]):
        middles = [math.log(math.sqrt(one[HIGH] * one[LOW])) for one in (before, bar)]
        product = (math.log(before[CLOSE]) - middles[0]) * (math.log(before[CLOSE]) - middles[1])
        spreads.append(math.sqrt(max(4.0 * product, 0.0)))
    return statistics.fmean(spreads)


def roll_spread(bars, n):
    moves = one_bar_returns(bars, n + 1)
    if moves is None:
        return None
    covariance = statistics.covariance(moves[1:], moves[:-1]) * (n - 1) / n
    return 2.0 * math.sqrt(-covariance) if covariance < 0.0 else 0.0


def garman_klass(bars, n):
    if len(bars) < n:
        return None
    terms = [
        0.5 * math.log(bar[HIGH] / bar[LOW]) ** 2 - (2.0 * math.log(2.0) - 1.0) * math.log(bar[CLOSE] / bar[OPEN]) ** 2
        for bar in bars[-n:]
    ]
    return math.sqrt(statistics.fmean(terms))


def spans(bars):
    """Return Rogers and Satchell's term of each bar."""
    return [
        math.log(bar[HIGH] / bar[CLOSE]) * math.log(bar[HIGH] / bar[OPEN])
        + math.log(bar[LOW] / bar[CLOSE]) * math.log(bar[LOW] / bar[OPEN])
        for bar in bars
    ]


def rogers_satchell(bars, n):
    return math.sqrt(statistics.fmean(spans(bars[-n:]))) if len(bars) >= n else None


def yang_zhang(bars, n):
    if len(bars) <= n:
        return None
    pairs = list(itertools.pairwise(bars[-n - 1 :]))
    gaps = statistics.variance([math.log(bar[OPEN] / before[CLOSE]) for before, bar in pairs])
    moves = statistics.variance([math.log(bar[CLOSE] / bar[OPEN]) for bar in bars[-n:]])
    k = 0.34 / (1.34 + (n + 1) / (n - 1))
    return math.sqrt(gaps + k * moves + (1.0 - k) * statistics.fmean(spans(bars[-n:])))


def volume_zscore(bars, n):
    volumes = column(bars, VOLUME, n)
    if len(volumes) < n:
        return None
    return (volumes[-1] - statistics.fmean(volumes)) / statistics.pstdev(volumes)


SLOW = {
    function.__name__: function
    for function in (
        *(log_return, scaled_return, gap, body, efficiency, autocorrelation, zscore, channel_position),
        *(distance_to_average, drawdown, realised_volatility, volatility_ratio, high_low_range, parkinson, skew),
        *(relative_volume, mean_return, kurtosis, trend, fractional_difference, amihud, corwin_schultz, abdi_ranaldo),
        *(roll_spread, garman_klass, rogers_satchell, yang_zhang, volume_zscore),
    )
}
