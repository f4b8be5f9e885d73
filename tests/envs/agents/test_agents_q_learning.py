"""Tabular Q-learning: its rule by hand, what it learns where the optimum is known, and that it can be repeated."""

from __future__ import annotations

import numpy as np
import ou_value
import pytest
from gymnasium import spaces
from small_worlds import Stop, World, begin, constant, global_generators, learnt, resumed_halfway

import envs
from envs.agents.q_learning import TablePolicy, choose, cut, find_cells, learn_steps
from envs.errors import BundleError, TrainingError

QUICK = {"sample_steps": 64, "slice_steps": 256}


def generator(seed=1):
    return np.array([seed], np.uint64)


class TestTheRule:
    def moved(self, steps, power=1.0, gamma=0.5, least=0.0):
        """Return the table of 2 cells and 2 actions after steps (cell, action, reward, next cell, terminated)."""
        values, visits = np.array([[0.0, 0.0], [4.0, 8.0]]), np.zeros((2, 2), np.int64)
        cell, action, reward, following, terminated = (np.array(column) for column in zip(*steps, strict=True))
        squares = learn_steps(
            values, visits, cell, action, reward.astype(float), following, terminated, gamma, power, least
        )
        return values, visits, squares

    def test_the_first_visit_takes_the_target_and_the_second_the_mean(self):
        """α = 1: 0 + (2 + ½ · 8) = 6. Then α = ½: 6 + ½ (1 + ½ · 8 − 6) = 5.5. Squares: 6² + (−1)² = 37."""
        values, visits, squares = self.moved([(0, 1, 2.0, 1, False), (0, 1, 1.0, 1, False)])
        assert values.tolist() == [[0.0, 5.5], [4.0, 8.0]]
        assert visits.tolist() == [[0, 2], [0, 0]]
        assert squares == 37.0

    def test_nothing_follows_a_termination(self):
        """Only the reward of 2 is left."""
        assert self.moved([(0, 0, 2.0, 1, True)])[0][0, 0] == 2.0

    def test_the_rate_falls_with_a_power_but_not_below_the_least(self):
        """Three visits with target 1, 1, 0 from 0 with ω = ½: 1; 1; 1 − 3^−½ = 0.42265. With α ≥ 0.9: 1 − 0.9 = 0.1."""
        steps = [(0, 0, 1.0, 0, True), (0, 0, 1.0, 0, True), (0, 0, 0.0, 0, True)]
        assert self.moved(steps, power=0.5)[0][0, 0] == pytest.approx(0.42265, abs=5e-6)
        assert self.moved(steps, power=0.5, least=0.9)[0][0, 0] == pytest.approx(0.1, rel=1e-12)

    def test_steps_are_taken_one_after_the_other(self):
        """The second step, into cell 0, sees what the first wrote there: 1 + ½ · 6 = 4."""
        values, *_ = self.moved([(0, 1, 2.0, 1, False), (1, 0, 1.0, 0, False)])
        assert values[1, 0] == 4.0

    def test_choosing_takes_the_best_and_of_equals_the_first(self):
        values = np.array([[1.0, 3.0, 3.0], [-1.0, -2.0, -1.0]])
        out = np.empty(2, np.int64)
        choose(values, np.array([0, 1]), 0.0, generator(), out)
        assert out.tolist() == [1, 0]

    def test_a_random_action_comes_as_often_as_asked(self):
        """With ε = 0.3 of 3 actions each other one comes 0.1 of the time; 4 standard errors of 40,000: 0.006."""
        out = np.empty(40_000, np.int64)
        choose(np.array([[0.0, 1.0, 0.0]]), np.zeros(40_000, np.int64), 0.3, generator(), out)
        assert np.bincount(out) / 40_000 == pytest.approx([0.1, 0.8, 0.1], abs=0.0085)


class TestCells:
    def test_few_values_have_a_cell_each(self):
        assert cut(np.array([1.0, -1.0, 0.0, 1.0], np.float32), 3).tolist() == [-0.5, 0.5]

    def test_many_values_are_cut_where_equally_many_lie(self):
        """0 … 8 in 4 cells: the quartiles are 2, 4, 6."""
        assert cut(np.arange(9, dtype=np.float32), 4).tolist() == [2.0, 4.0, 6.0]

    def test_a_value_that_is_met_very_often_makes_no_empty_cells(self):
        column = np.concatenate([np.zeros(90), np.arange(1, 11)]).astype(np.float32)
        edges = cut(column, 5)
        assert (np.diff(edges) > 0).all()

    def test_one_value_is_one_cell(self):
        assert cut(np.full(5, 3.0, np.float32), 4).size == 0

    def test_cells_are_counted_row_by_row_and_an_edge_belongs_above(self):
        """3 cells of the first dimension (edges −1, 1), 2 of the second (edge 0): number = 2 · first + second."""
        rows = np.array([[-2, -1], [-1, -1], [0.5, 0], [1, -5], [9, 9]], np.float32)
        out = np.empty(5, np.int64)
        find_cells(rows, np.array([3, 2]), np.array([-1.0, 1.0, 0.0], np.float32), out)
        assert out.tolist() == [0, 2, 3, 4, 5]


class TestWhatItLearns:
    def one_cell(self, terminates):
        """Return Q of a world that pays the number of the action, in episodes of 4 steps, γ = ½."""
        world = World(128, spaces.Discrete(2), lambda o, a: a, observe=constant(128), length=4, terminates=terminates)
        learner = begin("q_learning", world, 3, 200_000, gamma=0.5, learning_rate=1e-6, sample_steps=64)
        learner.learn()
        return learner.values

    def test_an_episode_cut_by_time_goes_on_in_value(self):
        """The best action pays 1 for ever: Q = 1/(1 − ½) = 2, and the other 0 + ½ · 2 = 1."""
        assert self.one_cell(terminates=False)[0] == pytest.approx([1.0, 2.0], abs=0.01)

    def test_an_episode_that_terminates_does_not(self):
        """One cell stands for all 4 steps: a quarter of its steps terminate, so Q = 1 + ½ · ¾ · Q = 1.6."""
        assert self.one_cell(terminates=True)[0, 1] == pytest.approx(1.6, abs=0.03)

    def test_the_last_observation_counts_and_not_that_of_the_next_episode(self):
        """Episodes of 2 steps see 0, 1 and, when they are cut, 2. A step from 0 pays 1, one from 1 nothing.

        Random steps are taken from 0 and 1 alone, so there are two cells, and 2 lies in the upper one: its value is
        ½ of itself, 0. Were the step into 2 taken for one into the next episode's 0, it would be ½ · 1.
        """

        def observe(t):
            return np.full((4, 1), t, np.float32)

        world = World(4, spaces.Discrete(2), lambda o, a: o[:, 0] == 0.0, observe=observe, length=2)
        learner = begin("q_learning", world, 0, 20_000, gamma=0.5, **QUICK)
        learner.learn()
        assert learner.cells.tolist() == [2]
        assert learner.values == pytest.approx(np.array([[1.0, 1.0], [0.0, 0.0]]), abs=1e-9)

    def test_it_passes_97_percent_of_the_optimum_on_the_price_with_a_cost(self):
        """The chain that values it reproduces the optimum and the greedy third of it, flip at 1.519 and 5."""
        for flip, known in ((1.519, ou_value.OPTIMUM), (5.0, 0.0408)):
            held = ou_value.value(
                lambda o, b=flip / 2.294: np.where(abs(o[:, 0]) >= b, 1 - np.sign(o[:, 0]), o[:, 1] + 1)
            )
            assert held == pytest.approx(known, abs=0.001)  # the grid steps by 0.055
        for seed in range(5):
            learner = begin("q_learning", envs.sb3_vec_env("backtester/OUPrice-v0", 64), 1000 * seed, 500_000)
            learner.learn()
            policy = learner.policy()
            score = ou_value.value(lambda o, policy=policy: policy.act(o, True, generator())) / ou_value.OPTIMUM
            assert 0.97 <= score <= 1.005, (seed, score)


class TestTheSteps:
    @pytest.mark.parametrize("terminates", [False, True])
    def test_an_episode_terminates_or_is_cut_and_never_both(self, terminates):
        world = World(3, spaces.Discrete(2), lambda o, a: a, constant(3), length=2, terminates=terminates)
        learner = begin("q_learning", world, 0, 100, **QUICK)
        learner.observation = world.reset()
        for ends in (False, True, False):
            _, _, terminated, cut_off = learner.step(np.zeros(3, np.int64))
            assert terminated.tolist() == [ends and terminates] * 3
            assert cut_off.tolist() == [ends and not terminates] * 3
        assert learner.steps == 9

    def test_copies_are_seeded_with_the_seed_and_begin_once(self):
        world = World(4, spaces.Discrete(2), lambda o, a: a, constant(4), length=50)
        learner = begin("q_learning", world, 17, 400, **QUICK)
        learner.learn(Stop(1))
        learner.learn()
        assert (world.seeded, world.resets) == (17, 1)

    def test_exploration_falls_in_a_straight_line(self):
        """From 1 to 0.2 over half of 1,000 steps: 0.6 after 250, 0.2 after 500 and later; with no time, 0.2 at once."""
        world = World(1, spaces.Discrete(2), lambda o, a: a, constant(1), length=50)
        values = {"exploration_initial_eps": 1.0, "exploration_final_eps": 0.2, **QUICK}
        learner = begin("q_learning", world, 0, 1_000, exploration_fraction=0.5, **values)
        found = []
        for learner.steps in (0, 250, 500, 1_000):
            found.append(learner.epsilon)
        assert found == pytest.approx([1.0, 0.6, 0.2, 0.2])
        assert begin("q_learning", world, 0, 1_000, exploration_fraction=0.0, **values).epsilon == pytest.approx(0.2)


class TestRepeating:
    def make(self):
        return envs.sb3_vec_env("backtester/OUPrice-v0", 16)

    def test_the_seed_decides_every_bit_and_the_length_of_a_slice_none(self):
        runs = [(1, 256), (1, 256), (1, 1000), (2, 256)]
        tables = []
        for seed, slice_steps in runs:
            learner = begin("q_learning", self.make(), seed, 5_000, sample_steps=64, slice_steps=slice_steps)
            learner.learn()
            tables.append(learnt(learner))
        assert tables[0] == tables[1] == tables[2]
        assert tables[0]["values"] != tables[3]["values"]

    def test_a_stopped_learner_resumes_to_the_same_bits(self):
        whole = begin("q_learning", self.make(), 5, 3_000, **QUICK)
        whole.learn()
        assert learnt(resumed_halfway("q_learning", self.make, 5, 3_000, **QUICK)) == learnt(whole)

    def test_the_state_before_the_first_step_is_one_too(self):
        first, second = (begin("q_learning", self.make(), seed, 3_000, **QUICK) for seed in (5, 6))
        first.learn(Stop(0))
        assert first.steps == 0
        second.set_state(*first.get_state())
        second.venv.core.set_state(first.venv.core.get_state())
        first.learn()
        second.learn()
        assert learnt(first) == learnt(second)

    def test_nobodys_generator_is_touched(self):
        before = global_generators()
        begin("q_learning", self.make(), 5, 2_000, **QUICK).learn()
        assert global_generators() == before

    def test_the_watch_is_told_every_reward_before_it_is_scaled(self):
        world = World(4, spaces.Discrete(2), lambda o, a: a * 0 + 3.0, observe=constant(4), length=5)
        learner = begin("q_learning", world, 0, 400, reward_scale=10.0, gamma=0.0, **QUICK)
        watch = Stop(99)
        learner.learn(watch)
        assert np.concatenate(watch.rewards).tolist() == [3.0] * 400
        assert learner.values[0] == pytest.approx([30.0, 30.0])
        assert learner.recent_episodes() == (7.0, 5.0)


class TestThePolicy:
    def table(self):
        cells, edges = np.array([2, 1]), np.array([0.5], np.float32)
        return TablePolicy(cells, edges, np.array([[0.0, 1.0], [1.0, 0.0]]), epsilon=0.5)

    def restored(self, **changes):
        spaces_ = spaces.Box(-1, 1, (2,), np.float32), changes.pop("actions", spaces.Discrete(2))
        description = {"epsilon": changes.pop("epsilon", 0.5)}
        return TablePolicy.restore(description, {**self.table().arrays(), **changes}, *spaces_)

    def test_it_acts_by_cell_and_draws_from_the_generator_it_is_given(self):
        rows = np.array([[0.0, 3.0], [1.0, 3.0]], np.float32)
        assert self.table().act(rows, True, generator()).tolist() == [1, 0]
        many, first, second = np.repeat(rows[:1], 4000, axis=0), generator(), generator()
        drawn = self.table().act(many, False, first)
        assert drawn.tolist() == self.table().act(many, False, second).tolist()
        assert first[0] == second[0] != generator()[0]
        assert drawn.mean() == pytest.approx(0.75, abs=0.03)  # 1 − ε/2, and 4 standard errors

    def test_it_is_restored_from_its_arrays_and_words(self):
        table, rows = self.restored(), np.array([[0.0, 0.0], [1.0, 0.0]], np.float32)
        assert table.act(rows, True, generator()).tolist() == [1, 0]
        assert table.describe() == self.table().describe() == {"epsilon": 0.5}

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"epsilon": 2.0}, "epsilon 2.0"),
            ({"epsilon": "0.5"}, "epsilon '0.5'"),
            ({"actions": spaces.Discrete(3)}, "of shapes"),
            ({"actions": spaces.Box(-1, 1, (1,), np.float32)}, "Discrete"),
            ({"cells": np.array([2])}, "does not cover"),
            ({"cells": np.array([0, 2])}, "does not cover"),
            ({"cells": np.array([2.0, 1.0])}, "arrays"),
            ({"cells": np.array([3, 1]), "edges": np.array([1, 0], np.float32), "values": np.zeros((3, 2))}, "ascend"),
            ({"edges": np.array([0.5, 0.7], np.float32)}, "of shapes"),
            ({"values": np.zeros((3, 2))}, "of shapes"),
            ({"more": np.zeros(1)}, "arrays"),
        ],
    )
    def test_what_does_not_fit_is_refused_by_name(self, changes, words):
        with pytest.raises(BundleError, match=words):
            self.restored(**changes)

    def test_what_is_handed_out_stays_as_it_is(self):
        learner = begin("q_learning", envs.sb3_vec_env("backtester/OUPrice-v0", 16), 5, 3_000, **QUICK)
        learner.learn(Stop(3))
        policy = learner.policy()
        before = policy.values.copy()
        learner.learn()
        assert policy.values.tobytes() == before.tobytes() != learner.values.tobytes()


class TestRefusals:
    def test_cells_of_many_dimensions_are_too_many(self):
        rows = np.random.default_rng(0).normal(size=(300, 8, 9)).astype(np.float32)
        world = World(8, spaces.Discrete(2), lambda o, a: a, observe=lambda t: rows[t], length=299)
        with pytest.raises(TrainingError, match=r"20 x 20 x .* 1,024,000,000,000 entries.*fewer bins"):
            begin("q_learning", world, 0, 10_000, sample_steps=2000).learn()

    def test_an_observation_that_is_not_a_number_is_named(self):
        def observe(t):
            rows = np.zeros((4, 2), np.float32)
            rows[2, 1] = np.nan if t == 30 else 0.0
            return rows

        world = World(4, spaces.Discrete(2), lambda o, a: a, observe=observe, length=50)
        with pytest.raises(TrainingError, match="after step 120 the observation of copy 2 has nan at position 1"):
            begin("q_learning", world, 0, 1_000, **QUICK).learn()

    def test_there_must_be_steps_left_to_learn_from(self):
        world = World(4, spaces.Discrete(2), lambda o, a: a, observe=constant(4), length=50)
        with pytest.raises(TrainingError, match="sample_steps is 64 of 64 timesteps"):
            begin("q_learning", world, 0, 64, **QUICK)
