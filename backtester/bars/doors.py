"""The doors of `Bars`: the class methods that build it, each handed over to the module that knows how."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, Unpack

import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

    from backtester.bars.options import ReadOptions
    from backtester.bars.panel import Bars

Path = str | PathLike[str]


class Doors:
    """The constructors of `Bars`."""

    __slots__ = ()

    @staticmethod
    def from_arrays(
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
        calendar: str | None = None,
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
            Further columns, shaped as the prices; `(n_bars,)` is one value for all assets. May hold NaN. `split`,
            `dividend`, `funding` and `delisting` are events, and have rules of their own (`Bars.with_events`).
        sessions : array_like, shape (n_bars,), optional
            Session labels: days since 1970-01-01 or datetime64; non-decreasing. Default: UTC date of timestamp − 1 ns.
        session_ends : array_like of int64, shape (n_bars,), optional
            When each bar's session is over by the calendar, ns UTC; only with `sessions`.
        calendar : str, optional
            An exchange of exchange_calendars (`"XNYS"`), whose sessions all bars must lie in; in the place of
            `sessions` and `session_ends`. Needs `pip install 'backtester[calendars]'`.
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
            If a jump looks like a split that was not declared or adjusted for, or a declared one is not in the prices.
        """
        from backtester.bars import build

        return build.from_arrays(
            timestamps,
            (open, high, low, close, volume),
            symbols=symbols,
            extras=extras,
            sessions=sessions,
            session_ends=session_ends,
            calendar=calendar,
            name=name,
            allow_negative=allow_negative,
            check=check,
        )

    @staticmethod
    def from_frame(frame: pd.DataFrame | Mapping[str, pd.DataFrame], **options: Unpack[ReadOptions]) -> Bars:
        """Build bars from a frame, or from `{symbol: frame}`; assets with different calendars get a common clock.

        Parameters
        ----------
        frame : DataFrame, or mapping of symbol to DataFrame
            Rows are bars. Open, high, low, close and, if there is one, volume are found by name, whatever the case.
            Times are a DatetimeIndex, or a column called time, date, datetime, timestamp, close_time or open_time (or
            date and time). A column symbol, ticker, asset or instrument makes it long form: several assets below each
            other, also as an index level; two column levels, of which one holds the symbols, are understood too.
            polars and pyarrow tables are converted.
        symbol : str, optional
            The name of the asset of a frame without symbols. Default `"ASSET"`.
        label : {"close", "open", "date"}, optional
            What a time stands for. `"close"`: the close of the bar. `"open"`: its open; the close is the stamp plus
            the most frequent step between stamps (or `bar_length`), and never after the next stamp. `"date"`: a
            calendar date; the bar closes at `session_close`, by default when that day ends in `tz`. Default: `"close"`
            or `"open"` if the column is called close_time or open_time; `"date"` if every stamp is at midnight; else
            `"close"`.
        session_close : str, optional
            Time of day at which a session ends, such as `"16:00"`, in `tz`. Later bars belong to the session of the
            next date. Default: sessions are UTC dates of timestamp − 1 ns.
        tz : str or tzinfo, optional
            Zone of naive times and of `session_close`. Naive dates are UTC without it; naive times of day need it.
        calendar : str or mapping of symbol to str, optional
            Exchange whose sessions these are, by a name of exchange_calendars (`"XNYS"`, `"XTKS"`, `"24/7"`; needs
            `pip install 'backtester[calendars]'`). It says which session a bar belongs to and when that ends, early
            closes included; a date closes with its session, and a bar labelled by its open ends with it at the latest.
            In the place of `session_close` and session labels.
        outside_sessions : {"error", "drop"}
            With `calendar`: what becomes of bars in no session, such as on a holiday or before the open.
        columns : mapping, optional
            Our name → the frame's name, for open, high, low, close, volume, time, symbol, session, session_end,
            adj_close, split, dividend, funding and delisting, where names do not say it.
        extras : sequence of str, optional
            The other columns to keep. Default all, which must then be numeric. The source's adjusted close is always
            called `"adj_close"`, and columns of events `"split"`, `"dividend"`, `"funding"` and `"delisting"`, however
            the source spells them. A 0 in a column of splits under another name than ours is no split.
        sessions : array_like, optional
            Session label per row (dates, or days since 1970-01-01), for one asset; a `session` column does the same.
        date_format : str, optional
            `strptime` format of times given as text, where they are not ISO 8601.
        unit : {"s", "ms", "us", "ns"}, optional
            Of times given as numbers since 1970 (UTC). Default: by their size.
        bar_length : str or Timedelta, optional
            With `label="open"`.
        now : str, Timestamp, datetime or number, optional
            When the data was asked for (UTC without a zone): a last bar that closes later is not over, and is left out.
            Default: all bars are over.
        sort : bool
            Sort the rows of each asset by time; otherwise unsorted rows are an error.
        allow_negative : bool
            Take prices of zero and below.
        warn_splits : bool
            Warn of jumps that look like unadjusted splits, and of declared splits that prices do not show.
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
            If a jump looks like a split that was not declared or adjusted for, or a declared one is not in the prices.
        """
        from backtester.bars import read

        return read.from_frame(frame, **options)

    @staticmethod
    def from_csv(
        path: Path | Sequence[Path] | Mapping[str, Path],
        *,
        separator: str | None = None,
        decimal: str = ".",
        encoding: str | None = None,
        **options: Unpack[ReadOptions],
    ) -> Bars:
        """Build bars from CSV files.

        Parameters
        ----------
        path : path, sequence of paths, or mapping of symbol to path
            One file, plain or gzip; several; a folder (its `*.csv` and `*.csv.gz`); or a pattern such as
            `"data/*.csv"`. Of several files each is one asset, named after the file, unless it has a symbol column.
        separator : str, optional
            Default: the one of comma, semicolon, tab and bar that the header line has most of.
        decimal : str
            `","` for numbers such as 1,25.
        encoding : str, optional
            Default UTF-8, or UTF-16 where the file begins with its mark. A byte order mark and CRLF are understood.
        **options
            Those of `from_frame`. The name is by default that of the file.

        Raises
        ------
        DataError
            If a file is not there, empty, cut off or no CSV, or what is in it breaks a rule.
        """
        from backtester.bars import read

        return read.from_csv(path, separator=separator, decimal=decimal, encoding=encoding, **options)

    @staticmethod
    def from_parquet(path: Path | Sequence[Path] | Mapping[str, Path], **options: Unpack[ReadOptions]) -> Bars:
        """Build bars from Parquet files.

        Parameters
        ----------
        path : path, sequence of paths, or mapping of symbol to path
            One file; several; a folder (its `*.parquet`); or a pattern. Of several files each is one asset, named
            after the file, unless it has a symbol column.
        **options
            Those of `from_frame`. The name is by default that of the file.

        Raises
        ------
        DataError
            If a file is not there, cut off or no Parquet, or what is in it breaks a rule.
        """
        from backtester.bars import read

        return read.from_parquet(path, **options)

    @staticmethod
    def from_yfinance(
        frame: pd.DataFrame | Mapping[str, pd.DataFrame], *, as_traded: bool = True, **options: Unpack[ReadOptions]
    ) -> Bars:
        """Build bars from what `yfinance.download`, `Ticker.history` or `Tickers.history` returned.

        Yahoo's prices, volumes and dividends are in shares of today. What the bars hold follows from the columns:

        * with `Adj Close` (`auto_adjust=False`): prices as they were traded, that is multiplied back by the splits that
          follow in the frame (volume divided by them, dividends multiplied); the extras `split` and `dividend`, from
          `Stock Splits` and `Dividends` (`actions=True`); and `adj_close`;
        * without (`auto_adjust=True`, their default): prices adjusted for splits and dividends, and neither `split` nor
          `dividend`, as both would count twice.

        Splits after the last row are not in the frame: where it ends before one, all prices have that factor in common.

        Parameters
        ----------
        frame : DataFrame, or mapping of symbol to DataFrame
            One or two column levels, in either order (`group_by`). Times at midnight are dates; other times are the
            opens of bars. Rows without prices and without events are left out. Bars longer than a day are refused:
            take daily ones and `resample`.
        as_traded : bool
            False keeps Yahoo's prices per share of today, with `dividend` alike and without `split`.
        **options
            Those of `from_frame`. `now` is by default the present: today's bar, if it is not over, is left out. A daily
            bar closes at `session_close`, or by `calendar`; by default when the day ends.

        Returns
        -------
        Bars

        Raises
        ------
        DataError
            As `from_frame`; if a symbol has no price at all; if there are capital gains in a frame that was not
            repaired, as Yahoo may have counted them in `Dividends` too.
        """
        from backtester.bars import vendors

        return vendors.from_yfinance(frame, as_traded, options)

    @staticmethod
    def from_ccxt(
        rows: Any, *, timeframe: str | None = None, funding: Any = None, **options: Unpack[ReadOptions]
    ) -> Bars:
        """Build bars from what `fetch_ohlcv` of ccxt returned.

        Parameters
        ----------
        rows : sequence of rows, or mapping of symbol to rows
            `[ms of the open, open, high, low, close, volume]`; None is missing. `{symbol: {timeframe: rows}}` is
            understood too.
        timeframe : str, optional
            What was fetched, in ccxt's words (`"5m"`, `"1h"`, `"1d"`, `"1w"`): a bar closes that long after its open.
            Default: the most frequent step. Months and years are refused: take `"1d"` and `resample`.
        funding : sequence of dict, or mapping of symbol to those, optional
            Of perpetual contracts, what `fetch_funding_rate_history` returned: it becomes the extra `funding`, each
            rate in the bar that is open at its time (0 where there is none).
        **options
            Those of `from_frame`. `now` is by default the present: exchanges return the bar that is under way, and it
            is left out. Of rows that were stored pass the time at which they were fetched, in ms or otherwise.

        Returns
        -------
        Bars

        Raises
        ------
        DataError
            As `from_frame`; if rows are not of that form, or nearer to each other than `timeframe`.
        """
        from backtester.bars import vendors

        return vendors.from_ccxt(rows, timeframe, funding, options)

    @staticmethod
    def from_vectorbt(data: Any, *, as_traded: bool = True, **options: Unpack[ReadOptions]) -> Bars:
        """Build bars from a `Data` object of vectorbt, or from its frames.

        Parameters
        ----------
        data : vectorbt Data, DataFrame, mapping of symbol to DataFrame, or mapping of column to DataFrame
            The last has a column per symbol in each frame: `{"Open": …, "High": …, "Low": …, "Close": …}`, as
            `Data.concat()` returns it. Times at midnight are dates; other times are the opens of bars.
        as_traded : bool
            As for `from_yfinance`, whose rules hold where there are `Dividends` and `Stock Splits` (`YFData`).
        **options
            Those of `from_frame`. `now` is by default the present. vectorbt turns times to UTC: daily bars of an
            exchange elsewhere need `tz` (its zone) or `calendar` to be dates again.

        Returns
        -------
        Bars

        Raises
        ------
        DataError
            As `from_frame`; if there is a close alone; if daily times are midnights of a zone that is not told.
        """
        from backtester.bars import vendors

        return vendors.from_vectorbt(data, as_traded, options)

    @staticmethod
    def sample(name: str) -> Bars:
        """Return bundled real data: `"sp500"`, `"nasdaq"`, `"googl"`, `"eurusd"` or `"stocks"`.

        Nothing is downloaded. `backtester.bars.samples.describe(name)` tells source, licence and what was done to it.
        The prices of `"stocks"` are unadjusted, with the extras `split` and `dividend`; `bars.adjusted_close` and
        `bars.adjusted()` have no jumps from them.

        Raises
        ------
        DataError
            If there is no such sample.
        """
        from backtester.bars import samples

        return samples.load(name)

    @staticmethod
    def simulate(process: str, *, n_bars: int, seed: int, **options: Any) -> Bars:
        """Return simulated bars: `"gbm"`, `"ar1"`, `"ou"`, `"heston"`, `"jump"` or `"regime"`.

        Options (`n_assets`, `start`, `freq`, `calendar`, `price`, `volume`, `gap`, `steps_per_bar`, `correlation`,
        `symbols`, `state`, `allow_negative`) are those of `backtester.bars.simulate.simulate`, the parameters of each
        process, with equations and sources, those of `backtester.bars.processes`. Same arguments, same bars.

        Raises
        ------
        DataError
            If the process, a parameter or a value is not known or out of range.
        """
        from backtester.bars.simulate import simulate

        return simulate(process, n_bars=n_bars, seed=seed, **options)

    @staticmethod
    def align(panels: Iterable[Bars], *, how: str = "union", sessions: str | None = None) -> Bars:
        """Put the assets of several panels on one clock: see `backtester.bars.align.align`."""
        from backtester.bars.align import align

        return align(panels, how=how, sessions=sessions)
