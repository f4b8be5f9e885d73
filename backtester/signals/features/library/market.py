"""How an asset moves with the market: with all assets of the panel in equal parts, or with one of them.

Both are compared over the same time. Where an asset has missed bars its return spans them, and so does the market's
that it is paired with: the market is a level, and its return is that between two own bars of the asset.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from backtester.errors import FeatureError, did_you_mean
from backtester.indicators import log_returns
from backtester.indicators._panel import each_asset
from backtester.indicators.statistics import _each_pair
from backtester.kernel.jit import inner_jit, kernel_jit
from backtester.signals.features.checks import hold
from backtester.signals.features.library._cores import logs, zero_where_undefined
from backtester.signals.features.library._register import register

if TYPE_CHECKING:
    from backtester.bars import Bars

Floats = npt.NDArray[np.float64]


@register(n=2)
def market_beta(prices: Bars, n: int = 60) -> Floats:
    """Slope of the last `n` log returns on those of the market, which is the mean of all assets with one at a bar.

    The asset itself is in it. 0 where the market did not move. William F. Sharpe, "A simplified model for portfolio
    analysis", Management Science 9 (1963).
    """
    return _pairs("market_beta", _beta, prices, _market(prices), n)


@register(n=2)
def market_correlation(prices: Bars, n: int = 60) -> Floats:
    """Correlation of the last `n` log returns with those of `market_beta`'s market, −1 to 1; 0 where one is still."""
    return _pairs("market_correlation", _correlation, prices, _market(prices), n)


@register(n=2)
def beta_to(prices: Bars, symbol: str, n: int = 60) -> Floats:
    """Slope of the last `n` log returns on those of the asset `symbol`, a benchmark among the assets; 0 if it is still.

    Where it has no bar, its last close stands. William F. Sharpe, Management Science 9 (1963), as `market_beta`.
    """
    return _pairs("beta_to", _beta, prices, _benchmark("beta_to", prices, symbol), n)


@register(n=2)
def correlation_to(prices: Bars, symbol: str, n: int = 60) -> Floats:
    """Correlation of the last `n` log returns with those of the asset `symbol`, −1 to 1; 0 where one stood still."""
    return _pairs("correlation_to", _correlation, prices, _benchmark("correlation_to", prices, symbol), n)


def _market(prices: Bars) -> Floats:
    """Return the logarithm of the market's level, [n_bars]: the sum of the mean log returns so far."""
    moves = log_returns(prices.close, 1)
    there = np.isfinite(moves)
    mean: Floats = np.sum(moves, axis=1, where=there) / np.maximum(there.sum(axis=1), 1)
    return np.cumsum(mean)


def _benchmark(feature: str, prices: Bars, symbol: str) -> Floats:
    """Return the logarithm of one asset's close, [n_bars], the last one standing where it has none."""
    if symbol not in prices.symbols:
        raise FeatureError(
            f"{feature}: the bars have no asset {symbol!r}{did_you_mean(symbol, prices.symbols)} (assets: "
            f"{', '.join(prices.symbols[:10])}{', …' if len(prices.symbols) > 10 else ''})"
        )
    a = prices.symbols.index(symbol)
    return hold(logs(prices.close)[:, a : a + 1], None)[:, 0]


def _pairs(feature: str, core: object, prices: Bars, level: Floats, n: int) -> Floats:
    panel = np.ascontiguousarray(np.broadcast_to(level[:, np.newaxis], prices.close.shape))
    return each_asset(feature, core, {"own": logs(prices.close), "level": panel}, n)[0]  # type: ignore[arg-type]


@kernel_jit()
def _beta(own, level, n, out):
    _each_move(own, level, n, True, out)


@kernel_jit()
def _correlation(own, level, n, out):
    _each_move(own, level, n, False, out)


@inner_jit
def _each_move(own, level, n, slope, out):
    """Write slope or correlation of the changes of `own` with those of `level`, from bar n on."""
    n_bars, n_assets = own.shape
    out[0] = np.nan
    x, y = np.empty((n_bars - 1, n_assets)), np.empty((n_bars - 1, n_assets))
    for t in range(1, n_bars):
        for a in range(n_assets):
            x[t - 1, a] = level[t, a] - level[t - 1, a]
            y[t - 1, a] = own[t, a] - own[t - 1, a]
    _each_pair(x, y, n, slope, out[1:])
    zero_where_undefined(out, n)
