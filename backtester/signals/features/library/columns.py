"""A column that came with the bars, as a feature."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from backtester.signals.features.library._register import register

if TYPE_CHECKING:
    from backtester.bars import Bars

Floats = npt.NDArray[np.float64]


@register(as_given=True)
def column(bars: Bars, extra: str) -> Floats:
    """The `extra` of the bars as it is. It has the unit it came with, and was known when its source says."""
    return bars[extra]
