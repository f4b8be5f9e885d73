"""`Bars`: the frozen, read-only panel that everything else reads.

A panel is a common clock (`timestamps`, the closes, int64 ns UTC) and one `[n_bars, n_assets]` array per column. It
never changes after it is built: slices are views, and everything derived is computed once. Reading files and frames,
simulation, resampling and alignment live in the modules beside this one; the class methods here hand over to them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from backtester.bars.check import COLUMNS, time_text
from backtester.errors import DataError, did_you_mean

if TYPE_CHECKING:
    from os import PathLike

    import pandas as pd

    from backtester.bars.resample import Higher

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

YEAR_NS = 31_557_600_000_000_000  #: 365.25 days
_BLOCK = 1 << 16


class Bars:
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
        Further per-bar columns; NaN is allowed in them. `bars["name"]` reads one.
    sessions : ndarray of int64, shape (n_bars,)
        The session of each bar as days since 1970-01-01, non-decreasing: the UTC date of timestamp − 1 ns, unless the
        source said otherwise (SEMANTICS, rule 1).
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

    # ---------------------------------------------------------------- building

    @classmethod
    def from_arrays(
        cls,
        timestamps: npt.ArrayLike,
        open: npt.ArrayLike,
        high: npt.ArrayLike,
        low: npt.ArrayLike,
        close: npt.ArrayLike,
        volume: npt.ArrayLike | None = None,
        *,
        symbols: Sequence[str] | str | None = None,
        extras: Mapping[str, npt.ArrayLike] | None = None,
        sessions: npt.ArrayLike | None = None,
        session_ends: npt.ArrayLike | None = None,
        name: str = "",
        allow_negative: bool = False,
        check: bool = True,
    ) -> Bars:
        """Build bars from arrays; the arrays are copied.

        Parameters
        ----------
        timestamps : array_like, shape (n_bars,)
            The closes: int64 ns UTC, or datetime64 (UTC).
        open, high, low, close : array_like, shape (n_bars, n_assets) or (n_bars,)
            Prices. One dimension is one asset.
        volume : array_like, optional
            Units traded, shape as the prices; NaN or left out is unknown.
        symbols : sequence of str, optional
            One per asset. Default `"ASSET"`, or `"ASSET0"`, `"ASSET1"`, …
        extras : mapping of str to array_like, optional
            Further columns, shaped as the prices; `(n_bars,)` is one value for all assets. May hold NaN.
        sessions : array_like, shape (n_bars,), optional
            Session labels: days since 1970-01-01 or datetime64; non-decreasing. Default: UTC date of timestamp − 1 ns.
        session_ends : array_like of int64, shape (n_bars,), optional
            When each bar's session is over by the calendar, ns UTC; only with `sessions`.
        name : str
            For reports.
        allow_negative : bool
            Take prices of zero and below.
        check : bool
            Check every rule of clock and bars. False is for arrays that were checked before.

        Returns
        -------
        Bars

        Raises
        ------
        DataError
            If shapes differ, or a bar or a timestamp breaks a rule.

        Warns
        -----
        DataWarning
            If a jump looks like a split that was not adjusted for.
        """
        from backtester.bars import build

        return build.from_arrays(
            timestamps,
            (open, high, low, close, volume),
            symbols=symbols,
            extras=extras,
            sessions=sessions,
            session_ends=session_ends,
            name=name,
            allow_negative=allow_negative,
            check=check,
        )

    @classmethod
    def from_frame(cls, frame: Any, **options: Any) -> Bars:
        """Build bars from a DataFrame, or from `{symbol: DataFrame}`.

        A frame is one asset, or many in long form (a symbol column or a MultiIndex). Options and rules are those of
        `backtester.bars.read.from_frame`: `label`, `session_close`, `tz`, `columns`, `extras`, `symbol`, `sessions`,
        `date_format`, `unit`, `bar_length`, `sort`, `allow_negative`, `warn_splits`, `name`.

        Raises
        ------
        DataError
            If a column is missing or ambiguous, or a time or a bar breaks a rule.
        """
        from backtester.bars import read

        return read.from_frame(frame, **options)

    @classmethod
    def from_csv(cls, path: Any, **options: Any) -> Bars:
        """Build bars from a CSV file, a list, a folder or a pattern of them, or `{symbol: path}`.

        Options are those of `from_frame`, and `separator`, `decimal`, `encoding`: see `backtester.bars.read.from_csv`.

        Raises
        ------
        DataError
            If a file cannot be read, or what is in it breaks a rule.
        """
        from backtester.bars import read

        return read.from_csv(path, **options)

    @classmethod
    def from_parquet(cls, path: Any, **options: Any) -> Bars:
        """Build bars from a Parquet file, a list, a folder or a pattern of them, or `{symbol: path}`.

        Options are those of `from_frame`: see `backtester.bars.read.from_parquet`.

        Raises
        ------
        DataError
            If a file cannot be read, or what is in it breaks a rule.
        """
        from backtester.bars import read

        return read.from_parquet(path, **options)

    @classmethod
    def sample(cls, name: str) -> Bars:
        """Return bundled real data: `"sp500"`, `"nasdaq"`, `"googl"`, `"eurusd"` or `"stocks"`.

        Nothing is downloaded. `backtester.bars.samples.describe(name)` tells source, licence and what was done to it.

        Raises
        ------
        DataError
            If there is no such sample.
        """
        from backtester.bars import samples

        return samples.load(name)

    @classmethod
    def simulate(cls, process: str, *, n_bars: int, seed: int, **options: Any) -> Bars:
        """Return simulated bars: `"gbm"`, `"ar1"`, `"ou"`, `"heston"`, `"jump"` or `"regime"`.

        Options (`n_assets`, `start`, `freq`, `correlation`, `gap`, `steps_per_bar`, …) and the parameters of each
        process, with their sources, are those of `backtester.bars.simulate.simulate`. Same seed, same bars.
        """
        from backtester.bars.simulate import simulate

        return simulate(process, n_bars=n_bars, seed=seed, **options)

    @staticmethod
    def align(panels: Iterable[Bars], *, how: str = "union", sessions: str | None = None) -> Bars:
        """Put the assets of several panels on one clock: see `backtester.bars.align.align`."""
        from backtester.bars.align import align

        return align(panels, how=how, sessions=sessions)

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
    def years(self) -> float:
        """The time from the first to the last close, in years of 365.25 days."""
        return (int(self.timestamps[-1]) - int(self.timestamps[0])) / YEAR_NS

    @property
    def periods_per_year(self) -> float:
        """(n_bars − 1) / years (SEMANTICS, rule 23); NaN for one bar."""
        return (self.n_bars - 1) / self.years if self.n_bars > 1 else float("nan")

    @property
    def content_hash(self) -> str:
        """BLAKE2b over clock, sessions, symbols and every column, 32 hex digits; computed once.

        Equal panels have equal hashes on every machine: NaN and zero are hashed in one form, and the name is left out.
        """
        return self._cached("hash", self._hash)

    # ---------------------------------------------------------------- reading

    def __getitem__(self, key: Any) -> Any:
        """Return a column, an extra, or a part of the bars.

        `bars["close"]`, `bars["my_feature"]` : the array, shape (n_bars, n_assets).
        `bars[100:200]`, `bars[-1]` : bars by position; one position is a panel of one bar.
        `bars["2010":"2012"]`, `bars["2010-05"]`, `bars[timestamp:]` : bars by time, both ends included. Dates without
        a time of day are sessions; times are compared with the closes, and are UTC unless they have a zone.

        Raises
        ------
        DataError
            If there is no such column, or no bar in the range.
        """
        if isinstance(key, str):
            if key in COLUMNS:
                return getattr(self, key)
            if key in self.extras:
                return self.extras[key]
            if not key[:1].isdigit():
                known = (*COLUMNS, *self.extras)
                raise DataError(f"no column {key!r}{did_you_mean(key, known)}. Columns: {', '.join(known)}")
        from backtester.bars.slices import rows

        return self._rows(rows(self, key))

    def select(self, symbols: str | Iterable[str]) -> Bars:
        """Return the panel of some assets, in the order given, on the same clock.

        Raises
        ------
        DataError
            If a symbol is unknown or named twice.
        """
        names = (symbols,) if isinstance(symbols, str) else tuple(symbols)
        for name in names:
            if name not in self.symbols:
                known = ", ".join(self.symbols[:20])
                raise DataError(f"no symbol {name!r}{did_you_mean(name, self.symbols)}. Symbols: {known}")
        if not names or len(set(names)) < len(names):
            raise DataError(f"select takes each symbol once, and at least one; got {list(names)}")
        at = [self.symbols.index(name) for name in names]
        return self._like([np.ascontiguousarray(self[c][:, at]) for c in COLUMNS], symbols=names, at=at)

    def adjusted(self, by: str = "adjusted_close") -> Bars:
        """Return the bars with open, high, low and close scaled by `bars[by] / close`, and volume divided by it.

        Splits and dividends then leave no jumps, and traded value keeps its size. A source adjusts with what happened
        afterwards: levels of adjusted prices are not what was quoted on the day, their ratios are.

        Parameters
        ----------
        by : str
            The extra that holds the adjusted close, as `Bars.sample("stocks")` does. It is left out of the result.

        Raises
        ------
        DataError
            If there is no such extra, or it is not above zero in a bar.
        """
        target = self[by]
        with np.errstate(invalid="ignore", divide="ignore"):
            factor = target / self.close
        wrong = ~np.isnan(self.close) & ~((factor > 0) & (factor < np.inf))
        if wrong.any():
            t, a = (int(i) for i in np.argwhere(wrong)[0])
            when = time_text(int(self.timestamps[t]))
            raise DataError(
                f"{self.symbols[a]}, row {t}, {when}: {by} = {target[t, a]!r} beside close = {self.close[t, a]!r}: "
                "an adjusted close must be above zero wherever there is a bar. Correct the source"
            )
        columns = [self[c] * factor for c in COLUMNS[:4]] + [self.volume / factor]
        return self._like(columns, extras={k: v for k, v in self.extras.items() if k != by})

    def resample(self, freq: str) -> Bars:
        """Return bars of a longer step (`"5min"`, `"1h"`, `"1D"`, `"1W"`, `"1ME"`, …): see `resample.resample`."""
        from backtester.bars.resample import resample

        return resample(self, freq)

    def on(self, freq: str) -> Higher:
        """Return the bars of a longer step, as they are known on this clock: see `resample.Higher`."""
        from backtester.bars.resample import Higher

        return Higher(self, freq)

    # ---------------------------------------------------------------- handing out

    def to_frame(self, symbol: str | None = None) -> pd.DataFrame:
        """Return a DataFrame that `from_frame` reads back to equal bars.

        The index is `close_time`, UTC. One asset (or `symbol`): one row per bar. Several: long form, with a `symbol`
        column, in the order of time, without the rows of missing bars. `session` and `session_end` (ns) are columns
        where they are not the UTC day.
        """
        from backtester.bars.write import to_frame

        return to_frame(self, symbol)

    def to_csv(self, path: str | PathLike[str]) -> None:
        """Write `to_frame()` as CSV, in full or not at all; `from_csv` reads it back to equal bars."""
        from backtester.bars.write import to_csv

        to_csv(self, path)

    def to_parquet(self, path: str | PathLike[str]) -> None:
        """Write `to_frame()` as Parquet, in full or not at all; `from_parquet` reads it back to equal bars."""
        from backtester.bars.write import to_parquet

        to_parquet(self, path)

    def __repr__(self) -> str:
        first, last = time_text(int(self.timestamps[0])), time_text(int(self.timestamps[-1]))
        names = ", ".join(self.symbols[:6]) + (", …" if self.n_assets > 6 else "")
        more = f", extras: {', '.join(self.extras)}" if self.extras else ""
        head = f"Bars {self.name!r}" if self.name else "Bars"
        return f"<{head}: {self.n_bars:,} bars × {self.n_assets} ({names}), {first} … {last}{more}>"

    # ---------------------------------------------------------------- equality, copies

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Bars):
            return NotImplemented
        if self is other:
            return True
        same = self.symbols == other.symbols and self.extras.keys() == other.extras.keys()
        return (
            same
            and np.array_equal(self.timestamps, other.timestamps)
            and np.array_equal(self.sessions, other.sessions)
            and np.array_equal(self.session_ends, other.session_ends)
            and all(np.array_equal(self[c], other[c], equal_nan=True) for c in (*COLUMNS, *self.extras))
        )

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

    def _like(
        self,
        columns: Sequence[Floats],
        *,
        symbols: tuple[str, ...] | None = None,
        extras: Mapping[str, Floats] | None = None,
        at: Sequence[int] | None = None,
    ) -> Bars:
        """Return a panel on this clock with other columns; `at` picks the assets of the extras."""
        if extras is None:
            extras = self.extras if at is None else {k: np.ascontiguousarray(v[:, at]) for k, v in self.extras.items()}
        names = self.symbols if symbols is None else symbols
        return Bars._make(
            self.timestamps, columns, names, extras, self._sessions, self._session_ends, self.name, self.allow_negative
        )

    def _cached(self, key: str, make: Any) -> Any:
        if key not in self._cache:
            self._cache[key] = make()
        return self._cache[key]

    def _hash(self) -> str:
        digest = hashlib.blake2b(digest_size=16)
        for text in (*self.symbols, "", *sorted(self.extras), ""):
            raw = text.encode("utf-8", "surrogatepass")
            digest.update(len(raw).to_bytes(8, "little") + raw)
        digest.update(self.n_bars.to_bytes(8, "little"))
        for clock in (self.timestamps, self.sessions, self.session_ends):
            digest.update(np.ascontiguousarray(clock, dtype="<i8"))
        for column in (*COLUMNS, *sorted(self.extras)):
            flat = self[column].reshape(-1)
            for begin in range(0, flat.size, _BLOCK):
                block = flat[begin : begin + _BLOCK] + 0.0
                block[np.isnan(block)] = np.nan
                digest.update(np.ascontiguousarray(block, dtype="<f8"))
        return digest.hexdigest()


def _frozen(array: Ints) -> Ints:
    array.flags.writeable = False
    return array


def _index(timestamps: Ints) -> pd.DatetimeIndex:
    import pandas as pd

    return pd.DatetimeIndex(timestamps.view("M8[ns]")).tz_localize("UTC")
