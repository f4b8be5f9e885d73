"""`CrossSectional` and `Rank`: any feature, compared among the assets at the same bar."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from backtester.errors import FeatureError, did_you_mean
from backtester.indicators import cross_rank, cross_zscore
from backtester.signals.features.element import View
from backtester.signals.features.wrapper import Wrapper, side_by_side

if TYPE_CHECKING:
    from backtester.signals.features.feature_set import Element

Floats = npt.NDArray[np.float64]
Method = Literal["rank", "zscore", "demean"]


def _zscore(values: Floats) -> Floats:
    """Return z-scores, 0 where all assets of a bar have one value."""
    found = cross_zscore(values)
    return np.where(np.isnan(found) & ~np.isnan(values), 0.0, found)


def _demean(values: Floats) -> Floats:
    """Return values less the mean of the assets that have one."""
    there = ~np.isnan(values)
    mean: Floats = np.sum(values, axis=1, where=there) / np.maximum(there.sum(axis=1), 1)
    return values - mean[:, np.newaxis]


_METHODS = {"rank": ("rank", cross_rank), "zscore": ("cross_zscore", _zscore), "demean": ("demean", _demean)}


class CrossSectional(Wrapper):
    """A feature of an asset among those of the others at the bar.

    Parameters
    ----------
    feature : Feature, str or callable
        Any element, as it stands in `Features([…])`; of several columns each is compared by itself.
    method : {"rank", "zscore", "demean"}
        The rank as a fraction, above 0 to 1, equal values sharing the mean of their ranks (`cross_rank`); the value
        less the assets' mean, in their standard deviations (population), 0 where all are equal; or less their mean.
    name : str, optional
        Of the column. Default: `rank(rsi(14))`, `cross_zscore(rsi(14))`, `demean(rsi(14))`, which as text make it too.

    Attributes
    ----------
    feature : Feature
    method : str

    Raises
    ------
    FeatureError
        If the feature or the method is unknown, or one name is given for several columns.

    Notes
    -----
    Assets without a value at the bar are not counted, and have none. Bar t uses row t of the feature alone.

    Examples
    --------
    >>> CrossSectional("rsi(14)", "rank").columns
    ('rank(rsi(14))',)
    """

    kind: ClassVar[str] = "cross_sectional"

    def __init__(self, feature: Element, method: Method, *, name: str | None = None):
        if method not in _METHODS:
            near = did_you_mean(str(method), _METHODS)
            raise FeatureError(f"CrossSectional: method is {method!r}{near}; one of {', '.join(map(repr, _METHODS))}")
        self.method = method
        self._wrap(feature, name)

    def title(self, column: str) -> str:
        """Return the name of what is made of a column, as text that makes it."""
        return f"{_METHODS[self.method][0]}({column})"

    def compute(self, view: View) -> npt.ArrayLike:
        """Return the values for the bars of `view`, NaN where the feature is."""
        compare = _METHODS[self.method][1]
        return side_by_side([compare(values) for values in self.inner(view)])

    def spec(self) -> dict[str, Any]:
        """Return what rebuilds it, as values that JSON can hold."""
        return {**super().spec(), "method": self.method}


class Rank(CrossSectional):
    """The rank of a feature among the assets at the bar, above 0 to 1: `CrossSectional(feature, "rank")`.

    Parameters
    ----------
    feature : Feature, str or callable
        Any element, as it stands in `Features([…])`.
    name : str, optional
        Of the column. Default: `rank(rsi(14))`.
    """

    def __init__(self, feature: Element, *, name: str | None = None):
        super().__init__(feature, "rank", name=name)
