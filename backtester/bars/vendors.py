"""What yfinance, ccxt and vectorbt hand out, as it comes, made into frames that `read` understands.

None of the three is imported: their shapes are enough. `Bars.from_yfinance`, `from_ccxt` and `from_vectorbt` document
the arguments.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from backtester.bars.calendars import calendar_of, calendar_zone
from backtester.bars.check import COLUMNS, bad
from backtester.bars.clock import stamp_text, to_ns
from backtester.bars.columns import numbers, plain
from backtester.bars.options import Options, read_options
from backtester.bars.read import bars_of
from backtester.bars.tables import as_pandas, by_symbol
from backtester.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

    from backtester.bars.panel import Bars

Floats = npt.NDArray[np.float64]

HOUR = 3_600_000_000_000
_TIMEFRAME = re.compile(r"(\d+)([smhdwMy])")
_UNITS = {"s": "s", "m": "min", "h": "h", "d": "D", "w": "W"}  # of ccxt, and what pandas calls them
_ACTIONS = ("dividends", "stocksplits", "capitalgains", "repaired")


def from_yfinance(frame: Any, as_traded: bool, options: Mapping[str, Any]) -> Bars:
    """Build bars from what yfinance returned: see `Bars.from_yfinance`."""
    settings = _settings(options, "yfinance")
    frames = _frames(frame, settings.symbol)
    return _labelled({s: _yahoo(f, s, as_traded, settings.sort) for s, f in frames.items()}, settings)


def from_vectorbt(data: Any, as_traded: bool, options: Mapping[str, Any]) -> Bars:
    """Build bars from a vectorbt `Data` object or its frames: see `Bars.from_vectorbt`."""
    settings = _settings(options, "vectorbt")
    held = getattr(data, "data", None)
    if isinstance(held, Mapping) and hasattr(data, "symbols"):
        frames = _frames(held, None)
        if settings.symbol is not None:
            frames = dict(zip([settings.symbol], frames.values(), strict=len(frames) > 1))
    elif isinstance(data, tuple):
        raise DataError("data.get() of several symbols does not say which frame is what; give the object, or concat()")
    else:
        columns = {plain(key) for key in data} if isinstance(data, Mapping) else set()
        frames = _turned(data) if set(COLUMNS[:4]) <= columns else _frames(data, settings.symbol)
    ready = {}
    for symbol, one in frames.items():
        one = one.drop(columns=[c for c in one.columns if plain(c) == "closetime"])  # of Binance, 1 ms before the close
        told = {"dividends", "stocksplits"} & {plain(c) for c in one.columns}
        ready[symbol] = _yahoo(one, symbol, as_traded, settings.sort) if told else _without_gaps(one, symbol, ())
    return _labelled(ready, settings)


def from_ccxt(rows: Any, timeframe: str | None, options: Mapping[str, Any]) -> Bars:
    """Build bars from the rows of `fetch_ohlcv`: see `Bars.from_ccxt`."""
    import pandas as pd

    settings = _settings(options, "ccxt", label="open", unit="ms")
    if not isinstance(rows, Mapping):
        rows = {settings.symbol or "": rows}
    elif not rows:
        raise DataError("an empty mapping; give {symbol: rows}")
    frames = {}
    for symbol, given in rows.items():
        if isinstance(given, Mapping):  # {symbol: {timeframe: rows}}, as watchOHLCVForSymbols has it
            timeframe, given = _one_timeframe(given, timeframe, str(symbol))
        frames[str(symbol)] = pd.DataFrame(_six(given, str(symbol)), columns=["time", *COLUMNS])
    if timeframe is not None:
        length = _length(timeframe)
        for symbol, frame in frames.items():
            _apart(frame["time"].to_numpy(), length, timeframe, symbol)
        settings = dataclasses.replace(settings, bar_length=length)
    return bars_of(frames, settings)


def _settings(options: Mapping[str, Any], name: str, **defaults: Any) -> Options:
    """Return the options; `now` is the present unless it was given."""
    import pandas as pd

    return read_options(options, name=name, now=pd.Timestamp.now("UTC"), **defaults)


def _frames(frame: Any, symbol: str | None) -> dict[str, pd.DataFrame]:
    """Return symbol → frame of a frame with one or two column levels, or of a mapping."""
    import pandas as pd

    if isinstance(frame, Mapping):
        if not frame:
            raise DataError("an empty mapping; give {symbol: frame}")
        for key, value in frame.items():
            if isinstance(value, pd.Series):
                raise DataError(f"{key}: one column, {value.name!r}; bars need open, high, low and close")
        found: dict[str, pd.DataFrame] = {}
        for key, value in frame.items():
            found |= _frames(value, str(key))
        return found
    table = as_pandas(frame, symbol or "")
    if not isinstance(table.columns, pd.MultiIndex):
        return {symbol or "": table}
    pieces = by_symbol(table, symbol or "")
    return {symbol: next(iter(pieces.values()))} if symbol is not None and len(pieces) == 1 else pieces


def _turned(columns: Mapping[Any, Any]) -> dict[str, pd.DataFrame]:
    """Return symbol → frame of column name → frame with a column per symbol (or a Series of one asset)."""
    import pandas as pd

    wide = {str(k): v.to_frame() if isinstance(v, pd.Series) else as_pandas(v, str(k)) for k, v in columns.items()}
    return by_symbol(pd.concat(wide, axis=1))


# --- yfinance ------------------------------------------------------------------------------------------------------------


def _yahoo(frame: pd.DataFrame, symbol: str, as_traded: bool, sort: bool) -> pd.DataFrame:
    """Return one asset's frame with `split` and `dividend`, as far as its prices leave them out.

    Yahoo's prices, volumes and dividends are in shares of today: a split divides all that came before. `as_traded`
    multiplies it back by the splits that follow, within the frame. With an `Adj Close` the prices hold no dividends;
    without one they are adjusted for dividends as well, so there is nothing left to pay or to split.
    """
    frame = _without_gaps(frame, symbol, ("dividends", "stocksplits", "capitalgains"))
    if sort:
        frame = frame.sort_index(kind="stable")
    named = {plain(column): column for column in frame.columns}
    rest = frame.drop(columns=[named[name] for name in _ACTIONS if name in named])
    if "adjclose" not in named:
        return rest
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
            time=str(frame.index[row]),
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
            time=str(frame.index[row]),
            column=str(named["capitalgains"]),
            value=float(gains[row]),
        )
    return gains


def _without_gaps(frame: pd.DataFrame, symbol: str, events: Sequence[str]) -> pd.DataFrame:
    """Return the frame on an index of times, without rows that have no price and no event.

    A download of several symbols has the rows of all of them for each.

    Raises
    ------
    DataError
        If there are no times, or no prices at all.
    """
    import pandas as pd

    if not isinstance(frame.index, pd.DatetimeIndex):
        column = next((c for c in frame.columns if plain(c) in ("date", "datetime", "opentime")), None)
        if column is None:
            head = f"{symbol}: " if symbol else ""
            raise DataError(f"{head}the index is no DatetimeIndex, and no column is called Date, Datetime or Open time")
        frame = frame.set_index(column)
        frame.index = pd.DatetimeIndex(frame.index)
    prices = [column for column in frame.columns if plain(column) in COLUMNS[:4]]
    there = frame[prices].notna().any(axis=1).to_numpy()
    if prices and len(frame) and not there.any():
        raise bad("there is not one price; did the download fail?", "Leave the symbol out", symbol=symbol)
    for column in frame.columns:
        if plain(column) in events:
            there |= frame[column].fillna(0).to_numpy() != 0
    return frame[there] if len(prices) == 4 else frame


# --- labels --------------------------------------------------------------------------------------------------------------


def _labelled(frames: Mapping[str, pd.DataFrame], settings: Options) -> Bars:
    """Return the bars of frames whose times are dates, or the opens of bars."""
    if settings.label is None:
        frames = {symbol: _zoned(frame, symbol, settings) for symbol, frame in frames.items()}
        found = {s: "date" if bool((f.index == f.index.normalize()).all()) else "open" for s, f in frames.items()}
        if len(set(found.values())) > 1:
            pair = ", ".join(f"{s or 'the frame'} has {what}s" for s, what in found.items())
            raise DataError(f"some times are dates and some are opens ({pair}); give one kind at a time")
        settings = dataclasses.replace(settings, label=next(iter(found.values())))
    return bars_of(frames, settings)


def _zoned(frame: pd.DataFrame, symbol: str, settings: Options) -> pd.DataFrame:
    """Return a frame whose daily times are midnights: brought back to the exchange's zone, where that was lost.

    Raises
    ------
    DataError
        If bars are longer than a day, or daily times are no midnights and the zone is not told.
    """
    index = frame.index
    steps = np.diff(to_ns(index))
    usual = np.median(steps) if steps.size else 0
    if usual > 4 * 24 * HOUR:
        raise DataError(
            f"{symbol + ': ' if symbol else ''}the bars are {usual / HOUR / 24:g} days long, and are labelled by their "
            "first day: as dates they would be known before they are over. Take daily bars and resample: "
            "bars.resample('1W')"
        )
    if usual < 20 * HOUR or index.tz is None or bool((index == index.normalize()).all()):
        return frame
    calendar = calendar_of(settings.calendar, symbol or "ASSET")
    zone = settings.tz if settings.tz is not None or calendar is None else calendar_zone(calendar)
    if zone is not None:
        index = index.tz_convert(zone)
    late = np.flatnonzero(index != index.normalize())
    if late.size:
        raise bad(
            "daily times are midnights of the exchange's zone, and this is none",
            "Pass tz= with that zone, such as 'America/New_York', or calendar=; or say label= yourself",
            symbol=symbol,
            row=int(late[0]),
            time=stamp_text(index[late[0]]),
        )
    return frame.set_axis(index, axis=0)


# --- ccxt ----------------------------------------------------------------------------------------------------------------


def _six(rows: Any, symbol: str) -> list[list[Any]]:
    """Return rows of time, open, high, low, close and volume; None is NaN.

    Raises
    ------
    DataError
        If it is no list of such rows.
    """
    head = f"{symbol}: " if symbol else ""
    if isinstance(rows, str | bytes) or not isinstance(rows, Sequence | np.ndarray):
        raise DataError(
            f"{head}got {type(rows).__name__}; give the rows of fetch_ohlcv, [[ms, open, high, low, close, volume], …]. "
            "A frame goes to Bars.from_frame(frame, label='open')"
        )
    if not len(rows):
        raise DataError(f"{head}no rows; the exchange returned nothing. Ask for another range (since=)")
    for at, row in enumerate(rows):
        if not isinstance(row, Sequence | np.ndarray) or isinstance(row, str) or not 6 <= len(row) <= 7:
            shown = repr(row)
            raise bad(
                "a row is [ms, open, high, low, close, volume]",
                "Give the rows as fetch_ohlcv returned them",
                symbol=symbol,
                row=at,
                value=shown if len(shown) <= 80 else f"{shown[:77]}...",
            )
    return [list(row[:6]) for row in rows]


def _one_timeframe(given: Mapping[str, Any], timeframe: str | None, symbol: str) -> tuple[str, Any]:
    """Return (timeframe, rows) of `{timeframe: rows}`."""
    if timeframe in given:
        return str(timeframe), given[timeframe]  # type: ignore[index]
    if timeframe is None and len(given) == 1:
        return next(iter(given.items()))
    raise DataError(f"{symbol}: timeframes {', '.join(given)}; say which with timeframe=, and found {timeframe!r}")


def _length(timeframe: str) -> pd.Timedelta:
    """Return the length of a bar of ccxt, such as "5m", "1h" or "1w".

    Raises
    ------
    DataError
        If it is none, or a month or a year, which have no fixed length.
    """
    import pandas as pd

    match = _TIMEFRAME.fullmatch(str(timeframe))
    if not match or int(match.group(1)) == 0:
        raise DataError(f"timeframe = {timeframe!r}: write it as ccxt does, such as '5m', '1h' or '1d'")
    count, unit = match.groups()
    if unit not in _UNITS:
        raise DataError(f"timeframe = {timeframe!r} has no fixed length. Fetch '1d', and bars.resample('1ME')")
    return pd.Timedelta(f"{count}{_UNITS[unit]}")


def _apart(times: Any, length: pd.Timedelta, timeframe: str, symbol: str) -> None:
    """Raise where two rows are nearer than a bar is long; what is no number or not sorted is refused later."""
    if not np.issubdtype(np.asarray(times).dtype, np.integer):
        return
    steps = np.diff(times)
    near = np.flatnonzero((steps > 0) & (steps < length.value // 1_000_000))
    if near.size:
        row = int(near[0]) + 1
        raise bad(
            f"a bar of {timeframe} cannot begin {steps[near[0]] / 60_000:g} minutes after the one before",
            "Pass the timeframe that was fetched",
            symbol=symbol,
            row=row,
            time=f"{np.datetime64(int(times[row]), 'ms').astype('M8[s]')}Z",
        )
