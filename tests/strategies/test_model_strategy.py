"""A signal as a strategy: the arithmetic of its targets, when they fill, and what it is refused for."""

import math
from dataclasses import replace

import numba
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from backtester import Account, Bars, Costs, Execution, Result, run
from backtester.errors import ParameterError, StrategyError
from backtester.signals.signal import Signal
from strategies.model import ModelStrategy
from strategies.rules import CrossSectionalRank, Kelly, Own, Sign, Threshold, VolatilityScaled

DAY = 86_400 * 10**9
T0 = 19_000 * DAY


def bars_of(close, open_=None, symbols=None):
    """Return daily bars from closes [n] or [n, n_assets]; each opens at the close before, unless told."""
    close = np.array(close, float)
    close = close[:, np.newaxis] if close.ndim == 1 else close
    if open_ is None:
        open_ = np.vstack([close[:1], close[:-1]])
        open_ = np.where(np.isnan(open_) & ~np.isnan(close), close, np.where(np.isnan(close), np.nan, open_))
    else:
        open_ = np.array(open_, float).reshape(close.shape)
    high, low = np.maximum(open_, close), np.minimum(open_, close)
    volume = np.where(np.isnan(close), np.nan, 1e6)
    times = T0 + DAY * np.arange(len(close))
    symbols = symbols or [f"S{a}" for a in range(close.shape[1])]
    return Bars.from_arrays(times, open_, high, low, close, volume, symbols=symbols)


def orders_of(result):
    """Return (bar, asset, quantity) of each order."""
    rows = result.tables.orders
    return [(int(r["submitted"]), int(r["asset"]), round(float(r["quantity"]), 9)) for r in rows]


def fills_of(result):
    """Return (bar, asset, quantity, price) of each fill."""
    return [
        (int(r["bar"]), int(r["asset"]), round(float(r["quantity"]), 9), float(r["price"])) for r in result.tables.fills
    ]


def traded(values, bars, *, account=None, costs=None, **parameters):
    """Run numbers as a signal, with 1,000 of cash."""
    strategy = ModelStrategy(signal=Signal.of(values, bars), **parameters)
    return run(strategy, bars, cash=1_000.0, account=account or Account(), costs=costs or Costs())


# ----------------------------------------------------------------- the sign rule, and when it fills


def test_the_order_is_sent_at_the_close_of_the_signal_and_fills_at_the_next_open():
    """1,000 at the close of 100 are 10 units, bought at the open of 102 for 1,020: cash alone pays 1000/102."""
    bars = bars_of([100.0, 100.0, 103.0, 104.0], open_=[100.0, 100.0, 102.0, 103.0])
    result = traded([np.nan, 1.0, 1.0, 1.0], bars)
    assert orders_of(result)[0] == (1, 0, 10.0)
    assert fills_of(result) == [(2, 0, round(1000 / 102, 9), 102.0)]


def test_the_sign_is_long_short_and_flat():
    """At a constant price of 50, 1,000 are 20 units: +20, then −40 to turn round, then +20 to be flat."""
    result = traded([0.3, 0.3, -2.0, 0.0, 0.0], bars_of([50.0] * 5))
    assert orders_of(result) == [(1, 0, 20.0), (2, 0, -40.0), (3, 0, 20.0)]
    assert [row[0] for row in fills_of(result)] == [2, 3, 4]


def test_the_size_is_shared_by_all_assets():
    """0.6 of 1,000 over three assets is 200 each: 4 units at 50, 2 at 100, −1 at 200."""
    bars = bars_of(np.tile([50.0, 100.0, 200.0], (4, 1)))
    result = traded(np.tile([0.1, 7.0, -0.2], (4, 1)), bars, rule=Sign(size=0.6))
    assert orders_of(result) == [(1, 0, 4.0), (1, 1, 2.0), (1, 2, -1.0)]


def test_a_classifier_of_0_and_1_is_neutral_at_one_half():
    bars = bars_of([50.0] * 5)
    signal = replace(Signal.of([0.5, 0.6, 0.4, 0.5, 0.5], bars), classes=(0, 1))
    signal = replace(signal, classes=(0, 1))
    assert orders_of(run(ModelStrategy(signal=signal), bars, cash=1_000.0)) == [
        (1, 0, 20.0),
        (2, 0, -40.0),
        (3, 0, 20.0),
    ]
    told = run(ModelStrategy(signal=signal, centre=0.0), bars, cash=1_000.0)
    assert orders_of(told) == [(1, 0, 20.0)]


def test_long_only_makes_no_short_sale():
    result = traded([1.0, 1.0, -1.0, -1.0], bars_of([50.0] * 4), long_only=True)
    assert orders_of(result) == [(1, 0, 20.0), (2, 0, -20.0)]


# ----------------------------------------------------------------- what all rules have in common


@pytest.mark.parametrize(("missing", "wanted"), [("flat", [(1, 0, 20.0), (2, 0, -20.0)]), ("hold", [(1, 0, 20.0)])])
def test_an_asset_without_a_signal_is_closed_or_left_alone(missing, wanted):
    result = traded([1.0, 1.0, np.nan, np.nan], bars_of([50.0] * 4), missing=missing)
    assert orders_of(result) == wanted


def test_an_asset_without_a_bar_is_left_alone():
    """Its signal is NaN in its gap too; closing it there would sell at the next open for no reason."""
    bars = bars_of([50.0, 50.0, np.nan, 50.0, 50.0])
    assert orders_of(traded([1.0, 1.0, np.nan, 1.0, 1.0], bars)) == [(1, 0, 20.0)]


def test_it_looks_every_n_bars_only():
    values = [1.0, 1.0, -1.0, 1.0, -1.0, -1.0, -1.0]
    result = traded(values, bars_of([50.0] * 7), rebalance=3)
    assert orders_of(result) == [(1, 0, 20.0), (4, 0, -40.0)]  # bars 1, 4, 7, …: the −1 of bar 2 is never seen


def test_targets_are_scaled_to_the_gross_exposure_allowed():
    """Two of 0.75 are 1.5, and 1.2 is allowed: 0.6 each, 12 units at 50 of 1,000."""
    bars = bars_of(np.full((3, 2), 50.0))
    result = traded(np.full((3, 2), 1.0), bars, rule=Sign(size=1.5), max_exposure=1.2, account=Account(leverage=2.0))
    assert orders_of(result) == [(1, 0, 12.0), (1, 1, 12.0)]


def test_what_is_held_counts_against_the_exposure_allowed():
    """Asset 0 keeps its 0.5; of 0.8 allowed 0.3 are left for asset 1: 6 units at 50."""
    bars = bars_of(np.full((4, 2), 50.0))
    values = [[1.0, np.nan], [1.0, np.nan], [np.nan, 1.0], [np.nan, 1.0]]
    result = traded(values, bars, max_exposure=0.8, missing="hold")
    assert orders_of(result) == [(1, 0, 10.0), (2, 1, 6.0)]


def test_inside_the_band_an_asset_is_left_alone():
    """Half of 1,000 at 50 are 10 units. At 60 they are 600 of 1,100: 0.545; at 80 800 of 1,300: 0.615, 0.5 is 650/80.

    A band of 0.1 is from 0.45 to 0.55. Sold are 10 − 8.125 units, where the exposure is outside, and only there.
    """
    close = [50.0, 50.0, 50.0, 60.0, 80.0, 80.0]
    result = traded([1.0] * 6, bars_of(close), rule=Sign(size=0.5), band=0.1)
    assert orders_of(result) == [(1, 0, 10.0), (4, 0, -1.875)]
    always = traded([1.0] * 6, bars_of(close), rule=Sign(size=0.5))
    assert [bar for bar, _, _ in orders_of(always)] == [1, 3, 4]


def test_a_band_keeps_nobody_from_opening_closing_and_turning_round():
    bars = bars_of([50.0] * 6)
    values = [1.0, 1.0, 0.0, 1.0, -1.0, -1.0]
    held = ModelStrategy(signal=Signal.of(values, bars), rule=Own(half_or_little), band=0.99)
    assert orders_of(run(held, bars, cash=1_000.0)) == [(1, 0, 10.0), (2, 0, -10.0), (3, 0, 10.0), (4, 0, -11.0)]


def half_or_little(ctx, a, value, state):
    """Half long, flat at 0, and 0.05 short."""
    return 0.5 if value > 0.0 else 0.05 * value


def test_an_order_that_is_still_on_its_way_is_answered_at_once():
    """With two bars of latency the buy of bar 1 fills at bar 4. Bar 2 says flat: its sale fills at bar 5, not later."""
    bars = bars_of([50.0] * 9)
    strategy = ModelStrategy(signal=Signal.of([1.0, 1.0] + [0.0] * 7, bars), band=0.1)
    result = run(strategy, bars, cash=1_000.0, execution=Execution(latency_bars=2))
    assert [(bar, quantity) for bar, _, quantity, _ in fills_of(result)] == [(4, 20.0), (5, -20.0)]


# ----------------------------------------------------------------- a rule of the user's


def double(value):
    return 2.0 * value


def own_rule(ctx, a, value, state):
    """Twice the signal, but nothing at the first two looks."""
    state[0] += 1.0
    return double(value) if state[0] > 2.0 else math.nan


def test_a_function_of_the_users_is_a_rule_with_a_memory_for_each_asset():
    """Asset 1 has its first signal two bars later, so that its third is at bar 5."""
    bars = bars_of(np.full((7, 2), 50.0))
    values = np.full((7, 2), 0.2)
    values[:3, 1] = np.nan
    result = traded(values, bars, rule=own_rule)
    assert orders_of(result) == [(3, 0, 8.0), (5, 1, 8.0)]
    assert result.manifest["parameters"]["rule"].endswith("own_rule")


def test_an_error_in_the_users_rule_is_shown_where_it_is():
    def wrong(ctx, a, value, state):
        return state[10]

    with pytest.raises(IndexError) as caught:
        traded([1.0] * 5, bars_of([50.0] * 5), rule=wrong)
    assert any("raised at bar 1" in note for note in caught.value.__notes__)


# ----------------------------------------------------------------- threshold


def test_the_threshold_has_a_dead_band():
    """enter 2, leave 1, size 0.5 of 1,000 at 50 are 10 units.

    signal  1.5   2.5   1.5   0.9   -1.5  -2.1  -1.5  -1.0   1.5   3.0   -3.0
    side     0     1     1     0     0     -1    -1     0     0     1     -1
    """
    values = [0.0, 1.5, 2.5, 1.5, 0.9, -1.5, -2.1, -1.5, -1.0, 1.5, 3.0, -3.0, -3.0]
    result = traded(values, bars_of([50.0] * 13), rule=Threshold(enter=2.0, leave=1.0, size=0.5))
    wanted = [(2, 0, 10.0), (4, 0, -10.0), (6, 0, -10.0), (8, 0, 10.0), (10, 0, 10.0), (11, 0, -20.0)]
    assert orders_of(result) == wanted


def test_a_position_may_outlive_a_signal_a_little_against_it():
    values = [0.0, 2.5, -0.9, -1.0, 0.0]
    result = traded(values, bars_of([50.0] * 5), rule="threshold(enter=2.0, leave=-1.0)")
    assert orders_of(result) == [(1, 0, 20.0), (3, 0, -20.0)]


@pytest.mark.parametrize(("missing", "again"), [("flat", [(2, 0, -20.0)]), ("hold", [])])
def test_what_was_closed_without_a_signal_must_enter_anew(missing, again):
    """At 1.5, in the dead band, it would still be long: but it is flat since there was no signal at bar 2."""
    values = [0.0, 2.5, np.nan, 1.5, 1.5]
    result = traded(values, bars_of([50.0] * 5), rule=Threshold(2.0, 1.0), missing=missing)
    assert orders_of(result) == [(1, 0, 20.0), *again]


# ----------------------------------------------------------------- ranks


def ranked(values, rule, n_bars=4, **parameters):
    """Return the targets of one cross-section, from orders at a price of 1 and 1,000 of cash."""
    bars = bars_of(np.ones((n_bars, len(values))))
    result = traded(np.tile(values, (n_bars, 1)), bars, rule=rule, max_exposure=10.0, **parameters)
    found = np.zeros(len(values))
    for bar, a, quantity in orders_of(result):
        if bar == 1:
            found[a] = quantity / 1_000.0
    return found.round(9).tolist()


def test_the_best_are_long_and_the_worst_short():
    """Half of equity for each side: two of ten longs have a quarter, three shorts a sixth each."""
    values = [5, 3, 9, 1, 7, 2, 8, 4, 6, 0]
    wanted = [0, 0, 0.25, -1 / 6, 0, -1 / 6, 0.25, 0, 0, -1 / 6]
    assert ranked(values, CrossSectionalRank(long=2, short=3)) == np.round(wanted, 9).tolist()


def test_fractions_are_of_the_assets_with_a_signal():
    """0.25 of nine with a signal is two; of ten it would be two too, but 0.3 of nine is two and of ten three."""
    values = [5, 3, 9, 1, 7, 2, 8, 4, 6, np.nan]
    assert ranked(values, CrossSectionalRank(long=0.3, short=0)) == [0, 0, 0.5, 0, 0, 0, 0.5, 0, 0, 0]
    values[-1] = 0
    found = ranked(values, CrossSectionalRank(long=0.3, short=0))
    assert np.flatnonzero(found).tolist() == [2, 4, 6]
    assert ranked([1.0, 2.0], CrossSectionalRank(long=0.1, short=0.1)) == [-0.5, 0.5]  # one at least


def test_no_asset_is_on_both_sides():
    assert ranked([1.0, 2.0, 3.0], CrossSectionalRank(long=2, short=2)) == [-0.5, 0.0, 0.5]
    assert ranked([1.0, np.nan, np.nan], CrossSectionalRank(long=2, short=2)) == [0, 0, 0]
    assert ranked([1.0, 2.0, np.nan], CrossSectionalRank(long=5, short=0)) == [0.5, 0.5, 0]


def test_of_equal_signals_the_lower_asset_number_ranks_higher():
    assert ranked([2.0, 2.0, 1.0, 1.0], CrossSectionalRank(long=1, short=1)) == [0.5, 0, 0, -0.5]
    assert ranked([3.0, 3.0, 3.0], CrossSectionalRank(long=1, short=1)) == [0, 0, 0]  # there is no rank


def test_scores_weigh_by_their_distance_from_the_mean():
    """The mean of 0, 1, 2, 9 is 3. Of the two best 9 is above and 2 is below: all for 9. 0 and 1 are 3 and 2 below."""
    rule = CrossSectionalRank(long=2, short=2, weights="score", size=1.0)
    assert ranked([0.0, 1.0, 2.0, 9.0], rule) == [-0.3, -0.2, 0.0, 0.5]


def test_what_falls_out_of_the_ranks_is_closed():
    bars = bars_of(np.full((5, 3), 50.0))
    values = [[3.0, 2.0, 1.0]] * 2 + [[1.0, 3.0, 2.0]] * 3
    result = traded(values, bars, rule="rank(long=1, short=0)")
    assert orders_of(result) == [(1, 0, 20.0), (2, 0, -20.0), (2, 1, 20.0)]


# ----------------------------------------------------------------- volatility and Kelly

#: log returns of +0.1 and −0.1 in turn: the variance of any two is ((0.1)² + (−0.1)²)/1 = 0.02
SWINGS = 50.0 * np.exp([0.0, 0.1, 0.0, 0.1, 0.0, 0.1])


def test_volatility_scales_the_targets_of_another_rule():
    """√(0.02·50) is a volatility of 1 a year: a target of 0.4 makes 0.4 of the sign's 1, at the price of bar 2, 50."""
    rule = VolatilityScaled(target=0.4, window=2, bars_per_year=50.0)
    result = traded([1.0] * 6, bars_of(SWINGS), rule=rule, rebalance=5)
    assert orders_of(result) == []  # at bar 1 one return is known, and two are needed
    result = traded([np.nan, np.nan] + [1.0] * 4, bars_of(SWINGS), rule=rule, rebalance=5)
    assert orders_of(result) == [(2, 0, 8.0)]
    result = traded([np.nan, np.nan] + [-1.0] * 4, bars_of(SWINGS), rule=replace(rule, cap=0.1), rebalance=5)
    assert orders_of(result) == [(2, 0, -2.0)]
    inner = replace(rule, rule=Threshold(enter=2.0, leave=1.0, size=0.5))
    result = traded([np.nan, np.nan] + [3.0] * 4, bars_of(SWINGS), rule=inner, rebalance=5)
    assert orders_of(result) == [(2, 0, 4.0)]


def test_kelly_is_expected_return_over_variance():
    """Half of 0.01/0.02 is 0.25: 5 units at 50. Over two bars the variance is twice that: 0.125, 2.5 units."""
    values = [np.nan, np.nan] + [0.01] * 4
    result = traded(values, bars_of(SWINGS), rule=Kelly(0.5, window=2), rebalance=5)
    assert orders_of(result) == [(2, 0, 5.0)]
    result = traded(values, bars_of(SWINGS), rule="kelly(fraction=0.5, window=2, horizon=2)", rebalance=5)
    assert orders_of(result) == [(2, 0, 2.5)]
    short = traded([np.nan, np.nan] + [-9.0] * 4, bars_of(SWINGS), rule=Kelly(window=2, cap=0.3), rebalance=5)
    assert orders_of(short) == [(2, 0, -6.0)]


def test_kelly_takes_its_horizon_from_the_label_and_refuses_classes():
    from backtester.signals.labels import forward_return

    bars = bars_of(SWINGS)
    signal = Signal.of([np.nan, np.nan] + [0.01] * 4, bars)
    two = replace(signal, label=forward_return(bars, 2))
    result = run(ModelStrategy(signal=two, rule=Kelly(0.5, window=2), rebalance=5), bars, cash=1_000.0)
    assert orders_of(result) == [(2, 0, 2.5)]
    with pytest.raises(ParameterError, match="predicts classes, and Kelly reads it as an expected return"):
        run(ModelStrategy(signal=replace(signal, classes=(-1, 1)), rule="kelly"), bars)


# ----------------------------------------------------------------- time and symbols


def test_bars_may_be_a_part_of_those_of_the_signal_in_another_order_of_assets():
    close = np.linspace(50.0, 60.0, 12)[:, np.newaxis] * [1.0, 2.0]
    whole = bars_of(close, symbols=["A", "B"])
    values = np.where(np.arange(12)[:, np.newaxis] % 4 < 2, [1.0, -1.0], [-1.0, 1.0])
    signal = Signal.of(values, whole)
    swapped = bars_of(close[:, ::-1], symbols=["B", "A"])
    for bars in (whole[4:10], swapped[4:10]):
        result = run(ModelStrategy(signal=signal), bars, cash=1_000.0)
        first = {bars.symbols[a]: np.sign(quantity) for bar, a, quantity in orders_of(result) if bar == 1}
        assert first == {"A": 1.0, "B": -1.0}  # bar 1 of the part is bar 5 of the signal: +1 for A
    alone = bars_of(close[:, 1], symbols=["B"])
    assert orders_of(run(ModelStrategy(signal=signal), alone, cash=1_000.0))[0][2] < 0.0


def test_where_the_signal_ends_positions_are_closed():
    bars = bars_of([50.0] * 8)
    signal = Signal.of([1.0] * 4, bars[:4])
    assert orders_of(run(ModelStrategy(signal=signal), bars, cash=1_000.0)) == [(1, 0, 20.0), (4, 0, -20.0)]


def test_bars_that_the_signal_skips_are_refused():
    bars = bars_of([50.0] * 8)
    prices = np.full((4, 1), 50.0)
    other = Bars.from_arrays(bars.timestamps[::2], prices, prices, prices, prices, prices, symbols=["S0"])
    signal = Signal.of([1.0] * 4, other)
    with pytest.raises(StrategyError, match=r"does not know the bar 2022-01-09.*2 more.*made from other bars"):
        run(ModelStrategy(signal=signal), bars)


def test_a_symbol_without_a_signal_is_named():
    bars = bars_of(np.full((4, 2), 50.0), symbols=["GOOG", "AAPL"])
    other = bars_of(np.full((4, 2), 50.0), symbols=["GOOGL", "AAPL"])
    with pytest.raises(
        StrategyError, match=r"no signal for GOOGL; did you mean 'GOOG'\? \(it has GOOG, AAPL\); 1 of 2"
    ):
        run(ModelStrategy(signal=Signal.of(np.ones((4, 2)), bars)), other)


def test_a_signal_without_a_value_in_these_bars_is_refused():
    bars = bars_of([50.0] * 8)
    signal = Signal.of([1.0] * 4, bars[:4])
    with pytest.raises(StrategyError, match=r"no value in the bars from 2022-01-12.* to 2022-01-15"):
        run(ModelStrategy(signal=signal), bars[4:])
    with pytest.raises(StrategyError, match="it is NaN everywhere"):
        run(ModelStrategy(signal=Signal.of([np.nan] * 8, bars)), bars)


# ----------------------------------------------------------------- the future


def folded(bars, until):
    """Return a signal of two folds of four bars, trained until the closes of the bars `until`."""
    return replace(
        Signal.of([1.0] * 8, bars),
        fold=np.repeat([0, 1], 4).astype(np.int32),
        trained_until=np.array([bars.timestamps[t] for t in until], np.int64),
        name="ridge",
    )


def test_a_signal_that_knows_the_future_is_refused_with_bar_and_training_time():
    """Fold 0 is trained until the close of bar 6, and speaks of bars 0 to 3."""
    bars = bars_of([50.0] * 8)
    signal = folded(bars, [6, 3])
    with pytest.raises(
        StrategyError, match=r"'ridge' knows the future: its value at 2022-01-08.*up to 2022-01-14.*, and 4 of 8 bars"
    ):
        run(ModelStrategy(signal=signal), bars)
    assert len(run(ModelStrategy(signal=signal), bars[4:]).fills) == 1  # fold 1 ended with bar 3: this part is honest


def test_training_until_the_bar_itself_is_the_future_too():
    bars = bars_of([50.0] * 8)
    with pytest.raises(StrategyError, match=r"its value at 2022-01-12.*up to 2022-01-12"):
        run(ModelStrategy(signal=folded(bars, [-8, 4])), bars[4:])


def test_a_run_that_was_allowed_the_future_says_so(tmp_path):
    bars = bars_of([50.0] * 8)
    result = run(ModelStrategy(signal=folded(bars, [6, 3]), allow_future=True), bars)
    assert "knows the future" in result.manifest["about"]["warnings"][0]
    assert result.manifest["parameters"]["allow_future"] is True
    assert not result.manifest["about"]["signal"]["known_in_time"]
    assert "! The signal 'ridge' knows the future" in str(result)
    result.to_parquet(tmp_path / "kept")
    assert "knows the future" in str(Result.load(tmp_path / "kept"))


def test_what_was_known_in_time_says_nothing():
    bars = bars_of([50.0] * 8)
    result = run(ModelStrategy(signal=folded(bars, [0, 3])), bars[4:])
    assert result.manifest["about"]["warnings"] == []
    assert "knows the future" not in str(result)


# ----------------------------------------------------------------- parameters


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"max_exposure": 0.0}, "max_exposure is 0.0; it must be above 0"),
        ({"rebalance": 0}, "rebalance is 0; it must be 1 or more"),
        ({"band": -0.1}, "band is -0.1; it must be 0 or more"),
        ({"band": math.nan}, "band is nan"),
        ({"band": 1.0}, "band is 1.0; it must be 0 or more, and below 1"),
        ({"centre": math.inf}, "centre is inf"),
        ({"missing": "keep"}, "missing must be"),
        ({"rule": "sgn"}, r"no rule 'sgn'; did you mean 'sign'\?"),
        ({"rule": "sign(sise=1)"}, r"sign has no setting 'sise'; did you mean 'size'\?"),
        ({"rule": "sign(size=-1)"}, "Sign: size is -1; it must be a number above 0"),
        ({"rule": "sign(__import__('os'))"}, "must be a number above 0"),
        ({"rule": "sign(1, 2)"}, r"sign\(1, 2\): too many positional arguments \(settings: size\)"),
        ({"rule": "a.b(1)"}, "is neither a name nor a call"),
        ({"rule": "threshold"}, "threshold: missing a required argument: 'enter'"),
        ({"rule": "threshold(1, enter=2)"}, "multiple values for argument 'enter'"),
        ({"rule": "threshold(enter=1, leave=2)"}, "leave is 2 and enter is 1; leave must be at most enter"),
        ({"rule": "threshold(enter=1, leave=-1)"}, "more than −enter"),
        ({"rule": "threshold(enter=-1)"}, "enter is -1; it must be a number of 0 or more"),
        ({"rule": "rank(long=0, short=0)"}, "long and short are both 0"),
        ({"rule": "rank(long=1.5)"}, "a fraction of them"),
        ({"rule": "rank(weights='scores')"}, r"weights is 'scores'; did you mean 'score'\?"),
        ({"rule": "volatility_scaled(window=1)"}, "window is 1; it must be an int, 2 or more"),
        ({"rule": "volatility_scaled(rule=volatility_scaled())"}, "scale once"),
        ({"rule": "volatility_scaled(rule=threshold)"}, "missing a required argument: 'enter'"),
        ({"rule": "kelly(fraction=1.5)"}, "fraction is 1.5; it must be at most 1"),
        ({"rule": "kelly(horizon=0)"}, "horizon is 0; it must be an int, 1 or more"),
        ({"rule": 3}, r"rule is 3 \(int\)"),
        ({"rule": Sign}, r"rule is the class Sign; give an object of it: Sign\(…\)"),
    ],
)
def test_what_is_no_setting_is_refused(parameters, message):
    with pytest.raises(ParameterError, match=message):
        traded([1.0] * 4, bars_of([50.0] * 4), **parameters)


def test_what_is_no_signal_is_refused():
    with pytest.raises(StrategyError, match=r"it is a Signal, a fitted model or .* Signal.of"):
        run(ModelStrategy(signal=np.ones(4)), bars_of([50.0] * 4))


# ----------------------------------------------------------------- compiled and interpreted


def noisy(seed=1, n_bars=300, n_assets=3):
    """Return bars with gaps, and a signal with some of its own."""
    bars = Bars.simulate("gbm", n_bars=n_bars, n_assets=n_assets, seed=seed)
    rng = np.random.default_rng(seed)
    columns = [np.array(getattr(bars, name)) for name in ("open", "high", "low", "close", "volume")]
    gaps = rng.random((n_bars, n_assets)) < 0.05
    for column in columns:
        column[gaps] = np.nan
    values = rng.normal(size=gaps.shape) * 0.01
    values[gaps | (rng.random(gaps.shape) < 0.1)] = np.nan
    values[:30] = np.nan
    return Bars.from_arrays(bars.timestamps, *columns, symbols=bars.symbols), values


def tanh_rule(ctx, a, value, state):
    """A rule that reads the account and the market, and remembers."""
    state[1] = 0.9 * state[1] + 0.1 * value
    if ctx.t > 40 and ctx.close[-1, a] < ctx.close[-5, a] and ctx.position(a) > 0.0:
        return 0.0
    return 0.4 * np.tanh(80.0 * state[1])


RULES = {
    "sign": Sign(0.9),
    "own": tanh_rule,
    "own, jitted": numba.njit(tanh_rule),
    "threshold": Threshold(0.01, 0.002),
    "rank": CrossSectionalRank(1, 1, "score"),
    "volatility": VolatilityScaled(0.2, 10, rule=Threshold(0.01, 0.002)),
    "volatility of own": VolatilityScaled(0.2, 10, rule=Own(tanh_rule)),
    "kelly": Kelly(0.1, 30),
}
COMMON = {
    "plain": {},
    "banded": {"band": 0.03, "max_exposure": 0.7, "missing": "hold"},
    "every third": {"rebalance": 3, "long_only": True},
}


@pytest.mark.parametrize("common", COMMON)
@pytest.mark.parametrize("rule", RULES)
def test_compiled_and_interpreted_are_the_same_bits(rule, common):
    bars, values = noisy()
    results = [
        run(
            ModelStrategy(signal=Signal.of(values, bars), rule=RULES[rule], **COMMON[common]),
            bars,
            mode=mode,
            costs=Costs(commission=0.001, spread=0.0005),
        )
        for mode in ("compiled", "interpreted")
    ]
    assert len(results[0].fills) > 30
    for table in ("fills", "orders"):
        assert getattr(results[0].tables, table).tobytes() == getattr(results[1].tables, table).tobytes()
    assert_array_equal(results[0].tables.equity, results[1].tables.equity)
