"""Opening-range breakout and monthly contributions: against slow versions, in made markets, and on real data."""

import numpy as np
import pandas as pd
import pytest
from slow import CASH
from slow_calendar import OpeningRangeMarket, SaverMarket
from test_shipped_logic import CREDIT, market

from backtester import Bars, Costs, run
from backtester.errors import DataError, ParameterError
from backtester.kernel.codes import Role, Status
from strategies import MonthlyContributions, OpeningRangeBreakout

DAY_NS, HOUR_NS = 86_400 * 10**9, 3_600 * 10**9


def every(hours, bars):
    """Return the bars on a clock of so many hours."""
    times = (np.arange(1, bars.n_bars + 1) * hours + 18_000 * 24) * HOUR_NS
    return Bars.from_arrays(times, bars.open, bars.high, bars.low, bars.close, symbols=bars.symbols)


def assert_same_fills(strategy, bars, slow):
    result = run(strategy, bars, cash=CASH, account=CREDIT, mode="compiled")
    expected = sorted(slow.play(slow.decide), key=lambda fill: fill[:2])
    found = sorted(result.tables.fills[["bar", "asset", "quantity", "price"]].tolist(), key=lambda fill: fill[:2])
    assert len(found) > 10
    assert [row[:2] for row in found] == [row[:2] for row in expected]
    np.testing.assert_allclose(np.array(found)[:, 2:], np.array(expected)[:, 2:], rtol=1e-9)
    return result, slow


# ---- the opening range


def ragged(bars):
    """Leave the last bars out of every third session, so that nothing can be sold in time, and the first of another."""
    hour = np.arange(bars.n_bars) % 12
    day = np.arange(bars.n_bars) // 12 % 3
    kept = ~((day == 1) & (hour > 5)) & ~((day == 2) & (hour < 7))
    columns = [getattr(bars, name)[kept] for name in ("open", "high", "low", "close")]
    return Bars.from_arrays(bars.timestamps[kept], *columns, symbols=bars.symbols)


@pytest.mark.parametrize("kind", ["whole", "gaps", "ragged"])
@pytest.mark.parametrize("settings", [(3, 120.0, 0.01, True), (2, 300.0, 0.002, False), (1, 480.0, 0.05, True)])
def test_every_fill_of_the_opening_range_breakout(settings, kind):
    for seed in (1, 2):
        bars = every(2, market(seed, 240, 3, kind == "gaps"))  # 20 sessions of 12 bars
        bars = ragged(bars) if kind == "ragged" else bars
        names = ("opening", "exit_minutes", "risk", "short")
        strategy = OpeningRangeBreakout(**dict(zip(names, settings, strict=True)))
        assert_same_fills(strategy, bars, OpeningRangeMarket(bars, *settings))


def days_of(*prices):
    """Return ten sessions of 2-hourly bars, each through the same closes; every bar opens at the close before."""
    close = np.tile([100.0, *prices], 10)
    open_ = np.r_[100.0, close[:-1]]
    open_[:: len(prices) + 1] = 100.0
    times = (np.arange(1, len(close) + 1) * 2 + 18_000 * 24) * HOUR_NS
    return Bars.from_arrays(times, open_, np.maximum(open_, close), np.minimum(open_, close), close)


def test_a_day_that_goes_on_earns_and_a_day_that_turns_costs_the_risk():
    strategy = OpeningRangeBreakout(opening=4, exit_minutes=120.0, risk=0.01)
    # the range is 99 to 101, and 1 % of equity over 2 is risked on each unit; the first day is begun with bar 1, so
    # nine are traded; on each, bought at 101 and sold at the last open, 107
    result = run(strategy, days_of(99, 101, 100, 101, 102, 103, 104, 105, 106, 107, 108), cash=CASH)
    assert set(result.trades["entry_price"]) == {101.0}
    assert set(result.trades["exit_price"]) == {107.0}
    assert result.equity.iloc[-1] == pytest.approx(CASH * (1.0 + 0.005 * (107 - 101)) ** 9)
    # bought at 101 and stopped at 99
    result = run(strategy, days_of(99, 101, 100, 101.5, 99.5, 98, 98, 98, 98, 98, 98), cash=CASH)
    assert set(result.trades["exit_price"]) == {99.0}
    assert result.equity.iloc[-1] == pytest.approx(CASH * 0.99**9)


def test_the_opening_range_breakout_on_real_hours():
    bars = Bars.sample("eurusd")
    result = run(OpeningRangeBreakout, bars, costs=Costs(spread=0.0001))
    orders, fills = result.tables.orders, result.tables.fills
    frame = pd.DataFrame({"session": bars.sessions, "high": bars.high[:, 0], "low": bars.low[:, 0]})
    opening = frame.groupby("session").head(4).groupby("session")
    top, bottom = opening["high"].max(), opening["low"].min()
    entries = orders[orders["role"] == Role.PLAIN]
    session = bars.sessions[entries["submitted"]]
    ends = np.where(entries["quantity"] > 0.0, top[session], bottom[session])
    np.testing.assert_array_equal(entries["stop_price"], ends)
    filled = entries[entries["status"] == Status.FILLED]
    assert 200 < len(filled) <= len(np.unique(bars.sessions))
    entered = bars.sessions[fills["bar"][orders["role"][fills["order_id"] - 1] == Role.PLAIN]]
    assert (np.diff(entered) > 0).all()  # one a day
    # nothing is held over night, but where the hours before the close are missing in the data
    held = result.positions["EURUSD"].to_numpy()[:-1][np.diff(bars.sessions) > 0] != 0.0
    assert held.mean() < 0.02
    assert not (orders["status"] == Status.REJECTED).any()


def test_data_without_hours_is_refused():
    with pytest.raises(DataError, match="the longest session of the data has 1 bars, and the opening range takes 4"):
        run(OpeningRangeBreakout, Bars.sample("googl"))
    bars = every(2, market(1, 24, 1, False))
    labelled = Bars.from_arrays(
        bars.timestamps, bars.open, bars.high, bars.low, bars.close, sessions=np.repeat([1, 2], 12)
    )
    with pytest.raises(DataError, match="does not say when its sessions end; read it with `session_close=`"):
        run(OpeningRangeBreakout, labelled)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"opening": 0}, "opening is 0; it must be 1 bar or more"),
        ({"exit_minutes": -1.0}, "exit_minutes is -1.0; it must be 0 or more"),
        ({"exit_minutes": float("nan")}, "exit_minutes is nan"),
        ({"risk": 0.0}, "risk is 0.0; it must be above 0"),
    ],
)
def test_values_out_of_range_are_refused(parameters, message):
    with pytest.raises(ParameterError, match=message):
        run(OpeningRangeBreakout(**parameters), Bars.sample("eurusd")[:100])


# ---- contributions


@pytest.mark.parametrize("gaps", [False, True], ids=["whole", "gaps"])
def test_every_fill_of_monthly_contributions(gaps):
    for seed in (1, 2):
        bars = market(seed, 240, 3, gaps)
        result, slow = assert_same_fills(MonthlyContributions(amount=5_000.0), bars, SaverMarket(bars, 5_000.0))
        assert result.equity.iloc[-1] == pytest.approx(slow.equity(), rel=1e-9)
        flows = result.tables.flows
        assert flows["amount"].tolist() == [5_000.0] * 8  # 240 days from 2019-04-14 on begin eight months


def saved(closes):
    times = (np.arange(len(closes)) + 17_898) * DAY_NS  # the days of 2019, closed at their ends
    open_ = np.r_[closes[:1], closes[:-1]]
    high, low = np.maximum(open_, closes), np.minimum(open_, closes)
    bars = Bars.from_arrays(times, open_, high, low, closes)
    return run(MonthlyContributions(amount=500.0), bars, cash=1_000.0)


@pytest.mark.parametrize("rate", [0.0, 0.001, -0.001])
def test_what_is_paid_in_grows_from_the_day_after_it_is_there(rate):
    # paid in at the first close of a month, there at the next bar, bought at its close (which is the open after it)
    closes = 100.0 * (1.0 + rate) ** np.arange(365)
    begins = np.cumsum([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30])  # of February to December, in days
    result = saved(closes)
    expected = 1_000.0 * closes[-1] / closes[1] + sum(500.0 * closes[-1] / closes[t + 1] for t in begins)
    assert result.equity.iloc[-1] == pytest.approx(expected, rel=1e-9)
    assert result.cash_flows["amount"].sum() == 11 * 500.0
    profit = result.equity.iloc[-1] - 1_000.0 - 11 * 500.0
    assert np.sign(round(profit, 6)) == np.sign(rate)
    # the money is no return: that of the strategy is the price's
    assert result.metrics.total_return == pytest.approx(closes[-1] / closes[1] - 1.0, rel=0.02, abs=1e-12)


def test_monthly_contributions_on_real_data():
    bars = Bars.sample("stocks").adjusted()
    result = run(MonthlyContributions, bars, costs=Costs(commission=0.001))
    month = pd.Series(bars.index.tz_convert("America/New_York").tz_localize(None)).dt.to_period("M")
    first = np.flatnonzero((month != month.shift(1)).to_numpy())[1:]
    np.testing.assert_array_equal(result.tables.flows["bar"], first[:-1] + 1)  # the last is the data's last bar
    assert (result.tables.fills["quantity"] > 0.0).all()
    assert set(result.fills["symbol"]) == {"AAPL", "IBM", "MSFT", "GOOG"}
    invested = (result.positions.to_numpy() * np.nan_to_num(bars.close)).sum(axis=1) / result.equity.to_numpy()
    assert (invested[first[:-1] + 5] > 0.97).all()
    assert not (result.tables.orders["status"] == Status.REJECTED).any()


@pytest.mark.parametrize("amount", [0.0, -1.0, float("nan"), float("inf")])
def test_a_contribution_is_a_sum_above_zero(amount):
    with pytest.raises(ParameterError, match=r"amount is .*; it must be a sum above 0"):
        run(MonthlyContributions(amount=amount), Bars.sample("googl")[:100])
