"""Whole runs for their metrics as one call into machine code, which holds no lock meanwhile.

A lap: the account is put back, all bars run, fills become trades, and trades and equity become the sums that metrics
are made of. Each part is the one that `run` and `summary` call by itself, so that every bit is theirs; between the
parts there is no Python, so that threads wait for each other once per lap and not ten times. Laps of few bars are run
several in a call, since to take turns at the lock costs more than they do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import float32, float64, int64

from backtester.kernel.codes import CashFlowKind
from backtester.kernel.jit import inner_jit, kernel_jit
from backtester.kernel.layout import STATE
from backtester.kernel.loop import EXHAUSTED, RUNNING, advance
from backtester.kernel.ready import first_ready
from backtester.kernel.snapshot import put_back
from backtester.kernel.struct import (
    Field,
    Struct,
    StructBuffer,
    address_of,
    as_struct,
    call_pointer,
    copy_words,
    make_cast,
)
from backtester.metrics import bars_per_year
from backtester.metrics._blocks import write_sums
from backtester.metrics._scan import Spread, Wealth, sampled, walk_wealth, write_spread
from backtester.metrics._totals import bars_held, count_held, sum_borrowed, sum_closed, write_spent
from backtester.metrics.ratios import check_periods, ratio
from backtester.metrics.summary import (
    compare_curves,
    costs_of,
    in_order,
    performance_of,
    rate_of,
    statistics_of,
)
from backtester.trades import Matcher, has_room, match_fills
from backtester.trials.sketch import draw

if TYPE_CHECKING:
    from backtester.compiler.refill import Refill
    from backtester.engine.session import Run
    from backtester.kernel.snapshot import Snapshot
    from backtester.trials.sketch import Sketcher

#: statuses of a lap beside those of `advance`
TOO_SHORT = 3  # no bar is ready
OVER = 4  # the run is over; what it needs is more than is summed here
NEEDS_ROOM = 5  # the run is over; the book has no room for the trades of so many fills
MEASURED = 6  # the run is over, and `found` has its sums

#: where each part begins in what is found: three of `Wealth`, `Spread`, what `backtester.metrics._totals` sums, what
#: was paid for borrowing, counts, and the first and the last equity
WEALTH, SPREAD, CLOSED, HELD, SPENT, BORROWED, COUNTS, ENDS, N_FOUND = 0, 3, 14, 23, 24, 30, 31, 34, 36
TOGETHER = 80_000  # rows of assets in all bars of the laps of one call …
MOST_TOGETHER = 32  # … and how many laps

LAP = Struct(
    "Lap",
    [
        Field("account", "scalar", int64),  # addresses: the state,
        Field("own", "scalar", int64),  # the strategy's fields,
        Field("on_bar", "scalar", int64),  # its hooks,
        Field("on_fill", "scalar", int64),
        Field("on_reject", "scalar", int64),
        Field("book", "scalar", int64),  # and the trade book
        Field("threshold", "scalar", float64),  # risk-free return per bar
        Field("loads", "scalar", int64),  # 1: the strategy of each lap is in `fields` and `ready`; 0: it is in place
        Field("fields", "array", int64, 2),  # the words of the strategy of each lap
        Field("ready", "array", int64, 3),  # its ready map
        Field("warmups", "array", int64, 1),  # its warm-up in bars; -1: up to the first bar that is ready
        Field("statuses", "array", int64, 1),  # what became of it
        Field("words", "array", int64, 1),  # of the state, and what `put_back` takes beside them
        Field("saved", "array", int64, 1),
        Field("restored", "array", int64, 1),
        Field("moves", "array", int64, 2),
        Field("sample", "array", int64, 1),  # which returns bracket the tails; [0]: nothing is measured
        Field("low", "array", float64, 1),  # scratch, [n_bars]
        Field("high", "array", float64, 1),
        Field("edges", "array", int64, 1),  # of blocks of returns; [0]: none are summed
        Field("sums", "array", float64, 2),  # of those blocks, per lap
        Field("found", "array", float64, 2),  # [room, N_FOUND]
        Field("last", "array", int64, 1),  # bars at the ends of the cells of sketches
        Field("draws", "array", int64, 1),  # 1 where the returns of a lap are sketched
        Field("cells", "array", float32, 2),  # the sketch of each lap
    ],
)
_as_lap = make_cast(LAP)
_LEVEL = 0.05  # of the tails
_DEPOSIT, _WITHDRAWAL = int(CashFlowKind.DEPOSIT), int(CashFlowKind.WITHDRAWAL)


@inner_jit
def _measure(lap, s, row):
    """Turn the rows of a run that is over into sums."""
    if s.exhausted:
        return EXHAUSTED
    if s.n_actions > 0 or len(lap.sample) == 0:
        return OVER
    for i in range(s.n_flows):
        if s.flows[i].kind == _DEPOSIT or s.flows[i].kind == _WITHDRAWAL:
            return OVER
    if not has_room(lap.book, s.n_fills):
        return NEEDS_ROOM
    found, equity, fills = lap.found[row], s.equity_curve, s.fills[: s.n_fills]
    deepest, longest, mean, ruin, finite = walk_wealth(equity)
    if ruin < s.n_bars or not finite or not equity[0] > 0.0:
        return OVER
    found[WEALTH + 0], found[WEALTH + 1], found[WEALTH + 2] = deepest, longest, mean
    write_spread(equity, True, lap.threshold, _LEVEL, lap.sample, lap.low, lap.high, found[SPREAD:CLOSED])
    trades = match_fills(lap.book, fills, s.rates, s.currencies)
    n, wins, gains, losses, pnl, fractions, best, worst, bars = sum_closed(trades)
    found[CLOSED], found[CLOSED + 1], found[CLOSED + 8] = n, wins, bars
    found[CLOSED + 2], found[CLOSED + 3], found[CLOSED + 4] = gains, losses, pnl
    found[CLOSED + 5], found[CLOSED + 6], found[CLOSED + 7] = fractions, best, worst
    found[HELD] = count_held(trades, s.n_bars)
    write_spent(fills, s.contracts, found[SPENT:BORROWED])
    found[BORROWED] = sum_borrowed(s.flows[: s.n_flows])
    found[COUNTS], found[COUNTS + 1], found[COUNTS + 2] = s.n_orders, s.n_fills, s.ambiguous_bars
    found[ENDS], found[ENDS + 1] = equity[0], equity[s.n_bars - 1]
    if len(lap.edges) > 0:
        write_sums(equity, lap.edges, lap.sums[row])
    if lap.draws[row]:
        draw(equity, lap.last, lap.cells[row])
    return MEASURED


@inner_jit
def _load(lap, s, row):
    """Put the strategy of a lap where the machine code looks for it."""
    copy_words(lap.own, address_of(lap.fields[row]), lap.fields.shape[1])
    ready = lap.ready[row]
    for k in range(ready.shape[0]):
        for part in range(3):
            s.ready_map[k, part] = ready[k, part]


@kernel_jit()
def run_laps(address, n, until, anew):
    """Run `n` laps up to bar `until`, `anew` from the first or on from where the one is, and write their statuses.

    A lap that is over is measured.
    """
    lap = _as_lap(address)
    s = as_struct(lap.account, STATE)
    for row in range(n):
        if anew:
            put_back(lap.words, lap.saved, lap.restored, lap.moves)
            if lap.loads:
                _load(lap, s, row)
            start = max(1, lap.warmups[row]) if lap.warmups[row] >= 0 else first_ready(lap.account, 1)
            if start >= s.n_bars:
                lap.statuses[row] = TOO_SHORT
                continue
            s.start = start
        if s.next_bar < s.n_bars:
            status = advance(lap.account, lap.own, lap.on_bar, lap.on_fill, lap.on_reject, until)
            if status != RUNNING or s.next_bar < s.n_bars:
                lap.statuses[row] = status
                continue
            call_pointer(s.fn_settle, int64, s, s.n_bars - 1, 1)
        lap.statuses[row] = _measure(lap, s, row)


class Laps:
    """Laps over one account.

    Parameters
    ----------
    run : Run
        Laid out and compiled, before its first bar.
    snapshot : Snapshot
        Of its account.
    refill : Refill
        Of its strategy.
    edges : int64 [n_blocks + 1]
        Of the blocks of returns that are summed; [0]: none are.
    sketcher : Sketcher, optional
        Draws sketches of returns, where they are asked for.

    Attributes
    ----------
    room : int
        How many laps one call may run.
    sums : float64 [room, 2·n_blocks + 1]
        What `backtester.metrics._blocks.curve_sums` returns, of the laps of the last call.
    """

    def __init__(
        self, run: Run, snapshot: Snapshot, refill: Refill, edges: np.ndarray, sketcher: Sketcher | None = None
    ):
        bars, settings, memory, hooks = run.bars, run.settings, run.memory, run.hooks
        assert hooks is not None
        asked = settings.periods_per_year
        periods = bars_per_year(bars.timestamps) if asked is None else check_periods(asked)
        self._terms = (periods, ratio(bars.n_bars - 1, periods), settings.risk_free)
        self._run, self._refill, self._n_bars, self._timestamps = run, refill, bars.n_bars, bars.timestamps
        self._equity = memory.view("equity_curve")
        self._book = Matcher(bars.high, bars.low, bars.close, memory.view("contracts"), memory.view("margined"))
        self._book.make_room(0)
        self.room = room = max(1, min(TOGETHER // (bars.n_bars * bars.n_assets), MOST_TOGETHER))
        self._found = np.zeros((room, N_FOUND))
        self.sums = np.zeros((room, max(2 * len(edges) - 1, 0)))
        self._fields = np.zeros((room, len(refill.buffer.words)), np.int64)
        self._ready = np.zeros((room, *refill.ready.shape), np.int64)
        self._warmups = np.full(room, -1)
        self._statuses = np.zeros(room, np.int64)
        self._sketcher = sketcher
        last = np.zeros(0, np.int64) if sketcher is None else sketcher.last
        self._draws, self._cells = np.zeros(room, np.int64), np.zeros((room, len(last)), np.float32)
        self._lap = StructBuffer(LAP)
        words, saved, restored, moves = snapshot.parts
        arrays = {"words": words, "saved": saved, "restored": restored, "moves": moves, "edges": edges}
        arrays |= {"sums": self.sums, "found": self._found, "statuses": self._statuses}
        arrays |= {"fields": self._fields, "ready": self._ready, "warmups": self._warmups}
        arrays |= {"last": last, "draws": self._draws, "cells": self._cells}
        arrays["sample"] = sampled(bars.n_bars - 1 if periods > 0.0 else 0)
        arrays["low"], arrays["high"] = np.empty((2, bars.n_bars))
        for name, array in arrays.items():
            self._lap.set_array(name, array)
        numbers = {"account": memory.address, "own": hooks.self_buffer.address, "book": self._book.address}
        numbers |= {"on_bar": hooks.on_bar, "on_fill": hooks.on_fill, "on_reject": hooks.on_reject}
        for name, number in numbers.items():
            self._lap.set(name, number)
        self._lap.set("threshold", settings.risk_free / periods)
        self._address = self._lap.address

    def begin(self, warmup: int | None, until: int) -> int:
        """Begin a lap of the strategy that is in place, go on up to bar `until`, and return a status."""
        self._lap.set("loads", 0)
        self._draws[0] = 0
        self._warmups[0] = -1 if warmup is None else warmup
        run_laps(self._address, 1, until, 1)
        return self._settled()

    def go_on(self, until: int) -> int:
        """Go on up to bar `until`, and return a status."""
        run_laps(self._address, 1, until, 0)
        return self._settled()

    def _settled(self) -> int:
        if self._statuses[0] == NEEDS_ROOM:
            self._book.make_room(int(self._run.memory["n_fills"]))
            run_laps(self._address, 1, self._n_bars, 0)
        return int(self._statuses[0])

    def put(self, row: int, warmup: int | None, draws: bool) -> None:
        """Keep the strategy that the refill was filled from last for lap `row` of the next call of `together`."""
        self._draws[row] = draws
        self._fields[row] = self._refill.buffer.words
        self._ready[row] = self._refill.ready
        self._warmups[row] = -1 if warmup is None else warmup

    def together(self, n: int) -> list[bool]:
        """Run the laps of the first `n` rows, and say which have been measured."""
        self._lap.set("loads", 1)
        run_laps(self._address, n, self._n_bars, 1)
        return [
            status == MEASURED and held >= 0.0
            for status, held in zip(self._statuses[:n].tolist(), self._found[:n, HELD].tolist(), strict=True)
        ]

    def sketch(self, row: int) -> bytes:
        """Return the sketch of a lap of the last call of `together`, or b"" where none was drawn."""
        return self._sketcher.packed(self._cells[row]) if self._sketcher is not None and self._draws[row] else b""

    def metrics(self, row: int = 0) -> dict[str, float]:
        """Return what `summary` gives for a lap of the last call that was measured; alone, where it has a benchmark."""
        found = self._found[row].tolist()
        n, run = self._n_bars, self._run
        deepest, longest, mean = found[WEALTH:SPREAD]
        wealth = Wealth(deepest, longest, mean, n, True)
        spread = Spread(n - 1, *found[SPREAD + 1 : CLOSED])
        comparison = None if run.benchmark is None else compare_curves(self._equity, n, run.benchmark)
        first, last = found[ENDS:]
        performance = performance_of((first, last), wealth, spread, comparison, self._terms)
        performance["money_weighted_return"] = rate_of(performance["total_return"], first, last, self._timestamps)
        held = found[HELD] if found[HELD] >= 0.0 else bars_held(self._book.last, n)
        *spent, traded = found[SPENT:BORROWED]
        n_orders, n_fills, ambiguous = found[COUNTS:ENDS]
        return in_order(
            performance,
            statistics_of(found[CLOSED:HELD]),
            held / n,
            ratio(ratio(traded, wealth.mean), self._terms[1]),
            costs_of([*spent, found[BORROWED]]),
            (n_orders, n_fills, ambiguous),
        )
