"""One strategy class run again and again over the same bars, for its metrics alone: what a sweep is made of.

A run costs what its bars cost: the account is put back instead of made anew, machine code and settings are looked at
once, no table becomes a frame, and all bars and sums are one call into machine code (`laps`). What comes out is, to the
bit, what `run` gives.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from backtester.compiler.refill import Refill
from backtester.engine.laps import MEASURED, TOO_SHORT, Laps
from backtester.engine.replay import explain_read_only
from backtester.engine.session import Run
from backtester.kernel.loop import FAILED
from backtester.kernel.snapshot import Snapshot
from backtester.metrics._blocks import curve_sums
from backtester.result import Tables, metrics_of, tables_of, trades_of, wealth_of

if TYPE_CHECKING:
    from backtester.bars import Bars
    from backtester.engine.settings import Settings
    from backtester.strategy import Strategy
    from backtester.trials.sketch import Sketcher

_CHUNK = 1 << 16  # bars between two looks at `stop`
_NO_BLOCKS = np.zeros(0, np.int64)


class Stopped(Exception):
    """A run was given up, because somebody set `stop`."""


class Measured(NamedTuple):
    """What is kept of a run that ran together with others."""

    metrics: dict[str, float]
    sums: bytes
    sketch: bytes


class Repeater:
    """Runs of one strategy class over the same bars, in one thread; each thread has a repeater of its own.

    Parameters
    ----------
    bars : Bars
    settings : Settings
    stop : threading.Event, optional
        Ends the run under way, with `Stopped`.
    edges : int64 [n_blocks + 1], optional
        Where blocks of returns begin, and the last one ends: `sums` are of these.
    sketcher : Sketcher, optional
        Draws the sketches that `together` is asked for.

    Attributes
    ----------
    quick : int
        How many runs found everything laid out.
    wealth : float64 [n_bars]
        Of the last run of `metrics`: equity without what was paid in and out; the next run overwrites it.
    sums : float64 [2·n_blocks + 1]
        What `backtester.metrics._blocks.curve_sums` makes of it; the next run overwrites them.
    """

    def __init__(
        self,
        bars: Bars,
        settings: Settings,
        stop: threading.Event | None = None,
        edges: np.ndarray | None = None,
        sketcher: Sketcher | None = None,
    ):
        self.bars = bars
        self.settings = replace(settings, progress=False)
        self.stop = stop or threading.Event()
        self.quick = 0
        self.wealth = self.sums = np.empty(0)
        self._edges = _NO_BLOCKS if edges is None else edges
        self._sketcher = sketcher
        self._checks = callable(settings.costs.commission)
        self._run: Run | None = None
        self._refill: Refill
        self._snapshot: Snapshot
        self._laps: Laps
        self._ready: np.ndarray | None = None
        self._alone = False  # whether a try to run several together was of little use
        self._n_kept = 0

    def metrics(self, make: Callable[[], Strategy]) -> dict[str, float]:
        """Run a strategy, and return what `Result.summary()` gives.

        Parameters
        ----------
        make : callable
            Returns a new strategy with the same parameters each time it is called: a run that fails is done once more
            as `run` does it, which names the bar and the line.

        Raises
        ------
        Exception
            As `run` does.
        Stopped
            Where `stop` was set meanwhile.
        """
        run, measured = self._go(make)
        if measured:
            self.wealth, self.sums = run.memory.view("equity_curve"), self._laps.sums[0]
            return self._laps.metrics()
        tables = tables_of(run)
        self.wealth = wealth_of(tables, self.bars.n_bars)
        if len(self._edges):
            self.sums = curve_sums(self.wealth, self._edges)
        return metrics_of(
            self.bars,
            tables,
            trades_of(self.bars, tables),
            periods_per_year=self.settings.periods_per_year,
            risk_free=self.settings.risk_free,
            benchmark=run.benchmark,
            ambiguous_bars=int(run.memory["ambiguous_bars"]),
        )

    @property
    def room(self) -> int:
        """How many runs `together` takes; 1 where it is of no use."""
        known = self._run
        alone = known is None or known.benchmark is not None or self._checks or self._alone
        return 1 if alone else self._laps.room

    def together(self, makes: Sequence[Callable[[], Strategy]], draws: Sequence[bool]) -> list[Measured | None]:
        """Run several strategies, at most `room`, in one call into machine code.

        Parameters
        ----------
        makes : sequence of callable
            As in `metrics`.
        draws : sequence of bool
            Whether the returns of each are sketched.

        Returns
        -------
        list of Measured or None
            None for a strategy that has to run by itself: it raises, is laid out in another way, or looks at memory
            that another of them looks at too, or has written into. `wealth` is of none of them.
        """
        found: list[Measured | None] = [None] * len(makes)
        run, laps, refill = self._run, self._laps, self._refill
        if run is None:
            return found
        held: list[tuple[int, Strategy]] = []
        memory: dict[int, list[np.ndarray]] = {}
        as_prepared: list[tuple[np.ndarray, bytes]] = []
        for at, make in enumerate(makes):
            try:
                run.strategy = strategy = make()
                strategy.prepare(self.bars)
                if not refill.fill(strategy) or not refill.knows_ready:
                    continue
                warmup = run.warmup
            except Exception:
                continue  # by itself it raises again, and that is told
            mine = refill.changeable(strategy)
            if mine is None:
                continue
            if memory.keys() & mine.keys():
                self._alone = True
                return found
            memory |= mine
            as_prepared += [(array, array.tobytes()) for arrays in mine.values() for array in arrays]
            laps.put(len(held), warmup, draws[at])
            held.append((at, strategy))
        if any(array.tobytes() != before for array, before in as_prepared):
            self._alone = True
            return found  # a later one has written into it
        if held:
            self._point_at(refill.ready)
            measured = laps.together(len(held))
            for row, (at, _) in enumerate(held):
                if measured[row]:
                    found[at] = Measured(laps.metrics(row), laps.sums[row].tobytes(), laps.sketch(row))
                    self.quick += 1
            if run.memory.untidy:
                run.memory.tidy()
        self._alone = sum(one is not None for one in found) < len(found) / 2
        return found

    def tables(self, make: Callable[[], Strategy]) -> tuple[Tables, Run]:
        """Run a strategy, and return its rows, which the next run overwrites, and the run."""
        run, _ = self._go(make)
        return tables_of(run), run

    def _go(self, make: Callable[[], Strategy]) -> tuple[Run, bool]:
        """Run a strategy to its end, and say whether the laps have measured it."""
        strategy = make()
        run = self._laid_out(strategy)
        if run.interpreter is not None:
            run.advance()
            run.finish()
            return run, False
        status = self._run_laps(run)
        if status == FAILED:
            self._explain(make)
        if run.memory.untidy:
            run.memory.tidy()
        if self._checks:
            run.check_commissions()
        return run, status == MEASURED

    def _laid_out(self, strategy: Strategy) -> Run:
        """Return a run of the strategy before its first bar."""
        known = self._run
        if known is None:
            run = Run(strategy, self.bars, self.settings)
            run.prepare()
        else:
            try:
                strategy.prepare(self.bars)
            except ValueError as error:
                explain_read_only(error)
                raise
            if self._refill.fill(strategy):
                self.quick += 1
                known.strategy = strategy
                known.forget_prepared(self._n_kept)
                self._point_at(self._refill.ready if self._refill.knows_ready else known.ready_rows())
                return known
            run = Run(strategy, self.bars, self.settings)
            run.benchmark = known.benchmark
            run.lay_out()
        if run.hooks is not None and run.interpreter is None:
            self._n_kept = run.n_kept
            self._snapshot = Snapshot(run.memory)
            self._refill = Refill(run.hooks, strategy, self.bars.n_bars, self.bars.n_assets)
            self._laps = Laps(run, self._snapshot, self._refill, self._edges, self._sketcher)
            self._run, self._ready = run, None
        else:
            self._run = None
            self.settings = replace(self.settings, mode="interpreted")  # why has been said
        return run

    def _point_at(self, ready: np.ndarray) -> None:
        """Have the account read a ready map."""
        if ready is not self._ready:
            assert self._run is not None
            self._run.memory.set_ready_map(ready)
            self._ready = ready

    def _run_laps(self, run: Run) -> int:
        """Run all bars as machine code, and return the last status of the laps."""
        n_bars, warmup, status = self.bars.n_bars, run.warmup, -1
        for until in (*range(_CHUNK, n_bars, _CHUNK), n_bars):
            if self.stop.is_set():
                raise Stopped
            status = self._laps.begin(warmup, until) if status < 0 else self._laps.go_on(until)
            if status == TOO_SHORT:
                self._ready = None
                run.find_start()  # which says why
            if status == FAILED:
                return status
            run.check_memory()
        return status

    def _explain(self, make: Callable[[], Strategy]) -> None:
        """Run once more as `run` does, for the error with its bar and line."""
        again = Run(make(), self.bars, self.settings)
        again.prepare()
        again.advance()
        raise RuntimeError(
            f"{again.strategy!r} raised an error in one run and not in the next; does its prepare give other values?"
        )
