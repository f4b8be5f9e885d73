"""Learning curves, from the log that a training wrote."""

from __future__ import annotations

import csv
import math
from pathlib import Path

POINTS = 200
_STEPS = ("steps", "time/total_timesteps", "total_timesteps")
_REWARDS = ("reward", "episode_return", "rollout/ep_rew_mean", "ep_rew_mean")


def read_curve(folder: Path) -> list[list[float]]:
    """Return steps and mean episode return of a training, as far as it logged them.

    Parameters
    ----------
    folder : Path
        What was `log_dir` of the training: the first CSV file with both columns counts.

    Returns
    -------
    list of [steps, return]
        At most 200, evenly spaced; empty where nothing was logged.
    """
    for file in sorted(folder.rglob("*.csv")):
        with file.open(newline="", encoding="utf-8") as lines:
            rows = list(csv.DictReader(lines))
        names = rows[0].keys() if rows else ()
        steps = next((name for name in _STEPS if name in names), None)
        reward = next((name for name in _REWARDS if name in names), None)
        if steps is None or reward is None:
            continue
        points = [(_number(row[steps]), _number(row[reward])) for row in rows]
        return thinned([[a, b] for a, b in points if math.isfinite(a) and math.isfinite(b)])
    return []


def _number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return math.nan


def thinned(points: list[list[float]], most: int = POINTS) -> list[list[float]]:
    """Return points evenly spaced by number, the first and the last among them."""
    if len(points) <= most:
        return points
    step = (len(points) - 1) / (most - 1)
    return [points[round(i * step)] for i in range(most)]
