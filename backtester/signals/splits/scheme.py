"""`Scheme`: what all schemes have in common: folds over spans of labels, and scikit-learn's two methods."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from backtester.errors import SplitError
from backtester.signals.splits.fold import Fold
from backtester.signals.splits.purging import Ints, Mask, read_spans


class Scheme(ABC):
    """A way to split rows of bars into training and test.

    It works on spans: a sample is made at a row `start`, and its label reads the rows up to `end`. Several samples may
    share a row, as those of several assets do. `folds` is for panels; `split` and `get_n_splits` are those of a
    splitter of scikit-learn, so that a scheme serves as `cv=` with `groups=label.spans()`.

    Attributes
    ----------
    knows_the_future : bool
        Whether training takes samples that come after the test.
    """

    knows_the_future: ClassVar[bool]
    purge: int
    embargo: int

    @abstractmethod
    def _tests(self, begin: int, n_bars: int) -> list[Ints]:
        """Return the test rows of each fold, for rows `begin` to `n_bars` − 1; an error if that is too few."""

    @abstractmethod
    def _train(self, starts: Ints, ends: Ints, test: Ints, begin: int, purge: int) -> tuple[Mask, Mask]:
        """Return which samples train, and which would if there were neither spans, purge nor embargo."""

    def folds(self, start: npt.ArrayLike, end: npt.ArrayLike, n_bars: int) -> list[Fold]:
        """Return the folds of some samples.

        Parameters
        ----------
        start, end : array_like of int, one shape, or shapes that broadcast
            First and last row of each sample's span: `label.start` and `label.end`. `end` below 0 is no sample.
        n_bars : int
            The number of rows. The rows that are split are those from the lowest of `start` on, whether there is a
            sample or not, so that two models on the same bars have the same folds.

        Returns
        -------
        list of Fold

        Raises
        ------
        SplitError
            If there are too few rows, a span ends before it starts or after the last row, or no sample is left to
            train in a fold, which is named.
        """
        starts, ends = read_spans(start, end)
        beyond = ends >= n_bars
        if beyond.any() or (starts.size and int(starts.max()) >= n_bars):
            latest = max(int(ends.max()), int(starts.max()))
            raise SplitError(f"a span reaches row {latest}, and there are {n_bars} rows, 0 to {n_bars - 1}")
        return self._folds(starts, ends, n_bars, self.purge)

    def split(
        self, X: Any, y: Any = None, groups: npt.ArrayLike | None = None
    ) -> Iterator[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
        """Yield the samples that train and those that are tested, as scikit-learn's splitters do.

        Parameters
        ----------
        X : array_like, shape (n_samples, …)
            Its length alone is read.
        y : object
            Not read; scikit-learn passes it.
        groups : array_like of int, shape (n_samples, 2), optional
            The span of each sample, first and last row: `label.spans()`. Without it the samples are consecutive rows,
            and the label of each reads `purge` rows more.

        Yields
        ------
        train, test : ndarray of int
            Positions in `X`, increasing.

        Raises
        ------
        SplitError
            If `groups` has another shape, or as `folds`; or no sample is in a test.
        """
        starts, ends, purge = self._samples(X, groups)
        n_bars = int(starts.max()) + 1
        folds = self._folds(starts, ends, n_bars, purge)
        tested = np.zeros(n_bars, bool)
        for fold in folds:
            tested[:] = False
            tested[fold.test] = True
            test = np.flatnonzero(tested[starts])
            if not test.size:
                raise SplitError(
                    f"{self}: fold {fold.number} tests rows {fold.test[0]} to {fold.test[-1]}, where there is no "
                    "sample; give more samples, or ask for fewer folds"
                )
            yield np.flatnonzero(fold.train), test

    def get_n_splits(self, X: Any = None, y: Any = None, groups: npt.ArrayLike | None = None) -> int:
        """Return the number of folds.

        Parameters
        ----------
        X, y, groups : object
            As in `split`; read where the number depends on how many rows there are.

        Raises
        ------
        SplitError
            As `split`.
        """
        starts, _, _ = self._samples(X, groups)
        return len(self._tests(int(starts.min()), int(starts.max()) + 1))

    def _samples(self, X: Any, groups: npt.ArrayLike | None) -> tuple[Ints, Ints, int]:
        """Return starts and ends of the samples, and by how much to widen them."""
        n = X.shape[0] if hasattr(X, "shape") else len(X) if X is not None else None
        if groups is None:
            if not n:
                raise SplitError(f"{self}: there are no samples in X, and no groups; give one of them")
            starts = np.arange(n, dtype=np.int64)
            return starts, np.minimum(starts + self.purge, n - 1), 0
        spans = np.asarray(groups)
        if spans.ndim != 2 or spans.shape[1] != 2 or not spans.size or (n is not None and spans.shape[0] != n):
            rows = "n_samples" if n is None else n
            raise SplitError(
                f"{self}: groups has shape {spans.shape}; it is the span of each sample, first and last row, "
                f"[{rows}, 2]: pass groups=label.spans()"
            )
        starts, ends = read_spans(spans[:, 0], spans[:, 1])
        if (ends < 0).any():
            raise SplitError(f"{self}: sample {int(np.argmax(ends < 0))} of groups ends at row {ends.min()}, before 0")
        return starts, ends, self.purge

    def _folds(self, starts: Ints, ends: Ints, n_bars: int, purge: int) -> list[Fold]:
        if not (ends >= 0).any():
            raise SplitError(f"{self}: there are no samples; every end is below 0")
        begin = int(starts.min())
        found = []
        tests = self._tests(begin, n_bars)
        for number, test in enumerate(tests):
            train, candidates = self._train(starts, ends, test, begin, purge)
            if not train.any():
                raise SplitError(self._too_few(number, len(tests), test, starts, ends, candidates))
            found.append(Fold(number, test, train, int(candidates.sum()) - int(train.sum())))
        return found

    def _too_few(self, number: int, n: int, test: Ints, starts: Ints, ends: Ints, candidates: Mask) -> str:
        near = int(candidates.sum())
        lengths = (ends - starts)[candidates]
        spans = f" Their labels read {lengths.min()} to {lengths.max()} rows more." if near else ""
        return (
            f"{self}: fold {number} of {n} (test rows {test[0]} to {test[-1]}) has nothing to train on: of "
            f"{int((ends >= 0).sum()):,} samples {near:,} are outside the test and in reach, and 0 are left after "
            f"purging and embargo.{spans} Train on more rows than labels, purge and embargo take"
        )


def blocks_of(rows: Ints) -> Ints:
    """Return first and last row of each run of consecutive rows, [n_blocks, 2]; `rows` increase."""
    breaks = np.flatnonzero(np.diff(rows) != 1)
    return np.stack((rows[np.r_[0, breaks + 1]], rows[np.r_[breaks, len(rows) - 1]]), axis=1)


def groups_of(scheme: Scheme, n_splits: int, begin: int, n_bars: int) -> list[Ints]:
    """Return the rows from `begin` to `n_bars` − 1 in `n_splits` runs; the first ones are a row longer if need be.

    Raises
    ------
    SplitError
        If there are fewer rows than runs.
    """
    if n_bars - begin < n_splits:
        raise SplitError(f"{scheme}: {n_bars - begin} rows cannot make {n_splits} groups; give more rows")
    return [np.asarray(part) for part in np.array_split(np.arange(begin, n_bars, dtype=np.int64), n_splits)]
