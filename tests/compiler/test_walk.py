"""The walk: what belongs to a strategy's code, and what only looks like it."""

import types

import numpy as np
import pytest
from toy_kernel import Market, Strategy

from backtester.compiler.bytecode import facts_of
from backtester.compiler.checks import hooks_of
from backtester.compiler.walk import Walk
from backtester.errors import StrategyError

MARKET = Market(n_bars=4)


def walk(strategy):
    return Walk(strategy, hooks_of(strategy))


def random_outside():
    return np.random.default_rng().normal()


tools = types.ModuleType("tools")
tools.random = random_outside
tools.half = lambda x: x / 2.0


def test_chains_loads_stores_and_bare_names():
    def hook(self, ctx):
        self.a += ctx.close[-1, 0]
        self.b = np.linalg.norm(self.c)
        ctx.cash = 1.0
        print(ctx)

    facts = facts_of(hook.__code__)
    assert facts.loads.keys() == {"a", "c"}
    assert facts.stores.keys() == {"a", "b"}
    assert facts.assigned.keys() == {("ctx", "cash")}
    assert facts.globals.keys() == {"np", "print"}
    assert ("np", "linalg", "norm") in facts.chains
    assert "ctx" in facts.bare
    assert not {"self", "np"} & facts.bare
    assert facts.read_from(("np",)) == {"linalg"}
    assert facts.loads["c"] == hook.__code__.co_firstlineno + 2


def test_only_the_attributes_of_self_that_hooks_name_are_used():
    class S(Strategy):
        def on_bar(self, ctx):
            self.x = ctx.close[-1, 0] + self.helper()

        def helper(self):
            return self.y

        def unused(self):
            return self.z

        def close(self):
            return np.random.default_rng().normal()  # never called by a hook: only its name occurs

    found = walk(S(x=0.0, y=1.0, z=2.0))
    assert found.uses.keys() == {"x", "y", "helper"}
    assert found.methods.keys() == {"helper"}
    assert found.uses["x"].stored
    assert not found.uses["y"].stored


def test_a_module_gives_only_the_names_read_from_it():
    class S(Strategy):
        def on_bar(self, ctx):
            self.x = tools.half(ctx.random())

    assert [f.__name__ for f in walk(S(x=0.0)).functions] == ["on_bar", "<lambda>"]

    class T(Strategy):
        def on_bar(self, ctx):
            alias = tools
            self.x = alias.random()

    with pytest.raises(StrategyError, match=r"np\.random"):
        walk(T(x=0.0))


def test_self_handed_to_a_helper_may_be_read_there():
    def inner(s):
        s.count += 1
        return s.scale()

    def helper(s, unrelated):
        return inner(s)

    class S(Strategy):
        def scale(self):
            return self.factor

        def on_bar(self, ctx):
            self.x = helper(self, ctx)

    strategy = S(x=0.0, count=0, factor=2.5)
    found = walk(strategy)
    assert found.uses.keys() == {"x", "count", "scale", "factor"}
    assert found.uses["count"].stored
    compiled = MARKET.compile(strategy)
    MARKET.run(compiled, 0, 3)
    compiled.read_back()
    assert (strategy.x, strategy.count) == (2.5, 3)


def test_functions_that_call_themselves_or_each_other_are_walked_once():
    def up(n):
        return down(n - 1) if n > 0 else 0

    def down(n):
        return up(n - 1) if n > 0 else 1

    def again(n):
        return again(n - 1) if n > 0 else 2

    class S(Strategy):
        def on_bar(self, ctx):
            self.n = up(3) + again(1)

    assert [f.__name__ for f in walk(S(n=0)).functions] == ["on_bar", "again", "up", "down"]


def test_tokens_hold_no_lines_and_change_with_constants():
    def tokens(text):
        space = {}
        exec(text, space)
        return walk(type("S", (Strategy,), {"on_bar": space["on_bar"]})(x=0)).tokens

    plain = tokens("K = 1\ndef on_bar(self, ctx):\n    self.x = K\n")
    assert plain == tokens("K = 1\n\n# moved\ndef on_bar(self, ctx):\n\n    self.x = K\n")
    assert plain != tokens("K = 1.0\ndef on_bar(self, ctx):\n    self.x = K\n")
    assert plain != tokens("K = True\ndef on_bar(self, ctx):\n    self.x = K\n")
    assert plain != tokens("K = 1\ndef on_bar(self, ctx):\n    self.y = K\n")
