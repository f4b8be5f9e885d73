"""Rows become frames: codes are words, bars are times, asset numbers are symbols, and -1 is nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from few_bars import DAY_NS, FLAT, market, play

from backtester import frames
from backtester.kernel.codes import Reason, Status, Tif
from backtester.kernel.tables import ACTION, FILL


def test_codes_are_lower_case_words_and_no_reason_is_the_empty_word():
    assert list(frames.words(np.array([0, 20, 51]), Reason)) == ["", "insufficient_equity", "at_end"]
    assert list(frames.words(np.array([4, 7]), Status)) == ["filled", "expired"]


def test_unknown_codes_are_missing_words():
    found = frames.words(np.array([-1, 2, 9, 10**6]), Tif)
    assert pd.isna(found).tolist() == [True, False, True, True]


def test_unknown_assets_have_no_symbol():
    bars = market([[FLAT, FLAT]] * 2)
    symbols = frames.symbols_of(np.array([1, -1, 0, 2]), bars)
    assert symbols[0] == "A1"
    assert pd.isna(symbols).tolist() == [False, True, False, True]


def test_bars_that_did_not_happen_are_nat():
    times = frames.times_of(np.array([0, -1, 1, 2]), market([FLAT] * 2))
    assert times[0] == pd.Timestamp("1970-01-02", tz="UTC")
    assert times[2] == pd.Timestamp("1970-01-03", tz="UTC")
    assert pd.isna(times).tolist() == [False, True, False, True]


def test_orders_have_their_words_times_and_prices():
    def send(c):
        c.order(0, 5, tag=3)
        c.limit(0, 5, 9, tif=Tif.GTD, expire=4 * DAY_NS)
        c.order(9, 1)
        c.order(0, 5)

    orders = play([FLAT] * 6, {1: send, 5: lambda c: c.order(0, 1)}).orders
    assert orders.index.name == "id"
    assert orders.index.tolist() == [1, 2, 3, 4, 5]
    assert orders["status"].tolist() == ["filled", "expired", "rejected", "filled", "expired"]
    assert orders["reason"].tolist() == ["", "gtd_ended", "asset_unknown", "", "data_ended"]
    assert orders["kind"].tolist()[:2] == ["market", "limit"]
    assert orders.loc[1, "submitted"] == pd.Timestamp("1970-01-03", tz="UTC")
    assert orders.loc[1, "eligible"] == orders.loc[1, "ended"] == pd.Timestamp("1970-01-04", tz="UTC")
    assert orders.loc[1, "average_price"] == 10.0
    assert pd.isna(orders.loc[2, "average_price"])
    assert orders.loc[2, "expire"] == pd.Timestamp(4 * DAY_NS, tz="UTC")
    assert pd.isna(orders.loc[1, "expire"])
    assert pd.isna(orders.loc[3, "symbol"])
    assert pd.isna(orders.loc[5, "eligible"])  # it would have been the bar after the last
    assert orders["tag"].tolist() == [3, 0, 0, 0, 0]


def test_the_average_price_weighs_the_fills():
    # 4 at 10 and 6 at 14: 124 / 10
    rows = [FLAT, FLAT, (10, 10, 10, 10, 8), (14, 14, 14, 14, 100)]
    orders = play(rows, {1: lambda c: c.order(0, 10)}, max_participation=0.5).orders
    assert orders.loc[1, "average_price"] == pytest.approx(12.4, rel=1e-12)


def test_a_bracket_parent_has_no_parent_and_its_children_have():
    orders = play([FLAT] * 4, {1: lambda c: c.bracket(0, 5, stop_loss=9, take_profit=11)}).orders
    assert orders["parent"].tolist() == [0, 1, 1]
    assert orders["partner"].tolist() == [0, 3, 2]
    assert orders["role"].tolist() == ["plain", "stop_loss", "take_profit"]


def test_fills_have_their_phase_liquidity_and_costs():
    rows = [FLAT, FLAT, (10, 10, 8, 10), FLAT]
    script = {1: lambda c: (c.order(0, 4), c.limit(0, 2, 9))}
    fills = play(rows, script, spread=0.25, commission_per_unit=1.0).fills
    assert fills["phase"].tolist() == ["open", "intrabar"]
    assert fills["liquidity"].tolist() == ["taker", "maker"]
    assert fills["price"].tolist() == [11.25, 9.0]  # 10·(1 + 0.25/2)
    assert fills["spread"].tolist() == [5.0, 0.0]  # 4·10·0.125
    assert fills["commission"].tolist() == [4.0, 2.0]
    assert fills["time"].tolist() == [pd.Timestamp("1970-01-04", tz="UTC")] * 2


def test_changes_name_orders_or_the_asset():
    script = {1: lambda c: c.limit(0, 5, 9), 2: lambda c: (c.modify(1, price=8), c.cancel_all(0))}
    changes = play([FLAT] * 5, script).changes
    assert changes["kind"].tolist() == ["modify", "cancel_all"]
    assert changes["order_id"].tolist() == [1, 0]
    assert changes["symbol"].isna().tolist() == [True, False]
    assert changes["symbol"].tolist()[1] == "A0"
    assert changes["outcome"].tolist() == ["done", "done"]
    assert changes["old_price"].tolist()[0] == 9.0


def test_cash_flows_of_the_account_have_no_symbol():
    # short 10 at 10: the value of 100 is borrowed for a day at 36.5 % a year: 0.1; free cash 1100 − 100 earns nothing
    flows = play([FLAT] * 4, {1: lambda c: c.order(0, -10)}, borrow_rate=0.365, cash_rate=0.365).cash_flows
    assert flows["kind"].tolist()[-2:] == ["borrow", "cash_interest"]
    assert flows["amount"].tolist()[-2] == pytest.approx(-0.1, rel=1e-12)
    assert flows["symbol"].tolist()[-2] == "A0"
    assert pd.isna(flows["symbol"].iloc[-1])


def test_empty_tables_have_their_columns():
    result = play([FLAT] * 4, {})
    for table, column in (("orders", "status"), ("fills", "price"), ("trades", "pnl"), ("cash_flows", "amount")):
        frame = getattr(result, table)
        assert len(frame) == 0
        assert column in frame.columns
    assert result.changes.empty
    assert result.records.shape == (4, 0)


def test_positions_follow_the_fills_and_dust_is_nothing():
    # 0.1 + 0.2 − 0.3 is 5.6e-17 in floats
    fills = np.zeros(4, FILL)
    fills["bar"] = [1, 1, 2, 4]
    fills["quantity"] = [0.1, 0.2, -0.3, 2.0]
    held = frames.positions_of(fills, np.zeros(0, ACTION), 5, 1)
    assert held[:, 0].tolist() == [0.0, 0.1 + 0.2, 0.0, 0.0, 2.0]


def test_records_hold_the_last_value_of_a_bar_and_nan_elsewhere():
    script = {1: lambda c: (c.record("x", 1.0), c.record("x", 2.0)), 3: lambda c: c.record("y", 5.0)}
    records = play([FLAT] * 4, script).records
    assert records["x"].fillna(-1).tolist() == [-1.0, 2.0, -1.0, -1.0]
    assert records["y"].fillna(-1).tolist() == [-1.0, -1.0, -1.0, 5.0]
    assert records.columns.tolist() == ["x", "y"]
