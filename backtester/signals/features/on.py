"""`On`: any feature of longer bars, as known on the clock of the shorter ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from backtester.bars.freq import parse
from backtester.errors import DataError, FeatureError
from backtester.signals.features.element import View
from backtester.signals.features.external import External
from backtester.signals.features.wrapper import Wrapper, side_by_side

if TYPE_CHECKING:
    from backtester.signals.features.feature_set import Element

Floats = npt.NDArray[np.float64]


class On(Wrapper):
    """A feature of longer bars: at each bar, its value at the last longer bar that is over by then.

    Parameters
    ----------
    freq : str
        The step of the longer bars: `"1h"`, `"1D"`, `"1W"`, `"1ME"`, … as `Bars.on` takes it.
    feature : Feature, str or callable
        Any element, as it stands in `Features([…])`, computed from the longer bars.
    name : str, optional
        Of the column. Default: `rsi(14)@1W`, which as text makes it too.

    Attributes
    ----------
    feature : Feature
    freq : str

    Raises
    ------
    FeatureError
        If the step or the feature is unknown, one name is given for several columns, or the feature is an array whose
        rows have no times.

    Notes
    -----
    A longer bar is over at the end of its period (`backtester.bars.resample.Higher`), so the bar that is still forming
    is never seen. Where an asset had no bar in a period, that of its last one stands. NaN where the asset has no bar.

    Examples
    --------
    >>> On("1W", "rsi(14)").columns
    ('rsi(14)@1W',)
    """

    kind: ClassVar[str] = "on"

    def __init__(self, freq: str, feature: Element, *, name: str | None = None):
        if not isinstance(freq, str):
            raise FeatureError(f"On: freq is {freq!r} ({type(freq).__name__}); it is text such as '1D' or '1W'")
        try:
            parse(freq)
        except DataError as error:
            raise FeatureError(f"On: {error}") from None
        self.freq = freq.strip()
        self._wrap(feature, name)
        for part in self.feature.parts():
            if isinstance(part, External) and part.by_position:
                raise FeatureError(
                    f"On: feature {part.columns[0]!r} is an array without times, and its rows cannot be those of "
                    "longer bars; give it timestamps="
                )

    def title(self, column: str) -> str:
        """Return the name of what is made of a column, as text that makes it."""
        return f"{column}@{self.freq}"

    def compute(self, view: View) -> npt.ArrayLike:
        """Return the values for the bars of `view`, [n_bars, n_assets]."""
        higher, longer = view.on(self.freq)
        absent, gone = np.isnan(longer.bars.close), np.isnan(view.bars.close)
        found = []
        for values in self.inner(longer):
            shown = np.array(higher.align(_of_last_bar(values, absent) if absent.any() else values))
            shown[gone] = np.nan
            found.append(shown)
        return side_by_side(found)

    def spec(self) -> dict[str, Any]:
        """Return what rebuilds it, as values that JSON can hold."""
        return {**super().spec(), "freq": self.freq}


def _of_last_bar(values: Floats, absent: npt.NDArray[np.bool_]) -> Floats:
    """Return values in which an asset's last bar stands in where it is absent and has none."""
    rows = np.arange(len(values))[:, np.newaxis]
    last = np.maximum.accumulate(np.where(absent, -1, rows), axis=0)
    found = np.where(last < 0, np.nan, np.take_along_axis(values, np.maximum(last, 0), axis=0))
    return np.where(absent & np.isnan(values), found, values)
