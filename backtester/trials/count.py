"""How many trials there were on a market, how many of them independent, and how far their Sharpe ratios spread."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from backtester.errors import ResultError
from backtester.metrics.independence import effective_trials
from backtester.trials.identity import symbols_of
from backtester.trials.ledger import Ledger
from backtester.trials.record import current_ledger
from backtester.trials.sketch import side_by_side

if TYPE_CHECKING:
    from backtester.bars import Bars

MOST_SKETCHES = 256  # that are compared with one another
_LEAST_CELLS = 8  # of a sketch, below which it tells nothing of independence


@dataclass(frozen=True)
class TrialCount:
    """The trials on a market so far.

    Attributes
    ----------
    trials : int
        Distinct by code and parameters, those that models were chosen from included; 0 where nothing is known.
    effective : float
        How many of them are independent: 1 to `trials`.
    sharpe_variance : float
        Of their Sharpe ratios per year; NaN for fewer than two. A trial on another length of time is told with the same
        significance over that of these bars: SR·√(its length / theirs). Those on 30 bars or fewer are left out.
    best : float
        The highest of these Sharpe ratios; NaN where there is none.
    marked : dict of str to int
        Runs that are not counted, by what they were for.
    problem : str
        Why nothing is known: the ledger is off, or what is wrong with it. Empty where all is well.
    """

    trials: int
    effective: float
    sharpe_variance: float = math.nan
    best: float = math.nan
    marked: dict[str, int] = field(default_factory=dict)
    problem: str = ""


def count_trials(bars: Bars, without: str = "") -> TrialCount:
    """Return the trials on any symbol of these bars, over any period that overlaps theirs.

    Bars one shorter or one longer are the same data. Runs that are marked (stress, look-ahead, tests) do not count, nor
    does what came through the door `without`.
    """
    return count_of(symbols_of(bars), int(bars.timestamps[0]), int(bars.timestamps[-1]), without=without)


def count_of(
    symbols: Sequence[str], first: int, last: int, ledger: Ledger | None = None, without: str = ""
) -> TrialCount:
    """Return the trials on symbols from `first` to `last`, ns UTC; in the project's ledger unless another is given."""
    try:
        ledger = ledger or current_ledger()
        if ledger is None:
            return TrialCount(0, math.nan, problem="the trial ledger is off")
        tally = ledger.tally(symbols, first, last, without)
        sketches = ledger.sketches(symbols, first, last, MOST_SKETCHES, without)
        marked = ledger.marked(symbols, first, last)
    except ResultError as error:
        return TrialCount(0, math.nan, problem=str(error))
    effective = _effective(sketches, tally.behind)
    return TrialCount(tally.behind, effective, tally.sharpe_variance, tally.best, marked)


def _effective(sketches: Sequence[bytes], total: int) -> float:
    """Return the effective number of `total` trials, of which some have sketches: these stand for the rest."""
    if total < 2 or not sketches:
        return float(total)
    returns = side_by_side(sketches)
    if len(returns) < _LEAST_CELLS or not returns.std(axis=0).any():
        return float(total)
    found = effective_trials(returns, stand_for=total)
    return min(max(found.number, 1.0), float(total))
