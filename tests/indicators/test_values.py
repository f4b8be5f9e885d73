"""Values that can be worked out by hand, from a published table or in exact arithmetic, and numerical stress."""

import itertools
import math
import statistics
from fractions import Fraction

import numpy as np
import pytest

from backtester.indicators import (
    adx,
    aroon,
    atr,
    bollinger,
    cci,
    dema,
    donchian,
    ema,
    highest,
    hull,
    kama,
    log_returns,
    lowest,
    macd,
    mfi,
    momentum,
    obv,
    realised_volatility,
    returns,
    rma,
    roc,
    rolling_max,
    rolling_min,
    rolling_std,
    rolling_sum,
    rsi,
    sma,
    stochastic,
    tema,
    trix,
    true_range,
    williams_r,
    wma,
)

NAN = math.nan


def windows(x, n):
    """Return the windows of n values as lists, one for each value that has one."""
    return [x[i - n : i].tolist() for i in range(n, len(x) + 1)]


def weighted_mean(window):
    """Return the mean of a window whose last value weighs as much as it has values, and whose first weighs 1."""
    exact = sum(weight * Fraction(value) for weight, value in enumerate(window, start=1))
    return float(exact / sum(range(len(window) + 1)))


def mean_deviations(window):
    """Return how many mean deviations the last value is from the mean."""
    exact = [Fraction(value) for value in window]
    mean = sum(exact) / len(exact)
    return float((exact[-1] - mean) * len(exact) / sum(abs(value - mean) for value in exact))


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


def test_other_changes_by_hand():
    x = np.array([4.0, 5.0, 2.5, 0.0, 1.0])
    np.testing.assert_array_equal(roc(x, 2), [NAN, NAN, -0.375, -1.0, -0.6])
    np.testing.assert_array_equal(roc(x, 1), [NAN, 0.25, -0.5, -1.0, NAN])
    np.testing.assert_array_equal(momentum(x, 2), [NAN, NAN, -1.5, -5.0, -1.5])
    expected = [NAN, math.log(5.0 / 4.0), -math.log(2.0), NAN, NAN]
    np.testing.assert_allclose(log_returns(x), expected, rtol=1e-15)
    np.testing.assert_allclose(log_returns(x, 2), [NAN, NAN, math.log(0.625), NAN, math.log(0.4)], rtol=1e-15)


def test_weighted_averages_by_hand():
    # (1·1 + 2·2 + 3·3)/6, (1·2 + 2·3 + 3·7)/6, (1·3 + 2·7 + 3·2)/6
    x = np.array([1.0, 2.0, 3.0, 7.0, 2.0])
    np.testing.assert_allclose(wma(x, 3), [NAN, NAN, 14 / 6, 29 / 6, 23 / 6], rtol=1e-15)
    # n = 4: halves of 2 at the last two bars (3 + 2·5)/3 and (5 + 2·4)/3, wholes (1 + 4 + 9 + 20)/10 and
    # (2 + 6 + 15 + 16)/10; 2·13/3 − 3.4 and 2·13/3 − 3.9 weighted 1 and 2 are (26 − 11.2)/3
    np.testing.assert_allclose(hull(np.array([1.0, 2.0, 3.0, 5.0, 4.0]), 4), [*[NAN] * 4, 14.8 / 3], rtol=1e-15)
    # n = 3: a half of 1, a root of 1: 2·x − wma(x, 3)
    np.testing.assert_allclose(hull(x, 3), [NAN, NAN, 6 - 14 / 6, 14 - 29 / 6, 4 - 23 / 6], rtol=1e-14)


def test_stacked_averages_by_hand():
    # the weight is 2/3. e: (1 + 3)/2 = 2, 2 + (6 − 2)·2/3 = 14/3, 14/3 − 14/3·2/3 = 14/9
    # ee: (2 + 14/3)/2 = 10/3, 10/3 + (14/9 − 10/3)·2/3 = 58/27; eee: (10/3 + 58/27)/2 = 74/27
    x = np.array([1.0, 3.0, 6.0, 0.0])
    np.testing.assert_allclose(dema(x, 2), [NAN, NAN, 28 / 3 - 10 / 3, 28 / 9 - 58 / 27], rtol=1e-14)
    np.testing.assert_allclose(tema(x, 2), [NAN, NAN, NAN, (126 - 174 + 74) / 27], rtol=1e-14)
    # eee once more, with x = 3: e = 14/9 + (3 − 14/9)·2/3 = 68/27, ee = 58/27 + (68/27 − 58/27)·2/3 = 194/81,
    # eee = 74/27 + (194/81 − 74/27)·2/3 = 610/243, against 666/243 before
    expected = [NAN, NAN, NAN, NAN, (610 - 666) / 666]
    np.testing.assert_allclose(trix(np.array([1.0, 3.0, 6.0, 0.0, 3.0]), 2), expected, rtol=1e-13)


def test_the_adaptive_average_by_hand():
    # weights 1 and 1/2. It starts from 2. Straight up by 3 in two bars: weight 1, so 4.
    # Then a change of 1 on a way of 3: 1/2 + 1/2·1/3 = 2/3, and 4 + 4/9·(3 − 4)
    found = kama(np.array([1.0, 2.0, 4.0, 3.0]), 2, fast=1, slow=3)
    np.testing.assert_allclose(found, [NAN, NAN, 4.0, 32 / 9], rtol=1e-15)


def test_oscillators_by_hand():
    high, low, close = np.array([3.0, 5.0, 4.0]), np.array([1.0, 2.0, 2.0]), np.array([2.0, 4.0, 3.0])
    # extremes of two bars: 1 to 5 with a close of 4, then 2 to 5 with a close of 3
    fast, _ = stochastic(high, low, close, 2, smooth=1, signal=1)
    np.testing.assert_allclose(fast, [NAN, 75.0, 100 / 3], rtol=1e-15)
    k, d = stochastic(high, low, close, 2, smooth=1, signal=2)
    np.testing.assert_allclose([k[2], d[2]], [100 / 3, (75 + 100 / 3) / 2], rtol=1e-15)
    slow, _ = stochastic(high, low, close, 2, smooth=2, signal=1)
    np.testing.assert_allclose(slow, [NAN, NAN, (75 + 100 / 3) / 2], rtol=1e-15)
    np.testing.assert_allclose(williams_r(high, low, close, 2), [NAN, -25.0, -200 / 3], rtol=1e-15)
    # typical prices 1, 2, 6: mean 3, mean deviation (2 + 1 + 3)/3 = 2, so 3/(0.015·2)
    typical = np.array([1.0, 2.0, 6.0])
    np.testing.assert_allclose(cci(typical + 1, typical - 1, typical, 3), [NAN, NAN, 100.0], rtol=1e-14)


def test_directional_movement_by_hand():
    high, low, close = np.array([10.0, 12, 11, 13]), np.array([8.0, 9, 7, 8]), np.array([9.0, 11, 8, 12])
    # up 2, down 2, up 2; true ranges 3, 4, 5. Wilder's sums of n = 2:
    # up 2, 2/2 + 0 = 1, 1/2 + 2 = 2.5; down 0, 2, 2/2 = 1; range 3, 3/2 + 4 = 5.5, 5.5/2 + 5 = 7.75
    strength, plus, minus = adx(high, low, close, 2)
    np.testing.assert_allclose(plus, [NAN, NAN, 100 / 5.5, 250 / 7.75], rtol=1e-15)
    np.testing.assert_allclose(minus, [NAN, NAN, 200 / 5.5, 100 / 7.75], rtol=1e-15)
    # |1 − 2|/3 and |2.5 − 1|/3.5, averaged
    np.testing.assert_allclose(strength, [NAN, NAN, NAN, 50 * (1 / 3 + 1.5 / 3.5)], rtol=1e-15)


def test_aroon_by_hand_counts_the_last_of_equal_extremes():
    up, down, oscillator = aroon(np.array([1.0, 3.0, 3.0, 2.0]), np.array([5.0, 4.0, 6.0, 4.0]), 2)
    np.testing.assert_array_equal(up, [NAN, NAN, 100.0, 50.0])
    np.testing.assert_array_equal(down, [NAN, NAN, 50.0, 100.0])
    np.testing.assert_array_equal(oscillator, [NAN, NAN, 50.0, -50.0])


def test_volume_by_hand():
    found = obv(np.array([2.0, 3.0, 3.0, 1.0]), np.array([10.0, 20.0, 30.0, 40.0]))
    np.testing.assert_array_equal(found, [10.0, 30.0, 30.0, -10.0])
    # typical prices 1, 2, 1, 1: 2·10 in, 1·20 out, then nothing
    price = np.array([1.0, 2.0, 1.0, 1.0])
    np.testing.assert_array_equal(mfi(price, price, price, np.array([5.0, 10, 20, 7]), 2), [NAN, NAN, 50.0, 0.0])
    # a hundredth of a unit of money is money too
    np.testing.assert_array_equal(mfi(price, price, price, np.array([5.0, 10, 20, 7]) / 1e4, 2), [NAN, NAN, 50.0, 0.0])


def test_typical_prices_that_differ_by_rounding_are_equal():
    """Both bars of EUR/USD sum to 3.23688, but not in float64."""
    high, low, close = np.array([1.07931, 1.07945]), np.array([1.07845, 1.0787]), np.array([1.07912, 1.07873])
    assert np.diff((high + low + close) / 3)[0] != 0.0
    assert cci(high, low, close, 2)[1] == 0.0
    assert mfi(high, low, close, np.ones(2), 1)[1] == 0.0


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
    np.testing.assert_array_equal(true_range(high, low, close), [NAN, 3.0, 3.0, 6.0])
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


IDENTITIES = [sma, ema, rma, wma, dema, tema, rolling_sum, rolling_max, rolling_min, highest, lowest]


@pytest.mark.parametrize("function", IDENTITIES)
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
        (highest, max),
        (lowest, min),
        (wma, weighted_mean),
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


def test_a_large_mean_costs_the_channel_index_no_digits():
    x = 3e5 + np.random.default_rng(6).integers(0, 100, 300) * 2.0**-20  # exact, and so are sums of three
    exact = [mean_deviations(window) / 0.015 for window in windows(x, 20)]
    np.testing.assert_allclose(cci(x, x, x, 20)[19:], exact, rtol=1e-12, atol=1e-12)


def test_a_constant_window_has_no_channel_index():
    for level in (0.1, 1e6 + 0.1, 1e-9, 123.456):
        x = np.concatenate([[5.0, 2.0, 17.0], np.full(20, level)])
        assert (cci(x, x, x, 10)[12:] == 0.0).all()


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
    np.testing.assert_array_equal(wma(x, 3)[10:], np.ones(30))
    np.testing.assert_array_equal(hull(x, 4)[12:], np.ones(28))
    np.testing.assert_array_equal(stochastic(x + 1, x - 1, x, 3)[1][14:], np.full(26, 50.0))
    np.testing.assert_array_equal(mfi(x, x, x, x, 3)[11:], np.zeros(29))
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
