"""Barriers of a panel: their units, their sides, and the first touch of every bar and asset."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from backtester.bars.check import time_text
from backtester.errors import LabelError, SettingsError
from backtester.indicators import realised_volatility
from backtester.indicators._arrays import read_number, read_only, read_period
from backtester.signals.features.element import View
from backtester.signals.labels.declare import Entry, read_panel
from backtester.signals.labels.own import own_bars
from backtester.signals.labels.touch import first_touch

if TYPE_CHECKING:
    from backtester.bars import Bars

_PART = 100_000  # bars that are worth a thread

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def read_distance(label: str, name: str, value: object) -> float | None:
    """Return the distance of a barrier, above 0, or None for no barrier.

    Raises
    ------
    SettingsError
        If it is something else.
    """
    return None if value is None else read_number(label, name, value, zero=False)


def read_side(label: str, side: npt.ArrayLike, bars: Bars) -> Floats:
    """Return sides −1, 0 and 1 as float64 [n_bars, n_assets].

    Raises
    ------
    LabelError
        If there is another number, or the shape does not fit.
    """
    found = read_panel(label, "side", side, bars)
    wrong = ~np.isnan(found) & ~np.isin(found, (-1.0, 0.0, 1.0))
    if wrong.any():
        t, a = np.argwhere(wrong)[0]
        raise LabelError(
            f"{label}: side is {found[t, a]} for {bars.symbols[a]} at bar {t} ({time_text(int(bars.timestamps[t]))}); "
            "it is 1 to buy, −1 to sell, 0 or NaN to do nothing: np.sign(signal)"
        )
    return found


def read_unit(label: str, volatility: Any, bars: Bars) -> tuple[Floats, int | None, dict[str, Floats]]:
    """Return what distances are multiples of, the setting to write down, and the array if it was one.

    Returns
    -------
    unit : ndarray of float64, shape (n_bars, n_assets), or (1, 1) for all
    setting : int or None
    arrays : dict
        Of one array, or empty.

    Raises
    ------
    SettingsError
        If `volatility` is a number that is no period.
    LabelError
        If it is an array that does not fit, or with a value below 0.
    """
    if volatility is None:
        return np.ones((1, 1)), None, {}
    if np.ndim(volatility) == 0:
        if not isinstance(volatility, int | np.integer):
            raise SettingsError(
                f"{label}: volatility is {volatility!r}; it is a number of log returns, an array of fractions per bar, "
                "or None where distances are fractions themselves"
            )
        n = read_period(label, "volatility", volatility, least=2)
        return realised_volatility(View(bars).prices.close, n), n, {}
    array = read_panel(label, "volatility", volatility, bars)
    if (array < 0.0).any() or np.isinf(array).any():
        raise LabelError(f"{label}: volatility holds negative or infinite values; it is a fraction per bar, 0 or more")
    return array, None, {"volatility": array}


@dataclass(frozen=True)
class Barriers:
    """Three barriers around each entry.

    Attributes
    ----------
    up, down : float or None
        Distances in units; None is no barrier.
    unit, side : ndarray of float64, shape (n_bars, n_assets), or (1, 1) for all
        What distances are multiples of; −1, 1, and no label else.
    horizon : int
        Own bars to the vertical barrier.
    entry : {"close", "next_open"}
        What prices are measured from.
    mirrored : bool
        Whether `up` is the barrier that gains, for a short side too.
    by_sign : bool
        Whether the vertical barrier is the sign of the price's return, or 0.
    """

    up: float | None
    down: float | None
    unit: Floats
    side: Floats
    horizon: int
    entry: Entry
    mirrored: bool
    by_sign: bool

    def touches(self, bars: Bars) -> tuple[Floats, Ints, Floats]:
        """Return which barrier is reached first, its row, and what the side made, each [n_bars, n_assets].

        1 is the upper one, −1 the lower; NaN and row −1 are no label.
        """
        which, returns = np.full(bars.close.shape, np.nan), np.full(bars.close.shape, np.nan)
        end = np.full(bars.close.shape, -1, np.int64)
        unit, side = read_only(self.unit), read_only(self.side)
        up, down = (np.inf if distance is None else distance for distance in (self.up, self.down))
        distances = (up, down, self.mirrored, self.horizon, self.entry == "next_open", self.by_sign)
        for own in own_bars(bars):
            prices = [read_only(column) for column in (own.open, own.high, own.low, own.close)]
            given = (own.rows, *prices, own.paid_out, unit, side, own.asset, *distances, which, end, returns)

            def label(first: int, beyond: int, given: tuple[Any, ...] = given) -> None:
                first_touch(first, beyond, *given)

            _in_parts(len(own.rows), label)
        return which, end, returns


def _in_parts(n: int, work: Callable[[int, int], object]) -> None:
    """Call `work(first, beyond)` for parts of n bars, on threads where there are many."""
    with np.errstate(all="ignore"):  # as compiled code does (NUMBA_DISABLE_JIT)
        threads = min(os.cpu_count() or 1, n // _PART)
        if threads < 2:
            work(0, n)
            return
        borders = [n * k // threads for k in range(threads + 1)]
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, borders[:-1], borders[1:]))
