"""Random numbers inside compiled code: one SplitMix64 sequence for each replicate of a resampling.

Replicate k of a seed is a function of seed and k alone, so no order of work and no number of threads changes it, and
nobody's generator is touched. Source: G. L. Steele, D. Lea and C. H. Flood, "Fast Splittable Pseudorandom Number
Generators", OOPSLA 2014.
"""

from __future__ import annotations

import numpy as np

from backtester.kernel.jit import inner_jit, kernel_jit


@inner_jit
def _mixed(z):
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@inner_jit
def start(state, seed, replicate):
    """Set `state`, uint64 [1], to the beginning of a replicate's sequence."""
    hashed = _mixed(np.uint64(seed) + np.uint64(0x9E3779B97F4A7C15))
    state[0] = _mixed(hashed + (np.uint64(replicate) + np.uint64(1)) * np.uint64(0xD1B54A32D192ED03))


@inner_jit
def uniform(state):
    """Advance `state` and return a number in [0, 1)."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    return np.float64(_mixed(state[0]) >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@inner_jit
def below(state, n):
    """Advance `state` and return a whole number from 0 to n − 1."""
    return np.int64(uniform(state) * n)


@inner_jit
def shuffle(state, order):
    """Write the numbers 0 to n − 1 to `order`, int64 [n], in random order (R. Durstenfeld, Algorithm 235, 1964)."""
    for i in range(len(order)):
        order[i] = i
    for i in range(len(order) - 1, 0, -1):
        j = below(state, i + 1)
        order[i], order[j] = order[j], order[i]


@inner_jit
def fill_stationary(state, restart, rows):
    """Write to `rows`, int64 [n], the rows of one stationary-bootstrap sample; see `stationary_rows`."""
    n = len(rows)
    row = below(state, n)
    rows[0] = row
    for t in range(1, n):
        if uniform(state) < restart:
            row = below(state, n)
        else:
            row += 1
            if row == n:
                row = 0
        rows[t] = row


@kernel_jit()
def _fill_all(seed, first, restart, rows):
    state = np.zeros(1, np.uint64)
    for k in range(len(rows)):
        start(state, seed, first + k)
        fill_stationary(state, restart, rows[k])


@kernel_jit()
def _count_all(seed, first, restart, counts):
    state = np.zeros(1, np.uint64)
    rows = np.empty(counts.shape[1], np.int64)
    for k in range(len(counts)):
        start(state, seed, first + k)
        fill_stationary(state, restart, rows)
        for row in rows:
            counts[k, row] += 1.0


def stationary_rows(n: int, block_length: float, replicates: int, seed: int, first: int = 0) -> np.ndarray:
    """Return the rows that the replicates `first`, `first` + 1, … draw, int64 [replicates, n].

    Each sample is a chain of blocks that begin anywhere with equal probability, go on over the end to the beginning,
    and have geometric lengths of mean `block_length`. Source: D. N. Politis and J. P. Romano, "The Stationary
    Bootstrap", Journal of the American Statistical Association 89, 1994, section 2.
    """
    rows = np.empty((replicates, n), np.int64)
    _fill_all(seed, first, 1.0 / block_length, rows)
    return rows


def stationary_counts(n: int, block_length: float, replicates: int, seed: int, first: int = 0) -> np.ndarray:
    """Return how often each replicate of `stationary_rows` draws each row, float64 [replicates, n]."""
    counts = np.zeros((replicates, n))
    _count_all(seed, first, 1.0 / block_length, counts)
    return counts
