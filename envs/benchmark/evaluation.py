"""What a policy earns: mean rewards over complete episodes of a task, and the path of an account through bars.

A policy is a function of observations `[n, d]` that returns actions `[n]` or `[n, k]`; an agent is one by its
`predict`. Nothing here knows how it was made, so that agents, baselines and optima are measured alike.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from backtester.errors import SettingsError
from envs.benchmark.draws import seed_of

Policy = Callable[[np.ndarray], Any]
BINS = 10  # of the histogram of a continuous action


@dataclass(frozen=True)
class Evaluation:
    """What a policy earns on a task, as the task counts.

    Parameters
    ----------
    value : float
        Mean reward per step after the burn-in, or mean return per episode.
    error : float
        Standard error of `value`: of the copies, which are independent.
    steps, episodes : int
        How many were played.
    actions : int64 [k]
        How often each action was taken; of several components, all together.
    labels : tuple of str
        What those actions are.
    """

    value: float
    error: float
    steps: int
    episodes: int
    actions: np.ndarray
    labels: tuple[str, ...]


def evaluate(core: Any, policy: Policy, *, episodes: int, seed: int) -> Evaluation:
    """Return what a policy earns over complete episodes.

    As the task counts: where its core says `per_episode`, returns of episodes; else rewards of steps, without the first
    `burn_in` of every episode, as the optimum is that of the long run.

    Parameters
    ----------
    core : envs.core.Core
        A task with n copies, two or more, whose episodes end. It is seeded and reset, whatever it was doing.
    policy : function
        From observations float32 [n, d] to actions.
    episodes : int
        How many at least; each copy plays as many as the others, so that short episodes are not counted more often.
    seed : int
        Copy i is seeded with seed + i.

    Returns
    -------
    Evaluation

    Raises
    ------
    SettingsError
        If there are fewer than two copies or no episodes, a reward is not finite, or no episode outlasts the burn-in.
    """
    if core.n < 2 or episodes < 1:
        raise SettingsError(f"evaluate: {core.n} copies and {episodes} episodes; two and one are the least")
    each = -(-episodes // core.n)
    whole, burn_in = bool(getattr(core, "per_episode", False)), int(getattr(core, "burn_in", 0))
    core.seed(seed + np.arange(core.n))
    core.reset()
    counter = ActionCounter(core.action_space)
    rewards, units = np.zeros(core.n), np.zeros(core.n, np.int64)  # units: what a reward is divided by
    played, age = np.zeros(core.n, np.int64), np.zeros(core.n, np.int64)
    begins = np.zeros(core.n, np.bool_)  # copies for which the next step only begins an episode (NEXT_STEP)
    waits = core.autoreset.name == "NEXT_STEP"
    steps = 0
    while (played < each).any():
        taken = (played < each) & ~begins
        actions = policy(core.observation)
        core.step(actions)
        counter.add(actions, taken)
        age[taken] += 1
        steps += int(taken.sum())
        counted = taken & (whole | (age > burn_in))
        rewards[counted] += core.reward[counted]
        ended = taken & (core.terminated | core.truncated)
        units += ended if whole else counted
        played += ended
        age[ended] = 0
        begins = core.terminated | core.truncated if waits else begins
    if not np.isfinite(rewards).all():
        raise SettingsError(f"evaluate: {core.name} paid a reward that is NaN or infinite")
    if units.sum() == 0:
        raise SettingsError(f"evaluate: no episode of {core.name} outlasts its burn-in of {burn_in} steps")
    value = rewards.sum() / units.sum()
    # of a ratio of sums, by its linearisation: the residuals of copies, in units of their mean number
    residuals = (rewards - value * units) / units.mean()
    error = residuals.std(ddof=1) / np.sqrt(core.n)
    return Evaluation(float(value), float(error), steps, each * core.n, counter.counts, counter.labels)


class ActionCounter:
    """Counts actions by kind: each of a discrete space, bins of a continuous one."""

    def __init__(self, space: Any, names: tuple[str, ...] = ()):
        kind = type(space).__name__
        self.discrete = kind in ("Discrete", "MultiDiscrete")
        if self.discrete:
            self.start = np.min(space.start)
            size = int(np.max(np.asarray(space.nvec if kind == "MultiDiscrete" else space.n)))
            self.labels = names if len(names) == size else tuple(f"action {self.start + i}" for i in range(size))
        else:
            edges = np.linspace(-1.0, 1.0, BINS + 1)
            self.labels = tuple(f"{a:.1f} to {b:.1f}" for a, b in itertools.pairwise(edges))
        self.counts = np.zeros(len(self.labels), np.int64)

    def add(self, actions: Any, mask: np.ndarray | None = None) -> None:
        """Count actions [n] or [n, k], of the copies in a mask."""
        found = np.asarray(actions)
        found = found.reshape(len(found), -1)
        found = (found if mask is None else found[mask]).ravel()
        if self.discrete:
            places = found.astype(np.int64) - self.start
        else:
            places = np.clip(((found + 1.0) * (BINS / 2.0)).astype(np.int64), 0, BINS - 1)
        self.counts += np.bincount(places, minlength=len(self.counts))


@dataclass(frozen=True)
class Track:
    """The path of one account through a stretch of bars.

    Parameters
    ----------
    start : int
        The bar of the first decision.
    equity : float64 [n + 1]
        Money at the close of `start` and of each bar after it.
    turnover : float64 [n]
        Traded value of each step over the equity before it.
    costs : float64 [n]
        Money that each step has cost.
    actions : int64 [k]
        How often each action was taken.
    labels : tuple of str
        What those actions are.
    """

    start: int
    equity: np.ndarray
    turnover: np.ndarray
    costs: np.ndarray
    actions: np.ndarray
    labels: tuple[str, ...]

    @property
    def returns(self) -> np.ndarray:
        """Simple return of each bar, float64 [n]; 0 after equity was lost."""
        before = self.equity[:-1]
        found = np.zeros(len(before))
        np.divide(self.equity[1:], before, out=found, where=before > 0.0)
        found[before > 0.0] -= 1.0
        return found


def play(core: Any, policy: Policy, start: int, end: int, names: tuple[str, ...] = ()) -> Track:
    """Return the path of one account from the close of bar `start` to that of bar `end`.

    Parameters
    ----------
    core : envs.core.Core
        The trading environment, one copy. It is reset.
    policy : function
        From observations float32 [1, d] to one action; called once a bar.
    start, end : int
        Bars of the first decision and of the last mark.
    names : tuple of str
        What the actions are, for the histogram.

    Returns
    -------
    Track
        Where the account is ruined, its equity stays from there on.

    Raises
    ------
    SettingsError
        If the core has several copies.
    """
    if core.n != 1:
        raise SettingsError(f"play: {core.n} copies; one account takes one path")
    core.seed(np.array([seed_of("play")]))
    core.reset(options={"start": start, "end": end})
    counter = ActionCounter(core.action_space, names)
    n = end - start
    equity, turnover, costs = np.empty(n + 1), np.zeros(n), np.zeros(n)
    equity[0] = core.info()["equity"][0]
    for k in range(n):
        actions = policy(core.observation)
        core.step(actions)
        counter.add(actions)
        told = final_info(core)
        equity[k + 1], turnover[k], costs[k] = told["equity"][0], told["turnover"][0], told["costs"][0]
        if core.terminated[0] or core.truncated[0]:
            equity[k + 2 :] = equity[k + 1]
            break
    return Track(start, equity, turnover, costs, counter.counts, counter.labels)


def final_info(core: Any) -> dict[str, np.ndarray]:
    """Return the info of the step just made; under SAME_STEP, of an episode that ended in it, that of its end."""
    if core.autoreset.name == "SAME_STEP" and (core.terminated | core.truncated).any():
        return core.final_info()
    return core.info()
