"""Data whose signal is known: labels are a given function of the features, and a little noise."""

from __future__ import annotations

import numpy as np

from backtester import Bars
from backtester.signals import Features, Function, Label

DAY = 86_400_000_000_000
N_BARS, UNTIL = 3000, 1500


def bars_of(n_bars=N_BARS):
    """Return bars of one asset whose open, high, low and volume carry three independent standard normal numbers."""
    rng = np.random.default_rng(8)
    z = rng.normal(size=(n_bars, 1, 3))
    close = np.full((n_bars, 1), 100.0)
    extras = {f"z{k}": z[:, :, k] for k in range(3)}
    return Bars.from_arrays(DAY * np.arange(1, n_bars + 1), close, close, close, close, close, extras=extras)


def z0(bars):
    """The first number."""
    return bars["z0"]


def z1(bars):
    """The second number."""
    return bars["z1"]


def z2(bars):
    """The third number, which says nothing."""
    return bars["z2"]


def features():
    return Features([Function(z0), Function(z1), Function(z2)])


def label_of(bars, function, noise=0.1, kind="return"):
    """Return a label that is known at the next bar."""
    y = function(bars["z0"], bars["z1"]) + noise * np.random.default_rng(9).normal(size=bars.close.shape)
    if kind == "class":
        y = np.sign(y)
    y[-1] = np.nan
    end = np.minimum(np.arange(bars.n_bars) + 1, bars.n_bars - 1)[:, np.newaxis]
    return Label.from_arrays(bars, y, end, name="known", kind=kind)
