"""Which rows of a market a bootstrapped one takes: blocks of the stationary bootstrap that respect the time of day.

A block begins at a random row and goes on from there; where the market's sessions hold several bars, it begins at a row
with the same place in its session as the row it is drawn for. Daily bars have one place, and this is the stationary
bootstrap itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from backtester.kernel.jit import kernel_jit
from backtester.research.overfitting._random import below, start, uniform

if TYPE_CHECKING:
    from backtester.bars import Bars


def places_in_session(bars: Bars) -> np.ndarray:
    """Return how many bars of its session came before each bar, int64 [n_bars]."""
    sessions = bars.sessions
    first = np.flatnonzero(np.concatenate(([True], sessions[1:] != sessions[:-1])))
    lengths = np.diff(np.append(first, len(sessions)))
    return np.arange(len(sessions)) - np.repeat(first, lengths)


def drawn_rows(places: np.ndarray, block_length: float, seed: int, replicate: int) -> np.ndarray:
    """Return the row that stands in each row of a bootstrapped market, int64 [n_bars]; row 0 stands for itself.

    Parameters
    ----------
    places : ndarray of int64, shape (n_bars,)
        See `places_in_session`.
    block_length : float
        Mean number of rows in a block, 1 or more. Blocks of the first row's place are drawn as all others.
    seed, replicate : int
        Of the draw, which is a function of both.

    Notes
    -----
    D. N. Politis and J. P. Romano, "The Stationary Bootstrap", Journal of the American Statistical Association 89,
    1994, section 2. A block that comes to the end goes on at the beginning, with row 1: row 0 has no return.
    """
    order = np.argsort(places[1:], kind="stable") + 1  # rows by place, in their order
    n_places = int(places.max()) + 1
    begins = np.searchsorted(places[order], np.arange(n_places + 1))
    rows = np.zeros(len(places), np.int64)
    _draw(places, order, begins, 1.0 / block_length, seed, replicate, rows)
    return rows


@kernel_jit()
def _draw(places, order, begins, restart, seed, replicate, rows):
    """Write to `rows`, int64 [n_bars], from row 1 on."""
    state = np.zeros(1, np.uint64)
    start(state, seed, replicate)
    n = len(rows)
    row = 0
    for t in range(1, n):
        row = row + 1 if row + 1 < n else 1
        place = places[t]
        if t == 1 or uniform(state) < restart or places[row] != place:
            first = begins[place]
            row = order[first + below(state, begins[place + 1] - first)]
        rows[t] = row
