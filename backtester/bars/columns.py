"""Which column of a frame is what, and its numbers.

Names are compared without case, spaces, underscores, brackets and leading numbers (`Adj Close`, `<CLOSE>`,
`4. close`). Two columns for one role is an error, never a guess.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from backtester.bars.check import COLUMNS, bad, near
from backtester.errors import DataError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

#: role → names it goes by, in groups: a group is looked at only where those before it match nothing
ALIASES: dict[str, tuple[tuple[str, ...], ...]] = {
    "open": (("open",), ("openprice", "o")),
    "high": (("high",), ("highprice", "h")),
    "low": (("low",), ("lowprice", "l")),
    "close": (("close",), ("closeprice", "c")),
    "volume": (("volume",), ("vol", "v")),
    "time": (("time", "date", "datetime", "timestamp", "closetime", "opentime"), ("t",)),
    "symbol": (("symbol", "ticker", "asset", "instrument"),),
    "session": (("session",),),
    "session_end": (("sessionend",),),
    "adj_close": (("adjclose", "adjustedclose", "closeadj"),),
    "split": (("split",), ("splits", "stocksplits", "stocksplit", "splitratio", "splitfactor", "splitcoefficient")),
    "dividend": (("dividend",), ("dividends", "dividendamount", "exdividend", "divcash")),
    "funding": (("funding",), ("fundingrate",)),
    "delisting": (("delisting",), ("delistingprice",)),
}
ROLES = tuple(ALIASES)
#: roles that are extras of the bars, under the role's name
EXTRA_ROLES = ("adj_close", "split", "dividend", "funding", "delisting")


def plain(name: Any) -> str:
    """Return a column name as it is compared."""
    return re.sub(r"[^a-z0-9]", "", re.sub(r"^\s*\d+\.\s*", "", str(name)).lower())


def roles(labels: Sequence[Any], columns: Mapping[str, Any] | None, *, time: bool = True) -> dict[str, Any]:
    """Return role → column label of a frame.

    Parameters
    ----------
    labels : sequence
        The column labels of the frame.
    columns : mapping, optional
        role → label, from the user; it wins over names.
    time : bool
        Look for a time column; False where the index holds the times.

    Returns
    -------
    dict
        Only the roles that were found. A `date` beside a `time` column is returned as `time` and `time_of_day`.

    Raises
    ------
    DataError
        If a role or label is unknown, or a role has several candidates.
    """
    given = _given(labels, columns)
    taken = set(given.values())
    free = [label for label in labels if label not in taken]
    found = dict(given)
    for role, groups in ALIASES.items():
        if role in given or (role == "time" and not time):
            continue
        for group in groups:
            matching = [label for label in free if plain(label) in group]
            if role == "time" and sorted(plain(m) for m in matching) == ["date", "time"]:
                found["time"], found["time_of_day"] = sorted(matching, key=plain)
                break
            if len(matching) > 1:
                names = ", ".join(repr(str(m)) for m in matching)
                raise DataError(
                    f"columns {names} could all be {role!r}; say which: columns={{{role!r}: {str(matching[0])!r}}}"
                )
            if matching:
                found[role] = matching[0]
                break
    return found


def require(found: Mapping[str, Any], labels: Sequence[Any], symbol: str) -> None:
    """Raise where open, high, low or close has no column.

    Raises
    ------
    DataError
        Naming the role, what there is, and the nearest name.
    """
    for role in COLUMNS[:4]:
        if role in found:
            continue
        used = {label for key, label in found.items() if key != "adj_close"}
        by_plain = {plain(label): str(label) for label in reversed(labels) if label not in used}
        close_by = did_you_mean(role, by_plain) or next(
            (f"; did you mean {p!r}?" for p in by_plain if len(p) > 2 and role in p), ""
        )
        for key, label in by_plain.items():
            close_by = close_by.replace(repr(key), repr(label))
        head = f"{symbol}: " if symbol else ""
        raise DataError(
            f"{head}no column for {role!r}{close_by or '.'} Columns: {', '.join(str(c) for c in labels)}. "
            f"Name it with columns={{{role!r}: '…'}}"
        )


def extra_columns(labels: Sequence[Any], found: Mapping[str, Any], wanted: Sequence[str] | None) -> dict[str, Any]:
    """Return name → label of the columns that become extras: all that are left, or those in `wanted`.

    Raises
    ------
    DataError
        If a wanted column is not there, or a name is there twice.
    """
    used = {label for role, label in found.items() if role not in EXTRA_ROLES}
    own = {found[role]: role for role in EXTRA_ROLES if role in found}
    names: dict[str, Any] = {}
    for label in labels:
        if label in used:
            continue
        name = own.get(label) or str(label).strip(" <>")
        if name in names:
            raise DataError(f"two columns are called {name!r}; rename one of them")
        names[name] = label
    if wanted is None:
        return names
    for name in wanted:
        if name not in names:
            raise DataError(f"extras: no column {name!r}{near(name, names)} There is {list(names)}")
    return {name: names[name] for name in wanted}


def numbers(values: pd.Series, column: str, symbol: str, hint: str = "") -> npt.NDArray[np.float64]:
    """Return a column as float64; missing values become NaN.

    Raises
    ------
    DataError
        If it is not numeric: naming the first row that is no number, and the likely reason.
    """
    import pandas as pd

    dtype = values.dtype
    if pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype):
        if pd.api.types.is_complex_dtype(dtype):
            raise bad("prices are real numbers", "Convert the column", symbol=symbol, column=column, value=dtype)
        if isinstance(dtype, np.dtype):
            return values.to_numpy(dtype=np.float64)
        return values.to_numpy(dtype=np.float64, na_value=np.nan)
    if values.isna().all() and len(values):
        return np.full(len(values), np.nan)
    row, value = _first_text(values)
    raise bad(
        f"column {column!r} must hold numbers, and is {dtype}",
        _remedy(value, column, hint),
        symbol=symbol,
        row=row,
        column=column,
        value=value,
    )


def without_zeros(split: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return splits of a source with NaN for 0, by which some sources mean that there is none."""
    return np.where(split == 0, np.nan, split)


def _given(labels: Sequence[Any], columns: Mapping[str, Any] | None) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for role, label in (columns or {}).items():
        if role not in ROLES:
            turned = f" It reads our name → your column; turn {role!r}: {label!r} round." if label in ROLES else ""
            raise DataError(f"columns: no role {role!r}{near(role, ROLES)}{turned} Roles: {', '.join(ROLES)}")
        if label not in labels:
            names = [str(c) for c in labels]
            raise DataError(
                f"columns: {role!r} is to be {label!r}, and there is no such column"
                f"{near(label, names)} Columns: {', '.join(names)}"
            )
        if label in given.values():
            raise DataError(f"columns: {label!r} is named for two roles")
        given[role] = label
    return given


def _first_text(values: pd.Series) -> tuple[int, Any]:
    """Return (row, value) of the first value that is no number, or of the first value."""
    for row, value in enumerate(values.tolist()):
        if isinstance(value, str):
            try:
                float(value)
            except ValueError:
                return row, value
    present = np.flatnonzero(values.notna().to_numpy())
    row = int(present[0]) if present.size else 0
    return row, values.iloc[row] if len(values) else ""


def _remedy(value: Any, column: str, hint: str) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if re.fullmatch(r"-?\d{1,3}(,\d{3}){2,}(\.\d+)?|-?\d{1,3}(,\d{3})+\.\d+", text):
        return "This looks like a thousands separator; remove it from the source"
    if re.fullmatch(r"-?\d[\d.]*,\d+", text):
        return f"This looks like a decimal comma; {hint or 'convert the column to numbers first'}"
    if column in COLUMNS:
        return "Convert it to numbers: pandas.to_numeric(column)"
    return "Convert it to numbers, or leave it out (extras=[…] names the columns to keep)"
