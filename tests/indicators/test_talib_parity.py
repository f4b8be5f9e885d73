"""Values equal TA-Lib's, initialisation included, on real data, random walks and the awkward cases."""

import math

import numpy as np
import pytest
import talib

from backtester import indicators
from backtester.bars import Bars
from benchmarks import indicators as benchmark

KEYS = ("high", "low", "close", "volume")


def same_period(n):
    return (n,)


def midpoints(high, low, n):
    return talib.MAX(high, n), talib.MIDPRICE(high, low, n), talib.MIN(low, n)


def directional(high, low, close, n):
    return talib.ADX(high, low, close, n), talib.PLUS_DI(high, low, close, n), talib.MINUS_DI(high, low, close, n)


def aroon(high, low, n):
    down, up = talib.AROON(high, low, n)
    return up, down, talib.AROONOSC(high, low, n)


def stochastic(high, low, close, n, smooth, signal):
    return talib.STOCH(high, low, close, n, smooth, 0, signal, 0)


def hull(close, n):
    return talib.WMA(2.0 * talib.WMA(close, n // 2) - talib.WMA(close, n), math.isqrt(n))


# ours and TA-Lib's; which arrays they take; the settings of each for a period n; and what the absolute tolerance is:
# that of prices grows with them, an index goes to 100 and is compared to 1e-8, a fraction to 1e-12
PAIRS = {
    "sma": (indicators.sma, talib.SMA, "close", same_period, "price"),
    "ema": (indicators.ema, talib.EMA, "close", same_period, "price"),
    "wma": (indicators.wma, talib.WMA, "close", same_period, "price"),
    "dema": (indicators.dema, talib.DEMA, "close", same_period, "price"),
    "tema": (indicators.tema, talib.TEMA, "close", same_period, "price"),
    "kama": (indicators.kama, talib.KAMA, "close", same_period, "price"),
    "hull": (indicators.hull, hull, "close", same_period, "price"),
    "rolling_sum": (indicators.rolling_sum, talib.SUM, "close", same_period, "price"),
    "rolling_max": (indicators.rolling_max, talib.MAX, "close", same_period, "price"),
    "rolling_min": (indicators.rolling_min, talib.MIN, "close", same_period, "price"),
    "highest": (indicators.highest, talib.MAX, "close", same_period, "price"),
    "lowest": (indicators.lowest, talib.MIN, "close", same_period, "price"),
    "rolling_std": (indicators.rolling_std, talib.STDDEV, "close", same_period, "price"),
    "returns": (indicators.returns, talib.ROCP, "close", same_period, "fraction"),
    "roc": (indicators.roc, lambda c, n: talib.ROC(c, n) / 100.0, "close", same_period, "fraction"),
    "momentum": (indicators.momentum, talib.MOM, "close", same_period, "price"),
    "trix": (indicators.trix, lambda c, n: talib.TRIX(c, n) / 100.0, "close", same_period, "fraction"),
    "rsi": (indicators.rsi, talib.RSI, "close", same_period, "fraction"),
    "true_range": (indicators.true_range, talib.TRANGE, "high low close", lambda n: (), "price"),
    "atr": (indicators.atr, talib.ATR, "high low close", same_period, "price"),
    "adx": (indicators.adx, directional, "high low close", same_period, "index"),
    "aroon": (indicators.aroon, aroon, "high low", same_period, "index"),
    "cci": (indicators.cci, talib.CCI, "high low close", same_period, "index"),
    "stochastic": (indicators.stochastic, stochastic, "high low close", lambda n: (n, 3, n + 1), "index"),
    "stochastic, fast": (indicators.stochastic, talib.STOCHF, "high low close", lambda n: (n, 4), "index"),
    "williams_r": (indicators.williams_r, talib.WILLR, "high low close", same_period, "index"),
    "obv": (indicators.obv, talib.OBV, "close volume", lambda n: (), "fraction"),
    "mfi": (indicators.mfi, talib.MFI, "high low close volume", same_period, "index"),
    "bollinger": (indicators.bollinger, lambda c, n: talib.BBANDS(c, n, 2.0, 2.0), "close", same_period, "price"),
    "donchian": (indicators.donchian, midpoints, "high low", same_period, "price"),
    "macd": (indicators.macd, talib.MACD, "close", lambda n: (n, 2 * n, n + 1), "price"),
}
PERIODS = (2, 3, 10, 14, 30)
each_pair = pytest.mark.parametrize("name", PAIRS)


def walk(n_bars, seed, scale=100.0):
    """Return high, low, close and volume of a random walk."""
    rng = np.random.default_rng(seed)
    close = scale * np.exp(np.cumsum(rng.normal(0.0, 0.01, n_bars)))
    high, low = close * (1 + rng.uniform(0, 0.01, n_bars)), close * (1 - rng.uniform(0, 0.01, n_bars))
    return high, low, close, rng.integers(10_000, 1_000_000, n_bars).astype(float)


def both(name, prices, n, theirs_of=None):
    """Return our outputs and TA-Lib's, [n_outputs, n_bars], the latter of `theirs_of` where that is given."""
    ours, theirs, arrays, settings, _ = PAIRS[name]

    def pick(bars):
        return [values for key, values in zip(KEYS, bars, strict=True) if key in arrays]

    def ours_of(*arguments):
        if name == "stochastic, fast":
            *panels, n, signal = arguments
            return ours(*panels, n, smooth=1, signal=signal)
        return ours(*arguments)

    return (
        np.atleast_2d(ours_of(*pick(prices), *settings(n))),
        np.atleast_2d(theirs(*pick(theirs_of or prices), *settings(n))),
    )


def assert_equal(name, prices, n):
    """Compare to 1e-9 relative, and absolutely as the table above says."""
    ours, theirs = both(name, prices, n)
    scale = np.nanmax(np.abs(prices[2])) if len(prices[2]) else 1.0
    absolute = {"price": 1e-12 * scale, "fraction": 1e-12, "index": 1e-8}[PAIRS[name][-1]]
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=absolute, err_msg=f"{name}, {n}")


@each_pair
@pytest.mark.parametrize("sample", ["sp500", "nasdaq", "googl", "eurusd", "stocks"])
def test_real_data(name, sample):
    bars = Bars.sample(sample)
    for asset in range(bars.n_assets):
        there = ~np.isnan(bars.close[:, asset])
        panels = (bars.high, bars.low, bars.close, bars.volume)
        prices = [np.ascontiguousarray(panel[there, asset]) for panel in panels]
        for n in PERIODS:
            assert_equal(name, prices, n)


@each_pair
@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e5])
def test_random_walks(name, scale):
    for n in (*PERIODS, 200):
        assert_equal(name, walk(3000, seed=n, scale=scale), n)


@each_pair
def test_every_length_around_the_warm_up(name):
    for n_bars in range(20):
        assert_equal(name, walk(n_bars, seed=n_bars), 5)


@each_pair
def test_constant_prices(name):
    for price in (1.0, 0.1, 123.456, 1e6 + 0.1):
        assert_equal(name, [np.full(60, price)] * 4, 7)


@each_pair
def test_prices_on_a_coarse_grid_with_flat_stretches(name):
    rng = np.random.default_rng(12)
    close = 100.0 + np.cumsum(rng.integers(-1, 2, 2000) * (rng.random(2000) < 0.1))
    assert_equal(name, (close + 1.0, close - 1.0, close, 50.0 + close), 9)


@each_pair
def test_leading_nan_is_skipped(name):
    prices = [np.concatenate([np.full(13, np.nan), values]) for values in walk(300, seed=5)]
    assert_equal(name, prices, 6)


@each_pair
def test_values_around_gaps_are_those_of_the_bars_that_are_there(name):
    gap = np.random.default_rng(6).random(400) < 0.2
    dense = walk(int((~gap).sum()), seed=7)
    prices = [np.full(400, np.nan) for _ in dense]
    for target, values in zip(prices, dense, strict=True):
        target[~gap] = values
    ours, theirs = both(name, prices, 6, theirs_of=dense)
    assert np.isnan(ours[:, gap]).all()
    np.testing.assert_allclose(ours[:, ~gap], theirs, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("settings", [(12, 26, 9), (3, 5, 1), (5, 5, 5), (2, 200, 30)])
def test_macd_settings(settings):
    close = walk(600, seed=8)[2]
    np.testing.assert_allclose(indicators.macd(close, *settings), talib.MACD(close, *settings), rtol=1e-9, atol=1e-10)


def test_defaults_are_talibs():
    high, low, close, volume = walk(300, seed=9)
    for ours, theirs in (
        (indicators.sma(close), talib.SMA(close)),
        (indicators.ema(close), talib.EMA(close)),
        (indicators.rolling_sum(close), talib.SUM(close)),
        (indicators.rolling_max(close), talib.MAX(close)),
        (indicators.rolling_min(close), talib.MIN(close)),
        (indicators.rolling_std(close), talib.STDDEV(close)),
        (indicators.rsi(close), talib.RSI(close)),
        (indicators.atr(high, low, close), talib.ATR(high, low, close)),
        (indicators.macd(close), talib.MACD(close)),
        (indicators.bollinger(close), talib.BBANDS(close)),
        (indicators.wma(close), talib.WMA(close)),
        (indicators.dema(close), talib.DEMA(close)),
        (indicators.tema(close), talib.TEMA(close)),
        (indicators.kama(close), talib.KAMA(close)),
        (indicators.trix(close), talib.TRIX(close) / 100.0),
        (indicators.roc(close), talib.ROCP(close)),
        (indicators.momentum(close), talib.MOM(close)),
        (indicators.highest(close), talib.MAX(close)),
        (indicators.lowest(close), talib.MIN(close)),
        (indicators.adx(high, low, close), directional(high, low, close, -(2**31))),
        (indicators.aroon(high, low), aroon(high, low, -(2**31))),
        (indicators.cci(high, low, close), talib.CCI(high, low, close)),
        (indicators.stochastic(high, low, close), talib.STOCH(high, low, close)),
        (indicators.stochastic(high, low, close, smooth=1), talib.STOCHF(high, low, close)),
        (indicators.williams_r(high, low, close), talib.WILLR(high, low, close)),
        (indicators.mfi(high, low, close, volume), talib.MFI(high, low, close, volume)),
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("name", ["sma", "ema", "wma", "returns", "roc", "momentum", "trix", "atr"])
def test_period_one_where_talib_has_it(name):
    assert_equal(name, walk(50, seed=10), 1)


def test_wilders_average_is_the_one_inside_atr_and_rsi():
    high, low, close, _ = walk(300, seed=11)
    true_range = talib.TRANGE(high, low, close)
    np.testing.assert_allclose(indicators.rma(true_range, 14), talib.ATR(high, low, close, 14), rtol=1e-12)
    change = np.diff(close, prepend=np.nan)
    gain, loss = (indicators.rma(np.maximum(sign * change, 0.0), 14) for sign in (1.0, -1.0))
    np.testing.assert_allclose(100 * gain / (gain + loss), talib.RSI(close, 14), rtol=1e-12)


def test_every_indicator_that_talib_has_is_compared_here_and_timed_in_the_benchmark():
    equal = {name for name in indicators.__all__ if "Equals TA-Lib's" in (getattr(indicators, name).__doc__ or "")}
    assert len(equal) > 25
    elsewhere = {"rolling_correlation"}  # in test_statistics: TA-Lib gives 0 where a window is constant
    assert equal <= {name.partition(",")[0] for name in PAIRS} | elsewhere
    assert equal <= {name.partition(",")[0] for name in benchmark.PAIRS}
