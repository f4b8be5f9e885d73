"""FIFO matching by hand: every expected number is the arithmetic beside it."""

import numpy as np
import pytest

from backtester.errors import SettingsError
from backtester.kernel.codes import Phase
from backtester.kernel.tables import FILL
from backtester.trades import TRADE, build_trades


def fill(bar, quantity, price, *, order=0, asset=0, phase=Phase.OPEN, reference=None, tag=0, **costs):
    """One row of the fill table as a dict; the reference price is the price unless given."""
    return {
        "order_id": order, "asset": asset, "bar": bar, "phase": int(phase), "taker": 1, "tag": tag,
        "quantity": quantity, "price": price, "reference_price": price if reference is None else reference, **costs,
    }  # fmt: skip


def table(*rows):
    fills = np.zeros(len(rows), FILL)
    fills["fx"] = 1.0
    for row, values in zip(fills, rows, strict=True):
        for name, value in values.items():
            row[name] = value
    return fills


def flat_bars(n_bars, n_assets=1, price=100.0):
    return [np.full((n_bars, n_assets), price) for _ in range(4)]


def trades_of(*rows, bars=None, multiplier=1.0, n_assets=1):
    return build_trades(table(*rows), *(bars or flat_bars(20, n_assets)), multiplier, n_assets)


def test_one_round_trip_pays_both_commissions_once():
    trades = trades_of(
        fill(2, 10.0, 101.0, order=1, tag=7, reference=100.0, commission=1.0, spread=4.0, slippage=5.0, rounding=1.0),
        fill(5, -10.0, 108.0, order=2, tag=9, reference=110.0, commission=2.0, impact=20.0),
    )
    assert len(trades) == 1
    trade = trades[0]
    # 10·(108 − 101) − 1 − 2 = 67: spread, slippage, impact and rounding are inside the prices already
    assert trade["pnl"] == 67.0
    # 67 / (10·101)
    assert trade["return_frac"] == pytest.approx(67.0 / 1010.0, rel=1e-15)
    # entry 1 + 4 + 5 + 1 = 11, exit 2 + 20 = 22
    assert trade["costs"] == 33.0
    assert (trade["entry_bar"], trade["exit_bar"], trade["bars"]) == (2, 5, 3)
    assert (trade["entry_order"], trade["exit_order"], trade["tag"], trade["open"]) == (1, 2, 7, 0)


def test_an_exit_takes_the_oldest_lots_first_and_leaves_the_rest_open():
    # lots 10 @ 100 and 20 @ 104; exit 15 @ 110 takes the 10 and 5 of the 20
    trades = trades_of(
        fill(1, 10.0, 100.0, order=1, commission=10.0),
        fill(2, 20.0, 104.0, order=2, commission=40.0),
        fill(4, -15.0, 110.0, order=3, commission=30.0),
    )
    assert trades["quantity"].tolist() == [10.0, 5.0, 15.0]
    assert trades["entry_order"].tolist() == [1, 2, 2]
    assert trades["exit_order"].tolist() == [3, 3, 0]
    assert trades["open"].tolist() == [0, 0, 1]
    assert trades["pnl"].tolist() == [
        10 * 10.0 - 10.0 - 20.0,  # 10 of 15 of the exit's 30
        5 * 6.0 - 10.0 - 10.0,  # 5 of 20 of the entry's 40, 5 of 15 of the exit's 30
        15 * (100.0 - 104.0) - 30.0,  # marked at the last close, 100; 15 of 20 of the entry's 40
    ]
    assert trades["costs"].tolist() == [30.0, 20.0, 30.0]


def test_partial_exits_make_one_trade_each():
    trades = trades_of(
        fill(1, -12.0, 50.0, order=1, commission=12.0),
        fill(3, 4.0, 45.0, order=2, commission=1.0),
        fill(6, 8.0, 55.0, order=3, commission=2.0),
    )
    # short: −4·(45 − 50) − 4 − 1 = 15 and −8·(55 − 50) − 8 − 2 = −50
    assert trades["pnl"].tolist() == [15.0, -50.0]
    assert trades["quantity"].tolist() == [-4.0, -8.0]
    assert trades["bars"].tolist() == [2, 5]
    # 15 / (4·50), −50 / (8·50)
    assert trades["return_frac"].tolist() == [0.075, -0.125]


def test_a_fill_through_zero_splits_its_costs_by_quantity():
    trades = trades_of(
        fill(1, 6.0, 100.0, order=1, commission=6.0),
        fill(3, -10.0, 110.0, order=2, tag=5, commission=5.0, spread=10.0),
        fill(8, 4.0, 105.0, order=3, commission=1.0),
    )
    assert trades["quantity"].tolist() == [6.0, -4.0]
    # 6·10 − 6 − 5·6/10 = 51;  −4·(105 − 110) − 5·4/10 − 1 = 17
    assert trades["pnl"].tolist() == [51.0, 17.0]
    # 6 + (5 + 10)·0.6 = 15;  (5 + 10)·0.4 + 1 = 7
    assert trades["costs"].tolist() == [15.0, 7.0]
    assert trades["tag"].tolist() == [0, 5]


def test_the_multiplier_scales_money_and_not_returns():
    trades = trades_of(fill(1, 2.0, 100.0, commission=5.0), fill(2, -2.0, 103.0), multiplier=np.array([50.0]))
    # 2·50·3 − 5 = 295; 295 / (2·50·100) = 0.0295
    assert trades["pnl"][0] == 295.0
    assert trades["return_frac"][0] == pytest.approx(0.0295, rel=1e-15)


def test_assets_have_queues_of_their_own():
    trades = trades_of(
        fill(1, 1.0, 10.0, order=1, asset=0),
        fill(1, -3.0, 20.0, order=2, asset=1),
        fill(2, -1.0, 12.0, order=3, asset=0),
        fill(3, 3.0, 19.0, order=4, asset=1),
        multiplier=np.array([1.0, 10.0]),
        n_assets=2,
    )
    assert trades["asset"].tolist() == [0, 1]
    # 1·2 and −3·10·(19 − 20) = 30
    assert trades["pnl"].tolist() == [2.0, 30.0]


def test_rounding_dust_closes_the_lot():
    # 0.1 + 0.2 − 0.3 = 5.6e-17 in float64
    trades = trades_of(fill(1, 0.1, 100.0), fill(2, 0.2, 100.0), fill(3, -0.3, 100.0))
    assert trades["open"].tolist() == [0, 0]
    assert trades["quantity"].tolist() == [0.1, 0.2]
    # 0.3 − 0.1 is 2.8e-17 short of 0.2: the last fill does not open a short with what is over
    trades = trades_of(fill(1, 0.3, 100.0), fill(2, -0.1, 100.0), fill(3, -0.2, 100.0))
    assert trades["open"].tolist() == [0, 0]
    assert trades["quantity"].tolist() == [0.1, 0.3 - 0.1]


def test_no_fills_make_an_empty_table():
    trades = trades_of()
    assert len(trades) == 0
    assert trades.dtype == TRADE


def test_an_entry_price_of_zero_has_no_return():
    trades = trades_of(fill(1, 1.0, 0.0), fill(2, -1.0, 3.0))
    assert trades["pnl"][0] == 3.0
    assert np.isnan([trades["return_frac"][0], trades["mae_frac"][0], trades["mfe_frac"][0]]).all()


def test_open_trades_are_marked_at_the_last_known_close():
    bars = flat_bars(5)
    bars[3][:, 0] = [100.0, 101.0, 103.0, np.nan, np.nan]
    trades = trades_of(fill(1, 2.0, 100.0, order=4, commission=1.0), bars=bars)
    assert trades["open"].tolist() == [1]
    # 2·(103 − 100) − 1
    assert (trades["pnl"][0], trades["exit_price"][0]) == (5.0, 103.0)
    assert (trades["exit_bar"][0], trades["exit_order"][0], trades["bars"][0]) == (-1, 0, 3)


class TestExcursions:
    """Prices known to be held: rule 22."""

    #           bar 0      1      2      3      4
    open = (100.0, 101.0, 102.0, 104.0, 103.0)
    high = (105.0, 120.0, 108.0, 107.0, 130.0)
    low = (90.0, 80.0, 96.0, 99.0, 70.0)
    close = (101.0, 102.0, 104.0, 103.0, 100.0)

    def excursions(self, *rows, bars=None):
        bars = bars or [np.array(x)[:, None].copy() for x in (self.open, self.high, self.low, self.close)]
        trades = trades_of(*rows, bars=bars)
        return list(zip(trades["mae_frac"].tolist(), trades["mfe_frac"].tolist(), strict=True))

    def test_entered_at_the_open(self):
        # open[1] 101, close[1] 102, bars 2 and 3 in full (96 … 108), exit at the open of 4, 103; not low[1], not low[4]
        got = self.excursions(fill(1, 1.0, 101.5, reference=101.0), fill(4, -1.0, 102.5, reference=103.0))
        assert got == [(5.5 / 101.5, 6.5 / 101.5)]

    def test_a_short_counts_the_other_way(self):
        got = self.excursions(fill(1, -1.0, 100.5, reference=101.0), fill(4, 1.0, 103.5, reference=103.0))
        # worst 108: 7.5 above; best 96: 4.5 below
        assert got == [(7.5 / 100.5, 4.5 / 100.5)]

    def test_entered_inside_the_bar(self):
        # entered at 85 in bar 1: not its open, low or high; close[1] 102, bar 2 in full, exit at 99 inside bar 3
        got = self.excursions(fill(1, 1.0, 85.0, phase=Phase.INTRABAR), fill(3, -1.0, 99.0, phase=Phase.INTRABAR))
        assert got == [(0.0, 23.0 / 85.0)]

    def test_entered_and_left_at_closes(self):
        # close[1] 102 and close[2] 104, nothing strictly between
        got = self.excursions(fill(1, 1.0, 102.0, phase=Phase.CLOSE), fill(2, -1.0, 104.0, phase=Phase.CLOSE))
        assert got == [(0.0, 2.0 / 102.0)]

    def test_within_one_bar(self):
        # entered at the open of 1 (101, paid 102), left at 95 inside it: its open and the exit reference alone
        got = self.excursions(
            fill(1, 1.0, 102.0, reference=101.0), fill(1, -1.0, 94.0, reference=95.0, phase=Phase.INTRABAR)
        )
        assert got == [(7.0 / 102.0, 0.0)]
        # entered inside the bar: the exit reference alone
        got = self.excursions(
            fill(1, 1.0, 102.0, reference=101.0, phase=Phase.INTRABAR),
            fill(1, -1.0, 112.0, reference=113.0, phase=Phase.INTRABAR),
        )
        assert got == [(0.0, 11.0 / 102.0)]

    def test_open_to_the_end(self):
        # open[1], close[1], bars 2, 3 and 4 in full: 70 … 130
        got = self.excursions(fill(1, 1.0, 101.0))
        assert got == [(31.0 / 101.0, 29.0 / 101.0)]

    def test_missing_bars_are_passed_over(self):
        bars = [np.array(x)[:, None].copy() for x in (self.open, self.high, self.low, self.close)]
        for array in bars:
            array[2] = np.nan
        # bar 3 alone is left between: 99 … 107
        got = self.excursions(fill(1, 1.0, 101.0), fill(4, -1.0, 103.0), bars=bars)
        assert got == [(2.0 / 101.0, 6.0 / 101.0)]

    def test_lots_of_a_pyramid_see_their_own_bars_only(self):
        got = self.excursions(fill(0, 1.0, 100.0), fill(1, 1.0, 101.0), fill(4, -2.0, 103.0))
        # the first saw all of bar 1 (80 … 120), the second its open and close, then bars 2 and 3 (96 … 108)
        assert got == [(20.0 / 100.0, 20.0 / 100.0), (5.0 / 101.0, 7.0 / 101.0)]


def test_bad_tables_are_refused():
    bars = flat_bars(5)
    with pytest.raises(SettingsError, match="n_bars, 1"):
        build_trades(table(), bars[0][:, 0], *bars[1:], 1.0, 1)
    with pytest.raises(SettingsError, match="the four price arrays"):
        build_trades(table(), *bars, 1.0, 2)
    with pytest.raises(SettingsError, match="FILL"):
        build_trades(np.zeros(2), *bars, 1.0, 1)
    with pytest.raises(SettingsError, match="fills name bar 7 to 7; the price arrays have 0 to 4"):
        build_trades(table(fill(7, 1.0, 1.0)), *bars, 1.0, 1)
