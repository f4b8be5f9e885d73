"""The oracle against numbers worked out by hand: brackets and pairs, rebalances, carry, liquidation."""

import pytest
from by_hand import DONE, FLAT, NAN, ending, filled, play

from backtester.kernel.codes import CashFlowKind, OrderKind, Phase, Reason, Role, Status

# ---- brackets and OCO


@pytest.mark.parametrize(
    ("bar", "fills"),
    [
        ((10, 10.5, 8.5, 9.5), [(1, 2, 5, 10), (2, 2, -5, 9)]),  # children see the whole bar
        ((8.5, 9, 8, 8.5), [(1, 2, 5, 8.5), (2, 2, -5, 8.5)]),  # the open has passed the stop
        ((10, 12, 9.5, 10), [(1, 2, 5, 10), (3, 2, -5, 11)]),
    ],
)
def test_bracket_entered_at_the_open(bar, fills):
    result = play([FLAT, FLAT, bar], {1: lambda c: c.bracket(0, 5, stop_loss=9, take_profit=11)})
    assert filled(result) == fills
    winner = fills[1][0]
    assert (ending(result, winner), ending(result, 5 - winner)) == (DONE, (Status.CANCELLED, Reason.OTHER_LEG_FILLED))


def test_bracket_fractions_are_of_the_price_of_the_first_fill():
    result = play(  # P = 10.625; stop 10.625·7/8 = 9.296875; the target leg is absent
        [FLAT, FLAT, (10, 10, 9, 9)], {1: lambda c: c.bracket(0, 5, stop_loss_frac=1 / 8)}, spread=1 / 8
    )
    assert [(f.reference_price, f.price) for f in result.fills] == [(10, 10.625), (9.296875, 9.296875 * 15 / 16)]
    assert ending(result, 3) == (Status.CANCELLED, Reason.LEG_ABSENT)


@pytest.mark.parametrize(
    ("bar", "fills"),
    [
        ((9.5, 11, 8.5, 9.5), []),  # the high may have been before the entry
        ((9.5, 11, 8.5, 10), [(3, 2, -5, 10)]),  # the close is not
        ((9.5, 11, 8, 9.5), [(2, 2, -5, 8)]),
        ((9.5, 11, 8, 10), [(2, 2, -5, 8)]),  # both: the stop first
    ],
)
def test_bracket_entered_within_the_bar(bar, fills):
    bracket = {"stop_loss": 8, "take_profit": 10, "entry_limit": 9}
    result = play([FLAT, FLAT, bar], {1: lambda c: c.bracket(0, 5, **bracket)})
    assert filled(result) == [(1, 2, 5, 9), *fills]
    assert result.ambiguous_bars == (bar[2] == 8 and bar[3] == 10)


@pytest.mark.parametrize(
    ("same_bar", "price", "ambiguous"),
    [
        ("ohlc", 12, 1),  # 10.5 → 11 → 12.5 → 9.5: 12 comes before 10
        ("olhc", 12, 0),  # 9.5 → 11 → 12.5 → 11.5: 10 is not met after the entry
        ("stop_first", 10, 0),  # the bar reaches 10; its close 11.5 is below 12
        ("nearest", 10, 0),
    ],
)
def test_children_follow_the_rest_of_the_path(same_bar, price, ambiguous):
    bracket = {"stop_loss": 10, "take_profit": 12, "entry_stop": 11}
    result = play([FLAT, FLAT, (10.5, 12.5, 9.5, 11.5)], {1: lambda c: c.bracket(0, 5, **bracket)}, same_bar=same_bar)
    assert [f.price for f in result.fills] == [11, price]
    assert result.ambiguous_bars == ambiguous


def test_child_already_passed_by_the_entry_fills_there():
    # P = 11·1.25 = 13.75, the stop 13.75·7/8 is above r = 11: out at 11·0.75.
    bracket = {"entry_stop": 11, "stop_loss_frac": 1 / 8}
    result = play([FLAT, FLAT, (10, 12, 10, 12)], {1: lambda c: c.bracket(0, 5, **bracket)}, spread=0.5)
    assert filled(result) == [(1, 2, 5, 13.75), (2, 2, -5, 8.25)]
    assert result.fills[1].reference_price == 11


@pytest.mark.parametrize(
    ("same_bar", "price"), [("stop_first", 8), ("target_first", 11), ("ohlc", 11), ("olhc", 8), ("nearest", 11)]
)
def test_both_legs_in_one_bar(same_bar, price):
    bars = [FLAT, FLAT, FLAT, (10, 12, 7, 10)]
    result = play(bars, {1: lambda c: c.bracket(0, 5, stop_loss=8, take_profit=11)}, same_bar=same_bar)
    assert filled(result)[1:] == [(2 if price == 8 else 3, 3, -5, price)]
    assert result.ambiguous_bars == 1


def test_partial_fill_of_one_leg_shrinks_the_other():
    # A cap of 4 in bar 3, so the stop sells 4 of 10; the rest is a market order at the next open.
    bars = [FLAT, FLAT, (*FLAT, 20), (10, 10, 8, 9, 8), (9.5, 12, 9, 10, 20)]
    result = play(bars, {1: lambda c: c.bracket(0, 10, stop_loss=8, take_profit=11)}, max_participation=0.5)
    assert filled(result) == [(1, 2, 10, 10), (2, 3, -4, 8), (2, 4, -6, 9.5)]
    assert result.orders[2].quantity == -6
    assert ending(result, 3) == (Status.CANCELLED, Reason.OTHER_LEG_FILLED)


def test_parent_remainder_goes_with_its_legs():
    # 4 of 10 bought, the stop is reached with no volume left; at the next open it sells 4 before more is bought.
    bars = [FLAT, FLAT, (10, 10, 8, 9, 8), (9, 9, 9, 9, 8)]
    result = play(bars, {1: lambda c: c.bracket(0, 10, stop_loss=8)}, max_participation=0.5)
    assert filled(result) == [(1, 2, 4, 10), (2, 3, -4, 9)]
    assert (ending(result, 1), ending(result, 2)) == ((Status.CANCELLED, Reason.LEGS_ENDED), DONE)


def test_legs_go_with_the_position():
    script = {1: lambda c: c.bracket(0, 5, stop_loss=8, take_profit=12), 2: lambda c: c.order(0, -5)}
    result = play([FLAT] * 4, script)
    assert [ending(result, i) for i in (2, 3)] == [(Status.CANCELLED, Reason.NOTHING_TO_REDUCE)] * 2


def test_unfilled_parent_takes_its_children_along():
    script = {1: lambda c: c.bracket(0, 5, stop_loss=4, entry_limit=5), 2: lambda c: c.cancel(1)}
    result = play([FLAT] * 4, script)
    assert ending(result, 2) == (Status.CANCELLED, Reason.PARENT_ENDED)


def test_parent_goes_on_when_the_user_takes_its_legs_away():
    def cancel(c):
        c.cancel(2)
        c.cancel(3)

    bars = [FLAT, FLAT, FLAT, (10, 10, 9, 10)]
    result = play(bars, {1: lambda c: c.bracket(0, 5, stop_loss=8, take_profit=12, entry_limit=9), 2: cancel})
    assert filled(result) == [(1, 3, 5, 9)]


def test_path_to_a_limit_must_go_through_it():
    bracket = {"take_profit": 12.5, "entry_stop": 11}  # the path ends its rise at 12.5
    settings = {"same_bar": "ohlc", "limit_fill": "through"}
    result = play([FLAT, FLAT, (10.5, 12.5, 10.5, 11.5)], {1: lambda c: c.bracket(0, 5, **bracket)}, **settings)
    assert filled(result) == [(1, 2, 5, 11)]


def test_oco_completion_cancels_and_a_partial_fill_shrinks():
    def send(c):
        c.oco(c.limit(0, 6, 9), c.stop(0, 6, 11))

    bars = [FLAT, FLAT, (10, 10, 9, 10, 8), (10, 10, 9, 10, 8)]  # 4 a bar
    result = play(bars, {1: send}, max_participation=0.5)
    assert filled(result) == [(1, 2, 4, 9), (1, 3, 2, 9)]
    assert result.orders[1].quantity == 2
    assert ending(result, 2) == (Status.CANCELLED, Reason.OTHER_LEG_FILLED)


# ---- rebalance


def test_rebalance_scales_all_increases_by_one_factor():
    # Targets of 50 and 50 at 10; at 12 and 13 they cost 1250: factor 0.8.
    bars = [[FLAT, FLAT], [FLAT, FLAT], [(12, 12, 12, 12), (13, 13, 13, 13)]]
    result = play(bars, {1: lambda c: c.rebalance([0.5, 0.5])}, on_shortfall="reject")
    assert (result.positions, result.cash) == ([40, 40], 0)
    assert [ending(result, i) for i in (1, 2)] == [(Status.FILLED, Reason.SCALED_TO_EQUITY)] * 2


def test_rebalance_sells_first_and_leaves_nan_alone():
    # 100 of asset 0 are sold at 10; 100 of asset 1 cost 1250.
    bars = [[FLAT] * 3] * 3 + [[FLAT, (12.5, 12.5, 12.5, 12.5), FLAT]]
    result = play(bars, {1: lambda c: c.order(0, 100), 2: lambda c: c.rebalance([0.0, 1.0, NAN])})
    assert result.positions == [0, 80, 0]
    assert len(result.orders) == 3


def test_rebalance_factor_pays_the_fixed_costs_of_all_its_orders():
    # Targets of 50 at 10; at 12.5 they cost 1250, and 1000 − 2·10 is there: factor 0.784.
    bars = [[FLAT, FLAT], [FLAT, FLAT], [(12.5, 12.5, 12.5, 12.5)] * 2]
    result = play(bars, {1: lambda c: c.rebalance([0.5, 0.5])}, commission_per_order=10.0)
    assert (result.positions[0], result.cash) == (result.positions[1], 0)
    assert float(result.positions[0]) == pytest.approx(39.2, rel=1e-12)


def test_rebalance_factor_counts_what_closing_sets_free():
    # Short 10 at 10, m = 2: 1006 + 200 − (1 + 5) = 1200, E = 1000, X = 1000/20 = 50, q = 60. At 12.5: E = 950, G = 250,
    # u = 0.5: (950 − 250 + 10·25 − (1 + 0.5·10))/(50·25.5) = 944/1275, of 50 that is 37.02.
    bars = [FLAT, FLAT, FLAT, (12.5, 12.5, 12.5, 12.5)]
    costs = {"cash": 1006.0, "commission_per_order": 1.0, "commission_per_unit": 0.5, "multiplier": 2.0}
    script = {1: lambda c: c.order(0, -10), 2: lambda c: c.rebalance([1.0])}
    result = play(bars, script, lot_size=1.0, **costs)
    assert filled(result)[1] == (2, 3, 47, 12.5)
    assert ending(result, 2) == (Status.FILLED, Reason.SCALED_TO_EQUITY)


# ---- money


def test_borrow_and_interest_act_365():
    # 0.0002 a day on 1000, then on 1000.2: C = 1000.40004 + 100. Short 10, worth 120 at close 2: 120·0.365/365 = 0.12;
    # F = 1100.40004 − 120: 980.40004·0.0002 = 0.196080008.
    bars = [FLAT, FLAT, (10, 12, 10, 12), (12, 12, 12, 12)]
    result = play(bars, {1: lambda c: c.order(0, -10)}, borrow_rate=0.365, cash_rate=0.073)
    flows = [(f.kind, f.asset, float(f.amount)) for f in result.cash_flows if f.bar == 3]
    assert flows == [
        (CashFlowKind.BORROW, 0, pytest.approx(-0.12, rel=1e-12)),
        (CashFlowKind.CASH_INTEREST, -1, pytest.approx(0.196080008, rel=1e-12)),
    ]


def test_debit_interest():
    result = play([FLAT] * 4, {1: lambda c: c.order(0, 150)}, leverage=2.0, debit_rate=0.073)
    # C = 1000 − 1500 = −500: 500·0.073/365 = 0.1
    assert [(f.bar, f.kind, float(f.amount)) for f in result.cash_flows] == [
        (3, CashFlowKind.DEBIT_INTEREST, pytest.approx(-0.1, rel=1e-12))
    ]


@pytest.mark.parametrize(
    ("close", "cash"),
    [
        (7, -1000),  # E = 400 ≥ 0.25·1400 = 350
        (6, 200),  # E = 200 < 0.25·1200 = 300
    ],
)
def test_liquidation_at_the_mark(close, cash):
    bars = [FLAT, FLAT, FLAT, (10, 10, close, close)]
    script = {1: lambda c: c.order(0, 200), 2: lambda c: c.limit(0, 1, 1)}
    result = play(bars, script, leverage=2.0, maintenance=0.25)
    assert result.cash == cash
    if cash > 0:
        forced = result.orders[2]
        assert (forced.kind, forced.role, forced.quantity) == (OrderKind.MARKET, Role.LIQUIDATION, -200)
        assert ending(result, 2) == (Status.CANCELLED, Reason.LIQUIDATION)
        assert result.fills[-1].phase == Phase.FORCED


def test_liquidation_closes_the_largest_first_and_stops_when_it_is_enough():
    # 60 and 120 at 10: C = −800. At 7 and 6.5: E = 420 + 780 − 800 = 400, G = 1200, 0.4·1200 = 480. Without asset 1:
    # E = 400 ≥ 0.4·420.
    def enter(c):
        c.order(0, 60)
        c.order(1, 120)

    bars = [[FLAT, FLAT]] * 3 + [[(10, 10, 7, 7), (10, 10, 6.5, 6.5)]]
    result = play(bars, {1: enter}, leverage=2.0, maintenance=0.4)
    assert result.positions == [60, 0]


def test_bankrupt_account_is_written_off_and_stays_at_zero():
    seen = []
    bars = [FLAT, FLAT, FLAT, (10, 10, 4, 4), FLAT]
    script = {1: lambda c: c.order(0, 200), 3: lambda c: seen.append(3), 4: lambda c: seen.append(4)}
    result = play(bars, script, leverage=2.0)  # C = −1000 + 200·4 = −200
    assert [(f.kind, f.amount) for f in result.cash_flows] == [(CashFlowKind.WRITE_OFF, 200)]
    assert (result.equity[3:], seen) == ([0, 0], [])


def test_close_at_end_sells_at_the_last_close():
    result = play([FLAT, FLAT, (10, 12, 10, 12)], {1: lambda c: c.order(0, 5)}, spread=1 / 8, close_at_end=True)
    assert filled(result) == [(1, 2, 5, 10.625), (2, 2, -5, 11.25)]  # 12·15/16
    assert result.equity[-1] == 1000 + 5 * (11.25 - 10.625)
    assert ending(result, 2) == (Status.FILLED, Reason.AT_END)
