"""`Bars`: the frozen, read-only panel that everything else reads.

A panel is a common clock (`timestamps`, the closes, int64 ns UTC) and one `[n_bars, n_assets]` array per column. It
never changes after it is built: slices are views, and everything derived is computed once. Reading files and frames,
simulation, resampling and alignment live in the modules beside this one; the class methods here hand over to them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from backtester.bars.actions import Actions
from backtester.bars.check import COLUMNS, near, time_text
from backtester.bars.doors import Doors
from backtester.errors import DataError

if TYPE_CHECKING:
    from os import PathLike

    import pandas as pd
    import plotly.graph_objects as go

    from backtester.bars.resample import Higher
    from backtester.kernel.memory import MarketArrays

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

YEAR_NS = 31_557_600_000_000_000  #: 365.25 days


class Bars(Doors, Actions):
    """OHLCV bars of one or many assets on one clock, read-only.

    Build one with `from_frame`, `from_csv`, `from_parquet`, `from_arrays`, `sample` or `simulate`. Data is checked
    once, there; a bad bar is a `DataError` that names the symbol, the row, the time, the value and the rule.

    A missing bar (an asset that did not trade while others did) is NaN in open, high, low, close and volume.

    Attributes
    ----------
    symbols : tuple of str
        One per column of the arrays.
    timestamps : ndarray of int64, shape (n_bars,)
        The close of each bar, ns UTC, strictly increasing. A bar is known from this moment.
    open, high, low, close, volume : ndarray of float64, shape (n_bars, n_assets)
        C-contiguous and read-only. Volume is in units traded; NaN where it is unknown.
    extras : mapping of str to ndarray of float64, shape (n_bars, n_assets)
        Further per-bar columns; NaN is allowed in them. `bars["name"]` reads one. Those called `split`, `dividend`,
        `funding` and `delisting` are events, which act before the open of their row (rules 28-31).
    sessions : ndarray of int64, shape (n_bars,)
        The session of each bar as days since 1970-01-01, non-decreasing: the UTC date of timestamp − 1 ns, unless the
        source said otherwise (rule 1).
    session_ends : ndarray of int64, shape (n_bars,)
        The moment, ns UTC, at which the session of each bar is over by the calendar: the end of the UTC day, or the
        session close that was given. The largest int64 where only the label is known.
    name : str
        The sample, the file or the process, for reports; not part of the content.
    allow_negative : bool
        Whether prices of zero and below are taken.

    Examples
    --------
    >>> bars = Bars.sample("sp500")
    >>> bars.n_bars, bars.symbols
    (5031, ('SP500',))
    >>> len(bars["2008":"2009"])
    505
    """

    __slots__ = (
        "_cache",
        "_session_ends",
        "_sessions",
        "allow_negative",
        "close",
        "extras",
        "high",
        "low",
        "name",
        "open",
        "symbols",
        "timestamps",
        "volume",
    )

    symbols: tuple[str, ...]
    timestamps: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    extras: Mapping[str, Floats]
    name: str
    allow_negative: bool
    _sessions: Ints | None
    _session_ends: Ints | None
    _cache: dict[str, Any]

    def __init__(self) -> None:
        raise TypeError("build bars with Bars.from_frame, from_csv, from_parquet, from_arrays, sample or simulate")

    @classmethod
    def _make(
        cls,
        timestamps: Ints,
        columns: Sequence[Floats],
        symbols: tuple[str, ...],
        extras: Mapping[str, Floats],
        sessions: Ints | None,
        session_ends: Ints | None,
        name: str,
        allow_negative: bool,
    ) -> Bars:
        """Return a panel of arrays that are already float64, C-contiguous and right; they become read-only."""
        self = object.__new__(cls)
        put = object.__setattr__
        for array in (timestamps, *columns, *extras.values(), sessions, session_ends):
            if array is not None:
                array.flags.writeable = False
        put(self, "timestamps", timestamps)
        for column, array in zip(COLUMNS, columns, strict=True):
            put(self, column, array)
        put(self, "symbols", symbols)
        put(self, "extras", MappingProxyType(dict(extras)))
        put(self, "_sessions", sessions)
        put(self, "_session_ends", session_ends)
        put(self, "name", name)
        put(self, "allow_negative", allow_negative)
        put(self, "_cache", {})
        return self

    # ---------------------------------------------------------------- shape and clock

    def __len__(self) -> int:
        return self.timestamps.shape[0]

    @property
    def n_bars(self) -> int:
        """The number of rows of the common clock."""
        return self.timestamps.shape[0]

    @property
    def n_assets(self) -> int:
        """The number of assets."""
        return len(self.symbols)

    @property
    def sessions(self) -> Ints:
        """The session of each bar, days since 1970-01-01, shape (n_bars,)."""
        if self._sessions is not None:
            return self._sessions
        from backtester.bars.clock import utc_sessions

        return self._cached("sessions", lambda: _frozen(utc_sessions(self.timestamps)))

    @property
    def session_ends(self) -> Ints:
        """When each bar's session is over by the calendar, ns UTC, shape (n_bars,)."""
        if self._session_ends is not None:
            return self._session_ends
        from backtester.bars.clock import DAY, UNKNOWN

        if self._sessions is not None:
            return self._cached("ends", lambda: _frozen(np.full(self.n_bars, UNKNOWN)))
        return self._cached("ends", lambda: _frozen((self.sessions + 1) * DAY))

    @property
    def index(self) -> pd.DatetimeIndex:
        """`timestamps` as a `pandas.DatetimeIndex` in UTC."""
        return self._cached("index", lambda: _index(self.timestamps))

    @property
    def market(self) -> MarketArrays:
        """The arrays as the kernel reads them."""
        return self._cached("market", lambda: _market(self))

    @property
    def years(self) -> float:
        """The time from the first to the last close, in years of 365.25 days."""
        return (int(self.timestamps[-1]) - int(self.timestamps[0])) / YEAR_NS

    @property
    def periods_per_year(self) -> float:
        """(n_bars − 1) / years (rule 23); NaN for one bar."""
        return (self.n_bars - 1) / self.years if self.n_bars > 1 else float("nan")

    @property
    def content_hash(self) -> str:
        """BLAKE2b over clock, sessions, symbols and every column, 32 hex digits; computed once.

        Equal panels have equal hashes on every machine: NaN and zero are hashed in one form, and the name is left out.
        """
        from backtester.bars.derive import digest

        return self._cached("hash", lambda: digest(self))

    # ---------------------------------------------------------------- reading

    def __getitem__(self, key: Any) -> Any:
        """Return a column, an extra, or a part of the bars.

        `bars["close"]`, `bars["adjusted_close"]`, `bars["my_feature"]` : the array, shape (n_bars, n_assets).
        `bars[100:200]`, `bars[-1]` : bars by position; one position is a panel of one bar.
        `bars["2010":"2012"]`, `bars["2010-05"]`, `bars[timestamp:]` : bars by time, both ends included. Dates without
        a time of day are sessions; times are compared with the closes, and are UTC unless they have a zone.

        Raises
        ------
        DataError
            If there is no such column, or no bar in the range.
        """
        if isinstance(key, str):
            if key in COLUMNS or key == "adjusted_close":
                return getattr(self, key)
            if key in self.extras:
                return self.extras[key]
            if not key[:1].isdigit():
                known = (*COLUMNS, "adjusted_close", *self.extras)
                raise DataError(f"no column {key!r}{near(key, known)} Columns: {', '.join(known)}")
        from backtester.bars.slices import rows

        return self._rows(rows(self, key))

    def select(self, symbols: str | Iterable[str]) -> Bars:
        """Return the panel of the assets named by `symbols`, in that order, on the same clock.

        Raises
        ------
        DataError
            If a symbol is unknown or named twice.
        """
        from backtester.bars.derive import select

        return select(self, symbols)

    def resample(self, freq: str) -> Bars:
        """Return bars of the longer step `freq` ("5min", "1D", "1W", …): see `backtester.bars.resample.resample`."""
        from backtester.bars.resample import resample

        return resample(self, freq)

    def on(self, freq: str) -> Higher:
        """Return the bars of the longer step `freq`, as known on this clock: see `backtester.bars.resample.Higher`."""
        from backtester.bars.resample import Higher

        return Higher(self, freq)

    # ---------------------------------------------------------------- handing out

    def to_frame(self, symbol: str | None = None) -> pd.DataFrame:
        """Return a DataFrame that `from_frame` reads back to equal bars.

        The index is `close_time`, UTC. One asset (or `symbol`): one row per bar. Several: below each other, in the
        order of time, without the rows of missing bars. A `symbol` column names the asset, unless it was chosen, or
        is the only one and has no name. `session` and `session_end` (ns) are columns where they are not the UTC day.
        """
        from backtester.bars.write import to_frame

        return to_frame(self, symbol)

    def frame(self, values: str | npt.ArrayLike | Mapping[str, npt.ArrayLike]) -> pd.DataFrame:
        """Return an array on this clock, such as an indicator, as a DataFrame: index `close_time`, columns `symbols`.

        Parameters
        ----------
        values : str, array_like or mapping of str to array_like
            A column's name, or shape (n_bars, n_assets), or (n_bars,), which is one value for all assets. Of a mapping
            the columns have two levels, name and symbol.

        Raises
        ------
        DataError
            If the shape is another one, or there is no such column.

        Examples
        --------
        >>> Bars.sample("stocks").frame("close").shape
        (3270, 4)
        """
        from backtester.bars.write import frame_of

        return frame_of(self, values)

    def to_csv(self, path: str | PathLike[str]) -> None:
        """Write `to_frame()` to `path` as CSV, in full or not at all; `from_csv` reads it back to equal bars."""
        from backtester.bars.write import to_csv

        to_csv(self, path)

    def to_parquet(self, path: str | PathLike[str]) -> None:
        """Write `to_frame()` to `path` as Parquet, whole or not at all; `from_parquet` reads it back to equal bars."""
        from backtester.bars.write import to_parquet

        to_parquet(self, path)

    def __repr__(self) -> str:
        first, last = time_text(int(self.timestamps[0])), time_text(int(self.timestamps[-1]))
        names = ", ".join(self.symbols[:6]) + (", …" if self.n_assets > 6 else "")
        more = f", extras: {', '.join(self.extras)}" if self.extras else ""
        head = f"Bars {self.name!r}" if self.name else "Bars"
        return f"<{head}: {self.n_bars:,} bars × {self.n_assets} ({names}), {first} … {last}{more}>"

    def plot(self, symbol: str | None = None) -> go.Figure:
        """Return a Plotly figure of candles and volume; with several assets and no `symbol` a menu chooses.

        Of more than 1,500 bars several become one candle; the title says how many.
        """
        from backtester.bars.pictures import plot

        return plot(self, symbol)

    def _repr_html_(self) -> str:
        from backtester.bars.pictures import html_of

        return html_of(self)

    # ---------------------------------------------------------------- equality, copies

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Bars):
            return NotImplemented
        if self is other:
            return True
        from backtester.bars.derive import same

        return self is other or same(self, other)

    def __hash__(self) -> int:
        return hash(self.content_hash)

    def __copy__(self) -> Bars:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Bars:
        return self

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        columns = [self[c] for c in COLUMNS]
        return Bars._make, (
            self.timestamps,
            columns,
            self.symbols,
            dict(self.extras),
            self._sessions,
            self._session_ends,
            self.name,
            self.allow_negative,
        )

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"bars are read-only; {name!r} cannot be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"bars are read-only; {name!r} cannot be deleted")

    # ---------------------------------------------------------------- inside the package

    def _rows(self, part: slice) -> Bars:
        return Bars._make(
            self.timestamps[part],
            [self[c][part] for c in COLUMNS],
            self.symbols,
            {k: v[part] for k, v in self.extras.items()},
            None if self._sessions is None else self._sessions[part],
            None if self._session_ends is None else self._session_ends[part],
            self.name,
            self.allow_negative,
        )

    def _cached(self, key: str, make: Any) -> Any:
        if key not in self._cache:
            self._cache[key] = make()
        return self._cache[key]


def _market(bars: Bars) -> MarketArrays:
    from backtester.bars.calendar import calendar_of, closes_of
    from backtester.kernel.memory import MarketArrays

    prices = (bars.open, bars.high, bars.low, bars.close)
    closes, calendar = closes_of(bars), calendar_of(bars)
    return MarketArrays(bars.timestamps, bars.sessions, *prices, bars.volume, dict(bars.extras), closes, calendar)


def _frozen(array: Ints) -> Ints:
    array.flags.writeable = False
    return array


def _index(timestamps: Ints) -> pd.DatetimeIndex:
    import pandas as pd

    return pd.DatetimeIndex(timestamps.view("M8[ns]")).tz_localize("UTC")
