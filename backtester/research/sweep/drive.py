"""The loop of a sweep: points in batches to the workers, outcomes in order to the store."""

from __future__ import annotations

import inspect
import signal
import struct
import threading
import time
from collections.abc import Iterator
from itertools import islice
from types import FrameType, TracebackType
from typing import Any

from backtester.executors import WAIT, Executor
from backtester.research.sweep.objective import metric_names
from backtester.research.sweep.points import Point, Points
from backtester.research.sweep.progress import SweepProgress
from backtester.research.sweep.store import Store
from backtester.research.sweep.tpe import Parzen
from backtester.research.sweep.trials import Done, Outcome, Trials, run_batch
from backtester.strategy import check_parameter
from backtester.trials.record import SweepRecorder

_FLOAT = struct.Struct("=d")
_SECONDS = 0.1  # a batch should take: short enough to stop, long enough that handing it out costs nothing
_MOST = 256  # trials in a batch
_PATIENCE = 0.05  # seconds that outcomes may wait to be written: many in one transaction cost a fraction …
_MOST_WAITING = 1_024  # … and how many may


class Driver:
    """Runs the trials of one sweep that its store does not have.

    Attributes
    ----------
    done : int
        Trials in the store, those from before included.
    last : int
        The highest number of a trial that was reached.
    interrupted : bool
        Whether Ctrl-C ended it.
    """

    def __init__(self, trials: Trials, executor: Executor, store: Store, sweep: int, progress: SweepProgress):
        self.trials = trials
        self.executor = executor
        self.store = store
        self.sweep = sweep
        self.progress = progress
        self.done = 0
        self.last = -1
        self.interrupted = False
        self._sign = 1.0 if trials.objectives[0].maximize else -1.0
        self._size = 1
        self._waits = False
        kind = trials.kind
        fixed = {}
        for name, (wanted, default) in kind.parameter_types().items():
            value = trials.space.fixed.get(name, default)
            if name not in trials.space.names and value is not inspect.Parameter.empty:
                fixed[name] = check_parameter(kind.__name__, name, wanted, value)  # as a strategy has it
        self._sharpe = metric_names().index("sharpe")
        self._recorder = SweepRecorder(kind, trials.bars, fixed, trials.space.names)
        self._round: list[Outcome] = []  # of the batch that is being waited for
        self._unwritten: list[Outcome] = []
        self._written_at = time.perf_counter()

    def run(self, source: Points | Parzen) -> None:
        """Run points that are known beforehand, or batches each of which depends on those before."""
        self._waits = isinstance(source, Parzen)
        batches = self._rounds(source) if isinstance(source, Parzen) else self._batches(iter(source))
        with CtrlC(self.trials.stop) as pressed:
            try:
                for found in self.executor.map(run_batch, self.trials, batches, self.trials.stop):
                    self._keep(found)
            finally:
                self.trials.stop.set()  # where this is an error, nothing that is under way need be finished
                try:
                    self._write()
                finally:
                    self.progress.close()
                    self.interrupted = pressed.noted

    def _batches(self, source: Iterator[Point]) -> Iterator[list[Point]]:
        """Cut points into batches in their order, without those that are done."""
        while batch := list(islice(source, self._size)):
            self.last = batch[-1][0]
            there = self.store.done(self.sweep, batch[0][0], batch[-1][0])
            self.done += len(there)
            left = [point for point in batch if point[0] not in there]
            if left:
                yield left

    def _rounds(self, parzen: Parzen) -> Iterator[Any]:
        """Hand out the points of a round one by one, and wait for all of them before the next."""
        for batch in parzen.batches():
            known = [self.store.get(self.sweep, number) for number, _ in batch]
            pairs = zip(known, batch, strict=True)
            self._round = [one for one, (_, point) in pairs if one is not None and one.coordinates == point]
            self.done += len(self._round)
            there = {one.number for one in self._round}
            for point in batch:
                self.last = max(self.last, point[0])
                if point[0] not in there:
                    yield [point]
            while len(self._round) < len(batch):
                yield WAIT
            parzen.tell(self._round)

    def _keep(self, found: Done) -> None:
        outcomes: list[Outcome] = found.outcomes
        if outcomes:
            if self._waits:
                self._round += outcomes
            self._unwritten += outcomes
            if time.perf_counter() - self._written_at > _PATIENCE or len(self._unwritten) > _MOST_WAITING:
                self._write()
            self.progress.update(self.done + len(self._unwritten))
            wanted = int(len(outcomes) * _SECONDS / max(found.seconds, 1e-6))
            self._size = max(1, min(wanted, 2 * self._size, _MOST))

    def _write(self) -> None:
        """Write what waits to the trial ledger, then to the store: killed in between, a trial runs and counts again."""
        outcomes, self._unwritten = self._unwritten, []
        if outcomes:
            self._count(outcomes)
            self.done += self.store.add(self.sweep, outcomes, self._sign)
        self._written_at = time.perf_counter()

    def _count(self, outcomes: list[Outcome]) -> None:
        """Write outcomes to the trial ledger of the project; who raised has told nobody anything, as in `run`."""
        if self._recorder.is_on:
            values, at = self.trials.space.values, 8 * self._sharpe
            self._recorder.add(
                (
                    values(one.coordinates),
                    _FLOAT.unpack_from(one.metrics, at)[0],
                    one.sketch,
                )
                for one in outcomes
                if one.metrics
            )


class CtrlC:
    """Sets an event at the first Ctrl-C, raises at the second; nothing outside the main thread or where others care."""

    def __init__(self, stop: threading.Event):
        self._stop = stop
        self.noted = False
        self._installed = False

    def __enter__(self) -> CtrlC:
        main = threading.current_thread() is threading.main_thread()
        if main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._note)
            self._installed = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._installed:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.noted:
            raise KeyboardInterrupt
        self.noted = True
        self._stop.set()
