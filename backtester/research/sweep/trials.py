"""What every worker of a sweep holds: it turns points into outcomes, many in a row, with one repeater per thread."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from backtester.engine.repeat import Measured, Repeater, Stopped
from backtester.engine.session import Run
from backtester.engine.settings import Settings
from backtester.indicators.memory import IndicatorMemory, remembered
from backtester.metrics._blocks import block_edges
from backtester.research.sweep.objective import Objective
from backtester.research.sweep.points import Point
from backtester.research.sweep.space import Coordinates, Parameters, Space
from backtester.strategy import Strategy, remembered_parameters
from backtester.trials.count import MOST_SKETCHES
from backtester.trials.sketch import Sketcher
from backtester.trials.where import ledger_path

if TYPE_CHECKING:
    from backtester.bars import Bars
    from backtester.result import Result

N_BLOCKS = 16  # of the returns, for the probability of overfitting


class Outcome(NamedTuple):
    """What came out of one point."""

    number: int
    coordinates: Coordinates
    scores: tuple[float, ...]  # one per objective; empty where the run raised
    metrics: bytes  # float64, in the order of `metric_names()`; empty where the run raised
    error: str  # empty where it did not
    sums: bytes = b""  # of `curve_sums`, for the probability of overfitting; empty where there are too few bars
    sketch: bytes = b""  # of the returns, for the trial ledger; some trials have one


class Done(NamedTuple):
    """What came out of a batch."""

    outcomes: list[Outcome]
    seconds: float


@dataclass
class Trials:
    """Strategy, bars, settings and objectives of a sweep; sent to every worker once.

    Attributes
    ----------
    memory_limit : int
        Bytes of indicators that the runs share; all threads of a process share one memory.
    sketch_every : int
        Of so many trials one has its returns sketched; 0: none.
    stop : threading.Event
        Ends the batches under way after the run that is complete.
    """

    kind: type[Strategy]
    bars: Bars
    settings: Settings
    space: Space
    objectives: tuple[Objective, ...]
    memory_limit: int
    sketch_every: int = 0

    def __post_init__(self) -> None:
        self.stop = threading.Event()
        self._memory = IndicatorMemory(self.memory_limit)
        self._own = threading.local()
        n_returns = self.bars.n_bars - 1
        self._edges = block_edges(n_returns, N_BLOCKS) if n_returns >= 2 * N_BLOCKS else None
        self._sketcher = Sketcher(self.bars.timestamps) if self.sketch_every else None

    def __getstate__(self) -> dict[str, Any]:
        return {name: vars(self)[name] for name in self.__dataclass_fields__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.__post_init__()

    def sketch_trials(self, total: int) -> None:
        """Have at most 256 of `total` trials sketched, where there is a ledger that wants it."""
        if ledger_path() is not None:
            self.sketch_every = -(-total // MOST_SKETCHES)
            self._sketcher = Sketcher(self.bars.timestamps)

    def make(self, parameters: Parameters) -> Strategy:
        """Return a new strategy."""
        return self.kind(**(self.space.fixed | parameters))

    def result(self, parameters: Parameters) -> Result:
        """Run one set of parameters in full."""
        run = Run(self.make(parameters), self.bars, self.settings)
        run.prepare()
        run.advance()
        return run.finish()

    def outcomes(self, points: Sequence[Point]) -> Iterator[Outcome]:
        """Run points in order, short runs several at a time."""
        at = 0
        while at < len(points):
            few = points[at : at + self._repeater().room]
            at += len(few)
            known = self._together(few) if len(few) > 1 else {}
            for point in few:
                yield self.outcome(point, known.get(point[0]))

    def outcome(self, point: Point, known: Measured | None = None) -> Outcome:
        """Run one point, where its run is not `known`; what the run raises is part of the outcome."""
        number, coordinates = point
        parameters = self.space.parameters(coordinates)
        try:
            found = self._metrics(parameters) if known is None else known.metrics
            scores = tuple([self._score(one, found, parameters) for one in self.objectives])
            kept = self._kept(number) if known is None else known[1:]
            return Outcome(number, coordinates, scores, array("d", found.values()).tobytes(), "", *kept)
        except Stopped:
            raise
        except Exception as error:
            return Outcome(number, coordinates, (), b"", in_words(error))

    def _score(self, objective: Objective, metrics: dict[str, float], parameters: Parameters) -> float:
        """Return the score of a run, NaN for a metric of one that went bankrupt."""
        if objective.function is None and metrics["total_return"] <= -1.0:
            return math.nan
        return objective.score(metrics, lambda: self.result(parameters))

    def _draws(self, number: int) -> bool:
        """Whether the returns of a trial are sketched."""
        return self._sketcher is not None and number % self.sketch_every == 0

    def _kept(self, number: int) -> tuple[bytes, bytes]:
        """Return block sums and sketch of the run that is just over."""
        repeater = self._repeater()
        sums = b"" if self._edges is None else repeater.sums.tobytes()
        return sums, self._sketcher.sketch(repeater.wealth) if self._sketcher and self._draws(number) else b""

    def _together(self, points: Sequence[Point]) -> dict[int, Measured]:
        """Run those of the points that can run together, and return what came out by number of the point."""
        if self.stop.is_set() or not getattr(self._own, "shares", True):
            return {}
        makes = [partial(self.make, self.space.parameters(coordinates)) for _, coordinates in points]
        with remembered(self._memory):
            found = self._repeater().together(makes, [self._draws(number) for number, _ in points])
        return {number: one for (number, _), one in zip(points, found, strict=True) if one is not None}

    def _metrics(self, parameters: Parameters) -> dict[str, float]:
        """Run one set of parameters for its metrics; alone, where it writes into what runs would share."""
        if getattr(self._own, "shares", True):
            try:
                with remembered(self._memory):
                    return self._repeater().metrics(lambda: self.make(parameters))
            except ValueError as error:
                if "read-only" not in str(error):
                    raise
            self._own.shares = False
            self._own.repeater = None
        return self._repeater().metrics(lambda: self.make(parameters))

    def _repeater(self) -> Repeater:
        found: Repeater | None = getattr(self._own, "repeater", None)
        if found is None:
            found = self._own.repeater = Repeater(self.bars, self.settings, self.stop, self._edges, self._sketcher)
        return found


def run_batch(trials: Trials, points: Sequence[Point]) -> Done:
    """Run points in order; those that are complete when the sweep is stopped are returned."""
    begun = time.perf_counter()
    outcomes: list[Outcome] = []
    with remembered_parameters(trials.kind), contextlib.suppress(Stopped):
        for outcome in trials.outcomes(points):
            outcomes.append(outcome)
            if trials.stop.is_set():
                break
    return Done(outcomes, time.perf_counter() - begun)


def in_words(error: BaseException) -> str:
    """Return type, message and notes of an error."""
    notes = "".join(f"; {note}" for note in getattr(error, "__notes__", ()))
    return f"{type(error).__name__}: {error}{notes}"
