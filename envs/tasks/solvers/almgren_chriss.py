"""Selling a block by a deadline: the schedule of Almgren and Chriss, in closed form.

X units are sold in N trades of n_1 … n_N, one per period of length τ; x_k = X − n_1 − … − n_k is left after trade k.
With permanent impact γ per unit, temporary impact ε + η n/τ per unit and volatility σ, the expected shortfall and its
variance are

    E = ½ γ X² + ε X + (η̃/τ) Σ n_k²,   η̃ = η − ½ γ τ          V = σ² τ Σ x_k²

and E + λV is least for x_k = X sinh(κ(T − kτ)) / sinh(κT), where 2 cosh(κτ) − 2 = λσ²τ²/η̃.

Source: R. Almgren and N. Chriss, "Optimal execution of portfolio transactions", Journal of Risk 3, 2000, equations
(5) to (20).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Market:
    """What it costs to sell, and how much the seller minds risk.

    Attributes
    ----------
    quantity : float
        X, units to sell.
    periods : int
        N, number of trades.
    horizon : float
        T = Nτ, in units of time.
    volatility : float
        σ, standard deviation of the price per √time.
    permanent, temporary, spread : float
        γ (price per unit sold), η (price per unit sold per time) and ε (price).
    risk_aversion : float
        λ, per money.
    """

    quantity: float
    periods: int
    horizon: float
    volatility: float
    permanent: float
    temporary: float
    spread: float
    risk_aversion: float

    @property
    def period(self) -> float:
        """τ, the time between two trades."""
        return self.horizon / self.periods

    @property
    def adjusted(self) -> float:
        """η̃ = η − ½ γ τ, what of the temporary impact counts."""
        return self.temporary - 0.5 * self.permanent * self.period


def urgency(market: Market) -> float:
    """Return κ, per time: after 1/κ about a fraction 1/e of the block is left."""
    square = market.risk_aversion * market.volatility**2 / market.adjusted
    return math.acosh(1.0 + 0.5 * square * market.period**2) / market.period


def optimal_schedule(market: Market) -> Floats:
    """Return x_0 … x_N, what is left after each trade; shape (periods + 1,), from `quantity` to 0."""
    left = market.horizon - market.period * np.arange(market.periods + 1)
    left[-1] = 0.0
    kappa = urgency(market)
    if kappa == 0.0:
        return twap_schedule(market)
    return market.quantity * np.sinh(kappa * left) / math.sinh(kappa * market.horizon)


def twap_schedule(market: Market) -> Floats:
    """Return x_0 … x_N of equal trades; shape (periods + 1,)."""
    return market.quantity * (1.0 - np.arange(market.periods + 1) / market.periods)


def objective(market: Market, left: Floats) -> float:
    """Return E + λV, in money, of a schedule.

    Parameters
    ----------
    market : Market
    left : ndarray, shape (periods + 1,)
        x_0 … x_N.
    """
    sold = -np.diff(left)
    x = market.quantity
    shortfall = 0.5 * market.permanent * x * x + market.spread * x
    shortfall += market.adjusted / market.period * float(np.sum(sold * sold))
    variance = market.volatility**2 * market.period * float(np.sum(left[1:] ** 2))
    return shortfall + market.risk_aversion * variance
