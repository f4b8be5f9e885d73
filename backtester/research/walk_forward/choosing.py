"""One training window: a sweep over its bars, and the set of parameters that goes on into the test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.comparison import benchmark_rows
from backtester.errors import SweepError
from backtester.research.sweep import Sweep, Trial, sweep
from backtester.research.walk_forward.fold import Choice
from backtester.research.walk_forward.windows import Window
from backtester.strategy import Strategy
from backtester.trials.mark import WINDOW, through

if TYPE_CHECKING:
    from backtester.bars import Bars

CHOICES = ("best", "stable")


@dataclass(frozen=True)
class Search:
    """How parameters are chosen in every training window.

    Attributes
    ----------
    kind : type
    choose : {"best", "stable"}
    min_trades : int
        Closed trades that a run needs to be chosen.
    asked : mapping
        Keywords of `sweep`, the same in every fold; and run settings.
    space : mapping
        Dimensions.
    fixed : dict
        Parameters that every strategy of the walk shares.
    """

    kind: type[Strategy]
    choose: str
    min_trades: int
    asked: Mapping[str, Any]
    space: Mapping[str, Any]
    fixed: Mapping[str, Any] = field(default_factory=dict)

    def sweep(self, bars: Bars, window: Window) -> Sweep:
        """Run the sweep of a training window; it sees the bars of the window and no others."""
        rows = window.train
        asked = dict(self.asked)
        if "benchmark" in asked:
            asked["benchmark"] = benchmark_rows(asked["benchmark"], rows.start, rows.stop)
        with through(WINDOW):
            return sweep(self.kind, bars[rows], parameters=self.space, **asked)

    def choice(self, found: Sweep) -> Choice:
        """Return what a sweep leads to.

        Raises
        ------
        SweepError
            "stable" was asked for, and no parameter has neighbours.
        """
        tried, failed, _ = found.counts
        trial = self._trial(found)
        if trial is None:
            name = found.objectives[0]
            why = f"none of {tried:,} sets with a {name} closed {self.min_trades:,} trades"
            return Choice(None, trials=tried, failed=failed, why_not=why)
        dimensions = found._trials.space.dimensions
        places = {one.name: one.place(trial.parameters[one.name]) for one in dimensions if one.is_ordered}
        score = trial.scores[found.objectives[0]]
        return Choice(trial.parameters, score, trial.metrics, places, tried, failed)

    def _trial(self, found: Sweep) -> Trial | None:
        if self.choose == "stable":
            ranked = found.stability().table.index
        elif self.min_trades == 0:
            return found.best
        else:
            scores = found.scores.iloc[:, 0].to_numpy(np.float64)
            turned = -scores if found._trials.objectives[0].maximize else scores
            order = np.argsort(turned, kind="stable")  # NaN is last
            ranked = found.table.index[order[np.isfinite(turned[order])]]
        closed = found.table.loc[ranked, found.column("n_trades")].to_numpy()
        enough = np.flatnonzero(closed >= self.min_trades)
        return found.trial(int(ranked[enough[0]])) if len(enough) else None

    def strategy(self, choice: Choice) -> Strategy:
        """Return a new strategy with the chosen parameters."""
        return self.kind(**self.fixed, **(choice.parameters or {}))


def nothing_found(error: SweepError) -> Choice:
    """Return the choice of a window in which no run has a score; the error where it is about something else."""
    found = error.sweep
    if found is None:
        raise error
    tried, failed, _ = found.counts
    why = f"{found.objectives[0]} is NaN, or the account bankrupt, in all {tried - failed:,} runs that finished"
    first = found.first_failure
    if first is not None and failed == tried:
        why = f"all {tried:,} runs raised; the first, with {first.parameters}: {first.error}"
    return Choice(None, trials=tried, failed=failed, why_not=why)
