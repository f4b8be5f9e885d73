"""`meta_label`: whether it pays to act on what another model says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from backtester.indicators._arrays import read_number, read_period
from backtester.signals.labels.barriers import Barriers, read_distance, read_side, read_unit
from backtester.signals.labels.declare import Entry, make_label, read_entry
from backtester.signals.labels.label import Label

if TYPE_CHECKING:
    from backtester.bars import Bars


def meta_label(
    bars: Bars,
    side: npt.ArrayLike,
    horizon: int = 5,
    *,
    profit: float | None = None,
    loss: float | None = None,
    volatility: int | npt.ArrayLike | None = None,
    entry: Entry = "close",
    costs: float = 0.0,
) -> Label:
    """1 where acting on a side paid, 0 where it did not.

    A first model says which side to take, a second one learns from this label when to believe it. The position is held
    to the first of three barriers, as in `backtester.signals.labels.triple_barrier`: a profit, a loss, a time. Where
    one bar reaches both, it is the loss.

    Parameters
    ----------
    bars : Bars
    side : array_like, shape (n_bars, n_assets) or (n_bars,)
        1 to buy, −1 to sell, 0 or NaN to do nothing; known at the bar.
    horizon : int
        Bars of the asset itself that it is held at most, 1 or more.
    profit, loss : float or None
        Distances of the barriers from the entry, above 0, in the direction of the side and against it; None is no such
        barrier.
    volatility : int, array_like or None
        The unit of `profit` and `loss`, as in `triple_barrier`; None: they are fractions of the price.
    entry : {"close", "next_open"}
        From the close of the bar, or from the open after it.
    costs : float
        What going in and out costs, as a fraction of the position, 0 or more.

    Returns
    -------
    Label
        Of kind "class": 1 where side·return − costs is above 0, else 0. NaN where the side is 0 or NaN, and where
        `triple_barrier` is. `returns` are side·return − costs, `end` the row in which the position ends.

    Raises
    ------
    SettingsError
        If a setting is out of range.
    LabelError
        If an array does not fit the bars, or holds a side that is none.

    References
    ----------
    Marcos López de Prado, Advances in Financial Machine Learning (2018), section 3.6.
    """
    name = "meta_label"
    sides = read_side(name, side, bars)
    horizon = read_period(name, "horizon", horizon)
    profit, loss = read_distance(name, "profit", profit), read_distance(name, "loss", loss)
    entry = read_entry(name, entry)
    costs = read_number(name, "costs", costs, zero=True)
    unit, window, arrays = read_unit(name, volatility, bars)
    settings: dict[str, Any] = {"horizon": horizon, "profit": profit, "loss": loss}
    if not arrays:
        settings["volatility"] = window
    settings |= {"entry": entry, "costs": costs}
    barriers = Barriers(profit, loss, unit, sides, horizon, entry, mirrored=True, by_sign=False)
    _, end, returns = barriers.touches(bars)
    returns -= costs
    values = np.where(np.isnan(returns), np.nan, (returns > 0.0).astype(np.float64))
    return make_label(meta_label, settings, bars, "class", values, end, returns, arrays | {"side": sides})
