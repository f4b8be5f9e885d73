"""A core made for tests: everything a driven core may do, and episodes of chance length."""

import numpy as np
from gymnasium import spaces

from backtester.kernel.jit import inner_jit
from envs.batch import GOES_ON, TERMINATED, TRUNCATED
from envs.core import Autoreset
from envs.driver import DrivenCore
from envs.faces.single import SingleEnv
from envs.faces.vector import VectorEnv
from envs.random import normal, uniform

LIMIT = 2.0


@inner_jit
def _begin(state, parameters, random):
    state[0] = uniform(random) - 0.5
    state[1] = 0.0


@inner_jit
def _move(state, parameters, random, action):
    state[1] = normal(random)
    state[0] += state[1] * parameters[0]
    reward = action[0] * state[1] - action[1]
    if abs(state[0]) > LIMIT:
        return reward, TERMINATED
    if state[1] > 2.0:
        return reward, TRUNCATED
    return reward, GOES_ON


@inner_jit
def _observe(state, parameters, out):
    out[0] = min(10.0, max(-10.0, state[0]))
    out[1] = min(10.0, max(-10.0, state[1]))


class WalkCore(DrivenCore):
    """A random walk that ends outside ±2, and by chance; two components of an action."""

    name = "Walk"
    option_names = ("place",)
    begin, move, observe = staticmethod(_begin), staticmethod(_move), staticmethod(_observe)
    n_state = 2
    asked = None

    def __init__(self, n=1, *, step=0.5, episode_length=9, autoreset=Autoreset.NEXT_STEP, stagger=False):
        super().__init__(
            n,
            observation_space=spaces.Box(-10.0, 10.0, (2,), np.float32),
            action_space=spaces.Box(-1.0, 1.0, (2,), np.float32),
            parameters=(step,),
            episode_length=episode_length,
            autoreset=autoreset,
            stagger=stagger,
            settings={"step": step, "episode_length": episode_length},
        )

    def _take_options(self, options, mask):
        self.asked = options, mask.tolist()

    def info(self):
        return {"place": self.state[:, 0].copy(), "steps": self.episode_length.copy()}

    def action_masks(self):
        return np.stack([self.state[:, 0] > 0.0, self.state[:, 0] <= 0.0], axis=1)


class Walk(SingleEnv):
    """One walk."""

    core_class = WalkCore


class WalkVector(VectorEnv):
    """Many walks."""

    core_class = WalkCore


def actions_for(core, rng):
    """Return random actions for every copy of a core."""
    space = core.action_space
    if isinstance(space, spaces.Discrete):
        return space.start + rng.integers(0, space.n, core.n)
    if isinstance(space, spaces.MultiDiscrete):
        return space.start + (rng.random((core.n, len(space.nvec))) * space.nvec).astype(np.int64)
    return rng.uniform(-1.0, 1.0, (core.n, *space.shape)).astype(np.float32)
