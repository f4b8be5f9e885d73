"""Facts that must hold on real data, checked with pandas, TA-Lib and from the tables alone; and both modes agree."""

import numpy as np
import pandas as pd
import pytest
import talib

import strategies
from backtester import Account, Bars, Costs, run
from backtester.kernel.codes import ChangeKind, Reason, Role, Status
from strategies import (
    CrossSectionalMomentum,
    GridTrading,
    PairsTrading,
    RiskParity,
    RsiReversion,
    TimeSeriesMomentum,
    TrendTrailingStop,
    Turtle,
)

COSTS = Costs(commission=0.001)


@pytest.fixture(scope="module")
def stocks():
    return Bars.sample("stocks").adjusted()


@pytest.fixture(scope="module")
def indices():
    return Bars.align([Bars.sample("sp500"), Bars.sample("nasdaq")])


def months_of(bars):
    """Return the month of every bar, and whether it is the first bar of its month."""
    month = pd.Series(bars.index.tz_convert("America/New_York").tz_localize(None)).dt.to_period("M")
    return month, (month != month.shift(1)).to_numpy() & (np.arange(bars.n_bars) > 0)


def exposures(result):
    marks = pd.DataFrame(result.bars.close).ffill().fillna(0.0).to_numpy()
    return result.positions.to_numpy() * marks / result.equity.to_numpy()[:, None]


def month_ends(bars):
    """Return the last closes of the months, and for each bar the number of its month."""
    month, first = months_of(bars)
    return pd.DataFrame(bars.close).groupby(month.to_numpy()).last(), month.rank(method="dense").astype(int) - 1, first


def test_rsi_reversion_buys_low_above_the_trend_and_leaves_above_the_week():
    bars = Bars.sample("sp500")
    result = run(RsiReversion, bars, costs=COSTS)
    close = bars.close[:, 0].copy()
    index, trend, week = talib.RSI(close, 2), talib.SMA(close, 200), talib.SMA(close, 5)
    orders = result.tables.orders
    entries, exits = orders[0::2], orders[1::2]
    assert len(entries) > 60
    t, side = entries["submitted"], np.sign(entries["target"])
    assert set(side) == {-1.0, 1.0}
    assert (np.where(side > 0, index[t], 100.0 - index[t]) < 5.0).all()
    assert (side * (close[t] - trend[t]) > 0.0).all()
    assert (exits["target"] == 0.0).all()
    t = exits["submitted"]
    assert (side[: len(t)] * (close[t] - week[t]) > 0.0).all()


def test_turtle_units_begin_at_a_channel_and_follow_half_an_n_apart():
    bars = Bars.sample("sp500")
    result = run(Turtle, bars, costs=COSTS)
    orders, fills, positions = result.tables.orders, result.tables.fills, result.positions["SP500"].to_numpy()
    high, low, close = (getattr(bars, name)[:, 0].copy() for name in ("high", "low", "close"))
    n = talib.ATR(high, low, close, 20)
    channels = {days: {1.0: talib.MAX(high, days), -1.0: talib.MIN(low, days)} for days in (20, 55)}
    near = far = most = 0
    units, side, last, position_n = 0, 0.0, np.nan, np.nan
    for fill in fills:
        order = orders[fill["order_id"] - 1]
        if order["role"] != Role.PLAIN:
            units -= 1
            continue
        t, side = order["submitted"], np.sign(order["quantity"])
        if positions[t] == 0.0:
            assert units == 0
            ends = [channels[days][side][t] for days in (20, 55)]
            assert order["stop_price"] in ends
            near, far = near + (order["stop_price"] == ends[0]), far + (order["stop_price"] != ends[0])
            position_n = n[t]
        else:
            assert order["stop_price"] == pytest.approx(last + side * 0.5 * position_n, rel=1e-9)
        units, last = units + 1, fill["price"]
        most = max(most, units)
    assert most == 4
    assert near > 50
    assert far > 5
    moved = result.tables.changes[result.tables.changes["kind"] == ChangeKind.MODIFY]
    toward = -np.sign(orders["quantity"][moved["order_id"] - 1])  # +1 for the stop of a long position
    backwards = toward * (moved["price"] - moved["old_price"]) < -1e-9 * close[moved["bar"]]
    assert len(moved) > 1000
    assert not backwards[np.isfinite(moved["old_price"])].any()
    assert np.abs(exposures(result)).max() < 1.1


def test_time_series_momentum_holds_the_sign_of_the_last_twelve_months(indices):
    result = run(TimeSeriesMomentum, indices, costs=COSTS)
    ends, number, first = month_ends(indices)
    signs = np.sign(ends / ends.shift(12) - 1.0).to_numpy()
    orders = result.tables.orders
    assert first[orders["submitted"]].all()
    late = np.flatnonzero(first)[14:-1]
    held = np.sign(result.positions.to_numpy()[late + 1])
    assert (held == signs[number[late] - 1]).all()
    # what is asked for fits the account, and volatility decides between the two: the NASDAQ moves more
    gross = np.abs(exposures(result))
    assert gross.sum(axis=1).max() < 1.35
    assert (gross[late + 1, 0] > gross[late + 1, 1]).mean() > 0.95


def test_cross_sectional_momentum_holds_the_two_best_but_for_the_last_month(stocks):
    result = run(CrossSectionalMomentum, stocks, costs=COSTS)
    ends, number, first = month_ends(stocks)
    past = ends.shift(1) / ends.shift(12) - 1.0
    best = (past.rank(axis=1, ascending=False) <= 2).to_numpy()
    late = np.flatnonzero(first)[13:-1]
    assert ((result.positions.to_numpy()[late + 1] > 0.0) == best[number[late] - 1]).all()
    assert first[result.tables.orders["submitted"]].all()
    assert exposures(result)[late + 1].sum(axis=1) == pytest.approx(np.ones(len(late)), abs=0.06)


def test_pairs_trading_enters_at_two_deviations_and_holds_both_or_none(indices):
    result = run(PairsTrading, indices, costs=COSTS)
    positions, fills = result.positions.to_numpy(), result.tables.fills
    assert (np.sign(positions[:, 0]) == -np.sign(positions[:, 1])).all()
    assert 50 < len(result.trades) < 600
    y, x = (np.log(indices.close[:, a]) for a in (0, 1))
    both = positions[:, 0] != 0.0
    for t in np.flatnonzero(both[1:] & ~both[:-1]):  # decided at the close of bar t, filled in the next
        part = slice(t - 59, t + 1)
        slope, level = np.polyfit(x[part], y[part], 1)
        residuals = y[part] - slope * x[part] - level
        z = residuals[-1] / residuals.std()
        assert 2.0 < abs(z) < 4.0
        assert np.sign(positions[t + 1, 0]) == -np.sign(z)
        values = np.abs(positions[t + 1] * indices.close[t])
        assert values[1] / values[0] == pytest.approx(slope, rel=1e-6)
    assert set(fills["asset"]) == {0, 1}


def test_every_fill_of_the_grid_is_answered_one_line_on():
    bars = Bars.sample("sp500")[:3000]
    result = run(GridTrading(short=True, step=0.05), bars, costs=COSTS)
    orders, fills = result.tables.orders, result.tables.fills
    reference = bars.close[1, 0]
    np.testing.assert_allclose(orders["limit_price"], reference * (1.0 + 0.05 * orders["tag"]), rtol=1e-12)
    answers = orders[20:]  # after the ten lines on each side, one order per fill
    assert len(answers) == len(fills)
    np.testing.assert_array_equal(answers["quantity"], -fills["quantity"])
    np.testing.assert_array_equal(answers["tag"], fills["tag"] + np.sign(fills["quantity"]))
    unit = abs(orders["quantity"][0])
    assert np.abs(result.positions.to_numpy()).max() <= 10 * unit * (1 + 1e-9)
    assert not (orders["status"] == Status.REJECTED).any()


def test_a_long_grid_never_needs_more_than_its_part(stocks):
    result = run(GridTrading, stocks, costs=COSTS)
    assert (result.tables.orders["reason"] != Reason.INSUFFICIENT_EQUITY).all()
    assert (result.positions.to_numpy() >= -1e-9).all()
    assert set(result.fills["symbol"]) == {"AAPL", "IBM", "MSFT", "GOOG"}


def test_risk_parity_trades_when_a_band_is_left_and_not_before(stocks):
    result = run(RiskParity, stocks, costs=COSTS)
    held, orders = exposures(result), result.tables.orders
    days = np.unique(orders["submitted"])
    assert 40 < len(days) < 250  # of 3,270
    assert np.abs(held).sum(axis=1).max() < 1.0 + 1e-9
    weights = np.full(held.shape, np.nan)
    for t in days:
        own = orders[orders["submitted"] == t]
        weights[t, own["asset"]] = own["target"] * pd.DataFrame(stocks.close).ffill().to_numpy()[t, own["asset"]]
        weights[t] /= result.equity.iloc[t]
        assert np.nansum(weights[t]) == pytest.approx(1.0, abs=1e-6)
        assert np.nanmax(np.abs(held[t] - weights[t])) > 0.05
    # from the returns themselves: the covariances of the 60 days before make equal contributions
    t = int(days[np.isfinite(weights[days]).all(axis=1)][-1])
    _, first = months_of(stocks)
    estimated = int(np.flatnonzero(first[: t + 1])[-1])
    moves = pd.DataFrame(stocks.close).pct_change().to_numpy()[estimated - 59 : estimated + 1]
    contributions = weights[t] * (np.cov(moves.T) @ weights[t])
    np.testing.assert_allclose(contributions / contributions.mean(), 1.0, rtol=1e-6)


def test_trend_trailing_stop_has_one_stop_per_entry_and_no_other_exit(stocks):
    result = run(TrendTrailingStop, stocks, costs=COSTS)
    orders, fills = result.tables.orders, result.tables.fills
    entries, stops = orders[0::2], orders[1::2]
    assert len(entries) > 200
    assert (stops["role"] == Role.TRAILING).all()
    over = stops["status"] == Status.FILLED
    np.testing.assert_allclose(stops["filled"][over], -entries["filled"][over], rtol=1e-9)
    role = orders["role"][fills["order_id"] - 1]
    assert set(role) == {Role.PLAIN, Role.TRAILING}
    close, t, a = pd.DataFrame(stocks.close), entries["submitted"], entries["asset"]
    for i in range(4):
        own = close[i].dropna()
        average = own.rolling(200).mean().reindex(close.index)
        mine = a == i
        assert (np.sign(close[i].to_numpy() - average.to_numpy())[t[mine]] == np.sign(entries["quantity"][mine])).all()


@pytest.mark.parametrize("name", strategies.__all__)
def test_both_modes_do_the_same_on_real_data(name, stocks):
    bars = Bars.sample("eurusd")[:700] if name == "OpeningRangeBreakout" else stocks[1000:1700]
    compiled, interpreted = (
        run(getattr(strategies, name), bars, costs=COSTS, mode=mode).tables for mode in ("compiled", "interpreted")
    )
    assert len(compiled.fills) > 3
    assert not (compiled.orders["status"] == Status.REJECTED).any()
    for table in ("orders", "fills", "changes", "flows", "equity"):
        assert getattr(compiled, table).tobytes() == getattr(interpreted, table).tobytes(), table


@pytest.mark.parametrize("name", strategies.__all__)
def test_contracts_of_eight_units_at_an_eighth_of_the_price_are_the_same(name, stocks):
    """Divided by a power of two no price is rounded, so only logarithms can differ, in their last digits."""
    bars = Bars.sample("eurusd")[:700] if name == "OpeningRangeBreakout" else stocks[1000:1700]
    prices = [getattr(bars, column) / 8.0 for column in ("open", "high", "low", "close")]
    times = {"sessions": bars.sessions, "session_ends": bars.session_ends}
    eighths = Bars.from_arrays(bars.timestamps, *prices, bars.volume, symbols=bars.symbols, **times)
    cls = getattr(strategies, name)
    units, contracts = run(cls, bars), run(cls, eighths, account=Account(multiplier=8.0))
    assert len(units.tables.fills) > 3
    np.testing.assert_allclose(contracts.equity, units.equity, rtol=1e-9)
