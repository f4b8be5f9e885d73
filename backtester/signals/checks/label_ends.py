"""Whether labels say the truth about what they read, which is what purging goes by."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from backtester.bars.check import time_text
from backtester.errors import LabelError, SettingsError
from backtester.signals.checks.future import other_future
from backtester.signals.labels.label import Label

if TYPE_CHECKING:
    from backtester.bars import Bars

LabelSource = Label | Callable[["Bars"], Label]


def label_for(source: LabelSource, bars: Bars) -> Label:
    """Return the label of some bars.

    Raises
    ------
    LabelError
        If it was made of arrays alone, so that nobody knows what it would be for other bars.
    """
    if not isinstance(source, Label):
        found = source(bars)
        if not isinstance(found, Label):
            raise LabelError(f"the label is made by {source!r}, which returned {type(found).__name__}, not a Label")
        return found
    if source.spec.get("label") == "from_arrays":
        raise LabelError(
            f"label {source.name!r} was made of arrays, and cannot be made anew for another future; pass the function "
            "that makes it: label=lambda bars: Label.from_arrays(bars, …)"
        )
    return source.of(bars)


def check_label_ends(label: LabelSource, bars: Bars, *, cuts: int = 8, seed: int = 0) -> None:
    """Try whether a label reads what it says: bars after its own, and none after its `end`.

    The data is cut at random rows. What comes after a cut is taken away, and in another try replaced; a label that ends
    before the cut may not change by a bit, and none may appear there or go.

    Parameters
    ----------
    label : Label, or function of bars
        A label that one of our functions made, or the function that makes yours: `f(bars)` returns a `Label`.
    bars : Bars
    cuts : int
        Number of places, 1 or more; one more is just before the last bar.
    seed : int
        Of the generator that chooses them.

    Raises
    ------
    LabelError
        If all labels are known at their own bar, so that there is nothing to predict; or one changes with what comes
        after its end: it names the symbol, the time and both values.
    SettingsError
        If a setting is out of range, or there are fewer than 3 bars.
    """
    places = choose_places("check_label_ends", bars, cuts, seed)
    whole = label_for(label, bars)
    rows, assets = np.nonzero(whole.exists)
    if rows.size and (whole.end[rows, assets] == rows).all():
        t, a = int(rows[0]), int(assets[0])
        raise LabelError(
            f"label {whole.name!r} of {bars.symbols[a]} at bar {t} ({time_text(int(bars.timestamps[t]))}) is known at "
            f"that bar, as all {rows.size:,} are: there is nothing to predict. A label reads later bars: "
            "forward_return(bars, 1)"
        )
    for n in places:
        _compare(whole, label_for(label, bars[:n]), bars, n, f"when the bars end before bar {n}")
        other = label_for(label, other_future(bars, n, seed=seed))
        _compare(whole, other, bars, n, f"when bar {n} and those after it are others")


def choose_places(who: str, bars: Bars, cuts: object, seed: int) -> list[int]:
    """Return rows to cut before, increasing, the last one among them.

    Raises
    ------
    SettingsError
        If `cuts` is no number of places, or the bars are too few.
    """
    if isinstance(cuts, bool) or not isinstance(cuts, int | np.integer) or cuts < 1:
        raise SettingsError(f"{who}: cuts is {cuts!r}; it is the number of places to cut at, 1 or more")
    if bars.n_bars < 3:
        raise SettingsError(f"{who}: {bars.n_bars} bars cannot be cut; give it 3 or more")
    places = np.random.default_rng(seed).permutation(np.arange(2, bars.n_bars))[:cuts]
    return sorted({*places.tolist(), bars.n_bars - 1})


def _compare(whole: Label, other: Label, bars: Bars, n: int, when: str) -> None:
    """Compare the labels that end before row n."""
    before, after = _settled(whole, n), _settled(other, n)
    differs = ~((before == after) | (np.isnan(before) & np.isnan(after)))
    if not differs.any():
        return
    t, a = (int(i) for i in np.argwhere(differs)[0])
    end = int(whole.end[t, a]) if not np.isnan(before[t, a]) else int(other.end[t, a])
    raise LabelError(
        f"label {whole.name!r} of {bars.symbols[a]} at bar {t} ({time_text(int(bars.timestamps[t]))}) says that it "
        f"ends at bar {end}, and reads more: it is {_said(before[t, a])} now, and {_said(after[t, a])} {when}. Purging "
        "goes by the end; say the last bar that the value reads, or read no more than that"
    )


def _settled(label: Label, n: int) -> npt.NDArray[np.float64]:
    """Return the values of the first n rows that end before row n, NaN elsewhere."""
    end = label.end[:n]
    return np.where((end >= 0) & (end < n), label.values[:n], np.nan)


def _said(value: float) -> str:
    return "none" if np.isnan(value) else repr(float(value))
