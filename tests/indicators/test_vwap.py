"""Volume-weighted prices: by hand, beside pandas, and on intraday bars with sessions."""

import math

import numpy as np
import pandas as pd
import pytest
from windows import walk

from backtester.bars import Bars
from backtester.errors import DataError
from backtester.indicators import rolling_vwap, session_vwap

NAN = math.nan
# typical prices 2, 4, 6 and 10
HIGH, LOW, CLOSE = np.array([3.0, 5.0, 7.0, 12.0]), np.array([1.0, 3.0, 5.0, 8.0]), np.array([2.0, 4.0, 6.0, 10.0])
VOLUME = np.array([1.0, 3.0, 1.0, 1.0])


def test_rolling_by_hand():
    # (2·1 + 4·3)/4 = 3.5, (4·3 + 6·1)/4 = 4.5, (6 + 10)/2 = 8
    np.testing.assert_array_equal(rolling_vwap(HIGH, LOW, CLOSE, VOLUME, 2), [NAN, 3.5, 4.5, 8.0])


def test_session_by_hand():
    # first session: 2, then 3.5; second: 6, then 8
    found = session_vwap(HIGH, LOW, CLOSE, VOLUME, [19_000, 19_000, 19_003, 19_003])
    np.testing.assert_array_equal(found, [2.0, 3.5, 6.0, 8.0])


def test_nothing_traded_is_no_price():
    np.testing.assert_array_equal(rolling_vwap(HIGH, LOW, CLOSE, [0.0, 0.0, 5.0, 0.0], 2), [NAN, NAN, 6.0, 6.0])
    found = session_vwap(HIGH, LOW, CLOSE, [0.0, 2.0, 0.0, 1.0], [1, 1, 2, 2])
    np.testing.assert_array_equal(found, [NAN, 4.0, NAN, 10.0])


def test_a_session_whose_first_bar_is_missing_starts_with_the_next():
    close = np.array([[2.0, 2.0], [4.0, 4.0], [6.0, NAN], [10.0, 10.0]])
    found = session_vwap(close, close, close, np.ones((4, 2)), np.array([1, 1, 2, 2]))
    np.testing.assert_array_equal(found, [[2.0, 2.0], [3.0, 3.0], [6.0, NAN], [8.0, 10.0]])


def test_rolling_is_pandas():
    _, high, low, close, volume = walk(500, seed=1)
    value = pd.Series((high + low + close) / 3.0 * volume)
    expected = value.rolling(20).sum() / pd.Series(volume).rolling(20).sum()
    np.testing.assert_allclose(rolling_vwap(high, low, close, volume, 20), expected, rtol=1e-11)


def intraday():
    """Return bars of half an hour over five sessions of 16 bars, which end at 20:00 UTC."""
    opens, high, low, close, volume = (x[:, None] for x in walk(80, seed=2))
    day, bar = np.divmod(np.arange(80), 16)
    minutes = (18_000 + day) * 1440 + 12 * 60 + 30 * (bar + 1)
    return Bars.from_arrays(minutes * 60 * 10**9, opens, high, low, close, volume, symbols=["A"], sessions=18_000 + day)


def test_session_is_pandas_on_bars_with_sessions():
    bars = intraday()
    price = pd.Series(((bars.high + bars.low + bars.close) / 3.0)[:, 0])
    value, volume = (price * bars.volume[:, 0]).groupby(bars.sessions), pd.Series(bars.volume[:, 0])
    expected = value.cumsum() / volume.groupby(bars.sessions).cumsum()
    found = session_vwap(bars.high, bars.low, bars.close, bars.volume, bars.sessions)
    assert found.shape == bars.close.shape
    np.testing.assert_allclose(found[:, 0], expected, rtol=1e-13)
    starts = np.flatnonzero(np.diff(bars.sessions, prepend=-1))
    assert len(starts) == 5
    np.testing.assert_allclose(found[starts, 0], price[starts], rtol=1e-15)


def test_a_price_never_leaves_the_range_of_its_bars():
    _, high, low, close, volume = walk(400, seed=3)
    found = rolling_vwap(high, low, close, volume, 9)
    assert (found[8:] <= pd.Series(high).rolling(9).max()[8:] * (1 + 1e-14)).all()
    assert (found[8:] >= pd.Series(low).rolling(9).min()[8:] * (1 - 1e-14)).all()


def test_sessions_are_one_per_bar():
    panel = np.ones((4, 2))
    with pytest.raises(DataError, match=r"^session_vwap: sessions has shape \(3,\), but high has shape \(4, 2\)"):
        session_vwap(panel, panel, panel, panel, np.arange(3))
    with pytest.raises(DataError, match=r"^session_vwap: sessions has shape \(3,\), but high has shape \(4,\)"):
        session_vwap(HIGH, LOW, CLOSE, VOLUME, np.arange(3))
    with pytest.raises(DataError, match=r"^session_vwap: sessions holds datetime64"):
        session_vwap(panel, panel, panel, panel, np.zeros(4, "M8[D]"))
    with pytest.raises(DataError, match=r"^session_vwap: sessions is not an array"):
        session_vwap(panel, panel, panel, panel, [[1], [1, 2]])
