"""`Lag`: any feature as it was some bars ago."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from backtester.indicators._arrays import read_only, read_period
from backtester.kernel.jit import kernel_jit
from backtester.signals.features.element import View
from backtester.signals.features.wrapper import Wrapper, side_by_side

if TYPE_CHECKING:
    from backtester.signals.features.feature_set import Element

Floats = npt.NDArray[np.float64]


class Lag(Wrapper):
    """A feature as it was `k` of the asset's own bars ago.

    Parameters
    ----------
    feature : Feature, str or callable
        Any element, as it stands in `Features([…])`.
    k : int
        Bars back, 1 or more; bars that the asset missed are not counted.
    name : str, optional
        Of the column. Default: `lag(rsi(14), 5)`, which as text makes it too.

    Attributes
    ----------
    feature : Feature
    k : int

    Raises
    ------
    FeatureError
        If the feature is unknown, or one name is given for several columns.
    SettingsError
        If `k` is not an int, or below 1.

    Notes
    -----
    NaN at the asset's first k bars, where the feature was NaN, and in gaps.

    Examples
    --------
    >>> Lag("log_return(1)", 2).columns
    ('lag(log_return(1), 2)',)
    """

    kind: ClassVar[str] = "lag"

    def __init__(self, feature: Element, k: int = 1, *, name: str | None = None):
        self.k = read_period("Lag", "k", k)
        self._wrap(feature, name)

    def title(self, column: str) -> str:
        """Return the name of what is made of a column, as text that makes it."""
        return f"lag({column}, {self.k})"

    def compute(self, view: View) -> npt.ArrayLike:
        """Return the values for the bars of `view`, [n_bars, n_assets]."""
        found = []
        for values in self.inner(view):
            out = np.empty(values.shape)
            _lag(read_only(np.ascontiguousarray(values)), view.bars.close, self.k, out)
            found.append(out)
        return side_by_side(found)

    def spec(self) -> dict[str, Any]:
        """Return what rebuilds it, as values that JSON can hold."""
        return {**super().spec(), "k": self.k}


@kernel_jit()
def _lag(values, close, k, out):
    """Write the value k own bars before each bar; a ring holds the last k of each asset."""
    n_bars, n_assets = values.shape
    ring = np.full((min(k, n_bars), n_assets), np.nan)
    place = np.zeros(n_assets, np.int64)
    for t in range(n_bars):
        for a in range(n_assets):
            out[t, a] = np.nan
            if close[t, a] == close[t, a]:
                if k <= n_bars:
                    out[t, a] = ring[place[a], a]
                ring[place[a], a] = values[t, a]
                place[a] = place[a] + 1 if place[a] + 1 < ring.shape[0] else 0
