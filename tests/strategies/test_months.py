"""Months: the closes at the ends, and returns between them."""

import numpy as np

from backtester import Bars
from strategies._months import momentum, month_closes, month_numbers

NAN = np.nan
DAYS = np.array(["2020-01-30", "2020-01-31", "2020-02-03", "2020-02-28", "2020-04-01", "2020-04-30", "2020-05-04"])


def bars_of(*closes):
    close = np.column_stack(closes).astype(float)
    times = (DAYS.astype("M8[D]").astype("M8[ns]").astype(np.int64)) + 21 * 3_600 * 10**9
    return Bars.from_arrays(times, close, close, close, close, symbols=["A", "B"])


WHOLE, HOLED = [10, 11, 12, 13, 14, 15, 16], [20, NAN, NAN, 24, 25, NAN, 30]


def test_a_month_has_the_last_close_of_each_asset_and_march_has_none():
    bars = bars_of(WHOLE, HOLED)
    assert month_numbers(bars).tolist() == [0, 0, 1, 1, 3, 3, 4]
    np.testing.assert_array_equal(month_closes(bars), [[11, 20], [13, 24], [NAN, NAN], [15, 25], [16, 30]])


def test_returns_are_between_ends_of_months_that_are_over():
    over_one = momentum(bars_of(WHOLE, HOLED), 1, 0)
    # in January nothing is over, in February no month before January, in April no March, in May no March either
    assert np.isnan(over_one).all()
    over_three = momentum(bars_of(WHOLE, HOLED), 3, 0)
    np.testing.assert_array_equal(over_three[6], [15 / 11 - 1, 25 / 20 - 1])  # May: January's end to April's
    assert np.isnan(over_three[:6]).all()
    np.testing.assert_array_equal(momentum(bars_of(WHOLE, HOLED), 3, 2)[6], [13 / 11 - 1, 24 / 20 - 1])


def test_an_asset_without_a_bar_in_the_month_before_has_no_return():
    gone = [20, 21, 22, 24, NAN, NAN, NAN]
    found = momentum(bars_of(WHOLE, gone), 3, 2)[6]  # both ends are there, but April is not
    np.testing.assert_array_equal(found, [13 / 11 - 1, NAN])
    # of February to March nothing is known in April, though of January to February it is
    assert np.isnan(momentum(bars_of(WHOLE, gone), 2, 1)[4]).all()
