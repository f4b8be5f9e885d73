"""Simulated bars: a process gives the move of each bar, a path inside the bar gives open, high, low and close.

Between a close and the next close a bar moves by m. A share `gap` of its variance happens before the open, the rest in
`steps_per_bar` steps. These parts are a Brownian bridge that ends at m, so closes follow the process exactly, and
high and low are those of one path. They are its extremes at the steps: a continuous path would reach about
0.58·σ·√(bar/steps) further (Broadie, Glasserman and Kou, 1997). The processes are in `processes`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numba
import numpy as np
import numpy.typing as npt

from backtester.bars.build import from_arrays
from backtester.bars.check import near
from backtester.bars.clock import DAY
from backtester.bars.freq import parse
from backtester.bars.panel import YEAR_NS, Bars
from backtester.bars.processes import PROCESSES, Moves, Setting
from backtester.errors import DataError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_BLOCK = 1 << 15
_VOLUME_SPREAD = 0.5
_LAST = 9_214_646_400_000_000_000  #: 2262-01-01, near the end of int64 ns


def simulate(
    process: str,
    *,
    n_bars: int,
    seed: int,
    n_assets: int = 1,
    start: str = "2000-01-03",
    freq: str = "1D",
    calendar: Literal["weekdays", "continuous"] | None = None,
    price: npt.ArrayLike = 100.0,
    volume: npt.ArrayLike = 1_000_000.0,
    gap: float = 0.1,
    steps_per_bar: int = 8,
    correlation: npt.ArrayLike | None = None,
    symbols: Sequence[str] | None = None,
    state: bool = False,
    allow_negative: bool = False,
    **parameters: Any,
) -> Bars:
    """Return simulated bars; the same arguments give the same bars.

    Parameters
    ----------
    process : {"gbm", "ar1", "ou", "heston", "jump", "regime"}
        See `backtester.bars.processes` for the equations, their parameters and sources.
    n_bars, n_assets : int
        The shape.
    seed : int
        Of a generator of its own (NumPy's PCG64); no global state is read or changed.
    start : str
        UTC date or time at which the first bar begins.
    freq : str
        Length of a bar, `"1min"`, `"1h"`, `"1D"`, `"1W"`.
    calendar : {"weekdays", "continuous"}, optional
        Daily bars on weekdays (the default for `"1D"`; 260.9 a year), or one bar after the other without a break (the
        default else). Daily bars close when the UTC day ends.
    price : float or array_like, shape (n_assets,)
        The close before the first bar.
    volume : float or array_like, shape (n_assets,)
        Mean volume of a bar; lognormal, independent of prices, whole units, at least one.
    gap : float
        Share of a bar's variance between the last close and the open, in [0, 1).
    steps_per_bar : int
        Steps of the path from open to close.
    correlation : float or array_like, shape (n_assets, n_assets), optional
        Of the normal shocks of the assets; a number is the same for every pair. Default: independent.
    symbols : sequence of str, optional
        Default `"SIM"`, or `"SIM0"`, `"SIM1"`, …
    state : bool
        Add the hidden state as an extra: `"variance"` (heston, annual) or `"regime"`. No strategy could know it.
    allow_negative : bool
        Take prices of zero and below (`"ou"`).
    **parameters
        Of the process: numbers, or one per asset. Rates and volatilities are annual.

    Returns
    -------
    Bars

    Raises
    ------
    DataError
        If the process, a parameter or a value is not known or out of range, or a price is not above zero.
    """
    make = PROCESSES.get(process)
    if make is None:
        raise DataError(f"no process {process!r}{near(process, PROCESSES)} Processes: {', '.join(PROCESSES)}")
    n_bars, n_assets = _whole(n_bars, "n_bars", 2), _whole(n_assets, "n_assets", 1)
    steps_per_bar = _whole(steps_per_bar, "steps_per_bar", 1)
    if not 0.0 <= gap < 1.0:
        raise DataError(f"gap = {gap!r} is a share of the bar's variance: at least 0 and below 1")
    first = _per_asset(price, "price", n_assets)
    mean_volume = _per_asset(volume, "volume", n_assets)
    timestamps, years = _clock(n_bars, start, freq, calendar)
    rng = np.random.default_rng(_whole(seed, "seed", 0))
    root = _root(correlation, n_assets)
    moves = make(Setting(n_bars, n_assets, years, first, gap, steps_per_bar, root, rng), **parameters)
    columns = _ohlc(moves, first, gap, steps_per_bar, root, rng)
    if not allow_negative and not columns[2].min() > 0:
        t, a = (int(i) for i in np.argwhere(~(columns[2] > 0))[0])
        raise DataError(
            f"{process}: bar {t} of asset {a} has low = {columns[2][t, a]:g}; prices must be above zero. "
            "Choose a smaller sigma or a higher level, or pass allow_negative=True"
        )
    scale = _VOLUME_SPREAD * rng.standard_normal((n_bars, n_assets)) - _VOLUME_SPREAD**2 / 2
    units = np.maximum(np.rint(mean_volume * np.exp(scale)), 1.0)
    names = symbols or (("SIM",) if n_assets == 1 else tuple(f"SIM{a}" for a in range(n_assets)))
    return from_arrays(
        timestamps,
        [*columns, units],
        symbols=names,
        extras=moves.state if state else None,
        sessions=None,
        session_ends=None,
        name=f"simulated {process}, seed {seed}",
        allow_negative=allow_negative,
        check=True,
        warn_splits=False,
    )


def _ohlc(moves: Moves, first: Floats, gap: float, steps: int, root: Floats | None, rng: np.random.Generator) -> list:
    """Return open, high, low and close of the paths, shape (n_bars, n_assets) each."""
    n_bars, n_assets = moves.moves.shape
    weights = np.full(steps + 1, (1.0 - gap) / steps)
    weights[0] = gap
    out = [np.empty((n_bars, n_assets)) for _ in range(4)]
    last = np.log(first) if moves.logs else first.copy()
    for begin in range(0, n_bars, _BLOCK):
        part = slice(begin, min(begin + _BLOCK, n_bars))
        shocks = rng.standard_normal((part.stop - begin, steps + 1, n_assets))
        if root is not None:
            shocks = shocks @ root.T
        at = part if moves.jumps.size else slice(0, 0)
        _fill(
            moves.moves[part],
            moves.scales[part],
            moves.jumps[at],
            moves.slots[at],
            shocks,
            weights,
            moves.logs,
            last,
            *(o[part] for o in out),
        )
    return out


_F1, _F2, _F3 = numba.float64[::1], numba.float64[:, ::1], numba.float64[:, :, ::1]


@numba.njit(
    numba.void(_F2, _F2, _F2, numba.int64[:, ::1], _F3, _F1, numba.boolean, _F1, _F2, _F2, _F2, _F2), cache=True
)
def _fill(moves, scales, jumps, slots, shocks, weights, logs, last, open_, high, low, close):
    """Write open, high, low and close in place; `last` is the level of the last close, and is carried on."""
    n_bars, n_assets = moves.shape
    parts = weights.shape[0]
    roots = np.sqrt(weights)
    for t in range(n_bars):
        for a in range(n_assets):
            total = 0.0
            for i in range(parts):
                total += roots[i] * shocks[t, i, a]
            rest = moves[t, a] - scales[t, a] * total
            begin = last[a]
            level = begin
            opened = top = bottom = begin
            for i in range(parts):
                level += scales[t, a] * roots[i] * shocks[t, i, a] + weights[i] * rest
                if jumps.shape[0] > 0 and slots[t, a] == i:
                    level += jumps[t, a]
                if i == 0:
                    opened = top = bottom = level
                top = max(top, level)
                bottom = min(bottom, level)
            end = begin + moves[t, a]
            if jumps.shape[0] > 0:
                end += jumps[t, a]
            last[a] = end
            if logs:
                opened, top, bottom, end = math.exp(opened), math.exp(top), math.exp(bottom), math.exp(end)
            open_[t, a] = opened
            close[t, a] = end
            high[t, a] = max(top, opened, end)
            low[t, a] = min(bottom, opened, end)


def _clock(n_bars: int, start: str, freq: str, calendar: str | None) -> tuple[Ints, float]:
    """Return the closes and the length of a bar in years."""
    try:
        begin = np.datetime64(start, "ns")
    except ValueError:
        raise DataError(f"start = {start!r} is not a date; write it like '2000-01-03' or '2000-01-03 14:30'") from None
    step = parse(freq)
    if step.kind == "month":
        raise DataError(f"freq = {freq!r}: simulated bars have one length; use days or weeks, and resample")
    length = step.count * {"time": 1, "day": DAY, "week": 7 * DAY}[step.kind]
    daily = step.kind == "day" and step.count == 1
    if calendar not in (None, "weekdays", "continuous"):
        raise DataError(f"calendar = {calendar!r}; write 'weekdays' or 'continuous'")
    if calendar == "weekdays" and not daily:
        raise DataError(f"calendar = 'weekdays' is for freq = '1D', not {freq!r}")
    weekdays = daily and calendar != "continuous"
    first = int(begin.astype(np.int64))
    if first + n_bars * length * (7 / 5 if weekdays else 1) > _LAST:
        raise DataError(f"{n_bars} bars of {freq!r} from {start!r} end after the year 2261; take fewer or shorter ones")
    if weekdays:
        days = np.busday_offset(begin.astype("M8[D]"), np.arange(n_bars), roll="forward")
        return (days.astype(np.int64) + 1) * DAY, DAY * 7 / 5 / YEAR_NS
    return first + length * np.arange(1, n_bars + 1, dtype=np.int64), length / YEAR_NS


def _root(correlation: npt.ArrayLike | None, n_assets: int) -> Floats | None:
    """Return the lower Cholesky factor of the correlation matrix; None for independent assets."""
    if correlation is None:
        return None
    matrix = np.array(correlation, dtype=np.float64)
    if matrix.ndim == 0:
        matrix = np.where(np.eye(n_assets, dtype=bool), 1.0, float(matrix))
    if matrix.shape != (n_assets, n_assets):
        raise DataError(f"correlation has shape {matrix.shape}; it must be ({n_assets}, {n_assets}), or a number")
    if not (np.allclose(matrix, matrix.T, rtol=0, atol=1e-12) and np.allclose(np.diag(matrix), 1, rtol=0, atol=1e-12)):
        raise DataError("correlation must be symmetric, with ones on its diagonal")
    try:
        return np.ascontiguousarray(np.linalg.cholesky(matrix))
    except np.linalg.LinAlgError:
        raise DataError("correlation is not positive definite: no assets can be correlated so. Lower it") from None


def _per_asset(value: npt.ArrayLike, name: str, n_assets: int) -> Floats:
    array = np.asarray(value, dtype=np.float64)
    if array.shape not in ((), (n_assets,)):
        raise DataError(f"{name} has shape {array.shape}; give a number, or one per asset ({n_assets})")
    if not ((array > 0) & (array < np.inf)).all():
        raise DataError(f"{name} = {value!r} must be above zero and finite")
    return np.array(np.broadcast_to(array, (n_assets,)))


def _whole(value: Any, name: str, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise DataError(f"{name} = {value!r}: give a whole number, at least {least}")
    return int(value)
