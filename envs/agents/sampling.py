"""Random actions of a stochastic policy, jitted, from a generator that the caller owns.

The generator is an array of one uint64, as `envs.random` has them. Rows are drawn in their order, so the same
observations after the same seed give the same actions.
"""

from __future__ import annotations

import math

import numpy as np

from backtester.kernel.jit import kernel_jit
from envs.agents.forward import bounded
from envs.random import normal, seed_generators, uniform


def generator(seed: int) -> np.ndarray:
    """Return a generator: an array of one uint64."""
    state = np.zeros(1, np.uint64)
    seed_generators(state, np.array([seed % 2**64], np.uint64), np.ones(1, np.bool_))
    return state


@kernel_jit()
def draw_discrete(logits, choices, state, actions):
    """Draw actions from the probabilities exp(logit) / Σ exp(logit), one per group of logits.

    Parameters
    ----------
    logits : array [n, Σ choices], float32
    choices : array [k], int64
        The number of logits of each group.
    state : array [1], uint64
        Advanced once per group and row.
    actions : array [n, k], int64
        Overwritten, from 0.
    """
    for row in range(logits.shape[0]):
        start = 0
        for group in range(choices.shape[0]):
            stop = start + choices[group]
            largest = logits[row, start]
            for j in range(start, stop):
                largest = max(largest, logits[row, j])
            total = 0.0
            for j in range(start, stop):
                total += math.exp(np.float64(logits[row, j] - largest))
            left = uniform(state) * total
            chosen = stop - 1
            for j in range(start, stop - 1):
                left -= math.exp(np.float64(logits[row, j] - largest))
                if left < 0.0:
                    chosen = j
                    break
            actions[row, group] = chosen - start
            start = stop


@kernel_jit()
def draw_box(means, log_std, squash, low, high, state, actions):
    """Draw actions from normal distributions, and bring them into the box as `forward.act_box` does.

    Parameters
    ----------
    means : array [n, k], float32
    log_std : array [n, k], float32
        Logarithms of the standard deviations.
    squash : bool
        Whether the tanh is taken.
    low, high : array [k], float32
        Bounds of the box.
    state : array [1], uint64
        Advanced once per number.
    actions : array [n, k], float32
        Overwritten.
    """
    for row in range(means.shape[0]):
        for j in range(means.shape[1]):
            value = means[row, j] + np.float32(math.exp(np.float64(log_std[row, j])) * normal(state))
            actions[row, j] = bounded(value, squash, low[j], high[j])
