"""Strategies that run several in one call are measured as `run` measures each, or not at all.

Not at all: what raises, what is laid out in another way, and what shares memory that may change.
"""

from __future__ import annotations

import numpy as np
import pytest
from event_exercises import SETTINGS as EVENT_SETTINGS
from event_exercises import EveryTransfer, event_bars
from exercises import EveryVerb, Inherited
from modes import bits, random_bars, settings_for
from repeated import NAMES, SHIPPED, TWO, Free, Holds, PreparedRead, Raises

from backtester import Bars, Strategy, run
from backtester.engine.repeat import Repeater
from backtester.engine.settings import Settings
from backtester.indicators import IndicatorMemory, remembered
from backtester.metrics._blocks import block_edges, curve_sums
from backtester.trials.sketch import Sketcher


@pytest.fixture(scope="module")
def gaps():
    return random_bars(1)


def together(bars, **settings):
    return Repeater(bars, Settings(**settings), None, block_edges(bars.n_bars - 1, 4), Sketcher(bars.timestamps))


def assert_together(machine, makes, bars, **settings):
    """Run strategies in one call, and compare those that could be with `run`; return which could."""
    machine.metrics(makes[0])  # the first is laid out
    assert machine.room >= len(makes)
    draws = [k % 2 == 0 for k in range(len(makes))]
    found = machine.together(makes, draws)
    for make, one, draw in zip(makes, found, draws, strict=True):
        if one is not None:
            expected = run(make(), bars, **settings)
            metrics, sums, sketch = one
            assert {k: bits(v) for k, v in metrics.items()} == {k: bits(v) for k, v in expected.summary().items()}
            assert sums == curve_sums(expected.wealth, machine._edges).tobytes()
            assert sketch == (machine._sketcher.sketch(expected.wealth) if draw else b"")
    return [one is not None for one in found]


@pytest.mark.parametrize("setting", NAMES)
def test_several_in_one_call(setting, gaps):
    """Other parameters, so other calls, warm-ups and numbers of rows; each kind of settings, borrowing among them."""
    settings = settings_for(gaps, 20_000.0)[setting] | {"seed": 5}
    machine = together(gaps, **settings)
    rng = np.random.default_rng(7)
    for _ in range(3):
        calls = rng.integers(1, 12, 6).tolist()
        could = assert_together(machine, [lambda n=n: EveryVerb(calls=n) for n in calls], gaps, **settings)
    assert sum(could) >= 4
    bars = random_bars(4, n_bars=120, gaps=False)
    machine = together(bars)
    makes = [lambda late=late: PreparedRead(late=late) for late in (5, 40, 9, 70)]
    makes.append(lambda: PreparedRead(late=5, warmup=80))
    assert assert_together(machine, makes, bars) == [True] * 5


@pytest.mark.parametrize("cls", SHIPPED, ids=lambda cls: cls.__name__)
def test_shipped_strategies_in_one_call(cls):
    first, second = TWO.get(cls.__name__, ({}, {}))
    hours = cls.__name__ == "OpeningRangeBreakout"  # needs several bars a session
    bars = Bars.sample("eurusd")[-800:] if hours else Bars.simulate("gbm", n_bars=500, n_assets=4, seed=3)
    settings = settings_for(bars)["costs"]
    machine = together(bars, **settings)
    makes = [lambda parameters=parameters: cls(**parameters) for parameters in (second, first, second, first)]
    with remembered():
        could = assert_together(machine, makes, bars, **settings)
    assert all(could) == (cls.__name__ != "MonthlyContributions")  # which pays in


@pytest.mark.parametrize("setting", EVENT_SETTINGS)
def test_events_in_one_call(setting):
    """What has paid in or was split runs by itself; what has not is measured with the rest."""
    bars = event_bars(3)
    settings = EVENT_SETTINGS[setting] | {"seed": 2}
    for cls in (EveryTransfer, Inherited):
        result = run(cls(), bars, **settings)
        alone = len(result.tables.actions) > 0 or result.deposits.any() or (result.tables.equity <= 0.0).any()
        could = assert_together(together(bars, **settings), [cls] * 3, bars, **settings)
        assert could == [not alone] * 3


def test_what_raises_or_is_too_short_or_of_another_type_runs_by_itself():
    bars = random_bars(3, n_bars=80, gaps=False)
    machine = together(bars)
    makes = [lambda p=p, at=at: Raises(period=p, at=at) for p, at in ((5, -1), (7, 40), (300, -1), (9, -1), (-1, -1))]
    assert assert_together(machine, makes, bars) == [True, False, False, True, False]
    found, expected = machine.metrics(Raises), run(Raises(), bars).summary()
    assert {k: bits(v) for k, v in found.items()} == {k: bits(v) for k, v in expected.items()}
    machine = together(bars)
    makes = [lambda step=step: Free(step=step) for step in (1, 0.5, 2, 3)]
    assert assert_together(machine, makes, bars) == [True, False, True, True]


BUFFER = np.zeros(80)


class ReusesBuffer(Strategy):
    """Its `prepare` overwrites what the one before has prepared."""

    step: int = 1

    def prepare(self, bars):
        BUFFER[:] = np.arange(bars.n_bars) % (2 + self.step)
        self.signal = BUFFER[:]

    def on_bar(self, ctx):
        ctx.order_target(0, self.signal[-1])


class WritesAndCopies(Strategy):
    """The first keeps the buffer itself; the others overwrite it, keep a copy, and may then raise."""

    step: int = 1

    def prepare(self, bars):
        BUFFER[:] = np.arange(bars.n_bars) % (2 + self.step)
        self.signal = BUFFER[:] if self.step == 1 else BUFFER.copy()
        if self.step == 4:
            raise ValueError("four")

    def on_bar(self, ctx):
        ctx.order_target(0, self.signal[-1])


class SharesTable(Strategy):
    """Its hook writes into an array of the class."""

    table = np.zeros(4)
    step: int = 1

    def prepare(self, bars):
        self.table[:] = self.step

    def on_bar(self, ctx):
        self.table[ctx.t % 4] += 1.0
        ctx.order_target(0, self.table[0] % 3.0)


@pytest.mark.parametrize("second", [2, 4])
def test_what_a_later_one_has_written_into_is_noticed(second):
    bars = random_bars(3, n_bars=80, gaps=False)
    machine = together(bars)
    assert assert_together(machine, [lambda s=s: WritesAndCopies(step=s) for s in (1, second)], bars) == [False] * 2
    machine = together(bars)
    assert assert_together(machine, [lambda s=s: WritesAndCopies(step=s) for s in (2, 3, 5)], bars) == [True] * 3


@pytest.mark.parametrize("cls", [ReusesBuffer, SharesTable])
def test_strategies_that_share_what_changes_run_one_by_one(cls):
    bars = random_bars(3, n_bars=80, gaps=False)
    machine = together(bars)
    assert assert_together(machine, [lambda s=s: cls(step=s) for s in (1, 2, 3)], bars) == [False] * 3
    assert machine.room == 1
    for step in (1, 3, 2):
        found, expected = machine.metrics(lambda s=step: cls(step=s)), run(cls(step=step), bars).summary()
        assert {k: bits(v) for k, v in found.items()} == {k: bits(v) for k, v in expected.items()}


def test_state_of_each_is_its_own():
    bars = random_bars(2, gaps=False)
    machine = together(bars)
    memory = IndicatorMemory()
    with remembered(memory):
        makes = [lambda p=p, s=s: Holds(period=p, scale=s) for p, s in ((5, 1.0), (9, 2.0), (5, 0.5), (5, 1.0))]
        assert assert_together(machine, makes, bars) == [True] * 4
    assert memory.hits > 3  # what they share may be shared, as it cannot change
