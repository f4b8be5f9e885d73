"""`explain` bar by bar: what each bar did to an order, what was changed, and what it cost."""

from __future__ import annotations

import numpy as np
import pytest
from few_bars import FLAT, NAN, Script, market, play

from backtester import Bars, run
from backtester.errors import ResultError
from backtester.kernel.codes import ChangeOutcome, Tif


def lines_of(result, order_id: int) -> list[str]:
    return [line.strip() for line in result.explain(order_id).splitlines()]


def line_of(result, order_id: int, start: str) -> str:
    """Return the lines that begin with a bar or a run of bars, joined."""
    return " | ".join(line for line in lines_of(result, order_id) if line.startswith(start))


# --- bars ------------------------------------------------------------------------------------------------------------


def test_a_run_of_quiet_bars_is_one_line_with_the_nearest_approach():
    rows = [FLAT, FLAT, (10, 10, 9.5, 10), (10, 10, 9.25, 10), (10, 10, 9.75, 10), (10, 10, 8, 10), FLAT]
    result = play(rows, {1: lambda c: c.limit(0, 5, 9)})
    lines = lines_of(result, 1)
    assert lines[0] == "Order 1: limit order to buy 5 A0, limit 9, good till cancelled"
    assert lines[2] == (
        "bars 2 to 4 (1970-01-04T00:00:00Z to 1970-01-06T00:00:00Z): not reached; nearest in bar 3: "
        "low 9.25 stayed 0.25 above the limit 9"
    )
    assert lines[3] == (
        "bar 5 (1970-01-07T00:00:00Z): low 8 reached the limit 9; bought 5 at 9 inside the bar, resting limit "
        "(reference 9, its limit); no costs"
    )
    assert lines[4] == "bar 5 (1970-01-07T00:00:00Z): filled in full"
    assert len(lines) == 5


def test_a_touch_is_not_enough_where_limits_fill_through():
    rows = [FLAT, FLAT, (10, 10, 9, 10), FLAT]
    result = play(rows, {1: lambda c: c.limit(0, 5, 9)}, limit_fill="through")
    assert "low 9 touched the limit, and limit_fill='through' needs a price beyond it" in result.explain(1)


def test_a_limit_that_the_open_has_passed_fills_there_as_taker():
    rows = [FLAT, FLAT, (8.5, 10, 8, 10), FLAT]
    result = play(rows, {1: lambda c: c.limit(0, 5, 9)})
    assert "opened at 8.5, already below the limit 9; bought 5 at 8.5 at the open, taker" in line_of(result, 1, "bar 2")


def test_missing_bars_and_bars_without_volume_are_told_apart():
    quiet = (10.0, 10.0, 5.0, 10.0, 0.0)
    rows = [[FLAT, FLAT]] * 2 + [[None, FLAT]] * 2 + [[quiet, FLAT], [(9, 9, 9, 9), FLAT]]
    result = play(rows, {1: lambda c: c.stop(0, -5, 9.5)})
    assert "no bar of A0, so no fill" in line_of(result, 1, "bars 2 to 3")
    assert "volume 0, so no fill and no trigger" in line_of(result, 1, "bar 4")
    assert "opened at 9, already below the stop 9.5; sold 5 at 9" in line_of(result, 1, "bar 5")


def test_participation_is_told_bar_by_bar():
    rows = [FLAT, FLAT, (10, 10, 10, 10, 8), (10, 10, 10, 10, 6), (10, 10, 10, 10, 100)]
    result = play(rows, {1: lambda c: c.order(0, 10)}, max_participation=0.5)
    text = result.explain(1)
    assert "bought 4 at 10" in line_of(result, 1, "bar 2")
    assert "max_participation 0.5 of volume 8 allows 4, and all of it is used" in line_of(result, 1, "bar 2")
    assert "bought 3 at 10" in line_of(result, 1, "bar 3")
    assert "7 in all so far" in line_of(result, 1, "bar 3")
    assert "bought 3 at 10" in line_of(result, 1, "bar 4")
    assert "filled in full, at 10 on average" in text


def test_an_order_that_finds_the_participation_used_up_names_who_used_it():
    def two(c):
        c.order(0, 4)
        c.order(0, 4)

    rows = [FLAT, FLAT, (10, 10, 10, 10, 8), FLAT]
    result = play(rows, {1: two}, max_participation=0.5)
    assert "no fill: max_participation 0.5 of volume 8 allows 4, shared with order 1" in line_of(result, 2, "bar 2")


def test_a_stop_limit_is_triggered_first_and_rests_as_a_limit_from_the_next_bar():
    # bar 2 reaches the stop 11, whose price the limit 10.5 does not allow; bar 4 comes back to 10.5
    rows = [FLAT, FLAT, (10, 11.5, 10, 11), (11, 12, 11, 11), (11, 11, 10, 10), FLAT]
    result = play(rows, {1: lambda c: c.stop_limit(0, 5, 11, 10.5)})
    assert "stop 11, limit 10.5" in lines_of(result, 1)[0]
    assert "high 11.5 reached the stop 11; triggered: a limit order from the next bar on" in line_of(result, 1, "bar 2")
    assert "low 11 stayed 0.5 above the limit 10.5" in line_of(result, 1, "bar 3")
    assert "low 10 reached the limit 10.5; bought 5 at 10.5" in line_of(result, 1, "bar 4")


def test_the_level_of_a_trailing_stop_is_followed():
    # bought at 10 in bar 2; highs 11, 13, 12 put the level of distance 2 at 9, 11, 11; bar 5 falls to 10
    rows = [FLAT, FLAT, (10, 11, 10, 11), (11, 13, 11, 13), (13, 13, 12, 12), (12, 12, 10, 10), FLAT]
    script = {1: lambda c: c.order(0, 5), 2: lambda c: c.trailing_stop(0, -5, distance=2)}
    result = play(rows, script)
    assert "position 5: its level starts at 9, from the last close 11" in line_of(result, 2, "bar 3")
    assert "nearest in bar 4: low 12 stayed 1 above the stop 11; the level moved from 9 to 11" in result.explain(2)
    assert "low 10 reached the stop 11; sold 5 at 11 inside the bar, taker (reference 11, its stop)" in result.explain(
        2
    )


def test_a_trailing_stop_without_a_position_sleeps_until_a_fill_makes_one():
    script = {1: lambda c: c.trailing_stop(0, -5, distance_frac=0.1), 3: lambda c: c.order(0, 5)}
    result = play([FLAT] * 6, script)
    assert "no position to reduce yet: asleep" in line_of(result, 1, "bar 2")
    assert "asleep: no position to reduce" in line_of(result, 1, "bars 2 to 3")
    assert "awake, as order 2 made a position at 10: its level starts at 9" in line_of(result, 1, "bar 4")


def test_children_of_an_entry_inside_the_bar_see_only_what_came_after():
    # entry limit 9 inside bar 2, which also reaches 12; the target 12 counts only if the close is beyond it
    rows = [FLAT, FLAT, (10, 12, 9, 10), (10, 12, 10, 10), FLAT]
    result = play(rows, {1: lambda c: c.bracket(0, 5, stop_loss=7, take_profit=12, entry_limit=9)})
    bar_2 = line_of(result, 3, "bar 2")
    assert "awake, as order 1 filled 5 at 9 in bar 2, inside this bar; limit 12" in bar_2
    assert "order 1 filled inside this bar, and only what came after counts: not reached" in bar_2
    assert "high 12 reached the limit 12; sold 5 at 12" in line_of(result, 3, "bar 3")


def test_a_leg_given_by_fraction_shows_the_price_it_came_to():
    result = play([FLAT] * 4, {1: lambda c: c.bracket(0, 5, stop_loss_frac=0.2, take_profit_frac=0.5)})
    assert "awake, as order 1 filled 5 at 10 in bar 2; stop 8" in result.explain(2)
    assert "limit 15" in result.explain(3)


def test_costs_are_told_by_kind():
    # spread 0.25 and slippage 0.125: 10·(1 + 0.125 + 0.125) = 12.5; commission 1 a unit
    result = play([FLAT] * 4, {1: lambda c: c.order(0, 4)}, spread=0.25, slippage=0.125, commission_per_unit=1.0)
    assert "bought 4 at 12.5 at the open, taker (reference 10, the open)" in result.explain(1)
    assert "costs: commission 4.00, spread 5.00, slippage 5.00" in result.explain(1)


def test_latency_and_fills_at_the_close_are_told_when_the_order_is_sent():
    late = play([FLAT] * 6, {1: lambda c: c.order(0, 5)}, latency_bars=2)
    assert (
        "may fill from bar 4 (1970-01-06T00:00:00Z) on, the bar after its decision plus latency_bars=2"
        in late.explain(1)
    )
    closing = play([FLAT] * 4, {1: lambda c: c.order(0, 5)}, fill_at="close")
    assert "may fill from the close of bar 1 (1970-01-03T00:00:00Z) on, the bar of its decision" in closing.explain(1)
    assert "bought 5 at 10 at the close, taker (reference 10, the close)" in closing.explain(1)
    last = play([FLAT] * 4, {3: lambda c: c.order(0, 5)})
    assert "after the end of the run" in last.explain(1)


def test_a_target_says_which_position_it_found():
    result = play([FLAT] * 5, {1: lambda c: c.order(0, 20), 2: lambda c: c.order_target(0, 50)})
    assert lines_of(result, 2)[0] == "Order 2: market order to a target position of 50 A0, good till cancelled"
    assert "position 20, target 50: it becomes buy 30" in line_of(result, 2, "bar 3")


def test_a_tag_is_in_the_headline():
    assert lines_of(play([FLAT] * 3, {1: lambda c: c.order(0, 5, tag=7)}), 1)[0].endswith(", tag 7")


def test_a_symbol_cannot_break_out_of_its_line():
    bars = market([FLAT] * 4)
    odd = Bars.from_arrays(bars.timestamps, *[bars.open[:, 0]] * 4, symbols="A\nbar 9: filled\x1b[2J")
    text = run(Script(script={1: lambda c: c.order(0, 5)}), odd, mode="interpreted").explain(1)
    assert len(text.splitlines()) == 4
    assert "\x1b" not in text


# --- changes ---------------------------------------------------------------------------------------------------------


def test_a_modified_price_holds_from_the_bar_it_acts_in():
    rows = [FLAT, FLAT, (10, 10, 9, 10), (10, 10, 9, 10), (10, 10, 8, 10), FLAT]
    result = play(rows, {1: lambda c: c.limit(0, 5, 8.5), 2: lambda c: c.modify(1, price=8.75)})
    assert lines_of(result, 1)[0].startswith("Order 1: limit order to buy 5 A0, limit 8.5")
    assert "low 9 stayed 0.5 above the limit 8.5" in line_of(result, 1, "bar 2")
    assert "ctx.modify(1, price=8.75), asked for in bar 2 (1970-01-04T00:00:00Z): limit 8.5 → 8.75" in result.explain(1)
    assert "low 9 stayed 0.25 above the limit 8.75" in line_of(result, 1, "bar 3")
    assert "bought 5 at 8.75" in line_of(result, 1, "bar 4")


def _pair(c):
    c.oco(1, 2)


#: outcome: (what was sent at bar 1, what is asked at bar 2, settings)
REFUSED = {
    ChangeOutcome.NOTHING_TO_CHANGE: (lambda c: c.limit(0, 5, 9), lambda c: c.modify(1)),
    ChangeOutcome.PRICE_INVALID: (lambda c: c.limit(0, 5, 9), lambda c: c.modify(1, price=-1.0)),
    ChangeOutcome.PRICE_NOT_MODIFIABLE: (lambda c: c.trailing_stop(0, -5, distance=1), lambda c: c.modify(1, price=5)),
    ChangeOutcome.QUANTITY_INVALID: (lambda c: c.limit(0, 5, 9), lambda c: c.modify(1, quantity=-5)),
    ChangeOutcome.ORDER_ENDED: (lambda c: c.order(0, 5), lambda c: c.cancel(1)),
    ChangeOutcome.ORDER_UNKNOWN: (lambda c: c.limit(0, 5, 9), lambda c: c.oco(1, 99)),
}


@pytest.mark.parametrize("outcome", list(REFUSED), ids=lambda outcome: outcome.name.lower())
def test_a_change_without_effect_says_why(outcome):
    send, ask = REFUSED[outcome]
    result = play([FLAT] * 5, {1: send, 2: ask})
    assert result.tables.changes["outcome"].tolist() == [outcome]
    text = result.explain(1)
    assert "without effect" in text
    assert {
        ChangeOutcome.NOTHING_TO_CHANGE: "It changed nothing",
        ChangeOutcome.PRICE_INVALID: "The new price is not valid",
        ChangeOutcome.PRICE_NOT_MODIFIABLE: "This order has no price to change",
        ChangeOutcome.QUANTITY_INVALID: "The new quantity is not valid",
        ChangeOutcome.ORDER_ENDED: "The order had ended",
        ChangeOutcome.ORDER_UNKNOWN: "It named an order or an asset that does not exist",
    }[outcome] in text


def test_the_quantity_of_a_leg_cannot_be_changed():
    result = play([FLAT] * 5, {1: lambda c: c.bracket(0, 5, stop_loss=9), 2: lambda c: c.modify(2, quantity=-1)})
    assert "The quantity of a bracket leg cannot be changed" in result.explain(2)


def test_a_change_asked_for_in_the_last_bar_never_acts():
    result = play([FLAT] * 4, {1: lambda c: c.limit(0, 5, 9), 3: lambda c: c.cancel(1)})
    assert "The run ended before it could act" in result.explain(1)


def test_paired_orders_name_each_other_and_the_change_that_paired_them():
    def two(c):
        c.limit(0, -5, 12)
        c.stop(0, -5, 8)

    rows = [FLAT, FLAT, FLAT, FLAT, (10, 12.5, 10, 12), FLAT]
    script = {1: two, 2: _pair}
    result = play(rows, script)
    assert "Paired with order 2 (oco)" in result.explain(1)
    assert "ctx.oco(1, 2), asked for in bar 2 (1970-01-04T00:00:00Z): done" in result.explain(2)
    assert "cancelled: the order it was paired with filled" in result.explain(2)
    assert "order 1 had filled 5" in result.explain(2)
    again = play(rows, {1: two, 2: lambda c: (c.oco(1, 2), c.oco(2, 1))})
    assert "One of the two orders is already paired" in again.explain(1)


def test_cancel_all_is_told_by_the_orders_it_ended_only():
    script = {1: lambda c: c.limit(0, 5, 9), 2: lambda c: c.cancel_all(0), 3: lambda c: c.limit(0, 5, 9)}
    result = play([FLAT] * 6, script)
    assert "ctx.cancel_all(0), asked for in bar 2 (1970-01-04T00:00:00Z): done" in result.explain(1)
    assert "cancel_all" not in result.explain(2)


# --- ids -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order_id", [0, 3, -1, np.int64(99)])
def test_an_unknown_id_is_an_error_that_says_which_there_are(order_id):
    result = play([FLAT] * 4, {1: lambda c: (c.order(0, 1), c.order(0, 1))})
    with pytest.raises(ResultError, match=rf"there is no order {order_id}; ids are 1 to 2"):
        result.explain(order_id)


@pytest.mark.parametrize("order_id", ["1", 1.0, None, True, NAN])
def test_an_id_that_is_no_whole_number_is_an_error(order_id):
    result = play([FLAT] * 4, {1: lambda c: c.order(0, 1)})
    with pytest.raises(ResultError, match="an order id is a whole number"):
        result.explain(order_id)


def test_a_run_without_orders_says_so():
    with pytest.raises(ResultError, match="the run sent no orders"):
        play([FLAT] * 4, {}).explain(1)


def test_ids_of_numpy_are_ids():
    result = play([FLAT] * 4, {1: lambda c: c.order(0, 1, tif=Tif.GTC)})
    assert result.explain(np.int64(1)) == result.explain(1)
