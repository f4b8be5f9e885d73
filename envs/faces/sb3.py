"""n copies of a core as a stable-baselines3 `VecEnv`."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import VecEnv

from backtester.errors import SettingsError
from envs.core import Autoreset, Core

Indices = int | Iterable[int] | None


class SB3VecEnv(VecEnv):
    """N copies of a core, with stable-baselines3's API; one compiled call steps all of them.

    Episodes begin anew in the step in which they end. Info dicts say something at the end of an episode alone:
    `terminal_observation`, `TimeLimit.truncated`, `episode` (`r` return, `l` length, `t` seconds since this object was
    made, as `Monitor` has them), and the core's `final_info`.

    Parameters
    ----------
    core : Core
        Made with `autoreset=Autoreset.SAME_STEP`.

    Notes
    -----
    Observations are the core's own buffers, two in turn: SB3's rollout buffer copies the last observation after the
    next step. Rewards (float32), dones and info dicts are new ones in every step, as SB3 and wrappers write into them.
    """

    def __init__(self, core: Core):
        if core.autoreset is not Autoreset.SAME_STEP:
            raise SettingsError(f"{core.name}: SB3 needs a core with Autoreset.SAME_STEP, found {core.autoreset}")
        self.core = core
        self._own: dict[str, list[Any]] = {"render_mode": [None] * core.n}
        self._began = time.monotonic()
        super().__init__(core.n, core.observation_space, core.action_space)

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """Seed copy i with seed + i at the next reset; without a seed, from the operating system."""
        if seed is None:
            seed = int.from_bytes(os.urandom(4), "little")
        self._seeds = [int(seed) + i for i in range(self.num_envs)]
        return self._seeds

    def reset(self) -> np.ndarray:
        """Begin an episode in every copy; return the observations [n, d]."""
        core = self.core
        given = np.array([seed is not None for seed in self._seeds], np.bool_)
        if given.any():
            core.seed([seed or 0 for seed in self._seeds], given)
        if all(options == self._options[0] for options in self._options):
            core.reset(options=self._options[0])
        else:
            for i, options in enumerate(self._options):
                core.reset(np.arange(core.n) == i, options)
        self._reset_seeds()
        self._reset_options()
        return core.observation

    def step_async(self, actions: np.ndarray) -> None:
        """Take the actions of the coming step, and check their shape and type."""
        self.core.load(actions)

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        """Take the step; return observations, rewards, dones and info dicts."""
        core = self.core
        core.advance()
        dones = core.terminated | core.truncated
        infos: list[dict[str, Any]] = [{} for _ in range(core.n)]
        if core.ends:
            self._tell_ends(infos, dones)
        return core.observation, core.reward.astype(np.float32), dones, infos

    def _tell_ends(self, infos: list[dict[str, Any]], dones: np.ndarray) -> None:
        core = self.core
        final = core.final_info()
        elapsed = time.monotonic() - self._began
        for i in np.flatnonzero(dones):
            info = infos[i]
            info.update((name, column[i].tolist()) for name, column in final.items())
            info["terminal_observation"] = core.final_observation[i].copy()
            info["TimeLimit.truncated"] = core.truncated[i].item()
            info["episode"] = {"r": core.final_return[i].item(), "l": core.final_length[i].item(), "t": elapsed}

    def close(self) -> None:
        """Do nothing: there is nothing to release."""

    def get_images(self) -> list[None]:
        """Return no pictures."""
        return [None] * self.num_envs

    def get_attr(self, attr_name: str, indices: Indices = None) -> list[Any]:
        """Return an attribute of copies: what `set_attr` stored, or the core's (of an array [n], each copy's row)."""
        chosen = self._get_indices(indices)
        if attr_name in self._own:
            return [self._own[attr_name][i] for i in chosen]
        if attr_name == "action_masks" and self.core.action_masks() is None:
            raise AttributeError(f"{self.core.name} has no action masks: every action is always possible")
        value = getattr(self.core, attr_name)
        return [self._row(value, i) for i in chosen]

    def set_attr(self, attr_name: str, value: Any, indices: Indices = None) -> None:
        """Store an attribute for copies, for `get_attr`; what the core has itself is fixed while it lives."""
        if hasattr(self.core, attr_name):
            raise AttributeError(f"{self.core.name}: {attr_name!r} is fixed; make an environment with another setting")
        column = self._own.setdefault(attr_name, [None] * self.num_envs)
        for i in self._get_indices(indices):
            column[i] = value

    def env_method(
        self, method_name: str, *method_args: Any, indices: Indices = None, **method_kwargs: Any
    ) -> list[Any]:
        """Call a method of the core once; return, for each copy, the result (of an array [n], its row)."""
        result = getattr(self.core, method_name)(*method_args, **method_kwargs)
        if method_name == "action_masks" and result is None:
            raise AttributeError(f"{self.core.name} has no action masks: every action is always possible")
        return [self._row(result, i) for i in self._get_indices(indices)]

    def _row(self, value: Any, i: int) -> Any:
        if isinstance(value, dict):
            return {name: self._row(one, i) for name, one in value.items()}
        return value[i] if isinstance(value, np.ndarray) and value.shape[:1] == (self.num_envs,) else value

    def env_is_wrapped(self, wrapper_class: type, indices: Indices = None) -> list[bool]:
        """Return whether copies are wrapped: true for `Monitor`, as the info at the end of an episode has its entry."""
        return [issubclass(Monitor, wrapper_class) for _ in self._get_indices(indices)]
