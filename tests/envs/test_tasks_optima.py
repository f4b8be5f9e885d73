"""The optimal policies of the tasks earn their values when they are played, and nobody earns more."""

from __future__ import annotations

import importlib
import re

import gymnasium
import numpy as np
import pytest

import envs
from envs.errors import TaskError
from envs.registry import ENVIRONMENTS, id_of
from envs.tasks.score import evaluate_policy, score

#: value per step or per episode, as the docstrings have it; derived in test_tasks_solvers
VALUES = {
    "QuadraticCost": 50 / 169,
    "OUPrice": 0.12223,
    "AR1Cost": 0.09012,
    "Execution": -1.6618,
    "Kelly": 0.020136,
    "ContextualKelly": 0.06242,
    "Sine": 1.2480,
}
GREEDY = {"QuadraticCost": 0.7313 * 50 / 169, "OUPrice": 0.04077, "AR1Cost": 0.09002}
COPIES, STEPS = 250, 4000  # fewer copies than are stepped in threads, which a busy machine slows down


def task(name: str, n: int = COPIES, **settings):
    """Return copies of a task whose episodes do not end, where they need not."""
    if name not in ("Execution", "Sine"):
        settings = {"episode_length": None, **settings}
    return envs.make(id_of(name), n, **settings)


@pytest.mark.parametrize("name", VALUES)
def test_the_docstring_tells_the_value(name):
    core = task(name, 1)
    assert core.optimal_value() == pytest.approx(VALUES[name], abs=5e-6 + 5e-5 * abs(VALUES[name]))
    text = getattr(importlib.import_module(ENVIRONMENTS[name]), name).__doc__
    told = [float(number) for number in re.findall(r"\d\.\d{3,}", text)]
    assert min(abs(number - abs(core.optimal_value())) for number in told) < 5e-5


@pytest.mark.parametrize("name", VALUES)
def test_the_optimal_policy_earns_the_optimal_value(name):
    core = task(name)
    found = evaluate_policy(core, core.optimal_policy(), STEPS, seed=11)
    assert found.standard_error < 0.02 * abs(core.optimal_value() - core.baseline_value())
    assert abs(found.value - core.optimal_value()) < 4.0 * found.standard_error + 1e-6 * (name == "Sine")


@pytest.mark.parametrize("name", GREEDY)
def test_the_greedy_policy_earns_less(name):
    core = task(name)
    assert core.greedy_value() == pytest.approx(GREEDY[name], abs=1e-5)
    found = evaluate_policy(core, core.greedy_policy(), STEPS, seed=23)
    assert abs(found.value - core.greedy_value()) < 4.0 * found.standard_error
    assert core.greedy_value() < core.optimal_value()


def test_selling_evenly_is_the_baseline_of_execution():
    core = task("Execution")
    found = evaluate_policy(core, core.baseline_policy(), STEPS, seed=5)
    assert core.baseline_value() == pytest.approx(-2.1837, abs=5e-5)
    assert abs(found.value - core.baseline_value()) < 4.0 * found.standard_error


@pytest.mark.parametrize("name", [name for name in ENVIRONMENTS if name not in ("Execution", "Trading")])
def test_flat_earns_exactly_nothing(name):
    core = task(name, 64)
    discrete = isinstance(core.action_space, gymnasium.spaces.Discrete)

    def flat(observation):
        return np.ones(64, np.int64) if discrete else np.zeros((64, 1), np.float32)

    found = evaluate_policy(core, flat, 200, seed=0)
    assert (found.value, found.standard_error) == (0.0, 0.0)
    assert core.baseline_value() == 0.0


def altered(core, kind: str):
    """Return the optimal policy of a task, altered in one of several ways."""
    best = core.optimal_policy()
    rng = np.random.default_rng(99)
    if isinstance(core.action_space, gymnasium.spaces.Discrete):
        changes = {
            "eager": lambda o: best(o * np.array([1.3, 1.0], np.float32)),
            "slow": lambda o: best(o * np.array([0.75, 1.0], np.float32)),
            "reverse": lambda o: 2 - best(o),
            "careless": lambda o: np.where(rng.random(len(o)) < 0.05, rng.integers(0, 3, len(o)), best(o)),
        }
    else:
        changes = {
            "eager": lambda o: np.clip(1.3 * best(o) + 0.05, -1.0, 1.0),
            "slow": lambda o: 0.7 * best(o) - 0.05,
            "reverse": lambda o: -best(o),
            "careless": lambda o: np.clip(best(o) + rng.normal(0.0, 0.2, best(o).shape), -1.0, 1.0),
        }
    return changes[kind]


@pytest.mark.parametrize("kind", ["eager", "slow", "reverse", "careless"])
@pytest.mark.parametrize("name", [name for name in VALUES if name != "Sine"])
def test_nobody_earns_more(name, kind):
    core = task(name)
    found = evaluate_policy(core, altered(core, kind), STEPS, seed=3)
    assert found.value < core.optimal_value() + 4.0 * found.standard_error
    if kind == "reverse":
        assert found.value < core.optimal_value() - 4.0 * found.standard_error


@pytest.mark.parametrize("policy", ["long", "momentum", "reversion", "random"])
def test_the_martingale_gives_nothing_to_anybody(policy):
    core = task("Martingale")
    rng = np.random.default_rng(7)
    policies = {
        "long": lambda o: np.full(len(o), 2),
        "momentum": lambda o: 1 + np.sign(o[:, 0]).astype(np.int64),
        "reversion": lambda o: 1 - np.sign(o.sum(axis=1)).astype(np.int64),
        "random": lambda o: rng.integers(0, 3, len(o)),
    }
    found = evaluate_policy(core, policies[policy], STEPS, seed=1)
    assert found.observations == COPIES * STEPS
    assert abs(found.value - core.optimal_value()) < 4.0 * found.standard_error
    with pytest.raises(TaskError, match="optimum above the baseline"):
        score(found.value, core.optimal_value(), core.baseline_value())


@pytest.mark.parametrize("name", [name for name in VALUES if name != "Sine"])
def test_one_environment_plays_as_a_copy_of_the_vector(name):
    """Observation, reward and end of the single environment are those of the first copy, under the optimal policy."""
    many = gymnasium.make_vec(id_of(name), num_envs=3, vectorization_mode="vector_entry_point")
    one = gymnasium.make(id_of(name))
    policy = many.unwrapped.core.optimal_policy()
    seen, _ = one.reset(seed=42)
    all_seen, _ = many.reset(seed=42)
    for _ in range(20):
        action = policy(all_seen)
        all_seen, rewards, *ends, _ = many.step(action)
        seen, reward, *end, _ = one.step(policy(seen[None])[0])
        assert np.array_equal(seen, all_seen[0])
        assert reward == rewards[0]
        assert end == [flags[0] for flags in ends]
    assert ends[0][0] == (name == "Execution")
