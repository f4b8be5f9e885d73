"""Where the data is cut: a spread that holds the places where leaks hide, the same for the same seed."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

import numpy as np

from backtester.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from backtester.bars import Bars

_FIRST, _LAST = 3, 3  # bars at the beginning and at the end
_STARTS = 6  # things of which the beginning is looked at
MOST_DECISIONS = 150


def choose_cuts(cuts: object, bars: Bars, first: Sequence[int], seed: int, span: range) -> list[int]:
    """Return the rows to cut before, increasing.

    The first bars after each of `first`, the last bars, the middles of halves and of smaller parts, the first bars of
    months and sessions with the bars before them, and random ones: one of each kind in turn, so that few cuts are
    spread over the data as many are.

    Parameters
    ----------
    cuts : int, "all", or sequence of int
        How many; every bar; or the rows themselves.
    bars : Bars
    first : sequence of int
        Bars at which something is first known.
    seed : int
    span : range
        The rows in which a cut can show anything.

    Raises
    ------
    SettingsError
        If `cuts` is none of these, a row is outside the data, or all are outside the span.
    """
    if isinstance(cuts, str) and cuts == "all":
        return list(span)
    if isinstance(cuts, bool | str) or not isinstance(cuts, int | np.integer):
        return _given(cuts, bars.n_bars, span)
    count = int(cuts)
    if count < 1:
        raise SettingsError(f"check_lookahead: cuts is {cuts!r}; it is a number of places, 1 or more, or 'all'")
    if count >= len(span):
        return list(span)
    chosen: dict[int, None] = {}
    kinds = _kinds(bars, first, seed, span)
    for row in (one for turn in zip_longest(*kinds) for one in turn):
        if row is not None and row in span:
            chosen[int(row)] = None
        if len(chosen) == count:
            break
    return sorted(chosen)


def _kinds(bars: Bars, first: Sequence[int], seed: int, span: range) -> list[Iterable[int]]:
    """Return the rows of each kind, the most telling first; the random ones are all of the span."""
    rng = np.random.default_rng(seed)
    begins = sorted({span.start - 1, *(t for t in first if t in span)})[:_STARTS]
    starts = [t + k for k in range(1, _FIRST + 1) for t in reversed(begins)]  # at the latest most is known
    ends = [span.stop - k for k in range(1, _LAST + 1)]
    borders = [[t + k for t in rng.permutation(rows) for k in (0, -1)] for rows in _borders(bars)]
    return [ends, starts, _middles(span), *borders, rng.permutation(np.array(span))]


def _middles(span: range) -> Iterator[int]:
    """Yield the middle of the span, of its halves, of its quarters, and so on."""
    parts = 1
    while parts < len(span):
        yield from (span[len(span) * (2 * k + 1) // (2 * parts)] for k in range(parts))
        parts *= 2


def after_decisions(decided: Sequence[int], cuts: Sequence[int], n_bars: int, seed: int) -> list[int]:
    """Return the rows right after bars at which something was decided, those that are no cut yet; 150 at most.

    Where there are more, the first and last hundredth part stay, and others are drawn.
    """
    rows = sorted({t + 1 for t in decided if 0 <= t < n_bars - 1} - set(cuts))
    if len(rows) <= MOST_DECISIONS:
        return rows
    drawn = np.random.default_rng([seed, 1]).permutation(rows)[: MOST_DECISIONS - 2]
    return sorted({rows[0], rows[-1], *drawn.tolist()})


def _borders(bars: Bars) -> list[np.ndarray]:
    """Return the first rows of months, and of sessions where they have several bars."""
    sessions = bars.sessions
    months = sessions.view("M8[D]").astype("M8[M]")
    starts = [np.flatnonzero(months[1:] != months[:-1]) + 1]
    days = np.flatnonzero(sessions[1:] != sessions[:-1]) + 1
    if len(days) < bars.n_bars - 1:
        starts.append(days)
    return starts


def _given(cuts: object, n_bars: int, span: range) -> list[int]:
    """Return the rows that were given, without those at which nothing can show."""
    try:
        rows = sorted({int(t) for t in cuts})  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        raise SettingsError(
            f"check_lookahead: cuts is {cuts!r}; it is a number of places, rows to cut before, or 'all'"
        ) from None
    if not rows or rows[0] < 1 or rows[-1] >= n_bars:
        raise SettingsError(f"check_lookahead: cuts are rows from 1 to {n_bars - 1}, found {cuts!r}")
    inside = [row for row in rows if row in span]
    if not inside:
        raise SettingsError(
            f"check_lookahead: nothing can show at the cuts {cuts!r}; what is checked speaks of the bars from "
            f"{span.start - 1} to {span.stop - 1}"
        )
    return inside
