"""One strategy class run again and again over the same bars, for its metrics alone: what a sweep is made of.

A run costs what its bars cost: the account is put back instead of made anew, machine code and settings are looked at
once, and no table becomes a frame. What comes out is, to the bit, what `run` gives.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from backtester.compiler.refill import Refill
from backtester.engine.replay import explain_read_only
from backtester.engine.session import Run
from backtester.kernel.loop import FAILED, advance
from backtester.kernel.snapshot import Snapshot
from backtester.result import Tables, metrics_of, tables_of, trades_of, wealth_of
from backtester.trades import Matcher

if TYPE_CHECKING:
    from backtester.bars import Bars
    from backtester.engine.settings import Settings
    from backtester.strategy import Strategy

_CHUNK = 1 << 16  # bars between two looks at `stop`


class Stopped(Exception):
    """A run was given up, because somebody set `stop`."""


class Repeater:
    """Runs of one strategy class over the same bars, in one thread; each thread has a repeater of its own.

    Parameters
    ----------
    bars : Bars
    settings : Settings
    stop : threading.Event, optional
        Ends the run under way, with `Stopped`.

    Attributes
    ----------
    quick : int
        How many runs found everything laid out.
    wealth : float64 [n_bars]
        Of the last run of `metrics`: equity without what was paid in and out; the next run overwrites it.
    """

    def __init__(self, bars: Bars, settings: Settings, stop: threading.Event | None = None):
        self.bars = bars
        self.settings = replace(settings, progress=False)
        self.stop = stop or threading.Event()
        self.quick = 0
        self.wealth = np.empty(0)
        self._run: Run | None = None
        self._refill: Refill | None = None
        self._snapshot: Snapshot
        self._n_kept = 0
        self._matcher: Matcher | None = None

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
        tables, run = self.tables(make)
        self.wealth = wealth_of(tables, self.bars.n_bars)
        return metrics_of(
            self.bars,
            tables,
            self._trades(tables),
            periods_per_year=self.settings.periods_per_year,
            risk_free=self.settings.risk_free,
            benchmark=run.benchmark,
            ambiguous_bars=int(run.memory["ambiguous_bars"]),
        )

    def tables(self, make: Callable[[], Strategy]) -> tuple[Tables, Run]:
        """Run a strategy, and return its rows, which the next run overwrites, and the run."""
        strategy = make()
        run = self._laid_out(strategy)
        if run.interpreter is not None:
            run.advance()
        elif not self._advance(run):
            self._explain(make)
        if run.interpreter is not None:
            run.finish()
        else:
            run.memory.finish()
            if callable(self.settings.costs.commission):
                run.check_commissions()
        return tables_of(run), run

    def _trades(self, tables: Tables) -> np.ndarray:
        if len(tables.actions):
            return trades_of(self.bars, tables)
        if self._matcher is None:
            bars = self.bars
            self._matcher = Matcher(bars.high, bars.low, bars.close, tables.multipliers, tables.margined)
        return self._matcher.match(tables.fills, tables.last_fx)

    def _laid_out(self, strategy: Strategy) -> Run:
        """Return a run of the strategy before its first bar."""
        known = self._run
        if known is None or self._refill is None:
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
                self._snapshot.restore()
                known.strategy = strategy
                known.forget_prepared(self._n_kept)
                known.find_start()
                return known
            run = Run(strategy, self.bars, self.settings)
            run.benchmark = known.benchmark
            run.lay_out()
        if run.hooks is not None and run.interpreter is None:
            self._n_kept = run.n_kept
            self._snapshot = Snapshot(run.memory)
            self._refill = Refill(run.hooks, strategy, self.bars.n_bars)
            self._run = run
        else:
            self._run = None
            self.settings = replace(self.settings, mode="interpreted")  # why has been said
        return run

    def _advance(self, run: Run) -> bool:
        """Run all bars as machine code, and say whether no hook raised."""
        hooks, memory, n_bars = run.hooks, run.memory, self.bars.n_bars
        assert hooks is not None
        for until in (*range(_CHUNK, n_bars, _CHUNK), n_bars):
            if self.stop.is_set():
                raise Stopped
            status = advance(
                memory.address, hooks.self_buffer.address, hooks.on_bar, hooks.on_fill, hooks.on_reject, until
            )
            if status == FAILED:
                return False
            run.check_memory()
        return True

    def _explain(self, make: Callable[[], Strategy]) -> None:
        """Run once more as `run` does, for the error with its bar and line."""
        again = Run(make(), self.bars, self.settings)
        again.prepare()
        again.advance()
        raise RuntimeError(
            f"{again.strategy!r} raised an error in one run and not in the next; does its prepare give other values?"
        )
