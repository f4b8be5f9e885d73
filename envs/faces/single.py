"""One copy of a core as a `gymnasium.Env`."""

from __future__ import annotations

from operator import index
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium import spaces

from backtester.errors import SettingsError
from envs.core import Autoreset, Core
from envs.errors import ActionError
from envs.faces.making import make_core


class SingleEnv(gymnasium.Env):
    """One copy of a core, with gymnasium's API.

    Parameters
    ----------
    render_mode : None
        There is nothing to draw.
    **settings
        Of the core.

    Attributes
    ----------
    core : Core
        The copy itself (n = 1).
    """

    core_class: ClassVar[type[Core]]
    metadata: ClassVar[dict[str, Any]] = {"render_modes": []}  # type: ignore[misc]

    def __init__(self, render_mode: None = None, **settings: Any):
        if render_mode is not None:
            raise SettingsError(f"{self.core_class.name}: render_mode must be None, found {render_mode!r}")
        self.core = core = make_core(self.core_class, 1, Autoreset.DISABLED, settings)
        self.render_mode = None
        self.observation_space = core.observation_space
        self.action_space = core.action_space
        self._discrete = isinstance(core.action_space, spaces.Discrete)
        self._has_info = type(core).info is not Core.info

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin an episode, from a seed or with the next numbers of the generator.

        Parameters
        ----------
        seed : int, optional
            At least 0. The same seed begins the same episodes.
        options : dict, optional
            What the environment's docstring names.
        """
        core = self.core
        if seed is not None:
            super().reset(seed=seed)
            core.seed((seed,))
        core.reset(options=options)
        return core.observation[0].copy(), core.info_of(0) if self._has_info else {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Take one step; return the observation, the reward, whether the episode terminated, was truncated, and info.

        Parameters
        ----------
        action : int, or ndarray
            In `action_space`; anything else raises `ActionError` and changes nothing.
        """
        core = self.core
        if self._discrete:
            try:
                core.actions[0, 0] = index(action)
            except TypeError:
                raise ActionError(f"{core.name}: an action is a whole number, found {action!r}") from None
        else:
            core.load(np.asarray(action)[np.newaxis])
        core.advance()
        return (
            core.observation[0].copy(),
            core.reward.item(),
            core.terminated.item(),
            core.truncated.item(),
            core.info_of(0) if self._has_info else {},
        )

    def action_masks(self) -> np.ndarray:
        """Return which actions are possible now, bool [k]."""
        masks = self.core.action_masks()
        if masks is None:
            raise AttributeError(f"{self.core.name} has no action masks: every action is always possible")
        return masks[0].copy()
