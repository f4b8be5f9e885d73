"""Validation at the door: every rule that a bar, a clock and a column must keep.

`bar_findings` and `time_findings` return all that is wrong as data (`Finding`), as `events` and `splits` do for
corporate actions; `refuse` raises the first of them as a `DataError`, `report` collects them for `backtester data
check`. A good panel is passed in one sweep over blocks that fit the cache: 1,000,000 bars take a few milliseconds, and
nothing is compiled.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from backtester.errors import DataError, did_you_mean

if TYPE_CHECKING:
    from os import PathLike

    from backtester.bars.panel import Bars

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Place = Callable[[int], tuple[int, str]]  #: a bar's position → its row and time in the source

PRICES = ("open", "high", "low", "close")
COLUMNS = (*PRICES, "volume")
NOT_A_TIME = np.iinfo(np.int64).min
_BLOCK = 1 << 14


class DataWarning(UserWarning):
    """Market data is usable, and looks wrong: prices and declared splits do not fit each other."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with market data.

    Attributes
    ----------
    symbol : str
        The asset, or `""` where the finding is about a whole file.
    row : int or None
        Position in the rows of the source, from 0; None where no row is to blame.
    time : str or None
        The bar's time in ISO form, as far as it is known.
    column : str
        The column, or `""`.
    value : object
        What was found.
    rule, remedy : str
        The rule that is broken, and what to do about it.
    severity : str
        `"error"`: the data is refused; `"warning"`: it is taken.
    """

    symbol: str
    row: int | None
    time: str | None
    column: str
    value: Any
    rule: str
    remedy: str
    severity: str = "error"

    def __str__(self) -> str:
        place = [self.symbol] if self.symbol else []
        if self.row is not None:
            place.append(f"row {self.row}")
        if self.time is not None:
            place.append(self.time)
        head = f"{', '.join(place)}: " if place else ""
        if self.column:
            head += f"{self.column} = {_show(self.value)}: "
        elif self.value != "":
            head += f"found {_show(self.value)}: "
        return f"{head}{self.rule}. {self.remedy}" if self.remedy else f"{head}{self.rule}"


class BadBars(DataError):
    """A `DataError` that carries what was found, as data.

    Attributes
    ----------
    findings : tuple of Finding
        Everything that is wrong, in the order of the rows; the message names the first.
    """

    def __init__(self, findings: Sequence[Finding]):
        more = f" (and {len(findings) - 1} more; `backtester data check` lists them)" if len(findings) > 1 else ""
        super().__init__(f"{findings[0]}{more}")
        self.findings = tuple(findings)

    def __reduce__(self) -> tuple[type[BadBars], tuple[tuple[Finding, ...]]]:
        return type(self), (self.findings,)


def bad(
    rule: str,
    remedy: str,
    *,
    symbol: str = "",
    row: int | None = None,
    time: str | None = None,
    column: str = "",
    value: Any = "",
) -> BadBars:
    """Return the error that one finding makes."""
    return BadBars([Finding(symbol, row, time, column, value, rule, remedy)])


def refuse(findings: Sequence[Finding]) -> None:
    """Raise a `DataError` for the errors among `findings`, and warn of the rest.

    Raises
    ------
    DataError
        If one of the findings is an error.
    """
    errors = [f for f in findings if f.severity == "error"]
    if errors:
        raise BadBars(errors)
    if findings:
        more = f" (and {len(findings) - 1} more like it)" if len(findings) > 1 else ""
        warnings.warn(f"{findings[0]}{more}", DataWarning, stacklevel=outside())


def near(name: object, known: Iterable[str]) -> str:
    """Return `"; did you mean 'x'?"`, or a full stop where nothing is close."""
    return did_you_mean(str(name), known) or "."


def time_text(timestamp: int) -> str:
    """Return int64 ns UTC as ISO text with the zone, seconds or finer where the value needs it."""
    if timestamp == NOT_A_TIME:
        return "NaT"
    moment = np.datetime64(int(timestamp), "ns")
    return f"{moment.astype('M8[s]') if timestamp % 1_000_000_000 == 0 else moment}Z"


def place_of(timestamps: Ints) -> Place:
    """Return the place of bars that have no other source than these arrays."""
    return lambda t: (t, time_text(int(timestamps[t])))


def time_findings(timestamps: Ints, symbol: str = "", place: Place | None = None) -> list[Finding]:
    """Return what breaks the rule "strictly increasing, no NaT" in one clock.

    Parameters
    ----------
    timestamps : ndarray of int64, shape (n_bars,)
        ns UTC; NaT is the smallest int64.
    symbol : str
        Named in the findings.
    place : callable, optional
        Position → (row, time) as the source has them.
    """
    where = place or place_of(timestamps)
    later = timestamps[1:] > timestamps[:-1]
    if later.all() and (timestamps.size == 0 or timestamps[0] != NOT_A_TIME):
        return []
    drop = "Drop the row, or correct its time"
    found = [
        Finding(symbol, where(int(i))[0], "NaT", "time", "NaT", "a bar needs a time", drop)
        for i in np.flatnonzero(timestamps == NOT_A_TIME)
    ]
    if later.size and (timestamps[1:] < timestamps[:-1]).all():
        remedy = "All rows are newest first: reverse them (the readers do, with sort=True)"
    else:
        remedy = "Sort the rows by time (the readers do, with sort=True)"
    for i in np.flatnonzero(~later) + 1:
        now, before = int(timestamps[i]), int(timestamps[i - 1])
        if NOT_A_TIME in (now, before):
            continue
        (row, text), (row_before, text_before) = where(int(i)), where(int(i) - 1)
        if now == before:
            rule, how = f"times must be unique, and row {row_before} has the same", "Drop one of the two rows"
        else:
            rule, how = f"times must increase, and row {row_before} has {text_before}", remedy
        found.append(Finding(symbol, row, text, "time", text, rule, how))
    return sorted(found, key=lambda f: f.row if f.row is not None else -1)


def bar_findings(
    timestamps: Ints,
    prices: Sequence[Floats],
    volume: Floats,
    symbols: Sequence[str],
    *,
    allow_negative: bool = False,
    place: Place | None = None,
) -> list[Finding]:
    """Return every value that breaks a rule of the bar.

    Rules: the four prices are all there or all NaN (a missing bar); finite; above zero unless `allow_negative`;
    low ≤ open ≤ high and low ≤ close ≤ high, without tolerance; volume is NaN (unknown) or finite and not negative.

    Parameters
    ----------
    timestamps : ndarray of int64, shape (n_bars,)
        For the text of the findings.
    prices : sequence of four ndarrays of float64, shape (n_bars, n_assets)
        Open, high, low, close.
    volume : ndarray of float64, shape (n_bars, n_assets)
    symbols : sequence of str
        One per column.
    allow_negative : bool
        Take prices of zero and below.
    place : callable, optional
        Position → (row, time) as the source has them.
    """
    where = place or place_of(timestamps)
    n_bars, n_assets = volume.shape
    step = max(1, _BLOCK // max(1, n_assets))
    found: list[Finding] = []
    for begin in range(0, n_bars, step):
        block = slice(begin, begin + step)
        o, h, low, c = (p[block] for p in prices)
        v = volume[block]
        good = (low <= np.minimum(o, c)) & (np.maximum(o, c) <= h) & (h < np.inf) & ~(v < 0) & ~(v == np.inf)
        good &= (low > -np.inf) if allow_negative else (low > 0)
        if good.all():
            continue
        gone = np.isnan(o) & np.isnan(h) & np.isnan(low) & np.isnan(c) & ~(v > 0) & ~(v < 0)
        for row, asset in np.argwhere(~(good | gone)):
            t = begin + int(row)
            values = {name: float(p[t, asset]) for name, p in zip(PRICES, prices, strict=True)}
            values["volume"] = float(volume[t, asset])
            for column, value, rule, remedy in _broken(values, allow_negative):
                found.append(Finding(symbols[int(asset)], *where(t), column, value, rule, remedy))
    return found


def _broken(bar: dict[str, float], allow_negative: bool) -> Iterator[tuple[str, float, str, str]]:
    """Yield (column, value, rule, remedy) for each rule that one bar breaks."""
    volume = bar["volume"]
    if volume < 0:
        yield "volume", volume, "volume cannot be negative", "Correct it, or set it to NaN (unknown)"
    if volume == np.inf:
        yield "volume", volume, "volume must be finite", "Correct it, or set it to NaN (unknown)"
    missing = [name for name in PRICES if np.isnan(bar[name])]
    if len(missing) == 4:
        if not volume <= 0:
            rule = "a bar without prices cannot have volume"
            yield "volume", volume, rule, "Fill in its prices, or drop the row"
        return
    for name in missing:
        rule = "open, high, low and close are all there, or all missing"
        yield name, bar[name], rule, "Fill it in, or drop the row (a missing bar is NaN in all four)"
    infinite = [name for name in PRICES if np.isinf(bar[name])]
    for name in infinite:
        yield name, bar[name], "prices must be finite", "Correct the value, or drop the row"
    if not allow_negative:
        for name in PRICES:
            if bar[name] <= 0 and name not in infinite:
                remedy = "Correct the value, or pass allow_negative=True if such prices are real"
                yield name, bar[name], "prices must be above zero", remedy
    if missing or infinite:
        return
    low, high = bar["low"], bar["high"]
    if high < low:
        yield "high", high, f"high cannot be below low ({_show(low)})", "Correct the row; are the columns swapped?"
        return
    for name in ("open", "close"):
        if not low <= bar[name] <= high:
            rule = f"{name} must lie inside [low, high] = [{_show(low)}, {_show(high)}]"
            yield name, bar[name], rule, "Correct the row; do all columns have the same adjustment?"


def report(source: str | PathLike[str] | Bars, **options: Any) -> list[Finding]:
    """Return everything that is wrong with a file or a panel; an empty list is a clean bill.

    Parameters
    ----------
    source : path or Bars
        A CSV or Parquet file, a folder or a pattern of them, or bars already built.
    **options
        Those of `Bars.from_csv` or `Bars.from_parquet`.

    Returns
    -------
    list of Finding
        Errors first, in the order of the source's rows; then warnings. Where the source cannot be read at all, one
        finding says why.
    """
    from backtester.bars.events import event_findings
    from backtester.bars.panel import Bars
    from backtester.bars.splits import split_findings

    if isinstance(source, Bars):
        prices = (source.open, source.high, source.low, source.close)
        found = time_findings(source.timestamps)
        found += bar_findings(
            source.timestamps, prices, source.volume, source.symbols, allow_negative=source.allow_negative
        )
        found += event_findings(source.timestamps, source.close, source.extras, source.symbols)
        split = source.extras.get("split")
        return found + split_findings(source.timestamps, source.open, source.close, source.symbols, split=split)
    from backtester.bars.read import collect

    try:
        return sorted(collect(source, **options), key=lambda f: f.severity != "error")
    except BadBars as error:
        return list(error.findings)
    except DataError as error:
        return [Finding("", None, None, "", "", str(error), "")]


def _show(value: Any) -> str:
    """Return a value as a person would write it, cut short."""
    if isinstance(value, float | np.floating):
        return repr(float(value))
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def outside() -> int:
    """Return the stacklevel of the first frame outside this package, so that the warning points at the caller."""
    import sys

    level, frame = 2, sys._getframe(2)
    while frame is not None and str(frame.f_globals.get("__name__", "")).startswith("backtester.bars"):
        frame = frame.f_back  # type: ignore[assignment]
        level += 1
    return level
