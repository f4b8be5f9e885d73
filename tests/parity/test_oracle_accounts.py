"""The oracle against numbers worked out by hand: deposits, limits, margin, currencies (rules 32-35)."""

import math

import pytest
from by_hand import DONE, FLAT, ending, filled, flows, play

from backtester.kernel.codes import CashFlowKind, ChangeKind, ChangeOutcome, Phase, Reason, Role, Status

CANCELLED, REJECTED = Status.CANCELLED, Status.REJECTED
REDUCED = (Status.FILLED, Reason.EXPOSURE_LIMIT)


def at(price: float, volume: float = 1e6) -> tuple:
    return (price, price, price, price, volume)


def asked(result) -> list[tuple]:
    return [(c.bar, c.acts, c.kind, c.quantity, c.outcome) for c in result.changes]


# ---- rule 32


def test_deposit_and_withdrawal_act_at_the_start_of_the_next_bar_in_call_order():
    def move(c):
        c.deposit(500)
        c.withdraw(200)

    result = play([FLAT] * 4, {1: move})
    kinds = ChangeKind.DEPOSIT, ChangeOutcome.DONE
    assert asked(result) == [(1, 2, kinds[0], 500, kinds[1]), (1, 2, kinds[0], -200, kinds[1])]
    assert flows(result) == [(2, -1, CashFlowKind.DEPOSIT, 500), (2, -1, CashFlowKind.WITHDRAWAL, -200)]
    assert (result.equity, result.deposits) == ([1000, 1000, 1300, 1300], [0, 0, 300, 0])


def test_transfers_are_late_by_the_latency_and_end_with_the_data():
    script = {1: lambda c: c.deposit(500), 3: lambda c: c.deposit(100)}
    result = play([FLAT] * 5, script, latency_bars=1)
    assert [(c.acts, c.outcome) for c in result.changes] == [(3, ChangeOutcome.DONE), (5, ChangeOutcome.DATA_ENDED)]
    assert result.equity == [1000, 1000, 1000, 1500, 1500]


@pytest.mark.parametrize("amount", [0, -5, math.nan, math.inf, -math.inf])
def test_amounts_that_are_refused_at_once(amount):
    answers = []
    script = {1: lambda c: answers.extend([c.deposit(amount), c.withdraw(amount)])}
    result = play([FLAT] * 3, script)
    assert answers == [False, False]
    assert [(c.acts, c.outcome) for c in result.changes] == [(-1, ChangeOutcome.AMOUNT_INVALID)] * 2
    assert result.cash_flows == []


def test_a_withdrawal_takes_what_is_free():
    # Held 100 at 10 with leverage 2; at the mark of 12 E = 1200 and G/L = 600: 600 is free, then nothing.
    def ask(c):
        c.withdraw(900)
        c.withdraw(1)

    bars = [FLAT, FLAT, (10, 12, 10, 12), at(12)]
    result = play(bars, {1: lambda c: c.order(0, 100), 2: ask}, leverage=2.0)
    assert [c.outcome for c in result.changes] == [ChangeOutcome.REDUCED, ChangeOutcome.INSUFFICIENT_EQUITY]
    assert [c.quantity for c in result.changes] == [-900, -1]
    assert flows(result) == [(3, -1, CashFlowKind.WITHDRAWAL, -600)]
    assert result.equity[3] == 600


def test_a_withdrawal_from_a_margined_position_leaves_its_margin():
    # 100 at 10 at a margin of 1/4: 250 has to stay, of an equity of 1000.
    script = {1: lambda c: c.order(0, 100), 2: lambda c: c.withdraw(5000)}
    result = play([FLAT] * 4, script, margin=[0.25])
    assert flows(result) == [(3, -1, CashFlowKind.WITHDRAWAL, -750)]


def test_a_deposit_is_there_for_the_open_and_earns_from_the_next_bar_on():
    def send(c):
        c.deposit(1000)
        c.order(0, 200)

    result = play([FLAT] * 4, {1: send}, cash_rate=0.365)
    # Bars 1 and 2 earn 0.001 on 1000 and 1001, before the deposit.
    interest = [(f.bar, float(f.amount)) for f in result.cash_flows if f.kind == CashFlowKind.CASH_INTEREST]
    assert interest[:2] == [(1, pytest.approx(1)), (2, pytest.approx(1.001))]
    assert filled(result) == [(1, 2, 200, 10)]


# ---- rule 33: max_gross, max_exposure


def test_max_gross_counts_all_assets():
    # 0.75·1000 = 750: 50 of asset 0 take 500, of asset 1 25 units are left.
    def send(c):
        c.order(0, 50)
        c.order(1, -50)

    result = play([[FLAT, FLAT]] * 3, {1: send}, max_gross=0.75)
    assert result.positions == [50, -25]
    assert (ending(result, 1), ending(result, 2)) == (DONE, REDUCED)


def test_max_gross_after_costs():
    # P = 12.5: q = (0.5·(1000 − 0) − 0)/(10 + 0.5·2.5) = 500/11.25 = 44.44…; G′ = 444.4, E′ = 1000 − 111.1 = 888.9.
    result = play([FLAT] * 3, {1: lambda c: c.order(0, 60)}, max_gross=0.5, spread=0.5)
    assert float(result.positions[0]) == pytest.approx(500 / 11.25)
    assert result.positions[0] * 10 == result.equity[2] / 2


def test_max_exposure_is_of_one_asset_and_per_asset():
    def send(c):
        c.order(0, 50)
        c.order(1, 50)

    result = play([[FLAT, FLAT]] * 3, {1: send}, max_exposure=[0.25, math.inf])
    assert (result.positions, ending(result, 1), ending(result, 2)) == ([25, 50], REDUCED, DONE)


def test_max_exposure_through_zero():
    # Long 20, sell 100: 20 close, and 0.25·1000/10 = 25 open.
    script = {1: lambda c: c.order(0, 20), 2: lambda c: c.order(0, -100)}
    result = play([FLAT] * 4, script, max_exposure=0.25)
    assert (result.positions, ending(result, 2)) == ([-25], REDUCED)


def test_limits_refuse_as_a_whole_under_reject_and_leverage_keeps_its_reason():
    options = {"on_shortfall": "reject", "max_exposure": 0.5}
    result = play([FLAT] * 3, {1: lambda c: c.order(0, 60)}, **options)
    assert (filled(result), ending(result, 1)) == ([], (REJECTED, Reason.EXPOSURE_LIMIT))
    result = play([FLAT] * 3, {1: lambda c: c.order(0, 300)}, max_gross=2.0)
    assert ending(result, 1) == (Status.FILLED, Reason.INSUFFICIENT_EQUITY)  # leverage allows 100, the limit 200


def test_a_position_that_grows_past_a_limit_is_left_alone():
    result = play([FLAT, FLAT, FLAT, at(20)], {1: lambda c: c.order(0, 50)}, max_exposure=0.5)
    assert result.positions == [50]


def test_rebalance_takes_the_smaller_factor():
    # Targets of 50 and 50; max_gross 0.5 allows 500 of the 1000: factor 0.5.
    result = play([[FLAT, FLAT]] * 3, {1: lambda c: c.rebalance([0.5, 0.5])}, leverage=2.0, max_gross=0.5)
    assert result.positions == [25, 25]
    assert [ending(result, i) for i in (1, 2)] == [(Status.FILLED, Reason.SCALED_TO_EQUITY)] * 2


# ---- rule 33: max_order


def test_max_order_refuses_what_does_more_than_reduce():
    # 0.25·1000 = 250: 25 at the mark of 10.
    def first(c):
        c.order(0, 25)
        c.order(0, 26)
        c.order_target(0, 30)
        c.order_target_percent(0, 0.25)
        c.bracket(0, 30, stop_loss=8)

    result = play([FLAT] * 3, {1: first}, max_order=0.25, leverage=4.0)
    codes = [ending(result, i)[1] for i in (2, 3, 5, 6)]
    assert codes == [Reason.ORDER_TOO_LARGE, Reason.ORDER_TOO_LARGE, Reason.ORDER_TOO_LARGE, Reason.PARENT_REJECTED]
    assert ending(result, 1)[1] == Reason.REPLACED_BY_TARGET


def test_max_order_lets_reductions_pass():
    # The long is worth 500 at 20: sold, and trailed, and taken apart, but not turned over; E = 1250, 0.25·1250 = 312.5.
    def second(c):
        c.trailing_stop(0, -25, distance=1)
        c.scale_out(0, [30.0])
        c.order(0, -26)
        c.order(0, -25)

    bars = [FLAT, FLAT, (10, 20, 10, 20), at(20)]
    result = play(bars, {1: lambda c: c.order(0, 25), 2: second}, max_order=0.25)
    assert ending(result, 4) == (REJECTED, Reason.ORDER_TOO_LARGE)
    assert ending(result, 5) == DONE


def test_max_order_is_measured_after_the_lot_and_needs_a_mark():
    def send(c):
        c.order(0, 25.9)
        c.limit(1, 1, 5)

    result = play([[FLAT, None]] * 3, {1: send}, max_order=0.25, lot_size=1.0)
    assert (ending(result, 1), ending(result, 2)) == (DONE, (REJECTED, Reason.NO_MARK))


# ---- rule 33: max_drawdown


def test_drawdown_stop_closes_everything_and_ends_the_strategy():
    seen = []

    def send(c):
        c.order(0, 50)
        c.order(1, -25)
        c.limit(0, 1, 3)

    script = {1: send, 3: lambda c: seen.append(3), 4: lambda c: seen.append(4)}
    # At 4 and 10: E = 1000 − 300 = 700 < 0.75·1000.
    bars = [[FLAT, FLAT]] * 3 + [[(10, 10, 4, 4), FLAT], [at(5), at(11)]]
    result = play(bars, script, max_drawdown=0.25)
    assert seen == []
    assert ending(result, 3) == (CANCELLED, Reason.DRAWDOWN_LIMIT)
    assert filled(result)[2:] == [(4, 4, -50, 5), (5, 4, 25, 11)]
    assert [(o.role, o.submitted, o.eligible) for o in result.orders[3:]] == [(Role.DRAWDOWN_STOP, 3, 4)] * 2
    assert result.equity[4] == 1000 - 250 - 25


def test_drawdown_stop_has_no_latency_and_fills_at_the_close_it_is_decided_at():
    bars = [FLAT, FLAT, FLAT, FLAT, (10, 10, 4, 4), at(3)]
    script = {1: lambda c: c.order(0, 50)}
    late = play(bars, script, max_drawdown=0.25, latency_bars=1)
    assert filled(late)[1:] == [(2, 5, -50, 3)]
    close = play(bars, script, max_drawdown=0.25, latency_bars=1, fill_at="close")
    assert filled(close)[1:] == [(2, 4, -50, 4)]
    assert close.fills[1].phase == Phase.CLOSE


def test_drawdown_is_measured_from_the_peak_and_strictly():
    # 50 at 10, then 20: the peak is 1500. At 12.5 E = 1125 = 0.75·1500; at 12 it is 1100.
    bars = [FLAT, FLAT, FLAT, at(20), at(12.5), at(12), at(12)]
    result = play(bars, {1: lambda c: c.order(0, 50)}, max_drawdown=0.25)
    assert filled(result)[1:] == [(2, 6, -50, 12)]


@pytest.mark.parametrize(("act", "stopped"), [("deposit", False), ("withdraw", True)])
def test_the_peak_is_scaled_by_what_comes_and_goes(act, stopped):
    # Peak 1000; +500: 1500, 0.75·1500 = 1125, E = 1500 − 300 = 1200. −500: peak 500, E = 500 − 300 = 200 < 375.
    def send(c):
        getattr(c, act)(500)
        c.order(0, 50)

    result = play([FLAT, FLAT, FLAT, at(4), at(4)], {1: send}, max_drawdown=0.25)
    assert (len(result.fills) == 2) == stopped


def test_nothing_held_stops_too():
    script = {1: lambda c: c.order(0, 50), 2: lambda c: c.order(0, -50), 3: lambda c: c.limit(0, 1, 5)}
    result = play([FLAT, FLAT, FLAT, (4, 10, 4, 10), FLAT], script, max_drawdown=0.25)
    assert (len(result.orders), result.equity[3]) == (2, 700)


# ---- rule 34


def test_margin_lets_more_be_held_and_leaves_cash_negative():
    # μ = 1/4, P = 12.5: q* = 1000/(10/4 + 2.5) = 200. E′ = 1000 − 500 = 500 = 200·10/4.
    result = play([FLAT] * 3, {1: lambda c: c.order(0, 900)}, margin=[0.25], spread=0.5, lot_size=1.0)
    assert (result.positions, result.cash, result.equity[2]) == ([200], -1500, 500)
    assert ending(result, 1) == (Status.FILLED, Reason.INSUFFICIENT_EQUITY)


def test_margin_and_shares_share_the_equity():
    # 200 of asset 0 at μ = 1/4 take 500; of asset 1 50 are left. Through zero of asset 0: −400 need all of 1000 − 500.
    def send(c):
        c.order(0, 200)
        c.order(1, 80)

    script = {1: send, 2: lambda c: c.order(0, -900)}
    result = play([[FLAT, FLAT]] * 4, script, margin=[0.25, None])
    assert [f.quantity for f in result.fills] == [200, 50, -400]


def test_the_limits_are_not_weighted():
    result = play([FLAT] * 3, {1: lambda c: c.order(0, 900)}, margin=[0.25], max_gross=1.5)
    assert (result.positions, ending(result, 1)) == ([150], REDUCED)


def test_rebalance_with_margin():
    # Targets of 200 (μ = 1/4) and 100: 500 + 1000 of 1000: factor 2/3, 133 and 66.
    result = play([[FLAT, FLAT]] * 3, {1: lambda c: c.rebalance([2, 1])}, margin=[0.25, None], lot_size=1.0)
    assert result.positions == [133, 66]


def test_liquidation_is_of_the_weighted_value_and_takes_the_largest_unweighted_first():
    # 200 at μ = 1/4 and 45: at 8, E = 1000 − 400 = 600, G_μ = 1600/4 + 450 = 850, 0.75·850 = 637.5. The 1600 go first;
    # then 600 ≥ 0.75·450.
    def send(c):
        c.order(0, 200)
        c.order(1, 45)

    bars = [[FLAT, FLAT]] * 3 + [[(10, 10, 8, 8), FLAT]]
    result = play(bars, {1: send}, margin=[0.25, None], maintenance=0.75)
    assert (result.positions, filled(result)[2:]) == ([0, 45], [(3, 3, -200, 8)])


def test_margined_contracts_are_neither_borrowed_nor_financed():
    # Long 50 of asset 0 and short 20 of asset 1, both margined; short 10 of asset 2. C = 1000 − 500 + 200 + 100 = 800,
    # F = 800 + 500 − 200 − 100 = 1000: 0.0002 a day is 0.2. Borrow 0.001·100.
    def send(c):
        c.order(0, 50)
        c.order(1, -20)
        c.order(2, -10)

    options = {"margin": [0.25, 0.5, None], "cash_rate": 0.073, "borrow_rate": 0.365}
    result = play([[FLAT] * 3] * 4, {1: send}, **options)
    rows = [(f.asset, f.kind, float(f.amount)) for f in result.cash_flows if f.bar == 3]
    assert rows[0] == (2, CashFlowKind.BORROW, pytest.approx(-0.1))
    # Bars 1 and 2 earned 0.2 and 0.20004: F = 1000.40004.
    assert rows[1:] == [(-1, CashFlowKind.CASH_INTEREST, pytest.approx(0.200080008))]


# ---- rule 35. Asset 0 is in currency 1, and asset 1 is its pair, in the account's currency.

EUR = {"currency": [1, 0], "fx": [(1, False)]}
YEN = {"currency": [1, 0], "fx": [(1, True)]}
TWO = at(2)


def test_convert_fills_at_the_rate_of_the_open_and_marks_at_that_of_the_close():
    # Bar 2: rate 2 at the open, 4 at the close. 10·10·2 = 200 out; 10·10·4 in the marks: 800 + 400.
    bars = [[FLAT, TWO], [FLAT, TWO], [FLAT, (2, 4, 2, 4)]]
    result = play(bars, {1: lambda c: c.order(0, 10)}, **EUR)
    assert (result.cash, result.equity, result.fills[0].fx) == (800, [1000, 1000, 1200], 2)


def test_an_inverse_pair():
    # Price 4: a rate of 1/4. 10·10/4 = 25.
    result = play([[FLAT, at(4)]] * 3, {1: lambda c: c.order(0, 10)}, **YEN)
    assert (result.cash, result.fills[0].fx) == (975, 0.25)


def test_costs_in_money_are_the_accounts_and_fractions_are_of_the_value_there():
    # X = 2: 1 an order, 1/2 a unit, 1/8 of 10·10·2 = 200; the spread 10·10·2/8 = 25, inside the price.
    costs = {"commission_per_order": 1.0, "commission_per_unit": 0.5, "commission": 1 / 8, "spread": 0.25}
    result = play([[FLAT, TWO]] * 3, {1: lambda c: c.order(0, 10)}, **costs, **EUR)
    fill = result.fills[0]
    assert (fill.price, fill.commission, fill.spread) == (11.25, 1 + 5 + 10 * 11.25 * 2 / 8, 25)
    assert result.cash == 1000 - 225 - fill.commission


def test_a_commission_function_answers_in_the_currency_of_the_asset():
    result = play([[FLAT, TWO]] * 3, {1: lambda c: c.order(0, 10)}, commission=lambda price, quantity: 3, **EUR)
    assert result.fills[0].commission == 6


def test_affordable_and_targets_count_in_the_currency_of_the_account():
    script = {1: lambda c: c.order(0, 90), 2: lambda c: c.order_target_percent(0, 0.5)}
    result = play([[FLAT, TWO]] * 4, script, **EUR)
    assert filled(result) == [(1, 2, 50, 10), (2, 3, -25, 10)]  # 1000/(10·2); 500/(10·2)


def test_a_dividend_is_exchanged_at_the_rate_of_the_bar_before():
    bars = [[FLAT, TWO]] * 3 + [[FLAT, at(8)]]
    result = play(bars, {1: lambda c: c.order(0, 10)}, events={"dividend": {3: {0: 1.5}}}, **EUR)
    assert flows(result) == [(3, 0, CashFlowKind.DIVIDEND, 30)]
    assert (result.cash_flows[0].currency, result.cash_flows[0].fx) == (0, 1)


def test_without_a_rate_nothing_can_be_opened():
    def send(c):
        c.order(0, 10)
        c.order_target_percent(0, 0.5)

    result = play([[FLAT, None]] * 3 + [[FLAT, TWO]], {1: send}, **EUR)
    assert ending(result, 1) == (REJECTED, Reason.INSUFFICIENT_EQUITY)
    assert ending(result, 2) == (REJECTED, Reason.NO_MARK)
    # The first open of the pair is a rate.
    result = play([[FLAT, None]] * 2 + [[FLAT, TWO]], {1: lambda c: c.order(0, 10)}, **EUR)
    assert filled(result) == [(1, 2, 10, 10)]


def test_a_pair_without_a_bar_keeps_its_last_mark():
    bars = [[FLAT, TWO], [FLAT, (2, 4, 2, 4)], [FLAT, None]]
    result = play(bars, {1: lambda c: c.order(0, 10)}, **EUR)
    assert (result.cash, result.fills[0].fx) == (600, 4)


def test_kept_money_is_a_balance_of_its_own():
    # −100 in currency 1; its commission of 1 is 0.5 there. Rate 2, then 4 at the close: 1000 − 100.5·4 + 100·4.
    bars = [[FLAT, TWO], [FLAT, TWO], [FLAT, (2, 4, 2, 4)]]
    result = play(bars, {1: lambda c: c.order(0, 10)}, commission_per_order=1.0, settlement="keep", **EUR)
    assert result.balances == [1000, -100.5]
    assert (result.cash, result.equity[2]) == (1000 - 402, 998)


def test_interest_and_borrow_are_per_currency():
    # Short 10 at 10 in currency 1: C_1 = 100, F_1 = 0; C_0 = 1000. Then the close of 12: F_1 = 100 − 120.
    bars = [[FLAT, TWO], [FLAT, TWO], [(10, 12, 10, 12), TWO], [at(12), TWO]]
    rates = {"borrow_rate": 0.365, "cash_rate": 0.365, "debit_rate": 0.73}
    result = play(bars, {1: lambda c: c.order(0, -10)}, settlement="keep", **rates, **EUR)
    rows = [(f.asset, f.kind, f.currency, float(f.amount)) for f in result.cash_flows if f.bar == 3]
    assert rows == [
        (0, CashFlowKind.BORROW, 1, pytest.approx(-0.12)),
        (-1, CashFlowKind.CASH_INTEREST, 0, pytest.approx(0.001 * 1002.001)),
        (-1, CashFlowKind.DEBIT_INTEREST, 1, pytest.approx(-0.002 * 20)),
    ]


def test_kept_dividends_stay_in_their_currency():
    result = play(
        [[FLAT, TWO]] * 4,
        {1: lambda c: c.order(0, 10)},
        events={"dividend": {3: {0: 1.5}}},
        settlement="keep",
        **EUR,
    )
    flow = result.cash_flows[0]
    assert (flow.amount, flow.currency, flow.fx, result.balances) == (15, 1, 2, [1000, -85])


def test_convert_pays_spread_and_slippage_of_the_pair_at_its_open():
    # Open 4, cost 1/16 + 1/16: 170·1/(4·9/8) bought; then 8 of it back at 4·7/8 = 28.
    def back(c):
        c.convert(8, 0, -1)

    bars = [[FLAT, TWO], [FLAT, TWO], [FLAT, (4, 4, 2, 2)], [FLAT, (4, 4, 2, 2)]]
    script = {1: lambda c: c.convert(180, -1, 0), 2: back}
    seen = []
    script[3] = lambda c: seen.append((c.balance(0), c.balance(1)))
    result = play(bars, script, spread=1 / 8, slippage=1 / 16, settlement="keep", **EUR)
    rows = [(f.bar, f.asset, f.kind, f.currency, f.amount) for f in result.cash_flows]
    kind = CashFlowKind.CONVERSION
    assert rows == [(2, -1, kind, 0, -180), (2, -1, kind, 1, 40), (3, -1, kind, 1, -8), (3, -1, kind, 0, 28)]
    assert (seen, result.balances) == ([(32, 848)], [848, 32])
    assert result.equity[2] == 820 + 40 * 2  # the close


def test_convert_between_two_foreign_currencies():
    # Sold 12 of currency 1 at 4, an inverse pair at 2 is a rate of 1/2: 48/(1/2) = 96 bought.
    bars = [[FLAT, FLAT, at(4), at(2)]] * 3
    options = {"currency": [1, 2, 0, 0], "fx": [(2, False), (3, True)], "settlement": "keep"}
    result = play(bars, {1: lambda c: c.convert(12, 0, 1)}, **options)
    assert (result.balances, result.equity[2]) == ([1000, -12, 96], 1000)


def test_refused_conversions():
    def ask(c):
        c.convert(1, 0, 9)
        c.convert(-1, 0, -1)
        c.convert(1, 1, -1)
        c.convert(1, 0, -1)

    result = play([[FLAT, None]] * 3, {1: ask}, settlement="keep", **EUR)
    assert [(c.acts, c.outcome) for c in result.changes] == [
        (-1, ChangeOutcome.ASSET_UNKNOWN),
        (-1, ChangeOutcome.AMOUNT_INVALID),
        (2, ChangeOutcome.NOTHING_TO_CHANGE),
        (2, ChangeOutcome.RATE_UNKNOWN),
    ]
    result = play([[FLAT, TWO]] * 3, {1: lambda c: c.convert(1, 0, -1)}, **EUR)
    assert [(c.acts, c.outcome) for c in result.changes] == [(-1, ChangeOutcome.CURRENCY_NOT_KEPT)]


def test_quantity_for_risk():
    seen = []

    def ask(c):
        seen.append((c.quantity_for_risk(0, 1 / 8, 8.0), c.quantity_for_risk(0, 1 / 8, 15.0, 11.0), c.multiplier(0)))
        seen.append((c.quantity_for_risk(0, 1 / 8, 10.0), c.quantity_for_risk(0, 1 / 8, math.nan)))

    play([[FLAT, TWO]] * 3, {1: ask}, lot_size=1.0, multiplier=2.0, **EUR)
    # 125/(2·2·2) = 15.6; 125/(4·4) = 7.8, and the stop lies above.
    assert seen == [(15, -7, 4), (0, 0)]
