"""Limits, deposits, ladders and sizing by hand, through the public API (rules 32, 33, 36)."""

import numpy as np
import pytest
from tiny import FLAT, NAN, ending, equity, filled, play

from backtester.kernel.codes import Role

UP = (10.0, 12.0, 10.0, 12.0)


def bar(price):
    return (price, price, price, price)


def outcomes(result):
    return result.changes["outcome"].tolist()


class TestDeposits:
    def test_a_deposit_comes_before_the_next_open_and_is_no_return(self):
        # 1000 at 10 each all in: 100 units; price 12 at bar 3, with 600 paid in before
        script = {1: lambda c: c.order_target_percent(0, 1.0), 2: lambda c: c.deposit(600.0)}
        result = play([FLAT, FLAT, FLAT, bar(12), bar(12)], script)
        assert equity(result) == [1000.0, 1000.0, 1000.0, 1800.0, 1800.0]
        # 1800 / (1000 + 600) − 1 = 0.125, and not 0.8
        assert result.returns.tolist() == [0.0, 0.0, 0.125, 0.0]
        assert result.metrics["total_return"] == pytest.approx(0.125)
        assert result.metrics["final_equity"] == 1800.0
        assert result.deposits.tolist() == [0.0, 0.0, 0.0, 600.0, 0.0]
        assert outcomes(result) == ["done"]

    def test_a_withdrawal_takes_what_the_margin_leaves(self):
        # 60 units at 10: 400 free of 1000 without leverage; 1000 − 600/2 = 700 with leverage 2
        script = {1: lambda c: c.order(0, 60), 3: lambda c: c.withdraw(5000.0)}
        assert play([FLAT] * 6, script).cash_flows["amount"].tolist() == [-400.0]
        doubled = play([FLAT] * 6, script, leverage=2.0)
        assert doubled.cash_flows["amount"].tolist() == [-700.0]
        assert outcomes(doubled) == ["reduced"]

    def test_nothing_free_pays_nothing(self):
        script = {1: lambda c: c.order_target_percent(0, 1.0), 3: lambda c: c.withdraw(1.0)}
        result = play([FLAT] * 6, script)
        assert len(result.cash_flows) == 0
        assert outcomes(result) == ["insufficient_equity"]

    @pytest.mark.parametrize("amount", [0.0, -5.0, NAN, float("inf")])
    def test_an_amount_that_is_none_is_refused_at_once(self, amount):
        said = []
        result = play([FLAT] * 4, {1: lambda c: said.append((c.deposit(amount), c.withdraw(amount)))})
        assert said == [(False, False)]
        assert outcomes(result) == ["amount_invalid"] * 2
        assert equity(result) == [1000.0] * 4

    def test_latency_and_the_end_of_the_data(self):
        script = {1: lambda c: c.deposit(100.0), 4: lambda c: c.deposit(7.0)}
        result = play([FLAT] * 5, script, latency_bars=1)
        assert equity(result) == [1000.0, 1000.0, 1000.0, 1100.0, 1100.0]
        assert outcomes(result) == ["done", "data_ended"]

    def test_interest_is_on_what_was_there(self):
        # 3.65 % is 0.0001 a day: bar 2 earns on 1000 (bar 1 too), bar 3 on 1000.1 + 0.10001 + 9000 = 10000.20001
        result = play([FLAT] * 4, {1: lambda c: c.deposit(9000.0)}, cash_rate=0.0365)
        interest = result.cash_flows.query("kind == 'cash_interest'")["amount"].tolist()
        assert interest == pytest.approx([0.1, 0.10001, 1.000020001], rel=1e-12)


class TestLimits:
    def test_max_exposure_and_max_gross_reduce(self):
        # 0.25 of 1000 is 25 units at 10; with 1 % commission 0.25·(1000 − 0.1·q) = 10·q: q = 250/10.025
        one = play([FLAT] * 4, {1: lambda c: c.order(0, 80)}, max_exposure=0.25)
        assert filled(one) == [(1, 2, 25.0, 10.0)]
        assert ending(one, 1) == ("filled", "exposure_limit")
        charged = play([FLAT] * 4, {1: lambda c: c.order(0, 80)}, max_exposure=0.25, commission=0.01)
        assert filled(charged)[0][2] == pytest.approx(250.0 / 10.025, rel=1e-12)
        two = {1: lambda c: (c.order(0, 30), c.order(1, -60))}
        both = play([[FLAT, FLAT]] * 4, two, max_gross=0.5, leverage=2.0)
        assert [f[2] for f in filled(both)] == [30.0, -20.0]

    def test_the_tighter_of_equity_and_limit_gives_the_reason(self):
        result = play([FLAT] * 4, {1: lambda c: c.order(0, 500)}, max_exposure=3.0)
        assert ending(result, 1) == ("filled", "insufficient_equity")

    def test_reject_and_reducing_is_always_allowed(self):
        script = {1: lambda c: c.order(0, 80), 2: lambda c: c.order(0, 20), 4: lambda c: c.order(0, -20)}
        result = play([FLAT] * 7, script, max_exposure=0.25, on_shortfall="reject")
        assert ending(result, 1) == ("rejected", "exposure_limit")
        assert [f[2] for f in filled(result)] == [20.0, -20.0]

    def test_a_limit_per_asset(self):
        script = {1: lambda c: (c.order(0, 50), c.order(1, 50))}
        result = play([[FLAT, FLAT]] * 4, script, max_exposure=[0.1, 0.2])
        assert [f[2] for f in filled(result)] == [10.0, 20.0]
        open_ended = play([[FLAT, FLAT]] * 4, script, max_exposure={"A0": 0.1, "A1": float("inf")})
        assert [f[2] for f in filled(open_ended)] == [10.0, 50.0]

    def test_max_order_refuses_what_does_more_than_reduce(self):
        script = {
            1: lambda c: (c.order(0, 51), c.order(0, 50), c.order_target_percent(0, 0.6)),
            3: lambda c: c.order(0, -50),
        }
        result = play([FLAT] * 6, script, max_order=0.5)
        assert ending(result, 1) == ("rejected", "order_too_large")
        assert ending(result, 3) == ("rejected", "order_too_large")
        assert [f[2] for f in filled(result)] == [50.0, -50.0]

    def test_max_drawdown_flattens_at_the_next_open_and_stops(self):
        # 100 units; at 8.9 equity is 890, below 0.9 of the peak of 1000: sold at the open of bar 4
        calls = []
        script = {1: lambda c: c.order(0, 100), **{t: lambda c: calls.append(int(c.t)) for t in range(2, 7)}}
        result = play([FLAT, FLAT, FLAT, bar(8.9), bar(9.5), bar(10)], script, max_drawdown=0.1)
        assert filled(result) == [(1, 2, 100.0, 10.0), (2, 4, -100.0, 9.5)]
        assert result.tables.orders["role"].tolist() == [Role.PLAIN, Role.DRAWDOWN_STOP]
        assert calls == [2]
        assert equity(result)[-1] == 950.0

    def test_a_deposit_moves_the_peak_with_it(self):
        # 950 of 1000, then 950 come in: the peak is 2000, and 1805 − 2000·0.9 > 0 where 1000·0.9 would not be it
        script = {1: lambda c: c.order(0, 100), 3: lambda c: c.deposit(950.0)}
        held = play([FLAT, FLAT, FLAT, bar(9.5), bar(9.5), bar(8.6), bar(8)], script, max_drawdown=0.1)
        # bar 5: 860 + 950 = 1810 ≥ 1800; bar 6: 1750 < 1800
        stops = held.orders.query("role == 'drawdown_stop'")
        assert len(stops) == 1
        assert held.tables.orders["submitted"][-1] == 6


class TestLaddersAndSizing:
    def test_scale_out_in_equal_parts_and_by_fractions(self):
        script = {
            1: lambda c: c.order(0, 90),
            2: lambda c: c.scale_out(0, (11.0, 11.5, 12.0)),
        }
        result = play([FLAT, FLAT, FLAT, UP, UP], script)
        assert [(f[2], f[3]) for f in filled(result)] == [(90.0, 10.0), (-30.0, 11.0), (-30.0, 11.5), (-30.0, 12.0)]
        # of 9 units in lots of 1: a quarter is 2.25, so 2; the last takes what is left of the whole
        parts = {1: lambda c: c.order(0, 9), 2: lambda c: c.scale_out(0, [11.0, 12.0], [0.25, 0.75], tag=4)}
        lots = play([FLAT, FLAT, FLAT, UP], parts, lot_size=1.0)
        assert [f[2] for f in filled(lots)] == [9.0, -2.0, -7.0]
        assert lots.fills["tag"].tolist() == [0, 4, 4]

    def test_rungs_only_reduce_and_go_with_the_position(self):
        script = {
            1: lambda c: c.order(0, 10),
            2: lambda c: c.scale_out(0, (11.0, 20.0)),
            3: lambda c: c.order(0, -5),
        }
        result = play([FLAT, FLAT, FLAT, (10, 11, 10, 10), FLAT, bar(25)], script)
        assert [f[2] for f in filled(result)] == [10.0, -5.0, -5.0]
        assert ending(result, 3) == ("cancelled", "nothing_to_reduce")

    def test_flat_there_is_nothing_to_take_apart(self):
        said = []
        play([FLAT] * 3, {1: lambda c: said.append(c.scale_out(0, (11.0,)))})
        assert said == [0]

    @pytest.mark.parametrize("arguments", [((),), ((11.0,), (0.5, 0.5))])
    def test_a_ladder_that_does_not_fit_is_an_error(self, arguments):
        with pytest.raises(ValueError, match="scale_out needs at least one price, and as many fractions as prices"):
            play([FLAT] * 3, {1: lambda c: c.scale_out(0, *arguments)})

    def test_quantity_for_risk(self):
        said = []

        def ask(c):
            said.extend(
                [
                    c.quantity_for_risk(0, 0.02, 9.5),  # 20 / (0.5·2)
                    c.quantity_for_risk(0, 0.02, 10.5),
                    c.quantity_for_risk(0, 0.02, 9.0, entry_price=9.5),
                    c.quantity_for_risk(0, 0.015, 9.5),  # 15 in lots of 2: 14
                    c.quantity_for_risk(0, 0.02, 10.0),
                    c.quantity_for_risk(0, NAN, 9.0),
                    c.quantity_for_risk(0, -0.1, 9.0),
                ]
            )

        play([FLAT] * 3, {1: ask}, multiplier=2.0, lot_size=2.0)
        assert said == [20.0, -20.0, 20.0, 14.0, 0.0, 0.0, 0.0]


def test_the_calendar_of_hours_in_two_days_and_two_months():
    said = []
    from backtester import Bars, run
    from backtester.strategy import Strategy

    class Asks(Strategy):
        warmup = 0

        def on_bar(self, ctx):
            flags = (ctx.is_session_start(), ctx.is_session_end(), ctx.is_month_start(), ctx.is_month_end())
            said.append((*map(int, flags), float(ctx.minutes_to_close()), int(ctx.session)))

    times = np.array(["2024-01-31T10", "2024-01-31T16", "2024-02-01T10", "2024-02-01T13", "2024-02-01T16"], "M8[ns]")
    prices = [np.full((5, 1), 10.0)] * 4
    run(Asks, Bars.from_arrays(times, *prices), mode="interpreted")
    day = 19_754  # 2024-02-01; its midnight ends the session, 14, 11 and 8 hours later
    assert said == [
        (0, 1, 0, 1, 480.0, day - 1),
        (1, 0, 1, 0, 840.0, day),
        (0, 0, 0, 0, 660.0, day),
        (0, 0, 0, 0, 480.0, day),  # nothing says that no bar follows
    ]
