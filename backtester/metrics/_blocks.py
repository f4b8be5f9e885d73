"""The returns of a curve in blocks: what the probability of overfitting needs of each trial, instead of its returns."""

from __future__ import annotations

import numpy as np

from backtester.kernel.jit import inner_jit, kernel_jit


def block_edges(n_returns: int, n_blocks: int) -> np.ndarray:
    """Return where each block of returns begins, and where the last one ends, int64 [n_blocks + 1]."""
    return np.linspace(0, n_returns, n_blocks + 1).round().astype(np.int64)


@inner_jit
def write_sums(wealth, edges, found):
    """Write what `curve_sums` returns to `found`; four sums at once, as each addition waits for the one before."""
    n_blocks, n = len(edges) - 1, len(wealth) - 1
    alive = wealth[0] > 0.0 and wealth[n] > 0.0
    centre = (wealth[n] / wealth[0]) ** (1.0 / n) - 1.0 if alive else 0.0
    found[0] = centre
    d = np.zeros(4)
    for block in range(n_blocks):
        s0 = s1 = s2 = s3 = q0 = q1 = q2 = q3 = 0.0
        t, end = edges[block], edges[block + 1]
        while t < end:
            width = min(4, end - t)
            if width == 4 and alive:
                d0 = wealth[t + 1] / wealth[t] - 1.0 - centre
                d1 = wealth[t + 2] / wealth[t + 1] - 1.0 - centre
                d2 = wealth[t + 3] / wealth[t + 2] - 1.0 - centre
                d3 = wealth[t + 4] / wealth[t + 3] - 1.0 - centre
            else:
                for k in range(4):
                    inside = k < width
                    before = wealth[t + k] if inside else 1.0
                    d[k] = 0.0 if not inside else (wealth[t + k + 1] / before - 1.0 if before > 0.0 else 0.0) - centre
                d0, d1, d2, d3 = d[0], d[1], d[2], d[3]
            s0 += d0
            s1 += d1
            s2 += d2
            s3 += d3
            q0 += d0 * d0
            q1 += d1 * d1
            q2 += d2 * d2
            q3 += d3 * d3
            t += width
        found[1 + block] = (s0 + s1) + (s2 + s3)
        found[1 + n_blocks + block] = (q0 + q1) + (q2 + q3)


@kernel_jit()
def curve_sums(wealth, edges):
    """Return a centre, and Σd and Σd² of the returns of one curve by block, float64 [1 + 2·n_blocks], d = r − centre.

    `wealth` is [n_returns + 1]; after ruin a return is 0. First comes the centre, the growth per bar, then the blocks'
    Σd, then their Σd².
    """
    found = np.empty(2 * len(edges) - 1)
    write_sums(wealth, edges, found)
    return found
