"""The bars of one asset without gaps, at the prices that labels are measured by.

Prices are free of the jumps of splits and dividends, as those of features. A delisting is a last bar at the price that
holders are paid: a label that reaches so far ends there. Without it the worst outcomes would have no label.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from backtester.signals.features.element import View

if TYPE_CHECKING:
    from backtester.bars import Bars

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Own:
    """One asset's bars in a row.

    Attributes
    ----------
    asset : int
        The column.
    rows : ndarray of int64, shape (n,)
        The row of each bar, increasing.
    open, high, low, close : ndarray of float64, shape (n,)
        Contiguous.
    paid_out : bool
        Whether the last one is no bar, but a delisting: what is held is paid at its price, and nothing can be bought.
    """

    asset: int
    rows: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    paid_out: bool


def own_bars(bars: Bars) -> Iterator[Own]:
    """Yield each asset's own bars."""
    prices = View(bars).prices
    delisting = prices.extras.get("delisting")
    columns = (prices.open, prices.high, prices.low, prices.close)
    for a in range(bars.n_assets):
        rows = np.flatnonzero(~np.isnan(prices.close[:, a])).astype(np.int64)
        whole = len(rows) == bars.n_bars
        own = [np.ascontiguousarray(c[:, a]) if whole else c[rows, a] for c in columns]
        paid = np.flatnonzero(~np.isnan(delisting[:, a])) if delisting is not None and rows.size else rows[:0]
        if delisting is not None and paid.size:
            rows = np.append(rows, paid[0])
            own = [np.append(column, delisting[paid[0], a]) for column in own]
        yield Own(a, rows, own[0], own[1], own[2], own[3], bool(paid.size))
