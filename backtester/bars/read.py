"""From frames and files to bars: columns, times, checks, one clock.

`from_frame` documents the options that all readers share; `from_csv` and `from_parquet` add how a file is written.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from backtester.bars import files
from backtester.bars.align import Part, join
from backtester.bars.build import clear_missing, ends_of_sessions, extra_findings, extra_name, session_labels
from backtester.bars.check import COLUMNS, Finding, bad, bar_findings, refuse, split_findings, time_findings
from backtester.bars.clock import LABELS, Label, closes, infer_label, zone_name
from backtester.bars.columns import extra_columns, numbers
from backtester.bars.panel import Bars
from backtester.bars.tables import Table, assets, dates, read_table
from backtester.errors import DataError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

Ints = npt.NDArray[np.int64]
Path = str | PathLike[str]


@dataclass(frozen=True, kw_only=True)
class Options:
    """What `from_frame` takes, and how it is collected; see there."""

    symbol: str | None = None
    label: Label | None = None
    session_close: str | dt.time | None = None
    tz: Any = None
    columns: Mapping[str, Any] | None = None
    extras: Sequence[str] | None = None
    sessions: Any = None
    date_format: str | None = None
    unit: Literal["s", "ms", "us", "ns"] | None = None
    bar_length: Any = None
    sort: bool = False
    allow_negative: bool = False
    warn_splits: bool = True
    name: str = ""
    number_hint: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if self.label is not None and self.label not in LABELS:
            raise DataError(
                f"label = {self.label!r}{did_you_mean(str(self.label), LABELS)}; write 'close', 'open' or 'date'"
            )
        zone_name(self.tz)


def from_frame(
    frame: pd.DataFrame | Mapping[str, pd.DataFrame],
    *,
    symbol: str | None = None,
    label: Label | None = None,
    session_close: str | dt.time | None = None,
    tz: Any = None,
    columns: Mapping[str, Any] | None = None,
    extras: Sequence[str] | None = None,
    sessions: Any = None,
    date_format: str | None = None,
    unit: Literal["s", "ms", "us", "ns"] | None = None,
    bar_length: Any = None,
    sort: bool = False,
    allow_negative: bool = False,
    warn_splits: bool = True,
    name: str = "",
) -> Bars:
    """Build bars from a frame, or from `{symbol: frame}`; assets with different calendars get a common clock.

    Parameters
    ----------
    frame : DataFrame, or mapping of symbol to DataFrame
        Rows are bars. Open, high, low, close and, if there is one, volume are found by name, whatever the case.
        Times are a DatetimeIndex, or a column called time, date, datetime, timestamp, close_time or open_time (or
        date and time). A column symbol, ticker, asset or instrument makes it long form: several assets below each
        other, also as an index level; two column levels, of which one holds the symbols, are understood too. polars
        and pyarrow tables are converted.
    symbol : str, optional
        The name of the asset of a frame without symbols. Default `"ASSET"`.
    label : {"close", "open", "date"}, optional
        What a time stands for. `"close"`: the close of the bar. `"open"`: its open; the close is the stamp plus the
        most frequent step between stamps (or `bar_length`), and never after the next stamp. `"date"`: a calendar
        date; the bar closes at `session_close`, by default when that day ends in `tz`. Default: `"close"` or `"open"`
        if the column is called close_time or open_time; `"date"` if every stamp is at midnight; else `"close"`.
    session_close : str, optional
        Time of day at which a session ends, such as `"16:00"`, in `tz`. Later bars belong to the session of the next
        date. Default: sessions are UTC dates of timestamp − 1 ns.
    tz : str or tzinfo, optional
        Zone of naive times and of `session_close`. Naive dates are UTC without it; naive times of day need it.
    columns : mapping, optional
        Our name → the frame's name, for open, high, low, close, volume, time, symbol, session, session_end and
        adjusted_close, where names do not say it.
    extras : sequence of str, optional
        The other columns to keep. Default all, which must then be numeric. An adjusted close is always called
        `"adjusted_close"`.
    sessions : array_like, optional
        Session label per row (dates, or days since 1970-01-01), for one asset; a `session` column does the same.
    date_format : str, optional
        `strptime` format of times given as text, where they are not ISO 8601.
    unit : {"s", "ms", "us", "ns"}, optional
        Of times given as numbers since 1970. Default: by their size.
    bar_length : str or Timedelta, optional
        With `label="open"`.
    sort : bool
        Sort the rows of each asset by time; otherwise unsorted rows are an error.
    allow_negative : bool
        Take prices of zero and below.
    warn_splits : bool
        Warn of jumps that look like unadjusted splits.
    name : str
        Shown in reports.

    Returns
    -------
    Bars

    Raises
    ------
    DataError
        Naming symbol, row, time, column, value, rule and remedy.

    Warns
    -----
    DataWarning
        If a jump looks like a split that was not adjusted for.
    """
    options = Options(
        symbol=symbol,
        label=label,
        session_close=session_close,
        tz=tz,
        columns=columns,
        extras=extras,
        sessions=sessions,
        date_format=date_format,
        unit=unit,
        bar_length=bar_length,
        sort=sort,
        allow_negative=allow_negative,
        warn_splits=warn_splits,
        name=name,
    )
    return _bars(_frames(frame, options.symbol), options)


def from_csv(
    path: Path | Sequence[Path] | Mapping[str, Path],
    *,
    separator: str | None = None,
    decimal: str = ".",
    encoding: str | None = None,
    **options: Any,
) -> Bars:
    """Build bars from CSV files; times and columns as in `from_frame`, which documents the other options.

    Parameters
    ----------
    path : path, sequence of paths, or mapping of symbol to path
        One file; several; a folder (its `*.csv` and `*.csv.gz`); or a pattern such as `"data/*.csv"`. Of several
        files each is one asset, named after the file, unless it has a symbol column.
    separator : str, optional
        Default: the one of comma, semicolon, tab and bar that the header line has most of.
    decimal : str
        `","` for numbers such as 1,25.
    encoding : str, optional
        Default UTF-8, or UTF-16 where the file begins with its mark. A byte order mark and CRLF are understood.
    **options
        Those of `from_frame`.

    Raises
    ------
    DataError
        If a file is not there, empty, cut off or no CSV, or what is in it breaks a rule.
    """
    return _bars(*_csv(path, separator, decimal, encoding, options))


def from_parquet(path: Path | Sequence[Path] | Mapping[str, Path], **options: Any) -> Bars:
    """Build bars from Parquet files; times and columns as in `from_frame`, which documents the options.

    Parameters
    ----------
    path : path, sequence of paths, or mapping of symbol to path
        One file; several; a folder (its `*.parquet`); or a pattern. Of several files each is one asset, named after
        the file, unless it has a symbol column.
    **options
        Those of `from_frame`.

    Raises
    ------
    DataError
        If a file is not there, cut off or no Parquet, or what is in it breaks a rule.
    """
    return _bars(*_parquet(path, options))


def collect(path: Any, **options: Any) -> list[Finding]:
    """Return everything that is wrong with a file; an error that stops the reading is raised.

    Raises
    ------
    DataError
        If the file cannot be read as far as its bars.
    """
    csv = {k: options.pop(k) for k in ("separator", "decimal", "encoding") if k in options}
    if files.is_parquet(path):
        frames, settings = _parquet(path, options)
    else:
        frames, settings = _csv(path, csv.get("separator"), csv.get("decimal", "."), csv.get("encoding"), options)
    return [f for rows, part in _parts(frames, settings) for f in _findings(part, rows, settings)]


def _options(options: Mapping[str, Any], **more: Any) -> Options:
    known = [f.name for f in dataclasses.fields(Options) if f.name != "number_hint"]
    for key in options:
        if key not in known:
            raise DataError(f"no option {key!r}{did_you_mean(key, known)}. Options: {', '.join(known)}")
    return Options(**{**more, **options})


def _csv(
    path: Any, separator: str | None, decimal: str, encoding: str | None, options: Mapping[str, Any]
) -> tuple[dict[str, Any], Options]:
    settings = _options(options, name=files.title(path), number_hint="pass decimal=','")
    found = files.expand(path, ("*.csv", "*.csv.gz"))
    text = [label for role, label in (settings.columns or {}).items() if role in ("time", "symbol", "session")]
    frames = {
        symbol: files.read_csv(file, separator=separator, decimal=decimal, encoding=encoding, text=text)
        for symbol, file in found.items()
    }
    return _named(frames, settings.symbol), settings


def _parquet(path: Any, options: Mapping[str, Any]) -> tuple[dict[str, Any], Options]:
    settings = _options(options, name=files.title(path))
    found = files.expand(path, ("*.parquet", "*.pq"))
    return _named({s: files.read_parquet(p) for s, p in found.items()}, settings.symbol), settings


def _named(frames: dict[str, Any], symbol: str | None) -> dict[str, Any]:
    if symbol is None:
        return frames
    if len(frames) > 1:
        raise DataError(f"symbol = {symbol!r} names one asset, of {len(frames)} files; give {{symbol: path}}")
    (frame,) = frames.values()
    return {symbol: frame}


def _frames(frame: Any, symbol: str | None) -> dict[str, Any]:
    """Return symbol → frame of what the user gave; `""` where a frame may name its assets itself."""
    import pandas as pd

    if not isinstance(frame, Mapping):
        return {symbol or "": frame}
    if not frame:
        raise DataError("an empty mapping; give {symbol: frame}")
    for key, value in frame.items():
        if isinstance(value, pd.Series | np.ndarray | list):
            raise DataError(f"{key!r} is {type(value).__name__}; give {{symbol: frame}}, or one DataFrame of columns")
    return {str(key): value for key, value in frame.items()}


def _bars(frames: Mapping[str, Any], options: Options) -> Bars:
    """Return checked bars of frames."""
    found: list[Finding] = []
    parts = []
    for rows, part in _parts(frames, options):
        found += _findings(part, rows, options)
        parts.append(part)
    refuse(found)
    for part in parts:
        clear_missing(part.columns)
    bars = join(parts, name=options.name, allow_negative=options.allow_negative)
    if bars.n_bars < 2:
        raise bad("bars need two rows at least", "Pass more data", symbol=bars.symbols[0], value="1 row")
    return bars


def _findings(part: Part, rows: Ints, options: Options) -> list[Finding]:
    """Return what is wrong with one asset; its rows are named as in the source."""
    found = time_findings(part.timestamps, part.symbols[0])
    clock_is_good = not found
    prices = part.columns[:4]
    found += bar_findings(part.timestamps, prices, part.columns[4], part.symbols, allow_negative=options.allow_negative)
    found += extra_findings(part.timestamps, part.extras, part.symbols)
    if clock_is_good and options.warn_splits and not found:
        found = split_findings(part.timestamps, prices[0], prices[3], part.symbols)
    return [dataclasses.replace(f, row=None if f.row is None else int(rows[f.row])) for f in found]


def _parts(frames: Mapping[str, Any], options: Options) -> list[tuple[Ints, Part]]:
    """Return, for each asset, the rows of its source and its arrays."""
    tables = [
        read_table(
            frame,
            symbol,
            columns=options.columns,
            date_format=options.date_format,
            unit=options.unit,
            tz=options.tz,
        )
        for symbol, frame in frames.items()
    ]
    label = options.label or _label(tables)
    parts = [_part(table, symbol, rows, label, options) for table in tables for symbol, rows in assets(table)]
    if options.sessions is not None and len(parts) > 1:
        raise DataError("sessions= labels the rows of one asset; use a 'session' column for several")
    return parts


def _label(tables: Sequence[Table]) -> Label:
    """Return what all tables' times stand for.

    Raises
    ------
    DataError
        If some say one thing and some another, or some have a zone and some have none.
    """
    found = {table.symbol: infer_label(table.stamps, table.time_column) for table in tables}
    if len(set(found.values())) > 1:
        one, other = (next(s for s, v in found.items() if v == label) for label in sorted(set(found.values()))[:2])
        raise DataError(
            f"times look like {found[one]!r} in {one or 'the frame'} and like {found[other]!r} in {other}; pass label="
        )
    return next(iter(found.values()))


def _part(table: Table, symbol: str, rows: Ints, label: Label, options: Options) -> tuple[Ints, Part]:
    """Return one asset's rows in the source and its arrays, in the order of its bars."""
    stamps = table.stamps if rows.size == len(table.stamps) else table.stamps[rows]
    if options.sort:
        order = np.argsort(stamps.asi8, kind="stable")
        rows, stamps = rows[order], stamps[order]
    frame = table.frame if rows.size == len(table.frame) and not options.sort else table.frame.iloc[rows]
    timestamps, sessions, ends = closes(
        stamps,
        label=label,
        session_close=options.session_close,
        tz=options.tz,
        bar_length=options.bar_length,
        symbol=symbol,
    )
    if options.sessions is not None or "session" in table.roles:
        given = options.sessions if options.sessions is not None else dates(frame[table.roles["session"]], symbol)
        sessions, ends = session_labels(given, rows.size), None
        if "session_end" in table.roles:
            ends = ends_of_sessions(frame[table.roles["session_end"]].to_numpy(), sessions, timestamps)
    columns = []
    for role in COLUMNS:
        if role not in table.roles:
            columns.append(np.full((rows.size, 1), np.nan))
            continue
        values = numbers(frame[table.roles[role]], role, symbol, options.number_hint)
        columns.append(np.array(values, order="C").reshape(-1, 1))
    extras = {
        extra_name(name): np.array(numbers(frame[column], name, symbol, options.number_hint)).reshape(-1, 1)
        for name, column in extra_columns(list(frame.columns), table.roles, options.extras).items()
    }
    return rows, Part(timestamps, (symbol,), columns, extras, sessions, ends)
