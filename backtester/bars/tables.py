"""One frame as a table of bars: its columns named, its times read, its rows split by symbol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from backtester.bars.check import bad
from backtester.bars.columns import ALIASES, plain, require, roles
from backtester.bars.stamps import read_stamps
from backtester.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Table:
    """A frame whose columns and times are understood.

    Attributes
    ----------
    frame : DataFrame
    symbol : str
        The name of its asset, or `""`.
    roles : dict
        Role → column label.
    stamps : DatetimeIndex
        One per row, naive or in a zone.
    time_column : str
        What the times were called.
    """

    frame: pd.DataFrame
    symbol: str
    roles: dict[str, Any]
    stamps: pd.DatetimeIndex
    time_column: str


def read_table(
    frame: Any, symbol: str, *, columns: Mapping[str, Any] | None, date_format: str | None, unit: str | None, tz: Any
) -> Table:
    """Return a frame as a table; the options are those of `from_frame`.

    Raises
    ------
    DataError
        If it is no frame, is empty, or a column or a time is missing or ambiguous.
    """
    import pandas as pd

    frame = as_pandas(frame, symbol)
    if isinstance(frame.columns, pd.MultiIndex):
        frame = _long(frame, symbol)
    if isinstance(frame.index, pd.MultiIndex):
        frame = frame.reset_index(names=_level_names(frame.index))
    labels = list(frame.columns)
    if not len(frame):
        raise bad("bars need two rows at least", "Pass more data", symbol=symbol, value="0 rows")
    if len(set(labels)) < len(labels):
        twice = next(str(c) for c in labels if labels.count(c) > 1)
        raise DataError(f"{symbol + ': ' if symbol else ''}column {twice!r} is there twice; rename one of the two")
    by_index = "time" not in (columns or {}) and _holds_times(frame.index)
    found = roles(labels, columns, time=not by_index)
    require(found, labels, symbol)
    values, name = _times(frame, found, symbol, by_index)
    stamps = read_stamps(values, column=name, symbol=symbol, date_format=date_format, unit=unit, tz=tz)
    return Table(frame, symbol, found, stamps, name)


def assets(table: Table) -> list[tuple[str, Ints]]:
    """Return (symbol, its rows) of each asset of a table, in the order of first appearance.

    Raises
    ------
    DataError
        If a row has no symbol.
    """
    column = table.roles.get("symbol")
    every = np.arange(len(table.frame))
    if column is None:
        return [(table.symbol or "ASSET", every)]
    import pandas as pd

    codes, names = pd.factorize(table.frame[column])
    if (codes < 0).any():
        raise bad(
            "every row of a long table has a symbol",
            "Fill it in, or drop the row",
            row=int(np.argmax(codes < 0)),
            column=str(column),
            value="missing",
        )
    if table.symbol and len(names) == 1:
        return [(table.symbol, every)]
    order = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(len(names) + 1))
    return [(str(n), order[bounds[i] : bounds[i + 1]]) for i, n in enumerate(names)]


def dates(values: pd.Series, symbol: str) -> npt.NDArray[Any]:
    """Return a session column as datetime64 days, or as the whole numbers it holds.

    Raises
    ------
    DataError
        If it holds neither.
    """
    import pandas as pd

    if pd.api.types.is_integer_dtype(values.dtype):
        return values.to_numpy(dtype=np.int64)
    try:
        stamps = pd.DatetimeIndex(pd.to_datetime(values, format=None if values.dtype != object else "ISO8601"))
    except (ValueError, TypeError) as error:
        raise DataError(f"{symbol}: the session column must hold dates: {error}") from None
    return np.asarray(stamps.tz_localize(None).to_numpy(), dtype="M8[D]")


def as_pandas(frame: Any, symbol: str) -> pd.DataFrame:
    """Return a DataFrame of pandas, polars or pyarrow as one of pandas.

    Raises
    ------
    DataError
        If it is something else.
    """
    import pandas as pd

    if isinstance(frame, pd.DataFrame):
        return frame
    if hasattr(frame, "to_pandas") and not isinstance(frame, pd.Series):
        converted = frame.to_pandas()
        if isinstance(converted, pd.DataFrame):
            return converted
    if hasattr(frame, "collect") and hasattr(frame, "collect_schema"):
        raise DataError(f"{symbol + ': ' if symbol else ''}got a {type(frame).__name__}; give frame.collect()")
    head = f"{symbol}: " if symbol else ""
    raise DataError(f"{head}got {type(frame).__name__}; give a DataFrame, or a mapping of symbol to DataFrame")


def _level_names(index: pd.MultiIndex) -> list[Any]:
    """Return the names of the levels; a level of times without a name is called time."""
    import pandas as pd

    return [
        name if name is not None else "time" if isinstance(level, pd.DatetimeIndex) else f"level {i}"
        for i, (name, level) in enumerate(zip(index.names, index.levels, strict=True))
    ]


def _holds_times(index: pd.Index) -> bool:
    """Return whether an index is the times: by its type, or by its name."""
    import pandas as pd

    if isinstance(index, pd.DatetimeIndex | pd.PeriodIndex):
        return True
    return index.name is not None and any(plain(index.name) in group for group in ALIASES["time"])


def _times(frame: pd.DataFrame, found: dict[str, Any], symbol: str, by_index: bool) -> tuple[pd.Series, str]:
    """Return the values that are the times, on a fresh index, and what they are called."""
    import pandas as pd

    if not by_index and "time" in found:
        values = frame[found["time"]].reset_index(drop=True)
        if "time_of_day" in found:
            clock = frame[found["time_of_day"]].reset_index(drop=True)
            return values.astype("str").str.strip() + " " + clock.astype("str").str.strip(), "date and time"
        return values, str(found["time"])
    index = frame.index
    if not by_index and pd.api.types.is_numeric_dtype(index.dtype):
        head = f"{symbol}: " if symbol else ""
        raise DataError(
            f"{head}no column for 'time'. Columns: {', '.join(str(c) for c in frame.columns)}. "
            "Name it with columns={'time': '…'}, or set a DatetimeIndex"
        )
    return pd.Series(index, index=range(len(index))), str(index.name or "index")


def _long(frame: pd.DataFrame, symbol: str) -> pd.DataFrame:
    """Return a frame with two column levels, prices and symbols, in long form."""
    import pandas as pd

    return pd.concat([piece.assign(symbol=name) for name, piece in by_symbol(frame, symbol).items()])


def by_symbol(frame: pd.DataFrame, symbol: str = "") -> dict[str, pd.DataFrame]:
    """Return symbol → frame of a frame with two column levels, prices and symbols, in either order.

    Raises
    ------
    DataError
        If there are not two levels, or no level holds open, high, low and close.
    """
    levels = frame.columns.nlevels
    prices = {"open", "high", "low", "close"}
    level = next((i for i in range(levels) if prices <= {plain(v) for v in frame.columns.get_level_values(i)}), None)
    if levels != 2 or level is None:
        raise DataError(
            f"{symbol + ': ' if symbol else ''}the columns have {levels} levels; give one level, {{symbol: frame}}, or "
            "two levels of which one holds open, high, low and close and the other the symbols"
        )
    pieces = {}
    for name in dict.fromkeys(frame.columns.get_level_values(1 - level)):
        piece = frame.xs(name, axis=1, level=1 - level).copy()
        piece.columns.name = None
        pieces[str(name)] = piece
    return pieces
