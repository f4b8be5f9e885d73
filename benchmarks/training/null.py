"""An environment that does nothing: what training costs without any market."""

from __future__ import annotations

from typing import Any, ClassVar

from gymnasium import spaces

from backtester.kernel.jit import inner_jit
from envs.batch import GOES_ON
from envs.core import Autoreset
from envs.driver import DrivenCore


@inner_jit
def begin_nothing(state, parameters, random):
    """Begin an episode."""
    state[0] = 0.0


@inner_jit
def move_nothing(state, parameters, random, action):
    """Pay nothing."""
    return 0.0, GOES_ON


@inner_jit
def observe_nothing(state, parameters, out):
    """Leave the observation as it is: zeros."""
    return


class NullCore(DrivenCore):
    """Copies whose spaces and episodes are as given, and in which nothing happens."""

    name: ClassVar[str] = "Null"
    begin: ClassVar[Any] = begin_nothing
    move: ClassVar[Any] = move_nothing
    observe: ClassVar[Any] = observe_nothing
    n_state: ClassVar[int] = 1

    def __init__(self, n: int, like: Any, episode_length: int, autoreset: Autoreset = Autoreset.SAME_STEP):
        observations: spaces.Box = like.observation_space
        super().__init__(
            n,
            observation_space=observations,
            action_space=like.action_space,
            episode_length=episode_length,
            autoreset=autoreset,
            stagger=True,
        )
