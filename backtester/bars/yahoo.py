"""Frames of Yahoo's prices, as yfinance hands them out: what they are adjusted for, and what is left to pay.

Yahoo's prices, volumes and dividends are in shares of today: a split divides all that came before it. `Adj Close` is
the close adjusted for dividends as well, and with `auto_adjust=True` all four prices are, and it is gone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from backtester.bars.check import COLUMNS, bad
from backtester.bars.clock import stamp_text
from backtester.bars.columns import numbers, plain
from backtester.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]

ACTIONS = ("dividends", "stocksplits", "capitalgains", "repaired")
MADE = ("split", "dividend")  #: the extras made of them


def yahoo(frame: pd.DataFrame, symbol: str, as_traded: bool, sort: bool) -> pd.DataFrame:
    """Return one asset's frame with `split` and `dividend`, as far as its prices leave them out.

    `as_traded` multiplies prices and dividends back by the splits that follow, within the frame, and divides volume.
    Without an `Adj Close` prices are adjusted for all, so there is nothing left to pay or to split.

    Raises
    ------
    DataError
        If an event is negative or infinite, or capital gains may be in the dividends already.
    """
    frame = without_gaps(frame, symbol, ACTIONS[:3])
    if sort:
        frame = frame.sort_index(kind="stable")
    named = {plain(column): column for column in frame.columns}
    rest = frame.drop(columns=[named[name] for name in ACTIONS if name in named])
    if "adjclose" not in named:
        return rest
    taken = next((name for name in MADE if name in rest.columns), None)
    if taken is not None:
        raise DataError(
            f"{symbol + ': ' if symbol else ''}there is a column {taken!r} already, and Yahoo's events become that "
            "one. Rename or drop it"
        )
    later = np.ones(len(frame))
    new = {}
    if "stocksplits" in named and as_traded:
        split = _events(frame, named["stocksplits"], symbol)
        split[split == 0.0] = 1.0
        later = np.append(np.cumprod(split[:0:-1])[::-1], 1.0)  # the product of the splits after each row
        new["split"] = split
    if "dividends" in named:
        new["dividend"] = (_events(frame, named["dividends"], symbol) + _capital_gains(frame, named, symbol)) * later
    for name in (*COLUMNS[:4], "volume"):
        if name in named:
            values = numbers(rest[named[name]], str(named[name]), symbol)
            new[named[name]] = values / later if name == "volume" else values * later
    return rest.assign(**new)


def _events(frame: pd.DataFrame, column: Any, symbol: str) -> Floats:
    """Return a column of events, 0 where there is none.

    Raises
    ------
    DataError
        If one is negative or infinite.
    """
    values = np.nan_to_num(numbers(frame[column], str(column), symbol), nan=0.0, posinf=np.inf, neginf=-np.inf)
    wrong = ~((values >= 0) & (values < np.inf))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise bad(
            f"{column} are above zero, or 0 for none",
            "Correct the row, or set it to 0",
            symbol=symbol,
            row=row,
            time=stamp_text(frame.index[row]),
            column=str(column),
            value=float(values[row]),
        )
    return values


def _capital_gains(frame: pd.DataFrame, named: Mapping[str, Any], symbol: str) -> Floats:
    """Return the capital gains of a fund, which are paid as dividends are.

    Raises
    ------
    DataError
        If there are some, and the frame was not repaired: Yahoo often has them in `Dividends` already.
    """
    if "capitalgains" not in named:
        return np.zeros(len(frame))
    gains = _events(frame, named["capitalgains"], symbol)
    if gains.any() and "repaired" not in named:
        row = int(np.argmax(gains > 0))
        raise bad(
            "Yahoo may have counted capital gains in Dividends as well, and they would be paid twice",
            "Download with repair=True, which tells; or drop this column, and Dividends alone are paid",
            symbol=symbol,
            row=row,
            time=stamp_text(frame.index[row]),
            column=str(named["capitalgains"]),
            value=float(gains[row]),
        )
    return gains


def without_gaps(frame: pd.DataFrame, symbol: str, events: Sequence[str] = ()) -> pd.DataFrame:
    """Return a frame without the rows that have no price and no event.

    A download of several symbols has the rows of all of them for each.

    Raises
    ------
    DataError
        If there are no prices at all.
    """
    prices = [column for column in frame.columns if plain(column) in COLUMNS[:4]]
    if len(prices) < 4 or not len(frame):
        return frame  # refused when it is read
    there = frame[prices].notna().any(axis=1).to_numpy(copy=True)
    if not there.any():
        raise bad("there is not one price; did the download fail?", "Leave the symbol out", symbol=symbol)
    for column in frame.columns:
        if plain(column) in events:
            there |= frame[column].fillna(0).to_numpy() != 0
    return frame[there]
