"""Environments under the look-ahead check: what an agent sees and earns, with the same actions in other worlds."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.errors import SettingsError
from backtester.research.lookahead.futures import standing_still
from backtester.research.lookahead.subject import Made
from backtester.research.lookahead.tracks import Track

if TYPE_CHECKING:
    from backtester.bars import Bars
    from backtester.research.lookahead.subject import Trace

TOLERANCE = 1e-9
_STILLS = 12  # bars after which prices stand still, to see what an action earns there

BarOf = Callable[[Any, dict[str, Any]], int]


class EnvironmentSubject:
    """An environment, made anew on other bars, in which the same actions are played.

    Parameters
    ----------
    make : callable
        `make(bars)` returns it.
    title : str
    bar : callable or None
        `bar(env, info)`: the row of the bars that the agent has seen last. None: `info["bar"]`, or what a core says.
    seed : int
        Of the episode, and of the actions.
    steps : int
        The most that are played.
    notes : list of str, optional
        What cannot be tried of it.
    keeps_scaler : bool
        Whether `make` gives the scaler of the environment as it is to every other, so that comparing it says nothing.
    """

    sort = "environment"
    remedy = "draw from self.np_random, which reset(seed=…) seeds"

    def __init__(
        self,
        make: Callable[[Any], Any],
        title: str,
        bar: BarOf | None,
        seed: int,
        steps: int,
        notes: list[str] | None = None,
        keeps_scaler: bool = False,
    ):
        self.make = make
        self.title = title
        self.bar = bar or _bar_of
        self.seed = seed
        self.steps = steps
        self.actions: list[Any] = []
        self.start: int | None = None
        self._notes = list(notes or [])
        self._keeps_scaler = keeps_scaler

    def trace(self, bars: Bars, world: str, row: int) -> Made:
        """Return an episode; in other worlds up to the bar at which they part."""
        env = self.make(bars)
        try:
            made = self._played(env, row if world in ("raised", "lowered", "deleted") else None, world)
            sources = _sources(env, bars, made.begins, self._keeps_scaler)
        finally:
            close(env)
        if sources:
            made.tracks["observation"] = replace(made.tracks["observation"], follows=True)
        return Made({**sources, **made.tracks}, begins=made.begins)

    def _played(self, env: Any, stop: int | None, world: str) -> Made:
        if not self.actions:
            space = copy.deepcopy(env.action_space)
            space.seed(self.seed)
            self.actions = [space.sample() for _ in range(self.steps)]
        seen = _Seen(env, self.bar)
        observation, info = self._reset(env)
        seen.note(observation, 0.0, info)
        if self.start is None:
            self.start = seen.bars[0]
        if seen.bars[0] != self.start:
            raise SettingsError(
                f"the episode begins at bar {seen.bars[0]}, and at {self.start} with all bars: an episode that begins "
                "at random cannot be compared where bars are deleted"
            )
        for action in self.actions:
            if stop is not None and seen.bars[-1] >= stop:
                break
            observation, reward, terminated, truncated, info = env.step(action)
            seen.note(observation, float(reward), info, bool(terminated))
            if terminated or truncated:
                break
        return seen.made()

    def _reset(self, env: Any) -> tuple[Any, dict[str, Any]]:
        found = env.reset(seed=self.seed)
        if not (isinstance(found, tuple) and len(found) == 2):
            raise SettingsError(f"check_lookahead: reset of {self.title} returned no (observation, info) of gymnasium")
        return found

    def decided(self, trace: Any) -> list[int]:
        """Return nothing: an agent acts at every bar."""
        return []

    def notes(self) -> list[str]:
        """Return what could not be tried."""
        return self._notes

    def paid_for_the_past(self, first: Trace, bars: Bars) -> tuple[int, float] | None:
        """Return a bar after which prices stand still, and what its action earned all the same; None if none did.

        What an action earns where no price moves after it, it earned from prices that the agent had seen. It is read
        from `info["equity"]`; where that is missing, nothing is tried, and noted.
        """
        if "equity" not in first.tracks:
            self._notes.append("info has no equity: whether an action is paid for what it has seen was not tried")
            return None
        seen = first.tracks["observation"].known
        assert seen is not None
        steps = [j for j in range(len(seen) - 1) if seen[j + 1] > seen[j]]
        chosen = sorted({int(x) for x in np.linspace(0, len(steps) - 1, _STILLS)}) if steps else []
        for j in (steps[k] for k in chosen):
            row = int(seen[j])
            env = self.make(standing_still(bars, row))
            try:
                earned = self._earned(env, j)
            finally:
                close(env)
            if earned > TOLERANCE:
                return row, earned
        return None

    def _earned(self, env: Any, steps: int) -> float:
        """Return by what fraction equity grew in one step after `steps` others."""
        _, info = self._reset(env)
        before = float(info["equity"])
        for action in self.actions[: steps + 1]:
            before = float(info["equity"])
            _, _, terminated, truncated, info = env.step(action)
            if terminated or truncated:
                break
        after = float(info["equity"])
        return after / before - 1.0 if before > 0.0 else 0.0


class _Seen:
    """What an episode showed, step by step."""

    def __init__(self, env: Any, bar: BarOf):
        self.env = env
        self.bar = bar
        self.bars: list[int] = []
        self.observations: list[np.ndarray] = []
        self.rewards: list[float] = []
        self.ended: list[bool] = []
        self.equity: list[float] = []
        self.masks: list[np.ndarray] = []

    def note(self, observation: Any, reward: float, info: dict[str, Any], ended: bool = False) -> None:
        """Note what reset or step returned."""
        self.bars.append(int(self.bar(self.env, info)))
        self.observations.append(_flat(self.env.observation_space, observation))
        self.rewards.append(reward)
        self.ended.append(ended)
        if "equity" in info:
            self.equity.append(float(info["equity"]))
        masks = _masks(self.env)
        if masks is not None:
            self.masks.append(np.array(masks, np.int64).reshape(-1))

    def made(self) -> Made:
        """Return the tracks."""
        known = np.array(self.bars, np.int64)
        columns: dict[str, Any] = {"observation": np.stack(self.observations)}
        if len(self.masks) == len(known):
            columns["action mask"] = np.stack(self.masks)
        columns["reward"] = np.array(self.rewards)
        columns["terminated"] = np.array(self.ended, np.int64)
        if len(self.equity) == len(known):
            columns["equity"] = np.array(self.equity)
        follows = ("terminated", "equity")
        tracks = {
            name: Track(name, values, known, follows=name in follows, rounding=1e-6 if name == "observation" else 1e-9)
            for name, values in columns.items()
        }
        return Made(tracks, begins=int(known[0]))


def _sources(env: Any, bars: Bars, begins: int, keeps_scaler: bool) -> dict[str, Track]:
    """Return what the observations of a market of ours are made of: each feature, unscaled, and the scaler.

    Rows of features that no window shows are NaN. A scaler is known at the first bar that is seen.
    """
    core = getattr(getattr(env, "unwrapped", env), "core", None)
    observer = getattr(core, "observer", None)
    if core is None or observer is None or core.bars.n_bars != bars.n_bars:
        return {}
    panel = np.array(observer.features.compute(core.bars), np.float64)
    panel[: max(0, begins - core.trading.window + 1)] = np.nan
    tracks = {}
    for j, column in enumerate(observer.features.names):
        tracks[f"feature {column}"] = Track(f"feature {column}", np.ascontiguousarray(panel[:, :, j]), asset="axis")
    if observer.scaler is not None and not keeps_scaler:
        at = np.array([begins], np.int64)
        for part in ("centre", "scale"):
            name = f"scaler.{part}"
            tracks[name] = Track(name, np.array(getattr(observer.scaler, part))[np.newaxis], at)
    return tracks


def close(env: Any) -> None:
    """Close an environment that can be closed."""
    if callable(getattr(env, "close", None)):
        env.close()


def _bar_of(env: Any, info: dict[str, Any]) -> int:
    if "bar" in info:
        return int(info["bar"])
    core = getattr(getattr(env, "unwrapped", env), "core", None)
    if core is not None and hasattr(core, "bar"):
        return int(core.bar()[0])
    raise SettingsError(
        "check_lookahead: which row of the bars has the agent seen last? Give bar=lambda env, info: …, or info['bar']"
    )


def _masks(env: Any) -> Any:
    bare = getattr(env, "unwrapped", env)
    found = getattr(bare, "action_masks", None)
    try:
        return found() if callable(found) else None
    except AttributeError:
        return None  # one of ours, of which every action is always possible


def _flat(space: Any, observation: Any) -> np.ndarray:
    """Return a copy of an observation as one row of numbers."""
    if isinstance(observation, np.ndarray | float | int | list):
        return np.array(observation, np.float64).reshape(-1)
    from gymnasium import spaces

    return np.array(spaces.flatten(space, observation), np.float64).reshape(-1)


class TaskSubject(EnvironmentSubject):
    """An environment that makes its own market from the seed: there are no bars to replace, so it is played twice."""

    def __init__(self, env: Any, title: str, seed: int, steps: int):
        super().__init__(lambda bars: env, title, None, seed, steps)
        self.env = env
        self._notes = ["it draws its market from the seed: there are no bars to replace, and only randomness was tried"]

    def trace(self, bars: Any, world: str, row: int) -> Made:
        """Return an episode; its steps are its bars."""
        steps = iter(range(self.steps + 2))
        self.bar = lambda env, info: next(steps)
        return self._played(self.env, None, "kept")
