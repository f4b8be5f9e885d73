"""Labels by a loop, written from their description: no array code, no compiled code, one bar after the other."""

from __future__ import annotations

import math


def own_rows(bars, asset):
    """Return (row, open, high, low, close, is a payout) of an asset, without gaps, prices adjusted by splits alone."""
    found, level = [], 1.0
    split, delisting = bars.extras.get("split"), bars.extras.get("delisting")
    for t in range(bars.n_bars):
        if split is not None and found and not math.isnan(split[t, asset]):
            level *= split[t, asset]
        if not math.isnan(bars.close[t, asset]):
            prices = [float(column[t, asset]) * level for column in (bars.open, bars.high, bars.low, bars.close)]
            found.append((t, *prices, False))
        elif delisting is not None and found and not math.isnan(delisting[t, asset]):
            found.append((t, *[float(delisting[t, asset]) * level] * 4, True))
    return found


def barrier(bars, asset, t, up, down, horizon, *, side=1.0, entry="close", vertical="sign"):
    """Return (class, row, return of the side) of one bar and asset, or None where there is no label.

    `up` and `down` are fractions, None for no barrier.
    """
    own = own_rows(bars, asset)
    at = next((k for k, bar in enumerate(own) if bar[0] == t and not bar[5]), None)
    if at is None or side not in (-1.0, 1.0):
        return None
    if entry == "close":
        begin, first, leave = own[at][4], at + 1, at + horizon
    else:
        if at + 1 >= len(own) or own[at + 1][5]:
            return None
        begin, first, leave = own[at + 1][1], at + 1, at + 1 + horizon
    upper = math.inf if up is None else begin + begin * up
    lower = -math.inf if down is None else begin - begin * down
    k = first
    while k < len(own):
        row, open_, high, low, close, payout = own[k]
        leaves_here = k == leave or payout
        if entry == "next_open" and leaves_here:
            word = 1.0 if open_ >= upper else -1.0 if open_ <= lower else 0.0
            price = open_
        elif open_ >= upper:
            word, price = 1.0, open_
        elif open_ <= lower:
            word, price = -1.0, open_
        elif high >= upper and low <= lower:
            word, price = (-1.0, lower) if side > 0 else (1.0, upper)
        elif high >= upper:
            word, price = 1.0, upper
        elif low <= lower:
            word, price = -1.0, lower
        elif leaves_here:
            word, price = 0.0, close
        else:
            k += 1
            continue
        move = price / begin - 1.0
        if word == 0.0 and vertical == "sign":
            word = 0.0 if price == begin else math.copysign(1.0, price - begin)
        return word, row, side * move
    return None


def shared(end, t, asset):
    """Return, for each row that the label of t reads, how many labels of the asset read it."""
    rows = range(t + 1, end[t, asset] + 1)
    return [sum(s < row <= end[s, asset] for s in range(len(end)) if end[s, asset] >= 0) for row in rows]
