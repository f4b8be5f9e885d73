"""How much of one's wealth to bet on a coin: Kelly's fraction, and what it earns.

A coin pays +1 per unit staked with probability p, else −1. Of a fraction f of wealth staked, the logarithm of wealth
grows by G(f) = p ln(1 + f) + (1 − p) ln(1 − f) a flip; f* = 2p − 1, a negative fraction being a bet on the other side.

Where p is drawn anew and seen before each flip, p = ½ (1 + e z) with z uniform on [−1, 1], the best stake is e z, and
the mean growth has a closed form:

    ½ ∫ (1 + e z) ln(1 + e z) dz = (1/2e) [½ u² ln u − ¼ u²] from 1 − e to 1 + e

Source: J. L. Kelly, "A New Interpretation of Information Rate", Bell System Technical Journal 35, 1956.
"""

from __future__ import annotations

import math


def kelly_fraction(probability: float) -> float:
    """Return f* = 2p − 1 for an even-money bet won with `probability`; negative: bet against it."""
    return 2.0 * probability - 1.0


def growth(fraction: float, probability: float) -> float:
    """Return the expected growth of log wealth per flip.

    Parameters
    ----------
    fraction : float
        Stake as a fraction of wealth, −1 < f < 1.
    probability : float
        Chance that the coin pays, 0 < p < 1.
    """
    return probability * math.log1p(fraction) + (1.0 - probability) * math.log1p(-fraction)


def contextual_growth(edge: float) -> float:
    """Return the mean growth of log wealth per flip of staking e z on p = ½ (1 + e z), z uniform on [−1, 1].

    Parameters
    ----------
    edge : float
        e, 0 < e < 1.
    """

    def primitive(u: float) -> float:
        return 0.5 * u * u * math.log(u) - 0.25 * u * u

    return (primitive(1.0 + edge) - primitive(1.0 - edge)) / (2.0 * edge)
