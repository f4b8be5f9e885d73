"""The jitted passes behind `pbo`: the performance of every strategy in every half, and how the best of it did outside.

Returns are summed once per block; a half is a sum of blocks. A pair of halves is two splits, each half being inside
once and outside once, so only the pairs whose first half holds block 0 are gone through.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from backtester.kernel.jit import inner_jit, kernel_jit
from backtester.metrics._blocks import block_edges
from backtester.metrics._scan import NOISE


def pairs_of(n_blocks: int) -> np.ndarray:
    """Return the blocks of the two halves of every pair, int64 [pairs, 2, n_blocks/2]; the first has block 0."""
    half = n_blocks // 2
    first = np.array([(0, *rest) for rest in combinations(range(1, n_blocks), half - 1)], np.int64)
    inside = np.zeros((len(first), n_blocks), np.bool_)
    np.put_along_axis(inside, first, True, axis=1)
    second = np.nonzero(~inside)[1].reshape(-1, half)
    return np.stack([first, second], axis=1)


def block_sums(returns: np.ndarray, n_blocks: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return Σd and Σd² of each block [n_blocks, n_strategies], d = r − centre; bars of each; the centres."""
    edges = block_edges(len(returns), n_blocks)
    centres = returns.mean(axis=0)
    deviations = returns - centres
    sums = np.add.reduceat(deviations, edges[:-1], axis=0)
    squares = np.add.reduceat(deviations * deviations, edges[:-1], axis=0)
    return sums, squares, np.diff(edges), centres


@inner_jit
def _performance(sums, squares, counts, centres, blocks, is_sharpe, out, scratch):
    """Write the performance of every strategy over some blocks to `out`, [n_strategies]."""
    n = 0
    out[:] = 0.0
    scratch[:] = 0.0
    for block in blocks:
        n += counts[block]
        for k in range(len(out)):
            out[k] += sums[block, k]
            scratch[k] += squares[block, k]
    for k in range(len(out)):
        shift = out[k] / n
        mean = centres[k] + shift
        if is_sharpe:
            sd = np.sqrt(max(scratch[k] - n * shift * shift, 0.0) / (n - 1))
            out[k] = mean / sd if sd > NOISE * max(1.0, abs(mean)) else 0.0
        else:
            out[k] = mean


@inner_jit
def _judge(inside, outside, split, chosen, is_best, oos_best, ranks):
    """Choose the best inside, and write its performance on both sides and its rank outside, from 1 for the worst."""
    best = 0
    for k in range(1, len(inside)):
        if inside[k] > inside[best]:
            best = k
    value = outside[best]
    worse = same = 0
    for k in range(len(outside)):
        worse += outside[k] < value
        same += outside[k] == value
    chosen[split] = best
    is_best[split] = inside[best]
    oos_best[split] = value
    ranks[split] = worse + 0.5 * (same + 1)  # ties share their mean


@inner_jit
def _extremes(values, ends):
    for value in values:
        ends[0] = min(ends[0], value)
        ends[1] = max(ends[1], value)


@inner_jit
def _bin(values, ends, histogram):
    scale = (len(histogram) - 1) / (ends[1] - ends[0]) if ends[1] > ends[0] else 0.0
    for value in values:
        histogram[int((value - ends[0]) * scale)] += 1


@kernel_jit()
def judge_sums(sums, squares, counts, centres, pairs, is_sharpe, chosen, is_best, oos_best, ranks, ends, histogram):
    """Go through all splits; write what `_judge` says, and a histogram of every performance outside."""
    n_pairs, n = len(pairs), sums.shape[1]
    first, second, scratch = np.empty(n), np.empty(n), np.empty(n)
    for p in range(n_pairs):
        _performance(sums, squares, counts, centres, pairs[p, 0], is_sharpe, first, scratch)
        _performance(sums, squares, counts, centres, pairs[p, 1], is_sharpe, second, scratch)
        _judge(first, second, p, chosen, is_best, oos_best, ranks)
        _judge(second, first, n_pairs + p, chosen, is_best, oos_best, ranks)
        _extremes(first, ends)
        _extremes(second, ends)
    for p in range(n_pairs):  # again rather than kept: there are splits × strategies of them
        _performance(sums, squares, counts, centres, pairs[p, 0], is_sharpe, first, scratch)
        _performance(sums, squares, counts, centres, pairs[p, 1], is_sharpe, second, scratch)
        _bin(first, ends, histogram)
        _bin(second, ends, histogram)


@kernel_jit()
def judge_values(performance, chosen, is_best, oos_best, ranks, ends, histogram):
    """Do the same with performances that are given, [pairs, 2, n_strategies]."""
    n_pairs = len(performance)
    for p in range(n_pairs):
        _judge(performance[p, 0], performance[p, 1], p, chosen, is_best, oos_best, ranks)
        _judge(performance[p, 1], performance[p, 0], n_pairs + p, chosen, is_best, oos_best, ranks)
        _extremes(performance[p, 0], ends)
        _extremes(performance[p, 1], ends)
    for p in range(n_pairs):
        _bin(performance[p, 0], ends, histogram)
        _bin(performance[p, 1], ends, histogram)
