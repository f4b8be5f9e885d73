"""Which bars a fitted model is explained on: those it was not fitted on, unless it is said otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from backtester.bars.check import time_text
from backtester.bars.slices import rows as rows_of
from backtester.errors import ModelError

if TYPE_CHECKING:
    from backtester.bars import Bars
    from backtester.signals.fitting.fitted import FittedModel


def rows_to_explain(fitted: FittedModel, bars: Bars, rows: Any, in_sample: bool) -> npt.NDArray[np.int64]:
    """Return the positions of the bars to look at, increasing, one at least.

    Parameters
    ----------
    fitted : FittedModel
    bars : Bars
    rows : slice, date or text, or None
        None is all bars.
    in_sample : bool
        Whether bars up to `fitted.trained_until` are among them.

    Raises
    ------
    ModelError
        If none is left.
    """
    chosen = slice(0, bars.n_bars) if rows is None else rows_of(bars, rows)
    found = np.arange(chosen.start, chosen.stop, dtype=np.int64)
    if not in_sample:
        found = found[bars.timestamps[found] > fitted.trained_until]
    if not found.size:
        raise ModelError(
            f"explain: the model was fitted on data up to {time_text(fitted.trained_until)}, and no bar to look at "
            "closes after that; give later bars, or in_sample=True"
        )
    return found
