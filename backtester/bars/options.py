"""The options that all readers share; `Bars.from_frame` documents them."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict, get_args

from backtester.bars.check import near
from backtester.bars.clock import LABELS, Label, zone_name
from backtester.bars.exchanges import Outside, check_calendar
from backtester.errors import DataError

Unit = Literal["s", "ms", "us", "ns"]


class ReadOptions(TypedDict, total=False):
    """The keywords of `Bars.from_frame`."""

    symbol: str | None
    label: Label | None
    session_close: str | dt.time | None
    tz: Any
    calendar: str | Mapping[str, str] | None
    outside_sessions: Outside
    columns: Mapping[str, Any] | None
    extras: Sequence[str] | None
    sessions: Any
    date_format: str | None
    unit: Unit | None
    bar_length: Any
    now: Any
    sort: bool
    allow_negative: bool
    warn_splits: bool
    name: str


@dataclass(frozen=True, kw_only=True)
class Options:
    """The same, with defaults; `number_hint` is what the reader advises where a number is text."""

    symbol: str | None = None
    label: Label | None = None
    session_close: str | dt.time | None = None
    tz: Any = None
    calendar: str | Mapping[str, str] | None = None
    outside_sessions: Outside = "error"
    columns: Mapping[str, Any] | None = None
    extras: Sequence[str] | None = None
    sessions: Any = None
    date_format: str | None = None
    unit: Unit | None = None
    bar_length: Any = None
    now: Any = None
    sort: bool = False
    allow_negative: bool = False
    warn_splits: bool = True
    name: str = ""
    number_hint: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if self.label is not None and self.label not in LABELS:
            raise DataError(f"label = {self.label!r}{near(self.label, LABELS)} Write 'close', 'open' or 'date'")
        if self.unit not in (None, *get_args(Unit)):
            raise DataError(f"unit = {self.unit!r}: write 's', 'ms', 'us' or 'ns'")
        if self.bar_length is not None and self.label in ("close", "date"):
            raise DataError(f'bar_length = {self.bar_length!r} goes with label="open", not "{self.label}"')
        if self.calendar is not None and (self.session_close is not None or self.sessions is not None):
            other = "sessions=" if self.session_close is None else f"session_close = {self.session_close!r}"
            raise DataError(f"calendar = {self.calendar!r} says when sessions close; leave {other} out")
        check_calendar(self.calendar, self.outside_sessions)
        zone_name(self.tz)


def read_options(options: Mapping[str, Any], **defaults: Any) -> Options:
    """Return checked options.

    Raises
    ------
    DataError
        If one is unknown or out of range.
    """
    known = [f.name for f in dataclasses.fields(Options) if f.name != "number_hint"]
    for key in options:
        if key not in known:
            raise DataError(f"no option {key!r}{near(key, known)} Options: {', '.join(known)}")
    return Options(**{**defaults, **options})
