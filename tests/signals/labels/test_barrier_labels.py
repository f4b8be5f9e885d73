"""Triple barriers and meta-labels: cases by hand, and a loop beside random panels."""

import math

import numpy as np
import pytest
from label_bars import bars_of, closes, panel_of, random_columns
from slow_labels import barrier, own_rows

from backtester.errors import LabelError, SettingsError
from backtester.indicators import realised_volatility
from backtester.signals import forward_return, meta_label, triple_barrier

NAN = math.nan
FLAT = (100, 100, 100, 100)


def first(rows, *args, **settings):
    """Return class, row and return of bar 0."""
    label = triple_barrier(bars_of(rows), *args, **settings)
    return label.values[0, 0], label.end[0, 0], round(float(label.returns[0, 0]), 12)


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        # barriers at 110 and 95, two bars
        ([(100, 111, 99, 105), FLAT], (1.0, 1, 0.10)),  # the high reaches 110
        ([(100, 110, 99, 105), FLAT], (1.0, 1, 0.10)),  # just
        ([(100, 109, 94, 105), FLAT], (-1.0, 1, -0.05)),  # the low reaches 95
        ([(100, 109, 95, 105), FLAT], (-1.0, 1, -0.05)),  # just
        ([(100, 112, 94, 105), FLAT], (-1.0, 1, -0.05)),  # both: the one that loses
        ([(115, 120, 94, 105), FLAT], (1.0, 1, 0.15)),  # both, but it opens above the upper one
        ([(90, 120, 88, 105), FLAT], (-1.0, 1, -0.10)),  # both, but it opens below the lower one
        ([(100, 109, 96, 104), (104, 111, 103, 108)], (1.0, 2, 0.10)),  # the second bar
        ([(100, 109, 96, 104), (104, 109, 99, 108)], (1.0, 2, 0.08)),  # time is over above the entry
        ([(100, 109, 96, 104), (104, 105, 97, 98)], (-1.0, 2, -0.02)),  # below it
        ([(100, 109, 96, 104), (104, 105, 97, 100)], (0.0, 2, 0.0)),  # at it
        ([(100, 109, 96, 104), (104, 111, 97, 98)], (1.0, 2, 0.10)),  # the last bar is still looked at
        ([None, (100, 111, 99, 105), FLAT], (1.0, 2, 0.10)),  # a missing bar is passed over
        ([None, (100, 109, 96, 104), None, (104, 109, 99, 108), (108, 120, 90, 108)], (1.0, 4, 0.08)),
    ],
)
def test_the_first_barrier_counts(later, expected):
    assert first([FLAT, *later], 0.10, 0.05, 2) == expected


def test_for_a_short_side_the_upper_barrier_loses():
    both = [FLAT, (100, 112, 94, 105), FLAT]
    assert first(both, 0.10, 0.05, 2, side=-1) == (1.0, 1, -0.10)
    assert first(both, 0.10, 0.05, 2, side=1) == first(both, 0.10, 0.05, 2)
    assert first([FLAT, (100, 109, 94, 105), FLAT], 0.10, 0.05, 2, side=-1) == (-1.0, 1, 0.05)
    assert first([FLAT, (90, 120, 88, 105), FLAT], 0.10, 0.05, 2, side=-1) == (-1.0, 1, 0.10)  # the open decides


def test_time_that_runs_out_can_be_a_class_of_its_own():
    still = [FLAT, (100, 109, 96, 104), (104, 109, 99, 108)]
    assert first(still, 0.10, 0.05, 2, vertical="zero") == (0.0, 2, 0.08)
    assert first([FLAT, (100, 109, 96, 104), (104, 111, 97, 98)], 0.10, 0.05, 2, vertical="zero") == (1.0, 2, 0.10)


def test_a_barrier_can_be_left_out():
    down_then_up = [FLAT, (100, 101, 90, 95), (95, 111, 94, 108)]
    assert first(down_then_up, 0.10, None, 2) == (1.0, 2, 0.10)
    assert first(down_then_up, None, 0.05, 2) == (-1.0, 1, -0.05)
    assert first(down_then_up, None, None, 2) == (1.0, 2, 0.08)


def test_from_the_next_open_the_bar_of_the_entry_counts_from_its_open():
    """Bought at 200, so that the barriers are 220 and 190; sold at an open at last."""
    entry = (200, 210, 195, 205)
    assert first([FLAT, (200, 221, 195, 205), FLAT, FLAT], 0.10, 0.05, 2, entry="next_open") == (1.0, 1, 0.10)
    assert first([FLAT, entry, (206, 207, 189, 195), FLAT], 0.10, 0.05, 2, entry="next_open") == (-1.0, 2, -0.05)
    quiet = [FLAT, entry, (206, 207, 199, 205), (204, 300, 100, 205)]
    assert first(quiet, 0.10, 0.05, 2, entry="next_open") == (1.0, 3, 0.02)  # sold at 204, before that bar's extremes
    gap = [FLAT, entry, (206, 207, 199, 205), (230, 300, 100, 205)]
    assert first(gap, 0.10, 0.05, 2, entry="next_open", vertical="zero") == (1.0, 3, 0.15)


def test_where_the_data_end_first_there_is_no_label():
    rows = [FLAT, (100, 101, 99, 100), (100, 111, 99, 100)]
    label = triple_barrier(bars_of(rows), 0.10, 0.05, 5)
    np.testing.assert_array_equal(label.values[:, 0], [1.0, 1.0, NAN])  # both reach 110 in bar 2
    assert label.end[:, 0].tolist() == [2, 2, -1]
    assert not triple_barrier(bars_of(rows), 0.20, 0.05, 5).exists.any()


def test_a_delisting_is_a_price_like_any_other():
    """Paid 50 in row 2, far below the barrier of 95: a gap to it. Without the barrier, time is over there."""
    payout = np.array([[NAN], [NAN], [50.0], [NAN]])
    bars = bars_of([FLAT, FLAT, None, None], extras={"delisting": payout})
    for down in (0.05, None):
        label = triple_barrier(bars, 0.10, down, 9)
        assert label.values[:2, 0].tolist() == [-1.0, -1.0]
        assert label.end[:, 0].tolist() == [2, 2, -1, -1]
        assert label.returns[:2, 0].tolist() == [-0.5, -0.5]


def test_volatility_is_the_unit():
    """Barriers at twice the deviation of the last 5 log returns; fractions given by the bar do the same."""
    bars = panel_of(random_columns(gaps=False))
    sigma = realised_volatility(bars.close, 5)
    by_window = triple_barrier(bars, 2.0, 1.0, 6, volatility=5)
    by_array = triple_barrier(bars, 2.0, 1.0, 6, volatility=sigma)
    np.testing.assert_array_equal(by_window.values, by_array.values)
    assert not by_window.exists[:5].any()
    for t, a in np.argwhere(by_window.exists)[::7]:
        slow = barrier(bars, a, t, 2.0 * sigma[t, a], sigma[t, a], 6)
        assert (by_window.values[t, a], by_window.end[t, a]) == slow[:2]


def test_without_volatility_there_is_no_barrier_to_reach():
    assert not triple_barrier(closes([5.0] * 30), 1.0, 1.0, 3, volatility=5).exists.any()
    assert not triple_barrier(closes([5.0] * 30), None, 1.0, 3, volatility=5).exists.any()


@pytest.mark.parametrize("entry", ["close", "next_open"])
@pytest.mark.parametrize("vertical", ["sign", "zero"])
@pytest.mark.parametrize("seed", range(4))
def test_random_panels_are_as_in_a_loop(entry, vertical, seed):
    bars = panel_of(random_columns(seed=seed))
    rng = np.random.default_rng(seed)
    side = rng.choice([-1.0, 0.0, 1.0, NAN], bars.close.shape, p=[0.4, 0.1, 0.4, 0.1])
    up, down, horizon = [(0.012, 0.008, 3), (0.03, 0.03, 8), (None, 0.015, 5), (0.05, 0.04, 20)][seed]
    label = triple_barrier(bars, up, down, horizon, side=side, entry=entry, vertical=vertical)
    for t, a in np.ndindex(label.values.shape):
        slow = barrier(bars, a, t, up, down, horizon, side=side[t, a], entry=entry, vertical=vertical)
        if slow is None:
            assert math.isnan(label.values[t, a])
            assert math.isnan(label.returns[t, a])
            assert label.end[t, a] == -1
        else:
            assert (label.values[t, a], label.end[t, a]) == slow[:2], (t, a)
            assert label.returns[t, a] == pytest.approx(slow[2], rel=1e-9, abs=1e-13)
    assert label.exists.sum() > 100


def test_the_panels_of_the_test_above_have_bars_that_reach_both():
    """Guards it: with barriers of 1.2 % and 0.8 % the rule for such bars is needed, on either side."""
    bars = panel_of(random_columns(seed=0))
    label = triple_barrier(bars, 0.012, 0.008, 3)
    other = triple_barrier(bars, 0.012, 0.008, 3, side=-1)
    differ = label.exists & (label.values != other.values)
    assert differ.sum() > 10
    assert (label.values[differ] == -1.0).all()
    assert (other.values[differ] == 1.0).all()
    assert sum(bar[5] for a in range(3) for bar in own_rows(bars, a)) == 1  # and a payout


@pytest.mark.parametrize("entry", ["close", "next_open"])
def test_without_barriers_it_is_the_forward_return(entry):
    bars = panel_of(random_columns(seed=7))
    plain, label = forward_return(bars, 6, entry=entry), triple_barrier(bars, None, None, 6, entry=entry)
    np.testing.assert_array_equal(label.returns, plain.returns)
    np.testing.assert_array_equal(label.end, plain.end)
    np.testing.assert_array_equal(label.values, np.sign(plain.values))


def test_a_meta_label_says_whether_the_side_paid():
    """Closes 100, 110, 99, 99: +10 %, −10 %, 0."""
    bars = closes([100.0, 110.0, 99.0, 99.0])
    label = meta_label(bars, [[1], [1], [1], [1]], 1)
    np.testing.assert_array_equal(label.values[:, 0], [1.0, 0.0, 0.0, NAN])
    label = meta_label(bars, [-1, -1, 0, -1], 1)
    np.testing.assert_array_equal(label.values[:, 0], [0.0, 1.0, NAN, NAN])
    np.testing.assert_allclose(label.returns[:, 0], [-0.10, 0.10, NAN, NAN], rtol=1e-12)
    assert label.end[:, 0].tolist() == [1, 2, -1, -1]
    assert label.kind == "class"


def test_a_meta_label_takes_costs_off():
    bars = closes([100.0, 110.0, 99.0])
    np.testing.assert_array_equal(meta_label(bars, [1, -1, 1], 1, costs=0.09).values[:, 0], [1.0, 1.0, NAN])
    paid = meta_label(bars, [1, -1, 1], 1, costs=0.11)
    np.testing.assert_array_equal(paid.values[:, 0], [0.0, 0.0, NAN])
    np.testing.assert_allclose(paid.returns[:, 0], [-0.01, -0.01, NAN], rtol=1e-9)
    assert paid.name == "meta_label(side=…, 1, costs=0.11)"


def test_profit_and_loss_are_those_of_the_side():
    """Profit at 10 %, loss at 5 %: a short gains at 90 and loses at 105; a bar that reaches both has lost."""
    rows = [FLAT, (100, 104, 89, 95), (95, 96, 94, 95)]
    assert meta_label(bars_of(rows), [-1, 0, 0], 2, profit=0.10, loss=0.05).returns[0, 0] == pytest.approx(0.10)
    rows = [FLAT, (100, 106, 89, 95), (95, 96, 94, 95)]
    label = meta_label(bars_of(rows), [-1, 0, 0], 2, profit=0.10, loss=0.05)
    assert label.returns[0, 0] == pytest.approx(-0.05)
    assert label.values[0, 0] == 0.0
    rows = [FLAT, (100, 111, 94, 95), (95, 96, 94, 95)]
    assert meta_label(bars_of(rows), [1, 0, 0], 2, profit=0.10, loss=0.05).returns[0, 0] == pytest.approx(-0.05)
    assert meta_label(bars_of(rows), [1, 0, 0], 2, profit=0.10).returns[0, 0] == pytest.approx(0.10)


def test_meta_labels_of_a_panel_are_as_in_a_loop():
    bars = panel_of(random_columns(seed=9))
    side = np.random.default_rng(9).choice([-1.0, 0.0, 1.0], bars.close.shape)
    label = meta_label(bars, side, 5, profit=0.03, loss=0.02, costs=0.001, entry="next_open")
    for t, a in np.ndindex(side.shape):
        up, down = (0.03, 0.02) if side[t, a] > 0 else (0.02, 0.03)
        slow = barrier(bars, a, t, up, down, 5, side=side[t, a], entry="next_open")
        if slow is None:
            assert math.isnan(label.values[t, a])
        else:
            assert label.values[t, a] == float(slow[2] > 0.001)
            assert label.end[t, a] == slow[1]


BARS = closes([1.0, 2.0, 3.0, 4.0])


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: triple_barrier(BARS, 0.0, 1.0, 5), SettingsError, r"up is 0\.0; it is a finite number, more than 0"),
        (lambda: triple_barrier(BARS, 1.0, -1.0, 5), SettingsError, r"down is -1\.0"),
        (lambda: triple_barrier(BARS, 1.0, 1.0, 0), SettingsError, "horizon is 0"),
        (lambda: triple_barrier(BARS, 1.0, 1.0, 5, volatility=0.02), SettingsError, r"volatility is 0\.02; .* or None"),
        (lambda: triple_barrier(BARS, 1.0, 1.0, 5, volatility=[-0.1] * 4), LabelError, "negative or infinite"),
        (
            lambda: triple_barrier(BARS, 1.0, 1.0, 5, volatility=[0.1] * 3),
            LabelError,
            r"volatility is .* \(3,\); .*\(4, 1\)",
        ),
        (lambda: triple_barrier(BARS, 1.0, 1.0, 5, side=0), SettingsError, "side is 0; it is 1, −1, an array"),
        (lambda: triple_barrier(BARS, 1.0, 1.0, 5, side="long"), SettingsError, "side is 'long'"),
        (lambda: triple_barrier(BARS, 1.0, 1.0, 5, vertical="signs"), SettingsError, "did you mean 'sign'"),
        (
            lambda: meta_label(BARS, [1, 0.5, 0, 0]),
            LabelError,
            r"side is 0\.5 for .* at bar 1 \(2020-01-08T00:00:00Z\)",
        ),
        (lambda: meta_label(BARS, ["a"] * 4), LabelError, "it is real numbers, one for each bar"),
        (lambda: meta_label(BARS, [1, 1, 1, 1], costs=-0.1), SettingsError, r"costs is -0\.1"),
    ],
)
def test_what_cannot_be_a_barrier_is_named(make, error, says):
    with pytest.raises(error, match=says):
        make()
