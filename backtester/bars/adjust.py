"""Prices without the jumps of splits and dividends: as known at each bar, back from a given bar, or as a source has it.

The adjusted close of an asset is A_t = close_t · K_t, with K_t = Π 1/f_u over its events after its first bar and up to
t: f = 1/r for a split r; f = 1 − d/c for a dividend d, with c the asset's last close before it in the units of its row
(after a split of that row). A_s/A_t is then what a chart that is adjusted back from bar t shows for bar s, for all
s ≤ t at once: nothing after t takes part. The factors are those of the Center for Research in Security Prices (CRSP),
as Yahoo's help page "What is the adjusted close?" gives them; the anchor is the first bar, where theirs is the last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from backtester.bars.check import COLUMNS, time_text
from backtester.bars.events import close_before, ratios
from backtester.errors import DataError

if TYPE_CHECKING:
    from backtester.bars.panel import Bars

Floats = npt.NDArray[np.float64]

_OURS = ("split", "dividend")


def growth(bars: Bars) -> Floats:
    """Return K, shape (n_bars, n_assets), read-only: 1 up to an asset's first bar, and held where it has none."""
    if any(name in bars.extras for name in _OURS):
        found = _of_events(bars.close, bars.extras.get("split"), bars.extras.get("dividend"))
    elif "adj_close" in bars.extras:
        factor = _held(_factor(bars, "adj_close"))
        found = np.where(_begun(bars.close), factor / _first(bars.close, factor), 1.0)
    else:
        found = np.ones(bars.close.shape)
    found.flags.writeable = False
    return found


def adjusted_close(bars: Bars) -> Floats:
    """Return A; `Bars.adjusted_close` says how."""
    if not any(name in bars.extras for name in (*_OURS, "adj_close")):
        return bars.close
    found = bars.close * _growth(bars)
    found.flags.writeable = False
    return found


def adjustment(bars: Bars) -> Floats:
    """Return 1/K, NaN before an asset's first bar; `Bars.adjustment` says how."""
    found = np.where(_begun(bars.close), 1.0 / _growth(bars), np.nan)
    found.flags.writeable = False
    return found


def as_of(bars: Bars, t: int) -> Floats:
    """Return closes up to `t` in the units of bar `t`; `Bars.adjusted_as_of` says how."""
    if isinstance(t, bool) or not isinstance(t, int | np.integer) or not -bars.n_bars <= t < bars.n_bars:
        raise DataError(f"adjusted_as_of({t!r}): give a position from {-bars.n_bars} to {bars.n_bars - 1}")
    end = int(t) % bars.n_bars
    held = _growth(bars)
    return bars.close[: end + 1] * (held[: end + 1] / held[end])


def adjusted(bars: Bars, by: str | None) -> Bars:
    """Return the bars scaled by their adjusted close; `Bars.adjusted` says how."""
    if by is None:
        by = "adj_close" if "adj_close" in bars.extras else "adjusted_close"
        if not any(name in bars.extras for name in (*_OURS, "adj_close")):
            raise DataError(
                "adjusted: the bars have no extra 'adj_close', 'split' or 'dividend' to adjust by. Declare what "
                f"happened with bars.with_events(…), or name the extra: by='…'. Extras: {', '.join(bars.extras) or '-'}"
            )
    factor = _growth(bars) if by == "adjusted_close" else _factor(bars, by)
    columns = [bars[c] * factor for c in COLUMNS[:4]]
    columns.append(bars.volume / factor)
    extras = {key: value for key, value in bars.extras.items() if key not in (*_OURS, "adj_close", by)}
    if "delisting" in extras:
        extras["delisting"] = extras["delisting"] * _held(factor)
    return bars._make(
        bars.timestamps,
        columns,
        bars.symbols,
        extras,
        bars._sessions,
        bars._session_ends,
        bars.name,
        bars.allow_negative,
    )


def _growth(bars: Bars) -> Floats:
    return bars._cached("growth", lambda: growth(bars))


def _of_events(close: Floats, split: Floats | None, dividend: Floats | None) -> Floats:
    step = np.ones(close.shape) if split is None else ratios(split)
    if dividend is not None:
        paid = dividend > 0
        if paid.any():
            before = close_before(close, split)
            step[paid] /= 1.0 - dividend[paid] / before[paid]
    begun = _begun(close)
    # what happens up to the first bar has no price before it to adjust
    step[0] = 1.0
    step[1:][~begun[:-1]] = 1.0
    return np.asarray(np.cumprod(step, axis=0))


def _factor(bars: Bars, by: str) -> Floats:
    """Return `bars[by] / close`, NaN in gaps.

    Raises
    ------
    DataError
        If it is not above zero in a bar.
    """
    target = bars[by]
    with np.errstate(invalid="ignore", divide="ignore"):
        factor = target / bars.close
    wrong = ~np.isnan(bars.close) & ~((factor > 0) & (factor < np.inf))
    if wrong.any():
        t, a = (int(i) for i in np.argwhere(wrong)[0])
        raise DataError(
            f"{bars.symbols[a]}, row {t}, {time_text(int(bars.timestamps[t]))}: {by} = {float(target[t, a])!r} beside "
            f"close = {float(bars.close[t, a])!r}: an adjusted close must be above zero wherever there is a bar. "
            "Correct the source"
        )
    return factor


def _begun(close: Floats) -> npt.NDArray[np.bool_]:
    """Return whether an asset has had a bar by each row."""
    return np.logical_or.accumulate(~np.isnan(close), axis=0)


def _first(close: Floats, values: Floats) -> Floats:
    """Return the value in each asset's first bar, shape (n_assets,)."""
    return values[np.argmax(~np.isnan(close), axis=0), np.arange(close.shape[1])]


def _held(values: Floats) -> Floats:
    """Return values with each NaN replaced by the last one before it that is not."""
    rows = np.arange(len(values))[:, None]
    last = np.maximum.accumulate(np.where(np.isnan(values), 0, rows), axis=0)
    return np.take_along_axis(values, last, axis=0)
