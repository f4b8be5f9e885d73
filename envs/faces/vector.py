"""n copies of a core as a gymnasium `VectorEnv`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from backtester.errors import SettingsError
from envs.core import Autoreset, Core
from envs.faces.making import make_core


class VectorEnv(gymnasium.vector.VectorEnv):
    """N copies of a core, with gymnasium's vector API; one compiled call steps all of them.

    Copy i seeded with s + i equals the single environment seeded with s + i, bit for bit.

    Parameters
    ----------
    num_envs : int
        How many copies.
    autoreset_mode : AutoresetMode or str
        "NextStep" (the default), "SameStep" or "Disabled".
    copy : bool
        Whether observations are copies that the caller may keep. Without, they stay untouched by the next step, and the
        one after it writes over them.
    render_mode : None
        There is nothing to draw.
    **settings
        Of the core.

    Attributes
    ----------
    core : Core
        The copies themselves.
    """

    core_class: ClassVar[type[Core]]

    def __init__(
        self,
        num_envs: int = 1,
        *,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        copy: bool = True,
        render_mode: None = None,
        **settings: Any,
    ):
        name = self.core_class.name
        if render_mode is not None:
            raise SettingsError(f"{name}: render_mode must be None, found {render_mode!r}")
        try:
            mode = AutoresetMode(autoreset_mode)
        except ValueError:
            known = ", ".join(repr(mode.value) for mode in AutoresetMode)
            raise SettingsError(f"{name}: autoreset_mode must be one of {known}, found {autoreset_mode!r}") from None
        self.core = core = make_core(self.core_class, num_envs, Autoreset(mode.value), settings)
        self.num_envs = core.n
        self.metadata = {"render_modes": [], "autoreset_mode": mode}
        self.render_mode = None
        self.single_observation_space, self.single_action_space = core.observation_space, core.action_space
        self.observation_space = batch_space(core.observation_space, core.n)
        self.action_space = batch_space(core.action_space, core.n)
        self.copy = copy
        self._has_info = type(core).info is not Core.info
        self._same_step = core.autoreset is Autoreset.SAME_STEP
        self._everyone = np.broadcast_to(np.True_, core.n)

    def reset(  # type: ignore[override]
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin episodes.

        Parameters
        ----------
        seed : int or list of int or None, optional
            A number s seeds copy i with s + i; a list has one seed per copy, None where its generator goes on.
        options : dict, optional
            `reset_mask`, bool [num_envs], says which copies begin anew; the rest is for the core.
        """
        core = self.core
        options = dict(options or {})
        mask = options.pop("reset_mask", None)
        if mask is not None and isinstance(mask, np.ndarray) and mask.dtype == np.bool_ and not mask.any():
            raise SettingsError(f"{core.name}: reset_mask chooses no copy; at least one must begin anew")
        self._seed(seed, mask)
        core.reset(mask, options)
        return self._observation(), self._info(self._everyone if mask is None else mask.copy())

    def _seed(self, seed: int | Sequence[int | None] | None, mask: np.ndarray | None) -> None:
        core = self.core
        if seed is None:
            return
        if isinstance(seed, (int, np.integer)):
            super().reset(seed=int(seed))
            core.seed(range(int(seed), int(seed) + core.n), mask)
            return
        given = np.array([one is not None for one in seed], np.bool_)
        if given.shape != (core.n,):
            raise SettingsError(f"{core.name}: one seed per copy is needed, {core.n}, found {given.size}")
        core.seed([one or 0 for one in seed], given if mask is None else given & mask)

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Take one step in every copy; return observations, rewards, terminations, truncations and info.

        Parameters
        ----------
        actions : ndarray
            In `action_space`; anything else raises `ActionError` and changes nothing.
        """
        core = self.core
        core.load(actions)
        core.advance()
        info = self._info(self._everyone) if self._has_info else {}
        if self._same_step and core.ends:
            self._add_final(info)
        return self._observation(), core.reward.copy(), core.terminated.copy(), core.truncated.copy(), info

    def _observation(self) -> np.ndarray:
        return self.core.observation.copy() if self.copy else self.core.observation

    def _info(self, mask: np.ndarray) -> dict[str, Any]:
        info: dict[str, Any] = {}
        for name, column in self.core.info().items():
            info[name], info["_" + name] = column, mask
        return info

    def _add_final(self, info: dict[str, Any]) -> None:
        """Add what gymnasium's own vector environments say of the episodes that ended."""
        core = self.core
        ended = core.terminated | core.truncated
        last = np.full(core.n, None, object)
        for i in np.flatnonzero(ended):
            last[i] = core.final_observation[i].copy()
        final: dict[str, Any] = {}
        for name, column in core.final_info().items():
            final[name], final["_" + name] = column, ended.copy()
        info |= {"final_obs": last, "_final_obs": ended, "final_info": final, "_final_info": ended.copy()}

    def action_masks(self) -> np.ndarray:
        """Return which actions are possible now, bool [num_envs, k]."""
        masks = self.core.action_masks()
        if masks is None:
            raise AttributeError(f"{self.core.name} has no action masks: every action is always possible")
        return masks.copy()

    def render(self) -> None:
        """Draw nothing."""
        return
