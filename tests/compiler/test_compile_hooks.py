"""Hooks as machine code: fields, series, state, methods, helpers, the row hooks, and exceptions."""

import enum
import math
import sys
import types

import numba
import numpy as np
import pytest
from toy_kernel import Market, Strategy

import backtester.compiler as compiler
from backtester.errors import StrategyError
from backtester.kernel.codes import Tif


class Side(enum.IntEnum):
    LONG = 3
    SHORT = 4


SCALE = 10.0
PAIR = (1.5, 2)


def inner(x):
    return x * SCALE


def helper(x, plus=1.0, *, minus=0.0):
    return inner(x) + plus - minus


@numba.njit
def dispatcher(x):
    return inner_jitted(x) + 1.0


@numba.njit
def inner_jitted(x):
    return x * 2.0


@pytest.fixture
def market():
    return Market()


def run(strategy, market, **window):
    if hasattr(strategy, "prepare"):
        strategy.prepare(market)
    compiled = market.compile(strategy)
    assert market.run(compiled, **window) == -1
    compiled.read_back()
    return strategy


def test_the_present_is_the_last_row_of_every_series(market):
    class S(Strategy):
        def prepare(self, bars):
            self.line = np.arange(bars.n_bars)
            self.cube = np.arange(bars.n_bars * 6.0).reshape(bars.n_bars, 2, 3)
            self.out = np.zeros((bars.n_bars, 4))

        def on_bar(self, ctx):
            self.out[ctx.t, 0] = self.line[-1]
            self.out[ctx.t, 1] = len(self.cube)
            self.out[ctx.t, 2] = self.cube[-1, 1, 2]
            self.out[ctx.t, 3] = ctx.close[-1, 1]

    # `out` has n_bars rows too, so it is a series: row t is its last
    out = run(S(), market).out
    t = np.arange(50)
    np.testing.assert_array_equal(out, np.column_stack([t, t + 1, 6.0 * t + 5, market.close[:, 1]]))


@pytest.mark.parametrize("index", ["-20", "5", "-1, 2"])
def test_an_index_beyond_the_present_or_the_past_raises(market, index):
    space = {"np": np}
    exec(f"def on_bar(self, ctx):\n    self.x += self.line[{index}]\n", space)
    strategy = type("S", (Strategy,), {"on_bar": space["on_bar"]})(x=0.0, line=market.close[:, :1].copy())
    if index != "-1, 2":
        strategy.line = strategy.line[:, 0].copy()
    compiled = market.compile(strategy)
    assert market.run(compiled, 1, 3) == 1


def test_state_is_read_back_with_the_type_it_was_given(market):
    class S(Strategy):
        limit = 4  # a class constant read through self

        def prepare(self, bars):
            self.count, self.total, self.seen = 0, 0.0, False
            self.last = (0, 0.0, False)
            self.side = Side.LONG
            self.one = np.float64(1.0)
            self.zero_d = np.array(2.5)
            self.untouched = "text"
            self.frame = {"any": "thing"}

        def on_bar(self, ctx):
            self.count += self.limit
            self.total += self.one * self.zero_d
            self.seen = self.count > 100
            self.last = (ctx.t, self.total, True)
            if self.side == Side.LONG:
                self.side = Side.SHORT

    s = run(S(), market)
    assert (s.count, s.total, s.seen, s.last) == (200, 125.0, True, (49, 125.0, True))
    assert [type(v) for v in (s.count, s.total, s.seen)] == [int, float, bool]
    assert s.side is Side.SHORT
    assert S.limit == 4
    assert "limit" not in vars(s)


def test_arrays_are_shared_in_place_and_others_orders_are_copied_once(market):
    class S(Strategy):
        def prepare(self, bars):
            self.plain = np.zeros(3, np.int64)
            self.flags = np.zeros(2, np.bool_)
            self.fortran = np.asfortranarray(np.arange(6.0).reshape(2, 3))

        def on_bar(self, ctx):
            self.plain[1] += 1
            self.flags[0] = True
            self.fortran[1, 2] += 1.0

    s = S()
    s.prepare(market)
    plain, fortran = s.plain, s.fortran
    compiled = market.compile(s)
    assert s.plain is plain
    assert s.fortran is not fortran
    assert s.fortran.flags.c_contiguous
    market.run(compiled)
    assert plain.tolist() == [0, 50, 0]
    assert s.flags.tolist() == [True, False]
    assert s.fortran[1, 2] == 5.0 + 50
    assert fortran[1, 2] == 5.0


def test_constant_opts_out_of_being_a_series(market, monkeypatch):
    class Constant:
        def __init__(self, value):
            self.value = value

    module = types.SimpleNamespace(Constant=Constant)
    monkeypatch.setitem(sys.modules, "backtester.strategy", module)

    class S(Strategy):
        def prepare(self, bars):
            self.table = Constant(np.arange(float(bars.n_bars)))
            self.n = 0

        def on_bar(self, ctx):
            self.n = len(self.table)

    assert run(S(), market, t1=3).n == 50


def test_helpers_methods_and_dispatchers_compile_as_they_are(market):
    factor = 3.0

    def closure(x):
        return helper(x, minus=factor)

    module = types.ModuleType("users_module")
    module.inner = inner
    module.LEVEL = 7.0
    module.deep = types.ModuleType("users_module.deep")
    module.deep.twice = lambda x: 2.0 * x

    class S(Strategy):
        def prepare(self, bars):
            self.out = np.zeros(8)
            self.rule = lambda x: x + 0.5

        def size(self, x, k=2.0):
            return self.deeper(x) / k

        def deeper(self, x):
            return x + self.out[0]

        @staticmethod
        def half(x, by=2.0):
            return x / by

        def on_bar(self, ctx):
            self.out[0] = helper(2.0, plus=0.5)
            self.out[1] = closure(2.0)
            self.out[2] = module.inner(1.0) + module.LEVEL + module.deep.twice(1.0)
            self.out[3] = self.size(4.0, k=8.0) + self.size(4.0)
            self.out[4] = self.half(5.0) + self.half(5.0, by=5.0)
            self.out[5] = dispatcher(3.0)
            self.out[6] = PAIR[0] + PAIR[1] + math.sqrt(16.0) + Side.LONG * 1.0
            self.out[7] = self.rule(1.0) + max([x * 2.0 for x in (1.0, 2.0)])

    expected = [
        2.0 * 10 + 0.5,
        2.0 * 10 + 1.0 - 3.0,
        10.0 + 7.0 + 2.0,
        (4 + 20.5) / 8 + (4 + 20.5) / 2,
        2.5 + 1.0,
        3.0 * 2 + 1,
        1.5 + 2 + 4 + 3.0,
        1.5 + 4.0,
    ]
    assert run(S(), market, t1=1).out.tolist() == expected


def test_two_strategies_may_have_a_method_of_the_same_name(market):
    class A(Strategy):
        def size(self):
            return 1.0

        def on_bar(self, ctx):
            self.x = self.size()

    first = A

    class A(Strategy):
        def size(self):
            return 2.0

        def on_bar(self, ctx):
            self.x = self.size()

    assert run(first(x=0.0), market).x == 1.0
    assert run(A(x=0.0), market).x == 2.0
    assert run(first(x=0.0), market).x == 1.0


def test_inherited_hooks_and_overridden_methods(market):
    class Base(Strategy):
        def level(self):
            return 1.0

        def on_bar(self, ctx):
            self.x += self.level()

    class Child(Base):
        def level(self):
            return 5.0

    assert run(Child(x=0.0), market, t1=2).x == 10.0


def test_typed_containers_keep_what_hooks_put_in(market):
    class S(Strategy):
        def prepare(self, bars):
            self.prices = numba.typed.List.empty_list(numba.float64)
            self.counts = numba.typed.Dict.empty(numba.int64, numba.int64)

        def on_bar(self, ctx):
            self.prices.append(ctx.close[-1, 0])
            self.counts[ctx.t % 2] = self.counts.get(ctx.t % 2, 0) + 1

    s = run(S(), market, t1=5)
    assert list(s.prices) == market.close[:5, 0].tolist()
    assert dict(s.counts) == {0: 3, 1: 2}


def test_rows_of_fills_and_orders_reach_their_hooks(market):
    class S(Strategy):
        def on_fill(self, ctx, fill):
            self.paid += fill.quantity * fill.price

        def on_reject(self, ctx, order):
            self.reason = order.reason

    fills, orders = market.state.get_array("fills"), market.state.get_array("orders")
    fills[2]["quantity"], fills[2]["price"], orders[1]["reason"] = 3.0, 50.0, 9
    s = S(paid=0.0, reason=0)
    compiled = market.compile(s)
    assert compiled.on_bar == 0
    market.state.set("hook_index", 2)
    assert market.run(compiled, 0, 1, hook="on_fill") == -1
    market.state.set("hook_index", 1)
    assert market.run(compiled, 0, 1, hook="on_reject") == -1
    compiled.read_back()
    assert (s.paid, s.reason) == (150.0, 9)


@pytest.mark.parametrize(
    "body",
    [
        "raise ValueError('no')",
        "raise ValueError(f'bar {ctx.t}')",
        "assert ctx.t < 2, 'late'",
        "[1.0][ctx.t + 5]",
        "self.x = float(self.line[ctx.t + 1])",
    ],
)
def test_whatever_raises_stops_at_its_bar(market, body):
    space = {}
    exec(f"def on_bar(self, ctx):\n    self.n += 1\n    if ctx.t == 2:\n        {body}\n", space)
    strategy = type("S", (Strategy,), {"on_bar": space["on_bar"]})(n=0, x=0.0, line=np.zeros(3))
    compiled = market.compile(strategy)
    assert market.run(compiled) == 2
    compiled.read_back()
    assert strategy.n == 3


def test_division_by_zero_gives_inf_and_nan_as_numpy_scalars_do(market):
    class S(Strategy):
        def on_bar(self, ctx):
            self.a = 1.0 / self.zero
            self.b = self.zero / self.zero

    s = run(S(a=0.0, b=0.0, zero=0.0), market, t1=1)
    assert s.a == math.inf
    assert math.isnan(s.b)


def test_an_int_goes_into_a_float_field_and_an_enum_is_a_number(market):
    class S(Strategy):
        def on_bar(self, ctx):
            self.x = 3
            self.y = Side.SHORT * 0.5
            self.n = Tif.FOK

    s = run(S(x=0.0, y=0.0, n=0), market, t1=1)
    assert (s.x, s.y, s.n) == (3.0, 2.0, 3)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("self.n += 0.5", r"self\.n is an int.*cannot take a float"),
        ("self.n = ctx.close[-1, 0]", r"self\.n is an int"),
        ("self.flag = 1", r"self\.flag is a bool.*cannot take an int"),
        ("self.pair = (0.5, 1.0)", r"self\.pair is a tuple \(an int, a float\)"),
        ("self.change(0.5)", r"self\.n is an int.*cannot take a float"),
        ("change(self, 0.5)", r"self\.n is an int.*cannot take a float"),
    ],
)
def test_a_field_that_would_change_its_type_is_an_error_not_a_truncation(market, statement, message):
    space = {}
    exec(
        f"def change(self, by):\n    self.n += by\ndef on_bar(self, ctx):\n    if ctx.t > 0:\n        {statement}\n",
        space,
    )
    cls = type("S", (Strategy,), {"on_bar": space["on_bar"], "change": space["change"]})
    with pytest.raises(StrategyError, match=message) as caught:
        market.compile(cls(n=0, flag=False, pair=(1, 2.0)))
    line = 2 if "change" in statement else 5
    assert f"<string>:{line} " in str(caught.value)


def test_the_same_code_with_other_parameter_values_is_not_compiled_again(market, tmp_path, monkeypatch):
    monkeypatch.setenv("BACKTESTER_CACHE_DIR", str(tmp_path))

    class S(Strategy):
        def on_bar(self, ctx):
            self.x += self.by

    first = S(x=0.0, by=2.5)
    assert not market.compile(first).from_cache
    second = S(x=100.0, by=1.5)
    compiled = market.compile(second)
    assert compiled.from_cache
    market.run(compiled, 0, 2)
    compiled.read_back()
    assert (first.x, second.x) == (0.0, 103.0)
    monkeypatch.setattr(compiler, "_loaded", {})
    assert market.compile(S(x=0.0, by=2.5)).from_cache  # from disk
    assert not market.compile(S(x=0.0, by=2)).from_cache  # an int parameter is other code


def test_extra_columns_are_series_of_ctx():
    market = Market(extras=("sentiment",))

    class S(Strategy):
        def on_bar(self, ctx):
            self.x = ctx.sentiment[-1, 1]

    assert run(S(x=0.0), market, t1=7).x == market.close[6, 1]
