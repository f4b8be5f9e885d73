"""`forward_return`: what the price does next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from backtester.bars.check import time_text
from backtester.errors import LabelError
from backtester.indicators._arrays import read_flag, read_period
from backtester.signals.labels.declare import Entry, make_label, read_entry
from backtester.signals.labels.label import Label
from backtester.signals.labels.own import Own, own_bars

if TYPE_CHECKING:
    from backtester.bars import Bars

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def forward_return(bars: Bars, horizon: int = 1, *, entry: Entry = "close", log: bool = False) -> Label:
    """The return over the next bars.

    .. math:: y_t = close_{t+h} / close_t - 1 \\quad \\text{or} \\quad y_t = open_{t+1+h} / open_{t+1} - 1

    Parameters
    ----------
    bars : Bars
    horizon : int
        h, 1 or more: bars of the asset itself, so that a missing bar is not counted.
    entry : {"close", "next_open"}
        From the close of the bar; or from the open after it, which is where an order decided at that close is filled.
    log : bool
        The logarithm of the ratio instead, ln(1 + y).

    Returns
    -------
    Label
        Of kind "return", a fraction. `end` is the row of the asset's h-th bar after t; from the next open, of the one
        after that. NaN where the asset has no bar, where the data end sooner, and where the price at the entry is 0 or
        less.

        Prices are without the jumps of splits and dividends. Where an asset is delisted before the horizon is over, the
        label ends in that row, with the price that holders are paid.

    Raises
    ------
    SettingsError
        If `horizon` is not an int or below 1, or another setting is no such word.
    LabelError
        If `log` and a price at the end is 0 or less.
    """
    horizon = read_period("forward_return", "horizon", horizon)
    entry, log = read_entry("forward_return", entry), read_flag("forward_return", "log", log)
    returns, end = measure(bars, horizon, entry)
    values = logarithm("forward_return", returns, end, bars) if log else returns
    settings = {"horizon": horizon, "entry": entry, "log": log}
    return make_label(forward_return, settings, bars, "return", values, end, returns)


def measure(bars: Bars, horizon: int, entry: Entry) -> tuple[Floats, Ints]:
    """Return the simple return over `horizon` own bars, NaN where there is none, and its last row, −1 there."""
    returns = np.full(bars.close.shape, np.nan)
    end = np.full(bars.close.shape, -1, np.int64)
    for own in own_bars(bars):
        at, enters, exits = trips(own, horizon, entry)
        price = own.close if entry == "close" else own.open
        begin = price[enters]
        real = begin > 0.0
        at, exits = own.rows[at[real]], exits[real]
        returns[at, own.asset] = price[exits] / begin[real] - 1.0
        end[at, own.asset] = own.rows[exits]
    return returns, end


def trips(own: Own, horizon: int, entry: Entry) -> tuple[Ints, Ints, Ints]:
    """Return positions in an asset's own bars: of the decision, of the entry, and of the end of the horizon.

    Only those that the data hold; after a delisting the end is that row, and nothing is entered in it.
    """
    n = len(own.rows)
    last = n - 1
    enters = np.arange(0 if entry == "close" else 1, n, dtype=np.int64)
    exits = enters + horizon
    if own.paid_out:
        enters = enters[enters < last]
        exits = np.minimum(enters + horizon, last)
    else:
        enters, exits = enters[exits <= last], exits[exits <= last]
    return (enters if entry == "close" else enters - 1), enters, exits


def logarithm(label: str, returns: Floats, end: Ints, bars: Bars) -> Floats:
    """Return ln(1 + r).

    Raises
    ------
    LabelError
        If a return is −1 or less: it has no logarithm, and to leave it out would leave out the worst.
    """
    lost = returns <= -1.0
    if lost.any():
        t, a = np.argwhere(lost)[0]
        raise LabelError(
            f"{label}: the return of {bars.symbols[a]} from bar {t} ({time_text(int(bars.timestamps[t]))}) to bar "
            f"{end[t, a]} is {returns[t, a]}, which has no logarithm; use simple returns, log=False"
        )
    return np.log1p(returns)
