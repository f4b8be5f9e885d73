"""What `ctx` computes from the state of one asset, in scalars, once for both modes.

Compiled verbs call these as jitted functions. Interpreted mode calls `.py_func` with floats: plain + - × ÷ on doubles
gives the same bits in both.
"""

from __future__ import annotations

import hashlib
import math

import numpy as np

from backtester.kernel.jit import inner_jit

_UNKNOWN = 2**63 - 1  # a session close that no source named


@inner_jit
def unrealized_pnl(position: float, multiplier: float, mark: float, entry_price: float) -> float:
    """Return the profit of an open position at its mark, in money; 0 when flat."""
    if position == 0.0:
        return 0.0
    return position * multiplier * (mark - entry_price)


@inner_jit
def exposure(position: float, multiplier: float, mark: float, equity: float) -> float:
    """Return the position's value as a signed fraction of equity; 0 when flat, NaN where equity is 0."""
    if position == 0.0:
        return 0.0
    if equity == 0.0:
        return math.nan
    return position * multiplier * mark / equity


@inner_jit
def quantity_for_risk(
    risk_frac: float, equity: float, entry: float, stop_price: float, multiplier: float, lot: float
) -> float:
    """Return the signed quantity that loses `risk_frac` of equity between entry and stop; 0 where that is undefined.

    A stop below the entry is that of a long position. Rounded towards zero to the lot.
    """
    distance = entry - stop_price
    risk = risk_frac * equity
    if not risk > 0.0 or distance == 0.0 or not math.isfinite(distance) or not math.isfinite(risk):
        return 0.0
    quantity = risk / (distance * multiplier)
    if not math.isfinite(quantity):
        return 0.0
    if lot == 0.0:
        return quantity
    return math.copysign(np.floor(abs(quantity) / lot + 1e-9) * lot, quantity)


@inner_jit
def end_of_day(session: int) -> int:
    """Return the end of the UTC day of a session, ns."""
    return (session + 1) * 86_400_000_000_000


@inner_jit
def minutes_to_close(session_close: int, timestamp: int) -> float:
    """Return the minutes from a bar's close to the end of its session; NaN where that is not known."""
    if session_close == _UNKNOWN:
        return math.nan
    return (session_close - timestamp) / 60e9


@inner_jit
def rung(position: float, taken: float, fraction: float, last: bool, lot: float) -> float:
    """Return how much of a position one rung of a ladder takes (rule 36): signed as the position."""
    if last:
        return position - taken
    part = position * fraction
    if lot == 0.0:
        return part
    return math.copysign(np.floor(abs(part) / lot + 1e-9) * lot, part)


def record_key(name: str) -> int:
    """Return the key under which `ctx.record(name, value)` stores rows: a positive 63-bit hash of the name."""
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1
