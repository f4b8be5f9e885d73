"""`CombinatorialPurgedCV`: every choice of a few groups of rows is a test, which makes several histories of tests."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from backtester.errors import SplitError
from backtester.signals.splits.k_fold import beside
from backtester.signals.splits.purging import Ints, Mask, read_rows
from backtester.signals.splits.scheme import Scheme, groups_of

_MOST = 100_000  # folds; each is a model to fit


@dataclass(frozen=True)
class CombinatorialPurgedCV(Scheme):
    """Combinatorial purged cross-validation: the rows in N groups, each choice of k of them a test.

    There are C(N, k) folds, in the order of `itertools.combinations`. Each group is tested C(N − 1, k − 1) times, by as
    many models, so that the tests make φ = C(N, k)·k/N paths, each a test of every row. Training takes samples from
    before and from after the test, so a result is no record of what could have been known.

    Attributes
    ----------
    n_splits : int
        N, the groups of rows, 2 or more; as equal as can be, the first ones longer by one.
    n_test : int
        k, the groups in a test, 1 or more and fewer than N.
    purge : int
        Rows by which the spans of labels are widened; without spans, what the label of each row reads after it.
    embargo : int
        Rows after each block of a test, and after what its labels read, in which no sample that trains begins.
    knows_the_future : bool
        True: samples after the test train, too.

    Raises
    ------
    SplitError
        If a number is out of range, or there would be more than 100,000 folds.

    References
    ----------
    Marcos López de Prado, Advances in Financial Machine Learning (2018), section 12.4.

    Examples
    --------
    >>> scheme = CombinatorialPurgedCV(6, 2)
    >>> scheme.get_n_splits(), scheme.n_paths
    (15, 5)
    >>> scheme.paths()[0].tolist()
    [0, 0, 1, 2, 3, 4]
    """

    knows_the_future: ClassVar[bool] = True

    n_splits: int = 6
    n_test: int = 2
    purge: int = field(default=0, kw_only=True)
    embargo: int = field(default=0, kw_only=True)

    def __post_init__(self) -> None:
        n = read_rows("CombinatorialPurgedCV: n_splits", self.n_splits, 2)
        k = read_rows("CombinatorialPurgedCV: n_test", self.n_test, 1)
        if k >= n:
            raise SplitError(
                f"CombinatorialPurgedCV: n_test is {k} of n_splits = {n} groups; at least one group must be left to "
                f"train on, so n_test is {n - 1} at most"
            )
        if math.comb(n, k) > _MOST:
            raise SplitError(
                f"CombinatorialPurgedCV: {k} of {n} groups can be chosen in {math.comb(n, k):,} ways, each a model to "
                f"fit; {_MOST:,} are the most. Lower n_splits or n_test"
            )
        read_rows("CombinatorialPurgedCV: purge", self.purge)
        read_rows("CombinatorialPurgedCV: embargo", self.embargo)

    @property
    def n_paths(self) -> int:
        """The number of paths, φ = C(N, k)·k/N = C(N − 1, k − 1)."""
        return math.comb(self.n_splits - 1, self.n_test - 1)

    def test_groups(self) -> Ints:
        """Return the groups in the test of each fold, increasing: int64 [n_folds, n_test]."""
        return np.array(list(itertools.combinations(range(self.n_splits), self.n_test)), dtype=np.int64)

    def paths(self) -> Ints:
        """Return the fold that tests each group on each path: int64 [n_paths, n_splits].

        Path p takes, for each group, the p-th of the folds that test it, so that no fold serves two paths with one
        group.
        """
        tested = self.test_groups()
        found = [np.flatnonzero((tested == group).any(axis=1)) for group in range(self.n_splits)]
        return np.stack(found, axis=1).astype(np.int64)

    def groups(self, begin: int, n_bars: int) -> list[Ints]:
        """Return the rows of each group, where the rows from `begin` to `n_bars` − 1 are split."""
        return groups_of(self, self.n_splits, begin, n_bars)

    def get_n_splits(self, X: object = None, y: object = None, groups: object = None) -> int:
        """Return the number of folds, C(N, k), whatever X, y and groups are."""
        return math.comb(self.n_splits, self.n_test)

    def _tests(self, begin: int, n_bars: int) -> list[Ints]:
        groups = self.groups(begin, n_bars)
        return [np.concatenate([groups[g] for g in chosen]) for chosen in self.test_groups()]

    def _train(self, starts: Ints, ends: Ints, test: Ints, begin: int, purge: int) -> tuple[Mask, Mask]:
        return beside(starts, ends, test, self.embargo, purge)
