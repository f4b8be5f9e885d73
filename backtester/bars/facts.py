"""What a panel holds, in numbers: clock, sessions and gaps, each asset's bars and volume, extras, memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.bars.check import COLUMNS, time_text

if TYPE_CHECKING:
    from backtester.bars.panel import Bars

_USUAL = 1.5  # a step longer than this many usual ones is a gap


def facts_of(bars: Bars) -> dict[str, Any]:
    """Return what a panel holds, as plain values.

    Parameters
    ----------
    bars : Bars

    Returns
    -------
    dict
        `name`, `n_bars`, `first` and `last` (closes, UTC), `step_ns` (the most frequent time between two closes; None
        for one bar), `step_share` (the fraction of steps that are of this length), `longest_step` (a gap, or None),
        `sessions` (`n`, and the fewest, the median and the most bars in one), `gaps` (steps longer than 1.5 usual ones
        inside a session: `n`, and the `longest` of them), `assets` (a dict each, see below), `extras` (name → how many
        values are finite and not 0), `content_hash`, and `bytes` of memory.

        Of an asset: `symbol`; `bars`; `first` and `last` of its closes; `missing`, rows of the common clock between
        these without a bar; `volume_known`, the fraction of its bars whose volume is known; `no_volume`, how many
        have volume 0; `lowest` and `highest` price.
    """
    times = bars.timestamps
    steps = np.diff(times)
    usual = _most_frequent(steps) if len(steps) else None
    _, counts = np.unique(bars.sessions, return_counts=True)
    return {
        "name": bars.name,
        "n_bars": bars.n_bars,
        "first": time_text(int(times[0])),
        "last": time_text(int(times[-1])),
        "step_ns": usual,
        "step_share": float(np.mean(steps == usual)) if usual is not None else None,
        "longest_step": _gap(bars, int(np.argmax(steps))) if usual is not None else None,
        "sessions": {
            "n": len(counts),
            "fewest_bars": int(counts.min()),
            "median_bars": float(np.median(counts)),
            "most_bars": int(counts.max()),
        },
        "gaps": _gaps(bars, steps, usual),
        "assets": [_asset(bars, a) for a in range(bars.n_assets)],
        "extras": {name: int(np.count_nonzero(np.nan_to_num(values))) for name, values in bars.extras.items()},
        "content_hash": bars.content_hash,
        "bytes": _bytes(bars),
    }


def _most_frequent(steps: np.ndarray) -> int:
    values, counts = np.unique(steps, return_counts=True)
    return int(values[np.argmax(counts)])


def _gap(bars: Bars, t: int) -> dict[str, Any]:
    """Return the step that follows bar t."""
    after, until = int(bars.timestamps[t]), int(bars.timestamps[t + 1])
    return {"ns": until - after, "after": time_text(after), "until": time_text(until)}


def _gaps(bars: Bars, steps: np.ndarray, usual: int | None) -> dict[str, Any]:
    """Return the steps inside a session that are longer than usual."""
    if usual is None:
        return {"n": 0, "longest": None}
    inside = (np.diff(bars.sessions) == 0) & (steps > _USUAL * usual)
    if not inside.any():
        return {"n": 0, "longest": None}
    return {"n": int(inside.sum()), "longest": _gap(bars, int(np.argmax(np.where(inside, steps, 0))))}


def _asset(bars: Bars, a: int) -> dict[str, Any]:
    there = np.flatnonzero(~np.isnan(bars.close[:, a]))
    if not len(there):
        empty = {"first": None, "last": None, "missing": 0, "volume_known": None, "no_volume": 0}
        return {"symbol": bars.symbols[a], "bars": 0, **empty, "lowest": None, "highest": None}
    first, last = int(there[0]), int(there[-1])
    volume = bars.volume[there, a]
    return {
        "symbol": bars.symbols[a],
        "bars": len(there),
        "first": time_text(int(bars.timestamps[first])),
        "last": time_text(int(bars.timestamps[last])),
        "missing": last - first + 1 - len(there),
        "volume_known": float(np.mean(~np.isnan(volume))),
        "no_volume": int(np.count_nonzero(volume == 0.0)),
        "lowest": float(bars.low[there, a].min()),
        "highest": float(bars.high[there, a].max()),
    }


def _bytes(bars: Bars) -> int:
    arrays = [bars.timestamps, bars.sessions, bars.session_ends, *(bars[name] for name in (*COLUMNS, *bars.extras))]
    return sum(array.nbytes for array in arrays)
