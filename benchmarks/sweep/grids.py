"""The sets of parameters, in numpy alone, so that every engine meets the same."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

BARS = 10_000
GRIDS: dict[str, dict[str, Sequence[float]]] = {
    "S1": {"fast": range(5, 45), "slow": range(50, 300, 10)},
    "S2": {"fast": range(2, 202), "slow": range(205, 705)},
    "S3": {
        "fast": range(5, 25, 2),
        "slow": range(30, 130, 10),
        "stop_loss": [0.002 * step for step in range(1, 11)],
    },
}
WORDS = {
    "S1": "1,000 SMA pairs × 10,000 bars, metrics table",
    "S2": "100,000 SMA pairs × 10,000 bars, metrics in the store",
    "S3": "1,000 SMA crosses with a stop loss and a take profit × 10,000 bars, metrics table",
}


def grid(workload: str, quick: bool) -> dict[str, Sequence[float]]:
    """The dimensions of a workload; with `quick` a tenth of the first."""
    dimensions = dict(GRIDS[workload])
    if quick:
        dimensions["fast"] = dimensions["fast"][: len(dimensions["fast"]) // 10]
    return dimensions


def points(dimensions: dict[str, Sequence[float]]) -> np.ndarray:
    """Every point of a grid, float64 [n, d], the last dimension fastest."""
    return np.array(list(itertools.product(*dimensions.values())), np.float64)
