"""`explain` for every way an order can end: one small run per reason, and the facts its text must hold."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from few_bars import DAY_NS, FLAT, NAN, Script, market, play

from backtester import Account, Instrument, run
from backtester.explain.reasons import REASONS
from backtester.kernel.codes import Reason, Role, Tif


class Case(NamedTuple):
    """Rows, script, settings; the order looked at, and what its text says."""

    rows: list
    script: dict[int, Callable[[Any], Any]]
    settings: dict[str, Any]
    order: int
    says: list[str]


def at_bar_1(send: Callable[[Any], Any], *says: str, order: int = 1, rows: list | None = None, **settings: Any) -> Case:
    return Case(rows or [FLAT] * 5, {1: send}, settings, order, list(says))


THIN = (10.0, 10.0, 10.0, 10.0, 8.0)  # max_participation=0.5 allows 4


def swing(t_high: int, n: int = 6) -> list:
    """Flat bars; bar `t_high` goes from 8 to 12."""
    return [(10.0, 12.0, 8.0, 10.0) if t == t_high else FLAT for t in range(n)]


def short_order_then_target(c):
    c.order(0, 5)
    c.order_target(0, 3)


def entry_by_day(c):
    c.bracket(0, 5, stop_loss=4, take_profit=20, entry_limit=5, tif=Tif.DAY)


def closing_order_and_limit(c):
    c.order(0, -1)
    c.limit(0, -1, 20)


CASES: dict[Reason, Case] = {
    Reason.NONE: at_bar_1(lambda c: c.order(0, 5), "sent by ctx.order", "bought 5 at 10 at the open", "filled in full"),
    Reason.QUANTITY_ZERO: at_bar_1(lambda c: c.order(0, 0), "rejected: the quantity is 0", "test for 0"),
    Reason.QUANTITY_NOT_FINITE: at_bar_1(lambda c: c.order(0, NAN), "not a finite number", "Found: nan", "ctx.ready"),
    Reason.QUANTITY_BELOW_LOT: at_bar_1(
        lambda c: c.order(0, 7), "Found: 7, and lot_size is 10", "at least one lot", lot_size=10
    ),
    Reason.QUANTITY_TOO_LARGE: at_bar_1(lambda c: c.order(0, 1e19), "too large", "Found: 1e+19", "1e15"),
    Reason.PRICE_INVALID: at_bar_1(lambda c: c.stop_limit(0, 5, 11, -3), "Found: limit price is -3.0", "above 0"),
    Reason.DISTANCE_INVALID: at_bar_1(
        lambda c: c.trailing_stop(0, -5, distance=1, distance_frac=0.5), "distance=1.0 and distance_frac=0.5"
    ),
    Reason.NO_MARK: at_bar_1(
        lambda c: c.order_target_percent(1, 0.5),
        "A1 has no bar up to bar 1",
        rows=[[FLAT, None]] * 2 + [[FLAT, FLAT]] * 2,
    ),
    # bought at the last close of 10: a stop loss must lie below, a take profit above
    Reason.STOP_LOSS_WRONG_SIDE: at_bar_1(
        lambda c: c.bracket(0, 5, stop_loss=11), "buy 5 with stop_loss=11, and the last close is 10", "lies below"
    ),
    Reason.TAKE_PROFIT_WRONG_SIDE: at_bar_1(
        lambda c: c.bracket(0, -5, take_profit=9.5, entry_limit=9),
        "sell 5 with take_profit=9.5",
        "the entry limit is 9",
    ),
    Reason.EXPIRE_MISSING: at_bar_1(lambda c: c.order(0, 5, tif=Tif.GTD), "without a time to expire", "expire is 0"),
    Reason.ASSET_UNKNOWN: at_bar_1(
        lambda c: c.order(7, 5), "no such asset", "asset 7 was asked for; there is one asset: 0"
    ),
    Reason.TIF_UNKNOWN: at_bar_1(lambda c: c.order(0, 5, tif=9), "tif is 9", "GTC, DAY, IOC, FOK and GTD"),
    # each order costs 600: 1000 − 10 − 600 = 390, then + 10 − 600 = −200 with nothing held
    Reason.BANKRUPT: Case(
        [FLAT] * 5,
        {1: lambda c: c.order(0, 1), 2: closing_order_and_limit},
        {"commission_per_order": 600.0},
        3,
        ["cancelled: the account was bankrupt", "written off to 0 in bar 3", "by 200.00"],
    ),
    Reason.TARGET_NOT_FINITE: at_bar_1(
        lambda c: c.order_target_value(0, math.inf), "an undefined target", "must be finite"
    ),
    Reason.PARENT_REJECTED: at_bar_1(
        lambda c: c.bracket(0, 0, stop_loss=9), "order 1 was rejected: the quantity is 0", "sent with order 1", order=2
    ),
    # 200 at 10 are 2000; the cash account has 1000
    Reason.INSUFFICIENT_EQUITY: at_bar_1(
        lambda c: c.order(0, 200),
        "filled in part, 100 of 200",
        "200 asked for, 100 fitted at 10 each, worth 2,000.00 before costs",
        "equity 1,000.00 and positions worth 0.00, and leverage 1 allows positions worth 1,000.00",
        "Account(leverage=)",
    ),
    Reason.SHORT_NOT_ALLOWED: Case(
        [FLAT] * 5,
        {1: lambda c: c.order(0, 5), 2: lambda c: c.order(0, -8)},
        {"allow_short": False},
        2,
        ["sold 5 at 10", "filled in part, 5 of 8", "the position was 5, 8 to sell", "allow_short=False"],
    ),
    # two targets of 100 at 10 need 2000 of 1000: factor 0.5
    Reason.SCALED_TO_EQUITY: at_bar_1(
        lambda c: c.rebalance([1.0, 1.0]),
        "sent by ctx.rebalance",
        "Part of a rebalance with order 2",
        "50 of 100 filled",
        "scaled by 0.5",
        rows=[[FLAT, FLAT]] * 5,
    ),
    Reason.FOK_NOT_FILLED: at_bar_1(
        lambda c: c.order(0, 5, tif=Tif.FOK),
        "fill or kill",
        "5 asked for, and max_participation allows 4",
        rows=[FLAT, FLAT, THIN, FLAT],
        max_participation=0.5,
    ),
    Reason.IOC_REMAINDER: at_bar_1(
        lambda c: c.limit(0, 5, 9.5, tif=Tif.IOC), "the open was 10, and the limit is 9.5", "expired", rows=swing(2)
    ),
    Reason.DAY_ENDED: at_bar_1(
        lambda c: c.limit(0, 5, 9, tif=Tif.DAY),
        "low 10 stayed 1 above the limit 9",
        "session 1970-01-03 ended with bar 2",
    ),
    Reason.GTD_ENDED: at_bar_1(
        lambda c: c.limit(0, 5, 9, tif=Tif.GTD, expire=4 * DAY_NS), "expire is 1970-01-05T00:00:00Z", "bars 2 to 3"
    ),
    Reason.DATA_ENDED: at_bar_1(
        lambda c: c.limit(0, 5, 9), "bars 2 to 4", "expired: the run ended", "last bar is bar 4"
    ),
    Reason.CANCELLED_BY_USER: Case(
        [FLAT] * 5,
        {1: lambda c: c.limit(0, 5, 9), 2: lambda c: c.cancel(1)},
        {},
        1,
        ["ctx.cancel(1), asked for in bar 2 (1970-01-04T00:00:00Z): done", "bar 3 (1970-01-05T00:00:00Z): cancelled"],
    ),
    Reason.REPLACED_BY_TARGET: at_bar_1(short_order_then_target, "order 2 became eligible in bar 2"),
    # with a latency of 1 the buy of bar 1 fills in bar 3, before the target of bar 2 becomes eligible in bar 4
    Reason.TARGET_REACHED: Case(
        [FLAT] * 6,
        {1: lambda c: c.order(0, 5), 2: lambda c: c.order_target(0, 5)},
        {"latency_bars": 1},
        2,
        ["plus latency_bars=1", "position 5, target 5: nothing is left to do", "the target is 5"],
    ),
    Reason.LEG_ABSENT: at_bar_1(
        lambda c: c.bracket(0, 5, stop_loss=9), "order 1 was sent without a take profit", order=3
    ),
    Reason.OTHER_LEG_FILLED: at_bar_1(
        lambda c: c.bracket(0, 5, stop_loss=7, take_profit=12),
        "Stop loss of the bracket entered by order 1; the other leg is order 3",
        "low 8 stayed 1 above the stop 7",
        "order 3 had filled 5",
        order=2,
        rows=swing(3),
    ),
    Reason.NOTHING_TO_REDUCE: Case(
        [FLAT] * 6,
        {1: lambda c: c.bracket(0, 5, stop_loss=7), 2: lambda c: c.order(0, -5)},
        {},
        2,
        ["no position left to reduce", "order 4 filled in that bar"],
    ),
    Reason.PARENT_ENDED: at_bar_1(entry_by_day, "asleep until order 1 fills", "order 1 was expired", order=2),
    # bar 2 fills 4 of 10; in bar 3 the take profit goes first and uses the 4 that bar allows
    Reason.LEGS_ENDED: at_bar_1(
        lambda c: c.bracket(0, 10, take_profit=12),
        "cancelled after 4 of 10 had filled",
        "order 3 filled",
        rows=[FLAT, FLAT, THIN, (13.0, 13.0, 13.0, 13.0, 8.0), FLAT],
        max_participation=0.5,
    ),
    Reason.CLOSE_POSITION: Case(
        [FLAT] * 6,
        {1: lambda c: c.order(0, 5), 2: lambda c: c.limit(0, 5, 5), 3: lambda c: c.close_position(0)},
        {},
        2,
        ["ctx.close_position(0), asked for in bar 3", "with order 3"],
    ),
    Reason.REDUCED_BY_MODIFY: Case(
        [FLAT, FLAT, THIN, FLAT],
        {1: lambda c: c.order(0, 10), 2: lambda c: c.modify(1, quantity=4)},
        {"max_participation": 0.5},
        1,
        ["to buy 10", "quantity 10 → 4", "cancelled after 4 had filled", "Found: 4 had filled"],
    ),
    # 200 at 10 on 1000; at 6: equity 1000 − 800 = 200, positions 1200, and 0.3 · 1200 = 360
    Reason.LIQUIDATION: Case(
        [FLAT, FLAT, FLAT, (6.0, 6.0, 6.0, 6.0), (6.0, 6.0, 6.0, 6.0)],
        {1: lambda c: c.order(0, 200)},
        {"leverage": 2.0, "maintenance": 0.3},
        2,
        ["made by the margin check", "sold 200 at 6", "equity was 200.00", "positions worth 1,200.00 is 360.00"],
    ),
    # worth 60·10 = 600, and half of 1000 are 500
    Reason.ORDER_TOO_LARGE: at_bar_1(
        lambda c: c.order(0, 60),
        "buy 60 at the last close 10 is worth 600.00; max_order 0.5 of equity 1,000.00 is 500.00",
        max_order=0.5,
    ),
    # 40 at 10 are 400; in A0 300 are allowed: 30
    Reason.EXPOSURE_LIMIT: at_bar_1(
        lambda c: c.order(0, 40),
        "filled in part, 30 of 40",
        "40 asked for, 30 fitted at 10 each, worth 400.00 before costs; before it the account had equity 1,000.00",
        "leverage 1 allows positions worth 1,000.00, max_gross 0.9 positions worth 900.00 and max_exposure 0.3 a "
        "position in A0 worth 300.00",
        max_gross=0.9,
        max_exposure=0.3,
    ),
    # 5 become 0.5, less than a lot
    Reason.SPLIT: at_bar_1(
        lambda c: c.limit(0, 5, 8),
        "to buy 5 A0, limit 8",
        "bar 3 (1970-01-05T00:00:00Z): 1-for-10 split of A0: quantity 5 → 0, limit 8 → 80",
        "Found: 5 became 0.5 in a 1-for-10 split, and lot_size is 1",
        lot_size=1,
        events={"split": {3: 0.1}},
    ),
    Reason.DELISTED: at_bar_1(
        lambda c: c.limit(0, 5, 8),
        "low 10 stayed 2 above the limit 8",
        "Found: A0 was delisted before the open of bar 3 (1970-01-05T00:00:00Z), at 7",
        events={"delisting": {3: 7.0}},
    ),
    # 100 at 10; at 7 equity is 700, below 0.75 of 1000
    Reason.DRAWDOWN_LIMIT: Case(
        [FLAT, FLAT, FLAT, (7.0, 7.0, 7.0, 7.0), (7.0, 7.0, 7.0, 7.0)],
        {1: lambda c: c.order(0, 100), 2: lambda c: c.limit(0, -5, 20)},
        {"max_drawdown": 0.25},
        2,
        ["equity was 700.00 at the close of bar 3", "its peak 1,000.00, and max_drawdown 0.25 allows a fall to 750.00"],
    ),
    Reason.AT_END: Case(
        [FLAT] * 4,
        {1: lambda c: c.order(0, 5)},
        {"close_at_end": True},
        2,
        ["made by close_at_end=True", "sold 5 at 10"],
    ),
}


def test_there_is_a_case_for_every_reason():
    assert set(CASES) == set(Reason)


@pytest.mark.parametrize("reason", list(Reason), ids=lambda reason: reason.name.lower())
def test_text_of_every_reason_tells_what_was_found(reason):
    case = CASES[reason]
    result = play(case.rows, case.script, **case.settings)
    assert Reason(int(result.tables.orders["reason"][case.order - 1])) is reason
    text = result.explain(case.order)
    for fact in case.says:
        assert fact in text
    sentence = REASONS[reason]
    for part in (sentence.what, sentence.rule, sentence.remedy):
        assert part in text


def test_the_children_and_the_parent_of_a_bracket_name_each_other():
    result = play(swing(3), {1: lambda c: c.bracket(0, 5, stop_loss=9, take_profit=11)})
    parent, stop, target = (result.explain(i) for i in (1, 2, 3))
    assert "stop loss order 2, take profit order 3" in parent
    assert "the bracket entered by order 1; the other leg is order 3" in stop
    assert "the bracket entered by order 1; the other leg is order 2" in target
    # bar 3 reaches 9 and 11, its open neither: the stop goes first
    assert "low 8 reached the stop 9; sold 5 at 9 inside the bar" in stop
    assert "high 12 reached the limit 11; no fill: order 2 filled in this bar; same_bar='stop_first'" in target


def test_a_refusal_under_on_shortfall_reject_says_so():
    text = play([FLAT] * 4, {1: lambda c: c.order(0, 200)}, on_shortfall="reject").explain(1)
    assert "rejected: the account could not afford it (insufficient_equity)" in text
    assert "200 asked for at 10 each, worth 2,000.00" in text
    assert "on_shortfall is 'reject'" in text


def test_equity_shown_for_a_shortfall_is_that_before_the_fill():
    # bought 50 at 10; bar 3 opens at 12: equity 500 + 600 = 1100, of which 500 are free: 41.6666… at 12
    rows = [FLAT, FLAT, FLAT, (12.0, 12.0, 12.0, 12.0), (12.0, 12.0, 12.0, 12.0)]
    result = play(rows, {1: lambda c: c.order(0, 50), 2: lambda c: c.order(0, 100)})
    text = result.explain(2)
    assert "100 asked for, 41.66666667 fitted at 12 each, worth 1,200.00" in text
    assert "equity 1,100.00 and positions worth 600.00, a position of 50 A0, and leverage 1" in text


def test_a_shortfall_beside_other_fills_says_which_were_left_out():
    # both want 80 at 10; the first takes 800 of the 1000, and the second is refused
    def two(c):
        c.order(0, 80)
        c.order(0, 80)

    result = play([FLAT] * 4, {1: two}, on_shortfall="reject")
    assert "before any fill of the open (of order 1) the account had equity 1,000.00" in result.explain(2)


def test_a_rebalance_names_all_its_orders():
    result = play([[FLAT] * 3] * 4, {1: lambda c: c.rebalance([0.2, 0.3, 0.4])})
    assert "Part of a rebalance with orders 1 and 3" in result.explain(2)


def test_forced_orders_are_explained_by_the_account():
    result = play([FLAT] * 4, {1: lambda c: c.order(0, 5)}, close_at_end=True)
    assert result.tables.orders["role"][1] == Role.CLOSE_AT_END
    assert result.explain(2).splitlines()[0] == "Order 2: market order to sell 5 A0"


# --- limits, margin, currencies --------------------------------------------------------------------------------------


def test_the_order_that_the_drawdown_limit_makes_is_told_like_any_other():
    rows = [FLAT, FLAT, FLAT, (7.0, 7.0, 7.0, 7.0), (6.0, 6.0, 6.0, 6.0)]
    text = play(rows, {1: lambda c: c.order(0, 100)}, max_drawdown=0.25).explain(2)
    assert "Order 2: market order to sell 100 A0" in text
    assert "bar 3 (1970-01-05T00:00:00Z): made by the account at max_drawdown, to close the position" in text
    assert "sold 100 at 6 at the open" in text
    assert "filled in full" in text


def test_an_order_refused_after_the_drawdown_limit_says_when_that_was():
    class Again(Script):
        def on_fill(self, ctx, fill):
            if ctx.t > 3:
                ctx.order(0, 1)

    bars = market([FLAT, FLAT, FLAT, (7.0, 7.0, 7.0, 7.0), (6.0, 6.0, 6.0, 6.0)])
    strategy = Again(script={1: lambda c: c.order(0, 100)})
    result = run(strategy, bars, cash=1000.0, account=Account(max_drawdown=0.25), mode="interpreted")
    text = result.explain(3)
    assert "rejected: the account had lost its maximum from the peak (drawdown_limit)" in text
    assert "equity was 700.00 at the close of bar 3" in text


def test_an_order_refused_after_a_delisting_says_when_that_was():
    script = {4: lambda c: c.order(0, 1)}
    text = play([FLAT] * 6, script, events={"delisting": {3: 7.0}}).explain(1)
    assert "rejected: the asset is delisted" in text
    assert "A0 was delisted before the open of bar 3" in text


def test_a_target_that_is_too_large_says_from_where_to_where():
    # from 20 to 80 are 60 at 10; half of the equity of 1000 are 500
    script = {1: lambda c: c.order(0, 20), 3: lambda c: c.order_target(0, 80)}
    text = play([FLAT] * 6, script, max_order=0.5).explain(2)
    assert "buy 60 from a position of 20 to 80 at the last close 10 is worth 600.00" in text


def test_a_margined_contract_says_what_has_to_be_covered():
    # 10 at 10 times 50 are 5000, a fifth of it is 1000; 20 more would need 2000 of cover
    script = {1: lambda c: c.order(0, 10), 2: lambda c: c.order(0, 20)}
    future = Instrument("A0", multiplier=50, margin=0.1, lot_size=1)
    text = play([FLAT] * 5, script, instruments=[future]).explain(2)
    assert "20 asked for, 10 fitted at 10 each, worth 10,000.00 before costs" in text
    assert "positions worth 5,000.00, of which 500.00 have to be covered, a position of 10 A0" in text
    assert "leverage 1 allows to be covered at most 1,000.00" in text


def test_liquidation_of_a_margined_contract_is_by_what_has_to_be_covered():
    # 20 at 10 times 50; at 9.2 equity is 1000 − 800 = 200, and 0.5 of a tenth of 9200 is 460
    low = (9.2, 9.2, 9.2, 9.2)
    future = Instrument("A0", multiplier=50, margin=0.1)
    result = play([FLAT, FLAT, FLAT, low, low], {1: lambda c: c.order(0, 20)}, instruments=[future], maintenance=0.5)
    assert "equity was 200.00 at the close of bar 3" in result.explain(2)
    assert "maintenance 0.5 times the 920.00 to be covered of positions worth 9,200.00 is 460.00" in result.explain(2)


@pytest.mark.parametrize(("settlement", "found"), [("convert", "1,228.00"), ("keep", "1,048.00")])
def test_a_shortfall_in_another_currency_is_told_in_that_of_the_account(settlement, found):
    """30 at 10 EUR, the rate 1; then the price is 11 and the rate 1.6.

    Converted: 700 + 30·11·1.6 = 1228; kept: 1000 − 300·1.6 + 528 = 1048. 100 more at 11 with 1.6 are 1760.
    """
    rows = [[FLAT, (1.0,) * 4]] * 3 + [[(11.0,) * 4, (1.6,) * 4]] * 2
    script = {1: lambda c: c.order(0, 30), 2: lambda c: c.order(0, 100)}
    settings = {"instruments": [Instrument("A0", currency="EUR")], "currency": "USD", "fx": {"EUR": "A1"}}
    text = play(rows, script, settlement=settlement, **settings).explain(2)
    assert "worth 1,760.00 before costs" in text
    assert f"equity {found} and positions worth 528.00, a position of 30 A0" in text


def test_an_instrument_overrides_the_settings_of_the_account():
    text = play([FLAT] * 4, {1: lambda c: c.order(0, 7)}, lot_size=1, instruments=[Instrument("A0", lot_size=10)])
    assert "Found: 7, and lot_size is 10" in text.explain(1)
