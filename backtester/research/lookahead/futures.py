"""Other worlds with the same past: bars whose later rows are replaced, taken away, or stand still; or that begin later.

Two replacements are tried at every cut, because one alone hides leaks: a maximum does not show that later prices are
lower, nor a minimum that they are higher, nor the colour of the next bar that all its prices are twice as high.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from backtester.bars.check import COLUMNS

if TYPE_CHECKING:
    from backtester.bars import Bars

Floats = npt.NDArray[np.float64]

_UP, _DOWN = 1.5, -1.0  # logarithms of what later prices are multiplied by
_WALK_UP, _WALK_DOWN = 0.05, 0.02  # standard deviations of the walks that are added, per row
_IN_MONEY = ("adj_close", "dividend", "delisting")  # extras in money per unit
_EVENTS = ("split", "dividend", "funding", "delisting")
_MIRRORED = {"high": "low", "low": "high"}


def raised(bars: Bars, row: int, seed: int) -> Bars:
    """Return bars with other prices from `row` on: more than four times as high, times a random walk.

    Each bar keeps its shape; volume is multiplied by random factors. Missing bars stay missing, and events stay, those
    in money with the prices. All other extras get values of other rows. Timestamps, sessions and symbols stay.
    """
    return _changed(bars, row, np.random.default_rng([seed, row, 1]), _UP, _WALK_UP, mirror=False)


def lowered(bars: Bars, row: int, seed: int) -> Bars:
    """Return bars with other prices from `row` on: each bar upside down, a third as high, times a random walk.

    What rose falls as much, within bars and between them. Where prices of zero and below are allowed they are mirrored
    by difference, else by ratio. No event happens from `row` on; the rest as in `raised`.
    """
    return _changed(bars, row, np.random.default_rng([seed, row, 2]), _DOWN, _WALK_DOWN, mirror=True)


def deleted(bars: Bars, row: int, seed: int = 0) -> Bars:
    """Return the bars before `row`, with the engine's calendar as it was: when sessions end is known beforehand."""
    part = bars[:row]
    whole = bars.market
    market = part.market
    if whole.calendar is not None:
        object.__setattr__(market, "calendar", whole.calendar[:row])
    market.__dict__["session_ends"] = whole.session_ends[:row]
    return part


#: what is done to later bars, by the words of the report; each `f(bars, row, seed)`
WORLDS: dict[str, Callable[[Bars, int, int], Bars]] = {"raised": raised, "lowered": lowered, "deleted": deleted}


def standing_still(bars: Bars, row: int) -> Bars:
    """Return bars in which no price moves after `row`, and no event happens."""
    last = _last_known(bars.close[: row + 1])
    changed: dict[str, Floats] = {}
    for name in (*COLUMNS, *bars.extras):
        column = np.array(bars[name])
        later = column[row + 1 :]
        if name in _EVENTS:
            later[:] = np.nan
        elif name != "volume" and name in COLUMNS:
            later[:] = np.where(np.isnan(later), np.nan, last)
        changed[name] = column
    return _made(bars, changed)


def _changed(bars: Bars, row: int, rng: np.random.Generator, shift: float, walk: float, mirror: bool) -> Bars:
    later = (bars.n_bars - row, bars.n_assets)
    factor = np.exp(shift + np.cumsum(rng.normal(0.0, walk, later), axis=0))
    traded = np.exp(rng.normal(1.0 if mirror else -0.5, 1.0, later))
    places = rng.integers(0, bars.n_bars, later[0])
    pivot = _last_known(bars.close[:row]) if row else _first_known(bars.close)
    changed = {}
    for name in (*COLUMNS, *bars.extras):
        column = np.array(bars[name])
        tail = column[row:]
        if name == "volume":
            tail *= traded
        elif name in _EVENTS and mirror:
            tail[:] = np.nan
        elif name in COLUMNS or name == "adj_close":
            source = np.array(bars[_MIRRORED.get(name, name)][row:]) if mirror else tail
            tail[:] = (_mirrored(source, pivot, bars.allow_negative) if mirror else source) * factor
        elif name in _IN_MONEY:
            tail *= factor
        elif name not in _EVENTS:
            tail[:] = bars[name][places]
        changed[name] = column
    return _made(bars, changed)


def _mirrored(prices: Floats, pivot: Floats, by_difference: bool) -> Floats:
    """Return prices as far below the pivots as they were above."""
    known = np.where(np.isnan(pivot), _first_known(prices), pivot)
    return 2.0 * known - prices if by_difference else known * (known / prices)


def _last_known(values: Floats) -> Floats:
    """Return the last number of each column, NaN where there is none."""
    return _first_known(values[::-1])


def _first_known(values: Floats) -> Floats:
    rows = np.argmax(~np.isnan(values), axis=0)
    return np.asarray(np.take_along_axis(values, rows[None, :], axis=0)[0])


def _made(bars: Bars, columns: dict[str, Floats]) -> Bars:
    return bars._make(
        bars.timestamps,
        [columns[name] for name in COLUMNS],
        bars.symbols,
        {name: columns[name] for name in bars.extras},
        bars._sessions,
        bars._session_ends,
        bars.name,
        bars.allow_negative,
    )
