"""What cannot be compiled is refused in one line: the user's line, and the construct."""

import enum

import numpy as np
import pandas as pd
import pytest
from toy_kernel import Market, Strategy

from backtester.compiler import check_random
from backtester.errors import CannotCompile, StrategyError

MARKET = Market(n_bars=4)


class Colour(enum.Enum):
    RED = "red"


def strategy(text, **fields):
    space = {"np": np, "LIST": [1, 2.0], "Colour": Colour, "DICT": {}}
    exec(compile(text, "mine.py", "exec"), space)
    members = {name: space[name] for name in ("on_bar", "on_fill", "method", "prop", "klass") if name in space}
    return type("S", (Strategy,), members)(n=0, **fields)


def on_bar(*lines):
    return "def on_bar(self, ctx):\n" + "".join(f"    {line}\n" for line in lines)


@pytest.mark.parametrize(
    ("lines", "where", "message"),
    [
        (["self.n = 0", "with open('x') as f: pass"], ":3 ", "`with` has no compiled form"),
        (["import math"], ":2 ", "an import inside a function"),
        (["global Z", "Z = 1"], ":3 ", "cannot assign to a global"),
        (["super().on_bar(ctx)"], ":2 ", r"super\(\) has no compiled form"),
        (["return 1"], ":2:", "a hook returns nothing"),
        (["self.n = 1", "x = 'a' + 1"], ":3:", "numba cannot compile add"),
        (["self.n = undefined"], ":2:", "name 'undefined' is not defined"),
        (["self.n = LIST[0]"], ":2:", "'LIST'"),
        (["self.n = self.absent"], ":2 ", r"self\.absent does not exist"),
        (["self.fresh = 1"], ":2 ", r"self\.fresh has no value before the run"),
        (["self.arr = np.zeros(9)"], ":2 ", r"cannot replace self\.arr"),
        (["self.n = self.prop"], ":2 ", r"self\.prop is a property"),
        (["self.n = self.klass()"], ":2 ", r"self\.klass is a classmethod"),
        (["self.n = self.method(1, 2)"], ":2:", "does not fit the function's parameters"),
        (["try:", "    self.n = 1", "except ValueError as e:", "    print(e)"], ":4:", "Exception object"),
    ],
)
def test_constructs(lines, where, message):
    extra = "@property\ndef prop(self): return 1\n@classmethod\ndef klass(cls): return 1\ndef method(self): return 1\n"
    with pytest.raises(CannotCompile, match=message) as caught:
        MARKET.compile(strategy(on_bar(*lines) + extra, arr=np.zeros(9)))
    reason = caught.value.reason
    assert "\n" not in reason
    assert f"mine.py{where}" in reason


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([1, 2], "is a list; use a tuple, an array or numba.typed.List"),
        ({"a": 1}, "is a dict; use arrays"),
        ("text", "is a str; compare strings in prepare"),
        (None, "is None; give it a number"),
        (10**30, "is a int; it must fit 64 bits"),
        (1 + 2j, "is a complex"),
        ((1, "a"), "is a tuple that holds something else than numbers"),
        ((), "is a tuple that holds something else than numbers"),
        (Colour.RED, "Colour"),
        (
            pd.DataFrame({"a": [1.0]}),
            r"is a pandas.*DataFrame; store its values .*: \.to_numpy\(\)",
        ),
        (np.array(["2020-01-01"], "datetime64[ns]"), r"is an array of datetime64\[ns\]; keep it as int64 nanoseconds"),
        (np.array(["a"]), "is an array of <U1"),
        (np.array([1], object), "is an array of object"),
        (np.array([1j]), "is an array of complex128"),
        (np.array([2**63], np.uint64), "is an array of uint64"),
    ],
)
def test_fields_of_other_types_are_refused_only_where_code_uses_them(value, message):
    with pytest.raises(CannotCompile, match=message) as caught:
        MARKET.compile(strategy(on_bar("self.n = 0", "x = self.odd"), odd=value))
    assert "mine.py:3 " in caught.value.reason
    assert "self.odd" in caught.value.reason
    assert "\n" not in caught.value.reason
    assert MARKET.compile(strategy(on_bar("self.n = 0"), odd=value)).on_bar


def test_a_field_of_a_helpers_other_object_is_not_ours():
    """`ctx.close` is not `self.close`, whatever the strategy stores there."""
    assert MARKET.compile(strategy(on_bar("self.n = int(ctx.close[-1, 0])"), close={"a": "frame"})).on_bar


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (on_bar("yield 1"), r"mine.py:1 .*`yield` or `await`, and would never run"),
        ("def on_bar(self): pass", r"mine.py:1 .*on_bar takes \(self, ctx\)"),
        ("def on_fill(self, ctx): pass", r"on_fill takes \(self, ctx, fill\)"),
        (on_bar("ctx.cash = 1.0"), r"mine.py:2 .*ctx\.cash is read-only"),
        ("def on_fill(self, ctx, fill):\n    fill.price = 0.0", r"mine.py:2 .*fill\.price is read-only"),
    ],
)
def test_mistakes_in_either_mode_are_errors_of_the_strategy(text, message):
    with pytest.raises(StrategyError, match=message):
        MARKET.compile(strategy(text))


@pytest.mark.parametrize(
    "text",
    [
        on_bar("self.n = np.random.randint(3)"),
        "from numpy.random import normal\n" + on_bar("x = normal()"),
        "import random\n" + on_bar("x = random.random()"),
        "import random as r\ndef helper():\n    return r.gauss(0, 1)\n" + on_bar("x = helper()"),
        "from numpy import random as nr\n" + on_bar("x = self.method()") + "def method(self): return nr.rand()\n",
    ],
)
def test_unseeded_random_numbers_are_refused_in_both_modes(text):
    made = strategy(text)
    with pytest.raises(StrategyError, match=r"mine.py:\d+ .*use ctx\.random\(\)"):
        MARKET.compile(made)
    with pytest.raises(StrategyError, match=r"ctx\.random"):
        check_random(made)
    check_random(strategy(on_bar("self.n = np.abs(3)")))


def test_other_internals_of_numba_mean_interpreted_not_a_crash(monkeypatch):
    from backtester.compiler import entry

    def gone(*args):
        raise AttributeError("'Library' object has no attribute 'get_pointer_to_function'")

    monkeypatch.setattr(entry, "compile_hook", gone)
    with pytest.raises(
        CannotCompile, match=r"the internals of numba \d.* are not as expected .*get_pointer_to_function"
    ):
        MARKET.compile(strategy(on_bar("self.n = 12345")))
