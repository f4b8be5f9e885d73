"""Forward returns, directions and scaled returns, by arithmetic and beside pandas."""

import math

import numpy as np
import pandas as pd
import pytest
from label_bars import bars_of, closes, panel_of, random_columns
from slow_labels import barrier

from backtester import Bars
from backtester.errors import LabelError, SettingsError
from backtester.signals import direction, forward_return, volatility_scaled

NAN = math.nan


def column(array):
    return array[:, 0].tolist()


def test_a_forward_return_is_the_close_later_over_the_close():
    label = forward_return(closes([10.0, 11.0, 12.1, 12.1, 6.05]), 2)
    np.testing.assert_allclose(column(label.values), [0.21, 0.1, -0.5, NAN, NAN], rtol=1e-12)
    assert column(label.end) == [2, 3, 4, -1, -1]
    assert (label.name, label.kind, label.classes) == ("forward_return(2)", "return", ())
    assert label.spans().tolist() == [[0, 2], [1, 3], [2, 4]]


def test_from_the_next_open_it_is_open_over_open():
    """Opens 10, 20, 30, 45: decided at bar 0, bought at 20, sold an open later at 30."""
    bars = bars_of([(10, 11, 9, 10), (20, 21, 19, 20), (30, 31, 29, 30), (45, 46, 44, 45)])
    label = forward_return(bars, 1, entry="next_open")
    np.testing.assert_allclose(column(label.values), [0.5, 0.5, NAN, NAN], rtol=1e-12)
    assert column(label.end) == [2, 3, -1, -1]
    assert label.name == "forward_return(1, entry='next_open')"


def test_a_missing_bar_is_not_counted():
    """Own closes 10, 20, 30 in rows 0, 2 and 4."""
    label = forward_return(closes([10.0, NAN, 20.0, NAN, 30.0]), 1)
    np.testing.assert_allclose(column(label.values), [1.0, NAN, 0.5, NAN, NAN])
    assert column(label.end) == [2, -1, 4, -1, -1]


def test_the_logarithm_is_that_of_the_ratio():
    label = forward_return(closes([10.0, 11.0, 5.5]), 1, log=True)
    np.testing.assert_allclose(column(label.values), [math.log(1.1), math.log(0.5), NAN], rtol=1e-12)
    np.testing.assert_allclose(column(label.returns), [0.1, -0.5, NAN], rtol=1e-12)


def test_a_split_and_a_dividend_are_no_moves():
    """100, then 2-for-1 to 50; then a dividend of 5 with the price falling to 45: nobody lost anything."""
    bars = bars_of(
        [(100, 100, 100, 100), (50, 50, 50, 50), (45, 45, 45, 45)],
        extras={"split": np.array([[NAN], [2.0], [NAN]]), "dividend": np.array([[NAN], [NAN], [5.0]])},
    )
    np.testing.assert_allclose(column(forward_return(bars, 1).values), [0.0, 0.0, NAN], atol=1e-15)
    np.testing.assert_allclose(column(forward_return(bars, 2).values), [0.0, NAN, NAN], atol=1e-15)


def delisted(payout):
    """Return closes 10, 8, 4, then a row in which the holders are paid, then rows with nothing."""
    extra = np.full((6, 1), NAN)
    extra[3] = payout
    return closes([10.0, 8.0, 4.0, NAN, NAN, NAN], extras={"delisting": extra})


def test_a_label_ends_at_a_delisting_with_what_is_paid():
    """From 10, 8 and 4 to a payout of 2. From the next open, 8 is the last that can be bought at: the open of bar 2."""
    label = forward_return(delisted(2.0), 5)
    np.testing.assert_allclose(column(label.values), [-0.8, -0.75, -0.5, NAN, NAN, NAN])
    assert column(label.end) == [3, 3, 3, -1, -1, -1]
    bought = forward_return(delisted(2.0), 5, entry="next_open")  # opens: 10, 10, 8
    np.testing.assert_allclose(column(bought.values), [-0.8, -0.75, NAN, NAN, NAN, NAN])
    short = forward_return(delisted(2.0), 1)
    np.testing.assert_allclose(column(short.values), [-0.2, -0.5, -0.5, NAN, NAN, NAN])


def test_a_worthless_payout_is_a_return_of_minus_one_and_has_no_logarithm():
    assert column(forward_return(delisted(0.0), 5).values)[:3] == [-1.0, -1.0, -1.0]
    with pytest.raises(LabelError, match=r"the return of .* from bar 0 .* to bar 3 is -1\.0, which has no logarithm"):
        forward_return(delisted(0.0), 5, log=True)


def test_a_price_of_zero_or_less_begins_no_return():
    bars = closes([1.0, -1.0, 2.0], allow_negative=True)
    np.testing.assert_allclose(column(forward_return(bars, 1).values), [-2.0, NAN, NAN])


def test_forward_returns_are_those_of_pandas():
    bars = Bars.simulate("gbm", n_bars=300, n_assets=4, seed=3)
    close, open_ = pd.DataFrame(bars.close), pd.DataFrame(bars.open)
    for h in (1, 7):
        np.testing.assert_allclose(forward_return(bars, h).values, close.pct_change(h).shift(-h), rtol=1e-9)
        found = forward_return(bars, h, entry="next_open").values
        np.testing.assert_allclose(found, open_.pct_change(h).shift(-h - 1), rtol=1e-9)


@pytest.mark.parametrize("entry", ["close", "next_open"])
def test_gaps_splits_and_delistings_are_as_in_a_loop(entry):
    bars = panel_of(random_columns(seed=4))
    label = forward_return(bars, 4, entry=entry)
    for t, a in np.ndindex(label.values.shape):
        slow = barrier(bars, a, t, None, None, 4, entry=entry)
        if slow is None:
            assert math.isnan(label.values[t, a])
            assert label.end[t, a] == -1
        else:
            assert label.end[t, a] == slow[1]
            assert label.values[t, a] == pytest.approx(slow[2], rel=1e-9, abs=1e-14)
    assert label.exists.sum() > 150


def test_a_direction_is_the_sign_and_no_move_has_none():
    bars = closes([10.0, 11.0, 11.0, 10.0, 10.5])
    label = direction(bars)
    np.testing.assert_array_equal(column(label.values), [1.0, NAN, -1.0, 1.0, NAN])
    assert column(label.end) == [1, -1, 3, 4, -1]
    assert (label.kind, label.classes) == ("class", (-1.0, 1.0))


def test_a_threshold_makes_three_classes():
    """Returns 10 %, 0, −9.09 %, 5 %: what is not beyond 6 % is 0."""
    label = direction(closes([10.0, 11.0, 11.0, 10.0, 10.5]), 1, 0.06)
    np.testing.assert_array_equal(column(label.values), [1.0, 0.0, -1.0, 0.0, NAN])
    assert label.classes == (-1.0, 0.0, 1.0)
    assert label.name == "direction(1, 0.06)"
    np.testing.assert_allclose(column(label.returns), [0.1, 0.0, -1 / 11, 0.05, NAN], atol=1e-15)


def test_a_scaled_return_is_in_deviations_known_at_the_bar():
    bars = Bars.simulate("gbm", n_bars=300, n_assets=3, seed=8)
    close = pd.DataFrame(bars.close)
    sigma = np.log(close).diff().rolling(15).std()  # pandas divides by n − 1
    expected = close.pct_change(4).shift(-4) / (sigma * 2.0)  # √4
    label = volatility_scaled(bars, 4, 15)
    np.testing.assert_allclose(label.values, expected, rtol=1e-7)
    assert (label.end[:15] == -1).all()
    assert (label.end[15:-4] == label.start[15:-4] + 4).all()


def test_without_volatility_there_is_no_scaled_return():
    assert not volatility_scaled(closes([5.0] * 30), 1, 5).exists.any()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda b: forward_return(b, 0), "forward_return: horizon is 0; a period is 1 or more bars"),
        (lambda b: forward_return(b, 2.0), r"horizon is 2\.0 \(float\)"),
        (lambda b: forward_return(b, entry="open"), "entry is 'open'; did you mean 'next_open'"),
        (lambda b: forward_return(b, log=1), r"log is 1 \(int\); it is True or False"),
        (lambda b: direction(b, 1, -0.1), r"direction: threshold is -0\.1; it is a finite number, 0 or more"),
        (lambda b: volatility_scaled(b, 1, 1), "volatility_scaled: volatility is 1; a period is 2 or more"),
    ],
)
def test_a_setting_out_of_range_is_named(make, says):
    with pytest.raises(SettingsError, match=says):
        make(closes([1.0, 2.0, 3.0]))
