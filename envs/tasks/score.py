"""How good a policy is on a task with a known optimum: 0 for the baseline, 1 for the optimum."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from backtester.errors import SettingsError
from envs.core import Array, Autoreset, Core
from envs.errors import TaskError


class Evaluation(NamedTuple):
    """What a policy earned on a task.

    Attributes
    ----------
    value : float
        Mean reward per step, or mean return per episode, as the task counts.
    standard_error : float
        Of the value.
    observations : int
        How many steps, or episodes, were counted.
    """

    value: float
    standard_error: float
    observations: int


def score(value: float, optimum: float, baseline: float = 0.0) -> float:
    """Return (J − J_base) / (J* − J_base): 1 is the optimum, 0 the baseline, and below 0 is worse than that.

    Parameters
    ----------
    value, optimum, baseline : float
        J, J* and J_base, in the same unit: `optimal_value()` and `baseline_value()` of the task.

    Raises
    ------
    TaskError
        If the optimum is not above the baseline, as with the martingale: there is nothing to score then.
    """
    if not optimum > baseline:
        raise TaskError(f"a score needs an optimum above the baseline, found {optimum!r} and {baseline!r}")
    return (value - baseline) / (optimum - baseline)


def evaluate_policy(core: Core, policy: Callable[[Array], Array], steps: int, seed: int) -> Evaluation:
    """Run a policy on every copy of a task, and return its value with a standard error.

    Values per step leave out the first `burn_in` steps of every episode, as the optimum is that of the long run. Their
    standard error comes from the spread between the copies, which are independent whatever a copy's steps are.
    Values per episode are means over the episodes that ended.

    Parameters
    ----------
    core : Core
        A task, with at least 2 copies; many are faster. Its running episodes are given up. `episode_length=None`
        counts most, where the value is one per step.
    policy : callable
        Takes observations, float32 [n, d], returns actions [n] or [n, k].
    steps : int
        How often each copy is stepped.
    seed : int
        Copy i is seeded with seed + i.

    Raises
    ------
    SettingsError
        If there is one copy, or too few steps for anything to be counted.
    """
    if core.n < 2:
        raise SettingsError(f"{core.name}: evaluating needs at least 2 copies for a standard error, found {core.n}")
    core.seed(range(seed, seed + core.n))
    core.reset()
    if getattr(core, "per_episode", False):
        return _of_episodes(core, policy, steps)
    return _of_steps(core, policy, steps)


def _of_steps(core: Core, policy: Callable[[Array], Array], steps: int) -> Evaluation:
    burn_in = getattr(core, "burn_in", 0)
    total, counted = np.zeros(core.n), np.zeros(core.n, np.int64)
    for _ in range(steps):
        age = _step(core, policy)
        late = age > burn_in
        total[late] += core.reward[late]
        counted += late
    if counted.min() == 0:
        raise SettingsError(
            f"{core.name}: the first {burn_in} steps of an episode are not counted, and nothing is left of {steps} "
            f"steps in episodes of {core.settings.get('episode_length')}; take more steps, and longer episodes"
        )
    value = float(total.sum() / counted.sum())
    spread = (total - value * counted) / counted.mean()  # a ratio of means: copies may differ in what they count
    return Evaluation(value, _standard_error(spread), int(counted.sum()))


def _of_episodes(core: Core, policy: Callable[[Array], Array], steps: int) -> Evaluation:
    returns = []
    for _ in range(steps):
        _step(core, policy)
        if core.ends:
            ended = core.terminated | core.truncated
            returns.append(core.final_return[ended].copy())
    found = np.concatenate(returns) if returns else np.zeros(0)
    if found.size < 2:
        raise SettingsError(f"{core.name}: {found.size} episodes ended in {steps} steps, too few; take more steps")
    return Evaluation(float(found.mean()), _standard_error(found), found.size)


def _step(core: Core, policy: Callable[[Array], Array]) -> Array:
    """Step every copy; return how many steps of its episode each has taken, 0 where a new episode began instead."""
    if core.autoreset is Autoreset.DISABLED and core.ends:
        core.reset(core.terminated | core.truncated)
    core.step(policy(core.observation))
    if core.autoreset is Autoreset.SAME_STEP and core.ends:
        return np.where(core.terminated | core.truncated, core.final_length, core.episode_length)
    return core.episode_length


def _standard_error(values: Array) -> float:
    return float(values.std(ddof=1)) / math.sqrt(values.size)
