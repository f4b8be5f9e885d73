"""Fractional differences: as little differencing as makes a price stationary, so that most of its memory stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from backtester.errors import FeatureError
from backtester.indicators._panel import each_asset
from backtester.kernel.jit import kernel_jit
from backtester.signals.features.library._cores import logs
from backtester.signals.features.library._register import register

if TYPE_CHECKING:
    from backtester.bars import Bars

Floats = npt.NDArray[np.float64]

_MOST_WEIGHTS = 10_000


@register(numbers={"d": (0.0, 1.0), "threshold": (0.0, 1.0)})
def fractional_difference(prices: Bars, d: float = 0.4, threshold: float = 1e-3) -> Floats:
    """Fractional difference of order `d` of the log close, over a window as long as weights are `threshold` or more.

    Σ w_k·ln(c_{t−k}/c_{t−K}), with w_0 = 1, w_k = −w_{k−1}·(d − k + 1)/k, and K the last k with |w_k| ≥ `threshold`.
    The close at the window's start is the unit: without it the weights, which do not add up to 0, would keep part of
    the price's unit. d = 1 is the log return. Marcos López de Prado, Advances in Financial Machine Learning (2018),
    section 5.5.
    """
    last = _last_weight(d, threshold)
    return each_asset("fractional_difference", _fractional, {"x": logs(prices.close)}, float(d), last)[0]


def _last_weight(d: float, threshold: float) -> int:
    """Return the last k whose weight is `threshold` or more in size."""
    weight, k = 1.0, 0
    while k <= _MOST_WEIGHTS:
        weight *= abs(d - k) / (k + 1)
        if weight < threshold or weight == 0.0:
            break
        k += 1
    if not 0 < k <= _MOST_WEIGHTS:
        why = "leaves one weight, and so no difference" if k == 0 else f"takes more than {_MOST_WEIGHTS:,} weights"
        remedy = "lower" if k == 0 else "raise"
        raise FeatureError(f"fractional_difference: d = {d} with threshold = {threshold} {why}; {remedy} the threshold")
    return k


@kernel_jit()
def _fractional(x, d, last, out):
    n_bars, n_assets = x.shape
    out[:last] = np.nan
    weights = np.empty(last + 1)
    weights[0] = 1.0
    for k in range(1, last + 1):
        weights[k] = -weights[k - 1] * (d - k + 1) / k
    for t in range(last, n_bars):
        for a in range(n_assets):
            out[t, a] = 0.0
        for k in range(last):
            for a in range(n_assets):
                out[t, a] += weights[k] * (x[t - k, a] - x[t - last, a])
