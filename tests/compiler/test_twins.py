"""Interpreted code computes the bits that compiled code computes, and stays the user's code."""

import math
import types

import numpy as np
import pytest
from numba import njit
from numpy import mean as average_of
from toy_kernel import Market, Strategy

from backtester.compiler import interpreted_class, rebuild_for_interpreter
from backtester.compiler.twins import Twin, _numpy

REDUCTIONS = ["sum", "mean", "std", "var", "prod", "median", "nansum", "nanmean", "nanstd"]
FUNCTIONS = ["tanh", "sin", "cos", "tan", "arctan", "sinh", "cosh", "exp", "log", "log2", "log10", "log1p", "expm1"]


def helper(x):
    return np.mean(x) + average_of(x)


@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize("n_assets", [1, 3])
def test_reductions_over_a_window_are_the_compiled_ones(name, n_assets):
    """Hundreds of windows of 20 to 60 rows of a column, as a hook would take them."""
    space = {"np": np}
    exec(f"def reduce(x, a):\n    return np.{name}(x[-n:, a])".replace("n:", "40:"), space)
    interpreted = rebuild_for_interpreter(space["reduce"])
    compiled = njit(space["reduce"], error_model="numpy")
    data = np.random.default_rng(3).normal(1.0, 0.1, (300, n_assets))
    ours = [interpreted(data[:t], t % n_assets) for t in range(5, 300)]
    theirs = [compiled(data[:t], t % n_assets) for t in range(5, 300)]
    assert np.array(ours).tobytes() == np.array(theirs).tobytes()
    assert isinstance(ours[0], np.float64)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_scalar_functions_are_the_compiled_ones(name):
    space = {"np": np}
    exec(f"def f(x):\n    return np.{name}(x)", space)
    interpreted, compiled = rebuild_for_interpreter(space["f"]), njit(space["f"], error_model="numpy")
    values = np.random.default_rng(5).uniform(0.01, 3.0, 500)
    ours, theirs = ([f(float(x)) for x in values] for f in (interpreted, compiled))
    assert np.array(ours).tobytes() == np.array(theirs).tobytes()


def test_plain_numpy_would_differ():
    """Without the twins the test above could not fail on this data: pairwise sums differ from sums in sequence."""
    data = np.random.default_rng(3).normal(1.0, 0.1, 300)
    in_sequence = 0.0
    for value in data:
        in_sequence += value
    assert _numpy.sum(data) == in_sequence
    assert np.sum(data) != in_sequence


def test_division_of_a_twins_result_by_zero_is_numpys():
    with np.errstate(all="ignore"):
        assert _numpy.sum(np.ones(3)) / 0 == math.inf


def test_the_code_object_is_the_users_own_and_nothing_of_his_is_changed():
    rebuilt = rebuild_for_interpreter(helper)
    assert rebuilt is not helper
    assert rebuilt.__code__ is helper.__code__
    assert rebuilt.__qualname__ == "helper"
    assert isinstance(rebuilt.__globals__["average_of"], Twin)
    assert helper.__globals__["np"] is np
    assert average_of is np.mean


def test_helpers_closures_modules_and_recursion_are_rebuilt():
    module = types.ModuleType("users")
    module.f = helper
    weight = 2.0

    def depth(n):
        return 0.0 if n == 0 else module.f(data) * weight + depth(n - 1)

    data = np.random.default_rng(3).normal(1.0, 0.1, 300)
    mean = _numpy.mean(data)
    assert mean != np.mean(data)
    one = (mean + mean) * weight
    assert rebuild_for_interpreter(depth)(2) == one + (one + 0.0)
    assert module.f is helper


def test_what_numba_cannot_do_is_left_to_numpy():
    assert _numpy.mean([1.0, 2.0]) == 1.5
    assert _numpy.sum(np.ones((2, 3)), axis=0).tolist() == [2.0, 2.0, 2.0]
    assert _numpy.median(np.array([1, 2, 3], np.int8).astype(object)) == 2
    assert _numpy.exp.nin == 1
    assert _numpy.linalg.eigh is np.linalg.eigh
    assert _numpy.float64 is np.float64


def test_a_class_for_the_interpreter_has_rebuilt_methods_and_gives_the_compiled_result():
    class S(Strategy):
        def prepare(self, bars):
            self.x = np.zeros((bars.n_bars, 1))
            self.x[:] = np.random.default_rng(1).normal(size=(bars.n_bars, 1))
            self.total = 0.0

        def level(self, k):
            return np.std(self.x[-k:, 0])

        @staticmethod
        def squash(x):
            return np.tanh(x)

        def on_bar(self, ctx):
            self.total += self.squash(self.level(30))

    market = Market(n_bars=300)
    compiled_one, interpreted_one = S(), S()
    compiled_one.prepare(market)
    interpreted_one.prepare(market)
    compiled = market.compile(compiled_one)
    assert market.run(compiled) == -1
    compiled.read_back()
    interpreted_one.__class__ = interpreted_class(S)
    full = interpreted_one.x
    for t in range(300):
        interpreted_one.x = full[: t + 1]
        interpreted_one.on_bar(None)
    assert interpreted_one.total == compiled_one.total
    assert isinstance(interpreted_one, S)
    assert type(interpreted_one).__name__ == "S"
