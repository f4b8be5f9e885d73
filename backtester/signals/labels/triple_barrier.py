"""`triple_barrier`: which of three barriers the price reaches first, one above, one below, one in time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from backtester.errors import SettingsError, did_you_mean
from backtester.indicators._arrays import read_period
from backtester.signals.labels.barriers import Barriers, read_distance, read_side, read_unit
from backtester.signals.labels.declare import Entry, make_label, read_entry
from backtester.signals.labels.label import Label

if TYPE_CHECKING:
    from backtester.bars import Bars

Vertical = Literal["sign", "zero"]


def triple_barrier(
    bars: Bars,
    up: float | None,
    down: float | None,
    horizon: int,
    *,
    volatility: int | npt.ArrayLike | None = None,
    side: int | npt.ArrayLike | None = None,
    entry: Entry = "close",
    vertical: Vertical = "sign",
) -> Label:
    """Whether the price first rises to an upper barrier, falls to a lower one, or does neither in time.

    The barriers are entry·(1 + up·unit) and entry·(1 − down·unit), and are looked for from the bar after on, by high
    and low. An open beyond a barrier is a touch at that open. Where one bar reaches both, a bar does not say which came
    first, and the one that loses is taken: the lower, for a short side the upper.

    Parameters
    ----------
    bars : Bars
    up, down : float or None
        Distances, above 0; None is no barrier there.
    horizon : int
        Bars of the asset itself to the vertical barrier, 1 or more. It is the close of that bar; from the next open,
        the open after as many bars, as in `backtester.signals.labels.forward_return`.
    volatility : int, array_like or None
        The unit: the volatility of as many log returns up to the bar, per bar; or fractions, shape (n_bars, n_assets),
        that must be known at the bar. None: `up` and `down` are fractions of the price.
    side : int, array_like or None
        1 for a long, −1 for a short position, for all or by bar and asset, shape (n_bars, n_assets); 0 and NaN have no
        label. It decides which barrier loses, and whose `returns` they are. None is 1.
    entry : {"close", "next_open"}
        From the close of the bar; or from the open after it, whose bar is then looked at from its open on.
    vertical : {"sign", "zero"}
        The class where time runs out: the sign of the price's return until then, or 0.

    Returns
    -------
    Label
        Of kind "class": 1 upper, −1 lower; of the price, whatever the side. `end` is the row of the first touch,
        `returns` what a position of that side made until it, at the price of the barrier or of the open beyond it. NaN
        where the asset has no bar, the unit is NaN or 0, or the data end before any barrier is reached. Prices, gaps
        and delistings as in `backtester.signals.labels.forward_return`.

    Raises
    ------
    SettingsError
        If a setting is out of range.
    LabelError
        If an array does not fit the bars, or holds a side that is none.

    References
    ----------
    Marcos López de Prado, Advances in Financial Machine Learning (2018), sections 3.3 to 3.5.
    """
    name = "triple_barrier"
    up, down = read_distance(name, "up", up), read_distance(name, "down", down)
    horizon = read_period(name, "horizon", horizon)
    entry, vertical = read_entry(name, entry), _read_vertical(vertical)
    unit, window, arrays = read_unit(name, volatility, bars)
    settings: dict[str, Any] = {"up": up, "down": down, "horizon": horizon}
    if not arrays:
        settings["volatility"] = window
    if side is None or np.ndim(side) == 0:
        settings["side"] = _read_one_side(side)
        sides = np.full((1, 1), -1.0 if settings["side"] == -1 else 1.0)
    else:
        sides = arrays["side"] = read_side(name, side, bars)
    settings |= {"entry": entry, "vertical": vertical}
    barriers = Barriers(up, down, unit, sides, horizon, entry, mirrored=False, by_sign=vertical == "sign")
    which, end, returns = barriers.touches(bars)
    return make_label(triple_barrier, settings, bars, "class", which, end, returns, arrays)


def _read_one_side(side: Any) -> int | None:
    if side is None or (not isinstance(side, bool) and side in (1, -1)):
        return None if side is None else int(side)
    raise SettingsError(f"triple_barrier: side is {side!r}; it is 1, −1, an array of −1, 0 and 1, or None")


def _read_vertical(vertical: Any) -> Vertical:
    if vertical not in ("sign", "zero"):
        near = did_you_mean(str(vertical), ("sign", "zero"))
        raise SettingsError(f"triple_barrier: vertical is {vertical!r}{near}; it is 'sign' or 'zero'")
    return vertical
