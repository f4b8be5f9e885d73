"""`diff`: the first bar, order, fill or cash flow that differs, on markets of a few bars by hand."""

from __future__ import annotations

import numpy as np
import pytest
from few_bars import DAY_NS, FLAT, NAN, market, play

from backtester import Bars, Instrument, Result, Strategy, run
from backtester.diff import diff
from backtester.errors import ResultError

ROWS = [FLAT, FLAT, (10, 12, 8, 11), (11, 13, 10, 12), (12, 14, 11, 13), FLAT, FLAT]


def buy(c):
    c.order(0, 10)


def of(result: Result, other: Result, **options):
    """Return a diff, after checking that the other way round it finds the same bar."""
    found, back = diff(result, other, **options), diff(other, result, **options)
    assert bool(found) == bool(back)
    if found:
        assert (found.first.time, found.first.kind) == (back.first.time, back.first.kind)
        assert found.first.a == back.first.b
    return found


# --- the same --------------------------------------------------------------------------------------------------------


def test_two_runs_of_the_same_inputs_do_not_differ():
    one, other = (play(ROWS, {1: buy, 3: lambda c: c.limit(0, -5, 13)}, commission=0.01) for _ in range(2))
    found = of(one, other)
    assert not found
    assert found.first is None
    assert found.also == found.why == found.inputs == found.data == ()
    assert "No difference: A and B did the same in the 7 bars that both have" in str(found)


def test_a_loaded_result_is_the_same_as_the_one_that_was_saved(tmp_path):
    result = play(ROWS, {1: buy, 2: lambda c: c.record("x", NAN)}, commission=0.01, max_participation=0.5)
    result.to_parquet(tmp_path / "run")
    found = of(result, Result.load(tmp_path / "run"))
    assert not found
    assert found.inputs == found.data == ()


def test_a_loaded_result_is_diffed_like_a_live_one(tmp_path):
    one, other = play(ROWS, {1: buy}), play(ROWS, {1: buy}, slippage=0.1)
    other.to_parquet(tmp_path / "run")
    assert one.diff(Result.load(tmp_path / "run")).as_dict() == one.diff(other).as_dict()


def test_settings_that_changed_nothing_are_told_and_are_no_difference():
    found = of(play(ROWS, {1: buy}), play(ROWS, {1: buy}, borrow_rate=0.1, same_bar="nearest"))
    assert not found
    assert [one.name for one in found.inputs] == ["costs.borrow_rate", "execution.same_bar"]
    assert "costs.borrow_rate 0 → 0.1" in str(found)


# --- what differs first ----------------------------------------------------------------------------------------------


def test_another_fill_price_names_reference_price_cost_and_setting():
    # bought at the open of bar 2, 10; slippage 0.05: 10·1.05 = 10.5, which is 10·0.5 = 5 of money
    found = of(play(ROWS, {1: buy}), play(ROWS, {1: buy}, slippage=0.05))
    first = found.first
    assert (first.kind, first.bars, first.time) == ("fill", (2, 2), "1970-01-04T00:00:00Z")
    assert first.fields == ("price", "slippage")
    assert (first.a["price"], first.b["price"], first.b["slippage"]) == (10.0, 10.5, 5.0)
    assert first.text == (
        "order 1, buy 10 A0: price 10 in A, 10.5 in B; slippage 0.00 in A, 5.00 in B; same reference price 10, open"
    )
    assert found.why == (
        "Because of costs.slippage 0 → 0.05: both start from the reference price 10, to which A adds 0 and B adds 0.5.",
    )
    assert [one.kind for one in found.also] == ["equity"]
    assert found.after["final_equity"] == (1000.0 + 10 * (10 - 10), 1000.0 + 10 * (10 - 10.5))
    assert found.equity_bars == 5  # bars 2 to 6


@pytest.mark.parametrize(
    ("settings", "kind", "bar", "names"),
    [
        ({"spread": 0.02}, "fill", 2, ["costs.spread"]),
        ({"commission": 0.01}, "fill", 2, ["costs.commission"]),
        ({"commission_per_order": 1.0}, "fill", 2, ["costs.commission_per_order"]),
        ({"tick_size": 4.0}, "fill", 2, ["account.tick_size"]),  # 10 is rounded up to 12
        ({"latency_bars": 1}, "fill", 2, ["execution.latency_bars"]),
        ({"fill_at": "close"}, "fill", 1, ["execution.fill_at"]),
        ({"cash": 90.0}, "equity", 0, ["cash"]),
        ({"cash_rate": 0.1}, "cash_flow", 1, ["costs.cash_rate"]),
        ({"max_participation": 5e-6}, "fill", 2, ["execution.max_participation"]),  # of volume 1e6: 5 units
        ({"multiplier": 2.0}, "equity", 2, ["account.multiplier"]),  # ten at 10 cost 100, and are marked at 11·2
        ({"lot_size": 3.0}, "order", 1, ["account.lot_size"]),  # 10 is rounded to 9 when it is sent
        ({"close_at_end": True}, "order", 6, ["close_at_end"]),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_each_setting_is_found_where_it_first_shows_and_named_alone(settings, kind, bar, names):
    # the benchmark and a borrow rate differ besides, and have nothing to do with it
    found = of(play(ROWS, {1: buy}), play(ROWS, {1: buy}, borrow_rate=0.3, benchmark="A0", **settings))
    assert (found.first.kind, found.first.bars) == (kind, (bar, bar))
    assert len(found.why) == 1
    assert [one.name for one in found.inputs if one.name in found.why[0]] == names


def test_an_order_that_only_one_run_sends():
    found = of(play(ROWS, {1: buy}), play(ROWS, {1: buy, 3: lambda c: c.limit(0, -5, 14)}))
    assert (found.first.kind, found.first.bars) == ("order", (3, 3))
    assert found.first.a is None
    assert found.first.text == "B sends order 2, limit order to sell 5 A0, limit 14, good till cancelled; A does not"


def test_an_order_with_another_price_and_quantity():
    found = of(play(ROWS, {1: lambda c: c.limit(0, 5, 9)}), play(ROWS, {1: lambda c: c.limit(0, 6, 8.5)}))
    assert found.first.fields == ("quantity", "limit_price")
    assert found.first.text == "order 1, limit order for A0: quantity 5 in A, 6 in B; limit price 9 in A, 8.5 in B"


def test_an_order_more_does_not_make_the_next_one_of_the_bar_another():
    def two(c):
        c.order(0, 3)
        c.limit(0, 5, 9)

    found = of(play(ROWS, {1: lambda c: c.limit(0, 5, 9)}), play(ROWS, {1: two}))
    assert found.first.text == "B sends order 1, market order to buy 3 A0, good till cancelled; A does not"
    assert found.also == ()


def test_a_price_that_a_later_modify_changed_is_compared_as_it_was_sent():
    # the limits are sent alike in bar 1, and one of them is moved in bar 3: bar 1 is not the first difference
    rows = [FLAT] * 7
    found = of(play(rows, {1: lambda c: c.limit(0, 5, 9), 3: lambda c: c.modify(1, price=8, quantity=7)}),
               play(rows, {1: lambda c: c.limit(0, 5, 9)}))  # fmt: skip
    assert (found.first.kind, found.first.bars) == ("change", (3, 3))
    assert found.first.text == "modify of order 1 (price 8, quantity 7), in A alone"


def test_a_modify_with_another_price():
    rows = [FLAT] * 7
    runs = [play(rows, {1: lambda c: c.limit(0, 5, 9), 3: lambda c, p=p: c.modify(1, price=p)}) for p in (8.0, 7.0)]
    assert of(*runs).first.text == "modify of order 1: price 8 in A, 7 in B"


def test_a_bracket_placed_by_fractions_is_compared_where_it_is_known():
    # both enter at the open of bar 2; with slippage the legs come to lie elsewhere, which is no difference of bar 1
    send = {1: lambda c: c.bracket(0, 5, stop_loss_frac=0.5, take_profit_frac=0.5)}
    found = of(play(ROWS, send), play(ROWS, send, slippage=0.1))
    assert (found.first.kind, found.first.bars) == ("fill", (2, 2))


def test_an_order_that_ends_in_one_run_alone_and_what_it_does_in_the_other():
    rows = [FLAT] * 7
    send = {1: lambda c: c.limit(0, 5, 9), 3: lambda c: c.cancel(1)}
    found = of(play(rows, send), play(rows, send, latency_bars=1, allow_short=False))
    # the cancel of bar 3 acts in bar 4, and with latency in bar 5
    assert (found.first.kind, found.first.bars) == ("outcome", (4, 4))
    assert found.why == ("Because of execution.latency_bars 0 → 1.",)
    ends = next(one for one in found.also if one.kind == "end")
    assert ends.text == (
        "order 1 for A0 is cancelled (cancelled_by_user), in A alone; in B it ends at 1970-01-07T00:00:00Z, cancelled "
        "(cancelled_by_user)"
    )


def test_a_fill_of_a_rejected_order_says_why_the_other_was_rejected():
    found = of(play(ROWS, {1: lambda c: c.order(0, -5)}), play(ROWS, {1: lambda c: c.order(0, -5)}, allow_short=False))
    fill = next(one for one in (found.first, *found.also) if one.kind == "fill")
    assert fill.text.endswith("in A alone; in B it is rejected (short_not_allowed) at 1970-01-04T00:00:00Z")
    assert found.why == ("Because of account.allow_short True → False.",)


def test_a_liquidation_is_put_down_to_maintenance():
    # 1,600 of 10s on 1,000 of cash: 160 units; at 8 equity is 680 of 1,280, below 0.6 of it
    rows = [FLAT, FLAT, FLAT, (9, 9, 8, 8), FLAT]
    send = {1: lambda c: c.order(0, 160)}
    found = of(play(rows, send, leverage=1.6), play(rows, send, leverage=1.6, maintenance=0.6))
    assert found.first.bars == (3, 3)
    assert any(one.a is None and "made by the margin check" not in one.text for one in (found.first, *found.also))
    assert found.why == ("Because of account.maintenance 0 → 0.6.",)


def test_a_cash_flow_names_its_kind_and_its_setting():
    # 10 units sold short at 10 in bar 2 and marked at 11; borrow at 0.365 a year for a day: 110·0.365/365 = 0.11
    send = {1: lambda c: c.order(0, -10)}
    found = of(play(ROWS, send, borrow_rate=0.365), play(ROWS, send, borrow_rate=0.73))
    assert found.first.kind == "cash_flow"
    assert found.first.text == "borrow for A0: amount -0.11 in A, -0.22 in B"
    assert found.why == ("Because of costs.borrow_rate 0.365 → 0.73.",)


def test_a_record_that_differs():
    def write(value):
        return {2: lambda c: c.record("signal", value)}

    found = of(play(ROWS, write(1.0)), play(ROWS, write(2.0)))
    assert (found.first.kind, found.first.bars) == ("record", (2, 2))
    assert found.first.text == "record 'signal': value 1 in A, 2 in B"


def test_assets_are_matched_by_their_symbols():
    two = market([[FLAT, (20, 20, 20, 20)]] * 5)
    turned = two.select(["A1", "A0"])

    class BuyA1(Strategy):
        at: int

        def on_bar(self, ctx):
            if ctx.t == 1:
                ctx.order(self.at, 3)

    one, other = (run(BuyA1(at=at), bars, mode="interpreted") for at, bars in ((1, two), (0, turned)))
    found = of(one, other)
    assert not found  # the same orders for the same symbols
    assert [change.text for change in found.data] == ["the symbols are in another order, and so are the asset numbers"]


# --- numbers ---------------------------------------------------------------------------------------------------------


def test_every_bit_counts_unless_a_tolerance_is_given():
    one, other = play(ROWS, {1: buy}), play(ROWS, {1: lambda c: c.order(0, 10 * (1 + 1e-9))})
    assert of(one, other).first.text == "order 1, market order for A0: quantity 10 in A, 10.00000001 in B"
    assert not of(one, other, rtol=1e-8)
    assert of(one, other, rtol=1e-10)


@pytest.mark.parametrize("rtol", [-0.1, 1.0, NAN, "1", True, None])
def test_a_tolerance_is_a_fraction(rtol):
    result = play(ROWS, {})
    with pytest.raises(ResultError, match=r"rtol is .*; it must be a fraction"):
        diff(result, result, rtol=rtol)


def test_only_results_can_be_diffed():
    result = play(ROWS, {})
    with pytest.raises(ResultError, match="the second of the two must be a Result, found str"):
        result.diff("run")


def test_names_are_shown_and_cannot_break_a_line():
    found = diff(play(ROWS, {1: buy}), play(ROWS, {}), names=("before\n", "after\x1b[2J"))
    assert "before\N{REPLACEMENT CHARACTER} sends order 1" in str(found)
    assert "\x1b" not in str(found)


def test_a_diff_as_plain_values_holds_what_the_text_says():
    found = of(play(ROWS, {1: buy}), play(ROWS, {1: buy}, slippage=0.05)).as_dict()
    assert found["same"] is False
    assert found["first"]["a"]["reference_price"] == found["first"]["b"]["reference_price"] == 10.0
    assert found["inputs"] == [{"group": "settings", "name": "costs.slippage", "a": 0.0, "b": 0.05, "matters": True}]
    assert found["after"]["fills"] == [1, 1]


# --- data ------------------------------------------------------------------------------------------------------------


def moved(bars: Bars, t: int, column: str, value: float) -> Bars:
    """Return bars with one value changed."""
    arrays = {name: bars[name].copy() for name in ("open", "high", "low", "close", "volume")}
    arrays[column][t, 0] = value
    return Bars.from_arrays(bars.timestamps, **arrays, symbols=bars.symbols)


class Buy(Strategy):
    """Buys ten at bar `at`, or when the close is above `level`."""

    at: int = 1
    level: float = 1e9

    def on_bar(self, ctx):
        if ctx.t == self.at or ctx.close[-1, 0] > self.level:
            ctx.order(0, 10)


def on(bars: Bars, **parameters) -> Result:
    return run(Buy(**parameters), bars, mode="interpreted", cash=1000.0)


def test_a_fill_at_another_open_is_put_down_to_that_bar_of_the_data():
    bars = market(ROWS)
    found = of(on(bars), on(moved(bars, 2, "open", 9.0)))
    assert found.first.bars == (2, 2)
    assert found.first.fields[:2] == ("reference_price", "price")
    assert found.why[0] == "The data differ: in this very bar A0 has open 10 in A, 9 in B."
    assert [change.text for change in found.data] == [
        "open of A0 differs in 1 bar, first in bar 2 (1970-01-04T00:00:00Z): 10 in A and 9 in B"
    ]


def test_a_decision_on_earlier_data_is_traced_to_its_first_difference():
    # the close of bar 4 is 13 in one and 12.1 in the other; the level 12.5 decides there
    bars = market(ROWS)
    found = of(on(bars, at=-1, level=12.5), on(moved(bars, 4, "close", 12.1), at=-1, level=12.5))
    assert (found.first.kind, found.first.bars) == ("order", (4, 4))
    assert "in this very bar A0 has close 13 in A, 12.1 in B" in found.why[0]


def test_a_decision_on_the_past_is_traced_to_the_first_value_that_differs():
    class Later(Strategy):
        def on_bar(self, ctx):
            if ctx.t == 5 and ctx.close[-4, 0] > 10.0:  # bar 2
                ctx.order(0, 10)

    bars = market([FLAT, FLAT, (10, 12, 8, 11), FLAT, FLAT, FLAT, FLAT])
    found = of(*(run(Later, data, mode="interpreted") for data in (bars, moved(bars, 2, "close", 9.5))))
    assert (found.first.kind, found.first.bars) == ("order", (5, 5))
    assert found.why == (
        "The data differ: close of A0 differs in 1 bar, first in bar 2 (1970-01-04T00:00:00Z): 11 in A and 9.5 in B.",
    )


def test_the_columns_of_a_symbol_share_a_line():
    bars = market(ROWS)
    changed = moved(moved(moved(bars, 3, "high", 14.0), 4, "close", 12.5), 5, "volume", 7.0)
    text = str(of(on(bars, at=-1), on(changed, at=-1)))
    lines = " ".join(text.split())
    assert "data: high of A0 differs in 1 bar, first in bar 3 (1970-01-05T00:00:00Z): 13 in A and 14 in B" in lines
    assert "14 in B; also close, volume" in lines
    assert text.count("data:") == 1


def test_data_that_differ_without_an_effect_are_no_difference():
    bars = market(ROWS)
    found = of(on(bars, at=-1), on(moved(bars, 3, "volume", 5.0), at=-1))
    assert not found
    assert found.data[0].column == "volume"


def test_a_strategy_that_looks_ahead_is_told_so():
    class Peeks(Strategy):
        def prepare(self, bars):
            self.end = float(bars.close[-1, 0])

        def on_bar(self, ctx):
            if ctx.t == 1 and self.end > 10.0:
                ctx.order(0, 10)

    bars = market(ROWS)
    better = moved(moved(bars, 6, "high", 20.0), 6, "close", 20.0)
    one, other = (run(Peeks, data, mode="interpreted") for data in (bars, better))
    found = of(one, other)
    assert found.first.bars == (1, 1)
    assert found.why[0].startswith(
        "The strategy looks ahead, or is not deterministic: nothing else differs, and the data"
    )
    assert "differ only from 1970-01-08T00:00:00Z on" in found.why[0]


def test_a_shorter_period_differs_only_by_what_its_end_ends():
    bars = market(ROWS)
    found = of(on(bars), on(bars[:5]))
    assert not found  # the position is held to either end
    found = of(on(bars, at=4), on(bars[:5], at=4))
    assert found.first.bars == (4, 4)
    assert "data_ended" in found.first.text
    assert found.why == ("The data of B end with this bar, and with them all that B still had to do.",)


def test_bars_are_matched_by_their_times():
    bars = market(ROWS)
    later = bars[2:]
    # bar 4 of the whole is bar 2 of the part
    found = of(on(bars, at=4), on(later, at=3))
    assert found.first.bars == (4, 2)
    assert "bar 4 of A, bar 2 of B" in str(found)


def test_other_symbols_and_sessions_are_told():
    times = (np.arange(4) + 1) * DAY_NS
    prices = np.full((4, 1), 10.0)
    one, other = (
        Bars.from_arrays(times, *[prices] * 4, symbols=name, sessions=days, extras=extras)
        for name, days, extras in (("X", [0, 1, 2, 3], {"e": prices}), ("Y", [0, 1, 1, 1], {}))
    )
    texts = [change.text for change in of(on(one, at=-1), on(other, at=-1)).data]
    assert texts == [
        "symbol X only in A",
        "extra e only in A",
        "symbol Y only in B",
        "A and B assign other sessions to 2 bars, the first at 1970-01-04T00:00:00Z",
    ]


# --- the strategy ----------------------------------------------------------------------------------------------------


def test_a_decision_is_put_down_to_the_parameters():
    bars = market(ROWS)
    found = of(on(bars, at=1), on(bars, at=2))
    assert found.first.bars == (1, 1)
    assert found.why == ("The strategy decided otherwise: it differs in parameter at 1 → 2.",)


def test_a_decision_is_put_down_to_the_seed():
    class Draws(Strategy):
        def on_bar(self, ctx):
            ctx.record("draw", ctx.random())

    one, other = (run(Draws, market(ROWS), mode="interpreted", seed=seed) for seed in (0, 1))
    assert of(one, other).why == ("The strategy decided otherwise: it differs in seed 0 → 1.",)


def test_a_decision_is_put_down_to_edited_code():
    def versions(size):
        class Bought(Strategy):
            def on_bar(self, ctx):
                if ctx.t == 1:
                    ctx.order(0, 2 * size)

        return Bought

    class Bought(Strategy):
        def on_bar(self, ctx):
            if ctx.t == 1:
                ctx.order(0, 3)

    Bought.__qualname__ = "Bought"
    one, other = (run(kind, market(ROWS), mode="interpreted") for kind in (versions(1), Bought))
    assert of(one, other).why == ("The strategy decided otherwise: it differs in the source code of the strategy.",)
    # the same source, and what it reads outside the class is another: the manifests cannot tell
    one, other = (run(versions(size), market(ROWS), mode="interpreted") for size in (1, 2))
    (why,) = of(one, other).why
    assert why.startswith("Nothing that the two manifests hold explains it")
    assert "not deterministic, or code or a file that it uses outside its class has changed" in why


# --- events, limits, currencies --------------------------------------------------------------------------------------

PAIR = [[FLAT, (2.0,) * 4]] * 7
EURO = {"instruments": [Instrument("A0", currency="EUR")], "currency": "USD", "fx": {"EUR": "A1"}}


@pytest.mark.parametrize(
    ("settings", "kind", "bar", "names"),
    [
        ({"max_gross": 0.05}, "fill", 2, ["account.max_gross"]),  # of the 10 at 10, 50 are allowed
        ({"max_exposure": 0.05}, "fill", 2, ["account.max_exposure"]),
        ({"max_order": 0.05}, "end", 1, ["account.max_order"]),
        ({"instruments": [Instrument("A0", lot_size=4.0)]}, "order", 1, ["account.instruments"]),
        (EURO, "fill", 2, ["account.currency", "account.fx", "account.fx.EUR", "account.instruments"]),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_limits_and_instruments_are_named_where_they_show(settings, kind, bar, names):
    found = of(play(PAIR, {1: buy}), play(PAIR, {1: buy}, borrow_rate=0.3, **settings))
    assert found.first.kind == kind
    assert found.first.bars == (bar, bar)
    named = [one.name for one in found.inputs if one.name in found.why[0]]
    assert named
    assert set(named) <= set(names)


def test_a_drawdown_limit_is_named_by_the_order_it_makes():
    rows = [FLAT, FLAT, FLAT, (7.0,) * 4, (7.0,) * 4, (7.0,) * 4]
    script = {1: lambda c: c.order(0, 100)}
    found = of(play(rows, script), play(rows, script, max_drawdown=0.2, borrow_rate=0.3))
    assert (found.first.kind, found.first.bars) == ("order", (3, 3))
    assert "account.max_drawdown" in found.why[0]
    assert "borrow_rate" not in found.why[0]


def test_a_policy_for_delistings_is_named_by_what_it_pays():
    events = {"delisting": {4: 5.0}}
    script = {1: buy}
    a = play([FLAT] * 6, script, events=events)
    found = of(a, play([FLAT] * 6, script, events=events, delisting="worthless", borrow_rate=0.3))
    assert found.first.kind in ("cash_flow", "action")
    assert "account.delisting" in found.why[0]
    assert "borrow_rate" not in found.why[0]


def test_a_split_that_one_run_has_is_found_where_it_acts_and_not_where_orders_were_sent():
    script = {1: lambda c: (c.limit(0, -5, 13), c.order(0, 2))}
    a, b = (play([FLAT] * 6, script, events={"split": {4: ratio}}) for ratio in (1.0, 2.0))
    found = of(a, b)
    assert found.first.bars == (4, 4)
    assert "The data differ" in found.why[0]


def test_a_settlement_shows_in_equity_when_the_rate_moves():
    rows = [[FLAT, (2.0,) * 4]] * 3 + [[FLAT, (2.2,) * 4]] * 2
    a, b = (play(rows, {1: buy}, settlement=how, **EURO) for how in ("convert", "keep"))
    found = of(a, b)
    # 10 at 10 with 2 cost 200; kept, the debt of 100 EUR grows with the rate: 20 less
    assert (found.first.kind, found.first.bars) == ("equity", (3, 3))
    assert "account.settlement" in found.why[0]
