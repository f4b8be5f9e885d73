"""`explain` on orders that live through a split: every bar in the units it was quoted in."""

from __future__ import annotations

from few_bars import FLAT, play

HALF = (5.0, 5.0, 5.0, 5.0)  # FLAT after 2 for 1
THIN = (10.0, 10.0, 10.0, 10.0, 8.0)  # max_participation=0.5 allows 4
TWO_FOR_ONE = {"split": {4: 2.0}}


def line_of(result, order_id: int, start: str) -> str:
    """Return the lines that begin with a bar or a run of bars, joined."""
    lines = [line.strip() for line in result.explain(order_id).splitlines()]
    return " | ".join(line for line in lines if line.startswith(start))


def test_a_limit_is_told_as_sent_and_as_adjusted():
    """Buy 5 at 9 becomes buy 10 at 4.5; the lows 9.5 and 4.75 miss it by 0.5 and 0.25, 4.5 reaches it."""
    rows = [FLAT, FLAT, (10, 10, 9.5, 10), FLAT, (5, 5, 4.75, 5), (5, 5, 4.5, 5), HALF]
    result = play(rows, {1: lambda c: c.limit(0, 5, 9)}, events=TWO_FOR_ONE)
    assert result.explain(1).startswith("Order 1: limit order to buy 5 A0, limit 9, good till cancelled")
    assert "nearest in bar 2: low 9.5 stayed 0.5 above the limit 9" in line_of(result, 1, "bars 2 to 3")
    bar_4 = line_of(result, 1, "bar 4")
    assert "2-for-1 split of A0: quantity 5 → 10, limit 9 → 4.5" in bar_4
    assert "low 4.75 stayed 0.25 above the limit 4.5" in bar_4
    assert "low 4.5 reached the limit 4.5; bought 10 at 4.5" in line_of(result, 1, "bar 5")
    assert "filled in full" in result.explain(1)


def test_both_prices_of_a_stop_limit_are_told():
    """Stop 12, limit 11 become 6 and 5.5: triggered at 6 in bar 5, filled at 5.5 in bar 6."""
    rows = [FLAT, FLAT, FLAT, FLAT, HALF, (5, 6, 5, 6), (6, 6, 5.5, 6), HALF]
    result = play(rows, {1: lambda c: c.stop_limit(0, 5, 12, 11)}, events=TWO_FOR_ONE)
    assert "stop 12, limit 11" in result.explain(1).splitlines()[0]
    assert "quantity 5 → 10, stop 12 → 6, limit 11 → 5.5" in line_of(result, 1, "bar 4")
    assert "high 6 reached the stop 6" in line_of(result, 1, "bar 5")
    assert "low 5.5 reached the limit 5.5; bought 10 at 5.5" in line_of(result, 1, "bar 6")


def test_a_stop_limit_that_rests_as_a_limit_when_the_split_comes():
    """Triggered at 12 in bar 2; the limit 9 becomes 4.5."""
    rows = [FLAT, FLAT, (10, 12, 10, 12), (12, 12, 12, 12), (6, 6, 5, 5), (5, 5, 4.5, 5), HALF]
    result = play(rows, {1: lambda c: c.stop_limit(0, 5, 12, 9)}, events=TWO_FOR_ONE)
    assert "stop 12, limit 9" in result.explain(1).splitlines()[0]
    assert "high 12 reached the stop 12" in line_of(result, 1, "bar 2")
    assert "low 12 stayed 3 above the limit 9" in line_of(result, 1, "bar 3")
    assert "quantity 5 → 10, limit 9 → 4.5" in line_of(result, 1, "bar 4")
    assert "bought 10 at 4.5" in line_of(result, 1, "bar 5")


def test_the_level_and_the_distance_of_a_trailing_stop_are_halved():
    """Bought at 10; the high 12 puts the level of distance 2 at 10, and the split at 5, distance 1.

    The high 6.5 of bar 4 puts it at 5.5, which bar 5 reaches.
    """
    rows = [FLAT, FLAT, (10, 10, 10, 10), (10, 12, 10, 12), (6, 6.5, 6, 6.5), (6.5, 6.5, 5, 5), HALF]
    script = {1: lambda c: c.order(0, 5), 2: lambda c: c.trailing_stop(0, -5, distance=2)}
    result = play(rows, script, events=TWO_FOR_ONE)
    assert "to sell 5 A0, distance 2, good till cancelled" in result.explain(2).splitlines()[0]
    assert "position 5: its level starts at 8, from the last close 10" in line_of(result, 2, "bar 3")
    bar_4 = line_of(result, 2, "bar 4")
    assert "2-for-1 split of A0: quantity -5 → -10, level 10 → 5, distance 2 → 1" in bar_4
    assert "low 6 stayed 1 above the stop 5" in bar_4
    assert "low 5 reached the stop 5.5; sold 10 at 5.5" in line_of(result, 2, "bar 5")


def test_a_trailing_stop_that_starts_in_the_bar_of_a_split_starts_from_the_adjusted_close():
    """The close 12 of bar 3 is 6 in bar 4: a tenth below is 5.4."""
    rows = [FLAT, FLAT, FLAT, (10, 12, 10, 12), (6, 6, 6, 6), (6, 6, 6, 6)]
    script = {1: lambda c: c.order(0, 5), 3: lambda c: c.trailing_stop(0, -10, distance_frac=0.1)}
    result = play(rows, script, events=TWO_FOR_ONE)
    assert "position 10: its level starts at 5.4, from the last close 6" in line_of(result, 2, "bar 4")


def test_a_leg_given_by_a_fraction_is_adjusted_after_it_woke():
    """A fifth below 10 is 8, then 4."""
    rows = [FLAT, FLAT, FLAT, FLAT, (5, 5, 4.5, 5), (5, 5, 4, 5), HALF]
    result = play(rows, {1: lambda c: c.bracket(0, 5, stop_loss_frac=0.2)}, events=TWO_FOR_ONE)
    assert "awake, as order 1 filled 5 at 10 in bar 2; stop 8" in line_of(result, 2, "bar 2")
    assert "quantity -5 → -10, stop 8 → 4" in line_of(result, 2, "bar 4")
    assert "low 4 reached the stop 4; sold 10 at 4" in line_of(result, 2, "bar 5")


def test_a_leg_asleep_is_adjusted_too():
    """The entry 9 and the stop loss 7 become 4.5 and 3.5 before the entry fills."""
    rows = [FLAT, FLAT, FLAT, FLAT, HALF, (5, 5, 4.5, 5), (5, 5, 3.5, 4), HALF]
    result = play(rows, {1: lambda c: c.bracket(0, 5, stop_loss=7, entry_limit=9)}, events=TWO_FOR_ONE)
    assert "stop 7" in result.explain(2).splitlines()[0]
    assert "2-for-1 split of A0: stop 7 → 3.5" in line_of(result, 2, "bar 4")
    assert "awake, as order 1 filled 10 at 4.5 in bar 5, inside this bar; stop 3.5" in line_of(result, 2, "bar 5")


def test_fills_before_and_after_a_split_are_each_in_their_units():
    """4 of 10 fill in bar 3; after 2 for 1 the order is for 20, of which 8 have filled, and bars take 8 and 4."""
    late = (5.0, 5.0, 5.0, 5.0, 16.0)
    rows = [FLAT, FLAT, FLAT, THIN, late, late, HALF]
    result = play(rows, {2: lambda c: c.order(0, 10)}, events=TWO_FOR_ONE, max_participation=0.5)
    assert "to buy 10 A0" in result.explain(1).splitlines()[0]
    assert "4 in all so far" in line_of(result, 1, "bar 3")
    assert "quantity 10 → 20" in line_of(result, 1, "bar 4")
    assert "bought 8 at 5" in line_of(result, 1, "bar 4")
    assert "16 in all so far" in line_of(result, 1, "bar 4")
    assert "bought 4 at 5" in line_of(result, 1, "bar 5")
    # 4·10 + 12·5 = 100 over 20 units of the end
    assert "filled in full, at 5 on average" in result.explain(1)


def test_what_was_asked_for_is_in_the_units_of_the_bar_that_cut_it():
    """4 of 120 fill in bar 3; after 2 for 1 that is 8 of 240, and 960 of the 1000 are free: 192 at 5."""
    rows = [FLAT, FLAT, FLAT, THIN, (5.0, 5.0, 5.0, 5.0, 1e6), HALF]
    result = play(rows, {2: lambda c: c.order(0, 120)}, events=TWO_FOR_ONE, max_participation=0.5)
    # 240 − 8 = 232 at 5 are 1160; equity 1000 holds 8 at 5, so 960/5 = 192 fit
    assert "232 asked for, 192 fitted at 5 each, worth 1,160.00" in result.explain(1)
    assert "positions worth 40.00, a position of 8 A0" in result.explain(1)


def test_a_target_that_waits_is_adjusted():
    """With a latency of 2 the target 6 of bar 2 waits for bar 5, where it is 12; 2 held are 4 there: buy 8."""
    script = {1: lambda c: c.order(0, 2), 2: lambda c: c.order_target(0, 6)}
    rows = [FLAT] * 5 + [HALF] * 3
    result = play(rows, script, events={"split": {5: 2.0}}, latency_bars=2)
    # the order of bar 1 fills in bar 4, the target of bar 2 is eligible in bar 5
    assert "to a target position of 6 A0" in result.explain(2).splitlines()[0]
    bar_5 = line_of(result, 2, "bar 5")
    assert "2-for-1 split of A0: target 6 → 12" in bar_5
    assert "position 4, target 12: it becomes buy 8" in bar_5


def test_a_modify_that_waits_through_a_split_is_told_as_it_was_called():
    """Asked for in bar 3 with a latency of 2: limit 8 and 6 units become 4 and 12 before they act in bar 6."""
    rows = [FLAT] * 5 + [HALF] * 3
    script = {1: lambda c: c.limit(0, 5, 9), 3: lambda c: c.modify(1, price=8, quantity=6)}
    result = play(rows, script, events={"split": {5: 2.0}}, latency_bars=2)
    text = line_of(result, 1, "bar 6")
    assert "ctx.modify(1, price=8, quantity=6), by a 2-for-1 split price=4, quantity=12, asked for in bar 3" in text
    assert "limit 4.5 → 4, quantity 10 → 12" in text
    assert result.explain(1).startswith("Order 1: limit order to buy 5 A0, limit 9,")


def test_a_modify_before_a_split_is_undone_before_it():
    script = {1: lambda c: c.limit(0, 5, 9), 2: lambda c: c.modify(1, price=8, quantity=7)}
    result = play([FLAT] * 4 + [HALF] * 2, script, events=TWO_FOR_ONE)
    assert result.explain(1).startswith("Order 1: limit order to buy 5 A0, limit 9,")
    assert "low 10 stayed 1 above the limit 9" in line_of(result, 1, "bar 2")
    assert "limit 9 → 8, quantity 5 → 7" in line_of(result, 1, "bar 3")
    assert "quantity 7 → 14, limit 8 → 4" in line_of(result, 1, "bar 4")


def test_a_position_that_a_split_leaves_nothing_of_ends_what_protected_it():
    """5 for a tenth is half a unit, less than a lot: paid out, and the trailing stop goes before the bar begins."""
    script = {1: lambda c: c.order(0, 5), 2: lambda c: c.trailing_stop(0, -5, distance=2)}
    rows = [FLAT] * 4 + [(100.0,) * 4] * 2
    result = play(rows, script, events={"split": {4: 0.1}}, lot_size=1)
    text = line_of(result, 2, "bar 4")
    assert "cancelled" in text
    assert "not reached" not in text


def test_a_bracket_leg_goes_with_such_a_position():
    rows = [FLAT] * 4 + [(100.0,) * 4] * 2
    result = play(rows, {1: lambda c: c.bracket(0, 5, stop_loss=7)}, events={"split": {4: 0.1}}, lot_size=1)
    text = line_of(result, 2, "bar 4")
    assert "a 1-for-10 split left nothing of the position" in text
    assert "stayed" not in text


def test_a_conversion_is_not_taken_for_a_change_of_an_order():
    """`ctx.convert(…, 1, …)` names asset 1, not order 1."""
    script = {1: lambda c: c.limit(0, 5, 9), 2: lambda c: c.convert(10.0, 1, -1)}
    text = play([[FLAT, FLAT]] * 5, script).explain(1)
    assert "convert" not in text
    assert "modify" not in text


def test_a_rung_of_scale_out_says_what_it_is():
    script = {1: lambda c: c.order(0, 6), 2: lambda c: c.scale_out(0, (11.0, 12.0))}
    text = play([FLAT] * 5, script).explain(2)
    assert "limit order to sell 3 A0, limit 11" in text
    assert "A rung of scale_out: it only reduces, and goes with the position." in text
    assert "sent by ctx.scale_out" in text
