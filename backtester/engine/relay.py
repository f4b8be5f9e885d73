"""One account that several strategies trade one after another: what walk-forward optimisation is stitched from.

A relay is one run of the kernel over one market. Between two bars the strategy may be exchanged for another: a `Leg` is
the part of the run that is one strategy's. What belongs to the account stays: cash, positions, the order and fill
tables, the random numbers. What belongs to the strategy begins anew: its prepared arrays, its state, its hooks.

The account is opened in the middle of the data, at the close of a bar. The bars before are history: strategies compute
from them and see them, and nothing happens in them.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.context import Context
from backtester.engine.session import Run
from backtester.errors import StrategyError
from backtester.kernel.codes import FillAt
from backtester.kernel.loop import advance, close_bar, turn
from backtester.kernel.memory import AccountMemory
from backtester.strategy import Strategy

if TYPE_CHECKING:
    from backtester.bars import Bars
    from backtester.engine.interrupt import Interrupt
    from backtester.engine.progress import Progress
    from backtester.engine.settings import Settings
    from backtester.result import Result, Tables

#: the columns of each table that hold bars; -1 is none
_BARS = {
    "orders": ("submitted", "eligible", "triggered", "ended"),
    "fills": ("bar",),
    "flows": ("bar",),
    "changes": ("bar", "acts"),
    "actions": ("bar",),
    "records": ("bar",),
}
NOTHING = 0  # the address of a hook that is not there


class Relay:
    """An account, and the strategies that have traded it so far.

    Parameters
    ----------
    bars : Bars
        Up to the last bar that is traded.
    settings : Settings
    first : int
        The bar at whose close the account is opened; the first decision is at the close of the next, as in a run over
        `bars[first:]`.

    Attributes
    ----------
    legs : list of Leg
        In their order.
    interrupted : bool
        Whether Ctrl-C ended the last of them early.
    """

    def __init__(self, bars: Bars, settings: Settings, first: int):
        self.bars = bars
        self.settings = dataclasses.replace(settings, progress=False)
        self.first = first
        self.legs: list[Leg] = []
        self.interrupted = False
        self._own = np.zeros(8, np.int64)  # stands for a strategy's fields where there is none
        self._steps: list[Callable[[Relay], object]] = []  # how another relay comes to where this one is
        opener = Run(_Nobody(), bars, dataclasses.replace(self.settings, benchmark=None))
        opener.open_account()
        self._opener = opener  # keeps what the kernel points at
        self.memory: AccountMemory = opener.memory
        carries = self.memory["has_carry"]
        self.memory["has_carry"] = 0  # money earns no interest before the account is opened
        self._pass(first + 1)
        self.memory["has_carry"] = carries

    @property
    def n_done(self) -> int:
        """How many bars are complete, history included."""
        return int(self.memory["next_bar"])

    # --- what happens, in order --------------------------------------------------------------------------------------

    def run(self, strategy: Strategy, until: int, *, close: bool = False) -> Leg:
        """Let a strategy trade the next bars.

        It is prepared on the bars up to `until` and no further.

        Parameters
        ----------
        strategy : Strategy
        until : int
            The first bar that is no longer its own.
        close : bool
            Cancel its orders and close its positions in its last bar, at whose close it is not asked. Otherwise both
            stay as they are; see `cancel_orders`.

        Raises
        ------
        Exception
            As `run` does.
        """
        leg = Leg(strategy, self, until, list(self._steps))
        self._steps.append(lambda other: other.run(_copy_of(leg), until, close=close))
        self.legs.append(leg)
        leg.prepare()
        leg.advance(until - 1 if close else until)
        self.interrupted |= leg.interrupted
        if close and not leg.interrupted:
            self._close_out(until)
        leg.leave()
        return leg

    def stand(self, until: int) -> None:
        """Let bars pass in which nobody decides anything."""
        self._steps.append(lambda other: other.stand(until))
        self._pass(until)

    def cancel_orders(self) -> None:
        """Cancel every order, as a strategy would have done at the close of the bar before; positions stay."""
        self._steps.append(Relay.cancel_orders)
        ctx = Context(self.memory)
        for asset in np.flatnonzero(self.memory.view("open_counts")).tolist():
            ctx.cancel_all(asset)

    def finish(self, about: dict[str, Any]) -> Result:
        """End the run, and return the result of the bars from that at whose close the account was opened.

        Its manifest has the parameters that all strategies share.

        Parameters
        ----------
        about : dict
            What the manifest keeps beside them, plain values.
        """
        from backtester.comparison import benchmark_equity, benchmark_rows
        from backtester.result import Result, tables_of

        memory, leg, first, n = self.memory, self.legs[-1], self.first, self.n_done
        memory.finish()
        if callable(self.settings.costs.commission):
            leg.check_commissions()
        bars = self.bars[first:n]
        told = [one.facts["parameters"] for one in self.legs]
        facts = leg.facts | {
            "parameters": {name: value for name, value in told[0].items() if all(one[name] == value for one in told)},
            "about": about,
            "interrupted": self.interrupted,
            "first_bar": self.legs[0].start - first,
            "seconds": {
                name: round(sum(one.seconds.get(name, 0.0) for one in self.legs), 6)
                for name in ("prepare", "compile", "advance")
            },
        }
        benchmark = self.settings.benchmark
        if benchmark is not None:
            benchmark = benchmark_equity(benchmark_rows(benchmark, first, n), bars, self.settings.cash)
            benchmark.flags.writeable = False
        names: dict[int, str] = {}
        for one in self.legs:
            names |= one.record_names
        return Result(bars, _cut(tables_of(leg), first), facts, names, int(memory["ambiguous_bars"]), benchmark)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _pass(self, until: int) -> None:
        """Run bars without any hook."""
        self.memory.set_ready_map(np.zeros((0, 3), np.int64))
        self.memory["hooks_rejects"] = 0
        advance(self.memory.address, self._own.ctypes.data, NOTHING, NOTHING, NOTHING, until)
        self._opener.check_memory()
        self.memory.tidy()

    def _close_out(self, until: int) -> None:
        """Run the bar before `until` with nothing but orders that close every position."""
        memory = self.memory
        turn(memory.address)
        ctx = Context(memory)
        for asset in np.flatnonzero((memory.view("positions") != 0.0) | (memory.view("open_counts") > 0)).tolist():
            ctx.close_position(asset)
        close_bar(memory.address)
        self._opener.check_memory()
        assert self.n_done == until


class Leg(Run):
    """The part of a relay that is one strategy's.

    Attributes
    ----------
    start : int
        The bar of its first `on_bar`.
    """

    def __init__(self, strategy: Strategy, relay: Relay, end: int, steps: list[Callable[[Relay], object]]):
        super().__init__(strategy, relay.bars[:end], dataclasses.replace(relay.settings, benchmark=None))
        self.relay = relay
        self.begin = relay.n_done
        self.start = self.begin
        self._before = steps
        self._deaf = False  # whether orders of the leg before may fill in the first bar

    def again(self, strategy: Strategy) -> Leg:
        """Return the same leg of a relay of its own, in which all that was before has happened."""
        relay = Relay(self.relay.bars, self.relay.settings, self.relay.first)
        for step in self._before:
            step(relay)
        return Leg(strategy, relay, self.bars.n_bars, self._before)

    def open_account(self) -> None:
        """Take over the account; what happened in it so far is nothing that this strategy hears of."""
        self.memory = memory = self.relay.memory
        memory["fills_seen"], memory["rejects_seen"] = memory["n_fills"], memory["n_rejects"]
        self._deaf = bool(memory.view("open_counts").any()) and memory["fill_at"] != FillAt.CLOSE

    def find_start(self) -> None:
        """Set the bar of the first `on_bar`: the first of the leg at which the strategy is ready."""
        n_bars = self.memory["n_bars"]
        self.memory["n_bars"] = self.bars.n_bars  # the prepared arrays end here
        try:
            super().find_start()
        finally:
            self.memory["n_bars"] = n_bars
        self.start = max(self.begin, int(self.memory["start"]))

    def leave(self) -> None:
        """Hand the strategy its fields back; the account goes on."""
        self.settings = self.relay.settings
        if self.interpreter is not None:
            self.interpreter.restore()
        elif self.hooks is not None:
            self.hooks.read_back()

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What the manifest of a run knows of this strategy, after it has left."""
        from backtester.manifest import facts_of

        return facts_of(self)

    @property
    def record_names(self) -> dict[int, str]:
        """The names that the strategy recorded, by their keys."""
        names = self.hooks.record_names if self.hooks is not None else {}
        return names | self.interpreter.ctx.record_names if self.interpreter is not None else names

    def _advance(self, until: int, progress: Progress, interrupt: Interrupt) -> None:
        if self._deaf and self.n_done == self.begin < until:
            self._first_bar()
        super()._advance(until, progress, interrupt)

    def _first_bar(self) -> None:
        """Run the first bar, in which no order of this strategy can have filled yet, without its `on_fill`."""
        if self.interpreter is not None:
            heard, self.interpreter.hears_fills = self.interpreter.hears_fills, False
            self._advance_interpreted(self.begin + 1)
            self.interpreter.hears_fills = heard
        elif self.hooks is not None:
            on_fill, self.hooks.on_fill = self.hooks.on_fill, NOTHING
            self._advance_compiled(self.begin + 1)
            self.hooks.on_fill = on_fill
        self.check_memory()
        self.memory["fills_seen"] = self.memory["n_fills"]


class _Nobody(Strategy):
    """Has no say."""


def _copy_of(leg: Leg) -> Strategy:
    if leg.pristine is None:
        raise StrategyError(
            f"{leg.strategy!r} cannot be copied, so that its bars cannot be run again to find the line of an error "
            "behind them; run with mode='interpreted'"
        )
    return copy.deepcopy(leg.pristine)


def _cut(tables: Tables, first: int) -> Tables:
    """Return rows as if bar `first` were bar 0."""
    from backtester.result import Tables

    cut = {name: array.copy() for name, array in vars(tables).items()}
    for name, columns in _BARS.items():
        for column in columns:
            bars = cut[name][column]
            bars[bars >= 0] -= first
    cut["equity"] = cut["equity"][first:]
    for array in cut.values():
        array.flags.writeable = False
    return Tables(**cut)
