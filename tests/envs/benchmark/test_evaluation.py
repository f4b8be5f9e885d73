"""What a policy earns is counted over complete episodes, each step once."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium import spaces

import envs
from backtester.errors import SettingsError
from envs.benchmark.evaluation import ActionCounter, Track, evaluate, play

AUTORESETS = [envs.Autoreset.NEXT_STEP, envs.Autoreset.SAME_STEP]


class Counting:
    """A core by hand: copy i has episodes of lengths i + 1, i + 2, …; each step pays the number of the copy + 1."""

    name = "Counting"
    action_space = spaces.Discrete(2)

    def __init__(self, n, autoreset):
        self.n, self.autoreset = n, autoreset
        self.observation = np.zeros((n, 1), np.float32)

    def seed(self, seeds):
        assert seeds.tolist() == [7 + i for i in range(self.n)]

    def reset(self):
        self.episode = np.zeros(self.n, np.int64)
        self.t = np.zeros(self.n, np.int64)
        self.over = np.zeros(self.n, np.bool_)
        self.terminated = np.zeros(self.n, np.bool_)

    def step(self, actions):
        begun = self.over if self.autoreset is envs.Autoreset.NEXT_STEP else np.zeros(self.n, np.bool_)
        self.reward = np.where(begun, 0.0, np.arange(1.0, self.n + 1.0))
        self.t = np.where(begun, 0, self.t + 1)
        self.truncated = (self.t >= np.arange(self.n) + 1 + self.episode) & ~begun
        self.over = self.truncated.copy()
        self.episode += self.truncated
        if self.autoreset is envs.Autoreset.SAME_STEP:
            self.t = np.where(self.truncated, 0, self.t)


@pytest.mark.parametrize("autoreset", AUTORESETS)
def test_every_copy_plays_as_many_complete_episodes(autoreset):
    # 2 copies, 3 episodes wanted: 2 each. Copy 0: lengths 1 + 2 = 3 steps that pay 1; copy 1: 2 + 3 = 5 that pay 2.
    found = evaluate(Counting(2, autoreset), lambda o: np.array([0, 1]), episodes=3, seed=7)
    assert (found.steps, found.episodes) == (8, 4)
    assert found.value == pytest.approx((3 * 1 + 5 * 2) / 8)
    assert found.actions.tolist() == [3, 5]
    # residuals (3 − 13/8·3)/4 = −0.46875 and its opposite: sd₁ = 0.46875·√2, over √2 copies
    assert found.error == pytest.approx(0.46875)


@pytest.mark.parametrize("autoreset", AUTORESETS)
def test_values_of_episodes_are_returns(autoreset):
    # the same: copy 0 returns 1 and 2, copy 1 returns 2·2 and 3·2
    core = Counting(2, autoreset)
    core.per_episode = True
    found = evaluate(core, lambda o: np.array([0, 1]), episodes=3, seed=7)
    assert found.value == pytest.approx((1 + 2 + 4 + 6) / 4)
    assert (found.steps, found.episodes) == (8, 4)
    # residuals (3 − 3.25·2)/2 = −1.75 and its opposite: sd₁ = 1.75·√2, over √2
    assert found.error == pytest.approx(1.75)


@pytest.mark.parametrize("autoreset", AUTORESETS)
def test_the_burn_in_of_every_episode_is_left_out(autoreset):
    # of lengths 1 and 2 one step is counted, of 2 and 3 three
    core = Counting(2, autoreset)
    core.burn_in = 1
    found = evaluate(core, lambda o: np.array([0, 1]), episodes=3, seed=7)
    assert found.value == pytest.approx((1 * 1 + 3 * 2) / 4)
    assert found.steps == 8
    core.burn_in = 3
    with pytest.raises(SettingsError, match="outlasts its burn-in of 3 steps"):
        evaluate(core, lambda o: np.array([0, 1]), episodes=3, seed=7)


@pytest.mark.parametrize("name", ["QuadraticCost", "OUPrice", "Execution", "Kelly"])
def test_the_optimum_of_a_task_earns_its_value(name):
    core = envs.make(f"backtester/{name}-v0", 256)
    found = evaluate(core, core.optimal_policy(), episodes=1_024, seed=5)
    assert abs(found.value - core.optimal_value()) < 4.0 * found.error


@pytest.mark.parametrize("autoreset", AUTORESETS)
def test_the_optimum_of_the_sine_is_found(autoreset):
    core = envs.make("backtester/Sine-v0", 64, autoreset=autoreset)
    found = evaluate(core, core.optimal_policy(), episodes=256, seed=3)
    assert abs(found.value - core.optimal_value()) <= 4.0 * found.error + 1e-9
    flat = evaluate(core, lambda o: np.ones(len(o), np.int64), episodes=64, seed=3)
    assert (flat.value, flat.error) == (0.0, 0.0)
    assert flat.actions.tolist() == [0, flat.steps, 0]


def test_nobody_earns_on_a_martingale():
    core = envs.make("backtester/Martingale-v0", 64)
    found = evaluate(core, lambda o: np.where(o[:, 0] > 0.0, 2, 0), episodes=128, seed=11)
    assert abs(found.value) < 4.0 * found.error
    assert found.error == pytest.approx(1.0 / np.sqrt(found.steps), rel=0.3)  # a unit held, standard normal changes


def test_the_same_seed_is_the_same_evaluation():
    core = envs.make("backtester/Martingale-v0", 8)
    long = [evaluate(core, lambda o: np.full(len(o), 2), episodes=16, seed=s).value for s in (1, 1, 2)]
    assert long[0] == long[1] != long[2]


def test_one_copy_has_no_error():
    with pytest.raises(SettingsError, match="two and one are the least"):
        evaluate(envs.make("backtester/Sine-v0", 1), lambda o: np.zeros(1, int), episodes=1, seed=0)


class TestActionCounter:
    def test_counts_numbers_of_a_discrete_space(self):
        counter = ActionCounter(spaces.Discrete(3), ("-1", "0", "1"))
        counter.add(np.array([0, 2, 2]))
        counter.add(np.array([1, 1, 0]), np.array([True, False, False]))
        assert counter.counts.tolist() == [1, 1, 2]
        assert counter.labels == ("-1", "0", "1")

    def test_a_continuous_one_in_bins_with_both_ends(self):
        counter = ActionCounter(spaces.Box(-1.0, 1.0, (2,)))
        counter.add(np.array([[-1.0, 1.0], [-0.05, 0.05]], np.float32))
        assert counter.counts.tolist() == [1, 0, 0, 0, 1, 1, 0, 0, 0, 1]
        assert counter.labels[0] == "-1.0 to -0.8"

    def test_several_components_together(self):
        counter = ActionCounter(spaces.MultiDiscrete([2, 3]))
        counter.add(np.array([[0, 2], [1, 2]]))
        assert counter.counts.tolist() == [1, 1, 2]


class Ledger:
    """A trading core by hand: equity 100, then what `moves` say; the last one ends it."""

    n, action_space = 1, spaces.Discrete(2)
    observation = np.zeros((1, 1), np.float32)

    def __init__(self, moves, autoreset, ruined=False):
        self.moves, self.autoreset, self.ruined = moves, autoreset, ruined

    def seed(self, seeds):
        assert seeds.shape == (1,)

    def reset(self, options):
        assert options == {"start": 10, "end": 13}
        self.k, self.equity = 0, 100.0
        self.terminated, self.truncated = np.array([False]), np.array([False])

    def step(self, actions):
        self.equity *= 1.0 + self.moves[self.k]
        self.k += 1
        end = self.k == len(self.moves)
        self.terminated, self.truncated = np.array([end and self.ruined]), np.array([end and not self.ruined])

    def final_info(self):
        return {name: np.array([value]) for name, value in self.told().items()}

    def info(self):
        ended = self.terminated[0] or self.truncated[0]
        if ended and self.autoreset is envs.Autoreset.SAME_STEP:  # a new episode has begun
            return {"equity": np.array([100.0]), "turnover": np.zeros(1), "costs": np.zeros(1)}
        return self.final_info()

    def told(self):
        return {"equity": self.equity, "turnover": 0.5, "costs": 2.0}


@pytest.mark.parametrize("autoreset", [*AUTORESETS, envs.Autoreset.DISABLED])
def test_a_path_has_the_equity_of_every_close(autoreset):
    track = play(Ledger([0.1, -0.5, 0.2], autoreset), lambda o: np.array([1]), 10, 13)
    assert track.equity == pytest.approx([100.0, 110.0, 55.0, 66.0])
    assert track.returns == pytest.approx([0.1, -0.5, 0.2])
    assert track.turnover.tolist() == [0.5] * 3
    assert track.costs.tolist() == [2.0] * 3
    assert track.actions.tolist() == [0, 3]


def test_after_ruin_nothing_changes():
    track = play(Ledger([-0.5, -1.0], envs.Autoreset.DISABLED, ruined=True), lambda o: np.array([0]), 10, 13)
    assert track.equity.tolist() == [100.0, 50.0, 0.0, 0.0]
    assert track.returns.tolist() == [-0.5, -1.0, 0.0]
    assert isinstance(track, Track)
