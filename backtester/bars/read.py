"""From frames and files to bars: columns, times, checks, one clock.

`Bars.from_frame`, `Bars.from_csv` and `Bars.from_parquet` document the arguments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
import numpy.typing as npt

from backtester.bars import files
from backtester.bars.align import Part, join
from backtester.bars.build import clear_missing, ends_of_sessions, extra_findings, extra_name, session_labels
from backtester.bars.check import (
    COLUMNS,
    Finding,
    Place,
    bad,
    bar_findings,
    refuse,
    time_findings,
    time_text,
)
from backtester.bars.clock import Label, closes, infer_label, moment, stamp_text
from backtester.bars.columns import extra_columns, numbers, without_zeros
from backtester.bars.events import event_findings
from backtester.bars.exchanges import calendar_closes, calendar_for
from backtester.bars.options import Options, ReadOptions, read_options
from backtester.bars.panel import Bars
from backtester.bars.splits import split_findings
from backtester.bars.tables import Table, assets, dates, read_table
from backtester.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

Ints = npt.NDArray[np.int64]


def from_frame(frame: Any, **options: Unpack[ReadOptions]) -> Bars:
    """Build bars from a frame or `{symbol: frame}`: see `Bars.from_frame`."""
    settings = read_options(options)
    return bars_of(_frames(frame, settings.symbol), settings)


def from_csv(
    path: Any, *, separator: str | None, decimal: str, encoding: str | None, **options: Unpack[ReadOptions]
) -> Bars:
    """Build bars from CSV files: see `Bars.from_csv`."""
    return bars_of(*_csv(path, separator, decimal, encoding, options))


def from_parquet(path: Any, **options: Unpack[ReadOptions]) -> Bars:
    """Build bars from Parquet files: see `Bars.from_parquet`."""
    return bars_of(*_parquet(path, options))


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
    found: list[Finding] = []
    moments: set[int] = set()
    for place, part in _parts(frames, settings):
        found += _findings(part, place, settings)
        moments.update(part.timestamps[:2].tolist())
    if len(moments) < 2 and not found:
        found.append(Finding("", None, None, "", "1 row", "bars need two rows at least", "Pass more data"))
    return found


def _csv(
    path: Any, separator: str | None, decimal: str, encoding: str | None, options: Mapping[str, Any]
) -> tuple[dict[str, Any], Options]:
    settings = read_options(options, name=files.title(path), number_hint="pass decimal=','")
    found = files.expand(path, ("*.csv", "*.csv.gz"))
    text = [label for role, label in (settings.columns or {}).items() if role in ("time", "symbol", "session")]
    frames = {
        symbol: files.read_csv(file, separator=separator, decimal=decimal, encoding=encoding, text=text)
        for symbol, file in found.items()
    }
    return _named(frames, settings.symbol), settings


def _parquet(path: Any, options: Mapping[str, Any]) -> tuple[dict[str, Any], Options]:
    settings = read_options(options, name=files.title(path))
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


def bars_of(frames: Mapping[str, Any], options: Options) -> Bars:
    """Return checked bars of `{symbol: frame}`; `""` is a frame that may name its assets itself."""
    found: list[Finding] = []
    parts = []
    for place, part in _parts(frames, options):
        found += _findings(part, place, options)
        parts.append(part)
    refuse(found)
    for part in parts:
        clear_missing(part.columns)
    bars = join(parts, name=options.name, allow_negative=options.allow_negative)
    if bars.n_bars < 2:
        raise bad("bars need two rows at least", "Pass more data", symbol=bars.symbols[0], value="1 row")
    return bars


def _findings(part: Part, place: Place, options: Options) -> list[Finding]:
    """Return what is wrong with one asset."""
    times = time_findings(part.timestamps, part.symbols[0], place)
    o, h, low, c, volume = part.columns
    found = times + bar_findings(
        part.timestamps, (o, h, low, c), volume, part.symbols, allow_negative=options.allow_negative, place=place
    )
    found += extra_findings(part.extras, part.symbols, place)
    found += event_findings(part.timestamps, c, part.extras, part.symbols, place)
    if not found and options.warn_splits:
        return split_findings(part.timestamps, o, c, part.symbols, place, split=part.extras.get("split"))
    return found


def _parts(frames: Mapping[str, Any], options: Options) -> list[tuple[Place, Part]]:
    """Return, for each asset, where its bars are in the source, and its arrays."""
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
    _one_zone(tables, options)
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
        If some say one thing and some another.
    """
    found = {table.symbol: infer_label(table.stamps, table.time_column) for table in tables}
    if len(set(found.values())) > 1:
        one, other = (next(s for s, v in found.items() if v == label) for label in sorted(set(found.values()))[:2])
        raise DataError(
            f"times look like {found[one]!r} in {one or 'the frame'} and like {found[other]!r} in {other}; pass label="
        )
    return next(iter(found.values()))


def _one_zone(tables: Sequence[Table], options: Options) -> None:
    """Refuse frames with a zone beside frames without one, where the user does not say which zone is meant."""
    naive = [table.symbol for table in tables if table.stamps.tz is None]
    if options.tz is None and 0 < len(naive) < len(tables):
        aware = next(table.symbol for table in tables if table.stamps.tz is not None)
        raise DataError(
            f"zones are mixed: the times of {naive[0]} have no zone, those of {aware} have one. Give all a zone, or "
            "pass tz= for those without"
        )


def _part(table: Table, symbol: str, rows: Ints, label: Label, options: Options) -> tuple[Place, Part]:
    """Return where one asset's bars are in the source, and its arrays."""
    stamps = table.stamps if rows.size == len(table.stamps) else table.stamps[rows]
    if options.sort:
        order = np.argsort(stamps.asi8, kind="stable")
        rows, stamps = rows[order], stamps[order]
    frame = table.frame if rows.size == len(table.frame) and not options.sort else table.frame.iloc[rows]
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
    if "split" in extras and table.roles.get("split") != "split":
        extras["split"] = without_zeros(extras["split"])
    missing = np.asarray(np.isnan(columns[:4]).all(axis=(0, 2)))
    clock = _clock(table, symbol, frame, stamps, missing, label, options)
    kept = _finished(clock, symbol, stamps, options)
    if kept.size < rows.size:
        rows, stamps = rows[kept], stamps[kept]
        columns = [column[kept] for column in columns]
        extras = {name: values[kept] for name, values in extras.items()}
    at = clock.kept.searchsorted(kept)
    sessions, ends = (None if array is None else array[at] for array in (clock.sessions, clock.session_ends))
    part = Part(clock.timestamps[at], (symbol,), columns, extras, sessions, ends)
    return lambda t: (int(rows[t]), stamp_text(stamps[t])), part


@dataclass(frozen=True)
class _Clock:
    """The times of the rows of one asset that are in a session: positions, closes, sessions and their ends."""

    kept: Ints
    timestamps: Ints
    sessions: Ints | None
    session_ends: Ints | None


def _clock(
    table: Table,
    symbol: str,
    frame: pd.DataFrame,
    stamps: pd.DatetimeIndex,
    missing: npt.NDArray[np.bool_],
    label: Label,
    options: Options,
) -> _Clock:
    """Return the clock of one asset, by its calendar, its session column, or `session_close`."""
    every = np.arange(len(stamps))
    calendar = calendar_for(options.calendar, symbol)
    if calendar is not None:
        if "session" in table.roles:
            raise DataError(
                f"{symbol}: there is a session column, and calendar = {calendar!r}; drop one of them, as both say "
                "which session a bar belongs to"
            )
        return _Clock(
            *calendar_closes(
                stamps,
                calendar=calendar,
                outside=options.outside_sessions,
                label=label,
                tz=options.tz,
                bar_length=options.bar_length,
                missing=missing,
                symbol=symbol,
            )
        )
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
        sessions, ends = session_labels(given, every.size), None
        if "session_end" in table.roles:
            ends = ends_of_sessions(frame[table.roles["session_end"]].to_numpy(), sessions, timestamps)
    return _Clock(every, timestamps, sessions, ends)


def _finished(clock: _Clock, symbol: str, stamps: pd.DatetimeIndex, options: Options) -> Ints:
    """Return the positions of the bars that are over at `now`: all, or all but the last.

    Raises
    ------
    DataError
        If more than one bar is not over, which no source that was asked at `now` can have.
    """
    if options.now is None:
        return clock.kept
    now = moment(options.now)
    late = np.flatnonzero(clock.timestamps > now)
    if late.size > 1:
        raise bad(
            f"{late.size} bars close after now = {time_text(now)}, and one at most can be unfinished",
            "Is it the zone or the unit of the times, or now=?",
            symbol=symbol,
            row=int(clock.kept[late[0]]),
            time=stamp_text(stamps[clock.kept[late[0]]]),
        )
    return clock.kept[:-1] if late.size and late[0] == clock.kept.size - 1 else clock.kept
