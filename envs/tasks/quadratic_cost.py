"""A decaying signal, quadratic risk, quadratic costs: the problem of Gârleanu and Pedersen, in its smallest form."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from gymnasium import spaces

from backtester.kernel.jit import inner_jit
from envs.batch import GOES_ON
from envs.core import Array, Autoreset
from envs.faces.single import SingleEnv
from envs.faces.vector import VectorEnv
from envs.random import normal
from envs.tasks.solvers.linear_quadratic import LinearPolicy, greedy_quadratic_cost, solve_quadratic_cost
from envs.tasks.task import TaskCore

PERSISTENCE = 0.9  # ρ
VARIANCE = 0.19  # s²: that of the signal itself is s²/(1 − ρ²) = 1
RISK, COST = 0.5, 6.0  # λ, ψ
RANGE = 0.5  # the largest trade
LIMIT = 4.0  # the largest position
CLIP = 6.0  # of the observed signal, which is beyond once in 500 million steps

_SIGNAL, _POSITION = 0, 1  # columns of the state
_SD = VARIANCE**0.5


@inner_jit
def _begin(state, parameters, random):
    state[_SIGNAL] = normal(random)
    state[_POSITION] = 0.0


@inner_jit
def _move(state, parameters, random, action):
    signal, before = state[_SIGNAL], state[_POSITION]
    position = min(LIMIT, max(-LIMIT, before + RANGE * action[0]))
    traded = position - before
    state[_POSITION] = position
    state[_SIGNAL] = PERSISTENCE * signal + _SD * normal(random)
    return position * signal - RISK * position * position - COST * traded * traded, GOES_ON


@inner_jit
def _observe(state, parameters, out):
    out[0] = min(CLIP, max(-CLIP, state[_SIGNAL]))
    out[1] = state[_POSITION]


class QuadraticCostCore(TaskCore):
    """The core of `QuadraticCost`."""

    name = "QuadraticCost"
    begin, move, observe = staticmethod(_begin), staticmethod(_move), staticmethod(_observe)
    n_state = 2
    burn_in = 100

    def __init__(
        self,
        n: int = 1,
        *,
        episode_length: int | None = 256,
        autoreset: Autoreset = Autoreset.NEXT_STEP,
        stagger: bool = False,
    ):
        high = np.array([CLIP, LIMIT], np.float32)
        super().__init__(
            n,
            observation_space=spaces.Box(-high, high, dtype=np.float32),
            action_space=spaces.Box(-1.0, 1.0, (1,), np.float32),
            episode_length=episode_length,
            autoreset=autoreset,
            stagger=stagger,
            settings={"episode_length": episode_length},
        )

    def optimal_policy(self) -> Callable[[Array], Array]:
        """Return the policy that moves to x_t = ¾ x_{t−1} + (5/26) p_t: part of the way to where the signal points."""
        return _policy(solve_quadratic_cost(PERSISTENCE, VARIANCE, RISK, COST))

    def optimal_value(self) -> float:
        """Return the mean reward per step of the optimum, 50/169."""
        return solve_quadratic_cost(PERSISTENCE, VARIANCE, RISK, COST).value

    def greedy_policy(self) -> Callable[[Array], Array]:
        """Return the policy that moves to x_t = (12 x_{t−1} + p_t) / 13, the best for the reward of the step alone."""
        return _policy(greedy_quadratic_cost(PERSISTENCE, VARIANCE, RISK, COST))

    def greedy_value(self) -> float:
        """Return the mean reward per step of the greedy policy, 0.2164: 73 % of the optimum."""
        return greedy_quadratic_cost(PERSISTENCE, VARIANCE, RISK, COST).value


def _policy(rule: LinearPolicy) -> Callable[[Array], Array]:
    tilt, pull = np.float32(rule.tilt / RANGE), np.float32((rule.keep - 1.0) / RANGE)
    return lambda observation: np.clip(tilt * observation[:, :1] + pull * observation[:, 1:], -1.0, 1.0)


class QuadraticCost(SingleEnv):
    """Follow a decaying signal with a position that is risky to hold and costly to change.

    - Dynamics: signal p_{t+1} = 0.9 p_t + ε, ε normal with variance 0.19, so that p has variance 1; an episode begins
      with p from that law and no position. The position moves from x_{t−1} to x_t = x_{t−1} + 0.5·action.
    - Observation, float32 [2]: p_t, clipped to [−6, 6], and the position x_{t−1}, in [−4, 4].
    - Action, Box(−1, 1, (1,)): the trade, in units of 0.5; the position stays within [−4, 4]. Both bounds are far out:
      the optimal trade is beyond once in 80,000 steps, which takes less than 10⁻⁷ off the value.
    - Reward: x_t p_t − ½ x_t² − 6 (x_t − x_{t−1})².
    - Episode: truncated after `episode_length` steps (default 256); never terminates.
    - Optimum: x_t = ¾ x_{t−1} + (5/26) p_t, 50/169 = 0.29586 per step in the long run. The greedy policy,
      (12 x_{t−1} + p_t)/13, earns 73 % of it. Flat earns 0, which is the baseline: score = J / (50/169).
    - Settings: `episode_length`, `stagger`.

    Source: N. Gârleanu and L. H. Pedersen, "Dynamic Trading with Predictable Returns and Transaction Costs", Journal of
    Finance 68, 2013.
    """

    core_class = QuadraticCostCore


class QuadraticCostVector(VectorEnv):
    """Many copies of `QuadraticCost`."""

    core_class = QuadraticCostCore
