"""Start-up drift: values that depend on where the data begins, and after how many bars they no longer do.

An exponential average remembers its first value for ever, a little less each bar. That is no look-ahead, but what a
strategy does in its first bars is then an accident of where the data begins.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from backtester.research.lookahead.tracks import Track, differing

if TYPE_CHECKING:
    from backtester.bars import Bars
    from backtester.research.lookahead.subject import Subject, Trace

Floats = npt.NDArray[np.float64]

RTOL = 1e-9
_STARTS = (0.25, 0.4)  # of the data: where it begins instead
_SETTLED = 0.1  # of the rows that were compared: they must agree at the end, or it is said that values never do


@dataclass(frozen=True)
class Drift:
    """A track whose values depend on the first bar of the data.

    Attributes
    ----------
    name : str
    bar, asset : int
        The first value that differs, in rows of all bars, although everything was ready.
    begins : int
        After how many bars of the later data everything was ready.
    needed : int or None
        After how many values agree; None where they do not by the end of the data.
    n_bars : int
        Bars of the later data.
    fades : bool
        Whether the differences become smaller, so that more bars would show after how many they are gone.
    """

    name: str
    bar: int
    asset: int
    begins: int
    needed: int | None
    n_bars: int
    fades: bool


def drifts(subject: Subject, first: Trace, bars: Bars, skip: set[str]) -> list[Drift]:
    """Return the tracks of a thing that differ, after its warm-up, where the data begins later."""
    found: dict[str, Drift] = {}
    for fraction in _STARTS:
        row = int(fraction * bars.n_bars)
        if row < 1:
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                later = subject.trace(bars[row:], "later", row)
        except Exception:
            continue  # too short, which says nothing
        for name, track in first.tracks.items():
            other = later.tracks.get(name)
            if name in skip or other is None or track.known is not None or track.values.dtype.kind != "f":
                continue
            one = _drift(track, other, row, later.begins)
            if one and (name not in found or _more(one, found[name])):
                found[name] = one
    return list(found.values())


def _drift(track: Track, other: Track, row: int, begins: int) -> Drift | None:
    left, right = track.values[row:], other.values
    if left.shape != right.shape:
        return None
    ready = np.isfinite(right)
    ready[:begins] = False
    differs = differing(left, right, RTOL) & ready
    rows = differs.reshape(len(differs), -1).any(axis=1)
    if not rows.any():
        return None
    last = int(np.flatnonzero(rows)[-1])
    place = np.argwhere(differs)[0]
    asset = int(place[1]) if track.asset == "axis" and len(place) > 1 else -1
    never = len(rows) - 1 - last < _SETTLED * (len(rows) - begins)
    starts = max(begins, int(np.argmax(ready.reshape(len(ready), -1).any(axis=1))))
    needed = None if never else last + 1
    return Drift(track.name, row + int(place[0]), asset, starts, needed, len(rows), _fades(left, right, differs))


def _fades(left: Floats, right: Floats, differs: npt.NDArray[np.bool_]) -> bool:
    """Return whether the last differences are less than half of the first."""
    gaps = np.abs(left - right)[differs]
    few = max(1, len(gaps) // 10)
    return bool(np.median(gaps[-few:]) < 0.5 * np.median(gaps[:few]))


def _more(one: Drift, other: Drift) -> bool:
    return one.needed is None or (other.needed is not None and one.needed > other.needed)
