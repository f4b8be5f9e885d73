"""Which rows no other beats in everything."""

from __future__ import annotations

import numpy as np


def undominated(scores: np.ndarray) -> list[int]:
    """Return the rows that no other row beats: as good in every column and better in one.

    Parameters
    ----------
    scores : float64 [n, k]
        More is better. A row with a NaN is in no front.

    Returns
    -------
    list of int
        Ascending. Of equal rows all are there.
    """
    rows = np.flatnonzero(np.isfinite(scores).all(axis=1))
    order = rows[np.lexsort(tuple(-scores[rows, k] for k in reversed(range(scores.shape[1]))))]
    front: list[int] = []
    for row in order:  # whoever beats a row stands before it
        better = scores[front]
        if not ((better >= scores[row]).all(axis=1) & (better > scores[row]).any(axis=1)).any():
            front.append(int(row))
    return sorted(front)
