"""From what a source holds in its time column to a DatetimeIndex, without guessing.

Text is read as ISO 8601 (also with `/` or `.`); day-first and month-first dates are told apart by the values, and
refused where the values leave it open. Whole numbers are seconds, milliseconds, microseconds or nanoseconds since
1970 by their size, or dates written YYYYMMDD.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.bars.check import bad, refuse, time_findings
from backtester.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

_ZONE = r"(?:Z|z|UTC|[+-]\d{2}:?\d{2})$"
_YEAR_FIRST = r"^\s*\d{4}([./-]?)\d{1,2}\1\d{1,2}"
_NUMERIC = re.compile(r"^\s*(\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d{2})(.*)$")
_NAMED = ("%d-%b-%Y", "%d %b %Y", "%b %d, %Y", "%b %d %Y", "%d %B %Y", "%B %d, %Y", "%d-%b-%y")
_UNITS = ((1e11, "s"), (1e14, "ms"), (1e17, "us"), (np.inf, "ns"))


def read_stamps(
    values: pd.Series, *, column: str, symbol: str, date_format: str | None, unit: str | None, tz: Any
) -> pd.DatetimeIndex:
    """Return the times of a column: naive, or in one zone.

    Parameters
    ----------
    values : Series
        datetime64 (naive or in a zone), text, datetimes, or whole numbers.
    column, symbol : str
        For errors.
    date_format : str, optional
        `strptime` format of text; ends every question.
    unit : {"s", "ms", "us", "ns"}, optional
        Of whole numbers since 1970-01-01 UTC.
    tz : optional
        The zone the user declared; offsets may then differ between rows.

    Raises
    ------
    DataError
        If a time is missing or cannot be read, day and month cannot be told apart, or zones are mixed.
    """
    import pandas as pd

    dtype = values.dtype
    if isinstance(dtype, pd.PeriodDtype):
        raise DataError(f"{column!r} holds periods; give times: index.to_timestamp(), with label='open' or 'date'")
    if isinstance(dtype, pd.ArrowDtype) and pd.api.types.is_datetime64_any_dtype(dtype):
        values = pd.Series(pd.DatetimeIndex(values))
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        stamps = pd.DatetimeIndex(values)
    elif pd.api.types.is_bool_dtype(dtype):
        raise DataError(f"{column!r} holds {dtype}; a time column holds times")
    elif pd.api.types.is_numeric_dtype(dtype):
        stamps = _from_numbers(values, column, symbol, unit)
    else:
        stamps = _from_objects(values, column, symbol, date_format, unit, tz)
    if stamps.hasnans:
        # the rule for NaT, with every row that breaks it
        refuse([f for f in time_findings(np.array(stamps.asi8), symbol) if f.value == "NaT"])
    return stamps


def _from_numbers(values: pd.Series, column: str, symbol: str, unit: str | None) -> pd.DatetimeIndex:
    import pandas as pd

    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    known = numbers[~np.isnan(numbers)]
    if unit is None and known.size and ((known >= 19_000_101) & (known <= 21_001_231)).all():
        text = pd.Series(np.where(np.isnan(numbers), 0, numbers)).astype(np.int64).astype(str)
        days = pd.to_datetime(text, format="%Y%m%d", errors="coerce")
        if days.notna().sum() == known.size:
            return pd.DatetimeIndex(days)
    if unit is None:
        largest = float(np.abs(known).max()) if known.size else 0.0
        unit = next(name for limit, name in _UNITS if largest < limit)
    if known.size < numbers.size:
        row = int(np.flatnonzero(np.isnan(numbers))[0])
        raise bad("a bar needs a time", "Drop the row", symbol=symbol, row=row, column=column, value="NaN")
    try:
        if pd.api.types.is_integer_dtype(values.dtype):
            return pd.DatetimeIndex(values.to_numpy(dtype=np.int64).astype(f"M8[{unit}]")).tz_localize("UTC")
        return pd.DatetimeIndex(pd.to_datetime(values, unit=unit, utc=True))
    except (ValueError, OverflowError) as error:
        raise DataError(f"{column!r} cannot be read as {unit} since 1970: {error}. Pass unit=") from None


def _from_objects(
    values: pd.Series, column: str, symbol: str, date_format: str | None, unit: str | None, tz: Any
) -> pd.DatetimeIndex:
    present = values[values.notna()]
    kinds = {type(v) for v in present.tolist()}
    if all(issubclass(k, str) for k in kinds):
        return _from_text(values.str.strip(), column, symbol, date_format, unit, tz)
    if all(issubclass(k, dt.date | np.datetime64) for k in kinds):
        return _from_datetimes(values, column, symbol, tz)
    row = next(i for i, v in enumerate(values.tolist()) if not isinstance(v, dt.date | np.datetime64) and not _gone(v))
    value = values.iloc[row]
    raise bad(
        "a time column holds times or text, of one kind",
        "Convert it with pandas.to_datetime first",
        symbol=symbol,
        row=row,
        column=column,
        value=f"{value!r} ({type(value).__name__})",
    )


def _gone(value: Any) -> bool:
    """Return whether a value of an object column is missing."""
    return value is None or value != value


def _from_datetimes(values: pd.Series, column: str, symbol: str, tz: Any) -> pd.DatetimeIndex:
    """Read datetime objects that must agree on their zone, unless the user names one."""
    import pandas as pd

    zones = [None if pd.isna(v) else str(getattr(v, "tzinfo", None)) for v in values.tolist()]
    first = next((z for z in zones if z is not None), "None")
    other = next((i for i, z in enumerate(zones) if z is not None and z != first), None)
    if other is not None and (tz is None or "None" in zones):
        raise _mixed(values.iloc[other], other, str(zones[other]), first, column, symbol)
    if other is None:
        return pd.DatetimeIndex(pd.to_datetime(values))
    return pd.DatetimeIndex(pd.to_datetime(values, utc=True)).tz_convert(tz)


def _from_text(
    text: pd.Series, column: str, symbol: str, date_format: str | None, unit: str | None, tz: Any
) -> pd.DatetimeIndex:
    import pandas as pd

    text = text.where(text.notna() & (text != ""), None)
    known = text[text.notna()]
    if known.empty:
        return pd.DatetimeIndex([pd.NaT] * len(text))
    if date_format is not None:
        zoned = "%z" in date_format or "%Z" in date_format
        return _checked(pd.to_datetime(text, format=date_format, errors="coerce", utc=zoned), text, column, symbol)
    if known.str.fullmatch(r"\d+(\.\d+)?").all():
        return _from_numbers(pd.to_numeric(text), column, symbol, unit)
    clock = known.str.slice(10)
    zoned = clock.str.contains(_ZONE, regex=True)
    if zoned.any():
        return _from_zoned(text, known, zoned.to_numpy(dtype=bool), column, symbol, tz)
    first = str(known.iloc[0])
    if re.match(_YEAR_FIRST, first):
        iso = text.str.replace(r"^(\d{4})[./](\d{1,2})[./](\d{1,2})", r"\1-\2-\3", regex=True)
        return _checked(pd.to_datetime(iso, format="ISO8601", errors="coerce"), text, column, symbol)
    if _NUMERIC.match(first):
        return _from_numeric_dates(text, known, column, symbol)
    for style in _NAMED:
        if not pd.isna(pd.to_datetime(first, format=style, errors="coerce")):
            return _checked(pd.to_datetime(text, format=style, errors="coerce"), text, column, symbol)
    raise bad(
        "the form of this time is not known",
        "Write it as ISO 8601 (2020-01-31 16:00), or pass date_format=, such as '%d %B %Y'",
        symbol=symbol,
        row=int(np.argmax(text.notna().to_numpy())),
        column=column,
        value=first,
    )


def _from_zoned(
    text: pd.Series, known: pd.Series, zoned: np.ndarray, column: str, symbol: str, tz: Any
) -> pd.DatetimeIndex:
    """Read ISO text with offsets; one offset is kept as the zone, several need `tz`."""
    import pandas as pd

    rows = np.flatnonzero(text.notna().to_numpy())
    if not zoned.all():
        odd = int(np.flatnonzero(zoned != zoned[0])[0])
        what, rest = ("a zone", "no zone") if zoned[odd] else ("no zone", "a zone")
        raise _mixed(known.iloc[odd], int(rows[odd]), what, rest, column, symbol)
    offsets = known.str.extract(f"({_ZONE})", expand=False)
    stamps = _checked(pd.to_datetime(text, format="ISO8601", errors="coerce", utc=True), text, column, symbol)
    if offsets.nunique() == 1:
        return pd.DatetimeIndex(pd.to_datetime(text, format="ISO8601")) if offsets.iloc[0][0] in "+-" else stamps
    if tz is None:
        odd = int(np.flatnonzero((offsets != offsets.iloc[0]).to_numpy())[0])
        raise _mixed(known.iloc[odd], int(rows[odd]), offsets.iloc[odd], offsets.iloc[0], column, symbol)
    return stamps.tz_convert(tz)


def _from_numeric_dates(text: pd.Series, known: pd.Series, column: str, symbol: str) -> pd.DatetimeIndex:
    """Read 31/12/2020 and 12/31/2020, telling them apart by a number above 12."""
    import pandas as pd

    parts = known.str.extract(r"^(\d{1,2})[./-](\d{1,2})[./-]", expand=True).astype("float64")
    day_first, month_first = bool((parts[0] > 12).any()), bool((parts[1] > 12).any())
    first = _NUMERIC.match(str(known.iloc[0]))
    assert first is not None
    sep, year = first.group(2), "%Y" if len(first.group(4)) == 4 else "%y"
    remedy = f"Pass date_format='%d{sep}%m{sep}{year}' or '%m{sep}%d{sep}{year}' (and the time of day, if there is one)"
    if day_first == month_first:
        row = int((parts[0] > 12).idxmax()) if day_first else int(known.index[0])
        rule = "some rows are day first and some month first" if day_first else "day and month cannot be told apart"
        raise bad(rule, remedy, symbol=symbol, row=row, column=column, value=str(text.iloc[row]))
    date = f"%d{sep}%m{sep}{year}" if day_first else f"%m{sep}%d{sep}{year}"
    style = date + _clock_format(first.group(5))
    return _checked(pd.to_datetime(text, format=style, errors="coerce"), text, column, symbol, remedy)


def _clock_format(rest: str) -> str:
    """Return the `strptime` format of what follows a date."""
    match = re.fullmatch(r"([T ,]\s*)?(\d{1,2}:\d{2})?(:\d{2})?([.,]\d+)?(\s*[AaPp][Mm])?", rest)
    if not match or not match.group(2):
        return ""
    lead, _, seconds, fraction, half = match.groups()
    hour = "%I:%M" if half else "%H:%M"
    fine = f"{fraction[0]}%f" if fraction else ""
    noon = "" if not half else " %p" if half.startswith(" ") else "%p"
    return f"{lead or ''}{hour}{':%S' if seconds else ''}{fine}{noon}"


def _checked(stamps: Any, text: pd.Series, column: str, symbol: str, remedy: str = "") -> pd.DatetimeIndex:
    import pandas as pd

    index = pd.DatetimeIndex(stamps)
    wrong = np.flatnonzero(index.isna() & text.notna().to_numpy())
    if wrong.size:
        row = int(wrong[0])
        raise bad(
            "this is not a time, or not of the form of the rows before",
            remedy or "Correct it, or pass date_format=, such as '%d.%m.%Y %H:%M'",
            symbol=symbol,
            row=row,
            column=column,
            value=str(text.iloc[row]),
        )
    return index


def _mixed(value: Any, row: int, what: str, rest: str, column: str, symbol: str) -> DataError:
    return bad(
        f"zones are mixed: this row has {what}, those before {rest}".replace("has None", "has no zone").replace(
            "before None", "before no zone"
        ),
        "Give all times in one zone, or, where all have one, pass tz= to bring them to it",
        symbol=symbol,
        row=row,
        column=column,
        value=str(value),
    )
