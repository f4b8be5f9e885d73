"""Facts that must hold on real data, checked with pandas and from the tables alone."""

import numpy as np
import pandas as pd
import pytest

from backtester import Bars, Costs, run
from strategies import BollingerReversion, DonchianBreakout, SmaCross


def test_sma_cross_is_long_while_the_fast_average_of_the_bar_before_is_above():
    bars = Bars.sample("sp500")
    result = run(SmaCross, bars, costs=Costs(commission=0.001))
    close = pd.Series(bars.close[:, 0])
    above = (close.rolling(10).mean() > close.rolling(30).mean()).to_numpy()
    held = result.positions["SP500"].to_numpy() > 0.0
    first = int(np.argmax(held))
    assert first == np.flatnonzero(above[30:] & ~above[29:-1])[0] + 31  # the first cross, and a bar to fill
    assert (held[first:] == above[first - 1 : -1]).all()
    assert (result.tables.fills["bar"] == result.tables.orders["submitted"] + 1).all()


def test_bollinger_reversion_buys_below_the_band_and_leaves_at_stop_or_target():
    bars = Bars.sample("eurusd")
    result = run(BollingerReversion, bars)
    close = pd.Series(bars.close[:, 0])
    middle, spread = close.rolling(20).mean(), close.rolling(20).std(ddof=0)
    orders = result.tables.orders
    entries = orders[orders["role"] == 0]
    assert len(entries) > 100
    t = entries["submitted"]
    assert (close.to_numpy()[t] < (middle - 2 * spread).to_numpy()[t]).all()
    assert (close.to_numpy()[t - 1] >= (middle - 2 * spread).to_numpy()[t - 1]).all()
    assert (np.diff(t) > 0).all()
    np.testing.assert_allclose(orders["limit_price"][orders["role"] == 3], middle.to_numpy()[t], rtol=1e-12)
    stops = orders["stop_price"][orders["role"] == 2]
    np.testing.assert_allclose(close.to_numpy()[t] - stops, (middle - close).to_numpy()[t], rtol=1e-8)
    trades = result.trades[~result.trades["open"]]
    assert len(trades) == len(entries) - int(result.trades["open"].sum())
    exits = result.tables.fills[result.tables.fills["quantity"] < 0.0]
    assert set(orders["role"][exits["order_id"] - 1]) == {2, 3}
    assert (result.positions["EURUSD"] >= 0.0).all()


def test_donchian_breakout_enters_beyond_the_channel_and_never_loosens_a_stop():
    bars = Bars.sample("nasdaq")
    result = run(DonchianBreakout, bars)
    orders, changes = result.tables.orders, result.tables.changes
    close, high, low = (pd.Series(getattr(bars, name)[:, 0]) for name in ("close", "high", "low"))
    upper, lower = high.rolling(20).max().shift(1).to_numpy(), low.rolling(20).min().shift(1).to_numpy()
    entries = orders[orders["role"] == 0]
    t, side = entries["submitted"], np.sign(entries["quantity"])
    assert set(side) == {-1.0, 1.0}
    beyond = np.where(side > 0, close.to_numpy()[t] - upper[t], lower[t] - close.to_numpy()[t])
    assert (beyond > 0.0).all()
    moved = changes[changes["outcome"] == 1]
    assert len(moved) > 500
    toward = -np.sign(orders["quantity"][moved["order_id"] - 1])  # +1 for the stop of a long position
    assert (toward * (moved["price"] - moved["old_price"]) > 0.0).all()
    exposure = np.abs(result.positions["NASDAQ"].to_numpy() * bars.close[:, 0]) / result.equity.to_numpy()
    assert exposure.max() < 1.1
    assert (orders["status"][orders["role"] == 2] != 6).all()


@pytest.mark.parametrize("strategy", [SmaCross, BollingerReversion, DonchianBreakout])
def test_every_asset_of_a_panel_is_traded_within_the_cash(strategy):
    result = run(strategy, Bars.sample("stocks"), costs=Costs(commission=0.001))
    assert set(result.fills["symbol"]) == {"AAPL", "IBM", "MSFT", "GOOG"}
    bars = result.bars
    marks = pd.DataFrame(bars.close).ffill().fillna(0.0).to_numpy()
    gross = (result.positions.abs().to_numpy() * marks).sum(axis=1)
    bought = result.tables.fills["bar"][result.tables.fills["quantity"] > 0.0]
    assert (gross[bought] <= 1.25 * result.equity.to_numpy()[bought]).all()  # by the close it may have moved
