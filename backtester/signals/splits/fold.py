"""`Fold`: the rows of one test, and the samples that train for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class Fold:
    """One fold of a scheme.

    Attributes
    ----------
    number : int
        From 0, in the order of the scheme.
    test : ndarray of int64, shape (n_test_rows,)
        Rows of the bars that are tested, increasing, perhaps in several blocks. Rows without a label are among them: a
        signal is wanted there too.
    train : ndarray of bool
        Which samples train, in the shape the spans were given in.
    purged : int
        How many samples that are neither tested nor outside the training window do not train, because their label
        reaches too near to the test, or they begin too soon after it.
    """

    number: int
    test: npt.NDArray[np.int64]
    train: npt.NDArray[np.bool_]
    purged: int = 0

    def __repr__(self) -> str:
        rows = f"{self.test[0]:,} to {self.test[-1]:,}" if self.test.size else "none"
        return (
            f"<Fold {self.number}: {self.test.size:,} test rows ({rows}), {int(self.train.sum()):,} samples train, "
            f"{self.purged:,} purged>"
        )
