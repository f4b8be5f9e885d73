"""Markets of which it is known whether there is anything to find in them.

A close is the one before times 1 + r. Where E[r] is 0 whatever was before, every strategy earns 0 on average before
costs, the best of many too: what it has earned is luck. Opens are the closes before, so that an order fills at the
price it was decided at, and the simple returns of a strategy are its positions times r.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from backtester import Bars

SIGMA = 0.01  # deviation of r, a day
DAY = 86_400_000_000_000
KINDS = ("normal", "clustered")


def returns(kind: str, phi: float, n: int, seed: int) -> npt.NDArray[np.float64]:
    """Return n simple returns r with mean 0 and deviation `SIGMA`.

    Parameters
    ----------
    kind : {"normal", "clustered"}
        Normal shocks; or those of a GARCH(1, 1) with Student's t of 5 degrees of freedom: fat tails, and quiet and wild
        times, σ²_t = (1 − 0.1 − 0.85)·SIGMA² + 0.1·r²_{t−1} + 0.85·σ²_{t−1} (T. Bollerslev, "A Conditionally
        Heteroskedastic Time Series Model for Speculative Prices and Rates of Return", Review of Economics and
        Statistics 69 (1987)).
    phi : float
        What is planted: r_t = φ·r_{t−1} + √(1 − φ²)·shock.
    n : int
    seed : int
    """
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    if kind == "normal":
        shocks = rng.normal(0.0, SIGMA, n)
    else:
        shocks = _clustered(rng.standard_t(5.0, n) * math.sqrt(3.0 / 5.0))
    found = np.empty(n)
    before, rest = 0.0, math.sqrt(1.0 - phi * phi)
    for t, shock in enumerate(shocks.tolist()):
        before = phi * before + rest * shock
        found[t] = before
    return np.maximum(found, -0.5)


def _clustered(z: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    found, variance = np.empty(len(z)), SIGMA**2
    for t, one in enumerate(z.tolist()):
        found[t] = math.sqrt(variance) * one
        variance = 0.05 * SIGMA**2 + 0.1 * found[t] ** 2 + 0.85 * variance
    return found


def market(kind: str, phi: float, n_bars: int, seed: int) -> Bars:
    """Return daily bars with these returns; of `n_bars` the first has none."""
    close = 100.0 * np.cumprod(np.concatenate([[1.0], 1.0 + returns(kind, phi, n_bars - 1, seed)]))
    open_ = np.concatenate([close[:1], close[:-1]])
    columns = [one[:, None] for one in (open_, np.maximum(open_, close), np.minimum(open_, close), close)]
    return Bars.from_arrays(DAY * np.arange(1, n_bars + 1), *columns, np.full((n_bars, 1), 1e6))
