"""`PurgedKFold`: each of a few runs of rows is tested once, by a model of all others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from backtester.signals.splits.purging import Ints, Mask, read_rows, training_mask
from backtester.signals.splits.scheme import Scheme, blocks_of, groups_of


@dataclass(frozen=True)
class PurgedKFold(Scheme):
    """K-fold without shuffling, purged: samples that share rows with what the test reads do not train.

    Training takes samples from before and from after the test, so a result is no record of what could have been known.

    Attributes
    ----------
    n_splits : int
        Runs of rows, 2 or more; as equal as can be, the first ones longer by one.
    purge : int
        Rows by which the spans of labels are widened; without spans, what the label of each row reads after it.
    embargo : int
        Rows after a test, and after what its labels read, in which no sample that trains begins.
    knows_the_future : bool
        True: samples after the test train, too.

    Raises
    ------
    SplitError
        If a number is out of range.

    References
    ----------
    Marcos López de Prado, Advances in Financial Machine Learning (2018), section 7.4.

    Examples
    --------
    >>> scheme = PurgedKFold(3, purge=1, embargo=1)
    >>> [(train.tolist(), test.tolist()) for train, test in scheme.split(range(9))]
    [([5, 6, 7, 8], [0, 1, 2]), ([0, 1, 8], [3, 4, 5]), ([0, 1, 2, 3, 4], [6, 7, 8])]
    """

    knows_the_future: ClassVar[bool] = True

    n_splits: int = 5
    purge: int = field(default=0, kw_only=True)
    embargo: int = field(default=0, kw_only=True)

    def __post_init__(self) -> None:
        read_rows("PurgedKFold: n_splits", self.n_splits, 2)
        read_rows("PurgedKFold: purge", self.purge)
        read_rows("PurgedKFold: embargo", self.embargo)

    def get_n_splits(self, X: object = None, y: object = None, groups: object = None) -> int:
        """Return `n_splits`, whatever X, y and groups are."""
        return self.n_splits

    def _tests(self, begin: int, n_bars: int) -> list[Ints]:
        return groups_of(self, self.n_splits, begin, n_bars)

    def _train(self, starts: Ints, ends: Ints, test: Ints, begin: int, purge: int) -> tuple[Mask, Mask]:
        return beside(starts, ends, test, self.embargo, purge)


def beside(starts: Ints, ends: Ints, test: Ints, embargo: int, purge: int) -> tuple[Mask, Mask]:
    """Return which samples train beside a test of some blocks of rows, and which are not in it."""
    blocks = blocks_of(test)
    outside = ends >= 0
    for first, last in blocks.tolist():
        outside &= (starts < first) | (starts > last)
    return training_mask(starts, ends, blocks, embargo=embargo, purge=purge), outside
