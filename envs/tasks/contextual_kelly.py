"""Betting on coins whose chances differ from flip to flip and are seen before: how much on which?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from gymnasium import spaces

from backtester.kernel.jit import inner_jit
from envs.batch import GOES_ON
from envs.core import Array, Autoreset
from envs.faces.single import SingleEnv
from envs.faces.vector import VectorEnv
from envs.random import uniform
from envs.tasks.solvers.kelly import contextual_growth
from envs.tasks.task import TaskCore

EDGE = 0.6  # e: the coin wins with probability ½ (1 + e z)
RANGE = 0.8  # the largest stake, as a fraction of wealth

_CONTEXT = 0  # column of the state: z


@inner_jit
def _begin(state, parameters, random):
    state[_CONTEXT] = 2.0 * uniform(random) - 1.0


@inner_jit
def _move(state, parameters, random, action):
    outcome = 1.0 if uniform(random) < 0.5 * (1.0 + EDGE * state[_CONTEXT]) else -1.0
    state[_CONTEXT] = 2.0 * uniform(random) - 1.0
    return np.log1p(RANGE * action[0] * outcome), GOES_ON


@inner_jit
def _observe(state, parameters, out):
    out[0] = state[_CONTEXT]


class ContextualKellyCore(TaskCore):
    """The core of `ContextualKelly`."""

    name = "ContextualKelly"
    begin, move, observe = staticmethod(_begin), staticmethod(_move), staticmethod(_observe)
    n_state = 1

    def __init__(
        self,
        n: int = 1,
        *,
        episode_length: int | None = 300,
        autoreset: Autoreset = Autoreset.NEXT_STEP,
        stagger: bool = False,
    ):
        super().__init__(
            n,
            observation_space=spaces.Box(-1.0, 1.0, (1,), np.float32),
            action_space=spaces.Box(-1.0, 1.0, (1,), np.float32),
            episode_length=episode_length,
            autoreset=autoreset,
            stagger=stagger,
            settings={"episode_length": episode_length},
        )

    def optimal_policy(self) -> Callable[[Array], Array]:
        """Return the policy that stakes 0.6 z of its wealth where it sees z."""
        return lambda observation: observation * np.float32(EDGE / RANGE)

    def optimal_value(self) -> float:
        """Return the mean growth of log wealth per flip of the optimum."""
        return contextual_growth(EDGE)


class ContextualKelly(SingleEnv):
    """Stake a fraction of one's wealth on coins of different chances, each seen before it is flipped.

    - Dynamics: before each flip z is drawn, uniform on [−1, 1]; the coin wins with probability ½ (1 + 0.6 z). A stake f
      multiplies wealth by 1 + f if it wins, else by 1 − f. All draws are independent.
    - Observation, float32 [1]: z of the coming flip.
    - Action, Box(−1, 1, (1,)): the stake is f = 0.8·action, a fraction of wealth; a negative one bets against the coin.
    - Reward: the change of log wealth, ln(1 ± f).
    - Episode: truncated after `episode_length` flips (default 300); never terminates.
    - Optimum: f = 0.6 z; 0.06242 per flip in the mean. Betting nothing earns 0, which is the baseline:
      score = J / 0.06242.
    - Settings: `episode_length`, `stagger`.

    Source: J. L. Kelly, "A New Interpretation of Information Rate", Bell System Technical Journal 35, 1956: the case of
    side information.
    """

    core_class = ContextualKellyCore


class ContextualKellyVector(VectorEnv):
    """Many copies of `ContextualKelly`."""

    core_class = ContextualKellyCore
