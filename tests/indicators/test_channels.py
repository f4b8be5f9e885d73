"""Keltner's channel and the supertrend: by hand, beside TA-Lib's parts, and against slow Python."""

import math

import numpy as np
import pytest
import talib
from windows import walk

from backtester.bars import Bars
from backtester.errors import SettingsError
from backtester.indicators import drawdown, keltner, supertrend

NAN = math.nan


def test_keltner_by_hand():
    high, low, close = np.array([10.0, 12.0, 11.0, 15.0]), np.array([8.0, 10.0, 8.0, 14.0]), np.array([9.0, 11, 9, 14])
    # true ranges 3, 3 and 6 (see test_values); their average over two 3, then (3 + 6)/2 = 4.5
    # the average of two closes is 10, then 10 + (9 − 10)·2/3 = 28/3, then 28/3 + (14 − 28/3)·2/3 = 112/9
    upper, middle, lower = keltner(high, low, close, 2, 0.5, 2)
    np.testing.assert_allclose(middle, [NAN, NAN, 28 / 3, 112 / 9], rtol=1e-15)
    np.testing.assert_allclose(upper, [NAN, NAN, 28 / 3 + 1.5, 112 / 9 + 2.25], rtol=1e-15)
    np.testing.assert_allclose(lower, [NAN, NAN, 28 / 3 - 1.5, 112 / 9 - 2.25], rtol=1e-15)


@pytest.mark.parametrize(("n", "k", "n_atr"), [(20, 2.0, 10), (3, 1.5, 30), (11, 0.0, 10), (1, 1.0, 1)])
def test_keltner_is_made_of_talibs_averages(n, k, n_atr):
    _, high, low, close, _ = walk(200, seed=n)
    middle = talib.EMA(close, n) if n > 1 else close.copy()
    middle[:n_atr] = NAN
    width = k * talib.ATR(high, low, close, n_atr)
    expected = (middle + width, middle, middle - width)
    np.testing.assert_allclose(keltner(high, low, close, n, k, n_atr), expected, rtol=1e-11)


def slow_supertrend(high, low, close, n, k):
    """Return value and direction, from the definition, bar by bar, with TA-Lib's average true range."""
    atr = talib.ATR(high, low, close, n)
    value, direction = [], []
    final_upper = final_lower = None
    trend = "down"
    for t in range(len(close)):
        if math.isnan(atr[t]):
            value.append(NAN)
            direction.append(NAN)
            continue
        middle = (high[t] + low[t]) / 2
        basic_upper, basic_lower = middle + k * atr[t], middle - k * atr[t]
        if final_upper is None:
            final_upper, final_lower = basic_upper, basic_lower
        else:
            if basic_upper < final_upper or close[t - 1] > final_upper:
                final_upper = basic_upper
            if basic_lower > final_lower or close[t - 1] < final_lower:
                final_lower = basic_lower
            if trend == "down" and close[t] > final_upper:
                trend = "up"
            elif trend == "up" and close[t] < final_lower:
                trend = "down"
        value.append(final_upper if trend == "down" else final_lower)
        direction.append(-1.0 if trend == "down" else 1.0)
    return np.array(value), np.array(direction)


@pytest.mark.parametrize(("n", "k"), [(10, 3.0), (2, 1.0), (5, 0.5), (30, 4.0), (7, 0.0)])
def test_supertrend_is_its_definition(n, k):
    sides = set()
    for seed in range(8):
        _, high, low, close, _ = walk(400, seed=seed)
        value, direction = supertrend(high, low, close, n, k)
        slow_value, slow_direction = slow_supertrend(high, low, close, n, k)
        np.testing.assert_allclose(value, slow_value, rtol=1e-11)
        np.testing.assert_array_equal(direction, slow_direction)
        sides.update(direction[n:].tolist())
    assert sides == {1.0, -1.0}


def test_supertrend_is_its_definition_on_real_data():
    bars = Bars.sample("sp500")
    high, low, close = (np.ascontiguousarray(x[:, 0]) for x in (bars.high, bars.low, bars.close))
    value, direction = supertrend(high, low, close)
    slow_value, slow_direction = slow_supertrend(high, low, close, 10, 3.0)
    np.testing.assert_allclose(value, slow_value, rtol=1e-10)
    np.testing.assert_array_equal(direction, slow_direction)
    assert 20 < np.count_nonzero(np.diff(direction[10:])) < len(close) / 10


def test_supertrend_turns_by_hand():
    # bars one wide around the close; atr of one bar is the true range itself; k = 1
    close = np.array([10.0, 10.0, 14.0, 14.0, 12.0])
    high, low = close + 0.5, close - 0.5
    # true ranges: 1, then max(14.5, 10) − min(13.5, 10) = 4.5, then 1, then max(12.5, 14) − min(11.5, 14) = 2.5
    # t = 1: bands 11, 9: down, value 11. t = 2: basic 18.5 and 9.5; upper stays 11, lower rises to 9.5; 14 > 11: up.
    # t = 3: the close before was above 11: upper 15; lower rises to 13; 14 ≥ 13: up, 13.
    # t = 4: basic 14.5 and 9.5; upper 14.5; lower stays 13; 12 < 13: down, value 14.5.
    value, direction = supertrend(high, low, close, 1, 1.0)
    np.testing.assert_array_equal(value, [NAN, 11.0, 9.5, 13.0, 14.5])
    np.testing.assert_array_equal(direction, [NAN, -1.0, 1.0, 1.0, -1.0])


@pytest.mark.parametrize("function", [keltner, supertrend])
def test_a_width_is_a_number_of_ranges(function):
    for k in (-1.0, NAN, math.inf, "2", True):
        with pytest.raises(SettingsError, match=f"^{function.__name__}: k is "):
            function(np.ones(5), np.ones(5), np.ones(5), 2, k)


def test_drawdown_by_hand():
    x = np.array([100.0, 80.0, 120.0, 90.0, 30.0, 60.0])
    np.testing.assert_array_equal(drawdown(x), [0.0, 0.2, 0.0, 0.25, 0.75, 0.5])
    # peaks of two bars: 100, 120, 120, 90, 60
    np.testing.assert_allclose(drawdown(x, 2), [NAN, 0.2, 0.0, 0.25, 60 / 90, 0.0], rtol=1e-15)
    np.testing.assert_array_equal(drawdown(x, 10), np.full(6, NAN))


def test_drawdown_of_equity_that_goes_below_zero():
    np.testing.assert_array_equal(drawdown(np.array([-5.0, 0.0, 10.0, -5.0])), [NAN, NAN, 0.0, 1.5])
    np.testing.assert_array_equal(drawdown(np.array([10.0, -5.0, -10.0]), 2), [NAN, 1.5, NAN])


def test_drawdown_ends_where_the_metric_is():
    from backtester.metrics import max_drawdown

    close = walk(500, seed=4)[3]
    assert drawdown(close).max() == pytest.approx(max_drawdown(close[1:] / close[:-1] - 1.0), rel=1e-11)
    running = np.maximum.accumulate(close)
    np.testing.assert_allclose(drawdown(close), 1.0 - close / running, atol=1e-15)


@pytest.mark.parametrize("n", [0, -1, 2.0, "3", True])
def test_the_window_of_a_drawdown_is_a_period(n):
    with pytest.raises(SettingsError, match=r"^drawdown: n is "):
        drawdown(np.ones(5), n)
