"""The oracle against numbers worked out by hand: splits, dividends, funding, delistings, scaling out (28-31, 36)."""

import math

import pytest
from by_hand import DONE, FLAT, ending, filled, flows, play

from backtester.kernel.codes import (
    ActionKind,
    CashFlowKind,
    ChangeKind,
    ChangeOutcome,
    OrderKind,
    Reason,
    Role,
    Status,
)

HALF, DOUBLE = (5, 5, 5, 5), (20, 20, 20, 20)
CANCELLED, REJECTED = Status.CANCELLED, Status.REJECTED


def adjustments(result) -> list[tuple]:
    """(order, price before, price after, quantity before, quantity after)."""
    rows = [c for c in result.changes if c.kind == ChangeKind.SPLIT]
    assert all((c.bar, c.acts, c.outcome) == (c.bar, c.bar, ChangeOutcome.DONE) for c in rows)
    return [(c.order_id, c.old_price, c.price, c.old_quantity, c.quantity) for c in rows]


def actions(result) -> list[tuple]:
    return [(a.bar, a.asset, a.kind, a.value, a.before, a.after, a.mark) for a in result.actions]


# ---- rule 29


def test_split_changes_units_and_not_value():
    seen = []
    script = {1: lambda c: c.order(0, 10), 3: lambda c: seen.append((c.position(0), c.entry_price(0), c.mark(0)))}
    result = play([FLAT, FLAT, FLAT, HALF], script, events={"split": {3: 2.0}})
    assert (seen, result.equity) == ([(20, 5, 5)], [1000] * 4)
    assert actions(result) == [(3, 0, ActionKind.SPLIT, 2, 10, 20, 5)]
    assert (result.cash_flows, result.changes) == ([], [])


def test_split_on_a_row_without_a_bar_moves_the_mark():
    script = {1: lambda c: c.order(0, 10)}
    result = play([[FLAT, FLAT]] * 3 + [[None, FLAT]], script, events={"split": {3: 2.0}})
    assert (result.positions[0], result.equity[3]) == (20, 1000)  # 900 + 20·(10/2)


def test_split_of_one_and_nan_are_nothing():
    result = play([FLAT] * 4, {1: lambda c: c.order(0, 10), 2: lambda c: c.limit(0, 1, 5)}, events={"split": {3: 1.0}})
    assert (result.actions, result.changes) == ([], [])


def test_split_adjusts_working_orders():
    def send(c):
        c.limit(0, 4, 8)
        c.stop(0, -6, 7)
        c.stop_limit(0, 2, 12, 13)

    result = play([FLAT] * 3 + [HALF], {1: send}, events={"split": {3: 2.0}})
    assert adjustments(result) == [(1, 8, 4, 4, 8), (2, 7, 3.5, -6, -12), (3, 12, 6, 2, 4)]
    assert result.orders[2].limit_price == 6.5


def test_split_adjusts_what_has_filled_and_the_order_ends_filled():
    # 4 a bar: 4 of 10 bought before the split is 8 of 20; bars 3 and 4 let 8 and then the last 4 through.
    bars = [FLAT, FLAT, (*FLAT, 8), (*HALF, 16), (*HALF, 16)]
    result = play(bars, {1: lambda c: c.order(0, 10)}, max_participation=0.5, events={"split": {3: 2.0}})
    assert filled(result) == [(1, 2, 4, 10), (1, 3, 8, 5), (1, 4, 4, 5)]
    order = result.orders[0]
    assert (ending(result, 1), order.quantity, order.filled, order.filled_value) == (DONE, 20, 20, 40 + 40 + 20)


def test_split_adjusts_a_pending_order_and_a_pending_target():
    def send(c):
        c.order_target(0, 30)
        c.limit(1, 3, 9)

    bars = [[FLAT, FLAT]] * 2 + [[HALF, HALF]] * 2
    result = play(bars, {1: send}, latency_bars=1, events={"split": {2: {0: 2.0, 1: 2.0}}})
    assert result.orders[0].target == 60
    assert filled(result) == [(1, 3, 60, 5)]
    assert adjustments(result)[1] == (2, 9, 4.5, 3, 6)


def test_split_and_the_legs_of_a_bracket():
    # By price: 8 → 4 and 12 → 6. In bar 4 the low of 4 fills the stop.
    bars = [FLAT, FLAT, FLAT, HALF, (5, 5, 4, 5)]
    script = {1: lambda c: c.bracket(0, 5, stop_loss=8, take_profit=12)}
    result = play(bars, script, events={"split": {3: 2.0}})
    assert adjustments(result) == [(2, 8, 4, -5, -10), (3, 12, 6, -5, -10)]
    assert filled(result) == [(1, 2, 5, 10), (2, 4, -10, 4)]
    # By fraction: placed at 10·(1 − 1/4) = 7.5 → 3.75, and 10·(1 + 1/2) = 15 → 7.5.
    script = {1: lambda c: c.bracket(0, 5, stop_loss_frac=0.25, take_profit_frac=0.5)}
    assert adjustments(play(bars, script, events={"split": {3: 2.0}})) == [
        (2, 7.5, 3.75, -5, -10),
        (3, 15, 7.5, -5, -10),
    ]


def test_legs_of_a_parent_that_has_ended_are_whole_after_a_split():
    # 10 bought; after the split the stop sells 8 of 20 (the volume), and the target shrinks to the other 12.
    bars = [FLAT, FLAT, FLAT, (5, 5, 4, 5, 16), (5, 6, 5, 6, 100)]
    script = {1: lambda c: c.bracket(0, 10, stop_loss=8, take_profit=12)}
    result = play(bars, script, max_participation=0.5, events={"split": {3: 2.0}})
    assert filled(result) == [(1, 2, 10, 10), (2, 3, -8, 4), (2, 4, -12, 5)]
    assert (result.orders[1].quantity, result.orders[2].quantity) == (-20, -12)
    assert (ending(result, 2), ending(result, 3)) == (DONE, (CANCELLED, Reason.OTHER_LEG_FILLED))
    assert result.orders[0].filled == 10  # its row stays as it ended


def test_split_before_the_entry_leaves_fractions_and_adjusts_prices():
    bars = [FLAT, FLAT, FLAT, HALF, (5, 5, 4, 5)]
    script = {1: lambda c: c.bracket(0, 5, stop_loss_frac=0.25, take_profit=12, entry_limit=8)}
    result = play(bars, script, events={"split": {3: 2.0}})
    assert filled(result) == [(1, 4, 10, 4)]  # 5 at 8 is 10 at 4
    stop, target = result.orders[1:]
    assert (stop.stop_price, stop.quantity, target.limit_price, target.quantity) == (3, -10, 6, -10)  # 4·(1 − 1/4)


def test_split_adjusts_level_and_distance_of_a_trailing_stop():
    def send(c):
        c.order(0, 5)
        c.trailing_stop(0, -5, distance=2)

    # Level 8 and distance 2 become 4 and 1; the high of 6 in bar 3 lifts the level to 5.
    bars = [FLAT, FLAT, FLAT, (5, 6, 5, 6), (6, 6, 5, 5.5)]
    result = play(bars, {1: send}, events={"split": {3: 2.0}})
    assert adjustments(result) == [(2, 8, 4, -5, -10)]
    assert filled(result) == [(1, 2, 5, 10), (2, 4, -10, 5)]


def test_three_for_two_pays_the_fraction_in_cash():
    # 5·1.5 = 7.5: 7 stay, and 0.5·2·(10·2/3) = 20/3 is paid (m = 2). C = 1000 − 100 + 20/3, 7·2·20/3 = 280/3.
    third = 20 / 3
    bars = [FLAT, FLAT, FLAT, (third,) * 4]
    script = {1: lambda c: c.order(0, 5), 2: lambda c: c.limit(0, 3, 6)}
    result = play(bars, script, lot_size=1.0, multiplier=2.0, events={"split": {3: 1.5}})
    assert [(f[:3], float(f[3])) for f in flows(result)] == [((3, 0, CashFlowKind.CASH_IN_LIEU), pytest.approx(20 / 3))]
    assert actions(result)[0][3:6] == (1.5, 5, 7)
    assert float(result.equity[3]) == pytest.approx(1000)
    assert adjustments(result)[0][2:] == (4, 3, 4)  # 3·1.5 = 4.5, rounded; 6/1.5


def test_a_short_pays_the_fraction():
    result = play([FLAT] * 3 + [DOUBLE], {1: lambda c: c.order(0, -5)}, lot_size=1.0, events={"split": {3: 0.5}})
    assert flows(result) == [(3, 0, CashFlowKind.CASH_IN_LIEU, -10)]  # −0.5·20
    assert (result.positions, result.equity[3]) == ([-2], 1000)


def test_reverse_split_cancels_what_is_less_than_a_lot():
    # 1·0.5 is below a lot; so is the position of 1, whose 0.5·20 is paid out and whose trailing stop goes with it.
    def send(c):
        c.limit(0, 1, 5)
        c.limit(0, 3, 5)
        c.trailing_stop(0, -4, distance=1)

    script = {1: lambda c: c.order(0, 1), 2: send}
    result = play([FLAT] * 4 + [DOUBLE], script, lot_size=1.0, events={"split": {4: 0.5}})
    assert adjustments(result) == [(2, 5, 10, 1, 0), (3, 5, 10, 3, 1), (4, 9, 18, -4, -2)]
    assert ending(result, 2) == (CANCELLED, Reason.SPLIT)
    assert ending(result, 4) == (CANCELLED, Reason.NOTHING_TO_REDUCE)
    assert flows(result) == [(4, 0, CashFlowKind.CASH_IN_LIEU, 10)]
    assert (result.positions, result.equity[4]) == ([0], 1000)


def test_an_order_that_closes_the_position_still_does():
    # 4 are bought, and a limit asks for −4; it has sold 1 when the split comes.
    def sell(c):
        c.limit(0, -4, 12)

    bars = [FLAT, FLAT, FLAT, (10, 12, 10, 12, 2), (8, 8, 8, 8, 2), (8, 8, 8, 8)]
    result = play(
        bars, {1: lambda c: c.order(0, 4), 2: sell}, max_participation=0.5, lot_size=1.0, events={"split": {4: 1.5}}
    )
    # Before: −4, −1 filled, position 3. After: filled −1.5, position 4 (of 4.5): it asks for −5.5.
    assert adjustments(result) == [(2, 12, 8, -4, -5.5)]
    assert filled(result) == [(1, 2, 4, 10), (2, 3, -1, 12), (2, 4, -1, 8), (2, 5, -3, 8)]
    assert (ending(result, 2), result.positions) == (DONE, [0])


def test_split_adjusts_a_queued_modify():
    # Asked at the close of bar 2 with a latency of 1: it acts in bar 4, after the split of bar 3.
    script = {1: lambda c: c.limit(0, 4, 8), 2: lambda c: c.modify(1, price=9, quantity=6)}
    result = play([FLAT, FLAT, FLAT, HALF, HALF, (5, 5, 4.5, 5)], script, latency_bars=1, events={"split": {3: 2.0}})
    assert filled(result) == [(1, 5, 12, 4.5)]
    assert (result.changes[0].price, result.changes[0].quantity, result.changes[0].old_price) == (4.5, 12, 4)


def test_a_modify_that_acts_in_the_bar_of_the_split_is_in_the_units_before_it():
    script = {1: lambda c: c.limit(0, 4, 8), 2: lambda c: c.modify(1, price=9)}
    result = play([FLAT, FLAT, FLAT, (5, 5, 4.5, 5)], script, events={"split": {3: 2.0}})
    assert filled(result) == [(1, 3, 8, 4.5)]
    assert result.changes[0].price == 9


def test_the_parent_that_a_split_cancels_takes_its_legs_along():
    script = {1: lambda c: c.bracket(0, 1, stop_loss=4, entry_limit=5)}
    result = play([FLAT, FLAT, FLAT, DOUBLE], script, lot_size=1.0, events={"split": {3: 0.5}})
    assert (ending(result, 1), ending(result, 2)) == ((CANCELLED, Reason.SPLIT), (CANCELLED, Reason.PARENT_ENDED))
    assert len(adjustments(result)) == 1


def test_impact_counts_in_the_units_of_its_bar():
    # Closes 10, 11, 4.95 with a 2-for-1 split before the third: 5, 5.5, 4.95 in its units, returns 0.1 and −0.1.
    # Volumes 100, 200, 600: 200, 400, 600 in its units.
    bars = [(10, 10, 10, 10, 100), (11, 11, 11, 11, 200), (4.95, 4.95, 4.95, 4.95, 600), (5, 5, 5, 5, 400)]
    result = play(bars, {2: lambda c: c.order(0, 100)}, impact=1.0, events={"split": {2: 2.0}})
    sigma = math.sqrt(0.02)  # mean 0, (0.1² + 0.1²)/1
    assert float(result.fills[0].price) == pytest.approx(5 * (1 + sigma * math.sqrt(100 / 400)), rel=1e-12)


# ---- rule 30


@pytest.mark.parametrize(("quantity", "amount"), [(10, 7.5), (-10, -7.5)])
def test_dividend_is_paid_by_shorts(quantity, amount):
    result = play([FLAT] * 4, {1: lambda c: c.order(0, quantity)}, multiplier=0.5, events={"dividend": {3: 1.5}})
    assert flows(result) == [(3, 0, CashFlowKind.DIVIDEND, amount)]  # 10·0.5·1.5


def test_dividend_belongs_to_who_held_before_the_open():
    script = {1: lambda c: c.order(0, 10), 2: lambda c: c.order(0, -10)}
    result = play([FLAT] * 5, script, events={"dividend": {2: 1.0, 3: 2.0, 4: 4.0}})
    assert flows(result) == [(3, 0, CashFlowKind.DIVIDEND, 20)]  # bought in bar 2, sold in bar 3


def test_split_and_dividend_of_one_row():
    script = {1: lambda c: c.order(0, 10), 2: lambda c: c.limit(0, 1, 4)}
    result = play([FLAT] * 3 + [HALF], script, events={"split": {3: 2.0}, "dividend": {3: 0.25}})
    assert flows(result) == [(3, 0, CashFlowKind.DIVIDEND, 5)]  # 20·0.25
    assert result.orders[1].limit_price == 2  # the split only


@pytest.mark.parametrize(("quantity", "amount"), [(10, -1.875), (-10, 1.875)])
def test_funding_is_on_the_mark_before(quantity, amount):
    bars = [FLAT, FLAT, (10, 12, 10, 12), FLAT]
    result = play(bars, {1: lambda c: c.order(0, quantity)}, events={"funding": {3: 1 / 64}})
    assert flows(result) == [(3, 0, CashFlowKind.FUNDING, amount)]  # 10·12/64


# ---- rule 31


@pytest.mark.parametrize(("policy", "price"), [("final_price", 3), ("last_mark", 12), ("worthless", 0)])
def test_delisting_pays_by_policy(policy, price):
    bars = [FLAT, FLAT, (10, 12, 10, 12), FLAT]
    result = play(bars, {1: lambda c: c.order(0, 10)}, delisting=policy, events={"delisting": {3: 3.0}})
    assert flows(result) == ([(3, 0, CashFlowKind.DELISTING, 10 * price)] if price else [])
    assert actions(result) == [(3, 0, ActionKind.DELISTING, price, 10, 0, 12)]
    assert (result.positions, result.equity[3]) == ([0], 900 + 10 * price)


def test_delisting_cancels_the_orders_and_refuses_later_ones():
    def send(c):
        c.order(0, 5)
        c.bracket(0, 2, stop_loss=4, entry_limit=5)
        c.limit(1, 1, 5)

    answers = []

    def later(c):
        answers.extend(
            [c.order(0, 5), c.order_target(0, 0), c.close_position(0), c.scale_out(0, [11.0]), c.order(1, 1)]
        )
        c.rebalance([0.0, math.nan])
        answers.append(c.order_target_percent(0, 0.5))

    bars = [[FLAT, FLAT]] * 5
    result = play(bars, {1: send, 3: later}, events={"delisting": {3: 10.0}})
    assert ending(result, 2) == (CANCELLED, Reason.DELISTED)
    assert ending(result, 3) == (CANCELLED, Reason.PARENT_ENDED)
    assert answers == [6, 0, 0, 0, 7, 8]
    assert (ending(result, 6), ending(result, 7)) == ((REJECTED, Reason.DELISTED), DONE)
    assert ending(result, 8) == (REJECTED, Reason.DELISTED)
    assert result.orders[4].status == Status.EXPIRED  # asset 1 goes on


def test_an_order_of_the_bar_before_meets_the_delisting_and_no_market():
    result = play([FLAT] * 4, {1: lambda c: c.order(0, 5)}, events={"delisting": {2: 10.0}})
    assert (filled(result), ending(result, 1)) == ([], (CANCELLED, Reason.DELISTED))


def test_events_in_asset_order_split_dividend_funding_delisting():
    def buy(c):
        c.order(0, 10)
        c.order(1, 10)

    events = {
        "split": {3: {0: 2.0}},
        "dividend": {3: {0: 1.0, 1: 1.0}},
        "funding": {3: {0: 0.25}},
        "delisting": {3: {0: 4.0}},
    }
    result = play([[FLAT, FLAT]] * 3 + [[HALF, FLAT]], {1: buy}, events=events)
    # 20·1; −20·5·0.25; 20·4; then asset 1: 10·1.
    kinds = CashFlowKind
    assert flows(result) == [
        (3, 0, kinds.DIVIDEND, 20), (3, 0, kinds.FUNDING, -25), (3, 0, kinds.DELISTING, 80), (3, 1, kinds.DIVIDEND, 10),
    ]  # fmt: skip


def test_nothing_happens_to_a_bankrupt_account():
    bars = [FLAT, FLAT, FLAT, (10, 10, 4, 4), FLAT]
    script = {1: lambda c: c.order(0, 200), 3: lambda c: None}
    result = play(bars, script, leverage=2.0, events={"split": {4: 2.0}, "delisting": {4: 1.0}})
    assert (result.actions, result.equity[4], result.bankrupt) == ([], 0, True)


def test_carry_comes_before_the_split():
    # Short 10 at 10 over a day at 36.5 %: 100·0.365/365 = 0.1, whatever the split makes of it.
    script = {1: lambda c: c.order(0, -10)}
    result = play([FLAT] * 3 + [HALF], script, borrow_rate=0.365, events={"split": {3: 2.0}})
    assert [(f[0], f[2], float(f[3])) for f in flows(result)] == [(3, CashFlowKind.BORROW, pytest.approx(-0.1))]


# ---- rule 36


def test_scale_out_in_equal_parts_takes_everything():
    # 10/3 rounded to 3 and 3; the last takes the other 4.
    script = {1: lambda c: c.order(0, 10), 2: lambda c: c.scale_out(0, [11.0, 12.0, 13.0], tag=5)}
    result = play([FLAT] * 3 + [(10, 12, 10, 12), (12, 13, 12, 13)], script, lot_size=1.0)
    assert filled(result)[1:] == [(2, 3, -3, 11), (3, 3, -3, 12), (4, 4, -4, 13)]
    assert {(o.role, o.kind, o.tag) for o in result.orders[1:]} == {(Role.SCALE_OUT, OrderKind.LIMIT, 5)}


def test_scale_out_by_fractions_leaves_the_rest():
    script = {1: lambda c: c.order(0, -8), 2: lambda c: c.scale_out(0, [9.0, 8.0], fractions=[0.5, 0.25])}
    result = play([FLAT] * 3 + [(10, 10, 8, 8)], script)
    assert filled(result)[1:] == [(2, 3, 4, 9), (3, 3, 2, 8)]
    assert result.positions == [-2]


def test_scale_out_rungs_go_with_the_position_and_only_reduce():
    answers = []

    def later(c):
        answers.append(c.scale_out(0, [12.0, 13.0]))
        c.order(0, -6)

    script = {1: lambda c: c.order(0, 10), 2: later}
    bars = [FLAT] * 3 + [(10, 12, 10, 12), FLAT]
    result = play(bars, script)
    # −5 at 12 finds 4: it sells those 4, and both rungs are over.
    assert (answers, filled(result)[1:]) == ([2], [(4, 3, -6, 10), (2, 3, -4, 12)])
    assert ending(result, 2) == ending(result, 3) == (CANCELLED, Reason.NOTHING_TO_REDUCE)


def test_a_rung_that_comes_when_the_position_has_gone_ends():
    # Sold at the open of bar 4, while the rung of bar 3 is pending until bar 5; bought again in bar 6.
    script = {
        1: lambda c: c.order(0, 10),
        2: lambda c: c.order(0, -10),
        3: lambda c: c.scale_out(0, [12.0]),
        4: lambda c: c.order(0, 10),
    }
    result = play([FLAT] * 7 + [(10, 12, 10, 12)], script, latency_bars=1)
    assert filled(result) == [(1, 3, 10, 10), (2, 4, -10, 10), (4, 6, 10, 10)]
    assert (ending(result, 3), result.orders[2].ended) == ((CANCELLED, Reason.NOTHING_TO_REDUCE), 5)


def test_scale_out_of_nothing_and_its_refusals():
    answers = []

    def send(c):
        answers.append(c.scale_out(0, [11.0]))

    def later(c):
        answers.append(c.scale_out(0, [11.0, math.nan, 12.0], fractions=[0.05, 0.5, 0.45]))

    result = play([FLAT] * 5, {1: send, 2: lambda c: c.order(0, 10), 3: later}, lot_size=1.0)
    assert answers == [0, 2]
    assert [ending(result, i)[1] for i in (2, 3)] == [Reason.QUANTITY_ZERO, Reason.PRICE_INVALID]
    assert result.orders[3].quantity == -5  # what 0 and 5 leave of 10
