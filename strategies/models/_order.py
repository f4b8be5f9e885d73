"""Where samples lie in time: for models that hold out a later slice of them, or learn from what follows what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from backtester.errors import ModelError

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Order:
    """Row, asset and end of the label of each sample, int64 [n]."""

    row: Ints
    asset: Ints
    end: Ints

    @classmethod
    def read(cls, model: Any, samples: Any, n: int) -> Order:
        """Return what `samples` say; without them n consecutive bars of one asset, labels ending a bar later.

        Raises
        ------
        ModelError
            If one of the arrays has another length.
        """
        if samples is None:
            row = np.arange(n)
            return cls(row, np.zeros(n, np.int64), row + 1)
        found = {name: np.asarray(getattr(samples, name), dtype=np.int64) for name in ("row", "asset", "end")}
        for name, values in found.items():
            if values.shape != (n,):
                raise ModelError(
                    f"{type(model).__name__}.fit: samples.{name} must have one entry for each of the {n} samples; "
                    f"found {list(values.shape)}"
                )
        return cls(**found)


def later_slice(model: Any, order: Order, fraction: float) -> tuple[Ints, Ints]:
    """Return the samples to learn from and those that judge, which are the last in time; purged between the two.

    The last `fraction` of the samples, to whole bars, judge. Of those before, a sample whose label reads a bar at which
    a judging one stands is in neither part.

    Parameters
    ----------
    model : object
        Named in errors.
    order : Order
        Of the samples.
    fraction : float
        At least 0 and below 1; 0 holds out nothing.

    Returns
    -------
    learning, judging : ndarray of int64
        Numbers of samples, increasing.

    Raises
    ------
    ModelError
        If the fraction is out of range, or a part is empty.
    """
    name, n = type(model).__name__, len(order.row)
    if not 0.0 <= fraction < 1.0:
        raise ModelError(f"{name}: validation is {fraction!r}; it must be at least 0 and below 1")
    if fraction == 0.0:
        return np.arange(n), np.arange(0)
    first = np.sort(order.row)[min(int(n * (1.0 - fraction)), n - 1)]
    learning = np.flatnonzero((order.row < first) & (order.end < first))
    judging = np.flatnonzero(order.row >= first)
    if len(learning) < 2 or len(judging) < 1:
        raise ModelError(
            f"{name}.fit: of {n} samples {len(learning)} are left to learn from when the last {fraction:.0%} judge and "
            "labels that reach into them are left out; give more samples, or validation=0"
        )
    return learning, judging
