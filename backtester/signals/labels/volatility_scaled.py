"""`volatility_scaled`: what the price does next, in units of what it did lately."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from backtester.indicators import realised_volatility
from backtester.indicators._arrays import read_period
from backtester.signals.features.element import View
from backtester.signals.labels.declare import Entry, make_label, read_entry
from backtester.signals.labels.forward_return import measure
from backtester.signals.labels.label import Label

if TYPE_CHECKING:
    from backtester.bars import Bars


def volatility_scaled(bars: Bars, horizon: int = 1, volatility: int = 20, *, entry: Entry = "close") -> Label:
    """The return over the next bars, over the volatility known at the bar.

    .. math:: y_t = \\frac{r_{t, t+h}}{\\sigma_t \\sqrt{h}}

    with the simple return r of `backtester.signals.labels.forward_return` and σ the sample standard deviation of the
    last log returns, per bar. So the assets of a panel, and calm and restless times, are learnt alike.

    Parameters
    ----------
    bars : Bars
    horizon : int
        h, bars of the asset itself, 1 or more.
    volatility : int
        Log returns in σ, 2 or more; they end at bar t.
    entry : {"close", "next_open"}
        From the close of the bar, or from the open after it.

    Returns
    -------
    Label
        Of kind "return", in deviations. NaN in the warm-up of σ too, and where σ is 0. `returns` are the returns
        themselves; `end`, prices, gaps and delistings as in `backtester.signals.labels.forward_return`.

    Raises
    ------
    SettingsError
        If a setting is out of range.

    References
    ----------
    Tobias Moskowitz, Yao Hua Ooi and Lasse Heje Pedersen, "Time series momentum", Journal of Financial Economics 104
    (2012), equation 2.
    """
    horizon = read_period("volatility_scaled", "horizon", horizon)
    volatility = read_period("volatility_scaled", "volatility", volatility, least=2)
    entry = read_entry("volatility_scaled", entry)
    returns, end = measure(bars, horizon, entry)
    sigma = realised_volatility(View(bars).prices.close, volatility)
    values = np.full(returns.shape, np.nan)
    np.divide(returns, sigma * math.sqrt(horizon), out=values, where=sigma > 0.0)
    settings = {"horizon": horizon, "volatility": volatility, "entry": entry}
    return make_label(volatility_scaled, settings, bars, "return", values, end, returns)
