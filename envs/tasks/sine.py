"""A noiseless sine wave: the smoke test. Whoever cannot learn this has a broken agent."""

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
from envs.random import uniform
from envs.tasks.task import TaskCore

_PHASE, _T = 0, 1  # columns of the state
_AMPLITUDE, _STEP = 0, 1  # parameters


@inner_jit
def _begin(state, parameters, random):
    state[_PHASE] = 2.0 * np.pi * uniform(random)
    state[_T] = 0.0


@inner_jit
def _move(state, parameters, random, action):
    now = np.sin(state[_PHASE] + parameters[_STEP] * state[_T])
    state[_T] += 1.0
    then = np.sin(state[_PHASE] + parameters[_STEP] * state[_T])
    return (action[0] - 1.0) * parameters[_AMPLITUDE] * (then - now), GOES_ON


@inner_jit
def _observe(state, parameters, out):
    angle = state[_PHASE] + parameters[_STEP] * state[_T]
    out[0] = min(1.0, max(-1.0, np.sin(angle)))
    out[1] = min(1.0, max(-1.0, np.cos(angle - 0.5 * parameters[_STEP])))


class SineCore(TaskCore):
    """The core of `Sine`."""

    name = "Sine"
    begin, move, observe = staticmethod(_begin), staticmethod(_move), staticmethod(_observe)
    n_state = 2

    def __init__(
        self,
        n: int = 1,
        *,
        period: int = 32,
        amplitude: float = 10.0,
        episode_length: int | None = 256,
        autoreset: Autoreset = Autoreset.NEXT_STEP,
        stagger: bool = False,
    ):
        if not period >= 3:
            raise SettingsError(f"Sine: period must be at least 3 steps, found {period!r}")
        if not 0.0 < amplitude < math.inf:
            raise SettingsError(f"Sine: amplitude must be positive and finite, found {amplitude!r}")
        self.period, self.amplitude = period, amplitude
        super().__init__(
            n,
            observation_space=spaces.Box(-1.0, 1.0, (2,), np.float32),
            action_space=spaces.Discrete(3),
            parameters=(amplitude, 2.0 * math.pi / period),
            episode_length=episode_length,
            autoreset=autoreset,
            stagger=stagger,
            settings={"period": period, "amplitude": amplitude, "episode_length": episode_length},
        )

    def optimal_policy(self) -> Callable[[Array], Array]:
        """Return the policy that holds the sign of the next change.

        With θ the angle and ω = 2π / period the next change is 2·amplitude·sin(ω/2)·cos(θ + ω/2). The observation has
        s = sin θ and c = cos(θ − ω/2), so cos(θ + ω/2) = c − 2·s·sin(ω/2).
        """
        half = math.sin(math.pi / self.period)

        def policy(observation: Array) -> Array:
            return 1 + np.sign(observation[:, 1] - 2.0 * half * observation[:, 0]).astype(np.int64)

        return policy

    def optimal_value(self) -> float:
        """Return the mean reward per step of the optimum: (4·amplitude/π)·sin(π/period).

        The phase is uniform, so this is the mean of |2·amplitude·sin(ω/2)·cos(θ)| over all angles, in every step.
        """
        return 4.0 * self.amplitude / math.pi * math.sin(math.pi / self.period)


class Sine(SingleEnv):
    """Hold −1, 0 or 1 unit of a price that is a sine wave, without noise and without costs.

    - Dynamics: price p_t = amplitude·sin(φ + 2πt/period); φ is uniform in [0, 2π) in every episode.
    - Observation, float32 [2], both in [−1, 1]: the price over the amplitude, and the last change over the largest
      possible one.
    - Action, Discrete(3): 0, 1, 2 hold −1, 0, 1 until the next step.
    - Reward: the position times the next change of the price.
    - Episode: truncated after `episode_length` steps (default 256); never terminates.
    - Optimum: the sign of the next change, which the observation tells exactly; (4·amplitude/π)·sin(π/period) per step,
      1.2480 with the defaults. Flat earns 0.
    - Settings: `period` (steps, default 32), `amplitude` (default 10), `episode_length`, `stagger`.
    """

    core_class = SineCore


class SineVector(VectorEnv):
    """Many copies of `Sine`."""

    core_class = SineCore
