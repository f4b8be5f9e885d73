"""Plays an episode of any environment with given actions, and notes what it shows; compares two, bit for bit."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces


@dataclass
class Episode:
    """What was seen of an episode: entry j is after j steps."""

    space: spaces.Space
    observations: list[np.ndarray] = field(default_factory=list)
    rewards: list[float] = field(default_factory=lambda: [0.0])
    ends: list[tuple[bool, bool]] = field(default_factory=lambda: [(False, False)])
    equity: list[float] = field(default_factory=list)
    bars: list[int] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)  # of spaces and types
    kept: list[Any] = field(default_factory=list)  # observations as they were returned

    def same_until(self, other: Episode, j: int) -> str:
        """Return what differs first in the entries up to j, or ""."""
        for k in range(j + 1):
            if k >= len(other.observations):
                return f"the other episode is over after {len(other.observations) - 1} steps"
            if self.observations[k].tobytes() != other.observations[k].tobytes():
                at = int(np.argmax(self.observations[k] != other.observations[k]))
                old, new = self.observations[k][at], other.observations[k][at]
                return f"observation[{at}] after {k} steps is {new!r} instead of {old!r}"
            if self.rewards[k] != other.rewards[k]:
                return f"the reward of step {k} is {other.rewards[k]!r} instead of {self.rewards[k]!r}"
            if self.ends[k] != other.ends[k]:
                return f"(terminated, truncated) of step {k} is {other.ends[k]} instead of {self.ends[k]}"
        return ""

    def written_later(self) -> int | None:
        """Return after how many steps an observation was returned that a later step wrote to, or None."""
        for k, (kept, noted) in enumerate(zip(self.kept, self.observations, strict=True)):
            if flat(self.space, kept).tobytes() != noted.tobytes():
                return k
        return None

    def note(self, observation: Any, info: dict[str, Any]) -> None:
        """Note what a reset or a step returned."""
        dtype = getattr(observation, "dtype", None)
        if isinstance(self.space, spaces.Box) and dtype != self.space.dtype:
            self.faults.append(f"an observation is {dtype or type(observation).__name__}, the space {self.space.dtype}")
        elif observation not in self.space:
            self.faults.append(f"the observation after {len(self.observations)} steps is not in {self.space}")
        self.kept.append(observation)
        self.observations.append(flat(self.space, observation))
        self.equity.append(float(info["equity"]) if "equity" in info else math.nan)


def flat(space: spaces.Space, observation: Any) -> np.ndarray:
    """Return a copy of an observation as one row of numbers."""
    return np.array(spaces.flatten(space, observation))


def play(
    env: gymnasium.Env, seed: int, actions: Sequence[Any], bar: Callable[[gymnasium.Env, dict[str, Any]], int] | None
) -> Episode:
    """Play an episode from a seed, until the actions are used up or it ends; `bar` says which row was seen last."""
    seen = Episode(env.observation_space)
    observation, info = env.reset(seed=seed)
    seen.note(observation, info)
    if bar is not None:
        seen.bars.append(bar(env, info))
    for action in actions:
        observation, reward, terminated, truncated, info = env.step(action)
        if not isinstance(reward, (int, float, np.floating, np.integer)):
            seen.faults.append(f"a reward is a {type(reward).__name__}, not a number")
        if not all(isinstance(flag, (bool, np.bool_)) for flag in (terminated, truncated)):
            seen.faults.append(f"terminated and truncated are {terminated!r} and {truncated!r}, not bools")
        seen.rewards.append(float(reward))
        seen.ends.append((bool(terminated), bool(truncated)))
        seen.note(observation, info)
        if bar is not None:
            seen.bars.append(bar(env, info))
        if terminated or truncated:
            break
    return seen
