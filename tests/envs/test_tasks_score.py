"""Scores and evaluations, on policies whose value and spread are known."""

from __future__ import annotations

import math

import numpy as np
import pytest

import envs
from backtester.errors import SettingsError
from envs.errors import TaskError
from envs.registry import id_of
from envs.tasks.kelly import KellyCore
from envs.tasks.score import evaluate_policy, score

MODES = list(envs.Autoreset)


def bet(fraction: float):
    """Return the policy that always stakes a fraction at Kelly's coin."""
    return lambda observation: np.full((len(observation), 1), 2.0 * fraction, np.float32)


@pytest.mark.parametrize(
    ("value", "optimum", "baseline", "expected"),
    [(0.3, 0.4, 0.0, 0.75), (-3.0, -2.0, -4.0, 0.5), (-5.0, -2.0, -4.0, -0.5), (0.4, 0.4, 0.1, 1.0)],
)
def test_the_score_is_the_way_from_baseline_to_optimum(value, optimum, baseline, expected):
    assert score(value, optimum, baseline) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("optimum", [0.0, -1.0, math.nan])
def test_nothing_is_scored_without_an_optimum_above_the_baseline(optimum):
    with pytest.raises(TaskError, match="above the baseline"):
        score(0.0, optimum)


def test_the_standard_error_is_that_of_independent_steps():
    """Long at the martingale: N independent rewards of standard deviation 1, so 1/√N; estimated from 250 copies."""
    core = envs.make(id_of("Martingale"), 250, episode_length=None)
    found = evaluate_policy(core, lambda o: np.full(len(o), 2), 400, seed=4)
    assert found.observations == 100_000
    assert found.standard_error == pytest.approx(1.0 / math.sqrt(100_000), rel=4.0 / math.sqrt(2.0 * 250))


def test_the_standard_error_of_episodes(monkeypatch):
    """Five flips at f = 0.5: the return is 5 ln 1.5 − k ln 3, k losses of five: variance 5 · 0.24 · (ln 3)².

    Kelly counts steps; here it is made to count episodes.
    """
    monkeypatch.setattr(KellyCore, "per_episode", True)
    core = KellyCore(100, episode_length=5, autoreset=envs.Autoreset.SAME_STEP)
    found = evaluate_policy(core, bet(0.5), 50, seed=1)
    sd = math.log(3.0) * math.sqrt(5 * 0.24)
    assert found.observations == 1000
    assert found.standard_error == pytest.approx(sd / math.sqrt(1000), rel=4.0 / math.sqrt(2.0 * 1000))
    mean = 5 * (0.6 * math.log(1.5) + 0.4 * math.log(0.5))
    assert abs(found.value - mean) < 4.0 * found.standard_error


@pytest.mark.parametrize("name", ["Kelly", "Execution"])
def test_the_way_episodes_begin_anew_does_not_matter(name):
    """The same four episodes, of 20 steps each; NEXT_STEP takes a step more for each of the three that follow."""
    settings = {} if name == "Execution" else {"episode_length": 20}
    found = []
    for mode in MODES:
        core = envs.make(id_of(name), 8, autoreset=mode, **settings)
        steps = 83 if mode is envs.Autoreset.NEXT_STEP else 80
        found.append(evaluate_policy(core, core.optimal_policy(), steps, seed=9))
    assert found[0].observations == (32 if name == "Execution" else 8 * 80)
    assert found[0] == pytest.approx(found[1], rel=1e-12)
    assert found[0] == pytest.approx(found[2], rel=1e-12)


@pytest.mark.parametrize("mode", MODES)
def test_the_beginning_of_an_episode_is_not_counted(mode):
    """OUPrice leaves out 64 steps: 36 of 100 are left, in each of two episodes."""
    core = envs.make(id_of("OUPrice"), 4, episode_length=100, autoreset=mode)
    steps = 201 if mode is envs.Autoreset.NEXT_STEP else 200
    assert evaluate_policy(core, core.optimal_policy(), steps, seed=0).observations == 4 * 72


def test_the_seed_decides():
    core = envs.make(id_of("Kelly"), 16)
    first = evaluate_policy(core, bet(0.2), 100, seed=5)
    assert evaluate_policy(core, bet(0.2), 100, seed=5) == first
    assert evaluate_policy(core, bet(0.2), 100, seed=6) != first


class TestBadInput:
    def test_one_copy_has_no_spread(self):
        with pytest.raises(SettingsError, match=r"OUPrice: .* at least 2 copies .* found 1"):
            evaluate_policy(envs.make(id_of("OUPrice"), 1), lambda o: np.ones(1, np.int64), 100, seed=0)

    @pytest.mark.parametrize("length", [30, None])
    def test_too_few_steps(self, length):
        core = envs.make(id_of("OUPrice"), 2, episode_length=length)
        with pytest.raises(SettingsError, match=r"first 64 steps .* nothing is left of 60"):
            evaluate_policy(core, core.optimal_policy(), 60, seed=0)

    def test_no_episode_ends(self):
        core = envs.make(id_of("Execution"), 2)
        with pytest.raises(SettingsError, match="0 episodes ended in 19 steps"):
            evaluate_policy(core, core.optimal_policy(), 19, seed=0)

    @pytest.mark.parametrize("name", ["Kelly", "ContextualKelly", "Execution", "Sine", "Martingale"])
    def test_no_greedy_policy(self, name):
        core = envs.make(id_of(name), 1)
        for ask in (core.greedy_policy, core.greedy_value):
            with pytest.raises(TaskError, match=f"{name} has no greedy policy"):
                ask()
