"""Rates: how many steps a second, measured over calls that are long enough to be timed; standard library alone."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping

Steps = Callable[[int], None]
"""Takes so many steps."""

_FIRST = 4
_ENOUGH = 0.02  # seconds from which a rate is taken for its order of magnitude


def _seconds(take: Steps, steps: int) -> float:
    started = time.perf_counter()
    take(steps)
    return time.perf_counter() - started


def enough_steps(take: Steps, seconds: float) -> int:
    """How many steps take about so many seconds; the first ones, which may compile, do not count."""
    take(_FIRST)
    steps = 1
    while (spent := _seconds(take, steps)) < _ENOUGH:
        steps *= 4
    return max(1, int(steps * seconds / spent))


def rates(ways: Mapping[str, Steps], envs_per_step: int, seconds: float, runs: int) -> dict[str, list[float]]:
    """Steps of a single environment a second, `runs` times for each way; the ways take turns.

    Parameters
    ----------
    ways : mapping of str to callable
        What takes so many (vector) steps.
    envs_per_step : int
        Environments that one step moves.
    seconds : float
        About how long one measurement is.
    """
    counts = {name: enough_steps(take, seconds) for name, take in ways.items()}
    found: dict[str, list[float]] = {name: [] for name in ways}
    gc.collect()
    for _ in range(runs):
        for name, take in ways.items():
            found[name].append(counts[name] * envs_per_step / _seconds(take, counts[name]))
    return found
