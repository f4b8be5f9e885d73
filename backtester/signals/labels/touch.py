"""Which barrier a price reaches first: the compiled part of `triple_barrier` and `meta_label`."""

from __future__ import annotations

import numpy as np

from backtester.kernel.jit import kernel_jit


@kernel_jit()
def first_touch(
    first,
    beyond,
    rows,
    opens,
    highs,
    lows,
    closes,
    paid_out,
    unit,
    side,
    asset,
    up,
    down,
    mirrored,
    horizon,
    from_open,
    by_sign,
    which,
    end,
    returns,
):
    """Write, for each of an asset's own bars, which barrier is reached first, in which row, and what the side made.

    Parameters
    ----------
    first, beyond : int
        The bars that are labelled, from and up to but not including; each for itself, so that threads can share them.
    rows : ndarray of int64, [n]
        The row of each bar.
    opens, highs, lows, closes : ndarray of float64, [n]
        Read-only.
    paid_out : bool
        The last one is no bar, but a delisting.
    unit, side : ndarray of float64, [n_bars, n_assets] or [1, 1] for all
        Read-only. What distances are multiples of, and the side: above 0, below 0; others are no label.
    asset : int
        The column of the arrays that have columns.
    up, down : float
        Distances of the barriers from the entry, in units, above 0; infinite is no barrier.
    mirrored : bool
        They change places for a short side.
    horizon : int
        Bars to the vertical barrier.
    from_open : bool
        The entry is the open of the bar after, and the vertical barrier an open; else both are closes.
    by_sign : bool
        The vertical barrier has the sign of the price's return instead of 0.
    which : ndarray of float64, [n_bars, n_assets]
        Written where there is a label: 1 upper, −1 lower, or what the vertical barrier has.
    end : ndarray of int64, [n_bars, n_assets]
        Written: the row of the touch.
    returns : ndarray of float64, [n_bars, n_assets]
        Written: side·(price at the touch / price at the entry − 1).
    """
    n = rows.shape[0]
    enterable = n - 1 if paid_out else n
    many_units, many_sides = unit.size > 1, side.size > 1
    size, sign = unit[0, 0], side[0, 0]
    for i in range(first, min(beyond, n)):
        at = i + 1 if from_open else i
        if at >= enterable:
            break
        row = rows[i]
        if many_units:
            size = unit[row, asset]
        if many_sides:
            sign = side[row, asset]
        short = sign < 0.0
        swapped = mirrored and short
        above = (down if swapped else up) * size
        below = (up if swapped else down) * size
        begin = opens[at] if from_open else closes[at]
        if not (begin > 0.0 and above > 0.0 and below > 0.0 and (short or sign > 0.0)):
            continue
        upper = begin + begin * above  # of 100 and 10 % just 110, which 100·1.1 is not
        lower = begin - begin * below
        last = at + horizon
        if paid_out and last > n - 1:
            last = n - 1
        # a position from an open is held over that whole bar, and leaves at an open
        stop = min(last if from_open else last + 1, n)
        j = i + 1
        while j < stop and highs[j] < upper and lows[j] > lower:
            j += 1
        if j < stop:
            rises = highs[j] >= upper
            if rises and lows[j] <= lower:  # both: the open decides, else the one that loses
                rises = opens[j] >= upper or (short and opens[j] > lower)
            found = 1.0 if rises else -1.0
            price = max(opens[j], upper) if rises else min(opens[j], lower)
        elif last > n - 1:
            continue  # the data end before any barrier is reached
        else:
            j = last
            price = opens[j] if from_open else closes[j]
            found = 1.0 if price >= upper else -1.0 if price <= lower else 0.0
            if by_sign:
                found = np.sign(price - begin)
        gain = price / begin - 1.0
        which[row, asset] = found
        end[row, asset] = rows[j]
        returns[row, asset] = -gain if short else gain
