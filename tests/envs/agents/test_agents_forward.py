"""The jitted forward pass: its arithmetic, its bits, and torch beside it."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Discrete, MultiDiscrete
from numba import njit

from backtester import Bars, Strategy, run
from backtester.strategy import constant
from envs.agents import forward
from envs.agents.policy import MLPPolicy
from envs.agents.sampling import generator

ACTIVATIONS = {"tanh": torch.nn.Tanh, "relu": torch.nn.ReLU}


@njit
def tanh_of(x, out):
    for i in range(x.shape[0]):
        out[i] = forward.tanh32(x[i])


def network(sizes, activation, seed=0):
    """Return a torch network and the same layers as arrays."""
    torch_seed = torch.Generator().manual_seed(seed)
    linear = [torch.nn.Linear(n_in, n_out) for n_in, n_out in pairwise(sizes)]
    with torch.no_grad():
        for layer in linear:
            layer.weight.copy_(torch.randn(layer.weight.shape, generator=torch_seed) / math.sqrt(layer.in_features))
            layer.bias.copy_(torch.randn(layer.bias.shape, generator=torch_seed) * 0.1)
    parts = [part for layer in linear for part in (layer, ACTIVATIONS[activation]())][:-1]
    arrays = [(layer.weight.detach().numpy().copy(), layer.bias.detach().numpy().copy()) for layer in linear]
    return torch.nn.Sequential(*parts), arrays


class TestTanh:
    def test_its_coefficients_are_those_of_the_continued_fraction(self):
        # x / (1 + y/(3 + y/(5 + … y/27))), y = x²: from the inside out, a ratio of polynomials in y, lowest power first
        top, below = [Fraction(27)], [Fraction(1)]
        for k in range(12, -1, -1):  # (2k+1) + y·below/top
            longer = [Fraction(0)] * max(len(top), len(below) + 1)
            for power, value in enumerate(top):
                longer[power] += (2 * k + 1) * value
            for power, value in enumerate(below):
                longer[power + 1] += value
            top, below = longer, top
        wanted = [float(value) for value in (*below, *top)]
        p = [getattr(forward, f"_P{k}") for k in range(7)]
        q = [getattr(forward, f"_Q{k}") for k in range(7)]
        assert [*p, *q, 1.0] == wanted

    def test_it_is_tanh_rounded_to_float32_within_one_unit_of_the_last_place(self):
        x = np.linspace(-12.0, 12.0, 200_001).astype(np.float32)
        out = np.empty_like(x)
        tanh_of(x, out)
        exact = np.tanh(x.astype(np.float64))
        assert (np.abs(out - exact) <= np.spacing(np.abs(exact).astype(np.float32))).all()
        assert np.abs(out).max() == 1.0

    def test_nothing_finite_becomes_more_than_one_and_nan_stays(self):
        out = np.empty(4, np.float32)
        tanh_of(np.array([np.inf, -np.inf, 3e38, np.nan], np.float32), out)
        assert out[:3].tolist() == [1.0, -1.0, 1.0]
        assert math.isnan(out[3])


class TestForward:
    def test_by_hand(self):
        # x = (1, -2): hidden = relu((-1·1 + -2·-2 - 0.5, -3·1 + -4·-2 + 1)) = (2.5, 6)
        # out = 0.5·2.5 - 0.25·6 + 1 = 0.75
        hidden = (np.array([[-1.0, -2.0], [-3.0, -4.0]]), np.array([-0.5, 1.0]))
        last = (np.array([[0.5, -0.25]]), np.array([1.0]))
        policy = MLPPolicy([hidden, last], "relu", "gaussian", Box(-5, 5, (1,)), log_std=np.zeros(1))
        assert policy.outputs(np.array([[1.0, -2.0]], np.float32)).tolist() == [[0.75]]

    @pytest.mark.parametrize("activation", ["tanh", "relu"])
    @pytest.mark.parametrize("sizes", [(64, 64, 64, 3), (7, 5, 2), (3, 1), (10, 256, 256, 1), (66, 33, 9)])
    def test_torch_agrees_to_a_millionth(self, activation, sizes):
        net, layers = network(sizes, activation)
        space = Box(-1, 1, (sizes[-1],))
        policy = MLPPolicy(layers, activation, "gaussian", space, log_std=np.zeros(sizes[-1]))
        x = np.random.default_rng(1).standard_normal((500, sizes[0])).astype(np.float32)
        with torch.no_grad():
            wanted = net(torch.from_numpy(x)).numpy()
        assert (np.abs(policy.outputs(x) - wanted) <= 1e-6 * np.maximum(np.abs(wanted), 1.0)).all()

    def test_a_row_has_the_same_bits_alone_and_among_a_thousand(self):
        _, layers = network((64, 64, 64, 3), "tanh")
        policy = MLPPolicy(layers, "tanh", "logits", Discrete(3))
        x = np.random.default_rng(2).standard_normal((1000, 64)).astype(np.float32)
        together = policy.outputs(x)
        alone = np.concatenate([policy.outputs(x[k : k + 1]) for k in range(1000)])
        assert together.tobytes() == alone.tobytes()

    @pytest.mark.parametrize("activation", ["tanh", "relu"])
    def test_arrays_of_float64_that_hold_float32_and_interpreted_code_give_the_same_bits(self, activation):
        _, layers = network((6, 9, 5, 2), activation)
        policy = MLPPolicy(layers, activation, "logits", Discrete(2))
        x = np.random.default_rng(3).standard_normal((50, 6)).astype(np.float32)
        wanted = policy.outputs(x)
        code = policy.activation_code
        for row in range(50):
            out, scratch = np.empty(2), np.empty(18)
            forward.mlp_forward(policy.parameters.astype(np.float64), policy.sizes, code, x[row], scratch, out)
            assert out.astype(np.float32).tobytes() == wanted[row].tobytes()

    def test_compiled_and_interpreted_strategies_give_the_same_bits(self):
        class Asks(Strategy):
            def prepare(self, bars):
                _, layers = network((3, 8, 2), "tanh")
                policy = MLPPolicy(layers, "tanh", "logits", Discrete(2))
                self.weights, self.sizes = constant(policy.parameters), constant(policy.sizes)
                self.scratch, self.out = constant(np.zeros(16)), constant(np.zeros(2))
                self.seen = constant(np.zeros(3))

            def on_bar(self, ctx):
                for k in range(3):
                    self.seen[k] = ctx.close[-1, 0] / ctx.open[-1, 0] - 1.0 + 0.1 * k
                forward.mlp_forward(self.weights, self.sizes, 0, self.seen, self.scratch, self.out)
                ctx.record("first", self.out[0])
                ctx.record("second", self.out[1])

        bars = Bars.sample("sp500")[:200]
        compiled, interpreted = (run(Asks(), bars, mode=mode) for mode in ("compiled", "interpreted"))
        assert len(compiled.tables.records) >= 300
        assert compiled.tables.records.tobytes() == interpreted.tables.records.tobytes()


class TestActions:
    def test_of_equal_outputs_the_first_is_taken(self):
        assert forward.first_largest(np.array([1.0, 3.0, 3.0, 2.0]), 0, 4) == 1
        assert forward.first_largest(np.array([9.0, 3.0, 3.0, 4.0]), 1, 4) == 2

    def test_each_part_of_a_multidiscrete_action_has_its_own_best(self):
        out = np.array([[1, 2, 0, 5, 4], [3, 2, 4, 0, 1]], np.float32)
        actions = np.empty((2, 2), np.int64)
        forward.best_of_rows(out, np.array([3, 2]), actions)
        assert actions.tolist() == [[1, 0], [2, 1]]

    def test_a_gaussian_is_cut_off_at_the_bounds_and_a_squashed_one_scaled_into_them(self):
        low, high = np.array([-2.0, 0.0], np.float32), np.array([2.0, 8.0], np.float32)
        actions = np.array([[3.0, 5.0], [-3.0, -1.0]], np.float32)
        forward.bound_rows(actions, False, low, high)
        assert actions.tolist() == [[2.0, 5.0], [-2.0, 0.0]]
        actions = np.array([[0.0, 0.0], [50.0, -50.0]], np.float32)  # tanh: 0, and as good as ±1
        forward.bound_rows(actions, True, low, high)
        assert actions.tolist() == [[0.0, 4.0], [2.0, 0.0]]

    @pytest.mark.parametrize("squash", [False, True])
    def test_one_observation_and_rows_of_them_have_the_same_action(self, squash):
        _, layers = network((4, 6, 2), "tanh")
        space = Box(np.array([-1.0, 0.0], np.float32), np.array([1.0, 3.0], np.float32))
        head = {"head": "squashed", "spread": layers[-1]} if squash else {"head": "gaussian", "log_std": np.zeros(2)}
        policy = MLPPolicy(layers, "tanh", head["head"], space, head.get("log_std"), head.get("spread"))
        x = np.random.default_rng(4).standard_normal((20, 4)).astype(np.float32)
        wanted = policy.act(x, True, generator(0))
        for row in range(20):
            out = np.empty(2, np.float32)
            arguments = (policy.parameters, policy.sizes, policy.activation_code, squash, space.low, space.high, x[row])
            forward.act_box(*arguments, np.empty(12, np.float32), out)
            assert out.tobytes() == wanted[row].tobytes()

    def test_drawn_actions_have_the_probabilities_of_their_logits(self):
        # softmax(log 1, log 2, log 5) = 1/8, 2/8, 5/8; the count of each is binomial, and within 4 standard deviations
        layers = [(np.zeros((3, 1)), np.log([1.0, 2.0, 5.0]))]
        policy = MLPPolicy(layers, "tanh", "logits", Discrete(3, start=-1))
        n = 80_000
        actions = policy.act(np.zeros((n, 1), np.float32), False, generator(7))
        for action, p in zip((-1, 0, 1), (1 / 8, 2 / 8, 5 / 8), strict=True):
            assert abs((actions == action).sum() - n * p) < 4 * math.sqrt(n * p * (1 - p))

    def test_drawn_actions_of_a_box_have_mean_and_spread(self):
        layers = [(np.zeros((2, 1)), np.array([0.25, -0.5]))]
        policy = MLPPolicy(layers, "tanh", "gaussian", Box(-90, 90, (2,)), log_std=np.log([0.5, 2.0]))
        actions = policy.act(np.zeros((50_000, 1), np.float32), False, generator(7)).astype(np.float64)
        for k, (mean, std) in enumerate([(0.25, 0.5), (-0.5, 2.0)]):
            assert abs(actions[:, k].mean() - mean) < 4 * std / math.sqrt(50_000)
            assert abs(actions[:, k].std() - std) < 4 * std / math.sqrt(2 * 50_000)

    def test_draws_follow_the_seed_alone(self):
        _, layers = network((4, 6, 6), "tanh")
        policy = MLPPolicy(layers, "tanh", "logits", MultiDiscrete([2, 4]))
        x = np.random.default_rng(5).standard_normal((300, 4)).astype(np.float32)
        once, again, other = (policy.act(x, False, generator(seed)) for seed in (3, 3, 4))
        assert once.tobytes() == again.tobytes() != other.tobytes()
        state = generator(3)
        in_parts = np.concatenate([policy.act(x[:100], False, state), policy.act(x[100:], False, state)])
        assert once.tobytes() == in_parts.tobytes()

    def test_values_of_actions_know_one_action_only(self):
        _, layers = network((4, 3), "relu")
        policy = MLPPolicy(layers, "relu", "q", Discrete(3))
        with pytest.raises(ValueError, match="use deterministic=True"):
            policy.act(np.zeros((1, 4), np.float32), False, generator(0))
