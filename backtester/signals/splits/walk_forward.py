"""`WalkForward`: train on a window of the past, test on what comes next, move on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from backtester.errors import SplitError
from backtester.signals.splits.purging import Ints, Mask, past_mask, read_rows
from backtester.signals.splits.scheme import Scheme


@dataclass(frozen=True)
class WalkForward(Scheme):
    """Training windows that end before their test, both moving on through time.

    The test of fold k begins at row train + embargo + k·step, counted from the first row. Its training window is the
    `train` rows that end `embargo` rows before, or all of them from the first row if `anchored`; of the samples in it
    those train whose label, widened by `purge`, ends in it too. The last test may be shorter.

    Attributes
    ----------
    train : int
        Rows of the training window, the first one if `anchored`; 1 or more.
    test : int
        Rows of a test, 1 or more.
    step : int or None
        Rows from one test to the next; None is `test`, so that every row after the first window is tested once. With
        fewer, rows are tested several times; with more, some never.
    anchored : bool
        Whether every window begins at the first row.
    purge : int
        Rows by which the spans of labels are widened; without spans, what the label of each row reads after it.
    embargo : int
        Rows between window and test, which take part in neither.
    knows_the_future : bool
        False: all that trains lies before the test.

    Raises
    ------
    SplitError
        If a number is out of range.

    Examples
    --------
    >>> scheme = WalkForward(train=4, test=2, purge=1)
    >>> [(train.tolist(), test.tolist()) for train, test in scheme.split(range(9))]
    [([0, 1, 2], [4, 5]), ([2, 3, 4], [6, 7]), ([4, 5, 6], [8])]
    """

    knows_the_future: ClassVar[bool] = False

    train: int = 756
    test: int = 63
    step: int | None = None
    anchored: bool = field(default=False, kw_only=True)
    purge: int = field(default=0, kw_only=True)
    embargo: int = field(default=0, kw_only=True)

    def __post_init__(self) -> None:
        read_rows("WalkForward: train", self.train, 1)
        read_rows("WalkForward: test", self.test, 1)
        if self.step is not None:
            read_rows("WalkForward: step", self.step, 1)
        if not isinstance(self.anchored, bool | np.bool_):
            raise SplitError(f"WalkForward: anchored is {self.anchored!r}; it is True or False")
        read_rows("WalkForward: purge", self.purge)
        read_rows("WalkForward: embargo", self.embargo)

    def _tests(self, begin: int, n_bars: int) -> list[Ints]:
        first = begin + self.train + self.embargo
        if first >= n_bars:
            raise SplitError(
                f"{self}: {n_bars - begin} rows are too few: the first test begins after {self.train} rows of training"
                f"{f' and {self.embargo} of embargo' if self.embargo else ''}. Give more rows, or a shorter window"
            )
        rows = np.arange(n_bars, dtype=np.int64)
        return [rows[at : at + self.test] for at in range(first, n_bars, self.step or self.test)]

    def _train(self, starts: Ints, ends: Ints, test: Ints, begin: int, purge: int) -> tuple[Mask, Mask]:
        first = int(test[0])
        if not self.anchored:
            begin = first - self.embargo - self.train
        candidates = (ends >= 0) & (starts >= begin) & (starts < first - self.embargo)
        return past_mask(starts, ends, first, begin=begin, embargo=self.embargo, purge=purge), candidates
