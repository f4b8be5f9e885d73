"""The ranks of the signal among the assets: long the best, short the worst.

Source: Narasimhan Jegadeesh and Sheridan Titman, "Returns to Buying Winners and Selling Losers: Implications for Stock
Market Efficiency", Journal of Finance 48 (1993), 65-91, for portfolios of the extreme ranks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from backtester.errors import ParameterError, did_you_mean
from strategies.rules.rule import Floats, Prepared, Rule, is_number, prepared

if TYPE_CHECKING:
    from backtester.bars import Bars
    from strategies.rules.source import Source

WEIGHTS = ("equal", "score")


@dataclass(frozen=True)
class CrossSectionalRank(Rule):
    """Hold the assets with the highest signals, sell those with the lowest short, and be flat in the others.

    Of two equal signals the asset with the lower number ranks higher; where all are equal, nothing is held.

    Parameters
    ----------
    long, short : int or float
        How many assets are on each side: an int is a number, a float above 0 and up to 1 a fraction of the assets that
        have a signal now, rounded down, but one at least. `short=0` is long only, `long=0` short only. No asset is on
        both sides: where there are too few, each side has half of them at most.
    weights : {"equal", "score"}
        Equal parts in a side, or in proportion to the distance of the signal from the mean over all assets, 0 where it
        is on the other side of the mean.
    size : float
        Gross exposure, as a fraction of equity, above 0: half of it each for two sides, all of it for one.

    Raises
    ------
    ParameterError
        If a number is out of range, or both sides are 0.
    """

    long: float = 0.1
    short: float = 0.1
    weights: Literal["equal", "score"] = "equal"
    size: float = 1.0

    def __post_init__(self) -> None:
        for name in ("long", "short"):
            value = getattr(self, name)
            whole = isinstance(value, int | np.integer)
            holds = is_number(value) and value >= 0 and (whole or value <= 1.0)
            self._check(name, holds, "a number of assets (int), or a fraction of them (float, up to 1); 0 for none")
        if self.long == 0 and self.short == 0:
            raise ParameterError("CrossSectionalRank: long and short are both 0; one of them must be above 0")
        if self.weights not in WEIGHTS:
            hint = did_you_mean(str(self.weights), WEIGHTS)
            raise ParameterError(f"CrossSectionalRank: weights is {self.weights!r}{hint}; it is 'equal' or 'score'")
        self._check_number("size", above=0.0)

    def prepare(self, bars: Bars, source: Source) -> Prepared:
        """Return what the strategy runs; see `Rule.prepare`."""
        counts = [float(n) if isinstance(n, int | np.integer) else -float(n) for n in (self.long, self.short)]
        return prepared(decide, bars, [*counts, float(self.weights == "score"), self.size])


def decide(ctx: Any, values: Floats, panel: Floats, numbers: Floats, state: Floats, targets: Floats) -> None:
    """Write the targets; see `strategies.rules.rule`. Of `numbers`, a count below 0 is a fraction."""
    n, total, low, high = 0, 0.0, math.inf, -math.inf
    keys = np.empty(ctx.n_assets)
    for a in range(ctx.n_assets):
        value = values[-1, a]
        targets[a] = 0.0
        if math.isfinite(value):
            n += 1
            total += value
            low, high = min(low, value), max(high, value)
            keys[a] = -value
        else:
            keys[a] = math.inf
    if n == 0 or low == high:
        return
    longs, shorts = count(numbers[0], n), count(numbers[1], n)
    if longs + shorts > n:
        most = n // 2 if numbers[0] != 0.0 and numbers[1] != 0.0 else n
        longs, shorts = min(longs, most), min(shorts, most)
    order = np.argsort(keys, kind="mergesort")  # stable: of equal signals the lower asset number comes first
    size = numbers[3] if numbers[0] == 0.0 or numbers[1] == 0.0 else 0.5 * numbers[3]
    hold(order, 0, longs, size, values, total / n, numbers[2] != 0.0, targets)
    hold(order, n - shorts, n, -size, values, total / n, numbers[2] != 0.0, targets)


def count(wanted: float, n: int) -> int:
    """Return how many of n assets a side has."""
    if wanted >= 0.0:
        return min(int(wanted), n)
    return max(math.floor(-wanted * n + 1e-9), 1)


def hold(
    order: Any, first: int, stop: int, size: float, values: Floats, mean: float, by_score: bool, targets: Floats
) -> None:
    """Share `size` among the assets `order[first:stop]`, negative for a short side."""
    side, whole = (1.0 if size > 0.0 else -1.0), 0.0
    if by_score:
        for k in range(first, stop):
            whole += max(side * (values[-1, order[k]] - mean), 0.0)
    for k in range(first, stop):
        a = order[k]
        if whole > 0.0:
            targets[a] = size * (max(side * (values[-1, a] - mean), 0.0) / whole)
        elif not by_score:
            targets[a] = size / (stop - first)
