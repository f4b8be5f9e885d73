"""Returns of a trial in at most 256 numbers, so that trials over different dates and bars can be compared.

A sketch holds log returns over the cells of a grid in time that all trials share: cells are 1 h · 2^k wide and begin
with 1970, so that a coarse cell is made of whole finer ones. k is the smallest with which the period has no more cells.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np

from backtester.kernel.jit import inner_jit, kernel_jit
from backtester.metrics._scan import readonly

MOST_CELLS = 256
_HOUR = 3600 * 10**9
_HEAD = struct.Struct("<hq")  # k, number of the first cell
_LEAST = 1e-9  # of the wealth at the start; below is ruin


class Sketcher:
    """Draws sketches of wealth over one clock.

    Parameters
    ----------
    timestamps : int64 [n_bars]
        Closes in ns UTC, increasing.

    Attributes
    ----------
    last : int64 [n_cells]
        The bar at the end of each cell.
    """

    def __init__(self, timestamps: np.ndarray):
        first, last = int(timestamps[0]), int(timestamps[-1])
        k = 0
        while (last // (_HOUR << k)) - (first // (_HOUR << k)) >= MOST_CELLS:
            k += 1
        start, end = first // (_HOUR << k), last // (_HOUR << k)
        ends = np.arange(start + 1, end + 2, dtype=np.int64) * (_HOUR << k)
        # bar at the end of each cell; that of the one before if empty
        self.last = np.searchsorted(timestamps, ends) - 1
        self._head = _HEAD.pack(k, start)

    def sketch(self, wealth: np.ndarray) -> bytes:
        """Return the sketch of a curve of wealth, money, float64 [n_bars]."""
        if not wealth[0] > 0.0:
            return b""
        cells = np.empty(len(self.last), np.float32)
        _draw(readonly(wealth), self.last, cells)
        return self.packed(cells)

    def packed(self, cells: np.ndarray) -> bytes:
        """Return the sketch that has these log returns, float32, as `draw` writes them."""
        return self._head + cells.astype("<f4", copy=False).tobytes()


@inner_jit
def draw(wealth, last, cells):
    """Write the log returns of the cells; `last` is the bar at the end of each."""
    before = 0.0
    for k in range(len(cells)):
        relative = wealth[last[k]] / wealth[0]
        log = np.log(relative if relative >= _LEAST else _LEAST)  # ruin, or NaN
        cells[k] = log - before
        before = log


@kernel_jit(nogil=False)  # it is over before another thread would have woken
def _draw(wealth, last, cells):
    draw(wealth, last, cells)


def side_by_side(sketches: Sequence[bytes]) -> np.ndarray:
    """Return log returns of trials in cells that all share, float64 [n_cells, n_trials].

    The cells are those of the coarsest sketch, from the first trial's first to the last one's last. Where a trial has
    no bars it has its own mean, which correlates with nothing.
    """
    told = [(*_HEAD.unpack_from(one), np.frombuffer(one, "<f4", offset=_HEAD.size)) for one in sketches]
    k = max(one[0] for one in told)
    coarse = [_coarsened(start, values, k - own) for own, start, values in told]
    first = min(start for start, _ in coarse)
    last = max(start + len(values) for start, values in coarse)
    found = np.empty((last - first, len(coarse)))
    for column, (start, values) in enumerate(coarse):
        found[:, column] = values.mean()
        found[start - first : start - first + len(values), column] = values
    return found


def _coarsened(start: int, values: np.ndarray, steps: int) -> tuple[int, np.ndarray]:
    """Return the first cell and the values in cells 2^steps times as wide."""
    cells = (start + np.arange(len(values))) >> steps
    first = int(cells[0])
    return first, np.bincount(cells - first, weights=values.astype(np.float64))
