"""Values that can be worked out by hand, from a published table or in exact arithmetic, and numerical stress."""

import itertools
import math
import statistics

import numpy as np
import pytest

from backtester.indicators import (
    atr,
    bollinger,
    donchian,
    ema,
    macd,
    realised_volatility,
    returns,
    rma,
    rolling_max,
    rolling_min,
    rolling_std,
    rolling_sum,
    rsi,
    sma,
)

NAN = math.nan


def windows(x, n):
    """Return the windows of n values as lists, one for each value that has one."""
    return [x[i - n : i].tolist() for i in range(n, len(x) + 1)]


def test_moving_averages_by_hand():
    x = np.array([1.0, 2.0, 3.0, 7.0, 2.0])
    np.testing.assert_array_equal(sma(x, 3), [NAN, NAN, 2.0, 4.0, 4.0])
    np.testing.assert_array_equal(rolling_sum(x, 2), [NAN, 3.0, 5.0, 10.0, 9.0])
    # weight 2/(3 + 1) = 1/2: 2, then 2 + (7 - 2)/2 = 4.5, then 4.5 + (2 - 4.5)/2 = 3.25
    np.testing.assert_array_equal(ema(x, 3), [NAN, NAN, 2.0, 4.5, 3.25])
    # (1 + 2)/2 = 1.5, (1.5 + 3)/2 = 2.25, (2.25 + 7)/2 = 4.625, (4.625 + 2)/2 = 3.3125
    np.testing.assert_array_equal(rma(x, 2), [NAN, 1.5, 2.25, 4.625, 3.3125])


def test_returns_by_hand():
    np.testing.assert_array_equal(returns(np.array([4.0, 5.0, 2.5])), [NAN, 0.25, -0.5])
    np.testing.assert_array_equal(returns(np.array([4.0, 5.0, 1.0]), 2), [NAN, NAN, -0.75])
    np.testing.assert_array_equal(returns(np.array([0.0, 5.0, 10.0])), [NAN, NAN, 1.0])


def test_channels_and_bands_by_hand():
    high, low = np.array([3.0, 5.0, 4.0, 4.5]), np.array([1.0, 2.0, 2.5, 3.0])
    upper, middle, lower = donchian(high, low, 2)
    np.testing.assert_array_equal(upper, [NAN, 5.0, 5.0, 4.5])
    np.testing.assert_array_equal(lower, [NAN, 1.0, 2.0, 2.5])
    np.testing.assert_array_equal(middle, [NAN, 3.0, 3.5, 3.5])
    # mean 3, population deviation of (1, 5) is 2
    np.testing.assert_array_equal(np.stack(bollinger(np.array([1.0, 5.0]), 2, 1.5))[:, 1], [6.0, 3.0, 0.0])


def test_average_true_range_by_hand():
    # true ranges: max(12, 9) - min(10, 9) = 3, max(11, 11) - min(8, 11) = 3, max(15, 9) - min(14, 9) = 6
    high, low, close = np.array([10.0, 12.0, 11.0, 15.0]), np.array([8.0, 10.0, 8.0, 14.0]), np.array([9.0, 11, 9, 14])
    np.testing.assert_array_equal(atr(high, low, close, 1), [NAN, 3.0, 3.0, 6.0])
    np.testing.assert_array_equal(atr(high, low, close, 2), [NAN, NAN, 3.0, 4.5])


def test_rsi_of_the_published_example():
    """ChartSchool (StockCharts.com), "Relative Strength Index (RSI)", calculation table: 14 days of QQQQ."""
    closes = """44.3389 44.0902 44.1497 43.6124 44.3278 44.8264 45.0955 45.4245 45.8433 46.0826 45.8931 46.0328 45.6140
    46.2820 46.2820 46.0028 46.0328 46.4116 46.2222 45.6439"""
    found = rsi(np.array(closes.split(), float), 14)
    assert np.isnan(found[:14]).all()
    np.testing.assert_allclose(found[14:], [70.53, 66.32, 66.55, 69.41, 66.36, 57.97], atol=0.005)


def test_realised_volatility_is_the_sample_deviation_of_log_returns():
    close = 30.0 * np.exp(np.cumsum(np.random.default_rng(0).normal(0.0, 0.02, 60)))
    logs = np.array([math.log(after / before) for before, after in itertools.pairwise(close)])
    expected = [statistics.stdev(window) for window in windows(logs, 10)]
    found = realised_volatility(close, 10)
    assert np.isnan(found[:10]).all()
    np.testing.assert_allclose(found[10:], expected, rtol=1e-12)
    annual = realised_volatility(close, 10, periods_per_year=252)
    np.testing.assert_allclose(annual[10:], np.array(expected) * math.sqrt(252), rtol=1e-12)


def test_a_price_without_a_log_return_is_left_out_of_volatility():
    close = np.array([1.0, 2.0, 1.0, 0.0, 1.0, 2.0, 1.0])
    # the bars after 0 and at 0 have no return; the others are +ln 2 and -ln 2 by turns, sd₁ of a pair is √2·ln 2
    expected = math.sqrt(2.0) * math.log(2.0)
    np.testing.assert_allclose(realised_volatility(close, 2), [NAN, NAN, expected, NAN, NAN, expected, expected])


@pytest.mark.parametrize("function", [sma, ema, rma, rolling_sum, rolling_max, rolling_min])
def test_a_window_of_one_bar_is_that_bar(function):
    x = np.random.default_rng(1).normal(0.0, 1e3, 50)
    np.testing.assert_array_equal(function(x, 1), x)


def test_other_windows_of_one_bar():
    x = np.array([1.0, 2.0, 1.5, 1.5])
    np.testing.assert_array_equal(rolling_std(x, 1), np.zeros(4))
    np.testing.assert_array_equal(rsi(x, 1), [NAN, 100.0, 0.0, 0.0])
    np.testing.assert_array_equal(np.stack(macd(x, 1, 1, 1)), np.zeros((3, 4)))


@pytest.mark.parametrize("n", [2, 3, 4, 7, 20, 64])
def test_rolling_functions_equal_exact_arithmetic_on_every_window(n):
    x = np.random.default_rng(n).normal(10.0, 3.0, 3 * n + 5)
    for function, exact in (
        (rolling_sum, math.fsum),
        (sma, statistics.mean),
        (rolling_std, statistics.pstdev),
        (rolling_max, max),
        (rolling_min, min),
    ):
        found = function(x, n)
        assert np.isnan(found[: n - 1]).all()
        np.testing.assert_allclose(found[n - 1 :], [exact(window) for window in windows(x, n)], rtol=1e-13)
    sample = [statistics.stdev(window) for window in windows(x, n)]
    np.testing.assert_allclose(rolling_std(x, n, ddof=1)[n - 1 :], sample, rtol=1e-13)


def test_a_large_mean_costs_the_deviation_no_digits():
    x = 1e6 + np.random.default_rng(2).normal(0.0, 1e-3, 400)
    exact = [statistics.pstdev(window) for window in windows(x, 20)]
    np.testing.assert_allclose(rolling_std(x, 20)[19:], exact, rtol=1e-12)


def test_a_constant_window_has_no_deviation_at_all():
    for level in (0.1, 1e6 + 0.1, 1e-9, -3.3):
        x = np.concatenate([[5e9, -2.0, 17.0], np.full(50, level), [1e12], np.full(30, level)])
        found = rolling_std(x, 10)
        constant = [i for i in range(9, len(x)) if np.ptp(x[i - 9 : i + 1]) == 0.0]
        assert len(constant) == 41 + 21
        assert (found[constant] == 0.0).all()
        assert (np.delete(found, constant)[9:] > 0.0).all()


def test_deviation_is_never_negative_or_nan_on_nearly_constant_prices():
    x = 12345.678 + np.random.default_rng(3).integers(0, 2, 5000) * 1e-11
    for n in (2, 5, 31):
        assert (rolling_std(x, n)[n - 1 :] >= 0.0).all()


def test_a_spike_leaves_no_trace_once_it_is_out_of_the_window():
    x = np.ones(40)
    x[7] = 1e17
    np.testing.assert_array_equal(rolling_sum(x, 3)[10:], np.full(30, 3.0))
    np.testing.assert_array_equal(sma(x, 3)[10:], np.ones(30))
    np.testing.assert_array_equal(rolling_std(x, 3)[10:], np.zeros(30))
    x[7] = np.inf
    np.testing.assert_array_equal(sma(x, 3)[10:], np.ones(30))
    np.testing.assert_array_equal(sma(np.stack([x, -x], axis=1), 3)[10:, 1], -np.ones(30))


def test_sums_do_not_drift():
    x = 1e5 * np.exp(np.cumsum(np.random.default_rng(4).normal(0.0, 1e-4, 200_000)))
    exact = [math.fsum(x[i - 29 : i + 1]) / 30 for i in range(len(x) - 500, len(x))]
    np.testing.assert_allclose(sma(x, 30)[-500:], exact, rtol=2e-15)


def test_rsi_keeps_to_its_range():
    x = 1e-7 * np.exp(np.cumsum(np.random.default_rng(5).normal(0.0, 0.3, 2000)))
    found = rsi(x, 2)[2:]
    assert ((found >= 0.0) & (found <= 100.0)).all()
    np.testing.assert_allclose(rsi(x * 2.0**40, 2)[2:], found, rtol=1e-12)
