"""Tiny markets, by hand: every case shows one rule of docs/timeline.md or docs/accounting.md through the public API."""

import pytest
from tiny import DAY_NS, FLAT, ending, equity, filled, play

from backtester import DAY, FOK, GTD, IOC

DONE = ("filled", "")

# ---- when orders meet the market


def test_an_order_of_bar_1_fills_at_the_open_of_bar_2_and_is_marked_at_its_close():
    result = play([FLAT, FLAT, (11, 12, 10, 12)], {1: lambda c: c.order(0, 5)})
    assert filled(result) == [(1, 2, 5, 11)]
    assert equity(result) == [1000, 1000, 1005]  # 1000 − 5·11 + 5·12


def test_latency_delays_orders_and_cancels_by_as_many_bars():
    def send(c):
        c.order(0, 5)
        c.cancel(c.limit(0, 5, 10))  # in force at bar 4, where the cancel acts first

    result = play([FLAT] * 6, {1: send}, latency_bars=2)
    assert filled(result) == [(1, 4, 5, 10)]
    assert ending(result, 2) == ("cancelled", "cancelled_by_user")


def test_fills_at_the_close_are_in_the_equity_of_their_bar():
    result = play([FLAT, (10, 12, 10, 12), (13, 13, 13, 13)], {1: lambda c: c.order(0, 5)}, fill_at="close")
    assert filled(result) == [(1, 1, 5, 12)]
    assert equity(result) == [1000, 1000, 1005]  # 5·(13 − 12)


def test_a_cancel_or_a_modify_acts_at_the_start_of_the_next_bar():
    reached = (10, 10, 8, 10)
    ids = {}
    script = {
        1: lambda c: ids.update(gone=c.limit(0, 5, 9), moved=c.limit(0, 5, 5)),
        2: lambda c: (c.cancel(ids["gone"]), c.modify(ids["moved"], price=8.5, quantity=7)),
    }
    result = play([FLAT, FLAT, FLAT, reached], script)
    assert ending(result, 1) == ("cancelled", "cancelled_by_user")
    assert filled(result) == [(2, 3, 7, 8.5)]


def test_what_reduces_goes_first_and_pays_for_the_rest():
    def swap(c):
        c.order(1, 10)
        c.order(0, -10)

    result = play([[FLAT, FLAT]] * 4, {1: lambda c: c.order(0, 10), 2: swap}, cash=100.0)
    assert filled(result) == [(1, 2, 10, 10), (3, 3, -10, 10), (2, 3, 10, 10)]


def test_a_missing_bar_fills_nothing_and_keeps_the_last_mark():
    rows = [[FLAT, FLAT], [(10, 11, 10, 11), FLAT], [None, FLAT], [(12, 12, 12, 12), FLAT]]
    result = play(rows, {1: lambda c: (c.order(0, 1), c.order(0, 1, tif=DAY), c.order(0, 1, tif=IOC))})
    assert filled(result) == [(1, 3, 1, 12)]
    assert ending(result, 2) == ("expired", "day_ended")
    assert ending(result, 3) == ("expired", "ioc_remainder")


def test_zero_volume_fills_and_triggers_nothing():
    rows = [FLAT, FLAT, (10, 10, 8, 9, 0), (9.5, 9.5, 9.5, 9.5)]
    result = play(rows, {1: lambda c: (c.order(0, 2), c.limit(0, 3, 8.5))})
    assert filled(result) == [(1, 3, 2, 9.5)]


# ---- time in force


@pytest.mark.parametrize(
    ("terms", "reason", "ended"),
    [
        ({}, "data_ended", 5),
        ({"tif": DAY}, "day_ended", 3),  # bars 2 and 3 are one session
        ({"tif": GTD, "expire": 4 * DAY_NS}, "gtd_ended", 3),  # bar 3 closes on day 4
        ({"tif": GTD, "expire": 4 * DAY_NS - 1}, "gtd_ended", 2),
    ],
)
def test_a_limit_waits_as_long_as_its_time_in_force(terms, reason, ended):
    result = play([FLAT] * 6, {1: lambda c: c.limit(0, 1, 5, **terms)}, sessions=[0, 0, 1, 1, 2, 2])
    assert ending(result, 1) == ("expired", reason)
    assert result.tables.orders["ended"][0] == ended


def test_ioc_takes_what_there_is_and_fok_all_or_nothing():
    rows = [FLAT, FLAT, (10, 10, 10, 10, 100), FLAT]
    result = play(rows, {1: lambda c: (c.order(0, 15, tif=FOK), c.order(0, 15, tif=IOC))}, max_participation=0.1)
    assert filled(result) == [(2, 2, 10, 10)]  # a tenth of 100
    assert ending(result, 1) == ("expired", "fok_not_filled")
    assert ending(result, 2) == ("expired", "ioc_remainder")


def test_participation_spreads_an_order_over_bars():
    rows = [FLAT, FLAT] + [(10, 10, 10, 10, 100)] * 3 + [FLAT]
    result = play(rows, {1: lambda c: c.order(0, 25)}, max_participation=0.1)
    assert filled(result) == [(1, 2, 10, 10), (1, 3, 10, 10), (1, 4, 5, 10)]
    assert ending(result, 1) == DONE


# ---- prices


def test_a_taker_pays_half_the_spread_and_slippage_and_the_tick_goes_against_him():
    # 10·(1 + 1/16 + 1/32) = 10.9375, up to 11 on a tick of 0.25; commission 5·11/64.
    costs = {"spread": 1 / 8, "slippage": 1 / 32, "commission": 1 / 64, "tick_size": 0.25}
    result = play([FLAT] * 3, {1: lambda c: c.order(0, 5)}, **costs)
    fill = result.fills.iloc[0]
    assert (fill.reference_price, fill.price, fill.commission) == (10, 11, 0.859375)
    assert (fill.spread, fill.slippage, fill.rounding) == (3.125, 1.5625, 0.3125)  # 5·10/16, 5·10/32, 5·0.0625
    assert equity(result)[-1] == 1000 - 5 - 0.859375


@pytest.mark.parametrize(("limit_fill", "bar"), [("touch", 2), ("through", 3)])
def test_a_limit_fills_at_its_price_when_touched_or_traded_through(limit_fill, bar):
    rows = [FLAT, FLAT, (10, 10, 9, 10), (10, 10, 8.75, 10)]
    result = play(rows, {1: lambda c: c.limit(0, 5, 9)}, limit_fill=limit_fill, spread=1 / 8)
    assert filled(result) == [(1, bar, 5, 9)]  # resting: no spread


def test_a_gap_through_a_limit_or_a_stop_fills_at_the_open():
    rows = [FLAT, FLAT, (8, 9, 8, 8)]
    assert filled(play(rows, {1: lambda c: c.limit(0, 5, 9)})) == [(1, 2, 5, 8)]
    rows = [FLAT, FLAT, FLAT, (8, 9, 8, 8)]
    result = play(rows, {1: lambda c: c.order(0, 5), 2: lambda c: c.stop(0, -5, 9)})
    assert filled(result) == [(1, 2, 5, 10), (2, 3, -5, 8)]


def test_a_stop_inside_the_bar_fills_at_its_price():
    rows = [FLAT, FLAT, FLAT, (10, 10.5, 8, 10)]
    result = play(rows, {1: lambda c: c.order(0, 5), 2: lambda c: c.stop(0, -5, 9)})
    assert filled(result)[1] == (2, 3, -5, 9)


def test_a_triggered_stop_limit_outside_its_limit_rests_from_the_next_bar():
    # Bar 2 opens at 12, past the stop at 11 but above the limit at 11.5; bar 3 trades at 11.5.
    rows = [FLAT, FLAT, (12, 12, 11, 12), (12, 12, 11.5, 12)]
    result = play(rows, {1: lambda c: c.stop_limit(0, 5, 11, 11.5)})
    assert filled(result) == [(1, 3, 5, 11.5)]
    assert result.tables.orders["triggered"][0] == 2


def test_a_trailing_stop_sleeps_until_there_is_a_position_and_then_follows_the_high():
    # Entry at 10: level 9, held in bar 2. After bar 2: 12 − 1 = 11. Bar 3 falls through it.
    rows = [FLAT, FLAT, (10, 12, 9.5, 12), (11.5, 11.75, 10, 10)]
    result = play(rows, {1: lambda c: (c.trailing_stop(0, -5, distance=1), c.order(0, 5))})
    assert filled(result) == [(2, 2, 5, 10), (1, 3, -5, 11)]


def test_a_trailing_stop_by_fraction_follows_the_low_for_a_short():
    # Short at 10: level 12.5; after bar 2, whose low is 8: 8·1.25 = 10. Bar 3 reaches it.
    rows = [FLAT, FLAT, (10, 10, 8, 8), (9, 11, 9, 9)]
    result = play(rows, {1: lambda c: (c.order(0, -5), c.trailing_stop(0, 5, distance_frac=0.25))})
    assert filled(result) == [(1, 2, -5, 10), (2, 3, 5, 10)]


# ---- brackets


@pytest.mark.parametrize(
    ("same_bar", "stop", "target", "price"),
    [
        ("stop_first", 9, 11, 9),
        ("target_first", 9, 11, 11),
        ("ohlc", 9, 11, 11),  # open 10, high 12, low 8
        ("olhc", 9, 11, 9),
        ("nearest", 9, 10.5, 10.5),  # 1 away, and a half
        ("nearest", 9, 11, 9),  # a tie goes to the stop
    ],
)
def test_when_one_bar_reaches_both_legs_same_bar_decides(same_bar, stop, target, price):
    rows = [FLAT, FLAT, FLAT, (10, 12, 8, 10), FLAT]
    send = {1: lambda c: c.bracket(0, 5, stop_loss=stop, take_profit=target)}
    result = play(rows, send, same_bar=same_bar)
    leg, other = (2, 3) if price == stop else (3, 2)
    assert filled(result) == [(1, 2, 5, 10), (leg, 3, -5, price)]
    assert ending(result, other) == ("cancelled", "other_leg_filled")
    assert result.ambiguous_bars == 1


def test_the_open_decides_before_same_bar_does():
    rows = [FLAT, FLAT, FLAT, (8.5, 12, 8, 10)]
    result = play(rows, {1: lambda c: c.bracket(0, 5, stop_loss=9, take_profit=11)}, same_bar="target_first")
    assert filled(result)[1] == (2, 3, -5, 8.5)
    assert result.ambiguous_bars == 0


def test_children_of_an_entry_at_the_open_see_the_whole_of_its_bar():
    rows = [FLAT, FLAT, (10, 10, 8.5, 10), FLAT]
    result = play(rows, {1: lambda c: c.bracket(0, 5, stop_loss=9, take_profit=11)})
    assert filled(result) == [(1, 2, 5, 10), (2, 2, -5, 9)]


@pytest.mark.parametrize(
    ("stop", "close", "exits"),
    [
        (8.6, 10, [(2, 2, -5, 8.6)]),  # the low of 8.5 reaches the stop
        (8, 11, [(3, 2, -5, 10.5)]),  # the close is beyond the target
        (8, 10, []),  # the high of 12 may have come before the entry
    ],
)
def test_after_an_entry_inside_the_bar_the_stop_is_sure_and_the_target_needs_the_close(stop, close, exits):
    rows = [FLAT, FLAT, (10, 12, 8.5, close), (10, 10, 10, 10)]
    send = {1: lambda c: c.bracket(0, 5, stop_loss=stop, take_profit=10.5, entry_limit=9)}
    assert filled(play(rows, send)) == [(1, 2, 5, 9), *exits]


def test_fractions_of_a_bracket_are_of_the_price_of_the_entry():
    # Entry at 10·(1 + 1/16) = 10.625: stop 10.625·0.75 = 7.96875, which is the level that a later bar falls through.
    rows = [FLAT, FLAT, FLAT, (10, 10, 7, 8)]
    result = play(rows, {1: lambda c: c.bracket(0, 8, stop_loss_frac=0.25)}, spread=1 / 8)
    assert filled(result)[1][:3] == (2, 3, -8)
    assert result.fills.iloc[1].reference_price == 7.96875
    assert ending(result, 3) == ("cancelled", "leg_absent")


def test_one_order_of_an_oco_pair_cancels_the_other():
    def pair(c):
        c.oco(c.limit(0, -5, 11), c.stop(0, -5, 9))

    rows = [FLAT, FLAT, FLAT, (10, 11, 10, 10), (10, 10, 8, 9)]
    result = play(rows, {1: lambda c: c.order(0, 5), 2: pair})
    assert filled(result) == [(1, 2, 5, 10), (2, 3, -5, 11)]
    assert ending(result, 3) == ("cancelled", "other_leg_filled")


# ---- what the account allows


@pytest.mark.parametrize(
    ("on_shortfall", "quantity", "end"),
    [("reduce", 98, ("filled", "insufficient_equity")), ("reject", 0, ("rejected", "insufficient_equity"))],
)
def test_an_order_the_account_cannot_afford_is_cut_or_refused(on_shortfall, quantity, end):
    # 1000 / (10·1.015625) = 98.46, in whole lots 98.
    terms = {"commission": 1 / 64, "lot_size": 1.0, "on_shortfall": on_shortfall}
    result = play([FLAT] * 3, {1: lambda c: c.order(0, 150)}, **terms)
    assert sum(fill[2] for fill in filled(result)) == quantity
    assert ending(result, 1) == end


def test_leverage_buys_more_and_a_fall_below_maintenance_is_liquidated_at_the_close():
    # 200 units at 10 with leverage 2. At 6: E = 1000 − 800 = 200, G = 1200, 200 < 0.25·1200.
    rows = [FLAT, FLAT, (10, 10, 10, 10), (10, 10, 6, 6), (6, 6, 6, 6)]
    result = play(rows, {1: lambda c: c.order(0, 500)}, leverage=2.0, maintenance=0.25)
    assert filled(result) == [(1, 2, 200, 10), (2, 3, -200, 6)]
    assert equity(result) == [1000, 1000, 1000, 200, 200]
    assert ending(result, 2) == ("filled", "liquidation")
    assert result.orders.loc[2, "role"] == "liquidation"


def test_a_bankrupt_account_is_written_off_and_stays_at_zero():
    # At 4: E = 1000 − 1200 = −200. Sold out, the debt of 200 is written off; no on_bar any more.
    calls = []
    rows = [FLAT, FLAT, FLAT, (4, 4, 4, 4), FLAT]
    script = {t: (lambda c, t=t: calls.append(t)) for t in (2, 3, 4)}
    result = play(rows, {1: lambda c: c.order(0, 200), **script}, leverage=2.0, maintenance=0.25)
    assert equity(result) == [1000, 1000, 1000, 0, 0]
    assert result.cash_flows[["kind", "amount"]].values.tolist() == [["write_off", 200.0]]
    assert calls == [2]


def test_a_sale_through_zero_closes_and_opens_in_one_fill():
    result = play([FLAT] * 4, {1: lambda c: c.order(0, 5), 2: lambda c: c.order(0, -8)})
    assert filled(result) == [(1, 2, 5, 10), (2, 3, -8, 10)]
    assert result.positions.iloc[-1, 0] == -3


def test_without_shorts_a_sale_stops_at_zero():
    result = play([FLAT] * 4, {1: lambda c: c.order(0, 5), 2: lambda c: c.order(0, -8)}, allow_short=False)
    assert filled(result)[1] == (2, 3, -5, 10)
    assert ending(result, 2) == ("filled", "short_not_allowed")


def test_rebalance_scales_all_purchases_by_one_factor():
    # 0.75 and 0.5 of 1000 at 10: 75 and 50 units, 1250 in all; both times 1000 / 1250 = 0.8.
    result = play([[FLAT, FLAT]] * 3, {1: lambda c: c.rebalance([0.75, 0.5])})
    assert filled(result) == [(1, 2, 60, 10), (2, 2, 40, 10)]
    assert ending(result, 1) == ending(result, 2) == ("filled", "scaled_to_equity")


def test_a_target_under_latency_does_not_overshoot_and_replaces_what_is_pending():
    every = {t: lambda c: c.order_target(0, 5) for t in (1, 2, 3)}
    result = play([FLAT] * 7, every, latency_bars=1)
    # sent at 1, 2, 3, eligible at 3, 4, 5: the first fills, the others find 5 already there
    assert filled(result) == [(1, 3, 5, 10)]
    assert ending(result, 2) == ("cancelled", "target_reached")


def test_a_target_percent_is_of_the_equity_at_its_decision():
    # 0.5·1000 / 12 = 41.67, to the lot 41, bought at the next open.
    rows = [FLAT, (10, 12, 10, 12), (11, 11, 11, 11)]
    result = play(rows, {1: lambda c: c.order_target_percent(0, 0.5)}, lot_size=1.0)
    assert filled(result) == [(1, 2, 41, 11)]


def test_close_position_cancels_the_orders_of_the_asset_and_sells():
    script = {1: lambda c: (c.order(0, 5), c.limit(0, 5, 5)), 2: lambda c: c.close_position(0)}
    result = play([FLAT] * 4, script)
    assert filled(result) == [(1, 2, 5, 10), (3, 3, -5, 10)]
    assert ending(result, 2) == ("cancelled", "close_position")


# ---- carry, and the end


def test_interest_is_simple_by_the_day_on_what_is_free():
    # 1000·0.365/365 = 1 a day, from bar 1 on; 50 units at 10 leave 1002.001 − 500 free in bar 3.
    result = play([FLAT] * 4, {1: lambda c: c.order(0, 50)}, cash_rate=0.365)
    flows = result.tables.flows
    assert flows["bar"].tolist() == [1, 2, 3]
    assert flows["amount"].tolist() == pytest.approx([1, 1.001, 0.502001], rel=1e-12)


def test_a_short_pays_to_borrow_and_its_proceeds_are_not_free():
    # Short 50 at 10: C = 1500, F = 1500 − 500 = 1000. Bar 3: borrow 500·0.73/365 = 1; interest 1000·0.365/365 = 1.
    result = play([FLAT] * 4, {1: lambda c: c.order(0, -50)}, borrow_rate=0.73, cash_rate=0.365)
    flows = result.cash_flows[result.cash_flows["bar"] == 3]
    assert flows["kind"].tolist() == ["borrow", "cash_interest"]
    # bars 1 and 2 paid 1 and 1.001 before
    assert flows["amount"].tolist() == [pytest.approx(-1, rel=1e-12), pytest.approx(1.002001, rel=1e-12)]


def test_debt_pays_the_debit_rate():
    # 150 units at 10 with leverage 2 leave −500: 500·0.73/365 = 1.
    result = play([FLAT] * 4, {1: lambda c: c.order(0, 150)}, leverage=2.0, debit_rate=0.73)
    flows = result.cash_flows[["kind", "amount"]].values.tolist()
    assert flows == [["debit_interest", pytest.approx(-1, rel=1e-12)]]


def test_the_end_marks_open_positions_or_closes_them_where_asked_for():
    rows = [FLAT, FLAT, (10, 12, 10, 12)]
    script = {1: lambda c: (c.order(0, 5), c.limit(0, 5, 5))}
    result = play(rows, script)
    assert (len(filled(result)), equity(result)[-1]) == (1, 1010)
    assert ending(result, 2) == ("expired", "data_ended")
    closed = play(rows, script, close_at_end=True, spread=1 / 8)
    assert filled(closed)[1] == (3, 2, -5, 11.25)  # 12·(1 − 1/16)
    assert ending(closed, 3) == ("filled", "at_end")
