"""The multiple of its costs at which a strategy breaks even, by bisection: every try is a full run."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

WIDTH = 1e-3  # of the bracket, as a fraction of its upper end
MOST = 1000.0  # times the costs; an edge that pays this is not looked at further


class BreakEven(NamedTuple):
    """Where the edge dies as costs grow.

    Attributes
    ----------
    factor : float
        The middle of the bracket, where the edge is lost for the first time from below; NaN where `low` and `high`
        enclose nothing.
    low, high : float
        The largest multiple tried at which it holds, and the smallest above that at which it does not; −inf and 0 where
        it does not hold without costs, inf for `high` where it holds at all that were tried.
    """

    factor: float
    low: float
    high: float


def break_even(tried: Sequence[tuple[float, bool]], holds: Callable[[float], bool | None]) -> BreakEven:
    """Return the multiple of the costs at which the edge is lost.

    Parameters
    ----------
    tried : sequence of (float, bool)
        Multiples, and whether the edge holds there.
    holds : callable
        Tries another; None ends the search (the costs cannot be that high, or Ctrl-C).
    """
    known = sorted(tried)
    if not known or known[0][0] > 0.0:
        there = holds(0.0)
        known = [(0.0, bool(there)), *known] if there is not None else known
    lost = [factor for factor, alive in known if not alive]
    if lost and lost[0] == 0.0:
        return BreakEven(math.nan, -math.inf, 0.0)
    high = lost[0] if lost else math.inf
    low = max((factor for factor, alive in known if alive and factor < high), default=math.nan)
    while high == math.inf and low < MOST:
        factor = max(2.0 * low, 1.0)
        alive = holds(factor)
        if alive is None:
            break
        low, high = (factor, high) if alive else (low, factor)
    if high == math.inf or math.isnan(low):
        return BreakEven(math.nan, low, high)
    while high - low > WIDTH * high:
        middle = 0.5 * (low + high)
        alive = holds(middle)
        if alive is None:
            break
        low, high = (middle, high) if alive else (low, middle)
    return BreakEven(0.5 * (low + high), low, high)
