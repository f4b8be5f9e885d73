"""Trades over splits, payouts and exchange rates: each value from quantities and prices by hand."""

import numpy as np
import pytest
from test_build_trades import fill, flat_bars, table

from backtester.kernel.codes import ActionKind, Phase
from backtester.kernel.tables import ACTION
from backtester.round_trips import trade_rows, units_after
from backtester.trades import build_trades


def actions(*rows):
    """Rows of (bar, kind, value, before, after, mark), or dicts of more."""
    found = np.zeros(len(rows), ACTION)
    found["fx"] = 1.0
    for row, values in zip(found, rows, strict=True):
        named = dict(zip(("bar", "kind", "value", "before", "after", "mark"), values, strict=False))
        for name, value in (named | (values[6] if len(values) > 6 else {})).items():
            row[name] = value
    return found


def split(bar, ratio, before, after, mark, **more):
    return (bar, ActionKind.SPLIT, ratio, before, after, mark, more)


def delisting(bar, price, before, **more):
    return (bar, ActionKind.DELISTING, price, before, 0.0, price, more)


def trades_of(fills, acts, bars=None, n_assets=1, multiplier=1.0, last_fx=1.0):
    prices = bars or flat_bars(20, n_assets)
    ones = np.ones(n_assets)
    paid = np.zeros(len(ones), np.int64)
    return trade_rows(table(*fills), actions(*acts), tuple(prices), multiplier * ones, last_fx * ones, paid)


def stepped(*closes):
    """Bars of one asset whose four prices are the closes."""
    return [np.array(closes, float)[:, None].copy() for _ in range(4)]


def test_without_actions_it_is_fifo_matching_as_it_stands():
    fills = table(fill(1, 10.0, 100.0, order=1, commission=1.0), fill(3, -10.0, 90.0, order=2))
    bars, ones = flat_bars(20), np.ones(1)
    assert (
        trade_rows(fills, actions(), tuple(bars), ones, ones, np.zeros(1, np.int64)).tobytes()
        == build_trades(fills, *bars, 1.0, 1).tobytes()
    )


def test_units_of_the_end_for_one_of_each_bar():
    """2 for 1 before bar 2, 1 for 4 before bar 5: one unit of bar 0 is 2·¼ at the end, one of bar 2 is ¼."""
    acts = actions(split(2, 2.0, 1, 2, 1), split(5, 0.25, 8, 2, 1), delisting(6, 3.0, 1))
    assert units_after(acts, 7, 1)[:, 0].tolist() == [0.5, 0.5, 0.25, 0.25, 0.25, 1.0, 1.0]


def test_a_trade_over_a_split_is_in_the_units_of_its_exit_and_earned_what_it_did():
    """10 at 100 are 20 at 50 after 2 for 1; sold at 60: 20·(60 − 50) = 200, less 1 and 2 of commission."""
    trades = trades_of(
        [fill(1, 10.0, 100.0, order=1, commission=1.0), fill(4, -20.0, 60.0, order=2, commission=2.0)],
        [split(3, 2.0, 10.0, 20.0, 50.0)],
        stepped(100, 100, 80, 55, 60, 60),
    )
    assert len(trades) == 1
    trade = trades[0]
    assert (trade["quantity"], trade["entry_price"], trade["exit_price"]) == (20.0, 50.0, 60.0)
    assert trade["pnl"] == 197.0
    assert trade["return_frac"] == pytest.approx(197.0 / 1000.0, rel=1e-15)
    assert trade["costs"] == 3.0
    # the worst is 80 of bar 2, which is 40 a unit now: 10 of 50; the best is the exit, 10 of 50
    assert trade["mae_frac"] == pytest.approx(0.2, rel=1e-15)
    assert trade["mfe_frac"] == pytest.approx(0.2, rel=1e-15)


def test_a_trade_that_ended_before_a_split_keeps_the_units_it_traded_in():
    """Sold 4 of 10 at 110 before the split, and the other 12 at 60 after it."""
    trades = trades_of(
        [fill(1, 10.0, 100.0, order=1), fill(2, -4.0, 110.0, order=2), fill(4, -12.0, 60.0, order=3)],
        [split(3, 2.0, 6.0, 12.0, 55.0)],
    )
    assert trades["quantity"].tolist() == [4.0, 12.0]
    assert trades["entry_price"].tolist() == [100.0, 50.0]
    assert trades["exit_price"].tolist() == [110.0, 60.0]
    assert trades["pnl"].tolist() == [40.0, 120.0]


def test_an_open_trade_is_in_the_units_of_the_end():
    trades = trades_of(
        [fill(1, -10.0, 100.0, order=1)], [split(3, 2.0, -10.0, -20.0, 50.0)], stepped(*[100] * 3, 45, 45)
    )
    assert trades["open"].tolist() == [1]
    # −20·(45 − 50)
    assert (trades["quantity"][0], trades["entry_price"][0], trades["pnl"][0]) == (-20.0, 50.0, 100.0)


def test_the_fraction_that_a_split_pays_out_is_a_trade_of_its_own():
    """15 at 10, 1 for 10: one unit at 100, and 0.5 of one paid out at 90. 0.5·(90 − 100) = −5; later 1·(120 − 100)."""
    trades = trades_of([fill(1, 15.0, 10.0, order=1), fill(5, -1.0, 120.0, order=2)], [split(3, 0.1, 15.0, 1.0, 90.0)])
    np.testing.assert_allclose(trades["quantity"], [0.5, 1.0], rtol=1e-12)
    np.testing.assert_allclose(trades["pnl"], [-5.0, 20.0], rtol=1e-12)
    assert trades["exit_order"].tolist() == [0, 2]
    assert trades["exit_bar"].tolist() == [3, 5]


def test_rounding_of_a_split_is_no_trade():
    """3 for 1 of a third and more: 0.1·3 is 0.30000000000000004 of a unit, and nothing was paid."""
    trades = trades_of([fill(1, 0.1, 30.0, order=1), fill(5, -0.3, 10.0, order=2)], [split(3, 3.0, 0.1, 0.3, 10.0)])
    assert len(trades) == 1
    assert trades["pnl"][0] == pytest.approx(0.0, abs=1e-12)


def test_a_delisting_closes_at_what_it_pays():
    """5 at 10 with a multiplier of 2, paid out at 4: 5·2·(4 − 10) = −60, without an order."""
    trades = trades_of([fill(1, 5.0, 10.0, order=1)], [delisting(4, 4.0, 5.0)], multiplier=2.0)
    trade = trades[0]
    assert (trade["open"], trade["exit_bar"], trade["exit_order"], trade["exit_price"]) == (0, 4, 0, 4.0)
    assert trade["pnl"] == -60.0


def test_a_worthless_delisting_loses_all_of_it():
    trades = trades_of([fill(1, 5.0, 10.0, order=1)], [delisting(4, 0.0, 5.0)])
    assert trades["pnl"][0] == -50.0
    assert trades["return_frac"][0] == -1.0


def test_an_exchange_rate_is_part_of_what_a_trade_earned():
    """10 bought at 100 EUR with 1.1, sold at 90 EUR with 1.3: 10·(117 − 110) = 70, though the price fell."""
    trades = trades_of(
        [fill(1, 10.0, 100.0, order=1, fx=1.1), fill(3, -10.0, 90.0, order=2, fx=1.3, commission=2.0)], []
    )
    assert trades["pnl"][0] == pytest.approx(70.0 - 2.0, rel=1e-12)
    assert trades["return_frac"][0] == pytest.approx(68.0 / 1100.0, rel=1e-12)


def test_a_payout_is_in_the_rate_of_its_moment():
    """5 at 10 with 2, paid out at 12 with 1.5: 5·(18 − 20) = −10."""
    trades = trades_of([fill(1, 5.0, 10.0, order=1, fx=2.0)], [delisting(4, 12.0, 5.0, fx=1.5)], last_fx=9.0)
    assert trades["pnl"][0] == pytest.approx(-10.0, rel=1e-12)


def test_an_open_trade_is_valued_at_the_last_rate():
    trades = trades_of([fill(1, 5.0, 10.0, order=1, fx=2.0)], [], stepped(10, 10, 10), last_fx=3.0)
    # 5·(10·3 − 10·2)
    assert trades["pnl"][0] == pytest.approx(50.0, rel=1e-12)


def test_a_split_of_one_asset_leaves_the_others_alone():
    trades = trades_of(
        [fill(1, 4.0, 100.0, order=1), fill(1, 4.0, 100.0, order=2, asset=1), fill(4, -4.0, 90.0, order=3, asset=1)],
        [split(3, 2.0, 4.0, 8.0, 50.0)],
        n_assets=2,
    )
    other = trades[trades["asset"] == 1][0]
    assert (other["quantity"], other["entry_price"], other["pnl"]) == (4.0, 100.0, -40.0)


def test_a_fill_at_the_open_of_the_split_is_in_the_new_units():
    """10 at 100 become 20; at the open of that bar 20 go at 55: the payout, if any, comes before the fills."""
    trades = trades_of(
        [fill(1, 10.0, 100.0, order=1), fill(3, -20.0, 55.0, order=2, phase=Phase.OPEN)],
        [split(3, 2.0, 10.0, 20.0, 50.0)],
    )
    assert trades["pnl"].tolist() == [100.0]
    assert trades["quantity"].tolist() == [20.0]
