"""Values equal TA-Lib's, initialisation included, on real data, random walks and the awkward cases."""

import numpy as np
import pytest
import talib

from backtester import indicators
from backtester.bars import Bars

# ours and TA-Lib's; which arrays they take; and the settings of each for a period n
PAIRS = {
    "sma": (indicators.sma, talib.SMA, "close", lambda n: (n,)),
    "ema": (indicators.ema, talib.EMA, "close", lambda n: (n,)),
    "rolling_sum": (indicators.rolling_sum, talib.SUM, "close", lambda n: (n,)),
    "rolling_max": (indicators.rolling_max, talib.MAX, "close", lambda n: (n,)),
    "rolling_min": (indicators.rolling_min, talib.MIN, "close", lambda n: (n,)),
    "rolling_std": (indicators.rolling_std, talib.STDDEV, "close", lambda n: (n,)),
    "returns": (indicators.returns, talib.ROCP, "close", lambda n: (n,)),
    "rsi": (indicators.rsi, talib.RSI, "close", lambda n: (n,)),
    "atr": (indicators.atr, talib.ATR, "high low close", lambda n: (n,)),
    "bollinger": (indicators.bollinger, lambda c, n: talib.BBANDS(c, n, 2.0, 2.0), "close", lambda n: (n,)),
    "donchian": (
        indicators.donchian,
        lambda high, low, n: (talib.MAX(high, n), talib.MIDPRICE(high, low, n), talib.MIN(low, n)),
        "high low",
        lambda n: (n,),
    ),
    "macd": (indicators.macd, talib.MACD, "close", lambda n: (n, 2 * n, n + 1)),
}
PERIODS = (2, 3, 10, 14, 30)
each_pair = pytest.mark.parametrize("name", PAIRS)


def walk(n_bars, seed, scale=100.0):
    """Return high, low and close of a random walk."""
    rng = np.random.default_rng(seed)
    close = scale * np.exp(np.cumsum(rng.normal(0.0, 0.01, n_bars)))
    return close * (1 + rng.uniform(0, 0.01, n_bars)), close * (1 - rng.uniform(0, 0.01, n_bars)), close


def both(name, prices, n, theirs_of=None):
    """Return our outputs and TA-Lib's, [n_outputs, n_bars], the latter of `theirs_of` where that is given."""
    ours, theirs, arrays, settings = PAIRS[name]

    def pick(bars):
        return [values for key, values in zip(("high", "low", "close"), bars, strict=True) if key in arrays]

    return (
        np.atleast_2d(ours(*pick(prices), *settings(n))),
        np.atleast_2d(theirs(*pick(theirs_of or prices), *settings(n))),
    )


def assert_equal(name, prices, n):
    """Compare to 1e-9 relative; differences of prices near zero to 1e-12 of the price."""
    ours, theirs = both(name, prices, n)
    dimensionless = name in ("rsi", "returns")
    scale = 1.0 if dimensionless or not len(prices[2]) else np.nanmax(np.abs(prices[2]))
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12 * scale, err_msg=f"{name}, {n}")


@each_pair
@pytest.mark.parametrize("sample", ["sp500", "nasdaq", "googl", "eurusd", "stocks"])
def test_real_data(name, sample):
    bars = Bars.sample(sample)
    for asset in range(bars.n_assets):
        there = ~np.isnan(bars.close[:, asset])
        prices = [np.ascontiguousarray(panel[there, asset]) for panel in (bars.high, bars.low, bars.close)]
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
        assert_equal(name, [np.full(60, price)] * 3, 7)


@each_pair
def test_prices_on_a_coarse_grid_with_flat_stretches(name):
    rng = np.random.default_rng(12)
    close = 100.0 + np.cumsum(rng.integers(-1, 2, 2000) * (rng.random(2000) < 0.1))
    assert_equal(name, (close + 1.0, close - 1.0, close), 9)


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
    high, low, close = walk(300, seed=9)
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
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("name", ["sma", "ema", "returns", "atr"])
def test_period_one_where_talib_has_it(name):
    assert_equal(name, walk(50, seed=10), 1)


def test_wilders_average_is_the_one_inside_atr_and_rsi():
    high, low, close = walk(300, seed=11)
    true_range = talib.TRANGE(high, low, close)
    np.testing.assert_allclose(indicators.rma(true_range, 14), talib.ATR(high, low, close, 14), rtol=1e-12)
    change = np.diff(close, prepend=np.nan)
    gain, loss = (indicators.rma(np.maximum(sign * change, 0.0), 14) for sign in (1.0, -1.0))
    np.testing.assert_allclose(100 * gain / (gain + loss), talib.RSI(close, 14), rtol=1e-12)
