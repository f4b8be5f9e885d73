"""Parkinson, Garman-Klass and Yang-Zhang: their formulas window by window, and what they estimate."""

import math
import statistics

import numpy as np
import pytest
from windows import of_each_window, walk

from backtester.errors import SettingsError
from backtester.indicators import garman_klass, parkinson, realised_volatility, yang_zhang

NAN = math.nan
ALL = (parkinson, garman_klass, yang_zhang)


def call(function, bars, *settings):
    opens, high, low, close = bars[:4]
    return function(high, low, *settings) if function is parkinson else function(opens, high, low, close, *settings)


def test_parkinson_by_hand():
    # ln(high/low) = 1 and 2: √((1 + 4)/(4·2·ln 2))
    found = parkinson(np.array([math.e, math.e**2]), np.ones(2), 2)
    np.testing.assert_allclose(found, [NAN, math.sqrt(5.0 / (8.0 * math.log(2.0)))], rtol=1e-15)


def test_garman_klass_by_hand():
    # ln(high/low) = 2, ln(close/open) = 1: ½·4 − (2 ln 2 − 1)·1 = 3 − 2 ln 2
    found = garman_klass(np.ones(1), np.array([math.e]), np.array([1 / math.e]), np.array([math.e]), 1)
    np.testing.assert_allclose(found, [math.sqrt(3.0 - 2.0 * math.log(2.0))], rtol=1e-15)


def test_yang_zhang_by_hand():
    # ln(open/close before) = 1, 3: variance 2. ln(close/open) = 0, 2: variance 2.
    # ln(high/open) = 1, 2 and ln(low/open) = −1, 0: 1·(1 − 0) + (−1)(−1 − 0) = 2; 2·(2 − 2) + 0 = 0; mean 1
    # k = 0.34/(1.34 + 3/1)
    opens = np.exp([0.0, 1.0, 4.0])
    close = np.exp([0.0, 1.0, 6.0])
    high, low = np.exp([0.0, 2.0, 6.0]), np.exp([0.0, 0.0, 4.0])
    k = 0.34 / 4.34
    found = yang_zhang(opens, high, low, close, 2)
    np.testing.assert_allclose(found, [NAN, NAN, math.sqrt(2.0 + k * 2.0 + (1.0 - k) * 1.0)], rtol=1e-13)


@pytest.mark.parametrize("n", [2, 5, 20, 64])
def test_each_is_its_formula_on_every_window(n):
    opens, high, low, close, _ = bars = walk(3 * n + 7, seed=n)
    span, move = np.log(high / low), np.log(close / opens)
    expected = of_each_window(lambda w: math.sqrt(math.fsum(w * w) / (4 * n * math.log(2))), n, span)
    np.testing.assert_allclose(call(parkinson, bars, n), expected, rtol=1e-12)
    terms = 0.5 * span**2 - (2 * math.log(2) - 1) * move**2
    expected = of_each_window(lambda w: math.sqrt(math.fsum(w) / n), n, terms)
    np.testing.assert_allclose(call(garman_klass, bars, n), expected, rtol=1e-12)
    gap = np.log(opens[1:] / close[:-1])
    rogers = np.log(high / close) * np.log(high / opens) + np.log(low / close) * np.log(low / opens)
    k = 0.34 / (1.34 + (n + 1) / (n - 1))

    def whole(gaps, moves, spans):
        variance = statistics.variance(gaps.tolist()) + k * statistics.variance(moves.tolist())
        return math.sqrt(variance + (1 - k) * statistics.fmean(spans.tolist()))

    expected = of_each_window(whole, n, gap, move[1:], rogers[1:])
    np.testing.assert_allclose(call(yang_zhang, bars, n), [NAN, *expected], rtol=1e-12)


@pytest.mark.parametrize("function", ALL)
def test_a_year_has_so_many_bars(function):
    bars = walk(50, seed=3)
    per_bar = call(function, bars, 10)
    np.testing.assert_allclose(call(function, bars, 10, 252), per_bar * math.sqrt(252.0), rtol=1e-14)
    for periods in (0, -252, NAN, math.inf, "252"):
        with pytest.raises(SettingsError, match=f"^{function.__name__}: periods_per_year is "):
            call(function, bars, 10, periods)


def test_all_estimate_the_volatility_of_a_diffusion():
    """Bars of 400 steps of 0.001: the volatility of a bar is √400 · 0.001 = 0.02."""
    rng = np.random.default_rng(4)
    path = np.cumsum(rng.normal(0.0, 0.001, (3000, 400)).ravel()).reshape(3000, 400)
    opens = np.exp(np.concatenate([[0.0], path[:-1, -1]]))
    bars = opens, np.maximum(opens, np.exp(path.max(axis=1))), np.minimum(opens, np.exp(path.min(axis=1)))
    bars = (*bars, np.exp(path[:, -1]))
    for function in ALL:
        # the range of discrete steps is less than that of the path: √(400)-step bars miss some five percent
        assert 0.018 < call(function, bars, 3000 - 1)[-1] < 0.0205, function.__name__
    assert 0.019 < realised_volatility(bars[3], 2999)[-1] < 0.021
    # a range says more than a close: windows of 20 bars scatter less
    scatter = {f: np.std(call(f, bars, 20)[30::20]) / np.mean(call(f, bars, 20)[30::20]) for f in ALL}
    closes = realised_volatility(bars[3], 20)[30::20]
    assert max(scatter.values()) < 0.75 * np.std(closes) / np.mean(closes)


def test_a_price_of_zero_has_no_logarithm():
    opens, high, low, close, _ = walk(12, seed=5)
    low = low.copy()
    low[5] = 0.0
    bars = opens, high, low, close
    without = [np.delete(x, 5) for x in bars]
    for function in (parkinson, garman_klass):
        found = call(function, bars, 3)
        assert np.isnan(found[5])
        np.testing.assert_array_equal(np.delete(found, 5), call(function, without, 3))
    close = close.copy()
    close[5] = low[5]
    found = yang_zhang(opens, high, low, close, 3)
    assert np.isnan(found[[0, 1, 2, 5, 6]]).all()
    assert np.isfinite(np.delete(found, [0, 1, 2, 5, 6])).all()


def test_bars_that_contradict_themselves_give_no_volatility():
    assert np.isnan(garman_klass(np.array([1.0]), np.array([2.0]), np.array([2.0]), np.array([9.0]), 1)).all()
