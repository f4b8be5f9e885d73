"""Holding −1, 0 or 1 against an AR(1) signal under a proportional cost: two thresholds, exact to rounding.

The signal follows X_{t+1} = ρ X_t + σ ε_{t+1}, 0 ≤ ρ < 1. At t the trader, who holds x_{t−1}, sees X_t, moves to
x_t ∈ {−1, 0, 1} and earns e · x_t X_t − c |x_t − x_{t−1}| in the mean: e is the edge per unit of signal, c > 0 the cost
per unit traded. What is maximised is the mean reward per step in the long run.

The rewards are linear in the position but for the cost, so the relative value of holding 0 is the mean of those of
holding 1 and −1, and one function is left: d(X), what one unit more is worth just after trading at X.

    d(X) = e X + E[clip(d(X′), −c, c) | X]        from the next step on a unit is worth c at most, as it can be
                                                  bought then for c, and −c at least, as it can be sold for c
    g = E[max(|d(X)| − c, 0)]                     under the stationary law of X

It is best to go to 1 where d(X) ≥ c, to −1 where d(X) ≤ −c, and to hold what one has in between, from 0 as well. d is
odd and monotone, so the rule is one threshold b with |d(b)| = c. Where any threshold b is followed (the greedy one is
c / |e|), d solves a linear equation on [−b, b], as beyond it clip(d) is replaced by ±c, and
g(b) = E[(|d(X)| − c) 1{|X| ≥ b}], signs as the rule has them. The integrals are taken by Gauss–Legendre quadrature of
analytic functions on [−b, b] and beyond b: what is left is rounding.

Source: J. de Lataillade, C. Deremble, M. Potters and J.-P. Bouchaud, "Optimal Trading with Linear Costs", Journal of
Investment Strategies 1, 2012; in continuous time the equation for d is the stopping game of M. Taksar, "Average Optimal
Singular Control and a Related Stopping Problem", Mathematics of Operations Research 10, 1985.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

NODES = 64  # of a quadrature, at least
NODES_PER_SD = 8  # where an interval is long beside σ
WIDTH = 10.0  # standard deviations beyond which the stationary law is left out: 1e-23 of it


class ThresholdPolicy(NamedTuple):
    """Go to sign(e) · sign(X) where |X| ≥ threshold, else hold; `value` is what that earns per step in the long run."""

    threshold: float
    value: float


@functools.cache
def solve_switching(persistence: float, sd: float, edge: float, cost: float) -> ThresholdPolicy:
    """Return the best of all policies.

    Parameters
    ----------
    persistence : float
        ρ, 0 ≤ ρ < 1.
    sd : float
        σ, standard deviation of the innovations.
    edge : float
        e, expected reward per unit of position and of signal; negative where the signal reverts.
    cost : float
        c > 0, cost per unit traded.
    """
    gain = abs(edge)
    low, high = 0.0, cost / gain  # at c/|e| one step alone pays for the trade, so d is at least c there
    while high - low > 4.0 * math.ulp(high):
        middle = 0.5 * (low + high)
        if _unit_value(middle, persistence, sd, gain, cost)(np.array([middle]))[0] < cost:
            low = middle
        else:
            high = middle
    return ThresholdPolicy(high, value_of_threshold(high, persistence, sd, edge, cost))


def greedy_switching(persistence: float, sd: float, edge: float, cost: float) -> ThresholdPolicy:
    """Return the policy that maximises the expected reward of each step alone: it trades where |e X| ≥ c.

    Parameters as of `solve_switching`.
    """
    threshold = cost / abs(edge)
    return ThresholdPolicy(threshold, value_of_threshold(threshold, persistence, sd, edge, cost))


@functools.cache
def value_of_threshold(threshold: float, persistence: float, sd: float, edge: float, cost: float) -> float:
    """Return the mean reward per step of trading to sign(e) · sign(X) where |X| ≥ `threshold`, and holding else.

    Parameters
    ----------
    threshold : float
        b > 0, in units of the signal.
    persistence, sd, edge, cost : float
        As of `solve_switching`.
    """
    stationary = sd / math.sqrt(1.0 - persistence * persistence)
    d = _unit_value(threshold, persistence, sd, abs(edge), cost)
    x, weights = _legendre(threshold, threshold + WIDTH * stationary, sd)
    density = np.exp(-0.5 * (x / stationary) ** 2) / (stationary * math.sqrt(2.0 * math.pi))
    return 2.0 * float(np.sum(weights * (d(x) - cost) * density))


def _legendre(low: float, high: float, sd: float) -> tuple[Floats, Floats]:
    """Return nodes and weights on [low, high], for functions that change over a length of `sd`."""
    nodes, weights = np.polynomial.legendre.leggauss(max(NODES, math.ceil(NODES_PER_SD * (high - low) / sd)))
    return 0.5 * (high - low) * nodes + 0.5 * (low + high), 0.5 * (high - low) * weights


def _unit_value(
    threshold: float, persistence: float, sd: float, gain: float, cost: float
) -> Callable[[Floats], Floats]:
    """Return d as a function of the signal where `threshold` is followed, by Nyström's method; e > 0 by symmetry."""
    y, weights = _legendre(-threshold, threshold, sd)

    def kernel(x: Floats) -> Floats:
        z = (y[None, :] - persistence * x[:, None]) / sd
        return weights * np.exp(-0.5 * z * z) / (sd * math.sqrt(2.0 * math.pi))

    def known(x: Floats) -> Floats:
        scale = 1.0 / (sd * math.sqrt(2.0))
        erf = np.array([[math.erf((s * threshold - persistence * one) * scale) for s in (1.0, -1.0)] for one in x])
        return gain * x - 0.5 * cost * (erf[:, 0] + erf[:, 1])  # c · (P(X′ > b) − P(X′ < −b))

    inside = np.linalg.solve(np.eye(len(y)) - kernel(y), known(y))
    return lambda x: known(x) + kernel(x) @ inside
