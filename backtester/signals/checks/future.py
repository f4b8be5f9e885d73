"""`other_future`: the same bars up to a row, and another market after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from backtester.bars.check import COLUMNS
from backtester.errors import SettingsError

if TYPE_CHECKING:
    from backtester.bars import Bars

_STEP = 0.05  # standard deviation of the logarithm of what prices are multiplied by, from one row to the next
_PRICES = ("adj_close", "dividend", "delisting")  # extras in money per unit, which move with the prices
_RATES = ("split", "funding")  # extras that mean the same at any price


def other_future(bars: Bars, row: int, *, seed: int = 0) -> Bars:
    """Return bars that are the same before a row, and have other prices and volumes from it on.

    Prices are multiplied by a random walk, one for each asset, so that the high of a bar stays its highest price.
    Missing bars stay missing. Splits and funding stay; dividends and delistings move with the prices; the rows of all
    other extras change places.

    Parameters
    ----------
    bars : Bars
    row : int
        The first row that is another, 1 to n_bars − 1.
    seed : int
        Of the walk.

    Raises
    ------
    SettingsError
        If there is no such row.
    """
    if isinstance(row, bool) or not isinstance(row, int | np.integer) or not 0 < row < bars.n_bars:
        raise SettingsError(f"other_future: row is {row!r}; it is a row from 1 to {bars.n_bars - 1}")
    rng = np.random.default_rng([seed, int(row)])
    later = (bars.n_bars - row, bars.n_assets)
    price = np.exp(np.cumsum(rng.normal(0.0, _STEP, later), axis=0))
    traded = np.exp(rng.normal(0.0, 1.0, later))
    places = rng.permutation(later[0])
    changed = {}
    for name in (*COLUMNS, *bars.extras):
        column = np.array(bars[name])
        if name == "volume":
            column[row:] *= traded
        elif name in COLUMNS or name in _PRICES:
            column[row:] *= price
        elif name not in _RATES:
            column[row:] = column[row:][places]
        changed[name] = column
    return bars._make(
        bars.timestamps,
        [changed[name] for name in COLUMNS],
        bars.symbols,
        {name: changed[name] for name in bars.extras},
        bars._sessions,
        bars._session_ends,
        bars.name,
        bars.allow_negative,
    )
