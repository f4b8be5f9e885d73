"""Columns of events (rules 28-31): what each may hold, and how those of several rows become those of one.

`split`, `dividend`, `funding` and `delisting` are extras of the bars. Each acts before the open of its row, whether or
not the asset has a bar there; NaN is no event.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from backtester.bars.check import Finding, Place, place_of

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

EVENTS = ("split", "dividend", "funding", "delisting")

#: column → (rule, remedy) of its values
_VALUES = {
    "split": ("a split is finite and above zero (2 for a 2-for-1 split)", "Correct it, or set it to NaN (no split)"),
    "dividend": ("a dividend is finite and not negative", "Correct it, or set it to NaN (no dividend)"),
    "funding": ("a funding rate is finite", "Correct it, or set it to NaN (no funding)"),
    "delisting": (
        "the price at a delisting is finite and not negative",
        "Correct it; 0 is worthless, NaN no delisting",
    ),
}


def event_findings(
    timestamps: Ints,
    close: Floats,
    extras: Mapping[str, Floats],
    symbols: Sequence[str],
    place: Place | None = None,
) -> list[Finding]:
    """Return every event that breaks a rule.

    Rules: a split is finite and above zero; a dividend finite, not negative, and below the last close before it in the
    units of its row; funding finite; a delisting price finite and not negative, one for each asset, and no bar of the
    asset in its row or later. NaN is no event.

    Parameters
    ----------
    timestamps : ndarray of int64, shape (n_bars,)
        For the text of the findings.
    close : ndarray of float64, shape (n_bars, n_assets)
        NaN where a bar is missing.
    extras : mapping of str to ndarray of float64, shape (n_bars, n_assets)
        Only the columns of events are looked at.
    symbols : sequence of str
        One per column.
    place : callable, optional
        Position → (row, time) as the source has them.
    """
    columns = {name: extras[name] for name in EVENTS if name in extras}
    where = place or place_of(timestamps)
    found = []
    for name, values in columns.items():
        if name == "split":
            wrong = (values <= 0) | (values == np.inf)
        elif name == "funding":
            wrong = np.isinf(values)
        else:
            wrong = (values < 0) | (values == np.inf)
        if wrong.any():
            for t, a in np.argwhere(wrong):
                found.append(Finding(symbols[int(a)], *where(int(t)), name, float(values[t, a]), *_VALUES[name]))
    if "dividend" in columns:
        found += _dividends(close, columns["dividend"], columns.get("split"), symbols, where)
    if "delisting" in columns:
        found += _delistings(close, columns["delisting"], symbols, where)
    return found


def close_before(close: Floats, split: Floats | None) -> Floats:
    """Return the asset's last close before each row, in the units of that row; NaN before its first bar.

    Parameters
    ----------
    close, split : ndarray of float64, shape (n_bars, n_assets)
        The close is divided by the splits of later rows, that of the row itself included.
    """
    n, width = close.shape
    rows = np.arange(n)[:, None]
    up_to = np.maximum.accumulate(np.where(np.isnan(close), -1, rows), axis=0)
    last = np.concatenate((np.full((1, width), -1), up_to[:-1]))
    at = np.maximum(last, 0)
    before = np.take_along_axis(close, at, axis=0)
    before[last < 0] = np.nan
    if split is None:
        return before
    ratio = ratios(split)
    level = np.cumprod(ratio, axis=0)
    return before / np.where(last == rows - 1, ratio, level / np.take_along_axis(level, at, axis=0))


def ratios(split: Floats) -> Floats:
    """Return splits with 1 where there is none, or one that breaks the rule."""
    return np.where((split > 0) & (split < np.inf), split, 1.0)


def later_splits(split: Floats | None, starts: Ints) -> Floats | None:
    """Return, for each row, the product of the splits in later rows of its group; None where that is 1 everywhere.

    Parameters
    ----------
    split : ndarray of float64, shape (n_bars, n_assets), optional
    starts : ndarray of int64, shape (n_groups,)
        The first row of each group.
    """
    if split is None:
        return None
    rows, assets = np.nonzero(ratios(split) != 1.0)
    begins = starts[np.searchsorted(starts, rows, "right") - 1]
    if (begins == rows).all():
        return None
    later = np.ones(split.shape)
    for row, asset, begin in zip(rows, assets, begins, strict=True):
        later[begin:row, asset] *= split[row, asset]
    return later


def fold(extras: Mapping[str, Floats], starts: Ints) -> dict[str, Floats]:
    """Return the columns of events of groups of rows, one row for each group.

    Splits are multiplied. Dividends are added up in the units of the group's last row: one before a split in the same
    group is divided by it. Funding rates are added up. Of delistings the last stays. A group without an event is NaN.

    Parameters
    ----------
    extras : mapping of str to ndarray of float64, shape (n_bars, n_assets)
        Columns that are no events are left out.
    starts : ndarray of int64, shape (n_groups,)
        The first row of each group.
    """
    out = {}
    later = later_splits(extras.get("split"), starts)
    for name in EVENTS:
        if name not in extras:
            continue
        values = extras[name]
        none = np.isnan(values)
        if name == "split":
            one = np.multiply.reduceat(np.where(none, 1.0, values), starts, axis=0)
        elif name == "delisting":
            rows = np.maximum.reduceat(np.where(none, -1, np.arange(len(values))[:, None]), starts, axis=0)
            one = np.take_along_axis(values, np.maximum(rows, 0), axis=0)
        else:
            if name == "dividend" and later is not None:
                values = values / later
            one = np.add.reduceat(np.where(none, 0.0, values), starts, axis=0)
        one[np.logical_and.reduceat(none, starts, axis=0)] = np.nan
        out[name] = one
    return out


def carried(extras: Mapping[str, Floats], kept: npt.NDArray[np.bool_]) -> dict[str, Floats]:
    """Return the extras with the events of rows that are not `kept` in the next row that is.

    Parameters
    ----------
    extras : mapping of str to ndarray of float64, shape (n_bars, n_assets)
    kept : ndarray of bool, shape (n_bars,)
        At least one. What comes after the last one is lost with its rows.
    """
    rows = np.flatnonzero(kept)
    starts = np.concatenate(([0], rows[:-1] + 1))
    out = dict(extras)
    for name, values in fold({k: v[: rows[-1] + 1] for k, v in extras.items()}, starts).items():
        out[name] = np.full(extras[name].shape, np.nan)
        out[name][rows] = values
    return out


def delisting_after_bars(delisting: Floats, there: npt.NDArray[np.bool_]) -> Floats:
    """Return delistings of longer bars, moved to the next row where the asset still has a bar in their own.

    A delisting acts before the open of its row, and so after the bars that came before it in the same period.

    Parameters
    ----------
    delisting : ndarray of float64, shape (n_bars, n_assets)
    there : ndarray of bool, shape (n_bars, n_assets)
        Whether the asset has a bar. One in the last row has no next: it is left out.
    """
    out = np.where(there, np.nan, delisting)
    for row, asset in np.argwhere(there & ~np.isnan(delisting)):
        if row + 1 < len(out):
            out[row + 1, asset] = delisting[row, asset]
    return out


def _dividends(
    close: Floats, dividend: Floats, split: Floats | None, symbols: Sequence[str], where: Place
) -> Iterator[Finding]:
    paid = (dividend > 0) & (dividend < np.inf)
    if not paid.any():
        return
    before = close_before(close, split)
    for t, a in np.argwhere(paid & (dividend >= before)):
        last = float(before[t, a])
        rule = f"a dividend is below the last close before it, {last!r} in the units of this row"
        remedy = "Correct it (money per unit); are the prices adjusted and the dividend not?"
        yield Finding(symbols[int(a)], *where(int(t)), "dividend", float(dividend[t, a]), rule, remedy)


def _delistings(close: Floats, delisting: Floats, symbols: Sequence[str], where: Place) -> Iterator[Finding]:
    declared = ~np.isnan(delisting)
    for a in np.flatnonzero(declared.any(axis=0)):
        first, *more = (int(t) for t in np.flatnonzero(declared[:, a]))
        row, text = where(first)
        for t in more:
            rule = f"an asset is delisted once, and row {row} has {text} already"
            yield Finding(symbols[int(a)], *where(t), "delisting", float(delisting[t, a]), rule, "Keep one of the two")
        bars = first + np.flatnonzero(~np.isnan(close[first:, a]))
        if bars.size:
            more_bars = f", and {bars.size - 1} more" if bars.size > 1 else ""
            rule = f"a bar in or after the row of the delisting ({text}), which acts before its open{more_bars}"
            remedy = "Put the delisting into the row after the last bar, or drop the bars after it"
            t = int(bars[0])
            yield Finding(symbols[int(a)], *where(t), "close", float(close[t, a]), rule, remedy)
