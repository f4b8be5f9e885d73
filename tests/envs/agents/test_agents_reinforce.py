"""REINFORCE: returns and probabilities by hand, what it learns where the optimum is known, and repeating it."""

from __future__ import annotations

import numpy as np
import ou_value
import pytest
import torch
from gymnasium import spaces
from scipy.stats import norm
from small_worlds import World, begin, constant, global_generators, learnt, resumed_halfway

import envs
from envs.errors import TrainingError

SMALL = {"net": [8], "n_steps": 8}
BOX = spaces.Box(-1.0, 1.0, (2,), np.float32)


def generator():
    return np.array([1], np.uint64)


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def with_baseline(learner, value):
    """Make the baseline foretell `value` everywhere."""
    learner.unit = 2.0
    with torch.no_grad():
        for parameter in learner.baseline.parameters():
            parameter.zero_()
        learner.baseline[-1].bias.fill_(value / 2.0)
    return learner


class TestReturns:
    def returns(self, length, terminates, baseline=100.0):
        """Return G of 4 steps that pay 1, 2, 4, 8 by what they see, γ = ½."""

        def observe(t):
            return np.full((2, 1), t, np.float32)

        world = World(2, spaces.Discrete(2), lambda o, a: 2.0 ** o[:, 0], observe, length, terminates)
        learner = with_baseline(begin("reinforce", world, 0, 64, gamma=0.5, n_steps=4, net=[8]), baseline)
        learner.observation = world.reset()
        returns = learner._rollout()[2].numpy().reshape(4, 2)
        assert (returns[:, 0] == returns[:, 1]).all()
        return returns[:, 0].tolist()

    def test_the_baseline_stands_for_what_follows_the_rollout(self):
        """8 + 50 = 58, 4 + 29 = 33, 2 + 16.5 = 18.5, 1 + 9.25 = 10.25."""
        assert self.returns(length=9, terminates=False) == [10.25, 18.5, 33.0, 58.0]

    def test_the_baseline_stands_for_what_a_limit_of_time_cut(self):
        """Episodes of 2 steps that pay 1 and 2: 2 + 50 = 52, 1 + 26 = 27, twice."""
        assert self.returns(length=2, terminates=False) == [27.0, 52.0, 27.0, 52.0]

    def test_nothing_follows_a_termination(self):
        """2, and 1 + ½ · 2 = 2, twice."""
        assert self.returns(length=2, terminates=True) == [2.0, 2.0, 2.0, 2.0]

    def test_the_last_observation_is_valued_and_not_the_first_of_the_next_episode(self):
        """b(o) = o: after 2 steps 2 is seen, so 2 + ½ · 2 = 3; the next episode's 0 would make it 2."""

        def observe(t):
            return np.full((2, 1), t, np.float32)

        world = World(2, spaces.Discrete(2), lambda o, a: 2.0 ** o[:, 0], observe, 2)
        learner = begin("reinforce", world, 0, 64, gamma=0.5, n_steps=2, net=[])
        learner.unit = 1.0
        with torch.no_grad():
            learner.baseline[0].weight.fill_(1.0)
        learner.observation = world.reset()
        assert learner._rollout()[2].tolist() == [2.5, 2.5, 3.0, 3.0]


class TestProbabilities:
    def test_of_discrete_actions(self):
        """Biases log 1, log 2, log 5 alone: probabilities ⅛, ¼, ⅝."""
        learner = begin("reinforce", World(4, spaces.Discrete(3), None, constant(4), 5), 0, 64, net=[])
        with torch.no_grad():
            learner.actor[0].bias.copy_(torch.tensor([1.0, 2.0, 5.0]).log())
        actions = torch.tensor([0, 1, 2])
        found, entropy = learner._log_probability(torch.zeros(3, 1), actions)
        assert found.exp().tolist() == pytest.approx([0.125, 0.25, 0.625], rel=1e-6)
        expected = -(np.log(0.125) * 0.125 + np.log(0.25) * 0.25 + np.log(0.625) * 0.625)
        assert entropy.item() == pytest.approx(expected, rel=1e-6)

    def test_of_a_box_are_those_of_scipy(self):
        learner = begin("reinforce", World(4, BOX, None, constant(4), 5), 0, 64, net=[], log_std_init=-0.7)
        with torch.no_grad():
            learner.actor[0].bias.copy_(torch.tensor([0.3, -0.2]))
        actions = np.array([[0.1, 0.4], [-2.0, 0.0]], np.float32)
        found, entropy = learner._log_probability(torch.zeros(2, 1), torch.from_numpy(actions))
        expected = norm.logpdf(actions, [0.3, -0.2], np.exp(-0.7)).sum(axis=1)
        assert found.tolist() == pytest.approx(expected.tolist(), rel=1e-5)
        assert entropy.item() == pytest.approx(2 * norm.entropy(scale=np.exp(-0.7)), rel=1e-5)

    def test_actions_are_drawn_from_them(self):
        """Of 40,000: 4 standard errors of ⅝ are 0.0097; of a mean with deviation ½, 0.01."""
        rows = torch.zeros(40_000, 1)
        learner = begin("reinforce", World(4, spaces.Discrete(3), None, constant(4), 5), 0, 64, net=[])
        with torch.no_grad():
            learner.actor[0].bias.copy_(torch.tensor([1.0, 2.0, 5.0]).log())
        assert np.bincount(learner._draw(rows)) / 40_000 == pytest.approx([0.125, 0.25, 0.625], abs=0.0097)
        learner = begin(
            "reinforce", World(4, BOX, None, constant(4), 5), 0, 64, net=[], log_std_init=float(np.log(0.5))
        )
        drawn = learner._draw(rows).numpy()
        assert drawn.mean(axis=0) == pytest.approx([0.0, 0.0], abs=0.01)
        assert drawn.std(axis=0) == pytest.approx([0.5, 0.5], abs=0.0075)


class TestTheGradient:
    def test_it_is_that_of_the_expected_reward(self):
        """A choice among rewards 0, 1, 4 with p = ⅓ each: d mean / d logit_i = p_i (r_i − r̄), r̄ = 5/3.

        So (−5, −2, 7)/9; the deviation of the rewards, by which advantages are divided, is √(26/9).
        """
        pays = np.array([0.0, 1.0, 4.0])
        world = World(3000, spaces.Discrete(3), lambda o, a: pays[a], constant(3000), 2, terminates=True)
        learner = begin(
            "reinforce", world, 0, 10**6, n_steps=1, net=[], gamma=0.0, max_grad_norm=1e9, learning_rate=1e-12
        )
        with torch.no_grad():
            learner.actor[0].weight.zero_()
        total = np.zeros(3)
        learner.observation = world.reset()
        for _ in range(10):
            learner.update()
            total -= learner.actor[0].bias.grad.numpy()
        assert total / 10 == pytest.approx(np.array([-5.0, -2.0, 7.0]) / 9.0 / np.sqrt(26.0 / 9.0), abs=0.01)

    def test_what_the_baseline_foretold_teaches_nothing(self):
        """The reward is what was seen, 1 or −1, whatever is done. A baseline that says so leaves no advantage."""
        seen = np.where(np.arange(64) % 2, 1.0, -1.0).astype(np.float32)[:, None]
        world = World(64, spaces.Discrete(2), lambda o, a: o[:, 0], lambda t: seen, 2, terminates=True)
        learner = begin("reinforce", world, 0, 1_000, n_steps=1, net=[], gamma=0.0)
        learner.unit, learner.observation = 1.0, world.reset()
        with torch.no_grad():
            learner.baseline[0].weight.fill_(1.0)
        learner.update()
        assert learner.actor[0].weight.grad.abs().max() == 0.0
        assert learner.actor[0].bias.grad.abs().max() == 0.0


class TestWhatItLearns:
    def test_the_better_of_two_actions(self):
        world = World(32, spaces.Discrete(2), lambda o, a: a, constant(32), 5)
        learner = begin("reinforce", world, 0, 20_000, gamma=0.0, **SMALL)
        learner.learn()
        drawn = learner.policy().act(np.zeros((1000, 1), np.float32), False, generator())
        assert drawn.mean() > 0.95

    def test_the_best_point_of_a_box(self):
        """The reward −(a₀ − 0.3)² − (a₁ + 0.6)² is best at (0.3, −0.6)."""
        world = World(64, BOX, lambda o, a: -((a - [0.3, -0.6]) ** 2).sum(axis=1), constant(64), 5)
        learner = begin("reinforce", world, 0, 100_000, gamma=0.0, **SMALL)
        learner.learn()
        policy = learner.policy()
        assert policy.act(np.zeros((1, 1), np.float32), True, generator())[0] == pytest.approx([0.3, -0.6], abs=0.03)
        assert policy.log_std.max() < -0.6  # it began at −0.5, and grew sure

    def test_the_environment_gets_actions_within_the_box_alone(self):
        met = []

        def reward(observation, actions):
            met.append(actions.copy())
            return actions[:, 0]

        begin("reinforce", World(64, BOX, reward, constant(64), 5), 0, 2_000, log_std_init=1.0, **SMALL).learn()
        met = np.concatenate(met)
        assert met.dtype == np.float32
        assert (met.min(), met.max()) == (-1.0, 1.0)

    def test_the_price_with_a_cost_to_95_percent(self):
        learner = begin("reinforce", envs.sb3_vec_env("backtester/OUPrice-v0", 64), 0, 300_000)
        learner.learn()
        policy = learner.policy()
        score = ou_value.value(lambda o: policy.act(o, True, generator())) / ou_value.OPTIMUM
        assert 0.95 <= score <= 1.005


class TestRepeating:
    def make(self):
        return envs.sb3_vec_env("backtester/QuadraticCost-v0", 8)

    def test_the_seed_decides_every_bit(self):
        runs = []
        for seed in (1, 1, 2):
            learner = begin("reinforce", self.make(), seed, 640, **SMALL)
            learner.learn()
            runs.append(learnt(learner))
        assert runs[0] == runs[1]
        assert runs[0]["actor.0.weight"] != runs[2]["actor.0.weight"]

    def test_a_stopped_learner_resumes_to_the_same_bits(self):
        whole = begin("reinforce", self.make(), 5, 640, **SMALL)
        whole.learn()
        assert learnt(resumed_halfway("reinforce", self.make, 5, 640, **SMALL)) == learnt(whole)

    def test_nobodys_generator_is_touched(self):
        before = global_generators()
        begin("reinforce", self.make(), 5, 640, **SMALL).learn()
        assert global_generators() == before

    def test_the_rate_falls_to_where_the_schedule_says(self):
        """10 rollouts of 64 steps: the last one learns after all steps, at the end of the schedule."""
        learner = begin("reinforce", self.make(), 5, 640, learning_rate={"from": 0.5, "to": 0.25}, **SMALL)
        learner.learn()
        assert learner.actor_adam.param_groups[0]["lr"] == 0.25


class TestThePolicy:
    @pytest.mark.parametrize("activation", ["tanh", "relu"])
    @pytest.mark.parametrize("env_id", ["OUPrice", "QuadraticCost"])
    def test_it_is_the_network(self, env_id, activation):
        learner = begin("reinforce", envs.sb3_vec_env(f"backtester/{env_id}-v0", 8), 5, 640, activation=activation)
        learner.learn()
        rows = np.random.default_rng(0).normal(size=(100, 2)).astype(np.float32)
        with torch.no_grad():
            expected = learner.actor(torch.from_numpy(rows)).numpy()
        assert learner.policy().outputs(rows) == pytest.approx(expected, abs=1e-6)

    def test_what_is_handed_out_stays_as_it_is(self):
        learner = begin("reinforce", envs.sb3_vec_env("backtester/QuadraticCost-v0", 8), 5, 640, **SMALL)
        policy = learner.policy()
        before = {name: array.copy() for name, array in policy.arrays().items()}
        learner.learn()
        assert all((array == before[name]).all() for name, array in policy.arrays().items())
        assert any((array != before[name]).any() for name, array in learner.policy().arrays().items())


class TestRefusals:
    def test_a_loss_that_is_not_a_number_stops_before_anything_is_changed(self):
        world = World(8, spaces.Discrete(2), lambda o, a: a, constant(8), 5)
        learner = begin("reinforce", world, 0, 10_000, **SMALL)
        learner.observation = world.reset()
        learner.update()
        with torch.no_grad():
            learner.baseline[-1].bias.fill_(float("nan"))
        before = learner.actor[0].weight.clone()
        with pytest.raises(TrainingError, match="reinforce: after step 128 the policy_loss is nan"):
            learner.update()
        assert torch.equal(learner.actor[0].weight, before)

    def test_an_observation_that_is_not_a_number_is_named(self):
        def observe(t):
            return np.full((4, 1), np.inf if t == 3 else 0.0, np.float32)

        world = World(4, spaces.Discrete(2), lambda o, a: a, observe, 50)
        with pytest.raises(TrainingError, match="after step 12 the observation of copy 0 has inf at position 0"):
            begin("reinforce", world, 0, 1_000, **SMALL).learn()
