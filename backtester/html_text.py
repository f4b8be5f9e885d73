"""Objects in a notebook: a short card with facts, a small picture and a table, for light pages and dark ones.

A card has no style sheet, no script and no colour of its own but one blue that both kinds of page bear: text is drawn
in the page's own colour, and lines in a part of it. Notebook viewers that take styles away leave a readable table. All
text is escaped here, and nowhere else.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from backtester.safe_text import clean

BLUE = "#3b82c4"  # contrast 4:1 on white and on black
POINTS = 240  # of a sparkline: two for each of its columns
_WIDTH, _HEIGHT, _EDGE = 300, 56, 2  # of a sparkline, pixels
_CARD = "display:inline-block;max-width:100%;font-size:13px;line-height:1.45"
_CELL = "padding:1px 14px 1px 0;border:none;background:none;vertical-align:top"
_TABLE = "border-collapse:collapse;color:inherit;font:inherit"  # a page without a doctype inherits neither
_LINE = "border-bottom:1px solid rgba(128,128,128,0.35)"


class Table(NamedTuple):
    """Rows below heads.

    Attributes
    ----------
    heads : sequence of str
    rows : sequence of sequence
        Their cells: text as it is shown; anything else goes through `str`.
    right : sequence of str
        Heads of columns that are aligned to the right.
    """

    heads: Sequence[str]
    rows: Sequence[Sequence[object]]
    right: Sequence[str] = ()


def escaped(text: object) -> str:
    """Return text for a page: on one line, without control characters, and nothing in it is markup."""
    return html.escape(clean(text))


def card(
    title: str,
    facts: Iterable[tuple[str, object]] = (),
    *,
    picture: str = "",
    table: Table | None = None,
    notes: Iterable[str] = (),
) -> str:
    """Return a card as HTML.

    Parameters
    ----------
    title : str
    facts : iterable of (str, object)
        What it is called, and what it is; below each other.
    picture : str
        HTML of `sparkline`.
    table : Table, optional
    notes : iterable of str
        Sentences below.
    """
    rows = "".join(
        f'<tr style="background:none"><td style="{_CELL};text-align:left;opacity:0.65">{escaped(name)}</td>'
        f'<td style="{_CELL};text-align:left">{escaped(value)}</td></tr>'
        for name, value in facts
    )
    parts = [f'<div style="font-weight:600">{escaped(title)}</div>']
    if rows:
        parts.append(f'<table style="{_TABLE};margin:2px 0">{rows}</table>')
    if picture:
        parts.append(picture)
    if table is not None and table.rows:
        parts.append(_table(table))
    parts += [f'<div style="opacity:0.8;max-width:60em">{escaped(note)}</div>' for note in notes]
    return f'<div class="backtester-card" style="{_CARD}">{"".join(parts)}</div>'


def _table(table: Table) -> str:
    sides = ["right" if head in table.right else "left" for head in table.heads]
    heads = "".join(
        f'<th style="{_CELL};{_LINE};text-align:{side};font-weight:600">{escaped(head)}</th>'
        for head, side in zip(table.heads, sides, strict=True)
    )
    body = "".join(
        '<tr style="background:none">'
        + "".join(
            f'<td style="{_CELL};text-align:{side};white-space:nowrap">{escaped(cell)}</td>'
            for cell, side in zip(row, sides, strict=True)
        )
        + "</tr>"
        for row in table.rows
    )
    inside = f'<table style="{_TABLE}"><tr>{heads}</tr>{body}</table>'
    return f'<div style="overflow-x:auto;margin:4px 0">{inside}</div>'


def sparkline(values: npt.ArrayLike, label: str = "", baseline: float | None = None) -> str:
    """Return a small line as inline SVG; "" where there are not two finite values.

    Parameters
    ----------
    values : array_like, [n]
        NaN and infinite ones are gaps. Of many, the lowest and the highest of each column of pixels are drawn.
    label : str
        What a screen reader says, and what is shown under the mouse.
    baseline : float, optional
        Where a thin line goes across, if that is inside the picture.
    """
    y = np.asarray(values, np.float64).ravel()
    finite = np.isfinite(y)
    if np.count_nonzero(finite) < 2:
        return ""
    at = _thinned(y)
    low, high = float(y[at].min()), float(y[at].max())
    span = high - low if high > low and math.isfinite(high - low) else 1.0

    def place(value: float) -> float:
        return _EDGE + (_HEIGHT - 2 * _EDGE) * (1.0 - (value - low) / span)

    across = (_WIDTH - 2 * _EDGE) / (len(y) - 1)
    paths = []
    for piece in np.split(at, np.flatnonzero(_gaps(finite, at)) + 1):
        points = " ".join(f"{_EDGE + across * t:.1f},{place(y[t]):.1f}" for t in piece.tolist())
        paths.append(f'<polyline points="{points}" fill="none" stroke="{BLUE}" stroke-width="1.4"/>')
    if baseline is not None and low <= baseline <= high:
        level = f"{place(baseline):.1f}"
        paths.insert(
            0, f'<line x1="0" x2="{_WIDTH}" y1="{level}" y2="{level}" stroke="currentColor" stroke-opacity="0.3"/>'
        )
    name = escaped(label)
    return (
        f'<svg role="img" aria-label="{name}" width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'style="display:block;margin:2px 0;max-width:100%"><title>{name}</title>{"".join(paths)}</svg>'
    )


def _thinned(y: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Return the positions to draw: all finite ones, or of each bucket of them the lowest and the highest."""
    at = np.flatnonzero(np.isfinite(y))
    if len(at) <= POINTS:
        return at
    kept = []
    for bucket in np.array_split(at, POINTS // 2):
        kept += [int(bucket[y[bucket].argmin()]), int(bucket[y[bucket].argmax()])]
    return np.unique(np.array([at[0], *kept, at[-1]], np.int64))


def _gaps(finite: npt.NDArray[np.bool_], at: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Return between which of the drawn points a value is missing."""
    missing = np.cumsum(~finite)
    return np.asarray(missing[at[1:]] > missing[at[:-1]])


def shortened(value: Any, most: int = 60) -> str:
    """Return a value as text of at most `most` characters."""
    text = f"{value:.6g}" if isinstance(value, float) else value if isinstance(value, str) else repr(value)
    return text if len(text) <= most else f"{text[: most - 1]}…"
