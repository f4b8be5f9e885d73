"""Compiled and interpreted strategies leave the same behind, bit for bit (rule 26)."""

import math
from pathlib import Path

import numpy as np
import pytest
from exercises import EXERCISES, EveryEvent, EveryRead, EveryState, EveryVerb, Inherited, Many, Middle, Numbers, Ruin
from modes import assert_same_in_both_modes, random_bars, settings_for

import strategies
from backtester import Account, Bars, Costs, Strategy, constant
from backtester.bars import samples

SETTINGS = list(settings_for(random_bars(0)))
SHIPPED = [getattr(strategies, name) for name in strategies.__all__]


@pytest.fixture(scope="module")
def sample():
    """A piece of each sample; that of `stocks` begins before the first bar of its fourth asset."""
    pieces = {name: Bars.sample(name) for name in samples.names()}
    return {name: bars[700:1700] if name == "stocks" else bars[-1000:] for name, bars in pieces.items()}


@pytest.fixture(scope="module")
def made():
    return {gaps: random_bars(1, gaps=gaps) for gaps in (False, True)}


#: samples on which a strategy cannot act: it needs two assets, several bars a session, or a year of months
UNSUITED = {
    "PairsTrading": ("sp500", "nasdaq", "googl", "eurusd"),
    "OpeningRangeBreakout": ("sp500", "nasdaq", "googl", "stocks"),
    "CrossSectionalMomentum": ("eurusd",),
    "TimeSeriesMomentum": ("eurusd",),
}


@pytest.mark.parametrize(
    ("cls", "name"),
    [(cls, name) for cls in SHIPPED for name in samples.names() if name not in UNSUITED.get(cls.__name__, ())],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_shipped_strategies_on_samples(cls, name, sample):
    for label, settings in settings_for(sample[name]).items():
        _, result = assert_same_in_both_modes(cls, sample[name], **settings)
        assert len(result.tables.orders) > 0
        assert len(result.tables.fills) > 0 or label == "reject" or (cls.__name__, name) == ("GridTrading", "eurusd")


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("cls", EXERCISES, ids=lambda cls: cls.__name__)
def test_exercises(cls, setting, made):
    for bars in made.values():
        _, result = assert_same_in_both_modes(cls, bars, **settings_for(bars, 20_000.0)[setting])
        assert len(result.tables.orders) > 0 or len(result.tables.records) > 0


@pytest.mark.parametrize("seed", range(6))
def test_random_orders(seed, made):
    """The numbers drawn differ with the seed, and are the same in both modes."""
    settings = list(settings_for(made[True], 20_000.0).values())[seed]
    strategy, result = assert_same_in_both_modes(lambda: EveryVerb(calls=9), made[True], seed=seed, **settings)
    assert strategy.done.value.min() > 0
    assert len(np.unique(result.tables.orders["status"])) >= 4
    assert len(np.unique(result.tables.orders["reason"])) >= 8


def test_reads_are_the_values_that_the_bars_hold(made):
    bars = made[True]
    strategy, result = assert_same_in_both_modes(EveryRead, bars, cash=20_000.0)
    records = result.records
    first = int(records["t"].first_valid_index() == bars.index[2]) * 2
    assert first == 2  # the average of three bars exists from bar 2 on
    t = np.arange(2, bars.n_bars)
    np.testing.assert_array_equal(records["t"].to_numpy()[2:], t)
    np.testing.assert_array_equal(records["mood"].to_numpy()[2:], bars["mood"][2:, -1])
    np.testing.assert_array_equal(records["before"].to_numpy()[2:], bars.close[1:-1, -1])
    np.testing.assert_array_equal(records["rows"].to_numpy()[2:], 2 * (t + 1) + 3)
    np.testing.assert_array_equal(records["position"].to_numpy()[2:], result.positions["S0"].to_numpy()[2:])
    has_three = np.isfinite(bars.close) & (np.cumsum(np.isfinite(bars.close), axis=0) >= 3)
    assert strategy.ready.value.tolist() == has_three[2:].sum(axis=0).tolist()


def test_events_carry_the_rows_of_the_tables(made):
    strategy, result = assert_same_in_both_modes(EveryEvent, made[True], cash=20_000.0, costs=Costs(commission=0.001))
    seen = result.tables.fills[result.tables.fills["bar"] < made[True].n_bars]
    bought = seen[seen["quantity"] > 0.0]
    assert strategy.bought == pytest.approx(float(np.sum(bought["quantity"] * bought["price"])), rel=1e-12)
    rejected = result.tables.orders[result.tables.orders["status"] == 6]
    assert strategy.reasons.sum() == len(rejected)
    assert strategy.last_fill == tuple(seen[-1][["order_id", "bar", "phase", "reference_price", "price"]].tolist())


def test_state_comes_back_as_plain_numbers_of_the_type_it_was_given(made):
    strategy, _ = assert_same_in_both_modes(EveryState, made[False])
    kinds = {name: type(value) for name, value in vars(strategy).items()}
    assert (kinds["n"], kinds["x"], kinds["flag"], kinds["seen"]) == (int, float, bool, int)
    assert [type(item) for item in strategy.mixed] == [int, float, bool]
    assert [type(item) for item in strategy.span] == [float, float, int]
    assert strategy.seen == made[False].n_bars - 1
    assert EveryState.seen == 0
    assert strategy.counts.value.sum() == strategy.seen


def test_division_by_zero_is_infinite_and_such_an_order_is_refused(made):
    _, result = assert_same_in_both_modes(Numbers, made[False])
    records = result.records.iloc[1:]
    assert (records["zero"] == -math.inf).all()
    assert records["edges"].isna().all()
    assert (records["orders"].abs() == math.inf).any()
    assert (result.orders["reason"] == "quantity_not_finite").sum() == made[False].n_bars - 1


def test_overridden_methods_are_the_ones_called(made):
    """`Inherited` targets a tenth; between it and `Base` a method takes the place of a static method and back."""
    bars = made[False]
    _, result = assert_same_in_both_modes(Inherited, bars, cash=20_000.0)
    targets = result.tables.orders["target"]
    first = result.tables.orders[np.flatnonzero(targets > 0.0)[0]]
    t = first["submitted"]
    assert first["target"] == pytest.approx(0.1 * result.tables.equity[t] / bars.close[t, first["asset"]])
    _, result = assert_same_in_both_modes(lambda: Middle(period=4), bars, cash=20_000.0)
    first = result.tables.orders[np.flatnonzero(result.tables.orders["target"] > 0.0)[0]]
    t = first["submitted"]
    assert first["target"] == pytest.approx(0.24 * result.tables.equity[t] / bars.close[t, first["asset"]])


def test_ruin_is_the_same_in_both_modes():
    """Four times equity in a price that falls by a tenth a bar, with a jump that takes more than all."""
    price = np.array([100.0, 100.0, 98.0, 97.0, 60.0, 60.0, 60.0])[:, None]
    bars = Bars.from_arrays(
        (np.arange(7) + 19_000) * 86_400 * 10**9, price, price, price, price, np.full((7, 1), 1e9), symbols=["FALL"]
    )
    strategy, result = assert_same_in_both_modes(
        Ruin, bars, account=Account(leverage=4.0, maintenance=0.2), costs=Costs(debit_rate=0.1)
    )
    assert result.tables.equity[-1] == 0.0
    assert result.tables.flows["kind"].tolist()[-1] == 3  # write_off
    assert strategy.forced == 1
    assert strategy.calls == 3  # bars 1, 2 and 3: none in or after the bar of ruin


def test_tables_grow_within_one_bar(made):
    strategy, result = assert_same_in_both_modes(Many, made[False], cash=1e7)
    assert len(result.tables.orders) == 701
    assert len(result.tables.changes) == 701
    assert strategy.filled == len(result.tables.fills) >= 700
    assert result.orders["status"].iloc[0] == "filled"


def test_a_constant_is_no_prepared_array_in_either_mode(made):
    """`Series` holds a constant of NaN with one row per bar; it must not keep the strategy from being ready."""

    class Waits(Strategy):
        def prepare(self, bars):
            self.never = constant(np.full(bars.n_bars, np.nan))
            self.calls = 0

        def on_bar(self, ctx):
            self.calls += len(self.never) > 0

    strategy, _ = assert_same_in_both_modes(Waits, made[False])
    assert strategy.calls == made[False].n_bars - 1


def test_every_strategy_file_is_exported():
    folder = Path(strategies.__file__).parent
    files = {path.stem for path in folder.glob("[a-z]*.py")} - {"agent", "model", "scorecard"}  # they need more
    assert {cls.__module__.partition(".")[2] for cls in SHIPPED} == files
