"""The floor: the hand-written loops of `benchmarks.floor`, one set of parameters after another on every core.

It keeps the final equity of each and nothing else: no metrics, no tables, no store.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from benchmarks.floor import sma_bracket, sma_cross


@njit(parallel=True)
def crosses(open_: np.ndarray, close: np.ndarray, points: np.ndarray, cash: float, commission: float) -> np.ndarray:
    """S1 and S2: final equity of each point `(fast, slow)`, float64 [n]."""
    final = np.empty(len(points))
    for i in prange(len(points)):
        equity, _ = sma_cross(open_, close, int(points[i, 0]), int(points[i, 1]), cash, commission)
        final[i] = equity[-1]
    return final


@njit(parallel=True)
def brackets(
    open_: np.ndarray,
    high: np.ndarray,
    low: np.ndarray,
    close: np.ndarray,
    points: np.ndarray,
    cash: float,
    commission: float,
    take_profit: float,
) -> np.ndarray:
    """S3: final equity of each point `(fast, slow, stop_loss)`, float64 [n]."""
    final = np.empty(len(points))
    for i in prange(len(points)):
        equity, _ = sma_bracket(
            open_, high, low, close, int(points[i, 0]), int(points[i, 1]), cash, commission, points[i, 2], take_profit
        )
        final[i] = equity[-1]
    return final
