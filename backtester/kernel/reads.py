"""What `ctx` computes from the state of one asset, in scalars, once for both modes.

Compiled verbs call these as jitted functions. Interpreted mode calls `.py_func` with floats: plain + - × ÷ on doubles
gives the same bits in both.
"""

from __future__ import annotations

import hashlib
import math

from backtester.kernel.jit import inner_jit


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


def record_key(name: str) -> int:
    """Return the key under which `ctx.record(name, value)` stores rows: a positive 63-bit hash of the name."""
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1
