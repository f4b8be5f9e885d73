"""Whether features look ahead, found by cutting the data: what comes later must change no bit of what was before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from backtester.bars.check import time_text
from backtester.errors import FeatureError, SettingsError

if TYPE_CHECKING:
    from backtester.bars import Bars
    from backtester.signals.features.feature_set import Features


def check_causal(features: Features, bars: Bars, cuts: int, seed: int, rtol: float) -> None:
    """Compare what `features` give for all bars and for their first part; see `Features.check_causal`."""
    if isinstance(cuts, bool) or not isinstance(cuts, int | np.integer) or cuts < 1:
        raise SettingsError(f"check_causal: cuts is {cuts!r}; it is the number of places to cut at, 1 or more")
    if not 0.0 <= rtol < 1.0:
        raise SettingsError(f"check_causal: rtol is {rtol!r}; it is a relative difference from 0, and below 1")
    if bars.n_bars < 2:
        raise SettingsError(f"check_causal: {bars.n_bars} bar cannot be cut; give it 2 or more")
    whole = features.compute(bars)
    rng = np.random.default_rng(seed)
    places = rng.permutation(np.arange(1, bars.n_bars))[:cuts]
    for n in sorted({*places.tolist(), bars.n_bars - 1}):  # the last place finds what looks one bar ahead
        part = features._first_rows(n).compute(bars[:n])
        before = whole[:n]
        with np.errstate(invalid="ignore"):
            differs = ~((before == part) | (np.isnan(before) & np.isnan(part)))
            if rtol:
                differs &= ~(np.abs(before - part) <= rtol * np.maximum(np.abs(before), np.abs(part)))
        if differs.any():
            t, a, j = np.argwhere(differs)[0]
            raise FeatureError(_sentence(features.names[j], bars, (t, a), n, (before[t, a, j], part[t, a, j])))


def _sentence(name: str, bars: Bars, where: tuple[int, int], n: int, values: tuple[float, float]) -> str:
    t, a = where
    known_later, known_then = (float(value) for value in values)
    hint = "Use rolling or expanding windows that end at the bar"
    if abs(known_later - known_then) <= 1e-9 * abs(known_later):
        hint = "The difference is one of rounding, from sums that depend on the length: rtol=1e-9 allows it"
    return (
        f"feature {name!r} looks ahead: for {bars.symbols[a]} at bar {t} ({time_text(int(bars.timestamps[t]))}) it is "
        f"{known_later!r} with all {bars.n_bars:,} bars, and {known_then!r} with the first {n:,}. {hint}"
    )
