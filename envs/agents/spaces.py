"""Observation and action spaces as JSON, and the checks of what goes in and comes out of a policy."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete, MultiDiscrete, Space

from envs.errors import BundleError, TrainingError


def describe(space: Space) -> dict[str, Any]:
    """Return a space as JSON can hold it; bounds that are equal are given once, infinite ones as text.

    Raises
    ------
    TrainingError
        If it is not a flat `Box`, a `Discrete` or a `MultiDiscrete`.
    """
    if isinstance(space, Discrete):
        return {"type": "Discrete", "n": int(space.n), "start": int(space.start)}
    if isinstance(space, MultiDiscrete) and space.nvec.ndim == 1:
        return {"type": "MultiDiscrete", "nvec": [int(n) for n in space.nvec]}
    if isinstance(space, Box) and len(space.shape) == 1:
        low, high = (_packed(bounds) for bounds in (space.low, space.high))
        return {"type": "Box", "size": int(space.shape[0]), "low": low, "high": high}
    raise TrainingError(
        f"the space {space} cannot be used: agents see a flat Box, and act in a Discrete, a MultiDiscrete or a flat "
        "Box. Wrap the environment with gymnasium.wrappers.FlattenObservation"
    )


def rebuild(found: dict[str, Any]) -> Space:
    """Return the space that `describe` described; boxes are float32.

    Raises
    ------
    BundleError
        If the description is not one.
    """
    try:
        kind = found["type"]
        if kind == "Discrete":
            return Discrete(found["n"], start=found["start"])
        if kind == "MultiDiscrete":
            return MultiDiscrete(found["nvec"])
        if kind == "Box":
            low, high = (_unpacked(found[name], found["size"]) for name in ("low", "high"))
            return Box(low, high, dtype=np.float32)
    except (KeyError, TypeError, ValueError, AssertionError) as error:
        raise BundleError(f"a space is described as {found!r}, which is none ({error})") from None
    raise BundleError(f"a space is of type {kind!r}; known are Box, Discrete and MultiDiscrete")


def checked_observations(observation: Any, size: int) -> tuple[np.ndarray, bool]:
    """Return observations as float32 [n, size], and whether there was only one.

    Raises
    ------
    ValueError
        If the shape is neither [size] nor [n, size], or a number is NaN or infinite.
    """
    array = np.asarray(observation)
    if array.dtype.kind not in "fiub":
        raise ValueError(f"an observation is an array of numbers; this one has dtype {array.dtype}")
    if array.ndim not in (1, 2) or array.shape[-1] != size:
        raise ValueError(
            f"an observation of shape {array.shape} does not fit: the policy was trained on {size} numbers, so it "
            f"takes [{size}] or [n, {size}]; see that environment, features and window are those of the training"
        )
    with np.errstate(over="ignore"):  # what is beyond float32 becomes infinite, and is refused below
        rows = np.ascontiguousarray(array.reshape(-1, size), np.float32)
    if not np.isfinite(rows).all():
        row, column = (int(k) for k in np.argwhere(~np.isfinite(rows))[0])
        raise ValueError(
            f"observation {row} has {rows[row, column]} at position {column}; every number must be finite. Start after "
            "the warm-up of the features"
        )
    return rows, array.ndim == 1


def _packed(bounds: np.ndarray) -> Any:
    values = [float(value) if np.isfinite(value) else str(value) for value in bounds]
    return values[0] if len(set(values)) == 1 else values


def _unpacked(bounds: Any, size: int) -> np.ndarray:
    return np.broadcast_to(np.asarray(bounds if isinstance(bounds, list) else [bounds], np.float32), (size,)).copy()
