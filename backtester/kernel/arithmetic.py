"""Rounding to lots and ticks, the dust rule (rule 14), and sums that lose no digits.

Compensated sums: A. Neumaier, "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen", ZAMM 54 (1974).
"""

import math

import numpy as np

from backtester.kernel.jit import inner_jit

#: a remainder below this fraction of what it is a remainder of is rounding, not a quantity
DUST = 1e-12


@inner_jit
def one_nan(value):
    """Return a number a user gave, with every NaN as the same bits: their sign differs between modes."""
    return np.nan if value != value else value


@inner_jit
def floor_lot(value, lot):
    """Round a non-negative quantity down to whole lots; lot 0 leaves it as it is."""
    if lot == 0.0:
        return value
    return np.floor(value / lot + 1e-9) * lot


@inner_jit
def truncate_lot(quantity, lot):
    """Round a signed quantity towards zero to whole lots."""
    if lot == 0.0:
        return quantity
    return math.copysign(np.floor(abs(quantity) / lot + 1e-9) * lot, quantity)


@inner_jit
def round_tick(price, tick, buys):
    """Round a price to the tick, against the trader."""
    if tick == 0.0:
        return price
    if buys:
        return np.ceil(price / tick - 1e-9) * tick
    return np.floor(price / tick + 1e-9) * tick


@inner_jit
def add_to(total, lost, value):
    """Return total + value, and what has been lost in rounding so far."""
    added = total + value
    if abs(total) >= abs(value):
        lost += (total - added) + value
    else:
        lost += (value - added) + total
    return added, lost
