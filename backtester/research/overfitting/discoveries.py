"""Which of many strategies to call discoveries, so that few of them are false."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from backtester.errors import SettingsError
from backtester.metrics import arguments as check

_METHODS = ("bh", "by", "storey")


@dataclass(frozen=True, eq=False)
class Discoveries:
    """What `false_discovery_rate` finds.

    Attributes
    ----------
    q_values : float64 [n]
        The lowest level at which each is a discovery, in the order of the p-values.
    rejected : bool [n]
        The discoveries: q ≤ level.
    null_fraction : float
        π₀, the fraction of strategies without skill that the method takes; 1 but for "storey".
    level : float
    method : str
    """

    q_values: np.ndarray = field(repr=False)
    rejected: np.ndarray = field(repr=False)
    null_fraction: float
    level: float
    method: str

    def __str__(self) -> str:
        n = int(self.rejected.sum())
        return (
            f"{n:,} discover{'y' if n == 1 else 'ies'} of {len(self.rejected):,} at level {self.level:g} "
            f"({self.method}); lowest q-value {self.q_values.min():.3g}"
        )


def false_discovery_rate(
    p_values: ArrayLike, level: float = 0.05, method: str = "bh", *, threshold: float = 0.5
) -> Discoveries:
    """Choose discoveries among many tests, such that a fraction of at most `level` of them is expected to be false.

    With p-values in ascending order p₍₁₎ … p₍ₙ₎: q₍ᵢ₎ = min over j ≥ i of c·n·p₍ⱼ₎/j, at most 1.

    Parameters
    ----------
    p_values : array_like, float64 [n]
        One per strategy, 0 to 1. 1 − `probabilistic_sharpe` is one.
    level : float
    method : {"bh", "by", "storey"}
        "bh", c = 1: holds for independent and for positively dependent tests. "by", c = Σ 1/i: for any dependence.
        "storey", c = π₀ = min(1, #{p > λ}/((1 − λ)·n)): finds more where many strategies have skill; weak dependence.
    threshold : float
        λ of "storey".

    Returns
    -------
    Discoveries

    Raises
    ------
    SettingsError
        A p-value is outside 0 to 1 or NaN, there is none, or the method is unknown.

    Notes
    -----
    Y. Benjamini and Y. Hochberg, "Controlling the False Discovery Rate", Journal of the Royal Statistical Society B 57
    (1), 1995, whose example has 4 discoveries among 15; Y. Benjamini and D. Yekutieli, "The Control of the
    False Discovery Rate in Multiple Testing under Dependency", Annals of Statistics 29 (4), 2001, theorem 1.3; J. D.
    Storey, "A Direct Approach to False Discovery Rates", Journal of the Royal Statistical Society B 64 (3), 2002.
    """
    values = check.series(p_values, "p_values", 1, "test")
    outside = (values < 0.0) | (values > 1.0)
    if outside.any():
        at = int(np.argmax(outside))
        raise SettingsError(f"p_values at {at} is {values[at]}; it must be 0 to 1")
    level = check.fraction(level, "level")
    check.choice(method, "method", _METHODS)
    n = len(values)
    ranks = np.arange(1, n + 1)
    null_fraction = 1.0
    factor = 1.0
    if method == "by":
        factor = float(np.sum(1.0 / ranks))
    elif method == "storey":
        cut = check.fraction(threshold, "threshold")
        null_fraction = factor = min(1.0, float(np.sum(values > cut)) / ((1.0 - cut) * n))
    order = np.argsort(values, kind="stable")
    scaled = factor * n * values[order] / ranks
    q_values = np.empty(n)
    q_values[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return Discoveries(q_values, q_values <= level, null_fraction, level, method)
