"""The key of a sweep changes when its outcome may, and only then."""

from __future__ import annotations

import copy
import functools
import math
import threading
import types

import numpy as np
import pytest
from swept import Cross, walk

from backtester import Strategy
from backtester.research.sweep.digest import digest_of

FACTOR = 2.0
LEVELS = {"a": 1.0}


def helper(x):
    return x * FACTOR


class Base(Strategy):
    period: int = 5
    scale = 1.0

    def prepare(self, bars):
        self.level = helper(bars.close)

    def on_bar(self, ctx):
        ctx.order_target(0, self.level[-1, 0] * self.scale)


def made(text, **names):
    """Return a class `Made` from source."""
    space = {"Strategy": Strategy, "__name__": "made_here", "math": math, "np": np, **names}
    exec(compile(text, "made.py", "exec"), space)
    return space["Made"]


SOURCE = """
class Made(Strategy):
    period: int = {default}

    def prepare(self, bars):
        self.level = {expression}

    def on_bar(self, ctx):
        ctx.order_target(0, 1.0)
"""


def key(value):
    found, unknown = digest_of(value)
    assert unknown == ""
    return found


def test_equal_code_has_equal_keys():
    one, other = (made(SOURCE.format(default=5, expression="math.sqrt(2.0)")) for _ in range(2))
    assert key(one) == key(other)
    moved = made("\n\n# a comment\n" + SOURCE.format(default=5, expression="math.sqrt(2.0)"))
    assert key(moved) == key(one)


@pytest.mark.parametrize(
    ("default", "expression"), [(6, "math.sqrt(2.0)"), (5, "math.sqrt(3.0)"), (5, "math.exp(2.0)"), (5, "np.sqrt(2.0)")]
)
def test_other_code_has_other_keys(default, expression):
    first = made(SOURCE.format(default=5, expression="math.sqrt(2.0)"))
    assert key(made(SOURCE.format(default=default, expression=expression))) != key(first)


def test_globals_that_functions_of_functions_read(monkeypatch):
    before = key(Base)
    monkeypatch.setitem(globals(), "FACTOR", 3.0)
    assert key(Base) != before
    monkeypatch.setitem(globals(), "FACTOR", 2.0)
    assert key(Base) == before
    monkeypatch.setattr(Base, "scale", 1.5)
    assert key(Base) != before


def test_modules_of_the_users_are_read_where_they_are_used():
    module = types.ModuleType("users_own")
    exec("def f(x):\n    return x + 1\ndef unused(x):\n    return x", module.__dict__)
    first = key(made(SOURCE.format(default=5, expression="own.f(1)"), own=module))
    exec("def unused(x):\n    return x + 5", module.__dict__)
    assert key(made(SOURCE.format(default=5, expression="own.f(1)"), own=module)) == first
    exec("def f(x):\n    return x + 2", module.__dict__)
    assert key(made(SOURCE.format(default=5, expression="own.f(1)"), own=module)) != first


def test_constants_of_every_kind():
    values = [
        *(1, 1.0, True, "1", (1, 2), [1, 2], {1, 2}, {"a": 1}, {"a": 2}, None, np.arange(3), np.arange(3.0)),
        *(
            functools.partial(helper, 1),
            functools.partial(helper, 2),
            helper,
            Base,
            Cross,
            Base(period=3),
            Base(period=4),
        ),
        *(walk(50), walk(50, seed=2), np.float64, LEVELS),
    ]
    keys = [key(value) for value in values[:-1]]
    assert len(set(keys)) == len(keys)
    assert key({"a": 1.0}) == key(LEVELS)
    assert [key(value) for value in values[:-1]] == keys


def test_copying_a_strategy_changes_nothing():
    """`copy` and `pickle` leave notes on classes."""
    fresh = made(SOURCE.format(default=5, expression="1.0"))
    before = key(fresh)
    copy.deepcopy(fresh())
    assert key(fresh) == before


def test_what_has_no_words_gives_a_new_key_each_time():
    first, unknown = digest_of(threading.Lock())
    second, _ = digest_of(threading.Lock())
    assert "lock" in unknown
    assert first != second
