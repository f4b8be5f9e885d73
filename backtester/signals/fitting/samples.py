"""Samples: the bars and assets that a model learns from or speaks about, and the arrays it gets for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_BLOCK = 64  # rows of the panel that are looked at together


@dataclass(frozen=True, eq=False)
class Samples:
    """What each row of a model's X is; a model that declares `takes_samples = True` is given it with X and y.

    Attributes
    ----------
    row : ndarray of int64, [n]
        The bar, as a row of the bars the model is fitted on; increasing.
    asset : ndarray of int64, [n]
        The asset, as a column of the bars.
    end : ndarray of int64, [n]
        The last bar that the label of the sample reads.
    forward : ndarray of float64, [n]
        What the label says, as a number: of a label of returns the return itself.
    """

    row: Ints
    asset: Ints
    end: Ints
    forward: Floats

    def __len__(self) -> int:
        return len(self.row)

    def part(self, chosen: Bools | Ints | slice) -> Samples:
        """Return the samples that a mask, positions or a slice picks."""
        return Samples(self.row[chosen], self.asset[chosen], self.end[chosen], self.forward[chosen])

    def before(self, share: float) -> tuple[Bools, Bools]:
        """Split the samples in time: which come first and which last, with nothing known in both.

        Parameters
        ----------
        share : float
            Of the bars, for the first part; between 0 and 1.

        Returns
        -------
        first, last : ndarray of bool, [n]
            Samples whose labels end before the border, and samples from the border on. What reaches over it is in
            neither.
        """
        low, high = int(self.row.min()), int(self.row.max()) + 1
        border = low + round(share * (high - low))
        return self.end < border, self.row >= border


def whole(panel: npt.NDArray[Any], lookback: int) -> Bools:
    """Return where every feature is finite, at the bar and the `lookback` − 1 bars before: bool [n_bars, n_assets]."""
    finite = np.empty(panel.shape[:2], np.bool_)
    for begin in range(0, len(panel), _BLOCK):
        finite[begin : begin + _BLOCK] = np.isfinite(panel[begin : begin + _BLOCK]).all(axis=2)
    if lookback > 1:
        found = finite.copy()
        found[: lookback - 1] = False
        for k in range(1, min(lookback, len(panel))):
            found[k:] &= finite[:-k]
        return found
    return finite


def windows(panel: npt.NDArray[Any], row: Ints, asset: Ints, lookback: int) -> npt.NDArray[Any]:
    """Return what a model sees of each sample.

    Parameters
    ----------
    panel : ndarray, [n_bars, n_assets, n_features]
    row, asset : ndarray of int64, [n]
    lookback : int
        0 or 1 for models that see one bar.

    Returns
    -------
    ndarray
        [n, n_features], or [n, lookback, n_features] with the oldest bar first where `lookback` is 2 or more.
    """
    if lookback < 2:
        return panel[row, asset]
    return panel[row[:, np.newaxis] + np.arange(1 - lookback, 1), asset[:, np.newaxis]]
