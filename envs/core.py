"""`Core`: n independent copies of one environment, all stepped by one compiled call. Faces make other APIs of it.

A core knows gymnasium's spaces and nothing else of any library. It owns the memory of its copies: their generators,
their running episodes, and two sets of results in turn, so that what a step returned is untouched by the next one.
"""

from __future__ import annotations

import copy
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, ClassVar

import numpy as np
from gymnasium import spaces

from backtester.errors import SettingsError, did_you_mean
from backtester.kernel.jit import is_disabled
from backtester.kernel.struct import StructBuffer
from envs.batch import BATCH, NEVER_BEGUN, RESULT_NAMES
from envs.errors import ActionError, ResetNeeded, TaskError
from envs.random import seed_generators, staggered_lengths

ActionSpace = spaces.Discrete | spaces.MultiDiscrete | spaces.Box
Array = np.ndarray[Any, Any]


class Autoreset(Enum):
    """What happens to a copy whose episode ended; the values are those of gymnasium's `AutoresetMode`."""

    NEXT_STEP = "NextStep"  # the next step begins a new one: its action is ignored, its reward is 0
    SAME_STEP = "SameStep"  # a new one begins at once; the last observation is in `final_observation`
    DISABLED = "Disabled"  # it waits for `reset`


class Core(ABC):
    """N independent copies of one environment; one compiled call steps all of them.

    Parameters
    ----------
    n : int
        How many copies, at least 1. Whatever n is, copy i plays the same episodes bit for bit, given its seed.
    observation_space : gymnasium.spaces.Box
        Of one copy: one dimension, float32, finite bounds.
    action_space : gymnasium.spaces.Discrete, MultiDiscrete or Box
        Of one copy; a Box is [-1, 1] in every component, float32.
    n_state : int
        float64 numbers that the dynamics keep for a copy.
    parameters : ndarray, optional
        float64 numbers that the dynamics read.
    episode_length : int, optional
        An episode is truncated after so many steps.
    autoreset : Autoreset
        What happens when an episode ends.
    stagger : bool
        Whether the first episode after a seed is shorter, by chance (uniformly in 1 to `episode_length`), so that the
        copies do not all end in the same step. What happens until then is the same.
    settings : dict
        The settings that define the environment, for `spec`.

    Attributes
    ----------
    observation : ndarray, float32 [n, d]
        After the last reset or step. This and the other results stay untouched by the next step; the one after it
        writes over them.
    reward : ndarray, float64 [n]
    terminated, truncated : ndarray, bool [n]
        Never both.
    final_observation : ndarray, float32 [n, d]
        With SAME_STEP, in the rows of the copies that ended in this step: the last observation of the old episode.
    ends : int
        How many copies ended in this step.
    episode_return, episode_length : ndarray, float64 and int64 [n]
        Of the running episodes.
    final_return, final_length : ndarray, float64 and int64 [n]
        Of the episode of each copy that ended last; 0 before.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 0
    option_names: ClassVar[tuple[str, ...]] = ()  # what `reset(options=)` understands

    observation: Array
    reward: Array
    terminated: Array
    truncated: Array
    final_observation: Array

    def __init__(
        self,
        n: int,
        *,
        observation_space: spaces.Box,
        action_space: ActionSpace,
        n_state: int = 0,
        parameters: Array | None = None,
        episode_length: int | None = None,
        autoreset: Autoreset = Autoreset.NEXT_STEP,
        stagger: bool = False,
        settings: Mapping[str, Any] | None = None,
    ):
        self._check(n, episode_length, autoreset, stagger)
        self.n = int(n)
        self.autoreset, self.stagger = autoreset, bool(stagger)
        self.observation_space, self.action_space = observation_space, action_space
        self.settings = dict(settings or {})
        self.ends = 0
        self._length = int(episode_length or 0)
        self._allocate(n_state, np.zeros(0) if parameters is None else parameters)

    def _check(self, n: int, episode_length: int | None, autoreset: Autoreset, stagger: bool) -> None:
        if is_disabled():
            raise TaskError(f"{self.name}: environments are compiled, and NUMBA_DISABLE_JIT forbids it; unset it")
        if not _is_whole(n) or n < 1:
            raise SettingsError(f"{self.name}: the number of copies must be a whole number of at least 1, found {n!r}")
        if episode_length is not None and (not _is_whole(episode_length) or episode_length < 1):
            raise SettingsError(
                f"{self.name}: episode_length must be a whole number of at least 1, or None, found {episode_length!r}"
            )
        if not isinstance(autoreset, Autoreset):
            known = ", ".join(str(mode) for mode in Autoreset)
            raise SettingsError(f"{self.name}: autoreset must be one of {known}, found {autoreset!r}")
        if stagger and episode_length is None:
            raise SettingsError(f"{self.name}: stagger=True needs an episode_length, found None")

    def _allocate(self, n_state: int, parameters: Array) -> None:
        n, (width,) = self.n, self.observation_space.shape
        lowest, highest = _bounds(self.action_space)
        self.random = np.zeros(n, np.uint64)
        self.state = np.zeros((n, n_state))
        self.parameters = np.ascontiguousarray(parameters, np.float64)
        self.actions = np.zeros((n, lowest.size))
        self.phase = np.full(n, NEVER_BEGUN, np.int64)
        self.limit = np.zeros(n, np.int64)
        self.episode_return, self.final_return = np.zeros(n), np.zeros(n)
        self.episode_length, self.final_length = np.zeros(n, np.int64), np.zeros(n, np.int64)
        self._mask = np.zeros(n, np.bool_)
        self._seeded, self._fresh = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
        own = ("random", "state", "parameters", "actions", "phase", "limit")
        shared = {name: getattr(self, name) for name in (*own, *_EPISODE)}
        shared |= {"mask": self._mask, "lowest": lowest, "highest": highest}
        self._results = [_results(n, width) for _ in range(2)]
        self._batches = [StructBuffer(BATCH) for _ in range(2)]
        for batch, results in zip(self._batches, self._results, strict=True):
            for name, array in (*shared.items(), *zip(RESULT_NAMES, results, strict=True)):
                batch.set_array(name, array)
            batch.set("n", n)
            batch.set("autoreset", list(Autoreset).index(self.autoreset))
            batch.set("length", self._length)
        self._addresses = [batch.address for batch in self._batches]
        single = isinstance(self.action_space, spaces.Discrete)
        self._loaded = self.actions[:, 0] if single else self.actions
        self._kinds = "fiu" if isinstance(self.action_space, spaces.Box) else "iu"
        self._show(0)

    def _show(self, turn: int) -> None:
        self._turn = turn
        self.observation, self.reward, self.terminated, self.truncated, self.final_observation = self._results[turn]

    # what a subclass says

    @abstractmethod
    def _run(self, address: int) -> int:
        """Step every copy with `actions`, into the batch at an address; return how many ended, or a refusal."""

    @abstractmethod
    def _restart(self, address: int) -> None:
        """Begin an episode of every copy in the mask, into the batch at an address."""

    def _take_options(self, options: dict[str, Any], mask: Array) -> None:
        """Note the options of a reset of the copies in `mask`; their names are known to be right."""

    def info(self) -> dict[str, Array]:
        """Return what is worth knowing about every copy after the last step: arrays [n] by name."""
        return {}

    def final_info(self) -> dict[str, Array]:
        """Return, with SAME_STEP, the same for the copies that ended in the last step, before they began anew."""
        return {}

    def info_of(self, i: int) -> dict[str, Any]:
        """Return what `info` says of copy i, as plain numbers."""
        return {name: column[i].item() for name, column in self.info().items()}

    def action_masks(self) -> Array | None:
        """Return which actions are possible now, bool [n, k], or None where all always are."""
        return None

    def optimal_policy(self) -> Callable[[Array], Array]:
        """Return an optimal policy: a function of observations [n, d] that returns actions [n] or [n, k]."""
        raise TaskError(f"{self.name} has no known optimum")

    def optimal_value(self) -> float:
        """Return the mean reward per step of an optimal policy."""
        raise TaskError(f"{self.name} has no known optimum")

    # what everybody calls

    def seed(self, seeds: Any, mask: Array | None = None) -> None:
        """Start the generators of copies anew; episodes that run go on, with other numbers.

        Parameters
        ----------
        seeds : array of int, shape (n,)
            Taken modulo 2⁶⁴. By gymnasium's convention copy i of n that are seeded with s gets s + i.
        mask : ndarray of bool, shape (n,), optional
            Which copies; all of them where it is missing.
        """
        words = np.array([int(seed) & 0xFFFFFFFFFFFFFFFF for seed in seeds], np.uint64)
        if words.shape != (self.n,):
            raise SettingsError(f"{self.name}: one seed per copy is needed, {self.n}, found {words.size}")
        chosen = self._chosen(mask)
        seed_generators(self.random, words, chosen)
        self._seeded |= chosen
        self._fresh |= chosen

    def reset(self, mask: Array | None = None, options: dict[str, Any] | None = None) -> None:
        """Begin episodes; copies that were never seeded get a seed from the operating system.

        Parameters
        ----------
        mask : ndarray of bool, shape (n,), optional
            Which copies begin anew; all of them where it is missing. The others stay where they are.
        options : dict, optional
            What the environment's docstring names; anything else is a `SettingsError`.
        """
        chosen = self._chosen(mask)
        for name in options or {}:
            if name not in self.option_names:
                known = ", ".join(self.option_names) or "none"
                raise SettingsError(
                    f"{self.name}: reset has no option {name!r} (known: {known}){did_you_mean(name, self.option_names)}"
                )
        self._take_options(options or {}, chosen)
        unseeded = chosen & ~self._seeded
        if unseeded.any():
            self.seed(np.frombuffer(os.urandom(8 * self.n), np.uint64), unseeded)
        np.copyto(self._mask, chosen)
        self.limit[chosen] = self._length
        if self.stagger:
            staggered_lengths(self.random, self._length, self.limit, chosen & self._fresh)
        self._fresh[chosen] = False
        self.ends = 0
        before = self._results[self._turn]
        self._show(1 - self._turn)
        for old, new in zip(before, self._results[self._turn], strict=True):
            np.copyto(new, old)
        self._restart(self._addresses[self._turn])

    def step(self, actions: Any) -> None:
        """Step every copy.

        Parameters
        ----------
        actions : ndarray, shape (n,) for Discrete, else (n, k)
            Whole numbers for Discrete and MultiDiscrete. Those of copies that only begin anew are ignored.

        Raises
        ------
        ActionError
            If an action is not in the space; nothing has happened then.
        ResetNeeded
            If an episode has not begun, or is over and autoreset is DISABLED; nothing has happened then.
        """
        self.load(actions)
        self.advance()

    def load(self, actions: Any) -> None:
        """Write actions into `actions` for `advance`; their shape and type are checked here, their values there."""
        if not isinstance(actions, np.ndarray):
            actions = np.asarray(actions)
        if actions.shape != self._loaded.shape:
            raise ActionError(
                f"{self.name}: the actions of {self.n} copies have the shape {self._loaded.shape}, found {actions.shape}"
            )
        if actions.dtype.kind not in self._kinds:
            needed = "numbers" if "f" in self._kinds else "whole numbers"
            raise ActionError(f"{self.name}: actions are {needed}, found dtype {actions.dtype}")
        np.copyto(self._loaded, actions)

    def advance(self) -> None:
        """Step every copy with what `load`, or a face, wrote into `actions`."""
        turn = 1 - self._turn
        ends = self._run(self._addresses[turn])
        if ends < 0:
            raise self._refusal(ends)
        self.ends = ends
        self._turn = turn
        self.observation, self.reward, self.terminated, self.truncated, self.final_observation = self._results[turn]

    def get_state(self) -> dict[str, Array]:
        """Return copies of everything needed to go on bit for bit, in this process or another."""
        state = {name: getattr(self, name).copy() for name in _STATE}
        return state | {name: getattr(self, name).copy() for name in RESULT_NAMES}

    def set_state(self, state: Mapping[str, Array]) -> None:
        """Go on from a state that `get_state` of the same environment returned, with as many copies."""
        for name in (*_STATE, *RESULT_NAMES):
            mine = getattr(self, name)
            if name not in state:
                raise SettingsError(f"{self.name}: the state has no {name!r}; it is of another version or environment")
            if state[name].shape != mine.shape or state[name].dtype != mine.dtype:
                raise SettingsError(
                    f"{self.name}: {name!r} of the state must be {mine.dtype} {mine.shape}, "
                    f"found {state[name].dtype} {state[name].shape}; the settings and the number of copies must agree"
                )
        for name in (*_STATE, *RESULT_NAMES):
            np.copyto(getattr(self, name), state[name])

    def spec(self) -> dict[str, Any]:
        """Return what defines the environment, ready for JSON: its id and settings."""
        return {"id": f"backtester/{self.name}-v{self.version}", "settings": copy.deepcopy(self.settings)}

    # sentences

    def _chosen(self, mask: Array | None) -> Array:
        if mask is None:
            return np.ones(self.n, np.bool_)
        if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_ or mask.shape != (self.n,):
            found = f"{mask.dtype} {mask.shape}" if isinstance(mask, np.ndarray) else type(mask).__name__
            raise SettingsError(f"{self.name}: a mask of copies is a bool array of shape ({self.n},), found {found}")
        return mask

    def _refusal(self, code: int) -> Exception:
        i = -1 - code
        if i < self.n:
            return ActionError(f"{self.name}: {self._bad_action(i)}; nothing was stepped")
        i -= self.n
        if self.phase[i] == NEVER_BEGUN:
            return ResetNeeded(f"{self.name}: copy {i} has not begun an episode; call reset first")
        return ResetNeeded(
            f"{self.name}: the episode of copy {i} is over, and autoreset is off; reset it first "
            "(a vector environment: reset(options={'reset_mask': ended}))"
        )

    def _bad_action(self, i: int) -> str:
        lowest, highest = _bounds(self.action_space)
        row = self.actions[i]
        j = int(np.argmin((row >= lowest) & (row <= highest)))
        where = f"copy {i}" + (f", component {j} of {row.size}" if row.size > 1 else "")
        if isinstance(self.action_space, spaces.Box):
            return f"{where}: the action {row[j]} is not a number in [{lowest[j]:g}, {highest[j]:g}]"
        return f"{where}: the action {row[j]:g} is not a whole number from {lowest[j]:g} to {highest[j]:g}"


_EPISODE = ("episode_return", "episode_length", "final_return", "final_length")
_STATE = ("random", "state", "phase", "limit", *_EPISODE, "_seeded", "_fresh")


def _is_whole(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _results(n: int, width: int) -> tuple[Array, ...]:
    """Return a set of results, in the order of `RESULT_NAMES`."""
    flags = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
    return np.zeros((n, width), np.float32), np.zeros(n), *flags, np.zeros((n, width), np.float32)


def _bounds(space: ActionSpace) -> tuple[Array, Array]:
    """Return the lowest and the highest value of each number of an action, float64 [k]."""
    if isinstance(space, spaces.Discrete):
        start = float(space.start)
        return np.array([start]), np.array([start + float(space.n) - 1.0])
    if isinstance(space, spaces.MultiDiscrete):
        start = np.asarray(space.start, np.float64).reshape(-1)
        return start, start + np.asarray(space.nvec, np.float64).reshape(-1) - 1.0
    return space.low.astype(np.float64).reshape(-1), space.high.astype(np.float64).reshape(-1)
