"""Random actions of a stochastic policy, jitted, from a generator that the caller owns.

The generator is an array of one uint64: SplitMix64 (Steele, Lea, Flood 2014), as `ctx.random()`. Rows are drawn in their
order, so the same observations after the same seed give the same actions.
"""

from __future__ import annotations

import math

import numpy as np

from backtester.kernel.jit import inner_jit, kernel_jit

from envs.agents.forward import bounded


def generator(seed: int) -> np.ndarray:
    """Return a generator: an array of one uint64."""
    state = np.array([seed % 2**64], np.uint64)
    _next_bits(state)  # so that neighbouring seeds are no neighbours on the orbit
    state[0] = _next_bits(state)
    return state


@kernel_jit
def _next_bits(state):
    z = state[0] + np.uint64(0x9E3779B97F4A7C15)
    state[0] = z
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@inner_jit
def uniform(state):
    """Return the next number in [0, 1)."""
    return np.float64(_next_bits(state) >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@inner_jit
def normal(state):
    """Return the next standard normal number, by the transform of Box and Muller (1958)."""
    radius = math.sqrt(-2.0 * math.log(1.0 - uniform(state)))
    return radius * math.cos(2.0 * math.pi * uniform(state))


@kernel_jit
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


@kernel_jit
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
        Advanced twice per number.
    actions : array [n, k], float32
        Overwritten.
    """
    for row in range(means.shape[0]):
        for j in range(means.shape[1]):
            value = means[row, j] + np.float32(math.exp(np.float64(log_std[row, j])) * normal(state))
            actions[row, j] = bounded(value, squash, low[j], high[j])
