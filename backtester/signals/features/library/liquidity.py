"""What trading costs and how thin the market is, read from bars: spreads as fractions of the price, and illiquidity."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from backtester.indicators import log_returns, rolling_beta, rolling_std, sma
from backtester.indicators._panel import each_asset
from backtester.indicators.moving import _moving_sum
from backtester.kernel.jit import kernel_jit
from backtester.signals.features.library._cores import logs
from backtester.signals.features.library._register import neutral, register

if TYPE_CHECKING:
    from backtester.bars import Bars

Floats = npt.NDArray[np.float64]


@register(fast=1, slow=1)
def amihud(prices: Bars, fast: int = 20, slow: int = 120) -> Floats:
    """Logarithm of Amihud's illiquidity of the last `fast` bars over that of the last `slow`: above 0 if it has risen.

    Illiquidity is the mean of |return|/(close·volume) over the bars in which something was traded. Itself it has the
    unit 1/money; Amihud too divides by an average, the market's. 0 where one of the two is 0, or nothing was traded.
    Yakov Amihud, "Illiquidity and stock returns: cross-section and time-series effects", Journal of Financial Markets 5
    (2002).
    """
    return each_asset("amihud", _amihud, {"close": prices.close, "volume": prices.volume}, fast, slow)[0]


@register(n=1)
def corwin_schultz(prices: Bars, n: int = 20) -> Floats:
    """Mean of the last `n` spreads, each from high and low of two bars, as a fraction of the price; 0 where negative.

    Where a bar lies wholly above or below the close before, it is moved back by that gap first, which is theirs for
    the night. Shane A. Corwin and Paul Schultz, "A simple way to estimate bid-ask spreads from daily high and low
    prices", Journal of Finance 67 (2012).
    """
    arrays = {"high": prices.high, "low": prices.low, "close": prices.close}
    return sma(each_asset("corwin_schultz", _corwin_schultz, arrays)[0], n)


@register(n=1)
def abdi_ranaldo(prices: Bars, n: int = 20) -> Floats:
    """Mean of the last `n` spreads, each √max(4(c − η)(c − η′), 0) of two bars, as a fraction of the price.

    c is the log close of the first bar, η and η′ the middle of log high and log low of the first and the second: their
    two-day corrected estimator. Farshid Abdi and Angelo Ranaldo, "A simple estimation of bid-ask spreads from daily
    close, high, and low prices", Review of Financial Studies 30 (2017).
    """
    arrays = {"high": logs(prices.high), "low": logs(prices.low), "close": logs(prices.close)}
    return sma(each_asset("abdi_ranaldo", _abdi_ranaldo, arrays)[0], n)


@register(n=3)
def roll_spread(prices: Bars, n: int = 20) -> Floats:
    """2√(−cov) of the last `n` log returns with those a bar before, as a fraction of the price; 0 where cov ≥ 0.

    Richard Roll, "A simple implicit measure of the effective bid-ask spread in an efficient market", Journal of Finance
    39 (1984).
    """
    now = log_returns(prices.close, 1)
    before = log_returns(prices.close, 2) - now
    deviation = rolling_std(before, n)
    covariance = neutral(rolling_beta(now, before, n), deviation) * deviation * deviation
    return 2.0 * np.sqrt(np.maximum(-covariance, 0.0))


@kernel_jit()
def _amihud(close, volume, fast, slow, out):
    n_bars, n_assets = close.shape
    out[: max(fast, slow)] = np.nan
    if n_bars <= max(fast, slow):
        return
    terms, traded = np.empty((n_bars - 1, n_assets)), np.empty((n_bars - 1, n_assets))
    for t in range(1, n_bars):
        for a in range(n_assets):
            money = close[t, a] * volume[t, a]
            traded[t - 1, a] = 1.0 if money > 0.0 else 0.0
            terms[t - 1, a] = abs(close[t, a] / close[t - 1, a] - 1.0) / money if money > 0.0 else 0.0
    sums = np.empty((2, n_bars - 1, n_assets))
    counts = np.empty((2, n_bars - 1, n_assets))
    for i, n in enumerate((fast, slow)):
        _moving_sum(terms, n, 1.0, sums[i])
        _moving_sum(traded, n, 1.0, counts[i])
    for t in range(max(fast, slow), n_bars):
        for a in range(n_assets):
            recent, usual = sums[0, t - 1, a] * counts[1, t - 1, a], sums[1, t - 1, a] * counts[0, t - 1, a]
            out[t, a] = np.log(recent / usual) if recent > 0.0 and usual > 0.0 else 0.0


@kernel_jit()
def _corwin_schultz(high, low, close, out):
    """Write the spread of each bar and the one before, 2(e^α − 1)/(e^α + 1) = 2·tanh(α/2), and 0 where it is below."""
    out[0] = np.nan
    root = 3.0 - 2.0 * math.sqrt(2.0)
    for t in range(1, high.shape[0]):
        for a in range(high.shape[1]):
            top, bottom, last = high[t - 1, a], low[t - 1, a], close[t - 1, a]
            gap = low[t, a] - last if low[t, a] > last else (high[t, a] - last if high[t, a] < last else 0.0)
            h, l = high[t, a] - gap, low[t, a] - gap  # noqa: E741
            out[t, a] = np.nan
            if min(bottom, l) > 0.0:
                one, two, both = np.log(top / bottom), np.log(h / l), np.log(max(top, h) / min(bottom, l))
                beta = one * one + two * two
                alpha = np.sqrt(beta) * (math.sqrt(2.0) - 1.0) / root - both / math.sqrt(root)
                out[t, a] = 2.0 * np.tanh(0.5 * alpha) if alpha > 0.0 else 0.0


@kernel_jit()
def _abdi_ranaldo(high, low, close, out):
    out[0] = np.nan
    for t in range(1, high.shape[0]):
        for a in range(high.shape[1]):
            c = close[t - 1, a]
            product = (c - 0.5 * (high[t - 1, a] + low[t - 1, a])) * (c - 0.5 * (high[t, a] + low[t, a]))
            out[t, a] = 2.0 * np.sqrt(product) if product > 0.0 else 0.0
