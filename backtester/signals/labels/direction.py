"""`direction`: whether the price rises or falls next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from backtester.indicators._arrays import read_number, read_period
from backtester.signals.labels.declare import Entry, make_label, read_entry
from backtester.signals.labels.forward_return import measure
from backtester.signals.labels.label import Label

if TYPE_CHECKING:
    from backtester.bars import Bars


def direction(bars: Bars, horizon: int = 1, threshold: float = 0.0, *, entry: Entry = "close") -> Label:
    """The sign of the return over the next bars, 0 where it is no larger than a threshold.

    Parameters
    ----------
    bars : Bars
    horizon : int
        Bars of the asset itself, 1 or more.
    threshold : float
        A fraction, 0 or more. Above 0 there are three classes: 1 for a return above it, −1 for one below −threshold, 0
        else. At 0 there are two, −1 and 1, and a price that does not move at all has no label: it has no direction.
    entry : {"close", "next_open"}
        From the close of the bar, or from the open after it.

    Returns
    -------
    Label
        Of kind "class". `returns` are the returns that were judged; `end`, prices, gaps and delistings as in
        `backtester.signals.labels.forward_return`.

    Raises
    ------
    SettingsError
        If a setting is out of range.
    """
    horizon = read_period("direction", "horizon", horizon)
    threshold = read_number("direction", "threshold", threshold, zero=True)
    entry = read_entry("direction", entry)
    returns, end = measure(bars, horizon, entry)
    values = np.sign(returns)
    values[np.abs(returns) <= threshold] = 0.0 if threshold > 0.0 else np.nan
    settings = {"horizon": horizon, "threshold": threshold, "entry": entry}
    return make_label(direction, settings, bars, "class", values, end, returns)
