"""Betting on a coin that is known to be unfair: how much of one's wealth?"""

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
from envs.tasks.solvers.kelly import growth, kelly_fraction
from envs.tasks.task import TaskCore

PROBABILITY = 0.6  # of a win
RANGE = 0.5  # the largest stake, as a fraction of wealth

_LAST = 0  # column of the state: the last outcome


@inner_jit
def _begin(state, parameters, random):
    state[_LAST] = 0.0


@inner_jit
def _move(state, parameters, random, action):
    outcome = 1.0 if uniform(random) < PROBABILITY else -1.0
    state[_LAST] = outcome
    return np.log1p(RANGE * action[0] * outcome), GOES_ON


@inner_jit
def _observe(state, parameters, out):
    out[0] = state[_LAST]


class KellyCore(TaskCore):
    """The core of `Kelly`."""

    name = "Kelly"
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
        """Return the policy that stakes 0.2 of its wealth, whatever came last."""
        action = np.float32(kelly_fraction(PROBABILITY) / RANGE)
        return lambda observation: np.full((len(observation), 1), action)

    def optimal_value(self) -> float:
        """Return the growth of log wealth per flip of the optimum: 0.6 ln 1.2 + 0.4 ln 0.8."""
        return growth(kelly_fraction(PROBABILITY), PROBABILITY)


class Kelly(SingleEnv):
    """Stake a fraction of one's wealth, again and again, on a coin that wins with probability 0.6 at even money.

    - Dynamics: independent flips; a stake f multiplies wealth by 1 + f with probability 0.6, else by 1 − f.
    - Observation, float32 [1]: the last outcome, 1 or −1, 0 before the first flip. It tells nothing of use.
    - Action, Box(−1, 1, (1,)): the stake is f = 0.5·action, a fraction of wealth; a negative one bets against the coin.
    - Reward: the change of log wealth, ln(1 ± f).
    - Episode: truncated after `episode_length` flips (default 300); never terminates.
    - Optimum: f = 0.2; 0.6 ln 1.2 + 0.4 ln 0.8 = 0.020136 per flip. Twice that stake, and more, loses.
      Betting nothing earns 0, which is the baseline: score = J / 0.020136.
    - Settings: `episode_length`, `stagger`.

    Source: J. L. Kelly, "A New Interpretation of Information Rate", Bell System Technical Journal 35, 1956; the coin is
    that of V. Haghani and R. Dewey, "Rational Decision-Making under Uncertainty: Observed Betting Patterns on a Biased
    Coin", Journal of Portfolio Management 43, 2017.
    """

    core_class = KellyCore


class KellyVector(VectorEnv):
    """Many copies of `Kelly`."""

    core_class = KellyCore
