"""A driftless random walk: the leak alarm. Whoever earns anything here has seen the future."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from gymnasium import spaces

from backtester.errors import SettingsError
from backtester.kernel.jit import inner_jit
from envs.batch import GOES_ON
from envs.core import Array, Autoreset
from envs.faces.single import SingleEnv
from envs.faces.vector import VectorEnv
from envs.random import normal
from envs.tasks.task import TaskCore

WINDOW = 4  # changes that are observed
CLIP = 5.0  # standard deviations; beyond lies one change in 1.7 million


@inner_jit
def _begin(state, parameters, random):
    for i in range(WINDOW):
        state[i] = normal(random)


@inner_jit
def _move(state, parameters, random, action):
    for i in range(WINDOW - 1, 0, -1):
        state[i] = state[i - 1]
    state[0] = normal(random)
    return (action[0] - 1.0) * parameters[0] * state[0], GOES_ON


@inner_jit
def _observe(state, parameters, out):
    for i in range(WINDOW):
        out[i] = min(CLIP, max(-CLIP, state[i]))


class MartingaleCore(TaskCore):
    """The core of `Martingale`."""

    name = "Martingale"
    begin, move, observe = staticmethod(_begin), staticmethod(_move), staticmethod(_observe)
    n_state = WINDOW

    def __init__(
        self,
        n: int = 1,
        *,
        volatility: float = 1.0,
        episode_length: int | None = 256,
        autoreset: Autoreset = Autoreset.NEXT_STEP,
        stagger: bool = False,
    ):
        if not 0.0 < volatility < math.inf:
            raise SettingsError(f"Martingale: volatility must be positive and finite, found {volatility!r}")
        super().__init__(
            n,
            observation_space=spaces.Box(-CLIP, CLIP, (WINDOW,), np.float32),
            action_space=spaces.Discrete(3),
            parameters=(volatility,),
            episode_length=episode_length,
            autoreset=autoreset,
            stagger=stagger,
            settings={"volatility": volatility, "episode_length": episode_length},
        )

    def optimal_policy(self) -> Callable[[Array], Array]:
        """Return the policy that stays flat; in the mean every other earns as much."""
        return lambda observation: np.ones(len(observation), np.int64)

    def optimal_value(self) -> float:
        """Return 0: the next change is independent of all that is observed, and has mean 0."""
        return 0.0


class Martingale(SingleEnv):
    """Hold −1, 0 or 1 unit of a price without drift, whose changes are independent.

    - Dynamics: the price changes by volatility·Z_t, Z_t independent standard normal.
    - Observation, float32 [4]: the last four Z, the latest first, clipped to [−5, 5].
    - Action, Discrete(3): 0, 1, 2 hold −1, 0, 1 until the next step.
    - Reward: the position times the next change of the price.
    - Episode: truncated after `episode_length` steps (default 256); never terminates.
    - Optimum: 0 per step, whatever is done.
    - Settings: `volatility` (default 1), `episode_length`, `stagger`.
    """

    core_class = MartingaleCore


class MartingaleVector(VectorEnv):
    """Many copies of `Martingale`."""

    core_class = MartingaleCore
