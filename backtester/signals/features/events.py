"""Features of events that came out at their own times, each used from then on and never before."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from backtester.bars.check import time_text
from backtester.errors import DataError, FeatureError, did_you_mean
from backtester.signals.features.element import View, read_name
from backtester.signals.features.external import External

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_UNITS = {
    "ns": 1,
    "us": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "min": 60_000_000_000,
    "h": 3_600_000_000_000,
    "D": 86_400_000_000_000,
    "W": 604_800_000_000_000,
}
_SMALLEST_NS = 10**17  # what is smaller is no time in ns that any event of ours could have


@dataclass(frozen=True)
class Settings:
    """How events are read, as `External.from_events` says."""

    delay: Any
    available: str
    symbols: str | None
    period: str | None
    max_age: Any
    missing: float | None
    tz: Any


class Events(External):
    """Events with times of their own as features; `External.from_events` makes it and says what it does.

    Attributes
    ----------
    delay : int
        ns after its timestamp from which on an event is used.
    max_age : int or None
        ns after its timestamp from which on it is not.
    missing : float or None
        What stands where no event counts.
    timestamps, periods : ndarray of int64, shape (n_events,)
        When each event came out, and the end of what it is about; in the order of time.
    values : ndarray of float64, shape (n_events, n_columns)
    assets : tuple of str, or None
        The asset of each event; None where each is for all.
    """

    timestamps: Ints

    def __init__(self, events: pd.DataFrame | Mapping[str, npt.ArrayLike], name: str | Sequence[str], how: Settings):
        names = (name,) if isinstance(name, str) else tuple(name)
        if not names:
            raise FeatureError("External.from_events: name is empty; name the columns with the values")
        self.columns = tuple(read_name("External.from_events", one) for one in names)
        self._owner = f"External.from_events {names[0]!r}"
        table = _Table(self._owner, events)
        self.delay = read_duration(self._owner, "delay", how.delay)
        self.max_age = None if how.max_age is None else read_duration(self._owner, "max_age", how.max_age)
        self.missing = _read_missing(self._owner, how.missing)
        times = table.times(how.available, how.tz)
        order = np.argsort(times, kind="stable")
        self.timestamps = _frozen(times[order])
        periods = times if how.period is None else table.times(how.period, how.tz)
        self.periods = _frozen(periods[order])
        self._revises = how.period is not None
        self.values = _frozen(np.stack([table.numbers(one) for one in names], axis=1)[order])
        symbols = table.symbols(how.symbols)
        self.assets = None if symbols is None else tuple(symbols[i] for i in order)
        self._rows = _rows_of(self.assets, len(order))
        self._check(how)

    def _check(self, how: Settings) -> None:
        """Refuse events from before the end of their period, and two of one time, asset and period."""
        early = np.flatnonzero(self.timestamps < self.periods)
        if early.size:
            at = early[0]
            raise FeatureError(
                f"{self._owner}: an event{self._of(at)} came out {time_text(int(self.timestamps[at]))}, before the end "
                f"of what it is about, {time_text(int(self.periods[at]))} ({early.size:,} such events); nobody knew "
                f"it then. {how.available!r} is when it came out, {how.period!r} what it is about: are they exchanged?"
            )
        for rows in self._rows.values():
            pairs = np.stack([self.timestamps[rows], self.periods[rows]], axis=1)
            pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
            same = np.flatnonzero((pairs[1:] == pairs[:-1]).all(axis=1))
            if same.size:
                about = f" about {time_text(int(pairs[same[0], 1]))}" if self._revises else ""
                raise FeatureError(
                    f"{self._owner}: two events{self._of(int(rows[0]))}{about} came out "
                    f"{time_text(int(pairs[same[0], 0]))}; which one counts cannot be known. Keep one, or combine them"
                )

    def _of(self, row: int) -> str:
        return "" if self.assets is None else f" of {self.assets[row]}"

    @property
    def by_position(self) -> bool:
        """False: its events have times."""
        return False

    def compute(self, view: View) -> npt.ArrayLike:
        """Return the values that count at each bar of `view`, [n_bars, n_assets] or with columns as a last axis.

        Raises
        ------
        FeatureError
            If an asset has no event, and there is no `missing` for it.
        """
        bars = view.bars
        found = np.empty((bars.n_bars, bars.n_assets, len(self.columns)))
        for a, symbol in enumerate(bars.symbols):
            rows = self._rows.get("" if self.assets is None else symbol)
            if rows is None and self.missing is None:
                raise FeatureError(self._nothing_for(symbol, bars.symbols))
            for j in range(len(self.columns)):
                found[:, a, j] = np.nan if rows is None else self._as_of(rows, j, bars.timestamps)
        if self.missing is not None:
            found[np.isnan(found)] = self.missing
        found[np.isnan(bars.close)] = np.nan
        return found[:, :, 0] if len(self.columns) == 1 else found

    def _as_of(self, rows: Ints, j: int, clock: Ints) -> Floats:
        """Return the values of one column and asset at the closes `clock`, NaN where no event counts."""
        rows = rows[~np.isnan(self.values[rows, j])]
        if self._revises:
            periods = self.periods[rows]
            rows = rows[periods >= np.maximum.accumulate(periods)]  # without late revisions of what is past
        if not rows.size:
            return np.full(len(clock), np.nan)
        last = np.searchsorted(self.timestamps[rows] + self.delay, clock, side="right") - 1
        at = rows[np.maximum(last, 0)]
        known = last >= 0
        if self.max_age is not None:
            known &= clock - self.timestamps[at] <= self.max_age
        return np.where(known, self.values[at, j], np.nan)

    def _nothing_for(self, symbol: str, others: tuple[str, ...]) -> str:
        known = sorted(set(self.assets or ()))
        near = did_you_mean(symbol, [one for one in known if one not in others])
        return (
            f"feature {self.columns[0]!r}: there is no event of {symbol}{near} (events of {len(known):,} assets: "
            f"{', '.join(known[:6])}{', …' if len(known) > 6 else ''}). Leave the asset out, or say what stands for "
            "it: missing=…"
        )

    def first_rows(self, n: int) -> External:
        """Return the element itself: its events have times, and those of later bars are not looked at."""
        return self

    def spec(self) -> dict[str, Any]:
        """Return names and settings, as values that JSON can hold; the events are data, and passed in again."""
        settings = {"delay": self.delay, "max_age": self.max_age, "missing": self.missing, "revises": self._revises}
        return {**super().spec(), "events": settings}


class _Table:
    """The columns of a frame or mapping, read one by one."""

    def __init__(self, owner: str, events: Any):
        self.owner = owner
        if not isinstance(events, Mapping) and not hasattr(events, "columns"):
            raise FeatureError(
                f"{owner}: events is {type(events).__name__}; it is a DataFrame, or a mapping of names to arrays, with "
                "one row for each event"
            )
        self.names = [str(one) for one in (events if isinstance(events, Mapping) else events.columns)]
        self.events = events
        lengths = {one: len(self.column(one)) for one in self.names}
        if len(set(lengths.values())) > 1:
            raise FeatureError(f"{owner}: the columns differ in length: {lengths}")
        if not lengths or not next(iter(lengths.values())):
            raise FeatureError(f"{owner}: there are no events")

    def column(self, name: str) -> Any:
        if name not in self.names:
            raise FeatureError(
                f"{self.owner}: there is no column {name!r}{did_you_mean(name, self.names)}; columns: "
                f"{', '.join(self.names)}"
            )
        return self.events[name]

    def numbers(self, name: str) -> Floats:
        """Return the values of a column."""
        values = np.asarray(self.column(name))
        if values.dtype.kind not in "fiub" or values.ndim != 1:
            raise FeatureError(f"{self.owner}: column {name!r} holds {values.dtype} values; a feature is real numbers")
        if np.isinf(values).any():
            row = int(np.argmax(np.isinf(values)))
            raise FeatureError(
                f"{self.owner}: column {name!r} is {values[row]} in row {row}; a value is finite, or NaN"
            )
        return values.astype(np.float64)

    def symbols(self, name: str | None) -> list[str] | None:
        """Return the asset of each event, or None where each is for all."""
        if name is None or (name == "symbol" and name not in self.names):
            return None
        values = list(self.column(name))
        for row, value in enumerate(values):
            if not isinstance(value, str) or not value:
                raise FeatureError(f"{self.owner}: {name!r} is {value!r} in row {row}; it is the symbol of an asset")
        return [str(value) for value in values]

    def times(self, name: str, tz: Any) -> Ints:
        """Return a column of times as int64 ns UTC."""
        if name not in self.names:
            near = did_you_mean(name, self.names)
            raise FeatureError(
                f"{self.owner}: there is no column {name!r}{near}; columns: {', '.join(self.names)}. Without the time "
                "at which it came out no event can be used: available='…' names the column that has it"
            )
        column = self.column(name)
        if not hasattr(column, "dtype"):
            column = np.asarray(column)
        if getattr(column.dtype, "kind", "") not in "iu":
            return self._of_pandas(name, column, tz)
        values = np.asarray(column).astype(np.int64)
        if (np.abs(values) < _SMALLEST_NS).any():
            raise FeatureError(
                f"{self.owner}: {name!r} is {int(values[np.argmin(np.abs(values))])}; whole numbers are ns since 1970, "
                "and that would be before 1974. Multiply seconds by 1_000_000_000"
            )
        return values

    def _of_pandas(self, name: str, column: Any, tz: Any) -> Ints:
        import pandas as pd

        from backtester.bars.stamps import read_stamps

        try:
            values = column if isinstance(column, pd.Series) else pd.Series(column)
            stamps = read_stamps(values, column=name, symbol="", date_format=None, unit=None, tz=tz)
            if stamps.tz is None and tz is not None:
                stamps = stamps.tz_localize(tz)
        except (DataError, ValueError, LookupError) as error:
            told = str(error).partition(", or pass date_format=")[0]  # which bars have, and events have not
            raise FeatureError(f"{self.owner}: the times of {name!r} cannot be read: {told}") from error
        if stamps.tz is None:
            raise FeatureError(
                f"{self.owner}: the times of {name!r} have no time zone, {stamps[0]} for example, and hours decide "
                "what was known; say which one they are in: tz='UTC', tz='America/New_York'"
            )
        return np.asarray(stamps.tz_convert("UTC").as_unit("ns").asi8, dtype=np.int64)


def read_duration(owner: str, name: str, value: Any) -> int:
    """Return a length of time as ns, 0 or more.

    Raises
    ------
    FeatureError
        If it is none, or negative.
    """
    found: int | None = None
    if isinstance(value, np.timedelta64):  # NaT is the least int64
        found = int(value.astype("m8[ns]").astype(np.int64))
    elif isinstance(value, int | np.integer) and not isinstance(value, bool):
        found = int(value)
    elif isinstance(value, dt.timedelta):
        found = value // dt.timedelta(microseconds=1) * 1_000
    elif isinstance(value, str) and (match := re.fullmatch(r"\s*(\d+)\s*(ns|us|ms|s|min|h|D|W)\s*", value)):
        found = int(match[1]) * _UNITS[match[2]]
    if found is None or not 0 <= found < 2**62:
        raise FeatureError(
            f"{owner}: {name} is {value!r}; it is a length of time, 0 or more: '1D' (24 hours), '36h', '15min', '0s', "
            "a timedelta, or an int, which is ns"
        )
    return found


def _read_missing(owner: str, value: Any) -> float | None:
    if value is None:
        return None
    number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not number or not np.isfinite(value):
        raise FeatureError(f"{owner}: missing is {value!r}; it is a finite number, or None")
    return float(value)


def _rows_of(assets: tuple[str, ...] | None, n: int) -> dict[str, Ints]:
    """Return the rows of each asset in order; of "" where each event is for all."""
    if assets is None:
        return {"": np.arange(n)}
    names, inverse = np.unique(np.array(assets, dtype=object).astype(str), return_inverse=True)
    order = np.argsort(inverse, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(inverse[order])) + 1)
    return {str(name): part for name, part in zip(names, parts, strict=True)}


def _frozen(array: Any) -> Any:
    array.flags.writeable = False
    return array
