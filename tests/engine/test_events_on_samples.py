"""AAPL and MSFT through their splits and dividends, as quoted, in the bundled sample (rules 29 and 30).

Splits: AAPL 2 for 1 on 2000-06-21 and 2005-02-28, MSFT 2 for 1 on 2003-02-18. Dividends: AAPL 2.65 on 2012-08-09,
2012-11-07 and 2013-02-07; MSFT 3.08 on 2004-11-15, of which 3.00 were its special dividend.
"""

import numpy as np
import pandas as pd
import pytest

from backtester import Bars, Costs, Strategy, run


@pytest.fixture(scope="module")
def bars():
    return Bars.sample("stocks").select(["AAPL", "MSFT"])


class Hold(Strategy):
    """Buys 100 of each at the second open, and leaves a bid and a stop far away on AAPL."""

    def on_bar(self, ctx):
        if ctx.t == 1:
            ctx.order(0, 100)
            ctx.order(1, 100)
            ctx.limit(0, 40, 1.0)
            ctx.stop(0, -100, 2.0)


def at(bars, day):
    return int(bars.index.searchsorted(pd.Timestamp(day, tz="UTC")))


@pytest.fixture(scope="module")
def result(bars):
    return run(Hold, bars, cash=100_000.0)


def test_positions_double_and_equity_only_moves_with_the_market(bars, result):
    for asset, day, units in ((0, "2000-06-21", 200), (0, "2005-02-28", 400), (1, "2003-02-18", 200)):
        t = at(bars, day)
        assert result.positions.iloc[t - 1, asset] == units / 2
        assert result.positions.iloc[t, asset] == units
        # what the account makes that day: units × (close − last close in new units), and any dividend
        other = 1 - asset
        moved = units * (bars.close[t, asset] - bars.close[t - 1, asset] / 2.0)
        moved += result.positions.iloc[t, other] * (bars.close[t, other] - bars.close[t - 1, other])
        paid = result.cash_flows.query("bar == @t")["amount"].sum()
        assert result.equity.iloc[t] - result.equity.iloc[t - 1] == pytest.approx(moved + paid, abs=1e-6)
        assert abs(result.returns.iloc[t - 1]) < 0.05


def test_working_orders_follow_both_splits(bars, result):
    orders = result.tables.orders
    bid, stop = orders[2], orders[3]
    assert (bid["quantity"], bid["limit_price"]) == (160.0, 0.25)
    assert (stop["quantity"], stop["stop_price"]) == (-400.0, 0.5)
    changes = result.changes.query("kind == 'split'")
    assert changes["symbol"].tolist() == ["AAPL"] * 4
    assert changes["old_price"].iloc[[0, 1]].tolist() == [1.0, 2.0]
    assert changes["price"].iloc[[2, 3]].tolist() == [0.25, 0.5]


def test_dividends_are_paid_on_the_units_of_the_day(bars, result):
    paid = result.cash_flows.query("kind == 'dividend'").set_index("time")["amount"]
    for day, asset, amount in (
        ("2012-08-09", "AAPL", 400 * 2.65),
        ("2012-11-07", "AAPL", 400 * 2.65),
        ("2013-02-07", "AAPL", 400 * 2.65),
        ("2004-11-15", "MSFT", 200 * 3.08),
    ):
        assert paid[day : f"{day} 23:59"].tolist() == pytest.approx([amount]), asset


def test_the_end_is_what_an_account_by_hand_says(bars, result):
    cost = 100 * (bars.open[2, 0] + bars.open[2, 1])
    dividends = 400 * np.nansum(bars.extras["dividend"][:, 0]) + 200 * np.nansum(bars.extras["dividend"][:, 1])
    worth = 400 * bars.close[-1, 0] + 200 * bars.close[-1, 1]
    assert result.equity.iloc[-1] == pytest.approx(100_000.0 - cost + dividends + worth, rel=1e-12)
    trades = result.trades.set_index("symbol")
    assert trades["quantity"].to_dict() == {"AAPL": 400.0, "MSFT": 200.0}
    assert trades.loc["AAPL", "entry_price"] == pytest.approx(bars.open[2, 0] / 4)
    assert trades["pnl"].sum() == pytest.approx(worth - cost)


def test_a_short_pays_the_dividend(bars):
    class Short(Strategy):
        def on_bar(self, ctx):
            if ctx.t == 1:
                ctx.order(1, -10)

    part = bars["2004-11-01":"2004-11-30"]
    flows = run(Short, part, costs=Costs(), cash=10_000.0).cash_flows
    assert flows["kind"].tolist() == ["dividend"]
    assert flows["amount"].tolist() == pytest.approx([-30.8])


def test_signals_on_adjusted_closes_do_not_see_the_split(bars):
    """Half the price overnight is no crash: the 20-day return stays within what the market did."""

    class Returns(Strategy):
        def on_bar(self, ctx):
            if ctx.t >= 20:
                ctx.record("raw", ctx.close[-1, 0] / ctx.close[-21, 0] - 1.0)
                ctx.record("adjusted", ctx.adjusted_close[-1, 0] / ctx.adjusted_close[-21, 0] - 1.0)

    t = at(bars, "2005-02-28")
    records = run(Returns, bars).records.iloc[t]
    assert records["raw"] < -0.35
    assert records["adjusted"] == pytest.approx(2.0 * (1.0 + records["raw"]) - 1.0)
    level = bars.adjusted_close[:, 0]
    assert records["adjusted"] == pytest.approx(level[t] / level[t - 20] - 1.0, rel=1e-12)
