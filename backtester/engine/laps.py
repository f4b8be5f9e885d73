"""A whole run for its metrics as one call into machine code, which holds no lock meanwhile.

The account is put back, all bars run, fills become trades, and trades and equity become the sums that metrics are made
of. Each part is the one that `run` and `summary` call by itself, so that every bit is theirs; between the parts there
is no Python, so that threads wait for each other once per run and not ten times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import float64, int64

from backtester.kernel.codes import CashFlowKind
from backtester.kernel.jit import inner_jit, kernel_jit
from backtester.kernel.layout import STATE
from backtester.kernel.loop import EXHAUSTED, RUNNING, advance
from backtester.kernel.ready import first_ready
from backtester.kernel.snapshot import put_back
from backtester.kernel.struct import Field, Struct, StructBuffer, as_struct, call_pointer, make_cast
from backtester.metrics import bars_per_year
from backtester.metrics._blocks import write_sums
from backtester.metrics._scan import Spread, Wealth, sampled, walk_wealth, write_spread
from backtester.metrics._totals import bars_held, count_held, sum_closed, write_spent
from backtester.metrics.ratios import check_periods, ratio
from backtester.metrics.summary import (
    borrowed,
    compare_curves,
    costs_of,
    in_order,
    performance_of,
    rate_of,
    statistics_of,
)
from backtester.trades import Matcher, has_room, match_fills

if TYPE_CHECKING:
    from backtester.engine.session import Run
    from backtester.kernel.snapshot import Snapshot

#: statuses of `run_lap` beside those of `advance`
TOO_SHORT = 3  # no bar is ready
OVER = 4  # the run is over; what it needs is more than is summed here
NEEDS_ROOM = 5  # the run is over; the book has no room for the trades of so many fills
MEASURED = 6  # the run is over, and `found` has its sums

#: where each part begins in what is found: three of `Wealth`, `Spread`, what `backtester.metrics._totals` sums, counts
WEALTH, SPREAD, CLOSED, HELD, SPENT, COUNTS, N_FOUND = 0, 3, 14, 23, 24, 30, 34

LAP = Struct(
    "Lap",
    [
        Field("account", "scalar", int64),  # addresses: the state,
        Field("own", "scalar", int64),  # the strategy's fields,
        Field("on_bar", "scalar", int64),  # its hooks,
        Field("on_fill", "scalar", int64),
        Field("on_reject", "scalar", int64),
        Field("book", "scalar", int64),  # and the trade book
        Field("warmup", "scalar", int64),  # bars; -1: the first bar that is ready
        Field("threshold", "scalar", float64),  # risk-free return per bar
        Field("words", "array", int64, 1),  # of the state, and what `put_back` takes beside them
        Field("saved", "array", int64, 1),
        Field("restored", "array", int64, 1),
        Field("moves", "array", int64, 2),
        Field("sample", "array", int64, 1),  # which returns bracket the tails; [0]: nothing is measured
        Field("low", "array", float64, 1),  # scratch, [n_bars]
        Field("high", "array", float64, 1),
        Field("edges", "array", int64, 1),  # of blocks of returns; [0]: none are summed
        Field("sums", "array", float64, 1),  # of those blocks
        Field("found", "array", float64, 1),  # [N_FOUND]
    ],
)
_as_lap = make_cast(LAP)
_LEVEL = 0.05  # of the tails
_DEPOSIT, _WITHDRAWAL = int(CashFlowKind.DEPOSIT), int(CashFlowKind.WITHDRAWAL)


@inner_jit
def _measure(lap, s):
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
    found, equity, fills = lap.found, s.equity_curve, s.fills[: s.n_fills]
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
    write_spent(fills, s.contracts, found[SPENT:COUNTS])
    found[COUNTS], found[COUNTS + 1] = s.n_orders, s.n_fills
    found[COUNTS + 2], found[COUNTS + 3] = s.ambiguous_bars, s.n_flows
    if len(lap.edges) > 0:
        write_sums(equity, lap.edges, lap.sums)
    return MEASURED


@kernel_jit()
def run_lap(address, until, anew):
    """Run up to bar `until`, `anew` from the first or on from where it is, and measure a run that is over.

    The ready map is that of the strategy. Returns a status.
    """
    lap = _as_lap(address)
    s = as_struct(lap.account, STATE)
    if anew:
        put_back(lap.words, lap.saved, lap.restored, lap.moves)
        start = max(1, lap.warmup) if lap.warmup >= 0 else first_ready(lap.account, 1)
        if start >= s.n_bars:
            return TOO_SHORT
        s.start = start
    if s.next_bar < s.n_bars:
        status = advance(lap.account, lap.own, lap.on_bar, lap.on_fill, lap.on_reject, until)
        if status != RUNNING or s.next_bar < s.n_bars:
            return status
        call_pointer(s.fn_settle, int64, s, s.n_bars - 1, 1)
    return _measure(lap, s)


class Laps:
    """Laps over one account.

    Parameters
    ----------
    run : Run
        Laid out and compiled, before its first bar.
    snapshot : Snapshot
        Of its account.
    edges : int64 [n_blocks + 1]
        Of the blocks of returns that are summed; [0]: none are.

    Attributes
    ----------
    sums : float64 [2·n_blocks + 1]
        What `backtester.metrics._blocks.curve_sums` returns, of the last run that was measured.
    """

    def __init__(self, run: Run, snapshot: Snapshot, edges: np.ndarray):
        bars, settings, memory, hooks = run.bars, run.settings, run.memory, run.hooks
        assert hooks is not None
        asked = settings.periods_per_year
        periods = bars_per_year(bars.timestamps) if asked is None else check_periods(asked)
        self._terms = (periods, ratio(bars.n_bars - 1, periods), settings.risk_free)
        self._run, self._n_bars, self._timestamps = run, bars.n_bars, bars.timestamps
        self._equity, self._hooks = memory.view("equity_curve"), hooks
        self._book = Matcher(bars.high, bars.low, bars.close, memory.view("contracts"), memory.view("margined"))
        self._book.make_room(0)
        self._found = np.zeros(N_FOUND)
        self.sums = np.zeros(max(2 * len(edges) - 1, 0))
        self._lap = StructBuffer(LAP)
        words, saved, restored, moves = snapshot.parts
        arrays = {"words": words, "saved": saved, "restored": restored, "moves": moves, "edges": edges}
        arrays |= {"sums": self.sums, "found": self._found}
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
        """Begin a run anew, go on up to bar `until`, and return a status."""
        self._lap.set("warmup", -1 if warmup is None else warmup)
        return self._settled(run_lap(self._address, until, 1))

    def go_on(self, until: int) -> int:
        """Go on up to bar `until`, and return a status."""
        return self._settled(run_lap(self._address, until, 0))

    def _settled(self, status: int) -> int:
        if status == NEEDS_ROOM:
            self._book.make_room(int(self._run.memory["n_fills"]))
            status = run_lap(self._address, self._n_bars, 0)
        return status

    def metrics(self) -> dict[str, float]:
        """Return what `summary` gives for the run that was measured last."""
        found = self._found.tolist()
        n, run, equity = self._n_bars, self._run, self._equity
        deepest, longest, mean = found[WEALTH:SPREAD]
        wealth = Wealth(deepest, longest, mean, n, True)
        spread = Spread(n - 1, *found[SPREAD + 1 : CLOSED])
        comparison = None if run.benchmark is None else compare_curves(equity, n, run.benchmark)
        ends = (float(equity[0]), float(equity[-1]))
        performance = performance_of(ends, wealth, spread, comparison, self._terms)
        performance["money_weighted_return"] = rate_of(performance["total_return"], equity, self._timestamps)
        held = found[HELD] if found[HELD] >= 0.0 else bars_held(self._book.last, n)
        *spent, traded = found[SPENT:COUNTS]
        n_orders, n_fills, ambiguous, n_flows = found[COUNTS:]
        lent = borrowed(run.memory.table("flows")) if n_flows else 0.0
        return in_order(
            performance,
            statistics_of(found[CLOSED:HELD]),
            held / n,
            ratio(ratio(traded, wealth.mean), self._terms[1]),
            costs_of([*spent, lent]),
            (n_orders, n_fills, ambiguous),
        )
