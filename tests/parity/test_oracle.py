"""The oracle against numbers worked out by hand: time, prices, quantities and changes."""

import math
import statistics

import pytest
from by_hand import DAY, DONE, FLAT, NAN, ending, filled, play

from backtester.kernel.codes import ChangeOutcome, Phase, Reason, Status, Tif

# ---- time


def test_order_of_bar_1_fills_at_open_2_and_is_marked_at_close_2():
    result = play([FLAT, FLAT, (11, 12, 10, 12)], {1: lambda c: c.order(0, 5, tag=7)})
    assert filled(result) == [(1, 2, 5, 11)]
    assert result.equity == [1000, 1000, 1005]  # 1000 − 5·11 + 5·12
    assert (result.fills[0].phase, result.fills[0].taker, result.fills[0].tag) == (Phase.OPEN, 1, 7)


def test_latency_delays_orders_and_cancels_alike():
    def both(c):
        c.order(0, 5)
        assert c.cancel(c.order(0, 3))

    result = play([FLAT] * 5, {1: both}, latency_bars=1)
    assert filled(result) == [(1, 3, 5, 10)]
    assert ending(result, 2) == (Status.CANCELLED, Reason.CANCELLED_BY_USER)
    assert (result.changes[0].acts, result.orders[1].ended) == (3, 3)


def test_close_phase_fills_in_the_bar_of_the_order_and_enters_its_equity():
    result = play([FLAT] * 3, {1: lambda c: c.order(0, 5)}, fill_at="close", spread=1 / 8)
    assert filled(result) == [(1, 1, 5, 10.625)]  # 10·(1 + 1/16)
    assert result.equity[1] == 1000 - 5 * 0.625
    assert result.fills[0].phase == Phase.CLOSE


def test_close_phase_leaves_the_children_of_a_bracket_for_the_next_bar():
    bars = [FLAT, (10, 12, 8, 10), (10, 10, 9, 10)]
    result = play(bars, {1: lambda c: c.bracket(0, 5, stop_loss=9, take_profit=11)}, fill_at="close")
    assert filled(result) == [(1, 1, 5, 10), (2, 2, -5, 9)]
    assert result.orders[1].eligible == 2


def test_reducing_orders_come_first_and_pay_for_the_others():
    # All 100 is in asset 0; id 2 buys asset 1 for 100, id 3 sells asset 0: class 0 goes first.
    def swap(c):
        c.order(1, 10)
        c.order(0, -10)

    result = play([[FLAT, FLAT]] * 5, {1: lambda c: c.order(0, 10), 2: swap}, cash=100.0)
    assert [f.order_id for f in result.fills] == [1, 3, 2]
    assert result.positions == [0, 10]


def test_missing_bar_fills_nothing_and_ends_what_cannot_wait():
    def send(c):
        for tif in (Tif.GTC, Tif.DAY, Tif.IOC, Tif.FOK):
            c.order(0, 1, tif=tif)

    result = play([[FLAT, FLAT], [FLAT, FLAT], [None, FLAT], [FLAT, FLAT]], {1: send})
    assert filled(result) == [(1, 3, 1, 10)]
    assert ending(result, 2) == (Status.EXPIRED, Reason.DAY_ENDED)
    assert ending(result, 3) == (Status.EXPIRED, Reason.IOC_REMAINDER)
    assert ending(result, 4) == (Status.EXPIRED, Reason.FOK_NOT_FILLED)
    assert [o.ended for o in result.orders] == [3, 2, 2, 2]


def test_zero_volume_triggers_nothing_but_marks():
    bars = [FLAT, FLAT, FLAT, (10, 10, 8, 9, 0), (9.5, 9.5, 8.5, 9)]
    result = play(bars, {1: lambda c: c.order(0, 5), 2: lambda c: c.stop(0, -5, 9)})
    assert filled(result) == [(1, 2, 5, 10), (2, 4, -5, 9)]
    assert result.equity[3] == 1000 - 50 + 45


@pytest.mark.parametrize(
    ("terms", "ended", "reason"),
    [
        ({"tif": Tif.DAY}, 3, Reason.DAY_ENDED),  # first eligible in the session of bars 2 and 3
        ({"tif": Tif.GTD, "expire": 4 * DAY}, 3, Reason.GTD_ENDED),  # bar 3 closes at 4 days
        ({"tif": Tif.GTD, "expire": 4 * DAY - 1}, 2, Reason.GTD_ENDED),
        ({"tif": Tif.GTD, "expire": 2 * DAY}, 2, Reason.GTD_ENDED),  # over before it is eligible
        ({"tif": Tif.GTD, "expire": 9 * DAY}, 5, Reason.DATA_ENDED),
        ({}, 5, Reason.DATA_ENDED),
    ],
)
def test_time_in_force(terms, ended, reason):
    result = play([FLAT] * 6, {1: lambda c: c.limit(0, 1, 5, **terms)}, sessions=[0, 0, 1, 1, 2, 2])
    assert ending(result, 1) == (Status.EXPIRED, reason)
    assert result.orders[0].ended == ended


def test_gtd_over_before_its_bar_is_not_filled_there():
    result = play([FLAT] * 4, {1: lambda c: c.order(0, 1, tif=Tif.GTD, expire=3 * DAY - 1)})
    assert (filled(result), ending(result, 1)) == ([], (Status.EXPIRED, Reason.GTD_ENDED))


# ---- prices


@pytest.mark.parametrize(("quantity", "price"), [(4, 11.5), (-4, 8.5)])
def test_taker_price_and_its_parts(quantity, price):
    # 10·(1 ± (1/16 + 1/16)) = 11.25 or 8.75, to the next half against the trader.
    costs = {"spread": 1 / 8, "slippage": 1 / 16, "tick_size": 0.5}
    fill = play([FLAT] * 3, {1: lambda c: c.order(0, quantity)}, **costs).fills[0]
    assert (fill.reference_price, fill.price) == (10, price)
    assert (fill.spread, fill.slippage, fill.impact, fill.rounding) == (2.5, 2.5, 0, 1)  # 4·1.5 − 2.5 − 2.5


def test_impact_needs_two_returns_of_ended_sessions():
    bars = [(10, 10, 10, 10, 100), (11, 11, 11, 11, 200), (10, 10, 9.5, 9.9, 300), FLAT]
    early = play(bars, {1: lambda c: c.order(0, 50)}, impact=1.0)
    assert early.fills[0].price == 10  # one return
    late = play(bars, {2: lambda c: c.order(0, 50)}, impact=1.0)
    # returns 0.1, −0.1: σ = √0.02; V = 200; 10·(1 + √0.02·√(50/200))
    assert late.fills[0].price == pytest.approx(10 * (1 + math.sqrt(0.02) * 0.5), rel=1e-12)


def test_impact_looks_back_20_sessions():
    closes = [10.0 + i * 7 % 5 for i in range(22)]
    bars = [(x, x, x, x, 100.0 + i if i > 1 else 1e6) for i, x in enumerate(closes)] + [FLAT]
    fill = play(bars, {21: lambda c: c.order(0, 40)}, impact=1.0).fills[0]
    returns = [closes[i] / closes[i - 1] - 1 for i in range(2, 22)]  # V: mean of 102 … 121
    assert fill.price == pytest.approx(10 * (1 + statistics.stdev(returns) * math.sqrt(40 / 111.5)), rel=1e-12)


@pytest.mark.parametrize(("limit_fill", "bar"), [("touch", 2), ("through", 3)])
def test_resting_limit_fills_at_its_price(limit_fill, bar):
    bars = [FLAT, FLAT, (10, 10, 9, 10), (9, 9.5, 8.75, 9)]  # bar 3 opens at the limit and trades through it
    result = play(bars, {1: lambda c: c.limit(0, 4, 9)}, limit_fill=limit_fill, spread=1 / 8, tick_size=4.0)
    assert filled(result) == [(1, bar, 4, 9)]
    assert (result.fills[0].taker, result.fills[0].spread, result.fills[0].phase) == (0, 0, Phase.INTRABAR)


def test_marketable_limit_is_a_taker_never_worse_than_its_limit():
    result = play([FLAT] * 3, {1: lambda c: c.limit(0, 4, 10.25)}, spread=1 / 8)
    assert filled(result) == [(1, 2, 4, 10.25)]  # 10.625 clamped
    assert (result.fills[0].taker, result.fills[0].rounding) == (1, 4 * 0.25 - 4 * 0.625)


@pytest.mark.parametrize(
    ("bar", "phase", "price"), [((12, 13, 11.5, 12), Phase.OPEN, 12), ((10, 12, 10, 11), Phase.INTRABAR, 11)]
)
def test_stop_fills_at_the_open_that_passed_it_else_at_its_price(bar, phase, price):
    result = play([FLAT, FLAT, bar], {1: lambda c: c.stop(0, 4, 11)})
    assert filled(result) == [(1, 2, 4, price)]
    assert (result.fills[0].phase, result.orders[0].triggered) == (phase, 2)


def test_stop_limit_outside_its_limit_rests_from_the_next_bar():
    bars = [FLAT, FLAT, (10, 12, 10, 11), (11, 11, 10.25, 11)]
    result = play(bars, {1: lambda c: c.stop_limit(0, 4, 11, 10.5)})
    assert filled(result) == [(1, 3, 4, 10.5)]
    assert (result.orders[0].triggered, result.fills[0].taker) == (2, 0)


def test_stop_limit_inside_its_limit_fills_at_the_stop():
    result = play([FLAT, FLAT, (10, 12, 10, 11)], {1: lambda c: c.stop_limit(0, 4, 11, 11.5)}, spread=1 / 8)
    assert filled(result) == [(1, 2, 4, 11.5)]  # 11·17/16 = 11.6875 clamped


@pytest.mark.parametrize(("how", "level"), [({"distance": 2.0}, 11), ({"distance_frac": 0.25}, 9.75)])
def test_trailing_stop_starts_from_the_mark_and_follows_the_high(how, level):
    # Level 10 − 2 = 8, or 7.5; after bar 3, 13 − 2 = 11, or 13·0.75 = 9.75.
    bars = [FLAT, FLAT, FLAT, (10, 13, 9, 12), (12, 12, 9.5, 11)]
    result = play(bars, {1: lambda c: c.order(0, 5), 2: lambda c: c.trailing_stop(0, -8, **how)})
    assert filled(result) == [(1, 2, 5, 10), (2, 4, -5, level)]
    assert ending(result, 2) == (Status.CANCELLED, Reason.NOTHING_TO_REDUCE)  # 3 of 8 are left, nothing is held


def test_trailing_stop_wakes_with_the_fill_and_takes_the_close_in_an_intrabar_entry():
    # Level 9 − 1 = 8; the bar's low 8.5 is above; then max(8, 9.5 − 1) = 8.5, not 12 − 1.
    def send(c):
        c.trailing_stop(0, -5, distance=1.0)
        c.limit(0, 5, 9)

    result = play([FLAT, FLAT, (10, 12, 8.5, 9.5), (9.5, 9.5, 8, 9)], {1: send})
    assert filled(result) == [(2, 2, 5, 9), (1, 3, -5, 8.5)]


def test_commission_is_cumulative_over_the_fills_of_an_order():
    # 5 units a bar: 5·10/64 = 0.78125 → minimum 1; then 1.5625, of which 1 is paid.
    bars = [FLAT, FLAT, (*FLAT, 10), (*FLAT, 10)]
    result = play(bars, {1: lambda c: c.order(0, 10)}, commission=1 / 64, commission_min=1.0, max_participation=0.5)
    assert [f.commission for f in result.fills] == [1, 0.5625]


# ---- quantities


def test_target_called_again_under_latency_does_not_overshoot():
    made = []

    def aim(c):
        made.append(c.order_target(0, 5))

    result = play([FLAT] * 7, {1: aim, 2: aim, 5: aim}, latency_bars=1)
    assert filled(result) == [(1, 3, 5, 10)]
    assert ending(result, 2) == (Status.CANCELLED, Reason.TARGET_REACHED)
    assert made == [1, 2, 0]


def test_target_replaces_the_rest_of_a_market_order_and_leaves_limits():
    bars = [FLAT, FLAT, *[(*FLAT, 10)] * 2]

    def send(c):
        c.order(0, 10)
        c.limit(0, 1, 5)

    result = play(bars, {1: send, 2: lambda c: c.order_target(0, 2)}, max_participation=0.5)
    assert filled(result) == [(1, 2, 5, 10), (3, 3, -3, 10)]  # 2 − 5
    assert ending(result, 1) == (Status.CANCELLED, Reason.REPLACED_BY_TARGET)
    assert ending(result, 2) == (Status.EXPIRED, Reason.DATA_ENDED)


@pytest.mark.parametrize(("multiplier", "target"), [(1.0, 70), (2.0, 30)])
def test_target_percent_rounds_towards_zero(multiplier, target):
    result = play(  # 0.75·1000/(10·m) = 75 or 37.5, in lots of 10
        [FLAT] * 3, {1: lambda c: c.order_target_percent(0, 0.75)}, multiplier=multiplier, lot_size=10.0
    )
    assert result.positions == [target]


@pytest.mark.parametrize(
    ("settings", "quantity", "taken"),
    [
        ({"cash": 1025.0, "commission": 1 / 64, "commission_per_unit": 0.09375}, 200, 100),  # 1025/(10 + 0.25)
        ({"commission": 1 / 64, "commission_min": 100.0}, 200, 90),  # 1000/10.15625 = 98.5; (1000 − 100)/10 = 90
        ({"leverage": 2.0, "commission_per_order": 10.0}, -500, -198),  # 2·(1000 − 10)/10
        ({"leverage": 2.0, "spread": 1 / 8, "lot_size": 1.0}, 500, 177),  # 2000/(10 + 2·0.625) = 177.8
        ({"multiplier": 4.0}, 500, 25),  # 1000/40
    ],
)
def test_shortfall_takes_what_the_equity_carries(settings, quantity, taken):
    result = play([FLAT] * 3, {1: lambda c: c.order(0, quantity)}, **settings)
    assert result.positions == [taken]
    assert ending(result, 1) == (Status.FILLED, Reason.INSUFFICIENT_EQUITY)
    refused = play([FLAT] * 3, {1: lambda c: c.order(0, quantity)}, on_shortfall="reject", **settings)
    assert ending(refused, 1) == (Status.REJECTED, Reason.INSUFFICIENT_EQUITY)
    exact = play([FLAT] * 3, {1: lambda c: c.order(0, taken)}, on_shortfall="reject", **settings)
    assert ending(exact, 1) == DONE


@pytest.mark.parametrize(("on_shortfall", "sold"), [("reduce", -18), ("reject", -10)])
def test_through_zero_closes_all_and_opens_what_is_affordable(on_shortfall, sold):
    # 110 buys 10 at 10 + 1 each: E = 100. Then k = 10, u = 1: (100 − 10 − (100 − 100))/(10 + 1) = 8.2.
    script = {1: lambda c: c.order(0, 10), 2: lambda c: c.order(0, -30)}
    settings = {"cash": 110.0, "commission_per_unit": 1.0, "lot_size": 1.0, "on_shortfall": on_shortfall}
    result = play([FLAT] * 4, script, **settings)
    assert filled(result)[1] == (2, 3, sold, 10)
    assert ending(result, 2) == (Status.FILLED, Reason.INSUFFICIENT_EQUITY)


def test_without_shorts_a_sale_is_capped_at_the_position():
    script = {1: lambda c: c.order(0, 5), 2: lambda c: c.order(0, -8), 3: lambda c: c.order(0, -1)}
    result = play([FLAT] * 5, script, allow_short=False)
    assert filled(result) == [(1, 2, 5, 10), (2, 3, -5, 10)]
    assert ending(result, 2) == (Status.FILLED, Reason.SHORT_NOT_ALLOWED)
    assert ending(result, 3) == (Status.REJECTED, Reason.SHORT_NOT_ALLOWED)


@pytest.mark.parametrize(("volume", "sold"), [(20, [-5]), (12, [-3, -2])])
def test_capped_sale_ends_when_the_position_and_not_the_volume_stops_it(volume, sold):
    bars = [FLAT] * 3 + [(*FLAT, volume)] * 3  # a quarter of the volume: 5 or 3
    script = {1: lambda c: c.order(0, 5), 2: lambda c: c.order(0, -8)}
    result = play(bars, script, allow_short=False, max_participation=0.25)
    assert [f.quantity for f in result.fills] == [5, *sold]
    assert ending(result, 2) == (Status.FILLED, Reason.SHORT_NOT_ALLOWED)


def test_commission_that_is_paid_is_not_asked_for_again():
    # 1100 pays 100 and 50·10; the other 50·10 need 500, and 500 is there.
    bars = [FLAT, FLAT, *[(*FLAT, 100)] * 2]
    settings = {"cash": 1100.0, "commission_per_order": 100.0, "max_participation": 0.5}
    result = play(bars, {1: lambda c: c.order(0, 100)}, **settings)
    assert (result.cash, ending(result, 1)) == (0, DONE)


def test_participation_is_shared_and_the_rest_keeps_working():
    def send(c):
        c.order(0, 3)
        c.order(0, 4)

    bars = [FLAT, FLAT, (*FLAT, 20), (*FLAT, NAN)]  # a quarter of 20 is 5; an unknown volume is no cap
    assert filled(play(bars, {1: send}, max_participation=0.25)) == [(1, 2, 3, 10), (2, 2, 2, 10), (2, 3, 2, 10)]


@pytest.mark.parametrize(
    ("quantity", "tif", "sold", "end"),
    [
        (5, Tif.FOK, 5, DONE),
        (6, Tif.FOK, 0, (Status.EXPIRED, Reason.FOK_NOT_FILLED)),
        (6, Tif.IOC, 5, (Status.EXPIRED, Reason.IOC_REMAINDER)),
    ],
)
def test_fok_and_ioc_against_the_volume(quantity, tif, sold, end):
    bars = [FLAT, FLAT, *[(*FLAT, 20)] * 2]
    result = play(bars, {1: lambda c: c.order(0, quantity, tif=tif)}, max_participation=0.25)
    assert (result.positions, ending(result, 1)) == ([sold], end)


def test_fok_that_cannot_be_paid_is_not_filled():
    result = play([FLAT] * 3, {1: lambda c: c.order(0, 101, tif=Tif.FOK)})
    assert (filled(result), ending(result, 1)) == ([], (Status.EXPIRED, Reason.FOK_NOT_FILLED))


@pytest.mark.parametrize(
    ("verb", "reason"),
    [
        (lambda c: c.order(0, NAN), Reason.QUANTITY_NOT_FINITE),
        (lambda c: c.order(0, math.inf), Reason.QUANTITY_NOT_FINITE),
        (lambda c: c.order(0, 0), Reason.QUANTITY_ZERO),
        (lambda c: c.order(0, 1e19), Reason.QUANTITY_TOO_LARGE),
        (lambda c: c.order(0, -4), Reason.QUANTITY_BELOW_LOT),
        (lambda c: c.order(1, 5), Reason.ASSET_UNKNOWN),
        (lambda c: c.order(0, 5, tif=9), Reason.TIF_UNKNOWN),
        (lambda c: c.order(0, 5, tif=Tif.GTD), Reason.EXPIRE_MISSING),
        (lambda c: c.limit(0, 5, 0.0), Reason.PRICE_INVALID),
        (lambda c: c.stop_limit(0, 5, 9, NAN), Reason.PRICE_INVALID),
        (lambda c: c.trailing_stop(0, -5), Reason.DISTANCE_INVALID),
        (lambda c: c.trailing_stop(0, -5, distance_frac=1.0), Reason.DISTANCE_INVALID),
        (lambda c: c.order_target_percent(0, NAN), Reason.TARGET_NOT_FINITE),
        (lambda c: c.order_target(0, 1e19), Reason.QUANTITY_TOO_LARGE),
        (lambda c: c.bracket(0, 5, stop_loss=10), Reason.STOP_LOSS_WRONG_SIDE),  # the mark is 10
        (lambda c: c.bracket(0, -5, take_profit=10), Reason.TAKE_PROFIT_WRONG_SIDE),
        (lambda c: c.bracket(0, 5, stop_loss=10, entry_limit=9, entry_stop=12), Reason.STOP_LOSS_WRONG_SIDE),
        (lambda c: c.bracket(0, 5, stop_loss_frac=1.0), Reason.STOP_LOSS_WRONG_SIDE),
    ],
)
def test_refusals_at_submission_still_have_an_id(verb, reason):
    result = play([FLAT] * 3, {1: verb}, lot_size=5.0)
    assert ending(result, 1) == (Status.REJECTED, reason)
    assert all(o.reason == Reason.PARENT_REJECTED for o in result.orders[1:])
    assert len(result.orders) == (3 if reason in (Reason.STOP_LOSS_WRONG_SIDE, Reason.TAKE_PROFIT_WRONG_SIDE) else 1)


# ---- changes


def test_modify_moves_a_limit_before_the_next_open():
    def change(c):
        assert c.modify(1, price=10.5, quantity=8)

    result = play([FLAT] * 4, {1: lambda c: c.limit(0, 4, 5), 2: change})
    assert filled(result) == [(1, 3, 8, 10)]
    change = result.changes[0]
    assert (change.outcome, change.old_price, change.old_quantity) == (ChangeOutcome.DONE, 5, 4)


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        (lambda c: c.modify(1, price=9), ChangeOutcome.PRICE_NOT_MODIFIABLE),
        (lambda c: c.modify(1, quantity=4), ChangeOutcome.QUANTITY_INVALID),  # 5 are filled
        (lambda c: c.modify(1, quantity=-20), ChangeOutcome.QUANTITY_INVALID),
        (lambda c: c.modify(1), ChangeOutcome.NOTHING_TO_CHANGE),
        (lambda c: c.modify(2, price=-1.0), ChangeOutcome.PRICE_INVALID),
        (lambda c: c.modify(3, quantity=1), ChangeOutcome.QUANTITY_ON_CHILD),
        (lambda c: c.cancel(9), ChangeOutcome.ORDER_UNKNOWN),
        (lambda c: c.oco(2, 3), ChangeOutcome.OCO_ALREADY_PAIRED),
    ],
)
def test_changes_that_cannot_be(change, outcome):
    def send(c):
        c.order(0, 10)
        c.bracket(0, 1, stop_loss=4, take_profit=20, entry_limit=5)

    bars = [FLAT, FLAT, *[(*FLAT, 10)] * 2]
    assert play(bars, {1: send, 2: change}, max_participation=0.5).changes[0].outcome == outcome


def test_modify_to_what_is_filled_ends_the_order():
    bars = [FLAT, FLAT, *[(*FLAT, 10)] * 2]
    result = play(bars, {1: lambda c: c.order(0, 10), 2: lambda c: c.modify(1, quantity=5)}, max_participation=0.5)
    assert (result.positions, ending(result, 1)) == ([5], (Status.CANCELLED, Reason.REDUCED_BY_MODIFY))


def test_close_position_cancels_and_sells():
    def enter(c):
        c.order(0, 5)
        c.limit(0, 1, 5)

    result = play([FLAT] * 4, {1: enter, 2: lambda c: c.close_position(0)})
    assert result.positions == [0]
    assert ending(result, 2) == (Status.CANCELLED, Reason.CLOSE_POSITION)
