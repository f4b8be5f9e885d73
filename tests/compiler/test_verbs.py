"""`ctx` in compiled code: every verb calls the kernel with the documented arguments; reads compute and check."""

import math

import numpy as np
import pytest
from toy_kernel import Market, Strategy, same

from backtester.compiler import record_key
from backtester.errors import CannotCompile
from backtester.kernel import reads
from backtester.kernel.codes import ChangeKind, OrderKind, Tif

NAN = math.nan
M, L, S, SL, T = (int(kind) for kind in OrderKind)
GTD = int(Tif.GTD)


def strategy(*lines, space=None, **fields):
    names = {"Tif": Tif, "np": np, **(space or {})}
    exec("def on_bar(self, ctx):\n" + "".join(f"    {line}\n" for line in lines), names)
    return type("S", (Strategy,), {"on_bar": names["on_bar"]})(**fields)


@pytest.fixture(scope="module")
def market():
    return Market(n_bars=5, n_assets=3)


def calls(market, *lines, **fields):
    market.calls.clear()
    compiled = market.compile(strategy(*lines, **fields))
    assert market.run(compiled, 0, 1) == -1
    compiled.read_back()
    return list(market.calls)


ORDERS = {
    # fn_submit: asset, kind, quantity, limit_price, stop_price, distance, distance_frac, tif, expire, tag
    "ctx.order(1, 5)": ("fn_submit", 1, M, 5.0, NAN, NAN, NAN, NAN, 0, 0, 0),
    "ctx.order(1, -2.5, tif=Tif.GTD, expire=99, tag=7)": ("fn_submit", 1, M, -2.5, NAN, NAN, NAN, NAN, GTD, 99, 7),
    "ctx.limit(2, 5, 10.5, tag=3)": ("fn_submit", 2, L, 5.0, 10.5, NAN, NAN, NAN, 0, 0, 3),
    "ctx.stop(2, quantity=5, price=9)": ("fn_submit", 2, S, 5.0, NAN, 9.0, NAN, NAN, 0, 0, 0),
    "ctx.stop_limit(0, 1, 9, 10.0)": ("fn_submit", 0, SL, 1.0, 10.0, 9.0, NAN, NAN, 0, 0, 0),
    "ctx.trailing_stop(0, -1, 2.5)": ("fn_submit", 0, T, -1.0, NAN, NAN, 2.5, NAN, 0, 0, 0),
    "ctx.trailing_stop(0, -1, distance_frac=0.1)": ("fn_submit", 0, T, -1.0, NAN, NAN, NAN, 0.1, 0, 0, 0),
    # fn_target: asset, unit, amount, group, tif, expire, tag
    "ctx.order_target(1, 5)": ("fn_target", 1, 0, 5.0, 0, 0, 0, 0),
    "ctx.order_target_value(1, 5e3, tag=2)": ("fn_target", 1, 1, 5e3, 0, 0, 0, 2),
    "ctx.order_target_percent(1, 1 / ctx.n_assets)": ("fn_target", 1, 2, 1 / 3, 0, 0, 0, 0),
    # fn_bracket: asset, quantity, two prices, two fractions, entry_limit, entry_stop, tif, expire, tag
    "ctx.bracket(1, 5, stop_loss=90, take_profit=110.0)": (
        *("fn_bracket", 1, 5.0, 90.0, 110.0, NAN, NAN, NAN, NAN, 0, 0, 0),
    ),
    "ctx.bracket(1, 5, stop_loss_frac=0.1, take_profit_frac=0.2, entry_limit=99, entry_stop=98, tag=4)": (
        *("fn_bracket", 1, 5.0, NAN, NAN, 0.1, 0.2, 99.0, 98.0, 0, 0, 4),
    ),
    # fn_change: kind, order id, other, price, quantity
    "ctx.modify(4, price=10)": ("fn_change", int(ChangeKind.MODIFY), 4, 0, 10.0, NAN),
    "ctx.modify(4, quantity=2.0)": ("fn_change", int(ChangeKind.MODIFY), 4, 0, NAN, 2.0),
    "ctx.cancel(4)": ("fn_change", int(ChangeKind.CANCEL), 4, 0, NAN, NAN),
    "ctx.cancel_all(2)": ("fn_change", int(ChangeKind.CANCEL_ALL), 0, 2, NAN, NAN),
    "ctx.oco(3, 4)": ("fn_change", int(ChangeKind.OCO), 3, 4, NAN, NAN),
}


def test_order_verbs_pass_their_arguments_and_return_the_kernels_id(market):
    lines = [f"self.ids[{i}] = {call}" for i, call in enumerate(ORDERS)]
    ids = np.zeros(len(ORDERS), np.int64)
    made = calls(market, *lines, ids=ids)
    for call, found, expected in zip(ORDERS, made, ORDERS.values(), strict=True):
        assert same(found, expected), call
    order_ids = [i + 1 for i, call in enumerate(made) if call[0] != "fn_change"]
    assert ids[: len(order_ids)].tolist() == order_ids  # the toy kernel numbers its calls
    assert ids[len(order_ids) :].tolist() == [1] * 5  # accepted


def test_verbs_take_variables_of_every_number_type(market):
    lines = ("for a in range(ctx.n_assets):", "    ctx.order(a, np.float32(1.5))", "ctx.order(np.int32(1), True)")
    made = calls(market, *lines)
    assert [call[1:4] for call in made] == [(0, M, 1.5), (1, M, 1.5), (2, M, 1.5), (1, M, 1.0)]


def test_rebalance_is_one_group_that_leaves_nan_alone(market):
    weights = np.array([0.5, np.nan, -0.25])
    made = calls(market, "self.first = ctx.rebalance(self.weights, tag=9)", weights=weights, first=0)
    # the group is call 1, and so has number 1; the first order is call 2
    assert made == [("fn_group",), ("fn_target", 0, 2, 0.5, 1, 0, 0, 9), ("fn_target", 2, 2, -0.25, 1, 0, 0, 9)]
    s = strategy("self.first = ctx.rebalance(self.weights)", weights=np.full(3, np.nan), first=5)
    compiled = market.compile(s)
    market.run(compiled, 0, 1)
    compiled.read_back()
    assert s.first == 0


def test_rebalance_wants_one_weight_per_asset(market):
    compiled = market.compile(strategy("ctx.rebalance(self.weights)", weights=np.zeros(2)))
    assert market.run(compiled, 0, 1) == 0


def test_close_position_cancels_everything_and_targets_zero(market):
    made = calls(market, "ctx.close_position(1, tag=6)")
    expected = [("fn_change", int(ChangeKind.CANCEL_ALL), 0, 1, NAN, 1.0), ("fn_target", 1, 0, 0.0, 0, 0, 0, 6)]
    assert all(same(a, b) for a, b in zip(made, expected, strict=True))


def test_records_go_under_a_stable_key_and_the_name_is_known_outside(market):
    s = strategy("ctx.record('spread', 1.5)", "ctx.record('count', 2)")
    market.calls.clear()
    compiled = market.compile(s)
    market.run(compiled, 0, 1)
    assert market.calls == [("fn_record", record_key("spread"), 1.5), ("fn_record", record_key("count"), 2.0)]
    assert compiled.record_names[record_key("spread")] == "spread"
    assert market.compile(s).record_names == compiled.record_names
    # blake2b(b"spread", 8 bytes), little-endian, shifted right by one: fixed for ever, as results are stored with it
    assert 0 < record_key("spread") < 2**63


def test_random_comes_from_the_kernel(market):
    s = strategy("self.x = ctx.random()", x=0.0)
    compiled = market.compile(s)
    market.run(compiled, 0, 1)
    compiled.read_back()
    assert s.x == 0.25


def test_reads_of_one_asset(market):
    state = market.state
    state.get_array("positions")[:] = [10.0, -4.0, 0.0]
    state.get_array("entry_prices")[:] = [90.0, 60.0, np.nan]
    state.get_array("marks")[:] = [100.0, 50.0, 70.0]
    state.get_array("multipliers")[:] = [1.0, 5.0, 1.0]
    state.get_array("open_counts")[:] = [2, 0, 1]
    out = np.zeros((3, 5))
    made = calls(
        market,
        "for a in range(3):",
        "    self.out[a, 0] = ctx.position(a)",
        "    self.out[a, 1] = ctx.entry_price(a)",
        "    self.out[a, 2] = ctx.unrealized_pnl(a)",
        "    self.out[a, 3] = ctx.exposure(a)",
        "    self.out[a, 4] = ctx.open_orders(a)",
        "if ctx.ready(1):",
        "    self.out[0, 4] += 100",
        out=out,
    )
    # equity 1000: 10·100/1000, −4·5·50/1000; pnl 10·(100 − 90), −4·5·(50 − 60)
    expected = [[10.0, 90.0, 100.0, 1.0, 102.0], [-4.0, 60.0, 200.0, -1.0, 0.0], [0.0, np.nan, 0.0, 0.0, 1.0]]
    np.testing.assert_array_equal(out, expected)
    assert made == [("fn_ready", 1)]


def test_reads_in_both_modes_are_one_function():
    assert reads.exposure.py_func(3.0, 2.0, 7.0, 0.0) != reads.exposure.py_func(3.0, 2.0, 7.0, 0.0)  # NaN
    assert reads.exposure.py_func(0.0, 1.0, NAN, 0.0) == 0.0
    assert reads.unrealized_pnl.py_func(0.0, 1.0, 5.0, NAN) == 0.0


@pytest.mark.parametrize("asset", [3, -1])
@pytest.mark.parametrize("read", ["position", "entry_price", "unrealized_pnl", "exposure", "open_orders", "ready"])
def test_reads_refuse_an_unknown_asset(market, read, asset):
    compiled = market.compile(strategy(f"if ctx.{read}(self.a) == 1: self.a += 0", a=asset))
    assert market.run(compiled, 0, 1) == 0


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("ctx.order(0.5, 1)", r"ctx\.order: a must be an integer, found float64"),
        ("ctx.order(0, 'ten')", r"ctx\.order: quantity must be a number, found unicode_type"),
        ("ctx.bracket(0, 1, stop_loss=(1, 2))", r"ctx\.bracket: stop_loss must be a number"),
        ("ctx.position(1.0)", r"ctx\.position: a must be an integer"),
        ("ctx.record(str(ctx.t), 1.0)", r"ctx\.record: the name must be written as a plain string"),
        ("ctx.rebalance(0.5)", r"ctx\.rebalance: weights must be a 1-D array"),
        ("ctx.cash += 5.0", r"'cash' is read-only"),
        ("ctx.close[-1, 0] = 5.0", r"readonly|Cannot modify"),
        ("ctx.positions", r"ctx\.positions is not known to compiled code"),
        ("ctx.buy(0, 1)", r"ctx\.buy is not known to compiled code"),
    ],
)
def test_misuse_of_ctx_is_refused_in_one_line_with_the_users_line(market, line, message):
    with pytest.raises(CannotCompile, match=message) as caught:
        market.compile(strategy("self.n = 0", line, n=0))
    assert "\n" not in caught.value.reason
    assert caught.value.reason.startswith("<string>:3")
