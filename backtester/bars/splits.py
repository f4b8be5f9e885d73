"""Jumps that look like splits nobody declared, and declared splits that the prices do not show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from backtester.bars.check import Finding, Place, place_of
from backtester.bars.events import ratios

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: old shares per new share of the common splits and reverse splits
_SPLITS = (2.0, 3.0, 1.5, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 15.0, 20.0, 25.0, 30.0, 40.0, 50.0, 100.0)
_TOLERANCE = 0.04
_TIMES_USUAL = 8.0


def split_findings(
    timestamps: Ints,
    open: Floats,
    close: Floats,
    symbols: Sequence[str],
    place: Place | None = None,
    *,
    split: Floats | None = None,
    jumps: bool = True,
) -> list[Finding]:
    """Return, as warnings, where the moves from a close to the next open and the declared splits do not fit.

    A jump without a declared split is named when the ratio of the previous close to the open is within 4 % of a common
    split ratio (2:1, 3:1, 3:2, … or its inverse), the bar stays there (its close is within 15 % of the same ratio),
    and the jump is over eight times the asset's usual close-to-open move (the mean of |log|). An asset that often
    jumps is left alone.

    A declared split r is named when close before / open is nearer to 1 than to r (on the scale of logs), and off r by
    over eight usual moves: the prices are adjusted for it already.

    Parameters
    ----------
    timestamps : ndarray of int64, shape (n_bars,)
    open, close : ndarray of float64, shape (n_bars, n_assets)
    symbols : sequence of str
    place : callable, optional
        Position → (row, time) as the source has them.
    split : ndarray of float64, shape (n_bars, n_assets), optional
        The column of declared splits, NaN where there is none.
    jumps : bool
        Look for splits that are not declared too.
    """
    where = place or place_of(timestamps)
    found: list[Finding] = []
    for a, symbol in enumerate(symbols):
        rows = np.flatnonzero(~np.isnan(close[:, a]))
        o, c = open[rows, a], close[rows, a]
        if rows.size < 3 or not (o.min() > 0 and c.min() > 0):
            continue
        declared = _declared(split, a, rows)
        gap = o[1:] / c[:-1]
        large = np.flatnonzero((gap < 0.7) | (gap > 1.4))
        if declared is not None:
            large = large[declared[large] == 1.0]
        if large.size > 3 + gap.size // 50 or not jumps:
            large = large[:0]
        if not large.size and declared is None:
            continue
        size = np.abs(np.log(gap))
        calm = np.sort(size if declared is None else size[declared == 1.0])
        calm = calm[: calm.size - large.size]
        usual = float(calm.mean()) if calm.size else np.inf
        named = [*_undeclared(o, c, gap, size, large, usual)]
        if declared is not None:
            named += _unseen(o, c, gap, declared, usual)
        for i, column, value, rule, remedy in sorted(named, key=lambda n: n[0]):
            found.append(Finding(symbol, *where(int(rows[i])), column, value, rule, remedy, "warning"))
    return found


def _declared(split: Floats | None, asset: int, rows: Ints) -> Floats | None:
    """Return the product of the splits between each bar and the one before it; None where all are 1."""
    if split is None:
        return None
    ratio = ratios(split[: rows[-1] + 1, asset])
    return None if (ratio == 1.0).all() else np.multiply.reduceat(ratio, rows[:-1] + 1)


def _undeclared(
    o: Floats, c: Floats, gap: Floats, size: Floats, large: Ints, usual: float
) -> Iterator[tuple[int, str, float, str, str]]:
    """Yield (bar, column, value, rule, remedy) of the jumps that look like a split."""
    for i in large:
        ratio = 1.0 / gap[i] if gap[i] < 1 else gap[i]
        split = min(_SPLITS, key=lambda s, r=ratio: abs(r / s - 1.0))  # type: ignore[misc]
        kept = c[i + 1] / c[i] if gap[i] > 1 else c[i] / c[i + 1]
        if abs(ratio / split - 1) > _TOLERANCE or abs(kept / split - 1) > 0.15:
            continue
        if size[i] <= _TIMES_USUAL * usual:
            continue
        ours = split if gap[i] < 1 else 1.0 / split
        rule = f"the close before is {float(c[i])!r}, which looks like an unadjusted {_words(ours)} split"
        remedy = (
            "Declare it (`bars.with_events(split=…)`), or use adjusted prices (`bars.adjusted()` where the source has "
            "an adjusted close)"
        )
        yield int(i) + 1, "open", float(o[i + 1]), rule, remedy


def _unseen(
    o: Floats, c: Floats, gap: Floats, declared: Floats, usual: float
) -> Iterator[tuple[int, str, float, str, str]]:
    """Yield (bar, column, value, rule, remedy) of the declared splits that prices do not show."""
    for i in np.flatnonzero(declared != 1.0):
        split = float(declared[i])
        off = abs(np.log(gap[i] * split))
        if off <= max(_TIMES_USUAL * usual, abs(np.log(split)) / 2):
            continue
        moved = f"the price went from {float(c[i])!r} to {float(o[i + 1])!r} over this {_words(split)} split"
        if abs(np.log(gap[i] / split)) < abs(np.log(split)) / 2:
            rule = f"{moved}: the ratio is upside down"
            remedy = "Give units after for each unit before: 2 for a 2-for-1 split"
        else:
            rule = f"{moved}: prices look adjusted for it already, and it would act twice"
            remedy = "Leave the column out (extras=[…] names the columns to keep), or use unadjusted prices"
        yield int(i) + 1, "split", split, rule, remedy


def _words(split: float) -> str:
    return f"{split:g} for 1" if split > 1 else f"1 for {1 / split:g}"
