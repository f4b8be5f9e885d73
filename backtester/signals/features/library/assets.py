"""How an asset compares with the others of the panel at the same bar."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from backtester.indicators import cross_rank, cross_zscore, log_returns
from backtester.signals.features.library._register import neutral, register

if TYPE_CHECKING:
    from backtester.bars import Bars

Floats = npt.NDArray[np.float64]


@register(n=1)
def return_rank(prices: Bars, n: int = 20) -> Floats:
    """Rank of `log_return(n)` among the assets, above 0 to 1, which is the largest; the middle ranks of equal ones."""
    return cross_rank(log_returns(prices.close, n))


@register(n=1)
def return_zscore(prices: Bars, n: int = 20) -> Floats:
    """`log_return(n)` less the mean of the assets', in their standard deviations; 0 where all are equal, or one is."""
    moves = log_returns(prices.close, n)
    return neutral(cross_zscore(moves), moves)


@register(n=1)
def relative_return(prices: Bars, n: int = 20) -> Floats:
    """`log_return(n)` less the mean of the assets that have one at the bar."""
    moves = log_returns(prices.close, n)
    there = np.isfinite(moves)
    mean = np.where(there, moves, 0.0).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
    return moves - mean[:, np.newaxis]
