"""What yfinance, ccxt and vectorbt hand out, as it comes, made into frames that `read` understands.

None of the three is imported: their shapes are enough. `Bars.from_yfinance`, `from_ccxt` and `from_vectorbt` document
the arguments.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.bars.ccxt import fundings, read_rows
from backtester.bars.check import COLUMNS, bad, near
from backtester.bars.clock import Label, stamp_text, to_ns
from backtester.bars.columns import plain
from backtester.bars.exchanges import calendar_for, calendar_zone
from backtester.bars.options import Options, read_options
from backtester.bars.read import bars_of
from backtester.bars.stamps import read_stamps
from backtester.bars.tables import as_pandas, by_symbol
from backtester.bars.yahoo import ACTIONS, MADE, without_gaps, yahoo
from backtester.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

    from backtester.bars.panel import Bars

HOUR = 3_600_000_000_000


def from_yfinance(frame: Any, as_traded: bool, options: Mapping[str, Any]) -> Bars:
    """Build bars from what yfinance returned: see `Bars.from_yfinance`."""
    settings = _settings(options, "yfinance")
    frames = _on_times(_frames(frame, settings.symbol), settings)
    return _labelled(*_yahoo(frames, as_traded, settings))


def from_vectorbt(data: Any, as_traded: bool, options: Mapping[str, Any]) -> Bars:
    """Build bars from a vectorbt `Data` object or its frames: see `Bars.from_vectorbt`."""
    settings = _settings(options, "vectorbt")
    held = getattr(data, "data", None)
    if isinstance(held, Mapping) and hasattr(data, "symbols"):
        frames = _renamed(_frames(held, None), settings.symbol)
    elif isinstance(data, tuple):
        raise DataError("data.get() of several symbols does not say which frame is what; give the object, or concat()")
    else:
        columns = {plain(key) for key in data} if isinstance(data, Mapping) else set()
        turned = set(COLUMNS[:4]) <= columns
        frames = _renamed(_turned(data), settings.symbol) if turned else _frames(data, settings.symbol)
    frames = {  # the close time of Binance lies 1 ms before the close
        symbol: frame.drop(columns=[c for c in frame.columns if plain(c) == "closetime"])
        for symbol, frame in _on_times(frames, settings).items()
    }
    if any(plain(column) in ACTIONS for frame in frames.values() for column in frame.columns):
        return _labelled(*_yahoo(frames, as_traded, settings))
    return _labelled({symbol: without_gaps(frame, symbol) for symbol, frame in frames.items()}, settings)


def from_ccxt(rows: Any, timeframe: str | None, funding: Any, options: Mapping[str, Any]) -> Bars:
    """Build bars from the rows of `fetch_ohlcv`: see `Bars.from_ccxt`."""
    settings = _settings(options, "ccxt", label="open", unit="ms")
    frames, length = read_rows(rows, timeframe, settings.symbol or "")
    if length is not None and settings.bar_length is not None:
        raise DataError(f"timeframe = {timeframe!r} beside bar_length = {settings.bar_length!r}; leave one of them out")
    if funding is not None:
        rates = funding if isinstance(funding, Mapping) else dict.fromkeys(frames, funding)
        unknown = [name for name in rates if name not in frames]
        if unknown or (len(frames) > 1 and not isinstance(funding, Mapping)):
            found = f"; there is no {unknown[0]!r} among the rows{near(unknown[0], frames)}" if unknown else "."
            raise DataError(f"funding of several assets is a mapping of symbol to entries{found}")
        for name, frame in frames.items():
            frame["funding"] = fundings(rates.get(name, ()), frame["time"].to_numpy(), length, name)
    return bars_of(frames, settings if length is None else dataclasses.replace(settings, bar_length=length))


def _yahoo(
    frames: Mapping[str, pd.DataFrame], as_traded: bool, settings: Options
) -> tuple[dict[str, pd.DataFrame], Options]:
    """Return frames with their events made extras, and options that keep these."""
    if not isinstance(as_traded, bool):
        raise DataError(f"as_traded = {as_traded!r}: write True or False")
    ready = {symbol: yahoo(frame, symbol, as_traded, settings.sort) for symbol, frame in frames.items()}
    if settings.extras is not None:  # prices without their splits would be losses
        made = [name for name in MADE if any(name in frame.columns for frame in ready.values())]
        settings = dataclasses.replace(settings, extras=list(dict.fromkeys([*settings.extras, *made])))
    return ready, settings


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
    return _renamed(by_symbol(table, symbol or ""), symbol)


def _renamed(frames: dict[str, pd.DataFrame], symbol: str | None) -> dict[str, pd.DataFrame]:
    """Return the frame of one asset under another name."""
    if symbol is None:
        return frames
    if len(frames) > 1:
        raise DataError(f"symbol = {symbol!r} names one asset, and the columns are of {', '.join(frames)}")
    return {symbol: next(iter(frames.values()))}


def _on_times(frames: Mapping[str, pd.DataFrame], settings: Options) -> dict[str, pd.DataFrame]:
    """Return frames on an index of times, which may have become a column.

    Raises
    ------
    DataError
        If there are no times, or they cannot be read.
    """
    import pandas as pd

    found = {}
    for symbol, frame in frames.items():
        if not isinstance(frame.index, pd.DatetimeIndex):
            column = next((c for c in frame.columns if plain(c) in ("date", "datetime", "opentime")), None)
            if column is None:
                head = f"{symbol}: " if symbol else ""
                names = ", ".join(map(str, frame.columns))
                raise DataError(
                    f"{head}the index is no DatetimeIndex, and no column is called Date, Datetime or Open time. "
                    f"Columns: {names or 'none'}. Set the index, or download again"
                )
            stamps = read_stamps(
                frame[column].reset_index(drop=True),
                column=str(column),
                symbol=symbol,
                date_format=settings.date_format,
                unit=settings.unit,
                tz=settings.tz,
            )
            frame = frame.drop(columns=column).set_axis(stamps, axis=0)
        found[symbol] = frame
    return found


def _turned(columns: Mapping[Any, Any]) -> dict[str, pd.DataFrame]:
    """Return symbol → frame of column name → frame with a column per symbol (or a Series of one asset)."""
    import pandas as pd

    wide = {str(k): v.to_frame() if isinstance(v, pd.Series) else as_pandas(v, str(k)) for k, v in columns.items()}
    return by_symbol(pd.concat(wide, axis=1))


def _labelled(frames: Mapping[str, pd.DataFrame], settings: Options) -> Bars:
    """Return the bars of frames whose times are dates, or the opens of bars."""
    if settings.label is None:
        frames = {symbol: _zoned(frame, symbol, settings) for symbol, frame in frames.items()}
        found: dict[str, Label] = {
            s: "date" if bool((f.index == f.index.normalize()).all()) else "open" for s, f in frames.items()
        }
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
            "first day: as dates they would be known before they are over. Take daily bars and bars.resample('1W'), or "
            "pass label='open': then a bar closes when the next begins"
        )
    if usual < 20 * HOUR or index.tz is None or bool((index == index.normalize()).all()):
        return frame
    calendar = calendar_for(settings.calendar, symbol or "ASSET")
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
