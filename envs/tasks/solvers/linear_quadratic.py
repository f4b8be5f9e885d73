"""Trading on a decaying signal with quadratic risk and quadratic costs: the scalar Gârleanu–Pedersen problem.

The signal follows p_{t+1} = ρ p_t + s ε_{t+1}. At t the trader, who holds x_{t−1}, sees p_t, moves to x_t and earns
x_t p_t − λ x_t² − ψ (x_t − x_{t−1})². What is maximised is the mean reward per step in the long run.

The relative value is quadratic, V(x, p) = −½ a x² + b x p + ½ c p², with x the position before the trade. Its Bellman
equation holds term by term, with S = 2λ + 2ψ + a:

    a² + 2λ a = 4λψ                  the positive root
    x_t = m x_{t−1} + k p_t          m = 2ψ / S,  k = (1 + ρ b) / S,  b = m / (1 − ρ m)
    g = ½ c s²                       c = (1 + ρ b)² / (S (1 − ρ²))

Source: N. Gârleanu and L. H. Pedersen, "Dynamic Trading with Predictable Returns and Transaction Costs", Journal of
Finance 68, 2013; here undiscounted, with one asset and one signal.
"""

from __future__ import annotations

import math
from typing import NamedTuple


class LinearPolicy(NamedTuple):
    """The rule x_t = keep · x_{t−1} + tilt · p_t, and what it earns per step in the long run."""

    keep: float
    tilt: float
    value: float


def solve_quadratic_cost(persistence: float, variance: float, risk: float, cost: float) -> LinearPolicy:
    """Return the best of all policies, which is linear.

    Parameters
    ----------
    persistence : float
        ρ of the signal, −1 < ρ < 1.
    variance : float
        s², variance of the signal's innovations.
    risk, cost : float
        λ > 0 and ψ ≥ 0 of the reward.
    """
    a = math.sqrt(risk * risk + 4.0 * risk * cost) - risk
    curvature = 2.0 * risk + 2.0 * cost + a
    keep = 2.0 * cost / curvature
    pull = 1.0 + persistence * keep / (1.0 - persistence * keep)
    value = 0.5 * variance * pull * pull / (curvature * (1.0 - persistence * persistence))
    return LinearPolicy(keep, pull / curvature, value)


def greedy_quadratic_cost(persistence: float, variance: float, risk: float, cost: float) -> LinearPolicy:
    """Return the policy that maximises the reward of each step alone: x_t = (2ψ x_{t−1} + p_t) / (2λ + 2ψ).

    Parameters as of `solve_quadratic_cost`.
    """
    keep, tilt = cost / (risk + cost), 0.5 / (risk + cost)
    return LinearPolicy(keep, tilt, value_of_linear(keep, tilt, persistence, variance, risk, cost))


def value_of_linear(keep: float, tilt: float, persistence: float, variance: float, risk: float, cost: float) -> float:
    """Return the mean reward per step of x_t = keep · x_{t−1} + tilt · p_t, from its stationary second moments.

    With v = s²/(1 − ρ²): E[x_t p_t] = k v/(1 − mρ), E[x²] = k² v (1 + mρ)/((1 − mρ)(1 − m²)) and
    E[x_t x_{t−1}] = m E[x²] + k ρ E[x_t p_t].

    Parameters
    ----------
    keep, tilt : float
        m and k of the policy, −1 < m < 1.
    persistence, variance, risk, cost : float
        As of `solve_quadratic_cost`.
    """
    v = variance / (1.0 - persistence * persistence)
    shared = keep * persistence
    with_signal = tilt * v / (1.0 - shared)
    square = tilt * tilt * v * (1.0 + shared) / ((1.0 - shared) * (1.0 - keep * keep))
    with_last = keep * square + tilt * persistence * with_signal
    return with_signal - risk * square - 2.0 * cost * (square - with_last)
