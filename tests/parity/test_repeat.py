"""A repeater leaves what `run` leaves, bit for bit, whatever ran in its memory before."""

from __future__ import annotations

import threading

import numba
import numpy as np
import pytest
from event_exercises import SETTINGS as EVENT_SETTINGS
from event_exercises import EveryTransfer, event_bars
from exercises import EXERCISES, EveryVerb, Inherited, Many, Ruin
from modes import TABLES, bits, one_nan, random_bars, settings_for
from repeated import NAMES, SHIPPED, TWO, Free, Holds, PreparedRead, PreparedUnread, Raises

from backtester import Bars, Costs, Execution, Strategy, run
from backtester.engine.repeat import Repeater, Stopped
from backtester.engine.session import Run
from backtester.engine.settings import Settings
from backtester.errors import CannotCompile, DataError
from backtester.indicators import IndicatorMemory, remembered
from backtester.kernel.snapshot import put_back
from backtester.metrics._blocks import block_edges, curve_sums


def repeater(bars, **settings):
    return Repeater(bars, Settings(**settings))


def assert_same(machine, make, bars, **settings):
    """Run `make()` in the repeater and by `run`, and compare every row and every metric."""
    tables, steps = machine.tables(make)
    expected = run(make(), bars, **settings)
    for name in TABLES:
        found, other = one_nan(getattr(tables, name)), one_nan(getattr(expected.tables, name))
        assert found.tobytes() == other.tobytes(), name
    assert int(steps.memory["ambiguous_bars"]) == expected.ambiguous_bars
    found = machine.metrics(make)
    assert list(found) == list(expected.summary())
    for name, value in expected.summary().items():
        assert bits(found[name]) == bits(value), name
    return expected


@pytest.fixture(scope="module")
def gaps():
    return random_bars(1)


@pytest.mark.parametrize("setting", NAMES)
def test_exercises_one_after_the_other(setting, gaps):
    """Every verb, read, hook and kind of state; each twice in the memory that the other seeds and classes have used."""
    settings = settings_for(gaps, 20_000.0)[setting]
    for cls in EXERCISES:
        machine = repeater(gaps, **settings)
        for _ in range(3):
            assert_same(machine, cls, gaps, **settings)


@pytest.mark.parametrize("setting", EVENT_SETTINGS)
def test_splits_dividends_deposits_delistings_and_currencies(setting):
    bars = event_bars(3)
    settings = EVENT_SETTINGS[setting] | {"seed": 2}
    machine = repeater(bars, **settings)
    for _ in range(3):
        expected = assert_same(machine, EveryTransfer, bars, **settings)
    assert len(expected.tables.actions) > 0
    assert machine.quick >= 4


#: what need not be as it was: rows that do not count, and where they lie
TABLE_FIELDS = {
    *("active", "hand", "keys", "key_prices", "ranks", "fills", "orders", "flows", "changes", "actions", "records"),
    *("book_keys", "book_ids", "shelf", "woken", "woken_prices", "woken_up", "rejects", "equity_curve", "ready_map"),
    *("order_mask", "fn_grow"),
}


@pytest.mark.parametrize("setting", EVENT_SETTINGS)
def test_nothing_that_a_run_writes_stays(setting):
    """Put back, every word and array of the account is that of an account in which nothing has run."""
    bars, settings = event_bars(3), Settings(**EVENT_SETTINGS[setting], seed=2)
    machine = Repeater(bars, settings)
    _, steps = machine.tables(EveryTransfer)
    fresh = Run(EveryTransfer(), bars, settings)
    fresh.prepare()
    used = contents(steps.memory)
    assert sum(value != used[name] for name, value in contents(fresh.memory).items()) > 20
    put_an_account_back(*machine._snapshot.parts)
    restored = contents(steps.memory)
    assert [name for name, value in contents(fresh.memory).items() if value != restored[name]] == []


@numba.njit
def put_an_account_back(words, saved, restored, moves):
    put_back(words, saved, restored, moves)


def contents(memory):
    """Return the fields of an account by name: words, and the bytes of arrays."""
    found = {}
    for name, (field, _) in memory.buffer.type.map.items():
        if name in TABLE_FIELDS:
            continue
        found[name] = memory[name] if field.kind == "scalar" else one_nan(memory.view(name)).tobytes()
    return {name: "nan" if value != value else value for name, value in found.items()}


@pytest.mark.parametrize("cls", SHIPPED, ids=lambda cls: cls.__name__)
def test_shipped_strategies_with_other_parameters(cls, gaps):
    """Parameters A, B, A: what B left in the memory is not seen by A."""
    first, second = TWO.get(cls.__name__, ({}, {}))
    hours = cls.__name__ == "OpeningRangeBreakout"  # needs several bars a session
    bars = Bars.sample("eurusd")[-1000:] if hours else Bars.sample("stocks")[700:1700]
    for settings in (settings_for(bars)["costs"], settings_for(bars)["slow"] | {"benchmark": "buy_and_hold"}):
        machine = repeater(bars, **settings)
        with remembered():
            for parameters in (first, second, first):
                assert_same(machine, lambda parameters=parameters: cls(**parameters), bars, **settings)


def test_random_parameters_and_calls(gaps):
    rng = np.random.default_rng(4)
    settings = settings_for(gaps, 20_000.0)["costs"] | {"seed": 9}
    machine = repeater(gaps, **settings)
    for calls in rng.integers(1, 12, 12).tolist():
        assert_same(machine, lambda calls=calls: EveryVerb(calls=calls), gaps, **settings)
    assert machine.quick >= 20


class Once(Strategy):
    """Sends all its orders at one bar."""

    at: int = 50

    def on_bar(self, ctx):
        if ctx.t == self.at:
            ctx.order(0, 1e6)
            ctx.order(0, -1e6)


def test_the_volume_of_a_bar_is_there_again():
    """Two runs in a row whose only fills meet the cap of one and the same bar."""
    bars = random_bars(1, gaps=False)
    settings = {"cash": 1e9, "execution": Execution(max_participation=0.05)}
    machine = repeater(bars, **settings)
    for _ in range(2):
        expected = assert_same(machine, Once, bars, **settings)
    assert len(expected.tables.fills) > 0


def test_a_run_that_is_ruined_and_one_with_tables_that_grow(gaps):
    settings = {"cash": 20_000.0, **{k: v for k, v in settings_for(gaps, 20_000.0)["steps"].items() if k != "cash"}}
    machine = repeater(gaps, **settings)
    for cls in (Ruin, Many, Ruin, EveryVerb, Many):
        assert_same(machine, cls, gaps, **settings)


@pytest.mark.parametrize("typed", [False, True])
def test_state_begins_anew(typed):
    bars = random_bars(2, gaps=False)
    machine = repeater(bars)
    for period in (5, 9, 5, 5):
        expected = assert_same(machine, lambda p=period: Holds(period=p, typed=typed), bars)
    assert len(expected.tables.fills) > 20


def test_parameters_that_change_their_type():
    bars = random_bars(3, gaps=False)
    machine = repeater(bars)
    for step in (1, 0.5, 2, 3, 0.25):
        assert_same(machine, lambda step=step: Free(step=step), bars)
    assert machine.quick > 0


FACTOR = 1.0
TABLE = np.ones(3)


class ReadsNumber(Strategy):
    which: int = 0

    def prepare(self, bars):
        global FACTOR
        FACTOR = 1.0 + self.which

    def on_bar(self, ctx):
        ctx.order_target(0, (ctx.t % 3) * FACTOR)


class ReadsArray(Strategy):
    which: int = 0

    def prepare(self, bars):
        TABLE[:] = 1.0 + self.which

    def on_bar(self, ctx):
        ctx.order_target(0, (ctx.t % 3) * TABLE[ctx.t % 3])


@pytest.mark.parametrize("cls", [ReadsNumber, ReadsArray])
def test_globals_that_prepare_changes(cls):
    """Machine code holds globals as constants; one that has changed, or may have, is compiled again."""
    bars = random_bars(3, n_bars=60, gaps=False)
    machine = repeater(bars)
    for which in (0, 1, 0):
        assert_same(machine, lambda which=which: cls(which=which), bars)


def closed_over():
    step = 1.0

    class Closed(Strategy):
        which: int = 0

        def prepare(self, bars):
            nonlocal step
            step = 1.0 + self.which

        def on_bar(self, ctx):
            ctx.order_target(0, (ctx.t % 3) * step)

    return Closed


def test_closures_that_prepare_changes():
    bars = random_bars(3, n_bars=60, gaps=False)
    cls, machine = closed_over(), repeater(bars)
    for which in (0, 1, 0):
        assert_same(machine, lambda which=which: cls(which=which), bars)


class Interpreted(Strategy):
    words: str = "b"

    def on_bar(self, ctx):
        book = {"a": 1.0, "b": 2.0}  # a dict of strings has no compiled form
        if ctx.t % 7 == 0:
            ctx.order_target(0, book[self.words] + ctx.random())


def test_interpreted_strategies():
    bars = random_bars(3, n_bars=80, gaps=False)
    machine = repeater(bars, mode="interpreted", seed=3)
    for words in ("a", "b", "a"):
        assert_same(machine, lambda words=words: Interpreted(words=words), bars, mode="interpreted", seed=3)


def test_what_cannot_be_compiled_is_said_once():
    bars = random_bars(3, n_bars=80, gaps=False)
    machine = repeater(bars)
    with pytest.warns(UserWarning, match="running interpreted"):
        machine.metrics(lambda: Interpreted(words="a"))
    machine.metrics(lambda: Interpreted(words="b"))  # where a warning would be an error
    with pytest.raises(CannotCompile):
        repeater(bars, mode="compiled").metrics(Interpreted)


def test_a_strategy_that_raises_names_its_bar_and_the_next_is_as_ever():
    bars = random_bars(3, n_bars=80, gaps=False)
    machine = repeater(bars)
    assert_same(machine, Raises, bars)
    with pytest.raises(IndexError) as caught:
        machine.metrics(lambda: Raises(at=40))
    assert "bar 40 of 80" in caught.value.__notes__[0]
    assert_same(machine, Raises, bars)
    with pytest.raises(DataError, match="shorter than the warm-up"):
        machine.metrics(lambda: Raises(period=300))
    assert_same(machine, lambda: Raises(period=7), bars)


def test_the_first_of_all_may_raise():
    bars = random_bars(3, n_bars=80, gaps=False)
    machine = repeater(bars)
    for make, kind in ((lambda: Raises(period=300), DataError), (lambda: Raises(at=40), IndexError)):
        with pytest.raises(kind):
            machine.metrics(make)
    assert_same(machine, Raises, bars)


def test_a_layout_that_fails_leaves_the_old_one():
    """A type that cannot be compiled in between, in mode "compiled"."""
    bars = random_bars(3, n_bars=80, gaps=False)
    machine = repeater(bars, mode="compiled")
    assert_same(machine, lambda: Free(step=2), bars)
    with pytest.raises(CannotCompile):
        machine.metrics(lambda: Free(step="word"))
    assert_same(machine, lambda: Free(step=3), bars)
    assert machine.quick >= 2


@pytest.mark.parametrize("cls", [PreparedUnread, PreparedRead])
@pytest.mark.parametrize("kind", ["unread", "float32", "fortran", "wide"])
def test_the_first_bar_is_that_of_this_strategy_and_not_of_the_one_before(cls, kind):
    bars = random_bars(4, n_bars=120, gaps=False)
    machine, starts = repeater(bars), []
    for late, warmup in ((5, None), (40, None), (5, 70), (9, None), (5, 0)):
        assert_same(machine, lambda late=late, w=warmup: cls(late=late, kind=kind, warmup=w), bars)
        starts.append(int(machine._run.memory["start"]))
    assert starts == [5, 40, 70, 9, 1]
    with pytest.raises(DataError, match="shorter than the warm-up"):
        machine.metrics(lambda: cls(late=120, kind=kind))
    assert machine.quick >= 8


def test_more_bars_than_one_look_at_stop_and_block_sums():
    """A run in several chunks, measured in one; its block sums are those of its equity."""
    bars = Bars.simulate("gbm", n_bars=150_000, seed=1, freq="1min", calendar="continuous", steps_per_bar=1)
    edges = block_edges(bars.n_bars - 1, 16)
    machine = Repeater(bars, Settings(), None, edges)
    for _ in range(2):
        metrics = machine.metrics(lambda: Inherited(period=50))
        expected = run(Inherited(period=50), bars)
        assert {k: bits(v) for k, v in metrics.items()} == {k: bits(v) for k, v in expected.summary().items()}
        assert machine.sums.tobytes() == curve_sums(expected.tables.equity, edges).tobytes()
    assert len(expected.tables.fills) > 1000


def test_a_plain_run_is_measured_without_a_table(monkeypatch):
    bars = random_bars(5, n_bars=300, gaps=False)
    machine = repeater(bars, costs=Costs(commission=0.001))
    monkeypatch.setattr("backtester.engine.repeat.metrics_of", None)
    machine.metrics(lambda: Inherited(period=7))
    machine.metrics(lambda: Inherited(period=9))


def test_two_threads_give_the_same_bits():
    bars = random_bars(5, n_bars=2_000, gaps=False)
    periods = [*range(3, 43)]
    expected = [run(Inherited(period=p), bars, costs=Costs(commission=0.001)).summary() for p in periods]
    memory, found = IndicatorMemory(), {}

    def work(mine):
        machine = repeater(bars, costs=Costs(commission=0.001))
        with remembered(memory):
            for p in mine:
                found[p] = machine.metrics(lambda p=p: Inherited(period=p))

    threads = [threading.Thread(target=work, args=(periods[i::2],)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for p, wanted in zip(periods, expected, strict=True):
        assert {k: bits(v) for k, v in found[p].items()} == {k: bits(v) for k, v in wanted.items()}


def test_stop_ends_the_run_under_way():
    bars = random_bars(5, n_bars=200, gaps=False)
    stop = threading.Event()
    machine = Repeater(bars, Settings(), stop)
    machine.metrics(Raises)
    stop.set()
    with pytest.raises(Stopped):
        machine.metrics(Raises)
    stop.clear()
    assert_same(machine, Raises, bars)


def test_a_commission_function_that_goes_wrong_is_refused():
    @numba.njit
    def wrong(price, quantity):
        return 1.0 if price == 100.0 else -1.0  # at 100.0 it is tried before the run

    bars = random_bars(5, n_bars=60, gaps=False)
    with pytest.raises(ValueError, match="commission function charged"):
        repeater(bars, costs=Costs(commission=wrong)).metrics(Raises)
