"""How a panel is filled: elements one after the other or on several threads, columns written some at a time.

Features of this package release the interpreter's lock in their loops and are computed on threads; what others wrote is
computed by the calling thread alone, in the order of the list. Each column is a function of the bars, so the panel is
the same to the bit whoever computes what.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from backtester.indicators import IndicatorMemory, remembered
from backtester.signals.features.checks import check_finite, columns_of, hold
from backtester.signals.features.element import Feature, View

Floats = npt.NDArray[np.float64]

_TOGETHER = 8  # columns that are put into the panel at a time: one cache line
_AT_ONCE = 1 << 15  # values of a column that are put there before the next column's: their cache lines stay at hand
_WORTH_A_THREAD = 1 << 16  # values of a column; below it threads cost more than they bring
_LEAST_MEMORY = 16 << 20  # bytes of intermediate results that may always be kept
_SHARE_OF_PANEL = 8  # what may be kept beyond is the panel's size over this


def fill(panel: Floats, elements: Sequence[Feature], view: View, limit: int | None, workers: int | None) -> None:
    """Compute all elements into `panel`, [n_bars, n_assets, n_features], in place.

    Parameters
    ----------
    panel : ndarray of float64
        Not initialised.
    elements : sequence of Feature
        In the order of the panel's columns.
    view : View
        Of the bars.
    limit : int or None
        `Features.hold`.
    workers : int or None
        Threads at most; None is one for each processor.

    Raises
    ------
    FeatureError
        That of the first element in order which fails.
    """
    job = _Job(panel, elements, view, limit)
    values = panel.shape[0] * panel.shape[1]
    most = (_processors() if workers is None else workers) if values >= _WORTH_A_THREAD else 1
    helpers = min(most, job.n_concurrent) - 1
    if helpers > 0:
        with ThreadPoolExecutor(helpers) as pool:
            running = [pool.submit(job.help) for _ in range(helpers)]
            job.lead()
            for one in running:
                one.result()
    else:
        job.lead()
    job.finish()


def _processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Job:
    """The elements that are still to be computed, and the columns that wait to be written."""

    def __init__(self, panel: Floats, elements: Sequence[Feature], view: View, limit: int | None):
        self.panel = panel
        self.view = view
        self.limit = limit
        firsts = np.cumsum([0, *(len(one.columns) for one in elements)])
        numbered = list(zip(range(len(elements)), firsts[:-1].tolist(), elements, strict=True))
        self.ours = [one for one in numbered if one[2].concurrent][::-1]
        self.theirs = [one for one in numbered if not one[2].concurrent]
        self.n_concurrent = len(self.ours)
        self.memory = IndicatorMemory(max(_LEAST_MEMORY, panel.nbytes // _SHARE_OF_PANEL))
        self.lock = threading.Lock()
        self.waiting: dict[int, dict[int, Floats]] = {}  # by group of columns
        self.failed: tuple[int, BaseException] | None = None

    def lead(self) -> None:
        """Compute what only the calling thread may, in order, and then what anybody may."""
        with remembered(self.memory):
            for number, first, element in self.theirs:
                self._one(number, first, element)
        self.help()

    def help(self) -> None:
        """Compute elements that nobody has begun, until there are none."""
        with remembered(self.memory):
            while True:
                with self.lock:
                    if not self.ours:
                        return
                    number, first, element = self.ours.pop()
                self._one(number, first, element)

    def finish(self) -> None:
        """Raise what went wrong first in the order of the list."""
        self.memory.clear()
        if self.failed is not None:
            raise self.failed[1]

    def _one(self, number: int, first: int, element: Feature) -> None:
        """Compute one element, unless one before it has failed: then the panel is not wanted any more."""
        if self.failed is not None and self.failed[0] < number:
            return
        try:
            for j, (name, values) in enumerate(
                zip(element.columns, columns_of(element, self.view), strict=True), first
            ):
                if self.limit != 0:
                    values = hold(values, self.limit)
                check_finite(name, values, self.view.bars)
                self._put(j, values)
        except BaseException as error:
            with self.lock:
                if self.failed is None or number < self.failed[0]:
                    self.failed = number, error

    def _put(self, j: int, values: Floats) -> None:
        """Let a column wait for its neighbours, and write them once they are all there."""
        group = j // _TOGETHER
        begin = group * _TOGETHER
        size = min(_TOGETHER, self.panel.shape[2] - begin)
        with self.lock:
            columns = self.waiting.setdefault(group, {})
            columns[j - begin] = values
            if len(columns) < size:
                return
            del self.waiting[group]
        put(self.panel[:, :, begin : begin + size], [columns[k] for k in range(size)])


def put(part: Floats, columns: Sequence[Floats]) -> None:
    """Write columns [n_bars, n_assets] side by side into a part of a panel, a few rows of all of them at a time."""
    step = max(1, _AT_ONCE // max(1, part.shape[1]))
    for start in range(0, part.shape[0], step):
        rows = slice(start, start + step)
        for k, column in enumerate(columns):
            part[rows, :, k] = column[rows]
