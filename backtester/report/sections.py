"""Sections: what an object has to show on a page, as plain values that know nothing of HTML.

An object that can be reported has a method `report_sections()` which returns a list of `Section`. A section has a title
and items, and an item is what one of the functions here returns: text, a table, lines, bars, a histogram, a heat map or
a scatter. The page draws any of them, so that a new kind of object needs no script of its own, and objects of higher
layers can hand over what they hold.

Numbers are numbers, fractions are fractions; `unit` says how they are written. Undefined is None, and is drawn as a
gap.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from backtester.errors import ResultError, did_you_mean
from backtester.report.sampling import m4, number, numbers

if TYPE_CHECKING:
    import pandas as pd

UNITS = ("text", "written", "plain", "number", "percent", "money", "count", "bars", "price")
COLOURS = ("accent", "quiet", "muted", "gain", "loss", "warn", "one", "two", "three", "four", "five", "six")
LINE_POINTS = 6_000
SCATTER_POINTS = 4_000
TABLE_ROWS = 5_000
HEAT_CELLS = 10_000

Item = dict[str, Any]
Values = npt.ArrayLike | Sequence[Any]


@dataclass(frozen=True)
class Section:
    """One part of a page.

    Attributes
    ----------
    title : str
        Its heading, and its name in the navigation.
    items : sequence of dict
        What the functions of this module return, in order.
    note : str
        A sentence below, for what a reader must know.
    """

    title: str
    items: Sequence[Item] = field(default_factory=tuple)
    note: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the section as plain JSON values."""
        anchor = re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-") or "section"
        return {"anchor": anchor, "title": self.title, "items": list(self.items), "note": self.note}


@runtime_checkable
class Reportable(Protocol):
    """What `write_report` takes besides results: an object that says what it has to show."""

    def report_sections(self) -> list[Section]:
        """Return the parts of its page, in order."""


def text(words: str) -> Item:
    """Return a paragraph."""
    return {"kind": "text", "text": str(words)}


def facts(rows: Iterable[tuple[str, str]]) -> Item:
    """Return a short list of names with their values, both text: (name, value) in order."""
    return {"kind": "facts", "rows": [[str(name), str(value)] for name, value in rows]}


def table(
    title: str, columns: Mapping[str, Values], units: Mapping[str, str] | None = None, *, tone: Sequence[str] = ()
) -> Item:
    """Return a table, which the page sorts, filters and turns.

    Parameters
    ----------
    title : str
        "" for none.
    columns : mapping of str to sequence
        By heading, all of one length. Of more than 5,000 rows the first are listed, and the page says so.
    units : mapping of str to str, optional
        One of `UNITS` by heading; "number" for a column of numbers and "text" for any other where it has none.
        "written" is text that is set like a number, "plain" a number that is no amount, such as a year.
    tone : sequence of str
        Headings of columns whose numbers are green above 0 and red below.

    Raises
    ------
    ResultError
        If columns differ in length, or there is no such unit.
    """
    known = units or {}
    lengths = {name: len(values) for name, values in columns.items()}  # type: ignore[arg-type]
    if len(set(lengths.values())) > 1:
        raise ResultError(f"table {title!r}: its columns have the lengths {lengths}; they must have one")
    heads, listed = [], []
    for name, values in columns.items():
        unit, cells = _cells(values, known.get(name))
        heads.append({"label": str(name), "unit": unit, "tone": name in tone})
        listed.append(cells)
    return {
        "kind": "table",
        "title": title,
        "heads": heads,
        "columns": listed,
        "total": max(lengths.values(), default=0),
    }


def frame_table(
    title: str, frame: pd.DataFrame, units: Mapping[str, str] | None = None, *, tone: Sequence[str] = ()
) -> Item:
    """Return a DataFrame as a table, its index first, its metrics by their words; see `table`."""
    known = dict(units or {})
    index = frame.index.name or not frame.index.equals(_positions(len(frame)))
    plain = frame.reset_index() if index else frame
    if index and frame.index.dtype.kind in "iu":
        known.setdefault(str(plain.columns[0]), "plain")
    heads = [label_of(str(name)) for name in plain.columns]
    columns = {head: plain.iloc[:, k].to_numpy() for k, head in enumerate(heads)}
    return table(title, columns, {label_of(name): unit for name, unit in known.items()}, tone=tone)


def line(name: str, y: Values, x: Values | None = None, colour: str = "", *, fill: bool = False) -> dict[str, Any]:
    """Return one line for `lines`.

    Parameters
    ----------
    name : str
    y : float64 [n]
        NaN is a gap.
    x : float64 [n] or times, optional
        Increasing; default 0, 1, 2, …
    colour : str
        One of `COLOURS`; "" for the next of the palette.
    fill : bool
        Whether the area below is tinted.
    """
    values = np.asarray(y, np.float64)
    places = np.arange(len(values), dtype=np.float64) if x is None else _places(x)
    at = m4(values, LINE_POINTS)
    gaps = np.flatnonzero(~np.isfinite(values))
    if len(at) + len(gaps) == len(values):
        at = np.arange(len(values))
    return {
        "name": name,
        "colour": _colour(colour),
        "x": numbers(places[at], 15),
        "y": numbers(values[at]),
        "fill": fill,
    }


def lines(
    title: str,
    drawn: Sequence[dict[str, Any]],
    *,
    unit: str = "number",
    x: str = "number",
    x_title: str = "",
    zero: bool = False,
    log: bool = False,
    tall: bool = False,
    marks: Iterable[tuple[Any, str]] = (),
    levels: Iterable[tuple[float, str]] = (),
) -> Item:
    """Return a chart of lines.

    Parameters
    ----------
    title : str
    drawn : sequence
        Of what `line` returns.
    unit : str
        Of the values, one of `UNITS`.
    x : {"number", "time"}
        What x is; times are drawn in UTC.
    x_title : str
    zero : bool
        Whether the axis has 0 on it.
    log : bool
        Whether a logarithmic scale is offered.
    tall : bool
        Whether it gets more room than others.
    marks : of (x, str)
        Places with a vertical line and its word.
    levels : of (float, str)
        Values with a horizontal line and its word.
    """
    _check_unit(unit, title)
    return {
        "kind": "lines",
        "title": title,
        "unit": unit,
        "x": x,
        "x_title": x_title,
        "zero": zero,
        "log": log,
        "tall": tall,
        "lines": list(drawn),
        "marks": [[number(float(_places([place])[0]), 15), word] for place, word in marks],
        "levels": [[number(float(value)), word] for value, word in levels],
    }


def bars(
    title: str,
    labels: Sequence[Any],
    groups: Mapping[str, Values],
    *,
    unit: str = "number",
    upright: bool = False,
    span: tuple[float, float] | None = None,
) -> Item:
    """Return bars, one row for each label, side by side for several groups.

    Parameters
    ----------
    title : str
    labels : sequence
    groups : mapping of str to float64 [n]
        Values of each label, by the name of the group.
    unit : str
    upright : bool
        Columns from left to right, for labels that follow each other in time.
    span : (float, float), optional
        The least and the greatest value that rows have room for, so that several charts share one scale; by default
        those of the values. 0 has room always.
    """
    _check_unit(unit, title)
    listed = [{"name": str(name), "values": numbers(np.asarray(values, np.float64))} for name, values in groups.items()]
    return {
        "kind": "bars",
        "title": title,
        "unit": unit,
        "upright": upright,
        "span": None if span is None else [number(float(value)) for value in span],
        "labels": [str(label) for label in labels],
        "groups": listed,
    }


def histogram(
    title: str,
    values: npt.ArrayLike,
    *,
    unit: str = "number",
    bins: int = 60,
    marks: Iterable[tuple[float, str]] = (),
    normal: bool = False,
) -> Item:
    """Return how often values fall into equal parts of their range; those beyond 0.1 % at each end count in the last.

    Parameters
    ----------
    title : str
    values : float64 [n]
        What is not finite does not count.
    unit : str
    bins : int
    marks : of (float, str)
        Values with a line and its word.
    normal : bool
        Whether the normal curve of the same mean and deviation is drawn beside.
    """
    _check_unit(unit, title)
    marked = [(float(value), word) for value, word in marks if np.isfinite(value)]
    finite = np.asarray(values, np.float64)
    finite = finite[np.isfinite(finite)]
    found: Item = {"kind": "histogram", "title": title, "unit": unit, "n": len(finite), "marks": [], "curve": None}
    if len(finite) == 0:
        return found | {"edges": [], "counts": []}
    low, high = _range_of(finite, [value for value, _ in marked])
    edges = np.linspace(low, high, max(2, min(bins, len(finite))) + 1)
    counts, _ = np.histogram(np.clip(finite, low, high), edges)
    found |= {"edges": numbers(edges), "counts": counts.tolist(), "marks": [[number(v), word] for v, word in marked]}
    deviation = float(finite.std())
    if normal and deviation > 0.0:
        middle = (edges[:-1] + edges[1:]) / 2.0
        density = np.exp(-0.5 * ((middle - finite.mean()) / deviation) ** 2) / (deviation * np.sqrt(2.0 * np.pi))
        found["curve"] = numbers(density * len(finite) * np.diff(edges), 4)
    return found


def heat_map(
    title: str,
    x: Sequence[Any],
    y: Sequence[Any],
    values: npt.ArrayLike,
    *,
    unit: str = "number",
    x_title: str = "",
    y_title: str = "",
    diverging: bool = True,
) -> Item:
    """Return a table of coloured cells.

    Parameters
    ----------
    title : str
    x, y : sequence
        Names of columns and rows.
    values : float64 [len(y), len(x)]
        NaN is an empty cell.
    unit : str
    x_title, y_title : str
    diverging : bool
        Green above 0 and red below; else one colour from the lowest to the highest.

    Raises
    ------
    ResultError
        If the shape is another, or there are more than 10,000 cells.
    """
    _check_unit(unit, title)
    cells = np.asarray(values, np.float64)
    if cells.shape != (len(y), len(x)):
        raise ResultError(f"heat map {title!r}: values have the shape {cells.shape}; it must be {(len(y), len(x))}")
    if cells.size > HEAT_CELLS:
        raise ResultError(f"heat map {title!r}: {cells.size:,} cells are more than {HEAT_CELLS:,}; put some together")
    return {
        "kind": "heat",
        "title": title,
        "unit": unit,
        "x": [_label(one) for one in x],
        "y": [_label(one) for one in y],
        "x_title": x_title,
        "y_title": y_title,
        "values": [numbers(row, 6) for row in cells],
        "diverging": diverging,
    }


def scatter(
    title: str,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    x_title: str = "",
    y_title: str = "",
    x_unit: str = "number",
    y_unit: str = "number",
    names: Sequence[str] | None = None,
    diagonal: bool = False,
    means: Sequence[tuple[float, float]] = (),
) -> Item:
    """Return a cloud of points; of more than 4,000 every k-th is drawn.

    Parameters
    ----------
    title : str
    x, y : float64 [n]
        Points that are not finite in both are left out.
    x_title, y_title, x_unit, y_unit : str
    names : sequence of str, optional
        What is said of a point under the pointer.
    diagonal : bool
        Whether the line y = x is drawn.
    means : of (float, float)
        Points that are joined by a line over the cloud.
    """
    for unit in (x_unit, y_unit):
        _check_unit(unit, title)
    across, up = np.asarray(x, np.float64), np.asarray(y, np.float64)
    kept = np.flatnonzero(np.isfinite(across) & np.isfinite(up))
    drawn = (
        kept[np.unique(np.linspace(0, len(kept) - 1, min(len(kept), SCATTER_POINTS)).astype(np.int64))]
        if len(kept)
        else kept
    )
    return {
        "kind": "scatter",
        "title": title,
        "x_title": x_title,
        "y_title": y_title,
        "x_unit": x_unit,
        "y_unit": y_unit,
        "x": numbers(across[drawn], 6),
        "y": numbers(up[drawn], 6),
        "names": None if names is None else [str(names[k]) for k in drawn.tolist()],
        "total": len(kept),
        "diagonal": diagonal,
        "means": [[number(float(a), 6), number(float(b), 6)] for a, b in means],
    }


def unit_of(metric: str) -> str:
    """Return the unit in which a metric of `Result.metrics` is written; "number" for any other name."""
    from backtester.summary_text import GROUPS

    return next((one.kind for _, group in GROUPS for one in group if one.name == metric), "number")


def label_of(metric: str) -> str:
    """Return what a metric of `Result.metrics` is called on a page; any other name as it is."""
    from backtester.summary_text import GROUPS

    if metric == "total_costs":  # it is "total" only below the heading of its group
        return "costs"
    return next((one.label for _, group in GROUPS for one in group if one.name == metric), metric)


def _cells(values: Values, unit: str | None) -> tuple[str, list[Any]]:
    """Return the unit of a column and its first cells as JSON."""
    array = (
        np.asarray(values)[:TABLE_ROWS]
        if not isinstance(values, list | tuple)
        else np.asarray(values[:TABLE_ROWS], object)
    )
    if array.dtype.kind == "M":
        return "text", [None if np.isnat(one) else _label(one.astype("M8[s]").item()) for one in array]
    if array.dtype.kind == "O" and all(one is None or _is_number(one) for one in array) and len(array):
        array = np.array([np.nan if one is None else one for one in array], np.float64)
    if array.dtype.kind in "iuf" and unit != "text":
        _check_unit(unit or "number", "")
        return unit or ("count" if array.dtype.kind in "iu" else "number"), numbers(array)
    return unit if unit == "written" else "text", [_label(one) for one in array.tolist()]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def _label(value: Any) -> str:
    if value is None or value != value:
        return ""
    if isinstance(value, float | np.floating):
        return f"{float(value):.6g}"
    if hasattr(value, "isoformat"):
        return str(value.isoformat()).replace("T", " ").replace("+00:00", "").replace(" 00:00:00", "")
    return str(value)


def _positions(n: int) -> pd.Index:
    import pandas as pd

    return pd.RangeIndex(n)


def _places(x: Any) -> npt.NDArray[np.float64]:
    """Return places on an axis as numbers; times as milliseconds since 1970, UTC."""
    array = x.to_numpy() if hasattr(x, "to_numpy") else np.asarray(x)
    if array.dtype.kind == "O" and len(array) and hasattr(array[0], "timestamp"):
        return np.array([one.timestamp() * 1e3 for one in array])
    if array.dtype.kind == "M":
        return array.astype("M8[ms]").astype(np.int64).astype(np.float64)
    return array.astype(np.float64)


def _range_of(finite: npt.NDArray[np.float64], marked: list[float]) -> tuple[float, float]:
    low, high = np.quantile(finite, [0.001, 0.999]).tolist()
    low, high = min([low, *marked]), max([high, *marked])
    if high > low:
        return low, high
    room = abs(low) * 0.01 or 0.01
    return low - room, high + room


def _colour(name: str) -> str:
    if name and name not in COLOURS:
        raise ResultError(f"line: there is no colour {name!r}{did_you_mean(name, COLOURS)}; one of {COLOURS}")
    return name


def _check_unit(unit: str, title: str) -> None:
    if unit not in UNITS:
        raise ResultError(f"{title or 'table'}: there is no unit {unit!r}{did_you_mean(unit, UNITS)}; one of {UNITS}")
